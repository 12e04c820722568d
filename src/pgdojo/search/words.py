"""BM25 over the words of the passages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import numpy.typing as npt

K1 = 1.2
B = 0.75


class WordIndex:
    """Scores every passage by the words that it shares with a question.

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009,
    doi:10.1561/1500000019; here in the variant of Lucene, whose scores are never negative.
    """

    def __init__(self, scorer: Any) -> None:
        """Wrap a `bm25s.BM25`; use `build` or `load`."""
        self._scorer = scorer
        self._vocabulary: dict[str, int] = scorer.vocab_dict
        self.passages = int(scorer.scores["num_docs"])

    @classmethod
    def build(cls, terms: Sequence[Sequence[str]]) -> WordIndex:
        """Index the stemmed words of each passage, in the passages' order."""
        scorer = bm25s.BM25(k1=K1, b=B, method="lucene")
        # BM25 divides by the passages' mean length, so a course without a word is given one that nobody asks for.
        corpus = [list(words) for words in terms] if any(terms) else [[""]] * max(1, len(terms))
        scorer.index(corpus, show_progress=False)
        return cls(scorer)

    def save(self, folder: Path) -> None:
        """Write arrays and JSON into `folder`, which is created."""
        self._scorer.save(str(folder), show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> WordIndex:
        """Read what `save` wrote."""
        return cls(bm25s.BM25.load(str(folder), show_progress=False, allow_pickle=False))

    def scores(self, terms: Sequence[str]) -> npt.NDArray[np.float32]:
        """Score of every passage, 0 or above; shape (passages,)."""
        known = [self._vocabulary[term] for term in terms if term in self._vocabulary]
        if not known:
            return np.zeros(self.passages, dtype=np.float32)
        return np.asarray(self._scorer.get_scores_from_ids(known), dtype=np.float32)[: self.passages]

    def __contains__(self, term: str) -> bool:
        return term in self._vocabulary

    def frequency(self, term: str) -> int:
        """Number of passages that hold `term`."""
        row = self._vocabulary.get(term)
        if row is None:
            return 0
        starts = self._scorer.scores["indptr"]
        return int(starts[row + 1] - starts[row])
