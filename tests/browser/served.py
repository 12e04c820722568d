"""A server as the browser tests start one, and a person at a browser before it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = os.environ.get("PGDOJO_BROWSER_APP", str(ROOT / "app.py"))
"""Another script that serves the same pages, to try them against other parts."""


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def until_healthy(address: str, process: subprocess.Popen, seconds: float = 240) -> None:
    """Waits for the course to be open; its index may have to be built first."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended by itself"
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=2)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    pytest.fail("the course was not open in time")


class Server:
    """Serves the pages from a journal and labs of its own; it can be killed, and started again on them."""

    def __init__(self, home: Path):
        self.home = home
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.journal = f"sqlite:///{home / 'journal.sqlite3'}"
        self.start()

    def start(self) -> None:
        options = ["--server.port", str(self.port), "--server.headless", "true"]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]),
            "PGDOJO_DATABASE_URL": self.journal,
            "PGDOJO_LABS": str(self.home / "labs"),
        }
        with (self.home / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", APP, *options],
                cwd=self.home,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            until_healthy(self.address, self.process)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait(20)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Visitor:
    """One person at one browser, and everything that went wrong or out meanwhile."""

    def __init__(self, browser, address, **options):
        self.address = address
        self.faults: list[str] = []
        self.hosts: set[str] = set()
        self.context = browser.new_context(**options)
        self.context.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.page = self.context.new_page()
        self.context.on("page", self._watch)
        self._watch(self.page)

    def _watch(self, page):
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._said)

    def _said(self, message):
        # On a deep link Streamlit first tries whether it is served below that path; the answer must be 404.
        probing = message.location.get("url", "").endswith(("/_stcore/health", "/_stcore/host-config"))
        if message.type == "error" and not probing:
            self.faults.append(message.text)

    def open(self, path="/"):
        self.page.goto(self.address + path)
        self.page.get_by_role("heading", level=1).first.wait_for(timeout=30_000)
        self.settle()

    def settle(self):
        # wait_for_function would need eval, which the policy of the page forbids.
        self.page.get_by_test_id("stStatusWidget").wait_for(state="detached", timeout=20_000)
        self.page.wait_for_timeout(300)

    def ask(self, question):
        before = self.page.get_by_role("heading", level=3).count()
        self.page.get_by_test_id("stChatInputTextArea").fill(question)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("heading", level=3).nth(before).wait_for(timeout=20_000)
        self.page.wait_for_timeout(700)
        self.settle()

    def overflow(self):
        """Pixels by which the page is wider than the window."""
        return self.page.evaluate(
            "Math.max(...[document.documentElement, document.querySelector('main'),"
            " document.querySelector('[data-testid=stMain]')].filter(Boolean).map(e => e.scrollWidth - e.clientWidth))"
        )
