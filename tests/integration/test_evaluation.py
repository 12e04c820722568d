"""The answers stay as good as they were: the figures of the question set are held against recorded floors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pgdojo.ask.evaluation import load_questions
from pgdojo.ask.report import as_tables, below_floors
from pgdojo.dojo import evaluation_of
from pgdojo.errors import CourseError, UsageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_gate_in_use_stands_above_the_floors_on_questions_that_it_was_not_fitted_on(dojo, tmp_path):
    # Fitting it anew for cross-validation takes minutes; `make eval` does that, and holds both parts to their floors.
    shutil.copy(ROOT / "tests" / "questions" / "held-out.yaml", tmp_path)
    floors = json.loads((ROOT / "tests" / "floors.json").read_text())
    (tmp_path / "floors.json").write_text(json.dumps({"held out": floors["held out"]}))

    figures = evaluation_of(dojo.course_folder, tmp_path)

    assert below_floors(figures, tmp_path / "floors.json") == []
    fusion = {row["method"]: row for row in figures["retrieval"]["held out"]}
    assert fusion["fusion"]["mrr"] > max(fusion["words"]["mrr"], fusion["vectors"]["mrr"])
    assert "Answers, held out" in as_tables(figures)


def test_the_question_set_is_large_and_hard_enough():
    entries = [entry for group in load_questions(ROOT / "tests" / "questions") for entry in group.entries]
    unanswerable = [entry for entry in entries if not entry.answerable]
    kinds = {entry.kind for entry in entries}

    assert len(entries) >= 300
    assert len(unanswerable) >= 120
    assert sum(entry.distance == "near" for entry in unanswerable) > len(unanswerable) / 2
    assert {"direct", "keywords", "typo", "how-to", "why", "comparison", "then-and-now", "yes-no", "number", "two-part",
            "false-premise", "follow-up"} <= kinds  # fmt: skip


def test_what_falls_below_a_floor_is_said(tmp_path):
    path = tmp_path / "floors.json"
    path.write_text(json.dumps({"held out": {"accuracy": 0.9, "false_refusals": {"at_most": 0.05}, "support": 1.0}}))
    figures = {"answers": {"held out": [{"name": "all", "accuracy": 0.89, "false_refusals": 0.06, "support": 1.0}]}}

    assert below_floors(figures, path) == [
        "held out: accuracy is 0.890, below 0.9.",
        "held out: false_refusals is 0.060, above 0.05.",
    ]
    assert below_floors(figures, tmp_path / "none.json") == []
    assert below_floors({"answers": {}}, path)[0] == "held out: accuracy was not measured, and has a floor."


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- id: a\n  kind: direct\n  question: x\n", "either matches and evidence, or refusal"),
        ("- id: a\n  kind: direct\n  question: x\n  matches: ['(']\n", "is no regular expression"),
        ("- id: a\n  kind: u\n  question: x\n  refusal: never\n", "refusal"),
        (
            "- {id: a, kind: u, question: x, refusal: unclear}\n- {id: a, kind: u, question: y, refusal: unclear}\n",
            "is taken",
        ),
    ],
)
def test_a_wrong_question_is_named_with_its_line(tmp_path, text, complaint):
    (tmp_path / "set.yaml").write_text(text)

    with pytest.raises(CourseError, match=r"set\.yaml, line \d") as caught:
        load_questions(tmp_path)

    assert complaint in str(caught.value)


def test_a_folder_without_questions_is_named(tmp_path):
    with pytest.raises(UsageError, match="There are no questions in"):
        load_questions(tmp_path)
