"""What the path needs of one learner's past: everything at once, and from then on only what is new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, Table, select

from pgdojo.learner import database, schema
from pgdojo.learner.queries import forgettings
from pgdojo.learner.store import Store


class Answered(NamedTuple):
    """What mastery needs of a response."""

    id: int
    """The later the higher."""
    sitting: str
    item: str
    rev: int
    objective: str
    certainty: str
    hinted: bool
    mark: float
    counts: bool
    """Whether it was the first on its objective in the sitting, and not looked ahead."""
    answered_at: datetime


class Sat(NamedTuple):
    """What the path needs of a sitting."""

    id: int
    key: str
    mode: str
    module: str
    """The module that it was a quiz on; empty where it was on none."""
    total: int
    """How many questions it has."""


class Asked(NamedTuple):
    """What the path needs of a turn."""

    id: int
    conversation: str
    question: str
    cited: tuple[str, ...]
    """Passages that the answer cites."""


class Opened(NamedTuple):
    """What the path needs of a read."""

    id: int
    passage: str
    read_at: datetime


class Checked(NamedTuple):
    """What the path needs of a lab's check."""

    id: int
    lab: str
    rev: int
    step: str
    status: str


class Deleted(NamedTuple):
    """A conversation that is no longer the learner's."""

    id: int
    conversation: str


class Marks(NamedTuple):
    """How far each table has been read: the number of its last event."""

    responses: int = 0
    sittings: int = 0
    turns: int = 0
    reads: int = 0
    checks: int = 0
    deletions: int = 0
    forgettings: int = 0
    """How often somebody had been forgotten, after which numbers may come back with other events."""


class News(NamedTuple):
    """What a learner did after some marks, as it came."""

    responses: Sequence[Answered]
    sittings: Sequence[Sat]
    turns: Sequence[Asked]
    reads: Sequence[Opened]
    checks: Sequence[Checked]
    deletions: Sequence[Deleted]
    marks: Marks
    """How far everything has been read with this."""
    anew: bool
    """Whether this is everything, because what was read before is no longer there: the learner was forgotten."""


class PathJournal(Store):
    """The path's part of the journal; it writes nothing."""

    def since(self, learner: str, marks: Marks) -> News:
        """What the learner did after `marks`."""
        key = ("path", learner, *map(str, marks))
        return self._unless_changed(key, lambda: [self._since(learner, marks)])[0]

    def _since(self, learner: str, marks: Marks) -> News:
        # From the last known event on, and with it, which shows that it is still there.
        found, forgotten = self._from(learner, marks)
        *known, forgotten_then = marks
        is_gone = any(mark and (not rows or rows[0].id != mark) for rows, mark in zip(found, known, strict=True))
        if marks != Marks() and (is_gone or forgotten != forgotten_then):
            return self._since(learner, Marks())._replace(anew=True)
        responses, sittings, turns, reads, checks, deletions = (
            rows[1:] if mark else rows for rows, mark in zip(found, known, strict=True)
        )
        return News(
            responses=[Answered._make(row) for row in responses],
            sittings=[_sat(row) for row in sittings],
            turns=[_asked(row) for row in turns],
            reads=[Opened._make(row) for row in reads],
            checks=[Checked._make(row) for row in checks],
            deletions=[Deleted._make(row) for row in deletions],
            marks=Marks._make([*(rows[-1].id if rows else 0 for rows in found), forgotten]),
            anew=False,
        )

    def _from(self, learner: str, marks: Marks) -> tuple[list[Sequence[Row[Any]]], int]:
        def these(table: Table, first: int, *names: str) -> Select[Any]:
            columns = (table.c[name] for name in ("id", *names))
            return select(*columns).where(table.c.learner == learner, table.c.id >= first).order_by(table.c.id)

        queries = (
            these(schema.responses, marks.responses, *Answered._fields[1:]),
            these(schema.sittings, marks.sittings, "key", "mode", "plan"),
            these(schema.turns, marks.turns, "conversation", "question", "answer"),
            these(schema.reads, marks.reads, *Opened._fields[1:]),
            these(schema.lab_checks, marks.checks, *Checked._fields[1:]),
            these(schema.deletions, marks.deletions, *Deleted._fields[1:]),
        )
        with database.explained(self._place), self._engine.connect() as connection:
            return [connection.execute(query).all() for query in queries], connection.scalar(forgettings()) or 0


def _sat(row: Row[Any]) -> Sat:
    plan = row.plan
    return Sat(
        id=row.id, key=row.key, mode=row.mode, module=str(plan.get("module") or ""), total=int(plan.get("total") or 0)
    )


def _asked(row: Row[Any]) -> Asked:
    cited = (citation.get("passage_id", "") for citation in row.answer.get("citations") or ())
    return Asked(id=row.id, conversation=row.conversation, question=row.question, cited=tuple(dict.fromkeys(cited)))
