"""A sitting from its first question to its result; all truth is in the journal, and the browser holds none of it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from pgdojo.course.banks import Find, Quizzes
from pgdojo.course.items import Item, Scenario
from pgdojo.course.records import PassageId
from pgdojo.errors import UsageError
from pgdojo.learner.quiz_journal import QuizJournal
from pgdojo.learner.records import Attempt, Certainty, Dispute, Mode, QuizResponse, Sitting
from pgdojo.learner.text import clean_json, utc_now
from pgdojo.quiz import review, schedule, selection
from pgdojo.quiz.analysis import Health, health
from pgdojo.quiz.grading import Marked, Response, grade, way
from pgdojo.quiz.schedule import Schedule
from pgdojo.quiz.view import Question, shown

PASS_MARK = 0.8
"""Share of the marks with which an exam is passed."""

LONGEST_SECONDS = 3600.0
"""An answer that took longer was interrupted."""

GRACE = timedelta(seconds=10)
"""How long after an exam's end an answer still counts, for the way it travels."""

LEFT_ALONE = timedelta(hours=3)
"""After so long an exam without a limit keeps nobody from looking things up."""

CERTAINTIES: tuple[Certainty, ...] = ("unsure", "fairly", "sure")


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a sitting has come."""

    sitting: Sitting
    total: int
    attempts: tuple[Attempt, ...]
    responses: tuple[QuizResponse, ...]

    @property
    def place(self) -> int:
        """Place of the question to answer next; 0 is the first."""
        return len(self.responses)

    @property
    def ends_at(self) -> datetime | None:
        """When time is up, None without a limit."""
        minutes = self.sitting.plan.get("minutes")
        return self.sitting.started_at + timedelta(minutes=minutes) if minutes else None

    @property
    def finished(self) -> bool:
        """Whether it was ended, or everything was answered."""
        return self.sitting.finished_at is not None or self.place >= self.total

    @property
    def shows_feedback(self) -> bool:
        """Whether each answer is followed by its feedback."""
        return self.sitting.mode != "exam" or self.finished


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What a learner is told of an answer."""

    item: Item
    response: QuizResponse
    marked: Marked
    misconceptions: tuple[tuple[str, str], ...]
    """Each wrong belief shown, by its name, and what is true instead."""
    ending: str = ""
    """How an incident ended."""

    @property
    def sure_and_wrong(self) -> bool:
        """Whether the learner was sure of what is wrong: what is put right best, and forgotten last."""
        return self.response.certainty == "sure" and not self.marked.right


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a sitting that has ended was worth."""

    progress: Progress
    score: float
    """Mean mark of all its questions, 0 to 1; what was not answered is worth nothing."""
    passed: bool | None
    """Of an exam whether it was passed, None for every other sitting."""
    by_topic: Mapping[str, tuple[float, int]]
    """Mean mark and number of answers of each topic."""
    feedback: tuple[Feedback, ...]
    """The answers, sure-and-wrong first, then the other wrong ones, then the right ones."""
    to_read: tuple[PassageId, ...]
    """What the missed items rest on, each once."""

    @property
    def earned(self) -> float:
        """Sum of the marks."""
        return sum(response.mark for response in self.progress.responses)


class Quizmaster:
    """Gives sittings, marks answers and keeps the schedule; safe to share between threads."""

    def __init__(
        self, quizzes: Quizzes, find: Find, journal: QuizJournal, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """Ask what `quizzes` holds, with passages from `find`, and remember it in `journal`."""
        self.quizzes = quizzes
        self.find = find
        self.journal = journal
        self._clock = clock
        self.items: Mapping[str, Item] = quizzes.served(find)
        self._schedules: dict[str, tuple[Schedule, int]] = {}
        self._lock = threading.Lock()

    # What there is to ask

    def topics(self) -> dict[str, int]:
        """How many items may be asked of each topic."""
        found: dict[str, int] = {}
        for item in self.items.values():
            topic = self.quizzes.topic(item)
            found[topic] = found.get(topic, 0) + 1
        return found

    def items_citing(self, passages: Sequence[PassageId]) -> list[str]:
        """Items that rest on one of `passages`, those on the first passage first, one an objective."""
        found: dict[str, str] = {}
        for passage in passages:
            for item in self._citing.get(passage, ()):
                found.setdefault(item.objective, item.id)
        return list(found.values())

    @cached_property
    def _citing(self) -> Mapping[PassageId, Sequence[Item]]:
        found: dict[PassageId, list[Item]] = {}
        for item in self.items.values():
            for cited in item.cites:
                found.setdefault(cited, []).append(item)
        return found

    def is_late(self, item: Item) -> bool:
        """Whether an item is past its review date, so that it leaves exams."""
        return item.review_by < self._clock().date().isoformat()[: len(item.review_by)]

    # Sittings

    def start(
        self,
        key: str,
        learner: str,
        mode: Mode,
        *,
        topics: Sequence[str] = (),
        count: int = 10,
        minutes: int | None = None,
        items: Sequence[str] = (),
        module: str = "",
    ) -> Sitting:
        """Begin a sitting, or return the one that began under `key`.

        Args:
            key: Minted by the caller; it also decides the order of questions and options.
            learner: Who sits.
            mode: Kind of sitting.
            topics: Names of topics; none means all.
            count: Most questions; a placement has its own number.
            minutes: Time limit of an exam.
            items: What to ask, where the caller knows; else it is chosen.
            module: The module of the path that it is a quiz on, by which the path finds it again.

        Raises:
            UsageError: There is nothing to ask.
        """
        known = self.journal.sitting(learner, key)
        if known:
            return known
        plan = self._plan(key, learner, mode, topics, count, items)
        if not plan["total"]:
            raise UsageError("There is nothing to ask on this.", next_step="Choose other topics.")
        plan["minutes"] = minutes
        if module:
            plan["module"] = module
        self.journal.start(Sitting(key=key, learner=learner, mode=mode, plan=plan, started_at=self._clock()))
        return self._sitting(learner, key)

    def _plan(
        self, key: str, learner: str, mode: Mode, topics: Sequence[str], count: int, items: Sequence[str]
    ) -> dict[str, Any]:
        if mode == "placement":
            objectives = {item.objective for item in self.items.values() if not isinstance(item, Scenario)}
            return {"topics": [], "items": [], "total": min(selection.PLACEMENT, len(objectives))}
        chosen = [name for name in items if name in self.items][:count]
        if not chosen and mode not in {"review", "ahead"}:
            may = {name: item for name, item in self.items.items() if mode != "exam" or not self.is_late(item)}
            memories = self.schedule(learner).memories
            chosen = selection.for_practice(self.quizzes, may, memories, topics=topics, count=count, seed=key)
        return {"topics": list(topics), "items": chosen, "total": len(chosen)}

    def _item(self, name: str) -> Item:
        item = self.quizzes.items.get(name)
        if item is None:
            raise UsageError("This question has left the course.", next_step="Start another sitting on the page Quiz.")
        return item

    def _sitting(self, learner: str, key: str) -> Sitting:
        found = self.journal.sitting(learner, key)
        if found is None:
            raise UsageError("There is no such sitting.", next_step="Start a new one on the page Quiz.")
        return found

    def progress(self, learner: str, key: str) -> Progress:
        """How far a sitting has come; one whose time is up is ended by this.

        Raises:
            UsageError: The learner has no such sitting.
        """
        sitting = self._sitting(learner, key)
        found = Progress(
            sitting=sitting,
            total=int(sitting.plan["total"]),
            attempts=tuple(self.journal.attempts(learner, key)),
            responses=tuple(self.journal.responses(learner, key)),
        )
        if not found.finished and found.ends_at and self._clock() > found.ends_at + GRACE:
            self.journal.finish(learner, key)
            return self.progress(learner, key)
        return found

    def under_way(self, learner: str) -> Progress | None:
        """The latest sitting that has not ended, None without one."""
        found = (self.progress(learner, sitting.key) for sitting in self.journal.unfinished(learner))
        return next((progress for progress in found if not progress.finished), None)

    def in_exam(self, learner: str) -> bool:
        """Whether an exam is being sat, so that nothing is to be looked up."""
        since = self._clock() - LEFT_ALONE
        exams = [one for one in self.journal.unfinished(learner) if one.mode == "exam" and one.started_at > since]
        return any(not self.progress(learner, exam.key).finished for exam in exams)

    def finish(self, learner: str, key: str) -> None:
        """End a sitting; what was not answered stays so."""
        self.journal.finish(learner, key)

    # One question

    def question(self, learner: str, progress: Progress) -> Question | None:
        """The question to answer next, None where there is no more; an attempt is minted when it is opened first."""
        if progress.finished:
            return None
        opened = next((one for one in progress.attempts if one.place == progress.place), None)
        attempt = opened or self._open(learner, progress)
        item = self.quizzes.items.get(attempt.item) if attempt else None
        if attempt is None or item is None:
            self.journal.finish(learner, progress.sitting.key)
            return None
        return self._shown(learner, item, attempt)

    def _open(self, learner: str, progress: Progress) -> Attempt | None:
        sitting = progress.sitting
        if sitting.mode == "placement":
            name = selection.next_of_placement(self.quizzes, self.items, progress.responses, seed=sitting.key)
        else:
            name = sitting.plan["items"][progress.place]
        item = self.items.get(name or "")
        if item is None:
            return None
        key = f"{sitting.key}-{progress.place}"
        return self.journal.open(
            Attempt(
                key=key,
                learner=learner,
                sitting=sitting.key,
                place=progress.place,
                item=item.id,
                rev=item.rev,
                arrangement=selection.arranged(item, key),
                opened_at=self._clock(),
            )
        )

    def _shown(self, learner: str, item: Item, attempt: Attempt) -> Question:
        hinted = bool(item.hint) and self.journal.hinted(learner, attempt.key)
        path = self.journal.path(learner, attempt.key) if isinstance(item, Scenario) else ()
        return shown(item, attempt, hinted=hinted, path=path)

    def show_hint(self, learner: str, attempt: str) -> None:
        """Open the hint of an attempt; the answer then counts as hard at most."""
        self.journal.show_hint(learner, attempt)

    def move(self, learner: str, attempt: Attempt, turn: int, choice: str) -> bool:
        """Take `choice` at the turn of an incident.

        Returns:
            Whether the incident has ended, so that it can be answered.
        """
        item = self._item(attempt.item)
        path = self.journal.path(learner, attempt.key)
        if isinstance(item, Scenario) and turn == len(path):
            _, place = way(item, path)
            here = item.turn(place)
            if here and choice in {one.id for one in here.choices}:
                self.journal.move(learner, attempt.key, turn, choice)
                path = self.journal.path(learner, attempt.key)
        return isinstance(item, Scenario) and item.ending(way(item, path)[1]) is not None

    def answer(self, learner: str, attempt: Attempt, given: Response, certainty: Certainty = "unsaid") -> QuizResponse:
        """Mark and store the answer to `attempt`; where it was answered before, that answer stays and is returned.

        Raises:
            UsageError: Time is up, the item has left the course, or the attempt is not the learner's.
        """
        progress = self.progress(learner, attempt.sitting)
        before = next((one for one in progress.responses if one.key == attempt.key), None)
        if before:
            return before
        if progress.finished:
            raise UsageError("This sitting has ended.", next_step="Look at its result, and start another.")
        response = self._response(learner, attempt, given, certainty, progress)
        if self.journal.respond(response):
            if progress.place + 1 >= progress.total:
                self.journal.finish(learner, attempt.sitting)
            return response
        return next(one for one in self.journal.responses(learner, attempt.sitting) if one.key == attempt.key)

    def _response(
        self, learner: str, attempt: Attempt, given: Response, certainty: Certainty, progress: Progress
    ) -> QuizResponse:
        item = self._item(attempt.item)
        if isinstance(item, Scenario):
            given = {"path": list(self.journal.path(learner, attempt.key))}
        # As it will be stored, so that it is marked alike when it is read again.
        given = clean_json(dict(given))
        marked = grade(item, given)
        now = self._clock()
        seconds = min(LONGEST_SECONDS, max(0.0, (now - attempt.opened_at).total_seconds()))
        hinted = self.journal.hinted(learner, attempt.key)
        certainty = certainty if certainty in CERTAINTIES else "unsaid"
        again = any(one.objective == item.objective for one in progress.responses)
        return QuizResponse(
            key=attempt.key,
            learner=learner,
            sitting=attempt.sitting,
            item=item.id,
            rev=attempt.rev,
            objective=item.objective,
            topic=self.quizzes.topic(item),
            given=dict(given),
            certainty=certainty,
            hinted=hinted,
            mark=marked.mark,
            rating=schedule.rating(item.kind, right=marked.right, certainty=certainty, hinted=hinted, seconds=seconds),
            counts=progress.sitting.mode != "ahead" and not again,
            algorithm=schedule.ALGORITHM,
            seconds=seconds,
            answered_at=now,
        )

    def feedback(self, response: QuizResponse) -> Feedback | None:
        """What to tell of an answer; None where its item is no longer in the course."""
        item = self.quizzes.items.get(response.item)
        if item is None:
            return None
        marked = grade(item, response.given)
        beliefs = [self.quizzes.misconceptions[name] for name in marked.misconceptions]
        ending = item.ending(way(item, response.given.get("path", ()))[1]) if isinstance(item, Scenario) else None
        return Feedback(
            item=item,
            response=response,
            marked=marked,
            misconceptions=tuple((belief.name, belief.instead) for belief in beliefs),
            ending=ending.say if ending else "",
        )

    def dispute(self, key: str, response: QuizResponse, words: str) -> bool:
        """Store that the learner calls an item wrong, with their answer and the passage it rests on."""
        item = self._item(response.item)
        return self.journal.dispute(
            key,
            Dispute(
                learner=response.learner,
                attempt=response.key,
                item=response.item,
                rev=response.rev,
                given=response.given,
                passage=item.cites[0],
                words=words,
                disputed_at=self._clock(),
            ),
        )

    def result(self, progress: Progress) -> Result:
        """What a sitting was worth."""
        told = [found for response in progress.responses if (found := self.feedback(response))]
        topics: dict[str, list[float]] = {}
        for response in progress.responses:
            topics.setdefault(response.topic, []).append(response.mark)
        score = sum(response.mark for response in progress.responses) / progress.total if progress.total else 0.0
        told.sort(key=lambda one: (not one.sure_and_wrong, one.marked.right))
        missed = [cited for one in told if not one.marked.right for cited in one.item.cites]
        return Result(
            progress=progress,
            score=score,
            passed=score >= PASS_MARK - 1e-9 if progress.sitting.mode == "exam" else None,
            by_topic={topic: (sum(marks) / len(marks), len(marks)) for topic, marks in sorted(topics.items())},
            feedback=tuple(told),
            to_read=tuple(dict.fromkeys(missed)),
        )

    def health(self) -> list[Health]:
        """How good the items are, from everybody's first answers, those to look at first."""
        return health(self.journal.outcomes(), self.quizzes.items)

    # The schedule

    def schedule(self, learner: str) -> Schedule:
        """When each objective comes back, replayed from the journal; only what is new is read at each call."""
        with self._lock:
            before, last = self._schedules.get(learner, (Schedule(), 0))
        new = self.journal.reviews_since(learner, last)
        if new is None:
            before, last = Schedule(), 0
            new = self.journal.reviews_since(learner) or []
        found = schedule.replay(new, self._is_critical, before)
        with self._lock:
            self._schedules[learner] = (found, new[-1].id if new else last)
        return schedule.with_changed_keys(found, self.changed_keys(), self._clock())

    def drop(self, learner: str) -> None:
        """Keep nothing in memory of a learner who was forgotten."""
        with self._lock:
            self._schedules.pop(learner, None)

    def _is_critical(self, objective: str) -> bool:
        known = self.quizzes.objectives.get(objective)
        return known is not None and known.criticality == "high"

    def changed_keys(self) -> dict[str, tuple[str, int]]:
        """For each item whose last revision changed what is right, its objective and that revision."""
        return {
            item.id: (item.objective, item.rev)
            for item in self.items.values()
            if item.rev_kind == "key" and item.rev > 1
        }

    def start_review(self, key: str, learner: str, *, minutes: int, mode: Literal["review", "ahead"]) -> Sitting:
        """Begin a review of what is due, or look ahead at what will be, within a budget of minutes."""
        known = self.journal.sitting(learner, key)
        if known:
            return known
        chance = random.Random(key)  # noqa: S311 - an order, not a secret
        queue = self.queue(learner, minutes=minutes, ahead=mode == "ahead")
        return self.start(key, learner, mode, count=len(queue.today), items=queue.variants(self.items, chance))

    def queue(self, learner: str, *, minutes: float, ahead: bool = False) -> review.Queue:
        """What to review now within a budget of minutes."""
        return review.queue(self.schedule(learner), self.objectives(), self._clock(), minutes=minutes, ahead=ahead)

    def objectives(self) -> set[str]:
        """Objectives that have an item to ask."""
        return {item.objective for item in self.items.values()}

    def objectives_by_topic(self) -> dict[str, list[str]]:
        """The objectives of each topic that have an item to ask."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.objectives()):
            found.setdefault(self.quizzes.objectives[name].topic, []).append(name)
        return dict(sorted(found.items()))
