"""The quiz with a long past: the next question, the reviews of a day and item analysis, against their bare SELECTs."""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert

from pgdojo.course.banks import Quizzes
from pgdojo.course.items import Item, Objective, Single
from pgdojo.learner import database, schema
from pgdojo.learner.journal import Journal
from pgdojo.quiz.analysis import health
from pgdojo.quiz.service import Quizmaster
from timing import alternating, median_ms, median_s, table

BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ITEMS, LEARNERS = 200, 500
A_SITTING = 10


def bank() -> Quizzes:
    """Two hundred items, two an objective, in ten topics."""
    objectives, items, lock = {}, {}, {}
    for number in range(ITEMS):
        objective, name = f"objective-{number // 2}", f"item-{number}"
        objectives[objective] = Objective(id=objective, topic=f"topic-{number // 20}", objective="Know it.")
        items[name] = Single.model_validate(_item(name, objective))
        lock[name] = {"facts#one": ""}
    return Quizzes(objectives=objectives, items=items, lock=lock)


def _item(name: str, objective: str) -> dict[str, Any]:
    options = [
        {"id": letter, "text": f"Option {letter}", "correct": letter == "a", "why": "So it is."} for letter in "abcd"
    ]
    common = {"id": name, "rev": 1, "kind": "single", "status": "published", "objective": objective, "level": "apply"}
    dated = {"as_of": "2026-01", "review_by": "2027-01", "stem": "Which of these is it?", "cites": ["facts#one"]}
    return {**common, **dated, "options": options}


def sat(learner: str, items: list[Item], quizzes: Quizzes, responses: int) -> dict[Table, list[dict[str, Any]]]:
    """Rows of a learner who answered `responses` questions, ten a sitting, two sittings a day."""
    chance = random.Random(learner)  # noqa: S311 - a past, not a secret
    rows: dict[Table, list[dict[str, Any]]] = {schema.sittings: [], schema.attempts: [], schema.responses: []}
    for number in range(responses):
        sitting, place = f"{learner}-{number // A_SITTING}", number % A_SITTING
        at = BEGIN + timedelta(hours=12 * (number // A_SITTING), minutes=place)
        item = items[number % len(items)]
        if place == 0:
            plan = {"topics": [], "items": [], "total": A_SITTING, "minutes": None}
            rows[schema.sittings].append(
                {"key": sitting, "learner": learner, "mode": "practice", "plan": plan, "started_at": at}
            )
        opened = {
            "key": f"{sitting}-{place}",
            "learner": learner,
            "sitting": sitting,
            "item": item.id,
            "rev": item.rev,
        }
        arrangement = {"options": ["a", "b", "c", "d"]}
        rows[schema.attempts].append({**opened, "place": place, "arrangement": arrangement, "opened_at": at})
        right = chance.random() < 0.8
        rows[schema.responses].append(
            {
                **opened,
                "objective": item.objective,
                "topic": quizzes.topic(item),
                "given": {"picked": "a" if right else chance.choice("bcd")},
                "certainty": "fairly",
                "hinted": False,
                "mark": float(right),
                "rating": 3 if right else 1,
                "counts": True,
                "algorithm": "FSRS-6",
                "seconds": 20.0,
                "answered_at": at + timedelta(seconds=20),
            }
        )
    return rows


def filled(path: Path, learners: int, responses: int, quizzes: Quizzes) -> Journal:
    """A journal in which each of `learners` has answered `responses` questions."""
    journal = Journal.open(f"sqlite:///{path}")
    items = list(quizzes.items.values())
    with database.for_writing(journal._engine).begin() as connection:
        for number in range(learners):
            for name, rows in sat(f"learner-{number}", items, quizzes, responses).items():
                connection.execute(insert(name), rows)
    return journal


def bare(path: Path, statements: list[tuple[str, tuple[Any, ...]]]) -> Callable[[], object]:
    """The same rows by sqlite3 alone, with the journal's settings."""

    def work() -> None:
        for statement, values in statements:
            with closing(database._connect(path)) as connection:
                connection.execute(statement, values).fetchall()

    return work


MINE = "WHERE learner = ? AND sitting = ?"
SITTING = """SELECT sittings.*, finished_at FROM sittings LEFT JOIN finishes USING (learner, key)
             WHERE sittings.learner = ? AND sittings.key = ?"""
ATTEMPTS = f"SELECT * FROM attempts {MINE} ORDER BY place"  # noqa: S608
RESPONSES = f"SELECT * FROM responses {MINE} ORDER BY id"  # noqa: S608
REVIEWS = """SELECT id, objective, topic, item, rev, rating, counts, answered_at FROM responses
             WHERE learner = ? AND id > 0 AND counts ORDER BY id"""
HINTED = "SELECT id FROM hints WHERE learner = ? AND key = ?"
KEEP = """INSERT INTO responses SELECT NULL, 'bare-' || ?, learner, sitting, item, rev, objective, topic, given,
          certainty, hinted, mark, rating, counts, algorithm, seconds, answered_at FROM responses LIMIT 1"""
OPEN = """INSERT INTO attempts SELECT NULL, 'bare-' || ?, learner, 'learner-0-0', 1000 + ?, item, rev, arrangement,
          opened_at FROM attempts LIMIT 1"""


def a_click(path: Path, number: Iterator[int]) -> Callable[[], object]:
    """The statements of an answer and its next question by sqlite3 alone: two writes and the reads around them."""
    learner, key = "learner-0", "learner-0-0"
    reads = [
        *[(SITTING, (learner, key)), (ATTEMPTS, (learner, key)), (RESPONSES, (learner, key))] * 2,
        (HINTED, (learner, key)),
    ]

    def work() -> None:
        bare(path, reads)()
        this = next(number)
        for statement, values in ((OPEN, (this, this)), (KEEP, (this,))):
            with closing(database._connect(path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(statement, values)
                connection.execute("COMMIT")

    return work


def next_question(folder: Path, quizzes: Quizzes) -> None:
    path = folder / "click.sqlite3"
    journal = filled(path, 1, 10_000, quizzes)
    master = Quizmaster(quizzes, lambda _: None, journal.quiz)
    names = list(quizzes.items)
    sittings = count()
    state: dict[str, Any] = {}

    def begin() -> None:
        key = f"bench-{next(sittings)}"
        master.start(key, "learner-0", "practice", items=names[:50], count=50)
        state.update(key=key, question=master.question("learner-0", master.progress("learner-0", key)))

    def click() -> None:
        master.answer("learner-0", state["question"].attempt, {"picked": "b"}, "fairly")
        state["question"] = master.question("learner-0", master.progress("learner-0", state["key"]))

    begin()
    alternating(click, a_click(path, numbers := count()), 5)
    ours, theirs = [], []
    for _ in range(4):
        begin()
        mine, others = alternating(click, a_click(path, numbers), 25)
        ours += mine
        theirs += others
    rows = [
        ("the bare statements, p50 of 100", median_ms(theirs)),
        ("answer, progress and question, p50", median_ms(ours)),
        ("answer, progress and question, p95", f"{statistics.quantiles(ours, n=20)[-1] * 1e3:.1f} ms"),
    ]
    p50 = statistics.median(ours)
    table("The next question, 10,000 responses in the journal", rows, p50 / statistics.median(theirs), 3.0)
    table("The same against 60 ms", [("p50", median_ms(ours))], p50 / 0.060, 1.0)
    journal.close()


def review_queue(folder: Path, quizzes: Quizzes) -> None:
    path = folder / "reviews.sqlite3"
    journal = filled(path, 1, 5_000, quizzes)
    bare_select = bare(path, [(REVIEWS, ("learner-0",))])

    def cold() -> object:
        return Quizmaster(quizzes, lambda _: None, journal.quiz).queue("learner-0", minutes=12)

    alternating(cold, bare_select, 2)
    ours, theirs = alternating(cold, bare_select, 15)
    rows = [("the bare SELECT", median_ms(theirs)), ("a new Quizmaster's queue", median_ms(ours))]
    p50 = statistics.median(ours)
    table("Review queue of a learner with 5,000 reviews, cold", rows, p50 / statistics.median(theirs), 12.0)
    table("The same against 150 ms", [("p50", median_ms(ours))], p50 / 0.150, 1.0)
    journal.close()


def item_analysis(folder: Path, quizzes: Quizzes) -> None:
    path = folder / "analysis.sqlite3"
    journal = filled(path, LEARNERS, ITEMS, quizzes)
    columns = "learner, item, rev, given, mark, certainty, seconds"
    bare_select = bare(path, [(f"SELECT {columns} FROM responses ORDER BY id", ())])  # noqa: S608

    def work() -> None:
        assert len(health(journal.quiz.outcomes(), quizzes.items)) == ITEMS  # noqa: S101

    ours, theirs = alternating(work, bare_select, 5)
    rows = [("the bare SELECT of 100,000 responses", median_s(theirs)), ("outcomes and health", median_s(ours))]
    p50 = statistics.median(ours)
    table(f"Item analysis, {ITEMS} items and {LEARNERS} learners", rows, p50 / statistics.median(theirs), 12.0)
    table("The same against 2 s", [("p50", median_s(ours))], p50 / 2, 1.0)
    journal.close()


def main() -> None:
    quizzes = bank()
    print(f"SQLite {sqlite3.sqlite_version}")
    with tempfile.TemporaryDirectory() as scratch:
        for measure in (next_question, review_queue, item_analysis):
            measure(Path(scratch), quizzes)


if __name__ == "__main__":
    main()
