"""Labs in a terminal: `pgdojo lab`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from pgdojo.errors import LabError, UsageError
from pgdojo.learner.records import LOCAL

if TYPE_CHECKING:
    from datetime import datetime

    from pgdojo.course.lab_records import Lab
    from pgdojo.lab.checks import Finding
    from pgdojo.lab.real.account import Account
    from pgdojo.lab.real.costs import Estimate
    from pgdojo.lab.real.sandbox import Agree
    from pgdojo.lab.runner import LabRoom, StepState
    from pgdojo.lab.sandbox import Sandbox
    from pgdojo.team.telling import Told

app = typer.Typer(help="Work on labs with real servers on this machine.", no_args_is_help=True)

LabName = Annotated[str, typer.Argument(metavar="ID", help="The lab, as pgdojo lab list names it.")]
StepName = Annotated[
    str | None, typer.Argument(metavar="[STEP]", help="The step; the first open one if it is left out.")
]


class Place(StrEnum):
    """Where the AWS of a lab is."""

    SIMULATED = "simulated"
    REAL = "real"
    PASTE = "paste"


_LATELY = 14
"""Days of which a check tells the team's server; what is older, pgdojo lab send tells."""
_MARKS = {"passed": "done", "open": "open", "waiting": "waits", "reading": "reading"}


@app.command("list")
def list_labs(context: typer.Context) -> None:
    """List the labs, and what each needs that is not here.

    Usage: pgdojo lab list
    """
    for entry in _room(context).catalogue(LOCAL):
        lab = entry.lab
        _print(
            f"{lab.id:24} {entry.state:5} {len(entry.passed)}/{len(lab.steps)} steps, {lab.minutes} min  {lab.title}"
        )
        for need, command in entry.missing.items():
            _print(f"{'':24} needs {need}: {command}")


@app.command()
def start(
    context: typer.Context,
    lab: LabName,
    aws: Annotated[
        Place, typer.Option(help="Where AWS is: simulated here, your real account, or in what you paste.")
    ] = Place.SIMULATED,
    profile: Annotated[str | None, typer.Option(help="With --aws real: a profile of your AWS configuration.")] = None,
    region: Annotated[str | None, typer.Option(help="With --aws real: the Region.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --aws real: do not ask about the cost.")] = False,  # noqa: FBT002
) -> None:
    """Start a lab's servers; they end with this terminal, or without one at pgdojo lab stop.

    With --aws real the lab is done on your own account and costs money; pgdojo looks there and changes nothing.

    Usage: pgdojo lab start ID
           pgdojo lab start ID --aws real [--profile NAME] [--region R]
           pgdojo lab start ID --aws paste
    """
    room = _room(context)
    if aws is not Place.REAL and (profile or region or yes):
        raise UsageError("--profile, --region and --yes are for --aws real.", next_step="Add it, or leave them out.")
    if aws is not Place.SIMULATED:
        _start_away(room, lab, aws, profile, region, _agree(yes=yes))
        return
    sandbox = room.start(LOCAL, lab, owner=_terminal())
    _print_servers(sandbox)
    _print_steps(room.steps(LOCAL, lab))
    _print(f"Next: pgdojo lab shell {lab}")


def _start_away(room: LabRoom, lab: str, aws: Place, profile: str | None, region: str | None, agree: Agree) -> None:
    from pgdojo.lab.real.sandbox import create_paste, create_real

    real = partial(create_real, profile=profile, region=region, agree=agree)
    room.start(LOCAL, lab, owner=None, away=real if aws is Place.REAL else create_paste)
    _print_steps(room.steps(LOCAL, lab))
    _print_commands(room.lab(lab))
    if aws is Place.REAL:
        _print(f"pgdojo creates nothing: run the commands yourself. At the end: pgdojo lab stop {lab}")
    else:
        _print(f"Next: pgdojo lab check {lab} --paste FILE, with JSON that the AWS CLI printed; - reads it from here.")


def _agree(*, yes: bool) -> Agree:
    def agree(account: Account, estimate: Estimate) -> bool:
        _print(f"Account {account.id} in {account.region}, as {account.caller}; for training by {account.marked_by}.")
        _print(f"Cost: {estimate.in_words()}.")
        return yes or typer.confirm("Begin the lab on this account?", default=False)

    return agree


def _print_commands(lab: Lab) -> None:
    """What the learner runs in place of the buttons, with the lab's tag on everything that is made."""
    from pgdojo.lab.real.commands import to_copy

    for step in lab.steps:
        for action in step.actions:
            text, _ = to_copy(action)
            told = text.strip() or "only where the lab runs on this machine"
            _print(f"{step.id}: {action.label}\n{indent(told, '    ')}")


@app.command()
def shell(
    context: typer.Context,
    lab: LabName,
    only_print: Annotated[  # noqa: FBT002
        bool, typer.Option("--print", help="Print export lines for a shell of your own instead.")
    ] = False,
) -> None:
    """Open a shell that knows the lab's servers.

    Usage: pgdojo lab shell ID
           eval "$(pgdojo lab shell ID --print)"
    """
    sandbox = _running(_room(context), lab)
    known = sandbox.environment()
    if only_print:
        for name, value in known.items():
            _print(f"export {name}={shlex.quote(value)}")
        return
    program = os.environ.get("SHELL") or os.environ.get("COMSPEC") or "/bin/sh"
    typer.echo(f"Servers: {', '.join(state.name for state in sandbox.states())}. Leave with exit.", err=True)
    ended = subprocess.run([program], env={**os.environ, **known}, check=False)  # noqa: S603 - the user's own shell
    raise typer.Exit(ended.returncode)


@app.command()
def check(
    context: typer.Context,
    lab: LabName,
    step: StepName = None,
    paste: Annotated[
        str | None, typer.Option(metavar="FILE", help="Check JSON that the AWS CLI printed; - reads standard input.")
    ] = None,
) -> None:
    """Check a step, and say what was found; exit 1 where it does not pass.

    Usage: pgdojo lab check ID [STEP]
           pgdojo lab check ID [STEP] --paste FILE
    """
    from pgdojo.lab.real.login import in_terminal

    room = _room(context)
    room.login = in_terminal
    state = room.check(LOCAL, lab, step or _first_open(room, lab), pasted=None if paste is None else _pasted(paste))
    if state.finding is not None:
        _print_finding(state.step.id, state.finding)
    _tell_lately(context)
    if state.finding is None or state.finding.status != "passed":
        raise typer.Exit(1)
    if state.prediction is not None and state.measured is not None and state.step.predict is not None:
        unit = state.step.predict.unit
        _print(f"You predicted {state.prediction:g} {unit}; measured were {state.measured:.3g} {unit}.")
    following = next((one for one in room.steps(LOCAL, lab) if one.status == "open"), None)
    _print(f"Next step: {following.step.id}, {following.step.title}" if following else "The lab is done.")


def _tell_lately(context: typer.Context) -> None:
    """Tell the team's server, where there is one, what labs have seen of late; a check never fails for it."""
    from datetime import timedelta

    from pgdojo.learner.text import utc_now
    from pgdojo.team.telling import team_server

    try:
        if team_server() is None:
            return
        told = _tell(context, utc_now() - timedelta(days=_LATELY))
    except UsageError as cause:
        typer.echo(str(cause), err=True)
        return
    if told.problem:
        typer.echo(told.problem, err=True)


def _tell(context: typer.Context, since: datetime | None = None) -> Told:
    from pgdojo.course.labs import load_labs
    from pgdojo.learner.journal import Journal
    from pgdojo.team.telling import TOKEN_VARIABLE, URL_VARIABLE, team_server, tell

    server = team_server()
    if server is None:
        raise UsageError(
            "No team's server is named.",
            next_step=f"Set {URL_VARIABLE} and {TOKEN_VARIABLE}; the page You there makes a token.",
        )
    with Journal.open() as journal:
        return tell(server, journal.lab, load_labs(_course(context)), LOCAL, since)


@app.command()
def send(context: typer.Context) -> None:
    """Tell the team's server everything that labs on this machine have seen.

    Usage: pgdojo lab send
    """
    told = _tell(context)
    if told.unknown:
        _print(f"{told.unknown} records are of labs or steps that the server's course does not have.")
    if told.problem:
        raise LabError(told.problem)
    if not told.stored + told.known + told.unknown:
        _print("No lab was done on this machine yet: there is nothing to tell.")
        return
    _print(f"The server has stored {told.stored} records, and had {told.known} already.")


def _pasted(name: str) -> str:
    from pgdojo.lab.real.paste import must_be_text

    if name == "-":
        return must_be_text(sys.stdin.buffer.read())
    try:
        return must_be_text(Path(name).read_bytes())
    except OSError as cause:
        raise UsageError(
            f"{name} cannot be read: {cause.strerror}.", next_step="Name a file, or - for input."
        ) from cause


@app.command()
def hint(context: typer.Context, lab: LabName, step: StepName = None) -> None:
    """Show the next hint of a step; one may be had after an attempt, or after a minute and a half.

    Usage: pgdojo lab hint ID [STEP]
    """
    room = _room(context)
    name = step or _first_open(room, lab)
    before = next(one for one in room.steps(LOCAL, room.lab(lab).id) if one.step.id == room.step(lab, name).id)
    state = room.hint(LOCAL, lab, name)
    for number, text in enumerate(state.hints, 1):
        _print(f"{number}. {text}")
    if len(state.hints) > len(before.hints):
        return
    if state.next_hint_at is None:
        typer.echo("That was the last hint.", err=True)
        return
    typer.echo(f"The next hint comes after a check, or at {state.next_hint_at.astimezone():%H:%M:%S}.", err=True)


@app.command()
def reset(context: typer.Context, lab: LabName) -> None:
    """Start a lab again with new servers; what was passed stays.

    Usage: pgdojo lab reset ID
    """
    from pgdojo.lab.real import Away

    room = _room(context)
    if isinstance(room.sandbox(lab), Away):
        raise UsageError(f"{lab} has no servers here to reset.", next_step=f"Stop it: pgdojo lab stop {lab}")
    room.stop(lab)
    _print_servers(room.start(LOCAL, lab, owner=_terminal()))


@app.command()
def stop(
    context: typer.Context,
    lab: LabName,
    forget: Annotated[  # noqa: FBT002
        bool, typer.Option("--forget", help="Of a lab on your account: do not look whether something is left.")
    ] = False,
) -> None:
    """Stop a lab's servers and remove their data; what was passed stays.

    A lab on your account is done when nothing of it is left there. What is left is named, with the command that
    removes it.

    Usage: pgdojo lab stop ID
    """
    from pgdojo.lab.real import Away

    room = _room(context)
    running = room.sandbox(lab)
    room.stop(lab, forget=forget)
    if isinstance(running, Away):
        seen = running.mode == "real" and not forget
        _print("Nothing of the lab is left in this Region." if seen else "It was not looked whether something is left.")


@app.command()
def clean() -> None:
    """Remove what labs left behind whose terminal or app is gone.

    Usage: pgdojo lab clean
    """
    from pgdojo.lab.sandbox import home, sweep

    kept: list[LabError] = []
    removed = sweep(home(), kept.append)
    for name in removed:
        _print(f"Removed {name}.")
    if kept:
        raise kept[0]
    if not removed:
        _print("Nothing was left behind.")


@app.command("test")
def run_tests(
    context: typer.Context,
    labs: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The labs; all without one.")] = None,
) -> None:
    """Run labs against themselves: solutions pass, mistakes are told their reason, nothing is left; exit 1 otherwise.

    Usage: pgdojo lab test [ID]...
    """
    from pgdojo.course.labs import load_labs
    from pgdojo.lab.selftest import run

    known = load_labs(_course(context))
    for name in labs or ():
        if name not in known:
            raise UsageError(f"There is no lab {name}.", next_step=f"The labs are {', '.join(known) or 'none'}.")
    broken = 0
    for name in labs or known:
        _print(f"{name}")
        report = run(known[name], hear=lambda line: _print(f"  {line}"))
        broken += bool(report.faults)
    if broken:
        raise typer.Exit(1)


def _course(context: typer.Context) -> Path:
    from pgdojo.dojo import find_course

    return find_course(context.find_root().params.get("course"))


def _room(context: typer.Context) -> LabRoom:
    from pgdojo.dojo import lab_room

    return lab_room(_course(context))


def _running(room: LabRoom, lab: str) -> Sandbox:
    sandbox = room.sandbox(lab)
    if sandbox is None:
        raise UsageError(f"The lab {lab} does not run.", next_step=f"Start it: pgdojo lab start {lab}.")
    return sandbox


def _first_open(room: LabRoom, lab: str) -> str:
    states = room.steps(LOCAL, lab)
    found = next((state.step.id for state in states if state.status == "open"), None)
    if found is None:
        raise UsageError(f"No step of {lab} is open.", next_step="Name one that you want to look at again.")
    return found


def _terminal() -> int | None:
    """The process that ends with this terminal; None without one."""
    if not sys.stdin.isatty() or not hasattr(os, "getsid"):
        return None
    # Not the parent, which may be a wrapper that ends at once.
    return os.getsid(0) or None


def _print_servers(sandbox: Sandbox) -> None:
    for state in sandbox.states():
        place = "stopped" if state.role == "stopped" else f"{state.role} on {state.host}, port {state.port}"
        _print(f"{state.name:16} PostgreSQL {state.version}, {place}")


def _print_steps(states: list[StepState]) -> None:
    for state in states:
        _print(f"{_MARKS[state.status]:8} {state.step.id:20} {state.step.title}")


def _print_finding(step: str, finding: Finding) -> None:
    _print(f"{step}, {finding.check}: {finding.status.replace('_', ' ')}. {finding.say}")
    if finding.status == "passed":
        return
    _print(f"  expected: {finding.expected}\n  found: {finding.found}")
    _print(f"  why: {finding.why}\n  next: {finding.next}")
    if finding.cites:
        _print(f"  read: {', '.join(finding.cites)}")


def _print(text: str) -> None:
    """On standard output, without any control character that a server may have sent."""
    typer.echo("".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in text))
