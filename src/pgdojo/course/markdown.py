"""Markdown cut along its headings and blocks, with every piece still the words of the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token

from pgdojo.course.records import Passage, Span
from pgdojo.course.sentences import line_spans, quotable, sentence_spans, verbatim

CountTokens: TypeAlias = Callable[[Sequence[str]], list[int]]
"""Length of each text in the encoder's own tokens, without its special ones."""

MAX_HEADING = 200
"""Characters; what goes on longer is a paragraph by mistake, and its name is cut."""

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(?P<yaml>.{0,20000}?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_MARKS = re.compile(r"\[(?P<id>facts#[a-z0-9-]+)\]")
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]{0,300}>", re.DOTALL)
_TAG_IN_A_WORD = re.compile(
    r"</?(?:a|abbr|b|code|em|i|kbd|mark|s|small|span|strong|sub|sup|u)\b[^<>]{0,300}>", re.IGNORECASE
)
_COMMENTS = re.compile(r"\s*(?:<!--(?:(?!-->).)*+-->\s*+)++", re.DOTALL)
_NOT_PROSE = re.compile(r"\s*<(?:script|style|pre|textarea|[!?])", re.IGNORECASE)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_KEPT = re.compile("\0(\\d+)\0")
_LINK = re.compile(r"!?\[([^\]\[]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(r"(\*\*|__|\*|(?<!\w)_|_(?!\w)|`)")
_DELIMITER_ROW = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")
_CLAIM_BULLET = re.compile(r"^\s*(?:[*+-]\s+)?")
_ITEM = re.compile(r"\s*>?\s*([-*+]|\d{1,3}[.)])\s")
_BLANK_LINES = re.compile(r"(?:[ \t\r]*\n)*")
_WORD = re.compile(r"\S+")

CHARACTERS_A_TOKEN = 20
"""A run of letters without an end, such as an embedded image, may be one unknown token to an encoder; it counts as
more, so that no passage grows without limit."""


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


def claim(line: str) -> str:
    """A line of the notes as the ledger names it: without its bullet and the blanks around it."""
    return _CLAIM_BULLET.sub("", line).rstrip()


def plain(text: str) -> str:
    """Markdown as it reads: without citation marks, tags, link targets, emphasis and table bars.

    What stands between backticks is kept as it is, so that `count(*)` and `<name>` survive.
    """
    code: list[str] = []

    def set_aside(match: re.Match[str]) -> str:
        code.append(match[2])
        return f"\0{len(code) - 1}\0"

    text = _CODE.sub(set_aside, text.replace("\0", ""))
    text = _TAG.sub(" ", _TAG_IN_A_WORD.sub("", _MARKS.sub("", text)))
    text = _LINK.sub(r"\1", text)
    if text.lstrip().startswith("|"):
        text = "; ".join(cell for row in text.splitlines() if (cell := _row(row)))
    text = re.sub(r"^[ \t]*(?:>[ \t]*)+|^[ \t]*#{1,6}[ \t]+", "", text, flags=re.MULTILINE)
    text = _KEPT.sub(lambda match: code[int(match[1])], _EMPHASIS.sub("", text))
    return " ".join(text.split())


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
    """A parser of blocks alone: what is inside a line is not looked at, and a link's definition stays a paragraph."""
    parser = MarkdownIt("commonmark", {"maxNesting": 40}).enable("table")
    return parser.disable(["inline", "text_join", "reference"])


def _outermost(lines: Sequence[str], skip: int) -> Iterator[tuple[Token, str]]:
    """Blocks that stand in no other block, each with the words of its first line of text."""
    # A lone carriage return is a line's end to the parser and not to us, so it would shift the lines below it.
    tokens = _parser().parse("\n".join(line.rstrip("\r").replace("\r", " ") for line in lines[skip:]))
    for position, token in enumerate(tokens):
        if token.level == 0 and token.map is not None and token.nesting >= 0:
            following = tokens[position + 1].content if token.type == "heading_open" else ""
            yield token, following[:MAX_HEADING]


def title(lines: Sequence[str], skip: int = 0) -> str:
    """The first heading of the first level within 200 lines below the front matter, empty if there is none."""
    for token, words in _outermost(lines[: skip + 200], skip):
        if token.type == "heading_open" and token.tag == "h1":
            return plain(words)
    return ""


def sections(lines: Sequence[str], skip: int = 0) -> Iterator[Section]:
    """The sections of a page whose first `skip` lines are front matter, in order, empty ones included."""
    path: list[tuple[int, str]] = []
    blocks: list[Block] = []
    for token, words in _outermost(lines, skip):
        if token.type == "heading_open":
            yield Section(heading=tuple(name for _, name in path), blocks=tuple(blocks))
            blocks = []
            level = int(token.tag[1])
            path = [entry for entry in path if entry[0] < level]
            path.append((level, plain(words)))
        elif token.type != "hr":
            blocks.append(_block(lines, token, skip))
    yield Section(heading=tuple(name for _, name in path), blocks=tuple(blocks))


def _block(lines: Sequence[str], token: Token, skip: int) -> Block:
    first, last = (number + skip for number in token.map or (0, 0))
    while last > first and not lines[last - 1].strip():
        last -= 1
    kind = "mermaid" if token.type == "fence" and token.info.strip() == "mermaid" else token.type
    return Block(first=first, last=last, kind=kind.removesuffix("_open"))


def pieces(lines: Sequence[str], section: Section, count: CountTokens, budget: int) -> Iterator[Piece]:
    """Cut `section` into pieces of at most `budget` tokens.

    Neighbouring blocks stay together while they fit. A block that alone is too long is cut between lines, a line
    between sentences and a sentence between words. Diagrams are drawn, not read, and comments are the author's own,
    so they belong to no piece.
    """
    group: list[Block] = []
    held = 0
    for block, text, size, gap in _measured(lines, section.blocks, count):
        hidden = block.kind == "mermaid" or (block.kind == "html_block" and _COMMENTS.fullmatch(text) is not None)
        if group and (hidden or held + gap + size > budget):
            yield _piece(lines, section.heading, group)
            group, held = [], 0
        if hidden or not text.strip():
            continue
        if size > budget:
            yield from _cut(text, block, section.heading, count, budget)
        else:
            held += size + (gap if group else 0)
            group.append(block)
    if group:
        yield _piece(lines, section.heading, group)


def _measured(
    lines: Sequence[str], blocks: Sequence[Block], count: CountTokens
) -> Iterator[tuple[Block, str, int, int]]:
    """Each block with its text, its length in tokens, and the length of what lies between it and the one before."""
    texts = ["\n".join(lines[block.first : block.last]) for block in blocks]
    ends = [block.last for block in blocks[:-1]]
    ends = [blocks[0].first, *ends] if blocks else []
    gaps = ["\n".join(["", *lines[end : block.first], ""]) for end, block in zip(ends, blocks, strict=True)]
    return zip(blocks, texts, _sizes(texts, count), _sizes(gaps, count), strict=True)


def _sizes(texts: Sequence[str], count: CountTokens) -> list[int]:
    if not texts:
        return []
    return [max(size, len(text) // CHARACTERS_A_TOKEN) for text, size in zip(texts, count(texts), strict=True)]


def _piece(lines: Sequence[str], heading: tuple[str, ...], group: Sequence[Block]) -> Piece:
    first = group[0].first
    text = "\n".join(lines[first : group[-1].last])
    spans: list[Span] = []
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    for block in group:
        begin = starts[block.first - first]
        end = starts[block.last - first] - 1 if block.last - first < len(starts) else len(text)
        spans += _quotable(text, block.kind, begin, end)
    return Piece(heading=heading, text=text, first_line=first, sentences=tuple(spans))


def _quotable(text: str, kind: str, start: int, end: int, *, whole: bool = True) -> list[Span]:
    """What of a block can be quoted: sentences of prose, items of a list, rows of a table, lines of code.

    Args:
        text: The piece that holds the block.
        kind: Of the block.
        start: Character on which the block begins.
        end: Character before which it ends.
        whole: Whether it begins with the block's own first line, which heads a table and opens a fence.
    """
    if kind in {"fence", "code_block"}:
        return _code(text, kind, start, end)
    if kind == "html_block" and _NOT_PROSE.match(text, start):
        return []
    if kind in {"table", "html_block"}:
        head = text.find("\n", start, end) if kind == "table" and whole else start
        rows = [row for row in line_spans(text, start=start, end=end) if row.start >= head >= 0]
        sound = [row for row in rows if kind == "table" or _reads_alone(text[row.start : row.end])]
        return [span for row in sound for span in quotable(text, row.start, row.end)]
    spans: list[Span] = []
    for begin, stop in _runs(text, start, end):
        spans += sentence_spans(text, start=begin, end=stop)
    return spans


def _code(text: str, kind: str, start: int, end: int) -> list[Span]:
    spans: list[Span] = []
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        if kind != "fence" or not text[start:stop].lstrip().startswith(("```", "~~~")):
            spans += verbatim(text, start, stop)
        start = stop + 1
    return spans


def _reads_alone(line: str) -> bool:
    """Whether a line of HTML holds words and closes each tag that it opens."""
    return line.count("<") == line.count(">") and any(character.isalnum() for character in plain(line))


def _runs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Stretches of running text: a list's items and unpunctuated lines each stand alone, wrapped prose together."""
    rows = line_spans(text, start=start, end=end)
    if not rows:
        return
    loose = len(rows) > 1 and all(_stands_alone(text[row.start : row.end]) for row in rows)
    begin = rows[0].start
    for previous, row in pairwise(rows):
        between = text.count("\n", previous.end, row.start)
        if loose or between > 1 or _ITEM.match(text, text.rfind("\n", 0, row.start) + 1, row.end):
            yield begin, previous.end
            begin = row.start
    yield begin, rows[-1].end


def _stands_alone(line: str) -> bool:
    return not line.rstrip().endswith((".", "!", "?", ",", ";")) and (line[0].isupper() or not line[0].isalpha())


def _cut(text: str, block: Block, heading: tuple[str, ...], count: CountTokens, budget: int) -> Iterator[Piece]:
    """Pieces of one block that is too long for the encoder; together they hold all of its words."""
    line, counted = block.first, 0
    for start, end in _packed(_atoms(text, Span(start=0, end=len(text)), count, budget), budget):
        blank = _BLANK_LINES.match(text, start, end)
        begin = blank.end() if blank else start
        inner = text[begin:end].rstrip()
        if not inner:
            continue
        # Lines are counted from the piece before, because a count from the block's start squares with its length.
        line, counted = line + text.count("\n", counted, begin), begin
        spans = _quotable(inner, block.kind, 0, len(inner), whole=begin == 0)
        yield Piece(heading=heading, text=inner, first_line=line, sentences=tuple(spans))


def _packed(atoms: Iterable[tuple[Span, int]], budget: int) -> Iterator[tuple[int, int]]:
    """Neighbouring atoms together while they fit, as where each pack begins and ends."""
    begin = end = used = 0
    for span, size in atoms:
        if used and used + size > budget:
            yield begin, end
            begin, used = span.start, 0
        end = span.end
        used += size
    yield begin, end


def _atoms(text: str, whole: Span, count: CountTokens, budget: int, depth: int = 0) -> Iterator[tuple[Span, int]]:
    """Lines that fit; of longer ones the sentences, of these the words, of these runs of characters that must.

    The atoms follow one another without a gap, each with its length in tokens.
    """
    edges = [*_edges(text, whole, depth, budget), whole.end]
    spans = [Span(start=start, end=end) for start, end in pairwise(edges)]
    for span, size in zip(spans, _sizes([text[span.start : span.end] for span in spans], count), strict=True):
        if size <= budget or depth == 3:
            yield span, size
        else:
            yield from _atoms(text, span, count, budget, depth + 1)


def _edges(text: str, whole: Span, depth: int, budget: int) -> Iterator[int]:
    """Where the lines, sentences, words or runs of characters of `whole` begin, the first with it."""
    if depth == 3:
        # A token is at least one character, so a run of `budget` characters always fits.
        yield from range(whole.start, whole.end, budget)
        return
    if depth == 0:
        starts = (match.end() for match in re.compile("\n").finditer(text, whole.start, whole.end))
    elif depth == 1:
        starts = (span.start for span in sentence_spans(text, start=whole.start, end=whole.end))
    else:
        starts = (match.start() for match in _WORD.finditer(text, whole.start, whole.end))
    yield whole.start
    # What leads up to the first sentence or word, such as a bullet, stays with it.
    skipped = depth > 0
    for start in starts:
        if whole.start < start < whole.end and not skipped:
            yield start
        skipped = False
