"""Markdown cut along its headings and blocks, with every piece still the words of the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from markdown_it import MarkdownIt

from pgdojo.course.records import Passage, Span
from pgdojo.course.sentences import line_spans, sentence_spans

CountTokens: TypeAlias = Callable[[Sequence[str]], list[int]]
"""Length of each text in the encoder's own tokens, without its special ones."""

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_MARKS = re.compile(r"\[(?P<id>facts#[a-z0-9-]+)\]")
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]{0,300}>", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]\[]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(r"(\*\*|__|\*|(?<!\w)_|_(?!\w)|`)")
_DELIMITER_ROW = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A paragraph, list, table or fence: whole lines of one section."""

    first: int
    """0-based line on which it begins."""
    last: int
    """0-based line after its end."""
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """What stands between one heading and the next."""

    heading: tuple[str, ...]
    """From the page's title down."""
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A stretch of one section that fits the encoder."""

    heading: tuple[str, ...]
    text: str
    first_line: int
    """0-based."""
    sentences: tuple[Span, ...]


def split_front_matter(text: str) -> tuple[str, int]:
    """The YAML between the dashes above a page, and the number of lines that it takes up with them."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return "", 0
    return match["yaml"], text.count("\n", 0, match.end())


def cited_facts(text: str) -> tuple[str, ...]:
    """Ids of the facts that `text` cites, each once, in order."""
    return tuple(dict.fromkeys(match["id"] for match in _MARKS.finditer(text)))


def plain(text: str) -> str:
    """Markdown as it reads: without citation marks, tags, link targets, emphasis and table bars."""
    text = _TAG.sub(" ", _MARKS.sub("", text))
    text = _LINK.sub(r"\1", text)
    if text.lstrip().startswith("|"):
        text = "; ".join(cell for row in text.splitlines() if (cell := _row(row)))
    text = re.sub(r"^[ \t]*(?:>[ \t]*)+|^[ \t]*#{1,6}[ \t]+", "", text, flags=re.MULTILINE)
    return " ".join(_EMPHASIS.sub("", text).split())


def as_read(passage: Passage, span: Span) -> str:
    """The words of `span` as a reader sees them; a fact is plain text already."""
    quote = passage.quote(span)
    return quote if passage.kind == "fact" else plain(quote)


def _row(line: str) -> str:
    """A table's row as a phrase: `storage limit: 64 TiB, 256 TiB`; empty for the row of dashes."""
    if _DELIMITER_ROW.match(line):
        return ""
    first, *rest = (cell.strip() for cell in line.strip().strip("|").split("|"))
    return f"{first}: {', '.join(cell for cell in rest if cell)}" if rest else first


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"maxNesting": 40}).enable("table")


def sections(lines: Sequence[str], skip: int = 0) -> Iterator[Section]:
    """The sections of a page whose first `skip` lines are front matter, in order, empty ones included."""
    path: list[tuple[int, str]] = []
    blocks: list[Block] = []
    # A lone carriage return is a line's end to the parser and not to us, so it would shift the lines below it.
    tokens = _parser().parse("\n".join(line.replace("\r", " ") for line in lines[skip:]))
    for position, token in enumerate(tokens):
        if token.level or token.map is None or token.nesting < 0:
            continue
        first, last = token.map[0] + skip, token.map[1] + skip
        if token.type == "heading_open":
            yield Section(heading=tuple(title for _, title in path), blocks=tuple(blocks))
            blocks = []
            level = int(token.tag[1])
            path = [entry for entry in path if entry[0] < level]
            path.append((level, plain(tokens[position + 1].content)))
        elif token.type != "hr":
            while last > first and not lines[last - 1].strip():
                last -= 1
            kind = "mermaid" if token.type == "fence" and token.info.strip() == "mermaid" else token.type
            blocks.append(Block(first=first, last=last, kind=kind.removesuffix("_open")))
    yield Section(heading=tuple(title for _, title in path), blocks=tuple(blocks))


def pieces(lines: Sequence[str], section: Section, count: CountTokens, budget: int) -> Iterator[Piece]:
    """Cut `section` into pieces of at most `budget` tokens.

    Neighbouring blocks stay together while they fit. A block that alone is too long is cut between lines, a line
    between sentences and a sentence between words. Diagrams are drawn, not read, so they belong to no piece.
    """
    group: list[Block] = []
    texts = ["\n".join(lines[block.first : block.last]) for block in section.blocks]
    sizes = count(texts) if texts else []
    held = 0
    for block, text, size in zip(section.blocks, texts, sizes, strict=True):
        if group and (block.kind == "mermaid" or held + size > budget):
            yield _piece(lines, section.heading, group)
            group, held = [], 0
        if block.kind == "mermaid" or not text.strip():
            continue
        if size > budget:
            yield from _cut(text, block, section.heading, count, budget)
        else:
            group.append(block)
            held += size
    if group:
        yield _piece(lines, section.heading, group)


def _piece(lines: Sequence[str], heading: tuple[str, ...], group: Sequence[Block]) -> Piece:
    first = group[0].first
    text = "\n".join(lines[first : group[-1].last])
    spans: list[Span] = []
    starts = _line_starts(text)
    for block in group:
        begin = starts[block.first - first]
        end = starts[block.last - first] - 1 if block.last - first < len(starts) else len(text)
        spans += _quotable(text, block.kind, begin, end)
    return Piece(heading=heading, text=text, first_line=first, sentences=tuple(spans))


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer("\n", text))]


def _quotable(text: str, kind: str, start: int, end: int) -> list[Span]:
    """What of a block can be quoted: sentences of prose, items of a list, rows of a table, lines of code."""
    if kind in {"fence", "code_block"}:
        return [span for span in line_spans(text, start=start, end=end) if not text.startswith("```", span.start)]
    if kind == "table":
        rows = line_spans(text, start=start, end=end)
        return [span for span in rows[1:] if not _DELIMITER_ROW.match(text[span.start : span.end])]
    if kind == "html_block":
        return []
    spans: list[Span] = []
    for begin, stop in _runs(text, start, end):
        spans += sentence_spans(text, start=begin, end=stop)
    return spans


def _runs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Stretches of running text: a list's items and unpunctuated lines each stand alone, wrapped prose together."""
    rows = line_spans(text, start=start, end=end)
    if not rows:
        return
    listed = [bool(re.match(r"\s*>?\s*([-*+]|\d{1,3}[.)])\s", _line_of(text, row))) for row in rows]
    loose = len(rows) > 1 and all(_stands_alone(text[row.start : row.end]) for row in rows)
    begin = rows[0].start
    for previous, row, is_item in zip(rows, rows[1:], listed[1:], strict=False):
        if is_item or loose or "\n\n" in text[previous.end : row.start]:
            yield begin, previous.end
            begin = row.start
    yield begin, rows[-1].end


def _line_of(text: str, span: Span) -> str:
    return text[text.rfind("\n", 0, span.start) + 1 : span.end]


def _stands_alone(line: str) -> bool:
    return not line.rstrip().endswith((".", "!", "?", ",", ";")) and (line[0].isupper() or not line[0].isalpha())


def _cut(text: str, block: Block, heading: tuple[str, ...], count: CountTokens, budget: int) -> Iterator[Piece]:
    """Pieces of one block that is too long for the encoder."""
    held: list[Span] = []
    used = 0
    atoms = list(_atoms(text, count, budget))
    for span, size in zip(atoms, count([text[span.start : span.end] for span in atoms]), strict=True):
        if held and used + size > budget:
            yield _cut_piece(text, held, block, heading)
            held, used = [], 0
        held.append(span)
        used += size
    if held:
        yield _cut_piece(text, held, block, heading)


def _cut_piece(text: str, spans: Sequence[Span], block: Block, heading: tuple[str, ...]) -> Piece:
    begin, end = spans[0].start, spans[-1].end
    inner = text[begin:end]
    first = block.first + text.count("\n", 0, begin)
    return Piece(
        heading=heading, text=inner, first_line=first, sentences=tuple(_quotable(inner, block.kind, 0, len(inner)))
    )


def _atoms(text: str, count: CountTokens, budget: int) -> Iterator[Span]:
    """Lines that fit; of longer ones the sentences that fit; of longer ones runs of characters that must."""
    rows = line_spans(text)
    for row, row_size in zip(rows, count([text[row.start : row.end] for row in rows]), strict=True):
        if row_size <= budget:
            yield row
            continue
        inner = sentence_spans(text, start=row.start, end=row.end)
        for span, size in zip(inner, count([text[span.start : span.end] for span in inner]), strict=True):
            # A token is at least one character, so a run of `budget` characters always fits.
            step = span.end - span.start if size <= budget else budget
            for begin in range(span.start, span.end, step):
                yield Span(start=begin, end=min(begin + step, span.end))
