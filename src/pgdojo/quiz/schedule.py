"""When an objective comes back: FSRS-6 on the objective, replayed from the responses.

Nothing of this is stored. The schedule is a function of the journal's responses, so that another algorithm, or the
next version of this one, can be run over the same past.

Source: FSRS, https://github.com/open-spaced-repetition/awesome-fsrs; its Python package `fsrs` with default weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from pgdojo.learner.records import Certainty, QuizResponse

if TYPE_CHECKING:
    import fsrs

    from pgdojo.learner.quiz_journal import Review

ALGORITHM = "FSRS-6"

AGAIN, HARD, GOOD, EASY = 1, 2, 3, 4

RETENTION = {"normal": 0.90, "high": 0.95}
"""Predicted recall at which an objective comes back, by its criticality."""

ONBOARDING = timedelta(days=90)
CAP_DAYS, LATER_CAP_DAYS = 21, 120
"""Longest interval until `ONBOARDING` after the first answer, and after it."""

LEECH = 4
"""Lapses after which an objective is taught before it is asked again."""

FAST_SECONDS = 30.0
"""A recall that took no longer was easy."""

RECALLED = frozenset({"short-text", "numeric", "ordering"})
"""Kinds in which nothing on the screen is recognised, so that an answer can be called easy."""


def rating(kind: str, *, right: bool, certainty: Certainty, hinted: bool, seconds: float) -> int:
    """How well something was remembered, in FSRS's four grades.

    Wrong is Again, whatever else is true; right with a hint or unsure is Hard; a sure, fast and unaided recall is Easy;
    every other right answer is Good.
    """
    if not right:
        return AGAIN
    if hinted or certainty == "unsure":
        return HARD
    if certainty == "sure" and kind in RECALLED and seconds <= FAST_SECONDS:
        return EASY
    return GOOD


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What is left of an objective in a learner's mind."""

    objective: str
    topic: str
    stability: float
    """Days until recall falls to 0.9."""
    difficulty: float
    """1 easy to 10 hard."""
    due: datetime
    last: datetime
    """When it was last asked."""
    reviews: int
    lapses: int
    """Wrong answers since the objective was last taught and then known."""
    missed: bool
    """Whether the last answer was wrong."""
    items: tuple[str, ...]
    """Items by which it was asked, the latest last, each once."""
    revs: Mapping[str, int]
    """Revision at which each of them was last answered."""

    @property
    def is_leech(self) -> bool:
        """Whether asking has not helped, so that it is taught first."""
        return self.lapses >= LEECH

    def recall(self, at: datetime) -> float:
        """Predicted probability of recall at `at`, 0 to 1."""
        return _scheduler("normal", CAP_DAYS).get_card_retrievability(self._card(), at)

    def _card(self) -> fsrs.Card:
        import fsrs

        return fsrs.Card(
            card_id=1,
            state=fsrs.State.Review,
            stability=self.stability,
            difficulty=self.difficulty,
            due=self.due,
            last_review=self.last,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Every objective that a learner has been asked."""

    first: datetime | None = None
    """When the learner began."""
    memories: Mapping[str, Memory] = field(default_factory=dict)

    def due(self, at: datetime) -> list[Memory]:
        """What should be asked at `at`, the least well remembered first."""
        return sorted((one for one in self.memories.values() if one.due <= at), key=lambda one: one.recall(at))


def replay(
    responses: Iterable[QuizResponse | Review], is_critical: Callable[[str], bool], begin: Schedule | None = None
) -> Schedule:
    """The schedule after `responses`, in the order in which they came.

    Args:
        responses: Of one learner, whole or as the journal shortens them. Those that do not count change nothing.
        is_critical: Whether not knowing an objective hurts in production.
        begin: The schedule after all responses before these.
    """
    first = begin.first if begin else None
    histories: dict[str, list[tuple[QuizResponse | Review, fsrs.Scheduler]]] = defaultdict(list)
    for response in responses:
        if not response.counts:
            continue
        first = first or response.answered_at
        settled = response.answered_at - first >= ONBOARDING
        criticality = "high" if is_critical(response.objective) else "normal"
        scheduler = _scheduler(criticality, LATER_CAP_DAYS if settled else CAP_DAYS)
        histories[response.objective].append((response, scheduler))
    memories = dict(begin.memories) if begin else {}
    for objective, history in histories.items():
        memories[objective] = _remembered(memories.get(objective), history)
    return Schedule(first=first, memories=memories)


def _remembered(before: Memory | None, history: Sequence[tuple[QuizResponse | Review, fsrs.Scheduler]]) -> Memory:
    """What is left of one objective after its answers, each with the scheduler of its day."""
    import fsrs

    response, _ = history[0]
    card = before._card() if before else fsrs.Card(card_id=1, due=response.answered_at)  # noqa: SLF001 - its own module
    at = before.last if before else response.answered_at
    lapses = before.lapses if before else 0
    # In the order in which they were last asked.
    revs = {item: before.revs[item] for item in before.items} if before else {}
    for response, scheduler in history:
        # A clock that was set back must not make a review happen before the one it follows.
        at = max(at, response.answered_at)
        card, _ = scheduler.review_card(card, fsrs.Rating(response.rating), at)
        lapses = lapses_after(lapses, response.rating)
        revs.pop(response.item, None)
        revs[response.item] = response.rev
    return Memory(
        objective=response.objective,
        topic=response.topic,
        stability=card.stability or 0.0,
        difficulty=card.difficulty or 0.0,
        due=card.due,
        last=at,
        reviews=(before.reviews if before else 0) + len(history),
        lapses=lapses,
        missed=response.rating == AGAIN,
        items=tuple(revs),
        revs=revs,
    )


def lapses_after(lapses: int, rated: int) -> int:
    """Lapses after one more answer: what was taught as a leech and is then known begins anew."""
    return lapses + 1 if rated == AGAIN else 0 if lapses >= LEECH else lapses


def with_changed_keys(schedule: Schedule, changed: Mapping[str, tuple[str, int]], at: datetime) -> Schedule:
    """The schedule in which an objective is due at once where the key of an item that was answered has changed.

    Args:
        schedule: What the responses say.
        changed: For each item whose last revision changed its key, its objective and that revision.
        at: Now.
    """
    memories = dict(schedule.memories)
    for item, (objective, rev) in changed.items():
        memory = memories.get(objective)
        if memory and memory.revs.get(item, rev) < rev:
            memories[objective] = replace(memory, due=min(memory.due, at))
    return replace(schedule, memories=memories)


@cache
def _scheduler(criticality: str, cap: int) -> fsrs.Scheduler:
    import fsrs

    # No learning steps: a second try in the same sitting is practice, not a review. No fuzz: a replay must agree.
    return fsrs.Scheduler(
        desired_retention=RETENTION[criticality],
        learning_steps=(),
        relearning_steps=(),
        maximum_interval=cap,
        enable_fuzzing=False,
    )
