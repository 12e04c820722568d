"""The ledger of facts and the glossary, read from the authors' YAML."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pgdojo.course.records import Foreign, Passage, PassageId, Term
from pgdojo.course.schemas import FactEntry, ForeignEntry, GlossaryFile, TermEntry, validated
from pgdojo.course.sentences import sentence_spans
from pgdojo.course.yaml_files import Place, YamlFile, read_yaml
from pgdojo.errors import CourseError, Fault


def files_below(folder: Path, suffixes: set[str], border: Path) -> list[Path]:
    """Files of `folder` at any depth, by name, but for hidden ones and links that lead out of `border`.

    Args:
        folder: Where to look; hidden folders are not entered.
        suffixes: Endings of the names that are meant, in small letters, such as `.md`.
        border: The folder that a link must stay in.
    """
    inside = border.resolve()
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += (Path(place, name) for name in names if not name.startswith("."))
    meant = (path for path in found if path.suffix.lower() in suffixes)
    return sorted(path for path in meant if path.is_file() and path.resolve().is_relative_to(inside))


def title_of(stem: str) -> str:
    """A file's name as a title: `high-availability` -> `High availability`."""
    words = re.sub(r"[-_]+", " ", stem).strip()
    return words[:1].upper() + words[1:]


def read_facts(knowledge: Path, faults: list[Fault]) -> tuple[tuple[Passage, ...], dict[PassageId, int]]:
    """The facts of the folder `knowledge`, and the line on which each begins; what is wrong is added to `faults`."""
    facts: dict[PassageId, Passage] = {}
    lines: dict[PassageId, int] = {}
    for path in _ledger_files(knowledge, faults):
        name = path.relative_to(knowledge.parent).as_posix()
        for fact, line in _file_facts(path, name, faults):
            if fact.id in facts:
                problem = f"the id is taken: {facts[fact.id].document}, line {lines[fact.id]} has it too."
                item = fact.id.removeprefix("facts#")
                faults.append(
                    Fault(file=name, line=line, item=item, field="id", problem=problem, next_step="Rename one.")
                )
            facts[fact.id], lines[fact.id] = fact, line
    return tuple(facts.values()), lines


def _ledger_files(knowledge: Path, faults: list[Fault]) -> Iterator[Path]:
    folder = knowledge / "facts"
    for path in files_below(folder, {".yaml", ".yml"}, knowledge):
        if path.parent == folder and path.suffix == ".yaml":
            yield path
            continue
        name = path.relative_to(knowledge.parent).as_posix()
        step = f"Move it to {knowledge.name}/facts/{path.stem}.yaml."
        faults.append(Fault(file=name, problem="facts are not read from a file of this name.", next_step=step))


def _file_facts(path: Path, name: str, faults: list[Fault]) -> Iterator[tuple[Passage, int]]:
    """The sound facts of one file, each with its line."""
    try:
        file = read_yaml(path, name)
    except CourseError as cause:
        faults.extend(cause.faults)
        return
    if not isinstance(file.data, list):
        faults.append(Fault(file=name, line=1, problem="the file must be a list of facts, each beginning with - id."))
        return
    rows = file.text.split("\n")
    for position, data in enumerate(file.data):
        try:
            entry = validated(FactEntry, data, (position,), file, name)
            fact = _fact(entry, file.line((position, "fact")) or 1, name, rows)
        except CourseError as cause:
            faults.extend(cause.faults)
            continue
        yield fact, file.line((position,)) or 1


def _fact(entry: FactEntry, line: int, name: str, rows: list[str]) -> Passage:
    """The fact as a passage whose words stand in the file as they are: on the line of its name or the next."""
    found = next((number for number in (line, line + 1) if entry.fact in "".join(rows[number - 1 : number])), None)
    if found is None:
        raise CourseError(
            [
                Fault(
                    file=name,
                    line=line,
                    item=entry.id,
                    field="fact",
                    problem="the words cannot be quoted as they stand in the file.",
                    next_step="Write `fact: |-` and the whole fact on the one line below it.",
                )
            ]
        )
    title = title_of(Path(name).stem)
    return Passage(
        id=f"facts#{entry.id}",
        document=name,
        title=title,
        heading=(title, entry.subject),
        text=entry.fact,
        first_line=found,
        kind="fact",
        sentences=tuple(sentence_spans(entry.fact)),
        topic=entry.topic,
        subject=entry.subject,
        standing=entry.status,
        as_of=entry.as_of,
        source=entry.source,
        source_title=entry.source_title,
        notes_lines=entry.notes_lines,
        asks=tuple(dict.fromkeys([*entry.asks, *entry.yes, *entry.no])),
        affirmed=entry.yes,
        denied=entry.no,
    )


def read_glossary(
    knowledge: Path, faults: list[Fault]
) -> tuple[tuple[Term, ...], tuple[Foreign, ...], dict[Place, int]]:
    """The terms, the foreign subjects and the line of each, by its list and position; faults are added to `faults`."""
    path = knowledge / "glossary.yaml"
    if not path.exists():
        return (), (), {}
    name = path.relative_to(knowledge.parent).as_posix()
    try:
        file = read_yaml(path, name)
        glossary = validated(GlossaryFile, file.data or {}, (), file, name)
    except CourseError as cause:
        faults.extend(cause.faults)
        return (), (), {}
    before = len(faults)
    terms = tuple(_terms(glossary, file, name, faults))
    foreign = tuple(_foreign(glossary, file, name, faults))
    if len(faults) > before:
        return (), (), {}
    lines: dict[Place, int] = {place: line for place, line in file.lines.items() if len(place) == 2}
    return terms, foreign, lines


def _terms(glossary: GlossaryFile, file: YamlFile, name: str, faults: list[Fault]) -> Iterator[Term]:
    for position, data in enumerate(glossary.terms):
        try:
            entry = validated(TermEntry, data, ("terms", position), file, name)
        except CourseError as cause:
            faults.extend(cause.faults)
            continue
        yield Term(**{**entry.model_dump(), "see": tuple(f"facts#{fact}" for fact in entry.see)})


def _foreign(glossary: GlossaryFile, file: YamlFile, name: str, faults: list[Fault]) -> Iterator[Foreign]:
    for position, data in enumerate(glossary.foreign):
        try:
            entry = validated(ForeignEntry, data, ("foreign", position), file, name)
        except CourseError as cause:
            faults.extend(cause.faults)
            continue
        yield Foreign(**{**entry.model_dump(), "mentioned": tuple(f"facts#{fact}" for fact in entry.mentioned)})
