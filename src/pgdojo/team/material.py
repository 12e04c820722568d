"""What a trainer sees of the material: what it does not answer, what people found wrong with it, and what grows old."""

from __future__ import annotations

import calendar
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np

from pgdojo.ask.records import Answer
from pgdojo.course.items import Item
from pgdojo.course.records import Passage
from pgdojo.errors import UsageError
from pgdojo.learner.journal import Journal
from pgdojo.learner.material_journal import Closure, Unanswered, Unhelpful
from pgdojo.learner.records import Dispute
from pgdojo.learner.text import utc_now
from pgdojo.quiz.analysis import FEW, Health
from pgdojo.quiz.service import Quizmaster
from pgdojo.search.encoder import Vectors
from pgdojo.search.retriever import ScoredPassage
from pgdojo.team import links
from pgdojo.team.access import OPERATOR, Access, Action
from pgdojo.team.gaps import Group, Stub, grouped, stub

OLD = timedelta(days=365)
"""Age from which a fact is to be looked at again."""

HEALTH_SECONDS = 300.0
"""For how long the figures of the items are good: they rest on everybody's answers, which takes seconds to read."""

NEAR = 80
"""Passages among which the places for a new fact are sought."""

_RERUN = "questions asked again of the course"
_SEEN = "now answered, seen up to"

Kind = Literal["gap", "thumb", "dispute"]
Verdict = Literal["handled", "dismissed"]


class Course(Protocol):
    """What the material is to whoever asks it; the Dojo is one."""

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        """The answer to a question."""

    def search(self, query: str, k: int) -> list[ScoredPassage]:
        """The passages that fit best."""

    def passage(self, passage_id: str) -> Passage | None:
        """A passage by its id."""

    def facts(self) -> tuple[Passage, ...]:
        """The ledger."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeddings, shape (texts, dim)."""

    @property
    def version(self) -> str:
        """Changes with the course's index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Questions of one meaning that the material does not answer."""

    group: Group
    nearest: Passage | None
    stub: Stub


@dataclass(frozen=True, kw_only=True, slots=True)
class Disputed:
    """A learner's word that an item is wrong, with the item as it stands."""

    dispute: Dispute
    item: Item | None
    """None where the course has it no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OldFact:
    """A fact that was last looked at long ago."""

    fact: Passage
    last_day: date
    """The last day that its date may mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A page that facts rest on, as it was last found."""

    url: str
    facts: tuple[str, ...]
    """Ids of the passages."""
    state: links.LinkState | None
    """None where nobody has looked yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A learner's question that had no answer when they asked it, and has one now."""

    key: str
    question: str
    answered_at: datetime
    passages: tuple[str, ...]


class Material:
    """Looks after the material for whoever may; safe to share between threads."""

    def __init__(
        self,
        course: Course,
        journal: Journal,
        quizzes: Quizmaster,
        access: Access,
        clock: Callable[[], datetime] = utc_now,
        *,
        results: Path | None = None,
    ) -> None:
        """Look after `course`; `results` is the file of `pgdojo links`, the user's own where none is named."""
        self._course = course
        self._journal = journal
        self._quizzes = quizzes
        self._access = access
        self._clock = clock
        self._results = results
        self._lock = threading.Lock()
        self._vectors: dict[str, np.ndarray] = {}
        self._gaps: tuple[tuple[tuple[str, bool], ...], list[Gap]] = ((), [])
        self._health: tuple[float, list[Health]] | None = None

    # What has no answer

    def gaps(self, by: str) -> list[Gap]:
        """What the material does not answer, grouped by meaning, what most people asked first.

        Raises:
            AccessError: `by` may not see what the material lacks.
        """
        self._access.require(by, Action.SEE_MATERIAL)
        questions = self._open()
        with self._lock:
            told = tuple((one.key, one.noted) for one in questions)
            if told != self._gaps[0]:
                groups = grouped(questions, self._encoded([one.question for one in questions]))
                self._gaps = told, [self._gap(group) for group in groups]
            return list(self._gaps[1])

    def _gap(self, group: Group) -> Gap:
        near = [one.passage for one in self._course.search(group.question, NEAR)]
        return Gap(group=group, nearest=near[0] if near else None, stub=stub(group, near, self._clock()))

    def _open(self) -> list[Unanswered]:
        closed = self._journal.material.closures().keys() | self._journal.people.resolutions("gap").keys()
        return [one for one in self._journal.material.unanswered() if one.key not in closed]

    def _encoded(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of the texts; each is computed once in this process."""
        new = list(dict.fromkeys(text for text in texts if text not in self._vectors))
        if new:
            self._vectors.update(zip(new, self._course.encode(new), strict=True))
        return np.array([self._vectors[text] for text in texts], dtype=np.float32)

    def rerun(self) -> int:
        """Ask the open questions again where the course has changed since the last time.

        Returns:
            How many of them have an answer now, which their askers are told.
        """
        version = self._course.version
        if self._journal.quiz.preferences(OPERATOR).get(_RERUN) == version:
            return 0
        answers: dict[str, Answer] = {}
        closed = 0
        for one in self._open():
            if one.question not in answers:
                answers[one.question] = self._course.ask(one.question)
            answer = answers[one.question]
            if not answer.refused:
                passages = list(dict.fromkeys(citation.passage_id for citation in answer.citations))
                closed += self._journal.material.close_gap(one.key, learner=one.learner, passages=passages)
        self._journal.quiz.prefer(uuid.uuid4().hex, learner=OPERATOR, name=_RERUN, value=version)
        return closed

    def answered_for(self, learner: str) -> list[Answered]:
        """The learner's questions that have an answer since and of which they have not been told, the latest first.

        Raises:
            AccessError: The learner may not see what is theirs.
        """
        self._access.require(learner, Action.OWN_DATA, learner)
        closures = self._journal.material.closures_of(learner)
        if not closures:
            return []
        seen = self._journal.quiz.preferences(learner).get(_SEEN, "")
        return [_answered(closure, question) for closure, question in closures if _moment(closure) > seen]

    def seen(self, learner: str) -> None:
        """Note that the learner has been told of all that is answered by now.

        Raises:
            AccessError: The learner may not see what is theirs.
        """
        self._access.require(learner, Action.OWN_DATA, learner)
        closures = self._journal.material.closures_of(learner)
        if closures:
            latest = max(_moment(closure) for closure, _ in closures)
            self._journal.quiz.prefer(uuid.uuid4().hex, learner=learner, name=_SEEN, value=latest)

    # What people found wrong

    def thumbs_down(self, by: str) -> list[Unhelpful]:
        """Answers that did not help and that nobody has looked at since, the latest first.

        Raises:
            AccessError: `by` may not see what the material lacks.
        """
        self._access.require(by, Action.SEE_MATERIAL)
        resolved = self._journal.people.resolutions("thumb")
        return [
            one
            for one in self._journal.material.unhelpful()
            if one.turn not in resolved or resolved[one.turn].resolved_at < one.given_at
        ]

    def disputes(self, by: str) -> list[Disputed]:
        """Items that a learner called wrong and that nobody has looked at since, the latest first.

        Raises:
            AccessError: `by` may not see what the material lacks.
        """
        self._access.require(by, Action.SEE_MATERIAL)
        resolved = self._journal.people.resolutions("dispute")
        return [
            Disputed(dispute=one, item=self._quizzes.quizzes.items.get(one.item))
            for one in reversed(self._journal.quiz.disputes())
            if one.attempt not in resolved or resolved[one.attempt].resolved_at < one.disputed_at
        ]

    def resolve(self, by: str, kind: Kind, keys: Sequence[str], verdict: Verdict, note: str = "") -> None:
        """Say what came of gaps, thumbs or disputes, so that they are not shown again.

        Args:
            by: Who says so.
            kind: What they are.
            keys: Of the questions of a gap, of the turn of a thumb, or of the attempt of a dispute.
            verdict: Whether the material was mended, or needs no mending.
            note: Why, for whoever looks later.

        Raises:
            AccessError: `by` may not resolve them.
            UsageError: There is no such kind or verdict.
        """
        self._access.require(by, Action.RESOLVE)
        if kind not in get_args(Kind) or verdict not in get_args(Verdict):
            raise UsageError(
                f"{kind} cannot be {verdict}.",
                next_step=f"Choose among {', '.join(get_args(Kind))}, and {' or '.join(get_args(Verdict))}.",
            )
        for key in keys:
            self._journal.people.resolve(
                uuid.uuid4().hex, kind=kind, about=key, learner=by, verdict=verdict, note=note.strip()
            )

    # How good the items are

    def health(self, by: str) -> list[Health]:
        """How good the items are that enough people answered, those to look at first; at most minutes old.

        Raises:
            AccessError: `by` may not see what the material lacks.
        """
        self._access.require(by, Action.SEE_MATERIAL)
        with self._lock:
            if self._health is None or time.monotonic() - self._health[0] > HEALTH_SECONDS:
                self._health = time.monotonic(), self._quizzes.health()
            return [one for one in self._health[1] if one.answers >= FEW]

    def item(self, name: str) -> Item | None:
        """An item of the quizzes, None where the course has it no more."""
        return self._quizzes.quizzes.items.get(name)

    # What grows old

    def old_facts(self, by: str) -> list[OldFact]:
        """Facts whose date lies more than `OLD` back, by the last day that it may mean, the oldest first.

        Raises:
            AccessError: `by` may not see what the material lacks.
        """
        self._access.require(by, Action.SEE_MATERIAL)
        limit = self._clock().date() - OLD
        dated = [OldFact(fact=fact, last_day=_last_day(fact.as_of)) for fact in self._course.facts() if fact.as_of]
        return sorted((one for one in dated if one.last_day < limit), key=lambda one: (one.last_day, one.fact.id))

    def sources(self, by: str) -> list[Source]:
        """The pages that facts rest on, with what `pgdojo links` last found: those that are gone first.

        Raises:
            AccessError: `by` may not see what the material lacks.
            UsageError: The file of the results is damaged.
        """
        self._access.require(by, Action.SEE_MATERIAL)
        known = {one.url: one for one in links.read(self._results or links.links_file())}
        facts: dict[str, list[str]] = {}
        for fact in self._course.facts():
            if fact.source:
                facts.setdefault(fact.source.split("#", 1)[0], []).append(fact.id)
        order: Mapping[str, int] = {"gone": 0, "unclear": 1, "moved": 2, "reached": 4}
        found = [Source(url=url, facts=tuple(names), state=known.get(url)) for url, names in facts.items()]
        return sorted(found, key=lambda one: (order[one.state.found] if one.state else 3, one.url))


def _moment(closure: Closure) -> str:
    return closure.answered_at.isoformat()


def _answered(closure: Closure, question: str) -> Answered:
    return Answered(key=closure.key, question=question, answered_at=closure.answered_at, passages=closure.passages)


def _last_day(as_of: str) -> date:
    """The last day of `2026-04-12`, `2026-04` or `2026`."""
    year, *rest = (int(part) for part in as_of.split("-"))
    month = rest[0] if rest else 12
    day = rest[1] if len(rest) > 1 else calendar.monthrange(year, month)[1]
    return date(year, month, day)
