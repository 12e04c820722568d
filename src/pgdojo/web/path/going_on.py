"""The next step as one button, and where it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web.citations import address
from pgdojo.web.identity import me
from pgdojo.web.path import beginning
from pgdojo.web.questions import mint
from pgdojo.web.text import literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.path.progress import NextStep

ASK, BOOK, QUIZ, REVIEW, LABS = (f"app_pages/{name}.py" for name in ("ask", "book", "quiz", "review", "labs"))

_ICONS = {
    "place": ":material/explore:",
    "read": ":material/menu_book:",
    "ask": ":material/forum:",
    "quiz": ":material/quiz:",
    "review": ":material/event_repeat:",
    "lab": ":material/science:",
}
"""Kinds of steps that a button can lead to, with its sign."""


def draw(dojo: Dojo, step: NextStep) -> None:
    """The next step: why, and one filled button where a page can take it."""
    with st.container(border=True, key="path_next"):
        st.caption("Next")
        st.subheader(one_line(step.label), anchor=False)
        st.markdown(literal(step.says))
        if step.kind in _ICONS:
            st.button(
                "Go",
                icon=_ICONS[step.kind],
                type="primary",
                width="stretch",
                key="path_go",
                on_click=st.session_state.__setitem__,
                args=("path_going", step),
            )
        if step.kind == "place":
            beginning.offer_placement(dojo)


def go(dojo: Dojo) -> None:
    """Follow the button, if it was pressed."""
    step: NextStep | None = st.session_state.pop("path_going", None)
    if step is None:
        return
    if step.kind == "place":
        beginning.place(dojo)
    elif step.kind == "read":
        st.switch_page(BOOK, query_params=address(step.target))
    elif step.kind == "ask":
        st.switch_page(ASK, query_params={"q": step.target})
    elif step.kind == "quiz":
        quiz(dojo, step.target)
    elif step.kind == "lab":
        st.switch_page(LABS, query_params={"lab": step.target})
    else:
        st.switch_page(REVIEW)


def quiz(dojo: Dojo, module: str) -> None:
    """Begin the quiz of a module and go to it."""
    sitting = dojo.pathfinder.start_quiz(mint(), me(), module)
    st.switch_page(QUIZ, query_params={"s": sitting.key})
