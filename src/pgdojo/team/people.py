"""What is done with people: roles, mentors, sessions, tokens, what is recorded of them, and forgetting them.

Each call asks first whether it may be done, with the role that stands in the journal at that moment.
"""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args

from pgdojo.errors import UsageError
from pgdojo.learner import forget as forgetting
from pgdojo.learner import own_data
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LOCAL, Deed, Enrolment, Person, Role, Token
from pgdojo.learner.text import utc_now
from pgdojo.team.access import Access, Action

_FORGET = "forget"
_ASKED, _WITHDRAWN = "asked", "withdrawn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Somebody who was seen, and what they may do now."""

    person: Person
    role: Role
    enrolment: Enrolment | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeleteRequest:
    """A learner's wish that everything about them be deleted."""

    learner: str
    name: str
    email: str
    asked_at: datetime


class People:
    """Acts on people for whoever may; safe to share between threads."""

    def __init__(
        self,
        journal: Journal,
        access: Access,
        clock: Callable[[], datetime] = utc_now,
        *,
        on_forgotten: Callable[[str], None] | None = None,
    ) -> None:
        """Work on `journal`, asking `access` at each call; `on_forgotten` hears of each learner who was forgotten."""
        self._journal = journal
        self._people = journal.people
        self._access = access
        self._clock = clock
        self._on_forgotten = on_forgotten

    # Who there is

    def list(self, by: str) -> Sequence[Member]:
        """Everybody who was ever seen, by name.

        Raises:
            AccessError: `by` may not see the team.
        """
        self._access.require(by, Action.SEE_TEAM)
        enrolments = self._people.enrolments()
        return [
            Member(person=one, role=self._access.role(one.learner), enrolment=enrolments.get(one.learner))
            for one in self._people.people()
        ]

    def find(self, by: str, who: str) -> str:
        """The id of the one person whom an id, an e-mail address or a name tells.

        Raises:
            AccessError: `by` may not see the team.
            UsageError: Nobody is called so, or several are; the message names the nearest.
        """
        self._access.require(by, Action.SEE_TEAM)
        wanted = " ".join(who.split())
        people = self._people.people()
        is_known = wanted == LOCAL or any(one.learner == wanted for one in people)
        if is_known or (wanted and own_data.count(self._journal, wanted)):
            return wanted
        found = [one for one in people if _is_called(one, wanted)]
        if len(found) == 1:
            return found[0].learner
        if found:
            several = "; ".join(f"{_told(one)} is {one.learner}" for one in found)
            raise UsageError(f"Several are called {wanted}: {several}.", next_step="Give the id of the one you mean.")
        raise UsageError(f"Nobody is called {wanted!r}.", next_step=_nearest(wanted, people))

    def name_of(self, learner: str) -> str:
        """What a person is called: their name, or what is given where nobody knows it."""
        person = self._people.person(learner) if learner else None
        return (person.name or person.email) if person and (person.name or person.email) else learner

    def mentors(self, by: str) -> Sequence[Person]:
        """Those whom a learner may name as their mentor, by name.

        Raises:
            AccessError: `by` may not choose what they aim at.
        """
        self._access.require(by, Action.ENROL, by)
        return [
            one
            for one in self._people.people()
            if one.learner != by and self._access.role(one.learner) in {"mentor", "trainer"}
        ]

    # What they may do, and what they aim at

    def grant(self, by: str, learner: str, role: str, reason: str = "") -> None:
        """Give a role, which replaces the one before.

        Raises:
            AccessError: `by` may not change roles.
            UsageError: There is no such role.
        """
        self._access.require(by, Action.GRANT, learner)
        known: tuple[Role, ...] = get_args(Role)
        given = next((one for one in known if one == role), None)
        if given is None:
            raise UsageError(f"There is no role {role!r}.", next_step=f"Choose among {', '.join(known)}.")
        self._people.grant(learner, given, by=by, reason=reason.strip())
        self._people.note(by, Action.GRANT, learner, {"role": role, "reason": reason.strip()})

    def enrol(self, learner: str, *, track: str, target: date | None = None, mentor: str = "") -> Enrolment:
        """Remember what a learner aims at. A mentor who is known by the name or address given is meant by it.

        Raises:
            AccessError: The learner may not choose what they aim at.
        """
        self._access.require(learner, Action.ENROL, learner)
        typed = " ".join(mentor.split())
        meant = [one.learner for one in self.mentors(learner) if typed == one.learner or _is_called(one, typed)]
        return self._people.enrol(learner, track=track, target=target, mentor=meant[0] if len(meant) == 1 else typed)

    def introduce(self, by: str, name: str) -> None:
        """Remember what the one person of a machine is called; whoever signs in has told their name.

        Raises:
            AccessError, UsageError: It is not their machine alone, or the name is blank.
        """
        self._access.require(by, Action.OWN_DATA, by)
        called = " ".join(name.split())
        if by != LOCAL or not called:
            raise UsageError("This name cannot be kept.", next_step="Give one that is not blank, without signing in.")
        self._people.see(LOCAL, issuer=LOCAL, subject=LOCAL, name=called)

    # Signing in

    def end_sessions(self, by: str, learner: str) -> None:
        """Sign somebody out wherever they are signed in.

        Raises:
            AccessError: They are not `by`, who is not the operator either.
        """
        self._access.require(by, Action.OWN_DATA if by == learner else Action.GRANT, learner)
        self._people.end_sessions(learner)
        if by != learner:
            self._people.note(by, "end sessions", learner)

    def tokens(self, by: str) -> Sequence[Token]:
        """One's own tokens, the latest first.

        Raises:
            AccessError: `by` may not have tokens.
        """
        self._access.require(by, Action.TOKEN, by)
        return self._people.tokens(by)

    def make_token(self, by: str, label: str) -> str:
        """A new token's secret, which is stored nowhere.

        Raises:
            AccessError: `by` may not have tokens.
            UsageError: It has no label.
        """
        self._access.require(by, Action.TOKEN, by)
        named = " ".join(label.split())
        if not named:
            raise UsageError("A token needs a label.", next_step="Name what it is for, such as the machine.")
        return self._people.make_token(by, named)[1]

    def end_token(self, by: str, key: str) -> None:
        """Make one's own token worthless.

        Raises:
            AccessError: `by` may not have tokens.
            UsageError: They have no such token.
        """
        self._access.require(by, Action.TOKEN, by)
        if all(one.key != key for one in self._people.tokens(by)):
            raise UsageError("You have no such token.", next_step="Choose one of the list.")
        self._people.end_token(by, key)

    # What is recorded

    def kinds(self, by: str, learner: str) -> Sequence[own_data.Kind]:
        """What is recorded of a learner, by kind.

        Raises:
            AccessError: It is not theirs to see.
        """
        self._access.require(by, Action.OWN_DATA, learner)
        return own_data.kinds(self._journal, learner)

    def own_data(self, by: str, learner: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Everything recorded of a learner, by table.

        Raises:
            AccessError: It is not theirs to see.
        """
        self._access.require(by, Action.OWN_DATA, learner)
        if by != learner:
            self._people.note(by, Action.OWN_DATA, learner)
        return own_data.everything(self._journal, learner)

    def audit(self, by: str, most: int = 500) -> Sequence[Deed]:
        """Who did what to or with what belongs to others, the latest first.

        Raises:
            AccessError: `by` may not read it.
        """
        self._access.require(by, Action.SEE_AUDIT)
        return self._people.audit(most)

    # Forgetting

    def ask_to_be_forgotten(self, learner: str) -> None:
        """File a learner's wish that everything about them be deleted; a second one changes nothing.

        Raises:
            AccessError: The learner may not.
        """
        self._access.require(learner, Action.OWN_DATA, learner)
        if self.asked_to_be_forgotten(learner) is None:
            self._say_of_forgetting(learner, _ASKED)

    def take_back(self, learner: str) -> None:
        """Withdraw that wish.

        Raises:
            AccessError: The learner may not.
        """
        self._access.require(learner, Action.OWN_DATA, learner)
        if self.asked_to_be_forgotten(learner):
            self._say_of_forgetting(learner, _WITHDRAWN)

    def _say_of_forgetting(self, learner: str, verdict: str) -> None:
        self._people.resolve(uuid.uuid4().hex, kind=_FORGET, about=learner, learner=learner, verdict=verdict)

    def asked_to_be_forgotten(self, learner: str) -> datetime | None:
        """Since when a learner wishes to be forgotten, None if they do not.

        Raises:
            AccessError: The learner may not.
        """
        self._access.require(learner, Action.OWN_DATA, learner)
        return self._wishes().get(learner)

    def delete_requests(self, by: str) -> Sequence[DeleteRequest]:
        """Every wish to be forgotten that waits, the oldest first.

        Raises:
            AccessError: `by` may not delete what is recorded of others.
        """
        self._access.require(by, Action.FORGET)
        wishes = sorted(self._wishes().items(), key=lambda wish: wish[1])
        return [self._request(learner, asked_at) for learner, asked_at in wishes]

    def _wishes(self) -> dict[str, datetime]:
        words = self._people.resolutions(_FORGET).values()
        return {one.about: one.resolved_at for one in words if one.verdict == _ASKED and one.learner == one.about}

    def _request(self, learner: str, asked_at: datetime) -> DeleteRequest:
        person = self._people.person(learner)
        return DeleteRequest(
            learner=learner, name=self.name_of(learner), email=person.email if person else "", asked_at=asked_at
        )

    def confirm_forget(self, by: str, learner: str) -> forgetting.Forgotten:
        """Delete what is recorded of a learner who asked for it; their answers stay, of nobody.

        Raises:
            AccessError: `by` may not delete what is recorded of the learner.
            UsageError: The learner has not asked for it.
        """
        self._access.require(by, Action.FORGET, learner)
        if learner not in self._wishes():
            raise UsageError(
                f"{self.name_of(learner)} has not asked to be deleted.",
                next_step="They ask for it on their page You; the operator can do it with pgdojo forget.",
            )
        return self._forget(by, learner)

    def forget(self, by: str, learner: str) -> forgetting.Forgotten:
        """Delete what is recorded of a learner without their asking: the operator's way, and one's own alone.

        Raises:
            AccessError: `by` is neither the operator nor alone on this machine.
        """
        self._access.require(by, Action.FORGET, learner)
        if not by == learner == LOCAL:
            self._access.require(by, Action.GRANT, learner)
        return self._forget(by, learner)

    def _forget(self, by: str, learner: str) -> forgetting.Forgotten:
        done = forgetting.forget(self._journal, learner, by=by, clock=self._clock)
        if self._on_forgotten:
            self._on_forgotten(learner)
        return done


def _is_called(person: Person, who: str) -> bool:
    return bool(who) and who.casefold() in {person.name.casefold(), person.email.casefold()}


def _told(person: Person) -> str:
    return f"{person.name} <{person.email}>" if person.email else person.name


def _nearest(wanted: str, people: Sequence[Person]) -> str:
    names = {word.casefold(): word for one in people for word in (one.name, one.email) if word}
    near = difflib.get_close_matches(wanted.casefold(), names, n=3)
    if near:
        return f"Did you mean {' or '.join(names[one] for one in near)}?"
    return "See pgdojo people list; people are known once they have signed in."
