"""The shapes that authors write: facts, the glossary and the front matter of a page."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]
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


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FactEntry(_Entry):
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


class TermEntry(_Entry):
    """One word of the field."""

    id: Slug
    term: Line
    aliases: tuple[Line, ...] = ()
    typed: tuple[Line, ...] = ()
    definition: Line
    topic: Slug
    see: tuple[Slug, ...] = ()
    group: Slug | Literal[""] = ""


class ForeignEntry(_Entry):
    """A subject that the course does not teach."""

    term: Line
    group: Literal["engine", "cloud", "database", "aws-service", "tool", "language", "framework", "subject"]
    aliases: tuple[Line, ...] = ()
    says: Line
    mentioned: tuple[Slug, ...] = ()


class GlossaryFile(_Entry):
    """The glossary as one file."""

    terms: tuple[TermEntry, ...] = ()
    foreign: tuple[ForeignEntry, ...] = ()


class FrontMatter(BaseModel):
    """What stands between the dashes above a page; keys of other tools are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: Line | None = None
    topic: Slug | Literal[""] = ""
    summary: Annotated[str, StringConstraints(max_length=400)] = ""
    order: Annotated[int, Field(ge=0, le=10_000)] = 1000
