"""For how long what was done for a step was at work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pgdojo.errors import LabError
from pgdojo.lab import deeds
from pgdojo.lab.deeds import Deed, at_work, keep

NINE = datetime(2026, 11, 27, 9, tzinfo=UTC)


def after(seconds):
    return NINE + timedelta(seconds=seconds)


def test_a_step_of_which_nothing_is_known_has_no_time_of_work(tmp_path):
    keep(tmp_path, Deed(step="other", began=NINE, seconds=2))

    assert at_work(tmp_path, "restore", after(60)) is None
    assert at_work(tmp_path / "nowhere", "restore", after(60)) is None


def test_reading_between_two_deeds_and_before_the_check_does_not_count(tmp_path):
    keep(tmp_path, Deed(step="dump", began=after(30), seconds=0.5))
    keep(tmp_path, Deed(step="other", began=after(40), seconds=7))
    keep(tmp_path, Deed(step="dump", began=after(90), seconds=1.25))

    assert at_work(tmp_path, "dump", after(300)) == 1.75


def test_what_goes_on_after_its_return_counts_up_to_the_next_deed_or_the_pass(tmp_path):
    keep(tmp_path, Deed(step="create", began=after(10), seconds=None))
    keep(tmp_path, Deed(step="create", began=after(14), seconds=1))
    keep(tmp_path, Deed(step="create", began=after(20), seconds=None))

    assert at_work(tmp_path, "create", after(23)) == 4 + 1 + 3


def test_what_fails_is_not_noted(tmp_path):
    with pytest.raises(LabError), deeds.noted(tmp_path, "restore"):
        raise LabError("No.")

    assert at_work(tmp_path, "restore", after(60)) is None


def test_what_is_done_while_the_sandbox_is_removed_breaks_nothing(tmp_path):
    keep(tmp_path / "gone", Deed(step="restore", began=NINE, seconds=1))

    assert list(tmp_path.iterdir()) == []
