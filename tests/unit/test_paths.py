"""A path as its author writes it: read with every fault in its place, and judged against what the course holds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pgdojo.course.banks import Quizzes
from pgdojo.course.check import check_course
from pgdojo.course.paths import judge, load_path, read_path
from pgdojo.errors import CourseError

PATH = """\
title: From flour to bread
tracks:
  - {id: baker, name: Baker, says: You bake.}
  - {id: seller, name: Seller, says: You sell.}
modules:
  - id: dough
    title: Dough
    why: Nothing rises without it.
    minutes: 30
    read: [handbook/dough#knead]
    ask: [How long does dough rest?]
    objectives: [knead-well, rest-long]
    labs: [knead]
  - id: oven
    title: The oven
    why: It is hot.
    minutes: 20
    tracks: [baker]
    after: [dough]
    objectives: [heat-up]
    team:
      - {id: find-our-oven, title: Find our oven, do: Go and look., why: You will need it.}
"""
PASSAGES = {"handbook/dough#knead", "facts#flour"}
QUIZZES = Quizzes(objectives=dict.fromkeys(("knead-well", "rest-long", "heat-up")))
LABS = {"knead": SimpleNamespace(id="knead")}


@pytest.fixture
def write(course):
    """A function that writes a path and returns its course."""
    return lambda text: course({"notes.md": "# Bread\n\nBread is baked.\n", "path.yaml": text})


@pytest.fixture
def faults(write):
    """A function that gives the faults of a path, as they are shown."""

    def found(text):
        written = read_path(write(text))
        return [str(fault) for fault in judge(written, lambda name: name if name in PASSAGES else None, QUIZZES, LABS)]

    return found


def test_a_course_without_a_path_has_no_modules(course):
    path = load_path(course({"notes.md": "# Bread\n"}))

    assert (path.tracks, path.modules) == ((), ())


def test_a_track_holds_the_modules_that_name_it_and_those_that_name_none(write):
    path = load_path(write(PATH))

    assert [module.id for module in path.of("baker")] == ["dough", "oven"]
    assert [module.id for module in path.of("seller")] == ["dough"]


def test_a_gate_that_is_not_written_asks_ten_questions_and_wants_eight_of_ten(write):
    gate = load_path(write(PATH)).modules[0].gate

    assert (gate.count, gate.pass_mark) == (10, 0.8)


def test_a_sound_path_has_no_faults(faults):
    assert faults(PATH) == []


@pytest.mark.parametrize(
    ("written", "instead", "fault"),
    [
        (
            "minutes: 30",
            "minutes: long",
            "line 9, module dough, field minutes: Input should be a valid integer",
        ),
        ("    why: Nothing rises without it.\n", "", "line 6, module dough, field why: the field is missing."),
        (
            "    ask: [How",
            "    asks: [How",
            "line 11, module dough, field asks: the field is not known here. Did you mean ask?",
        ),
        (", do: Go and look.", "", "line 22, module oven, field team.0.do: the field is missing."),
        ("  - id: oven\n", "  -\n  - id: oven\n", "line 14, module 2: must be fields, each on a line with a colon."),
        ("minutes: 20", "minutes: 20\n    gate: {count: 1}", "line 18, module oven, field gate.count: Input should be"),
    ],
)
def test_a_slip_is_reported_with_its_line_its_module_and_its_field(write, written, instead, fault):
    folder = write(PATH.replace(written, instead))

    with pytest.raises(CourseError) as error:
        load_path(folder)

    assert f"knowledge/path.yaml, {fault}" in str(error.value)


@pytest.mark.parametrize("text", ["", "- id: dough\n", "bread"])
def test_a_path_that_is_no_list_of_fields_is_refused_with_a_way_on(write, text):
    folder = write(text)

    with pytest.raises(CourseError, match=r"path\.yaml, line 1: the file must be fields, the first of them title\."):
        load_path(folder)


@pytest.mark.parametrize(
    ("written", "instead", "fault"),
    [
        (
            "[handbook/dough#knead]",
            "[handbook/dough#kneed]",
            (
                "line 10, module dough, field read.0: there is no passage handbook/dough#kneed. "
                "Take the id from the address of the section in the book."
            ),
        ),
        (
            "[handbook/dough#knead]",
            "[facts#flour]",
            "line 10, module dough, field read.0: facts#flour is a fact. Name a section that explains it.",
        ),
        (
            "rest-long]",
            "rest-long, heat-ups]",
            "line 12, module dough, field objectives.2: there is no objective heat-ups. Did you mean heat-up?",
        ),
        (
            "labs: [knead]",
            "labs: [knead, kneat]",
            "line 13, module dough, field labs.1: there is no lab kneat. Did you mean knead?",
        ),
        (
            "tracks: [baker]",
            "tracks: [bakers]",
            "line 18, module oven, field tracks.0: there is no track bakers. Did you mean baker?",
        ),
        (
            "after: [dough]",
            "after: [doug]",
            "line 19, module oven, field after.0: there is no module doug. Did you mean dough?",
        ),
    ],
)
def test_a_name_that_nothing_has_is_a_fault_that_offers_the_nearest(faults, written, instead, fault):
    assert f"knowledge/path.yaml, {fault}" in faults(PATH.replace(written, instead))


@pytest.mark.parametrize(
    ("written", "instead", "fault"),
    [
        (
            "[heat-up]",
            "[heat-up, knead-well]",
            "line 20, module oven, field objectives.1: the objective knead-well stands twice. Keep one.",
        ),
        (
            "[heat-up]",
            "[heat-up]\n    labs: [knead]",
            "line 21, module oven, field labs.0: the lab knead stands twice.",
        ),
        ("- id: oven", "- id: dough", "line 14, module dough, field id: the module dough stands twice. Keep one."),
        ("{id: seller", "{id: baker", "line 4, track baker, field id: the track baker stands twice. Keep one."),
        (
            "      - {id: find-our-oven",
            "      - {id: find-our-oven, title: Look, do: Look., why: So.}\n      - {id: find-our-oven",
            "line 23, module oven, field team.1.id: the task find-our-oven stands twice. Keep one.",
        ),
    ],
)
def test_what_may_stand_once_is_a_fault_where_it_stands_again(faults, written, instead, fault):
    assert any(found.startswith(f"knowledge/path.yaml, {fault}") for found in faults(PATH.replace(written, instead)))


def test_an_objective_and_a_lab_that_no_module_holds_are_faults(faults):
    found = faults(PATH.replace("[knead-well, rest-long]", "[knead-well]").replace("    labs: [knead]\n", ""))

    assert found == [
        (
            "knowledge/path.yaml, line 6, field modules: the objective rest-long is in no module. "
            "Name it under objectives of one."
        ),
        "knowledge/path.yaml, line 6, field modules: the lab knead is in no module. Name it under labs of one.",
    ]


def test_modules_that_wait_for_one_another_in_a_circle_are_faults(faults):
    found = faults(PATH.replace("    read:", "    after: [oven]\n    read:"))

    never = "field after: the module never opens: modules wait for one another in a circle."
    assert found == [
        f"knowledge/path.yaml, line 10, module dough, {never}",
        f"knowledge/path.yaml, line 20, module oven, {never}",
    ]


def test_a_module_that_waits_for_one_below_it_is_a_fault(faults):
    found = faults(PATH.replace("after: [dough]", "after: []").replace("    read:", "    after: [oven]\n    read:"))

    assert found == [
        (
            "knowledge/path.yaml, line 10, module dough, field after.0: oven stands below, and comes first. "
            "Put the modules into the order in which they are done."
        )
    ]


def test_a_module_in_which_there_is_nothing_to_do_is_a_fault(faults):
    found = faults(PATH + "  - {id: rest, title: Rest, why: You are tired., minutes: 10}\n")

    assert found == [
        (
            "knowledge/path.yaml, line 23, module rest: there is nothing to do. "
            "Give it something to read, ask, answer or practise."
        )
    ]


def test_a_path_that_nobody_can_follow_is_a_fault(faults):
    assert [fault.split(": ", 1)[1] for fault in faults("title: Bread\n")][:2] == [
        "there is no track. Write at least one; a learner chooses among them.",
        "there is no module. Write at least one.",
    ]


def test_a_track_without_a_module_is_a_fault(faults):
    found = faults(PATH.replace("minutes: 30\n", "minutes: 30\n    tracks: [baker]\n"))

    assert found == [
        "knowledge/path.yaml, line 3, field tracks: the track seller holds no module. Name it under tracks of a module."
    ]


def test_a_check_of_the_course_judges_its_path_and_counts_its_modules(write):
    report = check_course(write(PATH))

    problems = [str(fault) for fault in report.faults]
    assert "2 modules of the path" in report.summary
    assert "knowledge/path.yaml, line 13, module dough, field labs.0: there is no lab knead." in problems
