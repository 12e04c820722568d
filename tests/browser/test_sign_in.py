"""A team signs in with a real OpenID provider in a real browser, and nobody sees what is another's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from oidc_provider_mock import User, run_server_in_thread
from served import ROOT, Visitor, free_port, until_healthy

from pgdojo.learner.journal import Journal
from pgdojo.learner.people_journal import learner_of
from pgdojo.team.access import OPERATOR

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the provider, which is Authlib's user, not ours
]

SETTINGS = """
[auth]
redirect_uri = "{address}/oauth2callback"
cookie_secret = "of-these-tests-alone-and-long-enough"
client_id = "{client}"
client_secret = "any"
server_metadata_url = "{issuer}/.well-known/openid-configuration"

[team]
address = "{address}"

[team.roles]
trainer = ["tom@example.org"]
"""


def user(name):
    return User(sub=name, claims={"name": name.title(), "email": f"{name}@example.org", "email_verified": True})


class TeamServer:
    """A team's server on loopback, started as an operator would."""

    def __init__(self, home: Path, issuer: str):
        self.home, self.issuer = home, issuer
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.settings = home / "team.toml"
        self.journal = f"sqlite:///{home / 'journal.sqlite3'}"
        self.write("pgdojo")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]),
            "PGDOJO_DATABASE_URL": self.journal,
            "PGDOJO_LABS": str(home / "labs"),
            "PGDOJO_TEAM": str(self.settings),
        }
        command = ["-m", "pgdojo", "--course", str(ROOT), "serve", "--team", "--no-browser", "--port", str(self.port)]
        with (home / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=home, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        until_healthy(self.address, self.process)

    def write(self, client):
        self.settings.write_text(SETTINGS.format(address=self.address, client=client, issuer=self.issuer))
        self.settings.chmod(0o600)

    def id_of(self, name):
        return learner_of(self.issuer, name)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def provider():
    with run_server_in_thread(user_claims=[user(name) for name in ("ann", "bob", "tom")]) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def server(tmp_path_factory, provider):
    started = TeamServer(tmp_path_factory.mktemp("team"), provider)
    yield started
    started.stop()


@pytest.fixture
def person(chromium, server):
    """Opens a browser of its own for a person, and signs them in."""
    visitors = []

    def sign_in(name=None):
        visitor = Visitor(chromium, server.address)
        visitors.append(visitor)
        visitor.page.goto(server.address)
        visitor.page.get_by_role("button", name="Sign in").wait_for(timeout=30_000)
        if name:
            enter(visitor.page, name)
        return visitor.page

    yield sign_in
    for visitor in visitors:
        visitor.context.close()


def enter(page, name):
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=name, exact=True).click(timeout=20_000)
    page.get_by_text(f"Signed in as {name.title()}").wait_for(timeout=30_000)


def menu(page):
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Path").wait_for(timeout=20_000)
    return page.get_by_test_id("stSidebarNav").get_by_role("link").all_inner_texts()


def test_nothing_is_shown_before_somebody_signs_in(person, server):
    page = person()

    for path in ("", "/ask", "/team", "/material", "/you", "/labs"):
        page.goto(server.address + path)
        page.get_by_role("button", name="Sign in").wait_for(timeout=20_000)
        assert page.get_by_test_id("stSidebarNav").count() == 0
        assert page.get_by_role("heading", level=1).all_inner_texts() == ["Sign in"]


def test_a_learner_signs_in_asks_and_nobody_else_reads_it(person, server):
    ann, bob = person("ann"), person("bob")
    assert not {"Team", "Material"} & {one.split("\n")[-1] for one in menu(ann)}
    ann.goto(f"{server.address}/ask?q=How long does a Multi-AZ failover take?")
    ann.get_by_text("60 to 120 seconds").first.wait_for(timeout=30_000)
    conversation = re.search(r"c=([0-9a-f]{32})", ann.url)[1]

    bob.goto(f"{server.address}/ask?c={conversation}")

    bob.get_by_text("There is no conversation under this address.").wait_for(timeout=20_000)
    assert bob.get_by_text("60 to 120 seconds").count() == 0
    with Journal.open(server.journal) as journal:
        assert [one.id for one in journal.conversations(server.id_of("ann"))] == [conversation]
        assert journal.conversations(server.id_of("bob")) == []


def test_a_role_given_by_the_operator_counts_at_the_next_click_and_so_does_its_end(person, server):
    page = person("bob")
    with Journal.open(server.journal) as journal:
        journal.people.grant(server.id_of("bob"), "trainer", by=OPERATOR)
        page.goto(f"{server.address}/team")
        page.get_by_role("heading", name="Who needs help today").wait_for(timeout=20_000)

        journal.people.grant(server.id_of("bob"), "learner", by=OPERATOR)
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="Ask").click()
        page.get_by_role("heading", name="Ask", exact=True).wait_for(timeout=20_000)

    assert not {"Team", "Material"} & {one.split("\n")[-1] for one in menu(page)}


def test_the_settings_name_the_trainer_by_a_verified_address(person):
    assert {"Team", "Material"} <= {one.split("\n")[-1] for one in menu(person("tom"))}


def test_signing_out_needs_signing_in_again(person, server):
    page = person("ann")

    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("Signed in as").wait_for(state="detached", timeout=20_000)
    page.wait_for_load_state()

    page.goto(server.address)
    page.get_by_role("button", name="Sign in").wait_for(timeout=20_000)


def test_who_was_signed_out_everywhere_is_out_at_the_next_click_and_can_come_back(person, server):
    page = person("ann")
    with Journal.open(server.journal) as journal:
        journal.people.end_sessions(server.id_of("ann"))

    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Ask").click()

    page.get_by_text("You were signed out everywhere.").wait_for(timeout=20_000)
    page.wait_for_timeout(1200)  # a sign-in of the same second would count as one from before
    enter(page, "ann")


def test_a_sign_in_that_was_made_for_another_program_is_refused(person, server):
    page = person("ann")
    try:
        server.write("another-program")
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="Ask").click()
        page.get_by_text("This sign-in was made for another program.").wait_for(timeout=20_000)
    finally:
        server.write("pgdojo")


def test_an_expired_token_lets_nobody_in(chromium, tmp_path):
    with run_server_in_thread(user_claims=[user("ann")], access_token_max_age=timedelta(minutes=-10)) as provider:
        server = TeamServer(tmp_path, f"http://localhost:{provider.server_port}")
        visitor = Visitor(chromium, server.address)
        try:
            visitor.page.goto(server.address)
            visitor.page.get_by_role("button", name="Sign in").click()
            visitor.page.get_by_role("button", name="ann", exact=True).click(timeout=20_000)
            visitor.page.wait_for_url(re.compile(re.escape(server.address)), timeout=20_000)
            visitor.page.wait_for_timeout(1500)
            visitor.page.goto(server.address)
            visitor.page.get_by_role("button", name="Sign in").wait_for(timeout=20_000)
            with Journal.open(server.journal) as journal:
                assert journal.people.people() == []
        finally:
            visitor.context.close()
            server.stop()
