"""Labs as authors write them: what is started, what is done, how it is checked and how it solves itself."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from pgdojo.course.items import Level, PassageName, Prose
from pgdojo.course.schemas import Date, Entry, Line, Slug

Status = Literal["passed", "not_yet", "misconfigured", "in_progress", "could_not_check"]
"""How a check ends; only `not_yet` and `misconfigured` are about the learner."""

OPERATIONS = frozenset(
    """start stop restart reload kill promote cut mend rejoin set tls backup restore mark client_start client_stop
    dump load upgrade sleep wait kdc ticket login""".split()
)

_NEEDS = re.compile(r"aws|ssl|gss|kdc|pgaudit|pg_stat_statements|auto_explain|vector|two_majors|tool:[a-z_]+")
_READING = re.compile(r"[a-z-]+\.(?:describe|get|list)_[a-z_0-9]+")
_CALL = re.compile(r"[a-z-]+\.[a-z_0-9]+")


def _need(value: str) -> str:
    if not _NEEDS.fullmatch(value):
        raise ValueError("is no need that an engine can meet")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as cause:
        raise ValueError(f"is no regular expression ({cause})") from cause
    return value


def _inside(value: str) -> str:
    if value.startswith(("/", "~")) or ".." in value.split("/") or "\\" in value:
        raise ValueError("must lie below the sandbox's folder")
    return value


Need = Annotated[str, AfterValidator(_need)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_pattern)]
Place = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_inside)]
ServerName = Annotated[str, StringConstraints(pattern=r"^(?:(?:rds|writer|reader):)?[a-z][a-z0-9-]{0,40}$")]
Sql = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Seconds = Annotated[float, Field(gt=0, le=120)]


class ServerEntry(Entry):
    """One PostgreSQL of the sandbox."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,20}$")]
    version: Annotated[int, Field(ge=13, le=30)] | None = None
    settings: Annotated[dict[str, str], Field(default_factory=dict)]
    follows: str | None = None
    synchronous: bool = False
    archive: bool = False
    archive_seconds: Annotated[int, Field(ge=1, le=300)] = 3
    start: bool = True


class Operation(Entry):
    """One thing that is done to the sandbox: SQL, a call of the AWS API, or one of `OPERATIONS`."""

    do: str | None = None
    sql: Sql | None = None
    aws: Annotated[str, StringConstraints(pattern=_CALL.pattern)] | None = None
    on: ServerName | tuple[ServerName, ...] | None = None
    role: Annotated[str | None, Field(alias="as")] = None
    database: str = "shop"
    fails: Pattern | None = None
    settings: Annotated[dict[str, str], Field(default_factory=dict)]
    restart: bool = False
    name: Line | None = None
    force: bool = False
    to: Line | None = None
    source: Annotated[Line | None, Field(alias="from")] = None
    until: Line | None = None
    seconds: Seconds | None = None
    params: Annotated[dict[str, Any], Field(default_factory=dict)]
    keep: Annotated[dict[str, str], Field(default_factory=dict)]
    realm: Line | None = None
    principals: tuple[Line, ...] = ()
    destroy: bool = False

    @model_validator(mode="after")
    def _one_of_three(self) -> Operation:
        if sum(part is not None for part in (self.do, self.sql, self.aws)) != 1 and self.do not in {"wait", "login"}:
            raise ValueError("an operation is one of do, sql and aws")
        if self.do is not None and self.do not in OPERATIONS:
            raise ValueError(f"there is no operation {self.do}")
        if self.sql is not None and self.on is None:
            raise ValueError("sql needs on, the server that runs it")
        return self

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers that it is done to."""
        return (self.on,) if isinstance(self.on, str) else self.on or ()


class Action(Operation):
    """An operation behind a button."""

    label: Line
    danger: bool = False


class Command(Entry):
    """Something to copy; SQL also runs in the console."""

    language: Annotated[Literal["sql", "shell", "python"], Field(alias="in")]
    run: Sql
    on: ServerName | None = None
    says: Prose | None = None


class Condition(Entry):
    """What a found value must be; every field that is given must hold."""

    column: str | None = None
    equals: str | None = None
    unlike: Annotated[str | None, Field(alias="not")] = None
    at_least: float | None = None
    at_most: float | None = None
    matches: Pattern | None = None
    one_of: tuple[str, ...] = ()
    rows: int | None = None
    holds: str | None = None

    def in_words(self) -> str:
        """The condition as one reads it."""
        parts = [
            *([f"{self.equals}"] if self.equals is not None else []),
            *([f"not {self.unlike}"] if self.unlike is not None else []),
            *([f"at least {self.at_least:g}"] if self.at_least is not None else []),
            *([f"at most {self.at_most:g}"] if self.at_most is not None else []),
            *([f"a text like {self.matches}"] if self.matches is not None else []),
            *([f"one of {', '.join(self.one_of)}"] if self.one_of else []),
            *([f"{self.rows} rows"] if self.rows is not None else []),
            *([f"something that holds {self.holds}"] if self.holds is not None else []),
        ]
        return " and ".join(parts)


class Cause(Entry):
    """One reason why a check does not pass, and what the learner is told then."""

    found: Condition | None = None
    error: Pattern | None = None
    """What the error's SQLSTATE or text is like."""
    status: Literal["not_yet", "misconfigured", "in_progress", "could_not_check"]
    say: Prose
    why: Prose | None = None
    next: Prose | None = None
    cites: tuple[PassageName, ...] = ()

    @model_validator(mode="after")
    def _on_something(self) -> Cause:
        if (self.found is None) == (self.error is None):
            raise ValueError("a cause has either found or error")
        return self


class Retry(Entry):
    """For how long a check is asked again before it gives up."""

    seconds: Seconds


class CheckBase(Entry):
    """What every check has."""

    kind: str
    id: Slug
    expect: Condition
    why: Prose
    next: Prose
    cites: tuple[PassageName, ...] = ()
    when: tuple[Cause, ...] = ()
    retry: Retry | None = None


class SqlCheck(CheckBase):
    """A read-only statement and what it must give."""

    kind: Literal["sql"]
    on: ServerName
    run: Sql
    role: Annotated[str, Field(alias="as")] = "checker"
    database: str = "shop"


class ConnectCheck(CheckBase):
    """An attempt to connect, which must succeed or be refused."""

    kind: Literal["connect"]
    to: ServerName
    role: Annotated[str, Field(alias="as")] = "learner"
    password: Annotated[str, Field(default="right")]
    database: str = "shop"
    options: Annotated[dict[str, str], Field(default_factory=dict)]


class FileCheck(CheckBase):
    """Files below the sandbox's folder."""

    kind: Literal["file"]
    path: Place
    text: bool = False
    json_path: Annotated[str | None, Field(alias="json")] = None


class LogCheck(CheckBase):
    """Lines of a server's log."""

    kind: Literal["log"]
    on: ServerName
    matches: Pattern


class AwsCheck(CheckBase):
    """An answer of the AWS API; only calls that read."""

    kind: Literal["aws"]
    call: Annotated[str, StringConstraints(pattern=_READING.pattern)]
    params: Annotated[dict[str, Any], Field(default_factory=dict)]
    path: Line


Check: TypeAlias = Annotated[SqlCheck | ConnectCheck | FileCheck | LogCheck | AwsCheck, Field(discriminator="kind")]


class Hints(Entry):
    """Four rungs, each shown after the one before it did not help."""

    nudge: Prose
    pointer: PassageName
    partial: Prose
    solution: Prose

    def rungs(self) -> tuple[str, ...]:
        """The rungs from the gentlest on; the second is the id of a passage."""
        return self.nudge, self.pointer, self.partial, self.solution


class Prediction(Entry):
    """What the learner commits to before a step, and what it is compared with."""

    ask: Line
    unit: Line
    measure: Literal["outage_seconds", "rows_lost", "rows_acknowledged", "step_seconds"]


class LabStep(Entry):
    """One task."""

    id: Slug
    title: Line
    why: Prose
    do: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    needs: tuple[Need, ...] = ()
    after: tuple[Slug, ...] | None = None
    commands: tuple[Command, ...] = ()
    actions: tuple[Action, ...] = ()
    predict: Prediction | None = None
    cites: Annotated[tuple[PassageName, ...], Field(min_length=1)]
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]
    hints: Hints
    solution: Annotated[tuple[Operation, ...], Field(min_length=1)]


class Sandbox(Entry):
    """What is started before the first step."""

    servers: tuple[ServerEntry, ...] = ()
    setup: tuple[Operation, ...] = ()


class Outcome(Entry):
    """How a check must end."""

    step: Slug
    check: Slug
    status: Status
    says: Pattern | None = None


class Mutant(Entry):
    """A mistake that is made on purpose, and what it must be told."""

    name: Line
    at: Slug
    do: tuple[Operation, ...]
    expect: Outcome


class Lab(Entry):
    """A lab as a whole."""

    id: Slug
    rev: Annotated[int, Field(ge=1)]
    title: Line
    summary: Prose
    topic: Slug
    order: Annotated[int, Field(ge=1, le=1000)]
    level: Level
    minutes: Annotated[int, Field(ge=1, le=240)]
    objectives: Annotated[tuple[Slug, ...], Field(min_length=1)]
    cites: Annotated[tuple[PassageName, ...], Field(min_length=1)]
    as_of: Date
    review_by: Date
    needs: tuple[Need, ...] = ()
    debrief: tuple[Slug, ...] = ()
    sandbox: Sandbox = Sandbox()
    steps: Annotated[tuple[LabStep, ...], Field(min_length=1, max_length=14)]
    mutants: tuple[Mutant, ...] = ()

    def step(self, name: str) -> LabStep | None:
        """The step called `name`, None if there is none."""
        return next((step for step in self.steps if step.id == name), None)

    def before(self, step: LabStep) -> tuple[str, ...]:
        """The steps that `step` waits for."""
        if step.after is not None:
            return step.after
        place = self.steps.index(step)
        return (self.steps[place - 1].id,) if place else ()

    @property
    def practises(self) -> frozenset[str]:
        """Every passage that the lab or one of its steps rests on."""
        return frozenset(self.cites) | {cited for step in self.steps for cited in step.cites}
