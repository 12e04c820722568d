"""What comes next: one step, the first of a fixed order that is not done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pgdojo.course.lab_records import Lab
from pgdojo.course.path_records import Track
from pgdojo.course.records import PassageId
from pgdojo.path.records import ModuleProgress, NextStep

_ALL = "That is all for today"

MANY_DUE = 10
"""Reviews that come before anything new."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What the next step depends on."""

    track: Track | None
    placed: bool
    due: int
    modules: Sequence[ModuleProgress]
    next_review: datetime | None
    """When the next review comes, None without one."""
    labs: Mapping[str, Lab]
    titles: Mapping[PassageId, str]
    """The headings that can be read."""
    certified: bool
    """Whether the certificate was issued for what the path asks now."""

    @property
    def done(self) -> bool:
        """Whether every module of a track is done."""
        return self.track is not None and bool(self.modules) and all(one.state == "done" for one in self.modules)


def next_step(here: Situation) -> NextStep:
    """The one thing to do now.

    First the track, then the certificate that is there to be taken, the placement, reviews where many are due, then of
    the first open module its reading, its questions worth asking, its quiz, its labs, its tasks, and what its quiz has
    not asked yet. Then the reviews that are left.
    """
    return next(_steps(here))


def _steps(here: Situation) -> Iterator[NextStep]:
    if here.modules and here.track is None:
        yield NextStep(kind="enrol", label="Choose your track", says="Then the path shows what is yours to learn.")
    if here.done and not here.certified:
        yield _certificate(here)
    if here.modules and not here.placed:
        says = "A quarter of an hour shows what you know already, so that you need not learn it again."
        yield NextStep(kind="place", label="Take the placement quiz", says=says)
    if here.due >= MANY_DUE:
        yield _review(here)
    for one in here.modules:
        if one.state == "open":
            yield from _in_module(one, here)
    if here.due:
        yield _review(here)
    yield _end(here)


def _review(here: Situation) -> NextStep:
    one = here.due == 1
    says = f"{here.due} objective{' is' if one else 's are'} about to be forgotten; a minute each brings them back."
    return NextStep(kind="review", label="Review what is due", says=says)


def _in_module(one: ModuleProgress, here: Situation) -> Iterator[NextStep]:
    yield from _reading(one, here)
    yield from _asking(one)
    if one.total and not one.gate_passed:
        label = f"Take the quiz on “{one.module.title}”"
        yield NextStep(kind="quiz", label=label, says=_why_quiz(one), target=one.module.id, module=one.module.id)
    yield from _practising(one, here)
    yield from _tasks(one)
    new = sum(found.state == "new" for found in one.objectives)
    if new:
        label = f"Go on with the quiz on “{one.module.title}”"
        says = f"{new} objective{' has' if new == 1 else 's have'} not been asked yet."
        yield NextStep(kind="quiz", label=label, says=says, target=one.module.id, module=one.module.id)


def _reading(one: ModuleProgress, here: Situation) -> Iterator[NextStep]:
    module = one.module
    for passage in module.read:
        if passage not in one.sections_read:
            label = f"Read “{here.titles.get(passage, passage)}”"
            says = f"Section {one.read + 1} of {len(module.read)} to read for “{module.title}”."
            yield NextStep(kind="read", label=label, says=says, target=passage, module=module.id)


def _asking(one: ModuleProgress) -> Iterator[NextStep]:
    for question in one.module.ask:
        if question not in one.asked:
            says = f"Worth asking on “{one.module.title}”: {question}"
            yield NextStep(kind="ask", label="Ask a question", says=says, target=question, module=one.module.id)


def _why_quiz(one: ModuleProgress) -> str:
    wanted = f"With {one.module.gate.pass_mark:.0%} right the next module opens"
    return f"{wanted}." if not one.gate_best else f"{wanted}; your best is {int(one.gate_best * 100)}%."


def _practising(one: ModuleProgress, here: Situation) -> Iterator[NextStep]:
    for name in one.module.labs:
        if name in here.labs and name not in one.labs_passed and name not in one.labs_to_sign:
            lab = here.labs[name]
            says = f"About {lab.minutes} minutes, and every step is checked: what you did once you can do again."
            yield NextStep(kind="lab", label=f"Do the lab “{lab.title}”", says=says, target=name, module=one.module.id)


def _tasks(one: ModuleProgress) -> Iterator[NextStep]:
    for task in one.module.team:
        said = one.tasks[task.id]
        if said is None or said.state == "revoked":
            yield NextStep(kind="task", label=task.title, says=task.why, target=task.id, module=one.module.id)


def _end(here: Situation) -> NextStep:
    if here.done:
        return _certificate(here)
    if here.next_review is None:
        return NextStep(kind="done", label=_ALL, says="Ask, read or take a quiz on whatever you like.")
    says = f"The next review comes on {here.next_review.date().isoformat()}; what is spaced out stays."
    return NextStep(kind="done", label=_ALL, says=says)


def _certificate(here: Situation) -> NextStep:
    says = (
        "Your certificate is ready. Whoever you give it to can verify it."
        if not here.certified
        else ("Your certificate can be fetched again. Reviews keep what you know.")
    )
    return NextStep(kind="certificate", label="The path is done", says=says)
