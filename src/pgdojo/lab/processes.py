"""Processes of labs: started without root's rights, remembered by pid and time of start, and ended without mistakes.

A pid alone names no process, since the system gives it to another one later. So each is remembered with the time of its
start, and nothing is ever signalled whose time of start is another.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pgdojo.errors import LabError
from pgdojo.lab.engines import Engine, environment

_SPAWNED: dict[int, subprocess.Popen[bytes]] = {}
"""Children of ours that outlive the call that started them; their pipes stay open as long as we live."""

Way = Literal["self", "nobody", "unshare"]

_LEDGER = "processes.jsonl"
_NOBODY = 65534
_NAMESPACE = ("unshare", "--user", f"--map-user={_NOBODY}")
_GONE = frozenset("ZXx")
"""States of a process that has ended and waits for its parent to ask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guise:
    """As whom PostgreSQL runs, which refuses to run as root."""

    way: Way = "self"
    """self: as who we are; nobody: as that user; unshare: as the user of a namespace, who owns root's files."""

    def run(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        password: str = "",
        seconds: float = 60,
        more: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a tool of PostgreSQL in `folder` and return what it said, whether it failed or not.

        Args:
            command: The tool and its arguments; no shell sees them.
            folder: Where it runs.
            password: For PGPASSWORD, which no list of processes shows.
            seconds: After which it is ended.
            more: Further variables.

        Raises:
            LabError: It could not be started, or took too long.
        """
        prefix = _NAMESPACE if self.way == "unshare" else ()
        someone = self.way == "nobody"
        variables = environment() | ({"PGPASSWORD": password} if password else {}) | dict(more or {})
        try:
            return subprocess.run(  # noqa: S603 - a tool of an engine, with arguments of ours
                [*prefix, *map(str, command)],
                cwd=folder,
                env=variables,
                user="nobody" if someone else None,
                group=_NOBODY if someone else None,
                extra_groups=[] if someone else None,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as cause:
            raise LabError(
                f"{Path(str(command[0])).name} did not end within {seconds:g} s.", next_step=_AGAIN
            ) from cause
        except OSError as cause:
            raise LabError(f"{command[0]} cannot be run ({cause}).", next_step="Install PostgreSQL anew.") from cause

    def own(self, *paths: Path) -> None:
        """Give `paths`, with all below them, to whom PostgreSQL runs as."""
        if self.way != "nobody":
            return
        for path in paths:
            _give(path)
            for below in path.rglob("*"):
                _give(below)


_AGAIN = "Reset the lab and start it again."


def guise(engine: Engine, folder: Path) -> Guise:
    """As whom `engine` can run servers in `folder`; tried out where we are root.

    Raises:
        LabError: We are root, and there is no way to step down.
    """
    if os.name == "nt" or os.geteuid() != 0:
        return Guise()
    if _open_to_all(folder) and _runs(Guise(way="nobody"), engine, folder):
        return Guise(way="nobody")
    if _runs(Guise(way="unshare"), engine, folder):
        return Guise(way="unshare")
    raise LabError(
        "PostgreSQL does not run as root, and neither the user nobody nor a user namespace can run it here.",
        next_step="Start pgdojo as an ordinary user.",
    )


def started_at(pid: int) -> str | None:
    """When the process `pid` started, in the system's own words; None where it has ended."""
    if sys.platform == "linux":
        return _started_at_linux(pid)
    listing = shutil.which("ps")
    if listing is None:
        return None
    done = subprocess.run(  # noqa: S603 - the system's own ps, and a number
        [listing, "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = done.stdout.strip().partition(" ")
    return started.strip() if started and state[:1] not in _GONE else None


def spawn(folder: Path, what: str, module: str, *, pipe: bool = False) -> int:
    """Start a module of ours on `folder`, apart from our terminal, and return its pid.

    Args:
        folder: Its argument; what it prints goes to WHAT.log there.
        what: How the ledger calls it.
        module: Such as `pgdojo.lab.client`.
        pipe: Whether it holds a pipe whose end tells it that we have ended.
    """
    with (folder / f"{what}.log").open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
            [sys.executable, "-P", "-m", module, str(folder)],
            stdin=subprocess.PIPE if pipe else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _SPAWNED[child.pid] = child
    remember(folder, child.pid, what)
    return child.pid


def remember(folder: Path, pid: int, what: str) -> None:
    """Write a process of the sandbox in `folder` into its ledger."""
    started = started_at(pid)
    if started is None:
        return
    with (folder / _LEDGER).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"pid": pid, "started": started, "what": what}) + "\n")


def remembered(folder: Path, what: str | None = None) -> list[int]:
    """The pids in the ledger of `folder` whose processes still run, the oldest first; of one kind, or of all."""
    try:
        lines = (folder / _LEDGER).read_text("utf-8").splitlines()
    except OSError:
        return []
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    wanted = (entry for entry in entries if what is None or entry["what"] == what)
    return list(dict.fromkeys(entry["pid"] for entry in wanted if started_at(entry["pid"]) == entry["started"]))


def is_ours(folder: Path, pid: int, what: str) -> bool:
    """Whether the ledger of `folder` holds `pid` under `what`, and it is no later process of the same pid."""
    return pid in remembered(folder, what)


def descendants(pid: int) -> list[int]:
    """The processes below `pid`, at any depth."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def working_in(folder: Path) -> list[int]:
    """The PostgreSQL processes whose working folder lies in `folder`, which are no one else's; Linux tells them."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            place = Path(str(link.readlink()).removesuffix(" (deleted)"))
            if place.is_relative_to(folder) and link.with_name("comm").read_text("ascii").strip() == "postgres":
                found.append(int(link.parent.name))
    return found


def end(pids: Iterable[int], sign: signal.Signals = signal.SIGTERM, *, seconds: float = 2) -> None:
    """Signal processes, and end with SIGKILL those that are still there after `seconds`.

    Args:
        pids: Of processes that are known to be ours now.
        sign: What is tried first.
        seconds: How long they have for it.
    """
    known = {pid: started_at(pid) for pid in pids}
    _signal(known, sign)
    if not _ended(known, seconds):
        _signal(known, signal.SIGKILL)
        _ended(known, 5)


def kill_tree(pid: int) -> None:
    """End `pid` and all below it at once with SIGKILL, as a crash of their host would."""
    end([pid, *descendants(pid)], signal.SIGKILL)


def _signal(known: dict[int, str | None], sign: signal.Signals) -> None:
    for pid, started in known.items():
        if started is not None and started_at(pid) == started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)


def _ended(known: dict[int, str | None], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while True:
        for pid in known:  # a child of ours would stay a zombie
            if (child := _SPAWNED.get(pid)) and child.poll() is not None:
                _let_go(pid)
        if all(started is None or started_at(pid) != started for pid, started in known.items()):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.02)


def _let_go(pid: int) -> None:
    child = _SPAWNED.pop(pid, None)
    if child and child.stdin:
        with contextlib.suppress(OSError):
            child.stdin.close()


def _started_at_linux(pid: int) -> str | None:
    try:
        # the name in brackets may hold blanks and brackets itself
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return fields[19] if fields[0] not in _GONE else None


def _parents() -> Iterable[tuple[int, int]]:
    if sys.platform != "linux":
        listing = shutil.which("ps") or "ps"
        done = subprocess.run(  # noqa: S603 - the system's own ps
            [listing, "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False
        )
        return [(int(pid), int(parent)) for pid, parent in (line.split() for line in done.stdout.splitlines())]
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = path.read_text("ascii", errors="replace").rpartition(")")[2].split()[1]
            found.append((int(path.parent.name), int(parent)))
    return found


def _give(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)


def _open_to_all(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _runs(way: Guise, engine: Engine, folder: Path) -> bool:
    try:
        return way.run([engine.bin / "postgres", "--version"], folder=folder, seconds=10).returncode == 0
    except (LabError, KeyError, PermissionError):
        return False
