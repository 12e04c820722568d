"""Events of a learner called ann, one of each kind, for tests of the journal."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import psycopg

from pgdojo.learner import schema
from pgdojo.learner.records import (
    Attempt,
    Dispute,
    LabCheck,
    LabHint,
    LabPrediction,
    LabRun,
    QuizResponse,
    Sitting,
    Turn,
)

MONDAY = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVENTS = ("turns", "renames", "deletions", "feedback", "gaps", "reads")
QUIZ_EVENTS = ("sittings", "finishes", "attempts", "hints", "moves", "responses", "disputes", "preferences")
LAB_EVENTS = ("lab_runs", "lab_checks", "lab_hints", "lab_predictions")
PEOPLE_EVENTS = tuple(
    """people roles enrolments sign_offs session_ends tokens token_ends certificates gap_closures resolutions
    audit""".split()
)
EVERY = (*EVENTS, *QUIZ_EVENTS, *LAB_EVENTS, *PEOPLE_EVENTS)


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


class Clock:
    """Stands at Monday nine o'clock and goes on by a minute at each look."""

    def __init__(self):
        self.now = MONDAY - MINUTE

    def __call__(self):
        self.now += MINUTE
        return self.now


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


def one_people_event_of_each_kind(people):
    people.see("ann", issuer="https://id.example", subject="1", name="Ann", email="ann@example.com")
    people.grant("ann", "learner", by="operator", reason="new")
    people.enrol("ann", track="dba", target=date(2026, 6, 1), mentor="bob")
    people.sign_off("so1", learner="ann", task="find-the-group", state="signed", by="bob", note="seen")
    people.end_sessions("ann")
    token, _ = people.make_token("ann", "laptop")
    people.end_token("ann", token.key)
    people.certify("ce1", learner="ann", badge={"name": "PostgreSQL"})
    people._append(schema.gap_closures, key="g1", learner="ann", passages=["notes#backups"], answered_at=MONDAY)
    people.resolve("re1", kind="gap", about="g1", learner="bob", verdict="filled", note="in the notes")
    people.note("bob", "signed off", "ann", {"task": "find-the-group"})


def one_event_of_every_table(journal):
    one_event_of_each_kind(journal)
    one_quiz_event_of_each_kind(journal.quiz)
    one_lab_event_of_each_kind(journal.lab)
    one_people_event_of_each_kind(journal.people)


def refusal_of(place, statement):
    """The first line with which the database refuses a statement; empty where it carries it out."""
    try:
        place.run(statement)
    except (sqlite3.Error, psycopg.Error) as error:
        return str(error).splitlines()[0]
    return ""


def child(code, *arguments):
    """Start another Python that sees the same packages."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
