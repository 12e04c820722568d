"""The page Path without a browser: the first visit, the next step, the modules, the map, and the ways on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import fakes
import pytest
from streamlit.testing.v1 import AppTest

from pgdojo.course.path_records import LearningPath
from pgdojo.learner.records import DEMO, LOCAL
from pgdojo.web import server

pytestmark = pytest.mark.slow

QUIZ, ASK = "app_pages/quiz.py", "app_pages/ask.py"
SECTION = "handbook/backups#point-in-time-restore"
PATH = LearningPath.model_validate(
    {
        "title": "Nothing is lost",
        "tracks": [
            {"id": "dba", "name": "Database administrator", "says": "You restore."},
            {"id": "developer", "name": "Developer", "says": "You write."},
        ],
        "modules": [
            {
                "id": "backups",
                "title": "Backups",
                "why": "What is lost stays lost.",
                "minutes": 30,
                "read": [SECTION],
                "ask": [fakes.FAILOVER],
                "objectives": ["ob-single", "ob-multiple", "ob-numeric"],
                "gate": {"count": 3, "pass_mark": 0.6},
                "team": [
                    {"id": "join-a-drill", "title": "Join a drill", "do": "Restore a table.", "why": "Hands remember."}
                ],
            },
            {
                "id": "ha",
                "title": "Availability",
                "why": "It must stay up.",
                "minutes": 20,
                "after": ["backups"],
                "objectives": ["ob-short"],
            },
        ],
    }
)
RIGHT = {"ob-single": "q-single", "ob-multiple": "q-multiple", "ob-numeric": "q-numeric"}


@pytest.fixture
def dojo(journal, served):
    return served(fakes.FakeDojo(journal, path=PATH))


@pytest.fixture
def enrolled(dojo):
    """A learner who has chosen a track and begins at the beginning."""
    dojo.journal.people.enrol(LOCAL, track="dba")
    dojo.pathfinder.skip_placement(LOCAL)
    return dojo


def visit(**query):
    """Opens the first page as a new visitor."""
    page = AppTest.from_file(str(server.MAIN), default_timeout=30)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def opened(page, module="backups"):
    """The page with a module unfolded."""
    page.session_state[f"path_module_{module}"] = True
    return page.run()


def shown(page):
    """All text of a page, what is drawn as HTML included."""
    kinds = (page.title, page.subheader, page.markdown, page.caption, page.info)
    texts = [str(element.value) for elements in kinds for element in elements]
    texts += [one.label for one in page.expander]
    return "\n".join([*texts, *(one.proto.body for one in page.get("html"))])


def links(page):
    return [(link.proto.label.replace("\\", ""), link.proto.query_string) for link in page.get("page_link")]


def buttons(page):
    return [button.key for button in page.button]


def read(dojo, passage):
    dojo.journal.record_read(f"read-{passage}", learner=LOCAL, passage=passage, document="knowledge")


# The first visit


def test_a_newcomer_says_who_they_are_and_what_they_aim_at(dojo):
    target = datetime.now(UTC).date() + timedelta(days=40)
    page = visit()
    assert page.title[0].value == "Welcome"

    page.text_input(key="path_name").set_value("  Demo   learner ")
    page.radio(key="path_track").set_value("developer")
    page.date_input(key="path_target").set_value(target)
    page.text_input(key="path_mentor").set_value("Demo mentor")
    page = page.button(key="path_enrol").click().run()

    enrolment = dojo.journal.people.enrolment(LOCAL)
    assert not page.exception
    assert (enrolment.track, enrolment.target, enrolment.mentor) == ("developer", target, "Demo mentor")
    assert dojo.journal.people.person(LOCAL).name == "Demo learner"
    assert "Take the placement quiz" in page.button(key="path_go").label


def test_name_day_and_mentor_may_stay_open(dojo):
    page = visit().button(key="path_enrol").click().run()

    enrolment = dojo.journal.people.enrolment(LOCAL)
    assert not page.exception
    assert (enrolment.track, enrolment.target, enrolment.mentor) == ("dba", None, "")
    assert dojo.journal.people.person(LOCAL) is None


def test_the_placement_begins_a_sitting_that_finds_what_is_known(dojo):
    dojo.journal.people.enrol(LOCAL, track="dba")

    page = visit().button(key="path_go").click().run()

    (sitting,) = dojo.quizzes.journal.sittings(LOCAL)
    assert not page.exception
    assert sitting.mode == "placement"


def test_whoever_begins_at_the_beginning_reads_first(dojo):
    dojo.journal.people.enrol(LOCAL, track="dba")

    page = visit().button(key="path_skip").click().run()

    assert "path_skip" not in buttons(page)
    assert page.button(key="path_go").label.replace("\\", "") == "Read “Point-in-time restore”"


def test_a_changed_mind_keeps_what_was_said_before(enrolled):
    enrolled.journal.people.enrol(LOCAL, track="dba", target=date(2999, 1, 1), mentor="Demo mentor")

    page = visit().button(key="path_change_track").click().run()
    assert page.text_input(key="path_mentor").value == "Demo mentor"
    page.radio(key="path_track").set_value("developer")
    page = page.button(key="path_enrol").click().run()

    enrolment = enrolled.journal.people.enrolment(LOCAL)
    assert (enrolment.track, enrolment.target, enrolment.mentor) == ("developer", date(2999, 1, 1), "Demo mentor")
    assert page.title[0].value == "Your path"
    assert page.button(key="path_go")


def test_a_change_can_be_left_alone(enrolled):
    page = visit().button(key="path_change_track").click().run()

    page = page.button(key="path_keep").click().run()

    assert enrolled.journal.people.enrolment(LOCAL).track == "dba"
    assert page.button(key="path_go")


def test_markup_in_a_mentors_name_is_text(enrolled):
    enrolled.journal.people.enrol(LOCAL, track="dba", mentor=":red[x] ![y](http://elsewhere.example/z.png)")

    page = visit()

    assert not page.exception
    assert ":red[" not in shown(page)
    assert "![" not in shown(page)


# The next step


def test_the_next_step_is_the_only_filled_button(enrolled):  # noqa: ARG001
    page = visit()

    filled = [button.key for button in page.button if button.proto.type == "primary"]
    assert filled == ["path_go"]
    assert "Section 1 of 1 to read for “Backups”" in shown(page).replace("\\", "")


def test_after_reading_the_button_asks_the_first_question_worth_asking(enrolled):
    read(enrolled, SECTION)

    page = visit().button(key="path_go").click().run()

    assert not page.exception
    assert page.title[0].value == "Ask"
    assert page.subheader[0].value.replace("\\", "") == fakes.FAILOVER


def test_a_question_typed_on_the_path_is_answered_on_ask(enrolled):
    page = visit().chat_input(key="path_question").set_value(fakes.FAILOVER).run()

    (one,) = enrolled.journal.conversations(LOCAL)
    assert not page.exception
    assert page.title[0].value == "Ask"
    assert one.title == fakes.FAILOVER


def test_a_blank_question_leads_nowhere(enrolled):
    page = visit().chat_input(key="path_question").set_value("   ").run()

    assert page.title[0].value == "Your path"
    assert enrolled.journal.conversations(LOCAL) == []


# The modules


def test_every_module_says_how_far_it_is_and_what_holds_it_up(enrolled):  # noqa: ARG001
    page = opened(visit(), "ha")

    text = shown(page)
    assert "**Backups** · :gray[:small[0 of 3 mastered]]" in text
    assert "**Availability** · :gray[:small[0 of 1 mastered]] · :small[:gray[Not open yet]]" in text
    assert "Opens with the quiz on Backups" in text


def test_a_module_leads_to_its_reading_its_questions_and_its_quiz(enrolled):  # noqa: ARG001
    page = opened(visit())

    found = links(page)
    assert ("Point-in-time restore", "passage=handbook%2Fbackups%23point-in-time-restore") in found
    assert (fakes.FAILOVER, "q=How+long+does+a+Multi-AZ+failover+take%3F") in found
    assert ("Take the quiz", "module=backups") in found


def test_each_objective_says_what_it_lacks_and_which_must_be_mastered(enrolled):  # noqa: ARG001
    page = opened(visit())

    said = next(one.value for one in page.markdown if "Say where restored data appears." in one.value)
    assert "must be mastered" in said
    assert "3 more right answers, each in a quiz or review of its own." in said
    assert "Right answers on two different days." in said


def test_the_rule_of_mastery_is_told_in_words(enrolled):  # noqa: ARG001
    page = visit()

    labels = [popover.proto.popover.label for popover in page.get("popover")]
    assert "When is something mastered?" in labels
    assert "three right answers" in shown(page)
    assert "80%" in shown(page)


def test_a_task_is_put_forward_once_with_a_note(enrolled):
    page = opened(visit())

    page.text_area(key="path_put_join-a-drill_note").set_value("Restored :red[orders] in 9 minutes.")
    page = page.button(key="path_put_join-a-drill_send").click().run()

    said = enrolled.journal.people.sign_offs(LOCAL)["join-a-drill"]
    assert not page.exception
    assert (said.state, said.by, said.note) == ("asked", LOCAL, "Restored :red[orders] in 9 minutes.")
    assert "waits for a sign-off" in shown(page)
    assert ":red[orders]" not in shown(page)
    assert "path_put_join-a-drill_send" not in buttons(page)


def test_a_signed_task_names_who_signed_and_one_taken_back_can_be_put_forward_again(enrolled):
    people = enrolled.journal.people
    people.sign_off("k1", learner=LOCAL, task="join-a-drill", state="signed", by="Demo mentor", note="Seen.")
    signed = opened(visit())
    people.sign_off("k2", learner=LOCAL, task="join-a-drill", state="revoked", by="Demo mentor", note="Not ours.")
    revoked = opened(visit())

    assert "Signed off by Demo mentor" in shown(signed)
    assert "path_put_join-a-drill_send" not in buttons(signed)
    assert "Taken back by Demo mentor" in shown(revoked)
    assert "path_put_join-a-drill_send" in buttons(revoked)


# The quiz of a module


def start_quiz():
    """Takes a visitor to the page Quiz under the address of a module's quiz."""
    page = visit().switch_page(QUIZ)
    page.query_params["module"] = "backups"
    return page.run()


def sit(dojo, *, rightly):
    """Answers the quiz that is under way, and returns its key."""
    (sitting,) = dojo.quizzes.journal.sittings(LOCAL)
    responses = {
        "q-single": {"picked": "a"},
        "q-multiple": {"picked": ["a", "b"]},
        "q-numeric": {"text": "35 days"},
    }
    while (question := dojo.quizzes.question(LOCAL, dojo.quizzes.progress(LOCAL, sitting.key))) is not None:
        given = responses.get(question.attempt.item, {}) if rightly else {}
        dojo.quizzes.answer(LOCAL, question.attempt, given)
    return sitting.key


def result_of(key):
    page = visit().switch_page(QUIZ)
    page.query_params["s"] = key
    return page.run()


def test_the_address_of_a_modules_quiz_begins_it_and_a_second_visit_takes_it_up(enrolled):
    first = start_quiz()
    second = start_quiz()

    (sitting,) = enrolled.quizzes.journal.sittings(LOCAL)
    assert not first.exception
    assert not second.exception
    assert sitting.plan["module"] == "backups"
    assert sorted(sitting.plan["items"]) == sorted(RIGHT.values())
    assert "Go on with the quiz" in [label for label, _ in links(opened(visit()))]


def test_the_quiz_of_no_module_says_so_and_offers_others(enrolled):
    page = visit().switch_page(QUIZ)
    page.query_params["module"] = "no](such)"

    page = page.run()

    assert not page.exception
    assert "The path has no module" in shown(page)
    assert "quiz_start" in buttons(page)
    assert enrolled.quizzes.journal.sittings(LOCAL) == []


def test_a_failed_quiz_of_a_module_says_what_would_open_the_next(enrolled):
    start_quiz()

    page = result_of(sit(enrolled, rightly=False))

    assert "Not yet" in shown(page)
    assert "60% right opens what comes after “Backups”" in shown(page)
    assert ("Back to your path", "") in links(page)
    assert enrolled.pathfinder.progress(LOCAL).modules[1].state == "waiting"


def test_a_passed_quiz_of_a_module_opens_the_next_one(enrolled):
    start_quiz()

    page = result_of(sit(enrolled, rightly=True))

    assert "Gate passed" in shown(page)
    assert "Opens with the quiz on" not in shown(opened(visit(), "ha"))
    assert enrolled.pathfinder.progress(LOCAL).modules[1].state == "open"


def test_another_sitting_says_nothing_of_a_gate(enrolled):
    enrolled.quizzes.start("s1", LOCAL, "practice", items=["q-single"], count=1)

    page = result_of(sit(enrolled, rightly=True))

    assert "Gate passed" not in shown(page)
    assert "Back to your path" not in [label for label, _ in links(page)]


# The map, and what happened lately


def test_the_map_fills_with_what_was_read_and_answered_right(enrolled):
    before = shown(visit())
    read(enrolled, SECTION)
    start_quiz()
    sit(enrolled, rightly=True)

    after = shown(visit())

    assert "Point-in-time restore: nothing yet" in before
    assert "Point-in-time restore: read" in after
    assert before.count('class="path-right"') == 1, "the legend alone"
    assert after.count('class="path-right"') > 1
    assert "headings to discover" in before
    assert "You have met " in after


def test_the_map_can_be_read_as_a_table(enrolled):
    read(enrolled, SECTION)

    page = visit().toggle(key="path_map_table").set_value(True).run()

    assert not page.exception
    assert ">Point-in-time restore</a></th><td>yes</td>" in shown(page)
    assert 'class="path-map"' not in shown(page)


def test_the_last_conversations_can_be_taken_up_again(enrolled):
    visit().chat_input(key="path_question").set_value(fakes.FAILOVER).run()
    (one,) = enrolled.journal.conversations(LOCAL)

    found = links(visit())

    assert f"c={one.id}" in [query for label, query in found if label.startswith(f"{fakes.FAILOVER} :gray")]


def test_what_is_due_leads_to_the_reviews(enrolled):
    enrolled.clock.away = timedelta(days=-30)
    start_quiz()
    sit(enrolled, rightly=True)
    enrolled.clock.away = timedelta()

    page = visit()

    assert "<dt>To review</dt><dd>3</dd>" in shown(page)
    assert "Review 3 objectives that you would soon forget" in [label for label, _ in links(page)]


def test_what_changed_since_it_was_learned_is_named_and_leads_there(enrolled):
    enrolled.clock.away = timedelta(days=-3650)
    start_quiz()
    sit(enrolled, rightly=True)
    enrolled.clock.away = timedelta()

    page = visit()

    assert not page.exception
    assert "Changed since you learned it" in shown(page)
    changed = [(label, query) for label, query in links(page) if label.startswith(":orange[:material/history:]")]
    assert "passage=facts%23bk-retention-range" in [query.split("&")[0] for _, query in changed]
    assert all(":small[as of " in label for label, _ in changed)


# Other addresses, other courses


def test_an_address_of_a_conversation_from_before_still_leads_to_it(enrolled):
    visit().chat_input(key="path_question").set_value(fakes.FAILOVER).run()
    (one,) = enrolled.journal.conversations(LOCAL)

    page = visit(c=one.id)

    assert page.title[0].value == "Ask"
    assert page.subheader[0].value.replace("\\", "") == fakes.FAILOVER


def test_an_address_of_a_question_from_before_still_asks_it(enrolled):
    page = visit(q=fakes.FAILOVER)

    assert page.title[0].value == "Ask"
    assert [one.title for one in enrolled.journal.conversations(LOCAL)] == [fakes.FAILOVER]


def test_a_course_without_a_path_offers_to_ask_and_its_map(journal, served):
    served(fakes.FakeDojo(journal, path=LearningPath()))

    page = visit()

    assert not page.exception
    assert "This course has no path yet" in shown(page)
    assert page.chat_input(key="path_question")
    assert 'class="path-map"' in shown(page)
    assert "path_enrol" not in buttons(page)


def test_demo_data_is_marked_on_every_page_and_real_data_is_not(enrolled):
    real = visit()
    enrolled.journal.people.see("demo-01", issuer=DEMO, subject="01", name="Demo learner 01")

    path, ask = visit(), visit().switch_page(ASK).run()

    assert "Demo data" not in shown(real)
    assert "Demo data" in shown(path)
    assert "Demo data" in shown(ask)
