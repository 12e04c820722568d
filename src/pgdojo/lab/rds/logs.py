"""Log export: what a server writes goes to CloudWatch Logs, entry by entry, while its instance asks for that."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.logs.models import LogsBackend

EXPORT = "postgresql"
"""The type of log that is shipped; upgrade and iam-db-auth-error have no file here."""

_ENTRY = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC:")
_MOST_BYTES = 256 * 1024
"""Of one look, so that no flood of lines holds up the loop; the rest follows at the next one."""
_LONGEST = 200_000
"""Characters of an event; CloudWatch Logs takes no longer ones."""


class LogExport:
    """Ships each entry once; of one instance."""

    def __init__(self) -> None:
        """Begin with nothing shipped."""
        self._place = 0

    def ship(self, logs: LogsBackend, instance: str, log: Path, exports: list[str]) -> None:
        """Bring what is new in `log` into the group /aws/rds/instance/ID/postgresql.

        An instance that was made with the export ships its log from the first line; where the export is switched on
        later, from then on.

        Args:
            logs: moto's CloudWatch Logs of the Region.
            instance: The instance's identifier, which names group and stream.
            log: What its servers write; it may become shorter, and is then read from its start.
            exports: The types of log that the instance exports.
        """
        size = log.stat().st_size if log.exists() else 0
        if EXPORT not in exports:
            self._place = size
            return
        group, stream = f"/aws/rds/instance/{instance}/{EXPORT}", f"{instance}.0"
        _ensure(logs, group, stream)
        if size < self._place:
            self._place = 0
        if size == self._place:
            return
        if events := entries(self._new(log), now=time.time()):
            logs.put_log_events(group, stream, events)

    def _new(self, log: Path) -> str:
        """The whole lines that were written since, at most `_MOST_BYTES` of them."""
        with log.open("rb") as file:
            file.seek(self._place)
            data = file.read(_MOST_BYTES)
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) == _MOST_BYTES:
            end = len(data)  # a line that long is cut, or it would never be shipped
        self._place += end
        return data[:end].decode("utf-8", errors="replace")


def entries(text: str, *, now: float) -> list[dict[str, Any]]:
    """The entries of a log as events; a line without a time belongs to the entry before.

    Args:
        text: Whole lines.
        now: Seconds since 1970, for lines that no entry comes before.

    Returns:
        Each with its message, and with its timestamp in milliseconds since 1970.
    """
    events: list[dict[str, Any]] = []
    for line in text.splitlines():
        found = _ENTRY.match(line)
        if found is None and events:
            events[-1]["message"] = f"{events[-1]['message']}\n{line}"[:_LONGEST]
            continue
        events.append({"timestamp": _milliseconds(found[1]) if found else int(now * 1000), "message": line[:_LONGEST]})
    return events


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def _ensure(logs: LogsBackend, group: str, stream: str) -> None:
    if group not in logs.groups:
        logs.create_log_group(group, {})
    logs.ensure_log_stream(group, stream)
