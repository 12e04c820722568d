"""Each day asks what is about to be forgotten, and each sitting what was never asked; one variant an objective."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgdojo.course.banks import Quizzes
from pgdojo.course.items import KINDS, Objective
from pgdojo.learner.records import QuizResponse
from pgdojo.quiz.review import Readiness, forecast, minutes_a_day, minutes_of, queue, readiness
from pgdojo.quiz.schedule import AGAIN, EASY, GOOD, HARD, replay
from pgdojo.quiz.selection import PLACEMENT, arranged, for_practice, next_of_placement, variant

MONDAY = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SEEDS = [f"seed {number}" for number in range(20)]


def option(name, *, correct=False):
    return {"id": name, "text": f"Option {name}", "correct": correct, "why": f"Why {name}"}


OPTIONS = [option("a", correct=True), option("b"), option("c"), option("d")]

FIELDS = {
    "single": {"options": OPTIONS},
    "multiple": {"options": OPTIONS},
    "true-false": {
        "answer": True,
        "why_true": "It is.",
        "why_false": "It is.",
        "reason": {"ask": "Why?", "options": OPTIONS},
    },
    "ordering": {"why": "So.", "steps": [{"id": name, "text": name, "why": "So."} for name in ("s1", "s2", "s3")]},
    "numeric": {"answer": {"value": 35, "unit": "days", "tolerance": 0}, "why": "So."},
    "short-text": {"accept": ["ssl"], "why": "So."},
    "matching": {
        "pairs": [{"left": f"l{n}", "right": f"r{n}", "why": "So."} for n in range(3)],
        "extra": [{"text": "r3", "why": "So."}],
    },
    "scenario": {
        "start": "t1",
        "turns": [
            {
                "id": turn,
                "ask": "What now?",
                "choices": [
                    {**option(name, correct=name == "a"), "then": "Well.", "goto": goto} for name in ("a", "b", "c")
                ],
            }
            for turn, goto in (("t1", "t2"), ("t2", "end"))
        ],
        "endings": [{"id": "end", "good": True, "say": "Done."}],
    },
}


def an_item(name="i1", objective="o1", *, kind="single", **more):
    common = {"id": name, "rev": 1, "kind": kind, "status": "published", "objective": objective, "level": "apply"}
    dated = {"as_of": "2026-04", "review_by": "2027-04", "stem": "Which of these?", "cites": ["facts#one"]}
    return KINDS[kind].model_validate({**common, **dated, **FIELDS[kind], **more})


def course_of(*items, topics):
    """Quizzes of `items`; `topics` names the topic of each objective."""
    objectives = {name: Objective(id=name, topic=topic, objective=f"Know {name}.") for name, topic in topics.items()}
    return Quizzes(objectives=objectives, items={item.id: item for item in items})


def a_bank(sizes, variants=2):
    """Quizzes with so many objectives a topic, each of `variants` items; difficulties run from 1 to 5."""
    items, topics = [], {}
    for topic, size in sizes.items():
        for number in range(size):
            objective = f"{topic}-{number}"
            topics[objective] = topic
            items += [
                an_item(f"{objective}-{letter}", objective, difficulty=number % 5 + 1) for letter in "abcdef"[:variants]
            ]
    return course_of(*items, topics=topics)


def respond(objective, grade=GOOD, at=MONDAY, *, item="", mark=None):
    return QuizResponse(
        key="s1-0",
        learner="ann",
        sitting="s1",
        item=item or f"{objective}-a",
        rev=1,
        objective=objective,
        topic=objective.split("-")[0],
        given={},
        certainty="unsaid",
        hinted=False,
        mark=float(grade > AGAIN) if mark is None else mark,
        rating=grade,
        counts=True,
        algorithm="FSRS-6",
        seconds=20.0,
        answered_at=at,
    )


def remembered(*responses):
    return replay(responses, lambda _objective: False)


def names(memories):
    return [memory.objective for memory in memories]


def overdue(count):
    """`count` objectives that were all missed on Monday."""
    return remembered(*(respond(f"o{number}", AGAIN) for number in range(count)))


# The reviews of a day


def test_after_three_weeks_away_the_least_well_remembered_come_first():
    schedule = remembered(respond("easy", EASY), respond("good", GOOD), respond("hard", HARD), respond("again", AGAIN))

    found = queue(schedule, set(schedule.memories), MONDAY + 21 * DAY, minutes=12)

    assert names(found.today) == ["again", "hard", "good", "easy"]
    assert found.postponed == ()


def test_what_does_not_fit_the_budget_waits_and_nothing_is_lost():
    schedule = overdue(20)

    found = queue(schedule, set(schedule.memories), MONDAY + 21 * DAY, minutes=12)

    # Sixteen reviews of three quarters of a minute are twelve minutes.
    assert len(found.today) == 16
    assert minutes_of(found.today) == 12
    assert len(found.postponed) == 4
    assert sorted(names([*found.today, *found.postponed])) == sorted(schedule.memories)


@pytest.mark.parametrize(("minutes", "count"), [(0, 1), (0.1, 1), (1.4, 1), (1.5, 2), (5, 6), (1000, 20)])
def test_one_review_always_fits_and_no_more_than_the_budget_holds(minutes, count):
    schedule = overdue(20)

    assert len(queue(schedule, set(schedule.memories), MONDAY + DAY, minutes=minutes).today) == count


def test_an_objective_that_is_taught_first_takes_two_minutes():
    leech = [respond("leech", AGAIN, MONDAY + number * DAY) for number in range(4)]
    schedule = remembered(*leech, respond("good", AGAIN, MONDAY), respond("other", AGAIN, MONDAY))
    thursday = MONDAY + 4 * DAY

    assert minutes_of(schedule.memories.values()) == 3.5
    assert len(queue(schedule, set(schedule.memories), thursday, minutes=3).today) == 2
    assert len(queue(schedule, set(schedule.memories), thursday, minutes=3.5).today) == 3


def test_nothing_is_due_before_its_time():
    schedule = remembered(respond("good", GOOD), respond("again", AGAIN))

    assert names(queue(schedule, {"good", "again"}, MONDAY + DAY, minutes=12).today) == ["again"]
    assert queue(schedule, {"good", "again"}, MONDAY, minutes=12).today == ()


def test_an_objective_without_an_item_to_ask_is_not_reviewed():
    schedule = remembered(respond("gone", AGAIN), respond("here", AGAIN))

    found = queue(schedule, {"here"}, MONDAY + 5 * DAY, minutes=12)

    assert names([*found.today, *found.postponed]) == ["here"]


def test_looking_ahead_takes_what_is_not_due_yet_in_the_order_in_which_it_will_be():
    schedule = remembered(respond("easy", EASY), respond("good", GOOD), respond("again", AGAIN))

    found = queue(schedule, set(schedule.memories), MONDAY + DAY, minutes=12, ahead=True)

    assert names(found.today) == ["good", "easy"]


@settings(max_examples=100, deadline=None)
@given(
    grades=st.lists(st.sampled_from([AGAIN, HARD, GOOD, EASY]), max_size=30),
    days=st.integers(0, 60),
    minutes=st.floats(0, 60),
)
def test_a_day_holds_what_is_due_once_within_its_budget(grades, days, minutes):
    schedule = remembered(*(respond(f"o{place}", grade) for place, grade in enumerate(grades)))
    at = MONDAY + days * DAY

    found = queue(schedule, set(schedule.memories), at, minutes=minutes)

    every = [*found.today, *found.postponed]
    assert sorted(names(every)) == sorted(names(schedule.due(at)))
    assert len(found.today) <= 1 or minutes_of(found.today) <= minutes
    assert [one.recall(at) for one in every] == sorted(one.recall(at) for one in every)


def test_a_review_asks_the_variant_that_was_asked_longest_ago():
    bank = a_bank({"bk": 2})
    schedule = remembered(
        respond("bk-0", AGAIN, MONDAY, item="bk-0-a"),
        respond("bk-1", AGAIN, MONDAY, item="bk-1-b"),
        respond("bk-1", AGAIN, MONDAY + DAY, item="bk-1-a"),
    )
    found = queue(schedule, set(bank.objectives), MONDAY + 5 * DAY, minutes=12)

    asked = found.variants(bank.items, random.Random(1))

    assert sorted(asked) == ["bk-0-b", "bk-1-b"]


# The weeks ahead


def test_the_forecast_counts_each_objective_on_its_day_and_what_is_overdue_today():
    schedule = remembered(
        respond("overdue", AGAIN, MONDAY - 9 * DAY),
        respond("tomorrow", AGAIN),
        respond("wednesday", GOOD),
        respond("wednesday too", GOOD),
        respond("next week", EASY),
        respond("gone", GOOD),
    )

    found = forecast(schedule, set(schedule.memories) - {"gone"}, MONDAY, days=7)

    assert found == [
        (date(2026, 5, 4), 1),
        (date(2026, 5, 5), 1),
        (date(2026, 5, 6), 2),
        (date(2026, 5, 7), 0),
        (date(2026, 5, 8), 0),
        (date(2026, 5, 9), 0),
        (date(2026, 5, 10), 0),
    ]


def test_a_forecast_covers_thirty_days_also_for_who_begins():
    found = forecast(remembered(), set(), MONDAY)

    assert len(found) == 30
    assert found[-1] == (date(2026, 6, 2), 0)


def test_readiness_is_the_mean_recall_of_a_topic_and_counts_what_was_never_asked_as_unknown():
    schedule = remembered(respond("bk-0", GOOD), respond("bk-1", EASY))

    backups, security = readiness(schedule, {"bk": ["bk-0", "bk-1", "bk-2"], "sec": ["sec-0"]}, MONDAY + 5 * DAY)

    # Five days after a good answer recall is 0.8389, after an easy one (1 + 0.98035 * 5 / 8.2956) ^ -0.1542 = 0.9309.
    assert backups.recall == pytest.approx((0.8389 + 0.9309 + 0.0) / 3, abs=1e-4)
    assert (backups.asked, backups.objectives, backups.below) == (2, 3, ("bk-0", "bk-2"))
    assert security == Readiness(topic="sec", recall=0.0, asked=0, objectives=1, below=("sec-0",))


def test_a_topic_without_objectives_is_not_ready():
    assert readiness(remembered(), {"empty": []}, MONDAY)[0].recall == 0.0


@pytest.mark.parametrize(("days", "minutes"), [(10, 0.75), (5, 1.5), (1, 7.5), (0, 7.5), (-3, 7.5)])
def test_minutes_a_day_ask_everything_below_twice_by_the_day(days, minutes):
    report = readiness(remembered(), {"bk": ["bk-0", "bk-1", "bk-2"], "sec": ["sec-0", "sec-1"]}, MONDAY)

    assert minutes_a_day(report, MONDAY, MONDAY + days * DAY) == minutes


# What a practice asks


def practice(bank, *responses, topics=(), count=10, seed="s1"):
    memories = remembered(*responses).memories
    return for_practice(bank, bank.items, memories, topics=topics, count=count, seed=seed)


def objectives_of(bank, chosen):
    return [bank.items[name].objective for name in chosen]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_variants_of_an_objective_are_asked_in_one_sitting(seed):
    bank = a_bank({"bk": 4, "sec": 3}, variants=3)

    chosen = practice(bank, count=50, seed=seed)

    assert sorted(objectives_of(bank, chosen)) == sorted(bank.objectives)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_never_asked_comes_before_what_was_missed_and_that_before_what_was_known(seed):
    bank = a_bank({"bk": 6})
    answers = [
        respond("bk-0", GOOD),
        respond("bk-1", AGAIN),
        respond("bk-2", HARD),
        respond("bk-3", AGAIN),
        respond("bk-0", AGAIN, MONDAY + DAY),
        respond("bk-1", GOOD, MONDAY + DAY),
    ]

    order = objectives_of(bank, practice(bank, *answers, seed=seed))

    # What was missed once and then known is known.
    assert [set(order[:2]), set(order[2:4]), set(order[4:])] == [{"bk-4", "bk-5"}, {"bk-0", "bk-3"}, {"bk-1", "bk-2"}]


@pytest.mark.parametrize("seed", SEEDS)
def test_topics_take_turns_for_as_long_as_they_last(seed):
    bank = a_bank({"bk": 3, "ha": 3, "sec": 1})

    topics = [bank.topic(bank.items[name]) for name in practice(bank, seed=seed)]

    assert sorted(topics[:3]) == ["bk", "ha", "sec"]
    assert topics[3:5] == [name for name in topics[:3] if name != "sec"]
    assert sorted(topics[5:]) == ["bk", "ha"]


def test_the_same_seed_chooses_the_same_and_another_seed_something_else():
    bank = a_bank({"bk": 9, "ha": 9, "sec": 9})

    assert practice(bank, seed="s1") == practice(bank, seed="s1")
    assert practice(bank, seed="s1") != practice(bank, seed="s2")


@pytest.mark.parametrize(
    ("topics", "count", "found"),
    [((), 4, 4), ((), 99, 7), (("sec",), 10, 3), (("bk", "sec"), 10, 7), (("none",), 10, 0), ((), 0, 0)],
)
def test_a_practice_keeps_to_its_topics_and_its_number(topics, count, found):
    bank = a_bank({"bk": 4, "sec": 3})

    chosen = practice(bank, topics=topics, count=count)

    assert len(chosen) == found
    assert {bank.topic(bank.items[name]) for name in chosen} <= set(topics or ("bk", "sec"))


def test_variants_rotate_until_all_were_asked_and_then_begin_with_the_oldest():
    bank = a_bank({"bk": 1}, variants=3)
    items = list(bank.items.values())
    answers = []

    for day in range(6):
        memory = remembered(*answers).memories.get("bk-0")
        asked = variant(items, memory, random.Random(7))
        answers.append(respond("bk-0", GOOD, MONDAY + day * DAY, item=asked.id))

    asked = [answer.item for answer in answers]
    assert sorted(asked[:3]) == ["bk-0-a", "bk-0-b", "bk-0-c"]
    assert asked[3:] == asked[:3]


# A placement


def placed(bank, *marks, seed="s1"):
    """The items that a placement asks while its answers are worth `marks`, and the one after them."""
    answers, asked = [], []
    for mark in (*marks, None):
        name = next_of_placement(bank, bank.items, answers, seed=seed)
        asked.append(bank.items[name] if name else None)
        if name is None or mark is None:
            break
        answers.append(respond(bank.items[name].objective, item=name, mark=mark))
    return asked


@pytest.mark.parametrize(
    ("marks", "difficulties"),
    [
        ([], [3]),
        ([1, 1, 1], [3, 4, 5, 5]),
        ([0, 0, 0], [3, 2, 1, 1]),
        ([1, 0, 0, 1], [3, 4, 3, 2, 3]),
        ([0.5, 0.99, 1], [3, 2, 1, 2]),
    ],
)
def test_a_placement_gets_harder_after_a_right_answer_and_easier_after_a_wrong_one(marks, difficulties):
    bank = a_bank({"bk": 25}, variants=1)

    assert [item.difficulty for item in placed(bank, *marks)] == difficulties


@pytest.mark.parametrize("seed", SEEDS)
def test_a_placement_asks_the_topics_in_turn(seed):
    bank = a_bank({"bk": 9, "ha": 9, "sec": 9})

    topics = [bank.topic(item) for item in placed(bank, *[1, 0] * 4, seed=seed)]

    assert sorted(topics[:3]) == ["bk", "ha", "sec"]
    assert topics == topics[:3] * 3


def test_a_placement_takes_what_lies_nearest_where_no_item_is_as_hard_as_it_should_be():
    items = [an_item(f"i{hard}", f"o{hard}", difficulty=hard) for hard in (1, 4)]
    bank = course_of(*items, topics={"o1": "bk", "o4": "bk"})

    assert [item and item.id for item in placed(bank, 1, 1)] == ["i4", "i1", None]


def test_a_placement_asks_no_incident_and_ends_when_everything_was_asked():
    items = [an_item("i1", "o1"), an_item("i2", "o2"), an_item("i2b", "o2"), an_item("i3", "o3", kind="scenario")]
    bank = course_of(*items, topics={"o1": "bk", "o2": "sec", "o3": "ha"})

    *asked, end = placed(bank, *[1] * PLACEMENT)

    assert sorted(item.objective for item in asked) == ["o1", "o2"]
    assert end is None


def test_a_placement_never_asks_an_objective_twice_and_is_the_same_for_the_same_seed():
    bank = a_bank({"bk": 9, "ha": 9}, variants=3)
    marks = [1, 0, 0, 1, 1] * 3

    asked = placed(bank, *marks)

    assert max(Counter(item.objective for item in asked).values()) == 1
    assert asked == placed(bank, *marks)


def test_a_course_without_items_places_nobody():
    assert placed(course_of(topics={})) == [None]


# In which order the parts are shown

PARTS = {
    "single": {"options": ["a", "b", "c", "d"]},
    "multiple": {"options": ["a", "b", "c", "d"]},
    "true-false": {"reason": ["a", "b", "c", "d"]},
    "ordering": {"steps": ["s1", "s2", "s3"]},
    "numeric": {},
    "short-text": {},
    "matching": {"lefts": ["0", "1", "2"], "rights": ["0", "1", "2", "3"]},
    "scenario": {"t1": ["a", "b", "c"], "t2": ["a", "b", "c"]},
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_part_is_shown_once(kind, seed):
    shown = arranged(an_item(kind=kind), seed)

    assert {name: sorted(parts) for name, parts in shown.items()} == PARTS[kind]


@pytest.mark.parametrize("kind", ["single", "multiple", "true-false", "ordering", "matching", "scenario"])
def test_the_parts_stand_in_another_order_for_another_seed_and_in_the_same_for_the_same(kind):
    item = an_item(kind=kind)

    assert len({str(arranged(item, seed)) for seed in SEEDS}) > 1
    assert arranged(item, "s1-0") == arranged(item, "s1-0")


@pytest.mark.parametrize("steps", [["s1", "s2"], ["s1", "s2", "s3"]])
def test_steps_are_never_shown_in_the_right_order(steps):
    item = an_item(kind="ordering", steps=[{"id": name, "text": name, "why": "So."} for name in steps])

    assert all(arranged(item, f"seed {number}")["steps"] != steps for number in range(200))


@pytest.mark.parametrize("kind", ["single", "multiple"])
def test_options_that_must_not_be_shuffled_stand_as_they_were_written(kind):
    item = an_item(kind=kind, shuffle=False)

    assert [arranged(item, seed)["options"] for seed in SEEDS] == [["a", "b", "c", "d"]] * len(SEEDS)


def test_the_key_of_a_choice_is_shown_in_every_place_alike():
    item = an_item()

    places = Counter(arranged(item, str(number))["options"].index("a") for number in range(400))

    # A hundred each are expected; sixty would be more than four standard deviations away.
    assert all(60 < places[place] < 140 for place in range(4))
