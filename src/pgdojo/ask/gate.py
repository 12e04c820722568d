"""The gate: does the material answer this question, or only speak of the same things?

A high similarity is not knowledge. So each question becomes a row of features - how near the best passage is, which of
the question's words it leaves uncovered, whether it holds the kind of thing that is asked for, whether it is about the
same subject, whether the nearest question of which it is known has an answer - and a small regularised classifier,
fitted by `pgdojo eval --fit` on the questions in the repository, says how likely an answer is. Nothing here is typed in
by hand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pgdojo.ask.evidence import Evidence, EvidenceFinder, View
from pgdojo.ask.question import WANTS, Question
from pgdojo.search.text import words

_SCOPE = 3
"""Passages that may together cover a question of several parts."""


def feature_names() -> list[str]:
    """Names of the features, in the order in which `features` returns them."""
    return [
        "own", "asked", "best own", "best asked", "lead own", "lead fused", "lead over fifth", "words",
        "cover text", "cover all", "cover asked", "cover reverse", "cover scope", "open weight", "open max",
        "sentence",
        "unknown count", "unknown share", "unknown open",
        "numerals", "numerals missing", "focus", "focus missing", "focus soft",
        "terms", "terms missing", "subjects clash", "subject named",
        "foreign", "foreign unmentioned",
        "follows", "follows cover", "follows open", "follows nearer",
        "length", "log length", "yes or no", "wants missing", "wants held", "wants",
        *(f"lacks {want.name}" for want in WANTS),
        *(f"asks {want.name}" for want in WANTS),
        *KNOWN,
    ]  # fmt: skip


KNOWN = (
    "near unanswered",
    "near unanswered five",
    "near answered",
    "near answered five",
    "near asks",
    "near asks five",
)
"""Features that need known questions, or questions that authors wrote beside their facts."""


def features(evidence: Evidence, finder: EvidenceFinder) -> npt.NDArray[np.float32]:
    """The features of a question and its evidence; shape (features,)."""
    question, found = evidence.question, evidence.candidates
    if not len(evidence):
        return np.zeros(len(feature_names()), dtype=np.float32)
    view = evidence.views[0]
    weights = np.array([finder.weight(stem) for stem in question.stems] or [0.0], dtype=np.float32)
    fused = found.fused
    row = [
        found.own[0], found.asked[0], found.own.max(), found.asked.max(), found.own[0] - _at(found.own, 1),
        fused[0] - _at(fused, 1), fused[0] - _at(fused, 5), found.words[0],
        *_covered(question, evidence.views, weights),
        float((view.sentence_vectors @ evidence.vector).max()) if view.sentences else 0.0,
        *_unknown(question, finder, weights),
        *_numerals_and_focus(evidence, view, finder),
        *_subjects(question, view),
        *_follows(question, evidence.views, finder),
        len(question.weighty), np.log1p(len(question.words)), float(question.yes_no),
        *_wants(question, view),
        *_known(evidence, finder),
    ]  # fmt: skip
    return np.array(row, dtype=np.float32)


def _at(values: npt.NDArray[np.float32], rank: int) -> float:
    return float(values[min(rank, len(values) - 1)])


def _covered(question: Question, views: Sequence[View], weights: npt.NDArray[np.float32]) -> list[float]:
    """How much of the question's weight the passages' stems cover, and what stays open."""
    view = views[0]
    total = float(weights.sum()) or 1.0
    in_text = np.array([stem in view.text_stems for stem in question.stems] or [True])
    in_all = np.array([stem in view.stems for stem in question.stems] or [True])
    scope = frozenset().union(*(other.stems for other in views[:_SCOPE]))
    in_scope = np.array([stem in scope for stem in question.stems] or [True])
    best, reverse = 0.0, 0.0
    mine = set(question.stems)
    for asked in view.asks_stems:
        shared = float(weights[[stem in asked for stem in question.stems]].sum()) / total if question.stems else 0.0
        best = max(best, shared)
        reverse = max(reverse, len(mine & asked) / (len(asked) + 1e-6))
    open_weights = weights * ~in_all
    return [
        float(weights[in_text].sum()) / total if question.stems else 1.0,
        float(weights[in_all].sum()) / total if question.stems else 1.0,
        best,
        reverse,
        float(weights[in_scope].sum()) / total if question.stems else 1.0,
        float(open_weights.sum()),
        float(open_weights.max()),
    ]


def _follows(question: Question, views: Sequence[View], finder: EvidenceFinder) -> list[float]:
    """Of a follow-up, how much of what it adds itself the passages hold: its subject is found in any case."""
    own = question.own_stems
    weights = {stem: finder.weight(stem) for stem in own}
    total = sum(weights.values())
    if not question.typed or not total:
        return [float(bool(question.typed)), 1.0, 0.0, 1.0]
    held = [sum(weight for stem, weight in weights.items() if stem in view.stems) / total for view in views[:_SCOPE]]
    return [1.0, held[0], max((w for stem, w in weights.items() if stem not in views[0].stems), default=0.0), max(held)]


def _unknown(question: Question, finder: EvidenceFinder, weights: npt.NDArray[np.float32]) -> list[float]:
    """Words that matter and that the material never uses."""
    strange = np.array([stem not in finder.index.words for stem in question.stems] or [False])
    total = float(weights.sum()) or 1.0
    return [float(strange.sum()), float((weights * strange).sum()) / total, float((weights * strange).max())]


def _numerals_and_focus(evidence: Evidence, view: View, finder: EvidenceFinder) -> list[float]:
    question = evidence.question
    held = set(words(view.text)) | {word for asked in view.passage.asks for word in words(asked)}
    missing = sum(word not in held for word in question.numerals)
    focus = question.focus
    lacking = [stem for stem in focus if stem not in view.stems]
    return [
        float(len(question.numerals)),
        float(missing),
        float(bool(focus)),
        len(lacking) / len(focus) if focus else 0.0,
        max((finder.weight(stem) for stem in lacking), default=0.0),
    ]


def _subjects(question: Question, view: View) -> list[float]:
    asked = {term.id for term in question.terms}
    missing = asked - view.term_ids
    clash = bool(view.subject_ids) and bool(asked) and not (asked & view.subject_ids)
    passage = view.passage.id
    strange = [entry for entry in question.foreign if passage not in entry.mentioned]
    return [
        float(len(asked)),
        len(missing) / len(asked) if asked else 0.0,
        float(clash),
        float(bool(asked & view.subject_ids)),
        float(len(question.foreign)),
        float(len(strange)),
    ]


def _wants(question: Question, view: View) -> list[float]:
    """For each kind of thing: is it asked for, and asked for without being there."""
    text = view.passage.text
    asked = [want in question.wants for want in WANTS]
    lacks = [is_asked and not want.held.search(text) for want, is_asked in zip(WANTS, asked, strict=True)]
    missing = sum(lacks)
    return [
        float(missing),
        float(sum(asked) - missing),
        float(sum(asked)),
        *(float(value) for value in lacks),
        *(float(value) for value in asked),
    ]


def _known(evidence: Evidence, finder: EvidenceFinder) -> list[float]:
    """How near the question comes to questions of which it is known whether they are answered."""
    index = finder.index
    row: list[float] = []
    similar = index.known @ evidence.vector if len(index.known) else np.zeros(0, dtype=np.float32)
    asks = evidence.candidates.asked_best
    for near in (similar[~index.known_answered], similar[index.known_answered], asks):
        row += nearest(near)
    return row


def nearest(similarities: npt.NDArray[np.float32]) -> list[float]:
    """The largest of some cosines and the mean of the five largest; 0 without any."""
    if not len(similarities):
        return [0.0, 0.0]
    count = min(5, len(similarities))
    top = np.partition(similarities, -count)[-count:]
    return [float(top.max()), float(top.mean())]
