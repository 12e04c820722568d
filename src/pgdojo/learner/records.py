"""What the journal takes in and gives back; nothing here knows of a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pgdojo.learner.text import require_aware


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
