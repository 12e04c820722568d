"""What an operator does for a team in a terminal; each command calls one service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
