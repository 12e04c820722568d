"""Where a learner stands in each module, from what they did and how far they are with each objective."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pgdojo.course.lab_records import Lab
from pgdojo.course.path_records import Module
from pgdojo.learner.records import SignOff
from pgdojo.path.heat import section_of
from pgdojo.path.mastery import Mastery
from pgdojo.path.past import COULD_NOT_CHECK, PASSED, Past, plain
from pgdojo.path.records import ModuleProgress

DONE_SHARE = 0.8
"""Share of a module's objectives with which it is done, if all of high criticality are among them."""

_EPSILON = 1e-9


def lab_task(lab: str) -> str:
    """The task by which a person signs for the steps of a lab that could not be checked where it was done."""
    return f"lab:{lab}"


def labs_done(labs: Mapping[str, Lab], past: Past, sign_offs: Mapping[str, SignOff]) -> frozenset[str]:
    """The labs that are passed: every step by a check, or what could not be checked by the word of a person."""
    signed = {task for task, said in sign_offs.items() if said.state == "signed"}
    return frozenset(
        lab.id
        for lab in labs.values()
        if not (left := _left(lab, past)) or (left == {COULD_NOT_CHECK} and lab_task(lab.id) in signed)
    )


def labs_to_sign(labs: Mapping[str, Lab], past: Past) -> frozenset[str]:
    """The labs of which only steps are left that could not be checked."""
    return frozenset(lab.id for lab in labs.values() if _left(lab, past) == {COULD_NOT_CHECK})


def _left(lab: Lab, past: Past) -> set[str]:
    """How the steps of a lab stand that are not passed in its present revision; `new` for one never checked."""
    steps = past.steps.get((lab.id, lab.rev), {})
    return {steps.get(step.id, "new") for step in lab.steps} - {PASSED}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What modules are judged by."""

    past: Past
    known: Mapping[str, Mastery]
    """How far the learner is with each objective that can be asked."""
    labs_done: frozenset[str]
    labs_to_sign: frozenset[str]
    sign_offs: Mapping[str, SignOff]
    is_critical: Callable[[str], bool]

    @cached_property
    def sections(self) -> frozenset[str]:
        """Every section that was opened."""
        return frozenset(section_of(passage) for passage in self.past.read)

    @cached_property
    def questions(self) -> frozenset[str]:
        """Every question that was asked, as it is compared."""
        return frozenset(self.past.questions())


def modules(chosen: Iterable[Module], evidence: Evidence) -> tuple[ModuleProgress, ...]:
    """How far the learner is with each of the modules `chosen`, which stand below those that they wait for."""
    found: dict[str, ModuleProgress] = {}
    for module in chosen:
        found[module.id] = _module(module, evidence, [found[name] for name in module.after if name in found])
    return tuple(found.values())


def _module(module: Module, evidence: Evidence, before: Sequence[ModuleProgress]) -> ModuleProgress:
    past = evidence.past
    objectives = tuple(evidence.known[name] for name in module.objectives if name in evidence.known)
    critical = {one.objective for one in objectives if evidence.is_critical(one.objective)}
    left = [one.objective for one in objectives if not one.is_done(critical=one.objective in critical)]
    waits_for = tuple(one.module.title for one in before if one.state != "done" and not one.gate_passed)
    found = ModuleProgress(
        module=module,
        state="waiting" if waits_for else "open",
        waits_for=waits_for,
        mastered=len(objectives) - len(left),
        total=len(objectives),
        high_left=tuple(name for name in left if name in critical),
        objectives=objectives,
        sections_read=frozenset(name for name in module.read if section_of(name) in evidence.sections),
        asked=frozenset(question for question in module.ask if plain(question) in evidence.questions),
        labs_passed=tuple(name for name in module.labs if name in evidence.labs_done),
        labs_to_sign=tuple(name for name in module.labs if name in evidence.labs_to_sign),
        tasks={task.id: evidence.sign_offs.get(task.id) for task in module.team},
        gate_best=past.gate_best(module.id),
    )
    return replace(found, state="done") if _is_done(found) else found


def _is_done(one: ModuleProgress) -> bool:
    if one.total:
        return not one.high_left and one.mastered >= DONE_SHARE * one.total - _EPSILON
    # Where nothing can be asked, everything else is to be done.
    return one.share >= 1
