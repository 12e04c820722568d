"""The shapes that authors write: facts, the glossary and the front matter of a page."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from pgdojo.course.yaml_files import Place, YamlFile
from pgdojo.errors import CourseError, Fault

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]
OptionalSlug = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9-]{0,79})?$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


def _date(value: str) -> str:
    if not re.fullmatch(r"(19|20)\d\d(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", value):
        raise ValueError("must be a date such as 2026, 2026-04 or 2026-04-30")
    return value


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"]+", value):
        raise ValueError("must be an address that begins with https://")
    return value


Date = Annotated[str, AfterValidator(_date)]
Address = Annotated[str, AfterValidator(_address)]


def _written(data: Any) -> Any:
    """A field with nothing behind its colon is as good as left out."""
    return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data


class Entry(BaseModel):
    """Fields that an author writes; an unknown one is a fault."""

    _without_empty = model_validator(mode="before")(_written)
    model_config = ConfigDict(frozen=True, extra="forbid")


class FactEntry(Entry):
    """One dated, sourced statement of the ledger."""

    id: Slug
    topic: Slug
    subject: Line
    fact: Annotated[str, StringConstraints(min_length=20, max_length=600)]
    notes_say: Line | None = None
    notes_lines: tuple[Line, ...] = ()
    status: Literal["unchanged", "changed", "retired", "imprecise", "new"]
    as_of: Date
    source: Address
    source_title: Line
    confidence: Literal["high", "medium", "low"]
    asks: tuple[Line, ...] = ()
    yes: tuple[Line, ...] = ()
    no: tuple[Line, ...] = ()


class TermEntry(Entry):
    """One word of the field."""

    id: Slug
    term: Line
    aliases: tuple[Line, ...] = ()
    typed: tuple[Line, ...] = ()
    definition: Line
    topic: Slug
    see: tuple[Slug, ...] = ()
    group: OptionalSlug = ""


class ForeignEntry(Entry):
    """A subject that the course does not teach."""

    term: Line
    group: Literal["engine", "cloud", "database", "aws-service", "tool", "language", "framework", "subject"]
    aliases: tuple[Line, ...] = ()
    says: Line
    mentioned: tuple[Slug, ...] = ()


class GlossaryFile(Entry):
    """The glossary as one file; its entries are validated one by one, so that each fault names its own."""

    terms: tuple[Any, ...] = ()
    foreign: tuple[Any, ...] = ()


class FrontMatter(BaseModel):
    """What stands between the dashes above a page; keys of other tools are left alone."""

    _without_empty = model_validator(mode="before")(_written)
    model_config = ConfigDict(frozen=True, extra="ignore")

    title: Line | None = None
    topic: OptionalSlug = ""
    summary: Annotated[str, StringConstraints(max_length=400)] = ""
    order: Annotated[int, Field(ge=0, le=10_000)] = 1000


_Model = TypeVar("_Model", bound=BaseModel)

_PLAINLY = {
    "missing": "the field is missing.",
    "extra_forbidden": "the field is not known here.",
    "tuple_type": "must be a list.",
    "string_type": "must be a text.",
    "model_type": "must be fields, each on a line with a colon.",
    "string_pattern_mismatch": "must be lower-case letters, digits and hyphens, at most 80.",
}
"""What pydantic finds, in an author's words; the rest it says well itself."""


def validated(model: type[_Model], data: Any, place: Place, file: YamlFile, name: str, item: str = "") -> _Model:
    """Read `data` as a `model`.

    Args:
        model: The shape that is asked for.
        data: What stands in the file.
        place: Where in `file` it stands.
        file: The file, for the lines of its values.
        name: The file's name in messages.
        item: What the messages call the entry; its `id` or `term` by default.

    Raises:
        CourseError: `data` has another shape; there is a fault for each field.
    """
    try:
        return model.model_validate(data)
    except ValidationError as cause:
        if not item and isinstance(data, dict):
            item = str(data.get("id") or data.get("term") or "")[:80]
        entry = Fault(file=name, problem="", item=item)
        faults = [_fault(_written_at(error, data), model, place, file, entry) for error in cause.errors()]
        raise CourseError(faults) from cause


def _written_at(error: Any, data: Any) -> Any:
    """The error with its place as the author wrote it: pydantic also names the members of a union there."""
    *steps, last = error["loc"] or ("",)
    kept = []
    for step in steps:
        if _holds(data, step):
            data = data[step]
            kept.append(step)
    if error["loc"] and (error["type"] == "missing" or _holds(data, last)):
        kept.append(last)
    return {**error, "loc": tuple(kept)}


def _holds(data: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(data, list) and step < len(data)
    return isinstance(data, dict) and step in data


def _fault(error: Any, model: type[BaseModel], place: Place, file: YamlFile, entry: Fault) -> Fault:
    """One of pydantic's errors as a fault of `entry`."""
    where = tuple(error["loc"])
    problem = _PLAINLY.get(error["type"], error["msg"].removeprefix("Value error, ") + ".")
    known: list[str] = []
    if error["type"] == "extra_forbidden":
        known = list(model.model_fields)
    elif error["type"] == "literal_error":
        known = re.findall(r"'([^']+)'", error["ctx"]["expected"])
    near = get_close_matches(str(where[-1]) if error["type"] == "extra_forbidden" else str(error["input"]), known, n=1)
    return Fault(
        file=entry.file,
        line=file.line((*place, *where)),
        item=entry.item,
        field=".".join(str(part) for part in where),
        problem=problem,
        next_step=f"Did you mean {near[0]}?" if near else "",
    )
