"""What a learner does in labs in a browser: from an answer to an outage that was measured on real servers."""

from __future__ import annotations

import re

import psycopg
import pytest

from pgdojo.lab.sandbox import Sandbox

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FAILOVER = "How long does a Multi-AZ failover take?"
TITLE = "Lose the primary, keep the rows"


@pytest.fixture(scope="module")
def server(serve):
    """A server whose journal holds nothing but these stories."""
    return serve()


@pytest.fixture(scope="module")
def address(server):
    return server.address


class Bench:
    """A learner before one lab."""

    def __init__(self, learner):
        self.learner = learner
        self.page = learner.page

    def press(self, name, step):
        """Presses a button of a step, and once more where it asks, and waits until it is done."""
        card = self.page.locator(f".st-key-lab_step_{step}")
        card.get_by_role("button", name=name, exact=True).click()
        really = self.page.get_by_role("button", name=f"{name} now", exact=True)
        if card.locator("[class*='st-key-lab_danger_']").get_by_role("button", name=name, exact=True).count():
            really.click()
            really.wait_for(state="detached", timeout=60_000)
        self.rest(500)

    def rest(self, milliseconds=0):
        """Lets what is under way come to its end, and then some time pass."""
        self.page.wait_for_timeout(400)
        waiting = self.page.locator("[data-testid='stMarkdownContainer']", has_text=re.compile(r" · \d+ s$"))
        waiting.first.wait_for(state="hidden", timeout=90_000)
        self.page.wait_for_timeout(milliseconds)

    def guess(self, number, step):
        card = self.page.locator(f".st-key-lab_step_{step}")
        card.locator("input[type=number]").fill(str(number))
        card.get_by_role("button", name="Commit to it").click()
        card.get_by_role("button", name="Check").wait_for(timeout=20_000)

    def check(self, step, passed=True):
        self.press("Check", step)
        if passed:
            self.page.locator(f".st-key-lab_passed_{step}").wait_for(timeout=60_000)


def attempts(server):
    """How often a row was put into the orders of the lab; an attempt that failed has taken a number, too."""
    sandbox = Sandbox(server.home / "labs" / "failover")
    with psycopg.connect(sandbox.conninfo("zone-a")) as connection:
        return connection.execute(
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM orders_id_seq"
        ).fetchone()[0]


def test_from_an_answer_about_failover_to_a_measured_outage(visitor, server):
    learner = visitor(viewport={"width": 390, "height": 844})
    learner.open("/ask")
    learner.ask(FAILOVER)
    page, bench = learner.page, Bench(learner)
    page.get_by_role("link", name=f"Practise it · {TITLE}").click()
    page.get_by_role("heading", name=TITLE).wait_for(timeout=20_000)
    wide = {"before": learner.overflow()}

    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("button", name="Check").wait_for(timeout=90_000)
    bench.check("follow", passed=False)
    page.locator(".st-key-lab_finding_follow_not_yet").wait_for(timeout=20_000)
    wide["a finding"] = learner.overflow()
    bench.rest(500)
    page.get_by_role("button", name="Run in the console of zone-a").first.dblclick()
    shown = page.locator(".st-key-lab_shown_follow_0")
    shown.wait_for(timeout=60_000)
    assert "INSERT 0 1" in shown.inner_text()
    bench.check("follow")
    assert attempts(server) == 1

    bench.guess(5, "price")
    bench.press("Start the client", "price")
    bench.rest(2500)
    bench.press("Cut the line to zone-b", "price")
    bench.rest(4000)
    bench.press("Mend the line to zone-b", "price")
    bench.rest(5000)
    bench.press("Stop the client", "price")
    bench.check("price")
    wide["the plot"] = learner.overflow()

    bench.guess(60, "failover")
    bench.press("Start the client", "failover")
    bench.rest(3000)
    bench.press("Kill zone-a", "failover")
    bench.press("Promote zone-b", "failover")
    bench.rest(5000)
    bench.check("failover")

    told = page.locator(".st-key-lab_passed_failover").inner_text()
    assert re.search(r"predicted 60 seconds, measured [\d.]+ seconds", told), told
    page.get_by_text(re.compile(r"Writes stopped for [\d.]+ seconds")).wait_for()
    page.locator(".st-key-lab_plot canvas, .st-key-lab_plot svg").first.wait_for()
    wide["at the end"] = learner.overflow()
    assert {place: pixels for place, pixels in wide.items() if pixels > 0} == {}

    page.locator(".st-key-lab_stop button").click()
    page.get_by_role("button", name="Go on").wait_for(timeout=60_000)


def test_the_catalogue_and_every_lab_fit_on_a_phone(visitor):
    learner = visitor(viewport={"width": 390, "height": 844})
    learner.open("/labs")
    wide = {"catalogue": learner.overflow()}
    targets = learner.page.locator("main a[href*='lab=']").evaluate_all("links => links.map(link => link.href)")

    for target in targets:
        learner.open(target.removeprefix(learner.address))
        wide[target] = learner.overflow()

    assert targets
    assert {place: pixels for place, pixels in wide.items() if pixels > 0} == {}
