"""Everything that is recorded of one learner, for that learner: counted by kind, as JSON, and as tables.

Read off the schema: every table has a column `learner`, so that none can be forgotten here.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, Table, func, or_, select

from pgdojo.learner import database, schema
from pgdojo.learner.journal import Journal

OwnData: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]
"""The rows of each table, as they came; times are texts in ISO 8601."""

TITLES = {
    "turns": "Questions and answers",
    "renames": "Names given to conversations",
    "deletions": "Conversations removed from the list",
    "feedback": "Thumbs and reasons",
    "gaps": "Questions without an answer",
    "reads": "Passages opened",
    "sittings": "Quizzes begun",
    "finishes": "Quizzes ended",
    "attempts": "Quiz questions opened",
    "hints": "Hints opened in quizzes",
    "moves": "Choices in incidents",
    "responses": "Quiz answers, with certainty and marks",
    "disputes": "Quiz questions called wrong",
    "preferences": "Preferences",
    "lab_runs": "Labs started",
    "lab_checks": "Lab checks, with what they found",
    "lab_hints": "Hints shown in labs",
    "lab_predictions": "Predictions in labs",
    "people": "Name and e-mail address",
    "roles": "Roles given",
    "enrolments": "What you aim at",
    "sign_offs": "Tasks put forward and signed off",
    "session_ends": "Sign-outs everywhere",
    "tokens": "Tokens made, without their secret",
    "token_ends": "Tokens ended",
    "certificates": "Certificates",
    "gap_closures": "Questions answered later",
    "resolutions": "Your word on gaps, disputes and deletion",
    "audit": "Deeds of yours on others' data, and others' on yours",
}
"""What each table holds, in a learner's words."""

NOT_TOLD = frozenset({"digest"})
"""Columns that help nobody but a thief."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How much of one kind is recorded."""

    table: str
    title: str
    rows: int
    last_at: datetime
    """When the latest came."""


def kinds(journal: Journal, learner: str) -> list[Kind]:
    """What is recorded of a learner, by kind; nothing of kinds that there is nothing of."""
    with database.explained(journal.place), journal.engine.connect() as connection:
        found = []
        for table in _tables():
            moment = _moment(table)
            row = connection.execute(select(func.count(), func.max(moment)).where(_theirs(table, learner))).one()
            if row[0]:
                found.append(Kind(table=table.name, title=_title(table), rows=row[0], last_at=row[1]))
        return found


def count(journal: Journal, learner: str) -> int:
    """How many rows are recorded of a learner."""
    return sum(kind.rows for kind in kinds(journal, learner))


def everything(journal: Journal, learner: str) -> OwnData:
    """Every row that is recorded of a learner; tables without any are empty."""
    with database.explained(journal.place), journal.engine.connect() as connection:
        found = {}
        for table in _tables():
            columns = [column for column in table.columns if column.name not in NOT_TOLD]
            rows = connection.execute(select(*columns).where(_theirs(table, learner)).order_by(table.c.id))
            found[table.name] = [{name: _plain(value) for name, value in row.items()} for row in rows.mappings()]
        return found


def as_json(data: OwnData) -> bytes:
    """The data as a JSON object with an array for each table, in UTF-8."""
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()


def as_zip(data: OwnData) -> bytes:
    """The data as a zip of CSV files, one for each table that holds rows.

    Cells that a spreadsheet would run as a formula begin with an apostrophe.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in data.items():
            if rows:
                archive.writestr(f"{name}.csv", _as_csv(rows))
    return packed.getvalue()


def _as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    # The mark tells spreadsheets that the file is UTF-8.
    return text.getvalue().encode("utf-8-sig")


def cell(value: Any) -> Any:
    """A value as it stands in a CSV file; what a spreadsheet would run as a formula begins with an apostrophe."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def _tables() -> Sequence[Table]:
    return [table for table in schema.metadata.tables.values() if "learner" in table.columns]


def _title(table: Table) -> str:
    return TITLES.get(table.name, table.name.replace("_", " ").capitalize())


def _theirs(table: Table, learner: str) -> ColumnElement[bool]:
    theirs = table.c.learner == learner
    # The audit log is also of the one to whom something was done.
    return or_(theirs, table.c.about == learner) if table is schema.audit else theirs


def _moment(table: Table) -> Column[Any]:
    return next(column for column in table.columns if isinstance(column.type, schema.Moment))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
