"""Who needs help today: a name, since when, a reason, and one thing to do."""

from __future__ import annotations

import streamlit as st

from pgdojo.team.records import Help
from pgdojo.web.team import person, words
from pgdojo.web.text import counted, one_line

PAGE = 10
"""People who are shown at a time."""

ACTIONS = {
    "stuck": "See the checks that failed",
    "lapses": "See the answers",
    "sure-and-wrong": "See the answers",
    "target": "See what is left",
    "quiet": "See how far they are",
}
"""What opens the one page on which everything about a learner stands."""


def draw(found: list[Help]) -> None:
    """The people, what blocks first."""
    st.subheader("Who needs help today", anchor=False)
    if not found:
        st.info(
            "Nobody is stuck, keeps forgetting, is sure of something wrong that matters, is late, or has gone quiet.",
            icon=":material/check:",
        )
        return
    pages = -(-len(found) // PAGE)
    place = min(st.session_state.get("team_help_place", 1), pages)
    for one in found[(place - 1) * PAGE : place * PAGE]:
        _card(one)
    if pages > 1:
        st.caption(f"{len(found)} people, those first who are blocked.")
        st.pagination(pages, key="team_help_place")


def _card(one: Help) -> None:
    first, *others = one.troubles
    with st.container(border=True, key=f"team_help_{one.learner}", gap="xsmall"):
        more = f" · and {counted(len(others), 'more reason')}" if others else ""
        st.markdown(f"**{one_line(one.name)}** {words.BADGES[first.reason]} :small[:gray[{words.since(first)}{more}]]")
        st.markdown(words.said(first))
        person.link(one.learner, ACTIONS[first.reason])
