"""Above the modules: the track, the day to be ready, the rule, and what is no longer as it was learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.path.mastery import RULE
from pgdojo.web.citations import address
from pgdojo.web.path.going_on import BOOK
from pgdojo.web.text import counted, literal, one_line

if TYPE_CHECKING:
    from pgdojo.course.path_records import Track
    from pgdojo.path.progress import PathProgress

_SHOWN = 5
"""Changes that are named one by one."""


def draw(track: Track, progress: PathProgress) -> None:
    """What the learner aims at, and how that stands."""
    told = f"Track: **{one_line(track.name)}**"
    if progress.target:
        told += f", to be ready by {progress.target.isoformat()}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="path_head"):
        st.markdown(told)
        change = st.session_state.__setitem__
        st.button("Change", type="tertiary", key="path_change_track", on_click=change, args=("path_change", True))
        with st.popover("When is something mastered?", type="tertiary", key="path_rule"):
            st.markdown(literal(RULE))
    if seen := progress.outlook:
        st.caption(f"Without another review you will know {seen.ready} of {seen.total} objectives on that day.")


def draw_changes(progress: PathProgress) -> None:
    """What changed since the learner learned it; nothing where nothing did."""
    if not progress.changed:
        return
    with st.container(key="path_changed_links", gap="xsmall"):
        st.subheader("Changed since you learned it", anchor=False)
        for fact in progress.changed[:_SHOWN]:
            label = f"{one_line(fact.subject)} · {one_line(fact.as_of)}"
            st.page_link(BOOK, label=label, icon=":material/history:", query_params=address(fact.passage))
        if len(progress.changed) > _SHOWN:
            st.caption(f"And {counted(len(progress.changed) - _SHOWN, 'other')}.")
