"""What a newcomer does on the path in a browser: enrol, follow the button through a module, and see the map fill."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_quiz_stories import answer_rightly

from pgdojo.course.banks import load_quizzes
from pgdojo.course.load import load_course
from pgdojo.learner.journal import Journal
from pgdojo.quiz.service import Quizmaster

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
LEARNER = "local"


@pytest.fixture
def server(serve):
    """A server that nobody has visited."""
    return serve()


@pytest.fixture
def address(server):
    return server.address


@pytest.fixture
def quizmaster(server):
    """The same course and the same journal, seen from another process than the server's."""
    with Journal.open(server.journal) as journal:
        yield Quizmaster(load_quizzes(ROOT), load_course(ROOT).passage, journal.quiz)


def begin(learner, track="On-call engineer"):
    """Enrols on a track, without a placement."""
    page = learner.page
    learner.open()
    page.get_by_text(track, exact=True).click()
    page.get_by_role("button", name="Begin the path").click()
    page.get_by_role("button", name="I begin at the beginning").click()
    page.get_by_role("button", name="I begin at the beginning").wait_for(state="detached")
    learner.settle()


def next_step(page):
    button = page.locator(".st-key-path_go button")
    button.wait_for(timeout=20_000)
    return button.inner_text().split("\n")[-1].strip()


def follow(learner, address):
    """Presses the button, waits for the page that it leads to, and comes back to the path."""
    page = learner.page
    page.locator(".st-key-path_go button").click()
    page.wait_for_url(re.compile(address))
    page.get_by_role("heading", level=1).first.wait_for(timeout=20_000)
    if "ask" in address:
        page.get_by_role("heading", level=3).first.wait_for(timeout=20_000)
    learner.settle()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Path").click()
    page.locator(".st-key-path_next").wait_for(timeout=20_000)
    learner.settle()


def filled(page, name):
    """How many headings of the map have a quarter filled."""
    page.locator(".path-map").wait_for()
    return page.locator(f"a.path-cell .path-{name}").count()


def test_a_newcomer_goes_through_the_first_module_and_sees_the_map_fill(visitor, quizmaster):
    learner = visitor()
    page = learner.page
    begin(learner)
    assert [filled(page, name) for name in ("read", "asked", "right")] == [0, 0, 0]

    sections, questions = 0, 0
    while next_step(page).startswith("Read “"):
        follow(learner, r"/book\?passage=")
        sections += 1
        assert filled(page, "read") == sections
    while next_step(page) == "Ask a question":
        follow(learner, r"/ask\?c=")
        questions += 1
    assert (sections, questions) == (7, 4)
    assert filled(page, "asked") > 0

    page.locator(".st-key-path_go button").click()
    page.wait_for_url("**/quiz?s=*")
    page.locator(".st-key-quiz_stem").wait_for(timeout=20_000)
    sitting = re.search(r"s=(\w+)", page.url)[1]
    total = quizmaster.progress(LEARNER, sitting).total
    for _ in range(total):
        learner.settle()
        asked = quizmaster.question(LEARNER, quizmaster.progress(LEARNER, sitting))
        answer_rightly(learner, quizmaster.items[asked.attempt.item])
        page.get_by_role("button", name=re.compile("Next question|See the result")).click()
    page.get_by_text("Gate passed").wait_for(timeout=20_000)
    page.get_by_role("link", name="Back to your path").click()

    assert next_step(page) == "Do the lab “Your first hour on a PostgreSQL”"
    assert filled(page, "right") > 0
    learner.settle()
    waiting = page.locator(".st-key-path_modules").get_by_text("Not open yet")
    assert waiting.count() < page.locator(".st-key-path_modules details").count() - 1
    assert quizmaster.journal.sitting(LEARNER, sitting).plan["module"] == "options"


def test_a_cell_of_the_map_leads_to_its_heading(visitor):
    learner = visitor()
    page = learner.page
    begin(learner)

    page.locator("a.path-cell[aria-label*='Point-in-time restore']").click()

    page.wait_for_url("**/book?passage=handbook*point-in-time-restore*")
    page.locator(".st-key-book_target").wait_for(timeout=20_000)
    learner.settle()


FOCUSED = "() => [document.activeElement.tagName, (document.activeElement.innerText || '').trim()]"


def tab_to(page, said):
    """Tabs until something that says `said` has the focus."""
    seen = []
    for _ in range(150):
        page.keyboard.press("Tab")
        tag, text = page.evaluate(FOCUSED)
        seen.append(text)
        if tag in {"A", "BUTTON", "SUMMARY"} and said in text:
            return
    pytest.fail(f"the keyboard does not reach {said}: {seen}")


def test_the_path_goes_by_keyboard_alone(visitor):
    learner = visitor()
    page = learner.page
    learner.open()

    tab_to(page, "Begin the path")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="I begin at the beginning").wait_for(timeout=20_000)
    learner.settle()
    tab_to(page, "I begin at the beginning")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Read “PostgreSQL options on AWS”").wait_for(timeout=20_000)
    learner.settle()
    tab_to(page, "The options and how to choose")
    page.keyboard.press("Enter")
    page.get_by_text("Worth asking").wait_for(timeout=20_000)
    learner.settle()
    tab_to(page, "Take the quiz")
    page.keyboard.press("Enter")

    page.wait_for_url("**/quiz?s=*")
    page.locator(".st-key-quiz_stem").wait_for(timeout=20_000)
    learner.settle()


def test_addresses_from_before_lead_to_ask(visitor):
    learner = visitor()
    page = learner.page
    page.goto(learner.address + "/?q=How long does a Multi-AZ failover take?")
    page.wait_for_url(re.compile(r"/ask\?c=\w+"))
    page.get_by_role("heading", level=3).first.wait_for(timeout=20_000)
    learner.settle()
    conversation = re.search(r"c=(\w+)", page.url)[1]

    page.goto(f"{learner.address}/?c={conversation}")
    page.wait_for_url(f"**/ask?c={conversation}")

    page.get_by_role("heading", level=3, name="How long does a Multi-AZ failover take?").wait_for(timeout=20_000)
    learner.settle()


def test_nothing_of_the_path_scrolls_sideways_on_a_phone(visitor):
    learner = visitor(viewport={"width": 390, "height": 844})
    page = learner.page
    learner.open()
    wide = {"first visit": learner.overflow()}
    begin(learner, "Database administrator")
    wide["enrolled"] = learner.overflow()

    page.locator(".st-key-path_module_options summary").click()
    page.get_by_text("Worth asking").wait_for(timeout=20_000)
    learner.settle()
    wide["a module"] = learner.overflow()
    page.get_by_text("What is missing").click()
    page.get_by_text("more right answers").first.wait_for()
    wide["what is missing"] = learner.overflow()
    page.keyboard.press("Escape")
    page.get_by_text("Show as a table").click()
    page.locator(".path-table").first.wait_for(timeout=20_000)
    learner.settle()
    wide["the table"] = learner.overflow()

    assert {place: pixels for place, pixels in wide.items() if pixels > 0} == {}
