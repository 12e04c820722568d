"""First answers say how good an item is: worked out by hand on a small log, and flagged on a long one."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgdojo.course.items import KINDS
from pgdojo.learner.quiz_journal import Outcome
from pgdojo.quiz.analysis import correlation, health

WRONG_KEY = "those who know more get it wrong more often: look at the key"


def answered(learner, item="i1", **other):
    known = {"rev": 1, "given": {"picked": "a"}, "mark": 1.0, "certainty": "fairly", "seconds": 20.0}
    return Outcome(learner=learner, item=item, **{**known, **other})


def an_item(name="i1", *, kind="single", rev=1):
    options = [{"id": letter, "text": letter, "correct": letter == "a", "why": "So."} for letter in "abcd"]
    fields = {"options": options} if kind != "short-text" else {"accept": ["ssl"], "why": "So."}
    common = {"id": name, "rev": rev, "kind": kind, "status": "published", "objective": "o1", "level": "apply"}
    dated = {"as_of": "2026-04", "review_by": "2027-04", "stem": "Which of these?", "cites": ["facts#one"]}
    return KINDS[kind].model_validate({**common, **dated, **fields})


def items(*names, **more):
    return {name: an_item(name, **more) for name in names}


def measured(log, name="i1", bank=None):
    """What the log says of one item."""
    return next(one for one in health(log, bank or items("i1", "i2", "i3")) if one.item == name)


def crowd(count, **parts):
    """One answer each of `count` learners to the same item."""
    return [answered(learner=f"l{number}", **parts) for number in range(count)]


# Worked out by hand: five learners and three items.
#
#   learner   i1            i2   i3     rest of i1 (mean of i2 and i3)
#   ann       1    a         1    1      1
#   bob       1    a         1    0      0.5
#   cem       0    b sure    1    0      0.5
#   dan       0    c         0    0      0
#   eve       1    a         0    1      0.5
TABLE = {"ann": "111", "bob": "110", "cem": "010", "dan": "000", "eve": "101"}
PICKED = {"ann": "a", "bob": "a", "cem": "b", "dan": "c", "eve": "a"}
SECONDS = {"ann": 10, "bob": 90, "cem": 30, "dan": 40, "eve": 20}
LOG = [
    answered(
        learner=learner,
        item=f"i{place + 1}",
        mark=float(mark),
        given={"picked": PICKED[learner] if place == 0 else "a"},
        certainty="sure" if (learner, place) in {("cem", 0), ("ann", 0)} else "fairly",
        seconds=SECONDS[learner],
    )
    for learner, marks in TABLE.items()
    for place, mark in enumerate(marks)
]


def test_the_worked_example_comes_out_as_by_hand():
    found = measured(LOG)

    assert found.answers == 5
    assert found.facility == pytest.approx(3 / 5)
    assert found.sure_and_wrong == pytest.approx(1 / 5)
    assert found.median_seconds == 30
    assert found.shares == pytest.approx({"a": 3 / 5, "b": 1 / 5, "c": 1 / 5, "d": 0})
    # Marks 1 1 0 0 1 and rests 1 .5 .5 0 .5: covariance 0.1, variances 0.24 and 0.1.
    assert found.discrimination == pytest.approx(0.1 / (0.24 * 0.1) ** 0.5)
    assert found.flags == ()


def test_the_mark_on_the_item_itself_is_left_out_of_the_rest():
    log = [answered(learner=name, item="i1", mark=mark) for name, mark in (("a", 1), ("b", 0), ("c", 1), ("d", 0))]
    others = [answered(learner=name, item="i2", mark=mark) for name, mark in (("a", 1), ("b", 1), ("c", 0), ("d", 0))]

    found = measured([*log, *others])

    assert found.discrimination == pytest.approx(0)


def test_only_the_first_answer_of_each_learner_counts():
    again = [one._replace(mark=0.0, given={"picked": "d"}, certainty="sure", seconds=1.0) for one in LOG]

    assert health([*LOG, *again], items("i1", "i2", "i3")) == health(LOG, items("i1", "i2", "i3"))


def test_answers_to_an_earlier_revision_do_not_count_and_do_not_stand_in_for_the_first():
    earlier = [one._replace(rev=1, mark=0.0, given={"picked": "d"}) for one in LOG]
    present = [one._replace(rev=2) for one in LOG]

    found = health([*earlier, *present], items("i1", "i2", "i3", rev=2))

    assert found == health(LOG, items("i1", "i2", "i3"))


def test_an_item_that_left_the_course_is_neither_measured_nor_part_of_the_rest():
    gone = [answered(learner=learner, item="gone", mark=float(learner == "dan")) for learner in TABLE]

    assert health([*gone, *LOG], items("i1", "i2", "i3")) == health(LOG, items("i1", "i2", "i3"))


def test_an_item_that_nobody_answered_is_not_there():
    assert [one.item for one in health(LOG, items("i1", "i9"))] == ["i1"]


def test_an_empty_log_says_nothing():
    assert health([], items("i1")) == []


def test_shares_of_a_multiple_choice_count_each_option_once_an_answer():
    log = [
        answered(learner="ann", given={"picked": ["a", "b"]}),
        answered(learner="bob", given={"picked": ["a"]}),
        answered(learner="cem", given={"picked": ["b", "b", "no such option"]}),
        answered(learner="dan", given={"picked": []}),
    ]

    assert measured(log, bank=items("i1", kind="multiple")).shares == {"a": 0.5, "b": 0.5, "c": 0.0, "d": 0.0}


def test_a_blank_answer_picks_nothing_and_a_typed_one_has_no_shares():
    blank = [answered(learner="ann", given={}, mark=0.0)]

    assert set(measured(blank).shares.values()) == {0.0}
    assert measured(blank, bank=items("i1", kind="short-text")).shares == {}


def a_long_log(learners=60, questions=12, wrong_key="i4"):
    """Learners of every ability; whoever knows much answers rightly, and so is marked wrong where the key is wrong."""
    chance = random.Random(3)
    found = []
    for number in range(learners):
        ability = 0.1 + 0.8 * number / learners
        for place in range(questions):
            knows = chance.random() < ability
            wrong_picks = ("b", "c", "d")
            right = knows != (f"i{place}" == wrong_key)
            given = {"picked": "a" if right else chance.choice(wrong_picks)}
            found.append(answered(learner=f"l{number}", item=f"i{place}", mark=float(right), given=given))
    return found


def test_an_item_with_a_wrong_key_is_flagged_first_and_no_other_is_flagged():
    bank = items(*(f"i{place}" for place in range(12)))

    first, *others = health(a_long_log(), bank)

    assert (first.item, first.flags) == ("i4", (WRONG_KEY,))
    assert first.discrimination < -0.3
    assert [one.flags for one in others] == [()] * 11
    assert all(one.discrimination > 0.1 for one in others)
    assert [one.item for one in others] == sorted(one.item for one in others)


def test_a_wrong_key_is_not_called_before_thirty_have_answered():
    bank = items(*(f"i{place}" for place in range(12)))
    log = [one for one in a_long_log(60) if int(one.learner[1:]) % 2 == 0 and one.learner != "l0"]

    found = measured(log, "i4", bank)

    assert found.answers == 29
    assert found.discrimination < 0
    assert WRONG_KEY not in found.flags


@pytest.mark.parametrize(
    ("log", "flags"),
    [
        (crowd(4, mark=0.0, certainty="sure", given={"picked": "b"}), ()),
        (crowd(5, mark=0.0, certainty="sure", given={"picked": "b"}), ("100% were sure and wrong",)),
        (crowd(5, mark=0.0, certainty="fairly", given={"picked": "b"}), ()),
        (crowd(19), ()),
        (crowd(20), ("nearly everybody gets it right", "hardly anybody picks b, c, d")),
        (crowd(20, mark=0.0, given={"picked": ["b", "c", "d"]}), ("hardly anybody gets it right",)),
        (crowd(20, mark=0.5, given={"picked": ["a", "b", "c"]}), ("hardly anybody picks d",)),
    ],
)
def test_what_is_flagged_and_from_how_many_answers_on(log, flags):
    assert measured(log).flags == flags


@pytest.mark.parametrize(("sure", "flagged"), [(5, False), (6, True)])
def test_more_than_a_quarter_of_sure_and_wrong_is_flagged(sure, flagged):
    log = [
        one._replace(mark=0.0, given={"picked": "bcd"[place % 3]}, certainty="sure" if place < sure else "unsure")
        for place, one in enumerate(crowd(8))
    ]
    log += [one._replace(learner=f"{one.learner} too") for one in crowd(12)]

    assert any("sure and wrong" in flag for flag in measured(log).flags) is flagged


# Where nothing varies there is no correlation


@pytest.mark.parametrize("mark", [0.0, 1.0, 1 / 3, 2 / 3, 0.1])
def test_an_item_that_everybody_answers_alike_has_no_discrimination(mark):
    log = [*crowd(7, item="i1", mark=mark), *(one._replace(item="i2", mark=0.0) for one in crowd(3))]

    assert measured(log).discrimination is None


def test_an_item_beside_which_everybody_is_equally_good_has_no_discrimination():
    # Each learner's other marks are a third, two thirds and a tenth in another order, which sums up to rounding.
    marks = [(1 / 3, 2 / 3, 0.1), (0.1, 1 / 3, 2 / 3), (2 / 3, 0.1, 1 / 3), (0.1, 2 / 3, 1 / 3)]
    log = [
        answered(learner=f"l{number}", item=f"i{place + 2}", mark=mark)
        for number, row in enumerate(marks)
        for place, mark in enumerate(row)
    ]
    log += [answered(learner=f"l{number}", item="i1", mark=float(number % 2)) for number in range(4)]

    assert measured(log, bank=items("i1", "i2", "i3", "i4")).discrimination is None


def test_two_answers_make_no_correlation():
    assert correlation(np.array([0.0, 1.0]), np.array([0.0, 1.0])) is None


MARKS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=20)


@settings(max_examples=200, deadline=None)
@given(pairs=MARKS)
def test_a_correlation_lies_between_minus_one_and_one_and_does_not_depend_on_the_side(pairs):
    one, other = (np.array(row) for row in zip(*pairs, strict=True))

    found = correlation(one, other)

    assert found is None or -1 - 1e-9 <= found <= 1 + 1e-9
    assert found == pytest.approx(correlation(other, one), nan_ok=False)
