"""Everything about a course that a program can judge, each fault with its place.

The files must be readable and of the right shape; ids that are cited must exist; every line of the notes must be met by
a fact; handbook pages must rest on facts, hold a diagram, a table and a then-and-now box where the notes are
superseded, and be of a length that is read; glossary names must be unambiguous; quiz items must keep the rules of
`pgdojo.course.item_rules`, labs those of `pgdojo.course.labs`, and the path those of `pgdojo.course.paths`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from pgdojo.course import bank_rules, item_rules, labs, markdown, paths
from pgdojo.course.banks import Quizzes, load_quizzes
from pgdojo.course.labs import WrittenLab, read_labs
from pgdojo.course.load import Course, is_superseded, load_course
from pgdojo.course.records import Document, Passage
from pgdojo.errors import CourseError, Fault

MIN_WORDS, MAX_WORDS = 900, 1800
"""Length of a handbook page, in words without its diagrams."""

FACTS_PER_SECTION = 1

_GLOSSARY = "knowledge/glossary.yaml"

_ANY_MARK = re.compile(r"\[([a-z]+(?:/[\w./-]+)?#[\w.-]+)\]")
_TABLE_RULE = re.compile(r"^[ \t]*\|[ \t:|-]+\|[ \t\r]*$", re.MULTILINE)
_THEN_AND_NOW = re.compile(r"^>\s*\*\*Then and now\*\*", re.MULTILINE)
_FENCE = re.compile(r"^```mermaid\s*$(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_DIAGRAMS = (
    "flowchart",
    "graph",
    "sequenceDiagram",
    "timeline",
    "stateDiagram",
    "gantt",
    "classDiagram",
    "erDiagram",
    "pie",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a check found."""

    faults: tuple[Fault, ...]
    notices: tuple[str, ...]
    """What is worth knowing and no fault."""
    counts: str = ""
    """What there is, as the beginning of the summary."""
    can_compare: bool = False
    """Whether there are quiz items that could be read, so that their stems can be compared."""

    @property
    def summary(self) -> str:
        """One line on what there is and what is wrong."""
        return f"{self.counts}{len(self.faults) or 'no'} fault{'' if len(self.faults) == 1 else 's'}."


def check_course(root: Path) -> Report:
    """Validate the course in the folder `root`.

    Raises:
        UsageError: The folder is no course.
    """
    try:
        course = load_course(root)
        quizzes = load_quizzes(root)
        written = read_labs(root)
        path = paths.read_path(root)
    except CourseError as cause:
        return Report(faults=cause.faults, notices=())
    faults = [*course.skipped, *_notes(course), *_facts(course), *_handbook(course), *_glossary(course)]
    faults += _quizzes(course, quizzes)
    faults += labs.judge(written, course.passage, quizzes, datetime.now(UTC).date())
    if path is not None:
        faults += paths.judge(path, course.passage, quizzes, {one.lab.id: one.lab for one in written})
    counts = (
        f"{len(course.documents)} documents, {len(course.facts)} facts, {len(course.terms)} terms, "
        f"{len(course.foreign)} foreign subjects"
        f"{f', {len(quizzes.items)} quiz items' if quizzes.items else ''}"
        f"{f', {_counted(written)}' if written else ''}"
        f"{f', {len(path.path.modules)} modules of the path' if path else ''}: "
    )
    return Report(
        faults=tuple(faults),
        notices=(*_notices(course, quizzes), *_late_labs(written)),
        counts=counts,
        can_compare=bool(quizzes.items),
    )


def _counted(written: tuple[WrittenLab, ...]) -> str:
    return f"{len(written)} lab{'' if len(written) == 1 else 's'}"


def _late_labs(written: tuple[WrittenLab, ...]) -> Iterator[str]:
    late = labs.past_review({one.lab.id: one.lab for one in written}, datetime.now(UTC).date())
    if late:
        yield f"{len(late)} labs are past their review date, the first is {late[0]}."


def _quizzes(course: Course, quizzes: Quizzes) -> list[Fault]:
    notes = next((document for document in course.documents if document.kind == "notes"), None)
    claims = notes_claims(notes) if notes else {}
    today = datetime.now(UTC).date()
    return [
        *item_rules.judge(quizzes, course.passage, course.facts, today),
        *bank_rules.judge(quizzes, course.passage, course.facts, claims),
    ]


def notes_claims(document: Document) -> dict[str, int]:
    """What the notes claim: each line that holds a word, without its bullet, and the line's number; no headings."""
    claims: dict[str, int] = {}
    for number, row in enumerate(document.text.split("\n"), 1):
        claim = markdown.claim(row)
        says = any(character.isalnum() for character in claim) and not claim.startswith("#")
        if says and number >= document.body_line:
            claims.setdefault(claim, number)
    return claims


def _notes(course: Course) -> Iterator[Fault]:
    """Every claim is met by a fact, and every line that a fact names stands in the notes."""
    notes = next((document for document in course.documents if document.kind == "notes"), None)
    if notes is None or not course.facts:
        return
    claims = notes_claims(notes)
    for claim, number in claims.items():
        if claim not in course.facts_by_line:
            yield Fault(
                file=notes.path,
                line=number,
                problem=f"no fact speaks to “{claim}”.",
                next_step="Write the line under notes_lines of the fact that does.",
            )
    for fact in course.facts:
        for line in fact.notes_lines:
            if line not in claims:
                yield _fact_fault(
                    course, fact, "notes_lines", f"“{line}” is no line of the notes.", _near(line, claims)
                )


def _facts(course: Course) -> Iterator[Fault]:
    asked: dict[str, str] = {}
    for fact in course.facts:
        if fact.notes_lines and fact.standing == "new":
            yield _fact_fault(course, fact, "status", "a fact that speaks to the notes cannot be new.")
        if not fact.notes_lines and fact.standing == "unchanged" and any(d.kind == "notes" for d in course.documents):
            yield _fact_fault(course, fact, "status", "unchanged against what? It names no line of the notes.")
        for question in fact.asks:
            key = " ".join(question.casefold().split())
            if key in asked:
                yield _fact_fault(course, fact, "asks", f"“{question}” is claimed by {asked[key]} too.", "Keep one.")
            asked[key] = fact.id

        for question in sorted(set(fact.affirmed) & set(fact.denied)):
            yield _fact_fault(course, fact, "yes, no", f"“{question}” is answered with both.", "Keep one.")


def _handbook(course: Course) -> Iterator[Fault]:
    if not course.facts:
        return
    ids = {fact.id: fact for fact in course.facts}
    for document in course.documents:
        yield from _marks(document, set(ids))
        if document.slug.startswith("handbook/"):
            yield from _page(document, ids)


def _marks(document: Document, known: set[str]) -> Iterator[Fault]:
    """Citation marks name facts that exist."""
    for number, row in enumerate(document.text.split("\n"), 1):
        for mark in _ANY_MARK.findall(row):
            if mark.startswith("facts#") and mark not in known:
                yield Fault(
                    file=document.path, line=number, problem=f"there is no {mark}.", next_step=_near(mark, known)
                )


def _page(document: Document, facts: dict[str, Passage]) -> Iterator[Fault]:
    words = len(_FENCE.sub("", document.text).split())
    if not MIN_WORDS <= words <= MAX_WORDS:
        yield Fault(file=document.path, problem=f"the page has {words} words, not {MIN_WORDS} to {MAX_WORDS}.")
    if not document.topic or not document.summary:
        yield Fault(file=document.path, line=1, field="topic, summary", problem="the front matter lacks them.")
    if not _TABLE_RULE.search(document.text):
        yield Fault(file=document.path, problem="the page has no table.")
    yield from _diagrams(document)
    yield from _then_and_now(document, facts)
    yield from _sections(document)


def _diagrams(document: Document) -> Iterator[Fault]:
    diagrams = list(_FENCE.finditer(document.text))
    if not diagrams:
        yield Fault(file=document.path, problem="the page has no Mermaid diagram.")
    for diagram in diagrams:
        if not diagram["body"].strip().startswith(_DIAGRAMS):
            line = document.text.count("\n", 0, diagram.start()) + 1
            yield Fault(file=document.path, line=line, problem="this is no kind of Mermaid diagram.")


def _then_and_now(document: Document, facts: dict[str, Passage]) -> Iterator[Fault]:
    cited = markdown.cited_facts(document.text)
    superseded = any(is_superseded(facts[fact]) for fact in cited if fact in facts)
    if superseded and not _THEN_AND_NOW.search(document.text):
        yield Fault(
            file=document.path,
            problem="the page cites superseded facts and has no then-and-now box.",
            next_step="Add a quote that begins with > **Then and now**.",
        )


def _sections(document: Document) -> Iterator[Fault]:
    """Every section rests on a fact."""
    lines = document.text.split("\n")
    for section in markdown.sections(lines, document.body_line - 1):
        if len(section.heading) < 2 or not section.blocks:
            continue
        first, last = section.blocks[0].first, section.blocks[-1].last
        if len(markdown.cited_facts("\n".join(lines[first:last]))) < FACTS_PER_SECTION:
            yield Fault(
                file=document.path, line=first + 1, problem=f"the section {section.heading[-1]} rests on no fact."
            )


def _glossary(course: Course) -> Iterator[Fault]:
    """Every name means one thing, and every fact that an entry names exists."""
    known = {fact.id for fact in course.facts}
    owners: dict[str, str] = {}
    yield from _terms(course, known, owners)
    subjects: dict[str, str] = {}
    for position, entry in enumerate(course.foreign):
        line = course.glossary_lines.get(("foreign", position))
        for key, name in _keys(entry.names):
            problem = ""
            if key in owners:
                problem = f"“{name}” is a name of {owners[key]}, which is taught."
            elif key in subjects:
                problem = f"“{name}” is a name of {subjects[key]} too."
            if problem:
                yield Fault(file=_GLOSSARY, line=line, item=entry.term, problem=problem, next_step="Keep one.")
        subjects |= {key: entry.term for key, _ in _keys(entry.names)}
        yield from _missing(line, entry.term, "mentioned", entry.mentioned, known)


def _terms(course: Course, known: set[str], owners: dict[str, str]) -> Iterator[Fault]:
    """Faults of the terms; `owners` is filled with the term that each name belongs to."""
    places: dict[str, int | None] = {}
    for position, term in enumerate(course.terms):
        line = course.glossary_lines.get(("terms", position))
        if term.id in places:
            problem = f"the id is taken: line {places[term.id]} has it too."
            yield Fault(file=_GLOSSARY, line=line, item=term.id, field="id", problem=problem, next_step="Rename one.")
        places[term.id] = line
        for key, name in _keys(term.names):
            if owners.get(key, term.id) != term.id:
                problem = f"“{name}” means {owners[key]} too."
                yield Fault(file=_GLOSSARY, line=line, item=term.id, problem=problem, next_step="Keep one.")
            owners[key] = term.id
        yield from _missing(line, term.id, "see", term.see, known)


def _keys(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each name as it is compared, and as it is written."""
    for name in names:
        yield " ".join(name.casefold().split()), name


def _missing(line: int | None, item: str, field: str, facts: tuple[str, ...], known: set[str]) -> Iterator[Fault]:
    for fact in facts:
        if fact not in known:
            problem = f"there is no {fact}."
            step = _near(fact, known)
            yield Fault(file=_GLOSSARY, line=line, item=item, field=field, problem=problem, next_step=step)


def _notices(course: Course, quizzes: Quizzes) -> Iterator[str]:
    today = datetime.now(UTC).date().isoformat()
    late = [item.id for item in quizzes.items.values() if item.review_by < today[: len(item.review_by)]]
    if late:
        yield f"{len(late)} quiz items are past their review date and leave exams, the first is {late[0]}."
    cited = {fact for document in course.documents for fact in markdown.cited_facts(document.text)}
    alone = [fact.id for fact in course.facts if fact.id not in cited]
    if alone and any(document.slug.startswith("handbook/") for document in course.documents):
        yield f"{len(alone)} facts are cited by no page, the first is {alone[0]}."
    silent = sum(not fact.asks for fact in course.facts)
    if silent:
        yield f"{silent} facts say no question that they answer; they are found less often and suggested never."


def _fact_fault(course: Course, fact: Passage, field: str, problem: str, next_step: str = "") -> Fault:
    item = fact.id.removeprefix("facts#")
    line = course.fact_lines.get(fact.id)
    return Fault(file=fact.document, line=line, item=item, field=field, problem=problem, next_step=next_step)


def _near(name: str, known: dict[str, int] | set[str]) -> str:
    # What all ids begin with would make them all alike.
    bare = {one.removeprefix("facts#"): one for one in sorted(known)}
    near = get_close_matches(name.removeprefix("facts#"), bare, n=1, cutoff=0.5)
    return f"Did you mean {bare[near[0]]}?" if near else ""
