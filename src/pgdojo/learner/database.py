"""Opening the journal's database: how SQLite is set, which migrations it needs, how its faults read."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, inspect, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql import column, table

from pgdojo.errors import JournalError
from pgdojo.learner import server
from pgdojo.learner.address import ELSEWHERE, place_of
from pgdojo.learner.schema import VERSION, metadata

_Read = TypeVar("_Read")

SAFE_WAL = (3, 51, 3)
"""First SQLite in which a reset of the write-ahead log cannot corrupt the file: https://sqlite.org/wal.html."""

MIGRATIONS = Path(__file__).parent / "migrations"

_BUSY_SECONDS = 10
_SETTLED_SECONDS = 0.1

_SETTINGS = (
    f"busy_timeout = {_BUSY_SECONDS * 1000}",  # first, because setting the journal mode may have to wait
    f"journal_mode = {'WAL' if sqlite3.sqlite_version_info >= SAFE_WAL else 'DELETE'}",
    "synchronous = FULL",
    "foreign_keys = ON",
    "recursive_triggers = ON",  # without it INSERT OR REPLACE removes rows unseen by the triggers that refuse it
    "mmap_size = 0",
)

# Parameters are hidden because errors reach the log, and what learners write does not belong there.
_OPTIONS = {"hide_parameters": True, "json_serializer": partial(json.dumps, ensure_ascii=False, allow_nan=False)}

_NOT_WRITABLE = (
    "The journal {place} cannot be opened for writing.",
    f"Allow this account to write the file and its folder, or {ELSEWHERE}",
)
_FOREIGN = (
    "The file {place} is not a journal of pgdojo.",
    f"Move it away if it stands there by mistake, or {ELSEWHERE}",
)
_FOREIGN_TABLES = (
    "The database {place} holds the tables of another program, which keeps its version where a journal does.",
    f"Make a database for the journal alone, and {ELSEWHERE}",
)
_DAMAGED = (
    "The journal {place} is damaged.",
    "Keep a copy of it, then put your newest backup in its place, or save what can be read with sqlite3's .recover.",
)
_FAILURES = {
    sqlite3.SQLITE_NOTADB: _FOREIGN,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _NOT_WRITABLE,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_FULL: (
        "The disk that holds the journal {place} is full.",
        "Free some space and try again; what was stored before is safe.",
    ),
    sqlite3.SQLITE_BUSY: (
        f"Another program has held the journal {{place}} for {_BUSY_SECONDS} seconds.",
        "Close that program and try again.",
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk failed while the journal {place} was read or written.",
        "Check the disk and the space on it, then try again.",
    ),
}


def open_engine(address: URL) -> Engine:
    """Open the database at `address` in its newest version, making or migrating it first where needed.

    Returns:
        An engine to be shared by all threads. Writers start their transaction with `for_writing(engine)`.

    Raises:
        JournalError: It cannot be reached or written, is damaged, foreign, or newer than this program.
    """
    place = place_of(address)
    engine = _sqlite(Path(place)) if address.get_backend_name() == "sqlite" else server.open_engine(address, **_OPTIONS)
    with explained(place):
        _bring_up_to_date(engine, place)
    return engine


def for_writing(engine: Engine) -> Engine:
    """Give the same engine, whose transactions take SQLite's write lock at once and wait for it if they must."""
    return engine.execution_options(begin="IMMEDIATE")


def reading(engine: Engine, read: Callable[[Connection], _Read]) -> _Read:
    """What `read` gives on a connection; on a second one where the first was lost meanwhile, as by a failover."""
    try:
        with engine.connect() as connection:
            return read(connection)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    with engine.connect() as connection:
        return read(connection)


def product(engine: Engine) -> str:
    """Which database it is, with its version."""
    if engine.dialect.name == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    return f"PostgreSQL {reading(engine, server.version)}"


def notes(connection: Connection) -> list[str]:
    """What is worth knowing of the database though nothing is broken."""
    if connection.dialect.name != "sqlite":
        return server.notes(connection, sorted(metadata.tables))
    if sqlite3.sqlite_version_info >= SAFE_WAL:
        return []
    old = f"SQLite {sqlite3.sqlite_version} is older than {'.'.join(map(str, SAFE_WAL))}."
    so = "The journal keeps to the slower, safe rollback mode, so nothing is at risk;"
    return [f"{old} {so} a newer Python brings a newer SQLite."]


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn what the database raises into errors of pgdojo; broken constraints stay for the caller to explain.

    Raises:
        JournalError: The database failed.
        UsageError, ValueError, TypeError: A value was refused by the type of its column.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise _in_words(error, place) from error
    except StatementError as error:
        raise error.orig or error from None
    except PoolTimeoutError as error:
        raise JournalError(
            f"Every connection of this process to the journal {place} is busy.", next_step="Try again in a moment."
        ) from error
    except SQLAlchemyError as error:
        raise JournalError(
            f"The journal {place} failed: {error}", next_step="Try again; if it stays so, restart pgdojo."
        ) from error


def signature(engine: Engine, place: str) -> tuple[int, ...] | None:
    """What changes with every commit to a SQLite file, for a few system calls; None where nothing of the kind is known.

    A file that was written a moment ago has none: a second commit within the same tick of the clock would not show.
    """
    if engine.dialect.name != "sqlite":
        return None
    try:
        found = [Path(place).stat()]
        with suppress(FileNotFoundError):
            found.append(Path(f"{place}-wal").stat())
    except OSError:
        return None
    if time.time() - max(one.st_mtime for one in found) < _SETTLED_SECONDS:
        return None
    return tuple(part for one in found for part in (one.st_ino, one.st_size, one.st_mtime_ns))


def faults(connection: Connection) -> list[str]:
    """Read every page of a SQLite file and name what is wrong; empty where it is sound, and on a server."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.exec_driver_sql("PRAGMA quick_check(10)").scalars().all()
    return [line for line in found if line != "ok"]


def _sqlite(path: Path) -> Engine:
    _make_file(path)
    # No pool: an open connection would go on writing into a file that was meanwhile replaced by its backup.
    engine = create_engine("sqlite://", creator=partial(_connect, path), poolclass=NullPool, **_OPTIONS)
    event.listen(engine, "begin", _begin)
    return engine


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        problem, next_step = _NOT_WRITABLE
        raise JournalError(f"{problem.format(place=path)} {error.strerror}.", next_step=next_step) from error
    # SQLite would open it for reading alone, and fail only when the first answer is to be stored.
    if not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK)):
        raise _error(_NOT_WRITABLE, str(path))


def _connect(path: Path) -> sqlite3.Connection:
    # mode=rw: a journal that is removed under a running server must be missed, not replaced by an empty one.
    # No isolation level: SQLAlchemy says BEGIN, since sqlite3 would leave migrations outside of the transaction.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")


def _bring_up_to_date(engine: Engine, place: str) -> None:
    with engine.connect() as connection:
        if faults(connection):
            raise _error(_DAMAGED, place)
        if _is_up_to_date(connection, place):
            return
    with for_writing(engine).begin() as connection:
        server.begin_migration(connection)
        # Another process may have been faster, and may even be of a newer pgdojo.
        if not _is_up_to_date(connection, place):
            _migrate(connection)


def _is_up_to_date(connection: Connection, place: str) -> bool:
    version = _version(connection, place)
    if version > VERSION:
        raise JournalError(
            f"The journal {place} was written by a newer pgdojo (its version is {version}, known are up to {VERSION}).",
            next_step=f"Update pgdojo with pip install --upgrade pgdojo, or {ELSEWHERE}",
        )
    if not version and server.is_server(connection):
        server.refuse_other_encodings(connection, place)
    return version == VERSION


def _version(connection: Connection, place: str) -> str:
    """Read the number of the newest migration that was run; empty where none was."""
    names = inspect(connection).get_table_names()
    if not names:
        return ""
    # A server may hold tables of others beside the journal's; a file belongs to one program.
    if "alembic_version" not in names and server.is_server(connection):
        return ""
    if "alembic_version" in names:
        version = connection.scalar(select(column("version_num")).select_from(table("alembic_version"))) or ""
        if len(version) == len(VERSION) and version.isdecimal():
            return str(version)
    raise _error(_FOREIGN_TABLES if server.is_server(connection) else _FOREIGN, place)


def _migrate(connection: Connection, version: str = "head") -> None:
    # Alembic takes half a second to import and is needed once in a journal's life.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def _in_words(error: DBAPIError, place: str) -> JournalError:
    if not isinstance(error.orig, sqlite3.Error):
        return _error(server.words(error), place)
    # The low byte is the kind of failure, the rest its detail: https://sqlite.org/rescode.html.
    kind = getattr(error.orig, "sqlite_errorcode", -1) & 0xFF
    other = (
        f"The journal {{place}} failed: {str(error.orig).strip() or type(error.orig).__name__}.",
        f"Check that it can be reached and is whole, or {ELSEWHERE}",
    )
    return _error(_FAILURES.get(kind, other), place)


def _error(words: tuple[str, str], place: str) -> JournalError:
    problem, next_step = words
    return JournalError(problem.replace("{place}", place), next_step=next_step)
