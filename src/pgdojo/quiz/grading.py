"""Marking a response, by rules that are printed where the question is asked; pure functions.

Nothing that a learner sends is an error: what is blank, unknown or misshapen is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

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
from pgdojo.quiz.units import amount_in

Response: TypeAlias = Mapping[str, Any]
"""What was answered, as plain JSON; which fields it has depends on the kind of item:

`picked` (single: an option's id; multiple: a list of them), `verdict` and `reason` (true-false), `order` (ids of the
steps), `text` (numeric, short-text), `pairs` (matching: position of a left to position of a right), `path` (scenario:
the choices taken, in order).
"""

MAX_TEXT = 200
"""Characters of a typed answer that are read."""

RULES = {
    "single": "One option is right.",
    "multiple": "Each right pick counts one share, each wrong pick takes one off; never below zero.",
    "true-false": "The verdict alone is half the mark, with its reason it is the whole.",
    "ordering": "The mark is the share of neighbours that still follow each other.",
    "numeric": "Write the number with its unit; other units of the same kind are converted.",
    "short-text": "One or two words. Capitals, blanks and quotes do not matter.",
    "matching": "Each pair counts one share.",
    "scenario": "The mark is the share of right choices on the way you take.",
}
"""How each kind is marked, for the learner."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One part of the feedback: what was offered, whether it was taken, whether it is right, and why."""

    text: str
    right: bool
    taken: bool
    why: str
    misconception: str = ""
    """Id of the wrong belief that the learner showed here."""
    instead: str = ""
    """What the learner gave in its place, where `text` is what belongs there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """What a response is worth."""

    mark: float
    """Share of the whole mark, 0 to 1."""
    lines: tuple[Line, ...]
    """What the learner took first, then the key, then the rest."""
    blank: bool = False

    @property
    def right(self) -> bool:
        """Whether the whole mark was earned."""
        return self.mark >= 1.0

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """Ids of the wrong beliefs that the learner showed."""
        return tuple(dict.fromkeys(line.misconception for line in self.lines if line.misconception))


def grade(item: Item, response: Response) -> Marked:
    """Mark a response to `item`."""
    match item:
        case Single():
            return _single(item, response)
        case Multiple():
            return _multiple(item, response)
        case TrueFalse():
            return _true_false(item, response)
        case Ordering():
            return _ordering(item, response)
        case Numeric():
            return _numeric(item, response)
        case ShortText():
            return _short_text(item, response)
        case Matching():
            return _matching(item, response)
        case Scenario():
            return _scenario(item, response)


def _text(response: Response, field: str) -> str:
    value = response.get(field)
    return value[:MAX_TEXT].strip() if isinstance(value, str) else ""


def _texts(response: Response, field: str) -> list[str]:
    value = response.get(field)
    return [part for part in value if isinstance(part, str)] if isinstance(value, list | tuple) else []


def _option_line(option: Option, *, taken: bool) -> Line:
    return Line(
        text=option.text,
        right=option.correct,
        taken=taken,
        why=option.why,
        misconception=(option.misconception or "") if taken and not option.correct else "",
    )


def _option_lines(options: Sequence[Option], taken: set[str]) -> list[Line]:
    lines = [_option_line(option, taken=option.id in taken) for option in options]
    return sorted(lines, key=lambda line: (not line.taken, not line.right))


def _single(item: Single, response: Response) -> Marked:
    picked = _text(response, "picked")
    key = next((option.id for option in item.options if option.correct), None)
    known = {option.id for option in item.options}
    return Marked(
        mark=float(picked == key),
        lines=tuple(_option_lines(item.options, {picked})),
        blank=picked not in known,
    )


def _multiple(item: Multiple, response: Response) -> Marked:
    known = {option.id: option.correct for option in item.options}
    picked = set(_texts(response, "picked")) & known.keys()
    keys = sum(known.values())
    balance = sum(1 if known[name] else -1 for name in picked)
    return Marked(
        mark=max(0.0, balance / keys) if keys else 0.0,
        lines=tuple(_option_lines(item.options, picked)),
        blank=not picked,
    )


def _true_false(item: TrueFalse, response: Response) -> Marked:
    verdict = response.get("verdict")
    reason = _text(response, "reason")
    key = next((option.id for option in item.reason.options if option.correct), None)
    said = isinstance(verdict, bool)
    right = said and verdict == item.answer
    lines = [
        Line(text="True", right=item.answer, taken=said and verdict is True, why=item.why_true),
        Line(text="False", right=not item.answer, taken=said and verdict is False, why=item.why_false),
    ]
    lines.sort(key=lambda line: (not line.taken, not line.right))
    return Marked(
        mark=(0.5 + 0.5 * (reason == key)) if right else 0.0,
        lines=(*lines, *_option_lines(item.reason.options, {reason})),
        blank=not said,
    )


def _ordering(item: Ordering, response: Response) -> Marked:
    names = [step.id for step in item.steps]
    order = _texts(response, "order")
    whole = sorted(order) == sorted(names)
    neighbours = set(pairwise(names))
    kept = sum(pair in neighbours for pair in pairwise(order)) if whole else 0
    places = {name: place for place, name in enumerate(order)} if whole else {}
    lines = [
        Line(
            text=step.text,
            right=places.get(step.id) == place,
            taken=False,
            why=step.why,
            instead=f"place {places[step.id] + 1}" if places.get(step.id, place) != place else "",
        )
        for place, step in enumerate(item.steps)
    ]
    return Marked(mark=kept / (len(names) - 1), lines=(_whole(item.why), *lines), blank=not whole)


def _whole(why: str) -> Line:
    """What explains the answer as a whole."""
    return Line(text="", right=True, taken=False, why=why)


def _numeric(item: Numeric, response: Response) -> Marked:
    typed = _text(response, "text")
    given = amount_in(typed, item.answer.unit)
    unit = item.answer.unit
    key = Line(text=f"{item.answer.value:,.10g} {unit}", right=True, taken=False, why=item.why)
    if given is None:
        why = f"A number in {unit} was asked for, or in a unit that {unit} can be converted from."
        lines = [Line(text=typed, right=False, taken=True, why=why)] if typed else []
        return Marked(mark=0.0, lines=(*lines, key), blank=not typed)
    if _within(given, item.answer.value, item.answer.tolerance):
        return Marked(mark=1.0, lines=(Line(text=typed, right=True, taken=True, why=item.why),))
    known = next((wrong.why for wrong in item.wrong_values if _within(given, wrong.value, item.answer.tolerance)), "")
    return Marked(mark=0.0, lines=(Line(text=typed, right=False, taken=True, why=known), key))


def _within(given: float, value: float, tolerance: float) -> bool:
    # What a conversion of units rounds away must not count as wrong.
    return abs(given - value) <= tolerance + 1e-9 * max(1.0, abs(value))


def _short_text(item: ShortText, response: Response) -> Marked:
    typed = _text(response, "text")
    key = Line(text=item.accept[0], right=True, taken=False, why=item.why)
    if not typed:
        return Marked(mark=0.0, lines=(key,), blank=True)
    if item.accepts(typed):
        return Marked(mark=1.0, lines=(Line(text=typed, right=True, taken=True, why=item.why),))
    miss = item.near_miss(typed)
    return Marked(mark=0.0, lines=(Line(text=typed, right=False, taken=True, why=miss.why if miss else ""), key))


def _matching(item: Matching, response: Response) -> Marked:
    given = response.get("pairs")
    pairs = {str(left): str(right) for left, right in given.items()} if isinstance(given, Mapping) else {}
    rights = {str(place): text for place, text in enumerate(item.rights)}
    lines, hits = [], 0
    for place, pair in enumerate(item.pairs):
        chosen = pairs.get(str(place), "")
        right = chosen == str(place)
        hits += right
        instead = "" if right else rights.get(chosen, "")
        lines.append(Line(text=f"{pair.left}: {pair.right}", right=right, taken=False, why=pair.why, instead=instead))
    lines += [Line(text=extra.text, right=False, taken=False, why=extra.why) for extra in item.extra]
    return Marked(mark=hits / len(item.pairs), lines=tuple(lines), blank=not pairs)


def way(item: Scenario, path: Sequence[str]) -> tuple[list[Choice], str]:
    """The choices that `path` takes from the start as far as they exist, and the turn or ending where it stands."""
    taken: list[Choice] = []
    place = item.start
    for name in path:
        turn = item.turn(place)
        choice = next((one for one in turn.choices if one.id == name), None) if turn else None
        if choice is None:
            break
        taken.append(choice)
        place = choice.goto
    return taken, place


def _scenario(item: Scenario, response: Response) -> Marked:
    taken, place = way(item, _texts(response, "path"))
    lines: list[Line] = []
    here = item.start
    for choice in taken:
        turn = item.turn(here)
        lines += _option_lines(turn.choices, {choice.id}) if turn else []
        here = choice.goto
    ended = item.ending(place) is not None
    mark = sum(choice.correct for choice in taken) / len(taken) if taken and ended else 0.0
    return Marked(mark=mark, lines=tuple(lines), blank=not ended)
