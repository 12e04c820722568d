"""What a learner does in a browser. Every story also fails on a console error or a request to another host."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser

FAILOVER = "How long does a Multi-AZ failover take?"
LACKING = "What page size do Aurora storage segments use?"


def test_ask_open_a_citation_and_see_the_very_words_in_the_book(visitor):
    learner = visitor()
    learner.open("/ask")
    learner.ask(FAILOVER)
    page = learner.page

    page.locator("[class*='_chips'] button").first.click()
    quoted = page.locator(".stMarkdownColoredBackground").first
    quoted.wait_for()
    words = quoted.inner_text()
    page.get_by_role("link", name="Open in the book").click()
    page.wait_for_url(re.compile(r"/book\?passage="))
    shown = page.locator(".st-key-book_target .stMarkdownColoredBackground").first
    shown.wait_for()
    learner.settle()

    assert shown.inner_text() == words
    page.wait_for_timeout(1500)
    box = shown.bounding_box()
    assert 0 < box["y"] < page.viewport_size["height"]


def test_a_number_in_the_text_opens_the_words_in_a_tab_of_its_own(visitor):
    learner = visitor()
    learner.open("/ask")
    learner.ask(FAILOVER)

    with learner.context.expect_page() as opened:
        learner.page.get_by_role("link", name="[1]").first.click()
    book = opened.value

    book.locator(".st-key-book_target .stMarkdownColoredBackground").first.wait_for(timeout=30_000)


def test_follow_up_be_refused_reload_and_find_the_conversation(visitor):
    learner = visitor()
    learner.open("/ask")
    learner.ask(FAILOVER)
    learner.ask("and for Aurora?")
    learner.ask(LACKING)
    page = learner.page
    assert page.get_by_role("button", name="Note this gap").count() == 1
    headings = page.get_by_role("heading", level=3).all_inner_texts()
    assert re.search(r"\?c=\w+", page.url)

    page.reload()
    page.get_by_role("heading", level=3).nth(2).wait_for(timeout=30_000)

    assert page.get_by_role("heading", level=3).all_inner_texts() == headings


@pytest.mark.parametrize(
    "typed",
    [
        "<img src=x onerror=\"document.title='run'\"> failover",
        "![x](http://elsewhere.example/x.png) failover",
        "[a](javascript:document.title='run') :red[b] failover",
    ],
)
def test_markup_typed_as_a_question_is_shown_as_text(visitor, typed):
    learner = visitor()
    learner.open("/ask")

    learner.ask(typed)

    page = learner.page
    assert page.get_by_role("heading", level=3).first.inner_text().strip() == typed
    assert page.locator("main img[src*='x']").count() == 0
    assert page.title() != "run"


def test_a_passage_far_down_is_brought_into_view(visitor):
    learner = visitor()
    learner.open("/book?passage=handbook/backups%23point-in-time-restore")
    target = learner.page.locator(".st-key-book_target")
    target.wait_for()
    learner.page.wait_for_timeout(1800)

    box = target.bounding_box()

    assert 0 < box["y"] < learner.page.viewport_size["height"]


def test_a_conversation_is_renamed_and_deleted_in_the_sidebar(visitor):
    learner = visitor()
    learner.open("/ask")
    learner.ask(FAILOVER)
    page = learner.page
    key = re.search(r"c=(\w+)", page.url)[1]

    page.locator(f".st-key-sidebar_menu_{key} button").click()
    name = page.get_by_role("textbox", name="Name")
    name.fill("Failover times")
    name.press("Enter")
    row = page.locator(f".st-key-sidebar_row_{key}")
    row.get_by_text("Failover times").wait_for()
    page.get_by_role("button", name="Delete", exact=False).click()
    page.get_by_role("button", name="Delete for good").click()

    row.wait_for(state="detached")


def test_the_first_question_can_be_asked_with_the_keyboard_alone(visitor):
    learner = visitor()
    learner.open("/ask")
    page = learner.page

    page.locator(".st-key-ask_suggestion_0 button").focus()
    page.keyboard.press("Enter")

    page.get_by_role("heading", level=3).first.wait_for(timeout=20_000)


PLACES = ["/", "/ask", "/book", "/book?doc=notes", "/book?doc=handbook/backups", "/book?doc=facts", "/book?doc=words"]


def test_nothing_scrolls_sideways_on_a_phone(visitor):
    learner = visitor(viewport={"width": 390, "height": 844})
    wide = {}

    for place in PLACES:
        learner.open(place)
        wide[place] = learner.overflow()
    learner.open("/ask")
    for question in (FAILOVER, "RDS or Aurora: where is the data stored?", LACKING, "x" * 300):
        learner.ask(question)
        wide[question] = learner.overflow()

    assert {place: pixels for place, pixels in wide.items() if pixels > 0} == {}
