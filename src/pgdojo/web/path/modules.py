"""The modules in their order: how far each is, and in each what is left, with the way to it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.path.progress import lab_task
from pgdojo.web.citations import address
from pgdojo.web.identity import me
from pgdojo.web.path import tasks
from pgdojo.web.path.going_on import ASK, BOOK, LABS, QUIZ
from pgdojo.web.quiz.words import inline
from pgdojo.web.text import counted, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.path.mastery import Mastery
    from pgdojo.path.progress import ModuleProgress

_DONE, _OPEN = ":material/check_circle:", ":material/radio_button_unchecked:"
_SIGNS = {"done": _DONE, "open": ":material/play_circle:", "waiting": ":material/lock:"}
_WORDS = {"done": ":green[Done]", "open": "", "waiting": ":gray[Not open yet]"}
_STATES = {
    "mastered": ":green[:material/check: Mastered]",
    "known": ":green[:material/check: Known]",
    "learning": ":orange[:material/timelapse: Learning]",
    "new": ":gray[:material/circle: New]",
}


def draw(dojo: Dojo, modules: tuple[ModuleProgress, ...]) -> None:
    """Every module behind a line of its own, with a bar of how much of it is done."""
    done = sum(one.state == "done" for one in modules)
    st.subheader(f"{done} of {counted(len(modules), 'module')} done", anchor=False)
    with st.container(key="path_modules", gap="xsmall"):
        for one in modules:
            _row(dojo, one)


def _row(dojo: Dojo, one: ModuleProgress) -> None:
    module = one.module
    told = [f"**{one_line(module.title)}**", f":gray[:small[{one.mastered} of {one.total} mastered]]"]
    if word := _WORDS[one.state]:
        told.append(f":small[{word}]")
    with st.container(key=f"path_row_{module.id}", gap=None):
        st.html(_bar(one))
        box = st.expander(" · ".join(told), icon=_SIGNS[one.state], key=f"path_module_{module.id}", on_change="rerun")
        if box.open:
            with box:
                _module(dojo, one)


def _bar(one: ModuleProgress) -> str:
    share = round(min(1.0, one.share) * 100)
    said = escape(f"{one.module.title}: {share} % done")
    state = "done" if one.state == "done" else "open"
    return (
        f'<div class="path-bar" role="img" aria-label="{said}" title="{said}">'
        f'<i class="path-bar-{state}" style="width: {share}%"></i></div>'
    )


def _module(dojo: Dojo, one: ModuleProgress) -> None:
    module = one.module
    st.markdown(literal(module.why))
    if one.waits_for:
        st.caption(f":material/lock: Opens with the quiz on {', '.join(map(one_line, one.waits_for))}.")
    with st.grid(2, min_column_width=250, key=f"path_in_{module.id}_links") as parts:
        if module.read:
            with parts.cell():
                _reading(dojo, one)
        if module.ask:
            with parts.cell():
                _asking(one)
        if one.total:
            with parts.cell():
                _quiz(dojo, one)
        if any(name in dojo.pathfinder.labs for name in module.labs):
            with parts.cell():
                _labs(dojo, one)
    _tasks(dojo, one)


def _heading(name: str, told: str = "") -> None:
    st.markdown(f"**{name}** :gray[:small[{told}]]" if told else f"**{name}**")


def _reading(dojo: Dojo, one: ModuleProgress) -> None:
    _heading("Read", f"{one.read} of {len(one.module.read)}")
    with st.container(gap=None, key=f"path_read_{one.module.id}_links"):
        for passage in one.module.read:
            found = dojo.passage(passage)
            name = found.heading[-1] if found and found.heading else passage
            sign = _DONE if passage in one.sections_read else _OPEN
            st.page_link(BOOK, label=one_line(name), icon=sign, query_params=address(passage))


def _asking(one: ModuleProgress) -> None:
    _heading("Worth asking", f"{len(one.asked)} of {len(one.module.ask)}")
    with st.container(gap=None, key=f"path_asks_{one.module.id}_links"):
        for question in one.module.ask:
            sign = _DONE if question in one.asked else _OPEN
            st.page_link(ASK, label=one_line(question), icon=sign, query_params={"q": question})


def _quiz(dojo: Dojo, one: ModuleProgress) -> None:
    gate, best = one.module.gate, one.gate_best or 0.0
    begun = dojo.quizzes.under_way(me())
    goes_on = begun is not None and begun.sitting.plan.get("module") == one.module.id
    _heading("Quiz", f"your best is {int(best * 100)}%" if best else "")
    label = "Go on with the quiz" if goes_on else "Take it again" if best else "Take the quiz"
    sign = _DONE if one.gate_passed else _OPEN
    with st.container(gap=None, key=f"path_quiz_{one.module.id}_links"):
        st.page_link(QUIZ, label=label, icon=sign, query_params={"module": one.module.id})
    st.caption("Passed." if one.gate_passed else f"{gate.pass_mark:.0%} right opens the next module.")
    _objectives(dojo, one)


def _objectives(dojo: Dojo, one: ModuleProgress) -> None:
    """Each objective with what it still lacks."""
    left = sum(bool(found.lacks) for found in one.objectives)
    label = f"What is missing · {counted(left, 'objective')}" if left else "All objectives mastered"
    with st.popover(label, type="tertiary", key=f"path_lacks_{one.module.id}"):
        for found in sorted(one.objectives, key=lambda found: not found.lacks):
            _objective(dojo, found, is_left=found.objective in one.high_left)


def _objective(dojo: Dojo, found: Mastery, *, is_left: bool) -> None:
    said = inline(dojo.quizzes.quizzes.objectives[found.objective].objective)
    must = " :gray-badge[:material/priority_high: must be mastered]" if is_left else ""
    lacks = f"  \n:small[{inline(' '.join(found.lacks))}]" if found.lacks else ""
    st.markdown(f"{said}  \n:small[{_STATES[found.state]}]{must}{lacks}")


def _labs(dojo: Dojo, one: ModuleProgress) -> None:
    known = dojo.pathfinder.labs
    names = [name for name in one.module.labs if name in known]
    _heading("Labs", f"{len(one.labs_passed)} of {len(names)}")
    with st.container(gap=None, key=f"path_labs_{one.module.id}_links"):
        for name in names:
            sign = _DONE if name in one.labs_passed else _OPEN
            label = f"{one_line(known[name].title)} :gray[:small[{known[name].minutes} min]]"
            st.page_link(LABS, label=label, icon=sign, query_params={"lab": name})
            if name in one.labs_to_sign:
                st.caption("Some steps could not be checked on your machine. Somebody who saw them can sign.")
                tasks.put_forward(dojo, lab_task(name), f"path_sign_{name}")


def _tasks(dojo: Dojo, one: ModuleProgress) -> None:
    if not one.module.team:
        return
    _heading("With your team")
    for task in one.module.team:
        said = one.tasks[task.id]
        with st.container(key=f"path_task_{task.id}", gap="xsmall"):
            st.markdown(f"{one_line(task.title)}  \n:small[{literal(task.do)}]")
            if told := tasks.standing(said):
                st.markdown(f":small[{told}]")
                tasks.draw_note(said)
            if said is None or said.state == "revoked":
                tasks.put_forward(dojo, task.id, f"path_put_{task.id}")
