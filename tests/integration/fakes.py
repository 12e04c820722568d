"""A small Dojo for page tests: the real course and journal, and answers by the authors' own questions."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pgdojo.ask.records import Answer, Citation, Heading, Refusal, Row, Sentence
from pgdojo.course.banks import Quizzes, confirm, load_quizzes
from pgdojo.course.lab_records import Lab
from pgdojo.course.load import Course, load_course
from pgdojo.course.path_records import LearningPath
from pgdojo.course.paths import load_path
from pgdojo.course.records import SUPERSEDED, Document, Passage, Span, Term
from pgdojo.lab.runner import LabRoom
from pgdojo.learner.journal import Journal
from pgdojo.path.progress import Pathfinder
from pgdojo.quiz.service import Quizmaster
from pgdojo.search.encoder import Vectors
from pgdojo.search.retriever import ScoredPassage
from pgdojo.team.access import Access
from pgdojo.team.certificates import Certificates
from pgdojo.team.material import Material
from pgdojo.team.people import People
from pgdojo.team.roster import Team

ROOT = Path(__file__).resolve().parents[2]
SMALL_QUIZ = Path(__file__).with_name("small_quiz")
FAILOVER = "How long does a Multi-AZ failover take?"
VERSIONS = "Which PostgreSQL versions does Aurora support?"
COMPARE = "RDS or Aurora: where is the data stored?"


@cache
def course() -> Course:
    return load_course(ROOT)


@cache
def passages() -> dict[str, Passage]:
    def count(texts: Sequence[str]) -> list[int]:
        return [len(text) // 4 for text in texts]

    return {passage.id: passage for passage in course().passages(count, 256)}


@cache
def small_quiz() -> Quizzes:
    """One item of every kind and a few more, each confirmed as the real course's passages stand today."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        copied = root / "quizzes"
        copied.mkdir()
        for file in SMALL_QUIZ.iterdir():
            (copied / file.name).write_bytes(file.read_bytes())
        confirm(root, load_quizzes(root), ["all"], passages().get)
        return load_quizzes(root)


class Clock:
    """The real time, or as many days from it as a test says."""

    def __init__(self) -> None:
        self.away = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.away


@dataclass(kw_only=True)
class State:
    passages: int
    documents: int
    built_at: datetime = datetime(2026, 12, 14, 9, 30, tzinfo=UTC)
    model: str = "a fake"
    stale: bool = False


class FakeDojo:
    """Answers what an author listed under a fact's `asks`; refuses everything else."""

    def __init__(
        self,
        journal: Journal,
        quizzes: Quizzes | None = None,
        labs: Mapping[str, Lab] | None = None,
        home: Path = Path("no-home"),
        path: LearningPath | None = None,
        **room: Any,
    ) -> None:
        self.title = course().title
        self.version = "first"
        self.journal = journal
        self.clock = Clock()
        self.quizzes = Quizmaster(quizzes or small_quiz(), passages().get, journal.quiz, self.clock)
        self.labs = LabRoom(labs or {}, journal.lab, home, self.clock, **room)
        self.access = Access(journal.people, solo=True)
        self.people = People(journal, self.access, self.clock)
        self.pathfinder = Pathfinder(
            load_path(ROOT) if path is None else path,
            self.labs.labs,
            self.quizzes,
            journal,
            documents=course().documents,
            passages=self.passages,
            clock=self.clock,
        )
        self.team = Team(journal, self.pathfinder, self.quizzes, self.access, self.clock)
        key = home / "signing-key.pem"
        self.certificates = Certificates(journal, self.pathfinder, self.access, key=key, clock=self.clock)
        self.material = Material(self, journal, self.quizzes, self.access, self.clock, results=home / "links.json")
        self.state = State(passages=len(passages()), documents=len(course().documents))

    def documents(self) -> tuple[Document, ...]:
        return course().documents

    def facts(self) -> tuple[Passage, ...]:
        return course().facts

    def terms(self) -> tuple[Term, ...]:
        return course().terms

    def passage(self, passage_id: str) -> Passage | None:
        return passages().get(passage_id)

    def passages(self, document_slug: str) -> tuple[Passage, ...]:
        return tuple(one for one in passages().values() if one.id.startswith(f"{document_slug}#"))

    def search(self, query: str, k: int) -> list[ScoredPassage]:
        words = {word.strip("?,.").lower() for word in query.split() if len(word) > 3}
        ranked = sorted(passages().values(), key=lambda one: (-_overlap(words, one.text), one.id))
        return [ScoredPassage(passage=one, score=1 / rank, rank=rank) for rank, one in enumerate(ranked[:k], 1)]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """A direction a word, so that questions are alike as far as they share words."""
        vectors = np.zeros((len(texts), 512), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.casefold().strip("?").split():
                row[zlib.crc32(word.encode()) % 512] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def suggestions(self) -> tuple[str, ...]:
        return (FAILOVER, VERSIONS, COMPARE, "How long can RDS keep automated backups?")

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        if question == COMPARE:
            return self._comparison(question)
        standalone = f"{history[-1].rstrip('?')}, {question}" if history and question.startswith("and ") else question
        words = {word.strip("?,.").lower() for word in standalone.split() if len(word) > 3}
        ranked = sorted(
            self.facts(),
            key=lambda fact: -max((_overlap(words, ask) for ask in (*fact.asks, fact.subject)), default=0),
        )
        best = max((_overlap(words, ask) for ask in ranked[0].asks), default=0)
        if "weather" in words:
            kind, said = "out_of_scope", "The material is about PostgreSQL on AWS, not about the weather."
        elif len(standalone) < 4:
            kind, said = "unclear", "This is too short to search for. Name what you want to know."
        elif best < 0.34:
            kind, said = "not_in_material", "The material does not say this. These places lie nearest."
        else:
            return self._answer(question, standalone, ranked[:2])
        nearest = tuple(Heading(passage_id=fact.id, label=" > ".join(fact.heading)) for fact in ranked[:3])
        nearest = nearest if kind == "not_in_material" else ()
        return Answer(
            question=question, standalone=standalone, refusal=Refusal(kind=kind, message=said, nearest=nearest)
        )

    def _answer(self, question: str, standalone: str, facts: list[Passage]) -> Answer:
        citations, sentences = [], []
        for fact in facts:
            for span in fact.sentences[:2]:
                citations.append(_citation(len(citations) + 1, fact, span))
                sentences.append(Sentence(text=fact.quote(span), citations=(len(citations),)))
        changed = next((fact for fact in facts if fact.standing in SUPERSEDED and fact.notes_lines), None)
        for passage in passages().values() if changed else ():
            for span in passage.sentences if passage.kind == "notes" else ():
                if passage.quote(span) == changed.notes_lines[0]:
                    citations.append(_citation(len(citations) + 1, passage, span))
                    sentences.append(
                        Sentence(
                            text=f"The notes say “{passage.quote(span)}”.", citations=(len(citations),), role="then"
                        )
                    )
        return Answer(
            question=question,
            standalone=standalone,
            sentences=tuple(sentences),
            citations=tuple(citations),
            confidence=0.93,
            next_questions=("What does Multi-AZ not detect?", "and for Aurora?", FAILOVER),
        )

    def _comparison(self, question: str) -> Answer:
        facts = [self.passage("facts#bk-ebs-storage"), self.passage("facts#bk-aurora-continuous")]
        citations = tuple(_citation(n, fact, fact.sentences[0]) for n, fact in enumerate(facts, 1))
        rows = tuple(
            Row(subject=subject, cells=(Sentence(text=one.quote, citations=(one.n,)),))
            for subject, one in zip(("RDS for PostgreSQL", "Aurora PostgreSQL"), citations, strict=True)
        )
        return Answer(question=question, standalone=question, table=rows, citations=citations, confidence=0.7)


def _overlap(words: set[str], text: str) -> float:
    other = {word.strip("?,.").lower() for word in text.split() if len(word) > 3}
    return len(words & other) / (len(words | other) or 1)


def _citation(n: int, passage: Passage, span: Span) -> Citation:
    first, last = passage.lines(span)
    return Citation(
        n=n,
        passage_id=passage.id,
        document=passage.document,
        title=passage.title,
        heading=passage.heading,
        first_line=first,
        last_line=last,
        start=span.start,
        quote=passage.quote(span),
        kind=passage.kind,
        standing=passage.standing,
        as_of=passage.as_of,
        source=passage.source,
        source_title=passage.source_title,
    )
