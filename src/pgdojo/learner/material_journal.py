"""What the journal remembers of the material's own gaps: questions without an answer, and what came of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Engine, Row, Select, func, select, type_coerce

from pgdojo.learner import database, schema
from pgdojo.learner.queries import forgettings
from pgdojo.learner.store import Store
from pgdojo.learner.text import utc_now

_OF_TURN = "gap-"
"""How the key of a gap begins that was noted under the answer to a question."""


def gap_key(turn: str) -> str:
    """The key under which the gap is noted that the question of a turn shows."""
    return f"{_OF_TURN}{turn}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """A question that the course could not answer."""

    key: str
    """Of the turn, or of a gap that was noted without one."""
    learner: str
    question: str
    """Such that it stands alone."""
    nearest: tuple[str, ...]
    """Passages that came closest, best first."""
    asked_at: datetime
    noted: bool
    """Whether the learner said that the material should answer it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure:
    """A question that had no answer and has one now."""

    key: str
    learner: str
    passages: tuple[str, ...]
    """What answers it."""
    answered_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Unhelpful:
    """An answer that did not help, by the last word of whoever asked."""

    turn: str
    learner: str
    question: str
    answer: dict[str, Any]
    reason: str
    given_at: datetime


class MaterialJournal(Store):
    """The part of the journal that is about the material; for those who write it."""

    def __init__(self, engine: Engine, *, place: str, clock: Callable[[], datetime] = utc_now) -> None:
        """Work on an engine that `Journal.open` made."""
        super().__init__(engine, place=place, clock=clock)
        self._lock = threading.Lock()
        self._drop_refused()

    def _drop_refused(self) -> None:
        self._refused: list[tuple[Unanswered, str]] = []
        self._last, self._forgotten = 0, 0

    def drop_reads(self) -> None:
        """Keep nothing in memory of what was read."""
        super().drop_reads()
        with self._lock:
            self._drop_refused()

    def unanswered(self) -> list[Unanswered]:
        """Every question of every learner that the material did not answer, the oldest first.

        Those of a conversation that its learner deleted are left out, unless they were noted as a gap. Only what is new
        is read at each call.
        """
        with self._lock, database.explained(self._place), self._engine.connect() as connection:
            forgotten = connection.scalar(forgettings()) or 0
            if forgotten != self._forgotten:
                self._drop_refused()
                self._forgotten = forgotten
            last = connection.scalar(select(func.max(schema.turns.c.id))) or 0
            self._refused += [_refused(row) for row in connection.execute(_refusals(self._last, last))]
            self._last = last
            deleted = {(row.learner, row.conversation) for row in connection.execute(_deleted())}
            gaps = connection.execute(select(schema.gaps).order_by(schema.gaps.c.id)).all()
            refused = list(self._refused)
        noted = {row.key for row in gaps}
        found = {
            one.key: replace(one, noted=gap_key(one.key) in noted)
            for one, conversation in refused
            if gap_key(one.key) in noted or (one.learner, conversation) not in deleted
        }
        for row in gaps:
            key = row.key.removeprefix(_OF_TURN)
            if key not in found:
                found[key] = _noted(row, key)
        return sorted(found.values(), key=lambda one: one.asked_at)

    def close_gap(self, key: str, *, learner: str, passages: Sequence[str]) -> bool:
        """Store that a question has an answer now; False if that was stored before."""
        return self._append(
            schema.gap_closures, key=key, learner=learner, passages=list(passages), answered_at=self._clock()
        )

    def closures(self) -> dict[str, Closure]:
        """Every question that has been answered since, by its key."""
        rows = self._rows(select(schema.gap_closures).order_by(schema.gap_closures.c.id))
        return {row.key: _closure(row) for row in rows}

    def closures_of(self, learner: str) -> list[tuple[Closure, str]]:
        """What was answered since for one learner, with their question, the latest first."""
        return self._unless_changed(("closures", learner), lambda: self._closures_of(learner))

    def _closures_of(self, learner: str) -> list[tuple[Closure, str]]:
        table = schema.gap_closures
        rows = self._rows(select(table).where(table.c.learner == learner).order_by(table.c.id.desc()))
        closures = [_closure(row) for row in rows]
        questions = self._questions(learner, [one.key for one in closures]) if closures else {}
        return [(one, questions[one.key]) for one in closures if one.key in questions]

    def _questions(self, learner: str, keys: Sequence[str]) -> dict[str, str]:
        turns, gaps = schema.turns, schema.gaps
        asked = select(turns.c.key, turns.c.standalone).where(turns.c.learner == learner, turns.c.key.in_(keys))
        names = [*keys, *(gap_key(key) for key in keys)]
        noted = select(gaps.c.key, gaps.c.question).where(gaps.c.learner == learner, gaps.c.key.in_(names))
        found = {row.key.removeprefix(_OF_TURN): row.question for row in self._rows(noted)}
        return found | {row.key: row.standalone for row in self._rows(asked)}

    def unhelpful(self) -> list[Unhelpful]:
        """Every answer whose asker said last that it did not help, the latest first."""
        given, turns = schema.feedback, schema.turns
        last = select(func.max(given.c.id)).group_by(given.c.learner, given.c.turn)
        query = (
            select(given, turns.c.standalone, turns.c.answer)
            .join(turns, (turns.c.learner == given.c.learner) & (turns.c.key == given.c.turn))
            .where(given.c.id.in_(last), given.c.helpful.is_(False))
            .order_by(given.c.id.desc())
        )
        return [
            Unhelpful(
                turn=row.turn,
                learner=row.learner,
                question=row.standalone,
                answer=row.answer,
                reason=row.reason,
                given_at=row.given_at,
            )
            for row in self._rows(query)
        ]


def _refusals(after: int, last: int) -> Select[Any]:
    turns = schema.turns
    refusal = type_coerce(turns.c.answer, JSON)["refusal"]
    return (
        select(
            turns.c.key,
            turns.c.learner,
            turns.c.conversation,
            turns.c.standalone,
            turns.c.asked_at,
            refusal["nearest"].label("nearest"),
        )
        .where(turns.c.id > after, turns.c.id <= last, refusal["kind"].as_string() == "not_in_material")
        .order_by(turns.c.id)
    )


def _deleted() -> Select[Any]:
    return select(schema.deletions.c.learner, schema.deletions.c.conversation)


def _refused(row: Row[Any]) -> tuple[Unanswered, str]:
    found = Unanswered(
        key=row.key,
        learner=row.learner,
        question=row.standalone,
        nearest=tuple(heading["passage_id"] for heading in row.nearest or ()),
        asked_at=row.asked_at,
        noted=False,
    )
    return found, row.conversation


def _noted(row: Row[Any], key: str) -> Unanswered:
    return Unanswered(
        key=key,
        learner=row.learner,
        question=row.question,
        nearest=tuple(row.nearest),
        asked_at=row.noted_at,
        noted=True,
    )


def _closure(row: Row[Any]) -> Closure:
    return Closure(key=row.key, learner=row.learner, passages=tuple(row.passages), answered_at=row.answered_at)
