"""Facts that were last looked at long ago, and the pages that facts rest on."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web import citations
from pgdojo.web.quiz.words import topic
from pgdojo.web.text import as_of, counted, day, literal, one_line

if TYPE_CHECKING:
    from pgdojo.team.links import LinkState
    from pgdojo.team.material import OldFact, Source

_SIGNS = {
    "gone": ":red-badge[:material/link_off: gone]",
    "unclear": ":orange-badge[:material/help: no answer]",
    "moved": ":orange-badge[:material/redo: moved]",
    "reached": ":green-badge[:material/check: reached]",
}


def draw_facts(found: list[OldFact]) -> None:
    """Old facts by topic, the topic with the most first."""
    if not found:
        st.info("No fact is older than a year.", icon=":material/check:")
        return
    st.caption("Facts whose date lies more than a year back. Look at the source, then set the new date.")
    counts = Counter(one.fact.topic for one in found)
    by_topic = sorted(found, key=lambda one: (-counts[one.fact.topic], one.fact.topic))
    for name, group in groupby(by_topic, key=lambda one: one.fact.topic):
        facts = list(group)
        with st.expander(f"{topic(name)} · {counted(len(facts), 'fact')}", key=f"material_old_{name}"):
            for one in facts:
                st.markdown(f"**{one_line(one.fact.subject)}** :small[:gray[as of {as_of(one.fact.as_of)}]]")
                with st.container(horizontal=True, gap="small"):
                    st.page_link(
                        citations.BOOK,
                        label="The fact",
                        icon=":material/menu_book:",
                        query_params=citations.address(one.fact.id),
                    )
                    st.markdown(citations.source_link(one.fact.source, one.fact.source_title))


def draw_sources(found: list[Source]) -> None:
    """The pages that facts rest on, those first that cannot be reached."""
    looked = [one.state.checked_at for one in found if one.state]
    if not looked:
        st.info(
            f"Nobody has looked yet whether the {counted(len(found), 'page')} behind the facts can be reached. "
            "`pgdojo links` does it where there is a network.",
            icon=":material/info:",
        )
        return
    counts = Counter(one.state.found if one.state else "not looked at" for one in found)
    told = " · ".join(f"{count} {name}" for name, count in counts.items())
    st.caption(f"As `pgdojo links` last found them on {day(max(looked))}: {told}.")
    troubled = [(one, one.state) for one in found if one.state and one.state.found != "reached"]
    if not troubled:
        st.info("Every page that was looked at can be reached.", icon=":material/check:")
    for number, (one, state) in enumerate(troubled):
        _source(one, state, f"material_source_{number}")


def _source(one: Source, state: LinkState, key: str) -> None:
    with st.container(border=True, key=key, gap="xsmall"):
        st.markdown(f"{_SIGNS[state.found]} {citations.source_link(one.url, one.url)}")
        st.caption(f"{literal(state.says)} · {counted(len(one.facts), 'fact')} rest on it")
        for name in one.facts[:3]:
            st.page_link(
                citations.BOOK, label=one_line(name.removeprefix("facts#")), query_params=citations.address(name)
            )
