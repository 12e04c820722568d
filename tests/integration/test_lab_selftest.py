"""Every lab of the course runs: its solution passes, two of its mistakes are told their reason, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgdojo.course.labs import load_labs
from pgdojo.lab.runner import missing
from pgdojo.lab.selftest import run

LABS = load_labs(Path(__file__).resolve().parents[2])
MISTAKES = 2
"""Of each lab; each needs servers of its own, and `pgdojo lab test` makes all of them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", LABS)
def test_a_lab_keeps_its_promises(name):
    lacking = missing(LABS[name])
    if lacking:
        pytest.skip(f"nothing on this machine has {', '.join(lacking)}")

    report = run(LABS[name], mistakes=MISTAKES)

    assert [str(line) for line in report.faults] == []
    assert any(line.verdict == "ok" for line in report.lines)
