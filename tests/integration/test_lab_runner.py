"""A learner works through a lab: progress, hints, predictions, and checks that nothing gets past."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from pgdojo.course.lab_records import Lab
from pgdojo.errors import LabError, UsageError
from pgdojo.lab import runner
from pgdojo.lab.checks import run_check
from pgdojo.lab.deeds import Deed, keep
from pgdojo.lab.engines import Engine, choose
from pgdojo.lab.runner import HINT_WAIT, LabRoom, missing
from pgdojo.lab.safe_sql import SqlFailedError, run_one
from pgdojo.learner.journal import Journal

pytestmark = pytest.mark.slow

FRIDAY = datetime(2026, 11, 27, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HINTS = {"nudge": "Look.", "pointer": "facts#heat", "partial": "Write.", "solution": "Write a file."}


def a_step(name, **other):
    check = {
        "kind": "file",
        "id": f"{name}-there",
        "path": f"{name}.txt",
        "text": "true",
        "expect": {"matches": "done"},
        "why": "It matters.",
        "next": "Write it.",
        "when": [{"found": {"matches": "password"}, "status": "misconfigured", "say": "That is a secret."}],
    }
    step = {"id": name, "title": name, "why": "So.", "do": "Write.", "cites": [f"facts#{name}"], "checks": [check]}
    return {**step, "hints": HINTS, "solution": [{"do": "sleep", "seconds": "1"}], **other}


HEAD = {
    "id": "oven",
    "rev": "1",
    "title": "Heat",
    "summary": "Heat it.",
    "topic": "ha",
    "order": "1",
    "level": "apply",
    "minutes": "9",
    "objectives": ["ha-heat"],
    "cites": ["facts#heat"],
    "as_of": "2026-04",
    "review_by": "2027-09",
}


def a_lab(*steps, **other):
    return Lab.model_validate({**HEAD, "steps": list(steps), **other})


PREDICTION = {"ask": "How long?", "unit": "seconds", "measure": "outage_seconds"}
LAB = a_lab(
    a_step("one"),
    a_step("two", predict=PREDICTION),
    a_step("cloud", needs=["tool:pg_nonsense"]),
    a_step("four"),
    a_step("free", after=[], predict={**PREDICTION, "measure": "step_seconds"}),
)


@dataclass
class Figures:
    outage_seconds: float = 0.75
    lost: int = 0
    acknowledged: int = 40


class FolderSandbox:
    """A sandbox without servers: its folder is all there is."""

    rds = None

    def __init__(self, folder):
        self.folder = folder

    @classmethod
    def create(cls, lab, folder, *, owner):
        folder.mkdir(parents=True)
        (folder / "state.json").write_text(json.dumps({"lab": lab.id, "owner": owner}))
        return cls(folder)

    @classmethod
    def open(cls, folder):
        return cls(folder) if (folder / "state.json").exists() else None

    def files(self, pattern):
        return sorted(self.folder.glob(pattern))

    def fill(self, text):
        return text

    def password(self, role):
        return f"s3cret-of-{role}"

    def ledger(self):
        return Figures()

    def close(self):
        shutil.rmtree(self.folder)


class Clock:
    def __init__(self):
        self.now = FRIDAY

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def journal(tmp_path, clock):
    with Journal.open(f"sqlite:///{tmp_path}/journal.sqlite3", clock=clock) as opened:
        yield opened.lab


@pytest.fixture
def room(tmp_path, journal, clock):
    return LabRoom({"oven": LAB}, journal, tmp_path / "home", clock, sandboxes=FolderSandbox)


def statuses(room, learner="ann"):
    return [state.status for state in room.steps(learner, "oven")]


def do(room, step, text="done"):
    (room.sandbox("oven").folder / f"{step}.txt").write_text(text)


def test_steps_open_one_after_another_and_what_can_only_be_read_holds_nobody_up(room):
    room.start("ann", "oven", owner=None)
    seen = [statuses(room)]
    for step in ("one", "two", "four"):
        do(room, step)
        assert room.check("ann", "oven", step).status == "passed"
        seen.append(statuses(room))

    assert seen == [
        ["open", "waiting", "reading", "waiting", "open"],
        ["passed", "open", "reading", "waiting", "open"],
        ["passed", "passed", "reading", "open", "open"],
        ["passed", "passed", "reading", "passed", "open"],
    ]


def test_a_step_that_nothing_here_can_check_says_what_would_help_and_never_passes(room):
    room.start("ann", "oven", owner=None)

    state = room.check("ann", "oven", "cloud")

    assert (state.status, state.finding.status) == ("reading", "could_not_check")
    assert "install" in state.finding.next
    assert room.catalogue("ann")[0].passed == ()


def test_a_step_that_waits_is_not_checked(room):
    room.start("ann", "oven", owner=None)

    with pytest.raises(UsageError, match="waits for one"):
        room.check("ann", "oven", "two")


def test_a_lab_that_does_not_run_is_not_checked(room):
    with pytest.raises(UsageError, match="does not run") as refused:
        room.check("ann", "oven", "one")

    assert "pgdojo lab start oven" in refused.value.next_step


def test_a_finding_is_kept_for_the_learner_without_any_secret(room, journal):
    room.start("ann", "oven", owner=None)
    do(room, "one", "password=hunter2 and s3cret-of-checker")

    room.check("ann", "oven", "one")

    finding = room.steps("ann", "oven")[0].finding
    assert (finding.status, finding.say) == ("misconfigured", "That is a secret.")
    assert finding.found == "password=*** and ***"
    assert "hunter2" not in json.dumps(journal.checks("ann", "oven")[0].evidence)
    assert room.steps("bob", "oven")[0].finding is None


def test_progress_belongs_to_the_revision_of_the_lab(room, journal, tmp_path, clock):
    room.start("ann", "oven", owner=None)
    do(room, "one")
    room.check("ann", "oven", "one")

    newer = LabRoom({"oven": LAB.model_copy(update={"rev": 2})}, journal, tmp_path / "home", clock, sandboxes=FolderSandbox)  # fmt: skip  # noqa: E501

    assert statuses(room)[0] == "passed"
    assert statuses(newer)[0] == "open"
    assert newer.catalogue("ann")[0].state == "new"


def test_what_was_passed_stays_when_the_servers_go(room):
    room.start("ann", "oven", owner=None)
    do(room, "one")
    room.check("ann", "oven", "one")

    room.stop("oven")
    room.stop("oven")

    assert room.sandbox("oven") is None
    assert statuses(room)[0] == "passed"


def test_the_catalogue_says_how_far_one_is(room):
    states = [room.catalogue("ann")[0].state]
    room.start("ann", "oven", owner=None)
    states.append(room.catalogue("ann")[0].state)
    for step in ("one", "two", "four", "free"):
        do(room, step)
        room.check("ann", "oven", step)
    entry = room.catalogue("ann")[0]

    assert [*states, entry.state] == ["new", "open", "done"]
    assert entry.passed == ("one", "two", "four", "free")
    assert room.catalogue("bob")[0].state == "new"


def test_a_second_start_takes_up_what_runs(room, journal):
    first = room.start("ann", "oven", owner=None)

    assert room.start("ann", "oven", owner=None).folder == first.folder
    assert len(journal.runs("ann", "oven")) == 1


def test_a_lab_whose_needs_nothing_meets_does_not_start_and_names_the_command(tmp_path, journal, clock):
    lab = a_lab(a_step("one"), needs=["tool:pg_nonsense"])
    room = LabRoom({"oven": lab}, journal, tmp_path / "home", clock, sandboxes=FolderSandbox)

    with pytest.raises(LabError, match="needs tool:pg_nonsense") as refused:
        room.start("ann", "oven", owner=None)

    assert "install" in refused.value.next_step
    assert list(room.catalogue("ann")[0].missing) == ["tool:pg_nonsense"]


def test_a_hint_comes_after_ninety_seconds_or_after_an_attempt(room, clock):
    room.start("ann", "oven", owner=None)
    shown = [len(room.hint("ann", "oven", "one").hints)]
    assert room.steps("ann", "oven")[0].next_hint_at == FRIDAY + HINT_WAIT
    clock.now += HINT_WAIT
    shown.append(len(room.hint("ann", "oven", "one").hints))
    clock.now += SECOND
    shown.append(len(room.hint("ann", "oven", "one").hints))
    room.check("ann", "oven", "one")
    assert room.steps("ann", "oven")[0].next_hint_at is None
    state = room.hint("ann", "oven", "one")

    assert [*shown, len(state.hints)] == [0, 1, 1, 2]
    assert state.hints == ("Look.", "facts#heat")


def test_there_are_four_rungs_and_no_more(room, clock):
    room.start("ann", "oven", owner=None)
    for _ in range(6):
        clock.now += HINT_WAIT
        state = room.hint("ann", "oven", "one")

    assert state.hints == tuple(HINTS.values())
    assert state.next_hint_at is None


def test_a_prediction_is_compared_with_what_was_measured(room):
    room.start("ann", "oven", owner=None)
    do(room, "one")
    room.check("ann", "oven", "one")
    room.predict("ann", "oven", "two", 5)
    room.predict("ann", "oven", "two", 2.5)
    before = room.steps("ann", "oven")[1]
    do(room, "two")

    after = room.check("ann", "oven", "two")

    assert (before.prediction, before.measured) == (2.5, None)
    assert (after.prediction, after.measured) == (2.5, 0.75)
    with pytest.raises(UsageError, match="passed already"):
        room.predict("ann", "oven", "two", 0.75)
    with pytest.raises(UsageError, match="asks for no prediction"):
        room.predict("ann", "oven", "one", 1)


def test_the_seconds_of_a_step_run_from_when_it_opened_where_nobody_saw_what_was_done(room, clock):
    room.start("ann", "oven", owner=None)
    clock.now += 30 * SECOND
    do(room, "free")

    assert room.check("ann", "oven", "free").measured == 30


def test_the_seconds_of_a_step_leave_out_reading_where_it_is_known_what_was_done(room, clock):
    sandbox = room.start("ann", "oven", owner=None)
    clock.now += 30 * SECOND
    keep(sandbox.folder, Deed(step="free", began=clock.now, seconds=2.5))
    do(room, "free")
    clock.now += 30 * SECOND

    assert room.check("ann", "oven", "free").measured == 2.5


def test_labs_are_found_by_the_passages_they_rest_on(room):
    found = [(lab.id, step and step.id) for lab, step in room.practising(["facts#two", "facts#four"])]

    assert found == [("oven", "two"), ("oven", "four")]
    assert [(lab.id, step) for lab, step in room.practising(["facts#heat"])] == [("oven", None)]
    assert room.practising(["facts#cold"]) == []


@pytest.mark.parametrize("name", ["owen", "nothing"])
def test_an_unknown_lab_or_step_is_named(room, name):
    with pytest.raises(UsageError, match=f"no lab {name}"):
        room.steps("ann", name)
    with pytest.raises(UsageError, match="no step nowhere"):
        room.check("ann", "oven", "nowhere")


def an_engine(*needs):
    return Engine(bin=Path("bin"), version="16.14", meets=frozenset(needs))


@pytest.mark.parametrize(
    ("needs", "step_needs", "lacking"),
    [
        ([], [], []),
        ([], ["ssl"], []),
        (["ssl"], ["vector"], ["vector"]),
        (["ssl", "vector"], [], ["ssl", "vector"]),
        (["gss"], [], ["gss"]),
        (["two_majors"], [], ["two_majors"]),
    ],
)
def test_what_is_met_only_by_engines_apart_is_missing(monkeypatch, needs, step_needs, lacking):
    monkeypatch.setattr(runner, "_engines", lambda: (an_engine("vector"), an_engine("ssl")))
    lab = a_lab(a_step("one", needs=step_needs), needs=needs)

    assert missing(lab, lab.steps[0]) == lacking


# On a real server


SHOP = a_lab(
    a_step("one"),
    sandbox={
        "servers": [{"name": "primary"}],
        "setup": [
            {"on": "primary", "sql": "CREATE TABLE orders (id int PRIMARY KEY, note text)"},
            {"on": "primary", "sql": "INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 50) n"},
            {
                "on": "primary",
                "sql": "CREATE FUNCTION sneak() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN "
                "PERFORM set_config('transaction_read_only', 'off', true); DELETE FROM orders; RETURN 1; END $$",
            },
            {
                "on": "primary",
                "sql": "CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM orders RETURNING 1'",
            },
        ],
    },
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    sandbox_module = pytest.importorskip("pgdojo.lab.sandbox", exc_type=ModuleNotFoundError)
    if choose([]) is None:
        pytest.skip("there is no PostgreSQL on this machine")
    folder = tmp_path_factory.mktemp("pgl") / "shop"
    sandbox = sandbox_module.Sandbox.create(SHOP, folder, owner=None)
    yield sandbox
    sandbox.close()


HOSTILE = [
    "SELECT 1; DROP TABLE orders",
    "SELECT 1; COMMIT; DELETE FROM orders",
    "DELETE FROM orders",
    "UPDATE orders SET note = 'y'",
    "INSERT INTO orders VALUES (99, 'y')",
    "TRUNCATE orders",
    "DROP TABLE orders",
    "CREATE TABLE mine (id int)",
    "CREATE TEMP TABLE mine AS SELECT * FROM orders",
    "SELECT * INTO mine FROM orders",
    "ALTER TABLE orders ADD COLUMN x int",
    "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM gone",
    "EXPLAIN ANALYZE DELETE FROM orders",
    "DO $$ BEGIN DELETE FROM orders; END $$",
    "SELECT sneak()",
    "SELECT wipe()",
    "SET TRANSACTION READ WRITE",
    "BEGIN READ WRITE",
    "SET SESSION AUTHORIZATION postgres",
    "SET ROLE postgres",
    "SET ROLE learner",
    "COPY orders TO PROGRAM 'cat > /dev/null'",
    "COPY orders TO '/dev/null'",
    "COPY orders FROM PROGRAM 'echo 1'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT pg_reload_conf()",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' OR pid = pg_backend_pid() + 1",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "CREATE ROLE mine SUPERUSER",
    "ALTER ROLE checker SUPERUSER",
    "GRANT postgres TO checker",
    "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE",
    "SELECT * FROM orders FOR UPDATE",
    "SELECT nextval('pg_toast.nothing')",
    "SELECT pg_sleep(30)",
    "SELECT set_config('statement_timeout', '0', false), pg_sleep(30)",
    "SELECT count(*) FROM generate_series(1, 100000000000)",
    "VACUUM orders",
    "PREPARE TRANSACTION 'mine'",
    "LISTEN x; SELECT 1",
]
REFUSED_BY_RIGHTS_ALONE = {"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' OR pid = pg_backend_pid() + 1"}  # fmt: skip  # noqa: E501
"""What gives an empty answer, not an error, where there is nobody to end."""


@pytest.mark.parametrize("sql", HOSTILE)
def test_nothing_hostile_gets_through_the_checker(server, sql):
    if sql in REFUSED_BY_RIGHTS_ALONE:
        assert not any(row[0] for row in _rows_or_none(server, sql))
    else:
        with pytest.raises(SqlFailedError):
            run_one(server.conninfo("primary", "checker"), sql)

    found = run_one(server.conninfo("primary", "checker"), "SELECT count(*), min(note), max(note) FROM orders")
    assert found.rows == ((50, "x", "x"),)


def _rows_or_none(server, sql):
    try:
        return run_one(server.conninfo("primary", "checker"), sql).rows
    except SqlFailedError:
        return ()


@pytest.mark.parametrize("sql", ["COMMIT", "ROLLBACK"])
def test_ending_the_transaction_ends_the_session_with_it(server, sql):
    assert run_one(server.conninfo("primary", "checker"), sql).rows == ()


def check_of(**fields):
    words = {"id": "x", "why": "It matters.", "next": "Look."}
    return a_lab(a_step("one", checks=[{**words, **fields}])).steps[0].checks[0]


@pytest.mark.parametrize(
    ("run", "expect", "status", "found"),
    [
        ("SELECT count(*) FROM orders", {"equals": "50"}, "passed", "50"),
        ("SELECT true", {"equals": "t"}, "passed", "true"),
        ("SELECT id, note FROM orders WHERE id < 3 ORDER BY id", {"rows": "2"}, "passed", "2 rows"),
        ("SELECT 1 AS a, 'b' AS c", {"column": "c", "equals": "b"}, "passed", "b"),
        ("SELECT count(*) FROM orders", {"at_most": "9"}, "not_yet", "50"),
        ("SELECT note FROM orders WHERE id = 0", {"equals": "x"}, "not_yet", "nothing"),
        ("SELECT * FROM customers", {"rows": "1"}, "not_yet", 'an error, 42P01: relation "customers" does not exist'),
        ("SELECT pg_sleep(9)", {"rows": "1"}, "could_not_check", "an error, 57014: canceling statement due to"),
    ],
)
def test_a_statement_is_compared_with_what_is_expected(server, run, expect, status, found):
    finding = run_check(check_of(kind="sql", on="primary", run=run, expect=expect), server)

    assert finding.status == status
    assert finding.found.startswith(found)


def test_a_verifier_that_the_checker_may_read_is_not_shown(server):
    run = "SELECT rolpassword FROM pg_authid WHERE rolname = 'learner'"

    finding = run_check(check_of(kind="sql", on="primary", run=run, expect={"equals": "x"}), server)

    assert finding.found == "***"


def test_a_database_that_is_not_there_yet_is_the_learners_to_make(server):
    check = check_of(kind="sql", on="primary", run="SELECT 1", database="later", expect={"equals": "1"})

    assert run_check(check, server).status == "not_yet"


@pytest.mark.parametrize(
    ("fields", "expect", "status"),
    [
        ({}, {"equals": "connected"}, "passed"),
        ({"password": "wrong"}, {"matches": "^refused: password authentication failed"}, "passed"),
        ({"password": "wrong"}, {"equals": "connected"}, "not_yet"),
        ({"password": "guessed-by-ann"}, {"equals": "connected"}, "not_yet"),
    ],
)
def test_a_login_must_succeed_or_be_refused(server, fields, expect, status):
    finding = run_check(check_of(kind="connect", to="primary", expect=expect, **fields), server)

    assert finding.status == status
    assert "guessed-by-ann" not in str(finding)


def test_a_server_that_is_down_says_nothing_of_the_learner_and_passes_for_no_refusal(tmp_path_factory):
    sandbox_module = pytest.importorskip("pgdojo.lab.sandbox", exc_type=ModuleNotFoundError)
    if choose([]) is None:
        pytest.skip("there is no PostgreSQL on this machine")
    sandbox = sandbox_module.Sandbox.create(SHOP, tmp_path_factory.mktemp("pgl") / "down", owner=None)
    try:
        sandbox.perform(SHOP.model_validate({**HEAD, "steps": [a_step("one", solution=[{"do": "stop", "on": "primary"}])]}).steps[0].solution[0])  # fmt: skip  # noqa: E501
        asked = check_of(kind="sql", on="primary", run="SELECT 1", expect={"equals": "1"})
        refused = check_of(kind="connect", to="primary", expect={"matches": "^refused"})
        down = check_of(kind="connect", to="primary", expect={"matches": "Connection refused"})
        found = [run_check(check, sandbox).status for check in (asked, refused, down)]
    finally:
        sandbox.close()

    assert found == ["could_not_check", "could_not_check", "passed"]


# In a terminal


LAB_FILE = """\
id: shop
rev: 1
title: Count the orders
summary: You fill a table.
topic: ha
order: 1
level: apply
minutes: 5
objectives: [ha-heat]
cites: [notes#a]
as_of: "2026-04"
review_by: "2027-09"
sandbox:
  servers: [{name: primary}]
  setup: [{on: primary, sql: "CREATE TABLE orders (id int); ALTER TABLE orders OWNER TO learner"}]
steps:
  - id: fill
    title: Fill it
    why: It is empty.
    do: Insert a row.
    cites: [notes#a]
    checks:
      - id: rows
        kind: sql
        on: primary
        run: "SELECT count(*) FROM orders"
        expect: {at_least: 1}
        why: A table without rows helps nobody.
        next: Insert one.
        when: [{found: {equals: 0}, status: not_yet, say: The table is empty.}]
    hints: {nudge: Look at the table., pointer: notes#a, partial: Insert., solution: Insert a row.}
    solution: [{on: primary, sql: "INSERT INTO orders VALUES (1)"}]
mutants:
  - {name: Nothing was done, at: fill, do: [], expect: {step: fill, check: rows, status: not_yet, says: empty}}
  - {name: It is told wrongly, at: fill, do: [], expect: {step: fill, check: rows, status: not_yet, says: full}}
"""


@pytest.fixture
def pgdojo(tmp_path):
    """Run the program on a course with one lab."""
    course = tmp_path / "course"
    (course / "knowledge").mkdir(parents=True)
    (course / "knowledge" / "notes.md").write_text("# A\n\nB.\n")
    (course / "labs" / "shop").mkdir(parents=True)
    (course / "labs" / "shop" / "lab.yaml").write_text(LAB_FILE)
    known = {"PGDOJO_LABS": str(tmp_path / "l"), "PGDOJO_DATABASE_URL": f"sqlite:///{tmp_path}/j.sqlite3"}

    def call(*words):
        command = [sys.executable, "-m", "pgdojo", "--course", str(course), "lab", *words]
        return subprocess.run(
            command,
            env={**os.environ, **known},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    yield call
    call("stop", "shop")


def test_a_lab_is_worked_through_in_a_terminal(pgdojo, tmp_path):
    if choose([]) is None:
        pytest.skip("there is no PostgreSQL on this machine")
    assert "new   0/1 steps" in pgdojo("list").stdout
    refused = pgdojo("check", "shop")
    assert (refused.returncode, refused.stderr) == (
        2,
        "pgdojo: The lab shop does not run. Start it: pgdojo lab start shop.\n",
    )

    started = pgdojo("start", "shop")
    empty = pgdojo("check", "shop")
    hint = pgdojo("hint", "shop")
    exports = pgdojo("shell", "shop", "--print").stdout
    primary = shlex.split(next(line for line in exports.splitlines() if line.startswith("export PRIMARY=")))[1]
    with psycopg.connect(primary.removeprefix("PRIMARY="), autocommit=True) as connection:
        connection.execute("INSERT INTO orders VALUES (1)")
    full = pgdojo("check", "shop", "fill")

    assert "primary          PostgreSQL" in started.stdout
    assert (empty.returncode, empty.stdout.splitlines()[0]) == (1, "fill, rows: not yet. The table is empty.")
    assert hint.stdout == "1. Look at the table.\n"
    assert (full.returncode, full.stdout.splitlines()[-1]) == (0, "The lab is done.")
    assert "done  1/1 steps" in pgdojo("list").stdout
    assert pgdojo("reset", "shop").returncode == 0
    assert pgdojo("stop", "shop").returncode == 0
    assert not (tmp_path / "l" / "shop").exists()
    assert pgdojo("clean").stdout == "Nothing was left behind.\n"


def test_the_test_of_a_lab_fails_for_a_mistake_that_is_told_wrongly(pgdojo):
    if choose([]) is None:
        pytest.skip("there is no PostgreSQL on this machine")

    tested = pgdojo("test", "shop")

    assert tested.returncode == 1
    faults = [line for line in tested.stdout.splitlines() if line.lstrip().startswith("fault")]
    assert len(faults) == 1
    assert "expected to be told “full”, and rows is not_yet: “The table is empty.”" in faults[0]
    assert tested.stdout.count("  ok ") == 4


def test_a_lab_that_does_not_exist_is_named(pgdojo):
    refused = pgdojo("start", "shoq")

    assert (refused.returncode, refused.stderr) == (2, "pgdojo: There is no lab shoq. Did you mean shop?\n")
