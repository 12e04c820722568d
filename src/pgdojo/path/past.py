"""What a learner did, gathered from the journal bit by bit and kept in the form in which the path asks for it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from pgdojo.learner.path_journal import Answered, Checked, Marks, News, PathJournal
from pgdojo.path.mastery import is_right

PASSED, COULD_NOT_CHECK = "passed", "could_not_check"
"""How a lab's check may end."""

MOST_KEPT = 500
"""Learners whose past is kept in memory; the one seen longest ago leaves first."""


def plain(question: str) -> str:
    """A question as it is compared."""
    return " ".join(question.casefold().split()).rstrip("?!. ")


@dataclass(slots=True)
class Past:
    """One learner's past as far as it was read."""

    marks: Marks = field(default_factory=Marks)
    answers: dict[str, list[Answered]] = field(default_factory=lambda: defaultdict(list))
    """By objective, as they came."""
    right: dict[str, datetime] = field(default_factory=dict)
    """When each item was last answered right."""
    revs: dict[str, int] = field(default_factory=dict)
    """Revision at which each item was last answered."""
    placements: set[str] = field(default_factory=set)
    """Sittings that were placements."""
    quizzes: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """The sittings on each module, with the number of their questions."""
    earned: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Sum of the marks of each sitting."""
    read: dict[str, datetime] = field(default_factory=dict)
    """When each passage was last opened."""
    asked: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=lambda: defaultdict(dict))
    """By conversation, the questions and what their answers cite."""
    deleted: set[str] = field(default_factory=set)
    """Conversations that are no longer the learner's."""
    steps: dict[tuple[str, int], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """By lab and revision, how each step stands: passed once and for all, or as its last check ended."""

    def take(self, news: News) -> None:
        """Add what is new."""
        self.deleted.update(deletion.conversation for deletion in news.deletions)
        for answer in news.responses:
            self._answered(answer)
        for sitting in news.sittings:
            if sitting.mode == "placement":
                self.placements.add(sitting.key)
            if sitting.module:
                self.quizzes[sitting.module][sitting.key] = sitting.total
        for turn in news.turns:
            self.asked[turn.conversation][plain(turn.question)] = turn.cited
        for conversation in self.deleted:
            self.asked.pop(conversation, None)
        for read in news.reads:
            self.read[read.passage] = read.read_at
        for check in news.checks:
            self._checked(check)
        self.marks = news.marks

    def _answered(self, answer: Answered) -> None:
        self.answers[answer.objective].append(answer)
        self.earned[answer.sitting] += answer.mark
        self.revs[answer.item] = answer.rev
        if is_right(answer):
            self.right[answer.item] = answer.answered_at

    def _checked(self, check: Checked) -> None:
        steps = self.steps[check.lab, check.rev]
        if steps.get(check.step) != PASSED:
            steps[check.step] = check.status

    def cited(self) -> Iterator[str]:
        """Every passage that an answer cited, of conversations that were not deleted."""
        for questions in self.asked.values():
            for passages in questions.values():
                yield from passages

    def questions(self) -> set[str]:
        """Every question that was asked, as it is compared."""
        return {question for questions in self.asked.values() for question in questions}

    def gate_best(self, module: str) -> float | None:
        """The best score of a quiz on a module, 0 to 1, counting what was not answered as wrong; None without one."""
        sittings = self.quizzes.get(module, {})
        scores = [self.earned.get(key, 0.0) / total for key, total in sittings.items() if total]
        return max(scores, default=None)


@dataclass(slots=True)
class _Kept:
    """A past that one thread at a time looks at."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    past: Past = field(default_factory=Past)


class Pasts:
    """The past of every learner who was asked for lately; safe to share between threads."""

    def __init__(self, journal: PathJournal) -> None:
        """Read from `journal`, each event once."""
        self._journal = journal
        self._pasts: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, learner: str) -> Iterator[Past]:
        """The past of a learner as of now, held still while it is looked at."""
        kept = self._kept(learner)
        with kept.lock:
            news = self._journal.since(learner, kept.past.marks)
            if news.anew:
                kept.past = Past()
            kept.past.take(news)
            yield kept.past

    def drop(self, learner: str) -> None:
        """Keep nothing in memory of a learner who was forgotten."""
        with self._lock:
            self._pasts.pop(learner, None)

    def _kept(self, learner: str) -> _Kept:
        with self._lock:
            kept = self._pasts.pop(learner, None) or _Kept()
            self._pasts[learner] = kept
            if len(self._pasts) > MOST_KEPT:
                self._pasts.pop(next(iter(self._pasts)))
            return kept
