"""What a learner asked in vain and can read now: told once, and put away by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web.identity import me
from pgdojo.web.text import counted, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

MOST = 5
"""Questions that are listed; the rest are told in a number."""


def draw(dojo: Dojo) -> None:
    """List the learner's questions that have an answer since they asked, if there are any."""
    found = dojo.material.answered_for(me())
    if not found:
        return
    with st.container(border=True, key="now_answered", gap="xsmall"):
        st.markdown(":green-badge[:material/check: Now answered] The material has grown by what you asked.")
        for position, one in enumerate(found[:MOST]):
            st.page_link(
                "app_pages/ask.py",
                label=one_line(one.question),
                icon=":material/forum:",
                query_params={"q": one.question, "again": str(position)},
            )
        if len(found) > MOST:
            st.caption(f"and {counted(len(found) - MOST, 'more question')}.")
        st.button("I have seen it", key="now_answered_seen", type="tertiary", on_click=lambda: dojo.material.seen(me()))
