"""What an operator does for a team in a terminal; each command calls one service."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

app = typer.Typer()
journal = typer.Typer(help="Move what everybody did from one database to another.", no_args_is_help=True)
app.add_typer(journal, name="journal")
certificate = typer.Typer(help="The certificate at the end of the path.", no_args_is_help=True)
app.add_typer(certificate, name="certificate")


@journal.command("export")
def export_journal(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, one line a row.")],
) -> None:
    """Write the whole journal to a file, which only you may read.

    Usage: pgdojo journal export FILE.jsonl
    """
    from pgdojo.learner.journal import Journal
    from pgdojo.learner.portable import export

    with Journal.open() as opened:
        moved = export(opened, target)
        typer.echo(f"{moved.rows:,} rows of {opened.place} are in {target}, sha256 {moved.sha256}.")


@journal.command("import")
def import_journal(source: Annotated[Path, typer.Argument(metavar="FILE", help="A file of journal export.")]) -> None:
    """Put an exported journal into an empty one, with every row or with none.

    Usage: PGDOJO_DATABASE_URL=postgresql://... pgdojo journal import FILE.jsonl
    """
    from pgdojo.learner.journal import Journal
    from pgdojo.learner.portable import import_file

    with Journal.open() as opened:
        moved = import_file(opened, source)
        typer.echo(f"{moved.rows:,} rows are in {opened.place}, sha256 {moved.sha256}.")


@certificate.command("save")
def save_certificate(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A name that ends in .pdf, or .json for the badge.")],
) -> None:
    """Write your certificate, which is issued now if your path is done.

    Usage: pgdojo certificate save certificate.pdf
    """
    from pgdojo.dojo import find_course, open_dojo
    from pgdojo.learner.records import LOCAL

    certificates = open_dojo(find_course(context.find_root().params.get("course"))).certificates
    target.write_bytes(certificates.file(LOCAL, target.suffix))
    typer.echo(f"Your certificate is in {target}.")


@certificate.command("key")
def show_key() -> None:
    """Show the public key of this machine, by which its certificates are verified elsewhere.

    Usage: pgdojo certificate key
    """
    from pgdojo.path.signing import Signer, key_file

    typer.echo(Signer.open(key_file()).did)


@app.command("verify")
def verify_certificate(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A certificate, as PDF or JSON.")],
    key: Annotated[
        str, typer.Option("--key", help="The issuer's public key; this machine's own where none is given.")
    ] = "",
) -> None:
    """Say what is proven of a certificate, and what is not; exit 1 unless nothing was changed and the key is right.

    Usage: pgdojo verify certificate.pdf --key did:key:z6Mk...
    """
    from pgdojo.team.certificates import verify_here

    verdict = verify_here(source, key)
    for line in verdict.lines():
        typer.echo(line)
    if not verdict.is_good:
        raise typer.Exit(1)


@app.command()
def links(context: typer.Context) -> None:
    """Look whether the pages behind the facts can be reached, and keep what came of it for the page Material.

    Usage: pgdojo links
    """
    from pgdojo.course.load import load_course
    from pgdojo.dojo import find_course
    from pgdojo.team import links as sources

    course = load_course(find_course(context.find_root().params.get("course")))
    file = sources.links_file()
    with typer.progressbar(length=1, label="Looking") as bar:

        def hear(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        states = sources.check_links([fact.source for fact in course.facts if fact.source], progress=hear)
    sources.keep(states, file)
    for state in states:
        if state.found != "reached":
            typer.echo(f"{state.found:8} {state.url}  {state.says}")
    reached = sum(state.found == "reached" for state in states)
    typer.echo(f"{reached} of {len(states)} pages reached. The results are in {file}.")


@app.command()
def report(
    context: typer.Context,
    team: Annotated[bool, typer.Option("--team", help="Everybody, and not you alone.")] = False,  # noqa: FBT002
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", help="File to write instead of printing.")] = None,
    tables: Annotated[
        Path | None, typer.Option("--tables", help="New folder that takes every table of the journal as CSV instead.")
    ] = None,
) -> None:
    """Say how far everybody is, or write every table of the journal as CSV.

    Usage: pgdojo report --team --format json --out team.json
    """
    from pgdojo.errors import UsageError
    from pgdojo.learner.records import LOCAL
    from pgdojo.team import exports
    from pgdojo.team.access import OPERATOR

    dojo = _dojo(context)
    if tables is not None:
        counts = exports.write_tables(OPERATOR, dojo.journal, dojo.access, tables)
        typer.echo(f"{sum(counts.values()):,} rows of {len(counts)} tables are in {tables}.")
        return
    forms = {"csv": exports.as_csv, "json": exports.as_json}
    if form not in forms:
        raise UsageError(f"There is no format {form!r}.", next_step="Choose csv or json.")
    rows = exports.report(OPERATOR, dojo.team, dojo.pathfinder, dojo.access)
    text = forms[form]([row for row in rows if team or row.learner == LOCAL])
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.touch(mode=0o600)
        out.write_text(text, encoding="utf-8", newline="")
        typer.echo(f"The report is in {out}.")


@app.command()
def xapi(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, one statement a line.")],
    home: Annotated[
        str, typer.Option("--home", help="Address of this pgdojo, by which people and questions are named.")
    ] = "http://localhost:8501",
) -> None:
    """Write what everybody did as xAPI statements, for a learning record store.

    Usage: pgdojo xapi statements.jsonl --home https://learn.example.com
    """
    from pgdojo.team import xapi as statements
    from pgdojo.team.access import OPERATOR

    dojo = _dojo(context)
    target.touch(mode=0o600)
    with target.open("w", encoding="utf-8") as file:
        count = statements.write(OPERATOR, dojo.journal, dojo.access, file, home)
    typer.echo(f"{count:,} statements are in {target}.")


@app.command()
def demo(
    context: typer.Context,
    serve: Annotated[bool, typer.Option("--serve", help="Open the app on it at once.")] = False,  # noqa: FBT002
    port: Annotated[int, typer.Option("--port", help="Port of the app; 0 takes a free one.")] = 8501,
) -> None:
    """Fill an empty journal with twelve learners who do not exist, so that a trainer can look at every page.

    Without PGDOJO_DATABASE_URL the journal is a throw-away one, which is removed when the app ends.

    Usage: pgdojo demo --serve
    """
    import tempfile

    from pgdojo.learner.address import ADDRESS_VARIABLE

    if os.environ.get(ADDRESS_VARIABLE):
        _fill_and_serve(context, serve=serve, port=port)
        return
    with tempfile.TemporaryDirectory(prefix="pgdojo-demo-") as folder:
        os.environ[ADDRESS_VARIABLE] = f"sqlite:///{Path(folder) / 'journal.sqlite3'}"
        _fill_and_serve(context, serve=True, port=port)


def _fill_and_serve(context: typer.Context, *, serve: bool, port: int) -> None:
    from pgdojo.learner.journal import Journal
    from pgdojo.learner.text import utc_now
    from pgdojo.team import demo as made_up

    dojo = _dojo(context)
    with typer.progressbar(length=made_up.DAYS, label="Living through 60 days", file=sys.stderr) as bar:
        made_up.fill(
            dojo,
            lambda clock: Journal.open(clock=clock),
            utc_now(),
            progress=lambda done, _: bar.update(done - bar.pos),
        )
    typer.echo(f"{made_up.LEARNERS} learners who are made up are in {dojo.journal.place}.")
    if serve:
        from pgdojo.web.server import serve as serve_pages

        typer.echo("The pages Team and Material are those of a trainer. Ctrl-C ends it.")
        serve_pages(dojo.course_folder, port=port, open_browser=True)


def _dojo(context: typer.Context) -> Dojo:
    from pgdojo.dojo import find_course, open_dojo

    return open_dojo(find_course(context.find_root().params.get("course")))
