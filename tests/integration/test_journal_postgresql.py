"""The journal on a real PostgreSQL: failovers, rights, the order of rows, and processes that share one."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from databases import ServerPlace, a_database, drop
from journal_events import (
    EVERY,
    Clock,
    a_turn,
    child,
    one_event_of_every_table,
    refusal_of,
)
from sqlalchemy import event

from pgdojo.errors import JournalError
from pgdojo.learner.journal import Journal
from pgdojo.learner.portable import export, import_file

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent


@pytest.fixture
def journal(server_place):
    with Journal.open(server_place.url, clock=Clock()) as opened:
        yield opened


def refusal(url):
    with pytest.raises(JournalError) as refused:
        Journal.open(url)
    return refused.value


# How it is connected to


def test_connections_have_a_name_and_limits(journal):
    names = ("application_name", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")

    with journal.engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names}

    assert found == {
        "application_name": "pgdojo",
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "5s",
    }


def test_what_the_address_sets_itself_stays(server_place):
    options = "?application_name=dojo-of-the-team&options=-c%20statement_timeout%3D7s"

    with Journal.open(server_place.url + options) as journal, journal.engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"SHOW {name}").scalar() for name in ("application_name", "statement_timeout")
        ]

    assert found == ["dojo-of-the-team", "7s"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_the_address_leads_to_the_same_place(server_place, scheme):
    with Journal.open(server_place.url.replace("postgresql", scheme)) as journal:
        assert journal.place == server_place.url.replace(server_place.server.password, "***")
        assert journal.product == f"PostgreSQL {server_place.server.engine.version}"


def test_the_first_server_of_several_that_takes_writes_is_used(server_place):
    port = server_place.server.port
    name = f"{server_place.name}?host=localhost,127.0.0.1&port=1,{port}&target_session_attrs=read-write"

    with Journal.open(server_place.url.replace(f"127.0.0.1:{port}/{server_place.name}", f"/{name}")) as journal:
        assert journal.record_turn(a_turn())


# What goes wrong is said in words, and never with the password


def test_a_wrong_password_is_named_and_not_shown(server_place):
    error = refusal(server_place.url_of("postgres", "secret"))

    assert error.problem.startswith("The server refuses the user or the password of the journal postgresql://postgres:")
    assert "%40" in error.next_step
    assert "secret" not in str(error)


def test_an_unknown_database_is_named(server_place):
    error = refusal(f"{server_place.url}_typo")

    assert error.problem.startswith("The server has no database of the name in postgresql://postgres:***@127.0.0.1:")
    assert "CREATE DATABASE" in error.next_step


def test_a_server_that_is_down_is_named(server_place):
    error = refusal(server_place.url.replace(f":{server_place.server.port}/", ":1/"))

    assert "cannot be reached" in error.problem
    assert "Connection refused" in error.problem
    assert "Check that it runs" in error.next_step
    assert server_place.server.password not in str(error)


def test_a_server_without_tls_is_named_where_the_address_asks_for_it(server_place):
    error = refusal(f"{server_place.url}?sslmode=verify-full")

    assert "cannot be reached over TLS as its address asks" in error.problem


@pytest.mark.parametrize("url", ["postgresql://ann:se@cret@h/x", "postgresql://ann:se@cret:5432@h/x"])
def test_a_password_with_a_bare_at_sign_is_not_taken_for_a_host_and_shown(url):
    error = refusal(url)

    assert "%40" in error.next_step
    assert "cret" not in error.problem + error.next_step.replace("secret", "")


def test_a_database_of_another_kind_is_refused():
    error = refusal("mysql://ann:secret@h/x")

    assert str(error) == (
        "The journal cannot be kept in mysql. Let PGDOJO_DATABASE_URL begin with postgresql:// or sqlite:///."
    )


def test_a_database_that_cannot_hold_every_text_is_refused_before_anything_is_made(postgresql):
    place = a_database(postgresql, "latin", template="template0 ENCODING 'LATIN1'")

    error = refusal(place.url)

    assert "holds LATIN1, and not every text" in error.problem
    assert place.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    drop(place)


def test_the_tables_of_another_program_are_named_and_left_alone(bare_place):
    bare_place.run("CREATE TABLE alembic_version (version_num text)", "INSERT INTO alembic_version VALUES ('ae1027')")

    error = refusal(bare_place.url)

    assert "holds the tables of another program" in error.problem
    assert bare_place.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("alembic_version",)]


def test_a_standby_that_only_reads_is_named(bare_place):
    bare_place.run(f"ALTER DATABASE {bare_place.name} SET default_transaction_read_only = on")

    error = refusal(bare_place.url)

    assert "only reads: it is a standby, or was the primary before a failover" in error.problem
    assert "name the primary" in error.next_step


def test_a_failure_shows_nothing_of_what_the_learner_wrote(journal, server_place):
    server_place.run("ALTER TABLE turns ADD CHECK (length(question) < 20)", "ALTER TABLE turns DROP COLUMN standalone")

    with pytest.raises(JournalError) as refused:
        journal.record_turn(a_turn(question="my secret"))

    assert "standalone" in refused.value.problem
    assert "my secret" not in str(refused.value)


def test_a_lock_that_somebody_else_holds_is_named(server_place):
    url = f"{server_place.url}?options=-c%20lock_timeout%3D100ms"
    with Journal.open(url) as journal, psycopg.connect(server_place.server.conninfo(server_place.name)) as holder:
        holder.execute("LOCK TABLE turns IN EXCLUSIVE MODE")

        with pytest.raises(JournalError, match=r"Another program has held the journal") as held:
            journal.record_turn(a_turn())
        holder.rollback()

        assert "pg_stat_activity" in held.value.next_step
        assert journal.record_turn(a_turn())


# Through failovers and lost connections


def test_a_connection_to_a_demoted_primary_is_thrown_away(journal, server_place):
    name = server_place.name
    server_place.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    journal.close()  # the next connection is one that only reads, and stays so
    assert journal.turns("ann", "c1") == []
    server_place.run(
        "SET default_transaction_read_only = off", f"ALTER DATABASE {name} RESET default_transaction_read_only"
    )

    with pytest.raises(JournalError, match="only reads") as demoted:
        journal.record_turn(a_turn())

    assert "on a new connection" in demoted.value.next_step
    assert journal.record_turn(a_turn())


@contextmanager
def cut_before_the_next(journal, server_place, word):
    """End the server's process of the connection that is about to say a statement with `word`, once."""
    cut = []

    def terminate(connection, _cursor, statement, *_):
        if word in statement and not cut:
            cut.append(statement)
            pid = connection.connection.dbapi_connection.info.backend_pid
            server_place.run(f"SELECT pg_terminate_backend({pid}, 5000)")

    event.listen(journal.engine, "before_cursor_execute", terminate)
    yield cut
    event.remove(journal.engine, "before_cursor_execute", terminate)


def test_a_read_whose_connection_is_cut_is_repeated_unseen(journal, server_place):
    journal.record_turn(a_turn())

    with cut_before_the_next(journal, server_place, "FROM turns") as cut:
        found = journal.turns("ann", "c1")

    assert found == [a_turn()]
    assert len(cut) == 1


def test_a_write_whose_connection_is_cut_is_named_and_stored_once_when_it_is_sent_again(journal, server_place):
    with cut_before_the_next(journal, server_place, "INSERT INTO turns") as cut:
        with pytest.raises(JournalError, match=r"The connection to the journal .* was lost") as lost:
            journal.record_turn(a_turn())
        again = [journal.record_turn(a_turn()) for _ in range(2)]

    assert "what is sent twice is stored once" in lost.value.next_step
    assert (again, len(cut)) == ([True, False], 1)


def test_connections_that_died_while_nobody_used_them_are_not_noticed(journal, server_place):
    journal.record_turn(a_turn())
    server_place.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgdojo' "
                     "AND datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip

    assert journal.record_turn(a_turn("t2"))


def test_a_server_that_is_stopped_at_once_loses_nothing_that_was_acknowledged(journal, server_place):
    server = server_place.server
    acknowledged: dict[str, int] = {}
    failed: list[str] = []
    end = threading.Event()

    def write(writer):
        number = 0
        while not end.is_set():
            key = f"{writer}-{number}"
            try:
                acknowledged[key] = acknowledged.get(key, 0) + journal.record_turn(a_turn(key))
                number += 1
            except JournalError as error:
                failed.append(error.problem)
                time.sleep(0.05)

    with ThreadPoolExecutor(2) as writers:
        done = [writers.submit(write, name) for name in ("a", "b")]
        try:
            for _ in range(3):
                more = len(acknowledged) + 20
                wait_until(lambda more=more: len(acknowledged) >= more)
                server.stop("immediate")
                server.start()
            more = len(acknowledged) + 20
            wait_until(lambda: len(acknowledged) >= more)
        finally:
            end.set()
        for one in done:
            one.result(timeout=30)

    stored = [row[0] for row in server_place.run("SELECT key FROM turns")]
    assert acknowledged.keys() <= set(stored)
    assert len(stored) == len(set(stored))
    assert len(set(stored) - acknowledged.keys()) <= 2  # what was on its way when the writers were told to end
    assert failed
    assert all("postgresql://postgres:***@" in problem for problem in failed)


def wait_until(holds):
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, "it did not happen within a minute"
        time.sleep(0.02)


# Rows appear in the order of their ids


def waits_for_a_lock(server_place):
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return server_place.run(waiting)[0][0] > 0


def test_a_row_with_a_later_id_does_not_appear_before_one_with_an_earlier(server_place):
    stored, go_on = threading.Event(), threading.Event()

    def hold(_connection):
        stored.set()
        go_on.wait(timeout=30)

    with Journal.open(server_place.url) as slow, Journal.open(server_place.url) as quick, ThreadPoolExecutor(2) as pool:
        event.listen(slow.engine, "commit", hold)
        first = pool.submit(slow.record_gap, "first", learner="ann", question="?", nearest=[])
        assert stored.wait(timeout=30)
        second = pool.submit(quick.record_gap, "second", learner="bob", question="?", nearest=[])
        wait_until(lambda: second.done() or waits_for_a_lock(server_place))

        seen = follow(server_place, 0)
        go_on.set()
        assert (first.result(timeout=30), second.result(timeout=30)) == (True, True)

    seen += follow(server_place, seen[-1][0] if seen else 0)
    assert [key for _, key in seen] == ["first", "second"]


def test_another_table_is_not_waited_for(server_place):
    stored, go_on = threading.Event(), threading.Event()

    def hold(_connection):
        stored.set()
        go_on.wait(timeout=30)

    with Journal.open(server_place.url) as slow, Journal.open(server_place.url) as quick, ThreadPoolExecutor(1) as pool:
        event.listen(slow.engine, "commit", hold)
        first = pool.submit(slow.record_gap, "first", learner="ann", question="?", nearest=[])
        assert stored.wait(timeout=30)

        added = quick.record_turn(a_turn())

        assert not first.done()
        go_on.set()
    assert added


def follow(place, last):
    """What a reader sees that goes on after the id `last`."""
    return place.run(f"SELECT id, key FROM gaps WHERE id > {last} ORDER BY id")


APPEND_MANY = """
import sys
from pgdojo.learner.journal import Journal

with Journal.open(sys.argv[1]) as journal:
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(150):
        journal.record_gap(f"{sys.argv[2]}-{n}", learner=sys.argv[2], question="?", nearest=[])
"""


def test_a_reader_who_follows_by_id_misses_nothing_of_many_writers(server_place):
    writers = [child(APPEND_MANY, server_place.url, name) for name in ("a", "b", "c")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()

    seen = []
    with psycopg.connect(server_place.server.conninfo(server_place.name), autocommit=True) as reader:
        while True:
            ended = all(writer.poll() is not None for writer in writers)
            last = seen[-1][0] if seen else 0
            seen += reader.execute("SELECT id, key FROM gaps WHERE id > %s ORDER BY id", [last]).fetchall()
            if ended:
                break
    for writer in writers:
        writer.communicate(timeout=30)

    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert {key for _, key in seen} == {f"{name}-{n}" for name in ("a", "b", "c") for n in range(150)}


# Two processes, one truth


SEE_AND_ANSWER = """
import sys
sys.path.insert(0, sys.argv[2])
from journal_events import a_turn
from pgdojo.learner.journal import Journal

with Journal.open(sys.argv[1]) as journal:
    for line in sys.stdin:
        key = line.strip()
        print(",".join(turn.key for turn in journal.turns("ann", "c1")), flush=True)
        journal.record_turn(a_turn(key))
        print(len(journal.conversations("ann")), flush=True)
"""


def test_what_one_process_stores_the_other_reads_at_once_and_so_back(journal, server_place):
    process = child(SEE_AND_ANSWER, server_place.url, HERE)

    seen_there, seen_here = [], []
    for n in range(3):
        journal.record_turn(a_turn(f"here {n}"))
        process.stdin.write(f"there {n}\n")
        process.stdin.flush()
        seen_there.append(process.stdout.readline().strip())
        assert process.stdout.readline().strip() == "1"
        seen_here.append(",".join(turn.key for turn in journal.turns("ann", "c1")))
    process.communicate(timeout=30)

    assert seen_there == [
        "here 0",
        "here 0,there 0,here 1",
        "here 0,there 0,here 1,there 1,here 2",
    ]
    assert seen_here == [f"{seen},there {n}" for n, seen in enumerate(seen_there)]


RESPOND = """
import sys
sys.path.insert(0, sys.argv[2])
from dataclasses import replace
from journal_events import A_RESPONSE, A_SITTING, AN_ATTEMPT
from pgdojo.learner.journal import Journal

with Journal.open(sys.argv[1]) as journal:
    name = sys.argv[3]
    journal.quiz.start(replace(A_SITTING, key=name))
    journal.quiz.open(replace(AN_ATTEMPT, key=f"{name}-0", sitting=name))
    journal.quiz.respond(replace(A_RESPONSE, key=f"{name}-0", sitting=name, rating=3))
"""


def test_the_schedule_knows_what_was_answered_in_another_process(journal, server_place, tmp_path):
    from test_quiz_service import find, write_course

    from pgdojo.quiz.service import Quizmaster

    master = Quizmaster(write_course(tmp_path), find, journal.quiz)
    reviews = []
    for name in ("one", "two"):
        process = child(RESPOND, server_place.url, HERE, name)
        assert (process.communicate(timeout=60), process.returncode)[1] == 0
        reviews.append(master.schedule("ann").memories["o1"].reviews)

    assert reviews == [1, 2]


def test_what_a_page_asks_at_every_click_is_never_older_than_the_database(server_place):
    with Journal.open(server_place.url) as one, Journal.open(server_place.url) as other:
        seen = []
        for n in range(4):
            (one if n % 2 else other).people.see(f"p{n}", issuer="i", subject=str(n), name=f"Learner {n}")
            seen.append((len(one.people.people()), len(other.people.people())))

    assert seen == [(1, 1), (2, 2), (3, 3), (4, 4)]


# Rights


def documented(number):
    """The statements of a block of SQL in the operators' chapter on PostgreSQL."""
    text = (HERE.parents[1] / "docs" / "operators.md").read_text(encoding="utf-8")
    chapter = text[text.index("## The journal on PostgreSQL") :]
    block = re.findall(r"^```sql\n(.*?)^```", chapter, re.MULTILINE | re.DOTALL)[number]
    return [part for part in re.sub(r" +--.*", "", block).split(";") if part.strip()]


@pytest.fixture
def app_place(postgresql):
    """A journal as docs/operators.md says that it is set up, and the addresses of its two roles."""
    place = ServerPlace(postgresql, "pgdojo")
    ServerPlace(postgresql, "postgres").run(*documented(0))
    owner, app = place.url_of("pgdojo_owner", "CHANGE-ME-1"), place.url_of("pgdojo_app", "CHANGE-ME-2")
    with psycopg.connect(owner, autocommit=True) as connection:
        for statement in documented(1):
            connection.execute(statement)
    Journal.open(owner).close()
    yield place, owner, app
    drop(place)
    ServerPlace(postgresql, "postgres").run("DROP ROLE pgdojo_app", "DROP ROLE pgdojo_owner")


def test_the_rights_in_the_documents_are_enough_for_the_application_and_no_more(app_place):
    place, _, app = app_place

    with Journal.open(app) as journal:
        one_event_of_every_table(journal)

        assert [journal.turns("ann", "c1"), len(journal.quiz.responses("ann", "s1"))] == [[], 1]
        assert [note for note in journal.check() if "fsync" not in note] == []
    assert [place.count(table) for table in EVERY] == [1] * len(EVERY)
    with psycopg.connect(app, autocommit=True) as connection:
        for change in ("UPDATE turns SET learner = 'bob'", "DELETE FROM turns", "TRUNCATE turns", "DROP TABLE turns"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(change)


def test_the_owner_can_import_a_journal_and_the_application_goes_on_in_it(app_place, tmp_path):
    place, owner, app = app_place
    with Journal.open(f"sqlite:///{tmp_path / 'small.sqlite3'}") as small:
        one_event_of_every_table(small)
        export(small, tmp_path / "team.jsonl")

    with Journal.open(owner) as journal:
        import_file(journal, tmp_path / "team.jsonl")

    with Journal.open(app) as journal:
        assert journal.record_turn(a_turn("next"))
    assert place.run("SELECT id FROM turns WHERE key = 'next'") == [(2,)]


def test_a_role_that_may_not_add_rows_is_noticed_by_the_check_and_named_when_it_tries(app_place):
    place, _, app = app_place
    place.run("REVOKE INSERT ON turns, gaps FROM pgdojo_app")

    with Journal.open(app) as journal:
        notes = journal.check()
        with pytest.raises(JournalError, match="permission denied for table turns") as refused:
            journal.record_turn(a_turn())

    assert "Its role may not add rows to gaps, turns: grant it INSERT." in notes
    assert "docs/operators.md" in refused.value.next_step


def test_a_role_with_row_rights_cannot_bring_old_tables_up_to_date_and_is_told_who_can(postgresql):
    place = a_database(postgresql, "rights", template="template0")
    place.run("CREATE ROLE limited LOGIN PASSWORD 'x'", "REVOKE CREATE ON SCHEMA public FROM public")

    error = refusal(place.url_of("limited", "x"))

    assert "may not do this: permission denied for schema public" in error.problem
    assert "as the role that owns the tables" in error.next_step
    drop(place)
    with postgresql.connect() as connection:
        connection.execute("DROP ROLE limited")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {} SET learner = 'bob'",
        "DELETE FROM {}",
        "TRUNCATE {} CASCADE",
        "INSERT INTO {0} SELECT * FROM {0} ON CONFLICT (id) DO UPDATE SET learner = 'bob'",
    ],
)
def test_the_server_refuses_every_way_to_change_or_remove_an_event(journal, server_place, change):
    one_event_of_every_table(journal)

    refused = {table: refusal_of(server_place, change.format(table)) for table in EVERY}

    assert [table for table, said in refused.items() if "is append-only" not in said] == []
    assert [server_place.count(table) for table in EVERY] == [1] * len(EVERY)


def test_a_server_that_may_forget_what_it_took_is_named_by_the_check(journal):
    assert journal.check() == [
        "The server runs with fsync = off, so a crash of its machine can lose what was stored last."
    ]


def test_the_stand_of_a_read_only_server_is_named_by_the_check(server_place):
    server_place.run(f"ALTER DATABASE {server_place.name} SET default_transaction_read_only = on")

    with Journal.open(server_place.url) as journal:
        notes = journal.check()

    assert "It only reads now: it is a standby, or set to read only. Nothing can be stored." in notes
