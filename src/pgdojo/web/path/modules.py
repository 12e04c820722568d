"""The modules in their order: how far each is, and in each what is left, with the way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web.citations import address
from pgdojo.web.path.going_on import ASK, BOOK, LABS
from pgdojo.web.text import counted, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.path.progress import ModuleProgress

_DONE, _OPEN = ":material/check_circle:", ":material/radio_button_unchecked:"
_SIGNS = {"done": _DONE, "open": ":material/play_circle:", "waiting": ":material/lock:"}


def draw(dojo: Dojo, modules: tuple[ModuleProgress, ...]) -> None:
    """Every module behind a line; the first open one is unfolded."""
    st.subheader("Your modules", anchor=False)
    for one in modules:
        label = f"{one_line(one.module.title)} · {one.mastered} of {one.total} mastered"
        box = st.expander(label, icon=_SIGNS[one.state], key=f"path_module_{one.module.id}", on_change="rerun")
        if box.open:
            with box:
                _module(dojo, one)


def _module(dojo: Dojo, one: ModuleProgress) -> None:
    module = one.module
    st.markdown(literal(module.why))
    if one.waits_for:
        st.caption(f":material/lock: Opens with the quiz of {', '.join(map(one_line, one.waits_for))}.")
    st.progress(min(1.0, one.share), text=f"{one.share:.0%} of this module")
    with st.container(key=f"path_in_{module.id}_links", gap="xsmall"):
        _reading(dojo, one)
        _asking(one)
        _quiz(one)
        _labs(dojo, one)
        _tasks(one)
    _objectives(dojo, one)


def _reading(dojo: Dojo, one: ModuleProgress) -> None:
    st.caption(f"Read · {one.read} of {len(one.module.read)}")
    for passage in one.module.read:
        found = dojo.passage(passage)
        name = found.heading[-1] if found and found.heading else passage
        sign = _DONE if passage in one.sections_read else _OPEN
        st.page_link(BOOK, label=one_line(name), icon=sign, query_params=address(passage))


def _asking(one: ModuleProgress) -> None:
    if one.module.ask:
        st.caption("Worth asking")
    for question in one.module.ask:
        sign = _DONE if question in one.asked else _OPEN
        st.page_link(ASK, label=one_line(question), icon=sign, query_params={"q": question})


def _quiz(one: ModuleProgress) -> None:
    if not one.total:
        return
    best = "" if one.gate_best is None else f" · your best is {int(one.gate_best * 100)} %"
    st.caption(f"Quiz · opens the next module with {one.module.gate.pass_mark:.0%}{best}")
    st.button(
        "Take it again" if one.gate_passed else "Take the quiz",
        icon=_DONE if one.gate_passed else ":material/quiz:",
        key=f"path_quiz_{one.module.id}",
        on_click=st.session_state.__setitem__,
        args=("path_quiz", one.module.id),
    )


def _labs(dojo: Dojo, one: ModuleProgress) -> None:
    known = dojo.pathfinder.labs
    names = [name for name in one.module.labs if name in known]
    if names:
        st.caption(f"Labs · {len(one.labs_passed)} of {len(names)}")
    for name in names:
        lab = known[name]
        sign = _DONE if name in one.labs_passed else _OPEN
        label = f"{one_line(lab.title)} · {counted(lab.minutes, 'minute')}"
        st.page_link(LABS, label=label, icon=sign, query_params={"lab": name})


def _tasks(one: ModuleProgress) -> None:
    if one.module.team:
        st.caption("With your team")
    for task in one.module.team:
        said = one.tasks[task.id]
        sign = _DONE if said and said.state == "signed" else _OPEN
        st.markdown(f"{sign} **{one_line(task.title)}** {literal(task.do)}")


def _objectives(dojo: Dojo, one: ModuleProgress) -> None:
    left = [found for found in one.objectives if found.lacks]
    if not left:
        return
    with st.popover(f"What is missing · {counted(len(left), 'objective')}", key=f"path_lacks_{one.module.id}"):
        for found in left:
            words = dojo.quizzes.quizzes.objectives[found.objective].objective
            st.markdown(f"**{literal(words)}**  \n:small[{literal(' '.join(found.lacks))}]")
