"""Quizzes in a terminal: asked line by line, confirmed, and carried to other programs and back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

import pytest

from pgdojo.course.banks import Quizzes, confirm, fingerprint, load_quizzes
from pgdojo.course.items import KINDS, Misconception, Objective
from pgdojo.course.load import load_course
from pgdojo.course.records import Passage
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LOCAL
from pgdojo.quiz.service import Quizmaster
from pgdojo.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow

FACT = """\
- id: oven-heat
  topic: ovens
  subject: "Bread ovens"
  fact: |-
    A bread oven stays hot for 12 hours after the fire is out.
  status: new
  as_of: "2024"
  source: https://example.com/ovens
  source_title: "On ovens"
  confidence: high
  asks: ["How long does a bread oven stay hot?"]
"""

OBJECTIVES = """\
# What a baker does.
- id: oven-plan
  topic: ovens
  objective: Plan a day of baking by the heat that is left.
"""

BANK = f"""\
- id: oven-hours-1
  rev: 1
  kind: numeric
  status: published
  objective: oven-plan
  level: understand
  as_of: "2024"
  review_by: "{datetime.now(UTC):%Y-%m}"
  stem: How long does a bread oven stay hot after the fire is out?
  answer: {{value: 12, unit: hours, tolerance: 0}}
  why: The stones give back what they took in, for half a day.
  cites: [facts#oven-heat]
- id: oven-last-1
  rev: 1
  kind: single
  status: published
  objective: oven-plan
  level: apply
  as_of: "2024"
  review_by: "{datetime.now(UTC):%Y-%m}"
  stem: The fire goes out at six in the morning. What can you still bake after lunch?
  hint: Count from the end of the fire.
  options:
    - {{id: a, text: A loaf of rye, correct: true, why: Seven hours have gone and the stones are still hot.}}
    - {{id: b, text: Nothing at all, why: The heat outlasts the fire by more than a morning.}}
    - {{id: c, text: A second fire, why: A fire is made in an oven and is not baked in it.}}
  cites: [facts#oven-heat]
"""

GIFT = """\
// A question that a teacher wrote in Moodle.
::Baking days::On which day do you bake? {=Friday#Market is on Saturday. ~Sunday#The market is over.}

::Why bake::Say why you bake. {}
"""


@pytest.fixture
def run(tmp_path):
    """Run the command in an empty folder, with the user's folders in `tmp_path`."""
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    here = tmp_path / "here"
    here.mkdir()

    def call(*arguments: str, stdin: str = "", course: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pgdojo", "--course", str(course), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=here,
            env={**os.environ, **home, "PGDOJO_DATABASE_URL": f"sqlite:///{tmp_path}/journal.sqlite3"},
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture
def ovens(course):
    """A course with one fact and two items that rest on it, confirmed by nobody yet."""
    root = course({"facts/ovens.yaml": FACT})
    (root / "quizzes").mkdir()
    (root / "quizzes" / "objectives.yaml").write_text(OBJECTIVES)
    (root / "quizzes" / "ovens.yaml").write_text(BANK)
    return root


@pytest.fixture
def confirmed(ovens):
    """The same course, with both items confirmed."""
    confirm(ovens, load_quizzes(ovens), ["all"], load_course(ovens).passage)
    return ovens


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def journal(tmp_path):
    return Journal.open(f"sqlite:///{tmp_path}/journal.sqlite3")


# A quiz, asked by the command


@pytest.mark.usefixtures("dojo")
def test_three_questions_of_a_topic_are_asked_and_their_answers_are_in_the_journal(run, tmp_path):
    # Whatever is asked, one of these three lines in turn is an answer to it: a verdict, a letter, or a blank.
    typed = "\n".join(islice(cycle(["t", "a", ""]), 300)) + "\n"

    done = run("quiz", "-n", "3", "--topic", "backups", stdin=typed)

    assert done.returncode == 0, done.stderr
    assert re.findall(r"^\d of 3$", done.stdout, re.MULTILINE) == ["1 of 3", "2 of 3", "3 of 3"]
    assert done.stdout.rstrip().endswith(" of 3 marks.")
    with journal(tmp_path) as kept:
        [sitting] = kept.quiz.sittings(LOCAL)
        responses = kept.quiz.responses(LOCAL, sitting.key)
    assert sitting.mode == "practice"
    assert [response.topic for response in responses] == ["backups"] * 3
    assert len({response.objective for response in responses}) == 3


@pytest.mark.usefixtures("dojo")
def test_where_the_input_ends_the_sitting_waits_to_be_taken_up_on_the_page(run, tmp_path):
    done = run("quiz", "-n", "2", "--topic", "ha", "--topic", "backups", stdin="")

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("The sitting waits for you on the page Quiz.\n")
    with journal(tmp_path) as kept:
        course = load_course(ROOT)
        waiting = Quizmaster(load_quizzes(ROOT), course.passage, kept.quiz).under_way(LOCAL)
    assert (waiting.place, waiting.total, waiting.sitting.plan["topics"]) == (0, 2, ["ha", "backups"])


@pytest.mark.usefixtures("dojo")
def test_an_unknown_topic_names_the_known_ones_and_begins_nothing(run, tmp_path):
    done = run("quiz", "--topic", "backpus")

    assert done.returncode == 2
    assert done.stderr.startswith("pgdojo: There is no topic backpus. Choose among ")
    assert {"aurora,", "backups,", "ha,"} <= set(done.stderr.split())
    assert done.stdout == ""
    with journal(tmp_path) as kept:
        assert kept.quiz.sittings(LOCAL) == []


@pytest.mark.parametrize("count", ["0", "101", "many"])
def test_a_number_of_questions_that_makes_no_sense_is_refused(run, count):
    done = run("quiz", "-n", count)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


# Each kind, answered by typing


def option(name, text, *, correct=False, **more):
    return {"id": name, "text": text, "why": f"Because of {text.lower()}.", "correct": correct, **more}


THREE = [option("a", "Stone", correct=True), option("b", "Straw", misconception="straw-holds"), option("c", "Paper")]

ITEMS = {
    "single": {"options": THREE},
    "multiple": {"options": [*THREE[:2], option("c", "Brick", correct=True), option("d", "Wool")]},
    "true-false": {
        "answer": False,
        "why_true": "Straw burns before it is warm.",
        "why_false": "Stone is what holds the heat.",
        "reason": {"ask": "Why?", "options": THREE},
    },
    "ordering": {
        "why": "What burns must burn first.",
        "steps": [
            {"id": "s1", "text": "Light the fire", "why": "It takes an hour."},
            {"id": "s2", "text": "Sweep the ash", "why": "Bread lies on the stones."},
            {"id": "s3", "text": "Bake the bread", "why": "The stones are hot."},
        ],
    },
    "numeric": {
        "answer": {"value": 12, "unit": "hours", "tolerance": 0},
        "wrong_values": [{"value": 6, "why": "That is half of it."}],
        "why": "The stones give it back slowly.",
    },
    "short-text": {
        "accept": ["rye"],
        "near": [{"text": "rice", "why": "No loaf is made of it."}],
        "why": "It bakes longest.",
    },
    "matching": {
        "pairs": [
            {"left": "Monday", "right": "Rye", "why": "It keeps a week."},
            {"left": "Friday", "right": "Wheat", "why": "It is eaten fresh."},
            {"left": "Sunday", "right": "Cake", "why": "Guests come."},
        ],
        "extra": [
            {"text": text, "why": f"Nobody bakes {text.lower()}."} for text in ("Ice", "Soup", "Salt", "Snow", "Tea")
        ],
    },
    "scenario": {
        "start": "t1",
        "turns": [
            {
                "id": "t1",
                "ask": "The oven smokes. What do you do?",
                "choices": [
                    option("a", "Open the flue", correct=True, then="The smoke is gone.", goto="good"),
                    option("b", "Close the door", then="Now the room is full of it.", goto="t2", minutes_down=5),
                ],
            },
            {
                "id": "t2",
                "ask": "It smokes still. And now?",
                "choices": [
                    option("a", "Open the flue late", correct=True, then="At last.", goto="good"),
                    option("b", "Leave the house", then="You wait outside.", goto="bad"),
                ],
            },
        ],
        "endings": [
            {"id": "good", "good": True, "say": "There is bread."},
            {"id": "bad", "good": False, "say": "None."},
        ],
    },
}

WORDS = Passage(
    id="facts#oven-heat",
    document="knowledge/facts/ovens.yaml",
    title="Facts",
    heading=(),
    text="A bread oven stays hot for 12 hours.",
    first_line=5,
    kind="fact",
    sentences=(),
)


def find(name):
    return WORDS if name == WORDS.id else None


def quizmaster(tmp_path, kinds: Sequence[str] = tuple(ITEMS)) -> Quizmaster:
    """A Quizmaster over one item of each of `kinds`, each with an objective of its own, and a real journal."""
    items = {}
    for kind in kinds:
        common = {"id": f"oven-{kind}", "rev": 1, "kind": kind, "status": "published", "objective": f"know-{kind}"}
        common |= {"level": "apply", "as_of": "2024", "review_by": "2027", "cites": [WORDS.id]}
        stem = f"What does a baker know of `{kind}`?"
        items[f"oven-{kind}"] = KINDS[kind].model_validate({**common, "stem": stem, **ITEMS[kind]})
    belief = Misconception(id="straw-holds", name="Straw holds the heat", instead="Stone does; straw burns.")
    quizzes = Quizzes(
        objectives={
            item.objective: Objective(id=item.objective, topic="ovens", objective="Know it.") for item in items.values()
        },
        misconceptions={belief.id: belief},
        items=items,
        lock={name: {WORDS.id: fingerprint(WORDS)} for name in items},
    )
    return Quizmaster(quizzes, find, journal(tmp_path).quiz)


class Typist:
    """Types what was prepared; texts are typed as the letters under which they were last offered.

    A list is such texts in a row, a dict such a text for each prompt that may come.
    """

    def __init__(self, *lines: str | list[str] | dict[str, str]) -> None:
        self.lines = list(lines)
        self.said: list[str] = []
        self.prompts: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def ask(self, prompt: str) -> str:
        self.prompts.append(prompt)
        if not self.lines:
            raise EOFError
        line = self.lines.pop(0)
        if isinstance(line, dict):
            line = [line[prompt.split(" (", maxsplit=1)[0]]]
        return line if isinstance(line, str) else "".join(map(self._letter, line))

    def _letter(self, text: str) -> str:
        offered = next(said for said in reversed(self.said) if said.endswith(f") {text}"))
        return offered.strip()[0]

    def sit(self, master: Quizmaster, key: str = "one"):
        return Terminal(master, "ann", self.ask, self.say).sit(key)


RIGHT_PAIRS = {"Monday": "Rye", "Friday": "Wheat", "Sunday": "Cake"}
TWO_PAIRS = RIGHT_PAIRS | {"Sunday": "Soup"}

TYPED = {
    "the right option": ("single", [["Stone"], "sure"], 1),
    "a wrong option": ("single", [["Straw"], "sure"], 0),
    "every right option": ("multiple", [["Brick", "Stone"], ""], 1),
    "one of two right options": ("multiple", [["Brick"], ""], 0.5),
    "a right and a wrong option": ("multiple", [["Brick", "Straw"], ""], 0),
    "the verdict and its reason": ("true-false", ["F", ["Stone"], ""], 1),
    "the verdict without its reason": ("true-false", ["false", ["Paper"], ""], 0.5),
    "the wrong verdict with the right reason": ("true-false", ["t", ["Stone"], ""], 0),
    "the right order": ("ordering", [["Light the fire", "Sweep the ash", "Bake the bread"], ""], 1),
    "an order with one pair of neighbours": (
        "ordering",
        [["Bake the bread", "Light the fire", "Sweep the ash"], ""],
        0.5,
    ),
    "a number in another unit": ("numeric", ["0.5 days", "fairly"], 1),
    "a wrong number": ("numeric", ["6", ""], 0),
    "a word in capitals": ("short-text", [" RYE. ", ""], 1),
    "a near miss": ("short-text", ["rice", ""], 0),
    "every pair": ("matching", [RIGHT_PAIRS] * 3 + [""], 1),
    "two pairs of three": ("matching", [TWO_PAIRS] * 3 + [""], 2 / 3),
    "the right choice in an incident": ("scenario", [["Open the flue"], ""], 1),
    "one right choice of two": ("scenario", [["Close the door"], ["Open the flue late"], ""], 0.5),
}


@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_is_marked(typed, tmp_path):
    kind, lines, mark = TYPED[typed]
    master = quizmaster(tmp_path, [kind])
    master.start("one", "ann", "practice")
    typist = Typist(*lines)

    result = typist.sit(master)

    [response] = master.journal.responses("ann", "one")
    assert typist.lines == []
    assert response.mark == pytest.approx(mark)
    assert result.score == pytest.approx(mark)


def test_all_that_can_be_matched_is_offered_under_a_letter_of_its_own(tmp_path):
    master = quizmaster(tmp_path, ["matching"])
    master.start("one", "ann", "practice")
    typist = Typist()

    with pytest.raises(EOFError):
        typist.sit(master)

    offered = dict(said.strip().split(") ") for said in typist.said if said.startswith("  "))
    assert list(offered) == list("abcdefgh")
    assert set(offered.values()) == {"Rye", "Wheat", "Cake", "Ice", "Soup", "Salt", "Snow", "Tea"}


@pytest.mark.parametrize("kind", [kind for kind in ITEMS if kind != "scenario"])
def test_enter_alone_leaves_a_question_blank(kind, tmp_path):
    master = quizmaster(tmp_path, [kind])
    master.start("one", "ann", "practice")

    result = Typist(*[""] * 4).sit(master)

    [response] = master.journal.responses("ann", "one")
    assert (response.given, response.certainty, result.score) == ({}, "unsaid", 0)


NONSENSE = {
    "a letter that nothing has": ("single", ["z", ["Stone"], ""], "  Type one of a, b, c."),
    "letters of which one stands for nothing": (
        "multiple",
        ["az", ["Brick", "Stone"], ""],
        "  Type letters of a, b, c, d.",
    ),
    "neither true nor false": ("true-false", ["yes", "f", ["Stone"], ""], "  Type t or f."),
    "an order that lacks a step": (
        "ordering",
        ["ab", [s["text"] for s in ITEMS["ordering"]["steps"]], ""],
        "  Type each letter once.",
    ),
    "nothing in an incident": ("scenario", ["", ["Open the flue"], ""], "  Choose what you do first."),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_what_cannot_be_an_answer_is_asked_for_again(nonsense, tmp_path):
    kind, lines, told = NONSENSE[nonsense]
    master = quizmaster(tmp_path, [kind])
    master.start("one", "ann", "practice")
    typist = Typist(*lines)

    result = typist.sit(master)

    assert told in typist.said
    assert result.score == 1


@pytest.mark.parametrize(
    ("typed", "certainty"), [("u", "unsure"), ("Fairly", "fairly"), ("sure", "sure"), ("dunno", "unsaid")]
)
def test_how_sure_one_is_can_be_said_in_a_letter_or_a_word(typed, certainty, tmp_path):
    master = quizmaster(tmp_path, ["short-text"])
    master.start("one", "ann", "practice")

    Typist("rye", typed).sit(master)

    assert master.journal.responses("ann", "one")[0].certainty == certainty


def test_a_wrong_answer_is_told_why_with_the_belief_behind_it_and_the_words_it_rests_on(tmp_path):
    master = quizmaster(tmp_path, ["single"])
    master.start("one", "ann", "practice")
    typist = Typist(["Straw"], "sure")

    typist.sit(master)

    assert typist.said[-5:] == [
        "\nNot yet.",
        "  - Straw: Because of straw.",
        "  + Stone: Because of stone.",
        "  Straw holds the heat? Stone does; straw burns.",
        "  “A bread oven stays hot for 12 hours.” (knowledge/facts/ovens.yaml, line 5)",
    ]


def test_an_answer_that_is_partly_right_says_how_it_is_marked(tmp_path):
    master = quizmaster(tmp_path, ["true-false"])
    master.start("one", "ann", "practice")
    typist = Typist("f", ["Paper"], "")

    typist.sit(master)

    assert "\nPartly right. The verdict alone is half the mark, with its reason it is the whole." in typist.said


def test_an_incident_tells_after_each_choice_what_happens_and_at_last_how_it_ended(tmp_path):
    master = quizmaster(tmp_path, ["scenario"])
    master.start("one", "ann", "practice")
    typist = Typist(["Close the door"], ["Leave the house"], "")

    typist.sit(master)

    told = [said for said in typist.said if said in {"  Now the room is full of it.", "  You wait outside.", "  None."}]
    assert told == ["  Now the room is full of it.", "  You wait outside.", "  None."]
    assert typist.said.count("What does a baker know of scenario?") == 1


def test_neither_key_nor_reason_is_said_before_the_answer(tmp_path):
    master = quizmaster(tmp_path)
    master.start("one", "ann", "practice", items=["oven-single"])
    typist = Typist()

    with pytest.raises(EOFError):
        typist.sit(master)

    assert len(typist.said) == 5  # the place, the stem, three options
    assert not any("Because" in said or "+" in said for said in typist.said)


def test_an_exam_tells_nothing_before_its_end(tmp_path):
    master = quizmaster(tmp_path, ["single", "short-text"])
    master.start("one", "ann", "exam", items=["oven-single", "oven-short-text"])
    typist = Typist(["Straw"], "", "rye", "")

    result = typist.sit(master)

    assert not any("Not yet." in said for said in typist.said)
    assert (result.score, result.passed) == (0.5, False)


def test_a_sitting_that_was_left_goes_on_at_the_question_it_was_left_at(tmp_path):
    master = quizmaster(tmp_path, ["single", "short-text"])
    master.start("one", "ann", "practice", items=["oven-single", "oven-short-text"])
    first, second = Typist(["Stone"], "sure"), Typist("rye", "")

    with pytest.raises(EOFError):
        first.sit(master)
    waiting = master.under_way("ann")
    result = second.sit(master)

    assert (waiting.place, waiting.total) == (1, 2)
    assert second.said[:2] == ["\n2 of 2", "What does a baker know of short-text?"]
    assert result.score == 1
    assert master.under_way("ann") is None


def test_an_incident_that_was_left_goes_on_at_its_turn(tmp_path):
    master = quizmaster(tmp_path, ["scenario"])
    master.start("one", "ann", "practice")
    second = Typist(["Open the flue late"], "")

    with pytest.raises(EOFError):
        Typist(["Close the door"]).sit(master)
    second.sit(master)

    assert second.said[0] == "It smokes still. And now?"
    assert master.journal.responses("ann", "one")[0].given == {"path": ["b", "a"]}


# An author confirms


def test_an_item_that_nobody_confirmed_is_a_fault_that_names_the_command(run, ovens):
    done = run("check", course=ovens)

    assert done.returncode == 1
    assert done.stdout == "0 documents, 1 facts, 0 terms, 0 foreign subjects, 2 quiz items: 2 faults.\n"
    assert (
        "pgdojo: quizzes/ovens.yaml, line 1, oven-hours-1: confirmed: no author has confirmed it yet. "
        "Run pgdojo check --confirm oven-hours-1.\n"
    ) in done.stderr


def test_one_item_is_confirmed_and_the_other_is_still_a_fault(run, ovens):
    done = run("check", "--confirm", "oven-hours-1", course=ovens)

    assert done.returncode == 1
    assert "pgdojo: Confirmed 1 item.\n" in done.stderr
    assert "oven-last-1: confirmed:" in done.stderr
    assert "oven-hours-1: confirmed:" not in done.stderr
    assert set(load_quizzes(ovens).lock) == {"oven-hours-1"}


@pytest.mark.parametrize("names", [["all"], ["oven-hours-1", "oven-last-1"]])
def test_all_items_are_confirmed_by_one_word_or_by_their_names(run, ovens, names):
    done = run("check", *(part for name in names for part in ("--confirm", name)), course=ovens)

    assert done.returncode == 0, done.stderr
    assert "pgdojo: Confirmed 2 items.\n" in done.stderr
    assert done.stdout.endswith("2 quiz items: no faults.\n")
    assert "Confirmed 0 items." in run("check", "--confirm", "all", course=ovens).stderr


def test_an_item_whose_passage_has_changed_is_a_fault_until_it_is_confirmed_again(run, confirmed):
    facts = confirmed / "knowledge" / "facts" / "ovens.yaml"
    facts.write_text(FACT.replace("after the fire", "once the fire"))

    changed = run("check", course=confirmed)

    assert changed.returncode == 1
    assert (
        "pgdojo: quizzes/ovens.yaml, line 12, oven-hours-1: confirmed: facts#oven-heat has changed since the item was "
        "confirmed, so that it is not asked. Read both, then run pgdojo check --confirm oven-hours-1.\n"
    ) in changed.stderr
    assert run("check", "--confirm", "all", course=confirmed).returncode == 0


def test_a_passage_that_is_only_moved_leaves_its_items_confirmed(run, confirmed):
    facts = confirmed / "knowledge" / "facts" / "ovens.yaml"
    facts.write_text("# Of stone.\n\n" + FACT)

    assert run("check", course=confirmed).returncode == 0


def test_an_unknown_item_offers_the_nearest_and_writes_nothing(run, ovens):
    before = files(ovens / "quizzes")

    done = run("check", "--confirm", "oven-last-1", "--confirm", "oven-hour-1", course=ovens)

    assert done.returncode == 2
    assert done.stderr == "pgdojo: There is no item oven-hour-1. Did you mean oven-hours-1?\n"
    assert files(ovens / "quizzes") == before


def test_an_item_that_cites_nothing_there_is_cannot_be_confirmed(run, ovens):
    bank = ovens / "quizzes" / "ovens.yaml"
    bank.write_text(BANK.replace("facts#oven-heat]\n- id", "facts#oven-heet]\n- id"))
    before = files(ovens / "quizzes")

    done = run("check", "--confirm", "all", course=ovens)

    assert done.returncode == 2
    assert done.stderr == "pgdojo: oven-hours-1 cites facts#oven-heet, which does not exist. Cite what is there.\n"
    assert files(ovens / "quizzes") == before


# Out, and in


SCOPE = "every item: level, difficulty, objective, scope and review date"

REPORTS = {
    "gift": ("quizzes.gift.txt", [SCOPE, "oven-last-1: hint", "oven-hours-1: unit"]),
    "anki": ("quizzes.apkg", ["every item: marking"]),
    "csv": ("quizzes.csv", []),
    "qti": ("quizzes.zip", [SCOPE, "oven-hours-1: conversion of units", "oven-last-1: hint"]),
}


@pytest.mark.parametrize("form", REPORTS)
def test_quiz_items_are_written_with_a_report_of_what_was_lost(form, run, confirmed, tmp_path):
    name, lost = REPORTS[form]

    done = run("export", "quizzes", "--format", form, course=confirmed)

    first, *rest = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert first.startswith(f"2 items written to {name}.")
    assert sorted(line.removeprefix("- ").rsplit(": ", 1)[0] for line in rest) == sorted(lost)
    assert [path.name for path in (tmp_path / "here").iterdir()] == [name]


def test_an_export_goes_where_it_is_told_and_replaces_what_stands_there(run, confirmed, tmp_path):
    target = tmp_path / "here" / "out.csv"
    target.write_text("old")

    done = run("export", "quizzes", "out.csv", "--format", "csv", course=confirmed)

    assert done.stdout == "2 items written to out.csv. Nothing was lost.\n"
    assert target.read_text(encoding="utf-8-sig").count("oven-") >= 2
    assert [path.name for path in target.parent.iterdir()] == ["out.csv"]


def test_an_item_in_quarantine_is_not_exported(run, ovens):
    confirm(ovens, load_quizzes(ovens), ["oven-last-1"], load_course(ovens).passage)

    done = run("export", "quizzes", "--format", "csv", course=ovens)

    assert done.stdout.startswith("1 item written to quizzes.csv.")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--format", "gitf"], "There is no format gitf. Did you mean gift?"),
        (["--format", "word"], "There is no format word. Choose one of gift, anki, csv, qti."),
        (["nowhere/out.csv", "--format", "csv"], "nowhere/out.csv cannot be written (No such file or directory). "),
    ],
)
def test_an_export_that_cannot_be_done_says_why_and_leaves_nothing(run, confirmed, tmp_path, arguments, complaint):

    done = run("export", "quizzes", *arguments, course=confirmed)

    assert done.returncode == 2
    assert done.stderr.startswith(f"pgdojo: {complaint}")
    assert done.stdout == ""
    assert list((tmp_path / "here").iterdir()) == []


def test_nothing_is_exported_where_nothing_is_confirmed(run, ovens, tmp_path):
    done = run("export", "quizzes", course=ovens)

    assert done.returncode == 2
    assert done.stderr.startswith("pgdojo: There is nothing to export: no item is published and confirmed.")
    assert list((tmp_path / "here").iterdir()) == []


def test_a_gift_file_becomes_a_bank_of_drafts_that_the_check_reads(run, ovens, tmp_path):
    (tmp_path / "here" / "market.gift").write_text(GIFT)

    done = run("import", "quizzes", "market.gift", course=ovens)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"1 item written to {ovens.resolve() / 'quizzes' / 'market.yaml'}.")
    assert "- Why bake: essay on line 4: left out, because an essay cannot be marked\n" in done.stdout
    drafts = {name: item for name, item in load_quizzes(ovens).items.items() if not name.startswith("oven-")}
    assert {name: (item.status, item.key_texts()) for name, item in drafts.items()} == {
        "baking-days": ("draft", ("Friday",))
    }
    checked = run("check", course=ovens)
    assert "3 quiz items: " in checked.stdout
    assert "baking-days: cites-resolve: there is no passage notes#to-be-cited." in checked.stderr


def test_an_import_keeps_every_word_of_the_objectives(run, ovens, tmp_path):
    (tmp_path / "here" / "market.gift").write_text(GIFT)

    run("import", "quizzes", "market.gift", course=ovens)

    written = (ovens / "quizzes" / "objectives.yaml").read_text()
    assert written.startswith(OBJECTIVES)
    assert "- id: imported\n" in written.removeprefix(OBJECTIVES)


def test_what_was_exported_comes_back_as_drafts(run, confirmed):
    run("export", "quizzes", "back.gift", course=confirmed)

    done = run("import", "quizzes", "back.gift", course=confirmed)

    assert done.returncode == 0, done.stderr
    after = load_quizzes(confirmed).items
    original, came_back = after["oven-last-1"], after["oven-last-1-2"]
    assert set(after) == {"oven-hours-1", "oven-last-1", "oven-hours-1-2", "oven-last-1-2"}
    assert came_back.status == "draft"
    assert (came_back.stem, came_back.options, came_back.hint) == (original.stem, original.options, original.hint)


BAD_IMPORTS = {
    "a file that is not there": ("none.gift", None, 2, "none.gift cannot be read (No such file or directory)."),
    "a question that does not end": ("a.gift", "::One::What? {=Yes", 1, "a.gift, line 1"),
    "nothing but an essay": ("a.gift", "::One::Say why. {}", 2, "There is nothing to import in a.gift."),
    "the name of a bank there is": ("ovens.gift", GIFT, 2, "quizzes/ovens.yaml exists or is no name for a bank."),
    "the name of the objectives": (
        "objectives.gift",
        GIFT,
        2,
        "quizzes/objectives.yaml exists or is no name for a bank.",
    ),
    "bytes that are no text": ("a.gift", b"\xff\xfe", 1, "a.gift, line 1: a byte here is not UTF-8."),
}


@pytest.mark.parametrize("case", BAD_IMPORTS)
def test_an_import_that_fails_says_why_and_leaves_the_course_as_it_was(run, ovens, tmp_path, case):
    name, content, code, complaint = BAD_IMPORTS[case]
    if content is not None:
        (tmp_path / "here" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = files(ovens / "quizzes")

    done = run("import", "quizzes", name, course=ovens)

    assert done.returncode == code
    assert done.stderr.startswith(f"pgdojo: {complaint}")
    assert done.stdout == ""
    assert files(ovens / "quizzes") == before


@pytest.mark.parametrize("arguments", [["export"], ["import"], ["export", "labs"], ["import", "quizzes"]])
def test_a_command_that_lacks_a_part_is_wrong_use(run, arguments):
    done = run(*arguments)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
