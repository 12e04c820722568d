"""A reader is shown whole sentences, and not pieces of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgdojo.course.sentences import MAX_SENTENCE, line_spans, sentence_spans


def sentences(text):
    return [text[span.start : span.end] for span in sentence_spans(text)]


def lines(text):
    return [text[span.start : span.end] for span in line_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It fails over. It takes 60 seconds.", ["It fails over.", "It takes 60 seconds."]),
        ("Is it fast? Yes! Measure it.", ["Is it fast?", "Yes!", "Measure it."]),
        ("No end at all", ["No end at all"]),
        ("Volumes reach 256 TiB on 17.5+, 16.9+ and 15.13+. Older ones do not.",
         ["Volumes reach 256 TiB on 17.5+, 16.9+ and 15.13+.", "Older ones do not."]),
        ("It runs from 15.7 and 17.1. 18.0 is next.", ["It runs from 15.7 and 17.1.", "18.0 is next."]),
        ("Some types, e.g. Graviton, i.e. Arm, are cheaper.", ["Some types, e.g. Graviton, i.e. Arm, are cheaper."]),
        ("Storage (approx. 64 TiB) vs. Aurora. Compare.", ["Storage (approx. 64 TiB) vs. Aurora.", "Compare."]),
        ("Data of the U.S. East Region stays there.", ["Data of the U.S. East Region stays there."]),
        ("ALTER EXTENSION ... UPDATE brings the rest.", ["ALTER EXTENSION ... UPDATE brings the rest."]),
        ("Run `ALTER EXTENSION x UPDATE`. `pg_dump` comes next.",
         ["Run `ALTER EXTENSION x UPDATE`.", "`pg_dump` comes next."]),
        ("Set `rds.force_ssl` to 1. Then reload.", ["Set `rds.force_ssl` to 1.", "Then reload."]),
        ('He wrote "it is up." Then it was down.', ['He wrote "it is up."', "Then it was down."]),
        ("He wrote “it is up.” “Then” it was down.", ["He wrote “it is up.”", "“Then” it was down."]),
        ("**It is up.** *Then* it was down.", ["**It is up.**", "*Then* it was down."]),
        ("Es geht. Über Nacht auch. Écrit.", ["Es geht.", "Über Nacht auch.", "Écrit."]),
        ("See docs.aws.amazon.com for more. ok", ["See docs.aws.amazon.com for more. ok"]),
    ],
)  # fmt: skip
def test_a_paragraph_is_cut_where_its_sentences_end(text, expected):
    assert sentences(text) == expected


def test_citation_marks_end_a_sentence_and_belong_to_none():
    text = "It fails over. [facts#ha-failover] It is [facts#ha-sla]fast. [facts#a] [notes#b.2]\n[handbook/ha#c] Done."

    assert sentences(text) == ["It fails over.", "It is [facts#ha-sla]fast.", "Done."]


@pytest.mark.parametrize("bullet", ["- ", "* ", "+ ", "12. ", "3) ", "  - ", "> ", "> - ", "- [ ] ", "- [x] "])
def test_a_bullet_is_not_quoted(bullet):
    assert sentences(f"{bullet}It fails over.") == ["It fails over."]
    assert lines(f"{bullet}It fails over. It is fast\n{bullet}Next") == ["It fails over. It is fast", "Next"]


def test_what_holds_no_word_is_no_sentence():
    assert sentences(" ... \n--- !? ") == []
    assert lines("\n---\n \n=>\n") == []


def test_a_stretch_without_an_end_is_cut_at_blanks():
    text = "word " * 300

    found = sentences(text)

    assert [len(sentence) for sentence in found] == [599, 599, 299]
    assert " ".join(found) == text.strip()


def test_a_stretch_without_a_blank_is_cut_all_the_same():
    assert [len(sentence) for sentence in sentences("x" * 1300)] == [600, 600, 100]


def test_a_line_is_whole_however_long():
    assert lines("- " + "word " * 300 + "\nnext") == [("word " * 300).strip(), "next"]


@pytest.mark.parametrize("evil", [".", ". ", "(", ". (", '."', "[a/", " ", "!?", ".\u00a0", "- ", "1) "])
def test_a_long_row_of_anything_is_cut_in_time_that_grows_with_it(evil):
    text = "a" + evil * (300_000 // len(evil)) + "b"

    began = time.perf_counter()
    sentence_spans(text)
    line_spans(text)

    assert time.perf_counter() - began < 3


@given(st.text(alphabet='aZ9.!? \n\t\r[]#/-*>`"”(){}éÜ…|', max_size=400), st.integers(0, 20), st.integers(0, 20))
def test_spans_of_any_text_stand_in_order_and_hold_words(text, left, right):
    start, end = min(left, len(text)), max(min(left, len(text)), len(text) - right)

    for spans in (sentence_spans(text, start=start, end=end), line_spans(text, start=start, end=end)):
        position = start
        for span in spans:
            quote = text[span.start : span.end]
            assert position <= span.start < span.end <= end
            assert any(character.isalnum() for character in quote)
            assert quote == quote.strip()
            assert len(quote) <= MAX_SENTENCE
            position = span.end
