"""The files that an index is made from, and how a change of one is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from pgdojo.course.load import known_file, markdown_files
from pgdojo.search.sealed import sha256

Checksums: TypeAlias = dict[str, str]
"""Of each file by its path below the course's folder; empty for one that cannot be read, which is not taught."""

Stamps: TypeAlias = dict[str, list[int]]
"""Size and times of each file, by which an unchanged one is recognised without reading it."""


def checksums(root: Path) -> Checksums:
    """Read every file of the course in `root`."""
    return {_name(root, path): _checksum(path) for path in _files(root)}


def stamps(root: Path) -> Stamps:
    """Look at every file of the course in `root` without reading it."""
    found = {}
    for path in _files(root):
        try:
            status = path.stat()
        except OSError:
            continue
        found[_name(root, path)] = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    return found


def _files(root: Path) -> list[Path]:
    knowledge = root / "knowledge"
    others = [*sorted((knowledge / "facts").glob("*.yaml")), knowledge / "glossary.yaml", known_file(root)]
    return [*markdown_files(knowledge), *(path for path in others if path.is_file())]


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _checksum(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:
        return ""
