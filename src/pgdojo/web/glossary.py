"""The words of the field that stand on a page, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from pgdojo.course.records import Term

_LEFT_ALONE = re.compile(
    r"(`+[^`\n]+`+|!?\\?\[[^\]\n]*\]\([^)\n]*\)|\[facts#[a-z0-9-]+\]|<https?://[^>\s]+>|https?://\S+)"
)
"""Stretches of Markdown in which no word is explained: code, links, fact marks and addresses."""


_Index: TypeAlias = tuple[re.Pattern[str], Mapping[str, Term]]
_indexes: dict[int, tuple[tuple[Term, ...], _Index]] = {}
"""By the identity of a glossary: hashing hundreds of terms at each look would cost more than the look itself."""


def _index(terms: tuple[Term, ...]) -> _Index:
    """A pattern for every name of every term, longest first, and the term of each name."""
    found = _indexes.get(id(terms))
    if found is None or found[0] is not terms:
        found = _indexes[id(terms)] = (terms, _made(terms))
    return found[1]


def _made(terms: tuple[Term, ...]) -> _Index:
    named = {name: term for term in terms for name in (term.term, *term.aliases)}
    # A short name in capitals, such as AZ, is meant in capitals only.
    parts = [
        re.escape(name) if len(name) <= 4 else f"(?i:{re.escape(name)})"
        for name in sorted(named, key=len, reverse=True)
    ]
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(parts) or '(?!)'})(?![\w-])")
    return pattern, {**{name.casefold(): term for name, term in named.items()}, **named}


def _term(found: str, named: Mapping[str, Term]) -> Term:
    return named.get(found) or named[found.casefold()]


def words_in(text: str, terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """The terms that `text` uses, by the term or an alias, each once in the order of their first use."""
    _index(terms)
    return _words_in(text, id(terms))


@lru_cache(maxsize=2048)
def _words_in(text: str, glossary: int) -> tuple[Term, ...]:
    pattern, named = _indexes[glossary][1]
    return tuple(dict.fromkeys(_term(match[0], named) for match in pattern.finditer(text)))


def explained(markdown: str, terms: tuple[Term, ...], seen: set[str]) -> str:
    """`markdown` with the first use of each term as a link whose title, shown on hovering, says what it means.

    Args:
        markdown: Safe Markdown.
        terms: The glossary.
        seen: Ids of the terms explained so far, to which those of this text are added.
    """
    _index(terms)
    shown, now_seen = _explained(markdown, id(terms), frozenset(seen))
    seen |= now_seen
    return shown


@lru_cache(maxsize=2048)
def _explained(markdown: str, glossary: int, before: frozenset[str]) -> tuple[str, frozenset[str]]:
    pattern, named = _indexes[glossary][1]
    seen = set(before)

    def link(match: re.Match[str]) -> str:
        term = _term(match[0], named)
        if term.id in seen:
            return match[0]
        seen.add(term.id)
        meaning = re.sub(r"([\\$\[\]<>*_`~:])", r"\\\1", term.definition.replace('"', "'"))
        return f'[{match[0]}](#word-{term.id} "{meaning}")'

    parts = _LEFT_ALONE.split(markdown)
    shown = "".join(part if odd % 2 else pattern.sub(link, part) for odd, part in enumerate(parts))
    return shown, frozenset(seen)


def matching(terms: Sequence[Term], wanted: str) -> tuple[Term, ...]:
    """The terms whose names or meaning hold `wanted`, by name."""
    needle = wanted.strip().casefold()
    hits = (term for term in terms if needle in " ".join((*term.names, term.definition)).casefold())
    return tuple(sorted(hits, key=lambda term: term.term.casefold()))
