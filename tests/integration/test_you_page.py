"""The page You without a browser, alone and in a team; and that no page shows a learner what is another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import fakes
import journal_events as events
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pgdojo.course.labs import load_labs
from pgdojo.learner import own_data
from pgdojo.learner.records import LOCAL, LabCheck, LabHint
from pgdojo.team.access import OPERATOR, Access
from pgdojo.team.people import People
from pgdojo.web import identity, resources, server

pytestmark = pytest.mark.slow

YOU, ASK, QUIZ, LABS = (f"app_pages/{name}.py" for name in ("you", "ask", "quiz", "labs"))

LAB = "failover"


@pytest.fixture
def dojo(journal, served):
    return served(fakes.FakeDojo(journal))


@pytest.fixture
def team(dojo, monkeypatch):
    """Ann is signed in; mia is a mentor and tom a trainer."""
    people = dojo.journal.people
    for learner in ("ann", "mia", "tom"):
        people.see(learner, issuer="id", subject=learner, name=learner.title(), email=f"{learner}@example.com")
    people.grant("mia", "mentor", by=OPERATOR)
    people.grant("tom", "trainer", by=OPERATOR)
    dojo.access = Access(people, solo=False)
    dojo.people = People(dojo.journal, dojo.access)
    monkeypatch.setattr(identity, "LOCAL", "ann")
    return dojo


def visit(page=YOU, **query):
    opened = AppTest.from_file(str(server.MAIN), default_timeout=30).run().switch_page(page)
    for name, value in query.items():
        opened.query_params[name] = value
    return opened.run()


def shown(page):
    kinds = (page.title, page.subheader, page.markdown, page.caption, page.info, page.error)
    texts = [str(element.value) for elements in kinds for element in elements]
    return "\n".join([*texts, *(one.proto.body for one in page.get("html"))]).replace("\\", "")


def labels_of_links(page):
    return [link.proto.label for link in page.get("page_link")]


def keys(page):
    return {button.key for button in page.button}


# Alone


def test_whoever_is_new_is_told_that_nothing_is_recorded_and_needs_no_account(dojo):  # noqa: ARG001
    page = visit()

    assert not page.exception
    assert "Nothing yet." in shown(page)
    assert "You, and whoever can read" in shown(page)
    assert not keys(page) & {"you_token_make", "you_sign_out", "you_danger_leave"}


def test_every_kind_is_told_with_its_number_and_its_last_day(dojo):
    dojo.journal.record_turn(events.a_turn(learner=LOCAL))
    dojo.journal.record_turn(events.a_turn("t2", learner=LOCAL))
    dojo.journal.record_turn(events.a_turn("t3", learner="bob"))

    page = visit()

    assert '<th scope="row">Questions and answers</th><td>2</td><td>4 May 2026</td>' in shown(page)
    assert "2 records of 1 kind." in shown(page)
    assert [one.proto.label for one in page.get("download_button")] == ["Download as JSON", "Download as CSV"]


def test_what_one_aims_at_is_changed_here(dojo):
    target = datetime.now(UTC).date() + timedelta(days=30)
    page = visit()

    page.text_input(key="you_name").set_value(" Demo  learner ")
    page.selectbox(key="you_track").set_value("dba")
    page.date_input(key="you_target").set_value(target)
    page.text_input(key="you_mentor").set_value("Demo mentor")
    page = page.button(key="you_save").click().run()

    enrolment = dojo.journal.people.enrolment(LOCAL)
    assert not page.exception
    assert (enrolment.track, enrolment.target, enrolment.mentor) == ("dba", target, "Demo mentor")
    assert dojo.journal.people.person(LOCAL).name == "Demo learner"
    assert page.selectbox(key="you_track").value == "dba"


def test_everything_goes_at_once_when_the_words_were_typed_and_not_before(dojo):
    dojo.journal.record_turn(events.a_turn(learner=LOCAL))
    dojo.journal.people.enrol(LOCAL, track="dba", mentor="Demo mentor")
    page = visit()

    page = page.button(key="you_danger_delete").click().run()
    before = own_data.count(dojo.journal, LOCAL)
    refused = shown(page)
    page.text_input(key="you_delete_word").set_value("Delete  everything")
    page = page.button(key="you_danger_delete").click().run()

    assert not page.exception
    assert (before, own_data.count(dojo.journal, LOCAL)) == (2, 0)
    assert (page.selectbox(key="you_track").value, page.text_input(key="you_mentor").value) == (None, "")
    assert "Nothing was deleted." in refused
    assert "2 records deleted. You begin anew." in shown(page)
    assert "You begin anew" not in shown(page.run())


# In a team


def test_in_a_team_one_is_told_who_sees_what(team):  # noqa: ARG001
    page = visit()

    text = shown(page)
    assert not page.exception
    assert "Ann" in text
    assert "ann@example.com" in text
    assert "Your mentor and the trainers" in text
    assert "Nobody else sees" in text
    assert "you_danger_delete" not in keys(page)


def test_a_mentor_is_chosen_among_those_who_may_be_one(team):
    team.journal.people.enrol("ann", track="dba")
    page = visit()

    offered = page.selectbox(key="you_mentor").options
    page.selectbox(key="you_mentor").set_value("mia")
    page = page.button(key="you_save").click().run()

    assert offered == ["Nobody", "Mia", "Tom"]
    assert team.journal.people.enrolment("ann").mentor == "mia"


def test_the_secret_of_a_token_is_shown_once_and_works_until_it_is_ended(team):
    page = visit()

    page.text_input(key="you_token_label").set_value("My :red[laptop]")
    page = page.button(key="you_token_make").click().run()
    secret = page.code[0].value
    page = page.button(key="you_secret_seen").click().run()
    (token,) = team.journal.people.tokens("ann")
    owner = team.journal.people.owner_of(secret)
    seen_again = [one.value for one in page.code]
    listed = [one.value for one in page.markdown if "laptop" in one.value]
    page = page.button(key=f"you_end_{token.key}").click().run()

    assert (owner, seen_again) == ("ann", [])
    assert "My :red[" not in listed[0]
    assert team.journal.people.owner_of(secret) is None
    assert f"you_end_{token.key}" not in keys(page)


def test_one_signs_out_everywhere(team):
    page = visit().button(key="you_sign_out").click().run()

    assert not page.exception
    assert team.journal.people.sessions_valid_after("ann")


def test_the_wish_to_be_deleted_reaches_the_trainer_and_can_be_taken_back(team):
    page = visit().button(key="you_danger_leave").click().run()
    asked = [request.learner for request in team.people.delete_requests("tom")]
    told = shown(page)
    page = page.button(key="you_stay").click().run()

    assert asked == ["ann"]
    assert "A trainer confirms it." in told
    assert team.people.delete_requests("tom") == []
    assert team.journal.people.person("ann")


def test_one_who_is_blocked_sees_a_plain_refusal(team):
    team.journal.people.grant("ann", "blocked", by=OPERATOR)

    page = visit()

    assert not page.exception
    assert "You may not" in shown(page)
    assert "you_save" not in keys(page)


# What is another's


def test_the_address_of_anothers_conversation_shows_nothing_of_it(dojo):
    dojo.journal.record_turn(events.a_turn(learner="bob", question="Where are Bob's backups?"))

    page = visit(ASK, c="c1")

    assert not page.exception
    assert "Bob" not in shown(page)


def test_the_address_of_anothers_sitting_shows_nothing_of_it(dojo):
    sitting = dojo.quizzes.start("bobs", "bob", "practice", items=["q-single"], count=1)
    stem = dojo.quizzes.items["q-single"].stem

    page = visit(QUIZ, s=sitting.key)

    assert not page.exception
    assert stem[:30] not in shown(page)
    assert dojo.quizzes.journal.attempts("bob", "bobs") == []


def test_what_another_did_in_a_lab_changes_nothing_on_ones_own_page(journal, monkeypatch):
    served = fakes.FakeDojo(journal, labs={LAB: load_labs(fakes.ROOT)[LAB]})
    monkeypatch.setattr(resources, "_open_course", lambda _report: served)
    st.cache_resource.clear()

    def passed_by(learner):
        """Passes the first step as `learner`, and gives the pages as the one who is at them sees them."""
        lab = served.labs.labs[LAB]
        kept = {"learner": learner, "lab": LAB, "rev": lab.rev, "step": lab.steps[0].id}
        journal.lab.check(LabCheck(key=f"{learner}-c", status="passed", evidence={}, checked_at=events.MONDAY, **kept))
        journal.lab.show_hint(LabHint(key=f"{learner}-h", rung=0, shown_at=events.MONDAY, **kept))
        return drawn()

    def drawn():
        pages = visit(LABS), visit(LABS, lab=LAB)
        labels = [[*(one.label for one in page.button), *labels_of_links(page)] for page in pages]
        return [*map(shown, pages), *labels]

    nobodys, bobs, own = drawn(), passed_by("bob"), passed_by(LOCAL)
    st.cache_resource.clear()

    assert bobs == nobodys
    assert own != nobodys
