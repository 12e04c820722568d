"""Quiz items as authors write them and as learners are asked them: one frozen record a kind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, FiniteFloat, StringConstraints

from pgdojo.course.schemas import Date, Entry, Line, Slug

Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1200)]
PassageName = Annotated[str, StringConstraints(pattern=r"^[\w/.-]+#[\w.-]+$", max_length=200)]

Level = Literal["remember", "understand", "apply", "analyse"]
Criticality = Literal["normal", "high"]
Product = Literal["rds", "aurora", "serverless", "ec2"]

_VERSIONS = re.compile(r"(>=|<=)?\d+(\.\d+)?|\d+(\.\d+)?-\d+(\.\d+)?")


def _versions(value: str) -> str:
    if not _VERSIONS.fullmatch(value):
        raise ValueError('must be versions such as "16", "13-18" or ">=11"')
    return value


def normalised(text: str) -> str:
    """A short answer as it is compared: small letters, single blanks, no quotes, no full stop at the end."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"[`\"'“”‘’]", "", plain)
    return re.sub(r"\s*=\s*", "=", " ".join(plain.split())).rstrip(".;, ")


class Objective(Entry):
    """What a learner should be able to do; what is reviewed and mastered."""

    id: Slug
    topic: Slug
    objective: Line
    criticality: Criticality = "normal"


class Misconception(Entry):
    """A wrong belief by its name, and what is true instead."""

    id: Slug
    name: Line
    instead: Prose


class Scope(Entry):
    """The products and versions that an item speaks of."""

    products: tuple[Product, ...] = ()
    versions: Annotated[str, AfterValidator(_versions)] | None = None


class Option(Entry):
    """One answer to pick."""

    id: Slug
    text: Prose
    correct: bool = False
    why: Prose
    misconception: Slug | None = None


class Step(Entry):
    """One step of an order."""

    id: Slug
    text: Prose
    why: Prose


class Pair(Entry):
    """Two sides that belong together."""

    left: Prose
    right: Prose
    why: Prose


class Text(Entry):
    """A text with the reason why it is none: a right side without a left, or a near miss."""

    text: Prose
    why: Prose


class WrongValue(Entry):
    """A number that learners are known to give."""

    value: FiniteFloat
    why: Prose


class Amount(Entry):
    """A number with its unit; an answer is right when it is at most `tolerance` away, in that unit."""

    value: FiniteFloat
    unit: Line
    tolerance: Annotated[FiniteFloat, Field(ge=0)]


class Reason(Entry):
    """The second half of a true-or-false question."""

    ask: Line
    options: tuple[Option, ...]


class Choice(Option):
    """What can be done at one turn of an incident."""

    then: Prose
    """What happens next."""
    goto: Slug
    """A turn or an ending."""
    minutes_down: Annotated[int, Field(ge=0, le=100_000)] = 0
    minutes_lost: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """Minutes of data."""


class Turn(Entry):
    """One decision of an incident."""

    id: Slug
    ask: Prose
    choices: tuple[Choice, ...]


class Ending(Entry):
    """Where an incident comes to rest."""

    id: Slug
    good: bool
    say: Prose


class ItemBase(Entry):
    """What every item has."""

    kind: str
    id: Slug
    rev: Annotated[int, Field(ge=1)]
    rev_kind: Literal["wording", "key"] = "wording"
    """What the last revision changed: with `key`, what was learned has to be asked again."""
    status: Literal["draft", "published", "retired"]
    objective: Slug
    level: Level
    difficulty: Annotated[int, Field(ge=1, le=5)] = 3
    applies_to: Scope = Scope()
    as_of: Date
    review_by: Date
    stem: Prose
    hint: Prose | None = None
    cites: Annotated[tuple[PassageName, ...], Field(min_length=1)]

    def key_texts(self) -> tuple[str, ...]:
        """What a learner must pick or write; all of it has to stand in what is cited."""
        raise NotImplementedError

    def whys(self) -> Iterator[str]:
        """Every explanation, in the order of the file."""
        raise NotImplementedError

    def option_groups(self) -> tuple[tuple[Option, ...], ...]:
        """Options among which one picks, group by group; none where nothing is picked."""
        return ()


class Picked(ItemBase):
    """Options to pick from."""

    options: tuple[Option, ...]
    shuffle: bool = True

    def key_texts(self) -> tuple[str, ...]:
        """The right options."""
        return tuple(option.text for option in self.options if option.correct)

    def whys(self) -> Iterator[str]:
        """One an option."""
        return (option.why for option in self.options)

    def option_groups(self) -> tuple[tuple[Option, ...], ...]:
        """The options."""
        return (self.options,)


class Single(Picked):
    """One option is right."""

    kind: Literal["single"]


class Multiple(Picked):
    """One or more options are right."""

    kind: Literal["multiple"]


class TrueFalse(ItemBase):
    """A statement, and the reason for its verdict."""

    kind: Literal["true-false"]
    answer: bool
    why_true: Prose
    why_false: Prose
    reason: Reason

    def key_texts(self) -> tuple[str, ...]:
        """The right reason."""
        return tuple(option.text for option in self.reason.options if option.correct)

    def whys(self) -> Iterator[str]:
        """Those of the verdicts, then one a reason."""
        yield self.why_true
        yield self.why_false
        yield from (option.why for option in self.reason.options)

    def option_groups(self) -> tuple[tuple[Option, ...], ...]:
        """The reasons."""
        return (self.reason.options,)


class Ordering(ItemBase):
    """Steps to be put in order."""

    kind: Literal["ordering"]
    steps: Annotated[tuple[Step, ...], Field(min_length=2)]
    """In the right order."""
    why: Prose

    def key_texts(self) -> tuple[str, ...]:
        """The steps in their order."""
        return tuple(step.text for step in self.steps)

    def whys(self) -> Iterator[str]:
        """That of the order, then one a step."""
        yield self.why
        yield from (step.why for step in self.steps)


class Numeric(ItemBase):
    """A number with its unit."""

    kind: Literal["numeric"]
    answer: Amount
    wrong_values: tuple[WrongValue, ...] = ()
    why: Prose

    def key_texts(self) -> tuple[str, ...]:
        """The number, without a decimal point where it is whole."""
        return (f"{self.answer.value:g}" if self.answer.value < 1_000_000 else f"{self.answer.value:.0f}",)

    def whys(self) -> Iterator[str]:
        """That of the answer, then one a wrong value."""
        yield self.why
        yield from (wrong.why for wrong in self.wrong_values)


class ShortText(ItemBase):
    """A word, a parameter, a command."""

    kind: Literal["short-text"]
    accept: Annotated[tuple[Line, ...], Field(min_length=1)]
    """The first is the one shown as right."""
    near: tuple[Text, ...] = ()
    why: Prose

    def key_texts(self) -> tuple[str, ...]:
        """The answer that is shown as right."""
        return self.accept[:1]

    def accepts(self, text: str) -> bool:
        """Whether `text` is one of the right answers, however it is spaced, quoted or written in capitals."""
        return normalised(text) in {normalised(right) for right in self.accept}

    def near_miss(self, text: str) -> Text | None:
        """The near miss that `text` is, None if it is none."""
        return next((miss for miss in self.near if normalised(miss.text) == normalised(text)), None)

    def whys(self) -> Iterator[str]:
        """That of the answer, then one a near miss."""
        yield self.why
        yield from (miss.why for miss in self.near)


class Matching(ItemBase):
    """Two columns whose rows belong together."""

    kind: Literal["matching"]
    pairs: Annotated[tuple[Pair, ...], Field(min_length=1)]
    extra: tuple[Text, ...] = ()
    """Rights that belong to no left."""

    def key_texts(self) -> tuple[str, ...]:
        """The pairs."""
        return tuple(f"{pair.left}: {pair.right}" for pair in self.pairs)

    def whys(self) -> Iterator[str]:
        """One a pair, then one for each right that fits nothing."""
        yield from (pair.why for pair in self.pairs)
        yield from (text.why for text in self.extra)

    @property
    def rights(self) -> tuple[str, ...]:
        """The right side of every pair, then the extra ones."""
        return (*(pair.right for pair in self.pairs), *(text.text for text in self.extra))


class Scenario(ItemBase):
    """An incident in turns."""

    kind: Literal["scenario"]
    start: Slug
    turns: Annotated[tuple[Turn, ...], Field(min_length=1)]
    endings: Annotated[tuple[Ending, ...], Field(min_length=1)]

    def key_texts(self) -> tuple[str, ...]:
        """The right choice of each turn."""
        return tuple(choice.text for turn in self.turns for choice in turn.choices if choice.correct)

    def whys(self) -> Iterator[str]:
        """One a choice."""
        return (choice.why for turn in self.turns for choice in turn.choices)

    def option_groups(self) -> tuple[tuple[Option, ...], ...]:
        """The choices of each turn."""
        return tuple(turn.choices for turn in self.turns)

    @property
    def places(self) -> tuple[str, ...]:
        """The ids of the turns, then of the endings."""
        return (*(turn.id for turn in self.turns), *(ending.id for ending in self.endings))

    def turn(self, name: str) -> Turn | None:
        """The turn called `name`, None if it is an ending or nothing."""
        return next((turn for turn in self.turns if turn.id == name), None)

    def ending(self, name: str) -> Ending | None:
        """The ending called `name`, None if it is a turn or nothing."""
        return next((ending for ending in self.endings if ending.id == name), None)


Item: TypeAlias = Single | Multiple | TrueFalse | Ordering | Numeric | ShortText | Matching | Scenario

KINDS: dict[str, type[ItemBase]] = {
    "single": Single,
    "multiple": Multiple,
    "true-false": TrueFalse,
    "ordering": Ordering,
    "numeric": Numeric,
    "short-text": ShortText,
    "matching": Matching,
    "scenario": Scenario,
}
