"""The journal: everything a learner did, appended and never changed; what is shown is computed from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Self

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from pgdojo.errors import JournalError, UsageError
from pgdojo.learner import database, queries, schema
from pgdojo.learner.address import find, place_of
from pgdojo.learner.lab_journal import LabJournal
from pgdojo.learner.material_journal import MaterialJournal
from pgdojo.learner.path_journal import PathJournal
from pgdojo.learner.people_journal import PeopleJournal
from pgdojo.learner.quiz_journal import QuizJournal
from pgdojo.learner.records import Conversation, Feedback, Gap, PassageRead, Turn
from pgdojo.learner.store import Store
from pgdojo.learner.team_journal import TeamJournal
from pgdojo.learner.text import title_of, utc_now


class Journal(Store):
    """Append-only memory of what learners did, shared by all threads of a process.

    Each write is one transaction in one call and carries a `key` that the caller minted before: a second call with the
    same key, from wherever it comes, changes nothing and returns False. The database's unique constraint decides.

    Every method raises JournalError when the database fails, and UsageError when a name (of a learner, conversation,
    passage, or a key) is empty, longer than 255 characters, or holds NUL or a lone surrogate. Prose may hold both; they
    are dropped. What a read gives back belongs to the one learner it names.
    """

    @classmethod
    def open(cls, url: str | None = None, *, clock: Callable[[], datetime] = utc_now) -> Journal:
        """Open the journal, making its folder and file and running migrations where needed.

        Args:
            url: SQLAlchemy's address of the database; None for the one in PGDOJO_DATABASE_URL, or else for
                journal.sqlite3 in the user's data folder.
            clock: Where the times of feedback, gaps, reads, renames and deletions come from.

        Raises:
            JournalError: The file is no journal, is damaged or from a newer version, its folder cannot be written,
                the disk is full, or the server cannot be reached. The error says what to do.
        """
        address = find(url)
        return cls(database.open_engine(address), place=place_of(address), clock=clock)

    @cached_property
    def quiz(self) -> QuizJournal:
        """What of it is about quizzes."""
        return QuizJournal(self._engine, place=self._place, clock=self._clock)

    @cached_property
    def lab(self) -> LabJournal:
        """What of it is about labs."""
        return LabJournal(self._engine, place=self._place, clock=self._clock)

    @cached_property
    def people(self) -> PeopleJournal:
        """What of it is about people."""
        return PeopleJournal(self._engine, place=self._place, clock=self._clock)

    @cached_property
    def material(self) -> MaterialJournal:
        """What of it is about the material's gaps."""
        return MaterialJournal(self._engine, place=self._place, clock=self._clock)

    @cached_property
    def path(self) -> PathJournal:
        """What of it the path is judged by."""
        return PathJournal(self._engine, place=self._place, clock=self._clock)

    @cached_property
    def team(self) -> TeamJournal:
        """What of it is about everybody at once."""
        return TeamJournal(self._engine, place=self._place, clock=self._clock)

    def drop_reads(self) -> None:
        """Keep nothing in memory of what was read."""
        super().drop_reads()
        for part in (self.quiz, self.lab, self.people, self.material, self.path):
            part.drop_reads()

    def close(self) -> None:
        """Let go of every connection; what was stored is stored already."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Where the journal is, for people: a path, or an address without its password."""
        return self._place

    @property
    def product(self) -> str:
        """Which database holds it, with its version."""
        with database.explained(self._place):
            return database.product(self._engine)

    def check(self) -> list[str]:
        """Read the whole database and name what is wrong or worth knowing; empty when all is fine."""
        try:
            with database.explained(self._place), self._engine.connect() as connection:
                return database.faults(connection) + database.notes(connection)
        except JournalError as error:
            return [str(error)]

    def record_turn(self, turn: Turn) -> bool:
        """Store a question and its answer.

        Returns:
            True if the turn is new, False if its key was stored before.

        Raises:
            TypeError, ValueError: The answer is no JSON: it holds objects, NaN or infinity.
        """
        return self._append(
            schema.turns,
            key=turn.key,
            learner=turn.learner,
            conversation=turn.conversation,
            question=turn.question,
            standalone=turn.standalone,
            answer=turn.answer,
            asked_at=turn.asked_at,
        )

    def rename_conversation(self, key: str, *, learner: str, conversation: str, title: str) -> bool:
        """Give a conversation a name; a blank one brings back the name made from its first question.

        Returns:
            True if the event is new, False if its key was stored before.
        """
        return self._append(
            schema.renames, key=key, learner=learner, conversation=conversation, title=title, renamed_at=self._clock()
        )

    def delete_conversation(self, key: str, *, learner: str, conversation: str) -> bool:
        """Hide a conversation for good, with what is still added to it; all of it stays stored.

        Returns:
            True if the event is new, False if its key was stored before.
        """
        return self._append(
            schema.deletions, key=key, learner=learner, conversation=conversation, deleted_at=self._clock()
        )

    def record_feedback(self, key: str, *, learner: str, turn: str, helpful: bool, reason: str = "") -> bool:
        """Store what the learner thinks of an answer; it replaces their earlier feedback on it when read back.

        Args:
            key: Minted for this feedback.
            learner: Who asked the question of the turn.
            turn: The turn's key.
            helpful: Whether the answer helped.
            reason: In the learner's words, if they gave one.

        Returns:
            True if the feedback is new, False if its key was stored before.

        Raises:
            UsageError: The learner has no such turn.
        """
        try:
            return self._append(
                schema.feedback,
                key=key,
                learner=learner,
                turn=turn,
                helpful=helpful,
                reason=reason,
                given_at=self._clock(),
            )
        except IntegrityError as error:
            raise UsageError(
                f"There is no turn {turn!r} of this learner to give feedback on.",
                next_step="Store the turn first.",
            ) from error

    def record_gap(self, key: str, *, learner: str, question: str, nearest: Sequence[str]) -> bool:
        """Note a question that the course could not answer, with the ids of the passages that came closest.

        Returns:
            True if the event is new, False if its key was stored before.
        """
        return self._append(
            schema.gaps, key=key, learner=learner, question=question, nearest=list(nearest), noted_at=self._clock()
        )

    def has_gap(self, key: str, *, learner: str) -> bool:
        """Whether the learner noted a gap under `key`."""
        mine = (schema.gaps.c.key == key) & (schema.gaps.c.learner == learner)
        return bool(self._rows(select(schema.gaps.c.id).where(mine)))

    def record_read(self, key: str, *, learner: str, passage: str, document: str) -> bool:
        """Note that the learner opened a passage of a document.

        Returns:
            True if the event is new, False if its key was stored before.
        """
        return self._append(
            schema.reads, key=key, learner=learner, passage=passage, document=document, read_at=self._clock()
        )

    def conversations(self, learner: str) -> list[Conversation]:
        """Every conversation that the learner has not deleted, the one with the latest question first."""
        return self._unless_changed(("conversations", learner), lambda: self._conversations(learner))

    def _conversations(self, learner: str) -> list[Conversation]:
        return [
            Conversation(
                id=row.conversation,
                title=(row.title or "").strip() or title_of(row.question),
                started_at=row.started_at,
                last_at=row.last_at,
                turns=row.turns,
            )
            for row in self._rows(queries.conversations(learner))
        ]

    def turns(self, learner: str, conversation: str) -> list[Turn]:
        """The turns of a conversation as they were stored; none if it is unknown, deleted or another learner's."""
        return self._unless_changed(("turns", learner, conversation), lambda: self._turns(learner, conversation))

    def _turns(self, learner: str, conversation: str) -> list[Turn]:
        return [
            Turn(
                key=row.key,
                conversation=row.conversation,
                learner=row.learner,
                question=row.question,
                standalone=row.standalone,
                answer=row.answer,
                asked_at=row.asked_at,
            )
            for row in self._rows(queries.turns_of(learner, conversation))
        ]

    def feedback(self, learner: str, conversation: str) -> dict[str, Feedback]:
        """The learner's last feedback on each turn of a conversation, by the turn's key."""
        return {
            row.turn: Feedback(turn=row.turn, helpful=row.helpful, reason=row.reason, given_at=row.given_at)
            for row in self._rows(queries.feedback_on(learner, conversation))
        }

    def gaps(self) -> list[Gap]:
        """Every question of every learner that had no answer, the oldest first; for those who write the course."""
        return [
            Gap(question=row.question, nearest=tuple(row.nearest), learner=row.learner, noted_at=row.noted_at)
            for row in self._rows(queries.all_gaps())
        ]

    def passages_read(self, learner: str) -> list[PassageRead]:
        """Every passage that the learner opened, the latest first."""
        return [
            PassageRead(passage=row.passage, document=row.document, times=row.times, last_at=row.last_at)
            for row in self._rows(queries.passages_read(learner))
        ]
