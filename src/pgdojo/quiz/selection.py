"""Which items a sitting asks: what was never asked before what was, one variant of an objective, topics in turn."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from pgdojo.course.banks import Quizzes
from pgdojo.course.items import Item, Matching, Ordering, Picked, Scenario, TrueFalse
from pgdojo.learner.records import QuizResponse
from pgdojo.quiz.schedule import Memory

PLACEMENT = 15
"""Items of a placement."""
MIDDLE = 3
"""Difficulty with which a placement begins, of 1 to 5."""


def for_practice(
    quizzes: Quizzes,
    items: Mapping[str, Item],
    memories: Mapping[str, Memory],
    *,
    topics: Collection[str],
    count: int,
    seed: str,
) -> list[str]:
    """At most `count` items of `topics`, no two of one objective, topics in turn.

    An objective that was never asked comes before one that was missed last, and that before one that was known; its
    item is the one that was asked longest ago.

    Args:
        quizzes: For the topic of each objective.
        items: Those that may be asked.
        memories: What the learner was asked before, by objective.
        topics: Names of the topics; none of them means all.
        count: The most; there may be fewer objectives.
        seed: What decides between equals.
    """
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    variants: dict[str, list[Item]] = defaultdict(list)
    for item in items.values():
        if not topics or quizzes.topic(item) in topics:
            variants[item.objective].append(item)
    waiting: dict[str, list[str]] = defaultdict(list)
    for objective in sorted(variants, key=lambda name: (_urgency(memories.get(name)), chance.random())):
        waiting[quizzes.objectives[objective].topic].append(objective)
    order = sorted(waiting)
    chance.shuffle(order)
    found: list[str] = []
    while len(found) < count and any(waiting.values()):
        for topic in order:
            if waiting[topic] and len(found) < count:
                objective = waiting[topic].pop(0)
                found.append(variant(variants[objective], memories.get(objective), chance).id)
    return found


def _urgency(memory: Memory | None) -> int:
    """0 never asked, 1 missed last, 2 known."""
    return 0 if memory is None else 1 if memory.missed else 2


def variant(items: Sequence[Item], memory: Memory | None, chance: random.Random) -> Item:
    """The item of an objective to ask next: one that was not asked yet, else the one asked longest ago."""
    asked = memory.items if memory else ()
    return min(items, key=lambda item: (asked.index(item.id) if item.id in asked else -1, chance.random()))


def next_of_placement(
    quizzes: Quizzes, items: Mapping[str, Item], responses: Sequence[QuizResponse], *, seed: str
) -> str | None:
    """The item that a placement asks after `responses`: topics in turn, harder after a right answer.

    Returns:
        None where everything that may be asked was asked.
    """
    chance = random.Random(f"{seed} {len(responses)}")  # noqa: S311 - an order, not a secret
    topics = sorted({quizzes.topic(item) for item in items.values()})
    random.Random(seed).shuffle(topics)  # noqa: S311 - an order, not a secret
    level = MIDDLE
    for response in responses:
        level = min(5, level + 1) if response.mark >= 1 else max(1, level - 1)
    asked = {response.objective for response in responses}
    # An incident takes as long as five questions.
    open_items = [item for item in items.values() if item.objective not in asked and not isinstance(item, Scenario)]
    for turn in range(len(topics)):
        topic = topics[(len(responses) + turn) % len(topics)]
        mine = [item for item in open_items if quizzes.topic(item) == topic]
        if mine:
            return min(mine, key=lambda item: (abs(item.difficulty - level), chance.random())).id
    return None


def arranged(item: Item, seed: str) -> dict[str, list[str]]:
    """In which order the parts of `item` are shown: for each list of parts, their ids.

    The lists are `options`, `reason`, `steps`, `lefts`, `rights` (positions as texts), and one for each turn.
    """
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    match item:
        case Picked():
            names = [option.id for option in item.options]
            return {"options": _shuffled(names, chance) if item.shuffle else names}
        case TrueFalse():
            return {"reason": _shuffled([option.id for option in item.reason.options], chance)}
        case Ordering():
            return {"steps": _disordered([step.id for step in item.steps], chance)}
        case Matching():
            lefts = [str(place) for place in range(len(item.pairs))]
            return {"lefts": lefts, "rights": _shuffled([str(place) for place in range(len(item.rights))], chance)}
        case Scenario():
            return {turn.id: _shuffled([choice.id for choice in turn.choices], chance) for turn in item.turns}
    return {}


def _shuffled(names: Sequence[str], chance: random.Random) -> list[str]:
    return chance.sample(list(names), len(names))


def _disordered(names: Sequence[str], chance: random.Random) -> list[str]:
    """Shuffled, but not into the right order."""
    shown = _shuffled(names, chance)
    return shown if shown != list(names) else [*shown[1:], shown[0]]
