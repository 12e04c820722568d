"""Quiz items are read as they were written, and are asked only while they rest on what their author confirmed."""

from __future__ import annotations

import json

import pytest
from test_item_rules import (
    BANK,
    FACTS,
    FILES,
    NUMERIC,
    OBJECTIVES,
    SHORT_TEXT,
    SINGLE,
    confirmed_course,
    line_of,
    write,
)

from pgdojo.course.banks import confirm, fingerprint, load_quizzes
from pgdojo.course.items import (
    KINDS,
    Amount,
    Choice,
    Ending,
    Matching,
    Multiple,
    Numeric,
    Ordering,
    Pair,
    Scenario,
    Scope,
    ShortText,
    Single,
    Step,
    Text,
    TrueFalse,
    WrongValue,
    normalised,
)
from pgdojo.course.load import load_course
from pgdojo.errors import CourseError, UsageError

LOCK = "quizzes/lock.json"


def loaded(root, **files):
    """The quizzes of the sound course with other files in `quizzes/`, called by their names without an ending."""
    changed = {f"quizzes/{name}.yaml": text for name, text in files.items()}
    return load_quizzes(write(root, {**FILES, **changed}))


def refused(root, **files):
    """What is said when the sound course with these other files is read."""
    with pytest.raises(CourseError) as caught:
        loaded(root, **files)
    return [str(fault) for fault in caught.value.faults]


def test_a_course_without_quizzes_asks_nothing(tmp_path):
    quizzes = load_quizzes(write(tmp_path, {"knowledge/notes.md": "# Notes\n"}))

    assert quizzes.items == {}
    assert quizzes.banks == ()
    assert quizzes.served(load_course(tmp_path).passage) == {}


def test_every_kind_is_read_into_its_record(tmp_path):
    items = loaded(tmp_path).items

    assert {name: type(item) for name, item in items.items()} == {
        "oven-single": Single,
        "oven-multiple": Multiple,
        "oven-verdict": TrueFalse,
        "oven-order": Ordering,
        "oven-minutes": Numeric,
        "oven-setting": ShortText,
        "oven-match": Matching,
        "oven-smoke": Scenario,
    }
    assert [item.kind for item in items.values()] == list(KINDS)


def test_an_item_is_read_as_it_was_written(tmp_path):
    items = loaded(tmp_path).items

    single, verdict = items["oven-single"], items["oven-verdict"]
    assert (single.rev, single.status, single.level, single.difficulty) == (1, "published", "apply", 3)
    assert (single.as_of, single.review_by, single.hint) == ("2024-03", "2025-01", None)
    assert single.applies_to == Scope()
    assert single.cites == ("facts#oven-heat",)
    assert [(one.id, one.correct, one.misconception) for one in single.options] == [
        ("a", True, None),
        ("b", False, "heat-is-instant"),
        ("c", False, "more-heat-is-faster"),
    ]
    assert verdict.answer is True
    assert [(one.id, one.correct) for one in verdict.reason.options] == [("a", True), ("b", False), ("c", False)]
    assert items["oven-order"].steps[0] == Step(
        id="light", text="Light the fire", why="Nothing warms up without a fire."
    )
    assert items["oven-minutes"].answer == Amount(value=20, unit="minutes", tolerance=2)
    assert items["oven-minutes"].wrong_values == (WrongValue(value=5, why="So long takes a pan on a stove."),)
    assert items["oven-setting"].accept == ("oven.max_heat", "max_heat")
    assert items["oven-setting"].near == (Text(text="oven.min_heat", why="It keeps the oven from going cold."),)
    assert items["oven-match"].pairs[0] == Pair(left="Wood", right="Ash", why="It stays on the floor of the oven.")
    assert items["oven-match"].rights == ("Ash", "Water", "Nothing", "Sand")
    assert items["oven-smoke"].turns[1].choices[0] == Choice(
        id="a",
        text="Take it out",
        correct=True,
        why="It has had all the heat it needs.",
        then="It is brown.",
        goto="saved",
    )
    assert items["oven-smoke"].ending("saved") == Ending(id="saved", good=True, say="There is bread.")
    assert items["oven-smoke"].ending("smoke") is None


KEYS = {
    "oven-single": ("Once the walls are warm",),
    "oven-multiple": ("It costs little", "It leaves ash"),
    "oven-verdict": ("They cost the least",),
    "oven-order": ("Light the fire", "Wait for the walls", "Put the loaf in"),
    "oven-minutes": ("20",),
    "oven-setting": ("oven.max_heat",),
    "oven-match": ("Wood: Ash", "Gas: Water", "A cable: Nothing"),
    "oven-smoke": ("Open the flue", "Take it out"),
}


@pytest.mark.parametrize("name", KEYS)
def test_the_key_of_an_item_is_what_must_be_picked_or_written(name, tmp_path):
    assert loaded(tmp_path).items[name].key_texts() == KEYS[name]


WHYS = {
    "oven-single": 3,
    "oven-multiple": 3,
    "oven-verdict": 5,
    "oven-order": 4,
    "oven-minutes": 2,
    "oven-setting": 2,
    "oven-match": 4,
    "oven-smoke": 4,
}


@pytest.mark.parametrize("name", WHYS)
def test_an_item_gives_every_why_that_was_written(name, tmp_path):
    whys = list(loaded(tmp_path).items[name].whys())

    assert len(whys) == len(set(whys)) == WHYS[name]
    assert all(f"why: {why}" in BANK or f"_true: {why}" in BANK or f"_false: {why}" in BANK for why in whys)


def test_an_item_knows_its_topic_and_whether_it_is_critical(tmp_path):
    quizzes = loaded(tmp_path)

    single, setting = quizzes.items["oven-single"], quizzes.items["oven-setting"]
    assert quizzes.topic(single) == "oven"
    assert quizzes.is_critical(single)
    assert not quizzes.is_critical(setting)


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        ("VACUUM", "vacuum"),
        ("  drop   table ", "drop table"),
        ("`rds.force_ssl`", "rds.force_ssl"),
        ("“rds.force_ssl”.", "rds.force_ssl"),
        ("rds.force_ssl = 1;", "rds.force_ssl=1"),
        ("ＲＤＳ", "rds"),
        ("...", ""),
    ],
)
def test_a_short_answer_is_compared_without_what_does_not_matter(typed, compared):
    assert normalised(typed) == compared


CHANGED = {
    "a field that nobody knows": (
        ("stem: The guests", "hnit: Look.\n  stem: The guests"),
        "hnit:",
        "oven-single, field hnit: the field is not known here. Did you mean hint?",
    ),
    "a kind that nobody knows": (
        ("kind: single", "kind: singel"),
        "kind: singel",
        "oven-single, field kind: “singel” is no kind of item. Did you mean single?",
    ),
    "a kind like none there is": (
        ("kind: single", "kind: essay"),
        "kind: essay",
        (
            "oven-single, field kind: “essay” is no kind of item. Write one of single, multiple, true-false, ordering, "
            "numeric, short-text, matching, scenario."
        ),
    ),
    "a kind that is a list": (
        ("kind: single", "kind: [single]"),
        "kind: [single]",
        "oven-single, field kind: “['single']” is no kind of item. Did you mean single?",
    ),
    "no kind": (
        ("  kind: single\n", ""),
        "",
        (
            "oven-single, field kind: the field is missing. Write one of single, multiple, true-false, ordering, "
            "numeric, short-text, matching, scenario."
        ),
    ),
    "a level that nobody knows": (
        ("level: apply", "level: aply"),
        "level: aply",
        (
            "oven-single, field level: Input should be 'remember', 'understand', 'apply' or 'analyse'. "
            "Did you mean apply?"
        ),
    ),
    "an option without a why": (
        ("      why: The walls are still cold at this moment.\n", ""),
        "- id: b",
        "oven-single, field options.1.why: the field is missing.",
    ),
    "a why with nothing behind its colon": (
        ("why: A loaf that waits for the heat dries out.", "why:"),
        "why:",
        "oven-single, field options.0.why: the field is missing.",
    ),
    "an item that cites nothing": (
        ("cites: [facts#oven-heat]", "cites: []"),
        "cites: []",
        "oven-single, field cites: Tuple should have at least 1 item after validation, not 0.",
    ),
    "a date that is none": (
        ('review_by: "2025-01"', "review_by: soon"),
        "review_by: soon",
        "oven-single, field review_by: must be a date such as 2026, 2026-04 or 2026-04-30.",
    ),
    "versions that are none": (
        ("stem: The guests", "applies_to: {versions: new}\n  stem: The guests"),
        "applies_to:",
        'oven-single, field applies_to.versions: must be versions such as "16", "13-18" or ">=11".',
    ),
    "options that are no list": (
        (SINGLE[SINGLE.index("options:") :], "options: none\n"),
        "options: none",
        "oven-single, field options: must be a list.",
    ),
}


@pytest.mark.parametrize("mistake", CHANGED)
def test_an_item_of_another_shape_is_refused_at_its_line(mistake, tmp_path):
    (old, new), where, message = CHANGED[mistake]
    assert SINGLE.count(old) == 1
    text = SINGLE.replace(old, new)

    said = refused(tmp_path, oven=text)

    assert said == [f"quizzes/oven.yaml, line {line_of(text, 'oven-single', where)}, {message}"]


@pytest.mark.parametrize("number", ["nan", "inf", "many"])
def test_a_number_that_nobody_can_be_near_is_refused(number, tmp_path):
    said = refused(tmp_path, oven=NUMERIC.replace("value: 20", f"value: {number}"))

    line = line_of(NUMERIC, "oven-minutes", "answer:")
    assert [fault.split(": ")[0] for fault in said] == [
        f"quizzes/oven.yaml, line {line}, oven-minutes, field answer.value"
    ]


def test_one_step_is_no_order(tmp_path):
    above = SINGLE.replace("kind: single", "kind: ordering").split("  options:", maxsplit=1)[0]
    step = "  why: One step is no order.\n  steps:\n    - {id: a, text: Bake, why: Nothing else is left.}\n"

    said = refused(tmp_path, oven=above + step)

    line = line_of(above + step, "oven-single", "- {id: a")
    assert said == [
        (
            f"quizzes/oven.yaml, line {line}, oven-single, field steps: Tuple should have at least 2 items after "
            "validation, not 1."
        )
    ]


@pytest.mark.parametrize("text", ["", "oven: hot\n", "just words\n"])
@pytest.mark.parametrize("name", ["oven", "objectives", "misconceptions"])
def test_a_file_that_is_no_list_is_refused(name, text, tmp_path):
    said = refused(tmp_path, **{name: text})

    advice = "the file must be a list of entries, each beginning with - id."
    assert f"quizzes/{name}.yaml, line 1: {advice}" in said


def test_an_entry_that_is_no_item_is_refused(tmp_path):
    said = refused(tmp_path, oven=f"{SINGLE}\n- bread\n")

    assert said[0].startswith(f"quizzes/oven.yaml, line {SINGLE.count(chr(10)) + 2}, field kind: “None” is no kind")


def test_a_file_that_is_not_utf_8_is_refused_at_its_line(tmp_path):
    said = refused(tmp_path, oven=SINGLE.encode().replace(b"The guests", b"The g\xfcests"))

    line = line_of(SINGLE, "oven-single", "stem:")
    assert said == [f"quizzes/oven.yaml, line {line}: a byte here is not UTF-8. Save the file as UTF-8."]


def test_every_fault_of_every_file_is_said_at_once(tmp_path):
    said = refused(
        tmp_path,
        oven=BANK.replace("level: apply", "level: high", 1).replace("rev: 1", "rev: 0", 1),
        objectives=OBJECTIVES.replace("criticality: high", "criticality: top"),
    )

    assert [fault.split(":")[0] for fault in said] == [
        "quizzes/objectives.yaml, line 4, oven-plan-baking, field criticality",
        "quizzes/oven.yaml, line 3, oven-single, field rev",
        "quizzes/oven.yaml, line 8, oven-single, field level",
        f"quizzes/oven.yaml, line {line_of(BANK, 'oven-minutes', 'objective:')}, oven-minutes, field objective",
    ]


def test_an_id_twice_in_one_file_is_refused(tmp_path):
    said = refused(tmp_path, oven=SINGLE + "\n" + SINGLE)

    assert said == [
        (
            f"quizzes/oven.yaml, line {SINGLE.count(chr(10)) + 2}, oven-single, field id: id-once: the id is taken. "
            "Rename one."
        )
    ]


def test_an_id_in_two_files_is_refused_and_the_owner_named(tmp_path):
    said = refused(tmp_path, oven=SINGLE, stove=f"{NUMERIC}\n{SINGLE}")

    assert said == [
        (
            f"quizzes/stove.yaml, line {NUMERIC.count(chr(10)) + 2}, oven-single, field id: id-once: the id is taken "
            "by quizzes/oven.yaml. Rename one."
        )
    ]


def test_an_id_of_two_objectives_is_refused(tmp_path):
    said = refused(tmp_path, objectives=OBJECTIVES.replace("- id: oven-choose-fuel", "- id: oven-plan-baking"))

    assert said[0] == (
        "quizzes/objectives.yaml, line 5, oven-plan-baking, field id: id-once: the id is taken. Rename one."
    )


@pytest.mark.parametrize(
    "damaged",
    [b"{", b"", b"\xff\xfe", b"[]", b'{"oven-single": ["facts#oven-heat"]}', b'"lock"', b"[" * 100_000],
    ids=["cut off", "empty", "no text", "a list", "a list within", "a word", "deep"],
)
def test_a_damaged_lock_file_is_refused_with_the_way_out(damaged, tmp_path):
    write(tmp_path, {**FILES, LOCK: damaged})

    with pytest.raises(CourseError) as caught:
        load_quizzes(tmp_path)

    assert str(caught.value) == (
        "quizzes/lock.json: the lock file is damaged. Take it from your version control, or delete it and run "
        "pgdojo check --confirm all."
    )


def test_nothing_is_confirmed_without_a_lock_file(tmp_path):
    quizzes = loaded(tmp_path)

    assert quizzes.lock == {}
    assert quizzes.served(load_course(tmp_path).passage) == {}


def test_what_is_confirmed_is_written_with_the_words_it_rests_on(tmp_path):
    write(tmp_path, FILES)
    find = load_course(tmp_path).passage

    changed = confirm(tmp_path, load_quizzes(tmp_path), ["oven-setting", "oven-minutes"], find)

    assert changed == ("oven-setting", "oven-minutes")
    assert json.loads((tmp_path / LOCK).read_bytes()) == {
        "oven-minutes": {"facts#oven-heat": fingerprint(find("facts#oven-heat"))},
        "oven-setting": {"facts#oven-limit": fingerprint(find("facts#oven-limit"))},
    }
    assert load_quizzes(tmp_path).served(find).keys() == {"oven-minutes", "oven-setting"}


def test_confirming_again_changes_nothing(tmp_path):
    root = confirmed_course(tmp_path)
    before = (root / LOCK).read_bytes()

    changed = confirm(root, load_quizzes(root), ["all"], load_course(root).passage)

    assert changed == ()
    assert (root / LOCK).read_bytes() == before


def test_confirming_one_item_keeps_the_others_and_drops_those_that_are_gone(tmp_path):
    root = confirmed_course(tmp_path)
    write(root, {"quizzes/oven.yaml": f"{SINGLE}\n{NUMERIC}"})

    confirm(root, load_quizzes(root), ["oven-minutes"], load_course(root).passage)

    assert list(json.loads((root / LOCK).read_bytes())) == ["oven-minutes", "oven-single"]


def test_a_lock_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    root = confirmed_course(tmp_path)
    # Who reads the old file while a new one is put in its place goes on reading the old one.
    (root / "held.json").hardlink_to(root / LOCK)
    before = (root / "held.json").read_bytes()
    write(root, {"quizzes/oven.yaml": SINGLE})

    confirm(root, load_quizzes(root), ["all"], load_course(root).passage)

    assert (root / "held.json").read_bytes() == before
    assert list(json.loads((root / LOCK).read_bytes())) == ["oven-single"]
    assert sorted(path.name for path in (root / "quizzes").iterdir()) == [
        "lock.json",
        "misconceptions.yaml",
        "objectives.yaml",
        "oven.yaml",
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["oven-single", "oven-singel"], "There is no item oven-singel. Did you mean oven-single?"),
        (["bread"], "There is no item bread. Name an item by its id, or all."),
    ],
)
def test_an_item_that_does_not_exist_is_not_confirmed_and_nothing_is_written(names, message, tmp_path):
    root = write(tmp_path, FILES)

    with pytest.raises(UsageError) as caught:
        confirm(root, load_quizzes(root), names, load_course(root).passage)

    assert str(caught.value) == message
    assert not (root / LOCK).exists()


def test_a_course_without_items_has_nothing_to_confirm(tmp_path):
    root = write(tmp_path, {"knowledge/notes.md": "# Notes\n"})

    with pytest.raises(UsageError, match=r"no quiz items to confirm\. Write some into quizzes/ first\."):
        confirm(root, load_quizzes(root), ["all"], load_course(root).passage)


def test_a_lock_file_that_cannot_be_written_is_said_and_the_old_one_stands(tmp_path):
    root = confirmed_course(tmp_path)
    before = (root / LOCK).read_bytes()
    (root / "quizzes" / "lock.new").mkdir()

    with pytest.raises(UsageError, match=r"lock\.json cannot be written \(.+\)\. Look at the permissions"):
        confirm(root, load_quizzes(root), ["all"], load_course(root).passage)

    assert (root / LOCK).read_bytes() == before


def test_an_item_that_cites_what_does_not_exist_is_not_confirmed_and_nothing_is_written(tmp_path):
    root = confirmed_course(tmp_path)
    before = (root / LOCK).read_bytes()
    bank = BANK.replace("cites: [facts#oven-limit]", "cites: [facts#oven-limit, facts#oven-door]")
    write(root, {"quizzes/oven.yaml": bank})

    with pytest.raises(UsageError) as caught:
        confirm(root, load_quizzes(root), ["all"], load_course(root).passage)

    assert str(caught.value) == "oven-setting cites facts#oven-door, which does not exist. Cite what is there."
    assert (root / LOCK).read_bytes() == before


def test_a_changed_passage_takes_exactly_its_items_out(tmp_path):
    root = confirmed_course(tmp_path)
    write(root, {"knowledge/facts/oven.yaml": FACTS.replace("cheapest fuel", "dearest fuel")})
    quizzes, find = load_quizzes(root), load_course(root).passage

    served = quizzes.served(find)

    assert quizzes.items.keys() - served.keys() == {"oven-multiple", "oven-verdict", "oven-match"}
    assert quizzes.unconfirmed(quizzes.items["oven-match"], find) == ("facts#oven-wood",)
    assert quizzes.unconfirmed(quizzes.items["oven-single"], find) == ()


def test_a_passage_that_is_gone_takes_its_items_out(tmp_path):
    root = confirmed_course(tmp_path)
    write(root, {"knowledge/facts/oven.yaml": FACTS.replace("- id: oven-limit", "- id: oven-limits")})

    served = load_quizzes(root).served(load_course(root).passage)

    assert "oven-setting" not in served
    assert len(served) == 7


def test_lines_that_are_wrapped_anew_change_nothing(tmp_path):
    page = "# Bread\n\nA loaf rests\nbefore it is cut.\n"
    bank = SHORT_TEXT.replace("facts#oven-limit", "bread#bread")
    root = write(tmp_path, {**FILES, "knowledge/bread.md": page, "quizzes/oven.yaml": bank})
    confirm(root, load_quizzes(root), ["all"], load_course(root).passage)

    write(root, {"knowledge/bread.md": "# Bread\n\nA loaf\nrests before   it\nis cut.\n"})
    rewrapped = load_quizzes(root).served(load_course(root).passage)
    write(root, {"knowledge/bread.md": page.replace("before", "after")})
    reworded = load_quizzes(root).served(load_course(root).passage)

    assert list(rewrapped) == ["oven-setting"]
    assert list(reworded) == []


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_only_what_is_published_is_asked(status, tmp_path):
    root = confirmed_course(tmp_path)
    unasked = NUMERIC.replace("status: published", f"status: {status}")
    write(root, {"quizzes/oven.yaml": BANK.replace(NUMERIC, unasked)})
    quizzes = load_quizzes(root)

    served = quizzes.served(load_course(root).passage)

    assert quizzes.items.keys() - served.keys() == {"oven-minutes"}
