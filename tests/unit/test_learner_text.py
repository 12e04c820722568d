"""Rules for text and times at the journal's door."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from pgdojo.errors import UsageError
from pgdojo.learner.records import Turn
from pgdojo.learner.text import clean, clean_json, identifier, title_of


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What is RDS?", "What is RDS?"),
        ("  What\n is\tRDS?  ", "What is RDS?"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("a" * 30 + " " + "b" * 29 + " c", "a" * 30 + "…"),
        ("a" * 30 + " " + "b" * 28 + " cc", "a" * 30 + " " + "b" * 28 + "…"),
        (
            "How does a Multi-AZ deployment with two readable standbys differ from one standby?",
            "How does a Multi-AZ deployment with two readable standbys…",
        ),
        ("", ""),
    ],
)
def test_a_title_is_the_question_cut_at_a_word_to_at_most_sixty_characters(question, title):
    assert title_of(question) == title
    assert len(title) <= 60


def test_prose_loses_nul_and_lone_surrogates_and_nothing_else():
    assert clean("a\x00b\ud800c\udfffd\r\n\t😀é\u202e\ufffd") == "abcd\r\n\t😀é\u202e\ufffd"


def test_json_is_cleaned_at_every_depth_names_included():
    dirty = {"a\x00": ["b\ud800", {"c": ("d\x00", 1, None, True, 0.5)}]}

    assert clean_json(dirty) == {"a": ["b", {"c": ["d", 1, None, True, 0.5]}]}


@pytest.mark.parametrize("name", ["", "ann\x00", "ann\ud800", "a" * 256])
def test_a_name_is_refused_instead_of_turned_into_another_one(name):
    with pytest.raises(UsageError, match="cannot name a learner"):
        identifier(name)


def test_a_name_of_full_length_is_kept():
    assert identifier("ü" * 255) == "ü" * 255


def test_a_time_without_a_zone_is_refused_at_the_door():
    naive = datetime(2026, 5, 4, 9, 0, tzinfo=UTC).replace(tzinfo=None)

    with pytest.raises(ValueError, match="no time zone"):
        Turn(key="t1", conversation="c1", learner="ann", question="?", standalone="?", answer={}, asked_at=naive)


def test_the_journal_imports_neither_streamlit_nor_alembic():
    code = "import sys, pgdojo.learner.journal; print([m for m in ('streamlit', 'alembic') if m in sys.modules])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert found.stdout.strip() == "[]"
