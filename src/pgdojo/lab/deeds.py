"""What was done for a step, and for how long it was at work; a learner's reading and thinking is no part of that.

The file deeds.jsonl of a sandbox has a line for each button that was pressed and each command that was run and did not
fail. What is typed in a shell leaves none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pgdojo.learner.text import utc_now

FILE = "deeds.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """Something that was done for a step."""

    step: str
    began: datetime
    seconds: float | None
    """Until it was done; None where it goes on after its return, as a call of the AWS API does."""


@contextmanager
def noted(folder: Path, step: str, *, goes_on: bool = False) -> Iterator[None]:
    """Note what is done inside for `step`, unless it fails.

    Args:
        folder: The sandbox's.
        step: The step's id.
        goes_on: Whether it is at work after its return, too.
    """
    began, clock = utc_now(), time.monotonic()
    yield
    keep(folder, Deed(step=step, began=began, seconds=None if goes_on else time.monotonic() - clock))


def keep(folder: Path, deed: Deed) -> None:
    """Note `deed`; nothing where the sandbox has been closed meanwhile."""
    line = json.dumps({"step": deed.step, "began": deed.began.isoformat(), "seconds": deed.seconds})
    with suppress(FileNotFoundError), (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def at_work(folder: Path, step: str, until: datetime) -> float | None:
    """For how many seconds what was done for `step` was at work; None where nothing is known of it.

    Args:
        folder: The sandbox's.
        step: The step's id.
        until: When the step was passed: what went on has ended by then, or when the next thing was done for the step.
    """
    deeds = [deed for deed in _read(folder) if deed.step == step and deed.began <= until]
    if not deeds:
        return None
    ends = [deed.began for deed in deeds[1:]] + [until]
    taken = [_length(deed, end) for deed, end in zip(deeds, ends, strict=True)]
    return sum(taken, timedelta()).total_seconds()


def _length(deed: Deed, end: datetime) -> timedelta:
    return end - deed.began if deed.seconds is None else timedelta(seconds=deed.seconds)


def _read(folder: Path) -> list[Deed]:
    try:
        lines = (folder / FILE).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    entries = [json.loads(line) for line in lines if line.endswith("}")]  # the last one may be half written
    return [Deed(**{**entry, "began": datetime.fromisoformat(entry["began"])}) for entry in entries]
