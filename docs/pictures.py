"""Takes the README's pictures of the pages Path, Team and Material from the demo; run by hand.

Usage: .venv/bin/python docs/pictures.py
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy import Table, func, insert, select

from pgdojo.learner import database, schema
from pgdojo.learner.address import ADDRESS_VARIABLE
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LOCAL

DOCS = Path(__file__).resolve().parent
PGDOJO = [sys.executable, "-m", "pgdojo"]
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
WIDTH = 1280
OWN = tuple(
    schema.metadata.tables[name]
    for name in ("enrolments", "preferences", "sittings", "attempts", "responses", "reads", "lab_checks")
)
"""What the page Path is drawn from, in the order in which rows refer to one another."""


def main() -> None:
    """Fill a throw-away journal, serve it, and take the pictures."""
    with tempfile.TemporaryDirectory(prefix="pgdojo-pictures-") as folder:
        address = f"sqlite:///{Path(folder) / 'journal.sqlite3'}"
        environment = {**os.environ, ADDRESS_VARIABLE: address, "PGDOJO_LABS": str(Path(folder) / "labs")}
        subprocess.run([*PGDOJO, "demo"], env=environment, check=True)
        with served(environment) as base, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
            take(browser, f"{base}/team", "team", height=1250)
            take(browser, f"{base}/material", "material", height=1150)
            # After the others, so that the page Team shows the twelve alone.
            with Journal.open(address) as journal:
                learn_like_the_busiest(journal)
            take(browser, base, "path", height=1150)
            browser.close()


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """Address of the app on the journal that `environment` names, once its course is open."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([*PGDOJO, "serve", "--port", str(port)], env=environment)
    try:
        end = time.monotonic() + 240
        while not is_healthy(base):
            if process.poll() is not None or time.monotonic() > end:
                sys.exit("The app did not start; see what it says above.")
            time.sleep(0.5)
        yield base
    finally:
        process.terminate()
        process.wait(20)


def is_healthy(base: str) -> bool:
    """Whether the course is open."""
    try:
        urllib.request.urlopen(f"{base}/healthz", timeout=5)
    except (urllib.error.URLError, OSError):
        return False
    return True


def take(browser: Browser, address: str, name: str, *, height: int) -> None:
    """Take docs/NAME.png of the page at `address`, when it has been drawn to its end."""
    page = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light")
    page.goto(address)
    page.locator("h1").first.wait_for(timeout=120_000)
    page.wait_for_timeout(1_000)
    expect(page.locator("[data-testid=stStatusWidget], [data-testid=stSpinner]")).to_have_count(0, timeout=120_000)
    page.wait_for_timeout(2_000)  # fonts and charts
    page.screenshot(path=DOCS / f"{name}.png")
    page.close()


def learn_like_the_busiest(journal: Journal) -> None:
    """Give the person of this machine the past of the learner who answered most."""
    answers = schema.responses
    most = select(answers.c.learner).group_by(answers.c.learner).order_by(func.count().desc()).limit(1)
    with database.for_writing(journal.engine).begin() as connection:
        source = connection.scalar(most)
        for table in OWN:
            rows = connection.execute(select(table).where(table.c.learner == source).order_by(table.c.id)).mappings()
            connection.execute(insert(table), [own(table, dict(row)) for row in rows])


def own(table: Table, row: dict[str, object]) -> dict[str, object]:
    """The row as the person of this machine would have it."""
    named = {name: f"{row[name]}.{LOCAL}" for name in ("key", "sitting") if name in table.columns}
    return {name: value for name, value in row.items() if name != "id"} | named | {"learner": LOCAL}


if __name__ == "__main__":
    main()
