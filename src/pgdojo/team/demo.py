"""A team that does not exist: twelve learners over sixty days, so that a trainer can look at every page beforehand.

Everything goes through the services that real learners use, under a clock that runs ahead of them; only the people and
what they do are made up, by chance from a seed.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any, Protocol

from sqlalchemy import event, func, insert, select

from pgdojo.ask.records import Answer
from pgdojo.course.items import Item, Scenario
from pgdojo.course.lab_records import CheckBase, Lab
from pgdojo.course.path_records import LearningPath, Module
from pgdojo.course.records import Passage
from pgdojo.errors import UsageError
from pgdojo.learner import database, schema, server
from pgdojo.learner.journal import Journal
from pgdojo.learner.material_journal import gap_key
from pgdojo.learner.people_journal import learner_of
from pgdojo.learner.records import (
    DEMO,
    Certainty,
    LabCheck,
    LabHint,
    LabPrediction,
    LabRun,
    QuizResponse,
    Sitting,
    Turn,
)
from pgdojo.path.past import PASSED
from pgdojo.path.progress import PLACEMENT, Pathfinder
from pgdojo.quiz.schedule import AGAIN, LEECH
from pgdojo.quiz.service import Quizmaster
from pgdojo.team import demo_answers

LEARNERS, DAYS, SEED = 12, 60, 12

NOT_YET = "not_yet"

GAPS = (
    ("Can RDS send its logs to Splunk?", "how do i ship postgres logs to splunk", "splunk integration for rds logs"),
    (
        "Is there a Terraform module for RDS?",
        "terraform example for an rds instance",
        "how do i create an rds instance with terraform",
    ),
    ("datadog agent for rds postgres", "monitor rds with datadog"),
    ("how do i kill a blocked session", "terminate a blocking query"),
    ("Which time zone do maintenance windows use?", "maintenance window time zone"),
)
"""Questions that the material does not answer, by what they mean."""

_STUCK, _FORGETFUL, _CERTAIN, _ASKING, _DISPUTING = 1, 4, 8, 2, 6
"""Which learner has which story."""

_HARD = "failover"
"""The lab in which one gets stuck, where the course has it."""

_ITEMS = 7
"""Most questions of a sitting."""

_REASONS = ("Out of date", "Something is missing", "Unclear", "Wrong citation")
_SAID = "The passage says it of clusters alone, the question does not."
_DONE = "Done with two colleagues; the notes are in our wiki."
_SEEN = "Shown to me, complete."


class Clock:
    """A time that is set."""

    def __init__(self, now: datetime) -> None:
        """Begin at `now`."""
        self.now = now

    def __call__(self) -> datetime:
        """The time that was set last."""
        return self.now

    def on(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Course(Protocol):
    """What made-up learners learn from; the Dojo is one."""

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        """The answer to a question."""

    def facts(self) -> tuple[Passage, ...]:
        """The ledger."""

    @property
    def quizzes(self) -> Quizmaster:
        """Whose items are asked."""

    @property
    def pathfinder(self) -> Pathfinder:
        """Whose path is followed."""


@dataclass(kw_only=True)
class _Learner:
    """Somebody who does not exist."""

    id: str
    name: str
    track: str
    ability: float
    """Chance, 0 to 1, of a right answer to what was not asked before."""
    diligence: float
    """Chance of doing something on a day."""
    begins: int
    """Day of the first visit."""
    mentor: str
    later: str = ""
    """A lab that is not done along the way."""
    read: set[str] = field(default_factory=set)
    labs: list[str] = field(default_factory=list)
    right: Counter[str] = field(default_factory=Counter)
    lapses: Counter[str] = field(default_factory=Counter)


def require_empty(journal: Journal) -> None:
    """Fail where the journal holds anything.

    Raises:
        UsageError: It does.
    """
    with database.explained(journal.place), journal.engine.connect() as connection:
        for table in schema.metadata.tables.values():
            if "learner" in table.columns and connection.scalar(select(func.count()).select_from(table)):
                raise UsageError(
                    f"The journal {journal.place} is not empty: it holds {table.name}.",
                    next_step="Demo data goes into an empty journal alone; name another in PGDOJO_DATABASE_URL.",
                )


def fill(
    course: Course,
    opened: Callable[[Clock], Journal],
    now: datetime,
    *,
    seed: int = SEED,
    days: int = DAYS,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fill an empty journal with `LEARNERS` learners over the `days` before `now`.

    Args:
        course: What they learn from.
        opened: Opens the journal under a clock.
        now: When the demonstration is looked at.
        seed: What chance begins with; the same one makes the same team.
        days: For how long they learn; a few weeks are needed for everything to happen.
        progress: Hears how many days are done and how many there are.

    Raises:
        UsageError: The journal is not empty.
    """
    clock = Clock(now - timedelta(days=days))
    with opened(clock) as journal:
        require_empty(journal)
        if not server.is_server(journal.engine):
            # What is made up may be lost with the power; waiting for the disk would take most of the time.
            event.listen(
                journal.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF")
            )
        _Play(course, journal, clock, now, Random(seed), days).run(progress)  # noqa: S311 - chance, no secret


class _Play:
    """The sixty days."""

    def __init__(
        self, course: Course, journal: Journal, clock: Clock, now: datetime, chance: Random, days: int
    ) -> None:
        self.course, self.journal, self.clock, self.now, self.chance = course, journal, clock, now, chance
        self.days = days
        known = course.quizzes
        self.path: LearningPath = course.pathfinder.path
        self.labs: dict[str, Lab] = dict(course.pathfinder.labs)
        self.quizzes = Quizmaster(known.quizzes, known.find, journal.quiz, clock)
        self.critical = {one.id for one in known.quizzes.objectives.values() if one.criticality == "high"}
        self.by_objective: dict[str, list[Item]] = defaultdict(list)
        for item in self.quizzes.items.values():
            self.by_objective[item.objective].append(item)
        self.answers: dict[str, Answer] = {}
        self.gaps_left = [question for group, wordings in enumerate(GAPS) for question in wordings * (5 - group)]

    def run(self, progress: Callable[[int, int], None] | None) -> None:
        """Live through the days, one after another."""
        self.mentor = self._person("Demo mentor", "mentor")
        self.trainer = self._person("Demo trainer", "trainer")
        learners = [self._learner(number) for number in range(1, LEARNERS + 1)]
        for day in range(self.days):
            for one in learners:
                self._day(one, day)
            if progress:
                progress(day + 1, self.days)
        self._stories(learners)

    def _key(self) -> str:
        return uuid.UUID(int=self.chance.getrandbits(128), version=4).hex

    def _person(self, name: str, role: Any) -> str:
        learner = learner_of(DEMO, name)
        self.journal.people.see(learner, issuer=DEMO, subject=name, name=name)
        self.journal.people.grant(learner, role, by=DEMO, reason="demo data")
        return learner

    def _learner(self, number: int) -> _Learner:
        name = f"Demo learner {number:02d}"
        tracks = [track.id for track in self.path.tracks]
        return _Learner(
            id=learner_of(DEMO, name),
            name=name,
            track=tracks[number % len(tracks)] if tracks else "",
            ability=self.chance.uniform(0.5, 0.9),
            diligence=self.chance.uniform(0.2, 0.35),
            begins=self.chance.randrange(0, self.days // 2),
            mentor=self.mentor,
            later=_HARD if number == _STUCK + 1 else "",
        )

    # A day

    def _day(self, one: _Learner, day: int) -> None:
        left = self.days - day
        if day < one.begins or (day != one.begins and left > 3 and self.chance.random() > one.diligence):
            return
        if 1 < left <= 3 and self.chance.random() > 0.7:
            return
        start = datetime.combine(self.now.date() - timedelta(days=left), time(8), UTC)
        self.clock.now = start + timedelta(minutes=self.chance.randrange(0, 480))
        if day == one.begins:
            self.journal.people.see(one.id, issuer=DEMO, subject=one.name, name=one.name)
            # None is so near that what is left of the path is a trouble: three need help, and no more.
            target = self.now.date() + timedelta(days=8 + self.chance.randrange(7, 45))
            self.journal.people.enrol(one.id, track=one.track, target=target, mentor=one.mentor)
            self.journal.quiz.prefer(self._key(), learner=one.id, name=PLACEMENT, value=False)
        module = self._module(one, day)
        self._read(one, module)
        self._ask(one, module)
        self._quiz(one, module)
        if self.chance.random() < 0.25:
            self._lab(one, module)

    def _module(self, one: _Learner, day: int) -> Module | None:
        modules = self.path.of(one.track) if one.track else ()
        if not modules:
            return None
        along = (day - one.begins) / max(1, self.days - one.begins)
        return modules[min(len(modules) - 1, int(along * len(modules) * one.ability))]

    def _read(self, one: _Learner, module: Module | None) -> None:
        for passage in module.read if module else ():
            if passage not in one.read and self.chance.random() < 0.4:
                one.read.add(passage)
                self.clock.on(self.chance.randrange(60, 400))
                document = passage.split("#", 1)[0]
                self.journal.record_read(self._key(), learner=one.id, passage=passage, document=document)

    def _ask(self, one: _Learner, module: Module | None) -> None:
        questions = list(module.ask if module else ())
        questions += [fact.asks[0] for fact in self.chance.sample(self.course.facts(), 2) if fact.asks]
        chosen = self.chance.sample(questions, min(len(questions), 2))
        if self.gaps_left and self.chance.random() < 0.2:
            chosen.append(self.gaps_left.pop(self.chance.randrange(len(self.gaps_left))))
        conversation = self._key()
        for question in chosen:
            self.ask(one, question, conversation)

    def ask(self, one: _Learner, question: str, conversation: str) -> None:
        """Ask, store the turn, and note the gap or say what one thinks of the answer."""
        self.clock.on(self.chance.randrange(20, 200))
        if question not in self.answers:
            self.answers[question] = self.course.ask(question)
        answer = self.answers[question]
        key = self._key()
        self.journal.record_turn(
            Turn(
                key=key,
                conversation=conversation,
                learner=one.id,
                question=question,
                standalone=answer.standalone,
                answer=answer.to_plain(),
                asked_at=self.clock(),
            )
        )
        if answer.refusal is not None:
            if answer.refusal.kind == "not_in_material":
                near = [heading.passage_id for heading in answer.refusal.nearest]
                self.journal.record_gap(gap_key(key), learner=one.id, question=answer.standalone, nearest=near)
        elif self.chance.random() < 0.15:
            helpful = self.chance.random() < 0.92
            reason = "" if helpful else self.chance.choice(_REASONS)
            self.journal.record_feedback(self._key(), learner=one.id, turn=key, helpful=helpful, reason=reason)

    # Quizzes

    def _quiz(self, one: _Learner, module: Module | None) -> None:
        self.clock.on(120)
        queue = self.quizzes.queue(one.id, minutes=12)
        if len(queue.today) >= 6 or module is None:
            sitting = self.quizzes.start_review(self._key(), one.id, minutes=12, mode="review")
        else:
            names = [name for name in module.objectives if name in self.by_objective]
            names.sort(key=lambda name: (one.right[name], self.chance.random()))
            items = [self.chance.choice(self.by_objective[name]).id for name in names[: min(_ITEMS, module.gate.count)]]
            sitting = self.quizzes.start(
                self._key(), one.id, "practice", items=items, count=len(items), module=module.id
            )
        self._sit(one, sitting)

    def _sit(self, one: _Learner, sitting: Sitting) -> None:
        progress = self.quizzes.progress(one.id, sitting.key)
        while (question := self.quizzes.question(one.id, progress)) is not None:
            item = self.quizzes.quizzes.items[question.attempt.item]
            self.clock.on(self.chance.lognormvariate(3.3, 0.5))
            right, certainty = self._how(one, item)
            response = self._give(one, question.attempt, item, right=right, certainty=certainty)
            # As it would be read again, which takes most of the time.
            progress = replace(
                progress,
                attempts=(*progress.attempts, question.attempt),
                responses=(*progress.responses, response),
            )

    def _how(self, one: _Learner, item: Item) -> tuple[bool, Certainty]:
        """Whether the learner knows it, and how sure they are; nobody but those of the stories gets into trouble."""
        practice = 1 - 0.6 ** one.right[item.objective]
        right = self.chance.random() < one.ability + (1 - one.ability) * practice
        right = right or one.lapses[item.objective] >= LEECH - 1
        sure = self.chance.random() < (0.6 if right else 0.15)
        if sure and (right or item.objective not in self.critical):
            return right, "sure"
        return right, self.chance.choice(("unsure", "fairly"))

    def _give(self, one: _Learner, attempt: Any, item: Item, *, right: bool, certainty: Certainty) -> QuizResponse:
        if isinstance(item, Scenario):
            for turn, choice in enumerate(demo_answers.way(item, self.chance, right=right)):
                self.quizzes.move(one.id, attempt, turn, choice)
        response = self.quizzes.answer(one.id, attempt, demo_answers.given(item, self.chance, right=right), certainty)
        one.right[item.objective] += response.mark >= 1
        if response.rating == AGAIN and response.counts:
            one.lapses[item.objective] += 1
        return response

    # Labs

    def _lab(self, one: _Learner, module: Module | None) -> None:
        names = [
            name for name in (module.labs if module else ()) if name in self.labs and name not in (*one.labs, one.later)
        ]
        if names:
            one.labs.append(names[0])
            self._run(one, self.labs[names[0]])

    def _run(self, one: _Learner, lab: Lab, *, stuck_at: str = "") -> None:
        begun = LabRun(key=self._key(), learner=one.id, lab=lab.id, rev=lab.rev, started_at=self.clock())
        self.journal.lab.start(begun)
        for step in lab.steps:
            self.clock.on(self.chance.randrange(120, 600))
            if step.predict is not None:
                self.journal.lab.predict(
                    LabPrediction(
                        key=self._key(), learner=one.id, lab=lab.id, rev=lab.rev, step=step.id,
                        value=float(self.chance.randrange(1, 90)), predicted_at=self.clock(),
                    )
                )  # fmt: skip
            if step.id == stuck_at:
                return
            for _ in range(self.chance.choice((0, 0, 0, 1, 2))):
                self._check(one, lab, step.id, NOT_YET)
                self.clock.on(self.chance.randrange(60, 240))
            self._check(one, lab, step.id, PASSED)

    def _check(self, one: _Learner, lab: Lab, step: str, status: str) -> None:
        checks = next(known.checks for known in lab.steps if known.id == step)
        findings = [_finding(check, status) for check in checks[:1]]
        self.journal.lab.check(
            LabCheck(
                key=self._key(), learner=one.id, lab=lab.id, rev=lab.rev, step=step, status=status,
                evidence={"findings": findings, "measured": None}, checked_at=self.clock(),
            )
        )  # fmt: skip

    # What a trainer is to find

    def _stories(self, learners: Sequence[_Learner]) -> None:
        self._get_stuck(learners[_STUCK])
        self._keep_forgetting(learners[_FORGETFUL])
        self._be_sure_and_wrong(learners[_CERTAIN])
        self._put_forward(learners[_ASKING], learners[_DISPUTING])
        self._dispute(learners[_DISPUTING])
        for question in self.gaps_left:
            self._at(hours=30)
            self.ask(self.chance.choice(learners), question, self._key())

    def _at(self, *, hours: float) -> None:
        self.clock.now = self.now - timedelta(hours=hours)

    def _get_stuck(self, one: _Learner) -> None:
        lab = next(
            (
                lab
                for lab in self.labs.values()
                if lab.id not in one.labs and len(lab.steps) > 1 and lab.id == "failover"
            ),
            next((lab for lab in self.labs.values() if lab.id not in one.labs and len(lab.steps) > 1), None),
        )
        if lab is None:
            return
        step = lab.steps[1].id
        self._at(hours=75)
        self._run(one, lab, stuck_at=step)
        for hours in (74, 73, 50, 26, 5):
            self._at(hours=hours)
            self._check(one, lab, step, NOT_YET)
        for rung in (0, 1):
            self.journal.lab.show_hint(
                LabHint(
                    key=self._key(), learner=one.id, lab=lab.id, rev=lab.rev, step=step, rung=rung,
                    shown_at=self.clock(),
                )
            )  # fmt: skip

    def _keep_forgetting(self, one: _Learner) -> None:
        known = [name for name, items in self.by_objective.items() if name not in self.critical and len(items) > 1]
        objective = max(known, key=lambda name: one.lapses[name])
        for hours in (100, 76, 52, 28)[one.lapses[objective] :]:
            self._at(hours=hours)
            self._answer_alone(one, objective, certainty="fairly")

    def _be_sure_and_wrong(self, one: _Learner) -> None:
        objective = next(name for name in self.by_objective if name in self.critical and one.right[name] == 0)
        self._at(hours=28)
        self._answer_alone(one, objective, certainty="sure")

    def _answer_alone(self, one: _Learner, objective: str, *, certainty: Certainty) -> None:
        item = self.chance.choice(self.by_objective[objective])
        sitting = self.quizzes.start(self._key(), one.id, "practice", items=[item.id], count=1)
        question = self.quizzes.question(one.id, self.quizzes.progress(one.id, sitting.key))
        if question is not None:
            self.clock.on(20)
            self._give(one, question.attempt, item, right=False, certainty=certainty)

    def _put_forward(self, *asking: _Learner) -> None:
        for place, one in enumerate(asking):
            tasks = [task.id for module in self.path.of(one.track) for task in module.team]
            for number, task in enumerate(tasks[:2]):
                self._at(hours=70 - place)
                sign = self.journal.people.sign_off
                sign(self._key(), learner=one.id, task=task, state="asked", by=one.name, note=_DONE)
                if number == 0:
                    self._at(hours=60 - place)
                    sign(self._key(), learner=one.id, task=task, state="signed", by="Demo mentor", note=_SEEN)

    def _dispute(self, one: _Learner) -> None:
        responses = [one for one in self.journal.quiz.last_responses(one.id, 50) if one.mark < 1]
        for response in responses[:2]:
            self._at(hours=40)
            self.quizzes.dispute(self._key(), response, _SAID)


def _finding(check: CheckBase, status: str) -> dict[str, Any]:
    texts = dict.fromkeys(("expected", "found", "say", "why", "next", "log"), "demo data")
    said = next((cause.say for cause in check.when if cause.status == status and status != PASSED), "demo data")
    return {"check": check.id, "status": status, **texts, "say": said, "cites": []}


_REFERENCES = {"key", "sitting", "attempt", "turn", "conversation"}
"""Columns that name a row of the same learner."""


def multiply(journal: Journal, learners: int, rows: int) -> int:
    """Copy the demo's learners until there are `learners` of them and the journal holds `rows` rows or more.

    For measuring: the copies do at the same times what the first ones did. Rows that are lacking are passages read.

    Returns:
        How many rows there are.
    """
    with database.for_writing(journal.engine).begin() as connection:
        server.without_limits(connection)
        server.keep_order(connection, *schema.metadata.tables)
        found = {
            table: [dict(row) for row in connection.execute(select(table).order_by(table.c.id)).mappings()]
            for table in schema.metadata.sorted_tables
            if "learner" in table.columns
        }
        enrolled = sorted({row["learner"] for row in found[schema.enrolments]})
        total = sum(map(len, found.values()))
        for number in range(len(enrolled), learners):
            source = enrolled[number % len(enrolled)]
            for table, kept in found.items():
                copies = [_copied(row, number) for row in kept if row["learner"] == source]
                if copies:
                    connection.execute(insert(table), copies)
                    total += len(copies)
        reads = [row for row in found[schema.reads] if row["learner"] in set(enrolled)]
        while reads and total < rows:
            more = [_copied(row, learners + total) | {"learner": row["learner"]} for row in reads[: rows - total]]
            connection.execute(insert(schema.reads), more)
            total += len(more)
    return total


def _copied(row: dict[str, Any], number: int) -> dict[str, Any]:
    copied = {name: value for name, value in row.items() if name != "id"}
    for name in _REFERENCES & copied.keys():
        copied[name] = _renamed(copied[name], number)
    copied["learner"] = f"{row['learner']}-{number}"
    if "name" in copied and "subject" in copied:
        copied |= {"name": f"Demo learner {number + 1:03d}", "subject": f"Demo learner {number + 1:03d}"}
    return copied


def _renamed(key: str, number: int) -> str:
    return f"{key}.{number}"
