"""A lab on a server that is somebody's: it gets a database and two roles there, and leaves nothing behind."""

from __future__ import annotations

import os
from dataclasses import asdict

import psycopg
import pytest

from pgdojo.course.lab_records import Lab
from pgdojo.errors import LabError
from pgdojo.lab import foreign
from pgdojo.lab.checks import run_check
from pgdojo.lab.engines import choose
from pgdojo.lab.processes import guise
from pgdojo.lab.runner import LabRoom, missing
from pgdojo.lab.sandbox import Sandbox, sweep
from pgdojo.lab.server import Server, free_port
from pgdojo.learner.journal import Journal

pytestmark = pytest.mark.slow

WORDS = {"why": "It matters.", "next": "Look."}
HINTS = {"nudge": "Look.", "pointer": "facts#heat", "partial": "Write.", "solution": "Insert two rows."}


def a_step(name, *, kind="sql", solution=(), **fields):
    check = {"id": name, "kind": kind, "expect": {"equals": "2"}, **WORDS, **fields}
    return {
        "id": name,
        "title": name,
        "why": "So.",
        "do": "Do it.",
        "cites": ["facts#heat"],
        "checks": [check],
        "hints": HINTS,
        "solution": list(solution) or [{"do": "sleep", "seconds": "1"}],
    }


ROWS = a_step(
    "rows",
    on="primary",
    run="SELECT count(*) FROM tea",
    solution=[{"on": "primary", "sql": "INSERT INTO tea VALUES (1), (2)"}],
)
SETUP = [
    {"on": "primary", "sql": "CREATE TABLE tea (id int); ALTER TABLE tea OWNER TO learner"},
    {"on": "primary", "sql": "CREATE TABLE prices AS SELECT 5 AS price"},
]


def a_lab(*steps, servers=({"name": "primary"},), setup=SETUP, **other):
    head = {"id": "tea-room", "rev": "1", "title": "Tea", "summary": "Tea.", "topic": "ha", "order": "1"}
    more = {"level": "apply", "minutes": "5", "objectives": ["ha-heat"], "cites": ["facts#heat"]}
    dated = {"as_of": "2026-04", "review_by": "2027-09"}
    sandbox = {"servers": list(servers), "setup": list(setup)}
    return Lab.model_validate({**head, **more, **dated, "sandbox": sandbox, "steps": list(steps) or [ROWS], **other})


class Somebody:
    """A server that runs already, with a database that is nobody's business."""

    def __init__(self, server):
        self.server = server

    def dsn(self, user="postgres", password=None):
        return f"postgresql://{user}:{password or self.server.password}@127.0.0.1:{self.server.port}/postgres"

    def rows(self, query, database="postgres"):
        with psycopg.connect(self.dsn(), dbname=database, autocommit=True) as connection:
            found = connection.execute(query)
            return {row[0] for row in found} if found.description else set()

    def all_there_is(self):
        databases = self.rows("SELECT datname FROM pg_database")
        return databases | self.rows("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    engine = choose([])
    if engine is None:
        pytest.skip("there is no PostgreSQL on this machine")
    root = tmp_path_factory.mktemp("pgl")
    way = guise(engine, root)
    server = Server(name="theirs", engine=engine, root=root, port=free_port(), guise=way, password="their-own-secret")
    server.init({})
    server.start()
    somebody = Somebody(server)
    somebody.rows("CREATE DATABASE ledger")
    somebody.rows("CREATE ROLE maker LOGIN CREATEDB CREATEROLE PASSWORD 'makes'")
    somebody.rows("CREATE ROLE reader LOGIN PASSWORD 'reads'")
    yield somebody
    server.stop("immediate")


@pytest.fixture
def theirs(running, monkeypatch):
    """The server, named by the DSN of its superuser; at the end it must be as it was."""
    monkeypatch.setenv(foreign.DSN, running.dsn())
    monkeypatch.delenv(foreign.REMOTE, raising=False)
    foreign._seen.cache_clear()
    before = running.all_there_is()
    yield running
    foreign._seen.cache_clear()
    assert running.all_there_is() == before


@pytest.fixture
def start(theirs, tmp_path):
    """Starts labs, which end before their server is looked at."""
    started = []

    def begin(lab):
        started.append(Sandbox.create(lab, tmp_path / "labs" / lab.id, owner=os.getpid()))
        return started[-1]

    yield begin
    for sandbox in started:
        os.environ[foreign.DSN] = theirs.dsn()
        sandbox.close()


@pytest.mark.parametrize("user", ["postgres", "maker"])
def test_a_lab_is_solved_in_a_database_of_its_own_and_leaves_nothing(theirs, start, monkeypatch, user):
    monkeypatch.setenv(foreign.DSN, theirs.dsn(user, {"maker": "makes"}.get(user)))
    before = theirs.all_there_is()
    lab = a_lab(ROWS, a_step("price", on="primary", run="SELECT price - 3 FROM prices"))

    sandbox = start(lab)
    made = theirs.all_there_is() - before
    empty = run_check(lab.steps[0].checks[0], sandbox).status
    sandbox.perform(lab.steps[0].solution[0])
    solved = [run_check(step.checks[0], sandbox).status for step in lab.steps]
    sandbox.close()

    assert sorted(name.rsplit("_", 1)[0] for name in made) == ["pgdojo_checker", "pgdojo_learner", "pgdojo_tea_room"]
    assert (empty, solved) == ("not_yet", ["passed", "passed"])
    assert theirs.all_there_is() == before
    assert not sandbox.folder.exists()


def test_the_labs_own_names_stand_in_every_text(start):
    sandbox = start(a_lab())

    text = sandbox.fill("ALTER DATABASE shop OWNER TO learner; SELECT 'shop_learner', 'the shop'")

    with psycopg.connect(sandbox.conninfo("primary")) as connection:
        user, database = connection.execute("SELECT current_user, current_database()").fetchone()
    assert text == f"ALTER DATABASE {database} OWNER TO {user}; SELECT 'shop_learner', 'the shop'"


def test_the_learner_has_no_rights_over_roles_and_databases_of_others(start):
    sandbox = start(a_lab())

    with psycopg.connect(sandbox.conninfo("primary"), autocommit=True) as connection:
        for statement in (
            "CREATE ROLE mine",
            "CREATE DATABASE mine",
            "ALTER ROLE maker PASSWORD 'x'",
            "DROP DATABASE ledger",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_checker_reads_and_writes_nothing(start):
    sandbox = start(a_lab())
    writes = a_step("x", on="primary", run="INSERT INTO tea VALUES (3) RETURNING 2")

    found = run_check(a_lab(writes).steps[0].checks[0], sandbox)

    assert found.status != "passed"
    assert "25006" in found.found


def test_the_dsn_is_written_nowhere(theirs, start):
    sandbox = start(a_lab())

    files = [path for path in sandbox.folder.rglob("*") if path.is_file()]

    assert files
    assert [path.name for path in files if theirs.server.password in path.read_text(errors="replace")] == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"servers": [{"name": "primary"}, {"name": "other"}]}, "a second server"),
        ({"servers": [{"name": "primary", "settings": {"wal_level": "logical"}}]}, "the setting wal_level"),
        ({"servers": [{"name": "primary", "version": "13"}]}, "PostgreSQL 13"),
        ({"setup": [{"do": "restart", "on": "primary"}]}, "restart"),
        ({"setup": [{"on": "primary", "sql": "CREATE  role app"}]}, "CREATE ROLE"),
        ({"setup": [{"on": "primary", "sql": "ALTER SYSTEM SET work_mem = '8MB'"}]}, "ALTER SYSTEM"),
    ],
)
@pytest.mark.usefixtures("theirs")
def test_a_lab_that_needs_more_than_sql_is_refused_by_name(tmp_path, changes, named):
    with pytest.raises(LabError, match=f"needs {named}, which the server of PGDOJO_PG_DSN cannot give") as refused:
        Sandbox.create(a_lab(**changes), tmp_path / "lab", owner=None)

    assert "unset PGDOJO_PG_DSN" in refused.value.next_step


@pytest.mark.usefixtures("theirs")
def test_every_operation_that_cannot_be_done_is_named_before_the_start(tmp_path):
    step = {**ROWS, "solution": [{"do": "kill", "on": "primary"}, {"do": "start", "on": "primary"}]}
    with Journal.open(f"sqlite:///{tmp_path}/j.sqlite3") as journal:
        room = LabRoom({"tea-room": a_lab(step)}, journal.lab, tmp_path / "labs")

        with pytest.raises(LabError, match="needs kill, start, which the server of PGDOJO_PG_DSN cannot give"):
            room.start("ann", "tea-room", owner=None)

        assert room.catalogue("ann")[0].missing == {
            "dsn:kill": "unset PGDOJO_PG_DSN",
            "dsn:start": "unset PGDOJO_PG_DSN",
        }


@pytest.mark.usefixtures("theirs")
def test_what_looks_at_files_or_the_log_is_for_reading_and_says_why(tmp_path):
    log = a_step("log", kind="log", on="primary", matches="ERROR")
    with Journal.open(f"sqlite:///{tmp_path}/j.sqlite3") as journal:
        room = LabRoom({"tea-room": a_lab(log, ROWS)}, journal.lab, tmp_path / "labs")
        first, second = room.steps("ann", "tea-room")

    assert (first.status, second.status) == ("reading", "open")
    assert "it looks at its log, which the server of PGDOJO_PG_DSN keeps" in first.finding.say
    assert "unset PGDOJO_PG_DSN" in first.finding.next


@pytest.mark.usefixtures("theirs")
def test_needs_are_met_by_what_the_server_says_of_itself():
    lab = a_lab({**ROWS, "needs": ["pg_stat_statements", "tool:psql", "ssl"]})

    lacking = missing(lab, lab.steps[0])

    assert "tool:psql" not in lacking
    assert {"pg_stat_statements", "ssl"} <= set(lacking)


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("postgresql://ann:hunter2@db.example.com/postgres", "leads to db.example.com, which is not this machine"),
        ("host=127.0.0.1,10.0.0.7 user=ann", "leads to 127.0.0.1, 10.0.0.7, which is not this machine"),
        ("service=prod", "leads to the service prod, which is not this machine"),
        ("hunter2 is my password", "is no connection string"),
        ("host=127.0.0.1 port=1 user=ann password=hunter2", "refuses: connection failed"),
    ],
)
@pytest.mark.usefixtures("theirs")
def test_a_dsn_that_cannot_be_used_is_refused_without_its_password(tmp_path, monkeypatch, dsn, said):
    monkeypatch.setenv(foreign.DSN, dsn)

    with pytest.raises(LabError, match=said) as refused:
        Sandbox.create(a_lab(), tmp_path / "lab", owner=None)

    assert "hunter2" not in str(refused.value)
    assert not (tmp_path / "lab").exists()


def test_another_host_is_used_only_with_leave(theirs, monkeypatch):
    # a name that needs looking up is taken for another host, wherever it leads
    monkeypatch.setenv(foreign.DSN, theirs.dsn().replace("127.0.0.1", "0"))
    with pytest.raises(LabError) as refused:
        foreign.look()

    monkeypatch.setenv(foreign.REMOTE, "yes")

    assert "PGDOJO_PG_DSN_REMOTE=yes" in refused.value.next_step
    assert foreign.look().version


def test_a_role_that_may_make_nothing_is_told_which_rights_it_needs(theirs, tmp_path, monkeypatch):
    monkeypatch.setenv(foreign.DSN, theirs.dsn("reader", "reads"))

    with pytest.raises(LabError, match=r"reader, .* may not create databases or create roles") as refused:
        Sandbox.create(a_lab(), tmp_path / "lab", owner=None)

    assert "ALTER ROLE reader CREATEDB CREATEROLE" in refused.value.next_step


def test_a_setup_that_fails_leaves_nothing(theirs, tmp_path):
    before = theirs.all_there_is()

    with pytest.raises(LabError, match="42P01"):
        Sandbox.create(a_lab(setup=[{"on": "primary", "sql": "SELECT * FROM nothing"}]), tmp_path / "lab", owner=None)

    assert theirs.all_there_is() == before


def test_the_end_drops_what_is_in_use_and_may_be_repeated(start):
    sandbox = start(a_lab())
    guest = sandbox._guest

    with psycopg.connect(sandbox.conninfo("primary"), autocommit=True) as connection:
        connection.execute("CREATE TABLE mine (id int)")
        sandbox.close()
        foreign.drop(guest)

        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_without_the_dsn_the_clean_up_says_what_is_left_and_is_done_later(theirs, tmp_path, monkeypatch):
    sandbox = Sandbox.create(a_lab(), tmp_path / "labs" / "tea-room", owner=None)
    guest = sandbox._guest
    state = sandbox.folder / "sandbox.json"
    state.write_text(
        state.read_text().replace('"whole": true', '"whole": false').replace(f'"pid": {os.getpid()}', '"pid": 0')
    )
    heard = []

    monkeypatch.delenv(foreign.DSN)
    kept = sweep(tmp_path / "labs", heard.append)
    monkeypatch.setenv(foreign.DSN, theirs.dsn())
    removed = sweep(tmp_path / "labs", heard.append)

    assert (kept, removed) == ([], ["tea-room"])
    assert len(heard) == 1
    assert f"still the database {guest.database} and the roles {guest.learner} and {guest.checker}" in str(heard[0])


def test_nothing_is_dropped_on_a_server_that_is_another_one(theirs, start):
    sandbox = start(a_lab())
    elsewhere = foreign.Guest(**{**asdict(sandbox._guest), "address": {"host": "127.0.0.1", "port": "1"}})

    with pytest.raises(LabError, match="names another server"):
        foreign.drop(elsewhere)

    assert sandbox._guest.database in theirs.all_there_is()


@pytest.mark.usefixtures("theirs")
def test_a_lab_of_aws_starts_servers_of_its_own_all_the_same():
    assert not foreign.concerns(a_lab(servers=[], setup=[], needs=["aws"]))
    assert foreign.concerns(a_lab())
