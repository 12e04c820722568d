"""The words of a passage on which an item's key rests."""

from __future__ import annotations

import re

from pgdojo.course.items import Item
from pgdojo.course.markdown import plain
from pgdojo.course.records import Passage, Span


def decisive(passage: Passage, item: Item) -> Span:
    """The sentence of `passage` that shares most with the item's key, then with its stem."""
    if not passage.sentences:
        return Span(start=0, end=len(passage.text))
    key, stem = _words(" ".join(item.key_texts())), _words(item.stem)

    def shared(span: Span) -> tuple[int, int]:
        words = _words(passage.quote(span))
        return len(words & key), len(words & stem)

    return max(passage.sentences, key=shared)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w.]*\w", plain(text).casefold()))
