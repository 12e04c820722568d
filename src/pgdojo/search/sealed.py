"""Folders that prove themselves whole.

A sealed folder holds any files and a manifest with the checksum of each, and its name is the checksum of that manifest.
So its name alone tells it from any other state: half-written, damaged, or mixed with another folder's files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pgdojo.errors import SearchIndexError

MANIFEST = "manifest.json"
REBUILD = "Run pgdojo index --rebuild."
SEAL = re.compile(r"[0-9a-f]{32}")
"""What a sealed folder's name looks like."""
_UNSEALED = ".partial"


def sha256(path: Path) -> str:
    """Checksum of a file in hexadecimal; OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def unsealed(parent: Path) -> Iterator[Path]:
    """A new folder in `parent` to fill and `seal`; what was not sealed is removed."""
    folder = parent / f"{os.getpid()}{_UNSEALED}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def seal(folder: Path, facts: Mapping[str, Any]) -> Path:
    """Write the manifest of `folder`, and return the folder under its final name.

    All of it has reached the disk by then.

    Args:
        folder: From `unsealed`, filled.
        facts: What the manifest says beside the checksums, which stand under `files`.
    """
    files = {name: sha256(folder / name) for name in _names(folder)}
    manifest = json.dumps({**facts, "files": files}).encode("ascii")
    (folder / MANIFEST).write_bytes(manifest)
    for path in (*folder.rglob("*"), folder):
        sync(path)
    final = folder.with_name(_seal_of(manifest))
    shutil.rmtree(final, ignore_errors=True)  # its namesake would be in use if it were whole
    folder.rename(final)
    sync(folder.parent)
    return final


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a sealed folder, whose files are yet to be verified.

    Raises:
        SearchIndexError: It is missing, or not the one that gave the folder its name.
    """
    try:
        manifest = (folder / MANIFEST).read_bytes()
    except OSError as cause:
        raise SearchIndexError(f"{MANIFEST} of the index is missing.", next_step=REBUILD) from cause
    if _seal_of(manifest) != folder.name:
        raise SearchIndexError(f"{MANIFEST} of the index was altered or damaged.", next_step=REBUILD)
    data: dict[str, Any] = json.loads(manifest)
    return data


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a sealed folder whose files are all as it says.

    Raises:
        SearchIndexError: A file is missing, altered or damaged.
    """
    manifest = read_manifest(folder)
    for name, expected in manifest["files"].items():
        try:
            found = sha256(folder / name)
        except OSError as cause:
            raise SearchIndexError(f"{name} of the index is missing.", next_step=REBUILD) from cause
        if found != expected:
            raise SearchIndexError(f"{name} of the index was altered or damaged.", next_step=REBUILD)
    return manifest


def remove_others(parent: Path, *kept: str) -> None:
    """Remove every folder of `parent` but those named; one that a reader holds open may stay until the next time."""
    for folder in parent.iterdir() if parent.is_dir() else ():
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def remove_unsealed(parent: Path) -> None:
    """Remove what processes that died left in `parent`."""
    for folder in parent.glob(f"*{_UNSEALED}"):
        shutil.rmtree(folder, ignore_errors=True)


def replace(path: Path, content: bytes) -> None:
    """Put `content` in the file at `path`, so that a reader finds all of the old content or all of the new."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    sync(fresh)
    fresh.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until the file or folder is on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows has no such thing for folders
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _seal_of(manifest: bytes) -> str:
    return hashlib.sha256(manifest).hexdigest()[:32]
