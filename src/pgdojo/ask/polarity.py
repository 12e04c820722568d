"""Yes or no, said only where the author of a fact has decided it.

A fact may list questions that it answers with yes, and with no. A question takes the sign of the one that it is
nearest to, if it is near enough and no word sets the two apart: "can it be turned off" is as near as can be to "can it
be turned on".
"""

from __future__ import annotations

import re

import numpy as np

from pgdojo.ask.evidence import Evidence, View
from pgdojo.search.text import STOP_WORDS, stem, words

NEAR = 0.65
"""Least cosine with the question whose sign is taken."""

SHARED = 0.5
"""Least share of the longer question's weighty words that stand in both."""

MIN_WORDS = 4
"""Least weighty words of a question that is so answered."""

_TURNING = frozenset(
    """not never no off without cannot only always less before after below above under over least larger smaller
    higher lower longer shorter faster slower older newer first last already disable disabled forbid retired
    dropped gone removed lose remove different exactly must should need same two three both other ordinary free
    downtime harmless own""".split()
)
"""Words that turn a question into its opposite, or narrow it."""


def lead(evidence: Evidence, view: View) -> str:
    """`Yes.`, `No.` or nothing, for an answer that begins with the passage of `view`."""
    question, passage = evidence.question, view.passage
    if not question.yes_no or len(question.weighty) < MIN_WORDS or not (passage.affirmed or passage.denied):
        return ""
    similar = view.asked_vectors @ evidence.vector
    best = int(np.argmax(similar))
    nearest = passage.asks[best]
    if similar[best] < NEAR or not _same_turn(question.text, nearest) or _shared(question.text, nearest) < SHARED:
        return ""
    if nearest in passage.affirmed:
        return "Yes."
    return "No." if nearest in passage.denied else ""


def _same_turn(one: str, other: str) -> bool:
    """Whether no turning word and no figure stands in just one of two questions."""
    differing = set(_expanded(one)) ^ set(_expanded(other))
    return not any(word in _TURNING or word[0].isdigit() for word in differing)


def _expanded(text: str) -> list[str]:
    return words(re.sub(r"n't\b", " not", text))


def _shared(one: str, other: str) -> float:
    mine, theirs = ({stem(word) for word in words(text) if word not in STOP_WORDS} for text in (one, other))
    return len(mine & theirs) / max(1, len(mine), len(theirs))
