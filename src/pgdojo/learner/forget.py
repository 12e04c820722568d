"""Forgetting a learner: what is theirs is removed, and what helps the course stays, of nobody.

Answers to quiz questions stay with their marks under a fresh id, by the day and without a word that was typed, so that
the figures of the items do not change. The journal refuses every change by triggers; they are lifted within the one
transaction that forgets, and stand again before it ends. What fails or is killed leaves everything as it was.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection, Table, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError

from pgdojo.errors import JournalError
from pgdojo.learner import database, schema, server
from pgdojo.learner.journal import Journal
from pgdojo.learner.queries import FORGET
from pgdojo.learner.records import LOCAL
from pgdojo.learner.text import utc_now

FORGOTTEN = "forgotten"
"""Who stands in the records of others where somebody stood who was forgotten."""

_Row: TypeAlias = dict[str, Any]

_KEPT = (schema.sittings, schema.attempts, schema.responses)
"""What item statistics rest on; owners before what they own."""

_OF_OTHERS = frozenset({schema.resolutions, schema.audit})
"""What somebody did with what belongs to others; it stays, without them."""

_PLANNED = ("topics", "items", "total", "minutes", "module")
_CHOSEN = ("picked", "verdict", "reason", "order", "pairs", "path")
"""Parts of a plan and of an answer that are choices among what was offered; whatever else there is may be typed."""

_NAMED_IN: Mapping[Column[Any], str] = {
    schema.roles.c.by: FORGOTTEN,
    schema.sign_offs.c.by: FORGOTTEN,
    schema.enrolments.c.mentor: "",
    schema.resolutions.c.learner: FORGOTTEN,
    schema.resolutions.c.about: FORGOTTEN,
    schema.audit.c.learner: FORGOTTEN,
    schema.audit.c.about: FORGOTTEN,
}
"""Where the records of others name people, and what stands there instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """What forgetting did."""

    removed: Mapping[str, int]
    """Rows of each table that are gone."""
    kept: Mapping[str, int]
    """Rows of each table that are nobody's now."""
    swept: bool
    """Whether the space that they took was overwritten; if not, it will be when the database is next swept."""


def forget(journal: Journal, learner: str, *, by: str, clock: Callable[[], datetime] = utc_now) -> Forgotten:
    """Remove everything of a learner, and keep their answers of nobody; all of it or nothing.

    Of somebody who signed in, two marks stay under their id, which is a digest and names nobody: that earlier sessions
    have ended, and a block if there was one.

    Args:
        journal: Where from.
        learner: Who; one of whom nothing is known is forgotten without complaint.
        by: Who does it, for the audit log, which does not say whom.
        clock: When it is done.

    Raises:
        JournalError: The database failed, or its role may not do this; nothing has changed.
    """
    with database.explained(journal.place), database.for_writing(journal.engine).begin() as connection:
        server.without_limits(connection)
        server.keep_order(connection, *schema.metadata.tables)
        now = clock()
        with _changes_allowed(connection, journal.place):
            removed, kept = _Forgetting(connection, learner, now).run()
        _note(connection, by=FORGOTTEN if by == learner else by, at=now)
    journal.drop_reads()
    return Forgotten(removed=removed, kept=kept, swept=sweep(journal))


def sweep(journal: Journal) -> bool:
    """Give back the space of removed rows, and so remove the last trace of them from the database's files.

    Returns:
        False where others keep the database from doing it now.
    """
    try:
        if server.is_server(journal.engine):
            _sweep_server(journal)
        else:
            _sweep_file(journal)
    except (DBAPIError, sqlite3.Error):
        return False
    return True


def _sweep_file(journal: Journal) -> None:
    # By the driver itself, since SQLAlchemy would begin a transaction, in which this is refused.
    connection = journal.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _sweep_server(journal: Journal) -> None:
    with journal.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            connection.exec_driver_sql("SET statement_timeout = 0")
            for name in schema.metadata.tables:
                connection.exec_driver_sql(f"VACUUM {name}")
        finally:
            connection.invalidate()  # with its limits off it is not given to anybody else


@contextmanager
def _changes_allowed(connection: Connection, place: str) -> Iterator[None]:
    """Lift the triggers that refuse changes; only a transaction that comes to its end puts them back.

    One that fails undoes the lifting with everything else.
    """
    if server.is_server(connection):
        _switch_triggers(connection, "DISABLE", place)
        yield
        _switch_triggers(connection, "ENABLE", place)
        return
    connection.execute(text("PRAGMA secure_delete = ON"))
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    triggers = connection.execute(text(query)).all()
    for name, _ in triggers:
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    yield
    for _, sql in triggers:
        connection.exec_driver_sql(sql)


def _switch_triggers(connection: Connection, switch: str, place: str) -> None:
    try:
        for name in schema.metadata.tables:
            connection.exec_driver_sql(f"ALTER TABLE {name} {switch} TRIGGER {name}_refuse_change")
    except ProgrammingError as cause:
        if getattr(cause.orig, "sqlstate", None) != "42501":
            raise
        raise JournalError(
            f"The role of the journal {place} may add rows but not remove any.",
            next_step="Let the operator run pgdojo forget as the role that owns the tables.",
        ) from cause


class _Forgetting:
    """One learner on their way out, within one transaction."""

    def __init__(self, connection: Connection, learner: str, now: datetime) -> None:
        self._connection = connection
        self._learner = learner
        self._now = now

    def run(self) -> tuple[dict[str, int], dict[str, int]]:
        """Remove, keep and rename; return the rows removed and those kept, by table."""
        names = self._names()
        blocked = self._block()
        keys = self._keys()
        answers = {table: self._rows(table) for table in _KEPT}
        removed = {table.name: self._remove(table) for table in reversed(schema.metadata.sorted_tables)}
        self._remove_replies(keys)
        self._keep(answers)
        self._unname(names)
        self._leave_marks(blocked)
        kept = {table.name: len(rows) for table, rows in answers.items() if rows}
        gone = {name: rows - kept.get(name, 0) for name, rows in removed.items()}
        return {name: rows for name, rows in gone.items() if rows}, kept

    def _rows(self, table: Table) -> list[_Row]:
        mine = select(table).where(table.c.learner == self._learner).order_by(table.c.id)
        return [dict(row) for row in self._connection.execute(mine).mappings()]

    def _names(self) -> frozenset[str]:
        """What stands for the learner in the records of others: the id, and a name or address that is theirs alone."""
        query = select(schema.people.c.learner, schema.people.c.name, schema.people.c.email)
        theirs, others = {self._learner}, {""}
        for row in self._connection.execute(query):
            (theirs if row.learner == self._learner else others).update((row.name, row.email))
        return frozenset(theirs - others)

    def _block(self) -> _Row | None:
        roles = self._rows(schema.roles)
        return roles[-1] if roles and roles[-1]["role"] == "blocked" else None

    def _keys(self) -> frozenset[str]:
        """The keys of what is removed, by which others speak of it."""
        tables = (schema.turns, schema.feedback, schema.gaps, schema.disputes, schema.sign_offs, schema.certificates)
        queries = (select(table.c.key).where(table.c.learner == self._learner) for table in tables)
        return frozenset(key for query in queries for key in self._connection.execute(query).scalars())

    def _remove(self, table: Table) -> int:
        mine = table.c.learner == self._learner
        if table is schema.resolutions:
            mine &= table.c.about == self._learner  # the wish to be forgotten; the rest is said of others' matters
        elif table in _OF_OTHERS:
            return 0
        return self._connection.execute(delete(table).where(mine)).rowcount

    def _remove_replies(self, keys: frozenset[str]) -> None:
        """Remove what trainers said of what is no longer there, since it may quote it."""
        for table, name in ((schema.gap_closures, "key"), (schema.resolutions, "about")):
            rows = self._connection.execute(select(table.c.id, table.c[name].label("of")))
            for row in [row for row in rows if row.of in keys]:
                self._connection.execute(delete(table).where(table.c.id == row.id))

    def _keep(self, answers: Mapping[Table, Sequence[_Row]]) -> None:
        """Store the answers anew, in their old order among all others."""
        nobody = f"nobody-{uuid.uuid4().hex}"
        sittings = {row["key"]: uuid.uuid4().hex for row in answers[schema.sittings]}
        attempts = {row["key"]: uuid.uuid4().hex for row in answers[schema.attempts]}
        for row in answers[schema.sittings]:
            row["key"] = sittings[row["key"]]
            row["plan"] = _only(row["plan"], _PLANNED)
        for row in (*answers[schema.attempts], *answers[schema.responses]):
            row["key"] = attempts[row["key"]]
            row["sitting"] = sittings[row["sitting"]]
        for row in answers[schema.responses]:
            row["given"] = _only(row["given"], _CHOSEN)
        for table, rows in answers.items():
            if rows:
                self._connection.execute(insert(table), [_of_a_day(row) | {"learner": nobody} for row in rows])

    def _unname(self, names: frozenset[str]) -> None:
        for column, instead in _NAMED_IN.items():
            called = names if column.name in {"by", "mentor"} else {self._learner}
            theirs = column.in_(called)
            self._connection.execute(update(column.table).where(theirs).values({column.name: instead}))
        for row in self._connection.execute(select(schema.audit.c.id, schema.audit.c.detail)).all():
            if any(name in json.dumps(row.detail, ensure_ascii=False) for name in names):
                self._connection.execute(update(schema.audit).where(schema.audit.c.id == row.id).values(detail={}))

    def _leave_marks(self, blocked: _Row | None) -> None:
        if self._learner != LOCAL:
            ended = {"key": uuid.uuid4().hex, "learner": self._learner, "ended_at": self._now}
            self._connection.execute(insert(schema.session_ends), ended)
        if blocked:
            block = blocked | {"key": uuid.uuid4().hex, "by": FORGOTTEN, "reason": ""}
            self._connection.execute(insert(schema.roles), block)


def _only(told: Any, names: Sequence[str]) -> _Row:
    return {name: told[name] for name in names if name in told} if isinstance(told, dict) else {}


def _of_a_day(row: _Row) -> _Row:
    """The row with the day alone of each time, so that no other log tells whose it was."""
    return {
        name: value.replace(hour=0, minute=0, second=0, microsecond=0) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _note(connection: Connection, *, by: str, at: datetime) -> None:
    deed = {"key": uuid.uuid4().hex, "learner": by, "action": FORGET, "about": FORGOTTEN, "detail": {}}
    connection.execute(insert(schema.audit), deed | {"done_at": at})
