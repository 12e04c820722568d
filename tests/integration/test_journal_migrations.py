"""A journal of every earlier version is brought up to date with all that it holds, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from journal_events import (
    A_CHECK,
    A_DISPUTE,
    A_HINT,
    A_PREDICTION,
    A_RESPONSE,
    A_RUN,
    A_SITTING,
    AN_ATTEMPT,
    EVERY,
    LAB_EVENTS,
    MINUTE,
    MONDAY,
    PEOPLE_EVENTS,
    QUIZ_EVENTS,
    a_turn,
    child,
    one_event_of_every_table,
    refusal_of,
)
from sqlalchemy import inspect

from pgdojo.errors import JournalError
from pgdojo.learner import database, schema, server
from pgdojo.learner.address import find
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import Deed, Enrolment, Feedback, Grant, Person, Resolution, SignOff, Token

VERSIONS = [script.revision for script in ScriptDirectory(str(database.MIGRATIONS)).walk_revisions()][::-1]

ROWS_OF_A_VERSION = {
    "0001": """
        INSERT INTO turns (key, learner, conversation, question, standalone, answer, asked_at)
        VALUES ('t1', 'ann', 'c1', 'How long are backups kept?', 'How long are RDS backups kept?',
                '{"sentences": [{"text": "Up to 35 days.", "citations": [1]}], "refused": false}',
                '2026-05-04 09:00:00.000000');
        INSERT INTO feedback (key, learner, turn, helpful, reason, given_at)
        VALUES ('f1', 'ann', 't1', TRUE, '', '2026-05-04 09:01:00.000000');
    """,
}
ROWS_OF_A_VERSION["0002"] = f"""{ROWS_OF_A_VERSION["0001"]}
        INSERT INTO sittings (key, learner, mode, plan, started_at)
        VALUES ('s1', 'ann', 'exam', '{{"items": ["i1"], "total": 1}}', '2026-05-04 09:00:00.000000');
        INSERT INTO attempts (key, learner, sitting, place, item, rev, arrangement, opened_at)
        VALUES ('s1-0', 'ann', 's1', 0, 'i1', 2, '{{"options": ["b", "a"]}}', '2026-05-04 09:01:00.000000');
        INSERT INTO hints (key, learner, shown_at) VALUES ('s1-0', 'ann', '2026-05-04 09:01:30.000000');
        INSERT INTO moves (key, learner, attempt, number, choice, moved_at)
        VALUES ('s1-0-0', 'ann', 's1-0', 0, 'a', '2026-05-04 09:01:40.000000');
        INSERT INTO responses (key, learner, sitting, item, rev, objective, topic, given, certainty, hinted, mark,
                               rating, counts, algorithm, seconds, answered_at)
        VALUES ('s1-0', 'ann', 's1', 'i1', 2, 'o1', 'backups', '{{"picked": "b"}}', 'sure', TRUE, 0.5,
                1, TRUE, 'FSRS-6', 12.5, '2026-05-04 09:02:00.000000');
        INSERT INTO disputes (key, learner, attempt, item, rev, given, passage, words, disputed_at)
        VALUES ('d1', 'ann', 's1-0', 'i1', 2, '{{"picked": "b"}}', 'facts#one', 'It says otherwise.',
                '2026-05-04 09:03:00.000000');
        INSERT INTO preferences (key, learner, name, value, set_at)
        VALUES ('p1', 'ann', 'minutes', '12', '2026-05-04 09:04:00.000000');
        INSERT INTO finishes (key, learner, finished_at) VALUES ('s1', 'ann', '2026-05-04 09:05:00.000000');
"""
ROWS_OF_A_VERSION["0003"] = f"""{ROWS_OF_A_VERSION["0002"]}
        INSERT INTO lab_runs (key, learner, lab, rev, started_at)
        VALUES ('r1', 'ann', 'failover', 2, '2026-05-04 09:00:00.000000');
        INSERT INTO lab_checks (key, learner, lab, rev, step, status, evidence, checked_at)
        VALUES ('k1', 'ann', 'failover', 2, 'kill', 'not_yet', '{{"findings": [{{"check": "rows", "found": "0"}}]}}',
                '2026-05-04 09:01:00.000000');
        INSERT INTO lab_hints (key, learner, lab, rev, step, rung, shown_at)
        VALUES ('h1', 'ann', 'failover', 2, 'kill', 0, '2026-05-04 09:02:00.000000');
        INSERT INTO lab_predictions (key, learner, lab, rev, step, value, predicted_at)
        VALUES ('p1', 'ann', 'failover', 2, 'kill', 1.5, '2026-05-04 09:03:00.000000');
"""
ROWS_OF_A_VERSION["0004"] = f"""{ROWS_OF_A_VERSION["0003"]}
        INSERT INTO people (key, learner, issuer, subject, name, email, seen_at)
        VALUES ('pe1', 'ann', 'https://id.example', '1', 'Ann', 'ann@example.com', '2026-05-04 09:00:00.000000');
        INSERT INTO roles (key, learner, role, by, reason, granted_at)
        VALUES ('ro1', 'ann', 'mentor', 'operator', 'asked', '2026-05-04 09:01:00.000000');
        INSERT INTO enrolments (key, learner, track, target, mentor, enrolled_at)
        VALUES ('en1', 'ann', 'dba', '2026-06-01', 'bob', '2026-05-04 09:02:00.000000');
        INSERT INTO sign_offs (key, learner, task, state, by, note, signed_at)
        VALUES ('so1', 'ann', 'find-the-group', 'signed', 'bob', 'seen', '2026-05-04 09:03:00.000000');
        INSERT INTO session_ends (key, learner, ended_at) VALUES ('se1', 'ann', '2026-05-04 09:04:00.000000');
        INSERT INTO tokens (key, learner, digest, label, made_at)
        VALUES ('to1', 'ann', 'abc', 'laptop', '2026-05-04 09:05:00.000000');
        INSERT INTO token_ends (key, learner, ended_at) VALUES ('to1', 'ann', '2026-05-04 09:06:00.000000');
        INSERT INTO certificates (key, learner, badge, issued_at)
        VALUES ('ce1', 'ann', '{{"name": "PostgreSQL"}}', '2026-05-04 09:07:00.000000');
        INSERT INTO gap_closures (key, learner, passages, answered_at)
        VALUES ('g1', 'ann', '["notes#backups"]', '2026-05-04 09:08:00.000000');
        INSERT INTO resolutions (key, learner, kind, about, verdict, note, resolved_at)
        VALUES ('re1', 'bob', 'gap', 'g1', 'filled', 'in the notes', '2026-05-04 09:09:00.000000');
        INSERT INTO audit (key, learner, action, about, detail, done_at)
        VALUES ('au1', 'bob', 'signed off', 'ann', '{{"task": "find-the-group"}}', '2026-05-04 09:10:00.000000');
"""
"""Rows as that version stored them; a new migration adds its own, and those of before stay as they are."""


def since(version):
    return [one for one in VERSIONS if one >= version]


def engine_of(place):
    """An engine as the journal has it, before any migration was run."""
    if place.kind == "postgresql":
        return server.open_engine(find(place.url), **database._OPTIONS)
    place.path.touch()
    return database._sqlite(place.path)


def made_by(place, version):
    """The place, with a journal as the pgdojo of that version made and filled it."""
    engine = engine_of(place)
    with database.for_writing(engine).begin() as connection:
        database._migrate(connection, version)
    engine.dispose()
    place.run(*filter(str.strip, ROWS_OF_A_VERSION[version].split(";")))
    return place


def test_the_newest_migration_is_the_version_that_the_program_looks_for():
    assert VERSIONS[-1] == schema.VERSION
    assert set(VERSIONS) == set(ROWS_OF_A_VERSION)


def test_migrations_build_the_tables_that_the_program_uses(untouched):
    with Journal.open(untouched.url) as journal, journal._engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), schema.metadata)

    assert difference == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_journal_of_every_version_is_brought_up_to_date_with_all_it_holds(untouched, version):
    made_by(untouched, version)

    with Journal.open(untouched.url) as journal:
        assert journal.turns("ann", "c1") == [a_turn()]
        assert journal.feedback("ann", "c1") == {
            "t1": Feedback(turn="t1", helpful=True, reason="", given_at=MONDAY + MINUTE)
        }
        assert journal.record_turn(a_turn("t2"))


@pytest.mark.parametrize("version", since("0002"))
def test_a_journal_with_quizzes_is_brought_up_to_date_with_all_it_holds(untouched, version):
    made_by(untouched, version)

    with Journal.open(untouched.url) as journal:
        quiz = journal.quiz
        assert quiz.sittings("ann") == [replace(A_SITTING, finished_at=MONDAY + 5 * MINUTE)]
        assert quiz.attempts("ann", "s1") == [AN_ATTEMPT]
        assert quiz.hinted("ann", "s1-0")
        assert quiz.path("ann", "s1-0") == ("a",)
        assert quiz.responses("ann", "s1") == [A_RESPONSE]
        assert quiz.disputes() == [A_DISPUTE]
        assert quiz.preferences("ann") == {"minutes": 12}
        assert quiz.start(replace(A_SITTING, key="s2"))


@pytest.mark.parametrize("version", since("0003"))
def test_a_journal_with_labs_is_brought_up_to_date_with_all_it_holds(untouched, version):
    made_by(untouched, version)

    with Journal.open(untouched.url) as journal:
        lab = journal.lab
        assert lab.runs("ann", "failover") == [A_RUN]
        assert lab.checks("ann", "failover") == [A_CHECK]
        assert lab.hints("ann", "failover") == [A_HINT]
        assert lab.predictions("ann", "failover") == [A_PREDICTION]
        assert lab.start(replace(A_RUN, key="r2"))


@pytest.mark.parametrize("version", since("0004"))
def test_a_journal_with_people_is_brought_up_to_date_with_all_it_holds(untouched, version):
    made_by(untouched, version)

    with Journal.open(untouched.url) as journal:
        people = journal.people
        ann = {"learner": "ann"}
        assert people.people() == [
            Person(**ann, issuer="https://id.example", subject="1", name="Ann", email="ann@example.com", seen_at=MONDAY)
        ]
        granted = Grant(**ann, role="mentor", by="operator", reason="asked", granted_at=MONDAY + MINUTE)
        assert people.role("ann") == granted
        assert people.enrolment("ann") == Enrolment(
            **ann, track="dba", target=date(2026, 6, 1), mentor="bob", enrolled_at=MONDAY + 2 * MINUTE
        )
        signed = {"task": "find-the-group", "state": "signed", "by": "bob", "note": "seen"}
        assert people.sign_offs("ann") == {
            "find-the-group": SignOff(key="so1", **ann, **signed, signed_at=MONDAY + 3 * MINUTE)
        }
        assert people.sessions_valid_after("ann") == MONDAY + 4 * MINUTE
        assert people.tokens("ann") == [
            Token(key="to1", **ann, label="laptop", made_at=MONDAY + 5 * MINUTE, ended_at=MONDAY + 6 * MINUTE)
        ]
        assert people.certificates("ann") == [{"name": "PostgreSQL"}]
        filled = {"kind": "gap", "about": "g1", "learner": "bob", "verdict": "filled", "note": "in the notes"}
        assert people.resolutions("gap") == {"g1": Resolution(**filled, resolved_at=MONDAY + 9 * MINUTE)}
        done = {"learner": "bob", "action": "signed off", "about": "ann", "detail": {"task": "find-the-group"}}
        assert people.audit() == [Deed(**done, done_at=MONDAY + 10 * MINUTE)]
        assert people.sign_off("so2", learner="ann", task="find-the-group", state="refused", by="bob")
    assert untouched.count("gap_closures") == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_every_table_is_guarded_whatever_version_the_journal_was_begun_with(untouched, version):
    made_by(untouched, version)
    Journal.open(untouched.url).close()
    held = [table for table in EVERY if untouched.count(table)]

    refused = {table: refusal_of(untouched, f"DELETE FROM {table}") for table in held}

    known = {
        "0001": {"turns", "feedback"},
        "0002": {"turns", "feedback", *QUIZ_EVENTS},
        "0003": {"turns", "feedback", *QUIZ_EVENTS, *LAB_EVENTS},
    }
    assert set(held) == known.get(version, {"turns", "feedback", *QUIZ_EVENTS, *LAB_EVENTS, *PEOPLE_EVENTS})
    assert refused == {table: f"{table} is append-only: delete refused" for table in held}


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_a_journal_from_before_takes_up_every_kind_of_event(untouched, version):
    engine = engine_of(untouched)
    with database.for_writing(engine).begin() as connection:
        database._migrate(connection, version)
    engine.dispose()

    with Journal.open(untouched.url) as journal:
        one_event_of_every_table(journal)
        assert journal.lab.checks("bob", "failover") == []
        assert not journal.lab.show_hint(replace(A_HINT, key="h2"))

    assert {table: untouched.count(table) for table in EVERY} == dict.fromkeys(EVERY, 1)


def test_a_migration_that_is_broken_off_leaves_nothing_behind(untouched):
    engine = engine_of(untouched)

    with database.for_writing(engine).connect() as connection, connection.begin() as transaction:
        database._migrate(connection)
        transaction.rollback()

    assert inspect(engine).get_table_names() == []
    engine.dispose()
    with Journal.open(untouched.url) as journal:
        assert journal.record_turn(a_turn())


OPEN_AT_ONCE = """
import sys
import alembic.command
from pgdojo.learner.journal import Journal

print("ready", flush=True)
sys.stdin.readline()
Journal.open(sys.argv[1]).close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", [None, *VERSIONS[:1]])
def test_processes_that_start_at_once_migrate_once(untouched, version):
    if version:
        made_by(untouched, version)
    children = [child(OPEN_AT_ONCE, untouched.url) for _ in range(4)]
    for process in children:
        assert process.stdout.readline() == "ready\n"

    for process in children:
        process.stdin.write("go\n")
        process.stdin.flush()
    codes = [(process.communicate(timeout=60), process.returncode)[1] for process in children]

    assert codes == [0, 0, 0, 0]
    assert untouched.run("SELECT version_num FROM alembic_version")[0][0] == schema.VERSION
    assert untouched.count("turns") == (1 if version else 0)


def test_a_journal_from_a_newer_pgdojo_is_named_and_left_as_it_is(untouched):
    made_by(untouched, VERSIONS[-1]).run("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(JournalError, match=r"written by a newer pgdojo .*9999") as newer:
        Journal.open(untouched.url)

    assert "pip install --upgrade pgdojo" in newer.value.next_step
    assert untouched.run("SELECT version_num FROM alembic_version")[0][0] == "9999"
