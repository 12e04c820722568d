"""The console's SQL: what a learner typed, run as `learner`, and what came of each statement."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from pgdojo.web.text import counted

if TYPE_CHECKING:
    import psycopg

LIMIT = 15.0
"""Seconds. The client keeps them: no server setting ends a commit that waits for a lost synchronous standby."""
MOST_ROWS = 1000
MOST_CHARACTERS = 400
"""Of one value; what is longer is cut."""

_PIECE = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    | --[^\n]* | /\*.*?\*/ | ; | [^'"$;/eE-]+ | .""",
    re.DOTALL | re.VERBOSE,
)
_READS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:select|values|table|show|explain|fetch)\b", re.IGNORECASE | re.DOTALL
)
_INTO = re.compile(r"\binto\b", re.IGNORECASE)
"""A SELECT INTO makes a table and gives no rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """The rows of one statement."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: bool = False
    """Whether there were more than are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of one statement."""

    said: str
    """The server's word for it, such as `CREATE TABLE`."""
    table: Table | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What was typed once, and everything that came of it."""

    server: str
    text: str
    outcomes: tuple[Outcome, ...] = ()
    notices: tuple[str, ...] = ()
    error: str = ""
    state: str = ""
    """The error's SQLSTATE; a connection that was refused has none."""
    seconds: float = 0.0
    place: str = ""
    """Where on the page it is shown."""


def statements(text: str) -> list[str]:
    """The statements of `text`, parted at the semicolons outside of quotes and comments; empty ones are left out."""
    found, current, filled = [], "", False
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece != ";":
            current += piece
            filled |= bool(piece.strip()) and not piece.startswith(("--", "/*"))
            continue
        if filled:
            found.append(current.strip())
        current, filled = "", False
    return [*found, current.strip()] if filled else found


def run(conninfo: str, server: str, text: str, *, limit: float = LIMIT) -> Run:
    """Run `text` in a session of its own, statement by statement, up to the first that fails.

    Args:
        conninfo: Where, and as whom.
        server: What the learner calls it.
        text: One statement or several.
        limit: Seconds after which the client cancels.
    """
    import psycopg

    began, outcomes, notices = time.monotonic(), list[Outcome](), list[str]()
    error = state = ""
    out_of_time = threading.Event()
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as connection:
            connection.add_notice_handler(lambda said: notices.append(f"{said.severity}: {said.message_primary}"))
            timer = threading.Timer(limit, _cancel, (connection, out_of_time))
            timer.start()
            try:
                for statement in statements(text):
                    outcomes.append(_outcome(connection, statement))
            finally:
                timer.cancel()
    except psycopg.Error as cause:
        error, state = _told(cause), cause.sqlstate or ""
        if out_of_time.is_set():
            error = f"The console stopped this after {limit:g} seconds. {error}"
        elif text.lstrip().startswith("\\"):
            error = f"What begins with a backslash is a command of psql, and runs there. {error}"
        elif "COPY cannot be used" in error:
            error = "COPY from and to the client runs in psql, as \\copy; the console cannot do it."
    return Run(
        server=server,
        text=text.strip(),
        outcomes=tuple(outcomes),
        notices=tuple(notices[:20]),
        error=error,
        state=state,
        seconds=time.monotonic() - began,
    )


def _cancel(connection: psycopg.Connection[Any], out_of_time: threading.Event) -> None:
    out_of_time.set()
    connection.cancel_safe(timeout=3)


def _outcome(connection: psycopg.Connection[Any], statement: str) -> Outcome:
    with connection.cursor() as cursor:
        if not _READS.match(statement) or _INTO.search(statement):
            cursor.execute(statement.encode())
            rows = cursor.fetchmany(MOST_ROWS + 1) if cursor.description else []
            table = _table(cursor.description, rows) if cursor.description else None
            return Outcome(said=cursor.statusmessage or "", table=table)
        # One by one, so that a million rows do not fill the memory; closing ends the statement.
        stream: Any = cursor.stream(statement.encode())
        with closing(stream):
            rows = list(islice(stream, MOST_ROWS + 1))
        said = f"more than {MOST_ROWS} rows" if len(rows) > MOST_ROWS else counted(len(rows), "row")
        return Outcome(said=said, table=_table(cursor.description, rows))


def _table(description: Sequence[Any] | None, rows: Sequence[Sequence[Any]]) -> Table:
    return Table(
        columns=tuple(column.name for column in description or ()),
        rows=tuple(tuple(_value(value) for value in row) for row in rows[:MOST_ROWS]),
        more=len(rows) > MOST_ROWS,
    )


def _value(value: Any) -> str:
    if value is None:
        return "NULL"
    text = {True: "t", False: "f"}[value] if isinstance(value, bool) else str(value)
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + " …"


def _told(cause: psycopg.Error) -> str:
    told = cause.diag.message_primary or " ".join(str(cause).split())
    more = [
        f"{name}: {part}"
        for name, part in (("Detail", cause.diag.message_detail), ("Hint", cause.diag.message_hint))
        if part
    ]
    return " ".join([told, *more])
