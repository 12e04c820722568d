"""What the glossary knows of a question's words: terms by any of their names, foreign subjects, slips mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pgdojo.course.records import Foreign, Term
from pgdojo.search.text import STOP_WORDS, words

_Named = TypeVar("_Named", Term, Foreign)

MIN_SLIP = 5
"""Letters that a word must have to be taken for a slip of another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Terms and foreign subjects that a text names."""

    terms: tuple[Term, ...]
    foreign: tuple[Foreign, ...]


class Lexicon:
    """Looks up phrases; built once from an index's glossary and vocabulary."""

    def __init__(
        self,
        terms: Sequence[Term],
        foreign: Sequence[Foreign],
        frequency: Mapping[str, int],
        known: Callable[[str], bool],
    ) -> None:
        """Know the names of `terms` and `foreign`, and which words the course uses and the language has.

        Args:
            terms: What is taught.
            foreign: What is not.
            frequency: Number of texts of the course that hold each word.
            known: Whether a lower-case word is one of the language.
        """
        vocabulary = set(frequency)
        self._frequency = frequency
        self._terms = _phrases(terms)
        self._foreign = _phrases(foreign)
        self._longest = max((len(key) for key in (*self._terms, *self._foreign)), default=1)
        named = {word for key in (*self._terms, *self._foreign) for word in key}
        self._vocabulary = vocabulary | named
        self._known = known
        slips = {(key, term) for term in terms for name in term.typed if self._is_slip(key := tuple(words(name)))}
        self._slips = dict(slips)
        misspelt = {word for key, _ in slips for word in key} - vocabulary
        self._targets = sorted(word for word in self._vocabulary - misspelt if len(word) >= MIN_SLIP and word.isalpha())

    def _is_slip(self, key: tuple[str, ...]) -> bool:
        """Whether a way of typing a term holds a word that is neither the course's nor the language's."""
        return any(word not in self._frequency and not self._known(word) and word.isalpha() for word in key)

    def __contains__(self, word: str) -> bool:
        return word in self._vocabulary

    def knows(self, word: str) -> bool:
        """Whether `word` is one of the language, or a stop word, though the course may never use it."""
        return self._known(word) or word in STOP_WORDS or word[0].isdigit()

    def names(self, text: str | Sequence[str]) -> Named:
        """Terms and foreign subjects in `text`, each once, the longest name first at each place."""
        tokens = words(text) if isinstance(text, str) else list(text)
        terms: dict[str, Term] = {}
        foreign: dict[str, Foreign] = {}
        position = 0
        while position < len(tokens):
            step = 1
            for length in range(min(self._longest, len(tokens) - position), 0, -1):
                key = tuple(tokens[position : position + length])
                if key in self._terms:
                    term = self._terms[key]
                    terms[term.id] = term
                    step = length
                    break
                if key in self._foreign:
                    entry = self._foreign[key]
                    foreign[entry.term] = entry
                    step = length
                    break
            position += step
        return Named(terms=tuple(terms.values()), foreign=tuple(foreign.values()))

    def mend(self, text: str) -> str:
        """`text` with slips mended: to the term that is often typed so, or to the course's nearest word."""
        known = self._known_slips(text)
        return _LETTERS.sub(lambda match: self._nearest(match.group().lower()) or match.group(), known)

    def _known_slips(self, text: str) -> str:
        """`text` with the slips that the glossary lists replaced by the term that is meant."""
        spans = list(_TOKEN.finditer(text))
        tokens = [match.group().casefold() for match in spans]
        parts, done, position = [], 0, 0
        while position < len(tokens):
            step = 1
            for length in range(min(self._longest, len(tokens) - position), 0, -1):
                term = self._slips.get(tuple(tokens[position : position + length]))
                if term is not None:
                    parts += [text[done : spans[position].start()], term.term]
                    done = spans[position + length - 1].end()
                    step = length
                    break
            position += step
        return "".join([*parts, text[done:]])

    def _nearest(self, word: str) -> str | None:
        """The word of the course that `word` is a slip of, None for one that stands by itself."""
        if word in self._vocabulary or self._known(word) or word in STOP_WORDS or not word.isascii():
            return None
        if word.endswith("s") and (self._known(word[:-1]) or word[:-1] in self._vocabulary):
            return None
        reach = 1 if len(word) < 7 else 2
        near = process.extract(word, self._targets, scorer=OSA.distance, score_cutoff=reach, limit=8)
        likely = [
            (distance, -self._frequency.get(found, 0), found)
            for found, distance, _ in near
            if _same_start(word, found, int(distance)) and not _other_ending(word, found)
        ]
        return min(likely)[2] if likely else None


_TOKEN = re.compile(r"[^\W_]+(?:[._][^\W_]+)*")
_LETTERS = re.compile(rf"(?<![\w.])[^\W\d_]{{{MIN_SLIP},}}(?![\w.]*[\d_])")


def _same_start(word: str, found: str, distance: int) -> bool:
    """Whether two words begin alike; the further apart they are, the longer that beginning must be."""
    length = max(1, distance)
    return word[:length] == found[:length]


def _other_ending(word: str, found: str) -> bool:
    """Whether `word` is no slip but another form of the same family: `pager` beside `pages`."""
    shared = 0
    while shared < min(len(word), len(found)) and word[shared] == found[shared]:
        shared += 1
    return shared >= max(len(word), len(found)) - 3 and word.endswith(_ENDINGS)


_ENDINGS = ("er", "ers", "or", "ors", "ed", "ing", "ly", "al", "able", "ive", "y")


def _phrases(entries: Iterable[_Named]) -> dict[tuple[str, ...], _Named]:
    found: dict[tuple[str, ...], _Named] = {}
    for entry in entries:
        for name in entry.names:
            key = tuple(words(name))
            if key:
                found.setdefault(key, entry)
    return found
