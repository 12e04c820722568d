"""A new course from a folder of Markdown."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pgdojo.course.load import markdown_files
from pgdojo.errors import UsageError


@dataclass(frozen=True, slots=True)
class Started:
    """What became of a start."""

    documents: int


def start_course(folder: Path, source: Path | None = None) -> Started:
    """Make `folder` a course whose `knowledge/` holds the Markdown of `source`.

    Without a source, the Markdown that already lies in `folder` is copied; the originals stay where they are.

    Raises:
        UsageError: The source holds no Markdown, or `folder` is a course already.
    """
    knowledge = folder / "knowledge"
    if knowledge.exists():
        raise UsageError(f"{folder} is a course already.", next_step=f"Run pgdojo --course {folder} check.")
    origin = source or folder
    if not origin.is_dir():
        raise UsageError(f"There is no folder {origin}.", next_step="Name a folder of Markdown files with --from.")
    files = markdown_files(origin)
    if not files:
        raise UsageError(f"{origin} holds no Markdown.", next_step="Name a folder with .md files with --from.")
    partial = folder / "knowledge.new"
    shutil.rmtree(partial, ignore_errors=True)
    for file in files:
        target = partial / file.relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    partial.rename(knowledge)
    return Started(documents=len(files))
