"""The pages Path and Team with five hundred learners and half a million rows, on SQLite and on PostgreSQL.

The time is taken at the socket, from a click in the menu to the end of the script: what the server needs. Once nothing
has changed since the last look, and once somebody else has answered a question in between, as in a class at work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Table, func, insert, select

from servers import ISSUER, free_port, pgdojo, postgresql, signed_in, team_file
from tab import Tab, timed
from timing import ROOT, median_ms, seconds, table

LEARNERS, RESPONSES, READS, TURNS = 500, 330, 250, 25
A_SITTING = 10
NOW = datetime.now(UTC)
LIMITS = {"": ("Your path", 0.150), "team": ("Team", 0.400)}
"""The title and the limit of a page."""

Rows = dict[Table, list[dict[str, Any]]]


def past(learner: str, dojo: Any, chance: random.Random) -> Rows:
    """What one learner has done over ninety days."""
    from pgdojo.learner import schema

    rows: Rows = {one: [] for one in (schema.sittings, schema.finishes, schema.attempts, schema.responses)}
    items = list(dojo.quizzes.items.values())
    for number in range(RESPONSES):
        sitting, place = f"{learner}-{number // A_SITTING}", number % A_SITTING
        at = NOW - timedelta(days=90) + timedelta(hours=60 * (number // A_SITTING), minutes=place)
        if place == 0:
            plan = {"topics": [], "items": [], "total": A_SITTING, "minutes": None}
            begun = {"key": sitting, "learner": learner, "mode": "practice", "plan": plan, "started_at": at}
            rows[schema.sittings].append(begun)
            ended = {"key": sitting, "learner": learner, "finished_at": at + timedelta(hours=1)}
            rows[schema.finishes].append(ended)
        attempt, response = answered(dojo, learner, sitting, place, chance.choice(items), at, chance)
        rows[schema.attempts].append(attempt)
        rows[schema.responses].append(response)
    passages = [passage.id for document in dojo.documents() for passage in dojo.passages(document.slug)]
    rows[schema.reads] = [
        {
            "key": f"{learner}-read-{number}",
            "learner": learner,
            "passage": (passage := chance.choice(passages)),
            "document": passage.rsplit("#", 1)[0],
            "read_at": NOW - timedelta(hours=number),
        }
        for number in range(READS)
    ]
    rows[schema.turns] = [_turn(learner, number, dojo) for number in range(TURNS)]
    return rows


def answered(
    dojo: Any, learner: str, sitting: str, place: int, item: Any, at: datetime, chance: random.Random
) -> tuple[dict[str, Any], dict[str, Any]]:
    """An attempt and its response."""
    common = {"key": f"{sitting}-{place}", "learner": learner, "sitting": sitting, "item": item.id, "rev": item.rev}
    right = chance.random() < 0.8
    response = {
        "objective": item.objective,
        "topic": dojo.quizzes.quizzes.topic(item),
        "given": {"picked": "a"},
        "certainty": chance.choice(("unsure", "fairly", "sure")),
        "hinted": False,
        "mark": float(right),
        "rating": 3 if right else 1,
        "counts": True,
        "algorithm": "FSRS-6",
        "seconds": 20.0,
        "answered_at": at + timedelta(seconds=20),
    }
    return {**common, "place": place, "arrangement": {}, "opened_at": at}, {**common, **response}


def _turn(learner: str, number: int, dojo: Any) -> dict[str, Any]:
    question = dojo.suggestions()[number % 4]
    return {
        "key": secrets.token_hex(16),
        "learner": learner,
        "conversation": f"{learner}-{number // 5}",
        "question": question,
        "standalone": question,
        "answer": dojo.bench_answers[question],
        "asked_at": NOW - timedelta(hours=number),
    }


def fill(journal: str, dojo: Any) -> int:
    """Write everybody's past; returns the number of rows."""
    from pgdojo.learner import database
    from pgdojo.learner.journal import Journal
    from pgdojo.learner.people_journal import learner_of
    from pgdojo.team.access import OPERATOR

    tracks = [track.id for track in dojo.pathfinder.path.tracks]
    with Journal.open(journal) as opened:
        for number in range(LEARNERS):
            subject = f"learner-{number}"
            learner = learner_of(ISSUER, subject)
            opened.people.see(learner, issuer=ISSUER, subject=subject, name=subject)
            opened.people.enrol(learner, track=tracks[number % len(tracks)], target=(NOW + timedelta(days=30)).date())
            chance = random.Random(number)  # noqa: S311 - a past, not a secret
            with database.for_writing(opened.engine).begin() as connection:
                for name, rows in past(learner, dojo, chance).items():
                    connection.execute(insert(name), rows)
        trainer = learner_of(ISSUER, "trainer")
        opened.people.see(trainer, issuer=ISSUER, subject="trainer", name="trainer")
        opened.people.grant(trainer, "trainer", by=OPERATOR)
        return count(opened.engine)


def count(engine: Any) -> int:
    """The rows of a journal."""
    from pgdojo.learner import schema

    with engine.connect() as connection:
        return sum(connection.scalar(select(func.count()).select_from(one)) for one in schema.metadata.sorted_tables)


def others(journal: str, dojo: Any) -> Iterator[None]:
    """At each step somebody else answers a question."""
    from pgdojo.learner import database, schema
    from pgdojo.learner.journal import Journal
    from pgdojo.learner.people_journal import learner_of

    chance = random.Random(1)  # noqa: S311
    items = list(dojo.quizzes.items.values())
    with Journal.open(journal) as opened:
        for number in range(1_000_000):
            learner = learner_of(ISSUER, f"learner-{1 + number % (LEARNERS - 1)}")
            sitting = f"{learner}-{RESPONSES // A_SITTING - 1}"
            now = datetime.now(UTC)
            attempt, response = answered(dojo, learner, sitting, 100 + number, chance.choice(items), now, chance)
            with database.for_writing(opened.engine).begin() as connection:
                connection.execute(insert(schema.attempts), attempt)
                connection.execute(insert(schema.responses), response)
            yield


async def look(address: str, secret: str, page: str, subject: str, meanwhile: Iterator[None], runs: int) -> None:
    """Open a page again and again, and print what it took."""
    title, limit = LIMITS[page]
    async with httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False) as http:
        tab = Tab(address, http, signed_in(secret, address, subject))
        opened = await timed("open", tab.open())
        first = await timed("first", tab.go(page))
        quiet, busy = [], []
        for _ in range(runs):
            quiet.append(await timed("quiet", tab.go(page)))
            next(meanwhile)
            busy.append(await timed("busy", tab.go(page)))
        await tab.close()
    faults = [one.fault for one in (opened, first, *quiet, *busy) if one.fault]
    if faults or tab.title != title:
        raise SystemExit(f"{title} does not work: {faults[:1]}, {tab.title!r} is shown")
    times = [one.seconds for one in busy]
    rows = [
        ("the first page of the session", median_ms([opened.seconds])),
        ("the first look at it", median_ms([first.seconds])),
        (f"nothing has changed, p50 of {runs}", median_ms([one.seconds for one in quiet])),
        (f"somebody else has answered, p50 of {runs}", median_ms(times)),
        ("the same, longest", median_ms([max(times)])),
    ]
    table(title, rows, sorted(times)[runs // 2] / limit, 1.0)


def measure(folder: Path, kind: str, dojo: Any, runs: int) -> None:
    """Both pages on one kind of database."""
    with ExitStack() as stack:
        journal = f"sqlite:///{folder / 'journal.sqlite3'}"
        if kind == "PostgreSQL":
            journal = stack.enter_context(postgresql(folder))
        rows: list[int] = []
        took = seconds(lambda: rows.append(fill(journal, dojo)))
        print(f"\n{kind}: {rows[0]:,} rows of {LEARNERS} learners, written in {took:.0f} s; ", end="")
        print(f"load average {os.getloadavg()[0]:.2f}")
        port = free_port()
        address = f"127.0.0.1:{port}"
        file, secret = team_file(folder, address, 90)
        process = stack.enter_context(pgdojo(folder, port, journal, core=0, PGDOJO_TEAM=str(file)))
        meanwhile = others(journal, dojo)
        asyncio.run(look(address, secret, "", "learner-0", meanwhile, runs))
        asyncio.run(look(address, secret, "team", "trainer", meanwhile, runs))
        print(f"  RSS {process.memory_info().rss / 1e6:.0f} MB")
        meanwhile.close()  # type: ignore[attr-defined]


def main() -> None:
    from pgdojo.dojo import open_dojo

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["PGDOJO_DATABASE_URL"] = f"sqlite:///{Path(scratch) / 'unused.sqlite3'}"
        dojo: Any = open_dojo(ROOT)
        dojo.bench_answers = {question: dojo.ask(question).to_plain() for question in dojo.suggestions()}
        for kind in (options.only,) if options.only else ("SQLite", "PostgreSQL"):
            folder = Path(scratch) / kind
            folder.mkdir()
            measure(folder, kind, dojo, options.runs)


if __name__ == "__main__":
    main()
