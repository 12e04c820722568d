"""Turning a follow-up into a question that stands alone.

"And for Aurora?" is searched for as the question before it, about Aurora; "how long does that take?" with the subject
that `that` points to. What was searched for is shown, so that a reader can put it right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pgdojo.ask.lexicon import Lexicon
from pgdojo.course.records import Term
from pgdojo.search.text import STOP_WORDS, words

_SWAP = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|so|and|but|then|also|hm+|right|thanks|thank you)\b[\s,]*)*"
    r"(?:(?:what|how) about|what if (?:it is|it's|i use|we use)?|and (?:for|on|with|in|to)|same for|for|on|with|in)\b"
    r"\s*"
    r"(?P<rest>.*)$",
    re.IGNORECASE,
)
"""A turn that only names another subject: `what about Aurora?`."""

_CONNECTIVE = re.compile(r"^\W*(?:(?:ok(?:ay)?|so|and|but|then|also|plus|right)\b[\s,]*)+", re.IGNORECASE)

_POINTER = re.compile(
    r"\b(?:(?:that|this|those|these) ones?|(?<=does )one|(?<=can )one|(?<=is )one|that|this|it|they|them|those|these"
    r"|its|their|there|the same(?: thing)?|the (?:first|second|former|latter|other)(?: one)?)\b",
    re.IGNORECASE,
)
_NO_POINTER = re.compile(
    r"\bthere (?:is|are|was|were|will)\b|\b(?:is|are|was|were|will|can|has|have) there\b"
    r"|\b(?:is|was) it (?:possible|true|allowed|ok|a|an)\b"
    r"|\bthat (?:the|a|an|my|our|i|we|you|is|are|has|have|can|needs?|keeps?|runs?)\b",
    re.IGNORECASE,
)
_NUMERAL = re.compile(r"\b\d+(?:\.\d+)*\b")

_ASKING = frozenset(
    """what which who whose whom when where why how is are was were do does did can could may might must should
    will would has have had am much many long often fast quickly soon big large old tell explain describe list
    name give take takes work works happen happens mean means be""".split()
)
"""Words that ask, and verbs that say nothing of the subject."""

_LINKS = frozenset({"of", "for", "to", "from", "on", "in", "with", "between"})
_VERBS = frozenset({"is", "are", "does", "do", "can", "will", "has", "have", "should", "must"})

MAX_TURNS = 6
"""Earlier questions that are looked back at."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A question that stands alone, and what it is about in its own words."""

    text: str
    subject: str


def standalone(question: str, history: Sequence[str], lexicon: Lexicon) -> str:
    """`question` so that it can be understood without the turns before it.

    Args:
        question: As typed, slips mended.
        history: Earlier questions, oldest first, as typed or already standing alone.
        lexicon: Knows the terms and which of them are siblings.

    Returns:
        The question itself where it stands alone or there is nothing before it.
    """
    before: _Turn | None = None
    for earlier in history[-MAX_TURNS:]:
        before = _resolved(earlier, before, lexicon)
    return _resolved(question, before, lexicon).text


def _resolved(question: str, before: _Turn | None, lexicon: Lexicon) -> _Turn:
    if before is None or not before.text.strip() or not question.strip():
        return _Turn(question, _subject(question))
    named = lexicon.names(question)
    content = [word for word in words(question) if word not in STOP_WORDS and word not in _ASKING]
    swap = _SWAP.match(question)
    if swap and len(words(swap["rest"])) <= 6 and not _VERBS & set(words(swap["rest"])):
        return _fresh(_swapped(before, swap["rest"], lexicon))
    if _CONNECTIVE.match(question) and named.terms and len(words(question)) <= 5 and len(content) <= 3:
        return _fresh(_swapped(before, _CONNECTIVE.sub("", question), lexicon))
    if _POINTER.search(_NO_POINTER.sub(" ", question)):
        return _Turn(_pointed(before, question), before.subject)
    if len(content) <= 2 and not (named.terms and len(content) > 1) and not named.foreign:
        return _Turn(_continued(before, question), before.subject)
    return _fresh(question)


def _fresh(text: str) -> _Turn:
    return _Turn(text, _subject(text))


def _swapped(before: _Turn, rest: str, lexicon: Lexicon) -> str:
    """The earlier question with its subject, or its version, exchanged for the one in `rest`."""
    rest = rest.strip(" ?.!,")
    fresh = lexicon.names(rest).terms
    for term in fresh:
        for old in lexicon.names(before.text).terms:
            if old.group and old.group == term.group and old.id != term.id:
                return _replaced(before.text, old, term.term)
    numerals = _NUMERAL.findall(rest)
    if numerals and not fresh and _NUMERAL.search(before.text):
        return _NUMERAL.sub(numerals[0], before.text, count=1)
    return f"{before.text.rstrip(' ?.!')}, for {rest}?"


def _replaced(text: str, old: Term, new: str) -> str:
    for name in sorted(old.names, key=len, reverse=True):
        pattern = re.compile(rf"(?<!\w)(?:an? |the )?{re.escape(name)}s?(?!\w)", re.IGNORECASE)
        if pattern.search(text):
            return pattern.sub(lambda _: new, text, count=1)
    return f"{text.rstrip(' ?.!')}, for {new}?"


def _pointed(before: _Turn, question: str) -> str:
    """`question` with its first pointing word replaced by what the earlier question is about."""
    return _POINTER.sub(lambda _: before.subject, _CONNECTIVE.sub("", question), count=1)


def _continued(before: _Turn, question: str) -> str:
    """`question`, which names too little by itself, with the earlier subject set behind it."""
    bare = _CONNECTIVE.sub("", question).rstrip(" ?.!")
    return f"{bare}: {before.text}" if len(words(bare)) <= 1 else f"{bare} ({before.subject})?"


def _subject(text: str) -> str:
    """What a question is about, in its own words without the asking ones."""
    kept: list[str] = []
    for word in text.split():
        bare = word.strip("?,.!;:\"'()")
        plain = bare.lower()
        if plain and plain not in _ASKING and (plain not in STOP_WORDS or plain in _LINKS):
            kept.append(bare)
    while kept and kept[0].lower() in STOP_WORDS:
        kept.pop(0)
    while kept and kept[-1].lower() in STOP_WORDS:
        kept.pop()
    return " ".join(kept) or text.rstrip(" ?.!")
