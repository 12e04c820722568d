"""The page Material without a browser, and what learners are told once a gap is filled."""

from __future__ import annotations

from datetime import UTC, datetime

import fakes
import pytest
from journal_events import one_event_of_every_table
from streamlit.testing.v1 import AppTest

from pgdojo.learner.records import LOCAL, Turn
from pgdojo.team.access import Access
from pgdojo.team.material import Material
from pgdojo.web import questions, server

pytestmark = pytest.mark.slow

MATERIAL, ASK, PATH = (f"app_pages/{name}.py" for name in ("material", "ask", "path"))
GAPS = ("zebra zebra?", "walrus walrus?", "ostrich ostrich?", "magpie magpie?", "badger badger?", "weasel weasel?")


@pytest.fixture
def dojo(journal, served, tmp_path):
    return served(fakes.FakeDojo(journal, home=tmp_path))


def ask(dojo, question, key, learner=LOCAL):
    found = dojo.ask(question)
    turn = Turn(
        key=key * 32,
        conversation="c" * 32,
        learner=learner,
        question=question,
        standalone=found.standalone,
        answer=found.to_plain(),
        asked_at=datetime(2026, 11, 2, tzinfo=UTC),
    )
    dojo.journal.record_turn(turn)
    if found.refused:
        questions.note_gap(dojo, turn.key, found, learner=learner)


def visit(page=MATERIAL):
    opened = AppTest.from_file(str(server.MAIN), default_timeout=30).run().switch_page(page).run()
    assert not opened.exception
    return opened


def words(page):
    return "\n".join(one.value for kind in ("markdown", "caption", "info") for one in getattr(page, kind))


def section(page, name):
    (control,) = page.segmented_control
    return control.set_value(next(one for one in control.options if one.startswith(name)).rsplit(" ", 1)[0]).run()


def test_the_five_gaps_that_most_people_asked_are_seen_first(dojo):
    for number, question in enumerate(GAPS):
        for learner in range(6 - number):
            ask(dojo, question, f"{number}{chr(97 + learner)}", learner=f"l{learner}")

    page = visit()

    headings = [one.value.removeprefix("##### ") for one in page.markdown if one.value.startswith("##### ")]
    assert headings == list(GAPS[:5])
    assert "asked 6 times by 6 learners, 6 learners noted it as a gap · last 2 Nov 2026" in words(page)
    page.toggle(key="material_all_gaps").set_value(True).run()
    assert GAPS[5] in words(page)


def test_a_gap_leads_to_its_place_and_has_the_words_to_fill_it(dojo):
    ask(dojo, GAPS[0], "a")

    page = visit()

    assert [code.language for code in page.code] == ["yaml", "markdown"]
    assert f"- {GAPS[0]}" in page.code[0].value
    assert any(link.label.startswith("Nearest: ") for link in page.get("page_link"))


def test_a_settled_gap_leaves_the_page(dojo):
    ask(dojo, GAPS[0], "a")
    page = visit()
    key = f"material_gap_{'a' * 32}"

    page.text_input(key=f"{key}_note").set_value("not ours").run()
    page.button(key=f"{key}_dismissed").click().run()

    assert "Every question so far has an answer" in words(page)
    assert dojo.journal.people.resolutions("gap")["a" * 32].note == "not ours"


def test_every_section_can_be_opened_on_an_empty_journal_and_on_a_full_one(dojo):
    for _ in range(2):
        page = visit()
        for name in ("Thumbs down", "Disputes", "Questions", "Old facts", "Links"):
            section(page, name)
            assert not page.exception, name
            assert len(words(page)) > 60, name
        one_event_of_every_table(dojo.journal)


def test_what_people_typed_is_text(dojo):
    ask(dojo, "zebra [a](javascript:alert(1)) :red[b] zebra?", "a")

    page = visit()

    assert r"zebra \[a\]" in words(page)


def test_a_learner_has_no_such_page(dojo):
    ask(dojo, GAPS[0], "a", learner="ann")
    dojo.access = Access(dojo.journal.people, solo=False)
    dojo.material = Material(dojo, dojo.journal, dojo.quizzes, dojo.access)

    with pytest.raises(ValueError, match="material"):
        visit()


@pytest.mark.parametrize("where", [ASK, PATH])
def test_a_filled_gap_is_told_where_its_asker_looks_until_they_have_seen_it(dojo, where):
    dojo.journal.people.enrol(LOCAL, track="dba")
    ask(dojo, GAPS[0], "a")
    answer = dojo.ask
    dojo.ask = lambda question, history=(): answer(fakes.FAILOVER if question == GAPS[0] else question, history)
    dojo.version = "second"
    dojo.material.rerun()

    page = visit(where)
    assert "Now answered" in words(page)
    assert GAPS[0] in [link.label for link in page.get("page_link")]

    page.button(key="now_answered_seen").click().run()
    assert "Now answered" not in words(page)
