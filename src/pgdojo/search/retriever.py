"""From a question to the passages that may answer it: by meaning, by words, and both fused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pgdojo.course.records import Passage
from pgdojo.search.index import Index
from pgdojo.search.text import index_terms

Method: TypeAlias = Literal["words", "vectors", "fusion"]

WORDS_WEIGHT = 0.5
"""Weight of the words beside the two similarities; chosen on the evaluation set, see bench/README.md."""

ALL_ROWS = 20_000
"""Up to so many rows of the vector index every one is looked at, so that each passage has its true cosines."""

ROWS = 512
"""Rows that are looked at in a larger one."""

_Floats: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredPassage:
    """A passage as found for a question."""

    passage: Passage
    score: float
    """Higher is better; compares only within one result."""
    rank: int
    """From 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """The passages that may answer, best first, with the evidence for each; arrays of one length."""

    positions: npt.NDArray[np.int64]
    own: _Floats
    """Cosine of the question and the passage."""
    asked: _Floats
    """Cosine of the question and the nearest question that the author says the passage answers; `own` without any."""
    words: _Floats
    """BM25, as a share of the best passage's."""
    fused: _Floats
    """What they are ranked by."""
    asked_best: _Floats
    """Cosines of the five nearest questions that authors say any passage answers; shape (at most five,)."""

    def __len__(self) -> int:
        return len(self.positions)


class Retriever:
    """Finds passages in one index; holds no state of its own."""

    def __init__(self, index: Index) -> None:
        """Search in `index`."""
        self.index = index

    def search(self, query: str, k: int, method: Method = "fusion") -> list[ScoredPassage]:
        """The `k` best passages for `query`, best first, fewer where the course has fewer."""
        vector = self.index.encoder.encode([query])[0]
        found = self.candidates(vector, index_terms(query), k, method)
        return [
            ScoredPassage(passage=self.index.passage(int(position)), score=float(score), rank=rank)
            for rank, (position, score) in enumerate(zip(found.positions, found.fused, strict=True), 1)
        ]

    def candidates(self, vector: _Floats, terms: Sequence[str], k: int, method: Method = "fusion") -> Candidates:
        """The `k` best passages for a question of embedding `vector`, shape (dim,), and index `terms`."""
        own, asked, asked_best = self._similarities(vector)
        words = self.index.words.scores(terms)[: len(own)]
        best = float(words.max(initial=0.0))
        if best > 0:
            words = words / best
        if method == "words":
            fused = words
        elif method == "vectors":
            fused = np.maximum(own, asked)
        else:
            fused = own + asked + WORDS_WEIGHT * words
        order = _best(fused, k)
        return Candidates(
            positions=order,
            own=own[order],
            asked=asked[order],
            words=words[order],
            fused=fused[order],
            asked_best=asked_best,
        )

    def _similarities(self, vector: _Floats) -> tuple[_Floats, _Floats, _Floats]:
        """Cosines of every passage, of its nearest question, and of the five nearest questions of all.

        What is not among the rows looked at counts as the least of them.
        """
        index = self.index
        total = index.vectors.ntotal
        passages = len(index)
        if total == 0:
            nothing = np.zeros(0, dtype=np.float32)
            return nothing, nothing, nothing
        scores, rows = index.vectors.search(vector[None, :], ROWS if total > ALL_ROWS else total)
        scores, rows = scores[0], rows[0]
        floor = float(scores[-1])
        own = np.full(passages, floor, dtype=np.float32)
        asked = np.full(passages, -1.0, dtype=np.float32)
        mine = rows < passages
        own[rows[mine]] = scores[mine]
        np.maximum.at(asked, index.owners[rows[~mine]], scores[~mine])
        return own, np.where(asked < -0.99, own, asked), scores[~mine][:5]


def _best(scores: _Floats, k: int) -> npt.NDArray[np.int64]:
    """Positions of the `k` highest scores, highest first; equal ones in the order of the course."""
    if not 0 < k < len(scores):
        return np.argsort(-scores, kind="stable")[: max(k, 0)]
    top = np.sort(np.argpartition(-scores, k - 1)[:k])
    return top[np.argsort(-scores[top], kind="stable")]
