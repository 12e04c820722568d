"""The quizzes themselves: enough of every topic and kind, all that is taught examined, every key right, in own words.

The little readers here are written apart from the engine's, so that one mistake does not hide another.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from pgdojo.course.banks import load_quizzes
from pgdojo.course.check import check_course
from pgdojo.course.load import load_course
from pgdojo.quiz.grading import grade

ROOT = Path(__file__).resolve().parents[2]
NOTES = ROOT / "knowledge" / "notes.md"
LEDGER = sorted((ROOT / "knowledge" / "facts").glob("*.yaml"))
QUIZZES = ROOT / "quizzes"

ENOUGH = {
    "versions": 35,
    "ha": 40,
    "backups": 35,
    "security": 40,
    "options": 15,
    "aurora": 20,
    "serverless": 15,
    "monitoring": 10,
}
BANKS = {topic: QUIZZES / f"{topic}.yaml" for topic in ENOUGH}


def entries(path):
    """The entries of a file as text, each by its id."""
    parts = re.split(r"^- id: (\S+).*\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def field(entry, name):
    """What stands behind a field's name on its line, without quotes."""
    found = re.search(rf"^  {name}: (.*)$", entry, re.MULTILINE)
    return found[1].strip("\"' ") if found else ""


def listed(entry, name):
    """The members of a list, whether it stands in brackets or one to a line."""
    block = re.search(rf"^  {name}:(.*(?:\n    .*)*)", entry, re.MULTILINE)
    return re.findall(r"facts#[a-z0-9-]+", block[1]) if block else []


@cache
def published():
    """The items that are asked, as text, each by its id."""
    return {
        name: entry
        for path in BANKS.values()
        for name, entry in entries(path).items()
        if field(entry, "status") == "published"
    }


@cache
def examined():
    """How many items cite each fact."""
    return Counter(fact for entry in published().values() for fact in set(listed(entry, "cites")))


def facts_by_line():
    """Every line of the notes that the ledger names, read off the files' text, with the facts that name it."""
    found = {}
    for path in LEDGER:
        for fact, entry in entries(path).items():
            block = re.search(r"^  notes_lines:\n((?:    - .*\n)+)", entry, re.MULTILINE)
            for row in block[1].splitlines() if block else ():
                written = row.removeprefix("    - ")
                plain = written[1:-1] if written[0] in "\"'" else written
                found.setdefault(plain.replace('\\"', '"'), set()).add(f"facts#{fact}")
    return found


def lines_of_the_notes():
    """What the notes say, line by line: bullets and blanks taken off, headings left out."""
    rows = (row.strip() for row in NOTES.read_text(encoding="utf-8").splitlines())
    words = [row[1:].lstrip() if row[:1] == "*" else row for row in rows]
    return [row for row in words if row and not row.startswith("#")]


@cache
def quizzes():
    return load_quizzes(ROOT)


@cache
def course():
    return load_course(ROOT)


@cache
def runs_of_the_facts():
    """Every twelve words in a row of the ledger, and the fact they stand in."""
    return {run: fact.id for fact in course().facts for run in runs_of(fact.text)}


def right_response(item):
    """What someone answers who knows, read off the item."""
    match item.kind:
        case "single":
            return {"picked": next(option.id for option in item.options if option.correct)}
        case "multiple":
            return {"picked": [option.id for option in item.options if option.correct]}
        case "true-false":
            reason = next(option.id for option in item.reason.options if option.correct)
            return {"verdict": item.answer, "reason": reason}
        case "ordering":
            return {"order": [step.id for step in item.steps]}
        case "numeric":
            return {"text": f"{item.answer.value} {item.answer.unit}"}
        case "short-text":
            return {"text": item.accept[0]}
        case "matching":
            return {"pairs": {str(place): str(place) for place in range(len(item.pairs))}}
        case "scenario":
            return {"path": right_path(item)}


def right_path(item):
    path, place = [], item.start
    while turn := item.turn(place):
        choice = next(choice for choice in turn.choices if choice.correct)
        path.append(choice.id)
        place = choice.goto
    return path


def runs_of(text):
    """Every twelve words in a row, without marks."""
    words = re.findall(r"[\w.'%/-]*\w", re.sub(r"[*_`>|#]", " ", text).lower())
    return [tuple(words[start : start + 12]) for start in range(len(words) - 11)]


def test_the_check_finds_no_fault_in_the_quizzes():
    faults = [str(fault) for fault in check_course(ROOT).faults]

    assert [fault for fault in faults if fault.startswith("quizzes/") or "notes-examined" in fault] == []


def test_the_engine_reads_the_same_items_with_the_same_citations():
    read = {name: item for name, item in quizzes().items.items() if item.status == "published"}

    assert {name: sorted(item.cites) for name, item in read.items()} == {
        name: sorted(listed(entry, "cites")) for name, entry in published().items()
    }


def test_every_published_item_is_asked():
    served = quizzes().served(course().passage)

    assert sorted(served) == sorted(published())


def test_there_are_two_hundred_items_and_more():
    assert len(published()) >= 200


def test_every_bank_is_known_here():
    assert {path.name for path in QUIZZES.glob("*.yaml")} == {path.name for path in BANKS.values()} | {
        "objectives.yaml",
        "misconceptions.yaml",
    }


@pytest.mark.parametrize("topic", ENOUGH)
def test_a_topic_has_items_enough(topic):
    assert sum(name in published() for name in entries(BANKS[topic])) >= ENOUGH[topic]


@pytest.mark.parametrize("topic", ENOUGH)
def test_most_of_a_topic_asks_for_more_than_remembering(topic):
    levels = [field(entry, "level") for name, entry in entries(BANKS[topic]).items() if name in published()]

    assert set(levels) <= {"remember", "understand", "apply", "analyse"}
    assert sum(level != "remember" for level in levels) >= 0.6 * len(levels)


def test_all_eight_kinds_are_asked_and_the_long_ones_often_enough():
    kinds = Counter(field(entry, "kind") for entry in published().values())

    assert set(kinds) == {
        "single",
        "multiple",
        "true-false",
        "ordering",
        "numeric",
        "short-text",
        "matching",
        "scenario",
    }
    assert kinds["ordering"] + kinds["matching"] >= 15
    assert kinds["numeric"] >= 15
    assert kinds["short-text"] >= 15
    assert kinds["scenario"] >= 6


def test_every_line_of_the_notes_is_examined_by_two_items_and_more():
    tied = facts_by_line()
    counts = {
        line: sum(bool(tied.get(line, set()) & set(listed(entry, "cites"))) for entry in published().values())
        for line in lines_of_the_notes()
    }

    assert len(lines_of_the_notes()) == 54
    assert {line: count for line, count in counts.items() if count < 2} == {}


def test_every_fact_that_corrects_the_notes_is_examined():
    standings = {f"facts#{fact}": field(entry, "status") for path in LEDGER for fact, entry in entries(path).items()}
    corrections = {fact for fact, status in standings.items() if status in {"changed", "retired", "imprecise"}}

    assert len(corrections) >= 40
    assert sorted(fact for fact in corrections if not examined()[fact]) == []


def test_what_hurts_in_production_is_asked_in_two_ways_and_all_else_in_one():
    asked = Counter(field(entry, "objective") for entry in published().values())
    objectives = entries(QUIZZES / "objectives.yaml")
    critical = {name for name, entry in objectives.items() if field(entry, "criticality") == "high"}

    assert critical
    assert asked.keys() == objectives.keys()
    assert {name: asked[name] for name in critical if asked[name] < 2} == {}


def test_no_wrong_belief_is_described_for_nothing():
    named = {
        name for path in BANKS.values() for name in re.findall(r"misconception: ([a-z0-9-]+)", path.read_text("utf-8"))
    }

    assert named == entries(QUIZZES / "misconceptions.yaml").keys()


def test_every_key_is_marked_right():
    marks = {name: grade(item, right_response(item)).mark for name, item in quizzes().items.items()}

    assert {name: mark for name, mark in marks.items() if mark != 1} == {}


def test_every_accepted_wording_is_marked_right():
    wordings = [(item, text) for item in quizzes().items.values() if item.kind == "short-text" for text in item.accept]

    assert len(wordings) >= 15
    assert [(item.id, text) for item, text in wordings if not grade(item, {"text": text}).right] == []


def test_every_distractor_is_marked_wrong():
    picked = [
        (item, option.id)
        for item in quizzes().items.values()
        if item.kind == "single"
        for option in item.options
        if not option.correct
    ]

    assert len(picked) >= 200
    assert [(item.id, option) for item, option in picked if grade(item, {"picked": option}).mark] == []


def test_every_wrong_pick_of_several_costs_something():
    picked = [
        (item, [*(one.id for one in item.options if one.correct), option.id])
        for item in quizzes().items.values()
        if item.kind == "multiple"
        for option in item.options
        if not option.correct
    ]

    assert picked
    assert [item.id for item, picks in picked if grade(item, {"picked": picks}).mark >= 1] == []


def test_every_wrong_verdict_and_every_wrong_reason_costs_something():
    items = [item for item in quizzes().items.values() if item.kind == "true-false"]
    reasons = [(item, option) for item in items for option in item.reason.options if not option.correct]

    said = [grade(item, {**right_response(item), "verdict": not item.answer}).mark for item in items]
    given = [grade(item, {"verdict": item.answer, "reason": option.id}).mark for item, option in reasons]

    assert set(said) == {0}
    assert set(given) == {0.5}


def test_every_known_wrong_value_and_near_miss_is_marked_wrong_and_explained():
    items = quizzes().items.values()
    values = [
        (item, f"{wrong.value} {item.answer.unit}", wrong.why)
        for item in items
        if item.kind == "numeric"
        for wrong in item.wrong_values
    ]
    misses = [(item, miss.text, miss.why) for item in items if item.kind == "short-text" for miss in item.near]

    marked = [(grade(item, {"text": text}), why) for item, text, why in [*values, *misses]]

    assert values
    assert misses
    assert all(one.mark == 0 and one.lines[0].why == why for one, why in marked)


def test_the_right_way_through_an_incident_ends_well():
    incidents = [item for item in quizzes().items.values() if item.kind == "scenario"]

    endings = {item.id: _ending(item) for item in incidents}

    assert len(endings) >= 6
    assert [name for name, ending in endings.items() if not ending or not ending.good] == []


def _ending(item):
    place = item.start
    for name in right_path(item):
        place = next(choice.goto for choice in item.turn(place).choices if choice.id == name)
    return item.ending(place)


@pytest.mark.parametrize("topic", ENOUGH)
def test_stems_and_explanations_are_in_words_of_their_own(topic):
    taken = runs_of_the_facts()
    texts = [
        (item.id, text)
        for item in quizzes().items.values()
        if quizzes().topic(item) == topic
        for text in (item.stem, *item.whys())
    ]

    copied = [(name, taken[run]) for name, text in texts for run in runs_of(text) if run in taken]

    assert copied == []
