"""Quiz items leave for other programs and come back: read by our own reader, by Anki, by csv and by an XML parser."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgdojo.course.banks import Quizzes, confirm, fingerprint, load_quizzes
from pgdojo.course.items import KINDS, Objective
from pgdojo.course.records import Passage
from pgdojo.errors import CourseError, UsageError
from pgdojo.quiz.exports import FORMATS, Loss, LossReport, export, import_gift

pytestmark = pytest.mark.slow

NASTY = 'a:b = ~c # {d} \\e "f" <g> & ü ✓\nline two'
QTI = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
TODAY = date(2026, 5, 4)

OBJECTIVES = """\
- id: bk-restore
  topic: backups
  objective: Restore to a point in time.
  criticality: high
- id: sec-tls
  topic: security
  objective: Enforce TLS.
"""


def passage(name, **fields):
    given = {
        "document": "knowledge/facts/backups.yaml",
        "title": "Facts",
        "heading": (),
        "text": f"The text of {name}.",
    }
    return Passage(id=name, first_line=1, kind="fact", sentences=(), **{**given, **fields})


PASSAGES = {
    "facts#bk-pitr": passage(
        "facts#bk-pitr",
        as_of="2026-04",
        source="https://docs.aws.amazon.com/pitr.html?a=1&b=2",
        source_title="Restoring a DB instance",
    ),
    "notes#backups": passage("notes#backups", title="Notes", heading=("Notes", "Backups")),
}
find = PASSAGES.get


def option(name, text, *, correct=False, **more):
    return {"id": name, "text": text, "why": f"Because {text}", **({"correct": True} if correct else {}), **more}


OPTIONS = [
    option("a", f"=formula {NASTY}", correct=True),
    option("b", "%50% of the rows -> none", misconception="standby-is-backup"),
    option("z", "[html]<b>bold</b> and `code_x`"),
]

KIND_FIELDS = {
    "single": {"options": OPTIONS, "shuffle": False, "hint": "Think of *time*."},
    "multiple": {
        "options": [
            option("a", "One"),
            *(option(name, f"{name} {NASTY}", correct=True) for name in "bcd"),
            option("e", "- five"),
        ]
    },
    "true-false": {
        "answer": False,
        "why_true": f"No: {NASTY}",
        "why_false": "It lags # behind.",
        "reason": {"ask": "Why?", "options": OPTIONS},
    },
    "ordering": {
        "why": f"Cheap to undo first: {NASTY}",
        "steps": [
            {"id": "s1", "text": "Check = {all}", "why": "Cheap now."},
            {"id": "s2", "text": "Build -> wait", "why": "Nothing is touched."},
            {"id": "s3", "text": "Are `names` moved", "why": "Only now."},
        ],
    },
    "numeric": {
        "answer": {"value": 35.5, "unit": "days", "tolerance": 0.25},
        "wrong_values": [{"value": -7, "why": f"Not {NASTY}"}, {"value": 90, "why": "Too long."}],
        "why": f"At most ~ {NASTY}",
    },
    "short-text": {
        "accept": ["rds.force_ssl", "rds.force_ssl=1", "count(*)", "%5% [html]"],
        "near": [{"text": "ssl", "why": f"Close: {NASTY}"}],
        "why": "Set `rds.force_ssl` to 1.",
    },
    "matching": {
        "pairs": [
            {"left": "Undo -> a mistake", "right": "Restore = now", "why": "Any second."},
            {"left": "Keep: years", "right": "[html] snapshot -> `kept`", "why": "Until deleted."},
            {"left": NASTY, "right": NASTY, "why": f"As it is {NASTY}"},
        ],
        "extra": [{"text": "A larger {class}", "why": "It helps none."}],
    },
    "scenario": {
        "start": "t1",
        "turns": [
            {
                "id": "t1",
                "ask": "What do you do first?",
                "choices": [
                    option("a", "Restore", correct=True, then="It is built.", goto="good", minutes_lost=5),
                    option("b", f"Fail over {NASTY}", then=f"Still gone {NASTY}", goto="t2", minutes_down=2),
                ],
            },
            {
                "id": "t2",
                "ask": f"And now? {NASTY}",
                "choices": [
                    option("a", "Restore after all", correct=True, then="Late.", goto="good"),
                    option("b", "Wait", then="Lost.", goto="bad"),
                ],
            },
        ],
        "endings": [
            {"id": "good", "good": True, "say": "It is back."},
            {"id": "bad", "good": False, "say": "It is lost."},
        ],
    },
}


def item(kind, *, name="", stem=f"A stem with {NASTY}", **more):
    fields = {
        "id": name or f"x-{kind}",
        "rev": 3,
        "kind": kind,
        "status": "published",
        "objective": "sec-tls" if kind == "short-text" else "bk-restore",
        "level": "apply",
        "difficulty": 2,
        "applies_to": {"products": ["rds"], "versions": "13-18"},
        "as_of": "2026-04",
        "review_by": "2027-03",
        "stem": stem,
        "cites": ["facts#bk-pitr", "notes#backups"],
    }
    return KINDS[kind].model_validate(fields | KIND_FIELDS[kind] | more)


EVERY_KIND = [item(kind) for kind in KIND_FIELDS]


def quizzes_of(items):
    objectives = {
        "bk-restore": Objective(id="bk-restore", topic="backups", objective="Restore.", criticality="high"),
        "sec-tls": Objective(id="sec-tls", topic="security", objective="Enforce TLS."),
    }
    lock = {one.id: {cited: fingerprint(find(cited)) for cited in one.cites} for one in items}
    return Quizzes(objectives=objectives, items={one.id: one for one in items}, lock=lock)


@pytest.fixture
def all_kinds():
    return quizzes_of(EVERY_KIND)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "course"
    (folder / "quizzes").mkdir(parents=True)
    (folder / "quizzes" / "objectives.yaml").write_text(OBJECTIVES, encoding="utf-8")
    return folder


def lost(report, item_id):
    return {loss.what for loss in report.losses if loss.item == item_id}


def as_draft(one):
    return one.model_dump() | {"status": "draft"}


# What every format promises


@pytest.mark.parametrize("form", FORMATS)
def test_only_what_is_published_and_confirmed_is_written(form, tmp_path):
    served, draft, changed = item("single"), item("single", name="d", status="draft"), item("single", name="c")
    quizzes = quizzes_of([served, draft, changed])
    quizzes = Quizzes(
        objectives=quizzes.objectives, items=quizzes.items, lock={**quizzes.lock, "c": {"facts#bk-pitr": "other"}}
    )

    report = export(quizzes, find, form, tmp_path / "out", title="My course")

    assert report.written == 1
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_stands_there_is_replaced_and_nothing_is_left_beside_it(form, all_kinds, tmp_path):
    target = tmp_path / "out"
    target.write_text("old")

    report = export(all_kinds, find, form, target, title="My course")

    assert report.target == target
    assert target.read_bytes() != b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_to_export_is_said_and_writes_no_file(form, tmp_path):
    with pytest.raises(UsageError, match="nothing to export"):
        export(Quizzes(), find, form, tmp_path / "out", title="My course")

    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_and_a_missing_folder_say_what_to_do(all_kinds, tmp_path):
    with pytest.raises(UsageError, match="Did you mean gift"):
        export(all_kinds, find, "gitf", tmp_path / "out", title="My course")
    (tmp_path / "file").touch()
    for target in (tmp_path / "none" / "out", tmp_path / "file" / "out", tmp_path):
        with pytest.raises(UsageError, match="cannot be written"):
            export(all_kinds, find, "csv", target, title="My course")


def test_without_genanki_the_command_that_installs_it_is_named(all_kinds, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "genanki", None)  # as if it were not installed

    with pytest.raises(UsageError, match=re.escape('pip install "pgdojo[anki]"')):
        export(all_kinds, find, "anki", tmp_path / "out", title="My course")

    assert list(tmp_path.iterdir()) == []


LOSSES = {
    "gift": {
        "every item": {"level, difficulty, objective, scope and review date"},
        "x-single": {"hint", "misconceptions behind options"},
        "x-multiple": set(),
        "x-true-false": {"reason", "misconceptions behind options"},
        "x-ordering": {"order of steps", "why of each step", "markup of right sides"},
        "x-numeric": {"unit"},
        "x-short-text": {"spacing and quotes of answers"},
        "x-matching": {"why of each pair", "-> in a left side", "markup of right sides"},
        "x-scenario": {"way through the turns"},
    },
    "anki": {
        "every item": {"marking"},
        "x-single": {"misconceptions behind options"},
        "x-true-false": {"misconceptions behind options"},
        "x-scenario": {"way through the turns"},
    },
    "csv": {"x-multiple": set(), "x-single": {"key that begins like a formula"}},
    "qti": {
        "every item": {"level, difficulty, objective, scope and review date"},
        "x-single": {"hint", "misconceptions behind options"},
        "x-multiple": set(),
        "x-true-false": {"verdict and reason", "misconceptions behind options"},
        "x-ordering": {"marks for a part of the order", "why of each step"},
        "x-numeric": {"conversion of units"},
        "x-short-text": {"spacing and quotes of answers"},
        "x-matching": {"why of each pair"},
        "x-scenario": {"way through the turns"},
    },
}


@pytest.mark.parametrize("form", FORMATS)
def test_the_report_names_what_each_format_loses(form, all_kinds, tmp_path):
    report = export(all_kinds, find, form, tmp_path / "out", title="My course")

    assert {name: lost(report, name) for name in LOSSES[form]} == LOSSES[form]
    assert {loss.item for loss in report.losses} <= set(LOSSES[form])
    assert all(f"{loss.what}: {loss.how}" in report.as_text() for loss in report.losses)


def test_a_report_without_losses_says_so():
    report = LossReport(target=Path("x.csv"), written=1)

    assert report.as_text() == "1 item written to x.csv. Nothing was lost."


def test_a_report_tells_once_what_many_items_lose():
    losses = tuple(Loss(item=name, what="hint", how="left out") for name in ("a", "b", "c", "d", "e"))
    report = LossReport(target=Path("x.zip"), written=5, losses=(*losses, Loss(item="a", what="unit", how="none")))

    assert report.as_text().splitlines() == [
        "5 items written to x.zip. What could not be carried as it is:",
        "- a, b, c and 2 more: hint: left out",
        "- a: unit: none",
    ]


# GIFT


def gift_text(items, folder):
    report = export(quizzes_of(items), find, "gift", folder / "out.gift.txt", title="A/B {course}")
    return (folder / "out.gift.txt").read_text(encoding="utf-8"), report


def test_a_gift_question_reads_as_moodle_wants_it(tmp_path):
    one = item("single", stem="Which {x}?", options=[option("a", "a=b", correct=True), option("b", "c~d")])

    text, _ = gift_text([one], tmp_path)

    category, question = text.split("\n\n")
    sources = (
        r"Source\: Restoring a DB instance, as of 2026-04, <https\://docs.aws.amazon.com/pitr.html?a\=1&b\=2>"
        r"\n\nSource\: Notes › Backups"
    )
    comment, *lines = question.rstrip("\n").split("\n")
    assert category == "$CATEGORY: A//B {course}/backups"
    assert json.loads(comment.removeprefix("// pgdojo: "))["review_by"] == "2027-03"
    assert lines == [
        r"::x-single::[markdown]Which \{x\}? {",
        "\t=a\\=b#Because a\\=b",
        "\t~c\\~d#Because c\\~d",
        f"\t####{sources}",
        "}",
    ]


def test_a_numeric_question_asks_for_its_unit_and_gives_value_and_tolerance(tmp_path):
    text, _ = gift_text([item("numeric", stem="How long at most?")], tmp_path)

    assert r"[markdown]How long at most?\n\nAnswer in days. {#" in text
    assert "\t=%100%35.5:0.25#" in text
    assert "\t=%0%-7:0.25#" in text


def test_weights_follow_our_rule_in_the_digits_that_moodle_permits(tmp_path):
    text, _ = gift_text([item("multiple")], tmp_path)

    assert text.count("~%33.33333%") == 3
    assert text.count("~%-33.33333%") == 2


@pytest.mark.parametrize("kind", KIND_FIELDS)
def test_our_own_gift_comes_back_as_it_was(kind, root, tmp_path):
    before = item(kind)
    gift_text([before], tmp_path)

    report = import_gift(tmp_path / "out.gift.txt", root, today=TODAY)

    after = load_quizzes(root).items
    assert report.written == 1
    assert list(after) == [before.id]
    assert as_draft(after[before.id]) == as_draft(before)


def test_all_kinds_of_one_file_come_back_together(all_kinds, root, tmp_path):
    export(all_kinds, find, "gift", tmp_path / "all.gift", title="My course")

    report = import_gift(tmp_path / "all.gift", root, today=TODAY)

    after = load_quizzes(root)
    assert report.losses == ()
    assert report.target == root / "quizzes" / "all.yaml"
    assert {name: as_draft(one) for name, one in after.items.items()} == {one.id: as_draft(one) for one in EVERY_KIND}
    assert set(after.objectives) == {"bk-restore", "sec-tls"}


USABLE = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029\ufeff\ufffe\uffff"
)
texts = (
    st.lists(
        st.sampled_from([*"~=#{}:\\%[]*/-<>&\"'`ax1 \n", "->", "::", "//", "####", "[html]"]) | USABLE, max_size=12
    )
    .map("".join)
    .map(str.strip)
    .filter(bool)
)
without_arrows = texts.map(lambda text: text.replace("->", "- >"))
numbers = st.floats(-1e12, 1e12).map(lambda value: round(value, 6))


def options_of(correct):
    return [
        st.fixed_dictionaries({"id": st.just(name), "text": texts, "why": texts, "correct": st.just(name in correct)})
        for name in "abc"
    ]


@st.composite
def any_items(draw):
    single = {"options": draw(st.tuples(*options_of("b")))}
    reason = {"ask": draw(without_arrows), "options": draw(st.tuples(*options_of("a")))}
    pairs = st.fixed_dictionaries({"left": texts, "right": texts, "why": texts})
    steps = st.fixed_dictionaries({"text": texts, "why": texts})
    near = st.fixed_dictionaries({"text": without_arrows, "why": without_arrows})
    wrong = st.fixed_dictionaries({"value": numbers, "why": texts})
    amount = {"value": draw(numbers), "unit": "days", "tolerance": abs(draw(numbers))}
    fields = {
        "single": single,
        "multiple": {"options": draw(st.tuples(*options_of("ac")))},
        "true-false": {
            "answer": draw(st.booleans()),
            "why_true": draw(texts),
            "why_false": draw(texts),
            "reason": reason,
        },
        "ordering": {
            "why": draw(texts),
            "steps": [{"id": f"s{place}", **step} for place, step in enumerate(draw(st.lists(steps, min_size=2)))],
        },
        "numeric": {"answer": amount, "wrong_values": draw(st.lists(wrong, max_size=2)), "why": draw(texts)},
        "short-text": {
            "accept": draw(st.lists(without_arrows, min_size=1, max_size=3)),
            "near": draw(st.lists(near, max_size=2)),
            "why": draw(without_arrows),
        },
        "matching": {
            "pairs": draw(st.lists(pairs, min_size=2, max_size=3)),
            "extra": draw(st.lists(st.fixed_dictionaries({"text": texts, "why": texts}), max_size=2)),
        },
    }
    return [item(kind, stem=draw(texts), hint=draw(texts), **more) for kind, more in fields.items()]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(any_items())
def test_any_text_comes_back_from_gift_as_it_was(items):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "quizzes").mkdir()
        (folder / "quizzes" / "objectives.yaml").write_text(OBJECTIVES, encoding="utf-8")
        gift_text(items, folder)

        report = import_gift(folder / "out.gift.txt", folder, today=TODAY)

        after = load_quizzes(folder).items
        assert report.losses == ()
        assert [as_draft(one) for one in after.values()] == [
            as_draft(one) for one in sorted(items, key=lambda one: one.objective)
        ]


def test_a_short_answer_with_an_arrow_is_left_out_and_one_in_its_feedback_is_turned(tmp_path):
    arrow = item("short-text", name="arrow", accept=["a->b"])
    feedback = item("short-text", name="feedback", why="From a -> b it goes.")

    text, report = gift_text([arrow, feedback], tmp_path)

    assert report.written == 1
    assert lost(report, "arrow") == {"item"}
    assert "-> in a why" in lost(report, "feedback")
    assert "->" not in text


# GIFT of other people

FOREIGN = """\
// A comment
$CATEGORY: $course$/top/History

// question: 1
::Who's buried?::[html]Who is buried in <b>Grant's</b> tomb?{
  =Grant#Right you are
  ~Jefferson # He is in Virginia
  ~%50%Nobody\\: really
}

Which are fruit? {~%50%Apple ~%50%Pear ~%-25%Carrot ~Stone ####All from Moodle}

The sun rises in the east.{T#No, it does.#Yes.}

The moon is {=made of rock ~made of cheese} as we know.

Two plus two {=four =4 =%30%five#Nearly =*#Anything}

When was Grant born? {#1822:5#Within five years =%50%1800..1820#Part ~#No}

::range:: Pi? {#3.141..3.142}

Match {=Canada -> Ottawa =Italy -> Rome = -> Paris}

Write an essay. {}

Just a text.

Several do { =one =two ~three }
"""


def test_gift_of_other_people_becomes_drafts_that_can_be_loaded(root, tmp_path):
    (tmp_path / "Old Quiz.txt").write_text(FOREIGN, encoding="utf-8")

    report = import_gift(tmp_path / "Old Quiz.txt", root, today=TODAY)

    quizzes = load_quizzes(root)
    bank = {bank.name: bank for bank in quizzes.banks}["quizzes/old-quiz.yaml"]
    assert [(one.kind, one.key_texts()) for one in bank.items] == [
        ("single", ("Grant",)),
        ("multiple", ("Apple", "Pear")),
        ("true-false", ()),
        ("single", ("made of rock",)),
        ("short-text", ("four",)),
        ("numeric", ("1822",)),
        ("numeric", ("3.1415",)),
        ("matching", ("Canada: Ottawa", "Italy: Rome")),
        ("multiple", ("one", "two")),
    ]
    assert {one.status for one in bank.items} == {"draft"}
    assert {one.objective for one in bank.items} == {"imported"}
    assert {one.cites for one in bank.items} == {("notes#to-be-cited",)}
    assert quizzes.objectives["imported"].topic == "imported"
    first = bank.items[0]
    assert first.id == "who-s-buried"
    assert [one.why for one in first.options] == [
        "Right you are",
        "He is in Virginia",
        "To be written: why this is right or wrong.",
    ]
    assert first.options[2].text == "Nobody: really"
    assert bank.items[3].stem == "The moon is ____ as we know."
    assert bank.items[4].near[0].why == "Nearly"
    assert bank.items[5].answer.tolerance == 5
    assert bank.items[7].rights == ("Ottawa", "Rome", "Paris")
    said = report.as_text()
    for words in (
        "essay",
        "description",
        "HTML",
        "gap",
        "weights 50, 50, -25, 0",
        "part of the mark",
        "unit",
        "reason",
    ):
        assert words in said


def test_what_stands_in_the_objectives_file_stays_and_is_added_to_once(root, tmp_path):
    path = root / "quizzes" / "objectives.yaml"
    path.write_text(f"# By hand\n{OBJECTIVES}", encoding="utf-8")
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("Two plus two? {=four}\n", encoding="utf-8")
        import_gift(tmp_path / name, root, today=TODAY)

    text = path.read_text(encoding="utf-8")

    assert text.startswith(f"# By hand\n{OBJECTIVES}")
    assert text.count("id: imported") == 1
    assert list(load_quizzes(root).items) == ["two-plus-two", "two-plus-two-2"]


def test_a_course_without_quizzes_gets_its_first_bank(tmp_path):
    (tmp_path / "a.txt").write_text("Two plus two? {=four}\n", encoding="utf-8")

    import_gift(tmp_path / "a.txt", tmp_path, today=TODAY)

    assert load_quizzes(tmp_path).items["two-plus-two"].as_of == "2026-05-04"


def test_an_id_that_is_taken_gets_a_number_and_is_reported(root, tmp_path):
    gift_text([item("single")], tmp_path)
    import_gift(tmp_path / "out.gift.txt", root, today=TODAY)
    again = (tmp_path / "out.gift.txt").rename(tmp_path / "again.txt")

    report = import_gift(again, root, today=TODAY)

    assert set(load_quizzes(root).items) == {"x-single", "x-single-2"}
    assert lost(report, "x-single") == {"id x-single"}


def test_an_existing_bank_is_never_overwritten(root, tmp_path):
    (root / "quizzes" / "mine.yaml").write_text("[]\n", encoding="utf-8")
    for name in ("mine.txt", "objectives.txt", "misconceptions.txt"):
        (tmp_path / name).write_text("Two plus two? {=four}\n", encoding="utf-8")

        with pytest.raises(UsageError, match="Rename the file"):
            import_gift(tmp_path / name, root, today=TODAY)

    assert (root / "quizzes" / "mine.yaml").read_text(encoding="utf-8") == "[]\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("One?\n{=a ~b\n\nTwo? {=a}", 2, "do not end"),
        ("One?\n\nTwo } there", 3, "without an opening"),
        ("A {=a} and\n{=b}", 2, "second brace"),
        ("::name without end {=a}", 1, "does not end"),
        ("One? {\n=a\n~\n}", 3, "empty"),
        ("One? {~a ~b}", 1, "no answer is right"),
        ("One? {a ~b}", 1, "before the first answer"),
        ("One? {~%500%a ~b}", 1, "weight of 500"),
        ("One? {#twelve}", 1, "is no number"),
        ("One? {#}", 1, "no number"),
        ("One? {\n=a -> b\n=c\n}", 3, "has no ->"),
        ("// pgdojo: {broken\nOne? {=a}", 1, "not a JSON object"),
        ('// pgdojo: {"id": "\\ud800"}\nOne? {=a}', 1, "not a JSON object"),
    ],
)
def test_a_slip_in_a_gift_file_is_named_with_its_line_and_nothing_is_written(text, line, words, root, tmp_path):
    (tmp_path / "slip.txt").write_text(text, encoding="utf-8")
    before = sorted(root.rglob("*"))

    with pytest.raises(CourseError) as caught:
        import_gift(tmp_path / "slip.txt", root, today=TODAY)

    fault = caught.value.faults[0]
    assert (fault.file, fault.line) == ("slip.txt", line)
    assert words in fault.problem
    assert fault.next_step
    assert sorted(root.rglob("*")) == before


def test_every_slip_of_a_file_is_named_at_once(root, tmp_path):
    (tmp_path / "slips.txt").write_text("One? {#x}\n\nTwo? {~a ~b}\n", encoding="utf-8")

    with pytest.raises(CourseError) as caught:
        import_gift(tmp_path / "slips.txt", root, today=TODAY)

    assert [fault.line for fault in caught.value.faults] == [1, 3]


def test_a_question_that_is_too_long_is_left_out_and_the_rest_is_kept(root, tmp_path):
    (tmp_path / "long.txt").write_text(f"{'x' * 1300} {{=a}}\n\nTwo? {{=b}}\n", encoding="utf-8")

    report = import_gift(tmp_path / "long.txt", root, today=TODAY)

    assert list(load_quizzes(root).items) == ["two"]
    assert any("1200" in loss.what for loss in report.losses)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from([*"~=#{}:\\%\na1 *", "->", "::", "####", "T", "%50%", "// pgdojo: {}\n"]), max_size=30))
def test_any_file_is_read_or_refused_with_a_reason(pieces):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "any.txt").write_text("".join(pieces), encoding="utf-8")
        written = 0

        with suppress(CourseError, UsageError):
            written = import_gift(folder / "any.txt", folder, today=TODAY).written

        assert len(load_quizzes(folder).items) == written
        assert (folder / "quizzes").exists() == (written > 0)


@pytest.mark.parametrize(
    "meta",
    [
        {"id": 5, "objective": ["x"], "cites": "x"},
        {"part": "turn", "of": "x", "scenario": {"endings": 5, "objective": {}}, "choices": [1, 2]},
        {"part": "reason", "of": None, "options": {}},
        {"level": "guess"},
        {"options": [{"id": "A B"}, {}]},
        {"hint": {"a": [1]}},
    ],
)
def test_a_comment_that_was_tampered_with_breaks_nothing(meta, root, tmp_path):
    text = f"// pgdojo: {json.dumps(meta)}\nOne? {{=a ~b}}\n\nTwo? {{=a ~b}}\n"
    (tmp_path / "x.txt").write_text(text, encoding="utf-8")

    import_gift(tmp_path / "x.txt", root, today=TODAY)

    assert "two" in load_quizzes(root).items


# Anki


def in_anki(collection, package):
    from anki.collection import ImportAnkiPackageOptions, ImportAnkiPackageRequest

    request = ImportAnkiPackageRequest(package_path=str(package), options=ImportAnkiPackageOptions())
    return collection.import_anki_package(request).log


@pytest.fixture
def collection(tmp_path):
    pytest.importorskip("genanki")
    library = pytest.importorskip("anki.collection")
    (tmp_path / "anki").mkdir()
    opened = library.Collection(str(tmp_path / "anki" / "collection.anki2"))
    yield opened
    opened.close()


def test_anki_takes_a_note_for_each_item_and_each_turn(all_kinds, collection, tmp_path):
    report = export(all_kinds, find, "anki", tmp_path / "out.apkg", title="My :: course")

    log = in_anki(collection, tmp_path / "out.apkg")

    assert report.written == 8
    assert len(log.new) == collection.note_count() == collection.card_count() == 9
    assert not any(Path(collection.media.dir()).iterdir())
    decks = {deck.name for deck in collection.decks.all_names_and_ids()}
    assert {"pgdojo::My : course::backups", "pgdojo::My : course::security"} <= decks
    assert len(collection.find_cards('deck:"pgdojo::My : course::security"')) == 1
    assert len(collection.find_notes("tag:level::apply tag:objective::bk-restore tag:criticality::high")) == 8


def test_a_card_shows_options_and_hint_in_front_and_key_whys_and_source_behind(collection, tmp_path):
    one = item("single", stem="What does `x` **do**, <script>?", options=OPTIONS)
    export(quizzes_of([one]), find, "anki", tmp_path / "out.apkg", title="My course")
    in_anki(collection, tmp_path / "out.apkg")
    card = collection.get_card(collection.find_cards("")[0])

    front, back = card.question(), card.answer()

    assert "<p>What does <code>x</code> <strong>do</strong>, &lt;script&gt;?</p>" in front
    assert "Because" not in front
    assert "Think of <em>time</em>." in front
    assert '<li><span class="key">✓ =formula a:b' in back
    assert back.count("Because") == 3
    assert (
        '<a href="https://docs.aws.amazon.com/pitr.html?a=1&amp;b=2">Restoring a DB instance</a>, as of 2026-04' in back
    )
    assert "&#91;html]&lt;b&gt;bold&lt;/b&gt; and <code>code_x</code>" in back


def test_importing_again_updates_words_and_doubles_nothing(all_kinds, collection, tmp_path):
    export(all_kinds, find, "anki", tmp_path / "first.apkg", title="My course")
    in_anki(collection, tmp_path / "first.apkg")
    reworded = [one.model_copy(update={"stem": "Another stem?"}) for one in EVERY_KIND]
    time.sleep(1.1)  # Anki compares whole seconds
    export(quizzes_of(reworded), find, "anki", tmp_path / "second.apkg", title="My course")

    log = in_anki(collection, tmp_path / "second.apkg")

    assert (len(log.new), len(log.updated)) == (0, 9)
    assert collection.note_count() == collection.card_count() == 9
    assert len(collection.models.all_names_and_ids()) == len({m.name for m in collection.models.all_names_and_ids()})
    assert all("Another stem?" in collection.get_note(note)["Front"] for note in collection.find_notes(""))


# CSV


def test_the_table_reads_back_with_a_row_an_item_and_loses_nothing(all_kinds, tmp_path):
    export(all_kinds, find, "csv", tmp_path / "out.csv", title="My course")

    raw = (tmp_path / "out.csv").read_bytes()
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))}

    assert raw.startswith(b"\xef\xbb\xbf")
    assert list(rows) == [one.id for one in EVERY_KIND]
    for one in EVERY_KIND:
        row = rows[one.id]
        again = type(one).model_validate(
            {
                **{name: row[name] for name in ("id", "kind", "objective", "level", "as_of", "review_by", "stem")},
                "rev": int(row["rev"]),
                "difficulty": int(row["difficulty"]),
                "applies_to": {"products": row["products"].split(), "versions": row["versions"]},
                "cites": row["cites"].split(),
                "status": "published",
                **json.loads(row["options"]),
            }
        )
        assert again == one
    assert rows["x-true-false"]["key"].split("\n")[0] == "false"
    assert rows["x-numeric"]["key"] == "35.5 days"
    assert rows["x-single"]["sources"].startswith("Restoring a DB instance, as of 2026-04, https://")


@pytest.mark.parametrize("mark", "=+-@")
def test_no_cell_begins_like_a_formula(mark, tmp_path):
    one = item("single", stem=f"{mark}cmd|' /C calc'!A0?", options=[option("a", f"{mark}1", correct=True)])

    report = export(quizzes_of([one]), find, "csv", tmp_path / "out.csv", title="My course")

    text = (tmp_path / "out.csv").read_text(encoding="utf-8-sig")
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert row["stem"] == f"'{one.stem}"
    assert row["key"] == f"'{mark}1"
    assert lost(report, one.id) == {"stem that begins like a formula", "key that begins like a formula"}


# QTI


def qti_package(items, folder):
    export(quizzes_of(items), find, "qti", folder / "out.zip", title="My -- course")
    with zipfile.ZipFile(folder / "out.zip") as archive:
        return {name: ET.fromstring(archive.read(name)) for name in archive.namelist()}


def keys_in(root, name="RESPONSE"):
    found = root.find(f"{QTI}responseDeclaration[@identifier='{name}']/{QTI}correctResponse")
    return [value.text for value in found]


def test_every_file_of_the_qti_package_is_xml_and_named_in_the_manifest(tmp_path):
    files = qti_package(EVERY_KIND, tmp_path)

    manifest = files.pop("imsmanifest.xml")
    named = [element.get("href") for element in manifest.iter("{http://www.imsglobal.org/xsd/imscp_v1p1}file")]
    assert named == list(files)
    assert len(files) == 9
    assert {root.tag for root in files.values()} == {f"{QTI}assessmentItem"}
    identifiers = [root.get("identifier") for root in files.values()]
    assert len(set(identifiers)) == 9


def test_the_right_answers_of_the_qti_package_are_the_keys(tmp_path):
    files = qti_package(EVERY_KIND, tmp_path)

    assert {name.removeprefix("items/x-"): keys_in(root) for name, root in files.items() if "items" in name} == {
        "single.xml": ["o-a"],
        "multiple.xml": ["o-b", "o-c", "o-d"],
        "true-false.xml": ["v-false"],
        "ordering.xml": ["s-s1", "s-s2", "s-s3"],
        "numeric.xml": ["35.5"],
        "short-text.xml": ["rds.force_ssl"],
        "matching.xml": ["l-1 r-1", "l-2 r-2", "l-3 r-3"],
        "scenario-t1.xml": ["o-a"],
        "scenario-t2.xml": ["o-a"],
    }
    assert keys_in(files["items/x-true-false.xml"], "REASON") == ["o-a"]


def test_every_feedback_of_the_qti_package_can_be_reached_and_carries_its_why(tmp_path):
    files = qti_package(EVERY_KIND, tmp_path)

    single = files["items/x-single.xml"]
    shown = {one.get("identifier"): "".join(one.itertext()) for one in single.iter(f"{QTI}modalFeedback")}
    choices = {one.get("identifier"): "".join(one.itertext()) for one in single.iter(f"{QTI}simpleChoice")}
    assert set(shown) == {*choices, "general"}
    assert all(shown[name] == f"Because {text}" for name, text in choices.items())
    assert "Restoring a DB instance, as of 2026-04" in shown["general"]
    numeric = files["items/x-numeric.xml"]
    reached = {one.text for one in numeric.iter(f"{QTI}baseValue") if one.get("baseType") == "identifier"}
    assert (
        reached == {one.get("identifier") for one in numeric.iter(f"{QTI}modalFeedback")} == {"general", "w-1", "w-2"}
    )


def test_partial_marks_of_the_qti_package_follow_our_rules(tmp_path):
    files = qti_package(EVERY_KIND, tmp_path)

    points = {one.get("mapKey"): one.get("mappedValue") for one in files["items/x-multiple.xml"].iter(f"{QTI}mapEntry")}
    divisors = [one.text for one in files["items/x-multiple.xml"].iterfind(f".//{QTI}divide/{QTI}baseValue")]
    tolerance = files["items/x-numeric.xml"].find(f".//{QTI}equal").get("tolerance")
    assert points == {"o-a": "-1", "o-b": "1", "o-c": "1", "o-d": "1", "o-e": "-1"}
    assert divisors == ["3"]
    assert tolerance == "0.25 0.25"


def test_the_same_items_make_the_same_qti_package(tmp_path):
    qti_package(EVERY_KIND, tmp_path)
    first = (tmp_path / "out.zip").read_bytes()

    qti_package(EVERY_KIND, tmp_path)

    assert (tmp_path / "out.zip").read_bytes() == first


# From the files of a course


def test_a_course_on_disk_is_exported_from_its_banks(root, tmp_path):
    gift_text([item("single")], tmp_path)
    import_gift(tmp_path / "out.gift.txt", root, today=TODAY)
    bank = root / "quizzes" / "out-gift.yaml"
    bank.write_text(bank.read_text(encoding="utf-8").replace("status: draft", "status: published"), encoding="utf-8")
    confirm(root, load_quizzes(root), ["all"], find)

    report = export(load_quizzes(root), find, "gift", tmp_path / "again.txt", title="A/B {course}")

    assert report.written == 1
    assert (tmp_path / "again.txt").read_bytes() == (tmp_path / "out.gift.txt").read_bytes()
