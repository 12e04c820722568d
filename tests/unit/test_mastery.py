"""An objective is mastered by what was shown often enough, on enough days, in enough ways; one click shows nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pgdojo.learner.path_journal import Answered
from pgdojo.path.mastery import Criterion, mastery
from pgdojo.quiz.schedule import Memory

MONDAY = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TWO_ITEMS = Criterion(objective="restore", items=2, key_revs={}, labs={})


def answer(sitting, at=MONDAY, *, item="restore-1", mark=1.0, **more):
    fields = {"certainty": "sure", "hinted": False, "counts": True, "rev": 1, **more}
    return Answered(id=0, sitting=sitting, item=item, objective="restore", mark=mark, answered_at=at, **fields)


MASTERED = (
    answer("s1"),
    answer("s2", MONDAY + 1 * DAY, item="restore-2"),
    answer("s3", MONDAY + 2 * DAY),
)


def judged(answers, criterion=TWO_ITEMS, *, memory=None, placements=(), labs_done=(), at=MONDAY + 2 * DAY):
    return mastery(criterion, answers, memory, placements=placements, labs_done=labs_done, at=at)


def remembered(stability, last=MONDAY):
    return Memory(
        objective="restore",
        topic="backups",
        stability=stability,
        difficulty=5.0,
        due=last,
        last=last,
        reviews=3,
        lapses=0,
        missed=False,
        items=("restore-1",),
        revs={"restore-1": 1},
    )


def test_three_right_on_two_questions_and_on_different_days_master_an_objective():
    found = judged(MASTERED)

    assert (found.state, found.right, found.variants, found.days) == ("mastered", 3, 2, 3)
    assert found.lacks == ()


def test_what_was_never_answered_is_new_and_says_all_that_is_wanted():
    found = judged([])

    assert found.state == "new"
    assert found.lacks == (
        "3 more right answers, each in a quiz or review of its own.",
        "Right answers to 2 more questions on it.",
        "Right answers on two different days.",
    )


@pytest.mark.parametrize(
    ("answers", "lacks"),
    [
        (MASTERED[:2], ["1 more right answer."]),
        ([one._replace(item="restore-1") for one in MASTERED], ["Right answers to 1 more question on it."]),
        ([one._replace(answered_at=MONDAY) for one in MASTERED], ["A right answer on another day."]),
        (
            [*MASTERED[:2], MASTERED[2]._replace(hinted=True)],
            ["A right answer without a hint and not unsure: the last one needed a hint."],
        ),
        (
            [*MASTERED[:2], MASTERED[2]._replace(certainty="unsure")],
            ["A right answer without a hint and not unsure: the last one was unsure."],
        ),
        ([*MASTERED, answer("s4", MONDAY + 2 * DAY, mark=0.0)], ["A right answer: the last one was wrong."]),
        ([*MASTERED, answer("s4", MONDAY + 2 * DAY, mark=0.5)], ["A right answer: the last one was wrong."]),
    ],
    ids=["twice", "one question", "one day", "hint", "unsure", "wrong at last", "half right at last"],
)
def test_what_one_thing_is_missing_of_is_not_mastered_and_says_which(answers, lacks):
    found = judged(answers)

    assert (found.state, list(found.lacks)) == ("learning", lacks)


def test_two_answers_on_two_sides_of_midnight_in_utc_are_two_days():
    late = datetime(2026, 5, 4, 23, 59, tzinfo=UTC)
    answers = [answer("s1", late), answer("s2", late, item="restore-2"), answer("s3", late + timedelta(minutes=2))]

    found = judged(answers, at=late + DAY)

    assert (found.state, found.days) == ("mastered", 2)


def test_an_objective_with_one_item_is_mastered_on_that():
    answers = [one._replace(item="restore-1") for one in MASTERED]

    found = judged(answers, replace(TWO_ITEMS, items=1))

    assert (found.state, found.variants_wanted) == ("mastered", 1)


def test_what_was_looked_ahead_or_answered_again_in_a_sitting_does_not_count():
    answers = [MASTERED[0], MASTERED[1]._replace(counts=False), MASTERED[2]._replace(counts=False)]

    found = judged(answers)

    assert (found.state, found.right, found.days) == ("learning", 1, 1)


def test_one_lucky_click_masters_nothing_whatever_else_is_in_favour():
    easy = Criterion(objective="restore", items=1, key_revs={}, labs={})

    found = judged([answer("s1")], easy, memory=remembered(1000.0), placements={"s1"})

    assert found.state != "mastered"


def test_what_has_faded_needs_a_review():
    # By FSRS-6 recall is 0.9 after `stability` days, and falls from there on.
    fresh = judged(MASTERED, memory=remembered(10.0), at=MONDAY + 10 * DAY)
    faded = judged(MASTERED, memory=remembered(10.0), at=MONDAY + 30 * DAY)

    assert fresh.state == "mastered"
    assert fresh.recall == pytest.approx(0.9)
    assert faded.state == "learning"
    assert [line.rsplit(" ", 1)[0] for line in faded.lacks] == ["A review: your predicted recall is down to"]


def test_every_lab_that_practises_an_objective_must_be_passed():
    with_labs = replace(TWO_ITEMS, labs={"snapshot": "Take a snapshot", "pitr": "Restore to a minute"})

    before = judged(MASTERED, with_labs, labs_done={"snapshot", "failover"})
    after = judged(MASTERED, with_labs, labs_done={"snapshot", "pitr"})

    assert (before.state, before.labs_passed) == ("learning", ("snapshot",))
    assert before.lacks == ("The lab “Restore to a minute”.",)
    assert (after.state, after.labs_passed) == ("mastered", ("snapshot", "pitr"))


def test_right_answers_to_a_key_that_has_changed_since_count_no_longer():
    changed = replace(TWO_ITEMS, key_revs={"restore-1": 2})

    before = judged(MASTERED, changed)
    after = judged([*MASTERED[:2], *(one._replace(rev=2) for one in (MASTERED[0], MASTERED[2]))], changed)

    assert (before.state, before.right) == ("learning", 1)
    assert before.lacks[-1] == "A new answer: what is right has changed since your last one."
    assert (after.state, after.right) == ("mastered", 3)


def test_what_the_placement_showed_is_known():
    found = judged([answer("place")], placements={"place"})

    assert found.state == "known"
    assert found.lacks != ()


@pytest.mark.parametrize("more", [{"mark": 0.0}, {"certainty": "unsure"}, {"hinted": True}])
def test_what_the_placement_left_open_is_not_known(more):
    assert judged([answer("place", **more)], placements={"place"}).state == "learning"


@pytest.mark.parametrize("counts", [True, False])
def test_a_wrong_answer_since_ends_what_the_placement_showed(counts):
    answers = [answer("place"), answer("s1", mark=0.0, counts=counts), answer("s2")]

    assert judged(answers, placements={"place"}).state == "learning"


def test_a_wrong_answer_before_the_placement_does_not_speak_against_it():
    answers = [answer("s1", mark=0.0), answer("place")]

    assert judged(answers, placements={"place"}).state == "known"


def test_known_is_as_good_as_mastered_but_not_where_a_mistake_hurts():
    known, mastered = judged([answer("place")], placements={"place"}), judged(MASTERED)

    assert known.is_done(critical=False)
    assert not known.is_done(critical=True)
    assert mastered.is_done(critical=True)
