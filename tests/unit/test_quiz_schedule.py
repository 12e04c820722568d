"""An objective comes back when it is about to be forgotten: FSRS-6 worked out by hand, replayed from any response log.

The intervals are worked out from the formulas of FSRS-6 and its 21 default weights, as they are published at
https://github.com/open-spaced-repetition/awesome-fsrs/wiki/The-Algorithm, without the package that the product uses.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgdojo.learner.records import QuizResponse
from pgdojo.quiz.schedule import AGAIN, EASY, GOOD, HARD, Schedule, rating, replay, with_changed_keys

MONDAY = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def normal(_objective):
    return False


def critical(_objective):
    return True


def respond(grade, at=MONDAY, *, objective="restore", item="restore-1", rev=1, counts=True):
    return QuizResponse(
        key="s1-0",
        learner="ann",
        sitting="s1",
        item=item,
        rev=rev,
        objective=objective,
        topic="backups",
        given={"picked": "a"},
        certainty="fairly",
        hinted=False,
        mark=float(grade > AGAIN),
        rating=grade,
        counts=counts,
        algorithm="FSRS-6",
        seconds=20.0,
        answered_at=at,
    )


def answered_when_due(grades, is_critical=normal):
    """The schedule after each of `grades`, every one given at the minute its objective was due."""
    at, schedule, found = MONDAY, Schedule(), []
    for grade in grades:
        schedule = replay([respond(grade, at)], is_critical, schedule)
        found.append(schedule)
        at = schedule.memories["restore"].due
    return found


def memory_after(*responses, is_critical=normal):
    return replay(responses, is_critical).memories["restore"]


def days_to(memory):
    return (memory.due - memory.last).days


# How well something was remembered


@pytest.mark.parametrize("kind", ["single", "short-text"])
@pytest.mark.parametrize("certainty", ["unsure", "fairly", "sure", "unsaid"])
@pytest.mark.parametrize("hinted", [False, True])
@pytest.mark.parametrize("seconds", [1.0, 3000.0])
def test_a_wrong_answer_is_again_whatever_else_is_true(kind, certainty, hinted, seconds):
    assert rating(kind, right=False, certainty=certainty, hinted=hinted, seconds=seconds) == AGAIN


@pytest.mark.parametrize(
    ("kind", "certainty", "hinted", "seconds", "grade"),
    [
        ("single", "unsaid", False, 5, GOOD),
        ("single", "fairly", False, 5, GOOD),
        ("single", "sure", False, 5, GOOD),  # recognised on the screen, not recalled
        ("multiple", "sure", False, 5, GOOD),
        ("true-false", "sure", False, 5, GOOD),
        ("matching", "sure", False, 5, GOOD),
        ("scenario", "sure", False, 5, GOOD),
        ("short-text", "sure", False, 5, EASY),
        ("numeric", "sure", False, 5, EASY),
        ("ordering", "sure", False, 5, EASY),
        ("short-text", "sure", False, 30, EASY),
        ("short-text", "sure", False, 30.1, GOOD),
        ("short-text", "fairly", False, 5, GOOD),
        ("short-text", "unsaid", False, 5, GOOD),
        ("short-text", "unsure", False, 5, HARD),
        ("single", "unsure", False, 5, HARD),
        ("single", "sure", True, 5, HARD),
        ("short-text", "sure", True, 5, HARD),
        ("numeric", "unsure", True, 5, HARD),
    ],
)
def test_a_right_answer_is_hard_good_or_easy_by_how_it_came(kind, certainty, hinted, seconds, grade):
    assert rating(kind, right=True, certainty=certainty, hinted=hinted, seconds=seconds) == grade


# Known answers


@pytest.mark.parametrize(
    ("is_critical", "grade", "days", "stability", "difficulty"),
    [
        (normal, AGAIN, 1, 0.212, 6.4133),
        (normal, HARD, 1, 1.2931, 5.1122),
        (normal, GOOD, 2, 2.3065, 2.1181),
        (normal, EASY, 8, 8.2956, 1.0),
        (critical, AGAIN, 1, 0.212, 6.4133),
        (critical, HARD, 1, 1.2931, 5.1122),
        (critical, GOOD, 1, 2.3065, 2.1181),
        (critical, EASY, 3, 8.2956, 1.0),
    ],
)
def test_the_first_answer_comes_back_after_the_days_of_fsrs(is_critical, grade, days, stability, difficulty):
    memory = memory_after(respond(grade), is_critical=is_critical)

    assert memory.due == MONDAY + days * DAY
    assert (memory.stability, memory.difficulty) == pytest.approx((stability, difficulty), abs=5e-5)


@pytest.mark.parametrize(
    ("is_critical", "grades", "intervals"),
    [
        (normal, [GOOD] * 6, [2, 11, 21, 21, 21, 21]),  # 2, 11, 46, 163 ... without the cap
        (normal, [EASY] * 4, [8, 21, 21, 21]),
        (normal, [GOOD, HARD, GOOD, EASY], [2, 8, 21, 21]),
        (normal, [GOOD, GOOD, AGAIN, GOOD, GOOD], [2, 11, 2, 5, 12]),
        (normal, [AGAIN, AGAIN, AGAIN, AGAIN, GOOD], [1, 1, 1, 1, 1]),
        (critical, [GOOD] * 7, [1, 3, 8, 19, 21, 21, 21]),  # 1, 3, 8, 19, 43, 89 ... without the cap
    ],
)
def test_answers_given_when_due_come_back_after_the_days_of_fsrs(is_critical, grades, intervals):
    schedules = answered_when_due(grades, is_critical)

    assert [days_to(schedule.memories["restore"]) for schedule in schedules] == intervals


def test_stability_and_difficulty_after_three_good_answers_are_those_of_the_formulas():
    memory = answered_when_due([GOOD] * 3)[-1].memories["restore"]

    assert (memory.stability, memory.difficulty) == pytest.approx((46.2802, 2.1043), abs=5e-5)


def test_the_longest_wait_is_three_weeks_until_day_ninety_and_four_months_from_then_on():
    normally = answered_when_due([GOOD] * 9)
    critically = answered_when_due([GOOD] * 9, critical)

    # The seventh good answer falls on day 97, and the eighth of a critical objective on day 94.
    assert [days_to(one.memories["restore"]) for one in normally] == [2, 11, 21, 21, 21, 21, 120, 120, 120]
    assert [days_to(one.memories["restore"]) for one in critically] == [1, 3, 8, 19, 21, 21, 21, 114, 120]


@pytest.mark.parametrize(("day", "days"), [(89, 21), (90, 46)])
def test_the_ninety_days_count_from_the_learners_first_answer_to_anything(day, days):
    begin = respond(GOOD, MONDAY, objective="anything")
    late = [respond(GOOD, MONDAY + (day - ago) * DAY) for ago in (13, 11, 0)]

    memory = memory_after(begin, *late)

    assert days_to(memory) == days


def test_a_second_answer_on_the_same_day_moves_little():
    morning, evening = respond(GOOD), respond(GOOD, MONDAY + timedelta(hours=9))

    memory = memory_after(morning, evening)

    # S * max(1, e^(0.5425 * 0.0912) * S^-0.0658) with S = 2.3065 is S itself.
    assert memory.stability == pytest.approx(2.3065)
    assert memory.due == MONDAY + timedelta(hours=9) + 2 * DAY


@pytest.mark.parametrize(
    ("days", "recall"), [(0, 1.0), (1, 0.9468), (2, 0.9095), (5, 0.8389), (10, 0.7744), (21, 0.7019), (365, 0.4589)]
)
def test_recall_after_one_good_answer_falls_as_the_forgetting_curve_says(days, recall):
    memory = memory_after(respond(GOOD))

    assert memory.recall(MONDAY + days * DAY) == pytest.approx(recall, abs=5e-5)


# Lapses and leeches


def test_a_lapse_returns_within_two_days_and_is_counted():
    *_, before, after = answered_when_due([GOOD, GOOD, AGAIN])

    assert (before.memories["restore"].lapses, after.memories["restore"].lapses) == (0, 1)
    assert not before.memories["restore"].missed
    assert after.memories["restore"].missed
    assert after.memories["restore"].stability == pytest.approx(1.5383, abs=5e-5)
    assert days_to(after.memories["restore"]) == 2


@pytest.mark.parametrize(
    ("grades", "lapses", "leech"),
    [
        ([AGAIN] * 3, 3, False),
        ([AGAIN] * 4, 4, True),
        ([AGAIN] * 5, 5, True),
        ([AGAIN, GOOD, AGAIN, HARD, AGAIN, EASY, AGAIN], 4, True),
        ([AGAIN] * 3 + [GOOD], 3, False),
        ([AGAIN] * 4 + [HARD], 0, False),
        ([AGAIN] * 4 + [GOOD], 0, False),
        ([AGAIN] * 4 + [GOOD, AGAIN], 1, False),
    ],
)
def test_after_four_lapses_an_objective_is_taught_until_it_is_known(grades, lapses, leech):
    memory = answered_when_due(grades)[-1].memories["restore"]

    assert (memory.lapses, memory.is_leech) == (lapses, leech)


# What counts, and what an item's change does


def test_responses_that_do_not_count_change_nothing():
    counted = [respond(GOOD), respond(GOOD, MONDAY + 2 * DAY)]
    ahead = [
        respond(AGAIN, MONDAY - 200 * DAY, counts=False),
        respond(AGAIN, MONDAY + DAY, item="restore-9", counts=False),
        respond(EASY, MONDAY + DAY, objective="other", counts=False),
    ]

    with_them = replay([ahead[0], counted[0], *ahead[1:], counted[1]], normal)

    assert with_them == replay(counted, normal)


def test_the_items_of_an_objective_are_kept_once_each_with_the_latest_last():
    memory = memory_after(
        respond(GOOD, MONDAY, item="a", rev=1),
        respond(GOOD, MONDAY + 2 * DAY, item="b", rev=1),
        respond(GOOD, MONDAY + 9 * DAY, item="a", rev=2),
    )

    assert memory.items == ("b", "a")
    assert memory.revs == {"a": 2, "b": 1}
    assert memory.reviews == 3


def test_a_changed_key_brings_its_objective_back_at_once_and_no_other():
    schedule = replay([respond(EASY), respond(EASY, objective="copy", item="copy-1")], normal)
    tuesday = MONDAY + DAY

    changed = with_changed_keys(schedule, {"restore-1": ("restore", 2)}, tuesday)

    assert [memory.objective for memory in changed.due(tuesday)] == ["restore"]
    assert changed.memories["copy"] == schedule.memories["copy"]
    assert replace(changed.memories["restore"], due=MONDAY + 8 * DAY) == schedule.memories["restore"]


def test_a_changed_key_brings_nothing_back_that_was_overdue_before():
    schedule = replay([respond(AGAIN)], normal)

    changed = with_changed_keys(schedule, {"restore-1": ("restore", 2)}, MONDAY + 30 * DAY)

    assert changed.memories["restore"].due == MONDAY + DAY


@pytest.mark.parametrize(
    "changed",
    [
        {},  # what a changed wording leaves
        {"restore-1": ("restore", 2)},  # answered in this revision already
        {"restore-2": ("restore", 5)},  # a variant that was never asked
        {"copy-1": ("copy", 2)},  # an objective that was never asked
    ],
)
def test_what_was_learned_stays_where_no_key_of_an_answered_item_changed(changed):
    schedule = replay([respond(GOOD, rev=2)], normal)

    assert with_changed_keys(schedule, changed, MONDAY + DAY) == schedule


def test_the_changed_item_answered_anew_ends_its_comeback():
    tuesday = MONDAY + DAY
    schedule = replay([respond(EASY), respond(GOOD, tuesday, rev=2)], normal)

    assert with_changed_keys(schedule, {"restore-1": ("restore", 2)}, tuesday).due(tuesday) == []


# The clock, and the order of what is due


def test_a_clock_set_back_makes_no_review_happen_before_the_one_it_follows():
    memory = memory_after(respond(GOOD), respond(GOOD, MONDAY - 400 * DAY))

    assert memory.last == MONDAY
    assert memory.due == MONDAY + 2 * DAY
    assert memory.recall(MONDAY - DAY) == 1.0


def test_what_is_due_comes_with_the_least_well_remembered_first():
    schedule = replay(
        [
            respond(GOOD, MONDAY, objective="good"),
            respond(EASY, MONDAY, objective="easy"),
            respond(AGAIN, MONDAY, objective="again"),
            respond(GOOD, MONDAY + 6 * DAY, objective="fresh"),
        ],
        normal,
    )

    assert [memory.objective for memory in schedule.due(MONDAY + 7 * DAY)] == ["again", "good"]
    assert [memory.objective for memory in schedule.due(MONDAY + 8 * DAY)] == ["again", "good", "easy", "fresh"]


# Any history

HOURS = st.integers(-50, 24 * 40)
ANSWERS = st.builds(
    lambda gap, **parts: (gap, parts),
    HOURS,
    grade=st.sampled_from([AGAIN, HARD, GOOD, EASY]),
    objective=st.sampled_from(["restore", "copy", "keep"]),
    item=st.sampled_from(["one", "two"]),
    rev=st.integers(1, 3),
    counts=st.booleans() | st.just(value=True),
)


@st.composite
def histories(draw):
    """Responses over a year or so; a negative gap is a clock set back."""
    at, found = MONDAY, []
    for gap, parts in draw(st.lists(ANSWERS, max_size=25)):
        at += timedelta(hours=gap)
        found.append(respond(at=at, **parts))
    return found


def only_copy(objective):
    return objective == "copy"


@settings(max_examples=100, deadline=None)
@given(history=histories(), cuts=st.lists(st.integers(0, 25), max_size=4))
def test_a_history_replayed_in_any_pieces_gives_the_schedule_of_the_whole(history, cuts):
    edges = [0, *sorted(cuts), len(history)]

    in_pieces = None
    for begin, end in pairwise(edges):
        in_pieces = replay(history[begin:end], only_copy, in_pieces)

    assert in_pieces == replay(history, only_copy)


def from_json(text):
    plain = json.loads(text)
    return QuizResponse(**{**plain, "answered_at": datetime.fromisoformat(plain["answered_at"])})


@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_a_history_that_went_through_json_gives_the_same_schedule(history):
    carried = [from_json(json.dumps(asdict(response), default=datetime.isoformat)) for response in history]

    assert replay(carried, only_copy) == replay(history, only_copy)


@settings(max_examples=100, deadline=None)
@given(history=histories(), days=st.lists(st.integers(-5, 4000), min_size=2, max_size=6).map(sorted))
def test_recall_lies_between_nought_and_one_and_never_rises_with_time(history, days):
    for memory in replay(history, only_copy).memories.values():
        recalls = [memory.recall(memory.last + day * DAY) for day in days]

        assert all(0 < recall <= 1 for recall in recalls)
        assert recalls == sorted(recalls, reverse=True)


@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_every_interval_is_whole_days_within_its_cap(history):
    for memory in replay(history, only_copy).memories.values():
        wait = memory.due - memory.last

        assert wait == days_to(memory) * DAY
        assert DAY <= wait <= 120 * DAY
        assert 1 <= memory.difficulty <= 10
        assert memory.stability > 0
