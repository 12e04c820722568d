"""Rankings worked out by hand: three passages on the axes of a space of four dimensions."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from pgdojo.course.records import Passage
from pgdojo.search.retriever import WORDS_WEIGHT, Retriever
from pgdojo.search.words import WordIndex

EAST, NORTH, UP, NOWHERE = np.eye(4, dtype=np.float32)


class AxisEncoder:
    """Embeds a text as the axis that it names."""

    def encode(self, texts):
        axes = {"east": EAST, "north": NORTH, "up": UP}
        return np.stack([axes.get(text.split()[0], NOWHERE) for text in texts])


class HandIndex:
    """Three passages; an author says that the second answers the question `up`."""

    def __init__(self):
        self.texts = ["east east backup", "north backup vacuum", "replica slot lag"]
        self.encoder = AxisEncoder()
        self.words = WordIndex.build([text.split() for text in self.texts])
        self.owners = np.array([0, 1, 2, 1], dtype=np.int32)
        self.vectors = faiss.IndexFlatIP(4)
        diagonal = (EAST + NORTH) / np.sqrt(2)
        self.vectors.add(np.stack([EAST, NORTH, diagonal, UP]).astype(np.float32))

    def __len__(self):
        return 3

    def passage(self, position):
        text = self.texts[position]
        return Passage(
            id=f"p{position}", document="d", title="t", heading=(), text=text, first_line=1, kind="notes", sentences=()
        )


class EmptyIndex(HandIndex):
    """A course of nothing."""

    def __init__(self):
        super().__init__()
        self.words = WordIndex.build([])
        self.vectors = faiss.IndexFlatIP(4)

    def __len__(self):
        return 0


@pytest.fixture
def retriever():
    return Retriever(HandIndex())


def found(retriever, query, k=3, method="fusion"):
    return [(hit.passage.id, pytest.approx(hit.score, abs=1e-6)) for hit in retriever.search(query, k, method)]


def test_the_fused_score_is_both_cosines_and_half_the_share_of_the_words(retriever):
    # Passage 0: own 1, asked as own 1, the best words. Passage 2 lies between east and north and shares no word.
    # Passage 1: own 0, its question 0, and of the words only `backup`, where passage 0 has `east` twice as well.
    backup, east = _lucene(tf=1, passages_with=2), _lucene(tf=2, passages_with=1)

    ranked = found(retriever, "east backup")

    assert WORDS_WEIGHT == 0.5
    assert ranked == [("p0", 1 + 1 + 0.5), ("p2", 2 / np.sqrt(2)), ("p1", 0.5 * backup / (backup + east))]


def _lucene(*, tf, passages_with, passages=3, k1=1.2):
    """BM25 of one word where all passages are equally long."""
    return np.log(1 + (passages - passages_with + 0.5) / (passages_with + 0.5)) * tf / (tf + k1)


def test_words_alone_score_the_share_of_the_best_passage(retriever):
    backup, east = _lucene(tf=1, passages_with=2), _lucene(tf=2, passages_with=1)

    ranked = found(retriever, "east backup", method="words")

    assert ranked == [("p0", 1.0), ("p1", backup / (backup + east)), ("p2", 0.0)]


def test_vectors_alone_score_the_nearer_of_the_passage_and_its_question(retriever):
    assert found(retriever, "up", method="vectors") == [("p1", 1.0), ("p0", 0.0), ("p2", 0.0)]


def test_a_question_that_the_author_listed_lifts_its_passage(retriever):
    assert found(retriever, "up") == [("p1", 1.0), ("p0", 0.0), ("p2", 0.0)]


def test_passages_of_one_score_keep_the_order_of_the_course(retriever):
    assert [hit for hit, _ in found(retriever, "unheard of")] == ["p0", "p1", "p2"]
    assert [hit for hit, _ in found(retriever, "unheard of", k=2)] == ["p0", "p1"]


@pytest.mark.parametrize("k", [0, -1])
def test_no_passages_are_found_where_none_are_wanted(retriever, k):
    assert retriever.search("east", k) == []


@pytest.mark.parametrize("k", [1, 2, 3, 100])
def test_as_many_as_there_are_come_back_ranked_from_one(retriever, k):
    hits = retriever.search("east", k)

    assert [hit.rank for hit in hits] == list(range(1, min(k, 3) + 1))


@pytest.mark.parametrize("method", ["words", "vectors", "fusion"])
def test_an_empty_course_has_no_passages_for_anyone(method):
    assert Retriever(EmptyIndex()).search("east backup", 5, method) == []


def test_the_nearest_questions_of_all_passages_are_told(retriever):
    candidates = retriever.candidates(UP, [], 3)

    assert candidates.asked_best.tolist() == [1.0]
    assert len(candidates) == 3
