"""The page Team without a browser: help first, sign-offs, the map, one learner; and nothing of it for a learner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import fakes
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from test_team import FAILOVER, HIGH, PLAIN, School

from pgdojo.learner.records import LOCAL
from pgdojo.web import identity, resources, server

pytestmark = pytest.mark.slow

TEAM = "app_pages/team.py"


@pytest.fixture
def school(tmp_path, monkeypatch, served):
    """A team whose trainer tom is at the page."""
    made = School(f"sqlite:///{tmp_path / 'journal.sqlite3'}")
    made.now = datetime.now(UTC) - timedelta(days=3)
    dojo = served(fakes.FakeDojo(made.journal, home=tmp_path))
    dojo.team, dojo.people, dojo.access = made.team, made.people, made.team._access
    dojo.pathfinder = made.team._pathfinder
    monkeypatch.setattr(identity, "LOCAL", "tom")
    yield made
    made.journal.close()


def visit(**query):
    page = AppTest.from_file(str(server.MAIN), default_timeout=30).run().switch_page(TEAM)
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def words(page):
    return "\n".join(one.value for kind in ("markdown", "caption", "info", "title") for one in getattr(page, kind))


def test_help_comes_first_each_with_a_reason_and_what_to_do(school):
    school.check("ann", 1, "not_yet")
    school.answer("bob", HIGH, right=False, certainty="sure")
    school.now = datetime.now(UTC)

    page = visit()

    cards = [one.value for one in page.markdown if "-badge[" in one.value and "**" in one.value]
    assert [card.split("**")[1] for card in cards] == ["Ann", "Bob"]
    assert "1 check did not pass. Look at it together." in words(page)
    assert "where a mistake hurts" in words(page)
    assert page.subheader[0].value == "Who needs help today"


def test_of_many_who_need_help_ten_are_shown_at_a_time(school):
    for number in range(12):
        school.journal.people.enrol(f"x{number:02d}", track="dba")
    school.now = datetime.now(UTC) + timedelta(days=8)

    page = visit()

    assert len([one for one in page.markdown if "-badge[" in one.value and "**" in one.value]) == 10
    assert "12 people, those first who are blocked." in words(page)


def test_a_task_is_signed_with_a_note_and_not_without(school):
    sign = school.journal.people.sign_off
    sign("k1", learner="ann", task="list-our-databases", state="asked", by="ann", note="it is in *our* wiki")
    page = visit()
    assert r"it is in \*our\* wiki" in words(page)

    page.button(key="team_sign_k1_signed").click().run()
    assert "Write first what you saw." in words(page)
    page.text_input(key="team_sign_k1_note").set_value("I saw it").run()
    page.button(key="team_sign_k1_signed").click().run()

    assert "Nobody has put a task forward." in words(page)
    assert school.journal.people.sign_offs("ann")["list-our-databases"].by == "Tom"


def test_the_map_says_counts_and_opens_one_topic(school):
    school.answer("ann", HIGH)
    page = visit()
    (topics,) = [one.body for one in page.get("html") if '<div class="team-map"' in one.body]
    assert "1/1" in topics

    page.selectbox(key="team_topic").set_value("backups").run()

    (objectives,) = [one.body for one in page.get("html") if '<div class="team-map"' in one.body]
    assert "Say where restored data appears." in objectives


def test_the_map_says_shares_with_their_intervals_and_none_below_five_answers(school):
    for _ in range(5):
        school.answer("ann", HIGH)
    school.answer("bob", HIGH)
    page = visit()

    page.toggle(key="team_shares").set_value(True).run()

    (shares,) = [one.body for one in page.get("html") if '<div class="team-map"' in one.body]
    ann, bob = (shares.split(f">{name}</th>")[1].split("</tr>")[0] for name in ("Ann", "Bob"))
    assert "100% <small>(57–100)</small>" in ann
    assert ">1/1<" in bob
    assert "%" not in bob


def test_readiness_is_worked_out_when_it_is_asked_for(school):
    school.journal.people.enrol("ann", track="dba")
    page = visit()
    assert not page.dataframe

    page.button(key="team_ready").click().run()

    assert list(page.dataframe[0].value["Learner"]) == ["Ann"]


def test_one_learner_is_looked_at_without_certainty(school):
    school.answer("ann", PLAIN, right=False, certainty="sure")
    school.check("ann", 0, "passed")

    page = visit(who="ann")

    assert page.title[0].value == "Ann"
    assert FAILOVER.title in words(page)
    assert "This look is in the audit log." in words(page)
    assert "sure and wrong" not in words(page)


def test_what_somebody_needs_help_with_stands_first_on_their_page(school):
    school.journal.people.enrol("ann", track="dba", target=school.now.date() + timedelta(days=5))
    school.answer("ann", HIGH, right=False, certainty="sure")
    school.check("ann", 1, "not_yet")
    school.now = datetime.now(UTC)

    told = words(visit(who="ann"))

    assert ": It is not\\." in told
    assert told.index("Stuck on") < told.index("Was sure and wrong") < told.index("3 of 3 objectives")
    assert told.index("3 of 3 objectives") < told.index("Track: Administrator")


def test_a_wish_to_be_forgotten_is_confirmed_here(school):
    school.people.ask_to_be_forgotten("ann")
    page = visit()
    assert "asks that everything about them be deleted" in words(page)

    page.button(key="team_forget_ann_now").click().run()

    assert school.journal.people.person("ann") is None


def test_a_learner_has_no_such_page(school, monkeypatch):
    school.answer("bob", HIGH, right=False, certainty="sure")
    monkeypatch.setattr(identity, "LOCAL", "ann")

    with pytest.raises(ValueError, match="team"):
        visit(who="bob")


def test_a_mentor_sees_what_they_may_sign_and_no_more(school, monkeypatch):
    school.journal.people.enrol("ann", track="dba", mentor="mia")
    school.answer("bob", HIGH, right=False, certainty="sure")
    school.journal.people.sign_off("k1", learner="ann", task="list-our-databases", state="asked", by="ann")
    monkeypatch.setattr(identity, "LOCAL", "mia")

    page = visit()

    assert [one.value for one in page.subheader] == ["Your mentees", "Sign-offs waiting"]
    assert "Ann" in words(page)
    assert "Bob" not in words(page)


def test_alone_on_a_machine_one_sees_oneself(school, monkeypatch, tmp_path):
    served = fakes.FakeDojo(school.journal, home=tmp_path)
    monkeypatch.setattr(resources, "_open_course", lambda _report: served)
    monkeypatch.setattr(identity, "LOCAL", LOCAL)
    st.cache_resource.clear()

    assert "Who needs help today" in [one.value for one in visit().subheader]
