"""Who needs help today: a name, a reason, since when, and one thing to do."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from pgdojo.team.records import Help, Trouble
from pgdojo.web.labs.practise import LABS
from pgdojo.web.text import counted, day, one_line

FIRST = 10
"""People who are shown before one asks for the rest."""

BADGES = {
    "stuck": ":red-badge[:material/block: stuck]",
    "lapses": ":orange-badge[:material/replay: keeps forgetting]",
    "sure-and-wrong": ":orange-badge[:material/warning: sure and wrong]",
    "quiet": ":gray-badge[:material/bedtime: quiet]",
}


def draw(found: list[Help]) -> None:
    """The people, what blocks first."""
    st.subheader("Who needs help today", anchor=False)
    if not found:
        st.info(
            "Nobody is stuck, keeps forgetting, or is sure of something wrong that matters.", icon=":material/check:"
        )
        return
    for one in found if st.session_state.get("team_all_help") else found[:FIRST]:
        _card(one)
    if len(found) > FIRST:
        st.toggle(f"Show all {len(found)}", key="team_all_help")


def _card(one: Help) -> None:
    first, *others = one.troubles
    with st.container(border=True, key=f"team_help_{one.learner}", gap="xsmall"):
        st.markdown(f"**{one_line(one.name)}** {BADGES[first.reason]}")
        st.markdown(said(first))
        st.caption(f"since {day(first.since)}" + (f" · and {counted(len(others), 'more reason')}" if others else ""))
        with st.container(horizontal=True, gap="medium"):
            st.page_link(
                "app_pages/team.py", label="What they did", icon=":material/person:", query_params={"who": one.learner}
            )
            if first.reason == "stuck":
                st.page_link(LABS, label="The lab", icon=":material/science:", query_params={"lab": first.about})


def said(one: Trouble) -> str:
    """A reason in a sentence, with what to do about it."""
    if one.reason == "stuck":
        times = counted(one.times, "check did not pass", "checks did not pass")
        return f"Stuck on *{one_line(one.title)}*: {times}. Look at it together."
    if one.reason == "lapses":
        return f"Forgot it {one.times} times: *{one_line(one.title)}* Asking again does not teach it; explain it."
    if one.reason == "sure-and-wrong":
        return f"Was sure and wrong, where a mistake hurts: *{one_line(one.title)}* Talk it through."
    days = (datetime.now(UTC) - one.since).days
    return f"Has done nothing for {counted(days, 'day')}. Ask how it goes."
