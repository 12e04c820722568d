"""What goes wrong reads the same wherever it is read: what failed, on what, and what to do next."""

from __future__ import annotations

import inspect

import pytest

from pgdojo import errors
from pgdojo.errors import CourseError, Fault, PgdojoError, UsageError


def test_a_fault_names_file_line_item_and_field_and_then_what_to_do():
    fault = Fault(
        file="knowledge/facts/oven.yaml",
        line=42,
        item="oven-heat",
        field="as_of",
        problem="the field is missing.",
        next_step="Write it.",
    )

    assert str(fault) == ("knowledge/facts/oven.yaml, line 42, oven-heat, field as_of: the field is missing. Write it.")


def test_a_fault_of_a_whole_file_names_no_line():
    assert str(Fault(file="a.md", problem="the page has no table.")) == "a.md: the page has no table."


def test_several_faults_are_one_error_that_says_where_the_others_are():
    faults = [
        Fault(file="a.md", problem="one."),
        Fault(file="b.md", problem="two."),
        Fault(file="c.md", problem="three."),
    ]

    error = CourseError(faults)

    assert str(error) == "a.md: one. (2 more: run pgdojo check)"
    assert error.faults == tuple(faults)
    assert str(CourseError(faults[:1])) == "a.md: one."


def test_an_error_says_what_failed_and_the_next_step():
    assert str(UsageError("There is no folder.", next_step="Name one.")) == "There is no folder. Name one."
    assert str(UsageError("There is no folder.")) == "There is no folder."


def test_every_error_of_the_family_stands_in_the_tree_at_the_top():
    family = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, PgdojoError)]

    assert [kind.__name__ for kind in family if kind.__name__ not in errors.__doc__] == []


@pytest.mark.parametrize(("error", "code"), [(UsageError("a"), 2), (CourseError([Fault(file="a", problem="b")]), 1)])
def test_a_wrong_call_and_a_failure_leave_with_different_codes(error, code):
    assert error.exit_code == code
