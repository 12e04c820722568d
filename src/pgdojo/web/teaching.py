"""Which of the trainer's pages are in the menu; each of them looks again by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgdojo.learner.records import LOCAL
from pgdojo.team.access import Action
from pgdojo.web import identity

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo


def sees_team(dojo: Dojo) -> bool:
    """Whether there is a team to be seen by whoever is at the page; alone on a machine there is none."""
    if identity.me() == LOCAL:
        return any(person.learner != LOCAL for person in dojo.journal.people.people())
    return dojo.access.may(identity.me(), Action.SEE_TEAM) or dojo.access.may(identity.me(), Action.SIGN_OFF)


def sees_material(dojo: Dojo) -> bool:
    """Whether whoever is at the page looks after the material."""
    return dojo.access.may(identity.me(), Action.SEE_MATERIAL)
