"""What a trainer sees of the learners: who needs help, what the team knows, who will be ready, and what to sign."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

from pgdojo.course.items import Objective
from pgdojo.errors import UsageError
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import Enrolment, Person, SignOffState
from pgdojo.learner.text import utc_now
from pgdojo.path.mastery import RECALL
from pgdojo.path.progress import Pathfinder
from pgdojo.path.standing import DONE_SHARE, lab_task
from pgdojo.quiz.schedule import LEECH
from pgdojo.quiz.service import Quizmaster
from pgdojo.team.access import Access, Action
from pgdojo.team.records import (
    REASONS,
    Cell,
    Evidence,
    Friction,
    Grid,
    GridRow,
    Help,
    Left,
    Readiness,
    Reason,
    Trouble,
    Waiting,
)
from pgdojo.team.tally import Known, Step, Tally, Totals, Tried

STUCK = timedelta(days=2)
"""For how long a step of a lab has been failing when somebody should help."""
LONG_STUCK = timedelta(days=30)
"""After which a step that nobody tries any more is not called stuck."""
QUIET = timedelta(days=7)
"""For how long somebody who is on the path has done nothing when one should ask."""
NEAR = timedelta(days=14)
"""How long before a learner's target day, and after it, one should look at what is left."""

_EPSILON = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class _Roll:
    """Who learns here, and what they are called."""

    names: Mapping[str, str]
    enrolments: Mapping[str, Enrolment]
    certified: frozenset[str]
    """Those who hold a certificate."""

    def by_name(self) -> list[str]:
        return sorted(self.names, key=lambda learner: (self.names[learner].casefold(), learner))


@dataclass
class _Topics:
    """Each learner's cells by topic, counted once for each state of the totals."""

    answers: int = -1
    cells: Mapping[str, Mapping[str, Cell]] = field(default_factory=dict)


class Team:
    """Shows the learners to whoever may see them; safe to share between threads."""

    def __init__(
        self,
        journal: Journal,
        pathfinder: Pathfinder,
        quizzes: Quizmaster,
        access: Access,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Look at `journal`, asking `access` at each call."""
        self._journal = journal
        self._pathfinder = pathfinder
        self._quizzes = quizzes
        self._access = access
        self._clock = clock
        self._tally = Tally(journal.team)
        self._lock = threading.Lock()
        self._topics = _Topics()

    def drop(self, learner: str) -> None:
        """Keep nothing in memory of a learner who was forgotten."""
        self._tally.drop(learner)

    # Who needs help

    def help_today(self, by: str) -> list[Help]:
        """Who needs help today and with what: first those who are stuck, then by reason, the longest first.

        Raises:
            AccessError: `by` may not see the team.
        """
        self._access.require(by, Action.SEE_TEAM)
        roll, now = self._roll(), self._clock()
        with self._tally.totals() as totals:
            found = [
                Help(learner=learner, name=name, troubles=troubles)
                for learner, name in roll.names.items()
                if (troubles := tuple(self._troubles(learner, roll, totals, now)))
            ]
        return sorted(found, key=lambda one: (REASONS.index(one.troubles[0].reason), one.troubles[0].since, one.name))

    def _troubles(self, learner: str, roll: _Roll, totals: Totals, now: datetime) -> list[Trouble]:
        found = [
            *self._stuck(totals.tried.get(learner, {}), now),
            *self._unknown(totals.known.get(learner, {})),
            *self._late(learner, roll, totals, now),
            *self._quiet(learner, roll, totals, now),
        ]
        return sorted(found, key=lambda one: (REASONS.index(one.reason), one.since))

    def _stuck(self, tried: Mapping[Step, Tried], now: datetime) -> Iterable[Trouble]:
        for (name, rev, step), one in tried.items():
            lab = self._pathfinder.labs.get(name)
            if lab is None or lab.rev != rev or one.passed or not one.first_failed_at or not one.last_at:
                continue
            known = lab.step(step)
            if known and now - one.first_failed_at >= STUCK and now - one.last_at < LONG_STUCK:
                yield Trouble(
                    reason="stuck",
                    since=one.first_failed_at,
                    about=name,
                    step=step,
                    title=f"{known.title} ({lab.title})",
                    times=one.failed,
                )

    def _unknown(self, known: Mapping[str, Known]) -> Iterable[Trouble]:
        for name, one in known.items():
            objective = self._quizzes.quizzes.objectives.get(name)
            if objective is None or one.last_at is None:
                continue
            if one.lapses >= LEECH:
                yield _trouble("lapses", objective, one.last_at, one.lapses)
            elif one.sure_and_wrong_at and objective.criticality == "high":
                yield _trouble("sure-and-wrong", objective, one.sure_and_wrong_at)

    def _late(self, learner: str, roll: _Roll, totals: Totals, now: datetime) -> Iterable[Trouble]:
        enrolment = roll.enrolments.get(learner)
        if enrolment is None or enrolment.target is None or learner in roll.certified:
            return
        on = datetime.combine(enrolment.target, clock_time.min, UTC)
        if not on - NEAR <= now < on + NEAR:
            return
        wanted, known = self._wanted(enrolment.track), totals.known.get(learner, {})
        left = [name for name in wanted if name not in known or not known[name].right]
        if len(left) > (1 - DONE_SHARE) * len(wanted) + _EPSILON:
            yield Trouble(
                reason="target",
                since=max(on - NEAR, enrolment.enrolled_at),
                left=Left(
                    target=enrolment.target,
                    left=len(left),
                    total=len(wanted),
                    high_left=sum(self._pathfinder.is_critical(name) for name in left),
                ),
            )

    def _wanted(self, track: str) -> list[str]:
        """The objectives of a track that can be asked, none where there is no such track."""
        path, asked = self._pathfinder.path, self._quizzes.objectives()
        modules = path.of(track) if path.track(track) else ()
        return [name for module in modules for name in module.objectives if name in asked]

    def _quiet(self, learner: str, roll: _Roll, totals: Totals, now: datetime) -> Iterable[Trouble]:
        enrolment = roll.enrolments.get(learner)
        if enrolment is None:
            return
        last = max(totals.seen.get(learner, enrolment.enrolled_at), enrolment.enrolled_at)
        if now - last >= QUIET and learner not in roll.certified:
            yield Trouble(reason="quiet", since=last)

    # What the team knows

    def grid(self, by: str, topic: str = "", *, search: str = "", begin: int = 0, most: int = 25) -> Grid:
        """Topics, or the objectives of one topic, by learner.

        Args:
            by: Who looks.
            topic: Empty for all topics.
            search: Part of the names of the learners that are wanted.
            begin: How many of them, by name, are left out.
            most: How many rows are wanted.

        Raises:
            AccessError: `by` may not see the team.
        """
        self._access.require(by, Action.SEE_TEAM)
        roll = self._roll()
        wanted = [one for one in roll.by_name() if search.casefold() in roll.names[one].casefold()]
        shown = wanted[begin : begin + most]
        with self._tally.totals() as totals:
            if topic:
                columns = self._objectives(topic)
                every: Mapping[str, Mapping[str, Cell]] = {
                    learner: {
                        name: Cell(answers=known[name].answers, right=known[name].right)
                        for name, _ in columns
                        if name in known
                    }
                    for learner, known in totals.known.items()
                }
            else:
                columns = [(name, name) for name in self._quizzes.objectives_by_topic()]
                every = self._by_topic(totals)
        cells = {learner: every.get(learner, {}) for learner in roll.names}
        return Grid(
            topic=topic,
            columns=tuple(columns),
            totals=tuple(_sum(cells[learner].get(name) for learner in cells) for name, _ in columns),
            rows=tuple(
                GridRow(
                    learner=learner,
                    name=roll.names[learner],
                    cells=tuple(cells[learner].get(name) for name, _ in columns),
                )
                for learner in shown
            ),
            learners=len(wanted),
        )

    def topics(self) -> list[str]:
        """The topics of the quizzes, in their order."""
        return list(self._quizzes.objectives_by_topic())

    def _objectives(self, topic: str) -> list[tuple[str, str]]:
        names = self._quizzes.objectives_by_topic().get(topic, [])
        objectives = self._quizzes.quizzes.objectives
        return [(name, objectives[name].objective) for name in names if name in objectives]

    def _by_topic(self, totals: Totals) -> Mapping[str, Mapping[str, Cell]]:
        with self._lock:
            if totals.answers != self._topics.answers:
                self._topics = _Topics(
                    totals.answers, {learner: _topics_of(known) for learner, known in totals.known.items()}
                )
            return self._topics.cells

    # Who will be ready

    def readiness(self, by: str, on: date, learners: Sequence[str] | None = None) -> list[Readiness]:
        """Who will remember how much on a day, those whose target comes first before others.

        It replays what each learner answered, so it takes time: name those that are shown.

        Args:
            by: Who looks.
            on: The day; one in the past means now.
            learners: Those who are wanted; everybody who is on the path where None.

        Raises:
            AccessError: `by` may not see the team.
        """
        self._access.require(by, Action.SEE_TEAM)
        roll = self._roll()
        found = [
            self._ready(learner, roll, on)
            for learner in (self.on_the_path(by) if learners is None else learners)
            if learner in roll.enrolments
        ]
        return sorted(found, key=lambda one: (one.target or date.max, one.name))

    def on_the_path(self, by: str) -> list[str]:
        """Everybody who has chosen a track, those whose target comes first before others.

        Raises:
            AccessError: `by` may not see the team.
        """
        self._access.require(by, Action.SEE_TEAM)
        roll = self._roll()
        enrolled = [learner for learner in roll.by_name() if learner in roll.enrolments]
        return sorted(enrolled, key=lambda learner: roll.enrolments[learner].target or date.max)

    def _ready(self, learner: str, roll: _Roll, on: date) -> Readiness:
        enrolment = roll.enrolments[learner]
        wanted = self._wanted(enrolment.track)
        at = max(self._clock(), datetime.combine(on, clock_time.min, UTC))
        memories = self._quizzes.schedule(learner).memories
        ready = {name for name in wanted if name in memories and memories[name].recall(at) >= RECALL - _EPSILON}
        high = [name for name in wanted if self._pathfinder.is_critical(name)]
        return Readiness(
            learner=learner,
            name=roll.names[learner],
            track=enrolment.track,
            target=enrolment.target,
            ready=len(ready),
            total=len(wanted),
            high_ready=sum(name in ready for name in high),
            high_total=len(high),
        )

    # Tasks that a person signs, and for whom

    def mentees(self, by: str) -> list[tuple[str, str]]:
        """Id and name of each learner who named `by` as their mentor, by name.

        Raises:
            AccessError: `by` signs for nobody.
        """
        self._access.require(by, Action.SIGN_OFF)
        roll = self._roll()
        return [
            (learner, roll.names[learner])
            for learner in roll.by_name()
            if learner in roll.enrolments and roll.enrolments[learner].mentor == by
        ]

    def waiting(self, by: str) -> list[Waiting]:
        """What was put forward and `by` may sign, the oldest first.

        Raises:
            AccessError: `by` signs for nobody.
        """
        self._access.require(by, Action.SIGN_OFF)
        roll = self._roll()
        return [
            Waiting(
                learner=one.learner,
                name=roll.names.get(one.learner, one.learner),
                said=one,
                title=titles[0],
                do=titles[1],
            )
            for one in self._journal.people.all_sign_offs()
            if one.state == "asked"
            and (titles := self._task(one.task))
            and self._access.may(by, Action.SIGN_OFF, one.learner)
        ]

    def sign(self, by: str, key: str, learner: str, task: str, state: SignOffState, note: str) -> bool:
        """Tick a learner's task, or take the tick back; False if its key was stored before.

        Args:
            by: Who saw it done.
            key: Minted for this word.
            learner: Who did it.
            task: A task of the path, or `lab:ID` for a lab whose steps could not be checked.
            state: `signed` or `revoked`.
            note: What was seen; never blank.

        Raises:
            AccessError: `by` may not sign for the learner.
            UsageError: There is no such task or state, or the note is blank.
        """
        self._access.require(by, Action.SIGN_OFF, learner)
        if self._task(task) is None:
            raise UsageError(f"The path has no task {task!r}.", next_step="Choose one of those that wait.")
        if state not in {"signed", "revoked"}:
            raise UsageError(f"A task cannot be {state} by whoever signs.", next_step="Sign it or take it back.")
        if not note.strip():
            raise UsageError("A sign-off needs a note.", next_step="Write what you saw.")
        stored = self._journal.people.sign_off(
            key, learner=learner, task=task, state=state, by=self._name(by), note=note.strip()
        )
        if stored and by != learner:
            self._journal.people.note(by, Action.SIGN_OFF, learner, {"task": task, "state": state})
        return stored

    def _task(self, name: str) -> tuple[str, str] | None:
        """Title of a task and what was to be done, None where there is no such task."""
        for module in self._pathfinder.path.modules:
            for task in module.team:
                if task.id == name:
                    return task.title, task.do
        lab = next((lab for lab in self._pathfinder.labs.values() if lab_task(lab.id) == name), None)
        return (f"The lab “{lab.title}”, whose steps could not be checked", "") if lab else None

    # One learner, and the labs

    def evidence(self, by: str, learner: str, most: int = 100) -> Evidence:
        """What a learner did; a look at another's is written into the audit log.

        Raises:
            AccessError: `by` may not see it.
            UsageError: Nobody learns here under that id.
        """
        self._access.require(by, Action.SEE_EVIDENCE, learner)
        roll = self._roll()
        if learner not in roll.names:
            raise UsageError(f"Nobody learns here as {learner!r}.", next_step="Choose somebody on the page Team.")
        if by != learner:
            self._journal.people.note(by, Action.SEE_EVIDENCE, learner)
        with self._tally.totals() as totals:
            troubles = tuple(self._troubles(learner, roll, totals, self._clock()))
        return Evidence(
            learner=learner,
            name=roll.names[learner],
            troubles=troubles,
            progress=self._pathfinder.progress(learner),
            responses=tuple(self._journal.quiz.last_responses(learner, most)),
            checks=tuple(self._journal.lab.last_checks(learner, most)),
            sign_offs=self._journal.people.sign_offs(learner),
        )

    def friction(self, by: str) -> list[Friction]:
        """The steps of labs that somebody tried and did not pass, those where most people are left first.

        Raises:
            AccessError: `by` may not see the team.
        """
        self._access.require(by, Action.SEE_TEAM)
        steps: dict[tuple[str, str], list[Tried]] = defaultdict(list)
        with self._tally.totals() as totals:
            for tried in totals.tried.values():
                for (name, rev, step), one in tried.items():
                    lab = self._pathfinder.labs.get(name)
                    if lab is not None and lab.rev == rev:
                        steps[name, step].append(one)
            found = [self._friction(name, step, tried) for (name, step), tried in steps.items()]
        left = [one for one in found if one.passed < one.tried or one.could_not]
        return sorted(left, key=lambda one: (one.passed - one.tried, -one.could_not, one.lab, one.step))

    def _friction(self, name: str, step: str, tried: Sequence[Tried]) -> Friction:
        lab = self._pathfinder.labs[name]
        causes: Counter[str] = sum((one.causes for one in tried), Counter())
        cause = causes.most_common(1)[0][0] if causes else ""
        known = lab.step(step)
        checks = known.checks if known else ()
        return Friction(
            lab=name,
            step=step,
            lab_title=lab.title,
            step_title=known.title if known else step,
            tried=len(tried),
            passed=sum(one.passed for one in tried),
            checks=sum(one.checks for one in tried),
            could_not=sum(one.could_not for one in tried),
            cause=cause,
            asks=next((check.next for check in checks if check.id == cause), ""),
        )

    # Who there is

    def _roll(self) -> _Roll:
        people = {one.learner: one for one in self._journal.people.people()}
        enrolments = self._journal.people.enrolments()
        roles = self._journal.people.roles()
        learners = {
            learner
            for learner in people.keys() | enrolments.keys()
            if learner in enrolments or learner not in roles or roles[learner].role == "learner"
        }
        blocked = {learner for learner, grant in roles.items() if grant.role == "blocked"}
        return _Roll(
            names={learner: _called(people.get(learner), learner) for learner in learners - blocked},
            enrolments={learner: one for learner, one in enrolments.items() if learner not in blocked},
            certified=self._journal.people.certified(),
        )

    def _name(self, learner: str) -> str:
        return _called(self._journal.people.person(learner), learner)


def _called(person: Person | None, learner: str) -> str:
    return (person.name or person.email) if person and (person.name or person.email) else learner


def _trouble(reason: Reason, objective: Objective, since: datetime, times: int = 0) -> Trouble:
    return Trouble(reason=reason, since=since, about=objective.id, title=objective.objective, times=times)


def _topics_of(known: Mapping[str, Known]) -> Mapping[str, Cell]:
    answers, right = Counter[str](), Counter[str]()
    for one in known.values():
        answers[one.topic] += one.answers
        right[one.topic] += one.right
    return {topic: Cell(answers=count, right=right[topic]) for topic, count in answers.items()}


def _sum(cells: Iterable[Cell | None]) -> Cell | None:
    found = [one for one in cells if one is not None]
    if not found:
        return None
    return Cell(answers=sum(one.answers for one in found), right=sum(one.right for one in found), learners=len(found))
