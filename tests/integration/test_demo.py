"""The team that does not exist: marked, always the same, with what a trainer is to find; and its exports."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime

import fakes
import pytest
from databases import SqlitePlace
from ralph.models.xapi.base.statements import BaseXapiStatement
from sqlalchemy import func, select

from pgdojo.course.banks import load_quizzes
from pgdojo.course.labs import load_labs
from pgdojo.errors import AccessError, UsageError
from pgdojo.learner import schema
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LOCAL
from pgdojo.team import demo, exports, xapi
from pgdojo.team.access import OPERATOR, Access

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def stage(journal, home, dojo):
    """The real course with the real search, on the journal given."""
    found = fakes.FakeDojo(journal, load_quizzes(fakes.ROOT), load_labs(fakes.ROOT), home)
    found.ask, found.search, found.encode = dojo.ask, dojo.search, dojo.encode
    return found


def filled(folder, dojo, **more):
    place = SqlitePlace(folder / "journal.sqlite3")
    with Journal.open(place.url) as journal:
        demo.fill(stage(journal, folder, dojo), lambda clock: Journal.open(place.url, clock=clock), NOW, **more)
    return place


@pytest.fixture(scope="module")
def team(tmp_path_factory, dojo):
    """Looked at on the day for which it was made."""
    folder = tmp_path_factory.mktemp("demo")
    place = filled(folder, dojo)
    with Journal.open(place.url, clock=lambda: NOW) as journal:
        found = stage(journal, folder, dojo)
        found.clock.away = NOW - datetime.now(UTC)
        yield found


def test_twelve_learners_are_there_and_everybody_is_marked_as_made_up(team):
    people = team.journal.people.people()

    assert len(team.journal.people.enrolments()) == 12
    assert len(people) == 14
    assert all(person.is_demo and person.name.startswith("Demo ") for person in people)
    assert LOCAL not in {person.learner for person in people}


def test_a_trainer_finds_the_three_who_need_help_and_with_what(team):
    found = [(one.name, [trouble.reason for trouble in one.troubles]) for one in team.team.help_today(LOCAL)]

    assert found == [
        ("Demo learner 02", ["stuck"]),
        ("Demo learner 05", ["lapses"]),
        ("Demo learner 09", ["sure-and-wrong"]),
    ]


def test_a_trainer_finds_the_five_gaps_of_the_material(team):
    found = [{one.question for one in gap.group.wordings} for gap in team.material.gaps(LOCAL)]

    assert sorted(map(sorted, found)) == sorted(map(sorted, demo.GAPS))


def test_there_is_something_to_sign_to_settle_and_to_look_at(team):
    assert len(team.team.waiting(LOCAL)) == 2
    assert len(team.material.disputes(LOCAL)) == 2
    assert 1 <= len(team.material.thumbs_down(LOCAL)) <= 12
    assert team.material.health(LOCAL)
    assert team.team.friction(LOCAL)


def test_the_same_seed_makes_the_same_team(tmp_path, dojo):
    def events(name):
        folder = tmp_path / name
        folder.mkdir()
        place = filled(folder, dojo, days=4)
        with Journal.open(place.url) as journal, journal.engine.connect() as connection:
            rows = connection.execute(select(schema.responses.c.item, schema.responses.c.mark, schema.responses.c.key))
            return [tuple(row) for row in rows]

    first = events("one")

    assert first == events("other")
    assert len(first) > 20


def test_a_journal_that_holds_anything_is_left_alone(tmp_path, dojo):
    place = SqlitePlace(tmp_path / "journal.sqlite3")
    with Journal.open(place.url) as journal:
        journal.people.enrol("ann", track="dba")
        with pytest.raises(UsageError, match="is not empty: it holds enrolments"):
            demo.fill(stage(journal, tmp_path, dojo), lambda clock: Journal.open(place.url, clock=clock), NOW)

        assert journal.people.people() == []


def test_the_demo_can_be_multiplied_for_measuring(tmp_path, dojo):
    place = filled(tmp_path, dojo, days=4)
    with Journal.open(place.url) as journal:
        rows = demo.multiply(journal, learners=30, rows=20_000)

        assert rows >= 20_000
        assert len(journal.people.enrolments()) == 30
        copies = {one.learner for one in journal.people.people() if "-" in one.learner.removeprefix("p-")}
        assert len(copies) >= 18
        assert "damaged" not in " ".join(journal.check())


# Exports


def test_the_report_says_how_far_everybody_is(team):
    rows = exports.report(OPERATOR, team.team, team.pathfinder, team.access)

    told = list(csv.DictReader(exports.as_csv(rows).splitlines()))
    assert [row["name"] for row in told] == [f"Demo learner {number:02d}" for number in range(1, 13)]
    assert told[1]["needs_help_with"] == "stuck"
    assert json.loads(exports.as_json(rows))[4]["needs_help_with"] == "lapses"
    assert all(int(row["right"]) <= int(row["answers"]) for row in told)


def test_every_table_becomes_a_file_whose_formulas_sleep(team, tmp_path):
    counts = exports.write_tables(OPERATOR, team.journal, team.access, tmp_path / "out")

    with team.journal.engine.connect() as connection:
        for name, count in counts.items():
            assert connection.scalar(select(func.count()).select_from(schema.metadata.tables[name])) == count
    with (tmp_path / "out" / "responses.csv").open(encoding="utf-8-sig", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == counts["responses"] + 1
    with pytest.raises(UsageError, match="exists already"):
        exports.write_tables(OPERATOR, team.journal, team.access, tmp_path / "out")


def test_statements_are_those_of_xapi_and_say_the_same_at_each_export(team, tmp_path):
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for file in files:
        with file.open("w", encoding="utf-8") as written:
            count = xapi.write(OPERATOR, team.journal, team.access, written, "https://learn.example.com")

    lines = files[0].read_text(encoding="utf-8").splitlines()
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(lines) == count == len({json.loads(line)["id"] for line in lines})
    verbs = {json.loads(line)["verb"]["display"]["en"] for line in lines}
    assert verbs == {"answered", "completed", "experienced", "attempted", "passed", "mastered"}
    for line in lines[:: max(1, len(lines) // 300)]:
        BaseXapiStatement.model_validate_json(line)
    assert "@" not in files[0].read_text(encoding="utf-8")


def test_a_statement_that_is_none_is_found_by_the_same_check(team):
    statement = next(xapi.statements(team.journal, "https://learn.example.com"))

    for wrong in ({"timestamp": "yesterday"}, {"id": "1"}, {"verb": {"id": "answered"}}, {"actor": {}}):
        with pytest.raises(ValueError, match="validation error"):
            BaseXapiStatement.model_validate(statement | wrong)


def test_an_address_that_is_none_is_named(team, tmp_path):
    with (tmp_path / "x").open("w") as file, pytest.raises(UsageError, match="'here' is no address"):
        xapi.write(OPERATOR, team.journal, team.access, file, "here")


@pytest.mark.parametrize("by", ["ann", ""])
def test_nobody_who_only_learns_exports_the_team(team, tmp_path, by):
    access = Access(team.journal.people, solo=False)
    with pytest.raises(AccessError):
        exports.write_tables(by, team.journal, access, tmp_path / "out")
    with pytest.raises(AccessError):
        exports.report(by, team.team, team.pathfinder, access)
    with (tmp_path / "x").open("w") as file, pytest.raises(AccessError):
        xapi.write(by, team.journal, access, file, "https://learn.example.com")
