"""When an objective counts as mastered, and what it lacks until then: the rule that every learner is shown.

Why it is strict is in docs/paths.md: mastery gates work the better the stricter their criterion is, and one choice
item never proves an outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from pgdojo.learner.path_journal import Answered
from pgdojo.quiz.schedule import Memory

RIGHT = 3
"""Right answers that are wanted, each in a sitting of its own."""
VARIANTS = 2
"""Different items that are wanted among them, where the objective has as many."""
DAYS = 2
"""Different days, in UTC, that are wanted among them."""
RECALL = 0.9
"""Predicted recall that is wanted now."""

RULE = (
    "An objective is mastered with three right answers, each in a sitting of its own, on two different questions and "
    "on two different days; the last answer right, without a hint and not unsure; a predicted recall of 90 % or more "
    "now; and its labs passed, where it has some. What you knew in the placement counts as done, but not where a "
    "mistake hurts in production."
)
"""The rule in words, for pages."""

_EPSILON = 1e-9

MasteryState = Literal["new", "learning", "known", "mastered"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mastery:
    """How far a learner is with one objective."""

    objective: str
    state: MasteryState
    """Never answered, answered, answered right in the placement and never wrong since, or mastered."""
    right: int
    """Right answers that count: the first on the objective in each sitting, and none from looking ahead."""
    variants: int
    """Different items among them."""
    variants_wanted: int
    dates: tuple[date, ...]
    """Different days, in UTC, among them, the first one first."""
    unaided: bool
    """Whether the last answer was right, without a hint and not unsure."""
    recall: float | None
    """Predicted now, 0 to 1; None before the first answer."""
    labs_wanted: tuple[str, ...]
    labs_passed: tuple[str, ...]
    lacks: tuple[str, ...]
    """What is missing, in plain sentences for the learner; empty when mastered."""

    @property
    def days(self) -> int:
        """How many different days are among them."""
        return len(self.dates)

    def is_done(self, *, critical: bool) -> bool:
        """Whether a module counts it as done: mastered, or known where a mistake does not hurt in production."""
        return self.state == "mastered" or (self.state == "known" and not critical)


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """What is asked of one objective."""

    objective: str
    items: int
    """How many items it can be asked by now."""
    key_revs: Mapping[str, int]
    """Revision that last changed the key of an item; right answers to earlier ones no longer count."""
    labs: Mapping[str, str]
    """The labs that practise it, each with its title."""

    @property
    def variants(self) -> int:
        """Different items that are wanted among the right answers."""
        return max(1, min(VARIANTS, self.items))


def mastery(
    criterion: Criterion,
    answers: Sequence[Answered],
    memory: Memory | None,
    *,
    placements: Collection[str],
    labs_done: Collection[str],
    at: datetime,
) -> Mastery:
    """How far a learner is with an objective.

    Args:
        criterion: What is asked.
        answers: Every answer on the objective, as they came.
        memory: What the review schedule knows of it.
        placements: Keys of the sittings that were placements.
        labs_done: Every lab that the learner passed.
        at: Now.
    """
    counted = [one for one in answers if one.counts]
    right = [one for one in counted if is_right(one) and not _is_outdated(one, criterion)]
    last = counted[-1] if counted else None
    recall = memory.recall(at) if memory else None
    passed = tuple(lab for lab in criterion.labs if lab in labs_done)
    found = Mastery(
        objective=criterion.objective,
        state="new",
        right=len(right),
        variants=len({one.item for one in right}),
        variants_wanted=criterion.variants,
        dates=tuple(sorted({one.answered_at.date() for one in right})),
        unaided=last is not None and _is_unaided(last) and not _is_outdated(last, criterion),
        recall=recall,
        labs_wanted=tuple(criterion.labs),
        labs_passed=passed,
        lacks=(),
    )
    lacks = tuple(_lacks(found, last, criterion))
    return replace(found, state=_state(answers, lacks, criterion, placements), lacks=lacks)


def _state(
    answers: Sequence[Answered], lacks: Sequence[str], criterion: Criterion, placements: Collection[str]
) -> MasteryState:
    if not answers:
        return "new"
    if not lacks:
        return "mastered"
    return "known" if _is_known(answers, criterion, placements) else "learning"


def is_right(answer: Answered) -> bool:
    """Whether an answer has the whole mark."""
    return answer.mark >= 1 - _EPSILON


def _is_unaided(answer: Answered) -> bool:
    return is_right(answer) and not answer.hinted and answer.certainty != "unsure"


def _is_outdated(answer: Answered, criterion: Criterion) -> bool:
    """Whether something else is right by now."""
    return answer.rev < criterion.key_revs.get(answer.item, 0)


def _is_known(answers: Sequence[Answered], criterion: Criterion, placements: Collection[str]) -> bool:
    """Whether the placement showed it, and nothing has spoken against it since."""
    for answer in reversed(answers):
        if not is_right(answer):
            return False
        if answer.sitting in placements:
            return _is_unaided(answer) and not _is_outdated(answer, criterion)
    return False


def _lacks(found: Mastery, last: Answered | None, criterion: Criterion) -> Iterator[str]:
    if found.right < RIGHT:
        missing = RIGHT - found.right
        yield f"{missing} more right answer{'' if missing == 1 else 's, each in a quiz or review of its own'}."
    if found.variants < found.variants_wanted:
        missing = found.variants_wanted - found.variants
        yield f"Right answers to {missing} more question{'' if missing == 1 else 's'} on it."
    if found.days < DAYS:
        missing = DAYS - found.days
        yield "A right answer on another day." if missing == 1 else "Right answers on two different days."
    if last is not None and not found.unaided:
        yield _not_unaided(last, criterion)
    if found.recall is not None and found.recall < RECALL - _EPSILON:
        yield f"A review: your predicted recall is down to {int(found.recall * 100)}%."
    for lab, title in criterion.labs.items():
        if lab not in found.labs_passed:
            yield f"The lab “{title}”."


def _not_unaided(last: Answered, criterion: Criterion) -> str:
    if _is_outdated(last, criterion):
        return "A new answer: what is right has changed since your last one."
    if not is_right(last):
        return "A right answer: the last one was wrong."
    why = "needed a hint" if last.hinted else "was unsure"
    return f"A right answer without a hint and not unsure: the last one {why}."
