"""The course itself: everything the notes say is met, dated and sourced, and told in our own words.

The little readers here are written apart from the engine's, so that one mistake does not hide another.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from pgdojo.course.check import check_course
from pgdojo.course.load import load_course
from pgdojo.course.records import SUPERSEDED

ROOT = Path(__file__).resolve().parents[2]
KNOWLEDGE = ROOT / "knowledge"
NOTES = KNOWLEDGE / "notes.md"
PAGES = sorted((KNOWLEDGE / "handbook").glob("*.md"))
LEDGER = sorted((KNOWLEDGE / "facts").glob("*.yaml"))


@cache
def course():
    return load_course(ROOT)


def lines_of_the_notes():
    """What the notes say, line by line, by its number: bullets and blanks taken off, headings left out."""
    found = {}
    for number, row in enumerate(NOTES.read_text(encoding="utf-8").splitlines(), 1):
        words = row.strip()
        words = words[1:].lstrip() if words[:1] == "*" else words
        if words and not words.startswith("#"):
            found[number] = words
    return found


def lines_that_facts_name():
    """Every line of the notes that the ledger names, read off the files' text, with the ids that name it."""
    found = {}
    fact, inside = "", False
    for path in LEDGER:
        for row in path.read_text(encoding="utf-8").splitlines():
            if row.startswith("- id: "):
                fact = row.removeprefix("- id: ")
            if inside and row.startswith("    - "):
                written = row.removeprefix("    - ")
                plain = written[1:-1] if written[0] in "\"'" else written
                found.setdefault(plain.replace('\\"', '"'), []).append(fact)
            else:
                inside = row == "  notes_lines:"
    return found


def body_of(page):
    return page.read_text(encoding="utf-8").split("\n---\n", 1)[1]


def prose_of(page):
    """A page's words without its front matter, fences, citation marks and emphasis."""
    text = re.sub(r"^```.*?^```", "", body_of(page), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\[facts#[a-z0-9-]+\]|[*_`>|#]", " ", text)


def words_of(text):
    return re.findall(r"[\w.'%/-]*\w", text.lower())


def test_the_check_finds_no_fault():
    report = check_course(ROOT)

    assert [str(fault) for fault in report.faults] == []
    assert report.notices == ()


def test_the_notes_are_the_ones_that_were_given_byte_for_byte():
    digest = hashlib.sha256(NOTES.read_bytes()).hexdigest()

    assert digest == "1ef2034e46cb4f0c01793e2365ebbbb2fda3c71f9e465953dbd1b88f42b9ff2a"


def test_a_fact_speaks_to_every_line_of_the_notes():
    named = lines_that_facts_name()

    orphans = {number: line for number, line in lines_of_the_notes().items() if line not in named}

    assert len(lines_of_the_notes()) == 54
    assert orphans == {}


def test_every_line_that_a_fact_names_stands_in_the_notes():
    said = set(lines_of_the_notes().values())

    assert {line: facts for line, facts in lines_that_facts_name().items() if line not in said} == {}


def test_the_engine_ties_the_same_facts_to_the_same_lines():
    tied = {line: sorted(set(facts)) for line, facts in course().facts_by_line.items()}

    assert tied == {
        line: sorted({f"facts#{fact}" for fact in facts}) for line, facts in lines_that_facts_name().items()
    }


def test_every_line_of_the_notes_can_be_quoted_whole():
    passages = course().passages(lambda texts: [len(text) // 4 for text in texts], 256)
    notes = [passage for passage in passages if passage.kind == "notes"]

    quotes = {passage.quote(span) for passage in notes for span in passage.sentences}

    missing = [
        line
        for line in lines_of_the_notes().values()
        if not any(line in passage.text for passage in notes) or not any(quote in line for quote in quotes)
    ]
    assert missing == []


def test_the_ledger_holds_three_hundred_facts_and_more():
    written = sum(len(re.findall(r"^- id: ", path.read_text(encoding="utf-8"), re.MULTILINE)) for path in LEDGER)

    assert len(course().facts) == written >= 300


def test_every_fact_is_quoted_as_it_stands_in_its_file():
    for fact in course().facts:
        rows = (ROOT / fact.document).read_bytes().split(b"\n")
        assert fact.text.encode() == rows[fact.first_line - 1].strip(), fact.id
        assert fact.last_line == fact.first_line


def test_every_fact_can_be_said_in_whole_sentences():
    unquoted = [
        fact.id
        for fact in course().facts
        if " ".join(fact.quote(span) for span in fact.sentences).split() != fact.text.split()
    ]

    assert unquoted == []


def test_every_fact_has_an_address():
    assert [fact.id for fact in course().facts if not re.match(r"https?://[a-z0-9.-]+\.[a-z]{2,}/", fact.source)] == []


def test_no_fact_is_dated_in_the_future():
    today = datetime.now(UTC).date().isoformat()

    # The year or month that a date leaves at stands for its first day.
    assert [(fact.id, fact.as_of) for fact in course().facts if fact.as_of > today[: len(fact.as_of)]] == []


def test_what_the_notes_have_wrong_is_said_to_be_so():
    standings = Counter(fact.standing for fact in course().facts)

    assert set(standings) == {"unchanged", "changed", "retired", "imprecise", "new"}
    assert sum(standings[standing] for standing in SUPERSEDED) >= 40


def test_there_are_nine_pages_and_more():
    assert len(PAGES) >= 9


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_is_of_a_length_that_is_read(page):
    text = re.sub(r"^```mermaid.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)

    assert 900 <= len(text.split()) <= 1800


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_no_two_headings_of_a_page_are_the_same(page):
    text = re.sub(r"^```.*?^```", "", body_of(page), flags=re.MULTILINE | re.DOTALL)
    headings = Counter(heading.strip().lower() for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE))

    assert len(headings) >= 4
    assert [heading for heading, times in headings.items() if times > 1] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_fact_that_a_page_cites_exists(page):
    cited = set(re.findall(r"\[(facts#[^\]]*)\]", page.read_text(encoding="utf-8")))

    assert cited
    assert cited - {fact.id for fact in course().facts} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_is_in_its_own_words(page):
    sentences = {
        tuple(words_of(sentence)) for fact in course().facts for sentence in re.split(r"(?<=[.!?])\s", fact.text)
    }
    taken = [sentence for sentence in sentences if len(sentence) >= 12 and _holds(words_of(prose_of(page)), sentence)]

    assert taken == []


def _holds(words, sentence):
    return f" {' '.join(sentence)} " in f" {' '.join(words)} "


def test_the_handbook_cites_every_fact():
    cited = {mark for page in PAGES for mark in re.findall(r"\[(facts#[a-z0-9-]+)\]", page.read_text("utf-8"))}

    assert sorted({fact.id for fact in course().facts} - cited) == []


def test_the_glossary_explains_eighty_terms_and_more():
    terms = course().terms

    assert len(terms) >= 80
    assert [term.id for term in terms if not term.definition.endswith(".") or not term.see] == []


def test_every_id_is_used_once():
    passages = course().passages(lambda texts: [len(text) // 4 for text in texts], 256)

    assert [name for name, times in Counter(passage.id for passage in passages).items() if times > 1] == []
