"""What the material holds for a question: the best passages, measured against each of its words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pgdojo.ask.lexicon import Lexicon
from pgdojo.ask.question import Question
from pgdojo.course.markdown import as_read, plain
from pgdojo.course.records import Passage
from pgdojo.search.index import Index
from pgdojo.search.retriever import Candidates, Retriever
from pgdojo.search.text import stem, words

DEPTH = 12
"""Passages that are looked at closely."""


class View:
    """One passage with what its words say, computed once and kept while the index is open."""

    def __init__(self, index: Index, lexicon: Lexicon, position: int) -> None:
        """Look at the passage at `position` of `index`."""
        self.position = position
        self.passage: Passage = index.passage(position)
        self._index = index
        self._lexicon = lexicon
        self.sentences: tuple[str, ...] = tuple(as_read(self.passage, span) for span in self.passage.sentences)
        """What can be said, as it reads."""
        self.text = " ".join([*self.passage.heading, self.passage.subject, plain(self.passage.text)])

    @cached_property
    def sentence_vectors(self) -> npt.NDArray[np.float32]:
        """Embeddings of `sentences`; shape (sentences, dim)."""
        return self._index.sentence_vectors(self.position)

    @cached_property
    def sentence_stems(self) -> list[frozenset[str]]:
        """Stems of each sentence."""
        return [frozenset(stem(word) for word in words(sentence)) for sentence in self.sentences]

    @cached_property
    def text_stems(self) -> frozenset[str]:
        """Stems of the passage's own words, headings included."""
        return frozenset(stem(word) for word in words(self.text))

    @cached_property
    def asks_stems(self) -> list[frozenset[str]]:
        """Stems of each question that the author says it answers."""
        return [frozenset(stem(word) for word in words(question)) for question in self.passage.asks]

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems of the passage and of the questions that its author says it answers."""
        return self.text_stems.union(*self.asks_stems)

    @cached_property
    def term_ids(self) -> frozenset[str]:
        """Terms of the glossary that the passage or its questions name."""
        named = self._lexicon.names(" ".join([self.text, *self.passage.asks]))
        return frozenset(term.id for term in named.terms)

    @cached_property
    def subject_ids(self) -> frozenset[str]:
        """Terms that its subject or last heading names."""
        passage = self.passage
        return frozenset(term.id for term in self._lexicon.names(passage.subject or passage.heading[-1]).terms)

    @cached_property
    def asked_vectors(self) -> npt.NDArray[np.float32]:
        """Embeddings of the questions that its author says it answers; shape (questions, dim)."""
        return self._index.asked_vectors(self.position)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The passages found for a question, best first, and what is needed to weigh them."""

    question: Question
    vector: npt.NDArray[np.float32]
    """Embedding of the question, shape (dim,)."""
    candidates: Candidates
    views: tuple[View, ...]

    def __len__(self) -> int:
        return len(self.views)


class EvidenceFinder:
    """Gathers the evidence for a question with one pass of the encoder."""

    def __init__(self, index: Index, lexicon: Lexicon) -> None:
        """Search `index`, whose glossary `lexicon` knows."""
        self.index = index
        self.retriever = Retriever(index)
        self.lexicon = lexicon
        self._views: dict[int, View] = {}
        self._weights: dict[str, float] = {}

    def find(self, question: Question, depth: int = DEPTH) -> Evidence:
        """The `depth` passages that fit `question` best."""
        vector = self.index.encoder.encode([question.text])[0]
        candidates = self.retriever.candidates(vector, question.index_terms, depth)
        return Evidence(
            question=question,
            vector=vector,
            candidates=candidates,
            views=tuple(self.view(int(position)) for position in candidates.positions),
        )

    def view(self, position: int) -> View:
        """The passage at `position`, looked at once."""
        found = self._views.get(position)
        if found is None:
            found = self._views[position] = View(self.index, self.lexicon, position)
        return found

    def weight(self, stem_: str) -> float:
        """How much a word says: its inverse document frequency, 0 for one that every passage holds.

        Source: the weight of BM25, Robertson and Zaragoza 2009, doi:10.1561/1500000019, kept above 0 by adding 1.
        """
        found = self._weights.get(stem_)
        if found is None:
            count, frequency = len(self.index), self.index.words.frequency(stem_)
            found = self._weights[stem_] = float(np.log1p((count - frequency + 0.5) / (frequency + 0.5)))
        return found
