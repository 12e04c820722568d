"""What the learner asked last, to take it up again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web.identity import me
from pgdojo.web.path.going_on import ASK
from pgdojo.web.text import counted, day, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

_SHOWN = 3


def draw(dojo: Dojo) -> None:
    """The last conversations; nothing before the first."""
    found = sorted(dojo.journal.conversations(me()), key=lambda one: one.last_at, reverse=True)[:_SHOWN]
    if not found:
        return
    st.subheader("What you asked last", anchor=False)
    with st.container(key="path_asked_links", gap=None):
        for one in found:
            label = f"{one_line(one.title)} :gray[:small[{counted(one.turns, 'question')}, {day(one.last_at)}]]"
            st.page_link(ASK, label=label, icon=":material/forum:", query_params={"c": one.id})
