"""The gate's classifier gives the numbers that can be worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pgdojo.ask.gate import nearest
from pgdojo.ask.trees import BoostedTrees, FittedGate
from pgdojo.errors import UsageError

STUMPS = BoostedTrees(
    feature=np.array([[0, -1, -1], [1, -1, -1]], dtype=np.int32),
    threshold=np.array([[0.5, 0, 0], [2.0, 0, 0]], dtype=np.float32),
    left=np.array([[1, 0, 0], [1, 0, 0]], dtype=np.int32),
    right=np.array([[2, 0, 0], [2, 0, 0]], dtype=np.int32),
    value=np.array([[0, -1.0, 1.0], [0, 0.25, -0.25]], dtype=np.float32),
    prior=0.5,
    depth=1,
)


@pytest.mark.parametrize(
    ("row", "log_odds"),
    [([0.0, 0.0], 0.5 - 1.0 + 0.25), ([1.0, 0.0], 0.5 + 1.0 + 0.25), ([0.5, 3.0], 0.5 - 1.0 - 0.25)],
)
def test_the_leaves_of_all_trees_are_summed(row, log_odds):
    assert STUMPS.probability(np.array(row, dtype=np.float32)) == pytest.approx(1 / (1 + math.exp(-log_odds)))


def test_a_gate_reads_what_it_wrote(tmp_path):
    gate = FittedGate(trees=STUMPS, features=("b", "a"), threshold=0.4, fitted_on=12)
    gate.save(tmp_path / "gate.json", {"held out": {"accuracy": 0.9}})

    read = FittedGate.load(tmp_path / "gate.json", ["a", "b", "c"])

    assert (read.features, read.threshold, read.fitted_on) == (("b", "a"), 0.4, 12)
    assert list(read.columns(["a", "b", "c"])) == [1, 0]
    row = np.array([1.0, 3.0], dtype=np.float32)
    assert read.trees.probability(row) == pytest.approx(STUMPS.probability(row))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"trees": {}}', json.dumps({"features": ["a"], "threshold": "x"})])
def test_a_damaged_gate_is_named(tmp_path, content):
    (tmp_path / "gate.json").write_text(content)

    with pytest.raises(UsageError, match=r"gate\.json cannot be read\. Run pgdojo eval --fit\."):
        FittedGate.load(tmp_path / "gate.json", ["a"])


def test_a_gate_of_other_features_is_refused(tmp_path):
    FittedGate(trees=STUMPS, features=("old",), threshold=0.4, fitted_on=1).save(tmp_path / "gate.json", {})

    with pytest.raises(UsageError, match="fitted on other features"):
        FittedGate.load(tmp_path / "gate.json", ["new"])


def test_the_nearest_questions_are_the_largest_and_the_mean_of_five():
    assert nearest(np.array([0.1, 0.9, 0.5, 0.3, 0.2, 0.7, 0.0])) == pytest.approx(
        [0.9, (0.9 + 0.7 + 0.5 + 0.3 + 0.2) / 5]
    )
    assert nearest(np.array([0.4])) == pytest.approx([0.4, 0.4])
    assert nearest(np.array([])) == [0.0, 0.0]
