"""What a team did, for other programs: a report by learner, and every table as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from pgdojo.errors import UsageError
from pgdojo.learner import database, schema
from pgdojo.learner.journal import Journal
from pgdojo.learner.own_data import NOT_TOLD, cell
from pgdojo.path.progress import Pathfinder
from pgdojo.team.access import Access, Action
from pgdojo.team.roster import Team

_ROWS = 5_000
"""Rows that are read at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRow:
    """How far one learner is."""

    learner: str
    name: str
    track: str
    target: date | None
    modules_done: int
    modules: int
    objectives_done: int
    objectives: int
    answers: int
    right: int
    needs_help_with: str
    """Reasons, the first one first; empty where there is none."""


def report(by: str, team: Team, pathfinder: Pathfinder, access: Access) -> list[ReportRow]:
    """How far everybody is, by name.

    Raises:
        AccessError: `by` may not export the team's records.
    """
    access.require(by, Action.EXPORT_TEAM)
    troubles = {one.learner: [trouble.reason for trouble in one.troubles] for one in team.help_today(by)}
    found = []
    for row in team.grid(by, most=1_000_000).rows:
        progress = pathfinder.progress(row.learner)
        cells = [cell for cell in row.cells if cell is not None]
        found.append(
            ReportRow(
                learner=row.learner,
                name=row.name,
                track=progress.track.id if progress.track else "",
                target=progress.target,
                modules_done=sum(one.state == "done" for one in progress.modules),
                modules=len(progress.modules),
                objectives_done=sum(one.mastered for one in progress.modules),
                objectives=sum(one.total for one in progress.modules),
                answers=sum(cell.answers for cell in cells),
                right=sum(cell.right for cell in cells),
                needs_help_with=", ".join(troubles.get(row.learner, ())),
            )
        )
    return found


def as_csv(rows: Sequence[ReportRow]) -> str:
    """The report as CSV; what a spreadsheet would run as a formula begins with an apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in fields(ReportRow)])
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in _plain(row).items()} for row in rows)
    return text.getvalue()


def as_json(rows: Sequence[ReportRow]) -> str:
    """The report as a JSON array."""
    return json.dumps([_plain(row) for row in rows], ensure_ascii=False, indent=2) + "\n"


def _plain(row: ReportRow) -> dict[str, Any]:
    return asdict(row) | {"target": row.target.isoformat() if row.target else None}


def write_tables(by: str, journal: Journal, access: Access, folder: Path) -> dict[str, int]:
    """Write every table of the journal that holds rows as a CSV file into a new folder, for its owner alone.

    Returns:
        Rows by table.

    Raises:
        AccessError: `by` may not export the team's records.
        UsageError: The folder exists already, or cannot be made.
    """
    access.require(by, Action.EXPORT_TEAM)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError as cause:
        raise UsageError(f"{folder} exists already.", next_step="Name a folder that does not exist yet.") from cause
    except OSError as cause:
        raise UsageError(f"{folder} cannot be made: {cause.strerror}.", next_step="Name another place.") from cause
    tables = [table for table in schema.metadata.sorted_tables if "learner" in table.columns]
    counts = {}
    with database.explained(journal.place), journal.engine.connect() as connection:
        for table in tables:
            columns = [column for column in table.columns if column.name not in NOT_TOLD]
            rows = connection.execution_options(yield_per=_ROWS).execute(select(*columns).order_by(table.c.id))
            counts[table.name] = _write(folder / f"{table.name}.csv", [column.name for column in columns], rows)
    return {name: count for name, count in counts.items() if count}


def _write(file: Path, names: Sequence[str], rows: Any) -> int:
    count = 0
    with file.open("w", encoding="utf-8-sig", newline="") as written:
        writer = csv.writer(written)
        writer.writerow(names)
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last one is how many there are
            writer.writerow([cell(value) for value in row])
    if not count:
        file.unlink()
    return count
