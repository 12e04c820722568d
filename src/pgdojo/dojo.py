"""The composition root: the one place that knows the concrete parts and where they live on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from platformdirs import user_cache_path

from pgdojo.ask import gate
from pgdojo.ask.records import Answer
from pgdojo.ask.service import Asker
from pgdojo.ask.trees import FittedGate
from pgdojo.course.records import Document, Passage, Term
from pgdojo.errors import LabError, PgdojoError, SearchIndexError, UsageError
from pgdojo.search.encoder import DEFAULT_MODEL, Vectors, encode_many
from pgdojo.search.index import Index, IndexFolder, Manifest
from pgdojo.search.retriever import Retriever, ScoredPassage

if TYPE_CHECKING:
    from pgdojo.ask.evaluation import Evaluation
    from pgdojo.course.check import Report
    from pgdojo.course.load import Course
    from pgdojo.lab.runner import LabRoom
    from pgdojo.learner.journal import Journal
    from pgdojo.path.progress import Pathfinder
    from pgdojo.quiz.exports import LossReport
    from pgdojo.quiz.service import Quizmaster
    from pgdojo.team.access import Access
    from pgdojo.team.certificates import Certificates
    from pgdojo.team.evidence import LabEvidence
    from pgdojo.team.material import Material
    from pgdojo.team.people import People
    from pgdojo.team.roster import Team

Progress: TypeAlias = Callable[[str, int, int], None]
"""Hears of the stage, how many of it are done, and how many there are."""

_PACKAGE = Path(__file__).parent

STALE_SECONDS = 15.0
"""How long a look at the course's files is good for; a page must not read a thousand of them at each click."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexState:
    """What is known of the index in use."""

    passages: int
    documents: int
    built_at: datetime
    model: str
    stale: bool
    """Whether the course has changed since."""
    notice: str = ""
    """Why answers are slower than they could be, where they are."""

    @classmethod
    def of(cls, manifest: Manifest, *, stale: bool) -> IndexState:
        """The state that `manifest` tells of."""
        reason = f"{manifest.model} runs in sentence-transformers, because {manifest.fallback_reason}."
        return cls(
            passages=manifest.passages,
            documents=manifest.documents,
            built_at=datetime.fromisoformat(manifest.built_at),
            model=manifest.model,
            stale=stale,
            notice="" if manifest.encoder else reason,
        )


def find_course(named: Path | None = None) -> Path:
    """The course's folder: the one `named`, this folder if it is one, or the course that comes with pgdojo.

    Raises:
        UsageError: The folder named holds no course.
    """
    if named is not None:
        if not (named / "knowledge").is_dir():
            raise UsageError(
                f"{named} is no course: it has no folder knowledge/.",
                next_step="Name a course's folder with --course, or make one with pgdojo init DIR.",
            )
        return named.resolve()
    here = Path.cwd()
    if (here / "knowledge" / "notes.md").is_file():
        return here
    bundled = _PACKAGE / "bundled"
    return bundled if bundled.is_dir() else _PACKAGE.parents[1]


def index_folder(course: Path) -> IndexFolder:
    """Where the index of `course` lives: beside it, or in the user's cache where the course cannot be written to."""
    beside = course / "index"
    installed = _PACKAGE in (course, *course.parents)
    if not installed and os.access(course, os.W_OK) and (not beside.exists() or os.access(beside, os.W_OK)):
        return IndexFolder(beside)
    key = hashlib.sha256(str(course).encode()).hexdigest()[:12]
    return IndexFolder(user_cache_path("pgdojo", appauthor=False) / f"index-{key}")


def gate_file(course: Path) -> Path:
    """The gate fitted on this course's questions, or the general one where there is none."""
    own = course / "knowledge" / "gate.json"
    return own if own.is_file() else _PACKAGE / "ask" / "gate.json"


class Dojo:
    """A course opened for learners: ask, search, read, and the journal of what they did."""

    def __init__(self, course: Path, folder: IndexFolder) -> None:
        """Open the index in `folder`, which was made from `course`.

        Raises:
            SearchIndexError, ModelError, UsageError: The index, its encoder or the gate cannot be used.
        """
        self.course_folder = course
        self.index_folder = folder
        self.index = Index(folder)
        self._looked_at, self._was_stale = time.monotonic(), False
        self.asker = Asker(self.index, FittedGate.load(gate_file(course), gate.feature_names()))

    @property
    def title(self) -> str:
        """Name of the course, for readers."""
        return self.index.manifest.title

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        """Answer `question`, which may follow on from `history`, earlier questions with the oldest first."""
        return self.asker.ask(question, history)

    def search(self, query: str, k: int) -> list[ScoredPassage]:
        """The `k` passages that fit `query` best."""
        return Retriever(self.index).search(query, k)

    def passage(self, passage_id: str) -> Passage | None:
        """The passage called `passage_id`, None if there is none."""
        return self.asker.passage(passage_id)

    @cached_property
    def _course(self) -> Course:
        from pgdojo.course.load import load_course

        return load_course(self.course_folder)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of `texts`, shape (texts, dim), rows of unit length."""
        return encode_many(self.index.encoder, texts)

    @property
    def version(self) -> str:
        """Changes with the index that answers."""
        return self.index.manifest.built_at

    def documents(self) -> tuple[Document, ...]:
        """The notes, then the pages in their order."""
        return self._course.documents

    def passages(self, document_slug: str) -> tuple[Passage, ...]:
        """The passages of one document, in its order."""
        return self._by_document.get(document_slug, ())

    @cached_property
    def _by_document(self) -> dict[str, tuple[Passage, ...]]:
        found: dict[str, list[Passage]] = {}
        for position in range(len(self.index)):
            passage = self.index.passage(position)
            found.setdefault(passage.id.rsplit("#", 1)[0], []).append(passage)
        return {slug: tuple(passages) for slug, passages in found.items()}

    def facts(self) -> tuple[Passage, ...]:
        """The ledger."""
        return self.passages("facts")

    def terms(self) -> tuple[Term, ...]:
        """The glossary."""
        return self.index.terms

    def suggestions(self) -> tuple[str, ...]:
        """Four questions on different topics that the material answers, those about changes first."""
        return self._suggestions

    @cached_property
    def _suggestions(self) -> tuple[str, ...]:
        found: dict[str, str] = {}
        for passage in self.facts():
            if passage.asks and passage.standing in {"changed", "retired"}:
                found.setdefault(passage.topic, passage.asks[0])
        for passage in self.facts():
            if passage.asks:
                found.setdefault(passage.topic, passage.asks[0])
        wanted = [topic for topic in ("ha", "backups", "aurora", "security") if topic in found]
        return tuple(found[topic] for topic in dict.fromkeys([*wanted, *found]))[:4]

    @cached_property
    def journal(self) -> Journal:
        """What learners did, opened when it is first needed."""
        from pgdojo.learner.journal import Journal

        return Journal.open()

    @cached_property
    def quizzes(self) -> Quizmaster:
        """Sittings, grading and the review schedule.

        Raises:
            CourseError: The quiz files have faults.
        """
        from pgdojo.course.banks import load_quizzes
        from pgdojo.quiz.service import Quizmaster

        return Quizmaster(load_quizzes(self.course_folder), self._course.passage, self.journal.quiz)

    @cached_property
    def labs(self) -> LabRoom:
        """The labs, and the sandboxes that they run in.

        Raises:
            CourseError: The labs' files have faults.
            LabError: What labs run on is not installed.
        """
        from pgdojo.team.settings import team_settings

        return lab_room(self.course_folder, self.journal, for_team=team_settings() is not None)

    @cached_property
    def evidence(self) -> LabEvidence:
        """Takes what labs on learners' own machines have seen.

        Raises:
            CourseError: The labs' files have faults.
        """
        from pgdojo.course.labs import load_labs
        from pgdojo.team.evidence import LabEvidence

        return LabEvidence(load_labs(self.course_folder), self.journal.lab, self.access)

    @cached_property
    def pathfinder(self) -> Pathfinder:
        """How far learners are on the course's path, and what comes next.

        Raises:
            CourseError: The path, the quizzes or the labs have faults.
        """
        from pgdojo.course.labs import load_labs
        from pgdojo.course.paths import load_path
        from pgdojo.path.progress import Pathfinder

        return Pathfinder(
            load_path(self.course_folder),
            load_labs(self.course_folder),
            self.quizzes,
            self.journal,
            documents=self.documents(),
            passages=self.passages,
        )

    @cached_property
    def access(self) -> Access:
        """Who may do what."""
        from pgdojo.team.access import Access
        from pgdojo.team.settings import team_settings

        return Access(self.journal.people, solo=team_settings() is None)

    @cached_property
    def people(self) -> People:
        """Roles, mentors, sessions, tokens, what is recorded of people, and forgetting them."""
        from pgdojo.team.people import People

        return People(self.journal, self.access, on_forgotten=self._drop)

    def _drop(self, learner: str) -> None:
        """Have whatever was made so far keep nothing in memory of a learner."""
        for name in ("quizzes", "pathfinder", "team"):
            if name in self.__dict__:
                getattr(self, name).drop(learner)

    @cached_property
    def team(self) -> Team:
        """What a trainer sees of the learners."""
        from pgdojo.team.roster import Team

        return Team(self.journal, self.pathfinder, self.quizzes, self.access)

    @cached_property
    def certificates(self) -> Certificates:
        """What learners are given at the end of the path."""
        from pgdojo.team.certificates import Certificates

        return Certificates(self.journal, self.pathfinder, self.access)

    @cached_property
    def material(self) -> Material:
        """What a trainer sees of the material: what it lacks, and what is wrong with it."""
        from pgdojo.team.material import Material

        return Material(self, self.journal, self.quizzes, self.access)

    @property
    def state(self) -> IndexState:
        """What is known of the index in use."""
        return IndexState.of(self.index.manifest, stale=self.is_stale())

    def is_stale(self) -> bool:
        """Whether the course has changed since its index was built, as seen within the last `STALE_SECONDS`.

        False where that cannot be seen.
        """
        if time.monotonic() - self._looked_at > STALE_SECONDS:
            self._looked_at = time.monotonic()
            self._was_stale = False
            with suppress(SearchIndexError, OSError):
                self._was_stale = self.index_folder.is_stale(self.course_folder)
        return self._was_stale


def lab_room(course: Path, journal: Journal | None = None, *, for_team: bool = False) -> LabRoom:
    """The labs of the course in the folder `course`, which need no index; a team's server runs none of them.

    Raises:
        CourseError, JournalError: The labs' files have faults, or the journal cannot be opened.
        LabError: What labs run on is not installed.
    """
    from pgdojo.course.labs import load_labs
    from pgdojo.learner.journal import Journal

    try:
        from pgdojo.lab.runner import LabRoom
        from pgdojo.lab.sandbox import home
    except ModuleNotFoundError as cause:
        problem = f"The labs need {cause.name}, which is not installed."
        raise LabError(problem, next_step="Run pip install 'pgdojo[labs]'.") from cause

    return LabRoom(load_labs(course), (journal or Journal.open()).lab, home(), for_team=for_team)


def open_dojo(course: Path | None = None, *, progress: Progress | None = None) -> Dojo:
    """Open a course, building its index first where that is missing, damaged or out of date.

    The build runs in a process of its own, so that torch never enters this one.

    Args:
        course: Its folder; None takes the one that `find_course` finds.
        progress: Hears how far a build has come.

    Raises:
        PgdojoError: The course has faults, or its index cannot be built or opened.
    """
    found = find_course(course)
    folder = index_folder(found)
    try:
        if not folder.is_stale(found):
            return Dojo(found, folder)
    except SearchIndexError:
        pass
    build_beside(found, progress=progress)
    return Dojo(found, folder)


def build_beside(course: Path, *, progress: Progress | None = None, rebuild: bool = False) -> None:
    """Build the index of `course` in a child process, hearing of its progress.

    Raises:
        PgdojoError: The build failed; the message is the child's.
    """
    model = _model_in_use(course)
    command = [sys.executable, "-m", "pgdojo", "--course", str(course), "index", "--progress", "json", "--model", model]
    if rebuild:
        command.append("--rebuild")
    with subprocess.Popen(  # noqa: S603 - this interpreter and our own module
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as child:
        for line in child.stdout or ():
            with suppress(ValueError, KeyError):
                heard = json.loads(line)
                if progress:
                    progress(heard["stage"], heard["done"], heard["total"])
        complaint = child.stderr.read() if child.stderr else ""
    if child.returncode:
        lines = [line for line in complaint.splitlines() if line.startswith("pgdojo: ")]
        raise PgdojoError(lines[-1].removeprefix("pgdojo: ") if lines else "The index could not be built.")


def _model_in_use(course: Path) -> str:
    try:
        return index_folder(course).manifest().model
    except SearchIndexError:
        return DEFAULT_MODEL


def build(
    course: Path, *, model: str | None = None, rebuild: bool = False, progress: Progress | None = None
) -> Manifest:
    """Build the index of `course` in this process; the model in use stays unless another is named.

    Raises:
        CourseError: The course has faults.
        ModelError, SearchIndexError: The model cannot be loaded, or the index cannot be written.
    """
    from pgdojo.course.load import load_course
    from pgdojo.search.build import build_index

    loaded = load_course(course)
    return build_index(
        loaded, index_folder(course), model=model or _model_in_use(course), rebuild=rebuild, progress=progress
    )


def check(course: Path) -> Report:
    """Validate the course in the folder `course`, its quiz stems against one another by meaning.

    Raises:
        UsageError: The folder is no course.
    """
    from pgdojo.course.banks import load_quizzes
    from pgdojo.course.check import check_course
    from pgdojo.quiz.near import near_duplicates

    report = check_course(course)
    if not report.can_compare:
        return report
    quizzes = load_quizzes(course)
    try:
        encoder = Index(index_folder(course)).encoder
    except PgdojoError:
        notice = "The stems of the quiz were not compared by meaning, which needs the index: run pgdojo index."
        return replace(report, notices=(*report.notices, notice))
    return replace(report, faults=(*report.faults, *near_duplicates(quizzes, partial(encode_many, encoder))))


def confirm(course: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Say that the quiz items called `names`, or `all`, are right as the passages they cite now stand.

    Returns:
        The items that were not confirmed so before.

    Raises:
        UsageError, CourseError: There is no such item, or the course's files have faults.
    """
    from pgdojo.course import banks
    from pgdojo.course.load import load_course

    return banks.confirm(course, banks.load_quizzes(course), names, load_course(course).passage)


def export_quizzes(course: Path, form: str, target: Path | None) -> LossReport:
    """Write the quiz items of `course` in the format `form`, to `target` or beside the caller.

    Raises:
        UsageError, CourseError: The format is unknown, or the files have faults or cannot be written.
    """
    from pgdojo.course.banks import load_quizzes
    from pgdojo.course.load import load_course
    from pgdojo.quiz.exports import FORMATS, export

    loaded = load_course(course)
    ending = FORMATS[form].ending if form in FORMATS else ""  # type: ignore[index]  # export names an unknown one
    path = target or Path(f"quizzes{ending}")
    return export(load_quizzes(course), loaded.passage, form, path, title=loaded.title)  # type: ignore[arg-type]


def evaluation_of(
    course: Path, questions: Path, *, fit: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Ask the questions in the folder `questions` and return the figures; with `fit`, keep a gate fitted on them.

    Raises:
        CourseError, UsageError: A question file has faults, or there is none.
    """
    from pgdojo.ask.evaluation import Evaluation, load_questions
    from pgdojo.ask.report import figures
    from pgdojo.course.load import known_file

    sets = load_questions(questions)
    dojo = open_dojo(course, progress=progress)
    evaluation = Evaluation(dojo.asker, sets, progress)
    confidence = evaluation.cross_validated()
    if not fit:
        return figures(evaluation, confidence, dojo.asker.gate.threshold, dojo.asker.gate.fitted_on)
    fitted = evaluation.fit()
    report = figures(evaluation, confidence, fitted.threshold, fitted.fitted_on)
    fitted.save(course / "knowledge" / "gate.json", {name: rows[-1] for name, rows in report["answers"].items()})
    known = json.dumps(evaluation.known_questions(), ensure_ascii=False, indent=0) + "\n"
    known_file(course).write_text(known, encoding="utf-8")
    if course == _PACKAGE.parents[1]:
        _fit_general(evaluation)
    build_beside(course, progress=progress)
    return report


def _fit_general(evaluation: Evaluation) -> None:
    """Fit the gate of courses that have no questions of their own, on what every course has."""
    names = [name for name in gate.feature_names() if name not in gate.KNOWN]
    evaluation.fit(names).save(_PACKAGE / "ask" / "gate.json", {})
