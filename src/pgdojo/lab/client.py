"""A client that writes a row every 200 ms and keeps a ledger of what was acknowledged.

Started as `python -m pgdojo.lab.client FOLDER`, with FOLDER/client.json that says where to connect to. Its ledger is
ledger.jsonl, a line an attempt; what it comes to stands in ledger.json.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgdojo.lab import processes
from pgdojo.lab.server import time_limit

WHAT = "client"
"""How the ledger of processes calls it."""
EVERY = 0.2
"""Seconds from one attempt to the next."""

_TARGET = "client.json"
_LINES = "ledger.jsonl"
_FIGURES = "ledger.json"
_ATTEMPT_SECONDS = 2.0
_TABLE = "CREATE TABLE IF NOT EXISTS client_ledger (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"


@dataclass(frozen=True)
class Ledger:
    """What the writing client has seen."""

    running: bool
    acknowledged: int
    """Rows whose commit the client was told of."""
    lost: int | None
    """Acknowledged rows that the present primary does not have; None where no primary can be asked."""
    outage_seconds: float
    """The longest time without an acknowledged row, from one to the next."""
    points: tuple[tuple[float, bool], ...]
    """Each attempt: seconds since the start, and whether it was acknowledged."""


def aim(folder: Path, conninfos: Sequence[str]) -> None:
    """Say where the next client in `folder` writes to: whichever of the servers takes writes."""
    parts = [conninfo_to_dict(conninfo) for conninfo in conninfos]
    several = {name: ",".join(str(part.get(name, "")) for part in parts) for name in ("host", "hostaddr", "port")}
    options: dict[str, Any] = {
        **parts[0],
        **several,
        "target_session_attrs": "read-write",
        "connect_timeout": 2,
        "tcp_user_timeout": 2000,
        "application_name": "client",
    }
    target = make_conninfo(**options)
    last = max((line["id"] for line in _lines(folder)), default=0)
    path = folder / _TARGET
    path.touch(mode=0o600)
    path.write_text(json.dumps({"conninfo": target, "first": last + 1}), "utf-8")
    (folder / _LINES).unlink(missing_ok=True)
    (folder / _FIGURES).unlink(missing_ok=True)


def read_ledger(folder: Path) -> Ledger:
    """The ledger of the client in `folder`, empty without one; its figures are written to ledger.json, too."""
    lines = _lines(folder)
    acknowledged = {line["id"] for line in lines if line["ok"]}
    points = tuple((line["at"], line["ok"]) for line in lines)
    ledger = Ledger(
        running=bool(processes.remembered(folder, WHAT)),
        acknowledged=len(acknowledged),
        lost=_lost(folder, acknowledged) if lines else None,
        outage_seconds=outage(points),
        points=points,
    )
    if lines:
        _write_figures(folder, ledger)
    return ledger


def outage(points: Sequence[tuple[float, bool]]) -> float:
    """The longest time between two acknowledged rows with a failure or a second between them, 0 where there is none.

    Args:
        points: Seconds and whether acknowledged, in order of time. What still fails counts up to the last attempt.
    """
    longest, since, failed = 0.0, None, False
    for at, acknowledged in points:
        if since is not None and (failed or not acknowledged or at - since > 1):
            longest = max(longest, at - since)
        if acknowledged:
            since, failed = at, False
        else:
            failed = True
    return round(longest, 2)


def run(folder: Path, stopping: threading.Event) -> None:
    """Write until `stopping` is set."""
    target = json.loads((folder / _TARGET).read_text("utf-8"))
    started = time.monotonic()
    writer = _Writer(target["conninfo"])
    number = target["first"]
    with (folder / _LINES).open("a", encoding="utf-8") as file:
        while not stopping.is_set():
            acknowledged = writer.write(number)
            at = round(time.monotonic() - started, 3)
            file.write(json.dumps({"id": number, "at": at, "ok": acknowledged}) + "\n")
            file.flush()
            number += 1
            stopping.wait(EVERY - (time.monotonic() - started) % EVERY)
    writer.close()
    read_ledger(folder)


class _Writer:
    """A connection that is made anew after each failure."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: psycopg.Connection[Any] | None = None

    def write(self, number: int) -> bool:
        """Write one row; whether it was acknowledged in time."""
        try:
            connection = self._connection or self._connect()
            with time_limit(connection, _ATTEMPT_SECONDS) as cancelled:
                connection.execute("INSERT INTO client_ledger (id) VALUES (%s)", [number])
        except psycopg.Error:
            self.close()
            return False
        # a commit that was cancelled while it waited for a standby looks like one that succeeded
        return not cancelled.is_set()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _connect(self) -> psycopg.Connection[Any]:
        self._connection = psycopg.connect(self._conninfo, autocommit=True)
        with time_limit(self._connection, _ATTEMPT_SECONDS):
            self._connection.execute(_TABLE)
        return self._connection


def _lost(folder: Path, acknowledged: set[int]) -> int | None:
    target = json.loads((folder / _TARGET).read_text("utf-8"))["conninfo"]
    try:
        with psycopg.connect(target, autocommit=True) as connection, time_limit(connection, _ATTEMPT_SECONDS):
            present = {row[0] for row in connection.execute("SELECT id FROM client_ledger")}
    except psycopg.errors.UndefinedTable:
        present = set()
    except psycopg.Error:
        return None
    return len(acknowledged - present)


def _lines(folder: Path) -> list[dict[str, Any]]:
    try:
        text = (folder / _LINES).read_text("utf-8")
    except OSError:
        return []
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]  # the last one may be half written


def _write_figures(folder: Path, ledger: Ledger) -> None:
    figures = {
        "rows_acknowledged": ledger.acknowledged,
        "rows_lost": ledger.lost,
        "outage_seconds": ledger.outage_seconds,
    }
    path = folder / _FIGURES
    written = path.with_name(f".{_FIGURES}.{threading.get_ident()}")
    with contextlib.suppress(FileNotFoundError):  # the sandbox may be closed meanwhile
        written.write_text(json.dumps(figures), "utf-8")
        written.replace(path)


def main() -> None:
    """Write until the process is told to end."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    run(Path(sys.argv[1]), stopping)


if __name__ == "__main__":
    main()
