"""Right and wrong answers to any question of the quizzes, for learners who are made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from pgdojo.course.items import (
    Choice,
    Item,
    Matching,
    Multiple,
    Numeric,
    Option,
    Ordering,
    Scenario,
    ShortText,
    Single,
    TrueFalse,
)
from pgdojo.quiz.grading import Response

_NO_WORD = "no idea"


def given(item: Item, chance: Random, *, right: bool) -> Response:
    """A response to an item that is right or wrong as wanted; of an incident, taken turn by turn, an empty one."""
    match item:
        case Single():
            return {"picked": _one(item.options, chance, right=right)}
        case Multiple():
            rights = [option.id for option in item.options if option.correct]
            return {"picked": rights if right else [_one(item.options, chance, right=False)]}
        case TrueFalse():
            verdict = item.answer if right else not item.answer
            return {"verdict": verdict, "reason": _one(item.reason.options, chance, right=right)}
        case Ordering():
            names = [step.id for step in item.steps]
            return {"order": names if right else names[::-1]}
        case Numeric():
            values = [wrong.value for wrong in item.wrong_values] or [item.answer.value * 3 + 1]
            return {"text": f"{item.answer.value if right else values[0]:.10g} {item.answer.unit}"}
        case ShortText():
            return {"text": item.accept[0] if right else next((miss.text for miss in item.near), _NO_WORD)}
        case Matching():
            places = range(len(item.pairs))
            return {"pairs": {str(place): str(place if right else (place + 1) % len(places)) for place in places}}
        case Scenario():
            return {}


def _one(options: Sequence[Option], chance: Random, *, right: bool) -> str:
    return chance.choice([option.id for option in options if option.correct is right] or [options[0].id])


def way(item: Scenario, chance: Random, *, right: bool) -> Iterator[str]:
    """The choices that lead an incident to an ending, turn by turn."""
    turn = item.turn(item.start)
    seen: set[str] = set()
    while turn is not None:
        # A wrong choice may lead back; the second time the right one leads on.
        wanted = right or turn.id in seen
        seen.add(turn.id)
        fitting: list[Choice] = [one for one in turn.choices if one.correct is wanted] or list(turn.choices)
        choice = chance.choice(fitting)
        yield choice.id
        turn = item.turn(choice.goto)
