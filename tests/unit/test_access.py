"""Who may do what: every cell of the table is said here once more, by hand, and read with the role of the moment."""

from __future__ import annotations

import pytest

from pgdojo.errors import AccessError
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LOCAL
from pgdojo.team.access import OPERATOR, Access, Action

CALLERS = (
    ("a learner on their own", "ann", "ann"),
    ("a learner on another's", "ann", "bob"),
    ("a mentor on their mentee's", "mia", "bob"),
    ("a mentor on another's", "mia", "ann"),
    ("a mentor on their own", "mia", "mia"),
    ("a trainer on another's", "tom", "ann"),
    ("a trainer on their own", "tom", "tom"),
    ("one who is blocked on their own", "zoe", "zoe"),
    ("nobody on a learner's", "", "ann"),
    ("the operator on a learner's", OPERATOR, "ann"),
)

ONES_OWN = "y...y.y..."
ALLOWED = {
    Action.ASK: ONES_OWN,
    Action.READ: ONES_OWN,
    Action.QUIZ: ONES_OWN,
    Action.LAB: ONES_OWN,
    Action.ENROL: ONES_OWN,
    Action.ASK_SIGN_OFF: ONES_OWN,
    Action.TOKEN: ONES_OWN,
    Action.CERTIFY: ONES_OWN,
    Action.OWN_DATA: "y...y.y..y",
    Action.SEE_PROGRESS: "y.y.yyy..y",
    Action.SEE_EVIDENCE: "y.y.yyy..y",
    Action.SIGN_OFF: "..y..y...y",
    Action.ASSIGN_MENTOR: ".....yy..y",
    Action.SEE_TEAM: ".....yy..y",
    Action.SEE_MATERIAL: ".....yy..y",
    Action.RESOLVE: ".....yy..y",
    Action.EXPORT_TEAM: ".....yy..y",
    Action.FORGET: ".....yy..y",
    Action.GRANT: ".........y",
    Action.SEE_AUDIT: ".........y",
}


@pytest.fixture
def people(tmp_path):
    with Journal.open(f"sqlite:///{tmp_path / 'journal.sqlite3'}") as journal:
        for learner, role in (("mia", "mentor"), ("tom", "trainer"), ("zoe", "blocked")):
            journal.people.grant(learner, role, by=OPERATOR)
        journal.people.enrol("bob", track="developer", mentor="mia")
        yield journal.people


def test_every_action_has_a_row_in_this_table():
    assert set(ALLOWED) == set(Action)


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name.lower())
def test_nobody_may_do_more_than_the_table_says(people, action):
    access = Access(people, solo=False)

    seen = "".join("y" if access.may(who, action, about) else "." for _, who, about in CALLERS)

    differences = [
        name
        for (name, *_), is_allowed, wanted in zip(CALLERS, seen, ALLOWED[action], strict=True)
        if is_allowed != wanted
    ]
    assert differences == []


@pytest.mark.parametrize(("who", "may"), [("ann", False), ("mia", False), ("tom", True), ("", False), (OPERATOR, True)])
def test_totals_of_everybody_are_for_those_who_may_see_everybody(people, who, may):
    access = Access(people, solo=False)

    assert [access.may(who, action) for action in (Action.SEE_PROGRESS, Action.SEE_TEAM, Action.EXPORT_TEAM)] == [
        may
    ] * 3


def test_a_trainer_whose_role_is_taken_is_refused_at_the_very_next_call(people):
    access = Access(people, solo=False)
    access.require("tom", Action.SEE_TEAM)

    people.grant("tom", "learner", by=OPERATOR, reason="moved on")

    with pytest.raises(AccessError, match="may not see the team"):
        access.require("tom", Action.SEE_TEAM)


def test_a_mentor_whose_mentee_goes_to_another_sees_nothing_of_them_any_more(people):
    access = Access(people, solo=False)

    people.enrol("bob", track="developer", mentor="tom")

    with pytest.raises(AccessError, match="of somebody else"):
        access.require("mia", Action.SEE_EVIDENCE, "bob")


def test_the_one_person_of_a_machine_is_their_own_trainer(people):
    alone, in_a_team = Access(people, solo=True), Access(people, solo=False)

    assert alone.may(LOCAL, Action.SIGN_OFF, LOCAL)
    assert alone.may(LOCAL, Action.SEE_MATERIAL)
    assert not in_a_team.may(LOCAL, Action.SEE_MATERIAL)
