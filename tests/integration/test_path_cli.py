"""The path in a terminal: a newcomer chooses a track, hears what comes next, and opens a module by its quiz."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture
def pgdojo(tmp_path):
    """Runs a command on the course, with a journal of its own."""

    def run(*words, typed=""):
        return subprocess.run(
            [sys.executable, "-m", "pgdojo", "--course", ROOT, *words],
            input=typed,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PGDOJO_DATABASE_URL": f"sqlite:///{tmp_path / 'journal.sqlite3'}", "COLUMNS": "200"},
            check=False,
        )

    return run


def test_a_newcomer_is_shown_the_tracks_then_the_first_thing_to_read(pgdojo):
    before = pgdojo("path", "show")
    chosen = pgdojo("path", "enrol", "developer", "--by", "2099-03-01", "--no-placement")
    after = pgdojo("path", "show")

    assert "Next: Choose your track." in before.stdout
    assert "on-call      On-call engineer" in before.stdout
    assert "Next: Read “PostgreSQL options on AWS”." in chosen.stdout, chosen.stderr
    assert after.stdout.startswith("Track: Developer, to be ready by 2099-03-01\n")
    assert "open     options" in after.stdout
    assert "waiting  versions" in after.stdout


def test_a_slip_in_a_track_or_a_day_is_told_and_changes_nothing(pgdojo):
    track = pgdojo("path", "enrol", "develoer")
    day = pgdojo("path", "enrol", "dba", "--by", "soon")
    past = pgdojo("path", "enrol", "dba", "--by", "2020-01-01")

    assert (track.returncode, "Did you mean developer?" in track.stderr) == (2, True)
    assert "soon is no day. Write it as 2027-03-01." in day.stderr
    assert "2020-01-01 is not in the future." in past.stderr
    assert "Next: Choose your track." in pgdojo("path", "show").stdout


def test_a_quiz_of_a_module_that_is_left_waits_and_none_opens_by_itself(pgdojo):
    pgdojo("path", "enrol", "dba", "--no-placement")

    left = pgdojo("path", "quiz", typed="")
    unknown = pgdojo("path", "quiz", "cooking")

    assert "The sitting waits for you on the page Quiz." in left.stdout, left.stderr
    assert "The path has no module cooking." in unknown.stderr
    assert "waiting  versions" in pgdojo("path", "show").stdout
