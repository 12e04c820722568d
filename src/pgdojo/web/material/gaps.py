"""Questions without an answer, each group with its place in the material and the words to fill it with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web import citations
from pgdojo.web.material.resolving import resolving
from pgdojo.web.text import counted, day, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.team.gaps import Group
    from pgdojo.team.material import Gap

FIRST = 5
"""Groups that are shown before one asks for the rest."""


def draw(dojo: Dojo, found: list[Gap]) -> None:
    """The groups, what most people asked first."""
    if not found:
        st.info("Every question so far has an answer, or somebody has looked at it.", icon=":material/check:")
        return
    st.caption("Questions that Ask could not answer, grouped by what they mean. What most people asked comes first.")
    shown = found if st.session_state.get("material_all_gaps") else found[:FIRST]
    for gap in shown:
        _gap(dojo, gap)
    if len(found) > FIRST:
        st.toggle(f"Show all {len(found)}", key="material_all_gaps")


def _gap(dojo: Dojo, gap: Gap) -> None:
    group, key = gap.group, gap.group.keys[0]
    with st.container(border=True, key=f"material_gap_{key}", gap="small"):
        st.markdown(f"##### {one_line(group.question)}")
        st.caption(told(group))
        if len(group.wordings) > 1:
            others = [one for one in group.wordings if one.question != group.question]
            st.markdown("\n".join(f"- {literal(one.question)}{_times(one.times)}" for one in others[:4]))
            if len(others) > 4:
                st.caption(f"and {counted(len(others) - 4, 'more wording')}.")
        if gap.nearest is not None:
            where = citations.label_of(gap.nearest.heading, gap.nearest.title, gap.nearest.kind)
            st.page_link(
                citations.BOOK,
                label=f"Nearest: {one_line(where)}",
                icon=":material/menu_book:",
                query_params=citations.address(gap.nearest.id),
            )
        _stub(gap)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                "app_pages/ask.py", label="Ask it again", icon=":material/forum:", query_params={"q": group.question}
            )
            resolving(dojo, "gap", group.keys)


def _times(times: int) -> str:
    return f" :small[:gray[× {times}]]" if times > 1 else ""


def told(group: Group) -> str:
    """How often a group was asked, by how many, and when last."""
    noted = f", {counted(group.noted, 'learner')} noted it as a gap" if group.noted else ""
    return (
        f"asked {counted(group.asked, 'time')} by {counted(group.askers, 'learner')}{noted} · last {day(group.last_at)}"
    )


def _stub(gap: Gap) -> None:
    stub = gap.stub
    with st.expander("What to add", icon=":material/edit_note:", key=f"material_stub_{gap.group.keys[0]}"):
        st.markdown(f"A fact in `{stub.facts_file}`")
        st.code(stub.fact, language="yaml", wrap_lines=True)
        under = f", under the heading *{literal(stub.heading)}*" if stub.heading else ""
        st.markdown(f"and a sentence in `{stub.page}`{under}")
        st.code(stub.sentence, language="markdown", wrap_lines=True)
        st.caption(
            "Then run `pgdojo check` and start pgdojo again: the questions are asked anew, and who asked is told."
        )
