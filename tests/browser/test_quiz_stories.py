"""What a learner does in quizzes and reviews in a browser, on the real course."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from pgdojo.course.banks import load_quizzes
from pgdojo.course.load import load_course
from pgdojo.course.markdown import plain
from pgdojo.learner.journal import Journal
from pgdojo.quiz.service import Quizmaster
from pgdojo.web.quiz.words import inline
from pgdojo.web.text import safe_markdown

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
LEARNER = "local"
KINDS = ("single", "multiple", "true-false", "ordering", "numeric", "short-text", "matching", "scenario")
PLACES = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th")


@pytest.fixture(scope="module")
def server(serve):
    """A server whose journal holds nothing but these stories."""
    return serve()


@pytest.fixture(scope="module")
def address(server):
    return server.address


@pytest.fixture(scope="module")
def quizmaster(server):
    """The same course and the same journal, seen from another process than the server's."""
    with Journal.open(server.journal) as journal:
        yield Quizmaster(load_quizzes(ROOT), load_course(ROOT).passage, journal.quiz)


def of_kind(quizmaster, kind, number=0):
    """An item of a kind, always the same one; one of the longest, which are the hardest to fit on a page."""
    return sorted((one for one in quizmaster.items.values() if one.kind == kind), key=lambda one: -len(one.stem))[
        number
    ]


@pytest.fixture
def begin(quizmaster):
    """Begins a sitting on items and returns its address."""

    def begun(*items, mode="practice"):
        key = f"{random.getrandbits(128):032x}"
        quizmaster.start(key, LEARNER, mode, items=[item.id for item in items], count=len(items))
        return f"/quiz?s={key}"

    return begun


def key_of(path):
    return re.search(r"s=(\w+)", path)[1]


def responses(quizmaster, path):
    return quizmaster.journal.responses(LEARNER, key_of(path))


def go(learner, path):
    """Opens a question or its feedback, which has no title."""
    learner.page.goto(learner.address + path)
    learner.page.locator(".st-key-quiz_stem").wait_for(timeout=30_000)
    learner.settle()


def press(learner, name):
    learner.page.get_by_role("button", name=name).click()
    learner.settle()


def send(learner):
    press(learner, "Answer")
    learner.page.get_by_role("button", name=re.compile("Next question|See the result")).wait_for(timeout=20_000)
    learner.settle()


def option(page, text):
    options = page.locator("[data-testid=stRadioOption], [data-testid=stCheckbox]")
    return options.filter(has_text=re.compile(rf"^\s*{re.escape(plain(text))}\s*$"))


def right_option(options):
    return next(one for one in options if one.correct)


def wrong_option(options):
    return next(one for one in options if not one.correct)


def select(page, label, choice):
    page.get_by_role("combobox", name=label, exact=False).first.click()
    page.get_by_role("option", name=choice, exact=True).click()


def typed_rightly(item):
    return item.accept[0] if item.kind == "short-text" else f"{item.answer.value:g} {item.answer.unit}"


def answer_rightly(learner, item):
    page = learner.page
    if item.kind == "scenario":
        take_the_right_way(learner, item)
        return
    if item.kind == "true-false":
        option(page, str(item.answer)).click()
    for one in (one for group in item.option_groups() for one in group if one.correct):
        option(page, one.text).click()
    for place, step in enumerate(item.steps if item.kind == "ordering" else ()):
        select(page, f"Place of: {plain(step.text)}", PLACES[place])
    for pair in item.pairs if item.kind == "matching" else ():
        select(page, plain(pair.left), plain(pair.right))
    if item.kind in {"numeric", "short-text"}:
        page.get_by_test_id("stTextInput").locator("input").fill(typed_rightly(item))
    send(learner)


def take_the_right_way(learner, item):
    turn = item.turn(item.start)
    while turn is not None:
        choice = right_option(turn.choices)
        option(learner.page, choice.text).click()
        press(learner, "Decide")
        turn = item.turn(choice.goto)
    press(learner, "See the debrief")
    learner.page.get_by_role("button", name=re.compile("Next question|See the result")).wait_for(timeout=20_000)


def answer_wrongly(learner, item):
    """Answers a question of one option wrongly and returns the option taken."""
    taken = wrong_option(item.options)
    option(learner.page, taken.text).click()
    send(learner)
    return taken


def test_miss_a_question_see_why_and_land_on_the_very_words_in_the_book(visitor, quizmaster, begin):
    learner = visitor()
    item = of_kind(quizmaster, "single")
    go(learner, begin(item))
    page = learner.page

    taken = answer_wrongly(learner, item)
    assert page.get_by_text("Not yet").is_visible()
    assert page.get_by_text(plain(taken.why)).first.is_visible()
    assert page.get_by_text(plain(right_option(item.options).why)).first.is_visible()
    words = page.locator("[class*='_passage'] .stMarkdownColoredBackground").first.inner_text()
    page.get_by_role("link", name="Open in the book").first.click()
    page.wait_for_url(re.compile(r"/book\?passage="))
    shown = page.locator(".st-key-book_target .stMarkdownColoredBackground").first
    shown.wait_for()
    learner.settle()

    assert shown.inner_text() == words
    page.wait_for_timeout(1500)
    box = shown.bounding_box()
    assert 0 < box["y"] < page.viewport_size["height"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_question_can_be_answered(visitor, quizmaster, begin, kind):
    learner = visitor()
    item = of_kind(quizmaster, kind)
    path = begin(item)
    go(learner, path)

    answer_rightly(learner, item)

    assert learner.page.locator(".stMarkdownBadge").first.inner_text().endswith("Right")
    assert [one.mark for one in responses(quizmaster, path)] == [1.0]


FOCUSED = """() => {
    const at = document.activeElement;
    const label = at.closest('label');
    return [at.type || at.tagName, (label || at).innerText.trim()];
}"""


def tab_to(page, kind, text=None):
    """Tabs until something of a kind has the focus, which says `text` if one is given."""
    seen = []
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
        if seen[-1][0] == kind and text in (None, seen[-1][1]):
            return
    pytest.fail(f"the keyboard does not reach {kind} {text}: {seen}")


def choose(page, text):
    """Chooses an option by arrows, in the group that Tab reaches next."""
    tab_to(page, "radio")
    page.keyboard.press("Space")
    for _ in range(6):
        if page.evaluate(FOCUSED)[1] == text:
            return
        page.keyboard.press("ArrowDown")
    pytest.fail(f"the arrows do not reach {text}")


def by_keyboard(page, item):
    match item.kind:
        case "single":
            choose(page, plain(right_option(item.options).text))
        case "true-false":
            choose(page, str(item.answer))
            choose(page, plain(right_option(item.reason.options).text))
        case "multiple":
            shown = page.get_by_test_id("stCheckbox").all_inner_texts()
            for one in sorted(item.options, key=lambda one: shown.index(plain(one.text))):
                if one.correct:
                    tab_to(page, "checkbox", plain(one.text))
                    page.keyboard.press("Space")
        case _:
            tab_to(page, "text")
            page.keyboard.type(typed_rightly(item))
    if item.option_groups():
        tab_to(page, "submit", "Answer")
    page.keyboard.press("Enter")


@pytest.mark.slow
def test_a_whole_sitting_goes_by_keyboard_alone(visitor, quizmaster, begin):
    learner = visitor()
    page = learner.page
    items = [of_kind(quizmaster, kind, 1) for kind in ("single", "multiple", "true-false", "numeric", "short-text")]
    path = begin(*items)
    go(learner, path)

    for number, item in enumerate(items, 1):
        page.get_by_text(f"question {number} of 5").wait_for(timeout=20_000)
        learner.settle()
        by_keyboard(page, item)
        page.get_by_role("button", name=re.compile("Next question|See the result")).wait_for(timeout=20_000)
        learner.settle()
        page.keyboard.press("Alt+n")

    page.get_by_role("heading", level=1, name="5 of 5 marks").wait_for(timeout=20_000)
    assert [one.mark for one in responses(quizmaster, path)] == [1.0] * 5


def put(page):
    """The question as it is put: what is asked, and the options in their order."""
    return page.locator(".st-key-quiz_stem").inner_text(), page.get_by_test_id("stRadioOption").all_inner_texts()


def test_a_reload_in_the_middle_keeps_the_question_and_the_order_of_its_options(visitor, quizmaster, begin):
    learner = visitor()
    first, second = of_kind(quizmaster, "single"), of_kind(quizmaster, "single", 1)
    go(learner, begin(first, second))
    answer_wrongly(learner, first)
    press(learner, re.compile("Next question"))
    learner.page.get_by_text("question 2 of 2").wait_for()
    before = put(learner.page)

    learner.page.reload()
    learner.page.get_by_text("question 2 of 2").wait_for(timeout=30_000)
    learner.settle()

    assert put(learner.page) == before
    assert len(before[1]) >= 3


@pytest.mark.slow
def test_a_sitting_outlives_the_server(visitor, server, quizmaster, begin):
    learner = visitor(through_faults=True)
    first, second = of_kind(quizmaster, "single"), of_kind(quizmaster, "single", 1)
    path = begin(first, second)
    go(learner, path)
    answer_wrongly(learner, first)
    press(learner, re.compile("Next question"))
    learner.page.get_by_text("question 2 of 2").wait_for()
    before = put(learner.page)

    server.kill()
    server.start()
    go(learner, path)

    assert put(learner.page) == before
    answer_rightly(learner, second)
    assert [one.mark for one in responses(quizmaster, path)] == [0.0, 1.0]


@pytest.mark.slow
def test_an_exam_tells_nothing_before_its_result_and_closes_ask_meanwhile(visitor, quizmaster, begin):
    learner = visitor()
    page = learner.page
    first, second = of_kind(quizmaster, "single"), of_kind(quizmaster, "single", 1)
    go(learner, begin(first, second, mode="exam"))

    option(page, right_option(first.options).text).click()
    press(learner, "Answer")
    page.get_by_text("question 2 of 2").wait_for()
    assert page.get_by_text(plain(right_option(first.options).why)).count() == 0
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_text("You are sitting an exam.").wait_for()
    assert page.get_by_test_id("stChatInputTextArea").count() == 0
    page.get_by_role("link", name="Go on with the exam").click()
    press(learner, "Go on")
    option(page, wrong_option(second.options).text).click()
    press(learner, "Answer")

    page.get_by_role("heading", level=1, name="1 of 2 marks").wait_for()
    assert page.get_by_text("The pass mark is 80 %.").is_visible()
    page.get_by_test_id("stExpander").first.click()
    page.get_by_text(plain(wrong_option(second.options).why)).first.wait_for()


def secrets(item):
    """Everything of an item that would give its key away, as it could be written for the browser."""
    told = [*item.whys(), *getattr(item, "accept", ())]
    told += [choice.then for turn in getattr(item, "turns", ()) for choice in turn.choices]
    return {form(text) for text in told for form in (str, inline, safe_markdown, plain)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_stays_on_the_server_until_the_answer_is_sent(visitor, quizmaster, begin, kind):
    learner = visitor()
    received: list[str] = []

    def listen(socket):
        socket.on(
            "framereceived",
            lambda frame: received.append(frame.decode("utf-8", "replace") if isinstance(frame, bytes) else frame),
        )

    learner.page.on("websocket", listen)
    learner.page.on("response", lambda answer: received.append(answer.url))
    item = of_kind(quizmaster, kind)
    go(learner, begin(item, of_kind(quizmaster, kind, 1)))

    before = "\n".join([*received, learner.page.content()])
    assert plain(item.stem)[:40] in plain(before)
    assert [secret for secret in secrets(item) if secret in before] == []
    assert not re.search(r"\bcorrect\b", before)
    assert [step.id for step in getattr(item, "steps", ()) if re.search(rf"_0_{step.id}\b", before)] == []

    answer_rightly(learner, item)
    after = "\n".join(received)
    assert [why for why in item.whys() if inline(why) in after], "what is sent afterwards must be heard here"


def test_what_was_missed_comes_back_tomorrow(visitor, quizmaster, begin):
    learner = visitor()
    item = of_kind(quizmaster, "single", 2)
    go(learner, begin(item))
    answer_wrongly(learner, item)

    learner.page.get_by_role("link", name="Review", exact=True).click()

    learner.page.get_by_text("The next review is tomorrow.").wait_for(timeout=20_000)
    assert learner.page.get_by_text("Nothing is due today.").is_visible()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_question_and_no_feedback_scrolls_sideways_on_a_phone(visitor, quizmaster, begin, kind):
    learner = visitor(viewport={"width": 390, "height": 844})
    item = of_kind(quizmaster, kind)
    go(learner, begin(item))

    wide = {"question": learner.overflow()}
    answer_rightly(learner, item)
    wide["feedback"] = learner.overflow()
    press(learner, re.compile("See the result"))
    wide["result"] = learner.overflow()

    assert {place: pixels for place, pixels in wide.items() if pixels > 0} == {}


def test_neither_quiz_nor_review_scrolls_sideways_on_a_phone(visitor, quizmaster, begin):
    learner = visitor(viewport={"width": 390, "height": 844})
    item = of_kind(quizmaster, "single")
    go(learner, begin(item))
    answer_wrongly(learner, item)
    wide = {}

    for place in ("/quiz", "/review"):
        learner.open(place)
        learner.page.get_by_test_id("stVegaLiteChart").first.wait_for()
        wide[place] = learner.overflow()

    assert {place: pixels for place, pixels in wide.items() if pixels > 0} == {}
