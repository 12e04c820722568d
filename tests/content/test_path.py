"""The course's own path: all is on it, every track can be walked, and what it says to ask is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgdojo.course.banks import load_quizzes
from pgdojo.course.check import check_course
from pgdojo.course.labs import load_labs
from pgdojo.course.paths import load_path

ROOT = Path(__file__).resolve().parents[2]
PATH = load_path(ROOT)
TRACKS = [track.id for track in PATH.tracks]
QUESTIONS = [question for module in PATH.modules for question in module.ask]


def test_the_path_keeps_every_rule():
    faults = [fault for fault in check_course(ROOT).faults if fault.file == "knowledge/path.yaml"]

    assert faults == []


def test_the_path_leads_from_the_options_to_the_pager_for_three_kinds_of_work():
    modules = [module.id for module in PATH.modules]

    assert TRACKS == ["developer", "dba", "on-call"]
    assert (modules[0], modules[-1], len(modules)) == ("options", "on-call", 10)


def test_one_track_holds_every_objective_of_the_course():
    held = {objective for module in PATH.of("dba") for objective in module.objectives}

    assert held == set(load_quizzes(ROOT).objectives)


@pytest.mark.parametrize("track", TRACKS)
def test_what_a_module_asks_to_master_was_practised_in_it_or_before(track):
    labs, seen = load_labs(ROOT), set()
    on_track = {lab for module in PATH.of(track) for lab in module.labs}

    too_early = []
    for module in PATH.of(track):
        seen.update(module.labs)
        later = [labs[name] for name in on_track - seen]
        too_early += [(name, lab.id) for name in module.objectives for lab in later if name in lab.objectives]

    assert too_early == []


@pytest.mark.parametrize("track", TRACKS)
def test_every_gate_can_be_failed_and_passed(track):
    served = {item.objective for item in load_quizzes(ROOT).items.values() if item.status == "published"}

    short = [module.id for module in PATH.of(track) if len(served.intersection(module.objectives)) < 5]

    assert short == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_the_path_says_is_worth_asking_is_answered(dojo, question):
    answer = dojo.ask(question)

    assert not answer.refused
    assert answer.citations
