"""How far a learner is on the path: the journal's events, judged by the path and by the rule of mastery."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cached_property

from pgdojo.course.items import Item
from pgdojo.course.lab_records import Lab
from pgdojo.course.path_records import LearningPath, Module, Track
from pgdojo.course.records import Document, Passage
from pgdojo.errors import UsageError
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import Sitting
from pgdojo.learner.text import utc_now
from pgdojo.path import mastery as rule
from pgdojo.path import standing
from pgdojo.path.achievement import achievement_id
from pgdojo.path.heat import HeatMap
from pgdojo.path.mastery import Criterion, Mastery
from pgdojo.path.past import Past, Pasts
from pgdojo.path.records import (
    ChangedFact,
    HeatCell,
    HeatRow,
    ModuleProgress,
    ModuleState,
    NextStep,
    Outlook,
    PathProgress,
    StepKind,
)
from pgdojo.path.standing import Evidence, lab_task
from pgdojo.path.steps import Situation, next_step
from pgdojo.quiz.schedule import Schedule
from pgdojo.quiz.selection import variant
from pgdojo.quiz.service import Quizmaster

__all__ = [
    "ChangedFact",
    "HeatCell",
    "HeatRow",
    "ModuleProgress",
    "ModuleState",
    "NextStep",
    "Outlook",
    "PathProgress",
    "Pathfinder",
    "StepKind",
    "lab_task",
]

PLACEMENT = "path-placement"
"""Preference that says that no placement is wanted."""

_EPSILON = 1e-9


class Pathfinder:
    """Answers where a learner stands, from the journal alone; safe to share between threads."""

    def __init__(
        self,
        path: LearningPath,
        labs: Mapping[str, Lab],
        quizzes: Quizmaster,
        journal: Journal,
        *,
        documents: Sequence[Document],
        passages: Callable[[str], Sequence[Passage]],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Judge what `journal` holds by `path`.

        Args:
            path: The course's path; it may be empty.
            labs: Every lab of the course, by its id.
            quizzes: The items, and the review schedule.
            journal: What learners did.
            documents: The notes and pages that the map shows.
            passages: Gives the passages of a document by its slug, and those of the ledger by `facts`.
            clock: What time it is.
        """
        self.path = path
        self.labs = labs
        self.quizzes = quizzes
        self._journal = journal
        self._documents = documents
        self._passages = passages
        self._clock = clock
        self._pasts = Pasts(journal.path)

    # What the course asks, which no learner changes

    @cached_property
    def _heat(self) -> HeatMap:
        return HeatMap(self._documents, self._passages)

    @cached_property
    def _titles(self) -> Mapping[str, str]:
        """The heading of every section."""
        shown = (passage for document in self._documents for passage in self._passages(document.slug))
        return {passage.id: passage.heading[-1] if passage.heading else passage.title for passage in shown}

    @cached_property
    def _items(self) -> Mapping[str, Sequence[Item]]:
        """The items that can be asked, by objective."""
        found: dict[str, list[Item]] = {}
        for item in self.quizzes.items.values():
            found.setdefault(item.objective, []).append(item)
        return found

    @cached_property
    def _key_revs(self) -> Mapping[str, int]:
        return {item: rev for item, (_, rev) in self.quizzes.changed_keys().items()}

    def criteria(self, track: str = "") -> Mapping[str, Criterion]:
        """What is asked of each objective of the course on a track, or on all of them."""
        known = self._criteria.get(track)
        if known is None:
            modules = self.path.of(track) if track else self.path.modules
            names = [lab for module in modules for lab in module.labs] if modules else list(self.labs)
            labs = [self.labs[name] for name in names if name in self.labs]
            known = self._criteria[track] = {
                objective: Criterion(
                    objective=objective,
                    items=len(self._items.get(objective, ())),
                    key_revs=self._key_revs,
                    labs={lab.id: lab.title for lab in labs if objective in lab.objectives},
                )
                for objective in self.quizzes.quizzes.objectives
            }
        return known

    @cached_property
    def _criteria(self) -> dict[str, Mapping[str, Criterion]]:
        return {}

    def is_critical(self, objective: str) -> bool:
        """Whether not knowing an objective hurts in production."""
        return self.quizzes.quizzes.objectives[objective].criticality == "high"

    # What a learner did

    def mastery(self, learner: str) -> Mapping[str, Mastery]:
        """How far a learner is with every objective of the course."""
        with self._pasts.of(learner) as past:
            sign_offs = self._journal.people.sign_offs(learner)
            labs_done = standing.labs_done(self.labs, past, sign_offs)
            return self._mastery(past, self._track(learner), self.quizzes.schedule(learner), labs_done)

    def _mastery(
        self, past: Past, track: Track | None, schedule: Schedule, labs_done: frozenset[str]
    ) -> Mapping[str, Mastery]:
        now = self._clock()
        return {
            objective: rule.mastery(
                criterion,
                past.answers.get(objective, ()),
                schedule.memories.get(objective),
                placements=past.placements,
                labs_done=labs_done,
                at=now,
            )
            for objective, criterion in self.criteria(track.id if track else "").items()
        }

    def labs_done(self, learner: str) -> frozenset[str]:
        """The labs that a learner has passed: each step in its present revision by a check.

        A step that could not be checked where it was done is not passed. Where nothing else is left, a person who saw
        it done can sign `lab_task` of the lab, which then counts as passed.
        """
        with self._pasts.of(learner) as past:
            return standing.labs_done(self.labs, past, self._journal.people.sign_offs(learner))

    def drop(self, learner: str) -> None:
        """Keep nothing in memory of a learner who was forgotten."""
        self._pasts.drop(learner)

    def _track(self, learner: str) -> Track | None:
        enrolment = self._journal.people.enrolment(learner)
        return self.path.track(enrolment.track) if enrolment else None

    def progress(self, learner: str) -> PathProgress:
        """Everything that the page Path shows of a learner."""
        enrolment, track = self._journal.people.enrolment(learner), self._track(learner)
        target = enrolment.target if enrolment else None
        schedule, now = self.quizzes.schedule(learner), self._clock()
        reviews = sorted(memory.due for memory in schedule.memories.values() if memory.objective in self._items)
        due = sum(at <= now for at in reviews)
        items = self.quizzes.quizzes.items
        with self._pasts.of(learner) as past:
            modules = standing.modules(
                self.path.of(track.id) if track else self.path.modules, self._evidence(learner, past, track, schedule)
            )
            heat = self._heat.rows(past, items, self.labs)
            changed = self._heat.changed(past, items, self._key_revs)
            placed = bool(past.placements)
        placed = placed or self.quizzes.journal.preferences(learner).get(PLACEMENT) is False
        situation = Situation(
            track=track,
            placed=placed,
            due=due,
            modules=modules,
            next_review=reviews[0] if reviews else None,
            labs=self.labs,
            titles=self._titles,
            certified=self._certified(learner, track) if all(one.state == "done" for one in modules) else False,
        )
        return PathProgress(
            learner=learner,
            track=track,
            modules=modules,
            next=next_step(situation),
            placed=placed,
            due=due,
            heat=heat,
            changed=changed,
            target=target,
            outlook=self._outlook(target, schedule, modules) if target else None,
        )

    def achievement(self, track: Track) -> str:
        """Names what the certificate of a track is given for."""
        return achievement_id(self.path.title, track, self.path.of(track.id))

    def _certified(self, learner: str, track: Track | None) -> bool:
        """Whether the certificate was issued for what the track asks now."""
        if track is None:
            return False
        wanted = self.achievement(track)
        issued = self._journal.people.certificates(learner)
        return any(badge["credentialSubject"]["achievement"]["id"] == wanted for badge in issued)

    def _evidence(self, learner: str, past: Past, track: Track | None, schedule: Schedule) -> Evidence:
        sign_offs = self._journal.people.sign_offs(learner)
        done = standing.labs_done(self.labs, past, sign_offs)
        known = self._mastery(past, track, schedule, done)
        return Evidence(
            past=past,
            known={name: one for name, one in known.items() if name in self._items},
            labs_done=done,
            labs_to_sign=standing.labs_to_sign(self.labs, past) - done,
            sign_offs=sign_offs,
            is_critical=self.is_critical,
        )

    def _outlook(self, target: date, schedule: Schedule, modules: Sequence[ModuleProgress]) -> Outlook:
        at = max(self._clock(), datetime.combine(target, time.min, UTC))
        objectives = [one.objective for module in modules for one in module.objectives]
        memories = schedule.memories
        ready = {
            name for name in objectives if name in memories and memories[name].recall(at) >= rule.RECALL - _EPSILON
        }
        high = [name for name in objectives if self.is_critical(name)]
        return Outlook(
            on=target,
            ready=len(ready),
            total=len(objectives),
            high_ready=sum(name in ready for name in high),
            high_total=len(high),
        )

    # What a learner begins

    def start_quiz(self, key: str, learner: str, module: str) -> Sitting:
        """Begin a quiz on a module, with what is lacking first, or return the one that began under `key`.

        Raises:
            UsageError: There is no such module, or nothing to ask on it.
        """
        found = self.path.module(module)
        if found is None:
            raise UsageError(f"The path has no module {module}.", next_step="Choose one on the page Path.")
        if not any(name in self._items for name in found.objectives):
            raise UsageError(f"There is nothing to ask on “{found.title}”.", next_step="Choose another module.")
        items = self._lacking(key, learner, found)
        return self.quizzes.start(key, learner, "practice", items=items, count=found.gate.count, module=module)

    def _lacking(self, key: str, learner: str, module: Module) -> list[str]:
        """One item of each objective of a module: what was never asked first, then what is not mastered."""
        chance = random.Random(key)  # noqa: S311 - an order, not a secret
        known, memories = self.mastery(learner), self.quizzes.schedule(learner).memories
        order = {"new": 0, "learning": 1, "known": 2, "mastered": 3}
        names = [name for name in module.objectives if name in self._items]
        names.sort(key=lambda name: (order[known[name].state], known[name].right, chance.random()))
        return [variant(self._items[name], memories.get(name), chance).id for name in names]

    def skip_placement(self, learner: str) -> None:
        """Remember that a learner does not want to be placed."""
        self.quizzes.journal.prefer(uuid.uuid4().hex, learner=learner, name=PLACEMENT, value=False)
