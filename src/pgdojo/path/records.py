"""What is told of a learner's way along the path; pages and the terminal are drawn from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pgdojo.course.path_records import Module, Track
from pgdojo.course.records import PassageId
from pgdojo.learner.records import SignOff
from pgdojo.path.mastery import Mastery

ModuleState = Literal["waiting", "open", "done"]

StepKind = Literal["enrol", "place", "read", "ask", "quiz", "review", "lab", "task", "certificate", "done"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleProgress:
    """How far a learner is with one module."""

    module: Module
    state: ModuleState
    """`waiting` for modules that come first, `open`, or `done`."""
    waits_for: tuple[str, ...]
    """Titles of the modules whose gate is still to be passed."""
    mastered: int
    """Objectives that are mastered, or known where that is enough."""
    total: int
    """Objectives that can be asked."""
    high_left: tuple[str, ...]
    """Objectives of high criticality that are not mastered yet."""
    objectives: tuple[Mastery, ...]
    """One for each objective that can be asked, in the order of the path."""
    sections_read: frozenset[PassageId]
    """Sections of the module's reading that were opened, as the module names them."""
    asked: frozenset[str]
    """Which of the questions worth asking were asked, as the module words them."""
    labs_passed: tuple[str, ...]
    labs_to_sign: tuple[str, ...]
    """Labs of which only steps are left that could not be checked on the learner's machine: somebody who saw them done
    signs the task `lab_task(lab)`."""
    tasks: Mapping[str, SignOff | None]
    """The last word on each task of the team, None where nothing was said."""
    gate_best: float | None
    """Best score of a quiz on the module, 0 to 1; None before the first."""

    @property
    def read(self) -> int:
        """How many sections of the module's reading were opened."""
        return len(self.sections_read)

    @property
    def gate_passed(self) -> bool:
        """Whether a quiz on the module reached its pass mark."""
        return self.gate_best is not None and self.gate_best >= self.module.gate.pass_mark - 1e-9

    @property
    def share(self) -> float:
        """How much of what there is to do is done, 0 to 1."""
        module = self.module
        signed = sum(one is not None and one.state == "signed" for one in self.tasks.values())
        done = self.mastered + self.read + len(self.asked) + len(self.labs_passed) + signed
        wanted = self.total + len(module.read) + len(module.ask) + len(module.labs) + len(module.team)
        return done / wanted if wanted else 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NextStep:
    """The one thing to do now."""

    kind: StepKind
    label: str
    """For the button."""
    says: str
    """Why, in a sentence."""
    target: str = ""
    """Of `read` a passage's id, of `ask` the question, of `quiz` a module's id, of `lab` a lab's, of `task` a task's;
    empty for the rest."""
    module: str = ""
    """Id of the module that it belongs to; empty where it belongs to none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeatCell:
    """One heading of the material and what a learner did with it."""

    passage: PassageId
    """The heading's first passage, where a link leads."""
    heading: tuple[str, ...]
    """From the page down to the section."""
    read: bool
    """Opened in the book."""
    asked: bool
    """Cited, itself or a fact that it rests on, by an answer the learner got."""
    right: bool
    """An item that cites it, or a fact that it rests on, was answered right."""
    practised: bool
    """A lab step that cites it, or a fact that it rests on, was passed."""

    @property
    def depth(self) -> int:
        """How many of the four are true."""
        return self.read + self.asked + self.right + self.practised


@dataclass(frozen=True, kw_only=True, slots=True)
class HeatRow:
    """One document as the map shows it."""

    document: str
    """Its slug."""
    title: str
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedFact:
    """Something that is no longer as the learner learned it."""

    kind: Literal["fact", "question"]
    """The fact has a later date, or a question on it has another right answer."""
    passage: PassageId
    subject: str
    learned: date
    """When the learner last read it or answered it right."""
    as_of: str
    """Date that its source supports now."""
    item: str = ""
    """Of a question its id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """What will be remembered on a day, if nothing is reviewed until then."""

    on: date
    ready: int
    """Objectives of the track with a predicted recall of 0.9 or more."""
    total: int
    high_ready: int
    """The same for those of high criticality alone."""
    high_total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PathProgress:
    """How far a learner is."""

    learner: str
    track: Track | None
    """None before enrolment."""
    modules: tuple[ModuleProgress, ...]
    """Those of the track, or all of them before enrolment."""
    next: NextStep
    placed: bool
    """Whether a placement was taken, or declined."""
    due: int
    """Objectives to review now."""
    heat: tuple[HeatRow, ...]
    changed: tuple[ChangedFact, ...]
    """The latest change first."""
    target: date | None
    outlook: Outlook | None
    """For the target date; None without one."""

    @property
    def done(self) -> bool:
        """Whether every module of the track is done."""
        return self.track is not None and all(one.state == "done" for one in self.modules)
