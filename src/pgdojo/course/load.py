"""A course's folder read into frozen records."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pgdojo.course import markdown
from pgdojo.course.records import SUPERSEDED, Document, Foreign, Kind, Passage, PassageId, Term
from pgdojo.course.schemas import FactEntry, FrontMatter, GlossaryFile
from pgdojo.course.sentences import sentence_spans
from pgdojo.course.yaml_files import YamlFile, parse_yaml, read_yaml
from pgdojo.errors import CourseError, Fault, UsageError

CHUNKER = 1
"""Version of the way documents are cut; an index that was cut in another way is built anew."""

MAX_DOCUMENT_BYTES = 64_000_000

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownQuestions:
    """Questions of which it is known whether the material answers them; the gate compares new ones with them."""

    answered: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()


def known_file(root: Path) -> Path:
    """Where `pgdojo eval --fit` keeps the known questions of the course in `root`."""
    return root / "knowledge" / "known_questions.json"


@dataclass(frozen=True, kw_only=True)
class Course:
    """Everything that is taught, as it stands in the files of one folder."""

    root: Path
    documents: tuple[Document, ...]
    """The notes first, then the pages in their order."""
    facts: tuple[Passage, ...]
    terms: tuple[Term, ...]
    foreign: tuple[Foreign, ...]
    known_questions: KnownQuestions
    skipped: tuple[Fault, ...] = ()
    """Documents that could not be read; the rest is taught without them."""
    fact_lines: dict[PassageId, int] = field(default_factory=dict, repr=False)
    """Line of the ledger on which each fact begins."""

    @property
    def title(self) -> str:
        """Name of the course: that of its notes, or of its folder."""
        return next((document.title for document in self.documents if document.kind == "notes"), self.root.name)

    @cached_property
    def facts_by_line(self) -> dict[str, tuple[PassageId, ...]]:
        """The facts that speak to each line of the notes."""
        found: dict[str, tuple[PassageId, ...]] = {}
        for fact in self.facts:
            for line in fact.notes_lines:
                found[line] = (*found.get(line, ()), fact.id)
        return found

    def passages(
        self, count: markdown.CountTokens, window: int, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Passage]:
        """All passages: the facts, then each document cut to fit the encoder.

        Args:
            count: Length of texts in the encoder's tokens.
            window: Most tokens that the encoder reads of one text, its two special ones included.
            progress: Called after each document with how many are done and how many there are.
        """
        yield from self.facts
        topics = {fact.id: fact.topic for fact in self.facts}
        for done, document in enumerate(self.documents, 1):
            yield from self._document_passages(document, count, window, topics)
            if progress:
                progress(done, len(self.documents))

    def _document_passages(
        self, document: Document, count: markdown.CountTokens, window: int, topics: dict[PassageId, str]
    ) -> Iterator[Passage]:
        lines = document.text.split("\n")
        taken: dict[str, int] = {}
        for section in markdown.sections(lines, document.body_line - 1):
            if not section.blocks:
                continue
            heading = section.heading or (document.title,)
            prefix = sum(count([embedded_heading(document.title, heading)]))
            budget = max(32, window - 2 - prefix)
            slug = unique_slug(heading[-1], taken)
            for number, piece in enumerate(markdown.pieces(lines, section, count, budget), 1):
                facts = self._facts_of(document.kind, piece)
                yield Passage(
                    id=f"{document.slug}#{slug}" + (f"-{number}" if number > 1 else ""),
                    document=document.path,
                    title=document.title,
                    heading=heading,
                    text=piece.text,
                    first_line=piece.first_line + 1,
                    kind=document.kind,
                    sentences=piece.sentences,
                    topic=document.topic or _most_common([topics[fact] for fact in facts if fact in topics]),
                    facts=facts,
                )

    def _facts_of(self, kind: Kind, piece: markdown.Piece) -> tuple[PassageId, ...]:
        if kind != "notes":
            return markdown.cited_facts(piece.text)
        spoken = (self.facts_by_line.get(piece.text[span.start : span.end], ()) for span in piece.sentences)
        return tuple(dict.fromkeys(fact for facts in spoken for fact in facts))


def embedded_heading(title: str, heading: Sequence[str]) -> str:
    """What is set before a passage when it is embedded, and never when it is quoted."""
    path = heading if heading and heading[0] == title else (title, *heading)
    return " > ".join(path) + "\n"


def unique_slug(text: str, taken: dict[str, int]) -> str:
    """`text` as an id's last part, numbered from its second use in `taken`, which counts the uses."""
    slug = slugify(text) or "section"
    taken[slug] = taken.get(slug, 0) + 1
    return slug if taken[slug] == 1 else f"{slug}--{taken[slug]}"


def slugify(text: str) -> str:
    """Lower-case words joined by hyphens, at most 60 characters: `Point-in-time restore` -> `point-in-time-restore`."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[^\w]+", "-", plain).strip("-_")[:60].rstrip("-")


def load_course(root: Path) -> Course:
    """Read the course in the folder `root`.

    Raises:
        UsageError: There is no such folder, or it holds no `knowledge/`.
        CourseError: The ledger or the glossary has faults; all of them are in it. A document that cannot be read is
            no error but stands in `Course.skipped`.
    """
    knowledge = root / "knowledge"
    if not knowledge.is_dir():
        raise UsageError(
            f"{root} is no course: it has no folder knowledge/.",
            next_step="Name a course's folder with --course, or make one with pgdojo init DIR.",
        )
    faults: list[Fault] = []
    facts, lines = _read_facts(knowledge, faults)
    terms, foreign = _read_glossary(knowledge, faults)
    known = _read_known(root, faults)
    if faults:
        raise CourseError(faults)
    skipped: list[Fault] = []
    documents = tuple(_read_documents(knowledge, skipped))
    return Course(
        root=root,
        documents=documents,
        facts=facts,
        terms=terms,
        foreign=foreign,
        known_questions=known,
        skipped=tuple(skipped),
        fact_lines=lines,
    )


def markdown_files(knowledge: Path) -> list[Path]:
    """Markdown files of the folder at any depth, by name; hidden ones and links that lead out are left alone."""
    inside = knowledge.resolve()
    found = (path for path in knowledge.rglob("*") if path.suffix.lower() in {".md", ".markdown"})
    return sorted(
        path
        for path in found
        if not any(part.startswith(".") for part in path.relative_to(knowledge).parts)
        and path.is_file()
        and path.resolve().is_relative_to(inside)
    )


def _read_documents(knowledge: Path, skipped: list[Fault]) -> list[Document]:
    documents = []
    for path in markdown_files(knowledge):
        name = path.relative_to(knowledge.parent).as_posix()
        try:
            documents.append(_read_document(path, name, skipped))
        except CourseError as cause:
            skipped.extend(cause.faults)
    return sorted(documents, key=lambda document: (document.kind != "notes", document.order, document.slug))


def _read_document(path: Path, name: str, notices: list[Fault]) -> Document:
    """Read one page; front matter that is wrong is noticed, and the page is taught without it."""
    text = _read_text(path, name)
    slug = name.removeprefix("knowledge/").rsplit(".", 1)[0]
    header, taken = markdown.split_front_matter(text)
    front = FrontMatter()
    if header.strip():
        try:
            data = parse_yaml(header, name, first_line=2)
            front = _validated(FrontMatter, data.data or {}, (), data, name, slug)
        except CourseError as cause:
            notices.extend(cause.faults)
    first_heading = re.search(r"^#[ \t]+(.+?)[ \t#]*$", text, re.MULTILINE)
    title = front.title or (markdown.plain(first_heading[1]) if first_heading else "") or _title_of(path.stem)
    return Document(
        path=name,
        slug=slug,
        title=title,
        kind="notes" if slug == "notes" else "handbook",
        topic=front.topic,
        summary=front.summary,
        order=front.order,
        text=text,
        body_line=taken + 1,
    )


def _read_text(path: Path, name: str) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_DOCUMENT_BYTES:
            problem = f"the file has {size:,} bytes, over the limit of {MAX_DOCUMENT_BYTES:,}, and is skipped."
            raise CourseError([Fault(file=name, problem=problem, next_step="Split it.")])
        raw = path.read_bytes()
    except OSError as cause:
        raise CourseError([Fault(file=name, problem=f"the file cannot be read ({cause.strerror}).")]) from cause
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        problem = "a byte here is not UTF-8, and the file is skipped."
        raise CourseError([Fault(file=name, line=line, problem=problem, next_step="Save it as UTF-8.")]) from cause


def _title_of(stem: str) -> str:
    words = re.sub(r"[-_]+", " ", stem).strip()
    return words[:1].upper() + words[1:]


def _read_facts(knowledge: Path, faults: list[Fault]) -> tuple[tuple[Passage, ...], dict[PassageId, int]]:
    facts: dict[PassageId, Passage] = {}
    lines: dict[PassageId, int] = {}
    folder = knowledge / "facts"
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
        name = path.relative_to(knowledge.parent).as_posix()
        try:
            file = read_yaml(path, name)
        except CourseError as cause:
            faults.extend(cause.faults)
            continue
        text = path.read_text(encoding="utf-8-sig")
        entries = file.data if isinstance(file.data, list) else None
        if entries is None:
            faults.append(
                Fault(file=name, line=1, problem="the file must be a list of facts, each beginning with - id.")
            )
            continue
        for position, data in enumerate(entries):
            try:
                entry = _validated(FactEntry, data, (position,), file, name)
                fact = _fact(entry, file.line((position, "fact")) or 1, name, text)
            except CourseError as cause:
                faults.extend(cause.faults)
                continue
            line = file.line((position,)) or 1
            if fact.id in facts:
                problem = f"the id is taken: {facts[fact.id].document}, line {lines[fact.id]} has it too."
                faults.append(Fault(file=name, line=line, item=entry.id, field="id", problem=problem))
            facts[fact.id], lines[fact.id] = fact, line
    return tuple(facts.values()), lines


def _fact(entry: FactEntry, line: int, name: str, text: str) -> Passage:
    """The fact as a passage whose words stand in the file as they are."""
    rows = text.split("\n")
    found = next((number for number in (line, line - 1) if number < len(rows) and entry.fact in rows[number]), None)
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
    title = _title_of(Path(name).stem)
    return Passage(
        id=f"facts#{entry.id}",
        document=name,
        title=title,
        heading=(title, entry.subject),
        text=entry.fact,
        first_line=found + 1,
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


def _read_glossary(knowledge: Path, faults: list[Fault]) -> tuple[tuple[Term, ...], tuple[Foreign, ...]]:
    path = knowledge / "glossary.yaml"
    if not path.exists():
        return (), ()
    name = path.relative_to(knowledge.parent).as_posix()
    try:
        file = read_yaml(path, name)
        glossary = _validated(GlossaryFile, file.data or {}, (), file, name)
    except CourseError as cause:
        faults.extend(cause.faults)
        return (), ()
    terms = tuple(
        Term(**{**entry.model_dump(), "see": tuple(f"facts#{fact}" for fact in entry.see)}) for entry in glossary.terms
    )
    foreign = tuple(
        Foreign(**{**entry.model_dump(), "mentioned": tuple(f"facts#{fact}" for fact in entry.mentioned)})
        for entry in glossary.foreign
    )
    return terms, foreign


def _read_known(root: Path, faults: list[Fault]) -> KnownQuestions:
    path = known_file(root)
    if not path.exists():
        return KnownQuestions()
    try:
        data = json.loads(path.read_bytes())
        return KnownQuestions(
            answered=tuple(str(text) for text in data["answered"]),
            unanswered=tuple(str(text) for text in data["unanswered"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        name = path.relative_to(root).as_posix()
        faults.append(Fault(file=name, problem="the file is damaged.", next_step="Run pgdojo eval --fit."))
        return KnownQuestions()


def _validated(
    model: type[_Model], data: Any, place: tuple[str | int, ...], file: YamlFile, name: str, item: str = ""
) -> _Model:
    """`data`, which stands at `place` of `file`, as a `model`; CourseError with a fault for each field otherwise."""
    try:
        return model.model_validate(data)
    except ValidationError as cause:
        item = item or (str(data.get("id", "")) if isinstance(data, dict) else "")
        raise CourseError([_field_fault(error, model, place, file, name, item) for error in cause.errors()]) from cause


def _field_fault(
    error: Any, model: type[BaseModel], place: tuple[str | int, ...], file: YamlFile, name: str, item: str
) -> Fault:
    where = tuple(part for part in error["loc"] if not (isinstance(part, str) and "[" in part))
    field_name = ".".join(str(part) for part in where)
    problem = {"missing": "the field is missing.", "extra_forbidden": "the field is not known here."}.get(
        error["type"], error["msg"].removeprefix("Value error, ") + "."
    )
    next_step = ""
    if error["type"] == "extra_forbidden" and where:
        from difflib import get_close_matches

        near = get_close_matches(str(where[-1]), model.model_fields, n=1)
        next_step = f"Did you mean {near[0]}?" if near else ""
    return Fault(
        file=name, line=file.line((*place, *where)), item=item, field=field_name, problem=problem, next_step=next_step
    )


def _most_common(values: Sequence[str]) -> str:
    return max(dict.fromkeys(values), key=values.count, default="")


def is_superseded(passage: Passage) -> bool:
    """Whether a fact says that the notes no longer hold as they are written."""
    return passage.standing in SUPERSEDED
