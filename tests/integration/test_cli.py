"""The command line as people and programs use it: results on one stream, faults on the other, codes with a meaning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("dojo")]  # the index of the real course is ready


@pytest.fixture
def run(tmp_path):
    """Run the command in an empty folder, with the user's folders in `tmp_path`."""
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def call(*arguments: str, stdin: str = "", course: Path | None = ROOT) -> subprocess.CompletedProcess[str]:
        chosen = ["--course", str(course)] if course else []
        command = [sys.executable, "-m", "pgdojo", *chosen, *arguments]
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **home},
            timeout=120,
            check=False,
        )

    return call


def test_an_answer_shows_its_citations_with_file_line_and_date(run):
    done = run("ask", "How long does a Multi-AZ failover take?")

    assert done.returncode == 0
    assert "60 to 120 seconds" in done.stdout
    assert "(knowledge/facts/high-availability.yaml, line " in done.stdout
    assert "as of 2026" in done.stdout
    assert "Ask next:" in done.stdout
    assert done.stderr == ""


def test_json_holds_what_programs_need(run):
    answer = json.loads(run("ask", "and for Aurora failover time?", "--json").stdout)

    assert answer["refused"] is False
    assert answer["refusal_kind"] is None
    first = answer["citations"][0]
    assert {"n", "passage_id", "document", "heading", "lines", "quote", "source", "as_of"} <= set(first)
    assert len(answer["next_questions"]) == 3


def test_a_batch_streams_a_line_for_each_line(run, tmp_path):
    asked = [
        {"id": 1, "question": "How long does a Multi-AZ failover take?"},
        {"id": "two", "question": "and for Aurora?", "history": ["How long does a Multi-AZ failover take?"]},
        {"id": 3, "question": "and for Aurora?", "history": [{"question": "How long does a Multi-AZ failover take?"}]},
        {"id": 4, "question": "What does db.r8g.large cost per hour?", "history": []},
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in asked) + "\n\n")

    from_file = [json.loads(line) for line in run("ask", "--batch", str(file)).stdout.splitlines()]
    from_stdin = [json.loads(line) for line in run("ask", "--batch", "-", stdin=file.read_text()).stdout.splitlines()]

    assert from_file == from_stdin
    assert [line["id"] for line in from_file] == [1, "two", 3, 4]
    assert from_file[1]["standalone"] == from_file[2]["standalone"] == "How long does Aurora failover take?"
    assert from_file[3]["refusal_kind"] == "not_in_material"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("not json", "Line 1 is not JSON."),
        ("[1]", "Line 1 has no question."),
        ('{"id": 1}', "Line 1 has no question."),
        ('{"question": "x", "history": "y"}', "Line 1: history is no list."),
        ('{"question": "x", "history": [5]}', "Line 1: a turn of history is neither"),
    ],
)
def test_a_bad_line_of_a_batch_is_named(run, line, complaint):
    done = run("ask", "--batch", "-", stdin=line + "\n")

    assert done.returncode == 2
    assert done.stderr.startswith(f"pgdojo: {complaint}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["ask"], 2, "Give either a question or --batch FILE."),
        (["ask", "x", "--batch", "-"], 2, "Give either a question or --batch FILE."),
        (["ask", "--batch", "nowhere.jsonl"], 2, "There is no file nowhere.jsonl."),
        (["search", "x", "-k", "0"], 2, ""),
        (["nosuch"], 2, ""),
        (["eval", "--questions", "nowhere"], 2, "There are no questions in nowhere."),
    ],
)
def test_wrong_use_ends_with_two_and_a_next_step(run, arguments, code, complaint):
    done = run(*arguments)

    assert done.returncode == code
    assert complaint in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_folder_without_a_course_is_named(run, tmp_path):
    done = run("ask", "x", course=tmp_path)

    assert done.returncode == 2
    assert "is no course: it has no folder knowledge/." in done.stderr
    assert "pgdojo init DIR" in done.stderr


def test_debug_shows_the_trace(run, tmp_path):
    assert "Traceback" in run("--debug", "ask", "x", course=tmp_path).stderr


def test_search_lists_passages_best_first(run):
    found = json.loads(run("search", "point-in-time restore", "-k", "3", "--json").stdout)

    assert [hit["rank"] for hit in found] == [1, 2, 3]
    assert found[0]["score"] >= found[1]["score"] >= found[2]["score"]
    assert run("search", "point-in-time restore", "-k", "2").stdout.count("knowledge/") == 2


def test_the_course_checks_out_and_a_broken_one_does_not(run, course):
    assert run("check").returncode == 0

    broken = run(
        "check", course=course({"notes.md": "# Notes\n* a claim\n", "facts/a.yaml": "- id: x\n  topics: ha\n"})
    )

    assert broken.returncode == 1
    assert (
        "knowledge/facts/a.yaml, line 2, x, field topics: the field is not known here. Did you mean topic?"
        in broken.stderr
    )
    assert "Traceback" not in broken.stderr


def test_the_doctor_names_every_part(run):
    done = run("doctor")

    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("torch", "default model", "index", "journal", "course"):
        assert part in done.stdout


def test_a_folder_of_markdown_becomes_a_course_that_answers(run, lend, tmp_path):
    notes = tmp_path / "mine"
    (notes / "deep").mkdir(parents=True)
    (notes / "deep" / "oven.md").write_text("# The oven\n\nPreheat the bread oven for 45 minutes at 250 degrees.\n")

    made = run("init", str(tmp_path / "bakery"), "--from", str(notes), course=None)
    found = run("search", "how long to preheat", "--json", course=lend(tmp_path / "bakery"))

    assert made.returncode == 0, made.stderr
    assert json.loads(found.stdout)[0]["passage_id"] == "deep/oven#the-oven"
    assert run("init", str(tmp_path / "bakery"), course=None).returncode == 2


def test_a_terminal_is_never_sent_control_sequences(run, indexed):
    folder = indexed({"notes.md": "# Notes\n\nThe \x1b[31mred\x07 switch turns off the pump.\n"})

    done = run("search", "red switch \x1b[2J pump", course=folder)

    assert "switch turns off the pump" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout


def test_a_reader_that_leaves_early_is_no_fault():
    command = f"{sys.executable} -m pgdojo --course {ROOT} search failover -k 1000 | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )

    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_question_wakes_no_heavy_library():
    script = (
        "import sys; from pgdojo import cli; sys.argv = ['pgdojo', '--course', sys.argv[1], 'ask', 'What is an ACU?']\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'streamlit', 'alembic', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT)], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_figures_of_a_small_question_set_are_printed(run, tmp_path):
    folder = tmp_path / "questions"
    folder.mkdir()
    (folder / "held-out.yaml").write_text(
        "- id: one\n  kind: number\n  question: How long does a Multi-AZ failover take?\n  matches: ['60 to 120']\n"
        "  evidence: [ha-rds-failover-time-instance]\n"
        "- id: two\n  kind: unanswerable\n  question: What is the price of a pizza?\n  refusal: out-of-scope\n"
    )

    done = run("eval", "--questions", str(folder), "--json")

    figures = json.loads(done.stdout)["answers"]["held out"][-1]
    assert (figures["questions"], figures["accuracy"], figures["refused"], figures["support"]) == (2, 1.0, 1.0, 1.0)
