"""A server of its own for the browser tests, and a Chromium that reaches nothing but it."""

from __future__ import annotations

import os
import shutil

import pytest
from served import Server, Visitor

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Starts servers; each has a journal of its own."""
    started = []

    def start():
        started.append(Server(tmp_path_factory.mktemp("served")))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def address(serve):
    """Where a server answers."""
    return serve().address


@pytest.fixture(scope="session")
def chromium():
    """The browser that the system has, or a skip that says why."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        missing = "no Chromium is installed: apt install chromium"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium, address):
    """Makes visitors; at the end none of them may have seen a fault or reached another host.

    One whose server will be killed is made `through_faults`, for that is an error on any console.
    """
    made, forgiven = [], []

    def make(*, through_faults=False, **options):
        made.append(Visitor(chromium, address, **options))
        if through_faults:
            forgiven.append(made[-1])
        return made[-1]

    yield make
    for one in made:
        one.context.close()
    assert [fault for one in made if one not in forgiven for fault in one.faults] == []
    reached = set().union(*(one.hosts for one in made))
    assert {host for host in reached if host and not host.startswith("127.0.0.1:")} == set()
