"""What is installed, where things are, and what to do about each fault."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pgdojo import __version__
from pgdojo.dojo import IndexState, find_course, gate_file, index_folder
from pgdojo.errors import JournalError, PgdojoError
from pgdojo.search.encoder import DEFAULT_MODEL, model_folder
from pgdojo.search.index import Index

_LIBRARIES = ("streamlit", "sentence-transformers", "torch", "onnxruntime", "faiss-cpu", "bm25s", "sqlalchemy")
_ROOM = 500_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    says: str
    fine: bool = True
    next_step: str = ""


def examine(course: Path | None) -> list[Finding]:
    """Look at everything that an answer needs, in the order in which it is needed."""
    return [
        finding
        for look in (_python, _libraries, _model, _course_and_index(course), _journal)
        for finding in _tried(look)
    ]


def _tried(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except PgdojoError as cause:
        yield Finding(name=type(cause).__name__, says=cause.problem, fine=False, next_step=cause.next_step)


def _python() -> Iterator[Finding]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding(name="pgdojo", says=f"{__version__} on Python {found}")


def _libraries() -> Iterator[Finding]:
    for name in _LIBRARIES:
        try:
            yield Finding(name=name, says=version(name))
        except PackageNotFoundError:
            yield Finding(name=name, says="is not installed", fine=False, next_step=f"Run pip install {name}.")


def _model() -> Iterator[Finding]:
    yield Finding(name="default model", says=f"{DEFAULT_MODEL} in {model_folder(DEFAULT_MODEL)}, weights as known")


def _course_and_index(named: Path | None) -> Callable[[], Iterator[Finding]]:
    def look() -> Iterator[Finding]:
        course = find_course(named)
        yield Finding(name="course", says=str(course))
        folder = index_folder(course)
        index = Index(folder)
        state = _state(index, stale=folder.is_stale(course))
        yield Finding(
            name="index",
            says=f"{state.passages:,} passages from {state.documents:,} documents, "
            f"built {state.built_at:%d %b %Y %H:%M} UTC with {state.model}, in {folder.path}",
            fine=not state.stale,
            next_step="The course has changed since: run pgdojo index." if state.stale else state.notice,
        )
        yield Finding(name="gate", says=str(gate_file(course)))
        free = shutil.disk_usage(folder.path).free
        fine = free > _ROOM
        yield Finding(
            name="room", says=f"{free // 1_000_000:,} MB free", fine=fine, next_step="" if fine else "Make room."
        )

    return look


def _state(index: Index, *, stale: bool) -> IndexState:
    return IndexState.of(index.manifest, stale=stale)


def _journal() -> Iterator[Finding]:
    from pgdojo.learner.journal import Journal

    try:
        with Journal.open() as journal:
            notes = journal.check()
            yield Finding(
                name="journal", says=f"{journal.place}, on {journal.product}, reached", next_step=" ".join(notes)
            )
    except JournalError as cause:
        yield Finding(name="journal", says=cause.problem, fine=False, next_step=cause.next_step)
