"""Reads a GIFT file into a bank of drafts; nothing is written unless all of it can be loaded afterwards."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from pgdojo.course.banks import FOLDER, MISCONCEPTIONS, OBJECTIVES, load_quizzes
from pgdojo.course.items import KINDS
from pgdojo.course.schemas import validated
from pgdojo.course.yaml_files import MAX_BYTES, parse_yaml
from pgdojo.errors import CourseError, Fault, UsageError
from pgdojo.quiz.exports.drafts import OBJECTIVE, Draft, Drafts, slug
from pgdojo.quiz.exports.gift_parse import parse
from pgdojo.quiz.exports.records import Loss, LossReport, write_whole

MAX_GIFT_BYTES = 10 * MAX_BYTES

_NO_YAML = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Characters that our reader of YAML refuses."""

_OBJECTIVE = {"id": OBJECTIVE, "topic": OBJECTIVE, "objective": "Sort what was imported into objectives of its own."}


class _Dumper(yaml.SafeDumper):
    """Writes every value out, since our reader takes no alias."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def import_gift(path: Path, root: Path, *, today: date | None = None) -> LossReport:
    """Write the questions of a GIFT file as drafts into a new bank of the course in `root`, named like the file.

    Args:
        path: The file, in UTF-8.
        root: The course's folder.
        today: From when the drafts date where the file does not say; by default the day it is in UTC.

    Returns:
        The new bank, the number of its items, and what could not be taken over.

    Raises:
        CourseError: The file or the course's quizzes cannot be read; each fault has its line.
        UsageError: The file cannot be found, there is a bank of that name, there is nothing to import or too much, or
            the bank cannot be written.
    """
    bank = root / FOLDER / f"{slug(path.stem)}.yaml"
    if bank.name in {OBJECTIVES, MISCONCEPTIONS} or bank.exists() or bank.with_suffix(".yml").exists():
        raise UsageError(
            f"{FOLDER}/{bank.name} exists or is no name for a bank.", next_step="Rename the file that you import."
        )
    quizzes = load_quizzes(root)
    text, losses = _read(path)
    drafts = Drafts(
        taken=set(quizzes.items),
        objectives=frozenset(quizzes.objectives),
        today=today or datetime.now(UTC).date(),
        losses=losses,
    )
    for question in parse(text, path.name):
        drafts.take(question)
    items = drafts.sound()
    if not items:
        raise UsageError(
            f"There is nothing to import in {path.name}.", next_step="\n".join(str(loss) for loss in drafts.losses)
        )
    content = _yaml(items)
    if len(content.encode()) > MAX_BYTES:
        raise UsageError(f"{path.name} holds too much for one bank.", next_step="Split it.")
    _try_reading(content, f"{FOLDER}/{bank.name}")
    bank.parent.mkdir(exist_ok=True)
    if OBJECTIVE not in quizzes.objectives and any(item["objective"] == OBJECTIVE for item in items):
        _add_objective(root / FOLDER / OBJECTIVES)
    write_whole(bank, content.encode())
    return LossReport(target=bank, written=len(items), losses=tuple(drafts.losses))


def _read(path: Path) -> tuple[str, list[Loss]]:
    """The text of a file, with what YAML could not hold replaced, and what was replaced."""
    try:
        raw = path.read_bytes()
    except OSError as cause:
        raise UsageError(f"{path} cannot be read ({cause.strerror}).", next_step="Look at its name.") from cause
    if len(raw) > MAX_GIFT_BYTES:
        problem = f"the file has {len(raw):,} bytes, over the limit of {MAX_GIFT_BYTES:,}."
        raise CourseError([Fault(file=path.name, problem=problem, next_step="Split it.")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        fault = Fault(
            file=path.name, line=line, problem="a byte here is not UTF-8.", next_step="Save the file as UTF-8."
        )
        raise CourseError([fault]) from cause
    text, count = _NO_YAML.subn(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not count:
        return text, []
    what = f"{count} character{'' if count == 1 else 's'} that YAML forbids"
    return text, [Loss(item=path.name, what=what, how="a blank stands for each")]


def _yaml(entries: list[Draft]) -> str:
    return "\n".join(
        yaml.dump([entry], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120) for entry in entries
    )


def _try_reading(content: str, name: str) -> None:
    """Read a bank that is not written yet, since what cannot be read must not come to lie among what can."""
    file = parse_yaml(content, name)
    for place, entry in enumerate(file.data):
        validated(KINDS[entry["kind"]], entry, (place,), file, name)


def _add_objective(path: Path) -> None:
    """Append the objective of what is imported, leaving every word and comment that stands there."""
    before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    above = before.rstrip().removesuffix("[]").rstrip()
    content = (f"{above}\n\n" if above else "") + _yaml([_OBJECTIVE])
    parse_yaml(content, f"{FOLDER}/{path.name}")
    write_whole(path, content.encode())
