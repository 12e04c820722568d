"""A mark is what the printed rule says, worked out by hand; what is blank or misshapen is wrong and never an error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgdojo.course.items import KINDS
from pgdojo.quiz.grading import MAX_TEXT, RULES, Line, grade, way


def item(kind, **fields):
    """An item of this kind with what every item has."""
    common = {
        "id": f"an-{kind}",
        "rev": 1,
        "status": "published",
        "objective": "bake",
        "level": "apply",
        "as_of": "2024",
        "review_by": "2025",
        "stem": "What does a baker do?",
        "cites": ["facts#oven"],
    }
    return KINDS[kind].model_validate({**common, "kind": kind, **fields})


def option(name, *, correct=False, misconception=None):
    return {
        "id": name,
        "text": f"Do {name}",
        "correct": correct,
        "why": f"Because of {name}",
        "misconception": misconception,
    }


SINGLE = item(
    "single",
    options=[option("a", misconception="myth"), option("b", correct=True), option("c", misconception="tale")],
)
MULTIPLE = item(
    "multiple",
    options=[
        option("a", correct=True),
        option("b", misconception="myth"),
        option("c", correct=True),
        option("d", misconception="tale"),
        option("e"),
    ],
)
TRUE_FALSE = item(
    "true-false",
    answer=False,
    why_true="It seems so",
    why_false="It is not so",
    reason={"ask": "Why?", "options": [option("a", misconception="myth"), option("b", correct=True), option("c")]},
)
ORDERING = item(
    "ordering",
    why="One thing leads to the next",
    steps=[{"id": name, "text": f"Do {name}", "why": f"Because of {name}"} for name in "pqrst"],
)
NUMERIC = item(
    "numeric",
    answer={"value": 5, "unit": "minutes", "tolerance": 0.5},
    wrong_values=[{"value": 35, "why": "Those are the days of a backup"}],
    why="The logs are uploaded this often",
)
SHORT_TEXT = item(
    "short-text",
    accept=["rds.force_ssl", "force_ssl=1"],
    near=[{"text": "ssl", "why": "It still lets clear text in"}],
    why="It refuses clear text",
)
MATCHING = item(
    "matching",
    pairs=[{"left": name, "right": name.upper(), "why": f"Because of {name}"} for name in "pqrs"],
    extra=[{"text": "Z", "why": "It fits nothing"}],
)


def choice(name, goto, *, correct=False, misconception=None):
    return {**option(name, correct=correct, misconception=misconception), "then": f"{name} happens", "goto": goto}


SCENARIO = item(
    "scenario",
    start="t1",
    turns=[
        {
            "id": "t1",
            "ask": "First?",
            "choices": [choice("a", "t2", correct=True), choice("b", "t1b", misconception="myth")],
        },
        {"id": "t1b", "ask": "Now?", "choices": [choice("a", "t2", correct=True), choice("b", "bad")]},
        {"id": "t2", "ask": "Then?", "choices": [choice("a", "good", correct=True), choice("b", "bad")]},
    ],
    endings=[{"id": "good", "good": True, "say": "Saved"}, {"id": "bad", "good": False, "say": "Lost"}],
)
ALL = (SINGLE, MULTIPLE, TRUE_FALSE, ORDERING, NUMERIC, SHORT_TEXT, MATCHING, SCENARIO)

MARKS = [
    (SINGLE, {"picked": "b"}, 1),
    (SINGLE, {"picked": " b "}, 1),
    (SINGLE, {"picked": "a"}, 0),
    (SINGLE, {"picked": "nosuch"}, 0),
    (SINGLE, {"picked": ["b"]}, 0),
    # Two keys, so each right pick is a half and each wrong one takes a half off.
    (MULTIPLE, {"picked": ["a", "c"]}, 1),
    (MULTIPLE, {"picked": ["c", "a", "a"]}, 1),
    (MULTIPLE, {"picked": ["a"]}, 0.5),
    (MULTIPLE, {"picked": ["a", "c", "b"]}, 0.5),
    (MULTIPLE, {"picked": ["a", "b"]}, 0),
    (MULTIPLE, {"picked": ["b", "d", "e"]}, 0),
    (MULTIPLE, {"picked": ["a", "b", "c", "d", "e"]}, 0),
    (MULTIPLE, {"picked": ["a", "c", "nosuch", 7]}, 1),
    (MULTIPLE, {"picked": "a"}, 0),
    (TRUE_FALSE, {"verdict": False, "reason": "b"}, 1),
    (TRUE_FALSE, {"verdict": False, "reason": "a"}, 0.5),
    (TRUE_FALSE, {"verdict": False}, 0.5),
    (TRUE_FALSE, {"verdict": True, "reason": "b"}, 0),
    (TRUE_FALSE, {"reason": "b"}, 0),
    (TRUE_FALSE, {"verdict": "false", "reason": "b"}, 0),
    (TRUE_FALSE, {"verdict": 0, "reason": "b"}, 0),
    # Five steps have four neighbours: p-q, q-r, r-s and s-t.
    (ORDERING, {"order": list("pqrst")}, 1),
    (ORDERING, {"order": list("qrstp")}, 0.75),
    (ORDERING, {"order": list("pqrts")}, 0.5),
    (ORDERING, {"order": list("stpqr")}, 0.75),
    (ORDERING, {"order": list("qprst")}, 0.5),
    (ORDERING, {"order": list("pqtrs")}, 0.5),
    (ORDERING, {"order": list("tsrqp")}, 0),
    (ORDERING, {"order": list("pqrs")}, 0),
    (ORDERING, {"order": list("pqrstt")}, 0),
    (ORDERING, {"order": "pqrst"}, 0),
    (NUMERIC, {"text": "5 min"}, 1),
    (NUMERIC, {"text": "300 s"}, 1),
    (NUMERIC, {"text": "5"}, 1),
    (NUMERIC, {"text": "5,5"}, 1),
    (NUMERIC, {"text": "4.5 m"}, 1),
    (NUMERIC, {"text": "5.51"}, 0),
    (NUMERIC, {"text": "35"}, 0),
    (NUMERIC, {"text": "5 GB"}, 0),
    (NUMERIC, {"text": "soon"}, 0),
    (NUMERIC, {"text": 5}, 0),
    (SHORT_TEXT, {"text": "rds.force_ssl"}, 1),
    (SHORT_TEXT, {"text": " `RDS.Force_SSL`. "}, 1),
    (SHORT_TEXT, {"text": "force_ssl = 1"}, 1),
    (SHORT_TEXT, {"text": "ssl"}, 0),
    (SHORT_TEXT, {"text": "rds force ssl"}, 0),
    (SHORT_TEXT, {"text": "rds.force_ssl" + " " * MAX_TEXT + "and more"}, 1),
    (MATCHING, {"pairs": {"0": "0", "1": "1", "2": "2", "3": "3"}}, 1),
    (MATCHING, {"pairs": {0: 0, 1: 1, 2: 2, 3: 3}}, 1),
    (MATCHING, {"pairs": {"0": "0", "1": "2", "2": "1", "3": "3"}}, 0.5),
    (MATCHING, {"pairs": {"2": "2"}}, 0.25),
    (MATCHING, {"pairs": {"0": "4", "1": "1", "2": "2", "3": "3"}}, 0.75),
    (MATCHING, {"pairs": {"0": "1", "1": "2", "2": "3", "3": "0"}}, 0),
    (MATCHING, {"pairs": {"9": "9"}}, 0),
    (MATCHING, {"pairs": [0, 1, 2, 3]}, 0),
    (SCENARIO, {"path": ["a", "a"]}, 1),
    (SCENARIO, {"path": ["b", "a", "a"]}, 2 / 3),
    (SCENARIO, {"path": ["a", "b"]}, 0.5),
    (SCENARIO, {"path": ["b", "a", "b"]}, 1 / 3),
    (SCENARIO, {"path": ["b", "b"]}, 0),
    (SCENARIO, {"path": ["a"]}, 0),
    (SCENARIO, {"path": ["a", "nosuch"]}, 0),
    (SCENARIO, {"path": ["a", "a", "a"]}, 1),
    (SCENARIO, {"path": "aa"}, 0),
]


@pytest.mark.parametrize(("asked", "response", "mark"), MARKS, ids=lambda value: getattr(value, "kind", None))
def test_a_response_is_worth_what_the_rule_says(asked, response, mark):
    marked = grade(asked, response)

    assert marked.mark == pytest.approx(mark)
    assert marked.right == (mark == 1)


def test_the_rule_of_every_kind_is_printed():
    assert RULES.keys() == KINDS.keys() == {asked.kind for asked in ALL}
    assert all(rule.endswith(".") for rule in RULES.values())


BLANK = [
    (SINGLE, {"picked": ""}),
    (MULTIPLE, {"picked": []}),
    (TRUE_FALSE, {"verdict": None, "reason": ""}),
    (ORDERING, {"order": []}),
    (NUMERIC, {"text": "  "}),
    (SHORT_TEXT, {"text": "  "}),
    (MATCHING, {"pairs": {}}),
    (SCENARIO, {"path": []}),
    *((asked, {}) for asked in ALL),
]


@pytest.mark.parametrize(("asked", "response"), BLANK, ids=lambda value: getattr(value, "kind", None))
def test_what_is_left_blank_is_wrong_and_known_to_be_blank(asked, response):
    marked = grade(asked, response)

    assert marked.mark == 0
    assert marked.blank
    assert marked.misconceptions == ()
    assert not any(line.taken for line in marked.lines)


def test_an_answer_of_nothing_but_marks_is_no_gift_to_whoever_leaves_it_blank():
    asked = item("short-text", accept=[";"], why="It ends a statement")

    assert grade(asked, {}).mark == 0
    assert grade(asked, {"text": ";"}).mark == 1


EARNING = [(asked, response) for asked, response, mark in MARKS if mark]


@pytest.mark.parametrize(("asked", "response"), EARNING, ids=lambda value: getattr(value, "kind", None))
def test_what_earns_a_mark_is_not_blank(asked, response):
    assert not grade(asked, response).blank


def right_response(asked):
    """What someone answers who knows, read off the item."""
    match asked.kind:
        case "single":
            return {"picked": next(one.id for one in asked.options if one.correct)}
        case "multiple":
            return {"picked": [one.id for one in asked.options if one.correct]}
        case "true-false":
            reason = next(one.id for one in asked.reason.options if one.correct)
            return {"verdict": asked.answer, "reason": reason}
        case "ordering":
            return {"order": [step.id for step in asked.steps]}
        case "numeric":
            return {"text": f"{asked.answer.value} {asked.answer.unit}"}
        case "short-text":
            return {"text": asked.accept[0]}
        case "matching":
            return {"pairs": {str(place): str(place) for place in range(len(asked.pairs))}}
        case "scenario":
            return {"path": ["a", "a"]}


@pytest.mark.parametrize("asked", ALL, ids=lambda asked: asked.kind)
def test_the_right_response_earns_the_whole_mark(asked):
    marked = grade(asked, right_response(asked))

    assert marked.mark == 1
    assert marked.right
    assert not marked.blank
    assert marked.misconceptions == ()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["a", "b", "t1", "0", "5 min", "pqrst"]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["picked", "verdict", "reason", "order", "text", "pairs", "path", "nosuch"])


@settings(deadline=None)
@given(st.sampled_from(ALL), st.dictionaries(FIELDS, JSON, max_size=8))
def test_nothing_that_is_sent_is_an_error(asked, response):
    marked = grade(asked, response)

    assert 0 <= marked.mark <= 1
    assert all(isinstance(line, Line) for line in marked.lines)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "picked": st.lists(st.sampled_from("abcde")),
            "order": st.permutations("pqrst"),
            "pairs": st.dictionaries(st.integers(0, 4).map(str), st.integers(0, 5).map(str)),
            "path": st.lists(st.sampled_from("ab"), max_size=4),
        }
    )
)
def test_whatever_is_picked_the_mark_stays_between_nothing_and_the_whole(response):
    marks = [grade(asked, response).mark for asked in (MULTIPLE, ORDERING, MATCHING, SCENARIO)]

    assert all(0 <= mark <= 1 for mark in marks)
    assert (marks[0] == 1) == (set(response["picked"]) == {"a", "c"})
    assert (marks[1] == 1) == (list(response["order"]) == list("pqrst"))


def told(marked):
    """The feedback in short: the text, `+` where it is right, `<` where it was taken."""
    return [f"{line.text}{' +' if line.right else ''}{' <' if line.taken else ''}" for line in marked.lines]


LINES = [
    (SINGLE, {"picked": "b"}, ["Do b + <", "Do a", "Do c"]),
    (SINGLE, {"picked": "c"}, ["Do c <", "Do b +", "Do a"]),
    (SINGLE, {}, ["Do b +", "Do a", "Do c"]),
    (MULTIPLE, {"picked": ["e", "c"]}, ["Do c + <", "Do e <", "Do a +", "Do b", "Do d"]),
    (TRUE_FALSE, {"verdict": True, "reason": "a"}, ["True <", "False +", "Do a <", "Do b +", "Do c"]),
    (TRUE_FALSE, {"verdict": False, "reason": "b"}, ["False + <", "True", "Do b + <", "Do a", "Do c"]),
    (ORDERING, {"order": list("pqrts")}, [" +", "Do p +", "Do q +", "Do r +", "Do s", "Do t"]),
    (NUMERIC, {"text": "300 s"}, ["300 s + <"]),
    (NUMERIC, {"text": "7"}, ["7 <", "5 minutes +"]),
    (NUMERIC, {}, ["5 minutes +"]),
    (SHORT_TEXT, {"text": "FORCE_SSL=1"}, ["FORCE_SSL=1 + <"]),
    (SHORT_TEXT, {"text": "tls"}, ["tls <", "rds.force_ssl +"]),
    (SHORT_TEXT, {}, ["rds.force_ssl +"]),
    (MATCHING, {"pairs": {"0": "0", "1": "4"}}, ["p: P +", "q: Q", "r: R", "s: S", "Z"]),
    (SCENARIO, {"path": ["b", "a"]}, ["Do b <", "Do a +", "Do a + <", "Do b"]),
    (SCENARIO, {}, []),
]


@pytest.mark.parametrize(("asked", "response", "lines"), LINES, ids=lambda value: getattr(value, "kind", None))
def test_the_feedback_tells_what_was_taken_then_the_key_then_the_rest(asked, response, lines):
    assert told(grade(asked, response)) == lines


@pytest.mark.parametrize("asked", [SINGLE, MULTIPLE], ids=lambda asked: asked.kind)
def test_each_option_is_told_with_its_own_why(asked):
    marked = grade(asked, {})

    assert {line.text: line.why for line in marked.lines} == {one.text: one.why for one in asked.options}


def test_each_verdict_is_told_with_its_own_why():
    marked = grade(TRUE_FALSE, {"verdict": True})

    assert [(line.text, line.why) for line in marked.lines[:2]] == [("True", "It seems so"), ("False", "It is not so")]


def test_a_step_out_of_place_is_told_where_it_was_put():
    marked = grade(ORDERING, {"order": list("pqrts")})

    assert marked.lines[0] == Line(text="", right=True, taken=False, why="One thing leads to the next")
    assert [line.instead for line in marked.lines[1:]] == ["", "", "", "place 5", "place 4"]
    assert marked.lines[4].why == "Because of s"


def test_an_order_that_lacks_a_step_is_told_without_places():
    marked = grade(ORDERING, {"order": list("pq")})

    assert marked.blank
    assert [(line.right, line.instead) for line in marked.lines[1:]] == [(False, "")] * 5


def test_a_wrong_pair_is_told_with_what_was_given_instead():
    marked = grade(MATCHING, {"pairs": {"0": "0", "1": "4", "2": "3", "3": "99"}})

    assert [line.instead for line in marked.lines] == ["", "Z", "S", "", ""]
    assert marked.lines[1].why == "Because of q"
    assert marked.lines[4] == Line(text="Z", right=False, taken=False, why="It fits nothing")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("5", "The logs are uploaded this often"),
        ("35", "Those are the days of a backup"),
        ("2100 s", "Those are the days of a backup"),
        ("7", ""),
        ("5 GB", "A number in minutes was asked for, or in a unit that minutes can be converted from."),
        ("soon", "A number in minutes was asked for, or in a unit that minutes can be converted from."),
    ],
)
def test_a_number_is_told_why_it_is_wrong_where_that_is_known(typed, why):
    (taken, *_) = grade(NUMERIC, {"text": typed}).lines

    assert (taken.text, taken.why) == (typed, why)


def test_the_right_number_is_shown_with_its_unit_as_people_write_it():
    asked = item("numeric", answer={"value": 131072, "unit": "GiB", "tolerance": 0}, why="So it is")

    (key,) = grade(asked, {}).lines

    assert (key.text, key.why) == ("131,072 GiB", "So it is")


def test_what_a_conversion_rounds_away_costs_nothing():
    asked = item("numeric", answer={"value": 66, "unit": "minutes", "tolerance": 0}, why="So it is")

    # In floating point the first of these is a hair off the value.
    assert [grade(asked, {"text": text}).mark for text in ("1.1 hours", "66 min", "66.001 min")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("force_ssl=1", "It refuses clear text"),
        ("SSL", "It still lets clear text in"),
        ("`ssl`;", "It still lets clear text in"),
        ("tls", ""),
    ],
)
def test_a_near_miss_is_told_its_own_why(typed, why):
    (taken, *_) = grade(SHORT_TEXT, {"text": typed}).lines

    assert (taken.text, taken.why) == (typed, why)


def test_a_long_answer_is_read_and_told_in_part():
    (taken, _) = grade(SHORT_TEXT, {"text": "x" * 10_000}).lines

    assert taken.text == "x" * MAX_TEXT


@pytest.mark.parametrize(
    ("asked", "response", "shown"),
    [
        (SINGLE, {"picked": "a"}, ("myth",)),
        (SINGLE, {"picked": "b"}, ()),
        (MULTIPLE, {"picked": ["d", "b", "a"]}, ("myth", "tale")),
        (MULTIPLE, {"picked": ["e"]}, ()),
        (TRUE_FALSE, {"verdict": False, "reason": "a"}, ("myth",)),
        (TRUE_FALSE, {"verdict": True, "reason": "b"}, ()),
        (SCENARIO, {"path": ["b", "a", "a"]}, ("myth",)),
        (SCENARIO, {"path": ["a", "a"]}, ()),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_a_wrong_belief_is_shown_by_who_picks_it_and_by_nobody_else(asked, response, shown):
    assert grade(asked, response).misconceptions == shown


def test_a_wrong_belief_that_an_author_puts_behind_a_key_is_shown_by_nobody():
    asked = item("single", options=[option("a", correct=True, misconception="myth"), option("b")])

    assert grade(asked, {"picked": "a"}).misconceptions == ()


def test_a_wrong_belief_that_is_shown_twice_is_named_once():
    asked = item(
        "multiple",
        options=[option("a", misconception="myth"), option("b", misconception="myth"), option("c", correct=True)],
    )

    assert grade(asked, {"picked": ["a", "b"]}).misconceptions == ("myth",)


@pytest.mark.parametrize(
    ("path", "taken", "place"),
    [
        ([], [], "t1"),
        (["a"], ["a"], "t2"),
        (["b", "a"], ["b", "a"], "t2"),
        (["a", "a"], ["a", "a"], "good"),
        (["b", "b", "a"], ["b", "b"], "bad"),
        (["a", "nosuch", "a"], ["a"], "t2"),
    ],
)
def test_a_way_through_an_incident_is_followed_as_far_as_it_leads(path, taken, place):
    choices, at = way(SCENARIO, path)

    assert [one.id for one in choices] == taken
    assert at == place
