"""What the journal takes in and gives back; nothing here knows of a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pgdojo.learner.text import require_aware

LOCAL = "local"
"""Who learns when nobody signs in: the person at this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One question of a learner and the answer that was given."""

    key: str
    """Minted by the caller before the question is asked, so that a repeated submit is known as one."""
    conversation: str
    learner: str
    question: str
    """As the learner typed it."""
    standalone: str
    """As it was searched for, with the subject of the turn before filled in."""
    answer: dict[str, Any]
    """The answer as plain JSON data, citations included."""
    asked_at: datetime
    """Aware; any zone."""

    def __post_init__(self) -> None:
        require_aware(self.asked_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """A learner's questions that follow on one another."""

    id: str
    title: str
    """The last name it was given, or its first question cut to fit a list."""
    started_at: datetime
    last_at: datetime
    """When the latest question was asked."""
    turns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What a learner thinks of one answer."""

    turn: str
    """Key of the turn."""
    helpful: bool
    reason: str
    given_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A question that the course could not answer."""

    question: str
    nearest: tuple[str, ...]
    """Passages that came closest, best first."""
    learner: str
    noted_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class PassageRead:
    """A passage that a learner has opened."""

    passage: str
    document: str
    """Where the passage stood when it was last opened."""
    times: int
    last_at: datetime


Mode = Literal["practice", "exam", "placement", "review", "ahead"]
"""Kind of sitting: feedback after each answer, or at the end; to find a place; what is due; and looking ahead."""

Certainty = Literal["unsure", "fairly", "sure", "unsaid"]
"""What the learner said of their own answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sitting:
    """Questions taken in one go."""

    key: str
    learner: str
    mode: Mode
    plan: dict[str, Any]
    """Plain JSON of what is to be asked; whoever starts the sitting knows its shape."""
    started_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One item as it was put before a learner; opened once for each place of a sitting."""

    key: str
    learner: str
    sitting: str
    place: int
    """0 is the first."""
    item: str
    rev: int
    arrangement: dict[str, list[str]]
    """In which order its parts were shown."""
    opened_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class QuizResponse:
    """What was answered to an attempt, and what it was worth."""

    key: str
    """That of the attempt."""
    learner: str
    sitting: str
    item: str
    rev: int
    objective: str
    topic: str
    given: dict[str, Any]
    certainty: Certainty
    hinted: bool
    mark: float
    """0 to 1."""
    rating: int
    """1 again, 2 hard, 3 good, 4 easy."""
    counts: bool
    """Whether it moves the schedule."""
    algorithm: str
    """The scheduler whose rating this is."""
    seconds: float
    answered_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispute:
    """A learner's word that an item is wrong."""

    learner: str
    attempt: str
    item: str
    rev: int
    given: dict[str, Any]
    passage: str
    words: str
    disputed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LabRun:
    """A lab as it was started."""

    key: str
    learner: str
    lab: str
    rev: int
    started_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LabCheck:
    """What the checks of a step found when they were run once."""

    key: str
    learner: str
    lab: str
    rev: int
    step: str
    status: str
    evidence: dict[str, Any]
    """Plain JSON of what was found, without secrets; whoever checks knows its shape."""
    checked_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LabHint:
    """A rung of a step's hints that was shown."""

    key: str
    learner: str
    lab: str
    rev: int
    step: str
    rung: int
    """0 is the gentlest."""
    shown_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LabPrediction:
    """What a learner committed to before a step."""

    key: str
    learner: str
    lab: str
    rev: int
    step: str
    value: float
    predicted_at: datetime


Role = Literal["learner", "mentor", "trainer", "blocked"]
"""What a person may do; one who is blocked may do nothing."""

SignOffState = Literal["asked", "signed", "revoked"]
"""A task of the team is put forward by the learner, and ticked or taken back by a person."""

DEMO = "demo"
"""Issuer of people who are made up for a demonstration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody who signed in, or the one person of a machine."""

    learner: str
    """What every event of theirs is stored under; made of issuer and subject, never of an e-mail address."""
    issuer: str
    subject: str
    name: str
    email: str
    """For display alone; empty where the provider tells none."""
    seen_at: datetime
    """When these claims were first seen."""

    @property
    def is_demo(self) -> bool:
        """Whether the person is made up for a demonstration."""
        return self.issuer == DEMO


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A role as it was given."""

    learner: str
    role: Role
    by: str
    """Who gave it: a learner's id, `provider` for a claim, `config` for a list, `operator` for the command line."""
    reason: str
    granted_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolment:
    """Which track of the path a learner follows, until when, and who helps."""

    learner: str
    track: str
    target: date | None
    """When the learner wants to be ready."""
    mentor: str
    """Id of the mentor, or a name as the learner typed it; empty without one."""
    enrolled_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SignOff:
    """What is said of a task that only a person can tick."""

    key: str
    learner: str
    task: str
    state: SignOffState
    by: str
    """Who said it: a name, or the id of who signed in."""
    note: str
    signed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A learner's key for what runs on their own machine; its secret is stored nowhere."""

    key: str
    learner: str
    label: str
    made_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """A trainer's word on a gap, a dispute or a thumb down."""

    kind: str
    about: str
    """Key of what it is about."""
    learner: str
    """Who resolved it."""
    verdict: str
    note: str
    resolved_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """Something that was done to or with what belongs to others."""

    learner: str
    """Who did it."""
    action: str
    about: str
    detail: dict[str, Any]
    done_at: datetime
