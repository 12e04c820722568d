"""The records that the rest of pgdojo works on; nothing here reads a file or imports a library."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

PassageId: TypeAlias = str

Kind = Literal["notes", "fact", "handbook"]
"""Where a passage comes from: the source document, the ledger, or a page that explains."""

Standing = Literal["unchanged", "changed", "retired", "imprecise", "new"]
"""How a fact stands to what the notes say; `new` where the notes are silent."""

SUPERSEDED: frozenset[Standing] = frozenset({"changed", "retired", "imprecise"})
"""Standings under which the notes must not be taught as they are written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of a passage's text: `text[start:end]`, in characters."""

    start: int
    end: int


_TUPLES = ("heading", "notes_lines", "facts", "asks", "affirmed", "denied")


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """The unit that is found and cited: text exactly as it stands in one file."""

    id: PassageId
    """`document#slug`, stable while the heading or the fact keeps its name."""
    document: str
    """Path below the course's folder, such as `knowledge/notes.md`."""
    title: str
    """The document's name for readers."""
    heading: tuple[str, ...]
    """Headings from the page down to the section; empty above the first one."""
    text: str
    first_line: int
    """1-based line of the file on which the text begins."""
    kind: Kind
    sentences: tuple[Span, ...]
    """What can be quoted on its own, in order, without overlap."""
    topic: str = ""
    subject: str = ""
    standing: Standing | None = None
    as_of: str = ""
    """Date that the source supports: `2026-04`, `2026` or `2019`."""
    source: str = ""
    """Address of the page that the fact rests on."""
    source_title: str = ""
    notes_lines: tuple[str, ...] = ()
    """Facts only: the lines of the notes that the fact speaks to, as they stand there."""
    facts: tuple[PassageId, ...] = ()
    """Passages of the ledger that the text rests on, or that speak to it."""
    asks: tuple[str, ...] = ()
    """Questions that the author says this passage answers; the first is fit to be suggested."""
    affirmed: tuple[str, ...] = ()
    """Those of `asks` that it answers with yes."""
    denied: tuple[str, ...] = ()
    """Those of `asks` that it answers with no."""

    @property
    def last_line(self) -> int:
        """1-based line of the file on which the text ends."""
        return self.first_line + self.text.count("\n")

    def lines(self, span: Span) -> tuple[int, int]:
        """First and last line of the file, 1-based, that `span` covers."""
        first = self.first_line + self.text.count("\n", 0, span.start)
        return first, first + self.text.count("\n", span.start, span.end)

    def quote(self, span: Span) -> str:
        """The words of `span`, byte for byte as in the file."""
        return self.text[span.start : span.end]

    def as_json(self) -> dict[str, Any]:
        """Plain data that `from_json` turns back into an equal passage."""
        plain = asdict(self)
        plain["sentences"] = [(span.start, span.end) for span in self.sentences]
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Passage:
        """Read what `as_json` wrote."""
        spans = tuple(Span(start=start, end=end) for start, end in plain["sentences"])
        tuples = {name: tuple(plain[name]) for name in _TUPLES}
        return cls(**{**plain, "sentences": spans, **tuples})


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One Markdown file as its readers see it."""

    path: str
    """Below the course's folder, such as `knowledge/handbook/ha.md`."""
    slug: str
    """`handbook/ha`, the first part of its passages' ids."""
    title: str
    kind: Kind
    topic: str
    summary: str
    order: int
    text: str
    """The whole file, front matter included."""
    body_line: int
    """1-based line on which the body begins, below any front matter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """A word of the field, its other names, and what it means."""

    id: str
    term: str
    aliases: tuple[str, ...]
    definition: str
    topic: str
    see: tuple[PassageId, ...]
    typed: tuple[str, ...] = ()
    """Spellings and slips that people type, understood but never shown."""
    group: str = ""
    """Terms of one group are siblings: a question about one can be asked about another."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every way of writing the term, the term itself first."""
        return (self.term, *self.aliases, *self.typed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreign:
    """A subject that the course does not teach."""

    term: str
    group: str
    aliases: tuple[str, ...]
    says: str
    """One sentence for a reader who asks about it."""
    mentioned: tuple[PassageId, ...] = ()
    """Passages that name it in passing and can answer a question that rests on just that."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every way of writing the subject."""
        return (self.term, *self.aliases)
