"""A new course from a folder of Markdown."""

from __future__ import annotations

import shutil
import tempfile
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
    A start that fails leaves nothing behind.

    Raises:
        UsageError: The source holds no Markdown, `folder` is a course already, or the files cannot be copied.
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
    made = _first_missing(folder)
    try:
        _copy(files, origin, folder)
    except OSError as cause:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
        place = cause.filename or folder
        problem = f"The Markdown of {origin} cannot be copied: {cause.strerror} ({place})."
        raise UsageError(problem, next_step="Nothing was changed; look at the permissions and try again.") from cause
    return Started(documents=len(files))


def _first_missing(folder: Path) -> Path | None:
    """The highest folder on the way to `folder` that does not exist yet."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    return missing[-1] if missing else None


def _copy(files: list[Path], origin: Path, folder: Path) -> None:
    """Copy beside and rename into place, so that `knowledge/` is there as a whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".knowledge-", dir=folder) as beside:
        partial = Path(beside) / "knowledge"
        for file in files:
            target = partial / file.relative_to(origin)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        partial.rename(folder / "knowledge")
