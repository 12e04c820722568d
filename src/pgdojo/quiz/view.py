"""A question as it is put before the learner: in the order in which it was arranged, without a key or a why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pgdojo.course.items import Item, Matching, Numeric, Option, Ordering, Picked, Scenario, Step, TrueFalse
from pgdojo.learner.records import Attempt
from pgdojo.quiz.grading import way


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One thing to pick, to move or to match."""

    id: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Everything of an item that may reach the browser before it is answered."""

    attempt: Attempt
    kind: str
    stem: str
    has_hint: bool
    hint: str
    """Empty until it was asked for."""
    ask: str = ""
    """What is asked beside the stem: for the reason of a verdict, or at this turn of an incident."""
    parts: tuple[Part, ...] = ()
    """Options, reasons, steps, choices, or the left sides; none where the answer is typed."""
    rights: tuple[Part, ...] = ()
    unit: str = ""
    past: tuple[Part, ...] = ()
    """Incidents: for each turn taken what was done, as `id`, and what happened then, as `text`."""
    minutes_down: int = 0
    minutes_lost: int = 0

    @property
    def turn(self) -> int:
        """Turns of an incident that were taken."""
        return len(self.past)


def shown(item: Item, attempt: Attempt, *, hinted: bool = False, path: Sequence[str] = ()) -> Question:
    """The question that `attempt` puts.

    Args:
        item: What is asked.
        attempt: When it was opened, and how its parts are arranged.
        hinted: Whether the hint was asked for.
        path: Choices taken so far in an incident.
    """
    begin = Question(
        attempt=attempt,
        kind=item.kind,
        stem=item.stem,
        has_hint=bool(item.hint),
        hint=item.hint or "" if hinted else "",
    )
    order = attempt.arrangement
    match item:
        case Picked():
            return replace(begin, parts=_parts(item.options, order, "options"))
        case TrueFalse():
            return replace(begin, ask=item.reason.ask, parts=_parts(item.reason.options, order, "reason"))
        case Ordering():
            return replace(begin, parts=_parts(item.steps, order, "steps"))
        case Numeric():
            return replace(begin, unit=item.answer.unit)
        case Matching():
            lefts = [Part(id=str(place), text=pair.left) for place, pair in enumerate(item.pairs)]
            rights = [Part(id=str(place), text=text) for place, text in enumerate(item.rights)]
            return replace(
                begin, parts=_ordered(lefts, order.get("lefts")), rights=_ordered(rights, order.get("rights"))
            )
        case Scenario():
            return _incident(begin, item, order, path)
    return begin


def _parts(parts: Iterable[Option | Step], order: Mapping[str, Sequence[str]], name: str) -> tuple[Part, ...]:
    return _ordered([Part(id=part.id, text=part.text) for part in parts], order.get(name))


def _ordered(parts: Sequence[Part], order: Sequence[str] | None) -> tuple[Part, ...]:
    """`parts` as they were arranged; one that was added since comes last."""
    places = {name: place for place, name in enumerate(order or ())}
    return tuple(sorted(parts, key=lambda part: places.get(part.id, len(places))))


def _incident(begin: Question, item: Scenario, order: Mapping[str, Sequence[str]], path: Sequence[str]) -> Question:
    taken, place = way(item, path)
    turn, ending = item.turn(place), item.ending(place)
    return replace(
        begin,
        ask=turn.ask if turn else ending.say if ending else "",
        parts=_parts(turn.choices, order, turn.id) if turn else (),
        past=tuple(Part(id=choice.text, text=choice.then) for choice in taken),
        minutes_down=sum(choice.minutes_down for choice in taken),
        minutes_lost=sum(choice.minutes_lost for choice in taken),
    )
