"""What every format is given to write, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pgdojo.course.banks import Find, Quizzes
from pgdojo.course.items import Item, Matching, Numeric, Ordering, ShortText, TrueFalse
from pgdojo.errors import UsageError

EVERY_ITEM = "every item"
"""Stands for an item's id where a format loses the same of all."""
SHOWN = 3
"""Items that a line of a report names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """One thing that a format cannot carry."""

    item: str
    """Id of the item, or of the question in a file that is read."""
    what: str
    how: str
    """What stands in its place, or that it was left out."""

    def __str__(self) -> str:
        return f"{self.item}: {self.what}: {self.how}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LossReport:
    """What was written, and what was lost on the way."""

    target: Path
    """The file that was written."""
    written: int
    """Items in it."""
    losses: tuple[Loss, ...] = ()

    def as_text(self) -> str:
        """The report for a terminal: a line that sums up, then one for each thing lost, with who loses it."""
        count = f"{self.written} item{'' if self.written == 1 else 's'} written to {self.target}."
        if not self.losses:
            return f"{count} Nothing was lost."
        alike: dict[tuple[str, str], list[str]] = {}
        for loss in self.losses:
            alike.setdefault((loss.what, loss.how), []).append(loss.item)
        lines = (f"- {_first(items)}: {what}: {how}" for (what, how), items in alike.items())
        return "\n".join([f"{count} What could not be carried as it is:", *lines])


def _first(items: Sequence[str]) -> str:
    """Items by their ids, or the first of many and a count."""
    shown = ", ".join(items[:SHOWN])
    return shown if len(items) <= SHOWN else f"{shown} and {len(items) - SHOWN} more"


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """The content of a file, and what it lacks."""

    content: bytes
    items: int
    losses: tuple[Loss, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What an item rests on, as a reader can follow it."""

    title: str
    as_of: str
    address: str
    """Empty where the passage names no page that it rests on."""

    def __str__(self) -> str:
        dated = f"as of {self.as_of}" if self.as_of else ""
        return ", ".join(part for part in (self.title, dated, self.address) if part)


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The items to be written, with what is known about them."""

    title: str
    """The course's name."""
    items: tuple[Item, ...]
    quizzes: Quizzes
    find: Find

    def topic(self, item: Item) -> str:
        """The topic of an item's objective."""
        return self.quizzes.topic(item)

    def criticality(self, item: Item) -> str:
        """That of an item's objective."""
        return self.quizzes.objectives[item.objective].criticality

    def by_topic(self) -> Iterator[tuple[str, tuple[Item, ...]]]:
        """The items of each topic, the topics by name."""
        topics = sorted({self.topic(item) for item in self.items})
        for topic in topics:
            yield topic, tuple(item for item in self.items if self.topic(item) == topic)

    def sources(self, item: Item) -> tuple[Source, ...]:
        """What an item cites, in its order."""
        passages = (self.find(cited) for cited in item.cites)
        return tuple(
            Source(
                title=passage.source_title or " › ".join((passage.title, *passage.heading[-1:])),
                as_of=passage.as_of,
                address=passage.source,
            )
            for passage in passages
            if passage
        )


def write_whole(target: Path, content: bytes) -> None:
    """Write a file beside its place first, so that a reader finds the old one or the new one and never a part.

    Raises:
        UsageError: The file cannot be written.
    """
    beside = target.with_name(f"{target.name}.new")
    try:
        beside.write_bytes(content)
        beside.replace(target)
    except OSError as cause:
        raise UsageError(
            f"{target} cannot be written ({cause.strerror}).", next_step="Look at its folder and your rights there."
        ) from cause
    finally:
        with suppress(OSError):
            beside.unlink()


def key_of(item: Item) -> tuple[str, ...]:
    """What a learner must answer, in the words of the item."""
    if isinstance(item, TrueFalse):
        return ("true" if item.answer else "false", *item.key_texts())
    if isinstance(item, Numeric):
        return (f"{number(item.answer.value)} {item.answer.unit}",)
    return item.key_texts()


def why_of_key(item: Item) -> tuple[str, ...]:
    """Why the key is right."""
    if isinstance(item, TrueFalse):
        reasons = (option.why for option in item.reason.options if option.correct)
        return (item.why_true if item.answer else item.why_false, *reasons)
    if isinstance(item, Ordering | Numeric | ShortText):
        return (item.why,)
    if isinstance(item, Matching):
        return tuple(pair.why for pair in item.pairs)
    return tuple(option.why for group in item.option_groups() for option in group if option.correct)


def number(value: float) -> str:
    """A number as people and programs read it: whole ones without a decimal point, all digits kept."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
