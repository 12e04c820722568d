"""Writes GIFT, the text format that Moodle and others read.

Source: https://docs.moodle.org/en/GIFT_format; where it is silent, what Moodle's importer does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pgdojo.course.items import (
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
from pgdojo.course.markdown import plain
from pgdojo.quiz.exports.records import EVERY_ITEM, Loss, Selection, Written, number

META = "// pgdojo:"
"""Begins the comment in which what GIFT has no place for is kept for our own import."""
MARKUPS = "moodle|html|plain|markdown"

_ESCAPES = str.maketrans({mark: f"\\{mark}" for mark in "\\~=#{}:"} | {"\n": "\\n", "\r": ""})
_MARKUP = re.compile(rf"\[(?:{MARKUPS})\]")
_KEPT = {
    "id",
    "kind",
    "rev",
    "rev_kind",
    "objective",
    "level",
    "difficulty",
    "applies_to",
    "as_of",
    "review_by",
    "hint",
    "cites",
}

_IN_COMMENT = "kept in a comment that Moodle passes over and pgdojo reads back"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """One question of the file."""

    name: str
    stem: str
    answers: tuple[str, ...]
    """As they stand in the file, marks first."""
    general: str
    """Shown to everybody, whatever they answered."""
    meta: dict[str, Any] = field(default_factory=dict)
    opening: str = "{"

    def __str__(self) -> str:
        meta = json.dumps(self.meta, ensure_ascii=False)
        head = f"{META} {meta}\n::{escaped(self.name)}::[markdown]{escaped(self.stem)} {self.opening}"
        general = [f"\t####{_text(self.general)}"] if self.general else []
        return "\n".join([head, *(f"\t{answer}" for answer in self.answers), *general, "}"])


def write(selection: Selection) -> Written:
    """The items as a GIFT file, topic by topic."""
    losses = [Loss(item=EVERY_ITEM, what="level, difficulty, objective, scope and review date", how=_IN_COMMENT)]
    blocks: list[str] = []
    for topic, items in selection.by_topic():
        blocks.append(f"$CATEGORY: {_category(selection.title)}/{topic}")
        for item in items:
            losses += _losses(item)
            blocks += (str(question) for question in _questions(item, _cited(item, selection)))
    content = "\n\n".join(blocks) + "\n"
    left_out = sum(isinstance(item, ShortText) and _arrowed(item.accept) for item in selection.items)
    return Written(content=content.encode(), items=len(selection.items) - left_out, losses=tuple(losses))


def _cited(item: Item, selection: Selection) -> str:
    """What an item rests on, a paragraph a source; the brackets make links of addresses."""
    linked = (
        replace(source, address=f"<{source.address}>" if source.address else "") for source in selection.sources(item)
    )
    return "\n\n".join(f"Source: {source}" for source in linked)


def escaped(text: str) -> str:
    """A text in which nothing is taken for a mark, on one line."""
    return text.strip().translate(_ESCAPES)


def _text(text: str) -> str:
    """A text that keeps the markup of its question, even where it begins with the name of another in brackets."""
    return ("[markdown]" if _MARKUP.match(text.strip()) else "") + escaped(text)


def _category(title: str) -> str:
    # Moodle takes a slash for a step down unless it is doubled, and undoes no backslash here.
    return " ".join(title.split()).replace("/", "//")


def _questions(item: Item, cited: str) -> Iterator[_Question]:
    match item:
        case Single() | Multiple():
            yield _picked(item, cited)
        case TrueFalse():
            yield from _true_false(item, cited)
        case Ordering():
            yield _ordering(item, cited)
        case Numeric():
            yield _numeric(item, cited)
        case ShortText():
            if not _arrowed(item.accept):
                yield _short_text(item, cited)
        case Matching():
            yield _matching(item, cited)
        case Scenario():
            yield from _scenario(item, cited)


def _meta(item: Item, **more: Any) -> dict[str, Any]:
    """What the question's text does not say."""
    return item.model_dump(mode="json", include=_KEPT, exclude_none=True) | more


def _marks(options: Iterable[Option]) -> list[dict[str, Any]]:
    return [option.model_dump(mode="json", include={"id", "misconception"}, exclude_none=True) for option in options]


def _single_answers(options: Iterable[Option]) -> tuple[str, ...]:
    return tuple(
        f"={_text(option.text)}#{_text(option.why)}"
        if option.correct
        else f"~{_wrong(option.text)}#{_text(option.why)}"
        for option in options
    )


def _wrong(text: str) -> str:
    # What begins with a percentage would be taken for a weight.
    return ("%0%" if text.startswith("%") else "") + _text(text)


def _picked(item: Single | Multiple, cited: str) -> _Question:
    if isinstance(item, Single):
        answers = _single_answers(item.options)
    else:
        # Five decimals are what Moodle itself writes and compares its permitted weights by.
        share = f"{100 / max(1, len(item.key_texts())):.5f}".rstrip("0").rstrip(".")
        answers = tuple(
            f"~%{'' if option.correct else '-'}{share}%{_text(option.text)}#{_text(option.why)}"
            for option in item.options
        )
    meta = _meta(item, shuffle=item.shuffle, options=_marks(item.options))
    return _Question(name=item.id, stem=item.stem, answers=answers, general=cited, meta=meta)


def _true_false(item: TrueFalse, cited: str) -> Iterator[_Question]:
    verdict, right, wrong = (
        ("TRUE", item.why_true, item.why_false) if item.answer else ("FALSE", item.why_false, item.why_true)
    )
    answer = f"{verdict}#{_text(wrong)}#{_text(right)}"
    yield _Question(name=item.id, stem=item.stem, answers=(answer,), general=cited, meta=_meta(item))
    yield _Question(
        name=f"{item.id}-reason",
        stem=f"{item.stem}\n\nThis is {verdict.lower()}. {item.reason.ask}",
        answers=_single_answers(item.reason.options),
        general=cited,
        meta={"part": "reason", "of": item.id, "ask": item.reason.ask, "options": _marks(item.reason.options)},
    )


def _ordering(item: Ordering, cited: str) -> _Question:
    answers = tuple(f"={place} -> {escaped(step.text)}" for place, step in enumerate(item.steps, 1))
    whys = _listed((f"{place}.", step.why) for place, step in enumerate(item.steps, 1))
    steps = [step.model_dump(mode="json", include={"id", "why"}) for step in item.steps]
    return _Question(
        name=item.id,
        stem=item.stem,
        answers=answers,
        general=f"{item.why}\n\n{whys}\n\n{cited}",
        meta=_meta(item, why=item.why, steps=steps),
    )


def _numeric(item: Numeric, cited: str) -> _Question:
    tolerance = number(item.answer.tolerance)
    key = f"=%100%{number(item.answer.value)}:{tolerance}#{_text(item.why)}"
    wrong = (f"=%0%{number(wrong.value)}:{tolerance}#{_text(wrong.why)}" for wrong in item.wrong_values)
    return _Question(
        name=item.id,
        stem=item.stem + in_unit(item.answer.unit),
        answers=(key, *wrong),
        general=cited,
        meta=_meta(item, unit=item.answer.unit),
        opening="{#",
    )


def in_unit(unit: str) -> str:
    """What is put behind a stem, since nobody can answer in a unit that is not named."""
    return f"\n\nAnswer in {unit}."


def _short_text(item: ShortText, cited: str) -> _Question:
    right = (f"=%100%{_typed(text)}#{_text(_without_arrow(item.why))}" for text in item.accept)
    near = (
        f"=%0%{_typed(miss.text)}#{_text(_without_arrow(miss.why))}" for miss in item.near if not _arrowed([miss.text])
    )
    return _Question(name=item.id, stem=item.stem, answers=(*right, *near), general=cited, meta=_meta(item))


def _typed(text: str) -> str:
    # A bare asterisk would stand for anything at all.
    return _text(text.replace("*", "\\*"))


def _arrowed(texts: Iterable[str]) -> bool:
    """Whether a text holds the arrow that makes Moodle take a short answer for a matching."""
    return any("->" in text for text in texts)


def _without_arrow(text: str) -> str:
    return text.replace("->", "→")


def _matching(item: Matching, cited: str) -> _Question:
    pairs = (f"={_text(_without_arrow(pair.left))} -> {escaped(pair.right)}" for pair in item.pairs)
    extra = (f"= -> {escaped(text.text)}" for text in item.extra)
    whys = _listed((pair.left, pair.why) for pair in item.pairs)
    whys += "".join(f"\n- {text.text}: {text.why}" for text in item.extra)
    meta = _meta(
        item,
        lefts=[pair.left for pair in item.pairs],
        whys=[pair.why for pair in item.pairs],
        extra_whys=[text.why for text in item.extra],
    )
    return _Question(name=item.id, stem=item.stem, answers=(*pairs, *extra), general=f"{whys}\n\n{cited}", meta=meta)


def _listed(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- {name.rstrip('.:')}: {why}" for name, why in rows)


def _scenario(item: Scenario, cited: str) -> Iterator[_Question]:
    head = _meta(
        item,
        stem=item.stem,
        start=item.start,
        endings=[ending.model_dump(mode="json") for ending in item.endings],
    )
    kept = {"id", "misconception", "then", "goto", "minutes_down", "minutes_lost"}
    for place, turn in enumerate(item.turns):
        choices = [choice.model_dump(mode="json", include=kept, exclude_none=True) for choice in turn.choices]
        told = [choice.model_copy(update={"why": f"{choice.why}\n\n{choice.then}"}) for choice in turn.choices]
        yield _Question(
            name=f"{item.id}-{turn.id}",
            stem=f"{item.stem}\n\n{turn.ask}",
            answers=_single_answers(told),
            general=cited,
            meta={"part": "turn", "of": item.id, "turn": turn.id, "choices": choices}
            | ({"scenario": head} if place == 0 else {}),
        )


def _losses(item: Item) -> Iterator[Loss]:
    if item.hint:
        yield Loss(item=item.id, what="hint", how=_IN_COMMENT)
    if any(option.misconception for group in item.option_groups() for option in group):
        yield Loss(item=item.id, what="misconceptions behind options", how=_IN_COMMENT)
    for what, how in _losses_of_kind(item):
        yield Loss(item=item.id, what=what, how=how)


def _losses_of_kind(item: Item) -> Sequence[tuple[str, str]]:
    match item:
        case TrueFalse():
            return [("reason", f"a question of its own, {item.id}-reason, which tells the verdict")]
        case Ordering():
            return [
                ("order of steps", "a matching of places to steps, marked by steps in place instead of neighbours"),
                ("why of each step", "listed in the general feedback"),
                *_as_written(step.text for step in item.steps),
            ]
        case Numeric():
            return [("unit", f"the stem asks for {item.answer.unit}; nothing is converted")]
        case ShortText():
            return _losses_of_short_text(item)
        case Matching():
            return [
                ("why of each pair", "listed in the general feedback"),
                *_as_written(item.rights),
                *([("-> in a left side", "written as →")] if _arrowed(pair.left for pair in item.pairs) else []),
            ]
        case Scenario():
            return [("way through the turns", "each turn is a question of its own; minutes and endings are left out")]
        case _:
            return []


def _losses_of_short_text(item: ShortText) -> list[tuple[str, str]]:
    if _arrowed(item.accept):
        return [("item", "left out, because Moodle takes an answer with -> for a matching")]
    losses = [("spacing and quotes of answers", "Moodle compares them as they are typed, but for capitals")]
    if _arrowed(miss.text for miss in item.near):
        losses.append(("near misses with ->", "left out, because Moodle would read a matching"))
    if _arrowed(item.whys()):
        losses.append(("-> in a why", "written as →"))
    return losses


def _as_written(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Moodle shows what can be chosen in a matching without its markup."""
    if any(plain(text) != " ".join(text.split()) for text in texts):
        return [("markup of right sides", "shown as it is written, backticks and all")]
    return []
