"""Appending to the journal's tables and reading them, one transaction a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Engine, Row, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

from pgdojo.learner import database, server
from pgdojo.learner.text import utc_now

_Read = TypeVar("_Read")

_MOST_SEEN = 1000
"""Answers that are kept."""


class Store:
    """A database that is appended to; the base of what speaks of turns, sittings and the rest."""

    def __init__(self, engine: Engine, *, place: str, clock: Callable[[], datetime] = utc_now) -> None:
        """Work on an engine that `Journal.open` made; `clock` gives aware times for what has none of its own."""
        self._engine = engine
        self._place = place
        self._clock = clock
        self._seen: dict[tuple[str, ...], tuple[tuple[int, ...], list[Any]]] = {}

    @property
    def engine(self) -> Engine:
        """The database itself, for what moves whole tables; writers begin with `database.for_writing(engine)`."""
        return self._engine

    def _append(self, table: Table, *, once: Sequence[str] = ("key",), **event: Any) -> bool:
        """Add `event`, unless a row with the same values in the columns `once` is there already.

        Returns:
            Whether it was added.
        """
        # Both databases say it alike, but SQLAlchemy has no common word for it.
        insert = (postgresql if server.is_server(self._engine) else sqlite).insert
        # Only these may meet themselves; any other broken constraint is a fault and is raised.
        # Inline, because nobody asks for the new id.
        statement = insert(table).inline().values(event).on_conflict_do_nothing(index_elements=list(once))
        with database.explained(self._place), database.for_writing(self._engine).begin() as connection:
            server.keep_order(connection, table.name)
            # SQLAlchemy forgets the count of an insert on PostgreSQL unless it is told.
            return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1

    def _unless_changed(self, key: tuple[str, ...], read: Callable[[], list[_Read]]) -> list[_Read]:
        """What `read` gives, read again only where the database has changed since; pages ask at every click."""
        now = database.signature(self._engine, self._place)
        then, known = self._seen.get(key, (None, []))
        if now is not None and now == then:
            return list(known)
        found = read()
        if now is not None:
            if len(self._seen) >= _MOST_SEEN:
                self._seen.clear()
            self._seen[key] = (now, found)
        return list(found)

    def drop_reads(self) -> None:
        """Keep nothing in memory of what was read."""
        self._seen.clear()

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with database.explained(self._place):
            return database.reading(self._engine, lambda connection: connection.execute(query).all())
