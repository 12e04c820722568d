"""What an operator does for a team in a terminal; each command calls one service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()
journal = typer.Typer(help="Move what everybody did from one database to another.", no_args_is_help=True)
app.add_typer(journal, name="journal")


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
