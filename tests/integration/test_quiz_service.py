"""A sitting keeps its promises on a real journal: across restarts, tabs, processes, kills and a course that changes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgdojo.course.banks import confirm, load_quizzes
from pgdojo.course.records import Passage
from pgdojo.errors import UsageError
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import Attempt, Dispute, QuizResponse, Sitting
from pgdojo.quiz.schedule import AGAIN, EASY, GOOD, HARD, replay
from pgdojo.quiz.selection import PLACEMENT
from pgdojo.quiz.service import Quizmaster

MONDAY = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


# A small course, whose files are JSON, which is YAML as well


def option(name, *, correct=False, **more):
    return {"id": name, "text": f"Option {name}", "correct": correct, "why": f"Because of {name}.", **more}


def options(right="a"):
    beliefs = {"b": {"misconception": "standby-is-backup"}}
    return [option(name, correct=name == right, **beliefs.get(name, {})) for name in "abcd"]


def an_item(name, objective, *, kind="single", cites=("facts#one",), **fields):
    common = {"id": name, "rev": 1, "kind": kind, "status": "published", "objective": objective, "level": "apply"}
    dated = {"as_of": "2026-04", "review_by": "2027-04", "stem": f"What about {name}?", "cites": cites}
    return {**common, **dated, **({"options": options()} if kind == "single" else {}), **fields}


def choice(name, goto, *, correct=False, **more):
    return {**option(name, correct=correct), "then": f"Then {name} happened.", "goto": goto, **more}


BANKS = {
    "backups": [
        an_item("bk-where-1", "bk-where", hint="The source keeps running.", cites=["facts#one", "facts#two"]),
        an_item("bk-where-2", "bk-where"),
        an_item(
            "bk-days",
            "bk-days",
            kind="numeric",
            answer={"value": 35, "unit": "days", "tolerance": 0},
            wrong_values=[{"value": 7, "why": "Because seven is the default."}],
            why="Because AWS says so.",
            hint="More than a month.",
            cites=["facts#two"],
        ),
    ],
    "ha": [
        an_item(
            "ha-lag",
            "ha-lag",
            kind="true-false",
            answer=False,
            why_true="Because it would be synchronous.",
            why_false="Because it lags.",
            reason={"ask": "Why?", "options": options()},
        ),
        an_item(
            "ha-order",
            "ha-order",
            kind="ordering",
            why="Because cheap comes first.",
            steps=[{"id": f"s{n}", "text": f"Step {n}", "why": f"Because of step {n}."} for n in (1, 2, 3)],
        ),
        an_item(
            "ha-pager",
            "ha-pager",
            kind="scenario",
            start="t1",
            turns=[
                {
                    "id": "t1",
                    "ask": "First?",
                    "choices": [
                        choice("a", "t2", correct=True, minutes_down=1),
                        choice("b", "t2", minutes_down=5, minutes_lost=7),
                    ],
                },
                {"id": "t2", "ask": "Next?", "choices": [choice("a", "good", correct=True), choice("b", "bad")]},
            ],
            endings=[
                {"id": "good", "good": True, "say": "It is back."},
                {"id": "bad", "good": False, "say": "It is lost."},
            ],
        ),
    ],
    "security": [
        an_item(
            "sec-tls",
            "sec-tls",
            kind="short-text",
            accept=["rds.force_ssl"],
            near=[{"text": "ssl", "why": "Because it is too short."}],
            why="Because that parameter does it.",
        ),
        an_item("sec-roles", "sec-roles", kind="multiple", options=[*options(), option("e", correct=True)]),
        an_item(
            "sec-match",
            "sec-match",
            kind="matching",
            pairs=[{"left": f"Need {n}", "right": f"Tool {n}", "why": f"Because tool {n} fits."} for n in (1, 2, 3)],
            extra=[{"text": "Tool 4", "why": "Because nothing needs it."}],
        ),
    ],
}

OBJECTIVES = {item["objective"]: topic for topic, items in BANKS.items() for item in items}

RIGHT = {
    "bk-where-1": {"picked": "a"},
    "bk-where-2": {"picked": "a"},
    "bk-days": {"text": "5 weeks"},
    "ha-lag": {"verdict": False, "reason": "a"},
    "ha-order": {"order": ["s1", "s2", "s3"]},
    "sec-tls": {"text": "rds.force_ssl"},
    "sec-roles": {"picked": ["a", "e"]},
    "sec-match": {"pairs": {"0": "0", "1": "1", "2": "2"}},
}
WRONG = {"picked": "b"}

PASSAGES = {
    name: Passage(
        id=name,
        document="knowledge/facts/all.yaml",
        title="Facts",
        heading=(),
        text=f"The words of {name}.",
        first_line=1,
        kind="fact",
        sentences=(),
    )
    for name in ("facts#one", "facts#two", "facts#three")
}
find = PASSAGES.get


def write_course(root, banks=None, objectives=None):
    """Write `banks` below `root`, confirmed by their author, and read them."""
    folder = root / "quizzes"
    folder.mkdir(exist_ok=True)
    known = [
        {"id": name, "topic": topic, "objective": f"Know {name}.", "criticality": "normal"}
        for name, topic in (objectives or OBJECTIVES).items()
    ]
    beliefs = [{"id": "standby-is-backup", "name": "A standby is a backup", "instead": "It repeats every mistake."}]
    files = {"objectives": known, "misconceptions": beliefs, **(BANKS if banks is None else banks)}
    for name, entries in files.items():
        (folder / f"{name}.yaml").write_text(json.dumps(entries), encoding="utf-8")
    confirm(root, load_quizzes(root), ["all"], find)
    return load_quizzes(root)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.now = MONDAY

    def __call__(self):
        return self.now

    def go(self, time):
        self.now += time


class House:
    """A folder with a course and a journal, in which a program can be started any number of times."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = Clock()
        self.quizzes = write_course(folder)
        self.address = f"sqlite:///{folder / 'journal.sqlite3'}"

    def master(self, quizzes=None):
        """What a new process would start with."""
        journal = Journal.open(self.address, clock=self.clock)
        return Quizmaster(quizzes or self.quizzes, find, journal.quiz, self.clock)

    def changed(self, name, **fields):
        """The course after its author changed an item; without fields, after it was taken out."""
        banks = {
            topic: [
                {**item, **fields} if item["id"] == name else item for item in items if fields or item["id"] != name
            ]
            for topic, items in BANKS.items()
        }
        return write_course(self.folder, banks)


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture
def master(house):
    return house.master()


@pytest.fixture
def clock(house):
    return house.clock


def sit(master, key="s1", *items, mode="practice", learner="ann", **more):
    return master.start(key, learner, mode, items=items, count=len(items) or 10, **more)


def next_question(master, key="s1", learner="ann"):
    return master.question(learner, master.progress(learner, key))


def answer_next(master, given, certainty="unsaid", *, key="s1", learner="ann"):
    return master.answer(learner, next_question(master, key, learner).attempt, given, certainty)


def answer_all(master, key="s1", learner="ann", *, wrong=()):
    """Answer what is left of a sitting, rightly but for the items `wrong`."""
    while question := next_question(master, key, learner):
        item = question.attempt.item
        while question.kind == "scenario" and question.parts:
            master.move(learner, question.attempt, question.turn, "b" if item in wrong else "a")
            question = next_question(master, key, learner)
        master.answer(learner, question.attempt, {} if item in wrong else RIGHT.get(item, {}))


# A practice


def test_a_practice_goes_from_its_first_question_to_its_result(master):
    sit(master)
    places = []

    while question := next_question(master):
        places.append(question.attempt.place)
        response = answer_next(master, RIGHT.get(question.attempt.item, {}))
        assert master.feedback(response).marked.lines or question.kind == "scenario"
    result = master.result(master.progress("ann", "s1"))

    # One item an objective; the incident was answered without a move, which is worth nothing.
    assert places == list(range(8))
    assert {one.response.item: one.response.mark for one in result.feedback if not one.marked.right} == {"ha-pager": 0}
    assert result.score == 7 / 8
    assert result.passed is None
    assert result.by_topic == {"backups": (1.0, 2), "ha": (2 / 3, 3), "security": (1.0, 3)}


def test_feedback_names_the_wrong_belief_and_what_is_true_instead(master):
    sit(master, "s1", "bk-where-1")

    told = master.feedback(answer_next(master, {"picked": "b"}, "sure"))

    assert told.misconceptions == (("A standby is a backup", "It repeats every mistake."),)
    assert told.sure_and_wrong
    assert (told.marked.lines[0].text, told.marked.lines[0].why) == ("Option b", "Because of b.")


def test_the_same_start_twice_begins_one_sitting(master, clock):
    first = sit(master, "s1", "bk-days", "sec-tls")
    clock.go(DAY)

    assert sit(master, "s1", "ha-lag", mode="exam") == first
    assert master.journal.sittings("ann") == [first]


def test_a_topic_without_items_says_that_there_is_nothing_to_ask(master):
    with pytest.raises(UsageError, match="nothing to ask") as refused:
        sit(master, topics=["cooking"])

    assert refused.value.next_step == "Choose other topics."
    assert master.journal.sittings("ann") == []


def test_the_items_that_rest_on_a_passage_are_offered_once_an_objective(master):
    assert master.items_citing(["facts#two", "facts#one"])[:2] == ["bk-where-1", "bk-days"]
    assert len(master.items_citing(["facts#two", "facts#one"])) == 8
    assert master.items_citing(["facts#three", "facts#none"]) == []


def test_a_new_process_shows_the_same_question_in_the_same_order(house):
    first = house.master()
    sit(first)
    answer_next(first, {})
    shown = next_question(first)
    house.clock.go(DAY)

    again = house.master()

    assert next_question(again) == shown
    assert again.under_way("ann").place == 1
    assert len(again.progress("ann", "s1").attempts) == 2


def test_a_sitting_that_was_answered_to_its_end_is_no_longer_under_way(master):
    assert master.under_way("ann") is None
    sit(master, "s1", "bk-days", "sec-tls")
    assert master.under_way("ann").sitting.key == "s1"

    answer_all(master)

    assert master.under_way("ann") is None
    assert next_question(master) is None


def test_the_marks_of_a_stopped_sitting_are_shared_among_all_its_questions(master):
    sit(master, "s1", "bk-days", "sec-tls", "ha-lag", "ha-order")
    answer_next(master, RIGHT["bk-days"])

    master.finish("ann", "s1")

    progress = master.progress("ann", "s1")
    assert progress.finished
    assert master.result(progress).score == 1 / 4
    with pytest.raises(UsageError, match="has ended"):
        master.answer("ann", Attempt(**{**asdict(progress.attempts[0]), "key": "s1-1", "place": 1}), {})


# One answer an attempt


def test_a_second_answer_to_a_question_keeps_the_first(master, clock):
    sit(master, "s1", "bk-where-1", "sec-tls")
    attempt = next_question(master).attempt
    first = master.answer("ann", attempt, {"picked": "b"}, "sure")
    clock.go(MINUTE)

    second = master.answer("ann", attempt, {"picked": "a"}, "unsure")

    assert second == first
    assert master.progress("ann", "s1").responses == (first,)
    assert master.progress("ann", "s1").place == 1


def test_a_second_answer_after_the_end_gives_the_first_back(master):
    sit(master, "s1", "bk-days")
    attempt = next_question(master).attempt
    first = master.answer("ann", attempt, {"text": "7 days"})

    assert master.answer("ann", attempt, RIGHT["bk-days"]) == first


def test_eight_tabs_open_one_question_and_store_one_answer(house):
    sit(house.master(), "s1", "bk-where-1", "sec-tls")
    start = threading.Barrier(8)

    def tab(number):
        master = house.master()
        start.wait(timeout=30)
        attempt = next_question(master).attempt
        start.wait(timeout=30)
        return attempt, master.answer("ann", attempt, {"picked": "abcd"[number % 4]})

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(tab, range(8)))

    progress = house.master().progress("ann", "s1")
    assert [attempt for attempt, _ in found] == [progress.attempts[0]] * 8
    assert [response for _, response in found] == [progress.responses[0]] * 8
    assert (len(progress.attempts), len(progress.responses)) == (1, 1)


def child(code, *arguments):
    """Start another Python that sees the same packages and this file."""
    path = [os.path.dirname(__file__), *filter(None, sys.path)]  # noqa: PTH120 - a text for the environment
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said_together(children):
    """What the children print after they were let go at the same moment."""
    for process in children:
        assert process.stdout.readline() == "ready\n"
    for process in children:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=120)[0] for process in children]


OPEN = """
import sys
from pathlib import Path
from pgdojo.course.banks import load_quizzes
from pgdojo.learner.journal import Journal
from pgdojo.quiz.service import Quizmaster
from test_quiz_service import answer_next, find, next_question, sit

root = Path(sys.argv[1])
master = Quizmaster(load_quizzes(root), find, Journal.open(f"sqlite:///{root / 'journal.sqlite3'}").quiz)
"""

ANSWER_ONCE = f"""{OPEN}
attempt = next_question(master).attempt
print("ready", flush=True)
sys.stdin.readline()
print(master.answer("ann", attempt, {{"picked": sys.argv[2]}}).given["picked"])
"""


@pytest.mark.slow
def test_two_processes_that_answer_the_same_question_store_one_answer(house):
    sit(house.master(), "s1", "bk-where-1", "sec-tls")
    children = [child(ANSWER_ONCE, house.folder, pick) for pick in "ab"]
    said = [line.strip() for line in said_together(children)]

    [stored] = house.master().progress("ann", "s1").responses
    assert said == [stored.given["picked"]] * 2


# How an answer is weighed


def test_an_answer_carries_all_that_the_schedule_and_the_analysis_need(master, clock):
    sit(master, "s1", "sec-tls")
    attempt = next_question(master).attempt
    clock.go(20 * SECOND)

    response = master.answer("ann", attempt, {"text": " RDS.force_ssl. "}, "sure")

    assert response == QuizResponse(
        key="s1-0",
        learner="ann",
        sitting="s1",
        item="sec-tls",
        rev=1,
        objective="sec-tls",
        topic="security",
        given={"text": " RDS.force_ssl. "},
        certainty="sure",
        hinted=False,
        mark=1.0,
        rating=EASY,
        counts=True,
        algorithm="FSRS-6",
        seconds=20.0,
        answered_at=MONDAY + 20 * SECOND,
    )


@pytest.mark.parametrize("text", ["rds.force_ssl\x00", "rds.\ud800force_ssl", "ß\x00"])
def test_what_is_returned_for_an_answer_is_what_is_stored(house, master, text):
    sit(master, "s1", "sec-tls")

    response = answer_next(master, {"text": text})

    assert house.master().progress("ann", "s1").responses == (response,)
    assert master.feedback(response).marked.mark == response.mark


@pytest.mark.parametrize(("passed", "seconds"), [(DAY, 3600.0), (-DAY, 0.0), (90 * SECOND, 90.0)])
def test_the_time_of_an_answer_is_kept_within_reason(master, clock, passed, seconds):
    sit(master, "s1", "bk-days")
    attempt = next_question(master).attempt
    clock.go(passed)

    assert master.answer("ann", attempt, RIGHT["bk-days"]).seconds == seconds


def test_a_hint_is_shown_only_when_asked_for_and_makes_a_right_answer_hard(house, master):
    sit(master, "s1", "sec-tls", "bk-where-1")
    assert not next_question(master).has_hint
    answer_next(master, RIGHT["sec-tls"])
    before = next_question(master)

    master.show_hint("ann", before.attempt.key)
    after = next_question(house.master())
    response = answer_next(master, {"picked": "a"}, "sure")

    assert (before.has_hint, before.hint) == (True, "")
    assert after.hint == "The source keeps running."
    assert (response.mark, response.hinted, response.rating) == (1.0, True, HARD)


@pytest.mark.parametrize(
    ("given", "certainty", "rating"),
    [
        ({"picked": "a"}, "unsaid", GOOD),
        ({"picked": "a"}, "unsure", HARD),
        ({"picked": "b"}, "sure", AGAIN),
        ({"picked": None}, "no such word", AGAIN),
        ({}, "unsaid", AGAIN),
    ],
)
def test_certainty_and_correctness_make_the_rating(master, given, certainty, rating):
    sit(master, "s1", "bk-where-1")

    response = answer_next(master, given, certainty)

    assert response.rating == rating
    assert response.certainty in {"unsure", "fairly", "sure", "unsaid"}


def test_the_second_variant_of_an_objective_in_a_sitting_is_practice_and_does_not_count(master):
    sit(master, "s1", "bk-where-1", "bk-where-2")

    answer_all(master)

    assert [one.counts for one in master.progress("ann", "s1").responses] == [True, False]
    assert master.schedule("ann").memories["bk-where"].items == ("bk-where-1",)


# An exam


EXAM = ("bk-where-1", "bk-days", "ha-lag", "sec-tls", "sec-match")


def test_an_exam_says_nothing_until_its_end(master):
    sit(master, "s1", *EXAM, mode="exam")

    told = []
    while question := next_question(master):
        told.append(master.progress("ann", "s1").shows_feedback)
        master.answer("ann", question.attempt, {})

    assert told == [False] * 5
    assert master.progress("ann", "s1").shows_feedback


@pytest.mark.parametrize(("missed", "score", "passed"), [(0, 1.0, True), (1, 0.8, True), (2, 0.6, False)])
def test_an_exam_is_passed_with_four_fifths_of_the_marks(master, missed, score, passed):
    sit(master, "s1", *EXAM, mode="exam")

    answer_all(master, wrong=EXAM[:missed])

    result = master.result(master.progress("ann", "s1"))
    assert result.score == pytest.approx(score)
    assert result.passed is passed


def test_what_an_exam_left_unanswered_counts_nothing(master):
    sit(master, "s1", *EXAM, mode="exam")
    answer_next(master, RIGHT["bk-where-1"])
    answer_next(master, RIGHT["bk-days"])

    master.finish("ann", "s1")

    result = master.result(master.progress("ann", "s1"))
    assert (result.score, result.passed) == (2 / 5, False)
    assert len(result.feedback) == 2


@pytest.mark.parametrize("late", [0 * SECOND, 9 * SECOND, 10 * SECOND])
def test_an_answer_that_travelled_until_ten_seconds_past_the_end_counts(master, clock, late):
    sit(master, "s1", *EXAM, mode="exam", minutes=10)
    attempt = next_question(master).attempt
    clock.go(10 * MINUTE + late)

    assert master.answer("ann", attempt, {"picked": "a"}).mark == 1.0


def test_an_answer_after_that_is_refused_and_the_exam_has_ended(house, master, clock):
    sit(master, "s1", *EXAM, mode="exam", minutes=10)
    answer_next(master, RIGHT["bk-where-1"])
    attempt = next_question(master).attempt
    clock.go(10 * MINUTE + 11 * SECOND)

    with pytest.raises(UsageError, match="has ended"):
        master.answer("ann", attempt, RIGHT["bk-days"])

    progress = house.master().progress("ann", "s1")
    assert progress.sitting.finished_at == clock.now
    assert len(progress.responses) == 1
    assert next_question(master) is None
    assert master.result(progress).passed is False


def test_an_exam_without_a_limit_waits(master, clock):
    sit(master, "s1", *EXAM, mode="exam")
    clock.go(300 * DAY)

    assert master.progress("ann", "s1").ends_at is None
    assert answer_next(master, {"picked": "a"}).mark == 1.0


def test_items_past_their_review_date_stay_out_of_exams_and_are_still_practised(house, clock):
    quizzes = house.changed("bk-days", review_by="2026-06")
    master = house.master(quizzes)
    clock.go(26 * DAY)  # the 30th of May
    in_time = set(sit(master, "s1", mode="exam").plan["items"])
    clock.go(31 * DAY)  # the 30th of June
    still = set(sit(master, "s2", mode="exam").plan["items"])
    clock.go(DAY)

    assert "bk-days" in in_time
    assert "bk-days" in still
    assert "bk-days" not in sit(master, "s3", mode="exam").plan["items"]
    assert "bk-days" in sit(master, "s4").plan["items"]


def test_another_sitting_does_not_hide_an_exam_and_an_exam_left_alone_closes_nothing(master, clock):
    sit(master, "s1", *EXAM, mode="exam")
    sit(master, "s2")
    beside = master.in_exam("ann")
    answer_all(master, "s2")
    resumed = master.under_way("ann").sitting.key
    clock.go(4 * 60 * MINUTE)

    assert beside
    assert resumed == "s1"
    assert not master.in_exam("ann")
    assert master.under_way("ann").sitting.key == "s1"


def test_a_learner_is_in_an_exam_from_its_start_to_its_end(master, clock):
    found = [master.in_exam("ann")]
    sit(master, "s1", *EXAM, mode="exam")
    found += [master.in_exam("ann"), master.in_exam("bob")]
    answer_all(master)
    found.append(master.in_exam("ann"))
    sit(master, "s2", *EXAM, mode="exam")
    found.append(master.in_exam("ann"))
    master.finish("ann", "s2")
    found.append(master.in_exam("ann"))
    sit(master, "s3", *EXAM, mode="exam", minutes=10)
    clock.go(10 * MINUTE)
    found.append(master.in_exam("ann"))
    clock.go(11 * SECOND)
    found.append(master.in_exam("ann"))
    sit(master, "s4", *EXAM)
    found.append(master.in_exam("ann"))

    assert found == [False, True, False, False, True, False, True, False, False]


# A placement


def graded_course(house):
    """Twenty-five objectives of one topic, five of each difficulty."""
    names = [f"o{number}" for number in range(25)]
    bank = [an_item(f"{name}-1", name, difficulty=place % 5 + 1) for place, name in enumerate(names)]
    return write_course(house.folder, {"backups": bank, "ha": [], "security": []}, dict.fromkeys(names, "backups"))


@pytest.mark.parametrize(("given", "difficulties"), [({"picked": "a"}, [3, 4, 5, 5]), (WRONG, [3, 2, 1, 1])])
def test_a_placement_adapts_to_each_answer(house, given, difficulties):
    master = house.master(graded_course(house))
    sit(master, mode="placement")

    asked = []
    for _ in range(4):
        item = next_question(master).attempt.item
        asked.append(master.quizzes.items[item].difficulty)
        answer_next(master, given)

    assert asked == difficulties


def test_a_placement_asks_fifteen_objectives_and_resumes_where_it_was(house):
    quizzes = graded_course(house)
    sit(house.master(quizzes), mode="placement")

    asked = set()
    for _ in range(PLACEMENT):
        master = house.master(quizzes)
        asked.add(next_question(master).attempt.item)
        assert next_question(house.master(quizzes)) == next_question(master)
        answer_next(master, WRONG)

    assert len(asked) == PLACEMENT
    assert next_question(house.master(quizzes)) is None


def test_a_placement_in_a_small_course_asks_everything_but_its_incidents(master):
    sit(master, mode="placement")

    answer_all(master)

    asked = [response.objective for response in master.progress("ann", "s1").responses]
    assert sorted(asked) == sorted(set(OBJECTIVES) - {"ha-pager"})


# An incident


def test_the_moves_of_an_incident_are_kept_across_processes(house):
    first = house.master()
    sit(first, "s1", "ha-pager")
    begin = next_question(first)
    ended = first.move("ann", begin.attempt, 0, "b")

    after = next_question(house.master())

    assert not ended
    assert (begin.turn, begin.ask, {part.id for part in begin.parts}) == (0, "First?", {"a", "b"})
    assert (after.turn, after.ask, after.minutes_down, after.minutes_lost) == (1, "Next?", 5, 7)
    assert [(part.id, part.text) for part in after.past] == [("Option b", "Then b happened.")]


@pytest.mark.parametrize(
    ("turn", "choice"),
    [(0, "a"), (0, "b"), (2, "a"), (-1, "a"), (1, "no such choice")],
    ids=["taken twice", "taken again", "skipped", "before the first", "unknown"],
)
def test_a_turn_cannot_be_taken_twice_or_skipped(master, turn, choice):
    sit(master, "s1", "ha-pager")
    attempt = next_question(master).attempt
    master.move("ann", attempt, 0, "b")

    assert master.move("ann", attempt, turn, choice) is False

    assert master.journal.path("ann", attempt.key) == ("b",)


def test_eight_tabs_take_one_choice_at_a_turn(house):
    sit(house.master(), "s1", "ha-pager")
    attempt = next_question(house.master()).attempt
    start = threading.Barrier(8)

    def tab(number):
        master = house.master()
        start.wait(timeout=30)
        return master.move("ann", attempt, 0, "ab"[number % 2])

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(tab, range(8)))

    assert found == [False] * 8
    assert len(house.master().journal.path("ann", attempt.key)) == 1


def test_an_incident_is_marked_by_the_way_that_was_taken_and_not_by_what_is_sent(master):
    sit(master, "s1", "ha-pager")
    attempt = next_question(master).attempt
    master.move("ann", attempt, 0, "b")
    ended = master.move("ann", attempt, 1, "a")
    over = next_question(master)

    response = master.answer("ann", attempt, {"path": ["a", "a"]})

    assert ended
    assert (over.ask, over.parts) == ("It is back.", ())
    assert response.given == {"path": ["b", "a"]}
    assert response.mark == 0.5
    assert master.feedback(response).ending == "It is back."


def test_an_incident_that_is_given_up_is_worth_nothing(master):
    sit(master, "s1", "ha-pager")
    master.move("ann", next_question(master).attempt, 0, "a")

    response = answer_next(master, {"path": ["a", "a"]})

    assert (response.mark, response.given) == (0.0, {"path": ["a"]})


# Whose it is


def test_another_learner_neither_sees_nor_answers_a_sitting(house, master):
    sit(master, "s1", "ha-pager", "bk-where-1")
    attempt = next_question(master).attempt

    for attack in (
        lambda: master.progress("bob", "s1"),
        lambda: master.start("s1", "bob", "practice"),
        lambda: master.answer("bob", attempt, {"path": ["a"]}),
        lambda: master.move("bob", attempt, 0, "a"),
        lambda: master.show_hint("bob", attempt.key),
        lambda: master.finish("bob", "s1"),
    ):
        with pytest.raises(UsageError):
            attack()

    progress = house.master().progress("ann", "s1")
    assert (progress.finished, progress.responses, progress.attempts) == (False, (), (attempt,))
    assert master.journal.path("ann", attempt.key) == ()
    assert not master.journal.hinted("ann", attempt.key)
    assert master.under_way("bob") is None
    assert master.schedule("bob").memories == {}


def test_two_learners_have_schedules_of_their_own(master):
    sit(master, "s1", "bk-days", learner="ann")
    sit(master, "s2", "bk-days", learner="bob")
    answer_next(master, RIGHT["bk-days"], "sure", key="s1", learner="ann")
    answer_next(master, {}, key="s2", learner="bob")

    assert master.schedule("ann").memories["bk-days"].lapses == 0
    assert master.schedule("bob").memories["bk-days"].lapses == 1


# The schedule and its reviews


def test_a_schedule_kept_up_answer_by_answer_is_that_of_a_new_process(house, master):
    sit(master)
    for _ in range(8):
        answer_next(master, WRONG)
        house.clock.go(7 * MINUTE)

        assert master.schedule("ann") == house.master().schedule("ann")


def test_what_was_missed_is_reviewed_tomorrow_and_what_was_known_is_not(master, clock):
    sit(master, "s1", "bk-days", "bk-where-1", "sec-tls")
    answer_all(master, wrong=("bk-days",))
    with pytest.raises(UsageError, match="nothing to ask"):
        master.start_review("r0", "ann", minutes=12, mode="review")
    clock.go(DAY)

    review = master.start_review("r1", "ann", minutes=12, mode="review")

    assert review.plan["items"] == ["bk-days"]
    assert master.start_review("r1", "ann", minutes=12, mode="review") == review
    assert master.journal.sitting("ann", "r0") is None


def test_a_review_holds_what_fits_its_minutes_and_asks_another_variant(master, clock):
    sit(master)
    answer_all(master, wrong=set(RIGHT) | {"ha-pager"})
    asked = set(master.progress("ann", "s1").sitting.plan["items"])
    clock.go(21 * DAY)

    review = master.start_review("r1", "ann", minutes=3, mode="review")
    every = master.start_review("r2", "ann", minutes=60, mode="review")

    assert review.plan["total"] == 4
    assert every.plan["total"] == 8
    # The only objective with two variants is asked by the one that was not asked yet.
    assert set(every.plan["items"]) - asked == {"bk-where-1", "bk-where-2"} - asked


def test_looking_ahead_leaves_the_schedule_as_it_is(house, master, clock):
    sit(master)
    answer_all(master)
    clock.go(MINUTE)
    before = master.schedule("ann")

    ahead = master.start_review("a1", "ann", minutes=60, mode="ahead")
    answer_all(master, "a1", wrong=set(RIGHT))

    assert ahead.plan["total"] == 8
    assert len(master.progress("ann", "a1").responses) == 8
    assert master.schedule("ann") == before
    assert house.master().schedule("ann") == before


def test_a_changed_key_brings_its_objective_back_and_a_changed_wording_does_not(house, clock):
    master = house.master()
    sit(master, "s1", "bk-days", "sec-tls")
    answer_all(master)
    clock.go(MINUTE)

    reworded = house.master(house.changed("bk-days", rev=2, rev_kind="wording"))
    rekeyed = house.master(house.changed("bk-days", rev=2, rev_kind="key"))

    assert reworded.queue("ann", minutes=12).today == ()
    assert [one.objective for one in rekeyed.queue("ann", minutes=12).today] == ["bk-days"]
    rekeyed.start_review("r1", "ann", minutes=12, mode="review")
    answer_all(rekeyed, "r1")
    assert rekeyed.queue("ann", minutes=12).today == ()


GRADES = st.tuples(st.sampled_from([AGAIN, HARD, GOOD, EASY]), st.sampled_from("ab"), st.integers(-20, 2000))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(GRADES, max_size=12))
def test_a_history_that_went_through_the_journal_gives_the_same_schedule(house, history):
    journal, learner, at, kept = house.master().journal, uuid.uuid4().hex, MONDAY, []
    journal.start(Sitting(key=learner, learner=learner, mode="practice", plan={}, started_at=at))
    for place, (grade, objective, hours) in enumerate(history):
        at += timedelta(hours=hours, microseconds=place)
        key = f"{learner}-{place}"
        opened = {"key": key, "learner": learner, "sitting": learner, "item": objective, "rev": 1}
        journal.open(Attempt(**opened, place=place, arrangement={}, opened_at=at))
        response = QuizResponse(
            **opened,
            objective=objective,
            topic="t",
            given={},
            certainty="unsaid",
            hinted=False,
            mark=1.0,
            rating=grade,
            counts=place % 5 < 4,
            algorithm="FSRS-6",
            seconds=0.1,
            answered_at=at,
        )
        journal.respond(response)
        kept.append(response)

    assert house.master().schedule(learner) == replay(kept, lambda _objective: False)


# Disputes, and a course that changes


def test_a_dispute_keeps_the_item_its_revision_the_answer_and_the_passage(master, clock):
    sit(master, "s1", "bk-where-1")
    response = answer_next(master, {"picked": "b"})
    clock.go(MINUTE)

    assert master.dispute("d1", response, "The passage says otherwise.")
    assert not master.dispute("d1", response, "Sent twice.")

    assert master.journal.disputes() == [
        Dispute(
            learner="ann",
            attempt="s1-0",
            item="bk-where-1",
            rev=1,
            given={"picked": "b"},
            passage="facts#one",
            words="The passage says otherwise.",
            disputed_at=MONDAY + MINUTE,
        )
    ]


def test_an_item_that_left_the_course_ends_its_sitting_calmly(house):
    before = house.master()
    sit(before, "s1", "sec-tls", "bk-days", "bk-where-1")
    answer_next(before, RIGHT["sec-tls"])
    open_question = next_question(before)

    after = house.master(house.changed("bk-days"))

    assert open_question.attempt.item == "bk-days"
    with pytest.raises(UsageError, match="has left the course") as refused:
        after.answer("ann", open_question.attempt, RIGHT["bk-days"])
    assert refused.value.next_step
    assert next_question(after) is None
    progress = after.progress("ann", "s1")
    assert progress.finished
    assert after.result(progress).score == 1 / 3


def test_what_was_answered_to_an_item_that_left_is_kept_and_no_longer_told(house):
    before = house.master()
    sit(before, "s1", "bk-days", "sec-tls")
    answer_all(before, wrong=("bk-days",))

    after = house.master(house.changed("bk-days"))
    house.clock.go(5 * DAY)

    result = after.result(after.progress("ann", "s1"))
    assert result.score == 1 / 2
    assert [told.item.id for told in result.feedback] == ["sec-tls"]
    assert [one.objective for one in after.queue("ann", minutes=12).today] == ["sec-tls"]
    assert after.schedule("ann").memories["bk-days"].lapses == 1
    with pytest.raises(UsageError, match="has left the course"):
        after.dispute("d1", after.progress("ann", "s1").responses[0], "It was wrong.")


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_an_item_that_was_withdrawn_is_not_opened_by_a_sitting_that_planned_it(house, status):
    before = house.master()
    sit(before, "s1", "sec-tls", "bk-days")
    answer_next(before, RIGHT["sec-tls"])

    after = house.master(house.changed("bk-days", status=status))

    assert next_question(after) is None
    assert after.progress("ann", "s1").finished


def test_an_item_whose_passage_changed_is_not_asked(house):
    def changed(name):
        return Passage(**{**asdict(PASSAGES[name]), "text": "Other words.", "sentences": ()}) if name else None

    journal = Journal.open(house.address).quiz
    quarantined = Quizmaster(house.quizzes, lambda name: changed(name) if name == "facts#two" else find(name), journal)

    assert set(house.quizzes.items) - set(quarantined.items) == {"bk-where-1", "bk-days"}
    assert quarantined.topics() == {"backups": 1, "ha": 3, "security": 3}


# What reaches the browser


@pytest.mark.parametrize("name", [item["id"] for items in BANKS.values() for item in items])
def test_a_question_carries_neither_its_key_nor_a_why(master, name):
    item = master.quizzes.items[name]
    sit(master, "s1", name)

    text = json.dumps(asdict(next_question(master)), default=str)

    assert item.stem in text
    assert [why for why in item.whys() if why in text] == []
    for word in ("correct", "why", "misconception", "accept", "tolerance", "wrong_values", "standby-is-backup"):
        assert word not in text
    if item.kind in {"numeric", "short-text"}:
        assert item.key_texts()[0] not in text
    if item.hint:
        assert item.hint not in text


def test_an_incident_shows_no_turn_before_it_is_reached(master):
    sit(master, "s1", "ha-pager")

    text = json.dumps(asdict(next_question(master)), default=str)

    assert "First?" in text
    for later in ("Next?", "happened", "It is back.", "It is lost.", "goto", 'minutes_down": 1'):
        assert later not in text


# The result


def test_a_result_begins_with_what_was_sure_and_wrong_and_ends_with_what_was_right(master):
    sit(master, "s1", "sec-tls", "bk-days", "bk-where-1", "ha-lag", "sec-match")
    for given_, certainty in [
        (RIGHT["sec-tls"], "sure"),
        ({"text": "7 days"}, "unsure"),
        ({"picked": "b"}, "sure"),
        (RIGHT["ha-lag"], "unsaid"),
        ({}, "sure"),
    ]:
        answer_next(master, given_, certainty)

    result = master.result(master.progress("ann", "s1"))

    told = [one.item.id for one in result.feedback]
    assert told == ["bk-where-1", "sec-match", "bk-days", "sec-tls", "ha-lag"]
    assert [one.sure_and_wrong for one in result.feedback] == [True, True, False, False, False]
    # What bk-where-1, sec-match and bk-days cite, each once.
    assert result.to_read == ("facts#one", "facts#two")


# Through kills, and many at once


ITEMS_OF_A_SITTING = ("bk-where-1", "bk-days", "ha-lag", "ha-order", "sec-tls", "sec-roles", "sec-match")

SIT_FOREVER = f"""{OPEN}
from itertools import count
from test_quiz_service import ITEMS_OF_A_SITTING

for number in count():
    key = f"s{{number}}"
    sit(master, key, *ITEMS_OF_A_SITTING)
    while question := next_question(master, key):
        response = master.answer("ann", question.attempt, {{"text": question.attempt.key * 20}})
        print(response.key, flush=True)
"""


def sittings_of(master, learner="ann"):
    """Every sitting's progress, in the order in which they began."""
    return [master.progress(learner, one.key) for one in reversed(master.journal.sittings(learner))]


@pytest.mark.slow
def test_a_killed_process_loses_no_acknowledged_answer_and_doubles_none(house):
    acknowledged, kills = [], 20
    for _ in range(kills):
        with child(SIT_FOREVER, house.folder) as process:
            acknowledged.append(process.stdout.readline().strip())
            time.sleep(random.uniform(0.05, 0.3))
            process.kill()
            # A line that the kill cut off was never acknowledged.
            acknowledged += [line[:-1] for line in process.stdout if line.endswith("\n")]

        *ended, last = sittings_of(house.master())
        stored = [one.key for progress in [*ended, last] for one in progress.responses]
        assert set(acknowledged) <= set(stored)
        assert all(progress.finished for progress in ended)
        if not last.finished:
            assert next_question(house.master(), last.sitting.key).attempt.item == ITEMS_OF_A_SITTING[last.place]

    assert len(acknowledged) == len(set(acknowledged)) > kills
    assert len(stored) == len(set(stored)) <= len(acknowledged) + kills
    for progress in [*ended, last]:
        answers = [(one.key, one.item, one.given["text"]) for one in progress.responses]
        assert answers == [
            (f"{progress.sitting.key}-{place}", item, f"{progress.sitting.key}-{place}" * 20)
            for place, item in enumerate(ITEMS_OF_A_SITTING[: len(answers)])
        ]


def assert_whole(master, learner, key):
    """That a sitting was answered to its end, each question once and in its order."""
    progress = master.progress(learner, key)
    places = list(range(len(ITEMS_OF_A_SITTING)))
    assert [attempt.place for attempt in progress.attempts] == places
    assert [response.key for response in progress.responses] == [f"{key}-{place}" for place in places]
    assert [response.item for response in progress.responses] == list(ITEMS_OF_A_SITTING)
    assert [response.given["text"] for response in progress.responses] == [f"{key}-{place}" for place in places]


def sit_through(master, learner, key):
    sit(master, key, *ITEMS_OF_A_SITTING, learner=learner)
    while question := next_question(master, key, learner):
        master.answer(learner, question.attempt, {"text": question.attempt.key})


@pytest.mark.slow
def test_twenty_sittings_at_once_in_one_program_lose_and_double_nothing(house):
    shared = house.master()
    start = threading.Barrier(20)

    def learn(number):
        start.wait(timeout=30)
        sit_through(shared, f"l{number}", f"s{number}")
        return shared.schedule(f"l{number}")

    with ThreadPoolExecutor(20) as threads:
        schedules = list(threads.map(learn, range(20)))

    after = house.master()
    for number, schedule in enumerate(schedules):
        assert_whole(after, f"l{number}", f"s{number}")
        assert after.schedule(f"l{number}") == schedule
    assert len(after.journal.outcomes()) == 20 * len(ITEMS_OF_A_SITTING)


SIT_FIVE_AT_ONCE = f"""{OPEN}
from concurrent.futures import ThreadPoolExecutor
from test_quiz_service import sit_through

print("ready", flush=True)
sys.stdin.readline()
numbers = range(int(sys.argv[2]), int(sys.argv[2]) + 5)
with ThreadPoolExecutor(5) as threads:
    list(threads.map(lambda number: sit_through(master, f"l{{number}}", f"s{{number}}"), numbers))
print("done")
"""


@pytest.mark.slow
def test_twenty_sittings_at_once_in_four_processes_lose_and_double_nothing(house):
    said = said_together([child(SIT_FIVE_AT_ONCE, house.folder, 5 * number) for number in range(4)])

    assert said == ["done\n"] * 4

    after = house.master()
    for number in range(20):
        assert_whole(after, f"l{number}", f"s{number}")
    assert len(after.journal.outcomes()) == 20 * len(ITEMS_OF_A_SITTING)


@pytest.mark.slow
def test_four_threads_that_sit_the_same_sitting_through_answer_each_question_once(house):
    start = threading.Barrier(4)

    def tab(_):
        master = house.master()
        start.wait(timeout=30)
        sit_through(master, "ann", "s1")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(tab, range(4)))

    assert_whole(house.master(), "ann", "s1")
