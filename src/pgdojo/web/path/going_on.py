"""The next step as one button, and where it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.errors import UsageError
from pgdojo.web.citations import address
from pgdojo.web.path import beginning, certificate, tasks
from pgdojo.web.text import literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.path.progress import NextStep, PathProgress

ASK, BOOK, QUIZ, REVIEW, LABS = (f"app_pages/{name}.py" for name in ("ask", "book", "quiz", "review", "labs"))

_ICONS = {
    "place": ":material/explore:",
    "read": ":material/menu_book:",
    "ask": ":material/forum:",
    "quiz": ":material/quiz:",
    "review": ":material/event_repeat:",
    "lab": ":material/science:",
}
"""Kinds of steps that a button leads to, each with its sign."""


def draw(dojo: Dojo, progress: PathProgress) -> None:
    """The next step: why in a sentence, and the one filled button of the page where another page takes it."""
    step = progress.next
    with st.container(border=True, key="path_next"):
        st.caption("Next step")
        if step.kind not in _ICONS:
            st.subheader(one_line(step.label), anchor=False)
        st.markdown(literal(step.says))
        if step.kind in _ICONS:
            label = one_line(step.label)
            if st.button(label, icon=_ICONS[step.kind], type="primary", width="stretch", wrap=True, key="path_go"):
                _go(dojo, step)
        if step.kind == "place":
            st.button("I begin at the beginning", key="path_skip", on_click=beginning.skip, args=(dojo,))
        if step.kind == "certificate":
            certificate.draw(dojo, progress)
        if step.kind == "task":
            _task(dojo, progress, step)


def _go(dojo: Dojo, step: NextStep) -> None:
    if step.kind == "place":
        try:
            beginning.place(dojo)
        except UsageError as cause:
            st.info(literal(str(cause)), icon=":material/info:")
    elif step.kind == "read":
        st.switch_page(BOOK, query_params=address(step.target))
    elif step.kind == "ask":
        st.switch_page(ASK, query_params={"q": step.target})
    elif step.kind == "quiz":
        st.switch_page(QUIZ, query_params={"module": step.target})
    elif step.kind == "lab":
        st.switch_page(LABS, query_params={"lab": step.target})
    else:
        st.switch_page(REVIEW)


def _task(dojo: Dojo, progress: PathProgress, step: NextStep) -> None:
    """What to do, and the way to say that it is done."""
    module = next(one.module for one in progress.modules if one.module.id == step.module)
    task = next(one for one in module.team if one.id == step.target)
    st.markdown(literal(task.do))
    tasks.put_forward(dojo, task.id, "path_next_task", filled=True)


def ask_box() -> None:
    """A question from here is answered on the page Ask."""
    with st.container(key="path_ask"):
        question = st.chat_input("Or ask something", key="path_question", max_chars=4000)
    if question and question.strip():
        st.switch_page(ASK, query_params={"q": question.strip()})
