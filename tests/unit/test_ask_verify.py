"""A sentence is shown only if its citations hold it."""

from __future__ import annotations

import pytest

from pgdojo.ask.records import Citation, Sentence
from pgdojo.ask.verify import unsupported
from pgdojo.course.records import Passage, Span

TEXT = "AWS gives 60 to 120 seconds for a **Multi-AZ** failover. Set rds.force_ssl to 1."
PASSAGE = Passage(
    id="facts#time",
    document="knowledge/facts/ha.yaml",
    title="High availability",
    heading=("High availability", "Failover"),
    text=TEXT,
    first_line=7,
    kind="fact",
    sentences=(Span(start=0, end=56),),
)


def citation(quote: str = TEXT, start: int = 0, passage_id: str = "facts#time") -> Citation:
    return Citation(
        n=1, passage_id=passage_id, document="", title="", heading=(), first_line=7, last_line=7, start=start,
        quote=quote, kind="fact", standing=None, as_of="", source="", source_title="",
    )  # fmt: skip


def find(passage_id: str) -> Passage | None:
    return PASSAGE if passage_id == PASSAGE.id else None


@pytest.mark.parametrize("text", ["AWS gives 60 to 120 seconds for a Multi-AZ failover.", "Set rds.force_ssl to 1."])
def test_a_sentence_that_stands_in_its_quote_is_shown(text):
    assert unsupported(Sentence(text=text, citations=(1,)), [citation()], find) == ""


@pytest.mark.parametrize(
    ("sentence", "cited", "reason"),
    [
        (Sentence(text="It takes 60 seconds.", citations=()), citation(), "a citation is missing"),
        (Sentence(text="It takes 60 seconds.", citations=(1, 2)), citation(), "a citation is missing"),
        (Sentence(text="It takes 60 seconds.", citations=(1,)), citation(passage_id="facts#gone"), "does not exist"),
        (
            Sentence(text="It takes 60 seconds.", citations=(1,)),
            citation("AWS gives 61"),
            "does not stand in facts#time",
        ),
        (Sentence(text="It takes 60 seconds.", citations=(1,)), citation(start=3), "does not stand in facts#time"),
        (Sentence(text="It takes 90 seconds.", citations=(1,)), citation(), "90 does not stand in the quote"),
        (Sentence(text="It takes 12 seconds.", citations=(1,)), citation(), "12 does not stand in the quote"),
        (Sentence(text="Azure takes 60, GCP 120.", citations=(1,)), citation(), "GCP does not stand in the quote"),
        (Sentence(text="Set rds.force_tls.", citations=(1,)), citation(), "rds.force_tls does not stand in the quote"),
    ],
)
def test_a_sentence_that_its_quote_does_not_hold_is_dropped(sentence, cited, reason):
    assert reason in unsupported(sentence, [cited], find)
