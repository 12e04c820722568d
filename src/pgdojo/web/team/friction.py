"""Where labs hold people up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web.labs.practise import LABS
from pgdojo.web.quiz.words import inline
from pgdojo.web.text import counted, one_line

if TYPE_CHECKING:
    from pgdojo.team.records import Friction

FIRST = 8


def draw(found: list[Friction]) -> None:
    """The steps at which most people are left, and how they fail."""
    if not found:
        return
    st.subheader("Where labs hold people up", anchor=False)
    for one in found[:FIRST]:
        with st.container(key=f"team_step_{one.lab}_{one.step}", gap=None):
            st.page_link(LABS, label=f"**{one_line(one.step_title)}**", query_params={"lab": one.lab})
            told = [one_line(one.lab_title), f"{one.passed} of {one.tried} passed", counted(one.checks, "check")]
            if one.could_not:
                told.append(f"{one.could_not} of them could not look")
            st.caption(" · ".join(told))
            if one.cause:
                st.markdown(f":small[Most often it failed at *{one_line(one.cause)}*. {inline(one.asks)}]")
