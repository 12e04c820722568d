"""What an engine is found to be, and the rules of the labs that need no server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pgdojo.errors import LabError
from pgdojo.lab import engines as module
from pgdojo.lab.client import outage
from pgdojo.lab.engines import Engine, advice, choose, engines, newest
from pgdojo.lab.operations import statements
from pgdojo.lab.server import quoted, refuse_settings

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the engines here are shell scripts")

TOOLS = ("initdb", "pg_ctl", "psql", "pg_dump")


def install(root: Path, version: str, *, extensions: tuple[str, ...] = (), libraries: tuple[str, ...] = ()) -> Path:
    """An installation whose tools do nothing but tell their version."""
    folder = root / "bin"
    folder.mkdir(parents=True)
    for tool in TOOLS:
        write(folder / tool, f"echo '{tool} (PostgreSQL) {version}'")
    write(folder / "postgres", f"echo 'postgres (PostgreSQL) {version}'; # libssl.so.3")
    for kind, names, suffix in (
        ("share/postgresql/extension", extensions, "control"),
        ("lib/postgresql", libraries, "so"),
    ):
        (root / kind).mkdir(parents=True)
        for name in names:
            (root / kind / f"{name}.{suffix}").touch()
    return folder


def write(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


@pytest.fixture(autouse=True)
def only_ours(monkeypatch, tmp_path):
    """No engine but those in PGDOJO_PG_BIN, and a cache of our own."""
    monkeypatch.setattr(module, "user_cache_path", lambda _: tmp_path / "cache")
    monkeypatch.setattr(module, "_candidates", lambda: map(Path, os.environ["PGDOJO_PG_BIN"].split(os.pathsep)))


def use(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    monkeypatch.setenv("PGDOJO_PG_BIN", os.pathsep.join(map(str, folders)))


def test_an_engine_is_what_its_folders_hold(monkeypatch, tmp_path):
    folder = install(tmp_path / "a", "16.14", extensions=("vector", "pgaudit"), libraries=("auto_explain",))
    use(monkeypatch, folder)

    (engine,) = engines()

    assert (engine.version, engine.major) == ("16.14", 16)
    assert {"ssl", "vector", "auto_explain", "tool:psql"} <= engine.meets
    assert not {"gss", "pgaudit", "pg_stat_statements", "tool:pg_rewind"} & engine.meets
    assert engine.tool("psql") == folder / "psql"


def test_a_tool_that_is_missing_or_crashes_is_named_with_what_brings_it(monkeypatch, tmp_path):
    folder = install(tmp_path / "a", "18.4")
    write(folder / "pg_verifybackup", "kill -SEGV $$")
    use(monkeypatch, folder)

    for tool in ("pg_verifybackup", "pg_rewind"):
        with pytest.raises(LabError, match=rf"18.4 .* no {tool} that runs.* pip install"):
            engines()[0].tool(tool)


def test_the_first_engine_that_meets_all_needs_is_chosen(monkeypatch, tmp_path):
    plain = install(tmp_path / "a", "16.14")
    rich = install(tmp_path / "b", "15.18", extensions=("vector",))
    use(monkeypatch, plain, rich)

    assert choose([]).bin == plain
    assert choose(["vector", "aws", "two_majors"]).bin == rich
    assert choose([], 15).bin == rich
    assert choose(["vector"], 16) is None
    assert choose(["gss"]) is None


def test_a_probe_is_remembered_until_the_installation_changes(monkeypatch, tmp_path):
    folder = install(tmp_path / "a", "16.14")
    use(monkeypatch, folder)
    engines()
    asked: list[Path] = []
    monkeypatch.setattr(module, "_probe", lambda place, _: asked.append(place))

    engines()
    assert asked == []

    extension = tmp_path / "a" / "share" / "postgresql" / "extension" / "vector.control"
    extension.touch()
    os.utime(extension.parent, ns=(1, 1))
    engines()
    assert asked == [folder]


def test_a_damaged_cache_is_probed_anew(monkeypatch, tmp_path):
    use(monkeypatch, install(tmp_path / "a", "16.14"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "engines.json").write_text("{")

    assert [engine.version for engine in engines()] == ["16.14"]


def test_a_folder_without_a_server_is_no_engine(monkeypatch, tmp_path):
    folder = install(tmp_path / "a", "16.14")
    (folder / "initdb").unlink()
    use(monkeypatch, folder, tmp_path / "nowhere")

    assert engines() == ()


def test_a_server_of_a_later_round_is_not_dumped_by_an_older_tool_of_a_higher_version(monkeypatch, tmp_path):
    use(
        monkeypatch, install(tmp_path / "a", "18.4"), install(tmp_path / "b", "15.20"), install(tmp_path / "c", "16.14")
    )

    assert newest("pg_dump", "16.14").version == "18.4"
    assert newest("pg_dump", "15.18").version == "18.4"
    assert newest("pg_dump", "15.20").version == "15.20"
    assert newest("pg_rewind", "15.20") is None


def test_advice_is_one_command():
    for need in (
        "aws",
        "ssl",
        "gss",
        "pgaudit",
        "pg_stat_statements",
        "auto_explain",
        "vector",
        "two_majors",
        "tool:x",
    ):
        assert advice(need).split()[1] == "install"


def test_statements_are_cut_where_they_end_and_nowhere_else():
    text = """
    -- a comment; with a semicolon
    CREATE TABLE "a;b" (note text DEFAULT 'it''s; so');
    DO $do$ BEGIN PERFORM ';'; END $do$;
    SELECT 1 - 2 / 1, $$;$$ /* ; */;
    """

    found = list(statements(text))

    assert len(found) == 3
    assert found[0].endswith("'it''s; so')")
    assert found[1] == "DO $do$ BEGIN PERFORM ';'; END $do$"
    assert found[2].startswith("SELECT 1 - 2 / 1, $$;$$")
    assert list(statements(" ; -- nothing\n ;")) == []


@pytest.mark.parametrize(
    ("points", "seconds"),
    [
        ([], 0),
        ([(0.0, True), (0.2, True), (0.4, True)], 0),
        ([(0.0, True), (0.2, True), (0.4, False), (0.6, False), (0.9, True)], 0.7),
        ([(0.0, True), (1.5, True)], 1.5),
        ([(0.0, True), (0.2, False), (0.4, False)], 0.4),
        ([(0.0, False), (0.2, False)], 0),
        ([(0.0, True), (0.2, False), (0.4, True), (0.6, False), (1.4, True)], 1.0),
    ],
)
def test_an_outage_is_the_longest_time_between_two_acknowledged_rows(points, seconds):
    assert outage(points) == seconds


def test_settings_that_run_something_are_refused_and_a_broken_archive_is_not():
    refuse_settings({"work_mem": "4MB", "archive_command": "/bin/false", "shared_preload_libraries": "a, b"})

    for name, value in (
        ("archive_command", "rm -r /"),
        ("restore_command", "x"),
        ("listen_addresses", "*"),
        ("hba_file", "x"),
        ("work_mem = 1; --", "x"),
        ("work_mem", "a\nb"),
        ("shared_preload_libraries", "../evil"),
    ):
        with pytest.raises(LabError):
            refuse_settings({name: value})


def test_a_value_is_quoted_as_the_configuration_reads_it():
    assert quoted("it's \\") == "'it''s \\\\'"


def test_an_engine_compares_by_what_it_is():
    first, second = (Engine(bin=Path("/x"), version="16.14", meets=frozenset({"ssl"})) for _ in range(2))

    assert first == second
