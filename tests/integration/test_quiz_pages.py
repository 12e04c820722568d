"""Quiz and Review without a browser: each sitting and each state that a learner meets, from the entry file on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import fakes
import pytest
from streamlit.testing.v1 import AppTest

from pgdojo.course.banks import Quizzes
from pgdojo.web import server

pytestmark = pytest.mark.slow

QUIZ, REVIEW, ASK = "app_pages/quiz.py", "app_pages/review.py", "app_pages/ask.py"
LEARNER = "local"
EVERY_FORM = ["q-single", "q-multiple", "q-numeric", "q-ordering", "q-verdict", "q-short", "q-matching"]


@pytest.fixture
def dojo(journal, served):
    return served(fakes.FakeDojo(journal))


def visit(path, **query):
    """Opens a page under an address, as a new visitor."""
    page = AppTest.from_file(str(server.MAIN), default_timeout=30).run()
    return move(page, path, **query)


def move(page, path, **query):
    """Takes a visitor to another page, with nothing but `query` in its address."""
    page = page.switch_page(path)
    page.query_params.clear()
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def begin(dojo, *items, mode="practice", key="s1", **more):
    dojo.quizzes.start(key, LEARNER, mode, items=items, count=len(items), **more)
    return visit(QUIZ, s=key)


def field(page, name, place=0, turn=0, key="s1"):
    """A widget of the question at `place`, by the end of its key, or by what it says where there are several."""
    said = [one for one in (*page.checkbox, *page.selectbox) if one.label.removeprefix("Place of: ") == name]
    return said[0] if said else page.get_by_key(f"quiz_{key}-{place}_{turn}_{name}")


def fill(page, given, place=0, turn=0, key="s1"):
    for name, value in given.items():
        field(page, name, place, turn, key).set_value(value)
    return page


def send(page):
    return page.form_submit_button[0].click().run()


def answer(page, given, place=0, key="s1"):
    return send(fill(page, given, place, key=key))


def shown(page):
    """All text of a page, as Markdown."""
    kinds = (page.title, page.header, page.subheader, page.markdown, page.caption, page.info)
    texts = [str(element.value) for elements in kinds for element in elements]
    texts += [str(element.proto.text) for element in page.get("progress")]
    return "\n".join(texts)


def responses(dojo, key="s1"):
    return dojo.journal.quiz.responses(LEARNER, key)


def only_response(dojo, key="s1"):
    (found,) = responses(dojo, key)
    return found


def links(page):
    """What each link says and under which query it opens."""
    return [(link.proto.label, link.proto.query_string) for link in page.get("page_link")]


def buttons(page):
    return [button.key for button in page.button]


def popovers(page):
    return [popover.proto.popover.label for popover in page.get("popover")]


def days_ago(dojo, days, *given, mode="practice", key=""):
    """Answers items, as pairs of an item and a response, that many days ago."""
    dojo.clock.away = timedelta(days=-days)
    key = key or f"before-{days}"
    dojo.quizzes.start(key, LEARNER, mode, items=[item for item, _ in given], count=len(given))
    for _, response in given:
        question = dojo.quizzes.question(LEARNER, dojo.quizzes.progress(LEARNER, key))
        dojo.quizzes.answer(LEARNER, question.attempt, response)
    dojo.clock.away = timedelta()


# Where there is nothing yet


def test_a_course_without_a_quiz_says_so(journal, served):
    served(fakes.FakeDojo(journal, Quizzes()))

    page = visit(QUIZ)

    assert not page.exception
    assert "This course has no quiz yet" in shown(page)
    assert "quiz_start" not in buttons(page)


@pytest.mark.usefixtures("dojo")
def test_before_the_first_answer_the_reviews_invite_to_a_first_quiz():
    page = visit(REVIEW)

    assert not page.exception
    assert "review_begin_review" not in buttons(page)
    assert page.button(key="review_first").click().run().title[0].value == "Quiz"


@pytest.mark.usefixtures("dojo")
def test_before_the_first_sitting_there_is_no_history():
    page = visit(QUIZ)

    assert not page.exception
    assert "9 questions on 3 topics" in shown(page)
    assert [heading.value for heading in page.subheader] == []


# Beginning


def latest(dojo):
    return dojo.journal.quiz.sittings(LEARNER)[0]


def test_a_practice_asks_of_the_topics_chosen_alone(dojo):
    page = visit(QUIZ)
    page.pills(key="quiz_topics_chosen").set_value(["ha"])

    page = page.button(key="quiz_start").click().run()

    assert not page.exception
    assert latest(dojo).mode == "practice"
    assert sorted(latest(dojo).plan["items"]) == ["q-matching", "q-short", "q-verdict"]
    assert "Practice · question 1 of 3 · High availability" in shown(page)


def test_a_practice_asks_no_more_than_the_number_chosen(dojo):
    page = visit(QUIZ)
    page.segmented_control(key="quiz_count").set_value(5)

    page.button(key="quiz_start").click().run()

    assert len(latest(dojo).plan["items"]) == 5


def test_an_exam_keeps_the_time_limit_that_was_chosen(dojo):
    page = visit(QUIZ)
    page = page.segmented_control(key="quiz_mode").set_value("exam").run()
    page.segmented_control(key="quiz_minutes").set_value(20)

    page = page.button(key="quiz_start").click().run()

    assert not page.exception
    assert (latest(dojo).mode, latest(dojo).plan["minutes"]) == ("exam", 20)
    assert "20 min left" in shown(page)


def test_a_placement_begins_in_the_middle_and_asks_each_objective_but_no_incident(dojo):
    page = visit(QUIZ)
    page = page.segmented_control(key="quiz_mode").set_value("placement").run()

    page = page.button(key="quiz_start").click().run()

    sitting = latest(dojo)
    (attempt,) = dojo.journal.quiz.attempts(LEARNER, sitting.key)
    assert not page.exception
    assert (sitting.mode, sitting.plan["total"]) == ("placement", 8)
    assert dojo.quizzes.items[attempt.item].difficulty == 3
    assert "Placement · question 1 of 8" in shown(page)


def test_a_start_that_is_sent_twice_begins_one_sitting(dojo):
    first, second = visit(QUIZ), visit(QUIZ)
    second.session_state["quiz_key"] = first.session_state["quiz_key"]

    for page in (first, second):
        assert not page.button(key="quiz_start").click().run().exception

    assert len(dojo.journal.quiz.sittings(LEARNER)) == 1


# Every kind of question


RIGHT, PARTLY, NOT_YET = ":green-badge[:material/check: Right]", "Partly right]", "Not yet]"
MINE = " :small[(your answer)]"
NEVER, QUOTA = "They never expire", "A Region holds 100 by default"
COUNT = "They count against the automated backups"
RESTORE, CHECK, COPY = "Restore into a new instance", "Check the rows there", "Copy them back"
ANSWERED = {
    "single right": (
        "q-single",
        {"picked": "a"},
        1.0,
        [RIGHT, f"**In a new DB instance with an endpoint of its own**{MINE}", "A restore always builds a separate"],
    ),
    "single wrong": (
        "q-single",
        {"picked": "b"},
        0.0,
        [
            NOT_YET,
            f"**In the same DB instance, wound back**{MINE}",
            "Nothing is wound back in place.",
            "A restore always",
        ],
    ),
    "multiple right": ("q-multiple", {NEVER: True, QUOTA: True}, 1.0, [RIGHT, f"**They never expire**{MINE}"]),
    "multiple with one of two": (
        "q-multiple",
        {NEVER: True},
        0.5,
        [f"{PARTLY} 0.5 of 1 mark", "**A Region holds 100 by default**", "That is the default quota"],
    ),
    "multiple with a wrong pick": (
        "q-multiple",
        {NEVER: True, COUNT: True},
        0.0,
        [NOT_YET, "The two are counted apart."],
    ),
    "true-false right": (
        "q-verdict",
        {"verdict": "False", "reason": "a"},
        1.0,
        [RIGHT, f"**False**{MINE}", "That is what asynchronous means."],
    ),
    "true-false with a wrong reason": (
        "q-verdict",
        {"verdict": "False", "reason": "b"},
        0.5,
        [f"{PARTLY} 0.5 of 1 mark", "A replica in the same Region lags too."],
    ),
    "true-false wrong": (
        "q-verdict",
        {"verdict": "True", "reason": "a"},
        0.0,
        [NOT_YET, f"**True**{MINE}", "That would be synchronous replication."],
    ),
    "ordering right": (
        "q-ordering",
        {RESTORE: 0, CHECK: 1, COPY: 2},
        1.0,
        [RIGHT, "What is restored is looked at before"],
    ),
    "ordering with one neighbour kept": (
        "q-ordering",
        {CHECK: 0, COPY: 1, RESTORE: 2},
        0.5,
        [f"{PARTLY} 0.5 of 1 mark", "**Restore into a new instance** :small[(yours: place 3)]"],
    ),
    "ordering wrong": ("q-ordering", {COPY: 0, CHECK: 1, RESTORE: 2}, 0.0, [NOT_YET, "Building it takes longest."]),
    "numeric right in another unit": ("q-numeric", {"text": "5 weeks"}, 1.0, [RIGHT, f"**5 weeks**{MINE}"]),
    "numeric wrong in a known way": (
        "q-numeric",
        {"text": "7 days"},
        0.0,
        [NOT_YET, f"**7 days**{MINE}", "Seven days is a common setting", "**35 days**"],
    ),
    "numeric without a number": ("q-numeric", {"text": "long"}, 0.0, [NOT_YET, "A number in days was asked for"]),
    "short text right": ("q-short", {"text": " rds-event-0013. "}, 1.0, [RIGHT, "RDS-EVENT-0013 marks the start."]),
    "short text nearly": (
        "q-short",
        {"text": "RDS-EVENT-0049"},
        0.0,
        [NOT_YET, "That one marks the completed failover."],
    ),
    "matching right": ("q-matching", {"0": "0", "1": "1", "2": "2"}, 1.0, [RIGHT, "It helps none of the three."]),
    "matching with one pair of three": (
        "q-matching",
        {"0": "0", "1": "3", "2": "1"},
        1 / 3,
        [f"{PARTLY} 0.33 of 1 mark", "**Take reads off the primary: A read replica** :small[(yours: A larger instance"],
    ),
    "matching wrong": ("q-matching", {"0": "3", "1": "0", "2": "1"}, 0.0, [NOT_YET, "It takes over by itself."]),
}


@pytest.mark.parametrize("case", ANSWERED)
def test_an_answer_is_stored_marked_and_explained(dojo, case):
    item, given, mark, told = ANSWERED[case]
    page = begin(dojo, item)

    page = answer(page, given)

    assert not page.exception
    assert only_response(dojo).mark == pytest.approx(mark)
    for said in told:
        assert said in shown(page)


def decide(page, choice, turn):
    return send(fill(page, {"picked": choice}, turn=turn))


def test_an_incident_taken_well_ends_well(dojo):
    page = begin(dojo, "q-scenario")

    page = decide(decide(page, "a", 0), "a", 1)
    assert "The table is back, and nobody lost an order." in shown(page)
    assert responses(dojo) == [], "it is answered when the debrief is opened"
    page = send(page)

    assert not page.exception
    assert only_response(dojo).mark == 1.0
    assert RIGHT in shown(page)
    assert "It keeps the evidence in place." in shown(page)


def test_an_incident_tells_what_each_choice_led_to_and_cost(dojo):
    page = begin(dojo, "q-scenario")
    page = decide(page, "b", 0)

    assert "**Force a failover**" in shown(page)
    assert "Two minutes later the table is still gone." in shown(page)
    assert "2 min down" in shown(page)
    assert "The standby has lost the table as well." not in shown(page), "why comes at the end"

    page = send(decide(decide(page, "a", 1), "a", 2))

    assert only_response(dojo).given == {"path": ["b", "a", "a"]}
    assert only_response(dojo).mark == pytest.approx(2 / 3)
    assert "The standby has lost the table as well." in shown(page)
    assert "**A standby is a backup?** A standby repeats every change at once" in shown(page)


def test_an_incident_taken_badly_ends_badly(dojo):
    page = begin(dojo, "q-scenario")

    page = send(decide(decide(page, "b", 0), "b", 1))

    assert only_response(dojo).mark == 0.0
    assert "Some orders are lost." in shown(page)
    assert NOT_YET in shown(page)


def test_a_turn_without_a_choice_is_asked_back(dojo):
    page = send(begin(dojo, "q-scenario"))

    assert "Choose what you do first." in shown(page)
    assert dojo.journal.quiz.path(LEARNER, "s1-0") == ()


# Answering


@pytest.mark.parametrize("item", EVERY_FORM)
def test_a_blank_answer_is_asked_back_once_and_then_marked(dojo, item):
    page = send(begin(dojo, item))

    assert "Nothing is answered yet. Send it once more to leave it blank." in shown(page)
    assert responses(dojo) == []

    page = send(page)

    assert not page.exception
    assert only_response(dojo).mark == 0.0
    assert "Left blank]" in shown(page)


def test_what_is_asked_back_can_still_be_answered(dojo):
    page = send(begin(dojo, "q-short"))

    page = answer(page, {"text": "RDS-EVENT-0013"})

    assert only_response(dojo).mark == 1.0
    assert RIGHT in shown(page)


def test_a_hint_is_shown_when_asked_for_and_makes_a_right_answer_hard(dojo):
    page = begin(dojo, "q-short")
    assert "Its number is below twenty." not in shown(page)

    page = field(page, "hint").click().run()
    assert ":material/lightbulb: Its number is below twenty." in shown(page)
    answer(page, {"text": "RDS-EVENT-0013"})

    assert (only_response(dojo).hinted, only_response(dojo).rating) == (True, 2)


def test_a_question_without_a_hint_offers_none(dojo):
    page = begin(dojo, "q-multiple")

    assert [name for name in buttons(page) if name and name.endswith("_hint")] == []


@pytest.mark.parametrize(
    ("certainty", "picked", "rating", "said"),
    [
        ("sure", "b", 1, "Sure, and not right] This one is worth a second look."),
        ("unsure", "b", 1, NOT_YET),
        ("unsure", "a", 2, RIGHT),
        ("fairly", "a", 3, RIGHT),
        ("sure", "a", 3, RIGHT),
    ],
)
def test_how_sure_one_is_decides_what_is_said_and_how_soon_it_comes_back(dojo, certainty, picked, rating, said):
    page = begin(dojo, "q-single")

    page = answer(page, {"picked": picked, "certainty": certainty})

    assert (only_response(dojo).certainty, only_response(dojo).rating) == (certainty, rating)
    assert said in shown(page)


def test_a_form_that_is_sent_twice_is_stored_once_and_the_first_answer_stays(dojo):
    first = begin(dojo, "q-single", "q-multiple")
    second = visit(QUIZ, s="s1")

    answer(first, {"picked": "b"})
    page = answer(second, {"picked": "a"})

    assert not page.exception
    assert only_response(dojo).given == {"picked": "b"}
    assert NOT_YET in shown(page)


def test_every_question_says_how_it_is_marked(dojo):
    page = begin(dojo, "q-multiple")

    assert "How it is marked" in popovers(page)
    assert "Each right pick counts one share, each wrong pick takes one off; never below zero." in shown(page)


# Feedback


def test_feedback_names_the_misconception_and_what_is_true_instead(dojo):
    page = answer(begin(dojo, "q-single"), {"picked": "b"})

    told = shown(page)
    assert "**A restore winds the instance back?** A restore builds a new instance with an endpoint of its own." in told
    assert "A standby is a backup" not in told


def test_feedback_highlights_the_decisive_words_and_opens_the_book_at_them(dojo):
    page = answer(begin(dojo, "q-single"), {"picked": "b"})

    text = dojo.passage("facts#bk-restore-new-instance").text
    assert ":blue-background[Both a snapshot restore and a point\\-in\\-time restore create a new" in shown(page)
    assert ("Open in the book", f"passage=facts%23bk-restore-new-instance&from=0&to={len(text)}") in links(page)


def test_feedback_offers_the_other_passages_as_chips(dojo):
    page = answer(begin(dojo, "q-single"), {"picked": "b"})

    other = dojo.passage("facts#bk-restore-single-az")
    assert f"2 · {other.heading[-1]}" in [label.replace("\\", "") for label in popovers(page)]
    assert "The API restores to a point in time as a Single\\-AZ instance by default" in shown(page)


def test_feedback_leads_to_a_question_that_the_passage_answers(dojo):
    page = answer(begin(dojo, "q-single"), {"picked": "b"})
    assert ("Ask about it", "q=Can+I+restore+an+RDS+backup+in+place%3F") in links(page)

    page = move(page, ASK, q="Can I restore an RDS backup in place?")

    assert not page.exception
    assert "nothing is restored in place" in shown(page)


def test_the_reasons_of_the_other_options_open_with_one_tap(dojo):
    page = answer(begin(dojo, "q-single"), {"picked": "b"})

    (others,) = [one for one in page.expander if one.label == "Why not the others"]
    assert "The standby has applied the drop as well." in [one.value.split("\n")[-1] for one in others.markdown]


def test_a_dispute_is_stored_once_with_the_answer_and_the_passage(dojo):
    page = answer(begin(dojo, "q-single"), {"picked": "b"})
    page.text_area(key="quiz_s1-0_words").set_value("The passage says otherwise.")

    page = page.button(key="quiz_s1-0_tell").click().run()

    (dispute,) = dojo.journal.quiz.disputes()
    assert not page.exception
    assert (dispute.item, dispute.given, dispute.passage) == (
        "q-single",
        {"picked": "b"},
        "facts#bk-restore-new-instance",
    )
    assert dispute.words == "The passage says otherwise."
    assert "Noted. The authors see your answer beside the passage." in shown(page)
    assert "quiz_s1-0_tell" not in buttons(page)


def test_after_feedback_the_next_question_comes(dojo):
    page = answer(begin(dojo, "q-single", "q-multiple"), {"picked": "b"})

    page = page.button(key="quiz_on_0").click().run()

    assert "What holds for manual snapshots?" in shown(page)
    assert "question 2 of 2" in shown(page)


def test_feedback_survives_a_reload(dojo):
    answer(begin(dojo, "q-single", "q-multiple"), {"picked": "b"})

    page = visit(QUIZ, s="s1", told="0")

    assert NOT_YET in shown(page)
    assert page.button(key="quiz_on_0").label == "Next question"


# Exams


def test_an_exam_tells_nothing_before_its_end(dojo):
    page = begin(dojo, "q-single", "q-short", mode="exam")

    page = answer(page, {"picked": "b"})

    assert "question 2 of 2" in shown(page)
    for secret in (NOT_YET, "Nothing is wound back in place.", ":blue-background["):
        assert secret not in shown(page)
    asked_for = visit(QUIZ, s="s1", told="0")
    assert "Which RDS event marks the start" in shown(asked_for)
    assert NOT_YET not in shown(asked_for)


def test_ask_is_closed_during_an_exam_and_opens_again_after_it(dojo):
    page = begin(dojo, "q-single", mode="exam")

    page = move(page, ASK)
    assert "You are sitting an exam." in shown(page)
    assert list(page.chat_input) == []
    page = answer(move(page, QUIZ, s="s1"), {"picked": "a"})

    assert "You are sitting an exam." not in shown(move(page, ASK))


@pytest.mark.parametrize(
    ("second", "score", "verdict"),
    [
        ("RDS-EVENT-0013", "2 of 2 marks", "Passed] The pass mark is 80 %."),
        ("0049", "1 of 2 marks", "Not yet] The pass"),
    ],
)
def test_an_exam_ends_with_its_verdict(dojo, second, score, verdict):
    page = begin(dojo, "q-single", "q-short", mode="exam")

    page = answer(answer(page, {"picked": "a"}), {"text": second}, place=1)

    assert page.title[0].value == score
    assert verdict in shown(page)


def test_an_exam_whose_time_is_up_ends_by_itself_and_takes_no_more_answers(dojo):
    dojo.clock.away = timedelta(minutes=-11)
    page = begin(dojo, "q-single", "q-short", mode="exam", minutes=10)
    assert "Time is up" in shown(page)
    dojo.clock.away = timedelta()

    page = answer(page, {"picked": "a"})

    assert responses(dojo) == []
    assert page.title[0].value == "0 of 2 marks"
    assert "2 not answered" in shown(page)


# Placement


def test_a_placement_grows_harder_after_a_right_answer(dojo):
    dojo.quizzes.start("s1", LEARNER, "placement")
    page = visit(QUIZ, s="s1")
    (attempt,) = dojo.journal.quiz.attempts(LEARNER, "s1")
    right = {"q-single": {"picked": "a"}, "q-verdict": {"verdict": "False", "reason": "a"}, "q-markup": {"picked": "a"},
             "q-matching": {"0": "0", "1": "1", "2": "2"}}  # fmt: skip

    page = answer(page, right[attempt.item])
    page.button(key="quiz_on_0").click().run()

    assert only_response(dojo).mark == 1.0
    first, second = (dojo.quizzes.items[one.item] for one in dojo.journal.quiz.attempts(LEARNER, "s1"))
    topic = dojo.quizzes.quizzes.topic(second)
    others = [one for one in dojo.quizzes.items.values() if dojo.quizzes.quizzes.topic(one) == topic]
    assert topic != dojo.quizzes.quizzes.topic(first)
    assert abs(second.difficulty - 4) == min(abs(one.difficulty - 4) for one in others if one.kind != "scenario")


# The result and the history


def sat(dojo, key="s1"):
    """A sitting of four: sure and wrong, wrong, right, right."""
    given = [
        ("q-short", {"text": "RDS-EVENT-0013"}, "unsaid"),
        ("q-multiple", {"picked": ["c"]}, "unsaid"),
        ("q-single", {"picked": "b"}, "sure"),
        ("q-matching", {"pairs": {"0": "0", "1": "1", "2": "2"}}, "unsaid"),
    ]
    dojo.quizzes.start(key, LEARNER, "practice", items=[item for item, *_ in given], count=4)
    for _, response, certainty in given:
        question = dojo.quizzes.question(LEARNER, dojo.quizzes.progress(LEARNER, key))
        dojo.quizzes.answer(LEARNER, question.attempt, response, certainty)


def test_the_result_tells_the_score_and_the_topic_to_learn(dojo):
    sat(dojo)

    page = visit(QUIZ, s="s1")

    assert not page.exception
    assert page.title[0].value == "2 of 4 marks"
    assert "Practice · 50%" in shown(page)
    assert "Backups and restore has most left to learn" in shown(page)


def test_the_result_puts_what_was_sure_and_wrong_first(dojo):
    sat(dojo)

    page = visit(QUIZ, s="s1")

    labels = [one.label for one in page.expander]
    assert ":red-badge[:material/priority_high: 1] was sure and not right: it stands first below." in shown(page)
    assert labels[0].startswith(":red[:material/priority_high:] A table was dropped at 14:05.")
    assert labels[1].startswith(":orange[:material/close:] What holds for manual snapshots?")
    assert [label.split("]")[0] for label in labels[2:]] == [":green[:material/check:"] * 2


def test_the_result_says_what_to_read_each_place_once(dojo):
    sat(dojo)

    page = visit(QUIZ, s="s1")

    assert [(label, query.split("&")[0]) for label, query in links(page) if "near=" in query] == [
        (dojo.passage("facts#bk-restore-new-instance").heading[-1], "passage=facts%23bk-restore-new-instance"),
        (dojo.passage("facts#bk-manual-snapshots").heading[-1], "passage=facts%23bk-manual-snapshots"),
    ]


def test_an_answer_in_the_result_opens_with_its_feedback_and_says_when_it_comes_back(dojo):
    sat(dojo)
    page = visit(QUIZ, s="s1")
    assert "Nothing is wound back in place." not in shown(page)

    page.session_state["quiz_told_0"] = True
    page = page.run()

    assert not page.exception
    assert "Nothing is wound back in place." in shown(page)
    assert "*Say where restored data appears.* comes back tomorrow." in shown(page)


def test_a_sitting_that_is_stopped_shows_its_result_and_keeps_what_was_answered(dojo):
    page = answer(begin(dojo, "q-single", "q-short"), {"picked": "a"})
    page = page.button(key="quiz_on_0").click().run()

    page = page.button(key="quiz_end").click().run()

    assert not page.exception
    assert page.title[0].value == "1 of 2 marks"
    assert "1 not answered" in shown(page)


def test_a_sitting_that_is_stopped_at_once_has_a_calm_result(dojo):
    page = begin(dojo, "q-single", "q-short")

    page = page.button(key="quiz_end").click().run()

    assert not page.exception
    assert page.title[0].value == "0 of 2 marks"
    assert "0 answers" not in shown(page)


def test_the_history_lists_the_sittings_and_says_whether_it_went_better(dojo):
    sat(dojo, "first")
    dojo.quizzes.start("second", LEARNER, "exam", items=["q-single"], count=1)
    question = dojo.quizzes.question(LEARNER, dojo.quizzes.progress(LEARNER, "second"))
    dojo.quizzes.answer(LEARNER, question.attempt, {"picked": "a"})

    page = visit(QUIZ)

    assert not page.exception
    assert [heading.value for heading in page.subheader] == ["100%, up from 50%"]
    told = [(label, query) for label, query in links(page) if query.startswith("s=")]
    assert [(label.split(" · ", 1)[1], query) for label, query in told] == [
        ("Exam · 100% of 1 mark", "s=second"),
        ("Practice · 50% of 4 marks", "s=first"),
    ]


# Coming back


def test_a_sitting_goes_on_at_the_same_question_in_the_same_order(dojo):
    page = begin(dojo, "q-single", "q-multiple")
    options = field(page, "picked").options

    again = visit(QUIZ, s="s1")

    assert not again.exception
    assert [heading.value for heading in again.subheader] == [heading.value for heading in page.subheader]
    assert field(again, "picked").options == options
    assert len(dojo.journal.quiz.attempts(LEARNER, "s1")) == 1


def test_the_start_offers_to_go_on_with_what_was_begun(dojo):
    answer(begin(dojo, "q-single", "q-multiple"), {"picked": "a"})
    page = visit(QUIZ)
    assert "question 2 of 2" in shown(page)

    page = page.button(key="quiz_go_on").click().run()

    assert "What holds for manual snapshots?" in shown(page)


def test_an_incident_goes_on_at_its_turn(dojo):
    decide(begin(dojo, "q-scenario"), "b", 0)

    page = visit(QUIZ, s="s1")

    assert "Two minutes later the table is still gone." in shown(page)
    assert "What do you do now?" in shown(page)


# Forged


@pytest.mark.usefixtures("dojo")
@pytest.mark.parametrize("address", ["nosuch", "' OR 1=1 --", "a\0b", "x" * 5000])
def test_an_address_without_a_sitting_says_so_and_offers_a_start(address):
    page = visit(QUIZ, s=address)

    assert not page.exception
    assert "There is no sitting under this address." in shown(page)
    assert "quiz_start" in buttons(page)


def test_another_learners_sitting_stays_theirs(dojo):
    dojo.quizzes.start("hers", "ann", "practice", items=["q-single"], count=1)

    page = visit(QUIZ, s="hers")

    assert "There is no sitting under this address." in shown(page)
    assert "A table was dropped" not in shown(page)
    assert dojo.journal.quiz.attempts("ann", "hers") == []


@pytest.mark.parametrize("told", ["1", "99", "-1", "x", "²", "9" * 5000, ""])
def test_feedback_on_what_was_not_answered_cannot_be_asked_for(dojo, told):
    answer(begin(dojo, "q-single", "q-multiple"), {"picked": "a"})

    page = visit(QUIZ, s="s1", told=told)

    assert not page.exception
    assert "What holds for manual snapshots?" in shown(page)
    assert "They stay until you delete them." not in shown(page)


def test_an_option_that_does_not_exist_is_worth_nothing(dojo):
    begin(dojo, "q-single", "q-multiple", "q-matching", "q-ordering")
    forged = [
        {"picked": "zz"},
        {"picked": ["a", "b", "zz", 5]},
        {"pairs": {"0": "99", "zz": "0"}},
        {"order": ["s1"] * 3},
    ]

    for given in forged:
        question = dojo.quizzes.question(LEARNER, dojo.quizzes.progress(LEARNER, "s1"))
        dojo.quizzes.answer(LEARNER, question.attempt, given)

    assert [one.mark for one in responses(dojo)] == [0.0, 1.0, 0.0, 0.0]
    assert not visit(QUIZ, s="s1").exception


def test_a_choice_that_does_not_exist_moves_nothing(dojo):
    begin(dojo, "q-scenario")
    (attempt,) = dojo.journal.quiz.attempts(LEARNER, "s1")

    for turn, choice in ((0, "zz"), (1, "a"), (-1, "a")):
        assert dojo.quizzes.move(LEARNER, attempt, turn, choice) is False

    assert dojo.journal.quiz.path(LEARNER, "s1-0") == ()


def test_a_sitting_that_has_ended_takes_no_answer_from_an_old_tab(dojo):
    old = begin(dojo, "q-single", "q-multiple")
    new = visit(QUIZ, s="s1")
    new.button(key="quiz_end").click().run()

    page = answer(old, {"picked": "a"})

    assert not page.exception
    assert responses(dojo) == []
    assert page.title[0].value == "0 of 2 marks"


def test_signs_in_a_question_are_shown_as_they_were_typed(dojo):
    page = begin(dojo, "q-markup")

    options = "\n".join(field(page, "picked").options)
    asked = shown(page)
    assert not page.exception
    assert "\\<img src=x onerror=alert(1)>" in asked
    assert "\\$1" in asked
    assert "\\:red[RDS]" in asked
    assert "!\\[x]" in asked
    assert "`<b>`" in asked
    assert "\\<script>" in options
    assert "!\\[y]" in options
    assert "\\:red[seventy]" in options


def test_signs_in_reasons_are_shown_as_they_were_typed(dojo):
    page = answer(begin(dojo, "q-markup"), {"picked": "c"})

    told = shown(page)
    assert "A [link]\\(javascript:alert(1)) is text here." in told
    assert "no \\<b>formula\\</b> here" in told
    assert "An \\:material/home: sign stays" in told


def test_signs_in_a_typed_answer_are_shown_as_they_were_typed(dojo):
    typed = "<img src=x> ![x](http://elsewhere.example/x.png) :red[b] $x$"

    page = answer(begin(dojo, "q-short"), {"text": typed})

    assert not page.exception
    assert "\\<img" in shown(page)
    assert "!\\[x]" in shown(page)
    assert "\\:red[b]" in shown(page)


# Reviews


WRONG = [
    ("q-single", {"picked": "b"}),
    ("q-multiple", {"picked": ["c"]}),
    ("q-numeric", {"text": "7"}),
    ("q-ordering", {"order": ["s3", "s2", "s1"]}),
    ("q-verdict", {"verdict": True}),
    ("q-short", {"text": "no"}),
    ("q-matching", {"pairs": {"0": "3"}}),
    ("q-markup", {"picked": "b"}),
]


def test_what_was_wrong_is_due_the_next_day(dojo):
    days_ago(dojo, 0, WRONG[0])

    page = visit(REVIEW)

    assert not page.exception
    assert "**Nothing is due today.** The next review is tomorrow." in shown(page)


def test_what_is_due_today_is_asked_today(dojo):
    days_ago(dojo, 2, WRONG[0], WRONG[1])
    page = visit(REVIEW)
    assert "**2 reviews today**, about 2 min" in shown(page)

    page = page.button(key="review_begin_review").click().run()

    assert not page.exception
    assert latest(dojo).mode == "review"
    assert sorted(latest(dojo).plan["items"]) == ["q-multiple", "q-single"]
    assert "Review · question 1 of 2" in shown(page)


def test_a_budget_takes_what_fits_and_says_what_waits(dojo):
    days_ago(dojo, 2, *WRONG)
    page = visit(REVIEW)
    assert "**8 reviews today**, about 6 min" in shown(page)

    page = page.segmented_control(key="review_minutes").set_value(5).run()

    assert "**6 reviews today**, about 4 min" in shown(page)
    assert "2 more wait until tomorrow" in shown(page)
    assert dojo.journal.quiz.preferences(LEARNER)["review minutes"] == 5
    assert "**6 reviews today**" in shown(visit(REVIEW))


def test_the_forecast_says_when_most_comes_back(dojo):
    days_ago(dojo, 2, WRONG[0])
    days_ago(dojo, 0, WRONG[1], WRONG[2])
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)

    page = visit(REVIEW)

    (heading,) = [one.value for one in page.subheader if "today, then most on" in one.value]
    assert heading.startswith("1 review today, then most on")
    assert heading.endswith(f" {tomorrow.year}: 2")


def test_the_day_to_be_ready_by_is_kept(dojo):
    days_ago(dojo, 0, WRONG[0])
    wanted = datetime.now(UTC).date() + timedelta(days=90)
    page = visit(REVIEW)

    page = page.date_input(key="review_ready_by").set_value(wanted).run()

    assert not page.exception
    assert dojo.journal.quiz.preferences(LEARNER)["ready by"] == wanted.isoformat()
    assert visit(REVIEW).date_input(key="review_ready_by").value == wanted


def test_readiness_counts_what_was_never_asked_as_not_known(dojo):
    days_ago(dojo, 0, ("q-single", {"picked": "a"}))

    page = visit(REVIEW)

    assert "what was never asked counts as not known" in shown(page)
    assert "lift 9 objectives above 90 %" in shown(page)


def test_what_asking_has_not_helped_is_taught_before_it_is_asked(dojo):
    for days in (9, 7, 5, 3):
        days_ago(dojo, days, WRONG[0])
    page = visit(REVIEW).button(key="review_begin_review").click().run()

    assert page.subheader[0].value == "Read this first"
    assert "was missed several times" in shown(page)
    assert ":blue-background[Both a snapshot restore" in shown(page)
    assert "**A restore winds the instance back?**" in shown(page)
    assert list(page.radio) == []

    page = visit(QUIZ, s=latest(dojo).key).button(key="quiz_taught_0").click().run()

    assert not page.exception
    assert "Where does the restored data appear?" in shown(page)
    assert len(page.radio) == 1


def test_three_misses_are_not_enough_to_be_taught(dojo):
    for days in (7, 5, 3):
        days_ago(dojo, days, WRONG[0])

    page = visit(REVIEW).button(key="review_begin_review").click().run()

    assert "Read this first" not in shown(page)


def test_looking_ahead_asks_what_is_not_due_and_changes_nothing(dojo):
    days_ago(dojo, 0, WRONG[0])
    before = dojo.quizzes.schedule(LEARNER)
    page = visit(REVIEW).button(key="review_begin_ahead").click().run()
    key = latest(dojo).key

    page = answer(page, {"picked": "a"}, key=key)

    assert not page.exception
    assert latest(dojo).mode == "ahead"
    assert only_response(dojo, key).counts is False
    assert dojo.quizzes.schedule(LEARNER) == before


# From Ask to a quiz


def test_an_answer_offers_a_quiz_on_the_passages_it_cites(dojo):
    page = visit(ASK)
    page = page.chat_input(key="ask_input").set_value(fakes.FAILOVER).run()
    (offer,) = [one for one in page.button if one.label.startswith("Quiz me on this")]

    page = offer.click().run()

    assert offer.label == "Quiz me on this · 1 question"
    assert not page.exception
    assert latest(dojo).plan["items"] == ["q-matching"]
    assert "Match each need with the tool that serves it." in shown(page)


@pytest.mark.usefixtures("dojo")
@pytest.mark.parametrize("question", [fakes.VERSIONS, fakes.COMPARE, "What is the weather?"])
def test_an_answer_on_which_no_question_rests_offers_no_quiz(question):
    page = visit(ASK)

    page = page.chat_input(key="ask_input").set_value(question).run()

    assert not page.exception
    assert [one.label for one in page.button if one.label.startswith("Quiz me on this")] == []
