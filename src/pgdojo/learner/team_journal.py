"""What the journal tells of everybody at once, read on from where it was last read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, func, select

from pgdojo.learner import database, schema
from pgdojo.learner.queries import forgettings
from pgdojo.learner.store import Store


class Answered(NamedTuple):
    """A response as the team's figures see it."""

    learner: str
    objective: str
    topic: str
    rating: int
    mark: float
    certainty: str
    answered_at: datetime


class Checked(NamedTuple):
    """What a lab's check found."""

    learner: str
    lab: str
    rev: int
    step: str
    status: str
    evidence: dict[str, Any]
    checked_at: datetime


class Marks(NamedTuple):
    """How far each table was read."""

    responses: int = 0
    checks: int = 0
    reads: int = 0
    turns: int = 0
    forgettings: int = 0


class News(NamedTuple):
    """What everybody did after some marks, as it came."""

    responses: Sequence[Answered]
    checks: Sequence[Checked]
    seen: Sequence[tuple[str, datetime]]
    """When each learner who read or asked something did so last."""
    marks: Marks
    anew: bool
    """Whether this is everything, because somebody was forgotten since."""


class TeamJournal(Store):
    """The part of the journal that is about everybody; it writes nothing."""

    def since(self, marks: Marks) -> News:
        """What everybody did after `marks`."""
        with database.explained(self._place), self._engine.connect() as connection:
            forgotten = connection.scalar(forgettings()) or 0
            anew = forgotten != marks.forgettings
            if anew:
                marks = Marks(forgettings=forgotten)
            ends = [connection.scalar(select(func.max(table.c.id))) or 0 for table in _TABLES]
            spans = dict(zip(_TABLES, zip(marks[:-1], ends, strict=True), strict=True))
            return News(
                responses=[Answered._make(row) for row in _rows(connection, schema.responses, spans, Answered._fields)],
                checks=[Checked._make(row) for row in _rows(connection, schema.lab_checks, spans, Checked._fields)],
                seen=[
                    (row.learner, row.at)
                    for table, moment in ((schema.reads, "read_at"), (schema.turns, "asked_at"))
                    for row in connection.execute(_last_seen(table, moment, *spans[table]))
                ],
                marks=Marks._make([*ends, forgotten]),
                anew=anew,
            )


_TABLES = (schema.responses, schema.lab_checks, schema.reads, schema.turns)


def _rows(
    connection: Connection, table: Table, spans: dict[Table, tuple[int, int]], names: Sequence[str]
) -> Sequence[Any]:
    after, last = spans[table]
    query = select(*(table.c[name] for name in names)).where(table.c.id > after, table.c.id <= last)
    if table is schema.responses:
        query = query.where(table.c.counts)
    return connection.execute(query.order_by(table.c.id)).all()


def _last_seen(table: Table, moment: str, after: int, last: int) -> Select[Any]:
    at = func.max(table.c[moment]).label("at")
    return select(table.c.learner, at).where(table.c.id > after, table.c.id <= last).group_by(table.c.learner)
