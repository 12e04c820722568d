"""How good the items are, by the measures of the field, from everybody's first answers.

Source: the measures of Moodle's quiz statistics, https://docs.moodle.org/dev/Quiz_statistics_calculations: facility
index and discrimination index; the flags are those of item-writing practice, on counts that small teams can reach.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pgdojo.course.items import Item, Picked
from pgdojo.quiz.grading import Response

if TYPE_CHECKING:
    from pgdojo.learner.quiz_journal import Outcome

FEW = 5
"""Answers below which no share is worth showing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What first answers say of one item."""

    item: str
    answers: int
    facility: float
    """Mean mark, 0 to 1; high means easy."""
    discrimination: float | None
    """Correlation of the item's mark with the learner's mean mark on all other items, -1 to 1; None where either does
    not vary."""
    sure_and_wrong: float
    """Share of the answers."""
    median_seconds: float
    shares: Mapping[str, float]
    """Single and multiple choice: how often each option was picked, as a share of the answers."""
    flags: tuple[str, ...]


def health(outcomes: Iterable[Outcome], items: Mapping[str, Item]) -> list[Health]:
    """Measure each item on the first answer of each learner to its present revision, those with flags first.

    Args:
        outcomes: In the order in which they came.
        items: Those to measure, by id.
    """
    first: dict[str, dict[str, Outcome]] = defaultdict(dict)
    for outcome in outcomes:
        item = items.get(outcome.item)
        if item is not None and outcome.rev == item.rev:
            first[item.id].setdefault(outcome.learner, outcome)
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for answers in first.values():
        for learner, outcome in answers.items():
            sums[learner] += outcome.mark
            counts[learner] += 1
    found = [_measured(items[name], list(answers.values()), sums, counts) for name, answers in first.items()]
    return sorted(found, key=lambda one: (not one.flags, one.item))


def _measured(item: Item, answers: Sequence[Outcome], sums: Mapping[str, float], counts: Mapping[str, int]) -> Health:
    marks = np.array([one.mark for one in answers])
    # The mark on the item itself is left out of the rest, or every item would seem to discriminate.
    others = np.array([(sums[one.learner] - one.mark) / max(1, counts[one.learner] - 1) for one in answers])
    wrong_and_sure = sum(one.mark < 1 and one.certainty == "sure" for one in answers) / len(answers)
    shares = _shares(item, answers)
    facility, discrimination = float(marks.mean()), correlation(marks, others)
    return Health(
        item=item.id,
        answers=len(answers),
        facility=facility,
        discrimination=discrimination,
        sure_and_wrong=wrong_and_sure,
        median_seconds=float(np.median([one.seconds for one in answers])),
        shares=shares,
        flags=tuple(_flags(item, len(answers), facility, discrimination, wrong_and_sure, shares)),
    )


def correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float | None:
    """Pearson's correlation of two rows of equal length; None where one of them does not vary."""
    # Sums of the same marks in another order differ by what rounding leaves, which must not pass for a difference.
    if len(one) < 3 or min(np.ptp(one), np.ptp(other)) < 1e-9:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _shares(item: Item, answers: Sequence[Outcome]) -> dict[str, float]:
    if not isinstance(item, Picked):
        return {}
    picked = Counter(name for one in answers for name in _picked(one.given))
    return {option.id: picked[option.id] / len(answers) for option in item.options}


def _picked(given: Response) -> Iterable[str]:
    """The options picked, each once."""
    value = given.get("picked")
    if isinstance(value, str):
        return (value,)
    return {part for part in value if isinstance(part, str)} if isinstance(value, list) else ()


def _flags(
    item: Item,
    answers: int,
    facility: float,
    discrimination: float | None,
    sure_and_wrong: float,
    shares: Mapping[str, float],
) -> Iterable[str]:
    """What an author should look at, in words."""
    if answers >= 30 and discrimination is not None and discrimination < 0:
        yield "those who know more get it wrong more often: look at the key"
    if answers >= FEW and sure_and_wrong > 0.25:
        yield f"{sure_and_wrong:.0%} were sure and wrong"
    if answers >= 20:
        if facility < 0.2:
            yield "hardly anybody gets it right"
        if facility > 0.95:
            yield "nearly everybody gets it right"
        idle = [name for name, share in shares.items() if share < 0.05 and not _is_key(item, name)]
        if idle:
            yield f"hardly anybody picks {', '.join(idle)}"


def _is_key(item: Item, name: str) -> bool:
    return isinstance(item, Picked) and any(option.id == name and option.correct for option in item.options)
