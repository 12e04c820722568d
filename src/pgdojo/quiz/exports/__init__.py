"""The ways out of the quiz into other programs, and what is lost on each; `gift_in` is the way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypeAlias

from pgdojo.course.banks import Find, Quizzes
from pgdojo.errors import UsageError
from pgdojo.quiz.exports import anki, gift, qti, table
from pgdojo.quiz.exports.gift_in import import_gift
from pgdojo.quiz.exports.records import Loss, LossReport, Selection, Written, write_whole

__all__ = ["FORMATS", "Format", "Loss", "LossReport", "Target", "export", "import_gift"]

Format: TypeAlias = Literal["gift", "anki", "csv", "qti"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A format that can be written."""

    ending: str
    """Of a file's name, with its dot."""
    says: str
    """What it is for, in a line."""
    write: Callable[[Selection], Written]


FORMATS: Mapping[Format, Target] = {
    "gift": Target(ending=".gift.txt", says="GIFT for Moodle, read back by pgdojo", write=gift.write),
    "anki": Target(ending=".apkg", says="a package of cards for Anki", write=anki.write),
    "csv": Target(ending=".csv", says="a table for spreadsheets", write=table.write),
    "qti": Target(ending=".zip", says="QTI 2.1 for other learning platforms", write=qti.write),
}
"""Every format by its name."""


def export(quizzes: Quizzes, find: Find, form: Format, target: Path, *, title: str) -> LossReport:
    """Write the published items whose sources are confirmed to `target`; what stands there is replaced as a whole.

    Args:
        quizzes: The items of the course.
        find: Gives the passages that are cited.
        form: One of `FORMATS`.
        target: The file to write; its folder must exist.
        title: The course's name, which becomes that of a category or deck.

    Raises:
        UsageError: The format is unknown or needs a library that is missing, no item is published and confirmed, or
            the file cannot be written.
    """
    if form not in FORMATS:
        near = get_close_matches(str(form), FORMATS, n=1)
        step = f"Did you mean {near[0]}?" if near else f"Choose one of {', '.join(FORMATS)}."
        raise UsageError(f"There is no format {form}.", next_step=step)
    items = tuple(quizzes.served(find).values())
    if not items:
        raise UsageError(
            "There is nothing to export: no item is published and confirmed.", next_step="See pgdojo check."
        )
    written = FORMATS[form].write(Selection(title=title, items=items, quizzes=quizzes, find=find))
    write_whole(target, written.content)
    return LossReport(target=target, written=written.items, losses=written.losses)
