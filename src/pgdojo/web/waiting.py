"""What a visitor sees while the course is opened, or when it cannot be."""

from __future__ import annotations

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.web import resources
from pgdojo.web.opening import Opening
from pgdojo.web.text import literal

PATIENCE = 1.5
"""Seconds before a bar is shown: an index that is there opens within them, and nothing flashes."""
STAGES = {"Embedding": "Reading the sentences"}
"""Stages that go by a word which learners need not know."""


def until_open(opening: Opening) -> bool:
    """Draw the progress or the failure of `opening`; returns whether the page can be drawn instead."""
    opening.wait(PATIENCE)
    if opening.dojo is not None:
        return True
    if opening.failure is None:
        st.title("One moment", anchor=False)
        st.markdown("The course is read once, so that every question afterwards is answered at once.")
        st.fragment(_progress, run_every=0.7)(opening)
    else:
        _failure(opening.failure)
    return False


def _progress(opening: Opening) -> None:
    if opening.wait(0):
        st.rerun()
    now = opening.progress
    count = f": {now.done:,} of {now.total:,}" if now.total else ""
    st.progress(now.share, text=literal(f"{STAGES.get(now.stage, now.stage)}{count}"))


def _failure(cause: Exception) -> None:
    said = cause.problem if isinstance(cause, PgdojoError) else "The course could not be opened."
    step = cause.next_step if isinstance(cause, PgdojoError) else "The log says why."
    st.title("The course is not open", anchor=False)
    st.markdown(literal(said))
    if step:
        st.markdown(literal(step))
    st.button("Try again", key="waiting_again", type="primary", on_click=resources.opening.clear)
