"""Nothing a learner did is lost: the journal on a file of SQLite and on a server of PostgreSQL, alike."""

from __future__ import annotations

import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from databases import SqlitePlace, a_database, drop
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_events import (
    A_DISPUTE,
    A_RESPONSE,
    A_SITTING,
    AN_ATTEMPT,
    EVERY,
    MINUTE,
    MONDAY,
    QUIZ_EVENTS,
    Clock,
    a_turn,
    child,
    one_event_of_each_kind,
    one_event_of_every_table,
    one_lab_event_of_each_kind,
    one_people_event_of_each_kind,
    one_quiz_event_of_each_kind,
    refusal_of,
)

from pgdojo.errors import UsageError
from pgdojo.learner import schema
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import Conversation, Feedback, Gap, PassageRead


@pytest.fixture
def journal(place):
    with Journal.open(place.url, clock=Clock()) as opened:
        yield opened


# What a learner finds again


def test_a_conversation_survives_closing_and_reopening(place):
    first, second = a_turn("t1"), a_turn("t2", question="And on Aurora?", asked_at=MONDAY + MINUTE)
    with Journal.open(place.url) as journal:
        assert journal.record_turn(first)
        assert journal.record_turn(second)

    with Journal.open(place.url) as journal:
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


def test_a_clock_without_a_zone_is_refused_and_stores_nothing(place):
    with Journal.open(place.url, clock=lambda: MONDAY.replace(tzinfo=None)) as journal:
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


def test_a_deleted_conversation_is_hidden_and_still_stored(journal, place):
    journal.record_turn(a_turn("t1", conversation="c1"))
    journal.record_turn(a_turn("t2", conversation="c2"))
    journal.record_feedback("f1", learner="ann", turn="t1", helpful=True)

    assert journal.delete_conversation("d1", learner="ann", conversation="c1")
    journal.record_turn(a_turn("t3", conversation="c1"))

    assert [c.id for c in journal.conversations("ann")] == ["c2"]
    assert journal.turns("ann", "c1") == []
    assert journal.feedback("ann", "c1") == {}
    assert place.count("turns") == 3


def test_later_feedback_replaces_the_earlier_and_both_stay_stored(journal, place):
    journal.record_turn(a_turn("t1"))
    journal.record_turn(a_turn("t2"))

    journal.record_feedback("f1", learner="ann", turn="t1", helpful=False, reason="too short")
    journal.record_feedback("f2", learner="ann", turn="t2", helpful=True)
    journal.record_feedback("f3", learner="ann", turn="t1", helpful=True)

    assert journal.feedback("ann", "c1") == {
        "t1": Feedback(turn="t1", helpful=True, reason="", given_at=MONDAY + 2 * MINUTE),
        "t2": Feedback(turn="t2", helpful=True, reason="", given_at=MONDAY + MINUTE),
    }
    assert place.count("feedback") == 3


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
def test_feedback_on_a_turn_that_the_learner_does_not_have_is_refused(journal, place, learner, turn):
    journal.record_turn(a_turn("t1"))

    with pytest.raises(UsageError, match="no turn"):
        journal.record_feedback("f1", learner=learner, turn=turn, helpful=True)

    assert place.count("feedback") == 0


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


def test_every_kind_of_event_is_stored_once(journal, place):
    for _ in range(2):
        one_event_of_each_kind(journal)
        one_quiz_event_of_each_kind(journal.quiz)
        one_lab_event_of_each_kind(journal.lab)
    one_people_event_of_each_kind(journal.people)

    assert {table: place.count(table) for table in EVERY} == dict.fromkeys(EVERY, 1)


def test_the_same_submits_from_eight_threads_at_once_are_stored_once(journal, place):
    start = threading.Barrier(8)

    def submit_all(_):
        start.wait(timeout=30)
        return [journal.record_turn(a_turn(f"t{n}")) for n in range(25)]

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(submit_all, range(8)))

    assert [sum(firsts) for firsts in zip(*results, strict=True)] == [1] * 25
    assert place.count("turns") == 25


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


@pytest.mark.slow
def test_two_processes_make_one_journal_and_store_each_submit_once(untouched):
    children = [child(SUBMIT_FIFTY, untouched.url) for _ in range(2)]
    for process in children:
        assert process.stdout.readline() == "ready\n"

    for process in children:
        process.stdin.write("go\n")
        process.stdin.flush()
    firsts = [int(process.communicate(timeout=60)[0]) for process in children]

    assert sum(firsts) == 50
    assert untouched.count("turns") == 50


# What the journal keeps of quizzes


def test_what_a_sitting_stored_comes_back_as_it_was(place):
    with Journal.open(place.url, clock=Clock()) as journal:
        one_quiz_event_of_each_kind(journal.quiz)

    with Journal.open(place.url) as journal:
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
def test_another_learner_can_add_nothing_to_a_sitting(journal, place, add):
    journal.quiz.start(A_SITTING)
    journal.quiz.open(AN_ATTEMPT)

    with pytest.raises(UsageError, match="nothing of this name"):
        add(journal.quiz)

    assert [place.count(table) for table in QUIZ_EVENTS] == [1, 0, 1, 0, 0, 0, 0, 0]


def test_the_second_attempt_at_a_place_gives_the_first_back(journal, place):
    journal.quiz.start(A_SITTING)
    first = journal.quiz.open(AN_ATTEMPT)

    assert journal.quiz.open(replace(AN_ATTEMPT, item="i2")) == first
    assert journal.quiz.open(replace(AN_ATTEMPT, key="another", item="i2")) == first

    assert place.count("attempts") == 1


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


@pytest.mark.slow
def test_a_killed_process_loses_nothing_that_was_acknowledged(place):
    acknowledged = set()
    kills = 12
    for _ in range(kills):
        with child(WRITE_FOREVER, place.url) as process:
            acknowledged.add(process.stdout.readline().strip())
            time.sleep(random.uniform(0.0, 0.2))
            process.kill()
            # A line that the kill cut off was never acknowledged.
            acknowledged.update(line[:-1] for line in process.stdout if line.endswith("\n"))

    with Journal.open(place.url) as journal:
        turns = {turn.key: turn for turn in journal.turns("ann", "c1")}

    assert len(acknowledged) >= kills
    assert acknowledged <= turns.keys()
    assert len(turns.keys() - acknowledged) <= kills
    assert all(t.question == k * 50 and t.answer == {"key": k * 200} for k, t in turns.items())


# Nothing is changed or removed


def test_every_table_is_one_of_events():
    assert set(schema.metadata.tables) == set(EVERY)


@pytest.mark.parametrize("change", ["UPDATE {} SET learner = 'bob'", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_or_remove_an_event(journal, place, change):
    one_event_of_every_table(journal)

    refused = {table: refusal_of(place, change.format(table)) for table in EVERY}

    verb = change.split(" ", 1)[0].lower()
    assert refused == {table: f"{table} is append-only: {verb} refused" for table in EVERY}
    assert {table: place.count(table) for table in EVERY} == dict.fromkeys(EVERY, 1)


# What cannot be stored is refused


def test_a_failure_shows_nothing_of_what_the_learner_wrote(journal):
    with pytest.raises(TypeError) as refused:
        journal.record_turn(a_turn(question="my secret", answer={"secret": object()}))

    assert "secret" not in str(refused.value)
    assert journal.turns("ann", "c1") == []


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_lacks_is_refused(journal, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.record_turn(a_turn(answer={"score": number}))


# Any text


ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_journal(request, tmp_path_factory):
    if request.param == "sqlite":
        place = SqlitePlace(tmp_path_factory.mktemp("fuzz") / "journal.sqlite3")
    else:
        place = a_database(request.getfixturevalue("postgresql"), "fuzz")
    with Journal.open(place.url) as opened:
        yield opened
    if request.param == "postgresql":
        drop(place)


def without_unstorable(text):
    return "".join(letter for letter in text if letter != "\x00" and not 0xD800 <= ord(letter) <= 0xDFFF)


@pytest.mark.slow
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
