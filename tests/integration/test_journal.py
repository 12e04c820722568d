"""Nothing a learner did is lost: the journal on a real SQLite file, under threads, processes, kills and damage."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, inspect
from sqlalchemy.exc import IntegrityError

from pgdojo.errors import JournalError, UsageError
from pgdojo.learner import database, schema
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import (
    Attempt,
    Conversation,
    Dispute,
    Feedback,
    Gap,
    LabCheck,
    LabHint,
    LabPrediction,
    LabRun,
    PassageRead,
    QuizResponse,
    Sitting,
    Turn,
)

MONDAY = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVENTS = ("turns", "renames", "deletions", "feedback", "gaps", "reads")
QUIZ_EVENTS = ("sittings", "finishes", "attempts", "hints", "moves", "responses", "disputes", "preferences")
LAB_EVENTS = ("lab_runs", "lab_checks", "lab_hints", "lab_predictions")


def a_turn(key="t1", **other):
    known = {
        "key": key,
        "conversation": "c1",
        "learner": "ann",
        "question": "How long are backups kept?",
        "standalone": "How long are RDS backups kept?",
        "answer": {"sentences": [{"text": "Up to 35 days.", "citations": [1]}], "refused": False},
        "asked_at": MONDAY,
    }
    return Turn(**{**known, **other})


def address(path):
    return f"sqlite:///{path}"


class Clock:
    """Stands at Monday nine o'clock and goes on by a minute at each look."""

    def __init__(self):
        self.now = MONDAY - MINUTE

    def __call__(self):
        self.now += MINUTE
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def journal(path):
    with Journal.open(address(path), clock=Clock()) as opened:
        yield opened


@contextmanager
def behind_its_back(path):
    """Open the journal's file as any other program would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def stored(path, table):
    """Count the rows of `table`, the hidden ones too."""
    with behind_its_back(path) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def one_event_of_each_kind(journal):
    journal.record_turn(a_turn())
    journal.rename_conversation("n1", learner="ann", conversation="c1", title="Backups")
    journal.record_feedback("f1", learner="ann", turn="t1", helpful=True)
    journal.record_gap("g1", learner="ann", question="Is it raining?", nearest=["notes#backups"])
    journal.record_read("r1", learner="ann", passage="notes#backups", document="knowledge/notes.md")
    journal.delete_conversation("d1", learner="ann", conversation="c1")


A_SITTING = Sitting(key="s1", learner="ann", mode="exam", plan={"items": ["i1"], "total": 1}, started_at=MONDAY)
AN_ATTEMPT = Attempt(
    key="s1-0",
    learner="ann",
    sitting="s1",
    place=0,
    item="i1",
    rev=2,
    arrangement={"options": ["b", "a"]},
    opened_at=MONDAY + MINUTE,
)
A_RESPONSE = QuizResponse(
    key="s1-0",
    learner="ann",
    sitting="s1",
    item="i1",
    rev=2,
    objective="o1",
    topic="backups",
    given={"picked": "b"},
    certainty="sure",
    hinted=True,
    mark=0.5,
    rating=1,
    counts=True,
    algorithm="FSRS-6",
    seconds=12.5,
    answered_at=MONDAY + 2 * MINUTE,
)
A_DISPUTE = Dispute(
    learner="ann",
    attempt="s1-0",
    item="i1",
    rev=2,
    given={"picked": "b"},
    passage="facts#one",
    words="It says otherwise.",
    disputed_at=MONDAY + 3 * MINUTE,
)


def one_quiz_event_of_each_kind(quiz):
    quiz.start(A_SITTING)
    quiz.open(AN_ATTEMPT)
    quiz.show_hint("ann", "s1-0")
    quiz.move("ann", "s1-0", 0, "a")
    quiz.respond(A_RESPONSE)
    quiz.dispute("d1", A_DISPUTE)
    quiz.prefer("p1", learner="ann", name="minutes", value=12)
    quiz.finish("ann", "s1")


A_RUN = LabRun(key="r1", learner="ann", lab="failover", rev=2, started_at=MONDAY)
A_CHECK = LabCheck(
    key="k1",
    learner="ann",
    lab="failover",
    rev=2,
    step="kill",
    status="not_yet",
    evidence={"findings": [{"check": "rows", "found": "0"}]},
    checked_at=MONDAY + MINUTE,
)
A_HINT = LabHint(key="h1", learner="ann", lab="failover", rev=2, step="kill", rung=0, shown_at=MONDAY + 2 * MINUTE)
A_PREDICTION = LabPrediction(
    key="p1", learner="ann", lab="failover", rev=2, step="kill", value=1.5, predicted_at=MONDAY + 3 * MINUTE
)


def one_lab_event_of_each_kind(lab):
    lab.start(A_RUN)
    lab.check(A_CHECK)
    lab.show_hint(A_HINT)
    lab.predict(A_PREDICTION)


def child(code, *arguments):
    """Start another Python that sees the same packages."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


# What a learner finds again


def test_a_conversation_survives_closing_and_reopening(path):
    first, second = a_turn("t1"), a_turn("t2", question="And on Aurora?", asked_at=MONDAY + MINUTE)
    with Journal.open(address(path)) as journal:
        assert journal.record_turn(first)
        assert journal.record_turn(second)

    with Journal.open(address(path)) as journal:
        assert journal.turns("ann", "c1") == [first, second]
        assert journal.conversations("ann") == [
            Conversation(
                id="c1", title="How long are backups kept?", started_at=MONDAY, last_at=MONDAY + MINUTE, turns=2
            )
        ]


def test_the_conversation_with_the_latest_question_comes_first(journal):
    journal.record_turn(a_turn("t1", conversation="old"))
    journal.record_turn(a_turn("t2", conversation="new", asked_at=MONDAY + MINUTE))
    journal.record_turn(a_turn("t3", conversation="newer", asked_at=MONDAY + MINUTE))
    journal.record_turn(a_turn("t4", conversation="old", asked_at=MONDAY + 2 * MINUTE))

    assert [(c.id, c.turns) for c in journal.conversations("ann")] == [("old", 2), ("newer", 1), ("new", 1)]


def test_turns_keep_their_order_when_the_clock_is_set_back(journal):
    journal.record_turn(a_turn("t1", asked_at=MONDAY))
    journal.record_turn(a_turn("t2", asked_at=MONDAY - MINUTE))

    assert [turn.key for turn in journal.turns("ann", "c1")] == ["t1", "t2"]


def test_times_come_back_in_utc_whatever_zone_they_came_in(journal):
    in_berlin = datetime(2026, 5, 4, 11, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))

    journal.record_turn(a_turn(asked_at=in_berlin))

    [turn] = journal.turns("ann", "c1")
    assert turn.asked_at.isoformat() == "2026-05-04T09:00:00.123456+00:00"


def test_a_clock_without_a_zone_is_refused_and_stores_nothing(path):
    with Journal.open(address(path), clock=lambda: MONDAY.replace(tzinfo=None)) as journal:
        with pytest.raises(ValueError, match="no time zone"):
            journal.record_read("r1", learner="ann", passage="notes#backups", document="knowledge/notes.md")

        assert journal.passages_read("ann") == []


def test_the_last_rename_names_a_conversation_and_a_blank_one_takes_the_name_back(journal):
    journal.record_turn(a_turn())

    titles = []
    for key, title in [("n1", "Backups"), ("n2", "Keeping backups"), ("n3", "  ")]:
        assert journal.rename_conversation(key, learner="ann", conversation="c1", title=title)
        titles.append(journal.conversations("ann")[0].title)

    assert titles == ["Backups", "Keeping backups", "How long are backups kept?"]


def test_a_deleted_conversation_is_hidden_and_still_stored(journal, path):
    journal.record_turn(a_turn("t1", conversation="c1"))
    journal.record_turn(a_turn("t2", conversation="c2"))
    journal.record_feedback("f1", learner="ann", turn="t1", helpful=True)

    assert journal.delete_conversation("d1", learner="ann", conversation="c1")
    journal.record_turn(a_turn("t3", conversation="c1"))

    assert [c.id for c in journal.conversations("ann")] == ["c2"]
    assert journal.turns("ann", "c1") == []
    assert journal.feedback("ann", "c1") == {}
    assert stored(path, "turns") == 3


def test_later_feedback_replaces_the_earlier_and_both_stay_stored(journal, path):
    journal.record_turn(a_turn("t1"))
    journal.record_turn(a_turn("t2"))

    journal.record_feedback("f1", learner="ann", turn="t1", helpful=False, reason="too short")
    journal.record_feedback("f2", learner="ann", turn="t2", helpful=True)
    journal.record_feedback("f3", learner="ann", turn="t1", helpful=True)

    assert journal.feedback("ann", "c1") == {
        "t1": Feedback(turn="t1", helpful=True, reason="", given_at=MONDAY + 2 * MINUTE),
        "t2": Feedback(turn="t2", helpful=True, reason="", given_at=MONDAY + MINUTE),
    }
    assert stored(path, "feedback") == 3


def test_gaps_tell_authors_what_the_course_lacks(journal):
    journal.record_gap("g1", learner="ann", question="Is it raining?", nearest=("notes#backups", "notes#ha"))
    journal.record_gap("g2", learner="bob", question="Who won?", nearest=())

    assert journal.gaps() == [
        Gap(
            question="Is it raining?",
            nearest=("notes#backups", "notes#ha"),
            learner="ann",
            noted_at=MONDAY,
        ),
        Gap(question="Who won?", nearest=(), learner="bob", noted_at=MONDAY + MINUTE),
    ]


def test_passages_read_are_counted_and_the_latest_comes_first(journal):
    journal.record_read("r1", learner="ann", passage="notes#backups", document="knowledge/old.md")
    journal.record_read("r2", learner="ann", passage="notes#ha", document="knowledge/notes.md")
    journal.record_read("r3", learner="ann", passage="notes#backups", document="knowledge/notes.md")

    assert journal.passages_read("ann") == [
        PassageRead(passage="notes#backups", document="knowledge/notes.md", times=2, last_at=MONDAY + 2 * MINUTE),
        PassageRead(passage="notes#ha", document="knowledge/notes.md", times=1, last_at=MONDAY + MINUTE),
    ]


# Whose it is


def test_another_learner_sees_nothing(journal):
    one_event_of_each_kind(journal)
    journal.record_turn(a_turn("t2", conversation="c2"))

    assert journal.conversations("bob") == []
    assert journal.turns("bob", "c2") == []
    assert journal.feedback("bob", "c2") == {}
    assert journal.passages_read("bob") == []


def test_another_learner_changes_nothing_even_with_the_same_conversation_id(journal):
    journal.record_turn(a_turn("t1"))
    journal.record_turn(a_turn("t2", learner="bob", question="Bob's own"))

    journal.rename_conversation("n1", learner="bob", conversation="c1", title="Taken")
    journal.delete_conversation("d1", learner="bob", conversation="c1")

    [conversation] = journal.conversations("ann")
    assert (conversation.title, conversation.turns) == ("How long are backups kept?", 1)
    assert [turn.key for turn in journal.turns("ann", "c1")] == ["t1"]
    assert journal.conversations("bob") == []


@pytest.mark.parametrize(("learner", "turn"), [("bob", "t1"), ("ann", "t9")])
def test_feedback_on_a_turn_that_the_learner_does_not_have_is_refused(journal, path, learner, turn):
    journal.record_turn(a_turn("t1"))

    with pytest.raises(UsageError, match="no turn"):
        journal.record_feedback("f1", learner=learner, turn=turn, helpful=True)

    assert stored(path, "feedback") == 0


def test_a_name_that_would_become_anothers_when_cleaned_is_refused(journal):
    journal.record_turn(a_turn())

    with pytest.raises(UsageError, match="cannot name"):
        journal.turns("ann\x00", "c1")
    with pytest.raises(UsageError, match="cannot name"):
        journal.record_turn(a_turn("t2", learner="ann\ud800"))


# Once, however often it is sent


def test_the_same_submit_twice_is_stored_once_and_the_first_stays(journal):
    first = a_turn()

    assert journal.record_turn(first) is True
    assert journal.record_turn(replace(first, question="something else")) is False

    assert journal.turns("ann", "c1") == [first]


def test_every_kind_of_event_is_stored_once(journal, path):
    one_event_of_each_kind(journal)
    one_event_of_each_kind(journal)

    one_quiz_event_of_each_kind(journal.quiz)
    one_lab_event_of_each_kind(journal.lab)
    one_quiz_event_of_each_kind(journal.quiz)
    one_lab_event_of_each_kind(journal.lab)

    every = (*EVENTS, *QUIZ_EVENTS, *LAB_EVENTS)
    assert {table: stored(path, table) for table in every} == dict.fromkeys(every, 1)


def test_the_same_submits_from_eight_threads_at_once_are_stored_once(journal, path):
    start = threading.Barrier(8)

    def submit_all(_):
        start.wait(timeout=30)
        return [journal.record_turn(a_turn(f"t{n}")) for n in range(25)]

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(submit_all, range(8)))

    assert [sum(firsts) for firsts in zip(*results, strict=True)] == [1] * 25
    assert stored(path, "turns") == 25


SUBMIT_FIFTY = """
import sys
from datetime import datetime, UTC
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import Turn

print("ready", flush=True)
sys.stdin.readline()
with Journal.open(sys.argv[1]) as journal:
    print(sum(
        journal.record_turn(Turn(
            key=f"t{n}", conversation="c1", learner="ann", question="?", standalone="?", answer={},
            asked_at=datetime.now(UTC),
        ))
        for n in range(50)
    ))
"""


def test_two_processes_make_one_journal_and_store_each_submit_once(path):
    children = [child(SUBMIT_FIFTY, address(path)) for _ in range(2)]
    for process in children:
        assert process.stdout.readline() == "ready\n"

    for process in children:
        process.stdin.write("go\n")
        process.stdin.flush()
    firsts = [int(process.communicate(timeout=60)[0]) for process in children]

    assert sum(firsts) == 50
    assert stored(path, "turns") == 50


# What the journal keeps of quizzes


def test_what_a_sitting_stored_comes_back_as_it_was(path):
    with Journal.open(address(path), clock=Clock()) as journal:
        one_quiz_event_of_each_kind(journal.quiz)

    with Journal.open(address(path)) as journal:
        quiz = journal.quiz
        # The clock was looked at for the hint, the move, the preference and the end.
        assert quiz.sitting("ann", "s1") == replace(A_SITTING, finished_at=MONDAY + 3 * MINUTE)
        assert quiz.attempts("ann", "s1") == [AN_ATTEMPT]
        assert quiz.responses("ann", "s1") == [A_RESPONSE]
        assert quiz.path("ann", "s1-0") == ("a",)
        assert quiz.disputes() == [A_DISPUTE]
        assert quiz.hinted("ann", "s1-0")


def test_quiz_events_of_another_learner_are_not_seen(journal):
    one_quiz_event_of_each_kind(journal.quiz)
    one_lab_event_of_each_kind(journal.lab)
    quiz = journal.quiz

    assert (quiz.sittings("bob"), quiz.unfinished("bob"), quiz.sitting("bob", "s1")) == ([], [], None)
    assert (quiz.attempts("bob", "s1"), quiz.responses("bob", "s1"), quiz.path("bob", "s1-0")) == ([], [], ())
    assert (quiz.hinted("bob", "s1-0"), quiz.preferences("bob"), quiz.reviews_since("bob")) == (False, {}, [])


@pytest.mark.parametrize(
    "add",
    [
        lambda quiz: quiz.finish("bob", "s1"),
        lambda quiz: quiz.open(replace(AN_ATTEMPT, key="s1-1", place=1, learner="bob")),
        lambda quiz: quiz.show_hint("bob", "s1-0"),
        lambda quiz: quiz.move("bob", "s1-0", 0, "a"),
        lambda quiz: quiz.respond(replace(A_RESPONSE, learner="bob")),
        lambda quiz: quiz.dispute("d1", replace(A_DISPUTE, learner="bob")),
    ],
    ids=["finish", "open", "show_hint", "move", "respond", "dispute"],
)
def test_another_learner_can_add_nothing_to_a_sitting(journal, path, add):
    journal.quiz.start(A_SITTING)
    journal.quiz.open(AN_ATTEMPT)

    with pytest.raises(UsageError, match="nothing of this name"):
        add(journal.quiz)

    assert [stored(path, table) for table in QUIZ_EVENTS] == [1, 0, 1, 0, 0, 0, 0, 0]


def test_the_second_attempt_at_a_place_gives_the_first_back(journal, path):
    journal.quiz.start(A_SITTING)
    first = journal.quiz.open(AN_ATTEMPT)

    assert journal.quiz.open(replace(AN_ATTEMPT, item="i2")) == first
    assert journal.quiz.open(replace(AN_ATTEMPT, key="another", item="i2")) == first

    assert stored(path, "attempts") == 1


def test_a_turn_of_an_incident_is_taken_once(journal):
    journal.quiz.start(A_SITTING)
    journal.quiz.open(AN_ATTEMPT)

    taken = [journal.quiz.move("ann", "s1-0", turn, choice) for turn, choice in [(0, "a"), (0, "b"), (1, "c")]]

    assert taken == [True, False, True]
    assert journal.quiz.path("ann", "s1-0") == ("a", "c")


def test_the_schedule_is_given_only_what_is_new_and_counts(journal):
    journal.quiz.start(A_SITTING)
    for place, counts in enumerate([True, False, True]):
        journal.quiz.open(replace(AN_ATTEMPT, key=f"s1-{place}", place=place))
        journal.quiz.respond(replace(A_RESPONSE, key=f"s1-{place}", rev=place + 1, counts=counts))

    every = journal.quiz.reviews_since("ann")

    assert [review.rev for review in every] == [1, 3]
    assert every[0][1:] == ("o1", "backups", "i1", 1, 1, True, MONDAY + 2 * MINUTE)
    assert journal.quiz.reviews_since("ann", every[0].id) == every[1:]
    assert journal.quiz.reviews_since("ann", every[1].id) == []


def test_item_analysis_is_given_every_learners_answers_as_they_came(journal):
    for learner in ("ann", "bob"):
        journal.quiz.start(replace(A_SITTING, key=f"of {learner}", learner=learner))
        mine = {"key": f"{learner}-0", "learner": learner, "sitting": f"of {learner}"}
        journal.quiz.open(replace(AN_ATTEMPT, **mine))
        journal.quiz.respond(replace(A_RESPONSE, **mine, given={"picked": ["ü", learner], "order": []}, counts=False))

    assert [outcome._asdict() for outcome in journal.quiz.outcomes()] == [
        {
            "learner": learner,
            "item": "i1",
            "rev": 2,
            "mark": 0.5,
            "certainty": "sure",
            "seconds": 12.5,
            "given": {"picked": ["ü", learner], "order": []},
        }
        for learner in ("ann", "bob")
    ]


def test_the_last_value_of_a_preference_is_the_one_that_holds(journal):
    for key, name, value in [("p1", "minutes", 12), ("p2", "ready by", "2026-06-01"), ("p3", "minutes", 5)]:
        journal.quiz.prefer(key, learner="ann", name=name, value=value)

    assert journal.quiz.preferences("ann") == {"minutes": 5, "ready by": "2026-06-01"}


# Through kills, locks and full disks


WRITE_FOREVER = """
import sys, uuid
from datetime import datetime, UTC
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import Turn

with Journal.open(sys.argv[1]) as journal:
    while True:
        key = str(uuid.uuid4())
        journal.record_turn(Turn(
            key=key, conversation="c1", learner="ann", question=key * 50, standalone=key, answer={"key": key * 200},
            asked_at=datetime.now(UTC),
        ))
        print(key, flush=True)
"""


def test_a_killed_process_loses_nothing_that_was_acknowledged(path):
    acknowledged = set()
    kills = 12
    for _ in range(kills):
        with child(WRITE_FOREVER, address(path)) as process:
            acknowledged.add(process.stdout.readline().strip())
            time.sleep(random.uniform(0.0, 0.2))
            process.kill()
            # A line that the kill cut off was never acknowledged.
            acknowledged.update(line[:-1] for line in process.stdout if line.endswith("\n"))

    with Journal.open(address(path)) as journal:
        turns = {turn.key: turn for turn in journal.turns("ann", "c1")}

    assert len(acknowledged) >= kills
    assert acknowledged <= turns.keys()
    assert len(turns.keys() - acknowledged) <= kills
    assert all(t.question == k * 50 and t.answer == {"key": k * 200} for k, t in turns.items())


def test_a_writer_waits_while_another_program_holds_the_journal(journal, path):
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.5, holder.rollback).start()

    assert journal.record_turn(a_turn())

    holder.close()


@pytest.mark.slow
def test_a_journal_held_for_longer_is_named_and_works_once_it_is_free(journal, path):
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(JournalError, match=r"Another program has held the journal .* for 10 seconds") as held:
        journal.record_turn(a_turn())
    holder.close()

    assert "Close that program" in held.value.next_step
    assert journal.record_turn(a_turn())


def test_a_full_disk_is_named_and_the_journal_works_again_once_there_is_space(journal):
    def fill(connection, _):
        connection.execute("PRAGMA max_page_count = 30")

    journal.record_turn(a_turn("before"))
    event.listen(journal._engine, "connect", fill)

    with pytest.raises(JournalError, match=r"The disk that holds the journal .* is full") as full:
        journal.record_turn(a_turn("during", question="x" * 1_000_000))
    event.remove(journal._engine, "connect", fill)

    assert "Free some space" in full.value.next_step
    assert [turn.key for turn in journal.turns("ann", "c1")] == ["before"]
    assert journal.record_turn(a_turn("during", question="x" * 1_000_000))


def test_a_journal_removed_under_a_running_server_is_missed_and_its_backup_is_taken_up(journal, path, tmp_path):
    journal.record_turn(a_turn())
    backup = shutil.move(path, tmp_path / "backup.sqlite3")

    with pytest.raises(JournalError, match="cannot be opened"):
        journal.record_turn(a_turn("t2"))
    shutil.move(backup, path)

    assert journal.record_turn(a_turn("t2"))
    assert [turn.key for turn in journal.turns("ann", "c1")] == ["t1", "t2"]


# Nothing is changed or removed


def test_every_table_is_one_of_events():
    assert set(schema.metadata.tables) == {*EVENTS, *QUIZ_EVENTS, *LAB_EVENTS}


@pytest.mark.parametrize("table", [*EVENTS, *QUIZ_EVENTS, *LAB_EVENTS])
@pytest.mark.parametrize(
    "change", ["UPDATE {} SET learner = 'bob'", "DELETE FROM {}", "INSERT OR REPLACE INTO {0} SELECT * FROM {0}"]
)
def test_the_database_itself_refuses_to_change_or_remove_an_event(journal, path, table, change):
    one_event_of_each_kind(journal)
    one_quiz_event_of_each_kind(journal.quiz)
    one_lab_event_of_each_kind(journal.lab)

    with behind_its_back(path) as connection:
        connection.execute("PRAGMA recursive_triggers = ON")
        with pytest.raises(sqlite3.IntegrityError, match=f"^{table} is append-only"):
            connection.execute(change.format(table))

    assert stored(path, table) == 1


def test_replacing_an_event_is_refused_as_well(journal):
    journal.record_gap("g1", learner="ann", question="Is it raining?", nearest=[])

    with journal._engine.begin() as connection, pytest.raises(IntegrityError, match="gaps is append-only"):
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO gaps (key, learner, question, nearest, noted_at) VALUES ('g1', 'ann', '', '[]', '')"
        )

    assert journal.gaps()[0].question == "Is it raining?"


# What is no sound journal is named, with a next step


def refusal(url):
    with pytest.raises(JournalError) as refused:
        Journal.open(url)
    assert refused.value.next_step
    return refused.value.problem


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(path):
    path.write_text("Dear diary, " * 1000)

    assert refusal(address(path)) == f"The file {path} is not a journal of pgdojo."
    assert path.read_text() == "Dear diary, " * 1000


@pytest.mark.parametrize("table", ["recipes", "alembic_version"])
def test_a_database_of_another_program_is_named_and_left_as_it_is(path, table):
    with behind_its_back(path) as connection:
        connection.execute(f"CREATE TABLE {table} (version_num TEXT)")
        connection.execute(f"INSERT INTO {table} VALUES ('ae1027a6acf')")

    assert refusal(address(path)) == f"The file {path} is not a journal of pgdojo."
    with behind_its_back(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [(table,)]


@pytest.mark.parametrize("left", [0.9, 0.5, 0.1])
def test_a_truncated_journal_is_named(journal, path, left):
    journal.record_turn(a_turn())
    os.truncate(path, int(path.stat().st_size * left))

    assert refusal(address(path)) == f"The journal {path} is damaged."


def test_a_journal_with_overwritten_pages_is_named_at_the_door_and_by_the_check(journal, path):
    for n in range(200):
        journal.record_turn(a_turn(f"t{n}"))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 8192)

    assert refusal(address(path)) == f"The journal {path} is damaged."
    assert len(journal.check()) >= 1
    assert not journal.check()[0].startswith("SQLite")


def test_a_journal_from_a_newer_pgdojo_is_named_and_left_as_it_is(path):
    Journal.open(address(path)).close()
    with behind_its_back(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()

    with pytest.raises(JournalError, match=r"written by a newer pgdojo .*9999") as newer:
        Journal.open(address(path))

    assert "pip install --upgrade pgdojo" in newer.value.next_step
    assert path.read_bytes() == before


OPEN_AS_NOBODY_SPECIAL = """
import os, sys
from pgdojo.errors import JournalError
from pgdojo.learner.journal import Journal

if os.geteuid() == 0:  # the administrator may write everywhere
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    Journal.open(sys.argv[1])
except JournalError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="folders have no write permission elsewhere")
@pytest.mark.parametrize("exists", [False, True])
def test_a_read_only_folder_is_named(exists):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.sqlite3")
        if exists:
            Journal.open(address(path)).close()
            path.chmod(0o666)
        Path(folder).chmod(0o555)

        said, _ = child(OPEN_AS_NOBODY_SPECIAL, address(path)).communicate(timeout=60)
        Path(folder).chmod(0o755)

    assert said.startswith(f"The journal {path} cannot be opened for writing.")
    assert "Allow this account to write the file and its folder" in said


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    assert "cannot be opened for writing" in refusal(address(tmp_path / "file" / "journal.sqlite3"))


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path):
    assert refusal(address(tmp_path)) == f"The journal {tmp_path} cannot be opened for writing."


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:journal?uri=true"])
def test_an_address_that_keeps_nothing_is_refused(url):
    assert "names no file" in refusal(url)


@pytest.mark.parametrize("url", ["secret", "postgresql://ann:secret@127.0.0.1:port/x"])
def test_an_address_that_cannot_be_read_is_not_repeated(url):
    assert refusal(url) == "The journal's address cannot be read."


def test_a_server_that_cannot_be_used_is_named_without_its_password():
    problem = refusal("postgresql://ann:secret@127.0.0.1:1/journal?password=secret")

    assert "postgresql://ann:***@127.0.0.1:1/journal" in problem
    assert "secret" not in problem


def test_a_failure_shows_nothing_of_what_the_learner_wrote(journal):
    with pytest.raises(TypeError) as refused:
        journal.record_turn(a_turn(question="my secret", answer={"secret": object()}))

    assert "secret" not in str(refused.value)
    assert journal.turns("ann", "c1") == []


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_lacks_is_refused(journal, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.record_turn(a_turn(answer={"score": number}))


# Where it is and how it is set


def test_the_journal_is_in_the_users_data_folder_unless_the_environment_says_otherwise(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGDOJO_DATABASE_URL", raising=False)
    with Journal.open() as journal:
        usual = Path(journal.place)
    monkeypatch.setenv("PGDOJO_DATABASE_URL", address(tmp_path / "a new 100% folder" / "my journal.db"))
    with Journal.open() as journal:
        chosen = Path(journal.place)

    assert usual.name == "journal.sqlite3"
    assert usual.parent.name == "pgdojo"
    assert usual.is_relative_to(tmp_path)
    assert chosen == tmp_path / "a new 100% folder" / "my journal.db"
    assert chosen.is_file()


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes elsewhere")
def test_only_its_owner_reads_a_new_journal(path):
    Journal.open(address(path)).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sqlite_is_set_to_keep_what_it_acknowledges(journal):
    wal_is_safe = sqlite3.sqlite_version_info >= (3, 51, 3)

    with journal._engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("foreign_keys", "busy_timeout", "synchronous", "journal_mode", "mmap_size")
        }

    assert found == {
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "synchronous": 2,
        "journal_mode": "wal" if wal_is_safe else "delete",
        "mmap_size": 0,
    }


def test_the_check_of_a_sound_journal_says_at_most_that_sqlite_is_old(journal):
    one_event_of_each_kind(journal)

    notes = journal.check()

    if sqlite3.sqlite_version_info >= (3, 51, 3):
        assert notes == []
    else:
        assert [note.split(". ")[0] for note in notes] == [f"SQLite {sqlite3.sqlite_version} is older than 3.51.3"]


# Any text


ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.fixture(scope="module")
def shared_journal(tmp_path_factory):
    with Journal.open(address(tmp_path_factory.mktemp("fuzz") / "journal.sqlite3")) as opened:
        yield opened


def without_unstorable(text):
    return "".join(letter for letter in text if letter != "\x00" and not 0xD800 <= ord(letter) <= 0xDFFF)


@settings(max_examples=100, deadline=None)
@given(question=ANY_TEXT, reason=ANY_TEXT)
def test_any_text_comes_back_but_for_nul_and_lone_surrogates(shared_journal, question, reason):
    key = str(uuid.uuid4())
    shared_journal.record_turn(
        a_turn(key, conversation=key, question=question, standalone=question, answer={"text": [question]})
    )
    shared_journal.record_feedback(key, learner="ann", turn=key, helpful=False, reason=reason)

    [turn] = shared_journal.turns("ann", key)
    kept = without_unstorable(question)
    assert (turn.question, turn.standalone, turn.answer) == (kept, kept, {"text": [kept]})
    assert shared_journal.feedback("ann", key)[key].reason == without_unstorable(reason)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé\n😀'\"\\"),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text("aé😀", max_size=3), part, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(answer=st.dictionaries(st.text("abc"), JSON_VALUES, max_size=3))
def test_any_answer_comes_back(shared_journal, answer):
    key = str(uuid.uuid4())
    shared_journal.record_turn(a_turn(key, conversation=key, answer=answer))

    assert shared_journal.turns("ann", key)[0].answer == answer


# Migrations


VERSIONS = [script.revision for script in ScriptDirectory(str(database.MIGRATIONS)).walk_revisions()][::-1]

ROWS_OF_A_VERSION = {
    "0001": """
        INSERT INTO turns (key, learner, conversation, question, standalone, answer, asked_at)
        VALUES ('t1', 'ann', 'c1', 'How long are backups kept?', 'How long are RDS backups kept?',
                '{"sentences": [{"text": "Up to 35 days.", "citations": [1]}], "refused": false}',
                '2026-05-04 09:00:00.000000');
        INSERT INTO feedback (key, learner, turn, helpful, reason, given_at)
        VALUES ('f1', 'ann', 't1', 1, '', '2026-05-04 09:01:00.000000');
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
        VALUES ('s1-0', 'ann', 's1', 'i1', 2, 'o1', 'backups', '{{"picked": "b"}}', 'sure', 1, 0.5,
                1, 1, 'FSRS-6', 12.5, '2026-05-04 09:02:00.000000');
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
"""Rows as that version stored them; a new migration adds its own, and those of before stay as they are."""


def test_the_newest_migration_is_the_version_that_the_program_looks_for():
    assert VERSIONS[-1] == schema.VERSION
    assert set(VERSIONS) == set(ROWS_OF_A_VERSION)


def test_migrations_build_the_tables_that_the_program_uses(journal):
    with journal._engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), schema.metadata)

    assert difference == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_journal_of_every_version_is_brought_up_to_date_with_all_it_holds(path, version):
    path.touch()
    with database.for_writing(database._sqlite(path)).begin() as connection:
        database._migrate(connection, version)
    with behind_its_back(path) as connection:
        connection.executescript(ROWS_OF_A_VERSION[version])

    with Journal.open(address(path)) as journal:
        assert journal.turns("ann", "c1") == [a_turn()]
        assert journal.feedback("ann", "c1") == {
            "t1": Feedback(turn="t1", helpful=True, reason="", given_at=MONDAY + MINUTE)
        }
        assert journal.record_turn(a_turn("t2"))


@pytest.mark.parametrize("version", [version for version in VERSIONS if version >= "0002"])
def test_a_journal_with_quizzes_is_brought_up_to_date_with_all_it_holds(path, version):
    path.touch()
    with database.for_writing(database._sqlite(path)).begin() as connection:
        database._migrate(connection, version)
    with behind_its_back(path) as connection:
        connection.executescript(ROWS_OF_A_VERSION[version])

    with Journal.open(address(path)) as journal:
        quiz = journal.quiz
        assert quiz.sittings("ann") == [replace(A_SITTING, finished_at=MONDAY + 5 * MINUTE)]
        assert quiz.attempts("ann", "s1") == [AN_ATTEMPT]
        assert quiz.hinted("ann", "s1-0")
        assert quiz.path("ann", "s1-0") == ("a",)
        assert quiz.responses("ann", "s1") == [A_RESPONSE]
        assert quiz.disputes() == [A_DISPUTE]
        assert quiz.preferences("ann") == {"minutes": 12}
        assert quiz.start(replace(A_SITTING, key="s2"))


def test_a_journal_from_before_the_quizzes_takes_them_up_and_guards_them(path):
    path.touch()
    with database.for_writing(database._sqlite(path)).begin() as connection:
        database._migrate(connection, "0001")
    with behind_its_back(path) as connection:
        connection.executescript(ROWS_OF_A_VERSION["0001"])

    with Journal.open(address(path)) as journal:
        one_quiz_event_of_each_kind(journal.quiz)

    with behind_its_back(path) as connection, pytest.raises(sqlite3.IntegrityError, match="responses is append-only"):
        connection.execute("DELETE FROM responses")
    assert stored(path, "turns") == 1


@pytest.mark.parametrize("version", [version for version in VERSIONS if version >= "0003"])
def test_a_journal_with_labs_is_brought_up_to_date_with_all_it_holds(path, version):
    path.touch()
    with database.for_writing(database._sqlite(path)).begin() as connection:
        database._migrate(connection, version)
    with behind_its_back(path) as connection:
        connection.executescript(ROWS_OF_A_VERSION[version])

    with Journal.open(address(path)) as journal:
        lab = journal.lab
        assert lab.runs("ann", "failover") == [A_RUN]
        assert lab.checks("ann", "failover") == [A_CHECK]
        assert lab.hints("ann", "failover") == [A_HINT]
        assert lab.predictions("ann", "failover") == [A_PREDICTION]
        assert lab.start(replace(A_RUN, key="r2"))


def test_a_journal_from_before_the_labs_takes_them_up_and_keeps_them_to_one_learner(path):
    path.touch()
    with database.for_writing(database._sqlite(path)).begin() as connection:
        database._migrate(connection, "0002")

    with Journal.open(address(path)) as journal:
        one_lab_event_of_each_kind(journal.lab)
        assert journal.lab.checks("bob", "failover") == []
        assert not journal.lab.show_hint(replace(A_HINT, key="h2"))

    with behind_its_back(path) as connection, pytest.raises(sqlite3.IntegrityError, match="lab_checks is append-only"):
        connection.execute("DELETE FROM lab_checks")


def test_a_migration_that_is_broken_off_leaves_nothing_behind(path):
    engine = database._sqlite(path)

    with database.for_writing(engine).connect() as connection, connection.begin() as transaction:
        database._migrate(connection)
        transaction.rollback()

    assert inspect(engine).get_table_names() == []
    with Journal.open(address(path)) as journal:
        assert journal.record_turn(a_turn())
