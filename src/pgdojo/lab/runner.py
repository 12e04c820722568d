"""Labs as a learner meets them: started, checked, helped along, and remembered in the journal."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pgdojo.course.lab_records import Lab, LabStep, Prediction
from pgdojo.errors import LabError, UsageError
from pgdojo.lab import engines, foreign, kerberos
from pgdojo.lab.checks import Finding, could_not, run_check
from pgdojo.lab.deeds import at_work
from pgdojo.lab.engines import Engine
from pgdojo.lab.real import STATE as AWAY
from pgdojo.lab.real import Away
from pgdojo.lab.real.login import Login, from_environment
from pgdojo.learner.lab_journal import LabJournal
from pgdojo.learner.records import LabCheck, LabHint, LabPrediction, LabRun
from pgdojo.learner.text import utc_now

if TYPE_CHECKING:
    from pgdojo.lab.real import Mode
    from pgdojo.lab.sandbox import Sandbox

HINT_WAIT = timedelta(seconds=90)
"""After how long a next hint may be had without an attempt."""

LOOK_SECONDS = 15
"""How long a look at the machine's engines is good for; a page asks at each click, for each step."""

StepStatus = Literal["waiting", "open", "passed", "reading"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A lab in the catalogue."""

    lab: Lab
    state: Literal["new", "open", "done"]
    passed: tuple[str, ...]
    """The steps that were passed, of this revision of the lab."""
    missing: Mapping[str, str]
    """What the lab as a whole needs and nothing here has, and the one command that would bring it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepState:
    """A step as one learner finds it."""

    step: LabStep
    status: StepStatus
    finding: Finding | None = None
    """The one to show: of the last check the first that did not pass, else the last."""
    hints: tuple[str, ...] = ()
    """The rungs shown so far."""
    next_hint_at: datetime | None = None
    """When the next rung may be had; None where it may be had now, or where there is none left."""
    prediction: float | None = None
    measured: float | None = None
    """What the prediction is compared with, once the step is passed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Past:
    """What the journal holds of one learner and one revision of a lab."""

    started: datetime | None
    checks: Sequence[LabCheck]
    hints: Sequence[LabHint]
    predictions: Sequence[LabPrediction]
    away: frozenset[str] | None = None
    """Where the lab does not run on this machine, the steps that cannot be checked there as a whole."""

    @property
    def passed(self) -> dict[str, datetime]:
        """When each step was passed first."""
        found: dict[str, datetime] = {}
        for check in self.checks:
            if check.status == "passed":
                found.setdefault(check.step, check.checked_at)
        return found

    def of(self, step: LabStep) -> list[LabCheck]:
        """The checks of one step."""
        return [check for check in self.checks if check.step == step.id]

    def rungs(self, step: LabStep) -> list[LabHint]:
        """The hints shown of one step."""
        return sorted((hint for hint in self.hints if hint.step == step.id), key=lambda hint: hint.rung)

    def opened(self, lab: Lab, step: LabStep) -> datetime | None:
        """Since when the step could be worked on: the lab's start, or the last pass that it waited for."""
        if self.started is None:
            return None
        passed = self.passed
        return max([self.started, *(passed[name] for name in lab.before(step) if name in passed)])


class LabRoom:
    """The labs of a course; safe to share between threads."""

    def __init__(
        self,
        labs: Mapping[str, Lab],
        journal: LabJournal,
        home: Path,
        clock: Callable[[], datetime] = utc_now,
        *,
        sandboxes: type[Sandbox] | None = None,
        for_team: bool = False,
    ) -> None:
        """Serve `labs`, each with its sandbox in a folder of its name below `home`.

        Args:
            labs: By their ids, in their order.
            journal: Where everything is remembered.
            home: The folder of the sandboxes.
            clock: Gives aware times.
            sandboxes: What makes and opens them; the real ones by default.
            for_team: Start nothing and look at no server: each learner does labs on their own machine.
        """
        self.labs = labs
        self.for_team = for_team
        self._journal, self._home, self._clock = journal, home, clock
        self._sandboxes = sandboxes or _real_sandboxes()
        self._locks: dict[str, threading.RLock] = {name: threading.RLock() for name in labs}
        self.login: Callable[[], Login | None] = from_environment
        """Gives the user with whom the databases of a lab on an account are looked into."""

    def lab(self, lab_id: str) -> Lab:
        """The lab called `lab_id`.

        Raises:
            UsageError: There is none.
        """
        if lab_id in self.labs:
            return self.labs[lab_id]
        near = get_close_matches(lab_id, self.labs, n=1)
        step = f"Did you mean {near[0]}?" if near else "pgdojo lab list names them."
        raise UsageError(f"There is no lab {lab_id[:80]}.", next_step=step)

    def step(self, lab_id: str, step_id: str) -> LabStep:
        """A step of a lab.

        Raises:
            UsageError: There is none.
        """
        lab = self.lab(lab_id)
        found = lab.step(step_id)
        if found is not None:
            return found
        names = ", ".join(step.id for step in lab.steps)
        raise UsageError(f"The lab {lab.id} has no step {step_id[:80]}.", next_step=f"Its steps are {names}.")

    def catalogue(self, learner: str) -> list[Entry]:
        """Every lab, in their order, with how far the learner has come."""
        return [self._entry(learner, lab) for lab in self.labs.values()]

    def _entry(self, learner: str, lab: Lab) -> Entry:
        past = self._past(learner, lab)
        passed = tuple(step.id for step in lab.steps if step.id in past.passed)
        lacking = {} if self.for_team else {need: advice(need) for need in missing(lab)}
        can_be_checked = [step.id for step in lab.steps if self.for_team or lacking or not missing(lab, step)]
        state: Literal["new", "open", "done"] = "open" if past.started or passed else "new"
        if can_be_checked and set(can_be_checked) <= set(passed):
            state = "done"
        return Entry(lab=lab, state=state, passed=passed, missing=lacking)

    def start(
        self, learner: str, lab_id: str, *, owner: int | None, away: Callable[[Lab, Path], Sandbox] | None = None
    ) -> Sandbox:
        """Start a lab's sandbox, or take up the one that runs.

        Args:
            learner: Who starts it.
            lab_id: The lab.
            owner: The process with whose end the sandbox ends; None for one that stays until it is stopped.
            away: Makes a sandbox that is not on this machine; the lab's own servers are started without it.

        Raises:
            UsageError: There is no such lab, or it runs elsewhere.
            LabError: What the lab needs is not here, or its servers do not start.
        """
        lab = self.lab(lab_id)
        self._must_be_here(lab)
        with self._locks[lab_id]:
            running = self.sandbox(lab_id)
            if running is not None and away is not None:
                problem = f"The lab {lab.id} has been started already."
                raise UsageError(problem, next_step=f"Go on with it, or stop it first: pgdojo lab stop {lab.id}")
            if running is not None:
                return running
            lacking = [] if away else missing(lab)
            if lacking:
                if foreign.concerns(lab):
                    foreign.must_fit(lab)
                problem = f"The lab {lab.id} needs {', '.join(lacking)}, which nothing on this machine has."
                raise LabError(problem, next_step=f"Add it: {advice(lacking[0])}")
            folder = self._home / lab.id
            sandbox = away(lab, folder) if away else self._sandboxes.create(lab, folder, owner=owner)
            run = LabRun(key=_key(), learner=learner, lab=lab.id, rev=lab.rev, started_at=self._clock())
            self._journal.start(run)
            return sandbox

    def sandbox(self, lab_id: str) -> Sandbox | None:
        """The lab's sandbox, None where it does not run, as none does on a team's server."""
        if self.for_team:
            self.lab(lab_id)
            return None
        folder = self._home / self.lab(lab_id).id
        if not (folder / AWAY).exists():
            return self._sandboxes.open(folder)
        from pgdojo.lab.real.sandbox import open_away

        return open_away(folder, self.login)

    def stop(self, lab_id: str, *, forget: bool = False) -> None:
        """Stop a lab's servers and remove what they wrote; what was passed stays.

        Args:
            lab_id: The lab.
            forget: Of a lab on an account, do not look whether something is left there.

        Raises:
            UsageError: There is no such lab.
            LabError: On the account, something is left that is billed for.
        """
        lab = self.lab(lab_id)
        self._must_be_here(lab)
        with self._locks[lab_id]:
            sandbox = self.sandbox(lab_id)
            if isinstance(sandbox, Away) and not forget:
                sandbox.must_be_empty(lab)
            if sandbox is not None:
                sandbox.close()

    def steps(self, learner: str, lab_id: str) -> list[StepState]:
        """Every step of a lab as the learner finds it.

        Raises:
            UsageError: There is no such lab.
        """
        lab = self.lab(lab_id)
        past = self._past(learner, lab)
        return [self._state(lab, step, past) for step in lab.steps]

    def _state(self, lab: Lab, step: LabStep, past: _Past) -> StepState:
        status = _status(lab, step, past)
        checks = past.of(step)
        rungs = past.rungs(step)
        predictions = [one.value for one in past.predictions if one.step == step.id]
        return StepState(
            step=step,
            status=status,
            finding=_unmet(lab, step) if status == "reading" else _shown(checks),
            hints=step.hints.rungs()[: len(rungs)],
            next_hint_at=self._next_hint_at(lab, step, past),
            prediction=predictions[-1] if predictions else None,
            measured=_measured(checks) if status == "passed" else None,
        )

    def _next_hint_at(self, lab: Lab, step: LabStep, past: _Past) -> datetime | None:
        rungs = past.rungs(step)
        since = max(filter(None, [past.opened(lab, step), *(hint.shown_at for hint in rungs)]), default=None)
        if since is None or len(rungs) >= len(step.hints.rungs()):
            return None
        if any(check.checked_at >= since and check.status != "passed" for check in past.of(step)):
            return None
        ready = since + HINT_WAIT
        return ready if ready > self._clock() else None

    def check(self, learner: str, lab_id: str, step_id: str, *, pasted: str | None = None) -> StepState:
        """Run the checks of a step up to the first that does not pass, and store what was found.

        Args:
            learner: Who has done the step.
            lab_id: The lab.
            step_id: The step.
            pasted: Output of the AWS CLI, for a lab that was started to be checked by it.

        Raises:
            UsageError: There is no such step, the steps before it are not passed, the lab does not run, or what was
                pasted cannot be read.
        """
        lab, step = self.lab(lab_id), self.step(lab_id, step_id)
        self._must_be_here(lab)
        with self._locks[lab_id]:
            unmet = None if isinstance(self.sandbox(lab_id), Away) else _unmet(lab, step)
            if unmet is not None:
                self._remember(learner, lab, step, [unmet], None)
                return self._state(lab, step, self._past(learner, lab))
            past = self._past(learner, lab)
            waits = [name for name in lab.before(step) if _waits_for(lab, name, past)]
            if waits and step.id not in past.passed:
                problem = f"The step {step.id} waits for {', '.join(waits)}."
                raise UsageError(problem, next_step=f"Do {waits[0]} first.")
            sandbox = self._running(lab)
            if pasted is not None:
                sandbox = _with_paste(lab, step, sandbox, pasted)
            findings = run_checks(step, sandbox)
            measured = None
            if findings[-1].status == "passed" and step.predict is not None:
                measured = self._measure(step.id, step.predict, sandbox, past.opened(lab, step))
            where = sandbox.mode if isinstance(sandbox, Away) else None
            self._remember(learner, lab, step, findings, measured, where)
            return self._state(lab, step, self._past(learner, lab))

    def _must_be_here(self, lab: Lab) -> None:
        if self.for_team:
            raise LabError(
                "The team's server runs no labs: each learner does them on their own machine.",
                next_step=f"There, run pgdojo lab start {lab.id}.",
            )

    def _running(self, lab: Lab) -> Sandbox:
        sandbox = self.sandbox(lab.id)
        if sandbox is None:
            raise UsageError(f"The lab {lab.id} does not run.", next_step=f"Start it: pgdojo lab start {lab.id}.")
        return sandbox

    def _measure(self, step: str, predicted: Prediction, sandbox: Sandbox, opened: datetime | None) -> float | None:
        if predicted.measure == "step_seconds":
            now = self._clock()
            worked = at_work(sandbox.folder, step, now)
            since_opened = (now - opened).total_seconds() if opened else None
            return since_opened if worked is None else worked
        try:
            ledger = sandbox.ledger()
        except LabError:
            # The client was never started, so that there is nothing to compare with.
            return None
        figures = {
            "outage_seconds": ledger.outage_seconds,
            "rows_lost": ledger.lost,
            "rows_acknowledged": ledger.acknowledged,
        }
        figure = figures[predicted.measure]
        return None if figure is None else float(figure)

    def _remember(
        self,
        learner: str,
        lab: Lab,
        step: LabStep,
        findings: Sequence[Finding],
        measured: float | None,
        where: Mode | None = None,
    ) -> None:
        evidence: dict[str, Any] = {"findings": [asdict(finding) for finding in findings], "measured": measured}
        if where is not None:
            evidence["aws"] = where
        self._journal.check(
            LabCheck(
                key=_key(),
                learner=learner,
                lab=lab.id,
                rev=lab.rev,
                step=step.id,
                status=findings[-1].status,
                evidence=evidence,
                checked_at=self._clock(),
            )
        )

    def predict(self, learner: str, lab_id: str, step_id: str, value: float) -> None:
        """Store what the learner commits to before a step; the last one before the pass counts.

        Raises:
            UsageError: The step asks for no prediction, or is passed already.
        """
        lab, step = self.lab(lab_id), self.step(lab_id, step_id)
        if step.predict is None:
            raise UsageError(f"The step {step.id} asks for no prediction.", next_step="Go on with the step.")
        if step.id in self._past(learner, lab).passed:
            raise UsageError(f"The step {step.id} is passed already.", next_step="Compare with what was measured.")
        self._journal.predict(
            LabPrediction(
                key=_key(),
                learner=learner,
                lab=lab.id,
                rev=lab.rev,
                step=step.id,
                value=value,
                predicted_at=self._clock(),
            )
        )

    def hint(self, learner: str, lab_id: str, step_id: str) -> StepState:
        """Show the next rung of a step's hints, where an attempt or `HINT_WAIT` has passed since the last.

        Returns:
            The step's state; with the same hints as before where it was too early or none was left.

        Raises:
            UsageError: There is no such step.
        """
        lab, step = self.lab(lab_id), self.step(lab_id, step_id)
        with self._locks[lab_id]:
            past = self._past(learner, lab)
            rung = len(past.rungs(step))
            if rung < len(step.hints.rungs()) and self._next_hint_at(lab, step, past) is None:
                self._journal.show_hint(
                    LabHint(
                        key=_key(),
                        learner=learner,
                        lab=lab.id,
                        rev=lab.rev,
                        step=step.id,
                        rung=rung,
                        shown_at=self._clock(),
                    )
                )
            return self._state(lab, step, self._past(learner, lab))

    def practising(self, passages: Collection[str]) -> list[tuple[Lab, LabStep | None]]:
        """The labs, and the steps where it is a step, that rest on one of `passages`."""
        wanted = set(passages)
        found: list[tuple[Lab, LabStep | None]] = []
        for lab in self.labs.values():
            steps = [step for step in lab.steps if wanted.intersection(step.cites)]
            found += [(lab, step) for step in steps]
            if not steps and wanted.intersection(lab.cites):
                found.append((lab, None))
        return found

    def _past(self, learner: str, lab: Lab) -> _Past:
        journal, name = self._journal, lab.id
        runs = [run for run in journal.runs(learner, name) if run.rev == lab.rev]
        return _Past(
            started=runs[-1].started_at if runs else None,
            checks=[one for one in journal.checks(learner, name) if one.rev == lab.rev],
            hints=[one for one in journal.hints(learner, name) if one.rev == lab.rev],
            predictions=[one for one in journal.predictions(learner, name) if one.rev == lab.rev],
            away=frozenset() if self.for_team else _not_whole(lab, self.sandbox(name)),
        )


def _real_sandboxes() -> type[Sandbox]:
    from pgdojo.lab.sandbox import Sandbox

    return Sandbox


def run_checks(step: LabStep, sandbox: Sandbox) -> list[Finding]:
    """What the checks of a step find, in order, up to and with the first that does not pass.

    A check that cannot be made where the lab runs comes last, so that the step does not pass for want of it.
    """
    away = sandbox if isinstance(sandbox, Away) else None
    findings, unmade = list[Finding](), list[Finding]()
    for check in step.checks:
        reason = away.why_not(check) if away else ""
        if reason:
            unmade.append(could_not(check, reason))
            continue
        found = run_check(away.prepared(check) if away else check, sandbox)
        findings.append(away.told(found) if away else found)
        if found.status != "passed":
            return findings
    return findings + unmade


def _with_paste(lab: Lab, step: LabStep, sandbox: Sandbox, text: str) -> Sandbox:
    from pgdojo.lab.real.sandbox import PasteSandbox

    if isinstance(sandbox, PasteSandbox):
        return sandbox.with_paste(text, step)
    problem = f"The lab {lab.id} was not started to be checked by pasting: its checks look for themselves."
    raise UsageError(problem, next_step=f"Check without --paste, or stop it and start it with --aws paste: {lab.id}.")


def _not_whole(lab: Lab, sandbox: Sandbox | None) -> frozenset[str] | None:
    if not isinstance(sandbox, Away):
        return None
    return frozenset(step.id for step in lab.steps if any(sandbox.cannot(check) for check in step.checks))


def missing(lab: Lab, step: LabStep | None = None) -> list[str]:
    """The needs of a lab, and of a step where one is given, that nothing on this machine meets."""
    if foreign.concerns(lab):
        return foreign.lacking(lab, step)
    needs = list(dict.fromkeys([*lab.needs, *(step.needs if step else ())]))
    lacking = [need for need in needs if need in engines.ELSEWHERE and not _meets_elsewhere(need)]
    engine = _engine_of(lab)
    if engine is not None:
        return lacking + [need for need in needs if need not in engine.meets | engines.ELSEWHERE]
    wanted = [need for need in lab.needs if need not in engines.ELSEWHERE]
    alone = [need for need in wanted if not any(need in engine.meets for engine in _engines())]
    # Where each is met, but only by engines apart, none of them is enough.
    return lacking + (alone or wanted or ["tool:postgres"])


def _engines() -> tuple[Engine, ...]:
    return _seen(int(time.monotonic() // LOOK_SECONDS))


@lru_cache(maxsize=1)
def _seen(_: int) -> tuple[Engine, ...]:
    return engines.engines()


def _engine_of(lab: Lab) -> Engine | None:
    """The engine that the sandbox takes: of those that can run the lab, the first that can check the most steps."""
    return engines.fittest(_engines(), lab.needs, (step.needs for step in lab.steps))


def advice(need: str) -> str:
    """The one command that would bring what a need asks for."""
    return engines.advice(need)


def _meets_elsewhere(need: str) -> bool:
    if need == "two_majors":
        return len({engine.major for engine in _engines()}) > 1
    if need == "kdc":
        return kerberos.available()
    from importlib.util import find_spec

    return find_spec("moto") is not None and find_spec("boto3") is not None


def _status(lab: Lab, step: LabStep, past: _Past) -> StepStatus:
    if past.away is None and missing(lab, step):
        return "reading"
    if step.id in past.passed:
        return "passed"
    if any(_waits_for(lab, name, past) for name in lab.before(step)):
        return "waiting"
    return "open"


def _waits_for(lab: Lab, name: str, past: _Past) -> bool:
    """Whether the step called `name` is still to be done; one that can only be read hands on what it waits for."""
    step = lab.step(name)
    if step is None or name in past.passed:
        return False
    can_pass = step.id not in past.away if past.away is not None else not missing(lab, step)
    return can_pass or any(_waits_for(lab, earlier, past) for earlier in lab.before(step))


def _unmet(lab: Lab, step: LabStep) -> Finding | None:
    """What is said in place of a check that nothing on this machine can make."""
    lacking = missing(lab, step)
    if not lacking:
        return None
    check = step.checks[0]
    there = f"none at {foreign.DSN}" if foreign.concerns(lab) else "none on this machine"
    return Finding(
        check=check.id,
        status="could_not_check",
        expected=f"a PostgreSQL with {', '.join(need.removeprefix(foreign.LACKS) for need in lacking)}",
        found=there,
        say=_for_reading(lacking),
        why=check.why,
        next=f"This would make it checkable: {advice(lacking[0])}",
        cites=check.cites,
        log="",
    )


def _for_reading(lacking: Sequence[str]) -> str:
    kept = [need.removeprefix(foreign.LACKS) for need in lacking if need.startswith(foreign.LACKS)]
    if not kept:
        return "This step is for reading here: nothing on this machine can check it."
    return f"This step is for reading here: it looks at {', '.join(kept)}, which the server of {foreign.DSN} keeps."


def _shown(checks: Sequence[LabCheck]) -> Finding | None:
    if not checks:
        return None
    findings = checks[-1].evidence["findings"]
    last = findings[-1]
    return Finding(**{**last, "cites": tuple(last["cites"])})


def _measured(checks: Sequence[LabCheck]) -> float | None:
    """What was measured at the first pass."""
    first = next((check for check in checks if check.status == "passed"), None)
    return first.evidence.get("measured") if first else None


def _key() -> str:
    return uuid.uuid4().hex
