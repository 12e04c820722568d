"""Whatever can go wrong in a quiz item is caught by the name of its rule, at its line; a sound item is left alone."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pgdojo.course.banks import confirm, load_quizzes
from pgdojo.course.check import check_course
from pgdojo.course.item_rules import RULES
from pgdojo.course.load import load_course
from pgdojo.quiz.near import near_duplicates

NOTES = "# Ovens\n\n* Ovens reach 200 degrees\n* Wood is cheap\n"

FACTS = """- id: oven-heat
  topic: oven
  subject: Heat
  fact: An oven reaches 250 degrees after 20 minutes of heating.
  notes_lines: [Ovens reach 200 degrees]
  status: changed
  as_of: "2024-03"
  source: https://x.example/heat
  source_title: Heat
  confidence: high
- id: oven-wood
  topic: oven
  subject: Fuel
  fact: Wood is the cheapest fuel, and it leaves ash behind.
  notes_lines: [Wood is cheap]
  status: unchanged
  as_of: "2024-03"
  source: https://x.example/wood
  source_title: Wood
  confidence: high
- id: oven-limit
  topic: oven
  subject: Settings
  fact: The setting oven.max_heat keeps the temperature below a limit.
  status: new
  as_of: "2024-03"
  source: https://x.example/limit
  source_title: Limit
  confidence: high
"""

OBJECTIVES = """- id: oven-plan-baking
  topic: oven
  objective: Plan the baking of a loaf.
  criticality: high
- id: oven-choose-fuel
  topic: oven
  objective: Choose a fuel for an oven.
- id: oven-limit-heat
  topic: oven
  objective: Limit the heat of an oven.
- id: oven-handle-smoke
  topic: oven
  objective: Handle smoke in the bakery.
"""

MISCONCEPTIONS = """- id: heat-is-instant
  name: An oven is hot at once
  instead: The walls take a while to warm through.
- id: more-heat-is-faster
  name: More heat bakes faster
  instead: The crust burns before the crumb is done.
"""

COMMON = """  rev: 1
  status: published
  as_of: "2024-03"
  review_by: "2025-01"
"""

SINGLE = f"""- id: oven-single
  kind: single
{COMMON}  objective: oven-plan-baking
  level: apply
  stem: The guests come at noon. When do you put the loaf in?
  cites: [facts#oven-heat]
  options:
    - id: a
      text: Once the walls are warm
      correct: true
      why: A loaf that waits for the heat dries out.
    - id: b
      text: As soon as it is lit
      why: The walls are still cold at this moment.
      misconception: heat-is-instant
    - id: c
      text: At the highest setting
      why: The crust is black before the crumb is done.
      misconception: more-heat-is-faster
"""

MULTIPLE = f"""- id: oven-multiple
  kind: multiple
{COMMON}  objective: oven-choose-fuel
  level: understand
  stem: Which of these hold for a fire of logs?
  cites: [facts#oven-wood]
  options:
    - id: a
      text: It costs little
      correct: true
      why: No other fuel is sold for less.
    - id: b
      text: It leaves ash
      correct: true
      why: What does not burn stays on the floor.
    - id: c
      text: It needs a cable
      why: That would be an oven with a plug.
"""

TRUE_FALSE = f"""- id: oven-verdict
  kind: true-false
{COMMON}  objective: oven-choose-fuel
  level: analyse
  stem: A baker who counts every coin burns logs.
  cites: [facts#oven-wood]
  answer: true
  why_true: No other fuel is cheaper than that.
  why_false: You may think of the price of gas.
  reason:
    ask: Why?
    options:
      - id: a
        text: They cost the least
        correct: true
        why: The price alone decides for this baker.
      - id: b
        text: They burn the longest
        why: How long they burn is another matter.
      - id: c
        text: They make no dirt
        why: They leave ash on the oven's floor.
"""

ORDERING = f"""- id: oven-order
  kind: ordering
{COMMON}  objective: oven-handle-smoke
  level: apply
  stem: Put the steps of baking in order.
  cites: [facts#oven-heat]
  why: Each step needs what came before it.
  steps:
    - id: light
      text: Light the fire
      why: Nothing warms up without a fire.
    - id: wait
      text: Wait for the walls
      why: The walls give the heat back evenly.
    - id: bake
      text: Put the loaf in
      why: Only now is the oven ready for it.
"""

NUMERIC = f"""- id: oven-minutes
  kind: numeric
{COMMON}  objective: oven-plan-baking
  level: remember
  stem: How long does an oven take to reach its heat?
  hint: It is less than an hour.
  cites: [facts#oven-heat]
  answer: {{value: 20, unit: minutes, tolerance: 2}}
  wrong_values:
    - value: 5
      why: So long takes a pan on a stove.
  why: The walls have warmed through by then.
"""

SHORT_TEXT = f"""- id: oven-setting
  kind: short-text
{COMMON}  objective: oven-limit-heat
  level: remember
  stem: Which setting keeps the temperature below a limit?
  cites: [facts#oven-limit]
  accept: [oven.max_heat, max_heat]
  near:
    - text: oven.min_heat
      why: It keeps the oven from going cold.
  why: The oven stops heating at this value.
"""

MATCHING = f"""- id: oven-match
  kind: matching
{COMMON}  objective: oven-choose-fuel
  level: understand
  stem: Match each fuel with what it leaves.
  cites: [facts#oven-wood]
  pairs:
    - left: Wood
      right: Ash
      why: It stays on the floor of the oven.
    - left: Gas
      right: Water
      why: It leaves through the flue as steam.
    - left: A cable
      right: Nothing
      why: What it leaves stays at the plant.
  extra:
    - text: Sand
      why: No fuel of these leaves any of it.
"""

SCENARIO = f"""- id: oven-smoke
  kind: scenario
{COMMON}  objective: oven-handle-smoke
  level: analyse
  stem: Smoke fills the bakery, and the loaf is still inside.
  cites: [facts#oven-heat]
  start: smoke
  turns:
    - id: smoke
      ask: What do you do first?
      choices:
        - id: a
          text: Open the flue
          correct: true
          why: The smoke leaves the way it should.
          then: The air clears.
          goto: loaf
        - id: b
          text: Leave the bakery
          why: Nobody looks after the fire any more.
          then: The loaf burns.
          goto: burnt
    - id: loaf
      ask: And the loaf?
      choices:
        - id: a
          text: Take it out
          correct: true
          why: It has had all the heat it needs.
          then: It is brown.
          goto: saved
        - id: b
          text: Leave it in
          why: Another hour would turn it into coal.
          then: It is black.
          goto: burnt
  endings:
    - {{id: saved, good: true, say: There is bread.}}
    - {{id: burnt, good: false, say: There is coal.}}
"""

BANK = f"{SINGLE}\n{MULTIPLE}\n{TRUE_FALSE}\n{ORDERING}\n{NUMERIC}\n{SHORT_TEXT}\n{MATCHING}\n{SCENARIO}"

FILES = {
    "knowledge/notes.md": NOTES,
    "knowledge/facts/oven.yaml": FACTS,
    "quizzes/objectives.yaml": OBJECTIVES,
    "quizzes/misconceptions.yaml": MISCONCEPTIONS,
    "quizzes/oven.yaml": BANK,
}


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def confirmed_course(root):
    """The sound course, its eight items confirmed by their author."""
    write(root, FILES)
    confirm(root, load_quizzes(root), ["all"], load_course(root).passage)
    return root


def changed_course(root, file, *changes):
    """The sound course with `changes` in one file: what stood there once, and what stands there now."""
    confirmed_course(root)
    text = FILES[file]
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (root / file).write_text(text, encoding="utf-8")
    return text


def line_of(text, item, beginning=""):
    """1-based number of the first line at or below the top of `item` that begins with `beginning`."""
    rows = text.split("\n")
    top = rows.index(f"- id: {item}")
    return next(number for number, row in enumerate(rows[top:], top + 1) if row.strip().startswith(beginning))


def said(root):
    return [str(fault) for fault in check_course(root).faults]


def test_the_sound_course_has_an_item_of_each_kind_and_no_fault(tmp_path):
    root = confirmed_course(tmp_path)

    report = check_course(root)

    assert report.faults == ()
    assert report.summary == "1 documents, 3 facts, 0 terms, 0 foreign subjects, 8 quiz items: no faults."


STEM = "stem: The guests come at noon. When do you put the loaf in?"
KEY = "text: Once the walls are warm"
SECOND = "text: As soon as it is lit"
THIRD = "text: At the highest setting"
REVIEW = 'review_by: "2025-01"\n  objective: oven-limit-heat'


def options(first, second, third):
    """The three options of the single item with other texts."""
    return ((KEY, f"text: {first}"), (SECOND, f"text: {second}"), (THIRD, f"text: {third}"))


PLANTED = {
    "an objective that nobody wrote down": (
        (("oven-limit-heat", "oven-limit-heet"),),
        "objective: oven-limit-heet",
        ("oven-setting, field objective: objective-known: there is no objective oven-limit-heet. "
        "Did you mean oven-limit-heat?"),
    ),
    "a stem of three words": (
        ((STEM, "stem: When to bake?"),),
        "stem: When to bake?",
        "oven-single: whole-stem: the stem has 3 words, not 5 to 60.",
    ),
    "a stem that nobody reads to its end": (
        ((STEM, f"stem: {'Guests come and go. ' * 16}When is it?"),),
        "stem: Guests come",
        "oven-single: whole-stem: the stem has 67 words, not 5 to 60.",
    ),
    "a stem that is cut off": (
        ((STEM, "stem: The guests come at noon, and the loaf"),),
        "stem: The guests come at noon, and the loaf",
        ("oven-single: whole-stem: the stem is no whole question or task; end it with a question mark, a full stop or "
        "a colon."),
    ),
    "a question with a not that is overlooked": (
        ((STEM, "stem: The guests come at noon. When do you not put the loaf in?"),),
        "stem: The guests come at noon. When do you not",
        "oven-single: no-negation: “not” in the question is easily overlooked; turn it round or set it in **bold**.",
    ),
    "a question with a shortened not": (
        ((STEM, "stem: When don't you put the loaf in?"),),
        "stem: When don't",
        "oven-single: no-negation: “n't” in the question is easily overlooked; turn it round or set it in **bold**.",
    ),
    "two options to choose from": (
        (
            (
                ("    - id: c\n      text: At the highest setting\n"
                "      why: The crust is black before the crumb is done.\n"
                "      misconception: more-heat-is-faster\n"),
                "",
            ),
        ),
        "",
        "oven-single: three-options: there are 2 to choose from, not 3 to 5.",
    ),
    "two steps to put in order": (
        (
            (
                "    - id: bake\n      text: Put the loaf in\n      why: Only now is the oven ready for it.\n",
                "",
            ),
        ),
        "",
        "oven-order: three-options: there are 2 to choose from, not 3 to 7.",
    ),
    "two pairs to match": (
        (("    - left: Gas\n      right: Water\n      why: It leaves through the flue as steam.\n", ""),),
        "",
        "oven-match: three-options: there are 2 to choose from, not 3 to 6.",
    ),
    "a turn that leaves no choice": (
        (
            (
                ("        - id: b\n          text: Leave it in\n"
                "          why: Another hour would turn it into coal.\n"
                "          then: It is black.\n          goto: burnt\n"),
                "",
            ),
        ),
        "",
        "oven-smoke: three-options: there are 1 to choose from, not 2 to 4.",
    ),
    "a single item with two keys": (
        ((SECOND, f"{SECOND}\n      correct: true"),),
        "- id: a",
        "oven-single: one-key: 2 options are marked correct; one must be. Where more are, set kind: multiple.",
    ),
    "a multiple item that is right all over": (
        (("text: It needs a cable", "text: It needs a cable\n      correct: true"),),
        "- id: a",
        "oven-multiple: one-key: some options must be correct and some not.",
    ),
    "a reason that nobody can give": (
        (("text: They cost the least\n        correct: true", "text: They cost the least"),),
        "",
        "oven-verdict: one-key: 0 options are marked correct; one must be. Where more are, set kind: multiple.",
    ),
    "an id of two options": (
        ((f"- id: b\n      {SECOND}", f"- id: a\n      {SECOND}"),),
        "",
        "oven-single: id-once: the id a stands 2 times in one list.",
    ),
    "an id of two steps": (
        (("- id: wait", "- id: light"),),
        "",
        "oven-order: id-once: the id light stands 2 times in one list.",
    ),
    "an id of a turn and an ending": (
        (("{id: burnt, good", "{id: loaf, good"),),
        "",
        "oven-smoke: id-once: the id loaf stands 2 times in one list.",
    ),
    "an option that stands for the others": (
        ((THIRD, "text: None of these"),),
        "- id: a",
        "oven-single: no-all-of-the-above: “None of these” stands for other options; write what it means.",
    ),
    "a key that is found by its length": (
        ((KEY, "text: Once the walls are warm right through to the very last of the bricks"),),
        "- id: a",
        "oven-single: key-not-longest: the key has 68 characters, the longest distractor 22; its length gives it away.",
    ),
    "a key that repeats a rare word of the stem": (
        ((STEM, "stem: The guests come at noon. What tells you to start?"), (KEY, "text: When guests knock")),
        "- id: a",
        "oven-single: no-echo: the key repeats “guests” of the stem, and no distractor does.",
    ),
    "one number among texts": (
        ((THIRD, 'text: "20 minutes"'),),
        "- id: a",
        "oven-single: one-kind-of-option: one option is a number and the others are not; make them alike.",
    ),
    "one piece of code among texts": (
        ((THIRD, 'text: "`oven.start`"'),),
        "- id: a",
        "oven-single: one-kind-of-option: one option is code and the others are not; make them alike.",
    ),
    "a distractor that is too sure of itself": (
        ((THIRD, "text: Always at the start"),),
        "- id: a",
        "oven-single: no-absolutes: “Always” stands in a distractor alone, which gives it away.",
    ),
    "a wrong belief that nobody described": (
        (("misconception: heat-is-instant", "misconception: heat-is-cold"),),
        "- id: a",
        "oven-single: misconception-known: there is no misconception heat-is-cold.",
    ),
    "a wrong belief that nobody described behind a key": (
        ((KEY, f"{KEY}\n      misconception: heat-is-cold"),),
        "- id: a",
        "oven-single: misconception-known: there is no misconception heat-is-cold.",
    ),
    "a distractor of a critical objective without a wrong belief": (
        (("      misconception: heat-is-instant\n", ""),),
        "- id: a",
        "oven-single: misconception-named: option b names no misconception; the objective is of high criticality.",
    ),
    "a why of three words": (
        (("why: The walls are still cold at this moment.", "why: Still too cold."),),
        "",
        "oven-single: why-of-its-own: “Still too cold.” is too short to explain anything.",
    ),
    "a why that judges": (
        (("why: The walls are still cold", "why: Wrong, the walls are still cold"),),
        "",
        "oven-single: why-of-its-own: “Wrong, the walls are still cold at this ” judges; explain instead.",
    ),
    "a why that explains two pairs": (
        (("why: It leaves through the flue as steam.", "why: it stays on  the floor of the oven."),),
        "",
        "oven-match: why-of-its-own: “it stays on  the floor of the oven.” explains two options; each needs its own.",
    ),
    "two options that say the same": (
        ((THIRD, "text: as soon as **it** is lit"),),
        "",
        "oven-single: options-differ: “as soon as it is lit” stands 2 times.",
    ),
    "two steps that say the same": (
        (("text: Wait for the walls", "text: Light the fire"),),
        "",
        "oven-order: options-differ: “light the fire” stands 2 times.",
    ),
    "two sides of pairs that say the same": (
        (("- text: Sand", "- text: Water"),),
        "",
        "oven-match: options-differ: “water” stands 2 times.",
    ),
    "a passage that does not exist": (
        (("  cites: [facts#oven-limit]", "  cites:\n    - facts#oven-limit\n    - facts#oven-door"),),
        "- facts#oven-door",
        "oven-setting: cites-resolve: there is no passage facts#oven-door.",
    ),
    "a number that no cited passage holds": (
        (("{value: 20, unit", "{value: 40, unit"),),
        "cites:",
        "oven-minutes: key-in-passage: “40” of the key stands in no passage that is cited.",
    ),
    "a name that no cited passage holds": (
        (("accept: [oven.max_heat, ", "accept: [oven.top_heat, "),),
        "cites:",
        "oven-setting: key-in-passage: “oven.top_heat” of the key stands in no passage that is cited.",
    ),
    "numbers that fall": (
        options('"20"', '"10"', '"5"'),
        "- id: a",
        "oven-single: numbers-in-order: options that are numbers rise in order, with shuffle: false.",
    ),
    "numbers that are shuffled": (
        options('"20 minutes"', '"1,000 minutes"', '"2,000 minutes"'),
        "- id: a",
        "oven-single: numbers-in-order: options that are numbers rise in order, with shuffle: false.",
    ),
    "a wrong value that would be marked right": (
        (("- value: 5", "- value: 22"),),
        "- value: 22",
        "oven-minutes: wrong-is-wrong: 22 would be marked right.",
    ),
    "a near miss that would be marked right": (
        (("- text: oven.min_heat", '- text: "`Oven.Max_heat`"'),),
        "- text:",
        "oven-setting: wrong-is-wrong: “`Oven.Max_heat`” would be marked right.",
    ),
    "a hint that gives the key away": (
        (("hint: It is less than an hour.", "hint: Think of 20 eggs."),),
        "hint:",
        "oven-minutes: hint-hides: the hint gives the key away.",
    ),
    "a product in the stem without its scope": (
        ((STEM, "stem: The guests of RDS come at noon. When do you start?"),),
        "stem: The guests of RDS",
        ("oven-single: scope-named: the stem names RDS or Aurora; say in applies_to.products which products it holds "
        "for."),
    ),
    "a version in the stem without its scope": (
        ((STEM, "stem: The guests of version 16 come at noon. When do you start?"),),
        "stem: The guests of version 16",
        "oven-single: scope-named: the stem names a version; say in applies_to.versions for which ones it holds.",
    ),
    "knowledge that is newer than its passage": (
        ((f'as_of: "2024-03"\n  {REVIEW}', f'as_of: "2024-04"\n  {REVIEW}'),),
        'as_of: "2024-04"',
        "oven-setting: dates-in-order: 2024-04 is later than the newest passage cited, 2024-03.",
    ),
    "a review before the knowledge": (
        ((REVIEW, REVIEW.replace("2025-01", "2024-02")),),
        'review_by: "2024-02"',
        "oven-setting: dates-in-order: 2024-02 does not come after as_of, 2024-03.",
    ),
    "a review that is put off for ever": (
        ((REVIEW, REVIEW.replace("2025", "2099")),),
        'review_by: "2099-01"',
        "oven-setting: dates-in-order: 2099-01 is more than twelve months ahead.",
    ),
    "an incident that begins nowhere": (
        (("start: smoke", "start: fire"),),
        "start: fire",
        "oven-smoke: scenario-leads: there is no turn fire.",
    ),
    "a choice that leads nowhere": (
        (("goto: loaf", "goto: bread"),),
        "- id: smoke",
        "oven-smoke: scenario-leads: smoke leads to bread, which is no turn and no ending.",
    ),
    "a turn that nobody reaches": (
        (("goto: loaf", "goto: saved"),),
        "- id: smoke",
        "oven-smoke: scenario-ends: no way leads to loaf.",
    ),
    "an incident without an end": (
        (("then: It is black.\n          goto: burnt", "then: It is black.\n          goto: smoke"),),
        "- id: smoke",
        "oven-smoke: scenario-ends: one can go in a circle through smoke.",
    ),
    "right choices that end badly": (
        (("{id: saved, good: true", "{id: saved, good: false"),),
        "- {id: saved",
        "oven-smoke: scenario-ends: the right choices lead to no good ending.",
    ),
    "an item that its author did not confirm": (
        (("- id: oven-setting", "- id: oven-knob"),),
        "",
        "oven-knob: confirmed: no author has confirmed it yet. Run pgdojo check --confirm oven-knob.",
    ),
    "an item that now cites another passage": (
        (("cites: [facts#oven-limit]", "cites: [facts#oven-limit, facts#oven-wood]"),),
        "cites:",
        ("oven-setting: confirmed: facts#oven-wood has changed since the item was confirmed, so that it is not asked. "
        "Read both, then run pgdojo check --confirm oven-setting."),
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", PLANTED)
def test_the_check_catches(mistake, tmp_path):
    changes, where, message = PLANTED[mistake]
    text = changed_course(tmp_path, "quizzes/oven.yaml", *changes)

    faults = said(tmp_path)

    line = line_of(text, re.match(r"[a-z-]+", message)[0], where)
    assert f"quizzes/oven.yaml, line {line}, {message}" in faults


def test_every_rule_on_an_item_is_broken_by_a_mistake_above():
    broken = {re.match(r"[^:]+: ([a-z-]+):", message)[1] for _, _, message in PLANTED.values()}

    assert set(RULES) <= broken


# Sound after all: what the rules on numbers, negations and lengths must leave alone.
SPARED = {
    "a negation in bold": ((STEM, "stem: The guests come at noon. When do you **not** put the loaf in?"),),
    "a negation before the question": ((STEM, "stem: The guests do not come before noon. When do you start?"),),
    "numbers that rise": (
        *options('"20 minutes"', '"40 minutes"', '"1,000 minutes"'),
        ("stem: The guests", "shuffle: false\n  stem: The guests"),
    ),
    "versions of three parts": (
        *options('"9.6.3"', '"9.6.10"', '"20.1.2"'),
        ("The guests come at noon.", "The guests of 9.6.3 come."),
        ("stem: The guests", "shuffle: false\n  stem: The guests"),
    ),
    "dots in place of an option": options("...", "..", "...."),
    "an absolute word in the key as well": ((KEY, "text: Never before the walls"), (SECOND, "text: Always when lit")),
    "a long key beside a distractor that is as long": (
        (KEY, "text: Once the walls are warm through to the last of the bricks"),
        (SECOND, "text: As soon as the fire is lit and the door has been shut"),
    ),
    "a short key beside shorter distractors": options("Once the walls are warm", "When lit", "At once"),
    "six options of which several hold": (
        (
            "  options:\n    - id: a\n      text: It costs little\n",
            (
                "  options:\n"
                "    - {id: d, text: It needs water, why: It burns when it is dry.}\n"
                "    - {id: e, text: It needs no care, why: Somebody has to feed it.}\n"
                "    - {id: f, text: It makes no smoke, why: The flue is there for it.}\n"
                "    - id: a\n      text: It costs little\n"
            ),
        ),
    ),
    "a number that the stem gives with a comma": (
        ("stem: How long does an oven take", "stem: How long do 1,000 ovens take"),
        ("{value: 20,", "{value: 1000,"),
    ),
    "a number that the stem gives as a word": (
        ("stem: How long does an oven take", "stem: How long do twelve ovens take"),
        ("{value: 20,", "{value: 12,"),
    ),
    "a product with its scope": (
        ("stem: The guests come", "applies_to: {products: [rds], versions: '16'}\n  stem: The guests of RDS come"),
    ),
}


@pytest.mark.parametrize("case", SPARED)
def test_the_check_leaves_alone(case, tmp_path):
    changed_course(tmp_path, "quizzes/oven.yaml", *SPARED[case])

    assert said(tmp_path) == []


@pytest.mark.parametrize(("facts", "rare"), [(3, True), (4, False)])
def test_a_word_that_four_facts_share_gives_nothing_away(facts, rare, tmp_path):
    fact = FACTS.rsplit("- id: ", maxsplit=1)[-1]
    ledger = "".join(
        "- id: " + fact.replace("oven-limit", f"oven-guest-{number}").replace("limit.", "limit for guests.")
        for number in range(facts)
    )
    changed_course(
        tmp_path,
        "quizzes/oven.yaml",
        (STEM, "stem: The guests come at noon. What tells you to start?"),
        (KEY, "text: When guests knock"),
    )
    write(tmp_path, {"knowledge/facts/guests.yaml": ledger})

    assert any("no-echo" in fault for fault in said(tmp_path)) == rare


def test_a_long_incident_is_judged_however_many_ways_lead_through_it(tmp_path):
    turns = "".join(
        f"    - id: t{number}\n      ask: And now?\n      choices:\n"
        f"        - {{id: a, text: Act {number}, correct: true, why: W, then: T, goto: t{number + 1}}}\n"
        f"        - {{id: b, text: Wait {number}, why: W, then: T, goto: t{number + 1}}}\n"
        for number in range(60)
    )
    above = SCENARIO.split("  start:", maxsplit=1)[0]
    bank = f"{above}  start: t0\n  turns:\n{turns}  endings:\n    - {{id: t60, good: true, say: It is over.}}\n"
    write(tmp_path, {**FILES, "quizzes/oven.yaml": bank})

    assert [fault for fault in said(tmp_path) if "scenario-" in fault] == []


def test_an_id_of_two_items_is_said_at_the_second(tmp_path):
    text = changed_course(tmp_path, "quizzes/oven.yaml", ("- id: oven-setting", "- id: oven-minutes"))

    faults = said(tmp_path)

    second = text[: text.rindex("- id: oven-minutes")].count("\n") + 1
    assert faults == [
        f"quizzes/oven.yaml, line {second}, oven-minutes, field id: id-once: the id is taken. Rename one."
    ]


def test_an_item_lies_in_the_file_of_its_topic(tmp_path):
    changed_course(
        tmp_path,
        "quizzes/objectives.yaml",
        ("topic: oven\n  objective: Limit", "topic: cellar\n  objective: Limit"),
    )

    faults = said(tmp_path)

    assert faults == [
        (
            f"quizzes/oven.yaml, line {line_of(BANK, 'oven-setting')}, oven-setting: topic-of-the-bank: its objective "
            "belongs to cellar, and the file is that of oven."
        )
    ]


def test_a_bank_asks_for_more_than_remembering(tmp_path):
    # Five of eight would be enough: 62.5 %.
    changed_course(
        tmp_path,
        "quizzes/oven.yaml",
        ("level: apply\n  stem: The guests", "level: remember\n  stem: The guests"),
        ("level: apply\n  stem: Put", "level: remember\n  stem: Put"),
    )

    faults = said(tmp_path)

    assert faults == ["quizzes/oven.yaml: beyond-remembering: 4 of 8 items are above remember; 60% must be."]


def test_what_hurts_in_production_is_asked_in_two_ways(tmp_path):
    draft = NUMERIC.replace("status: published", "status: draft")
    changed_course(tmp_path, "quizzes/oven.yaml", (NUMERIC, draft))

    faults = said(tmp_path)

    assert faults == [
        "quizzes/objectives.yaml, oven-plan-baking: enough-variants: 1 items are published for it, and 2 are needed."
    ]


def test_an_objective_that_nothing_examines_is_said(tmp_path):
    extra = "- id: oven-clean\n  topic: oven\n  objective: Clean an oven.\n"
    changed_course(tmp_path, "quizzes/objectives.yaml", (OBJECTIVES, OBJECTIVES + extra))

    faults = said(tmp_path)

    assert faults == [
        "quizzes/objectives.yaml, oven-clean: enough-variants: 0 items are published for it, and 1 are needed."
    ]


def single_bank(keys):
    """Single items whose keys stand at `keys`, 0 to 2."""
    above = SINGLE.split("    - id: a", maxsplit=1)[0]
    items = []
    for number, key in enumerate(keys):
        rows = [
            f"    - {{id: {name}, text: {name}, why: w, correct: {'true' if place == key else 'false'}}}\n"
            for place, name in enumerate("abc")
        ]
        items.append(above.replace("oven-single", f"oven-{number}") + "".join(rows))
    return "\n".join(items)


def verdict_bank(answers):
    """True-or-false items with these verdicts."""
    return "\n".join(
        TRUE_FALSE.replace("oven-verdict", f"oven-{number}").replace("answer: true", f"answer: {answer}")
        for number, answer in enumerate(answers)
    )


def positions(root, bank):
    """What is said of the positions of the keys in a course with this bank."""
    write(root, {**FILES, "quizzes/oven.yaml": bank})
    return [fault for fault in said(root) if "key-position" in fault]


@pytest.mark.parametrize(
    ("keys", "problems"),
    [
        ([0, 0, 0, 0, 1, 1, 2, 2], []),
        ([0, 0, 0, 0, 0, 1, 1, 2], ["5 of 8 keys stand at place 1", "1 of 8 keys stand at place 3"]),
        ([0, 0, 0, 0, 1, 1, 1, 1], ["0 of 8 keys stand at place 3"]),
        ([0, 0, 0, 0, 0, 0, 0], []),
    ],
)
def test_no_place_is_right_so_often_that_guessing_it_pays(keys, problems, tmp_path):
    found = positions(tmp_path, single_bank(keys))

    assert found == [f"quizzes/oven.yaml: key-position: {problem}; spread them." for problem in problems]


def test_keys_that_stand_in_a_fixed_order_are_not_counted(tmp_path):
    fixed = single_bank([0] * 8).replace("  stem:", "  shuffle: false\n  stem:")

    assert positions(tmp_path, fixed) == []


@pytest.mark.parametrize(
    ("answers", "problems"),
    [
        (["true", "true", "true", "false"], []),
        (["true", "true", "true", "true"], ["4 of 4"]),
        (["false", "false", "false", "false", "true"], ["1 of 5"]),
        (["true", "true", "true"], []),
    ],
)
def test_no_verdict_is_right_so_often_that_guessing_it_pays(answers, problems, tmp_path):
    found = positions(tmp_path, verdict_bank(answers))

    assert found == [
        f"quizzes/oven.yaml: key-position: {problem} statements are true; balance them." for problem in problems
    ]


def test_a_line_of_the_notes_is_examined_by_two_items(tmp_path):
    confirmed_course(tmp_path)
    notes = "* Wood is cheap\n* Ash is grey\n"
    write(
        tmp_path,
        {
            "knowledge/notes.md": NOTES.replace("* Wood is cheap\n", notes),
            "knowledge/facts/oven.yaml": FACTS.replace("max_heat keeps", "max_heat safely keeps").replace(
                "below a limit.\n  status: new", "below a limit.\n  notes_lines: [Ash is grey]\n  status: unchanged"
            ),
        },
    )
    confirm(tmp_path, load_quizzes(tmp_path), ["all"], load_course(tmp_path).passage)

    faults = said(tmp_path)

    assert faults == ["knowledge/notes.md, line 5: notes-examined: 1 items examine “Ash is grey”, and 2 should."]


def test_a_fact_that_corrects_the_notes_is_examined(tmp_path):
    confirmed_course(tmp_path)
    facts = FACTS + FACTS.split("- id: oven-wood", maxsplit=1)[0].replace("oven-heat", "oven-cool")
    write(tmp_path, {"knowledge/facts/oven.yaml": facts})

    faults = said(tmp_path)

    line = facts[: facts.rindex("fact: An oven")].count("\n") + 1
    assert faults == [
        (
            f"knowledge/facts/oven.yaml, line {line}, facts#oven-cool: notes-examined: no item examines this fact, "
            "which corrects the notes."
        )
    ]


def test_a_course_without_items_is_not_asked_to_examine_anything(tmp_path):
    write(tmp_path, {name: text for name, text in FILES.items() if name.startswith("knowledge")})

    assert said(tmp_path) == []


# What is about wood points up, what is about heat to the right, and the rest elsewhere.
DIRECTIONS = {
    "noon": (1.0, 0.0),
    "logs": (0.0, 1.0),
    "reach": (0.96, 0.28),
    "setting": (0.6, 0.8),
    "fuel": (-0.6, 0.8),
    "steps": (-1.0, 0.0),
    "Smoke": (0.0, -1.0),
}


def encode(texts):
    """Unit vectors of two numbers, by the word that a text holds."""
    return np.array([next(at for word, at in DIRECTIONS.items() if word in text) for text in texts], np.float32)


def test_items_that_ask_the_same_in_other_words_are_found(tmp_path):
    quizzes = load_quizzes(confirmed_course(tmp_path))

    faults = [str(fault) for fault in near_duplicates(quizzes, encode)]

    advice = "Ask something else, or retire one of them."
    assert faults == [
        (
            f"quizzes/oven.yaml, line {line_of(BANK, 'oven-verdict', 'stem:')}, oven-verdict: stem-once: it asks what "
            f"oven-multiple asks (1.00 alike). {advice}"
        ),
        (
            f"quizzes/oven.yaml, line {line_of(BANK, 'oven-minutes', 'stem:')}, oven-minutes: stem-once: it asks what "
            f"oven-single asks (0.96 alike). {advice}"
        ),
    ]


def test_an_item_is_compared_by_its_stem_and_its_key_without_their_marks(tmp_path):
    seen = []
    quizzes = load_quizzes(confirmed_course(tmp_path))

    list(near_duplicates(quizzes, lambda texts: seen.extend(texts) or encode(texts)))

    assert seen[0] == "The guests come at noon. When do you put the loaf in? Once the walls are warm"
    assert seen[4] == "How long does an oven take to reach its heat? 20"


def test_what_is_not_asked_repeats_nothing(tmp_path):
    bank = f"{MULTIPLE}\n{TRUE_FALSE.replace('status: published', 'status: retired')}\n{SINGLE}"
    quizzes = load_quizzes(write(tmp_path, {**FILES, "quizzes/oven.yaml": bank}))

    assert list(near_duplicates(quizzes, encode)) == []


def test_a_lone_item_is_compared_with_nothing(tmp_path):
    quizzes = load_quizzes(write(tmp_path, {**FILES, "quizzes/oven.yaml": SINGLE}))

    assert list(near_duplicates(quizzes, encode)) == []
