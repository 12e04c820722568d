"""The path in a terminal: where you are, what comes next, and the quiz that opens the next module."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rapidfuzz import process

from pgdojo.errors import UsageError
from pgdojo.learner.records import LOCAL

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.path.progress import ModuleProgress, NextStep

app = typer.Typer(help="See where you are on the course's path, and go on.", no_args_is_help=True)

_COMMANDS = {
    "read": "pgdojo serve, page Read",
    "ask": 'pgdojo ask "{target}"',
    "quiz": "pgdojo path quiz {target}",
    "review": "pgdojo serve, page Review",
    "lab": "pgdojo lab start {target}",
    "enrol": "pgdojo path enrol TRACK",
    "certificate": "pgdojo certificate save certificate.pdf",
    "place": "pgdojo serve, page Quiz; or pgdojo path enrol TRACK --no-placement",
}
"""Where each kind of next step is done."""


@app.command()
def show(context: typer.Context) -> None:
    """Say what comes next, and how far each module is.

    Usage: pgdojo path show
    """
    dojo = _open(context)
    progress = dojo.pathfinder.progress(LOCAL)
    if not progress.modules:
        raise UsageError("This course has no path.", next_step="Write one: docs/paths.md says how.")
    if progress.track:
        by = f", to be ready by {progress.target}" if progress.target else ""
        _print(f"Track: {progress.track.name}{by}")
    else:
        for track in dojo.pathfinder.path.tracks:
            _print(f"{track.id:12} {track.name}: {track.says}")
    _print_next(progress.next)
    for one in progress.modules:
        _print(f"{one.state:8} {one.module.id:16} {_figures(one)}  {one.module.title}")
    if progress.outlook:
        outlook = progress.outlook
        _print(f"On {outlook.on} you will remember {outlook.ready} of {outlook.total} objectives without a review.")
    for fact in progress.changed[:5]:
        _print(f"Changed since you learned it: {fact.subject} ({fact.as_of}), {fact.passage}")


@app.command()
def enrol(
    context: typer.Context,
    track: Annotated[str, typer.Argument(metavar="TRACK", help="A track, as pgdojo path show names it.")],
    by: Annotated[str, typer.Option("--by", help="When you want to be ready, such as 2027-03-01.")] = "",
    placement: Annotated[  # noqa: FBT002
        bool, typer.Option("--placement/--no-placement", help="Whether a quiz may find what you know already.")
    ] = True,
) -> None:
    """Choose the track that you follow; it can be changed at any time.

    Usage: pgdojo path enrol developer --by 2027-03-01
    """
    target = _day(by) if by else None
    dojo = _open(context)
    tracks = [one.id for one in dojo.pathfinder.path.tracks]
    if track not in tracks:
        near = process.extractOne(track, tracks, score_cutoff=60)
        hint = f"Did you mean {near[0]}?" if near else f"Choose among {', '.join(tracks) or 'none'}."
        raise UsageError(f"There is no track {track}.", next_step=hint)
    dojo.journal.people.enrol(LOCAL, track=track, target=target)
    if not placement:
        dojo.pathfinder.skip_placement(LOCAL)
    _print_next(dojo.pathfinder.progress(LOCAL).next)


@app.command("quiz")
def take_quiz(
    context: typer.Context,
    module: Annotated[
        str | None, typer.Argument(metavar="[MODULE]", help="A module; the first open one by default.")
    ] = None,
) -> None:
    """Take the quiz of a module, what you lack first; passing it opens the next module.

    Usage: pgdojo path quiz [MODULE]
    """
    from pgdojo.terminal import Terminal

    dojo = _open(context)
    chosen = module or _first_open(dojo)
    sitting = dojo.pathfinder.start_quiz(uuid.uuid4().hex, LOCAL, chosen)
    try:
        result = Terminal(dojo.quizzes, LOCAL, input, _print).sit(sitting.key)
    except EOFError:
        _print("\nThe sitting waits for you on the page Quiz.")
        return
    found = dojo.pathfinder.progress(LOCAL)
    passed = any(one.module.id == chosen and one.gate_passed for one in found.modules)
    _print(f"\n{result.earned:.3g} of {result.progress.total} marks. The gate is {'' if passed else 'not '}passed.")
    _print_next(found.next)


def _open(context: typer.Context) -> Dojo:
    from pgdojo.dojo import find_course, open_dojo

    named: Path | None = context.find_root().params.get("course")
    return open_dojo(find_course(named))


def _first_open(dojo: Dojo) -> str:
    modules = dojo.pathfinder.progress(LOCAL).modules
    found = next((one.module.id for one in modules if one.state == "open"), None)
    if found is None:
        raise UsageError("No module is open.", next_step="Name one: pgdojo path show lists them.")
    return found


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text} is no day.", next_step="Write it as 2027-03-01.") from None
    if day <= datetime.now(UTC).date():
        raise UsageError(f"{text} is not in the future.", next_step="Name a day from tomorrow on.")
    return day


def _figures(one: ModuleProgress) -> str:
    module = one.module
    parts = (
        f"{one.mastered}/{one.total} mastered",
        f"{one.read}/{len(module.read)} read",
        f"{len(one.labs_passed)}/{len(module.labs)} labs",
    )
    return ", ".join(parts)


def _print_next(step: NextStep) -> None:
    _print(f"Next: {step.label}. {step.says}")
    if step.kind in _COMMANDS:
        _print(f"      {_COMMANDS[step.kind].format(target=step.target)}")


def _print(text: str) -> None:
    """On standard output, without any control character that an author may have written."""
    typer.echo("".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in text))
