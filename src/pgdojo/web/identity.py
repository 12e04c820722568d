"""Who is at the page: the one person of this machine, or in a team the one who signed in."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from pgdojo.errors import AccessError
from pgdojo.learner.people_journal import learner_of
from pgdojo.learner.records import LOCAL, Role
from pgdojo.team.access import OPERATOR
from pgdojo.team.settings import TeamSettings, team_settings
from pgdojo.web import resources

if TYPE_CHECKING:
    from pgdojo.learner.people_journal import PeopleJournal

_SETTINGS = "config"
_ME, _LOOKED = "signed_in", "signed_in_looked"
FRESH_SECONDS = 1.0
"""How long a look is good for; one run of a page asks dozens of times."""
_SKEW = 120.0
"""Seconds by which the clocks of the provider and of this machine may differ."""
_MOST_SEEN = 10_000
"""Sign-ins that are remembered."""


def me() -> str:
    """The learner at this page, under whose name everything of theirs is stored and read.

    A callback comes before the run that looks who is there, so that it is looked here where the last look is old.

    Raises:
        AccessError: Nobody has signed in, or not any more: nothing is read and nothing is stored.
    """
    if team_settings() is None:
        return LOCAL
    if time.monotonic() - st.session_state.get(_LOOKED, 0.0) > FRESH_SECONDS:
        visitor(resources.dojo().journal.people)
    learner: str = st.session_state.get(_ME, "")
    if not learner:
        raise AccessError("You are not signed in any more.", next_step="Load the page again and sign in.")
    return learner


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Who is at the page."""

    learner: str = ""
    """Their id; empty where they are not let in."""
    name: str = ""
    """What they are called; empty where nobody signs in."""
    refused: str = ""
    """Why somebody who has signed in is not let in."""
    is_blocked: bool = False
    """Whether signing in again would not help."""


class Attendance:
    """When each sign-in was seen in this process, by this machine's clock; safe to share between threads."""

    def __init__(self) -> None:
        """Begin with nobody seen."""
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, float], tuple[float, float]] = {}

    def first(self, learner: str, signed_in: float, now: float) -> float:
        """When a sign-in was first seen; now, if it was not before."""
        key = learner, signed_in
        with self._lock:
            if key not in self._seen and len(self._seen) >= _MOST_SEEN:
                # The one that was at work least lately; it counts as not seen, so that it may have to sign in again.
                del self._seen[min(self._seen, key=lambda one: self._seen[one][1])]
            return self._seen.setdefault(key, (now, signed_in))[0]

    def last(self, learner: str, signed_in: float) -> float:
        """When a sign-in that was seen was last at work, or when it was made."""
        with self._lock:
            return self._seen.get((learner, signed_in), (signed_in, signed_in))[1]

    def work(self, learner: str, signed_in: float, now: float) -> None:
        """Note that a sign-in that was seen is at work now."""
        with self._lock:
            first, _ = self._seen.get((learner, signed_in), (now, now))
            self._seen[learner, signed_in] = first, now


_attendance = Attendance()


def admit(
    claims: Mapping[str, Any],
    settings: TeamSettings,
    people: PeopleJournal,
    *,
    attendance: Attendance = _attendance,
    now: float | None = None,
) -> Visitor:
    """The person of whom a provider has said `claims`, or why they are not let in.

    The signature, the issuer and the expiry of the token were looked at when they signed in. Whether that was long ago,
    and for whom the token was made, is looked at here, at each run of a page.

    Args:
        claims: Of the id token.
        settings: Of the team.
        people: Where they are remembered, and with which role.
        attendance: When each sign-in was last seen.
        now: Seconds since the epoch; the present where None.
    """
    now = time.time() if now is None else now
    issuer, subject, made = claims.get("iss"), claims.get("sub"), claims.get("iat")
    if not issuer or not subject or not isinstance(made, int | float):
        return Visitor(refused="The provider did not say who you are.")
    audience = claims.get("aud")
    if settings.auth.client_id not in (audience if isinstance(audience, list) else [audience]):
        return Visitor(refused="This sign-in was made for another program.")
    learner = learner_of(str(issuer), str(subject))
    first = attendance.first(learner, made, now)
    valid_after = people.sessions_valid_after(learner)
    if valid_after is not None and _is_from_before(valid_after.timestamp(), made, first):
        return Visitor(refused="You were signed out everywhere.")
    if now - made > settings.session_hours * 3600 or made > now + _SKEW:
        return Visitor(refused=f"You signed in more than {settings.session_hours:g} hours ago.")
    if now - attendance.last(learner, made) > settings.idle_minutes * 60:
        return Visitor(refused=f"Nothing was done for {settings.idle_minutes:g} minutes.")
    attendance.work(learner, made, now)
    email = str(claims.get("email") or "") if claims.get("email_verified") is True else ""
    name = str(claims.get("name") or claims.get("preferred_username") or email or "")
    people.see(learner, issuer=str(issuer), subject=str(subject), name=name, email=email)
    named = settings.role_of(issuer=str(issuer), subject=str(subject), email=email, claims=claims)
    if _role(learner, named, people) == "blocked":
        return Visitor(refused="You are blocked here. Ask the trainer of your team.", is_blocked=True)
    return Visitor(learner=learner, name=name or learner)


def _is_from_before(ended: float, made: float, first: float) -> bool:
    """Whether a sign-in is from before everything was ended: by this machine's clock where the provider's may err."""
    return made < ended - _SKEW or (made <= ended + _SKEW and first <= ended)


def _role(learner: str, named: tuple[Role, str] | None, people: PeopleJournal) -> Role:
    """The role that the operator gave, else the one that the settings or the provider name, which is given here."""
    grant = people.role(learner)
    if grant is not None and grant.by == OPERATOR:
        return grant.role
    role, by = named or ("learner", _SETTINGS)
    if role != (grant.role if grant else "learner"):
        people.grant(learner, role, by=by, reason="by the settings of the team")
    return role


def visitor(people: PeopleJournal) -> Visitor:
    """Who is at the page now; to be asked once at the beginning of each run."""
    settings = team_settings()
    if settings is None:
        return Visitor(learner=LOCAL)
    is_signed_in = st.user.get("is_logged_in", False)
    found = admit(st.user.to_dict(), settings, people) if is_signed_in else Visitor()
    st.session_state[_ME], st.session_state[_LOOKED] = found.learner, time.monotonic()
    return found
