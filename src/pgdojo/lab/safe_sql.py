"""One read-only statement on a learner's server, whatever the statement is.

Read-only mode alone is no wall, above all not for a superuser. Here a role without rights asks, in a session that is
thrown away after one statement, under a time limit of the server and another one of the client.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pgdojo.errors import LabError

CONNECT_SECONDS = 5
CLIENT_SECONDS = 4.0
"""The client's own limit: the server's does not end a commit that waits for a lost synchronous standby."""
MAX_ROWS = 200
_APART_SECONDS = 20

_OPTIONS = (
    "-c default_transaction_read_only=on -c statement_timeout=2000 -c lock_timeout=500 "
    "-c idle_in_transaction_session_timeout=5000"
)
_PREFACE = re.compile(r"^.*connection to server (?:at|on) .*? failed: |^connection failed: |^- ")
_STATES = {
    "the database system is": "57P03",
    "not yet accepting connections": "57P03",
    "password authentication failed": "28P01",
    "no pg_hba.conf entry": "28000",
    "is not permitted to log in": "28000",
    "too many connections": "53300",
    "too many clients": "53300",
    "permission denied for database": "42501",
}
"""SQLSTATE of a failed login by its words, since psycopg does not carry it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """What a statement gave, at most `MAX_ROWS` of it."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class SqlFailedError(Exception):
    """The statement, or the login before it, failed."""

    def __init__(self, code: str, text: str, *, connected: bool) -> None:
        """Keep the SQLSTATE in `code`, empty where there is none, and whether the session had begun."""
        super().__init__(f"{code}: {text}" if code else text)
        self.code = code
        self.text = text
        self.connected = connected


def run_one(conninfo: str, sql: str) -> Rows:
    """Run one statement read-only, in a session of its own.

    Args:
        conninfo: Where, and as whom: the role `checker`, or another one that is no superuser.
        sql: Exactly one statement; text after a semicolon is refused by the server (42601).

    Raises:
        SqlFailedError: The server refused the login or the statement, cannot be reached, or took too long.
    """
    psycopg = driver()
    try:
        connection = psycopg.connect(conninfo, connect_timeout=CONNECT_SECONDS, options=_OPTIONS)
    except psycopg.Error as cause:
        raise login_failure(cause) from cause
    timer = threading.Timer(CLIENT_SECONDS, _cancel, [connection])
    timer.daemon = True
    timer.start()
    try:
        # From the first statement on, SET TRANSACTION READ WRITE is refused (25001).
        connection.execute("SELECT 1")
        cursor = connection.cursor()
        # Prepared, and so by the extended protocol, which takes one statement only.
        cursor.execute(sql, prepare=True)
        if cursor.description is None:
            return Rows(columns=(), rows=())
        columns = tuple(column.name for column in cursor.description)
        return Rows(columns=columns, rows=tuple(cursor.fetchmany(MAX_ROWS)))
    except psycopg.Error as cause:
        raise SqlFailedError(cause.sqlstate or "", _first_line(cause), connected=True) from cause
    finally:
        timer.cancel()
        _throw_away(connection, psycopg)


def try_login(conninfo: str, variables: Mapping[str, str] | None = None, statements: Sequence[str] = ()) -> None:
    """Connect, run what is asked for, and leave again.

    Args:
        conninfo: Where, and as whom.
        variables: Of the environment, for this login alone; with them it is made in a process of its own.
        statements: What is run there, each by itself; only with `variables`.

    Raises:
        SqlFailedError: The server cannot be reached, or refused the login or a statement.
    """
    if variables:
        _log_in_apart(conninfo, variables, statements)
        return
    psycopg = driver()
    try:
        psycopg.connect(conninfo, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.Error as cause:
        raise login_failure(cause) from cause


def _log_in_apart(conninfo: str, variables: Mapping[str, str], statements: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pgdojo.lab.login"],
            input=json.dumps({"conninfo": conninfo, "statements": list(statements)}),
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=_APART_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as cause:
        raise SqlFailedError("", f"the login did not end in order ({type(cause).__name__})", connected=False) from cause
    ended = json.loads(done.stdout)
    if ended["error"] and ended["connected"]:
        raise SqlFailedError(ended["code"], ended["error"].splitlines()[0], connected=True)
    if ended["error"]:
        raise login_failure(RuntimeError(ended["error"]))


def driver() -> Any:
    """psycopg, which comes with the labs' extra.

    Raises:
        LabError: It is not installed.
    """
    try:
        import psycopg
    except ImportError as cause:
        raise LabError("The labs need psycopg.", next_step='Run pip install "pgdojo[labs]".') from cause
    return psycopg


def login_failure(cause: Exception) -> SqlFailedError:
    """Why a login failed, in the server's own words and without the client's preface."""
    text = _reason(str(cause))
    code = next((state for words, state in _STATES.items() if words in text), "")
    if not code and text.startswith("database ") and text.endswith("does not exist"):
        code = "3D000"
    return SqlFailedError(code, text, connected=False)


def _reason(message: str) -> str:
    """The last complaint of a login, which may have tried several addresses and ways."""
    line = next((line for line in reversed(message.splitlines()) if "failed: " in line), message.splitlines()[0])
    line = _PREFACE.sub("", line)
    return line.replace("FATAL:  ", "").replace("ERROR:  ", "").strip()


def _first_line(cause: Exception) -> str:
    return (str(cause).splitlines() or [type(cause).__name__])[0]


def _cancel(connection: Any) -> None:
    psycopg = driver()
    try:
        connection.cancel_safe(timeout=2.0)
    except psycopg.Error:
        # A server that does not even take a cancel is given up: the waiting thread sees the end of the stream.
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def _throw_away(connection: Any, psycopg: Any) -> None:
    with suppress(psycopg.Error):
        if not connection.closed:
            connection.rollback()
    connection.close()
