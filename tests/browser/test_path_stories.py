"""What a newcomer does on the path in a browser: choose a track, follow the button, and see the map fill."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(serve):
    """A server whose journal holds nothing but these stories."""
    return serve().address


def test_a_newcomer_chooses_a_track_reads_the_first_section_and_begins_the_quiz_of_the_module(visitor):
    learner = visitor()
    page = learner.page
    learner.open("/path")
    page.get_by_text("On-call engineer", exact=True).click()
    page.get_by_role("button", name="Follow the track “On-call engineer”").click()
    page.get_by_role("button", name="I begin at the beginning").click()

    page.get_by_role("heading", name="Read “PostgreSQL options on AWS”").wait_for()
    assert page.locator("a.path-cell .path-read").count() == 0
    page.get_by_role("button", name="Go", exact=True).click()
    page.wait_for_url("**/book?passage=handbook*options*")
    page.get_by_role("heading", name="PostgreSQL options on AWS").first.wait_for()
    page.get_by_role("link", name="Path").click()

    page.get_by_role("heading", name="Read “EC2 or RDS”").wait_for()
    assert page.locator("a.path-cell .path-read").count() == 1
    page.locator(".st-key-path_module_options summary").click()
    page.get_by_text("Read · 1 of 7").wait_for()
    page.get_by_role("button", name="Take the quiz").click()
    page.wait_for_url("**/quiz?s=*")
    page.get_by_text("1 of 9").first.wait_for()


def test_the_path_fits_a_phone(visitor):
    learner = visitor(viewport={"width": 390, "height": 844})

    learner.open("/path")
    seen = learner.page.get_by_text("The material, and what you did with it")
    seen.or_(learner.page.get_by_text("What do you do?")).first.wait_for()

    assert learner.overflow() == 0
