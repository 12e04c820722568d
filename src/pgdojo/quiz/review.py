"""What to review today, how many minutes that takes, and what the coming weeks bring."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pgdojo.course.items import Item
from pgdojo.quiz.schedule import Memory, Schedule
from pgdojo.quiz.selection import variant

BUDGET_MINUTES = 12
"""Minutes a day, unless the learner prefers others."""

MINUTES_AN_ITEM = 0.75
MINUTES_TO_TEACH = 2.0
"""What an objective takes that is taught before it is asked."""

READY = 0.9
"""Predicted recall from which a learner counts as ready."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """The reviews of a day, the least well remembered first."""

    today: tuple[Memory, ...]
    """What fits the budget."""
    postponed: tuple[Memory, ...]
    """What is due as well, and would take longer."""

    def variants(self, items: Mapping[str, Item], chance: random.Random) -> list[str]:
        """For each objective of today the item that was asked longest ago."""
        by_objective: dict[str, list[Item]] = {}
        for item in items.values():
            by_objective.setdefault(item.objective, []).append(item)
        return [variant(by_objective[memory.objective], memory, chance).id for memory in self.today]


def minutes_of(memories: Collection[Memory]) -> float:
    """Minutes that reviewing `memories` takes."""
    return sum(MINUTES_TO_TEACH if memory.is_leech else MINUTES_AN_ITEM for memory in memories)


def queue(schedule: Schedule, askable: Collection[str], at: datetime, *, minutes: float, ahead: bool = False) -> Queue:
    """What to review at `at` within `minutes`.

    Args:
        schedule: What the learner remembers.
        askable: Objectives that have an item to ask.
        at: Now.
        minutes: The budget; one review always fits.
        ahead: Take what is not due yet, in the order in which it will be.
    """
    known = [memory for memory in schedule.memories.values() if memory.objective in askable]
    if ahead:
        waiting = sorted((memory for memory in known if memory.due > at), key=lambda memory: memory.due)
    else:
        waiting = sorted((memory for memory in known if memory.due <= at), key=lambda memory: memory.recall(at))
    today: list[Memory] = []
    for memory in waiting:
        if today and minutes_of([*today, memory]) > minutes:
            break
        today.append(memory)
    return Queue(today=tuple(today), postponed=tuple(waiting[len(today) :]))


def forecast(schedule: Schedule, askable: Collection[str], at: datetime, days: int = 30) -> list[tuple[date, int]]:
    """How many objectives come due on each of the next `days` days, today first with all that is overdue.

    It counts what is known to come now; an answer moves its objective further.
    """
    today = at.date()
    counts = {today + timedelta(days=ahead): 0 for ahead in range(days)}
    for memory in schedule.memories.values():
        day = max(today, memory.due.date())
        if memory.objective in askable and day in counts:
            counts[day] += 1
    return list(counts.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """How well a topic will be known on a day."""

    topic: str
    recall: float
    """Mean predicted recall over the topic's objectives, 0 to 1; one that was never asked counts as unknown."""
    asked: int
    objectives: int
    below: tuple[str, ...]
    """Objectives whose predicted recall is under `READY`, those never asked included."""


def readiness(schedule: Schedule, topics: Mapping[str, Sequence[str]], on: datetime) -> list[Readiness]:
    """Predicted recall of each topic at `on` if nothing is reviewed until then.

    Args:
        schedule: What the learner remembers.
        topics: The objectives of each topic.
        on: The moment to be ready at.
    """
    found = []
    for topic, objectives in topics.items():
        recalls = {
            name: schedule.memories[name].recall(on) if name in schedule.memories else 0.0 for name in objectives
        }
        found.append(
            Readiness(
                topic=topic,
                recall=sum(recalls.values()) / len(recalls) if recalls else 0.0,
                asked=sum(name in schedule.memories for name in objectives),
                objectives=len(objectives),
                below=tuple(name for name, recall in recalls.items() if recall < READY),
            )
        )
    return found


def minutes_a_day(report: Sequence[Readiness], at: datetime, on: datetime) -> float:
    """Minutes a day that lift everything below `READY` by `on`, each objective asked twice."""
    days = max(1, (on - at).days)
    return 2 * MINUTES_AN_ITEM * sum(len(topic.below) for topic in report) / days
