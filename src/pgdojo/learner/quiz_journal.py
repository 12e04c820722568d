"""What the journal remembers of quizzes: sittings, attempts, responses, disputes and preferences."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Row, Table, Text, cast, func, select
from sqlalchemy.exc import IntegrityError

from pgdojo.errors import UsageError
from pgdojo.learner import schema
from pgdojo.learner.records import Attempt, Dispute, QuizResponse, Sitting
from pgdojo.learner.store import Store


class Review(NamedTuple):
    """What the schedule needs of a response; thousands are read at once."""

    id: int
    """The later the higher."""
    objective: str
    topic: str
    item: str
    rev: int
    rating: int
    counts: bool
    answered_at: datetime


class Outcome(NamedTuple):
    """What item analysis needs of a response."""

    learner: str
    item: str
    rev: int
    mark: float
    certainty: str
    seconds: float
    given: dict[str, Any]
    """Stands last, because it is read apart."""


class QuizJournal(Store):
    """The quizzes' part of the journal; each write is one transaction, and a repeated one changes nothing."""

    def start(self, sitting: Sitting) -> bool:
        """Store a sitting; False if its key was stored before."""
        return self._append(
            schema.sittings,
            key=sitting.key,
            learner=sitting.learner,
            mode=sitting.mode,
            plan=sitting.plan,
            started_at=sitting.started_at,
        )

    def finish(self, learner: str, sitting: str) -> bool:
        """End a sitting; False if it had ended before.

        Raises:
            UsageError: The learner has no such sitting.
        """
        return self._append_of(schema.finishes, key=sitting, learner=learner, finished_at=self._clock())

    def sittings(self, learner: str) -> list[Sitting]:
        """Every sitting of a learner, the latest first."""
        query = self._sittings().where(schema.sittings.c.learner == learner).order_by(schema.sittings.c.id.desc())
        return [_record(Sitting, row) for row in self._rows(query)]

    def unfinished(self, learner: str) -> list[Sitting]:
        """The sittings that nobody has ended, the latest first."""
        return self._unless_changed(("unfinished", learner), lambda: self._unfinished(learner))

    def _unfinished(self, learner: str) -> list[Sitting]:
        mine = (schema.sittings.c.learner == learner) & schema.finishes.c.id.is_(None)
        query = self._sittings().where(mine).order_by(schema.sittings.c.id.desc())
        return [_record(Sitting, row) for row in self._rows(query)]

    def sitting(self, learner: str, key: str) -> Sitting | None:
        """One sitting of a learner, None if it is unknown or another learner's."""
        mine = (schema.sittings.c.learner == learner) & (schema.sittings.c.key == key)
        rows = self._rows(self._sittings().where(mine))
        return _record(Sitting, rows[0]) if rows else None

    @staticmethod
    def _sittings() -> Any:
        both = schema.sittings.outerjoin(
            schema.finishes,
            (schema.finishes.c.key == schema.sittings.c.key) & (schema.finishes.c.learner == schema.sittings.c.learner),
        )
        return select(schema.sittings, schema.finishes.c.finished_at).select_from(both)

    def open(self, attempt: Attempt) -> Attempt:
        """Store an attempt, unless one stands at its place of the sitting already; return the one that stands there.

        Raises:
            UsageError: The learner has no such sitting.
        """
        if self._append_of(schema.attempts, once=("sitting", "place"), **asdict(attempt)):
            return attempt
        return next(one for one in self.attempts(attempt.learner, attempt.sitting) if one.place == attempt.place)

    def attempts(self, learner: str, sitting: str) -> list[Attempt]:
        """The attempts of a sitting, in the order of their places."""
        table = schema.attempts
        mine = (table.c.learner == learner) & (table.c.sitting == sitting)
        return [_record(Attempt, row) for row in self._rows(select(table).where(mine).order_by(table.c.place))]

    def show_hint(self, learner: str, attempt: str) -> bool:
        """Note that the hint of an attempt was opened; False if it had been before."""
        return self._append_of(schema.hints, key=attempt, learner=learner, shown_at=self._clock())

    def hinted(self, learner: str, attempt: str) -> bool:
        """Whether the hint of an attempt was opened."""
        mine = (schema.hints.c.learner == learner) & (schema.hints.c.key == attempt)
        return bool(self._rows(select(schema.hints.c.id).where(mine)))

    def move(self, learner: str, attempt: str, number: int, choice: str) -> bool:
        """Store the choice at turn `number`, 0 the first, of an incident; False if that turn was taken before."""
        return self._append_of(
            schema.moves,
            once=("attempt", "number"),
            key=f"{attempt}-{number}",
            learner=learner,
            attempt=attempt,
            number=number,
            choice=choice,
            moved_at=self._clock(),
        )

    def path(self, learner: str, attempt: str) -> tuple[str, ...]:
        """The choices taken in an incident so far."""
        table = schema.moves
        mine = (table.c.learner == learner) & (table.c.attempt == attempt)
        return tuple(row.choice for row in self._rows(select(table.c.choice).where(mine).order_by(table.c.number)))

    def respond(self, response: QuizResponse) -> bool:
        """Store a response; False if its attempt was answered before, whose first answer stays.

        Raises:
            UsageError: The learner has no such attempt.
        """
        return self._append_of(schema.responses, **asdict(response))

    def responses(self, learner: str, sitting: str) -> list[QuizResponse]:
        """The responses of a sitting, as they came."""
        table = schema.responses
        mine = (table.c.learner == learner) & (table.c.sitting == sitting)
        return [_record(QuizResponse, row) for row in self._rows(select(table).where(mine).order_by(table.c.id))]

    def last_responses(self, learner: str, most: int) -> list[QuizResponse]:
        """The learner's last responses of all sittings, the latest first."""
        table = schema.responses
        query = select(table).where(table.c.learner == learner).order_by(table.c.id.desc()).limit(most)
        return [_record(QuizResponse, row) for row in self._rows(query)]

    def reviews_since(self, learner: str, last: int = 0) -> list[Review] | None:
        """The learner's responses that count after the one numbered `last`, as they came.

        None where that one is no longer there: the learner was forgotten, and whatever was made of it goes too.
        """
        table = schema.responses
        # From the last known one on, and with it, which shows that it is still there.
        mine = (table.c.learner == learner) & (table.c.id >= last) & table.c.counts
        query = select(*(table.c[name] for name in Review._fields)).where(mine).order_by(table.c.id)
        found = [Review._make(row) for row in self._rows(query)]
        if not last:
            return found
        return found[1:] if found and found[0].id == last else None

    def outcomes(self) -> list[Outcome]:
        """Every learner's responses as they came, with what item analysis needs of them."""
        table = schema.responses
        *others, given = (table.c[name] for name in Outcome._fields)
        query = select(*others, cast(given, Text)).order_by(table.c.id)
        # Many give the same answer, which is then read once.
        read = cache(json.loads)
        return [Outcome._make((*row[:-1], read(row[-1]))) for row in self._rows(query)]

    def dispute(self, key: str, dispute: Dispute) -> bool:
        """Store a dispute; False if its key was stored before.

        Raises:
            UsageError: The learner has no such attempt.
        """
        return self._append_of(schema.disputes, key=key, **asdict(dispute))

    def disputes(self) -> list[Dispute]:
        """Every dispute of every learner, the oldest first; for those who write the items."""
        return [_record(Dispute, row) for row in self._rows(select(schema.disputes).order_by(schema.disputes.c.id))]

    def prefer(self, key: str, *, learner: str, name: str, value: Any) -> bool:
        """Set what the learner prefers under `name`; it replaces what was set before when read back."""
        return self._append(schema.preferences, key=key, learner=learner, name=name, value=value, set_at=self._clock())

    def preferences(self, learner: str) -> dict[str, Any]:
        """The last value of each preference of a learner."""
        table = schema.preferences
        last = select(func.max(table.c.id)).where(table.c.learner == learner).group_by(table.c.name)
        return {row.name: row.value for row in self._rows(select(table).where(table.c.id.in_(last)))}

    def _append_of(self, table: Table, *, once: tuple[str, ...] = ("key",), **event: Any) -> bool:
        try:
            return self._append(table, once=once, **event)
        except IntegrityError as error:
            raise UsageError(
                f"The learner has nothing of this name to add to ({table.name}).",
                next_step="Start a sitting, and open a question of it, first.",
            ) from error


_Record = TypeVar("_Record", Sitting, Attempt, QuizResponse, Dispute)


def _record(kind: type[_Record], row: Row[Any]) -> _Record:
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})
