"""The journal on a PostgreSQL server: how it is connected to, how appends keep their order, how its faults read."""

from __future__ import annotations

import re
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text, true
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError

from pgdojo.errors import JournalError
from pgdojo.learner.address import ADDRESS_VARIABLE, ELSEWHERE, place_of

STATEMENT_SECONDS = 30
LOCK_SECONDS = 10
IDLE_SECONDS = 5
"""Shorter than the wait for a lock, so that a process that froze while it held one does not stop the others."""

_MIGRATION_SECONDS = 120

# The first number of every advisory lock of pgdojo, so that it meets no other program's: "pgdj" in ASCII.
_LOCKS = 0x7067646A
_MIGRATIONS = 0

_CONNECT: dict[str, Any] = {
    "fallback_application_name": "pgdojo",
    "connect_timeout": 3,
    # A server that vanished without a word is given up within half a minute, not within two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    # A pooler in front may give the next transaction another session, which knows no prepared statement.
    "prepare_threshold": None,
}

_READ_ONLY = "25006"
_GONE = frozenset({_READ_ONLY, "25P03", "57P01", "57P02", "57P03", "57P05"})
"""States after which the connection is of no use: the server went, or a failover has made it a standby."""

_Words = tuple[str, str]

_TRY_AGAIN = "Try again in a moment; what was stored before is safe, and what is sent twice is stored once."
_DEMOTED: _Words = (
    "The server of the journal {place} only reads: it is a standby, or was the primary before a failover.",
    f"Try again in a moment, on a new connection. If it stays so, let {ADDRESS_VARIABLE} name the primary.",
)
_STATES: dict[str, _Words] = {
    _READ_ONLY: _DEMOTED,
    "28P01": (
        "The server refuses the user or the password of the journal {place}.",
        f"Correct them in {ADDRESS_VARIABLE}, with signs such as @ / : as %40 %2F %3A, or in your .pgpass file.",
    ),
    "3D000": (
        "The server has no database of the name in {place}.",
        f"Make it with CREATE DATABASE ... ENCODING 'UTF8', or correct the name in {ADDRESS_VARIABLE}.",
    ),
    "42501": (
        "The role of the journal {place} may not do this: {says}.",
        "Start pgdojo doctor once as the role that owns the tables, and grant this one what docs/operators.md names.",
    ),
    "53100": ("The disk of the journal {place} is full.", "Free some space on the server and try again."),
    "53300": (
        "The server of the journal {place} takes no more connections.",
        "Close others, raise max_connections, or start fewer processes of pgdojo; then try again.",
    ),
    "55P03": (
        f"Another program has held the journal {{place}} for {LOCK_SECONDS} seconds.",
        "See pg_stat_activity for who does, end that transaction, and try again.",
    ),
    "57014": (
        f"The server of the journal {{place}} took longer than {STATEMENT_SECONDS} seconds for a statement.",
        "Try again; if it stays so, see what else it is busy with.",
    ),
    "57P03": ("The server of the journal {place} is starting or stopping.", _TRY_AGAIN),
}
_LOST: _Words = ("The connection to the journal {place} was lost.", _TRY_AGAIN)

# libpq tells no SQLSTATE where it fails to connect, only words; in another language they fall to the last line.
_SAID: tuple[tuple[str, _Words], ...] = (
    (r"authentication failed|no password supplied|role \"[^\"]*\" does not exist", _STATES["28P01"]),
    (r"database \"[^\"]*\" does not exist", _STATES["3D000"]),
    (
        r"no pg_hba\.conf entry",
        (
            "The server does not admit the journal {place} from here: {says}.",
            "Admit this machine in pg_hba.conf, or add ?sslmode=require to the address where only TLS is admitted.",
        ),
    ),
    (r"too many clients|connection slots|too many connections", _STATES["53300"]),
    (r"starting up|shutting down|not yet accepting", _STATES["57P03"]),
    (r"session is (read-only|not read-write)|in hot standby", _DEMOTED),
    (
        r"certificate|SSL|sslmode",
        (
            "The journal {place} cannot be reached over TLS as its address asks: {says}.",
            "Name the authority's certificate with sslrootcert, and the host as it stands in the server's certificate.",
        ),
    ),
    (
        r"",
        (
            "The server of the journal {place} cannot be reached: {says}.",
            f"Check that it runs and that {ADDRESS_VARIABLE} names its host and port, then try again.",
        ),
    ),
)


def open_engine(address: URL, **options: Any) -> Engine:
    """Make an engine for the server at `address`; it connects when it is first used.

    Raises:
        JournalError: The driver refuses the address.
    """
    connect = {name: value for name, value in _CONNECT.items() if name not in address.query}
    try:
        engine = create_engine(
            address,
            pool_pre_ping=True,
            pool_size=5,
            max_overflow=15,
            pool_timeout=LOCK_SECONDS,
            connect_args=connect,
            **options,
        )
    except (ImportError, ArgumentError) as error:
        raise JournalError(
            f"The journal {place_of(address)} cannot be used: {error}.",
            next_step=f"Install pgdojo anew, or {ELSEWHERE}",
        ) from error
    # Whoever sets options of their own in the address knows better.
    if "options" not in address.query:
        event.listen(engine, "connect", _limit)
    event.listen(engine, "handle_error", _throw_away_what_is_gone)
    return engine


def is_server(engine: Engine | Connection) -> bool:
    """Whether the journal is on a server, not in a file."""
    return engine.dialect.name == "postgresql"


def keep_order(connection: Connection, *tables: str) -> None:
    """Let nobody else append to `tables` until this transaction ends, so that rows appear in the order of their ids.

    A reader that goes on after the last id it has seen would otherwise miss a row that was numbered earlier and
    committed later. In a SQLite file, which has one writer at a time, there is nothing to do.
    """
    if not is_server(connection):
        return
    for name in sorted(tables):  # always in the same order, so that two who lock several do not wait for each other
        connection.execute(select(func.pg_advisory_xact_lock(_LOCKS, crc32(name.encode()) & 0x7FFFFFFF)))


def without_limits(connection: Connection, *, lock_seconds: int = LOCK_SECONDS) -> None:
    """Let the transaction on `connection` take its time, and wait `lock_seconds` for each lock."""
    if not is_server(connection):
        return
    set_to = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "lock_timeout": f"{lock_seconds}s"}
    connection.execute(select(*(func.set_config(name, value, true()) for name, value in set_to.items())))


def begin_migration(connection: Connection) -> None:
    """Wait until no other process migrates, and let none begin before this transaction ends."""
    if not is_server(connection):
        return
    without_limits(connection, lock_seconds=_MIGRATION_SECONDS)
    connection.execute(select(func.pg_advisory_xact_lock(_LOCKS, _MIGRATIONS)))


def refuse_other_encodings(connection: Connection, place: str) -> None:
    """Raise JournalError where the database cannot hold every text."""
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise JournalError(
            f"The database of the journal {place} holds {encoding}, and not every text.",
            next_step="Make another with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0, and name that one.",
        )


def version(connection: Connection) -> str:
    """The server's version, such as 16.14."""
    return str(connection.scalar(text("SHOW server_version"))).split(" ", 1)[0]


def notes(connection: Connection, tables: list[str]) -> list[str]:
    """What is worth knowing of a server that holds `tables`: whether it takes rows, and keeps what it took."""
    setting = func.current_setting
    row = connection.execute(
        select(setting("transaction_read_only"), setting("fsync"), setting("synchronous_commit"))
    ).one()
    read_only, fsync, commit = row
    there = set(inspect(connection).get_table_names())
    locked = [
        name
        for name in tables
        if name in there and not connection.scalar(select(func.has_table_privilege(name, "INSERT")))
    ]
    found = []
    if read_only == "on":
        found.append("It only reads now: it is a standby, or set to read only. Nothing can be stored.")
    if locked:
        found.append(f"Its role may not add rows to {', '.join(locked)}: grant it INSERT.")
    if fsync == "off" or commit == "off":
        name = "fsync" if fsync == "off" else "synchronous_commit"
        found.append(f"The server runs with {name} = off, so a crash of its machine can lose what was stored last.")
    return found


def words(error: DBAPIError) -> _Words:
    """What failed, with `{place}` for the place, and what to do next."""
    orig: Any = error.orig
    state = getattr(orig, "sqlstate", None)
    says = _says(orig)
    if state in _STATES:
        problem, next_step = _STATES[state]
    elif state is None and error.statement is None and not error.connection_invalidated:
        problem, next_step = next(words for pattern, words in _SAID if re.search(pattern, str(orig)))
    elif error.connection_invalidated or state in _GONE:
        problem, next_step = _LOST
    else:
        problem, next_step = "The journal {place} failed: {says}.", f"Check the server's log, or {ELSEWHERE}"
    return problem.replace("{says}", says), next_step


def _says(orig: Any) -> str:
    """The server's own words without its details, which may quote what a learner wrote."""
    diagnosed = getattr(getattr(orig, "diag", None), "message_primary", None)
    said = diagnosed or next((line for line in str(orig).splitlines() if line.strip()), type(orig).__name__)
    return said.removeprefix("connection failed: ").strip().rstrip(".")


def _limit(connection: Any, _record: object) -> None:
    limits = {
        "statement_timeout": STATEMENT_SECONDS,
        "lock_timeout": LOCK_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    calls = ", ".join(f"set_config('{name}', '{seconds}s', false)" for name, seconds in limits.items())
    connection.execute(f"SELECT {calls}")
    connection.commit()


def _throw_away_what_is_gone(context: ExceptionContext) -> None:
    if getattr(context.original_exception, "sqlstate", None) in _GONE:
        # The whole pool goes: its other connections lead to the same server.
        context.is_disconnect = True
