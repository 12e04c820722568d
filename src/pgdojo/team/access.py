"""Who may do what: one table, and one function that reads it with the role of this moment."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from pgdojo.errors import AccessError
from pgdojo.learner.people_journal import PeopleJournal
from pgdojo.learner.records import LOCAL, Role

OPERATOR = "operator"
"""Who acts by the command line on the machine that holds the journal."""

Scope = Literal["own", "mentees", "all"]
"""On whose behalf: one's own, one's own and one's mentees', or everybody's."""


class Action(StrEnum):
    """Everything that anybody can do."""

    ASK = "ask questions"
    READ = "read the material"
    QUIZ = "take quizzes"
    LAB = "do labs"
    ENROL = "choose a track"
    ASK_SIGN_OFF = "put a task forward"
    TOKEN = "make tokens"  # noqa: S105 - what is done, no token
    OWN_DATA = "see and export what is recorded of oneself"
    CERTIFY = "be given a certificate"
    SEE_PROGRESS = "see somebody's progress"
    SEE_EVIDENCE = "see somebody's answers and lab evidence"
    SIGN_OFF = "sign a task off"
    ASSIGN_MENTOR = "name a mentor"
    SEE_TEAM = "see the team"
    SEE_MATERIAL = "see what the material lacks"
    RESOLVE = "resolve a gap, a dispute or a thumb down"
    EXPORT_TEAM = "export the team's records"
    FORGET = "delete what is recorded of somebody"
    GRANT = "change roles"
    SEE_AUDIT = "read the audit log"


_OWN: Mapping[str, Scope] = {"learner": "own", "mentor": "own", "trainer": "own"}
_TRAINER: Mapping[str, Scope] = {"trainer": "all", OPERATOR: "all"}
_MENTOR: Mapping[str, Scope] = {"mentor": "mentees", **_TRAINER}

MATRIX: Mapping[Action, Mapping[str, Scope]] = MappingProxyType(
    {
        Action.ASK: _OWN,
        Action.READ: _OWN,
        Action.QUIZ: _OWN,
        Action.LAB: _OWN,
        Action.ENROL: _OWN,
        Action.ASK_SIGN_OFF: _OWN,
        Action.TOKEN: _OWN,
        Action.OWN_DATA: {**_OWN, OPERATOR: "all"},
        Action.CERTIFY: _OWN,
        Action.SEE_PROGRESS: {"learner": "own", **_MENTOR},
        Action.SEE_EVIDENCE: {"learner": "own", **_MENTOR},
        Action.SIGN_OFF: _MENTOR,
        Action.ASSIGN_MENTOR: _TRAINER,
        Action.SEE_TEAM: _TRAINER,
        Action.SEE_MATERIAL: _TRAINER,
        Action.RESOLVE: _TRAINER,
        Action.EXPORT_TEAM: _TRAINER,
        Action.FORGET: _TRAINER,
        Action.GRANT: {OPERATOR: "all"},
        Action.SEE_AUDIT: {OPERATOR: "all"},
    }
)
"""For each action who may do it, and on whose behalf. Who is not named may not."""


class Access:
    """Decides, with the role that stands in the journal at this moment; safe to share between threads."""

    def __init__(self, people: PeopleJournal, *, solo: bool) -> None:
        """Read roles from `people`; with `solo` the one person of this machine is their own trainer."""
        self._people = people
        self._solo = solo

    def role(self, person: str) -> Role:
        """The role of a person now; whoever was given none learns."""
        if self._solo and person == LOCAL:
            return "trainer"
        grant = self._people.role(person)
        return grant.role if grant else "learner"

    def may(self, person: str, action: Action, about: str | None = None) -> bool:
        """Whether `person` may do `action`, on behalf of the learner `about`, or of nobody in particular."""
        if not person:
            return False
        scope = MATRIX[action].get(OPERATOR if person == OPERATOR else self.role(person))
        if scope is None or (action is Action.SIGN_OFF and about == person and not self._solo):
            return False
        if about is None:
            # Lists and totals of everybody are for those who may see everybody; one's own things name their owner.
            return scope == "all" or MATRIX[action] is _OWN or action is Action.SIGN_OFF
        if scope == "all" or about == person:
            return True
        return scope == "mentees" and self._is_mentee(about, person)

    def require(self, person: str, action: Action, about: str | None = None) -> None:
        """Let `person` do `action`.

        Raises:
            AccessError: They may not.
        """
        if not self.may(person, action, about):
            raise AccessError(
                f"You may not {action.value}{' of somebody else' if about not in (None, person) else ''}.",
                next_step="Ask the trainer of your team.",
            )

    def _is_mentee(self, learner: str, mentor: str) -> bool:
        enrolment = self._people.enrolment(learner)
        return enrolment is not None and enrolment.mentor == mentor
