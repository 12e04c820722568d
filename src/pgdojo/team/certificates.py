"""Certificates of learners: who is given one, and the two forms in which they take it with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pgdojo.errors import JournalError, UsageError
from pgdojo.learner.address import find
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LOCAL
from pgdojo.learner.text import utc_now
from pgdojo.path.achievement import lacks
from pgdojo.path.certificate import Holder, Naming, Verdict, certificate_key, issue, verify
from pgdojo.path.progress import Pathfinder, PathProgress
from pgdojo.path.signing import Signer, key_file
from pgdojo.team.access import Access, Action


class Certificates:
    """Issues each learner's certificate once; safe to share between threads."""

    def __init__(
        self,
        journal: Journal,
        pathfinder: Pathfinder,
        access: Access,
        *,
        key: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Issue for what `pathfinder` finds done.

        Args:
            journal: Keeps what was issued.
            pathfinder: How far learners are.
            access: Who may be given one.
            key: File of the signing key; the machine's own where none is named.
            clock: What time it is.
        """
        self._people = journal.people
        self._pathfinder = pathfinder
        self._access = access
        self._key = key
        self._clock = clock

    def lacking(self, learner: str, progress: PathProgress | None = None) -> tuple[str, ...]:
        """What a learner still lacks, in plain sentences; nothing when the certificate is theirs.

        Args:
            learner: Who asks.
            progress: How far they are, where that is known already.
        """
        self._access.require(learner, Action.CERTIFY, learner)
        return lacks(progress or self._pathfinder.progress(learner), self._holder(learner).name)

    def held(self, learner: str) -> dict[str, Any] | None:
        """The certificate that a learner was issued last, None before the first."""
        self._access.require(learner, Action.CERTIFY, learner)
        return next(iter(self._people.certificates(learner)), None)

    def badge(self, learner: str) -> dict[str, Any]:
        """The certificate as an Open Badge: issued now if the path is done, else the one that was issued before.

        Raises:
            UsageError: There is none, and something is lacking; or it cannot be signed.
            AccessError: It is not for them.
        """
        self._access.require(learner, Action.CERTIFY, learner)
        progress, holder = self._pathfinder.progress(learner), self._holder(learner)
        missing = lacks(progress, holder.name)
        if not missing:
            return self._issued(progress, holder)
        if held := self.held(learner):
            return held
        raise UsageError("The certificate cannot be issued yet.", next_step=f"It takes: {' '.join(missing)}")

    def pdf(self, learner: str) -> bytes:
        """The same as a page of A4 that carries the badge.

        Raises:
            UsageError: There is none, or it was signed with another key than this machine's.
            AccessError: It is not for them.
        """
        from pgdojo.path.certificate_page import draw

        badge = self.badge(learner)
        return draw(badge, self._signer())

    def file(self, learner: str, ending: str) -> bytes:
        """The certificate as the content of a file that ends in `.pdf` or `.json`.

        Raises:
            UsageError: It ends otherwise; and as `pdf`.
        """
        if ending.lower() == ".pdf":
            return self.pdf(learner)
        if ending.lower() == ".json":
            return json.dumps(self.badge(learner), ensure_ascii=False, indent=1).encode()
        raise UsageError(f"A certificate is no {ending or 'file without an ending'}.", next_step="Use .pdf or .json.")

    def _issued(self, progress: PathProgress, holder: Holder) -> dict[str, Any]:
        assert progress.track is not None, "nothing is lacking"  # noqa: S101 - narrows the type
        signer, achievement = self._signer(), self._pathfinder.achievement(progress.track)
        key = certificate_key(holder, achievement, signer.did)
        if known := self._people.certificate(key):
            return known
        badge = issue(progress, holder, self._naming(achievement), signer, self._clock())
        self._people.certify(key, learner=holder.learner, badge=badge)
        # Another process may have been faster; what the journal holds is the one that counts.
        return self._people.certificate(key) or badge

    def _signer(self) -> Signer:
        return Signer.open_or_make(self._key or key_file())

    def _holder(self, learner: str) -> Holder:
        person = self._people.person(learner)
        if person is None:
            return Holder(learner=learner, name="", name_from="learner")
        told = "learner" if person.issuer == LOCAL else person.issuer
        return Holder(learner=learner, name=" ".join(person.name.split()), name_from=told, demo=person.is_demo)

    def _naming(self, achievement: str) -> Naming:
        finder = self._pathfinder
        return Naming(
            course=finder.path.title,
            achievement=achievement,
            objectives={name: one.objective for name, one in finder.quizzes.quizzes.objectives.items()},
            labs={lab.id: lab.title for lab in finder.labs.values()},
        )


def verify_here(source: Path, key: str = "") -> Verdict:
    """Verify a certificate with the issuer's `key`, or this machine's own, and with the journal in use here.

    Raises:
        UsageError: The file is no certificate, or the key is none.
    """
    own = key_file()
    expected = key or (Signer.open(own).did if own.exists() else "")
    if not _has_journal():
        return verify(source, expected)
    try:
        with Journal.open() as journal:
            return verify(source, expected, journal.people.certificate)
    except JournalError:
        return verify(source, expected)


def _has_journal() -> bool:
    """Whether there is one to look into; whoever verifies a file did not ask for a journal to be made."""
    address = find(None)
    return address.get_backend_name() != "sqlite" or Path(str(address.database)).exists()
