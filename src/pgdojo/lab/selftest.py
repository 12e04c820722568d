"""A lab against itself: untouched it fails, solved it passes, each mistake is told its reason, and nothing is left."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pgdojo.course.lab_records import Lab, LabStep, Mutant, Operation
from pgdojo.errors import LabError
from pgdojo.lab.checks import Finding, redact, run_check, secrets_of
from pgdojo.lab.runner import advice, missing, run_checks

if TYPE_CHECKING:
    from pgdojo.lab.sandbox import Sandbox

Verdict = Literal["ok", "fault", "not checked"]
Hear = Callable[["Line"], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One promise of a lab, and whether it was kept."""

    about: str
    verdict: Verdict
    says: str = ""

    def __str__(self) -> str:
        return f"{self.verdict:11} {self.about}{f': {self.says}' if self.says else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfTest:
    """What the test of a lab found."""

    lab: str
    lines: tuple[Line, ...]

    @property
    def faults(self) -> tuple[Line, ...]:
        """The promises that were broken."""
        return tuple(line for line in self.lines if line.verdict == "fault")

    @property
    def not_checked(self) -> tuple[Line, ...]:
        """What nothing on this machine can check; never counted as kept."""
        return tuple(line for line in self.lines if line.verdict == "not checked")


class _BrokenError(Exception):
    """A promise was broken, so that what rests on it cannot be tested."""


def run(lab: Lab, folder: Path | None = None, *, mistakes: int | None = None, hear: Hear = lambda _: None) -> SelfTest:
    """Test a lab in sandboxes of its own.

    Args:
        lab: The lab.
        folder: Where its sandboxes are made; a temporary folder by default.
        mistakes: How many of its mistakes to make, the first ones; all of them by default.
        hear: Hears of each line as it comes.
    """
    lines: list[Line] = []
    if folder is not None:
        for line in _lines(lab, folder, mistakes):
            lines.append(line)
            hear(line)
        return SelfTest(lab=lab.id, lines=tuple(lines))
    # Short, since a socket's path has room for about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="pgl", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        return run(lab, Path(made), mistakes=mistakes, hear=hear)


def _lines(lab: Lab, folder: Path, mistakes: int | None) -> Iterator[Line]:
    lacking = missing(lab)
    if lacking:
        yield Line(about="the lab", verdict="not checked", says=_lacks(lacking))
        return
    yield from _guarded("solution", _solve_all(lab, folder / "s"))
    for number, mutant in enumerate(lab.mutants[:mistakes]):
        yield from _guarded(mutant.name, _make_mistake(lab, mutant, folder / f"m{number}"))


def _guarded(about: str, lines: Iterator[Line]) -> Iterator[Line]:
    """The lines up to the first that makes the rest pointless."""
    try:
        yield from lines
    except _BrokenError as cause:
        yield Line(about=about, verdict="fault", says=str(cause))
    except LabError as cause:
        yield Line(about=about, verdict="fault", says=f"the sandbox failed: {cause}")


def _solve_all(lab: Lab, folder: Path) -> Iterator[Line]:
    with _sandbox(lab, folder) as (sandbox, leftovers):
        for step in lab.steps:
            yield _untouched(lab, step, sandbox)
        for step in lab.steps:
            lacking = missing(lab, step)
            if lacking:
                yield Line(about=f"step {step.id}, solved", verdict="not checked", says=_lacks(lacking))
                continue
            _solve(step, sandbox)
            yield Line(about=f"step {step.id}, solved", verdict="ok")
    left = leftovers()
    yield Line(about="cleaned up", verdict="fault" if left else "ok", says=left)


def _untouched(lab: Lab, step: LabStep, sandbox: Sandbox) -> Line:
    """No step passes before anything was done; nobody waits here for what is not to come."""
    about = f"step {step.id}, untouched"
    lacking = missing(lab, step)
    if lacking:
        return Line(about=about, verdict="not checked", says=_lacks(lacking))
    for check in step.checks:
        finding = run_check(check.model_copy(update={"retry": None}), sandbox)
        if finding.status != "passed":
            return Line(about=about, verdict="ok", says=f"{finding.check} is {finding.status}")
    return Line(about=about, verdict="fault", says="all of its checks pass before anything is done.")


def _solve(step: LabStep, sandbox: Sandbox) -> None:
    """Do a step's solution, after which its checks must pass."""
    for operation in step.solution:
        _perform(operation, sandbox, f"the solution of {step.id}")
    finding = run_checks(step, sandbox)[-1]
    if finding.status != "passed":
        raise _BrokenError(f"the solution of {step.id} does not pass: {_told(finding)}")


def _make_mistake(lab: Lab, mutant: Mutant, folder: Path) -> Iterator[Line]:
    about = f"mistake “{mutant.name}”"
    place, wanted = lab.step(mutant.at), lab.step(mutant.expect.step)
    if place is None or wanted is None:
        raise _BrokenError("it names a step that does not exist. pgdojo check says which.")
    before = lab.steps[: lab.steps.index(place)]
    lacking = [need for step in (place, wanted) for need in missing(lab, step)]
    if lacking:
        yield Line(about=about, verdict="not checked", says=_lacks(lacking))
        return
    with _sandbox(lab, folder) as (sandbox, leftovers):
        for step in before:
            if not missing(lab, step):
                _solve(step, sandbox)
        for operation in mutant.do:
            _perform(operation, sandbox, "the mistake")
        finding = run_checks(wanted, sandbox)[-1]
    problem = _unlike(finding, mutant)
    left = leftovers()
    if problem or left:
        yield Line(about=about, verdict="fault", says=problem or left)
    else:
        yield Line(about=about, verdict="ok", says=finding.say)


def _unlike(finding: Finding, mutant: Mutant) -> str:
    """How a finding differs from what the mistake was to be told; empty where it does not."""
    expect = mutant.expect
    if (finding.check, finding.status) != (expect.check, expect.status):
        return f"expected {expect.check} to be {expect.status}, and {_told(finding)}"
    if expect.says and not re.search(expect.says, finding.say):
        return f"expected to be told “{expect.says}”, and {_told(finding)}"
    return ""


def _told(finding: Finding) -> str:
    return (
        f"{finding.check} is {finding.status}: “{finding.say}” "
        f"(expected {finding.expected}; found {finding.found}; {finding.log})"
    )


def _perform(operation: Operation, sandbox: Sandbox, part: str) -> None:
    try:
        sandbox.perform(operation)
    except LabError as cause:
        said = redact(str(cause), secrets_of(sandbox))
        what = operation.do or operation.aws or " ".join((operation.sql or "").split())[:80]
        raise _BrokenError(f"{part} fails at {what}: {said}") from cause


@contextmanager
def _sandbox(lab: Lab, folder: Path) -> Iterator[tuple[Sandbox, Callable[[], str]]]:
    """A fresh sandbox, closed at the end, and what then says what it left behind."""
    from pgdojo.lab.sandbox import Sandbox

    sandbox = Sandbox.create(lab, folder, owner=os.getpid())
    ports: set[int] = set()

    def leftovers() -> str:
        if folder.exists():
            return f"after closing, {folder} is still there."
        if Path("/proc/self/cmdline").exists():
            alive = _processes_of(folder)
            return f"after closing, the process {alive[0]} still runs." if alive else ""
        # A free port may have been taken by anybody since, so that this is asked only where nothing better is known.
        answering = [port for port in sorted(ports) if _answers(port)]
        return f"after closing, something still answers on port {answering[0]}." if answering else ""

    try:
        yield sandbox, leftovers
    finally:
        ports.update(state.port for state in sandbox.states() if state.role != "stopped")
        sandbox.close()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _processes_of(folder: Path) -> list[str]:
    """Processes whose command line names the folder, where the system shows them as files."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes()
        except OSError:
            continue
        if f"{folder}/".encode() in words:
            found.append(line.parent.name)
    return found


def _lacks(needs: list[str]) -> str:
    return f"nothing on this machine has {', '.join(dict.fromkeys(needs))}; add it: {advice(needs[0])}"
