"""Cutting a text into what can be quoted on its own."""

from __future__ import annotations

import re

from pgdojo.course.records import Span

_ABBREVIATIONS = frozenset(
    {"e.g", "i.e", "etc", "vs", "no", "nos", "approx", "fig", "cf", "al", "mr", "dr", "st", "inc", "resp", "ver"}
)
_END = re.compile(r"(?P<mark>[.!?]+)(?P<close>[\"')\]*_]*)(?=\s+[\"'(*_`\[]*[A-Z0-9`$]|\s+\[[a-z]|\s*$)")
_BULLET = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(?:\[[ xX]\][ \t]+)?")
_CITATION = re.compile(r"\s*\[[a-z]+(?:/[\w./-]+)?#[\w-]+\]")
MAX_SENTENCE = 600
"""Characters; a longer stretch without an end is cut at a blank."""


def sentence_spans(text: str, *, start: int = 0, end: int | None = None) -> list[Span]:
    """Spans of the sentences of running text, without the citation marks that follow them.

    Args:
        text: The whole text that the spans count in.
        start: Where the part to cut begins, in characters.
        end: Where it ends; the end of the text without it.

    Returns:
        In order, without overlap, each at most `MAX_SENTENCE` characters and none of them blank.
    """
    end = len(text) if end is None else end
    spans: list[Span] = []
    position = start
    for match in _END.finditer(text, start, end):
        if match["mark"] == "." and _is_abbreviation(text, match.start()):
            continue
        if match["mark"].startswith("..") and match.end() < end:
            continue
        _add(spans, text, position, match.end())
        position = match.end()
    _add(spans, text, position, end)
    return spans


def line_spans(text: str, *, start: int = 0, end: int | None = None) -> list[Span]:
    """Spans of the lines of a list, each without its bullet."""
    end = len(text) if end is None else end
    spans: list[Span] = []
    position = start
    while position < end:
        stop = text.find("\n", position, end)
        stop = end if stop < 0 else stop
        _add(spans, text, position, stop)
        position = stop + 1
    return spans


def _add(spans: list[Span], text: str, start: int, end: int) -> None:
    start = _BULLET.match(text, start, end).end()  # type: ignore[union-attr]  # matches the empty text too
    while citation := _CITATION.match(text, start, end):
        start = citation.end()
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > MAX_SENTENCE:
        cut = text.rfind(" ", start + 1, start + MAX_SENTENCE)
        cut = start + MAX_SENTENCE if cut < 0 else cut
        spans.append(Span(start=start, end=cut))
        start = cut + 1 if text[cut].isspace() else cut
    if any(character.isalnum() for character in text[start:end]):
        spans.append(Span(start=start, end=end))


def _is_abbreviation(text: str, dot: int) -> bool:
    word = re.search(r"[\w.]*$", text[max(0, dot - 12) : dot])
    return bool(word) and word.group().lower() in _ABBREVIATIONS  # type: ignore[union-attr]
