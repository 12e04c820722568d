"""Words as the word index sees them, and how it scores them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgdojo.search.text import fold, index_terms, stem, words
from pgdojo.search.words import WordIndex


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Multi-AZ", ["multi", "az"]),
        ("64TiB", ["64", "tib"]),
        ("rds.force_ssl", ["rds.force_ssl"]),
        ("PostgreSQL 16.4", ["postgresql", "16.4"]),
        ("Aurora's storage", ["aurora", "storage"]),
        ("Aurora’s storage", ["aurora", "storage"]),
        ("engine = 'serverless'", ["engine", "serverless"]),
        ("ﬁle", ["file"]),
        ("", []),
        ("?!", []),
        ("\ud800 a\x00b", ["a", "b"]),
    ],
)
def test_words_are_what_a_reader_would_count(text, expected):
    assert words(text) == expected


def test_composed_and_decomposed_letters_are_one_word():
    assert words("re\u0301plica") == words("r\u00e9plica")


def test_stop_words_are_not_indexed_and_identifiers_also_by_their_parts():
    assert index_terms("How do I set rds.force_ssl?") == ["set", "rds.force_ssl", "rds", "forc", "ssl"]


def test_words_of_one_stem_are_one_term():
    assert stem("replicas") == stem("replica")
    assert stem("16.4") == "16.4"


@given(st.text())
def test_any_text_has_words_without_blanks_in_lower_case(text):
    assert all(word == fold(word) and word.split() == [word] for word in words(text))


def test_a_word_scores_by_how_rare_and_how_frequent_it_is():
    index = WordIndex.build([["wal", "wal"], ["wal", "slot"], ["lag", "lag"]])

    scores = index.scores(["wal"])

    # All are as long as the mean, so BM25 is idf * tf / (tf + 1.2); idf = ln(1 + (3 - 2 + 0.5) / (2 + 0.5)).
    assert scores.tolist() == pytest.approx([np.log(1.6) * 2 / 3.2, np.log(1.6) * 1 / 2.2, 0.0])
    assert [index.frequency(word) for word in ("wal", "slot", "unknown")] == [2, 1, 0]
    assert "slot" in index
    assert "unknown" not in index


@pytest.mark.parametrize("terms", [[], [[]], [[], []]])
def test_a_course_without_words_is_indexed_all_the_same(terms, tmp_path):
    WordIndex.build(terms).save(tmp_path / "words")

    index = WordIndex.load(tmp_path / "words")

    assert not index.scores(["anything"]).any()


def test_what_is_saved_scores_as_before(tmp_path):
    built = WordIndex.build([["wal", "slot"], ["wal"], []])
    built.save(tmp_path / "words")

    loaded = WordIndex.load(tmp_path / "words")

    assert loaded.scores(["wal", "slot"]).tolist() == built.scores(["wal", "slot"]).tolist()
    assert loaded.scores(["unknown"]).tolist() == [0, 0, 0]
