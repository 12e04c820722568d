"""What a trainer is shown of the learners."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pgdojo.learner.records import LabCheck, QuizResponse, SignOff
from pgdojo.path.records import PathProgress
from pgdojo.quiz.analysis import FEW

Reason = Literal["stuck", "lapses", "sure-and-wrong", "target", "quiet"]
REASONS: tuple[Reason, ...] = ("stuck", "lapses", "sure-and-wrong", "target", "quiet")
"""In the order in which they are told: what blocks somebody, what they do not know, what is late, then silence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What a learner has never answered rightly, shortly before the day on which they want to be ready."""

    target: date
    left: int
    """Objectives of the track."""
    total: int
    high_left: int
    """Those of high criticality among what is left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """One reason to help somebody."""

    reason: Reason
    since: datetime
    about: str = ""
    """Of `stuck` the lab, of the middle two the objective; else empty."""
    step: str = ""
    """Of `stuck` the step's id."""
    title: str = ""
    """What it is about, for people."""
    times: int = 0
    """Failed checks, or lapses."""
    left: Left | None = None
    """Of `target`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Help:
    """Somebody who needs help today."""

    learner: str
    name: str
    troubles: tuple[Trouble, ...]
    """The first one first; never empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """How often something was answered, and how often rightly."""

    answers: int
    right: int
    learners: int = 1

    @property
    def few(self) -> bool:
        """Whether there are too few answers to speak of a share."""
        return self.answers < FEW

    @property
    def share(self) -> float | None:
        """The share that was right, None where there are too few answers."""
        return None if self.few else self.right / self.answers

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the true share lies with 95 percent confidence, None where there are too few answers.

        Wilson's score interval: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
        1927.
        """
        return None if self.few else wilson(self.right, self.answers)


def wilson(right: int, answers: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a share, for `right` out of `answers`, which is above zero."""
    share = right / answers
    spread = z * math.sqrt(share * (1 - share) / answers + z * z / (4 * answers * answers))
    middle, scale = share + z * z / (2 * answers), 1 + z * z / answers
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


@dataclass(frozen=True, kw_only=True, slots=True)
class GridRow:
    """One learner's cells, in the order of the grid's columns; None where nothing was answered."""

    learner: str
    name: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """What a team knows: topics, or the objectives of one, by learner."""

    topic: str
    """Empty where the columns are topics."""
    columns: tuple[tuple[str, str], ...]
    """Id and title of each."""
    totals: tuple[Cell | None, ...]
    """Of everybody, not of the rows shown alone."""
    rows: tuple[GridRow, ...]
    learners: int
    """How many there are in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """What a learner will remember on a day, if nothing is reviewed until then."""

    learner: str
    name: str
    track: str
    target: date | None
    ready: int
    """Objectives of the track with a predicted recall of 0.90 or more."""
    total: int
    high_ready: int
    high_total: int
    """Those of high criticality among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A task that was put forward and waits for a person."""

    learner: str
    name: str
    said: SignOff
    title: str
    do: str
    """What was to be done; empty for a lab."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Friction:
    """How a step of a lab goes for those who try it."""

    lab: str
    step: str
    lab_title: str
    step_title: str
    tried: int
    """Learners."""
    passed: int
    checks: int
    could_not: int
    """Checks that could not look."""
    cause: str
    """The check that failed most often; empty where none did."""
    asks: str
    """What that check asks for, as the lab's author wrote it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a learner did, for whoever may see it; without certainty and hints, which are the learner's own."""

    learner: str
    name: str
    troubles: tuple[Trouble, ...]
    """What they need help with, the first one first."""
    progress: PathProgress
    responses: tuple[QuizResponse, ...]
    checks: tuple[LabCheck, ...]
    sign_offs: Mapping[str, SignOff]
