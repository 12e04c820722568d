"""A certificate as an Open Badge 3.0 that is a W3C Verifiable Credential: how it is written, and how it is verified.

What it says is in the badge alone; the page as PDF carries it, and one file verifies.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pgdojo.errors import UsageError
from pgdojo.path import signing
from pgdojo.path.achievement import lacks
from pgdojo.path.mastery import RULE
from pgdojo.path.records import ModuleProgress, PathProgress
from pgdojo.path.signing import Signer
from pgdojo.path.standing import DONE_SHARE

ATTACHED = "certificate.json"
"""Name of the badge in its PDF."""

MOST_BYTES = 5_000_000
"""Larger files are no certificates."""

_CONTEXT = [
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    {
        "evidenceHash": "urn:pgdojo:evidenceHash",
        "record": {"@id": "urn:pgdojo:record", "@type": "@json"},
        "nameFrom": "urn:pgdojo:nameFrom",
        "demo": "urn:pgdojo:demo",
    },
]

_CRITERIA = (
    f"Every module of the track is done: {DONE_SHARE:.0%} of its objectives are mastered, and all of those where a "
    f"mistake hurts in production. {RULE}"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Whose certificate it is."""

    learner: str
    name: str
    name_from: str
    """Who told the name: a sign-in's issuer, or `learner` for the learner alone."""
    demo: bool = False
    """Whether the learner is made up for a demonstration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """What the ids in a learner's progress are called."""

    course: str
    achievement: str
    """Id of what is achieved."""
    objectives: Mapping[str, str]
    labs: Mapping[str, str]


def certificate_key(holder: Holder, achievement: str, issuer: str) -> str:
    """Under which key a certificate is issued: one for a learner, their name, an achievement and a signing key."""
    text = f"pgdojo certificate\n{holder.learner}\n{holder.name}\n{achievement}\n{issuer}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def issue(progress: PathProgress, holder: Holder, naming: Naming, signer: Signer, at: datetime) -> dict[str, Any]:
    """Write and sign the certificate of a learner whose path is done.

    Args:
        progress: How far the learner is.
        holder: Who they are.
        naming: What the ids in `progress` are called.
        signer: Signs it; its public key is the issuer.
        at: Now, in UTC.

    Raises:
        UsageError: The path is not done, or nobody knows the learner's name.
    """
    if missing := lacks(progress, holder.name):
        raise UsageError("The certificate cannot be issued yet.", next_step=f"It takes: {' '.join(missing)}")
    track = progress.track
    assert track is not None, "no track would be lacking"  # noqa: S101 - narrows the type
    evidence = [_evidence(one, naming) for one in progress.modules]
    name = f"{naming.course}: {track.name}"
    badge: dict[str, Any] = {
        "@context": _CONTEXT,
        "id": f"urn:uuid:{certificate_key(holder, naming.achievement, signer.did)}",
        "type": ["VerifiableCredential", "AchievementCredential"],
        "name": f"Demo: {name}" if holder.demo else name,
        "issuer": {"id": signer.did, "type": ["Profile"], "name": "pgdojo"},
        "validFrom": signing.timestamp(at),
        "credentialSubject": {
            "type": ["AchievementSubject"],
            "identifier": [
                {"type": "IdentityObject", "identityType": "name", "identityHash": holder.name, "hashed": False}
            ],
            "nameFrom": holder.name_from,
            "achievement": {
                "id": naming.achievement,
                "type": ["Achievement"],
                "achievementType": "CertificateOfCompletion",
                "name": naming.course,
                "specialization": track.name,
                "description": f"The path “{naming.course}” for the track “{track.name}”.",
                "criteria": {"narrative": _CRITERIA},
            },
        },
        "evidence": evidence,
        "evidenceHash": _hash(evidence),
    }
    if holder.demo:
        badge["demo"] = True
    return signing.secured(badge, signer, at)


def _evidence(one: ModuleProgress, naming: Naming) -> dict[str, Any]:
    """What one module is proven by."""
    module = one.module
    record: dict[str, Any] = {
        "module": module.id,
        "mastered": one.mastered,
        "objectives": [
            {
                "id": found.objective,
                "says": naming.objectives.get(found.objective, ""),
                "state": found.state,
                "right": found.right,
                "questions": found.variants,
                "days": [day.isoformat() for day in found.dates],
            }
            for found in one.objectives
        ],
        "labs": [{"id": lab, "title": naming.labs.get(lab, lab)} for lab in one.labs_passed],
        "signOffs": [
            # Who signed is left out: they would stand in it for good, also when they ask to be forgotten.
            {"task": task.id, "title": task.title, "on": said.signed_at.date().isoformat()}
            for task in module.team
            if (said := one.tasks.get(task.id)) is not None and said.state == "signed"
        ],
    }
    if one.gate_best is not None:
        record["gate"] = {"best": int(one.gate_best * 100), "passMark": round(module.gate.pass_mark * 100)}
    return {"type": ["Evidence"], "name": module.title, "narrative": _narrative(record), "record": record}


def _narrative(record: Mapping[str, Any]) -> str:
    said = []
    if record["objectives"]:
        said.append(f"{record['mastered']} of {len(record['objectives'])} objectives mastered.")
    if record["labs"]:
        said.append(f"Labs passed: {', '.join(lab['title'] for lab in record['labs'])}.")
    said += [f"{one['title']}: signed off on {one['on']}." for one in record["signOffs"]]
    if "gate" in record:
        said.append(f"Best quiz: {record['gate']['best']} %.")
    return " ".join(said)


def _hash(evidence: Any) -> str:
    return hashlib.sha256(signing.canonical(evidence)).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What a certificate says, for people."""

    name: str
    course: str
    track: str
    issued: date
    issuer: str
    id: str
    demo: bool
    name_from: str

    @classmethod
    def of(cls, badge: Mapping[str, Any]) -> Summary:
        """Read a badge.

        Raises:
            UsageError: It is none of ours.
        """
        try:
            subject = badge["credentialSubject"]
            return cls(
                name=str(subject["identifier"][0]["identityHash"]),
                course=str(subject["achievement"]["name"]),
                track=str(subject["achievement"]["specialization"]),
                issued=datetime.fromisoformat(badge["validFrom"]).date(),
                issuer=str(badge["issuer"]["id"]),
                id=str(badge["id"]),
                demo="demo" in badge,
                name_from=str(subject["nameFrom"]),
            )
        except (KeyError, IndexError, TypeError, ValueError) as cause:
            problem = "This is no certificate of pgdojo."
            raise UsageError(problem, next_step="Give the PDF or the JSON as it was downloaded.") from cause


Outcome = Literal["verified", "refused", "not checked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at."""

    about: Literal["signature", "evidence", "issuer", "page", "journal", "name", "demo"]
    outcome: Outcome
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What was verified of a certificate, and what was not."""

    summary: Summary
    checks: tuple[Check, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing was refused, and an issuer that the reader trusts has signed it all."""
        verified = {check.about for check in self.checks if check.outcome == "verified"}
        return {"signature", "evidence", "issuer"} <= verified and all(one.outcome != "refused" for one in self.checks)

    def lines(self) -> Iterator[str]:
        """The verdict for a terminal."""
        one = self.summary
        about = f"{one.name}, {one.course}, {one.track}, {one.issued.isoformat()}"
        yield _plain(f"{'A good certificate' if self.is_good else 'NOT verified'}: {about}")
        for check in self.checks:
            yield _plain(f"{check.outcome:12} {check.about}: {check.says}")


def _plain(text: str) -> str:
    """`text` on one line, without any control character: it may come from a stranger's file."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def verify(file: Path, issuer: str = "", held: Callable[[str], Mapping[str, Any] | None] | None = None) -> Verdict:
    """Verify a certificate, a PDF or a JSON file.

    Args:
        file: The certificate.
        issuer: Public key that it should be signed with, as `pgdojo certificate key` shows it; empty if unknown.
        held: Gives the certificate that a journal holds under a key; None without a journal.

    Raises:
        UsageError: The file cannot be read, is no certificate, or `issuer` is no key.
    """
    expected = _expected(issuer)
    raw = _read(file)
    page = None
    if raw.startswith(b"%PDF-"):
        from pgdojo.path.certificate_page import attached, signed_page

        page = signed_page(raw)
        raw = attached(raw)
    badge = _parse(raw)
    summary = Summary.of(badge)
    key = _key_of(summary.issuer)
    signature = _signature(badge, key)
    checks = [signature, _evidence_hash(badge), _issuer(summary, expected, signed=signature.outcome == "verified")]
    if page is not None:
        checks.append(_page(page, key))
    checks.append(_journal(badge, summary, held))
    checks.append(_name(summary))
    if summary.demo:
        checks.append(Check(about="demo", outcome="refused", says="The learner is made up: this is a demonstration."))
    return Verdict(summary=summary, checks=tuple(checks))


def _expected(issuer: str) -> str:
    if not issuer:
        return ""
    try:
        return signing.did_of(signing.public_key(issuer))
    except ValueError:
        problem = "That is no public key."
        raise UsageError(problem, next_step="Give it as pgdojo certificate key shows it, did:key:z6Mk...") from None


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except OSError as cause:
        raise UsageError(f"{file} cannot be read.", next_step="Name the PDF or the JSON of a certificate.") from cause
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{file} is too large for a certificate.", next_step="Name the file as it was downloaded.")
    return raw


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        badge = json.loads(raw, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as cause:
        problem = "This file holds no certificate that can be read."
        raise UsageError(problem, next_step="Give the PDF or the JSON as it was downloaded.") from cause
    if not isinstance(badge, dict):
        raise UsageError(
            "This is no certificate of pgdojo.", next_step="Give the PDF or the JSON as it was downloaded."
        )
    return badge


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names stand once: readers differ in which of two values they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _key_of(issuer: str) -> Ed25519PublicKey | None:
    try:
        return signing.public_key(issuer)
    except ValueError:
        return None


def _signature(badge: Mapping[str, Any], key: Ed25519PublicKey | None) -> Check:
    if key is not None and signing.is_intact(badge, key):
        says = "Not a value has changed since it was signed."
        return Check(about="signature", outcome="verified", says=says)
    says = "The signature does not fit: something was changed after it was signed, or it was never signed."
    return Check(about="signature", outcome="refused", says=says)


def _evidence_hash(badge: Mapping[str, Any]) -> Check:
    try:
        fits = badge.get("evidenceHash") == _hash(badge.get("evidence"))
    except (ValueError, RecursionError):
        fits = False
    if fits:
        return Check(about="evidence", outcome="verified", says="The evidence has the hash that the certificate names.")
    return Check(about="evidence", outcome="refused", says="The evidence has another hash than the certificate names.")


def _issuer(summary: Summary, expected: str, *, signed: bool) -> Check:
    if not expected:
        says = f"Whose key {summary.issuer} is, is not known here. Ask the issuer for theirs, and give it with --key."
        return Check(about="issuer", outcome="not checked", says=says)
    if summary.issuer == expected and not signed:
        says = f"It names the key {expected}, but nothing proves that it was signed with it."
        return Check(about="issuer", outcome="refused", says=says)
    if summary.issuer == expected:
        return Check(about="issuer", outcome="verified", says=f"Signed with the key {expected}.")
    says = f"It names the key {summary.issuer}, not {expected}."
    return Check(about="issuer", outcome="refused", says=says)


def _page(page: tuple[bytes, str], key: Ed25519PublicKey | None) -> Check:
    signed, signature = page
    if key is not None and signing.is_signed(signed, signature, key):
        return Check(about="page", outcome="verified", says="Not a byte of the PDF has changed since it was drawn.")
    says = "The PDF was changed after it was drawn: what the page shows may differ from what is signed."
    return Check(about="page", outcome="refused", says=says)


def _journal(
    badge: Mapping[str, Any], summary: Summary, held: Callable[[str], Mapping[str, Any] | None] | None
) -> Check:
    found = held(summary.id.removeprefix("urn:uuid:")) if held else None
    if found is None:
        says = "The journal of this machine does not hold it: it was issued elsewhere, or its learner was forgotten."
        says = says if held else "No journal was looked at."
        return Check(about="journal", outcome="not checked", says=says)
    if found == badge:
        return Check(about="journal", outcome="verified", says="It was issued here: the journal holds the same.")
    return Check(about="journal", outcome="refused", says="The journal holds another certificate under its number.")


def _name(summary: Summary) -> Check:
    if summary.name_from == "learner":
        says = f"“{summary.name}” is the name that the learner typed; nobody has checked who they are."
    else:
        says = f"“{summary.name}” is the name that the sign-in at {summary.name_from} told."
    return Check(about="name", outcome="not checked", says=says)
