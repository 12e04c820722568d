"""What the journal remembers of people: who they are, what they may do, what they aim at and who signed for them."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Row, Table, func, select

from pgdojo.learner import schema
from pgdojo.learner.records import (
    Deed,
    Enrolment,
    Grant,
    Person,
    Resolution,
    Role,
    SignOff,
    SignOffState,
    Token,
)
from pgdojo.learner.store import Store

_Record = TypeVar("_Record", Person, Grant, SignOff, Resolution, Deed)

TOKEN_PREFIX = "pgd_"  # noqa: S105 - how a token begins, so that it is known where it turns up


def learner_of(issuer: str, subject: str) -> str:
    """The id under which everything of a person is stored: the same for the same issuer and subject, and no name."""
    both = f"{issuer}\n{subject}"
    return f"p-{hashlib.sha256(both.encode()).hexdigest()[:24]}"


class PeopleJournal(Store):
    """The people's part of the journal; each write is one transaction, and the last word on a matter counts."""

    def see(self, learner: str, *, issuer: str, subject: str, name: str, email: str = "") -> Person:
        """Remember who a learner is, where that is new or has changed."""
        known = self.person(learner)
        if known and (known.issuer, known.subject, known.name, known.email) == (issuer, subject, name, email):
            return known
        person = Person(learner=learner, issuer=issuer, subject=subject, name=name, email=email, seen_at=self._clock())
        self._append(schema.people, key=_key(), **_event(person))
        return person

    def person(self, learner: str) -> Person | None:
        """Who a learner is, None if nobody knows."""
        return next(iter(self._last(schema.people, Person, "learner", learner=learner)), None)

    def people(self) -> list[Person]:
        """Everybody who was ever seen, by name."""
        found = self._unless_changed(("people",), lambda: self._last(schema.people, Person, "learner"))
        return sorted(found, key=lambda person: (person.name.casefold(), person.learner))

    def by_email(self, email: str) -> list[Person]:
        """Everybody whose last known e-mail address is `email`, in any case of letters."""
        return [person for person in self.people() if person.email.casefold() == email.casefold()]

    def grant(self, learner: str, role: Role, *, by: str, reason: str = "") -> None:
        """Give a role, which replaces the one before."""
        grant = Grant(learner=learner, role=role, by=by, reason=reason, granted_at=self._clock())
        self._append(schema.roles, key=_key(), **_event(grant))

    def role(self, learner: str) -> Grant | None:
        """The role that a learner has now, None if none was ever given."""
        return next(iter(self._last(schema.roles, Grant, "learner", learner=learner)), None)

    def roles(self) -> dict[str, Grant]:
        """The role of everybody who was given one."""
        found = self._unless_changed(("roles",), lambda: self._last(schema.roles, Grant, "learner"))
        return {grant.learner: grant for grant in found}

    def enrol(self, learner: str, *, track: str, target: date | None = None, mentor: str = "") -> Enrolment:
        """Remember what a learner aims at; it replaces what was said before."""
        enrolment = Enrolment(learner=learner, track=track, target=target, mentor=mentor, enrolled_at=self._clock())
        self._append(
            schema.enrolments,
            key=_key(),
            learner=learner,
            track=track,
            target=target.isoformat() if target else "",
            mentor=mentor,
            enrolled_at=enrolment.enrolled_at,
        )
        return enrolment

    def enrolment(self, learner: str) -> Enrolment | None:
        """What a learner aims at, None before they said so."""
        rows = self._unless_changed(("enrolment", learner), lambda: self._enrolments(learner=learner))
        return rows[0] if rows else None

    def enrolments(self) -> dict[str, Enrolment]:
        """What everybody aims at."""
        return {one.learner: one for one in self._unless_changed(("enrolments",), self._enrolments)}

    def _enrolments(self, **where: str) -> list[Enrolment]:
        return [
            Enrolment(
                learner=row.learner,
                track=row.track,
                target=date.fromisoformat(row.target) if row.target else None,
                mentor=row.mentor,
                enrolled_at=row.enrolled_at,
            )
            for row in self._last_rows(schema.enrolments, ("learner",), where)
        ]

    def sign_off(self, key: str, *, learner: str, task: str, state: SignOffState, by: str, note: str = "") -> bool:
        """Store what is said of a task; False if its key was stored before."""
        return self._append(
            schema.sign_offs,
            key=key,
            learner=learner,
            task=task,
            state=state,
            by=by,
            note=note,
            signed_at=self._clock(),
        )

    def sign_offs(self, learner: str) -> dict[str, SignOff]:
        """The last word on each task of a learner."""

        def read() -> list[SignOff]:
            return self._last(schema.sign_offs, SignOff, "learner", "task", learner=learner)

        return {one.task: one for one in self._unless_changed(("sign_offs", learner), read)}

    def all_sign_offs(self) -> list[SignOff]:
        """The last word on each task of everybody, the oldest first."""
        return self._unless_changed(("sign_offs",), lambda: self._last(schema.sign_offs, SignOff, "learner", "task"))

    def end_sessions(self, learner: str) -> None:
        """Say that what signed in before now is signed out, wherever it is."""
        self._append(schema.session_ends, key=_key(), learner=learner, ended_at=self._clock())

    def sessions_valid_after(self, learner: str) -> datetime | None:
        """When sessions were last ended, None if they never were."""
        table = schema.session_ends
        rows = self._rows(select(func.max(table.c.ended_at).label("at")).where(table.c.learner == learner))
        at: datetime | None = rows[0].at
        return at

    def make_token(self, learner: str, label: str) -> tuple[Token, str]:
        """Make a token; its secret is returned this once and only its digest is stored."""
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = Token(key=_key(), learner=learner, label=label, made_at=self._clock(), ended_at=None)
        self._append(
            schema.tokens,
            key=token.key,
            learner=learner,
            digest=_digest(secret),
            label=label,
            made_at=token.made_at,
        )
        return token, secret

    def end_token(self, learner: str, key: str) -> None:
        """Make a learner's token worthless."""
        self._append(schema.token_ends, key=key, learner=learner, ended_at=self._clock())

    def tokens(self, learner: str) -> list[Token]:
        """Every token of a learner, the latest first."""
        mine = schema.tokens.c.learner == learner
        return [_token(row) for row in self._rows(_tokens().where(mine).order_by(schema.tokens.c.id.desc()))]

    def owner_of(self, secret: str) -> str | None:
        """Whose token has this secret; None if it is nobody's, or ended."""
        rows = self._rows(_tokens().where(schema.tokens.c.digest == _digest(secret)))
        return rows[0].learner if rows and rows[0].ended_at is None else None

    def certify(self, key: str, *, learner: str, badge: dict[str, Any]) -> bool:
        """Store a certificate as it was issued; False if its key was stored before."""
        return self._append(schema.certificates, key=key, learner=learner, badge=badge, issued_at=self._clock())

    def certificates(self, learner: str) -> list[dict[str, Any]]:
        """The certificates of a learner as they were issued, the latest first."""
        table = schema.certificates
        query = select(table.c.badge).where(table.c.learner == learner).order_by(table.c.id.desc())
        return [row.badge for row in self._rows(query)]

    def certified(self) -> frozenset[str]:
        """Everybody who holds a certificate."""
        query = select(schema.certificates.c.learner).distinct()
        return frozenset(self._unless_changed(("certified",), lambda: [row.learner for row in self._rows(query)]))

    def certificate(self, key: str) -> dict[str, Any] | None:
        """The certificate that was stored under `key`, None if there is none."""
        table = schema.certificates
        rows = self._rows(select(table.c.badge).where(table.c.key == key))
        badge: dict[str, Any] | None = rows[0].badge if rows else None
        return badge

    def resolve(self, key: str, *, kind: str, about: str, learner: str, verdict: str, note: str = "") -> bool:
        """Store a trainer's word on a gap, a dispute or a thumb down; False if its key was stored before."""
        return self._append(
            schema.resolutions,
            key=key,
            kind=kind,
            about=about,
            learner=learner,
            verdict=verdict,
            note=note,
            resolved_at=self._clock(),
        )

    def resolutions(self, kind: str) -> dict[str, Resolution]:
        """The last word on each matter of a kind, by its key."""
        return {one.about: one for one in self._last(schema.resolutions, Resolution, "about", kind=kind)}

    def note(self, learner: str, action: str, about: str, detail: dict[str, Any] | None = None) -> None:
        """Write into the audit log who did what to or with what belongs to others."""
        self._append(
            schema.audit,
            key=_key(),
            learner=learner,
            action=action,
            about=about,
            detail=detail or {},
            done_at=self._clock(),
        )

    def audit(self, most: int = 500) -> list[Deed]:
        """The audit log, the latest first."""
        rows = self._rows(select(schema.audit).order_by(schema.audit.c.id.desc()).limit(most))
        return [_record(Deed, row) for row in rows]

    def _last(self, table: Table, record: type[_Record], /, *by: str, **where: str) -> list[_Record]:
        return [_record(record, row) for row in self._last_rows(table, by, where)]

    def _last_rows(self, table: Table, by: Sequence[str], where: dict[str, str]) -> Sequence[Row[Any]]:
        """The last row of each group with the same values in the columns `by`, in the order in which they came."""
        mine = [table.c[name] == value for name, value in where.items()]
        last = select(func.max(table.c.id)).where(*mine).group_by(*(table.c[name] for name in by))
        return self._rows(select(table).where(table.c.id.in_(last)).order_by(table.c.id))


def _key() -> str:
    return uuid.uuid4().hex


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _event(record: Person | Grant) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _record(kind: type[_Record], row: Row[Any]) -> _Record:
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})


def _tokens() -> Any:
    ends = schema.token_ends
    both = schema.tokens.outerjoin(ends, ends.c.key == schema.tokens.c.key)
    return select(schema.tokens, ends.c.ended_at).select_from(both)


def _token(row: Row[Any]) -> Token:
    return Token(key=row.key, learner=row.learner, label=row.label, made_at=row.made_at, ended_at=row.ended_at)
