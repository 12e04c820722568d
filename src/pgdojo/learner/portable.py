"""The whole journal as a file of lines, to move it from one database to another: `pgdojo journal export` and `import`.

A file of JSON lines, in UTF-8. The first line is the head: format, version of the tables, rows of each table. Then one
line a row, the owners of rows before them: `{"table": "turns", "row": {...}}` with every column, times in UTC. The last
line is the tail: how many rows, and the SHA-256 of every byte before it. The same journal gives the same file, whatever
database it is on, so that two journals can be compared by their tails.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    Row,
    Select,
    Table,
    func,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy.exc import IntegrityError

from pgdojo.errors import UsageError
from pgdojo.learner import database, schema, server
from pgdojo.learner.journal import Journal
from pgdojo.learner.text import clean, identifier

FORMAT = "pgdojo-journal"
FORMAT_VERSION = 1

TABLES: Mapping[str, Table] = {table.name: table for table in schema.metadata.sorted_tables}
"""Every table, those that others refer to before them."""

_PAGE = 2000
"""Rows that are in memory at once."""
_LONGEST_LINE = 64_000_000
_INTEGERS = range(-(2**31), 2**31)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """What a file holds that was written or read."""

    rows: int
    sha256: str
    """Of every line but the last."""
    tables: Mapping[str, int]
    """Rows of each table, in the order of the file."""


def export(journal: Journal, target: Path) -> Moved:
    """Write every row that the journal holds now to `target`; what stands there is replaced as a whole.

    Others may go on writing meanwhile: since rows are only ever added, in the order of their ids, what is there at the
    start is known by the last id of each table, and no transaction has to last.

    Args:
        journal: What to write.
        target: The file; its folder must exist. Only its owner may read it.

    Raises:
        JournalError: The journal cannot be read.
        UsageError: The file cannot be written, or somebody was forgotten meanwhile, so that rows are missing.
    """
    with database.explained(journal.place):
        extent = database.reading(journal.engine, _extent)
    counts = {name: rows for name, (rows, _) in extent.items()}
    total = sum(counts.values())
    with _written_beside(target) as file:
        seal = _Seal(file)
        seal.write({"format": FORMAT, "format_version": FORMAT_VERSION, "version": schema.VERSION, "tables": counts})
        for name, (rows, last) in extent.items():
            found = 0
            for row in _rows(journal, TABLES[name], last):
                seal.write({"table": name, "row": row})
                found += 1
            if found != rows:
                raise UsageError(
                    f"Rows of {name} were removed while the journal was exported, so nothing was written.",
                    next_step="Export it again.",
                )
        sha256 = seal.hexdigest()
        seal.write({"rows": total, "sha256": sha256})
    return Moved(rows=total, sha256=sha256, tables=counts)


def import_file(journal: Journal, source: Path) -> Moved:
    """Put every row of an exported file into an empty journal, with its id, or none at all.

    Args:
        journal: Where to; every table must be empty.
        source: A file that `export` wrote, by this version of pgdojo or an earlier one.

    Raises:
        JournalError: The journal cannot be written.
        UsageError: The journal is not empty, or the file has a fault; the message names line and field.
    """
    file = _File(source)
    with file.opened(), database.explained(journal.place), database.for_writing(journal.engine).begin() as connection:
        server.without_limits(connection)
        server.keep_order(connection, *TABLES)
        _refuse_unless_empty(connection, journal.place)
        file.read_head()
        batch = _Batch(connection, file)
        for name, row in file.rows():
            batch.add(name, row)
        batch.store()
        _go_on_counting(connection)
        return Moved(rows=file.total, sha256=file.sha256, tables=file.counts)


# Writing


def _extent(connection: Connection) -> dict[str, tuple[int, int]]:
    """The rows and the last id of each table, at one moment: one statement sees one state."""
    each = [
        select(literal(name).label("name"), func.count().label("rows"), func.max(table.c.id).label("last")).select_from(
            table
        )
        for name, table in TABLES.items()
    ]
    found = {row.name: (row.rows, row.last or 0) for row in connection.execute(union_all(*each))}
    return {name: found[name] for name in TABLES}


def _rows(journal: Journal, table: Table, last: int) -> Iterator[dict[str, Any]]:
    """The rows of a table up to the id `last`, page by page."""
    seen: int | None = None
    while True:
        page = select(table).where(table.c.id <= last).order_by(table.c.id).limit(_PAGE)
        query = page if seen is None else page.where(table.c.id > seen)
        with database.explained(journal.place):
            rows = database.reading(journal.engine, partial(_all, query))
        for row in rows:
            yield {name: _plain(value) for name, value in row._mapping.items()}  # noqa: SLF001 - SQLAlchemy's own door
        if len(rows) < _PAGE:
            return
        seen = rows[-1].id


def _all(query: Select[Any], connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(query).all()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


class _Seal:
    """Writes lines and sums them up."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sum = hashlib.sha256()

    def write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        self._sum.update(data)
        self._file.write(data)

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


@contextmanager
def _written_beside(target: Path) -> Iterator[BinaryIO]:
    """A file beside `target` that takes its name when all is written, and is removed where that fails."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as cause:
        raise UsageError(
            f"{target} cannot be written: {cause.strerror or cause}.",
            next_step="Name a file in a folder that exists, has room, and that you may write to.",
        ) from cause
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


# Reading


@dataclass
class _File:
    """An exported file as it is read: what its head promised, and where reading is."""

    source: Path
    line: int = 0
    done: int = 0
    sha256: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    _sum: Any = field(default_factory=hashlib.sha256)
    _lines: Iterator[bytes] = field(default_factory=lambda: iter(()))

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @contextmanager
    def opened(self) -> Iterator[None]:
        try:
            with self.source.open("rb") as file:
                self._lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
                yield
        except OSError as cause:
            raise UsageError(
                f"{self.source} cannot be read: {cause.strerror or cause}.",
                next_step="Name a file that pgdojo journal export wrote.",
            ) from cause

    def refuse(self, problem: str, *, line: int | None = None, name: str = "", next_step: str = "") -> NoReturn:
        """Raise UsageError for what is wrong in a line, and in the field called `name`."""
        place = f"{self.source}, line {line or self.line}" + (f", field {name}" if name else "")
        raise UsageError(
            f"{place}: {problem} Nothing was imported.",
            next_step=next_step or "Export the journal again; an exported file is not meant to be edited.",
        )

    def read_head(self) -> None:
        head = self._next()
        if head is None or head.get("format") != FORMAT:
            self.refuse(
                "This is no exported journal.", line=1, next_step="Name a file that pgdojo journal export wrote."
            )
        version = head.get("version")
        if head.get("format_version") != FORMAT_VERSION or not isinstance(version, str) or version > schema.VERSION:
            self.refuse(
                "It was written by another, newer pgdojo.",
                name="version",
                next_step="Update pgdojo with pip install --upgrade pgdojo, and import it then.",
            )
        tables = head.get("tables")
        if not isinstance(tables, dict) or not all(_is_count(count) for count in tables.values()):
            self.refuse("The rows of each table are missing.", name="tables")
        if unknown := tables.keys() - TABLES.keys():
            self.refuse(f"There is no table {min(unknown)}.", name="tables")
        self.counts = tables

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each row with its table; the tail is checked before the last ends."""
        left = dict(self.counts)
        while True:
            sum_before = self._sum.hexdigest() if self.done == self.total else ""
            line = self._next()
            if line is None:
                self.refuse("The file ends too early: its last line is missing.", line=self.line + 1)
            if "sha256" in line:
                self._check_tail(line, sum_before, left)
                return
            name = line.get("table")
            if name not in left:
                self.refuse(f"There is no table {name!r} in the head of the file.", name="table")
            row = line.get("row")
            if not isinstance(row, dict):
                self.refuse("It holds no row.", name="row")
            left[name] -= 1
            self.done += 1
            yield name, self._checked(TABLES[name], row)

    def _check_tail(self, tail: dict[str, Any], sum_before: str, left: dict[str, int]) -> None:
        if wrong := [name for name, rows in left.items() if rows]:
            name = wrong[0]
            held, promised = self.counts[name] - left[name], self.counts[name]
            self.refuse(f"The file holds {held} rows of {name}, and its head says {promised}.", name="rows")
        if tail.get("rows") != self.done:
            self.refuse(f"It holds {self.done} rows, and its last line says {tail.get('rows')!r}.", name="rows")
        if tail["sha256"] != sum_before:
            self.refuse("The checksum is another one: the file was changed or damaged.", name="sha256")
        self.sha256 = sum_before
        if next(self._lines, b"").strip():
            self.refuse("Something follows after the last line.", line=self.line + 1)

    def _next(self) -> dict[str, Any] | None:
        data = next(self._lines, b"")
        if not data:
            return None
        self.line += 1
        self._sum.update(data)
        if not data.endswith(b"\n"):
            self.refuse("The line is cut off, or too long.")
        try:
            line = json.loads(data, parse_constant=_no_number)
        except (ValueError, RecursionError):
            self.refuse("This is no JSON in UTF-8.")
        if not isinstance(line, dict):
            self.refuse("This is no JSON object.")
        return line

    def _checked(self, table: Table, row: dict[str, Any]) -> dict[str, Any]:
        """The row as the database takes it."""
        if missing := [column.name for column in table.columns if column.name not in row]:
            self.refuse(f"A row of {table.name} must have it.", name=missing[0])
        if unknown := row.keys() - table.columns.keys():
            self.refuse(f"A row of {table.name} has no such field.", name=min(unknown))
        checked = {}
        for column in table.columns:
            try:
                checked[column.name] = _value(column, row[column.name])
            except (ValueError, UsageError) as cause:
                self.refuse(f"{str(cause).rstrip('.')}.", name=column.name)
        return checked


class _Batch:
    """Rows of one table on their way into the database."""

    def __init__(self, connection: Connection, file: _File) -> None:
        self._connection = connection
        self._file = file
        self._table = ""
        self._rows: list[dict[str, Any]] = []
        self._lines: list[int] = []

    def add(self, table: str, row: dict[str, Any]) -> None:
        if table != self._table or len(self._rows) == _PAGE:
            self.store()
        self._table = table
        self._rows.append(row)
        self._lines.append(self._file.line)

    def store(self) -> None:
        if not self._rows:
            return
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(TABLES[self._table]), self._rows)
        except IntegrityError:
            self._refuse_the_first_at_fault()
        self._rows, self._lines = [], []

    def _refuse_the_first_at_fault(self) -> None:
        for row, line in zip(self._rows, self._lines, strict=True):
            try:
                with self._connection.begin_nested():
                    self._connection.execute(insert(TABLES[self._table]), row)
            except IntegrityError as cause:
                self._file.refuse(_broken_rule(cause, self._table), line=line)


def _broken_rule(cause: IntegrityError, table: str) -> str:
    said = str(cause.orig).splitlines()[0].lower()
    if "foreign key" in said:
        return f"The row of {table} belongs to a row that the file does not hold before it."
    if "unique" in said:
        return f"The row of {table} has the id or the key of another row."
    return f"The database refuses the row of {table}."


def _refuse_unless_empty(connection: Connection, place: str) -> None:
    rows = sum(count for count, _ in _extent(connection).values())
    if rows:
        raise UsageError(
            f"The journal {place} holds {rows:,} rows already, and an import needs an empty one.",
            next_step="Let PGDOJO_DATABASE_URL name a new file or an empty database, and import into that.",
        )


def _go_on_counting(connection: Connection) -> None:
    """Let the next ids follow on the imported ones, which a server does not see to by itself."""
    if not server.is_server(connection):
        return
    for name, table in TABLES.items():
        last = connection.scalar(select(func.max(table.c.id)))
        sequence = func.pg_get_serial_sequence(name, "id")
        connection.execute(select(func.setval(sequence, last or 1, last is not None)))


def _value(column: Column[Any], value: Any) -> Any:
    """A value as the column takes it.

    Raises:
        ValueError, UsageError: It is none for the column.
    """
    kind = column.type
    if isinstance(kind, schema.Plain):
        json.dumps(value, allow_nan=False)  # a number such as 1e999 is read as infinite
        return value
    if isinstance(kind, schema.Identifier):
        return identifier(_text(value))
    if isinstance(kind, schema.Prose):
        return _text(value)
    if isinstance(kind, schema.Moment):
        return _moment(value)
    if isinstance(kind, Boolean):
        return _of(bool, value, "true or false")
    if isinstance(kind, Integer):
        if _of(int, value, "a whole number") not in _INTEGERS:
            raise ValueError(f"{value} is too large")
        return value
    if isinstance(kind, Float):
        return _number(value)
    raise TypeError(f"{column} is of a type that no export knows.")


def _of(kind: type, value: Any, name: str) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{json.dumps(value)[:40]} is not {name}")
    return value


def _text(value: Any) -> str:
    text: str = _of(str, value, "a text")
    if clean(text) != text:
        raise ValueError("The text holds NUL or half a character, which no journal stores")
    return text


def _number(value: Any) -> float:
    number = float(value) if type(value) is int else _of(float, value, "a number")
    if not isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number


def _moment(value: Any) -> datetime:
    text = _of(str, value, "a time")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a time such as 2026-05-04T09:00:00+00:00") from None
    if moment.utcoffset() is None:
        raise ValueError(f"{text[:40]!r} has no time zone")
    return moment.astimezone(UTC)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
