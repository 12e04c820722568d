"""A course's folder read into frozen records."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pgdojo.course import markdown
from pgdojo.course.ledger import files_below, read_facts, read_glossary, title_of
from pgdojo.course.records import SUPERSEDED, Document, Foreign, Kind, Passage, PassageId, Term
from pgdojo.course.schemas import FrontMatter, validated
from pgdojo.course.yaml_files import Place, parse_yaml
from pgdojo.errors import CourseError, Fault, UsageError

CHUNKER = 2
"""Version of the way documents are cut; an index that was cut in another way is built anew."""

MAX_DOCUMENT_BYTES = 64_000_000
ROUGH_WINDOW = 256
"""Tokens of a passage where no encoder says how many it reads."""
MAX_EMBEDDED_HEADING = 160
"""Characters; headings that nest deep or run long would leave no room for the passage in the encoder's window."""


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
    glossary_lines: dict[Place, int] = field(default_factory=dict, repr=False)
    """Line of the glossary on which each entry begins, by its list and position: `("terms", 0)`."""

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

    def passage(self, passage_id: PassageId) -> Passage | None:
        """The passage called `passage_id`, None if there is none.

        Without an encoder at hand a document is cut by a rough count of tokens: a section that is cut in pieces may
        have them elsewhere than in the index, but the first keeps its id.
        """
        found = self._facts_by_id.get(passage_id)
        return found if found or passage_id.startswith("facts#") else self._roughly_cut.get(passage_id)

    @cached_property
    def _facts_by_id(self) -> dict[PassageId, Passage]:
        return {fact.id: fact for fact in self.facts}

    @cached_property
    def _roughly_cut(self) -> dict[PassageId, Passage]:
        rough = self.passages(lambda texts: [len(text) // 4 for text in texts], ROUGH_WINDOW)
        return {passage.id: passage for passage in rough}

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
            heading = section.heading or (document.title,)
            # An empty section counts too, so that its first words do not rename the sections below it.
            slug = unique_slug(heading[-1], taken) if section.heading else f"{slugify(heading[-1])}--top"
            budget = window - 2 - sum(count([embedded_heading(document.title, heading)]))
            for number, piece in enumerate(markdown.pieces(lines, section, count, max(32, budget)), 1):
                facts = self._facts_of(document.kind, piece)
                yield Passage(
                    # No heading's slug holds a dot, so a second piece never takes the id of another section.
                    id=f"{document.slug}#{slug}" + (f".{number}" if number > 1 else ""),
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
        spoken = (self.facts_by_line.get(markdown.claim(row), ()) for row in piece.text.split("\n"))
        return tuple(dict.fromkeys(fact for facts in spoken for fact in facts))


def embedded_heading(title: str, heading: Sequence[str]) -> str:
    """What is set before a passage when it is embedded, and never when it is quoted.

    At most `MAX_EMBEDDED_HEADING` characters and a line's end; the last heading is the last to be shortened.
    """
    *above, last = heading if heading and heading[0] == title else (title, *heading)
    last = last[: MAX_EMBEDDED_HEADING * 3 // 4]
    path = " > ".join(above)[: MAX_EMBEDDED_HEADING - len(last) - 3]
    return f"{path} > {last}\n" if above else f"{last}\n"


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
    facts, lines = read_facts(knowledge, faults)
    terms, foreign, glossary_lines = read_glossary(knowledge, faults)
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
        glossary_lines=glossary_lines,
    )


def markdown_files(knowledge: Path) -> list[Path]:
    """Markdown files of the folder at any depth, by name; hidden ones and links that lead out are left alone."""
    return files_below(knowledge, {".md", ".markdown"}, knowledge)


def _read_documents(knowledge: Path, skipped: list[Fault]) -> list[Document]:
    documents = []
    taken = {"facts"}  # the ledger's passages are called so
    for path in sorted(markdown_files(knowledge), key=lambda path: path.suffix.lower() != ".md"):
        name = path.relative_to(knowledge.parent).as_posix()
        full = name.removeprefix(f"{knowledge.name}/")
        slug = full.rsplit(".", 1)[0]
        slug = full if slug in taken else slug
        taken.add(slug)
        try:
            documents.append(_read_document(path, name, slug, skipped))
        except CourseError as cause:
            skipped.extend(cause.faults)
    return sorted(documents, key=lambda document: (document.kind != "notes", document.order, document.slug))


def _read_document(path: Path, name: str, slug: str, notices: list[Fault]) -> Document:
    """Read one page; front matter that is wrong is noticed, and the page is taught without it."""
    text = _read_text(path, name)
    front, taken = _front_matter(text, name, slug, notices)
    return Document(
        path=name,
        slug=slug,
        title=front.title or markdown.title(text.split("\n", taken + 200), taken) or title_of(path.stem),
        kind="notes" if slug == "notes" else "handbook",
        topic=front.topic,
        summary=front.summary,
        order=front.order,
        text=text,
        body_line=taken + 1,
    )


def _front_matter(text: str, name: str, slug: str, notices: list[Fault]) -> tuple[FrontMatter, int]:
    """What stands between the dashes above a page, and how many lines it takes up."""
    header, taken = markdown.split_front_matter(text)
    if not header.strip():
        return FrontMatter(), taken
    try:
        file = parse_yaml(header, name, first_line=2)
        if file.data is not None and not isinstance(file.data, dict):
            return FrontMatter(), 0  # words between two rules, and no fields
        return validated(FrontMatter, file.data or {}, (), file, name, slug), taken
    except CourseError as cause:
        notices.extend(cause.faults)
        return FrontMatter(), taken


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
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        problem = "a byte here is not UTF-8, and the file is skipped."
        raise CourseError([Fault(file=name, line=line, problem=problem, next_step="Save it as UTF-8.")]) from cause
    if text.count("\r") > 1 and "\n" not in text:
        problem = "its lines end in a carriage return alone, and the file is skipped."
        raise CourseError([Fault(file=name, line=1, problem=problem, next_step="Save it with line ends LF or CRLF.")])
    return text


def _read_known(root: Path, faults: list[Fault]) -> KnownQuestions:
    path = known_file(root)
    if not path.exists():
        return KnownQuestions()
    try:
        data = json.loads(path.read_bytes())
        return KnownQuestions(answered=_texts(data["answered"]), unanswered=_texts(data["unanswered"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        name = path.relative_to(root).as_posix()
        faults.append(Fault(file=name, problem="the file is damaged.", next_step="Run pgdojo eval --fit."))
        return KnownQuestions()


def _texts(data: Any) -> tuple[str, ...]:
    if not isinstance(data, list) or not all(isinstance(text, str) for text in data):
        raise TypeError("not a list of texts")
    return tuple(data)


def _most_common(values: Sequence[str]) -> str:
    return max(dict.fromkeys(values), key=values.count, default="")


def is_superseded(passage: Passage) -> bool:
    """Whether a fact says that the notes no longer hold as they are written."""
    return passage.standing in SUPERSEDED
