"""What everybody has done so far, kept in memory and brought up to date by what is new in the journal."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from pgdojo.learner.team_journal import Answered, Checked, Marks, TeamJournal
from pgdojo.path.past import COULD_NOT_CHECK, PASSED
from pgdojo.quiz.schedule import AGAIN, lapses_after

SURE = "sure"


@dataclass(slots=True)
class Known:
    """How one learner did on one objective."""

    topic: str
    answers: int = 0
    right: int = 0
    lapses: int = 0
    last_at: datetime | None = None
    sure_and_wrong_at: datetime | None = None
    """Since when the last answer is one that the learner was sure of and that was wrong."""

    def take(self, one: Answered) -> None:
        """Count one more answer."""
        self.answers += 1
        self.right += one.mark >= 1
        self.lapses = lapses_after(self.lapses, one.rating)
        self.last_at = one.answered_at
        if one.rating == AGAIN and one.certainty == SURE:
            self.sure_and_wrong_at = one.answered_at
        elif one.rating != AGAIN:
            self.sure_and_wrong_at = None


@dataclass(slots=True)
class Tried:
    """How one learner did on one step of a lab, in one revision."""

    checks: int = 0
    failed: int = 0
    could_not: int = 0
    passed: bool = False
    first_failed_at: datetime | None = None
    last_at: datetime | None = None
    causes: Counter[str] = field(default_factory=Counter)
    """How often each finding came up."""

    def take(self, one: Checked) -> None:
        """Count one more check."""
        self.checks += 1
        self.last_at = one.checked_at
        if one.status == PASSED:
            self.passed = True
        elif one.status == COULD_NOT_CHECK:
            self.could_not += 1
        else:
            self.failed += 1
            self.first_failed_at = self.first_failed_at or one.checked_at
            self.causes.update(_causes(one))


def _causes(one: Checked) -> set[str]:
    found = one.evidence.get("findings", ()) if isinstance(one.evidence, dict) else ()
    return {finding["check"] for finding in found if finding.get("status") != PASSED and finding.get("check")}


Step = tuple[str, int, str]
"""Lab, revision and step."""


@dataclass
class Totals:
    """What everybody has done."""

    known: dict[str, dict[str, Known]] = field(default_factory=lambda: defaultdict(dict))
    """By learner and objective."""
    tried: dict[str, dict[Step, Tried]] = field(default_factory=lambda: defaultdict(dict))
    """By learner and step."""
    seen: dict[str, datetime] = field(default_factory=dict)
    """When each learner last did anything."""
    answers: int = 0
    """How many were counted; another number means that something was answered."""

    def saw(self, learner: str, at: datetime) -> None:
        """Note that a learner did something."""
        if learner not in self.seen or self.seen[learner] < at:
            self.seen[learner] = at


class Tally:
    """The totals of a journal; safe to share between threads."""

    def __init__(self, journal: TeamJournal) -> None:
        """Count what is in `journal`, at the first use."""
        self._journal = journal
        self._lock = threading.Lock()
        self._drop()

    def _drop(self) -> None:
        self._totals, self._marks = Totals(), Marks()

    @contextmanager
    def totals(self) -> Iterator[Totals]:
        """The totals as they are now, which nobody changes meanwhile."""
        with self._lock:
            news = self._journal.since(self._marks)
            if news.anew:
                self._drop()
            for answer in news.responses:
                known = self._totals.known[answer.learner]
                known.setdefault(answer.objective, Known(answer.topic)).take(answer)
                self._totals.answers += 1
                self._totals.saw(answer.learner, answer.answered_at)
            for check in news.checks:
                step = check.lab, check.rev, check.step
                self._totals.tried[check.learner].setdefault(step, Tried()).take(check)
                self._totals.saw(check.learner, check.checked_at)
            for learner, at in news.seen:
                self._totals.saw(learner, at)
            self._marks = news.marks
            yield self._totals

    def drop(self, learner: str) -> None:  # noqa: ARG002 - whoever was forgotten is in every total
        """Keep nothing in memory of a learner who was forgotten."""
        with self._lock:
            self._drop()
