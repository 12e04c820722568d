"""A team moves from one database to another and back, and its journal is the same, row for row."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from databases import SqlitePlace
from journal_events import EVERY, MONDAY, Clock, a_turn, one_event_of_every_table
from sqlalchemy import event, insert

from pgdojo.errors import UsageError
from pgdojo.learner import schema
from pgdojo.learner.journal import Journal
from pgdojo.learner.portable import export, import_file

pytestmark = pytest.mark.slow

ODD = "quote ' \" back\\slash \u2028 line\nbreak \t tab, é 😀 ; -- %s :name"


def fill(journal):
    """One row of each table, and what is hard to carry."""
    one_event_of_every_table(journal)
    for n in range(5):
        journal.record_turn(
            a_turn(
                f"odd {n}",
                question=ODD,
                answer={"text": ODD, "numbers": [0.1, 1e-7, -0.0, 12345678901234567890, 1.0], "none": None, "b": True},
                asked_at=datetime(2026, 1, 1, 0, 0, n, n, tzinfo=UTC),
            )
        )
    journal.quiz.prefer("null", learner="ann", name="nothing", value=None)
    # A submit that is sent twice leaves a hole in the ids of a server.
    journal.record_turn(a_turn("odd 4"))
    journal.record_turn(a_turn("last"))


@pytest.fixture
def filled(tmp_path):
    """The journal that every test starts from."""
    with Journal.open(SqlitePlace(tmp_path / "filled.sqlite3").url, clock=Clock()) as journal:
        fill(journal)
        yield journal


@pytest.fixture
def exported(filled, tmp_path):
    export(filled, tmp_path / "journal.jsonl")
    return tmp_path / "journal.jsonl"


@pytest.fixture
def journal(place):
    """An empty one on each database."""
    with Journal.open(place.url, clock=Clock()) as opened:
        yield opened


def sealed(lines):
    """The lines of a file with a tail that fits them."""
    body = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
    tail = {"rows": len(lines) - 1, "sha256": hashlib.sha256(body).hexdigest()}
    return body + json.dumps(tail).encode() + b"\n"


def with_one_read(**row):
    """An exported file that holds one passage read, with `row` changed in it."""
    known = {
        "id": 1,
        "key": "r1",
        "learner": "ann",
        "passage": "notes#a",
        "document": "notes.md",
        "read_at": "2026-05-04T09:00:00+00:00",
    }
    head = {"format": "pgdojo-journal", "format_version": 1, "version": schema.VERSION, "tables": {"reads": 1}}
    changed = {name: value for name, value in {**known, **row}.items() if value is not ...}
    return [head, {"table": "reads", "row": changed}]


def test_a_journal_goes_to_the_server_and_back_and_is_equal_row_for_row(filled, server_place, tmp_path):
    first, second, third = (tmp_path / f"{n}.jsonl" for n in (1, 2, 3))
    away, home = server_place.url, SqlitePlace(tmp_path / "home.sqlite3").url

    export(filled, first)
    with Journal.open(away) as journal:
        import_file(journal, first)
        export(journal, second)
    with Journal.open(home) as journal:
        import_file(journal, second)
        export(journal, third)
        every = {table: rows_of(journal, table) for table in EVERY}

    assert first.read_bytes() == second.read_bytes() == third.read_bytes()
    assert every == {table: rows_of(filled, table) for table in EVERY}
    assert min(len(rows) for rows in every.values()) == 1


def rows_of(journal, table):
    with journal.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(schema.metadata.tables[table].select().order_by("id"))]


def test_what_is_stored_after_an_import_follows_on_the_imported_ids(exported, journal, place):
    import_file(journal, exported)
    last = place.run("SELECT max(id) FROM turns")[0][0]

    assert journal.record_turn(a_turn("new"))
    assert journal.people.resolve("new", kind="gap", about="g2", learner="bob", verdict="filled")

    assert place.run("SELECT id FROM turns WHERE key = 'new'") == [(last + 1,)]
    assert place.run("SELECT id FROM resolutions WHERE key = 'new'") == [(2,)]


def test_an_empty_journal_travels_as_well(journal, tmp_path):
    with Journal.open(SqlitePlace(tmp_path / "nothing.sqlite3").url) as nothing:
        export(nothing, tmp_path / "nothing.jsonl")

    moved = import_file(journal, tmp_path / "nothing.jsonl")

    assert (moved.rows, set(moved.tables.values())) == (0, {0})
    assert journal.record_turn(a_turn())


def test_an_imported_event_is_guarded_and_known_when_it_is_sent_again(exported, journal, place):
    import_file(journal, exported)

    assert not journal.record_turn(a_turn())
    assert journal.turns("ann", "c1") == []  # the conversation was deleted, and stays so
    with pytest.raises(Exception, match="append-only"):
        place.run("DELETE FROM turns")


def test_the_file_says_what_it_holds_and_seals_it(exported):
    lines = exported.read_bytes().splitlines(keepends=True)

    head, first, tail = (json.loads(lines[n]) for n in (0, 1, -1))
    assert (head["format"], head["version"]) == ("pgdojo-journal", schema.VERSION)
    assert sum(head["tables"].values()) == tail["rows"] == len(lines) - 2
    assert head["tables"]["turns"] == 7
    assert set(first) == {"table", "row"}
    assert tail["sha256"] == hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    [turn] = [line["row"] for line in map(json.loads, lines[1:-1]) if line["row"]["key"] == "t1"]
    assert (turn["id"], turn["asked_at"]) == (1, "2026-05-04T09:00:00+00:00")


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes elsewhere")
def test_only_its_owner_reads_an_exported_file_and_nothing_is_left_beside_it(filled, tmp_path):
    target = tmp_path / "out" / "journal.jsonl"
    target.parent.mkdir()
    target.write_text("an older one")
    target.chmod(0o644)

    export(filled, target)

    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(target.parent.iterdir()) == [target]


def test_a_file_that_cannot_be_written_is_named(filled, tmp_path):
    with pytest.raises(UsageError, match=r"nowhere/journal.jsonl cannot be written: No such file") as refused:
        export(filled, tmp_path / "nowhere" / "journal.jsonl")

    assert "a folder that exists" in refused.value.next_step


def test_a_journal_that_holds_anything_takes_no_import_and_keeps_what_it_has(exported, journal, place):
    journal.record_read("mine", learner="bob", passage="notes#a", document="notes.md")

    with pytest.raises(UsageError, match=r"holds 1 rows already") as refused:
        import_file(journal, exported)

    assert "an empty database" in refused.value.next_step
    assert [place.count(table) for table in EVERY] == [int(table == "reads") for table in EVERY]


def test_any_byte_that_was_changed_is_noticed_and_nothing_is_imported(exported, journal, place):
    whole = exported.read_bytes()
    lines = whole.splitlines(keepends=True)
    spoiled = {
        "another word": whole.replace(b"How long are backups", b"How long are bananas"),
        "a line less": b"".join(lines[:5] + lines[6:]),
        "two lines swapped": b"".join([*lines[:-3], lines[-2], lines[-3], lines[-1]]),
        "no tail": b"".join(lines[:-1]),
        "cut in a line": whole[: len(whole) // 2],
        "something behind": whole + lines[1],
        "nothing": b"",
        "another file": b"Dear diary\n",
        "no text": b"\xff\xfe\n",
    }

    said = {}
    for name, content in spoiled.items():
        exported.write_bytes(content)
        with pytest.raises(UsageError, match="Nothing was imported") as refused:
            import_file(journal, exported)
        said[name] = refused.value

    assert all(f"{exported}, line " in str(error) and error.next_step for error in said.values())
    assert "checksum" in said["another word"].problem
    assert f"line {len(lines)}:" in said["no tail"].problem
    assert "too early" in said["no tail"].problem
    assert [place.count(table) for table in EVERY] == [0] * len(EVERY)


@pytest.mark.parametrize(
    ("row", "name", "says"),
    [
        ({"learner": 7}, "learner", "7 is not a text"),
        ({"learner": ""}, "learner", "cannot name"),
        ({"passage": "x" * 256}, "passage", "cannot name"),
        ({"document": ...}, "document", "must have it"),
        ({"extra": 1}, "extra", "no such field"),
        ({"id": True}, "id", "true is not a whole number"),
        ({"id": 2**31}, "id", "2147483648 is too large"),
        ({"id": None}, "id", "null is not a whole number"),
        ({"read_at": "yesterday"}, "read_at", "'yesterday' is not a time"),
        ({"read_at": "2026-05-04T09:00:00"}, "read_at", "no time zone"),
        ({"key": "a\x00b"}, "key", "NUL"),
    ],
)
def test_a_fault_names_line_and_field(tmp_path, row, name, says):
    source = tmp_path / "faulty.jsonl"
    source.write_bytes(sealed(with_one_read(**row)))

    with Journal.open(SqlitePlace(tmp_path / "j.sqlite3").url) as journal, pytest.raises(UsageError) as refused:
        import_file(journal, source)

    assert f"{source}, line 2, field {name}: " in refused.value.problem
    assert says in refused.value.problem


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_no_database_holds_is_refused(tmp_path, number):
    source = tmp_path / "faulty.jsonl"
    columns = {"id": 1, "key": "p", "learner": "ann", "name": "n", "value": "HERE", "set_at": MONDAY.isoformat()}
    head = {**with_one_read()[0], "tables": {"preferences": 1}}
    content = sealed([head, {"table": "preferences", "row": columns}])
    source.write_bytes(content.replace(b'"HERE"', number.encode()))

    with (
        Journal.open(SqlitePlace(tmp_path / "j.sqlite3").url) as journal,
        pytest.raises(UsageError, match=r"line 2.*JSON"),
    ):
        import_file(journal, source)


def test_a_row_whose_owner_is_missing_and_one_that_comes_twice_are_named_by_their_line(journal, tmp_path):
    source = tmp_path / "faulty.jsonl"
    head, read = with_one_read()
    other = {"table": "reads", "row": {**read["row"], "id": 2}}
    finish = {"table": "finishes", "row": {"id": 1, "key": "s9", "learner": "ann", "finished_at": MONDAY.isoformat()}}

    orphan = "The row of finishes belongs to a row that the file does not hold before it."

    said = []
    for lines in ([{**head, "tables": {"reads": 2}}, read, other], [{**head, "tables": {"finishes": 1}}, finish]):
        source.write_bytes(sealed(lines))
        with pytest.raises(UsageError) as refused:
            import_file(journal, source)
        said.append(refused.value.problem)

    assert said == [
        f"{source}, line 3: The row of reads has the id or the key of another row. Nothing was imported.",
        f"{source}, line 2: {orphan} Nothing was imported.",
    ]
    assert import_nothing_wrong(journal, source)


def import_nothing_wrong(journal, source):
    """Whether the journal takes a sound file after all."""
    source.write_bytes(sealed(with_one_read()))
    return import_file(journal, source).rows == 1


def test_a_file_of_a_newer_pgdojo_or_with_unknown_tables_says_so(journal, tmp_path):
    source = tmp_path / "newer.jsonl"
    head, read = with_one_read()

    for changed, says in [
        ({"version": "9999"}, "field version: It was written by another, newer pgdojo"),
        ({"format_version": 2}, "field version: It was written by another, newer pgdojo"),
        ({"tables": {"reads": 1, "recipes": 3}}, "field tables: There is no table recipes"),
        ({"tables": {"reads": -1}}, "field tables: The rows of each table are missing"),
        ({"tables": {"reads": 2}}, "field rows: The file holds 1 rows of reads, and its head says 2"),
    ]:
        source.write_bytes(sealed([{**head, **changed}, read]))
        with pytest.raises(UsageError) as refused:
            import_file(journal, source)
        assert says in refused.value.problem


def test_rows_that_are_stored_during_an_export_are_not_in_it_and_do_no_harm(filled, tmp_path):
    target = tmp_path / "journal.jsonl"
    with Journal.open(f"sqlite:///{filled.place}") as other:
        # The first connection that is given back has told how far each table goes.
        event.listen(filled.engine, "checkin", lambda *_: other.record_turn(a_turn("late")), once=True)

        moved = export(filled, target)

        assert not other.record_turn(a_turn("late"))
    assert moved.tables["turns"] == 7
    assert b'"late"' not in target.read_bytes()


EXPORT_AND_IMPORT = """
import re, sys
from pathlib import Path
from pgdojo.learner.journal import Journal
from pgdojo.learner.portable import export, import_file

file = Path(sys.argv[3])
with Journal.open(sys.argv[1]) as journal:
    export(journal, file)
with Journal.open(sys.argv[2]) as journal:
    import_file(journal, file)
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def peak(*arguments):
    run = subprocess.run(
        [sys.executable, "-c", EXPORT_AND_IMPORT, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return int(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told elsewhere on other systems")
def test_thirty_times_the_rows_take_no_more_memory(tmp_path):
    peaks = []
    for rows in (4_000, 120_000):
        source = SqlitePlace(tmp_path / f"{rows}.sqlite3")
        with Journal.open(source.url) as journal, journal.engine.begin() as connection:
            known = {"learner": "ann", "passage": "notes#a", "document": "x" * 200, "read_at": MONDAY}
            connection.execute(insert(schema.reads), [{"key": f"r{n}", **known} for n in range(rows)])
        target = SqlitePlace(tmp_path / f"{rows} again.sqlite3")
        peaks.append(peak(source.url, target.url, tmp_path / "journal.jsonl"))
        assert target.count("reads") == rows

    assert peaks[1] < 1.2 * peaks[0]


def pgdojo(*arguments, url):
    return subprocess.run(
        [sys.executable, "-m", "pgdojo", *map(str, arguments)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PGDOJO_DATABASE_URL": url,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_two_commands_move_a_team_to_the_server_and_a_third_is_refused(filled, server_place, tmp_path):
    target = tmp_path / "team.jsonl"

    out = pgdojo("journal", "export", target, url=f"sqlite:///{filled.place}")
    into = pgdojo("journal", "import", target, url=server_place.url)
    again = pgdojo("journal", "import", target, url=server_place.url)

    assert (out.returncode, into.returncode, again.returncode) == (0, 0, 2)
    assert out.stdout.startswith("36 rows of ")
    assert into.stdout.startswith("36 rows are in postgresql://postgres:***@")
    assert out.stdout.split()[-1] == into.stdout.split()[-1]
    assert "an import needs an empty one" in again.stderr
    assert server_place.server.password not in out.stdout + into.stdout + again.stderr


def test_the_doctor_names_the_database_and_says_whether_it_can_be_reached(server_place):
    well = pgdojo("doctor", url=server_place.url)
    ill = pgdojo("doctor", url=server_place.url_of("postgres", "not-the-secret"))

    place = f"postgresql://postgres:***@127.0.0.1:{server_place.server.port}/{server_place.name}"
    version = server_place.server.engine.version
    assert f"ok    journal: {place}, on PostgreSQL {version}, reached\n" in well.stdout
    assert f"FAULT journal: The server refuses the user or the password of the journal {place}." in ill.stdout
    assert ill.returncode == 1
    assert "not-the-secret" not in ill.stdout + ill.stderr
    assert server_place.server.password not in well.stdout + well.stderr
