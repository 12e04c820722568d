"""Cutting a text into what can be quoted on its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgdojo.course.records import Span

_ABBREVIATIONS = frozenset(
    {"e.g", "i.e", "etc", "vs", "no", "nos", "approx", "fig", "cf", "al", "mr", "dr", "st", "inc", "resp", "ver"}
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
# The look-behind and the possessive quantifiers keep a long row of dots from being tried from each of its dots.
_END = re.compile(r"(?<![.!?])(?P<mark>[.!?]++)[\"')\]*_”’»]*+(?=\s++[\"'(*_“‘«]*+(?P<next>\S)|\s*+$)")
_BULLET = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(?:\[[ xX]\][ \t]+)?")
_CITATION = re.compile(r"\s*\[[a-z]+(?:/[\w./-]+)?#[\w.-]+\]")
MAX_SENTENCE = 600
"""Characters; a longer stretch without an end is cut at a blank."""


def sentence_spans(text: str, *, start: int = 0, end: int | None = None) -> list[Span]:
    """Spans of the sentences of running text, without the citation marks that follow them.

    Args:
        text: The whole text that the spans count in.
        start: Character on which the part to cut begins.
        end: Character before which it ends; the text's end by default.

    Returns:
        In order, without overlap, each at most `MAX_SENTENCE` characters and none of them blank.
    """
    end = len(text) if end is None else end
    spans: list[Span] = []
    position = _after_marks(text, start, end)
    for stop in (*_ends(text, position, end), end):
        spans += quotable(text, position, stop)
        position = stop
    return spans


def line_spans(text: str, *, start: int = 0, end: int | None = None) -> list[Span]:
    """Spans of the lines of a list, each whole, without its bullet and without the lines that hold no word."""
    end = len(text) if end is None else end
    spans: list[Span] = []
    position = start
    while position < end:
        stop = text.find("\n", position, end)
        stop = end if stop < 0 else stop
        span = _trimmed(text, _after_marks(text, position, stop), stop)
        if span:
            spans.append(span)
        position = stop + 1
    return spans


def quotable(text: str, start: int, end: int) -> Iterator[Span]:
    """`text[start:end]` without the bullet and the citation marks before it, cut to `MAX_SENTENCE` characters."""
    return verbatim(text, _after_marks(text, start, end), end)


def verbatim(text: str, start: int, end: int) -> Iterator[Span]:
    """`text[start:end]` without the blanks around it, cut at blanks to `MAX_SENTENCE` characters."""
    start = _skip_blanks(text, start, end)
    while start < end:
        cut = end
        if end - start > MAX_SENTENCE:
            limit = start + MAX_SENTENCE
            blank = max(text.rfind(" ", start + 1, limit), text.rfind("\n", start + 1, limit))
            cut = limit if blank < 0 else blank
        span = _trimmed(text, start, cut)
        if span:
            yield span
        start = _skip_blanks(text, cut, end)


def _ends(text: str, start: int, end: int) -> Iterator[int]:
    """Where sentences end before the last one does."""
    for match in _END.finditer(text, start, end):
        following = match["next"]
        if following is None:
            continue
        if match["mark"].startswith("..") or (match["mark"] == "." and _is_abbreviation(text, match.start())):
            continue
        # A small letter goes on with the sentence; `[` begins a citation mark or a link.
        if following.isupper() or following.isdigit() or following in "`$[":
            yield match.end()


def _after_marks(text: str, start: int, end: int) -> int:
    bullet = _BULLET.match(text, start, end)
    start = bullet.end() if bullet else start
    while citation := _CITATION.match(text, start, end):
        start = citation.end()
    return _skip_blanks(text, start, end)


def _skip_blanks(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


def _trimmed(text: str, start: int, end: int) -> Span | None:
    """`text[start:end]` without the blanks at its end, None if it holds no word."""
    while end > start and text[end - 1].isspace():
        end -= 1
    if not any(character.isalnum() for character in text[start:end]):
        return None
    return Span(start=start, end=end)


def _is_abbreviation(text: str, dot: int) -> bool:
    word = re.search(r"[\w.]*$", text[max(0, dot - 12) : dot])
    found = word.group().lower() if word else ""
    return found in _ABBREVIATIONS or bool(_INITIALS.fullmatch(found))
