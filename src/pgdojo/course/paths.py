"""The path of a course, read from `knowledge/path.yaml`, and judged against what the course holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pgdojo.course.banks import Find, Quizzes
from pgdojo.course.lab_records import Lab
from pgdojo.course.path_records import LearningPath, Module, PathFile, Track
from pgdojo.course.schemas import validated
from pgdojo.course.yaml_files import Place, YamlFile, read_yaml
from pgdojo.errors import CourseError, Fault

NAME = "knowledge/path.yaml"

_Entry = TypeVar("_Entry", Track, Module)

Finding: TypeAlias = tuple[Place, str, str]
"""Where in the file, what is wrong, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenPath:
    """The path and the file that it stands in."""

    path: LearningPath
    file: YamlFile = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a path is judged against."""

    find: Find
    quizzes: Quizzes
    labs: Mapping[str, Lab]


def load_path(root: Path) -> LearningPath:
    """Read the path of the course in `root`; a course without one has an empty path.

    Raises:
        CourseError: The file cannot be read, or has another shape; all faults are in it.
    """
    written = read_path(root)
    return written.path if written else LearningPath()


def read_path(root: Path) -> WrittenPath | None:
    """As `load_path`, with the file; None where the course has no path.

    Raises:
        CourseError: As `load_path`.
    """
    if not (root / NAME).exists():
        return None
    file = read_yaml(root / NAME, NAME)
    if not isinstance(file.data, dict):
        raise CourseError([Fault(file=NAME, line=1, problem="the file must be fields, the first of them title.")])
    whole = validated(PathFile, file.data, (), file, NAME)
    faults: list[Fault] = []
    path = LearningPath(
        title=whole.title,
        tracks=tuple(_entries(Track, "tracks", whole.tracks, file, faults)),
        modules=tuple(_entries(Module, "modules", whole.modules, file, faults)),
    )
    if faults:
        raise CourseError(faults)
    return WrittenPath(path=path, file=file)


def _entries(
    model: type[_Entry], name: str, written: Sequence[Any], file: YamlFile, faults: list[Fault]
) -> Iterator[_Entry]:
    """The sound entries of a list; what is wrong with the others is added to `faults`."""
    for n, data in enumerate(written):
        try:
            yield validated(model, data, (name, n), file, NAME, _called(file, (name, n)))
        except CourseError as cause:
            faults.extend(cause.faults)


def _called(file: YamlFile, place: Place) -> str:
    """What messages call the entry that holds `place`: its kind and its id, or its number where it has none."""
    if len(place) < 2:
        return ""
    data = file.data[place[0]][place[1]]
    name = data.get("id") if isinstance(data, dict) else None
    return f"{str(place[0]).removesuffix('s')} {str(name or int(place[1]) + 1)[:80]}"


def judge(written: WrittenPath, find: Find, quizzes: Quizzes, labs: Mapping[str, Lab]) -> Iterator[Fault]:
    """The faults of a path.

    Args:
        written: The path as it was read.
        find: Gives the passages that are to be read.
        quizzes: The objectives.
        labs: The labs by their ids.
    """
    context = Context(find=find, quizzes=quizzes, labs=labs)
    for rule in RULES:
        for place, problem, next_step in rule(written.path, context):
            yield Fault(
                file=NAME,
                line=written.file.line(place),
                item=_called(written.file, place),
                field=".".join(str(part) for part in (place if len(place) == 1 else place[2:])),
                problem=problem,
                next_step=next_step,
            )


def _head(path: LearningPath, _: Context) -> Iterator[Finding]:
    if not path.title:
        yield ("title",), "the path has no title.", "Write one for the page."
    if not path.tracks:
        yield ("tracks",), "there is no track.", "Write at least one; a learner chooses among them."
    if not path.modules:
        yield ("modules",), "there is no module.", "Write at least one."
    for track in path.tracks:
        if path.modules and not path.of(track.id):
            yield ("tracks",), f"the track {track.id} holds no module.", "Name it under tracks of a module."


def _once(path: LearningPath, _: Context) -> Iterator[Finding]:
    """Every id stands once."""
    yield from _taken("track", [(("tracks", n, "id"), track.id) for n, track in enumerate(path.tracks)])
    yield from _taken("module", [(("modules", n, "id"), module.id) for n, module in enumerate(path.modules)])
    tasks = [
        (("modules", n, "team", m, "id"), task.id)
        for n, module in enumerate(path.modules)
        for m, task in enumerate(module.team)
    ]
    yield from _taken("task", tasks)
    for field_of, kind in (("objectives", "objective"), ("labs", "lab"), ("read", "passage")):
        yield from _taken(kind, list(_named(path, field_of)), within=field_of == "read")


def _taken(kind: str, named: Sequence[tuple[Place, str]], *, within: bool = False) -> Iterator[Finding]:
    """The names that stand twice, in the whole path or `within` one module."""
    seen: dict[tuple[str | int, str], Place] = {}
    for place, name in named:
        first = seen.setdefault((place[1] if within else "", name), place)
        if first is not place:
            yield place, f"the {kind} {name} stands twice.", "Keep one."


def _named(path: LearningPath, field_of: str) -> Iterator[tuple[Place, str]]:
    """What the modules name in one of their fields, and where."""
    for n, module in enumerate(path.modules):
        for m, name in enumerate(getattr(module, field_of)):
            yield ("modules", n, field_of, m), name


def _known(path: LearningPath, context: Context) -> Iterator[Finding]:
    """Everything that is named exists."""
    known: dict[str, tuple[str, Collection[str]]] = {
        "tracks": ("track", [track.id for track in path.tracks]),
        "after": ("module", [module.id for module in path.modules]),
        "objectives": ("objective", context.quizzes.objectives),
        "labs": ("lab", context.labs),
    }
    for field_of, (kind, names) in known.items():
        for place, name in _named(path, field_of):
            if name not in names:
                yield place, f"there is no {kind} {name}.", _near(name, names)


def _reading(path: LearningPath, context: Context) -> Iterator[Finding]:
    """Every section to read exists, and is named by its first passage."""
    for place, name in _named(path, "read"):
        if context.find(name) is None:
            yield place, f"there is no passage {name}.", "Take the id from the address of the section in the book."
        elif name.startswith("facts#"):
            yield place, f"{name} is a fact.", "Name a section that explains it."


def _order(path: LearningPath, _: Context) -> Iterator[Finding]:
    """Modules wait for one another without going round in a circle, and stand below what they wait for."""
    ids = [module.id for module in path.modules]
    done: set[str] = set()
    for _module in path.modules:
        done |= {one.id for one in path.modules if done.issuperset(set(one.after).intersection(ids))}
    for n, module in enumerate(path.modules):
        if module.id not in done:
            yield ("modules", n, "after"), "the module never opens: modules wait for one another in a circle.", ""
            continue
        for m, name in enumerate(module.after):
            if name in ids[n:]:
                problem = f"{name} stands below, and comes first."
                yield ("modules", n, "after", m), problem, "Put the modules into the order in which they are done."


def _complete(path: LearningPath, context: Context) -> Iterator[Finding]:
    """Every objective and every lab of the course is on the path."""
    for field_of, kind, names in (
        ("objectives", "objective", context.quizzes.objectives),
        ("labs", "lab", context.labs),
    ):
        placed = {name for _, name in _named(path, field_of)}
        for name in names:
            if name not in placed:
                yield ("modules",), f"the {kind} {name} is in no module.", f"Name it under {field_of} of one."


def _something(path: LearningPath, _: Context) -> Iterator[Finding]:
    """Every module has something to do."""
    for n, module in enumerate(path.modules):
        if not _holds_something(module):
            yield ("modules", n), "there is nothing to do.", "Give it something to read, ask, answer or practise."


def _holds_something(module: Module) -> bool:
    return any((module.read, module.ask, module.objectives, module.labs, module.team))


def _near(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else ""


RULES: Sequence[Callable[[LearningPath, Context], Iterator[Finding]]] = (
    _head,
    _once,
    _known,
    _reading,
    _order,
    _complete,
    _something,
)
