"""The labs of a course: read from `labs/*/lab.yaml`, and judged as far as a program can without running them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

from pgdojo.course.banks import Find, Quizzes
from pgdojo.course.lab_records import Check, ConnectCheck, Lab, LabStep, LogCheck, Mutant, Operation, SqlCheck
from pgdojo.course.schemas import validated
from pgdojo.course.yaml_files import Place, YamlFile, read_yaml
from pgdojo.errors import CourseError, Fault

FOLDER = "labs"
FILE = "lab.yaml"
DEBRIEF = 2
"""Quiz items at the end of a lab."""
MUTANTS = 2
"""Mistakes, at least, that a lab makes on purpose."""

Finding: TypeAlias = tuple[Place, str]
"""Where in the file, and what is wrong."""

_NOT_CODE = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag)|--[^\n]*|/\*.*?\*/", re.DOTALL
)
"""What a semicolon may stand in without ending a statement."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenLab:
    """A lab and the file that it stands in."""

    lab: Lab
    name: str
    """Path below the course's folder."""
    file: YamlFile = field(repr=False)

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return Path(self.name).parent.name


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a lab is judged against."""

    find: Find
    quizzes: Quizzes
    today: date


def load_labs(root: Path) -> dict[str, Lab]:
    """Read the labs of the course in `root`, by their ids and in their order; without `labs/` there are none.

    Raises:
        CourseError: A file cannot be read, has another shape, or an id stands twice; all faults are in it.
    """
    return {written.lab.id: written.lab for written in read_labs(root)}


def read_labs(root: Path) -> tuple[WrittenLab, ...]:
    """As `load_labs`, each with its file.

    Raises:
        CourseError: As `load_labs`.
    """
    faults: list[Fault] = []
    found: dict[str, WrittenLab] = {}
    for path in sorted((root / FOLDER).glob(f"*/{FILE}")):
        try:
            written = _read(path, path.relative_to(root).as_posix())
        except CourseError as cause:
            faults.extend(cause.faults)
            continue
        first = found.setdefault(written.lab.id, written)
        if first is not written:
            problem = f"the id is taken by {first.name}."
            line = written.file.line(("id",))
            faults.append(
                Fault(
                    file=written.name,
                    line=line,
                    item=written.lab.id,
                    field="id",
                    problem=problem,
                    next_step="Rename one.",
                )
            )
    if faults:
        raise CourseError(faults)
    return tuple(sorted(found.values(), key=lambda written: (written.lab.order, written.lab.id)))


def _read(path: Path, name: str) -> WrittenLab:
    file = read_yaml(path, name)
    if not isinstance(file.data, dict):
        raise CourseError([Fault(file=name, line=1, problem="the file must be fields, the first of them id.")])
    try:
        lab = validated(Lab, file.data, (), file, name, path.parent.name)
    except CourseError as cause:
        raise CourseError([_at_its_step(fault, file) for fault in cause.faults]) from cause
    return WrittenLab(lab=lab, name=name, file=file)


def _at_its_step(fault: Fault, file: YamlFile) -> Fault:
    """The fault with the step that holds it, where one does."""
    within = re.fullmatch(r"steps\.(\d+)\.(.+)", fault.field)
    if not within:
        return fault
    step = file.data["steps"][int(within[1])]
    name = step.get("id") if isinstance(step, dict) else None
    return replace(fault, item=f"{fault.item}, step {name or int(within[1]) + 1}", field=within[2])


def judge(labs: Sequence[WrittenLab], find: Find, quizzes: Quizzes, today: date) -> Iterator[Fault]:
    """The faults of each lab by itself.

    Args:
        labs: What is judged.
        find: Gives the passages that are cited.
        quizzes: The objectives, and the items of the debriefs.
        today: Against which dates are judged.
    """
    context = Context(find=find, quizzes=quizzes, today=today)
    for written in labs:
        if written.lab.id != written.folder:
            yield _fault(written, ("id",), f"the id is not that of the folder, {written.folder}.")
        for rule in RULES:
            for place, problem in rule(written.lab, context):
                yield _fault(written, place, problem)


def _fault(written: WrittenLab, place: Place, problem: str) -> Fault:
    fault = Fault(
        file=written.name,
        line=written.file.line(place),
        item=written.lab.id,
        field=".".join(str(part) for part in place),
        problem=problem,
    )
    return _at_its_step(fault, written.file)


def _head(lab: Lab, context: Context) -> Iterator[Finding]:
    for name in lab.objectives:
        if name not in context.quizzes.objectives:
            near = get_close_matches(name, context.quizzes.objectives, n=1)
            yield ("objectives",), f"there is no objective {name}.{f' Did you mean {near[0]}?' if near else ''}"
    if len(set(lab.debrief)) != DEBRIEF:
        yield ("debrief",), f"there are {len(set(lab.debrief))} items, and a debrief has {DEBRIEF}."
    for name in lab.debrief:
        item = context.quizzes.items.get(name)
        if item is None or item.status != "published":
            yield ("debrief",), f"there is no published quiz item {name}."
    if lab.minutes < len(lab.steps):
        yield ("minutes",), f"{lab.minutes} minutes are less than one a step."


def _dates(lab: Lab, context: Context) -> Iterator[Finding]:
    if not _later(lab.review_by, lab.as_of):
        yield ("review_by",), f"{lab.review_by} does not come after as_of, {lab.as_of}."
    limit = context.today.replace(year=context.today.year + 1, day=min(context.today.day, 28)).isoformat()
    if _later(lab.review_by, limit):
        yield ("review_by",), f"{lab.review_by} is more than twelve months ahead."


def _later(one: str, other: str) -> bool:
    """Whether `one` is after `other`, as far as both are precise."""
    length = min(len(one), len(other))
    return one[:length] > other[:length]


def _citations(lab: Lab, context: Context) -> Iterator[Finding]:
    for place, name in _cited(lab):
        if context.find(name) is None:
            yield place, f"there is no passage {name}."


def _cited(lab: Lab) -> Iterator[tuple[Place, str]]:
    """Every passage that is named, and where."""
    yield from ((("cites", n), name) for n, name in enumerate(lab.cites))
    for at, step in enumerate(lab.steps):
        here: Place = ("steps", at)
        yield from (((*here, "cites", n), name) for n, name in enumerate(step.cites))
        yield (*here, "hints", "pointer"), step.hints.pointer
        for number, check in enumerate(step.checks):
            there: Place = (*here, "checks", number)
            yield from (((*there, "cites", n), name) for n, name in enumerate(check.cites))
            for n, cause in enumerate(check.when):
                yield from (((*there, "when", n, "cites", m), name) for m, name in enumerate(cause.cites))


def _order(lab: Lab, _: Context) -> Iterator[Finding]:
    """Step ids are unique, and the steps that wait for one another come to an end."""
    for name, times in Counter(step.id for step in lab.steps).items():
        if times > 1:
            yield ("steps",), f"the step {name} stands {times} times."
            return
    for at, step in enumerate(lab.steps):
        lost = [name for name in step.after or () if lab.step(name) is None]
        if lost:
            yield ("steps", at, "after"), f"there is no step {lost[0]}."
    done: set[str] = set()
    for _step in lab.steps:
        done |= {step.id for step in lab.steps if set(lab.before(step)) <= done}
    for at, step in enumerate(lab.steps):
        if step.id not in done and all(lab.step(name) for name in lab.before(step)):
            yield ("steps", at, "after"), "the step is never reached: steps wait for one another in a circle."


def _checks(lab: Lab, _: Context) -> Iterator[Finding]:
    for at, step in enumerate(lab.steps):
        for name, times in Counter(check.id for check in step.checks).items():
            if times > 1:
                yield ("steps", at, "checks"), f"the check {name} stands {times} times."
        if not any(check.when for check in step.checks):
            yield ("steps", at, "checks"), "no check has a cause under when, so no mistake is told its reason."
        for number, check in enumerate(step.checks):
            place: Place = ("steps", at, "checks", number)
            if not check.expect.in_words():
                yield (*place, "expect"), "the condition is empty, so anything would pass."
            if isinstance(check, SqlCheck) and not is_one_statement(check.run):
                yield (*place, "run"), "a check runs one statement; take the semicolon out, or make two checks of it."


def is_one_statement(sql: str) -> bool:
    """Whether no semicolon ends a statement before the end."""
    return ";" not in _NOT_CODE.sub("''", sql).strip().removesuffix(";")


def _servers(lab: Lab, _: Context) -> Iterator[Finding]:
    """Every server that something is done to is started by the lab."""
    simulated = "aws" in lab.needs
    if simulated and lab.sandbox.servers:
        yield ("sandbox", "servers"), "a lab that needs aws has no servers of its own; the small RDS starts them."
    if not simulated and not lab.sandbox.servers:
        yield ("sandbox",), "there are no servers."
    names = Counter(server.name for server in lab.sandbox.servers)
    for n, server in enumerate(lab.sandbox.servers):
        if names[server.name] > 1:
            yield ("sandbox", "servers", n, "name"), f"the name {server.name} stands {names[server.name]} times."
        if server.follows is not None and server.follows not in names:
            yield ("sandbox", "servers", n, "follows"), f"there is no server {server.follows}."
    known = set(names) | {one.to for _, one in _operations(lab) if one.do == "restore" and one.to}
    for place, name in _named_servers(lab):
        if ":" in name:
            step = lab.steps[int(place[1])] if place[0] == "steps" else None
            if not simulated and (step is None or "aws" not in step.needs):
                yield place, f"{name} is a server of the small RDS, which only a lab that needs aws has."
        elif name not in known:
            near = get_close_matches(name, known, n=1)
            yield place, f"there is no server {name}.{f' Did you mean {near[0]}?' if near else ''}"


def _operations(lab: Lab) -> Iterator[tuple[Place, Operation]]:
    yield from ((("sandbox", "setup", n), one) for n, one in enumerate(lab.sandbox.setup))
    for at, step in enumerate(lab.steps):
        yield from ((("steps", at, "actions", n), one) for n, one in enumerate(step.actions))
        yield from ((("steps", at, "solution", n), one) for n, one in enumerate(step.solution))
    for at, mutant in enumerate(lab.mutants):
        yield from ((("mutants", at, "do", n), one) for n, one in enumerate(mutant.do))


def _named_servers(lab: Lab) -> Iterator[tuple[Place, str]]:
    for place, one in _operations(lab):
        yield from (((*place, "on"), name) for name in one.servers)
        if one.do in {"rejoin", "upgrade"} and one.to:
            yield (*place, "to"), one.to
        if one.do == "upgrade" and one.source:
            yield (*place, "from"), one.source
    for at, step in enumerate(lab.steps):
        for n, command in enumerate(step.commands):
            if command.on is not None:
                yield ("steps", at, "commands", n, "on"), command.on
        for n, check in enumerate(step.checks):
            yield from (((*("steps", at, "checks", n), name), server) for name, server in _server_of(check))


def _server_of(check: Check) -> Iterator[tuple[str, str]]:
    if isinstance(check, SqlCheck | LogCheck):
        yield "on", check.on
    if isinstance(check, ConnectCheck):
        yield "to", check.to


def _mutants(lab: Lab, _: Context) -> Iterator[Finding]:
    if len(lab.mutants) < MUTANTS:
        yield ("mutants",), f"there are {len(lab.mutants)}, and a lab makes {MUTANTS} mistakes or more on purpose."
    for at, mutant in enumerate(lab.mutants):
        yield from (((*("mutants", at), *place), problem) for place, problem in _mutant(mutant, lab))


def _mutant(mutant: Mutant, lab: Lab) -> Iterator[Finding]:
    if lab.step(mutant.at) is None:
        yield ("at",), f"there is no step {mutant.at}."
    step: LabStep | None = lab.step(mutant.expect.step)
    if step is None:
        yield ("expect", "step"), f"there is no step {mutant.expect.step}."
    elif mutant.expect.check not in {check.id for check in step.checks}:
        yield ("expect", "check"), f"the step {step.id} has no check {mutant.expect.check}."
    if mutant.expect.status == "passed":
        yield ("expect", "status"), "a mistake must not pass."


RULES: Sequence[Callable[[Lab, Context], Iterator[Finding]]] = (
    _head,
    _dates,
    _citations,
    _order,
    _checks,
    _servers,
    _mutants,
)


def past_review(labs: Mapping[str, Lab], today: date) -> list[str]:
    """The labs whose review date has passed."""
    day = today.isoformat()
    return [lab.id for lab in labs.values() if lab.review_by < day[: len(lab.review_by)]]
