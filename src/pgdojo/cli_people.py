"""What an operator does about people in a terminal: roles, sessions, what is recorded of somebody, and forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgdojo.errors import UsageError

if TYPE_CHECKING:
    from pgdojo.team.people import People

app = typer.Typer()
people = typer.Typer(help="See who learns here, and change what they may do.", no_args_is_help=True)
app.add_typer(people, name="people")

_Who = Annotated[str, typer.Argument(metavar="WHO", help="An e-mail address, a name, or an id of people list.")]


@people.command("list")
def list_people() -> None:
    """List everybody who was ever seen, with their role and their mentor.

    Usage: pgdojo people list
    """
    with _people() as (service, operator):
        members = service.list(operator)
        for one in members:
            track = one.enrolment.track if one.enrolment else "no track"
            mentor = service.name_of(one.enrolment.mentor) if one.enrolment else ""
            with_mentor = f", mentor {mentor}" if mentor else ""
            email = f" <{one.person.email}>" if one.person.email else ""
            _print(f"{one.role:8} {one.person.name}{email}  {track}{with_mentor}  {one.person.learner}")
        if not members:
            _print("Nobody has signed in yet.")


@people.command("grant")
def grant(
    who: _Who,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="learner, mentor, trainer or blocked.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is stored in the audit log.")] = "",
) -> None:
    """Give somebody a role, which replaces the one before and holds from their next click on.

    Usage: pgdojo people grant ann@example.com trainer --reason "leads the course"
    """
    with _people() as (service, operator):
        learner = service.find(operator, who)
        service.grant(operator, learner, role, reason)
        _print(f"{service.name_of(learner)} is {role} now.")


@people.command("audit")
def audit(most: Annotated[int, typer.Option("-n", help="How many, the latest first.", min=1)] = 50) -> None:
    """Say who did what to or with what belongs to others.

    Usage: pgdojo people audit [-n 50]
    """
    with _people() as (service, operator):
        for deed in service.audit(operator, most):
            told = ", ".join(f"{name} {value}" for name, value in deed.detail.items() if value)
            about = service.name_of(deed.about)
            line = f"{deed.done_at:%Y-%m-%d %H:%M} UTC  {service.name_of(deed.learner)}: {deed.action}, {about}"
            _print(f"{line} ({told})" if told else line)


@people.command("signout")
def end_sessions(who: _Who) -> None:
    """Sign somebody out wherever they are signed in.

    Usage: pgdojo people signout ann@example.com
    """
    with _people() as (service, operator):
        learner = service.find(operator, who)
        service.end_sessions(operator, learner)
        _print(f"{service.name_of(learner)} is signed out everywhere.")


@people.command("export")
def export(
    who: _Who,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, .json or .zip (CSV files).")],
) -> None:
    """Write everything that is recorded of somebody to a file, for them.

    Usage: pgdojo people export ann@example.com ann.json
    """
    from pgdojo.learner import own_data

    forms = {".json": own_data.as_json, ".zip": own_data.as_zip}
    if target.suffix not in forms:
        raise UsageError(f"{target} is neither .json nor .zip.", next_step="Give the file one of these endings.")
    with _people() as (service, operator):
        learner = service.find(operator, who)
        data = forms[target.suffix](service.own_data(operator, learner))
    try:
        target.touch(mode=0o600, exist_ok=False)
        target.write_bytes(data)
    except OSError as cause:
        problem = f"{target} cannot be written: {cause.strerror or cause}."
        raise UsageError(problem, next_step="Name a new file in a folder that you may write to.") from cause
    _print(f"What is recorded of {who} is in {target}.")


@app.command("forget")
def forget(
    who: _Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,  # noqa: FBT002
) -> None:
    """Delete what is recorded of somebody, for good; their quiz answers stay, of nobody.

    Usage: pgdojo forget ann@example.com [--yes]
    """
    with _people() as (service, operator):
        learner = service.find(operator, who)
        name = service.name_of(learner)
        kinds = service.kinds(operator, learner)
        _print(f"Of {name} ({learner}) these are recorded:")
        for kind in kinds:
            _print(f"  {kind.rows:6,}  {kind.title}")
        _print(
            "All of it goes for good, except for the quiz answers: they stay with their marks, by the day, of nobody "
            "and without what was typed. Backups keep what they hold."
        )
        if not yes and not typer.confirm(f"Forget {name}?"):
            _print("Nothing was changed.")
            raise typer.Exit(1)
        done = service.forget(operator, learner)
        _print(f"{sum(done.removed.values()):,} rows are gone, {sum(done.kept.values()):,} are nobody's now.")
        if not done.swept:
            _print(f"Others used the database, so its space was not swept: run pgdojo forget {learner} again later.")


@contextmanager
def _people() -> Iterator[tuple[People, str]]:
    """The service, and who acts by it."""
    from pgdojo.learner.journal import Journal
    from pgdojo.team.access import OPERATOR, Access
    from pgdojo.team.people import People

    with Journal.open() as journal:
        yield People(journal, Access(journal.people, solo=False)), OPERATOR


def _print(told: str) -> None:
    """A line without any sign that would steer a terminal, whatever somebody is called."""
    typer.echo("".join(sign if sign.isprintable() else " " for sign in told))
