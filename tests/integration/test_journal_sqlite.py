"""The journal in a file of SQLite: locks, full disks, damage, rights, and how SQLite is set."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from journal_events import EVERY, Clock, a_turn, child, one_event_of_each_kind, one_event_of_every_table
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from pgdojo.errors import JournalError
from pgdojo.learner.journal import Journal


def address(path):
    return f"sqlite:///{path}"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def journal(path):
    with Journal.open(address(path), clock=Clock()) as opened:
        yield opened


@contextmanager
def behind_its_back(path):
    """Open the journal's file as any other program would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def stored(path, table):
    """Count the rows of `table`, the hidden ones too."""
    with behind_its_back(path) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_writer_waits_while_another_program_holds_the_journal(journal, path):
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.5, holder.rollback).start()

    assert journal.record_turn(a_turn())

    holder.close()


@pytest.mark.slow
def test_a_journal_held_for_longer_is_named_and_works_once_it_is_free(journal, path):
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(JournalError, match=r"Another program has held the journal .* for 10 seconds") as held:
        journal.record_turn(a_turn())
    holder.close()

    assert "Close that program" in held.value.next_step
    assert journal.record_turn(a_turn())


def test_a_full_disk_is_named_and_the_journal_works_again_once_there_is_space(journal):
    def fill(connection, _):
        connection.execute("PRAGMA max_page_count = 30")

    journal.record_turn(a_turn("before"))
    event.listen(journal._engine, "connect", fill)

    with pytest.raises(JournalError, match=r"The disk that holds the journal .* is full") as full:
        journal.record_turn(a_turn("during", question="x" * 1_000_000))
    event.remove(journal._engine, "connect", fill)

    assert "Free some space" in full.value.next_step
    assert [turn.key for turn in journal.turns("ann", "c1")] == ["before"]
    assert journal.record_turn(a_turn("during", question="x" * 1_000_000))


def test_a_journal_removed_under_a_running_server_is_missed_and_its_backup_is_taken_up(journal, path, tmp_path):
    journal.record_turn(a_turn())
    backup = shutil.move(path, tmp_path / "backup.sqlite3")

    with pytest.raises(JournalError, match="cannot be opened"):
        journal.record_turn(a_turn("t2"))
    shutil.move(backup, path)

    assert journal.record_turn(a_turn("t2"))
    assert [turn.key for turn in journal.turns("ann", "c1")] == ["t1", "t2"]


def test_no_event_of_any_table_is_replaced(journal, path):
    one_event_of_every_table(journal)

    for table in EVERY:
        with behind_its_back(path) as connection:
            connection.execute("PRAGMA recursive_triggers = ON")
            with pytest.raises(sqlite3.IntegrityError, match=f"^{table} is append-only"):
                connection.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
        assert stored(path, table) == 1


def test_replacing_an_event_is_refused_as_well(journal):
    journal.record_gap("g1", learner="ann", question="Is it raining?", nearest=[])

    with journal._engine.begin() as connection, pytest.raises(IntegrityError, match="gaps is append-only"):
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO gaps (key, learner, question, nearest, noted_at) VALUES ('g1', 'ann', '', '[]', '')"
        )

    assert journal.gaps()[0].question == "Is it raining?"


# What is no sound journal is named, with a next step


def refusal(url):
    with pytest.raises(JournalError) as refused:
        Journal.open(url)
    assert refused.value.next_step
    return refused.value.problem


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(path):
    path.write_text("Dear diary, " * 1000)

    assert refusal(address(path)) == f"The file {path} is not a journal of pgdojo."
    assert path.read_text() == "Dear diary, " * 1000


@pytest.mark.parametrize("table", ["recipes", "alembic_version"])
def test_a_database_of_another_program_is_named_and_left_as_it_is(path, table):
    with behind_its_back(path) as connection:
        connection.execute(f"CREATE TABLE {table} (version_num TEXT)")
        connection.execute(f"INSERT INTO {table} VALUES ('ae1027a6acf')")

    assert refusal(address(path)) == f"The file {path} is not a journal of pgdojo."
    with behind_its_back(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [(table,)]


@pytest.mark.parametrize("left", [0.9, 0.5, 0.1])
def test_a_truncated_journal_is_named(journal, path, left):
    journal.record_turn(a_turn())
    os.truncate(path, int(path.stat().st_size * left))

    assert refusal(address(path)) == f"The journal {path} is damaged."


def test_a_journal_with_overwritten_pages_is_named_at_the_door_and_by_the_check(journal, path):
    for n in range(200):
        journal.record_turn(a_turn(f"t{n}"))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 8192)

    assert refusal(address(path)) == f"The journal {path} is damaged."
    assert len(journal.check()) >= 1
    assert not journal.check()[0].startswith("SQLite")


def test_a_journal_from_a_newer_pgdojo_is_named_and_left_as_it_is(path):
    Journal.open(address(path)).close()
    with behind_its_back(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()

    with pytest.raises(JournalError, match=r"written by a newer pgdojo .*9999") as newer:
        Journal.open(address(path))

    assert "pip install --upgrade pgdojo" in newer.value.next_step
    assert path.read_bytes() == before


OPEN_AS_NOBODY_SPECIAL = """
import os, sys
from pgdojo.errors import JournalError
from pgdojo.learner.journal import Journal

if os.geteuid() == 0:  # the administrator may write everywhere
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    Journal.open(sys.argv[1])
except JournalError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="folders have no write permission elsewhere")
@pytest.mark.parametrize("exists", [False, True])
def test_a_read_only_folder_is_named(exists):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.sqlite3")
        if exists:
            Journal.open(address(path)).close()
            path.chmod(0o666)
        Path(folder).chmod(0o555)

        said, _ = child(OPEN_AS_NOBODY_SPECIAL, address(path)).communicate(timeout=60)
        Path(folder).chmod(0o755)

    assert said.startswith(f"The journal {path} cannot be opened for writing.")
    assert "Allow this account to write the file and its folder" in said


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    assert "cannot be opened for writing" in refusal(address(tmp_path / "file" / "journal.sqlite3"))


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path):
    assert refusal(address(tmp_path)) == f"The journal {tmp_path} cannot be opened for writing."


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:journal?uri=true"])
def test_an_address_that_keeps_nothing_is_refused(url):
    assert "names no file" in refusal(url)


@pytest.mark.parametrize("url", ["secret", "postgresql://ann:secret@127.0.0.1:port/x"])
def test_an_address_that_cannot_be_read_is_not_repeated(url):
    assert refusal(url) == "The journal's address cannot be read."


def test_a_server_that_cannot_be_used_is_named_without_its_password():
    problem = refusal("postgresql://ann:secret@127.0.0.1:1/journal?password=secret")

    assert "postgresql://ann:***@127.0.0.1:1/journal" in problem
    assert "secret" not in problem


# Where it is and how it is set


def test_the_journal_is_in_the_users_data_folder_unless_the_environment_says_otherwise(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGDOJO_DATABASE_URL", raising=False)
    with Journal.open() as journal:
        usual = Path(journal.place)
    monkeypatch.setenv("PGDOJO_DATABASE_URL", address(tmp_path / "a new 100% folder" / "my journal.db"))
    with Journal.open() as journal:
        chosen = Path(journal.place)

    assert usual.name == "journal.sqlite3"
    assert usual.parent.name == "pgdojo"
    assert usual.is_relative_to(tmp_path)
    assert chosen == tmp_path / "a new 100% folder" / "my journal.db"
    assert chosen.is_file()


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes elsewhere")
def test_only_its_owner_reads_a_new_journal(path):
    Journal.open(address(path)).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sqlite_is_set_to_keep_what_it_acknowledges(journal):
    wal_is_safe = sqlite3.sqlite_version_info >= (3, 51, 3)

    with journal._engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("foreign_keys", "busy_timeout", "synchronous", "journal_mode", "mmap_size")
        }

    assert found == {
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "synchronous": 2,
        "journal_mode": "wal" if wal_is_safe else "delete",
        "mmap_size": 0,
    }


def test_the_check_of_a_sound_journal_says_at_most_that_sqlite_is_old(journal):
    one_event_of_each_kind(journal)

    notes = journal.check()

    if sqlite3.sqlite_version_info >= (3, 51, 3):
        assert notes == []
    else:
        assert [note.split(". ")[0] for note in notes] == [f"SQLite {sqlite3.sqlite_version} is older than 3.51.3"]
