"""Questions of a GIFT file as draft items, ready to be written as YAML.

What a file does not say is filled with what is true of any import and is plainly still to be written.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeAlias

from pydantic import ValidationError

from pgdojo.course.items import KINDS
from pgdojo.quiz.exports.gift import in_unit
from pgdojo.quiz.exports.gift_parse import Answer, Question
from pgdojo.quiz.exports.records import Loss, number

OBJECTIVE = "imported"
CITED = "notes#to-be-cited"
WHY = "To be written: why this is right or wrong."
_ASK = "To be written: why is this so?"
_UNIT = "to be written"

_SKIPPED = {
    "essay": "left out, because an essay cannot be marked",
    "description": "left out, because it asks nothing",
}
_KEPT = (
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
)

Draft: TypeAlias = dict[str, Any]
"""An item as it stands in a bank's file."""


@dataclass(kw_only=True)
class Drafts:
    """Gathers the items of one file."""

    taken: set[str]
    """Ids that items of the course have."""
    objectives: frozenset[str]
    today: date
    items: list[Draft] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    _owners: dict[str, Draft] = field(default_factory=dict)
    """The item that the later parts of one of our own belong to, by the id it had when it was exported."""

    def take(self, question: Question) -> None:
        """Add what a question becomes."""
        part, owner = question.meta.get("part"), str(question.meta.get("of"))
        if question.shape in _SKIPPED:
            self._lose(question, f"{question.shape} on line {question.line}", _SKIPPED[question.shape])
        elif part == "reason" and owner in self._owners and question.shape == "choice":
            self._owners[owner]["reason"] = {
                "ask": _after(question.stem, question.meta.get("ask")),
                "options": _options(question, question.meta.get("options")),
            }
        elif part == "turn" and question.shape == "choice":
            self._turn(question, owner)
        else:
            self._add(question, _BUILDERS[question.shape](self, question))

    def sound(self) -> list[Draft]:
        """The items that `load_quizzes` can read; the others are reported."""
        kept: list[Draft] = []
        for item in self.items:
            try:
                KINDS[item["kind"]].model_validate(item)
            except ValidationError as cause:
                first = cause.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                self.losses.append(Loss(item=item["id"], what=f"item ({where}: {first['msg']})", how="left out"))
            else:
                kept.append(item)
        return kept

    def _lose(self, question: Question, what: str, how: str) -> None:
        self.losses.append(Loss(item=question.name or f"line {question.line}", what=what, how=how))

    def _add(self, question: Question, rest: Draft) -> None:
        self.items.append(self._common(question, question.meta, rest.pop("kind"), question.stem) | rest)
        if isinstance(question.meta.get("id"), str):
            self._owners[question.meta["id"]] = self.items[-1]
        if question.gap:
            self._lose(question, "gap amid the sentence", "the stem has ____ in its place")
        if question.markup == "html":
            self._lose(question, "HTML", "kept as it is written; turn it into Markdown")

    def _common(self, question: Question, meta: Mapping[str, Any], kind: str, stem: str) -> Draft:
        """What every item has."""
        item: Draft = {
            "id": self._id(question, meta),
            "rev": 1,
            "kind": kind,
            "status": "draft",
            "objective": OBJECTIVE,
            "level": "remember",
            "as_of": self.today.isoformat(),
            "review_by": (self.today + timedelta(days=30)).isoformat(),
            "stem": stem,
            "cites": [CITED],
        }
        item |= {name: meta[name] for name in _KEPT if meta.get(name)}
        if str(item["objective"]) not in self.objectives:
            item["objective"] = OBJECTIVE
        return item

    def _id(self, question: Question, meta: Mapping[str, Any]) -> str:
        wanted = slug(str(meta.get("id") or "") or question.name or question.stem)
        name, count = wanted, 2
        while name in self.taken:
            tail = f"-{count}"
            name, count = wanted[: 80 - len(tail)] + tail, count + 1
        self.taken.add(name)
        if meta.get("id") and name != meta["id"]:
            self._lose(question, f"id {meta['id']}", f"taken in this course; the item is {name}")
        return name

    def _turn(self, question: Question, owner: str) -> None:
        head = question.meta.get("scenario")
        if isinstance(head, dict):
            item = self._common(question, head, "scenario", str(head.get("stem") or question.stem))
            item |= {"start": head.get("start"), "turns": [], "endings": head.get("endings")}
            self.items.append(item)
            self._owners[owner] = item
        scenario = self._owners.get(owner)
        if scenario is None or scenario["kind"] != "scenario":
            self._add(question, _choice(self, question))
            return
        choices = _options(question, question.meta.get("choices"))
        for choice, mark in zip(choices, _dicts(question.meta.get("choices"), len(choices)), strict=True):
            choice |= {name: mark[name] for name in ("then", "goto", "minutes_down", "minutes_lost") if name in mark}
            choice["why"] = choice["why"].removesuffix(str(choice.get("then"))).strip()
        ask = question.stem.removeprefix(scenario["stem"]).strip()
        scenario["turns"].append({"id": question.meta.get("turn"), "ask": ask, "choices": choices})


def slug(text: str) -> str:
    """A text as an id, at most 80 characters."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold())[:80].strip("-") or "question"


def _after(stem: str, ask: Any) -> str:
    """The question behind a statement that is repeated for it."""
    return ask if isinstance(ask, str) and stem.endswith(ask) else stem


def _dicts(value: Any, count: int) -> list[dict[str, Any]]:
    """A list of `count` mappings, empty ones where `value` is none or of another length."""
    fits = isinstance(value, list) and len(value) == count and all(isinstance(one, dict) for one in value)
    return value if fits else [{} for _ in range(count)]


def _texts(value: Any, count: int) -> list[str]:
    fits = isinstance(value, list) and len(value) == count and all(isinstance(one, str) for one in value)
    return value if fits else [WHY] * count


def _options(question: Question, marks: Any) -> list[Draft]:
    names = [*string.ascii_lowercase, *(f"o{place}" for place in range(27, len(question.answers) + 1))]
    options: list[Draft] = []
    for answer, mark, name in zip(question.answers, _dicts(marks, len(question.answers)), names, strict=False):
        option = {"id": mark.get("id", name), "text": answer.text}
        if answer.weight > 0 and not (question.one and answer.weight < 100):
            option["correct"] = True
        option["why"] = answer.feedback or WHY
        if mark.get("misconception"):
            option["misconception"] = mark["misconception"]
        options.append(option)
    return options


def _choice(drafts: Drafts, question: Question) -> Draft:
    options = _options(question, question.meta.get("options"))
    keys = sum(option.get("correct", False) for option in options)
    drafts.losses += _weight_losses(question, keys)
    several = keys > 1 or not question.one
    rest: Draft = {"kind": "multiple" if several else "single"}
    if question.meta.get("shuffle") is False:
        rest["shuffle"] = False
    return rest | {"options": options}


def _weight_losses(question: Question, keys: int) -> Iterable[Loss]:
    name = question.name or f"line {question.line}"
    weights = [answer.weight for answer in question.answers]
    if question.one and keys > 1:
        yield Loss(item=name, what="several right answers of which one is enough", how="all of them must be picked")
    if question.one and any(0 < weight < 100 for weight in weights):
        yield Loss(item=name, what="part of the mark for some answers", how="they are wrong")
    if not question.one:
        share = 100 / keys
        uneven = any(abs(abs(weight) - share) > 0.01 for weight in weights)
        if uneven:
            written = ", ".join(f"{weight:g}" for weight in weights)
            yield Loss(item=name, what=f"weights {written}", how="equal shares, and as much off for a wrong pick")


def _true_false(drafts: Drafts, question: Question) -> Draft:
    if "rev" not in question.meta:
        drafts.losses.append(
            Loss(item=question.name or f"line {question.line}", what="reason", how="none in the file; to be written")
        )
    said, denied = question.answers
    return {
        "kind": "true-false",
        "answer": said.weight > 0,
        "why_true": said.feedback or WHY,
        "why_false": denied.feedback or WHY,
        "reason": {"ask": _ASK, "options": []},
    }


def _numeric(drafts: Drafts, question: Question) -> Draft:
    numbers = [answer for answer in question.answers if answer.value is not None]
    rights = [answer for answer in numbers if answer.weight >= 100]
    key = rights[0] if rights else question.answers[0]
    wrong = [answer for answer in numbers if answer.weight <= 0]
    name = question.name or f"line {question.line}"
    dropped = len(question.answers) - len(wrong) - bool(rights)
    if dropped:
        how = "left out; one right number, and wrong ones with feedback, are kept"
        drafts.losses.append(Loss(item=name, what=f"{dropped} of {len(question.answers)} answers", how=how))
    unit = question.meta.get("unit")
    if not unit:
        drafts.losses.append(Loss(item=name, what="unit", how="none in the file; to be written"))
    rest: Draft = {"kind": "numeric"}
    if rights:
        rest["answer"] = {
            "value": number(key.value or 0.0),
            "unit": unit or _UNIT,
            "tolerance": number(key.tolerance),
        }
    if wrong:
        rest["wrong_values"] = [
            {"value": number(answer.value or 0.0), "why": answer.feedback or WHY} for answer in wrong
        ]
    if isinstance(unit, str):
        rest["stem"] = question.stem.removesuffix(in_unit(unit))
    return rest | {"why": key.feedback or question.general or WHY}


def _short(drafts: Drafts, question: Question) -> Draft:
    literal = [(answer, _literal(answer.text)) for answer in question.answers]
    rights = [(answer, text) for answer, text in literal if text and answer.weight >= 100]
    near = [(answer, text) for answer, text in literal if text and answer.weight < 100]
    name = question.name or f"line {question.line}"
    if len(rights) + len(near) < len(literal):
        drafts.losses.append(Loss(item=name, what="answers with *, which stands for anything", how="left out"))
    if any(0 < answer.weight < 100 for answer, _ in near):
        drafts.losses.append(Loss(item=name, what="part of the mark for some answers", how="they are near misses"))
    rest: Draft = {"kind": "short-text", "accept": [text for _, text in rights]}
    if near:
        rest["near"] = [{"text": text, "why": answer.feedback or WHY} for answer, text in near]
    feedbacks = (answer.feedback for answer, _ in rights if answer.feedback)
    return rest | {"why": next(feedbacks, question.general or WHY)}


def _literal(text: str) -> str:
    """A typed answer without the backslashes before asterisks; empty where an asterisk stands for anything."""
    return "" if re.search(r"(?<!\\)\*", text) else text.replace("\\*", "*")


def _matching(_: Drafts, question: Question) -> Draft:
    if question.meta.get("kind") == "ordering":
        return _ordering(question)
    pairs = [answer for answer in question.answers if answer.text]
    extra = [answer for answer in question.answers if not answer.text]
    whys = _whys(pairs, question.meta.get("whys"))
    lefts = _lefts(pairs, question.meta.get("lefts"))
    rest: Draft = {
        "kind": "matching",
        "pairs": [
            {"left": left, "right": pair.right, "why": why} for pair, left, why in zip(pairs, lefts, whys, strict=True)
        ],
    }
    if extra:
        whys = _whys(extra, question.meta.get("extra_whys"))
        rest["extra"] = [{"text": answer.right, "why": why} for answer, why in zip(extra, whys, strict=True)]
    return rest


def _whys(answers: Sequence[Answer], kept: Any) -> list[str]:
    return [answer.feedback or why for answer, why in zip(answers, _texts(kept, len(answers)), strict=True)]


def _lefts(pairs: Sequence[Answer], kept: Any) -> list[str]:
    """The left sides, with the arrows that GIFT could not carry."""
    known = {text.replace("->", "→"): text for text in kept if isinstance(text, str)} if isinstance(kept, list) else {}
    return [known.get(pair.text, pair.text) for pair in pairs]


def _ordering(question: Question) -> Draft:
    rows = sorted(question.answers, key=_place)
    marks = _dicts(question.meta.get("steps"), len(rows))
    return {
        "kind": "ordering",
        "steps": [
            {"id": mark.get("id", f"s{place}"), "text": row.right, "why": mark.get("why", WHY)}
            for place, (row, mark) in enumerate(zip(rows, marks, strict=True), 1)
        ],
        "why": question.meta.get("why") or question.general or WHY,
    }


def _place(answer: Answer) -> int:
    """The place that a step was matched with; what is no place goes to the end."""
    return int(answer.text) if re.fullmatch(r"[0-9]{1,3}", answer.text) else 1000


_BUILDERS = {
    "choice": _choice,
    "true-false": _true_false,
    "numeric": _numeric,
    "short": _short,
    "matching": _matching,
}
