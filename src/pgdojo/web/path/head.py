"""Above the modules: what the learner aims at, the rule, how far they are, and what is no longer as it was learned."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.path.mastery import RULE
from pgdojo.path.standing import DONE_SHARE
from pgdojo.web.citations import address
from pgdojo.web.path.going_on import BOOK, REVIEW
from pgdojo.web.text import as_of, counted, day, literal, one_line

if TYPE_CHECKING:
    from pgdojo.course.path_records import Track
    from pgdojo.dojo import Dojo
    from pgdojo.path.progress import PathProgress

_SHOWN = 5
"""Changes that are named one by one."""


def draw(track: Track, progress: PathProgress, mentor: str) -> None:
    """What the learner aims at, with the way to change it, and the rule of mastery in words."""
    told = [f"**{one_line(track.name)}**"]
    if progress.target:
        told.append(f"ready by {day(progress.target)}")
    if mentor:
        told.append(f"mentor {one_line(mentor)}")
    st.markdown(" · ".join(told))
    with st.container(horizontal=True, gap="medium", key="path_head"):
        change = st.session_state.__setitem__
        st.button("Change", type="tertiary", key="path_change_track", on_click=change, args=("path_change", True))
        with st.popover("When is something mastered?", type="tertiary", key="path_rule"):
            st.markdown(literal(RULE))
            st.markdown(
                f"A module is done when {DONE_SHARE:.0%} of its objectives are mastered, and all of those where a "
                "mistake hurts in production."
            )


def draw_figures(dojo: Dojo, progress: PathProgress) -> None:
    """How much is mastered, due and practised."""
    mastered, total = (sum(getattr(one, name) for one in progress.modules) for name in ("mastered", "total"))
    labs = {name for one in progress.modules for name in one.module.labs if name in dojo.pathfinder.labs}
    passed = {name for one in progress.modules for name in one.labs_passed}
    st.html(
        as_html(
            {
                "Mastered": f"{mastered} of {total}",
                "To review": str(progress.due),
                "Labs passed": f"{len(passed)} of {len(labs)}",
            }
        )
    )
    if progress.due and progress.next.kind != "review":
        with st.container(key="path_due_links"):
            label = f"Review {counted(progress.due, 'objective')} that you would soon forget"
            st.page_link(REVIEW, label=label, icon=":material/event_repeat:")
    if seen := progress.outlook:
        known = f"{seen.ready} of {counted(seen.total, 'objective')}"
        st.caption(f"Without another review you will still know {known} on {day(seen.on)}.")


def as_html(figures: Mapping[str, str]) -> str:
    """A few figures side by side, as narrow as a phone needs them."""
    pairs = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in figures.items())
    return f'<dl class="path-figures">{pairs}</dl>'


def draw_changes(progress: PathProgress) -> None:
    """What changed since the learner learned it; nothing where nothing did."""
    if not progress.changed:
        return
    st.subheader("Changed since you learned it", anchor=False)
    with st.container(key="path_changed_links", gap="xsmall"):
        for number, fact in enumerate(progress.changed[:_SHOWN]):
            label = f":orange[:material/history:] {one_line(fact.subject)} :small[as of {as_of(fact.as_of)}]"
            st.page_link(BOOK, label=label, query_params={**address(fact.passage), "near": str(number)})
        if len(progress.changed) > _SHOWN:
            st.caption(f"And {counted(len(progress.changed) - _SHOWN, 'other')}.")
