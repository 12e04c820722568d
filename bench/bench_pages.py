"""From `pgdojo serve` to the first page in a real browser, and the work of a rerun against an empty page."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from timing import ROOT, table

BROWSER = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
RERUNS = 40


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def start(*command: str, folder: Path) -> subprocess.Popen[bytes]:
    journal = {"PGDOJO_DATABASE_URL": f"sqlite:///{folder / 'journal.sqlite3'}"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, *command], cwd=folder, env={**os.environ, **journal}, **quiet)


def wait_for(port: int) -> None:
    while True:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)


def rerun_cpu(page: Page, server: psutil.Process) -> float:
    """Processor seconds of the server for one rerun of the page that is shown."""
    for _ in range(10):
        _rerun(page)
    before = sum(server.cpu_times()[:2])
    for _ in range(RERUNS):
        _rerun(page)
    return (sum(server.cpu_times()[:2]) - before) / RERUNS


def _rerun(page: Page) -> None:
    page.keyboard.press("r")
    page.wait_for_timeout(150)


def main() -> None:
    from pgdojo.course.paths import load_path
    from pgdojo.dojo import open_dojo
    from pgdojo.learner.journal import Journal
    from pgdojo.learner.records import LOCAL

    open_dojo(ROOT)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        with Journal.open(f"sqlite:///{folder / 'journal.sqlite3'}") as journal:
            journal.people.enrol(LOCAL, track=load_path(ROOT).tracks[0].id)
        (folder / "empty.py").write_text("import streamlit as st\nst.title('Empty')\n")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=BROWSER)
        page = browser.new_page()
        port = free_port()
        begin = time.perf_counter()
        ours = start("-m", "pgdojo", "--course", str(ROOT), "serve", "--no-browser", "--port", str(port), folder=folder)
        wait_for(port)
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_test_id("stChatInput").wait_for(timeout=60_000)
        first = time.perf_counter() - begin
        server = psutil.Process(ours.pid)
        page.get_by_role("heading", name="Your path").first.wait_for(timeout=30_000)
        page.locator("h1").first.click()
        path = rerun_cpu(page, server)
        page.goto(f"http://127.0.0.1:{port}/ask")
        page.get_by_role("heading", name="Ask").first.wait_for(timeout=30_000)
        page.locator("h1").first.click()
        ask = rerun_cpu(page, server)
        page.goto(f"http://127.0.0.1:{port}/book?doc=handbook/ha")
        page.get_by_role("heading", name="High availability").first.wait_for(timeout=30_000)
        page.locator("h1").first.click()
        read = rerun_cpu(page, server)
        ours.terminate()

        port = free_port()
        settings = ["--server.port", str(port), "--server.headless", "true", "--runner.postScriptGC", "false"]
        empty = start(
            "-m", "streamlit", "run", "empty.py", *settings, "--browser.gatherUsageStats", "false", folder=folder
        )
        wait_for(port)
        page.goto(f"http://127.0.0.1:{port}/")
        page.locator("h1").first.click()
        bare = rerun_cpu(page, psutil.Process(empty.pid))
        empty.terminate()
        browser.close()
    table("First page", [("from the command to the first page drawn", f"{first:.2f} s")], first / 5, 1.0)
    pages = (("an empty page", bare), ("Path", path), ("Ask", ask), ("Read", read))
    rows = [(name, f"{value * 1e3:.1f} ms") for name, value in pages]
    table("Processor time of a rerun (Path)", rows, path / bare, 2.0)
    table("Processor time of a rerun (Ask)", rows, ask / bare, 2.0)
    table("Processor time of a rerun (Read, a whole handbook page)", rows, read / bare, 2.0)


if __name__ == "__main__":
    main()
