"""What a page asks at every click is read from a file only when it has changed, and is never old on any database."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from sqlalchemy import event

from pgdojo.learner.database import signature
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import Turn
from pgdojo.learner.text import utc_now


def turn(number):
    return Turn(
        key=f"t{number}",
        conversation="c1",
        learner="ann",
        question=f"Question {number}?",
        standalone=f"Question {number}?",
        answer={},
        asked_at=utc_now(),
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def journal(path):
    with Journal.open(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture
def statements(journal):
    """The statements that reach the database."""
    heard = []
    event.listen(journal._engine, "before_cursor_execute", lambda *call: heard.append(call[2]))
    return heard


def settle(path):
    """Makes the file look as if nobody had written for a while."""
    long_ago = time.time() - 60
    os.utime(path, (long_ago, long_ago))


def questions(journal):
    return [found.question for found in journal.turns("ann", "c1")]


def test_an_unchanged_journal_is_read_once(journal, path, statements):
    journal.record_turn(turn(1))
    settle(path)
    first = (questions(journal), journal.conversations("ann"))
    statements.clear()

    again = (questions(journal), journal.conversations("ann"))

    assert again == first
    assert statements == []


def test_what_was_just_stored_is_there_at_once(place):
    seen = []
    with Journal.open(place.url) as journal:
        for number in range(1, 6):
            journal.record_turn(turn(number))
            seen.append(len(questions(journal)))

    assert seen == [1, 2, 3, 4, 5]


def test_what_another_process_stored_is_there_at_once(place):
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from test_journal_reads import turn\n"
        "from pgdojo.learner.journal import Journal\n"
        "Journal.open(sys.argv[1]).record_turn(turn(2))\n"
    )
    with Journal.open(place.url) as journal:
        journal.record_turn(turn(1))
        if place.kind == "sqlite":
            settle(place.path)
        assert questions(journal) == ["Question 1?"]

        subprocess.run(
            [sys.executable, "-c", code, place.url, os.path.dirname(__file__)],  # noqa: PTH120
            check=True,
            timeout=60,
        )

        assert questions(journal) == ["Question 1?", "Question 2?"]


def test_a_server_which_tells_no_cheap_sign_of_change_is_asked_each_time(server_place):
    with Journal.open(server_place.url) as journal:
        heard = []
        event.listen(journal.engine, "before_cursor_execute", lambda *call: heard.append(call[2]))

        questions(journal)
        questions(journal)

    assert len([statement for statement in heard if "FROM turns" in statement]) == 2


def test_a_file_that_was_written_a_moment_ago_is_not_trusted_to_be_unchanged(journal, path):
    journal.record_turn(turn(1))

    assert signature(journal._engine, str(path)) is None
    settle(path)
    assert signature(journal._engine, str(path)) is not None


def test_another_learner_and_another_conversation_are_not_taken_for_the_first(place):
    with Journal.open(place.url) as journal:
        journal.record_turn(turn(1))
        if place.kind == "sqlite":
            settle(place.path)

        assert questions(journal) == ["Question 1?"]
        assert journal.turns("bob", "c1") == []
        assert journal.turns("ann", "c2") == []
        assert journal.conversations("bob") == []


def test_a_list_that_a_page_has_changed_is_given_whole_the_next_time(journal, path):
    journal.record_turn(turn(1))
    settle(path)

    journal.turns("ann", "c1").clear()

    assert questions(journal) == ["Question 1?"]
