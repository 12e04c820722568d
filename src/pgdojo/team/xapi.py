"""What a team did as xAPI statements, which learning record stores read.

Source: Experience API 1.0.3, https://github.com/adlnet/xAPI-Spec; verbs and activity types are those that ADL
publishes at http://adlnet.gov/expapi/.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TextIO, TypeAlias
from urllib.parse import quote

from sqlalchemy import Row, Table, select

from pgdojo.errors import UsageError
from pgdojo.learner import database, schema
from pgdojo.learner.journal import Journal
from pgdojo.path.past import PASSED
from pgdojo.team.access import Access, Action

Statement: TypeAlias = dict[str, Any]

VERSION = "1.0.3"

_VERBS = "http://adlnet.gov/expapi/verbs/"
_TYPES = "http://adlnet.gov/expapi/activities/"
_NAMES = uuid.UUID("6d2f0f5e-3f0b-5d0e-9a51-3a1a0f6c9d11")
"""Under which the ids of statements are made, so that the same event has the same id in every export."""
_ROWS = 5_000


def write(by: str, journal: Journal, access: Access, file: TextIO, home: str) -> int:
    """Write a statement a line for every answer, passage read, lab step and sign-off, and say how many there are.

    Args:
        by: Who exports.
        journal: What it is made of.
        access: Who may.
        file: Takes the lines.
        home: Address of this pgdojo, by which its people and its questions are named everywhere.

    Raises:
        AccessError: `by` may not export the team's records.
        UsageError: `home` is no address.
    """
    access.require(by, Action.EXPORT_TEAM)
    if not home.startswith(("http://", "https://")):
        raise UsageError(f"{home!r} is no address.", next_step="Give one that begins with https://.")
    count = 0
    for count, statement in enumerate(statements(journal, home.rstrip("/")), 1):  # noqa: B007 - as many as there are
        file.write(json.dumps(statement, ensure_ascii=False) + "\n")
    return count


def statements(journal: Journal, home: str) -> Iterator[Statement]:
    """The statements, table by table, in the order in which the events came."""
    made = {
        schema.responses: _answered,
        schema.finishes: _completed,
        schema.reads: _experienced,
        schema.lab_checks: _checked,
        schema.sign_offs: _signed,
    }
    with database.explained(journal.place), journal.engine.connect() as connection:
        for table, make in made.items():
            query = select(table).order_by(table.c.id)
            for row in connection.execution_options(yield_per=_ROWS).execute(query):
                statement = make(row, home)
                if statement is not None:
                    yield statement


def _statement(table: Table, row: Row[Any], home: str, verb: str, at: datetime, target: Mapping[str, Any]) -> Statement:
    return {
        "id": str(uuid.uuid5(_NAMES, f"{home} {table.name} {row.learner} {row.key}")),
        "version": VERSION,
        "actor": {"objectType": "Agent", "account": {"homePage": home, "name": row.learner}},
        "verb": {"id": f"{_VERBS}{verb}", "display": {"en": verb}},
        "object": dict(target),
        "timestamp": at.isoformat(timespec="milliseconds"),
        "context": {"platform": "pgdojo"},
    }


def _activity(home: str, path: str, kind: str, name: str) -> dict[str, Any]:
    definition = {"type": f"{_TYPES}{kind}", "name": {"en": name}}
    return {"objectType": "Activity", "id": f"{home}/{quote(path)}", "definition": definition}


def _answered(row: Row[Any], home: str) -> Statement:
    target = _activity(home, f"quiz/item/{row.item}/{row.rev}", "question", row.item)
    statement = _statement(schema.responses, row, home, "answered", row.answered_at, target)
    statement["result"] = {
        "score": {"scaled": round(row.mark, 4)},
        "success": row.mark >= 1,
        "completion": True,
        "duration": f"PT{row.seconds:.2f}S",
    }
    return statement


def _completed(row: Row[Any], home: str) -> Statement:
    target = _activity(home, f"quiz/sitting/{row.key}", "assessment", "Quiz")
    return _statement(schema.finishes, row, home, "completed", row.finished_at, target)


def _experienced(row: Row[Any], home: str) -> Statement:
    target = _activity(home, f"book/{row.passage}", "media", row.passage)
    return _statement(schema.reads, row, home, "experienced", row.read_at, target)


def _checked(row: Row[Any], home: str) -> Statement:
    passed = row.status == PASSED
    target = _activity(home, f"labs/{row.lab}/{row.rev}/{row.step}", "simulation", f"{row.lab}, {row.step}")
    statement = _statement(schema.lab_checks, row, home, "passed" if passed else "attempted", row.checked_at, target)
    statement["result"] = {"success": passed, "completion": passed}
    return statement


def _signed(row: Row[Any], home: str) -> Statement | None:
    if row.state != "signed":
        return None
    target = _activity(home, f"path/task/{row.task}", "performance", row.task)
    return _statement(schema.sign_offs, row, home, "mastered", row.signed_at, target)
