"""Who is let in by what a provider said of them, for how long, and as whom."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import fakes
import pytest
from streamlit.testing.v1 import AppTest

from pgdojo.learner.journal import Journal
from pgdojo.learner.people_journal import learner_of
from pgdojo.team import settings
from pgdojo.team.access import OPERATOR
from pgdojo.web import identity, server
from pgdojo.web.identity import Attendance, admit

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC).timestamp()
HOUR = 3600
ISSUER = "https://id.example.org"
ANN = {
    "iss": ISSUER,
    "sub": "1",
    "aud": "pgdojo",
    "iat": NOW,
    "exp": NOW + 300,
    "name": "Ann",
    "email": "ann@example.org",
    "email_verified": True,
}


class Door:
    """Where people come in, on a clock that is set by hand."""

    def __init__(self, people, told):
        self.people, self.told, self.attendance, self.now = people, told, Attendance(), NOW

    def admit(self, after=0.0, **claims):
        self.now += after
        return admit({**ANN, **claims}, self.told, self.people, attendance=self.attendance, now=self.now)

    def role(self):
        grant = self.people.role(learner_of(ISSUER, "1"))
        return grant and grant.role


@pytest.fixture
def door(tmp_path, team_file):
    team_file()
    clock = lambda: datetime.fromtimestamp(made.now, UTC)  # noqa: E731 - a clock in a line
    with Journal.open(f"sqlite:///{tmp_path / 'journal.sqlite3'}", clock=clock) as journal:
        made = Door(journal.people, settings.team_settings())
        yield made


def test_a_person_is_issuer_and_subject_and_no_address(door):
    first, renamed, other = door.admit(), door.admit(email="new@example.org", name="Anna"), door.admit(sub="2")

    assert first.learner == renamed.learner == learner_of(ISSUER, "1")
    assert other.learner != first.learner
    assert door.people.person(first.learner).name == "Anna"


@pytest.mark.parametrize("audience", ["another", ["another"], None, ["another", "more"]])
def test_a_token_for_another_program_is_refused(door, audience):
    found = door.admit(aud=audience)

    assert (found.learner, "another program" in found.refused) == ("", True)
    assert door.people.people() == []


@pytest.mark.parametrize("lacking", ["iss", "sub", "iat"])
def test_a_token_that_does_not_say_who_is_refused(door, lacking):
    assert door.admit(**{lacking: None}).refused == "The provider did not say who you are."


def test_a_sign_in_lasts_twelve_hours_while_one_is_at_work(door):
    for _ in range(24):
        assert door.admit(after=HOUR / 2).learner

    assert "more than 12 hours ago" in door.admit(after=HOUR / 2).refused


def test_an_hour_without_a_click_ends_it_and_another_click_does_not_bring_it_back(door):
    assert door.admit().learner

    assert "Nothing was done for 60 minutes" in door.admit(after=HOUR + 1).refused
    assert "Nothing was done for 60 minutes" in door.admit(after=5).refused
    assert door.admit(iat=door.now).learner


def test_a_sign_in_from_the_future_is_refused(door):
    assert door.admit(iat=NOW + HOUR).refused


def test_signed_out_everywhere_ends_every_sign_in_from_before(door):
    learner = door.admit().learner
    door.now += 10
    door.people.end_sessions(learner)

    assert "signed out everywhere" in door.admit(after=1).refused
    assert door.admit(iat=door.now + 1, after=2).learner == learner


@pytest.mark.parametrize("skew", [-90, 0, 90])
def test_signing_out_everywhere_does_not_trust_the_providers_clock(door, skew):
    learner = door.admit(iat=NOW + skew).learner
    door.people.end_sessions(learner)

    assert "signed out everywhere" in door.admit(iat=NOW + skew, after=1).refused
    assert door.admit(iat=NOW + skew + 30, after=30).learner == learner


def test_a_sign_in_that_this_process_never_saw_is_ended_too(door):
    learner = learner_of(ISSUER, "1")
    door.now += HOUR
    door.people.end_sessions(learner)

    assert "signed out everywhere" in door.admit(after=1).refused


def test_a_role_follows_the_claim_until_the_operator_says_otherwise(door):
    door.admit(groups=["dba"])
    assert door.role() == "mentor"
    door.admit(groups=[])
    assert door.role() == "learner"

    door.people.grant(learner_of(ISSUER, "1"), "trainer", by=OPERATOR)
    door.admit(groups=["dba"])

    assert door.role() == "trainer"


def test_an_address_that_is_not_verified_gives_no_role_and_is_not_kept(door):
    door.admit(email="tom@example.org", email_verified=False)
    assert door.role() is None
    assert door.people.person(learner_of(ISSUER, "1")).email == ""

    door.admit(email="tom@example.org")
    assert door.role() == "trainer"


def test_who_is_blocked_comes_in_no_more_from_the_next_click_on(door):
    learner = door.admit().learner
    door.people.grant(learner, "blocked", by=OPERATOR)

    found = door.admit(after=1)

    assert (found.learner, found.is_blocked) == ("", True)


# A page of a team


@pytest.fixture
def page(door, monkeypatch, served, journal, tmp_path):  # noqa: ARG001 - it names the team's settings
    """A page of the team, with ann before it, who has signed in just now."""
    dojo = served(fakes.FakeDojo(journal, home=tmp_path))
    monkeypatch.setattr(identity, "FRESH_SECONDS", 0.0)
    opened = AppTest.from_file(str(server.MAIN), default_timeout=30)
    opened.user = {**ANN, "is_logged_in": True, "iat": int(time.time()) - 60}
    return opened.run(), dojo


@pytest.mark.slow
def test_what_somebody_does_after_they_were_signed_out_everywhere_is_not_done(page):
    opened, dojo = page
    assert [one.value for one in opened.title] == ["Welcome"]
    learner = learner_of(ISSUER, "1")
    opened.switch_page("app_pages/you.py").run()
    opened.selectbox(key="you_track").set_value("dba")
    dojo.journal.people.end_sessions(learner)

    opened.button(key="you_save").click().run()

    assert dojo.journal.people.enrolment(learner) is None
    assert [one.value for one in opened.run().title] == ["Sign in"]


@pytest.mark.slow
def test_nobody_is_anybody_before_they_sign_in(page):
    opened, _ = page
    opened.user = {"is_logged_in": False}

    opened.run()

    assert [one.value for one in opened.title] == ["Sign in"]
