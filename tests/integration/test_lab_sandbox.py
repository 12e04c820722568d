"""The sandbox on the real servers that pip installs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pgdojo.course.lab_records import Lab, Operation
from pgdojo.errors import LabError
from pgdojo.lab import processes
from pgdojo.lab.engines import choose
from pgdojo.lab.sandbox import Sandbox, home, sweep
from pgdojo.lab.server import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(choose(["tool:pg_basebackup"], 16) is None, reason="needs pip install 'pgdojo[labs]'"),
]

PAIR = [{"name": "primary"}, {"name": "standby", "follows": "primary"}]
SYNCHRONOUS = [{"name": "primary"}, {"name": "standby", "follows": "primary", "synchronous": True}]
ORDERS = {
    "on": "primary",
    "sql": "CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 100)",
}


def lab(*servers: dict[str, object], setup: tuple[dict[str, object], ...] = (), needs: tuple[str, ...] = ()) -> Lab:
    hints = {"nudge": "n", "pointer": "facts#f", "partial": "p", "solution": "s"}
    check = {
        "kind": "log",
        "id": "c",
        "on": "primary",
        "matches": "x",
        "expect": {"equals": "1"},
        "why": "w",
        "next": "n",
    }
    step = {
        "id": "one",
        "title": "One",
        "why": "w",
        "do": "d",
        "cites": ["facts#f"],
        "checks": [check],
        "hints": hints,
        "solution": [{"do": "sleep"}],
    }
    return Lab.model_validate(
        {
            "id": "trial",
            "rev": 1,
            "title": "A trial",
            "summary": "s",
            "topic": "ha",
            "order": 1,
            "level": "apply",
            "minutes": 1,
            "objectives": ["o"],
            "cites": ["facts#f"],
            "as_of": "2026-04",
            "review_by": "2027-04",
            "needs": needs,
            "sandbox": {"servers": servers or [{"name": "primary"}], "setup": setup},
            "steps": [step],
        }
    )


def do(sandbox: Sandbox, **fields: object) -> str:
    return sandbox.perform(Operation.model_validate(fields))


def value(sandbox: Sandbox, server: str, query: str, role: str = "checker") -> object:
    with psycopg.connect(sandbox.conninfo(server, role)) as connection:
        return connection.execute(query).fetchone()[0]


def processes_of(folder: Path) -> list[int]:
    return [*processes.remembered(folder), *processes.working_in(folder)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "trial"
    yield folder
    Sandbox(folder).close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Sandbox]:
    """One server for the tests that leave it as it was."""
    sandbox = Sandbox.create(lab(setup=(ORDERS,)), tmp_path_factory.mktemp("shared") / "trial", owner=None)
    yield sandbox
    sandbox.close()


def test_wal_is_archived_after_a_crash_without_anybody_asking_for_it(folder):
    sandbox = Sandbox.create(lab({"name": "primary", "archive": True}, setup=(ORDERS,)), folder, owner=None)
    do(sandbox, do="kill", on="primary")
    do(sandbox, do="start", on="primary")
    before = {path.name for path in sandbox.files("archive/primary/0*")}

    do(sandbox, on="primary", sql="SELECT pg_logical_emit_message(true, 'a', 'b')")
    # a checkpointer that has slept through the recovery would take minutes
    do(sandbox, do="wait", on="primary", sql="SELECT archived_count > 0 FROM pg_stat_archiver", seconds="20")

    assert {path.name for path in sandbox.files("archive/primary/0*")} > before


def test_one_server_has_the_shop_and_roles_with_no_more_rights_than_they_need(shared):
    sandbox = shared

    assert [(state.name, state.role) for state in sandbox.states()] == [("primary", "primary")]
    assert value(sandbox, "primary", "SELECT count(*) FROM orders") == 100
    rights = "SELECT concat(rolsuper, rolreplication, rolcreaterole, rolcreatedb) FROM pg_roles WHERE rolname ="
    assert value(sandbox, "primary", f"{rights} 'checker'") == "ffff"
    assert value(sandbox, "primary", f"{rights} 'learner'") == "fftt"
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(sandbox.conninfo("primary", "checker")) as it,
    ):
        it.execute("CREATE TABLE mine ()")
    do(sandbox, on="primary", sql="CREATE TABLE mine (); CREATE ROLE app LOGIN; CREATE DATABASE other")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(sandbox.conninfo("primary", password="wrong"))
    assert sandbox.log_lines("primary", "password authentication failed")
    assert "wrong" not in sandbox.conninfo("primary", password="wrong")


def test_closing_leaves_no_process_and_no_folder_and_can_be_repeated(folder):
    sandbox = Sandbox.create(lab(*PAIR), folder, owner=os.getpid())
    do(sandbox, do="client_start", on=["primary", "standby"])
    do(sandbox, do="kill", on="primary")
    known = processes.remembered(folder)
    assert len(known) == 3  # standby, client, guardian

    sandbox.close()
    sandbox.close()

    assert not folder.exists()
    assert [pid for pid in known if processes.started_at(pid)] == []
    assert processes.working_in(folder) == []
    assert Sandbox.open(folder) is None


def test_a_failover_to_a_synchronous_standby_loses_no_acknowledged_row(folder):
    sandbox = Sandbox.create(lab(*SYNCHRONOUS), folder, owner=None)
    do(sandbox, do="client_start", on=["primary", "standby"])
    do(sandbox, do="sleep", seconds=1)

    do(sandbox, do="kill", on="primary")
    do(sandbox, do="promote", on="standby")
    do(sandbox, do="sleep", seconds=1.5)
    said = do(sandbox, do="client_stop")

    ledger = sandbox.ledger()
    assert ledger.lost == 0, said
    assert ledger.acknowledged > 5
    assert 0.1 < ledger.outage_seconds < 10
    assert not ledger.running
    assert '"rows_lost": 0' in sandbox.files("ledger.json")[0].read_text()
    assert [state.role for state in sandbox.states()] == ["stopped", "primary"]


def test_a_standby_that_was_cut_loses_rows_and_a_killed_primary_comes_back_behind_it(folder):
    sandbox = Sandbox.create(lab(*PAIR), folder, owner=None)
    do(sandbox, do="client_start", on=["primary", "standby"])
    do(sandbox, do="cut", on="standby")
    do(sandbox, do="sleep", seconds=1)
    do(sandbox, do="kill", on="primary")
    do(sandbox, do="promote", on="standby")
    do(sandbox, do="sleep", seconds=1)
    do(sandbox, do="client_stop")
    assert sandbox.ledger().lost >= 3

    assert "pg_rewind" in do(sandbox, do="rejoin", on="primary", to="standby")

    do(sandbox, on="standby", sql="CREATE TABLE after ()")
    do(sandbox, do="wait", on="primary", sql="SELECT to_regclass('after') IS NOT NULL", seconds=10)
    assert [state.role for state in sandbox.states()] == ["standby", "primary"]


def test_a_cut_standby_is_mended(folder):
    sandbox = Sandbox.create(lab(*PAIR), folder, owner=None)
    do(sandbox, do="cut", on="standby")
    do(sandbox, on="primary", sql="CREATE TABLE later ()")
    assert value(sandbox, "standby", "SELECT to_regclass('later') IS NULL")

    do(sandbox, do="mend", on="standby")

    do(sandbox, do="wait", on="standby", sql="SELECT to_regclass('later') IS NOT NULL", seconds=10)


def test_a_dropped_table_comes_back_in_a_server_restored_to_the_moment_before(folder):
    archiving = {"name": "primary", "archive": True, "settings": {"max_connections": "60", "work_mem": "8MB"}}
    sandbox = Sandbox.create(lab(archiving, setup=(ORDERS,)), folder, owner=None)
    do(sandbox, do="backup", on="primary", to="nightly")
    do(sandbox, on="primary", sql="INSERT INTO orders VALUES (101)", **{"as": "postgres"})
    do(sandbox, do="mark", name="before")
    do(sandbox, on="primary", sql="DROP TABLE orders", **{"as": "postgres"})

    for _ in range(2):  # the second replaces the first
        do(sandbox, **{"from": "nightly"}, do="restore", to="restored", until="{before}")

    assert value(sandbox, "restored", "SELECT count(*) FROM orders") == 101
    assert value(sandbox, "primary", "SELECT to_regclass('orders') IS NULL")
    assert value(sandbox, "restored", "SELECT current_setting('work_mem')") == "4MB"
    do(sandbox, on="restored", sql="CREATE TABLE writes ()")
    assert sandbox.files("archive/primary/0*")
    with pytest.raises(LabError, match="future"):
        do(sandbox, **{"from": "nightly"}, do="restore", to="restored", until="2099-01-01T00:00:00+00:00")
    with pytest.raises(LabError, match="before the end of the backup"):
        do(sandbox, **{"from": "nightly"}, do="restore", to="early", until="2001-01-01T00:00:00+00:00")
    assert [state.name for state in sandbox.states()] == ["primary", "restored"]


@pytest.mark.skipif(choose(["tool:pg_upgrade"], 18) is None, reason="needs PostgreSQL 18")
def test_a_shop_of_16_goes_to_18_by_a_dump_and_by_an_upgrade(folder):
    servers = (
        {"name": "primary", "version": 16},
        {"name": "target", "version": 18},
        {"name": "fresh", "version": 18, "start": False},
    )
    sandbox = Sandbox.create(lab(*servers, setup=(ORDERS,)), folder, owner=None)

    do(sandbox, do="dump", on="primary", to="shop")
    do(sandbox, **{"from": "shop"}, do="load", on="target")
    assert value(sandbox, "target", "SELECT count(*) FROM orders") == 100
    with pytest.raises(LabError, match="still runs"):
        do(sandbox, **{"from": "primary"}, do="upgrade", to="fresh")
    do(sandbox, do="stop", on="primary")
    do(sandbox, **{"from": "primary"}, do="upgrade", to="fresh")
    do(sandbox, do="start", on="fresh")

    assert value(sandbox, "fresh", "SELECT count(*) FROM orders") == 100
    assert [state.version.split(".")[0] for state in sandbox.states()] == ["16", "18", "18"]


def test_settings_are_set_and_those_that_run_or_open_something_are_refused(shared):
    sandbox = shared

    do(sandbox, do="set", on="primary", settings={"work_mem": "8MB", "log_connections": "on"})
    assert value(sandbox, "primary", "SELECT current_setting('work_mem')") == "8MB"
    do(sandbox, do="set", on="primary", settings={"max_connections": "70"}, restart=True)
    assert value(sandbox, "primary", "SELECT current_setting('max_connections')") == "70"
    for name in ("archive_command", "listen_addresses", "data_directory", "ssl_passphrase_command", "primary_conninfo"):
        with pytest.raises(LabError, match="stays as the lab has set it"):
            do(sandbox, do="set", on="primary", settings={name: "touch /tmp/x"})
    with pytest.raises(LabError, match="cannot be set"):
        do(sandbox, do="set", on="primary", settings={"work_mem": "'\nlisten_addresses = '*"})
    with pytest.raises(LabError, match="not paths"):
        do(sandbox, do="set", on="primary", settings={"shared_preload_libraries": "/tmp/evil"})


def test_what_has_to_fail_is_told_from_what_did_not(shared):
    sandbox = shared

    assert "Refused" in do(sandbox, on="primary", sql="SELECT pg_read_file('/etc/passwd')", fails="42501|denied")
    with pytest.raises(LabError, match="had to fail"):
        do(sandbox, on="primary", sql="SELECT 1", fails="42501")
    with pytest.raises(LabError, match="42P01"):
        do(sandbox, on="primary", sql="SELECT * FROM nothing")
    do(sandbox, on="primary", sql="CREATE ROLE alice; GRANT alice TO learner")
    assert "Refused" in do(sandbox, on="primary", sql="CREATE TABLE hers ()", fails="42501", **{"as": "alice"})


def test_no_conninfo_reaches_another_host_and_no_hostile_name_is_taken(shared):
    sandbox = shared

    info = psycopg.conninfo.conninfo_to_dict(
        sandbox.conninfo("primary", host="db.example.org", sslrootcert="tls/ca.pem")
    )
    assert info["hostaddr"] == "127.0.0.1"
    assert info["host"] == "db.example.org"
    assert info["sslrootcert"] == str(sandbox.folder / "tls" / "ca.pem")
    for options in (
        {"hostaddr": "10.0.0.1"},
        {"port": "5432"},
        {"service": "x"},
        {"passfile": "x"},
        {"host": "a,b"},
        {"host": "/tmp"},
        {"sslrootcert": "../../x"},
        {"sslrootcert": "/etc/passwd"},
    ):
        with pytest.raises(LabError):
            sandbox.conninfo("primary", **options)
    for database in ("host=10.0.0.1", "postgresql://10.0.0.1/x", "a b", ""):
        with pytest.raises(LabError):
            sandbox.conninfo("primary", database=database)
    for name in ("../up", "a b", "primary host=10.0.0.1", "x;y"):
        with pytest.raises(LabError):
            sandbox.conninfo(name)
        with pytest.raises(LabError):
            do(sandbox, do="backup", on="primary", to=name)
    for pattern in ("../*", "/etc/*", "a/../../b"):
        with pytest.raises(LabError):
            sandbox.files(pattern)
    out = sandbox.folder / "out"
    out.symlink_to("/etc")
    assert sandbox.files("out/*") == []
    assert sandbox.files("*.json") == []
    out.unlink()
    assert set(sandbox.environment()) >= {"PRIMARY", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE"}


def test_a_moment_is_filled_into_texts_and_other_braces_stay(shared):
    sandbox = shared
    do(sandbox, do="mark", name="before")

    assert sandbox.fill("'{\"a\": 1}' {before} {after}").startswith("'{\"a\": 1}' 20")
    assert Sandbox.open(sandbox.folder).remembered() == sandbox.remembered()


def test_a_fifth_server_is_refused_and_nothing_is_left(folder):
    with pytest.raises(LabError, match="at most 4"):
        Sandbox.create(lab(*({"name": f"s{number}"} for number in range(5))), folder, owner=None)

    assert not folder.exists()


def test_a_setup_that_fails_leaves_nothing(folder):
    with pytest.raises(LabError, match="42601"):
        Sandbox.create(lab(setup=({"on": "primary", "sql": "SELEC"},)), folder, owner=None)

    assert not folder.exists()


def test_servers_listen_on_this_machine_alone(shared):
    sandbox = shared

    assert value(sandbox, "primary", "SHOW listen_addresses", "postgres") == "127.0.0.1"
    assert value(sandbox, "primary", "SHOW unix_socket_directories", "postgres") == ""


OWNER = """
import os, sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_lab_sandbox import lab
from pgdojo.lab.sandbox import Sandbox
Sandbox.create(lab(), Path({folder!r}), owner=os.getpid())
print("ready", flush=True)
time.sleep(60)
"""


def orphan(folder: Path, *, kill_guardian: bool) -> list[int]:
    code = OWNER.format(tests=str(Path(__file__).parent), folder=str(folder))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout.readline() == "ready\n"
        known = processes.remembered(folder)
        if kill_guardian:
            os.kill(processes.remembered(folder, "guardian")[0], signal.SIGKILL)
        owner.send_signal(signal.SIGKILL)
    return known


def test_the_guardian_closes_the_sandbox_of_an_owner_that_was_killed(folder):
    known = orphan(folder, kill_guardian=False)

    until = time.monotonic() + 20
    while any(processes.started_at(pid) for pid in known) and time.monotonic() < until:
        time.sleep(0.1)
    assert [pid for pid in known if processes.started_at(pid)] == []
    assert not folder.exists()


def test_a_sweep_closes_what_a_dead_owner_left_and_nothing_else(folder, tmp_path):
    known = orphan(folder, kill_guardian=True)
    stays = Sandbox.create(lab(), tmp_path / "stays", owner=None)
    (tmp_path / "foreign").mkdir()

    assert sweep(tmp_path) == ["trial"]

    assert [pid for pid in known if processes.started_at(pid)] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign", "stays"]
    assert stays.states()[0].role == "primary"
    stays.close()


def test_a_later_process_of_the_same_pid_is_never_ended(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"]) as foreign:
        entry = f'{{"pid": {foreign.pid}, "started": "long ago", "what": "server primary"}}\n'
        (tmp_path / "processes.jsonl").write_text(entry)

        assert processes.remembered(tmp_path) == []
        foreign.kill()


def test_tls_is_verified_by_name_and_by_authority(folder):
    if choose(["ssl"]) is None:
        pytest.skip("no engine here has TLS")
    sandbox = Sandbox.create(lab(needs=("ssl",)), folder, owner=None)
    name = "shop.abc.eu-central-1.rds.amazonaws.com"
    do(sandbox, do="tls", on="primary", name=name, force=True)

    def connects(**options: str) -> bool:
        try:
            psycopg.connect(sandbox.conninfo("primary", **options)).close()
        except psycopg.OperationalError:
            return False
        return True

    ca, other = "tls/ca.pem", "tls/other-ca.pem"
    assert connects(sslmode="verify-full", sslrootcert=ca)
    assert connects(sslmode="verify-ca", sslrootcert=ca, host="other.example.org")
    assert not connects(sslmode="verify-full", sslrootcert=ca, host="other.example.org")
    assert not connects(sslmode="verify-full", sslrootcert=other)
    assert not connects(sslmode="disable")
    assert sandbox.files("tls/*.key") == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root has to step down")
def test_root_steps_down_wherever_the_folder_lies(tmp_path):
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as open_to_all:
        Path(open_to_all).chmod(0o711)
        Path(open_to_all, "trial").mkdir()
        ways = {processes.guise(choose([]), Path(open_to_all, "trial")).way, processes.guise(choose([]), tmp_path).way}

    assert ways <= {"nobody", "unshare"}


def test_a_port_in_use_is_not_given_away():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        assert free_port([1]) != taken.getsockname()[1]


def test_the_home_of_labs_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("PGDOJO_LABS", str(tmp_path))

    assert home() == tmp_path
