"""Labs of a team: done on one's own machine, told to the team's server, and run by it never."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import fakes
import httpx
import pytest
import streamlit as st
import uvicorn
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest
from test_lab_runner import HEAD

from pgdojo.course.lab_records import Lab
from pgdojo.errors import AccessError, LabError, UsageError
from pgdojo.lab.runner import LabRoom
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LOCAL, LabCheck, LabHint, LabPrediction, LabRun
from pgdojo.team.access import OPERATOR, Access
from pgdojo.team.evidence import LabEvidence, messages
from pgdojo.team.telling import TeamServer, team_server, tell
from pgdojo.web import api, resources, server

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
FINDING = {
    "check": "there",
    "status": "passed",
    "expected": "a table",
    "found": "a table",
    "say": "It is there.",
    "why": "It matters.",
    "next": "Go on.",
    "cites": ["facts#heat"],
    "log": "select what_was_looked_at",
}
STEP = {
    "id": "one",
    "title": "One",
    "why": "So.",
    "do": "Write.",
    "cites": ["facts#heat"],
    "checks": [
        {
            "kind": "file",
            "id": "there",
            "path": "one.txt",
            "text": "true",
            "expect": {"matches": "done"},
            "why": "It matters.",
            "next": "Write it.",
        }
    ],
    "hints": {"nudge": "Look.", "pointer": "facts#heat", "partial": "Write.", "solution": "Write a file."},
    "solution": [{"do": "sleep", "seconds": "1"}],
}


LAB = Lab.model_validate({**HEAD, "steps": [STEP]})


def write_settings(folder, address="http://127.0.0.1:8501"):
    file = folder / "team.toml"
    file.write_text(
        f"""
[auth]
redirect_uri = "{address}/oauth2callback"
cookie_secret = "of-these-tests-alone-and-long-enough"
client_id = "pgdojo"
client_secret = "any"
server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"

[team]
address = "{address}"
"""
    )
    file.chmod(0o600)
    return str(file)


def a_check(key, learner=LOCAL, lab="oven", step="one", at=NOON, **finding):
    evidence = {"findings": [{**FINDING, **finding}], "measured": 1.5}
    return LabCheck(
        key=key * 32, learner=learner, lab=lab, rev=1, step=step, status="passed", evidence=evidence, checked_at=at
    )


@pytest.fixture
def own(tmp_path):
    """The journal of a learner's own machine, where one lab was done."""
    with Journal.open(f"sqlite:///{tmp_path}/own.sqlite3") as journal:
        journal.lab.start(LabRun(key="a" * 32, learner=LOCAL, lab="oven", rev=1, started_at=NOON))
        journal.lab.predict(
            LabPrediction(key="b" * 32, learner=LOCAL, lab="oven", rev=1, step="one", value=2.0, predicted_at=NOON)
        )
        journal.lab.show_hint(
            LabHint(key="c" * 32, learner=LOCAL, lab="oven", rev=1, step="one", rung=0, shown_at=NOON)
        )
        journal.lab.check(a_check("d"))
        yield journal


@pytest.fixture
def journal(tmp_path):
    """The journal of the team's server."""
    with Journal.open(f"sqlite:///{tmp_path}/team.sqlite3") as opened:
        yield opened


@pytest.fixture
def evidence(journal):
    return LabEvidence({"oven": LAB}, journal.lab, Access(journal.people, solo=False), lambda: NOON)


@pytest.fixture
def address(journal, evidence, tmp_path, monkeypatch):
    """A team's server that takes requests."""
    dojo = fakes.FakeDojo(journal, labs={"oven": LAB}, home=tmp_path / "labs", for_team=True)
    dojo.evidence = evidence
    monkeypatch.setenv("PGDOJO_TEAM", write_settings(tmp_path))
    monkeypatch.setattr(resources, "_open_course", lambda _report: dojo)
    st.cache_resource.clear()
    resources.opening().wait(5)
    app = Starlette(routes=api.ROUTES)
    serving = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(serving.serve()), daemon=True)
    thread.start()
    end = time.monotonic() + 5
    while not serving.started and time.monotonic() < end:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{serving.servers[0].sockets[0].getsockname()[1]}"
    serving.should_exit = True
    thread.join(10)
    st.cache_resource.clear()


def post(address, token=None, path="/api/labs/evidence", **body):
    told = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.post(f"{address}{path}", json=body, headers=told)


def test_what_a_machine_has_seen_is_the_token_owners_and_told_twice_it_is_stored_once(address, own, journal):
    told_to = TeamServer(url=address, token=journal.people.make_token("ann", "laptop")[1])

    first = tell(told_to, own.lab, ["oven"], LOCAL)
    second = tell(told_to, own.lab, ["oven"], LOCAL)

    assert (first.stored, first.known, first.unknown, first.problem) == (4, 0, 0, "")
    assert (second.stored, second.known) == (0, 4)
    assert journal.lab.runs(LOCAL, "oven") == []
    check = journal.lab.checks("ann", "oven")[0]
    assert (check.status, check.step, check.checked_at) == ("passed", "one", NOON)
    assert check.evidence["findings"][0]["say"] == "It is there."
    assert [one.rung for one in journal.lab.hints("ann", "oven")] == [0]
    assert [one.value for one in journal.lab.predictions("ann", "oven")] == [2.0]


def test_the_log_of_a_check_stays_on_the_machine(own):
    told = messages(own.lab, ["oven"], LOCAL)

    assert "what_was_looked_at" not in str(told)


def test_whatever_the_body_says_nothing_is_stored_for_anybody_else(address, own, journal):
    token = journal.people.make_token("ann", "laptop")[1]
    told = messages(own.lab, ["oven"], LOCAL)[0]
    told["checks"][0] |= {"learner": "bob", "status": "passed"}
    told["checks"][0]["evidence"]["findings"][0]["status"] = "not_yet"

    answer = post(address, token, **told)

    assert answer.status_code == 200
    assert journal.lab.checks("bob", "oven") == []
    assert [one.status for one in journal.lab.checks("ann", "oven")] == ["not_yet"]


def test_nothing_is_taken_without_a_token_that_works(address, journal):
    ended, secret = journal.people.make_token("ann", "old laptop")
    journal.people.end_token("ann", ended.key)

    answers = [post(address), post(address, "pgd_guessed"), post(address, secret), post(address, path="/api/ask")]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert "page You" in answers[0].json()["error"]


def test_a_question_is_answered_to_a_token_and_to_nobody_who_is_blocked(address, journal):
    token = journal.people.make_token("ann", "laptop")[1]
    asked = {"question": fakes.FAILOVER}

    assert post(address, token, "/api/ask", **asked).status_code == 200
    journal.people.grant("ann", "blocked", by=OPERATOR)
    refused = post(address, token, "/api/ask", **asked)

    assert refused.status_code == 403
    assert post(address, token).status_code == 403


def test_a_message_that_is_too_long_or_no_json_is_refused_in_json(address, journal):
    told = {"Authorization": f"Bearer {journal.people.make_token('ann', 'laptop')[1]}"}
    url = f"{address}/api/labs/evidence"

    long = httpx.post(url, content=b" " * (api.MAX_EVIDENCE + 1), headers=told)
    broken = httpx.post(url, content=b"{", headers=told)

    assert (long.status_code, broken.status_code) == (413, 400)
    assert "1024 KB" in long.json()["error"]
    assert "not JSON" in broken.json()["error"]


@pytest.mark.parametrize(
    "told",
    [
        [],
        {"checks": "all"},
        {"more": []},
        {"runs": [{"key": "short", "lab": "oven", "rev": 1, "started_at": NOON.isoformat()}]},
        {"runs": [{"key": "a" * 32, "lab": "oven", "rev": 1, "started_at": "2026-11-27T12:00:00"}]},
        {"runs": [{"key": "a" * 32, "lab": "oven", "rev": 1, "started_at": "2026-11-28T12:00:00Z"}]},
        {"checks": [{"key": "a" * 32, "lab": "oven", "rev": 1, "step": "one", "evidence": {"findings": []}}]},
    ],
)
def test_evidence_of_another_shape_or_of_a_time_to_come_is_refused_whole(evidence, journal, told):
    with pytest.raises(UsageError):
        evidence.receive("ann", told)

    assert journal.lab.runs("ann", "oven") == []


def test_a_lab_that_the_server_does_not_have_is_counted_and_left_out(evidence, own):
    own.lab.check(a_check("e", lab="kiln"))
    own.lab.check(a_check("f", step="nine"))

    received = [evidence.receive("ann", told) for told in messages(own.lab, ["oven", "kiln"], LOCAL)]

    assert [(one.stored, one.unknown) for one in received] == [(4, 2)]


def test_whoever_is_blocked_tells_nothing(evidence, journal):
    journal.people.grant("ann", "blocked", by=OPERATOR)

    with pytest.raises(AccessError):
        evidence.receive("ann", {})


def test_a_server_that_cannot_be_reached_costs_nothing_and_is_named(own):
    told = tell(TeamServer(url="http://127.0.0.1:9", token="any"), own.lab, ["oven"], LOCAL)

    assert told.stored == 0
    assert "cannot be reached" in told.problem
    assert "pgdojo lab send" in told.problem


def test_only_what_is_not_older_is_told_where_that_is_asked_for(own):
    own.lab.check(a_check("e", at=NOON + timedelta(days=1)))

    told = messages(own.lab, ["oven"], LOCAL, NOON + timedelta(hours=1))

    assert [[one["key"] for one in message["checks"]] for message in told] == [["e" * 32]]
    assert messages(own.lab, ["oven"], LOCAL, NOON + timedelta(days=2)) == []


@pytest.mark.parametrize(
    ("url", "token", "problem"),
    [
        ("https://learn.example.org", "", "PGDOJO_TOKEN is not set"),
        ("", "pgd_x", "PGDOJO_TEAM_URL is not set"),
        ("http://learn.example.org", "pgd_x", "in the clear"),
    ],
)
def test_a_token_never_travels_in_the_clear_and_half_a_setting_is_named(monkeypatch, url, token, problem):
    monkeypatch.setenv("PGDOJO_TEAM_URL", url)
    monkeypatch.setenv("PGDOJO_TOKEN", token)

    with pytest.raises(UsageError, match=problem):
        team_server()


@pytest.fixture
def room(journal, tmp_path):
    return LabRoom({"oven": LAB}, journal.lab, tmp_path / "labs", lambda: NOON, for_team=True)


def test_a_teams_server_starts_no_lab_and_looks_at_no_server(room, tmp_path):
    for refused in (
        lambda: room.start("ann", "oven", owner=None),
        lambda: room.check("ann", "oven", "one"),
        lambda: room.stop("oven"),
    ):
        with pytest.raises(LabError, match="own machine"):
            refused()

    assert room.sandbox("oven") is None
    assert not (tmp_path / "labs").exists()


def test_a_teams_server_shows_what_was_passed_elsewhere(room, evidence, own):
    for told in messages(own.lab, ["oven"], LOCAL):
        evidence.receive("ann", told)

    assert [(entry.state, entry.passed, dict(entry.missing)) for entry in room.catalogue("ann")] == [
        ("done", ("one",), {})
    ]
    assert [state.status for state in room.steps("ann", "oven")] == ["passed"]


def test_the_page_of_a_lab_offers_commands_and_no_button(journal, tmp_path, monkeypatch):
    dojo = fakes.FakeDojo(journal, labs={"oven": LAB}, home=tmp_path / "labs", for_team=True)
    monkeypatch.setattr(resources, "_open_course", lambda _report: dojo)
    st.cache_resource.clear()
    page = AppTest.from_file(str(server.MAIN), default_timeout=30).run()

    page = page.switch_page("app_pages/labs.py")
    page.query_params["lab"] = "oven"
    page.run()

    assert not page.exception
    assert any("pgdojo lab start oven" in code.value for code in page.code)
    assert [button.key for button in page.button if (button.key or "").startswith("lab_")] == []
    st.cache_resource.clear()
