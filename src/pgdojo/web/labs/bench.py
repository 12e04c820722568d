"""What takes seconds in a lab, run beside the pages: once for each click, one thing at a time in each lab."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.web.labs.statements import Run

_log = logging.getLogger(__name__)

PATIENCE = 0.6
"""Seconds that a click waits for its own end: what is quicker than that shows no waiting state at all."""
AGAIN = 0.5
"""Seconds after its end in which the same thing is not begun anew: the second half of a double click."""
SAME_STATEMENT = 1.0
"""The same for a statement, which unlike a check is not harmless twice; the slowest double click takes 0.9 seconds."""
REMEMBERED = 2000
"""Clicks whose keys are known, over all labs; only the last few can still come twice."""
STATEMENTS = 12
"""Runs of the console that its history holds."""

Work: TypeAlias = Callable[[], str | None]
"""Does it, and may say in a line what happened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What came of something that was done."""

    said: str
    failed: bool = False


@dataclass(kw_only=True)
class Job:
    """Something under way."""

    place: str
    """Where on the page it was begun, such as a step's id."""
    says: str
    """What is being done, as one reads it while waiting."""
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds(self) -> float:
        """For how long it has run."""
        return (self.ended or time.monotonic()) - self.began


class Bench:
    """The jobs of every lab in this process; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._told: dict[tuple[str, str], Told] = {}
        self._runs: dict[str, deque[Run]] = {}
        self._ran: dict[str, tuple[str, float]] = {}
        self._keys: deque[str] = deque(maxlen=REMEMBERED)
        self._begun: Counter[str] = Counter()
        self._behind: dict[str, tuple[str, ...]] = {}

    def begin(self, lab: str, place: str, says: str, work: Work, key: str) -> bool:
        """Begin `work` in a thread of its own, unless `key` was taken before or the lab is busy.

        Args:
            lab: The lab's id.
            place: Where its outcome is told.
            says: What is being done.
            work: Does it.
            key: Minted when the button was drawn, so that a double click begins it once.

        Returns:
            Whether it was begun.
        """
        with self._lock:
            last = self._jobs.get(lab)
            if key in self._keys or (last and (last.ended is None or _repeats(last, place, says))):
                return False
            self._keys.append(key)
            self._begun[lab] += 1
            job = self._jobs[lab] = Job(place=place, says=says)
            self._told.pop((lab, place), None)
        # A daemon: what it began in the sandbox ends with the sandbox, whose guardian watches this process.
        threading.Thread(target=self._run, args=(lab, job, work), name=f"lab-{lab}", daemon=True).start()
        job.over.wait(PATIENCE)
        return True

    def once(self, key: str) -> bool:
        """Take `key`; returns whether it had not been taken before."""
        with self._lock:
            if key in self._keys:
                return False
            self._keys.append(key)
            return True

    def _run(self, lab: str, job: Job, work: Work) -> None:
        said, failed = "", False
        try:
            said = work() or ""
        except PgdojoError as cause:
            said, failed = str(cause), True
        except Exception:  # noqa: BLE001  # the page must be able to say it, and the lab must not stay busy
            _log.exception("%s failed in the lab %s.", job.says, lab)
            said, failed = f"{job.says} did not work. The log says why; reset the lab if it stays so.", True
        with self._lock:
            if said:
                self._told[lab, job.place] = Told(said=said, failed=failed)
            job.ended = time.monotonic()
        job.over.set()

    def job(self, lab: str) -> Job | None:
        """What is under way in a lab."""
        job = self._jobs.get(lab)
        return job if job is not None and job.ended is None else None

    def begun(self, lab: str) -> int:
        """How many things were begun in a lab so far."""
        return self._begun[lab]

    def told(self, lab: str, place: str) -> Told | None:
        """What came of the last thing that was begun at `place`."""
        return self._told.get((lab, place))

    def behind(self, lab: str) -> tuple[str, ...]:
        """The steps that were passed on earlier servers, and of which the new ones know nothing."""
        return self._behind.get(lab, ())

    def set_behind(self, lab: str, steps: tuple[str, ...]) -> None:
        """Note which passed steps a lab's servers know nothing of."""
        with self._lock:
            self._behind[lab] = steps

    def keep(self, lab: str, run: Run) -> None:
        """Remember a run of the console, the latest first."""
        with self._lock:
            self._runs.setdefault(lab, deque(maxlen=STATEMENTS)).appendleft(run)

    def runs(self, lab: str) -> tuple[Run, ...]:
        """The console's last runs, the latest first."""
        with self._lock:
            return tuple(self._runs.get(lab, ()))

    def last_run(self, lab: str, place: str) -> Run | None:
        """The last run whose result is shown at `place`."""
        return next((run for run in self.runs(lab) if run.place == place), None)

    def forget(self, lab: str) -> None:
        """Forget what was told and run in a lab whose servers are gone."""
        with self._lock:
            self._runs.pop(lab, None)
            self._behind.pop(lab, None)
            for known in [known for known in self._told if known[0] == lab]:
                del self._told[known]

    def run_once(self, lab: str, key: str, what: str, work: Callable[[], Run], place: str) -> None:
        """Run what was typed and remember its result, once for each `key`, and once for a double click.

        Args:
            lab: The lab's id.
            key: Minted when the button was drawn.
            what: The server and the text, by which the second half of a double click is known.
            work: Runs it.
            place: Where on the page the result is shown.
        """
        with self._lock:
            last, ended = self._ran.get(lab, ("", 0.0))
            if key in self._keys or (last == what and time.monotonic() - ended < SAME_STATEMENT):
                return
            self._keys.append(key)
        run = replace(work(), place=place)
        self.keep(lab, run)
        with self._lock:
            self._ran[lab] = what, time.monotonic()


def _repeats(last: Job, place: str, says: str) -> bool:
    return (last.place, last.says) == (place, says) and time.monotonic() - (last.ended or 0) < AGAIN


@st.cache_resource(show_spinner=False)  # type: ignore[untyped-decorator]  # Streamlit is read without types
def bench() -> Bench:
    """The bench of this process."""
    return Bench()
