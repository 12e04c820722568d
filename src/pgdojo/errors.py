"""The errors that pgdojo raises on purpose.

PgdojoError
├── UsageError              the caller asked for something that does not exist or cannot be done
├── CourseError             the course's files hold faults (each with file, line, item and field)
├── ModelError              the encoder's model is missing, altered or cannot be used
├── SearchIndexError        the search index is missing, damaged, foreign or out of date
├── JournalError            the journal cannot be opened, read or written
├── LabError                a lab's servers cannot be started or do not do what they are told
└── AccessError             somebody asked for what is not theirs

Each says what failed, on what, and what to do next; a page and a terminal print the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PgdojoError(Exception):
    """Something failed in a way that the reader can act on."""

    exit_code = 1

    def __init__(self, problem: str, *, next_step: str = "") -> None:
        """Say what failed in `problem`, and what to do about it in `next_step`."""
        super().__init__(problem)
        self.problem = problem
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.problem} {self.next_step}".strip()


class UsageError(PgdojoError):
    """The command or call cannot be carried out as it was given."""

    exit_code = 2


class ModelError(PgdojoError):
    """The encoder's model is missing, altered or cannot be used."""


class SearchIndexError(PgdojoError):
    """The search index is missing, damaged, foreign or out of date."""


class JournalError(PgdojoError):
    """The journal cannot be opened, read or written."""


class LabError(PgdojoError):
    """A lab's servers cannot be started, or do not do what they are told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing wrong in one place of a course."""

    file: str
    """Path below the course's folder, with forward slashes."""
    problem: str
    line: int | None = None
    """1-based, None where the fault is the file's as a whole."""
    item: str = ""
    """Id of the fact, term or page that holds it."""
    field: str = ""
    next_step: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f", line {self.line}"
        if self.item:
            place += f", {self.item}"
        if self.field:
            place += f", field {self.field}"
        return f"{place}: {self.problem} {self.next_step}".strip()


class CourseError(PgdojoError):
    """The course's files hold faults that stop them from being read."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Gather `faults`, at least one, into one error."""
        self.faults = tuple(faults)
        more = f" ({len(self.faults) - 1} more: run pgdojo check)" if len(self.faults) > 1 else ""
        super().__init__(f"{self.faults[0]}{more}")


class AccessError(PgdojoError):
    """Somebody asked for what is not theirs."""
