"""What several tests share: the real course's index, built once, and tiny courses made by hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def dojo():
    """The repository's own course, its index built where it is missing or out of date."""
    from pgdojo.dojo import open_dojo

    return open_dojo(ROOT)


@pytest.fixture
def course(tmp_path):
    """A function that writes files into a new course and returns its folder."""

    def write(files: dict[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = tmp_path / "course" / "knowledge" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "course"

    return write


@pytest.fixture
def indexed(course, dojo):
    """Like `course`, with the exported encoder of the real course put beside it, so that a build needs no torch."""

    def write(files: dict[str, str | bytes]) -> Path:
        root = course(files)
        name = dojo.index.manifest.encoder
        lent = root / "index" / "encoders" / name
        if not lent.exists():
            shutil.copytree(dojo.index_folder.encoders / name, lent)
        return root

    return write
