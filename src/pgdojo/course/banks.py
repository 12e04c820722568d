"""The quiz items, objectives and misconceptions of a course, and the lock that ties items to what they cite."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pgdojo.course.items import KINDS, Item, ItemBase, Misconception, Objective
from pgdojo.course.ledger import files_below
from pgdojo.course.records import Passage, PassageId
from pgdojo.course.schemas import validated
from pgdojo.course.yaml_files import Place, YamlFile, read_yaml
from pgdojo.errors import CourseError, Fault, UsageError

FOLDER = "quizzes"
OBJECTIVES = "objectives.yaml"
MISCONCEPTIONS = "misconceptions.yaml"
LOCK = "lock.json"

Find = Callable[[PassageId], Passage | None]
"""Returns the passage with an id, None where there is none."""

_Named = TypeVar("_Named", Objective, Misconception)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bank:
    """One file of items."""

    topic: str
    """The file's name without its ending."""
    name: str
    """Path below the course's folder."""
    items: tuple[Item, ...]
    file: YamlFile = field(repr=False)
    positions: dict[str, int] = field(repr=False)
    """Where in the file each item stands."""

    def line(self, item: str, *place: str | int) -> int | None:
        """1-based line of an item, or of a value within it."""
        return self.file.line((self.positions[item], *place))


@dataclass(frozen=True, kw_only=True, slots=True)
class Quizzes:
    """Everything that can be asked in a course."""

    banks: tuple[Bank, ...] = ()
    objectives: Mapping[str, Objective] = field(default_factory=dict)
    misconceptions: Mapping[str, Misconception] = field(default_factory=dict)
    lock: Mapping[str, Mapping[PassageId, str]] = field(default_factory=dict)
    """Fingerprint of each passage that an item cites, as its author confirmed it."""
    items: Mapping[str, Item] = field(default_factory=dict)
    """Every item by its id, in the order of the files."""

    def topic(self, item: Item) -> str:
        """The topic of an item's objective."""
        return self.objectives[item.objective].topic

    def is_critical(self, item: Item) -> bool:
        """Whether not knowing it hurts in production."""
        return self.objectives[item.objective].criticality == "high"

    def unconfirmed(self, item: Item, find: Find) -> tuple[PassageId, ...]:
        """The passages that `item` cites and that are not those its author confirmed; such an item is quarantined."""
        confirmed = self.lock.get(item.id, {})
        return tuple(cited for cited in item.cites if confirmed.get(cited) != fingerprint(find(cited)))

    def served(self, find: Find) -> dict[str, Item]:
        """The items that may be asked: published, and resting on passages that are as they were confirmed."""
        return {
            name: item
            for name, item in self.items.items()
            if item.status == "published" and not self.unconfirmed(item, find)
        }


def fingerprint(passage: Passage | None) -> str:
    """What changes when the words of a passage change, but not when they are wrapped anew; empty without a passage."""
    if passage is None:
        return ""
    return hashlib.sha256(" ".join(passage.text.split()).encode()).hexdigest()[:16]


def load_quizzes(root: Path) -> Quizzes:
    """Read `quizzes/` of the course in `root`; without that folder there is nothing to ask.

    Raises:
        CourseError: A file cannot be read, or an entry has another shape; all faults are in it.
    """
    folder = root / FOLDER
    if not folder.is_dir():
        return Quizzes()
    faults: list[Fault] = []
    objectives = dict(_named(Objective, folder / OBJECTIVES, faults))
    misconceptions = dict(_named(Misconception, folder / MISCONCEPTIONS, faults))
    banks: list[Bank] = []
    for path in files_below(folder, {".yaml", ".yml"}, folder):
        if path.name not in {OBJECTIVES, MISCONCEPTIONS}:
            banks += _bank(path, path.relative_to(root).as_posix(), faults)
    items = {item.id: item for bank in banks for item in bank.items}
    faults += _unknown_objectives(banks, objectives)
    faults += _doubled(banks)
    lock = _read_lock(folder / LOCK, faults)
    if faults:
        raise CourseError(faults)
    return Quizzes(banks=tuple(banks), objectives=objectives, misconceptions=misconceptions, lock=lock, items=items)


def _entries(path: Path, name: str, faults: list[Fault]) -> Iterator[tuple[Any, Place, YamlFile]]:
    try:
        file = read_yaml(path, name)
    except CourseError as cause:
        faults.extend(cause.faults)
        return
    if not isinstance(file.data, list):
        faults.append(Fault(file=name, line=1, problem="the file must be a list of entries, each beginning with - id."))
        return
    for position, data in enumerate(file.data):
        yield data, (position,), file


def _named(model: type[_Named], path: Path, faults: list[Fault]) -> Iterator[tuple[str, _Named]]:
    if not path.exists():
        return
    name = f"{FOLDER}/{path.name}"
    seen: set[str] = set()
    for data, place, file in _entries(path, name, faults):
        try:
            entry = validated(model, data, place, file, name)
        except CourseError as cause:
            faults.extend(cause.faults)
            continue
        if entry.id in seen:
            faults.append(_taken(name, file.line(place), entry.id))
        seen.add(entry.id)
        yield entry.id, entry


def _bank(path: Path, name: str, faults: list[Fault]) -> Iterator[Bank]:
    items: list[Item] = []
    positions: dict[str, int] = {}
    read = None
    for data, place, file in _entries(path, name, faults):
        read = file
        try:
            item = validated(_model(data, place, file, name), data, place, file, name)
        except CourseError as cause:
            faults.extend(cause.faults)
            continue
        if item.id in positions:
            faults.append(_taken(name, file.line(place), item.id))
        positions[item.id] = int(place[0])
        items.append(item)  # type: ignore[arg-type]  # the models of KINDS are those of Item
    if read is not None:
        yield Bank(topic=path.stem, name=name, items=tuple(items), file=read, positions=positions)


def _model(data: Any, place: Place, file: YamlFile, name: str) -> type[ItemBase]:
    """The shape of an item's kind."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if isinstance(kind, str) and kind in KINDS:
        return KINDS[kind]
    if kind is None and isinstance(data, dict):
        problem, near = "the field is missing.", []
    else:
        problem, near = f"“{str(kind)[:40]}” is no kind of item.", get_close_matches(str(kind), KINDS, n=1)
    item = str(data.get("id") or "")[:80] if isinstance(data, dict) else ""
    known = f"Did you mean {near[0]}?" if near else f"Write one of {', '.join(KINDS)}."
    line = file.line((*place, "kind"))
    raise CourseError([Fault(file=name, line=line, item=item, field="kind", problem=problem, next_step=known)])


def _unknown_objectives(banks: list[Bank], objectives: Mapping[str, Objective]) -> Iterator[Fault]:
    """Without its objective an item has no topic, so that nothing else can be said of it."""
    for bank in banks:
        for item in bank.items:
            if item.objective not in objectives:
                near = get_close_matches(item.objective, objectives, n=1)
                yield Fault(
                    file=bank.name,
                    line=bank.line(item.id, "objective"),
                    item=item.id,
                    field="objective",
                    problem=f"objective-known: there is no objective {item.objective}.",
                    next_step=f"Did you mean {near[0]}?" if near else f"Write it into {FOLDER}/{OBJECTIVES}.",
                )


def _doubled(banks: list[Bank]) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for bank in banks:
        for item in bank.items:
            if owners.setdefault(item.id, bank.name) != bank.name:
                yield _taken(bank.name, bank.line(item.id), item.id, f" by {owners[item.id]}")


def _taken(name: str, line: int | None, item: str, by: str = "") -> Fault:
    problem = f"id-once: the id is taken{by}."
    return Fault(file=name, line=line, item=item, field="id", problem=problem, next_step="Rename one.")


def _read_lock(path: Path, faults: list[Fault]) -> Mapping[str, Mapping[PassageId, str]]:
    if not path.exists():
        return {}
    try:
        lock = json.loads(path.read_bytes())
        return {str(item): {str(k): str(v) for k, v in cited.items()} for item, cited in lock.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        name = f"{FOLDER}/{path.name}"
        step = "Take it from your version control, or delete it and run pgdojo check --confirm all."
        faults.append(Fault(file=name, problem="the lock file is damaged.", next_step=step))
        return {}


def confirm(root: Path, quizzes: Quizzes, names: Collection[str], find: Find) -> tuple[str, ...]:
    """Say that the items called `names` are right as their passages now stand; `all` means every item.

    Returns:
        The items whose entry in the lock file changed.

    Raises:
        UsageError: There is no such item, it cites a passage that does not exist, or the lock file cannot be written;
            what was confirmed before stands.
    """
    if not quizzes.items:
        raise UsageError("The course has no quiz items to confirm.", next_step=f"Write some into {FOLDER}/ first.")
    wanted = list(quizzes.items) if "all" in names else list(names)
    for name in wanted:
        if name not in quizzes.items:
            near = get_close_matches(name, quizzes.items, n=1)
            step = f"Did you mean {near[0]}?" if near else "Name an item by its id, or all."
            raise UsageError(f"There is no item {name}.", next_step=step)
        lost = [cited for cited in quizzes.items[name].cites if find(cited) is None]
        if lost:
            raise UsageError(f"{name} cites {lost[0]}, which does not exist.", next_step="Cite what is there.")
    lock = {name: dict(cited) for name, cited in quizzes.lock.items() if name in quizzes.items}
    for name in wanted:
        lock[name] = {cited: fingerprint(find(cited)) for cited in quizzes.items[name].cites}
    path = root / FOLDER / LOCK
    beside = path.with_suffix(".new")
    try:
        beside.write_text(json.dumps(dict(sorted(lock.items())), indent=1) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as cause:
        step = "Look at the permissions of its folder."
        raise UsageError(f"{path} cannot be written ({cause.strerror}).", next_step=step) from cause
    return tuple(name for name in wanted if lock[name] != quizzes.lock.get(name))
