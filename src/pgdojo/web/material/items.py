"""How good the questions of the quizzes are, by everybody's first answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.quiz.analysis import FEW
from pgdojo.web import citations
from pgdojo.web.quiz.words import inline
from pgdojo.web.text import counted, literal

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.quiz.analysis import Health

FIRST = 20


def draw(dojo: Dojo, found: list[Health]) -> None:
    """The items with a flag, then all of them as a table."""
    if not found:
        st.info(f"No question has {FEW} first answers yet; below that a share says nothing.", icon=":material/info:")
        return
    flagged = [one for one in found if one.flags]
    st.caption(
        f"First answers alone, and only of questions with at least {FEW}. Facility is the mean mark; discrimination "
        "says whether those who do well elsewhere do well here."
    )
    if not flagged:
        st.info("No question stands out.", icon=":material/check:")
    for one in flagged[:FIRST]:
        _flagged(dojo, one)
    _table(found)


def _flagged(dojo: Dojo, one: Health) -> None:
    item = dojo.material.item(one.item)
    with st.container(border=True, key=f"material_item_{one.item}", gap="small"):
        st.markdown(f"##### {inline(item.stem) if item else literal(one.item)}")
        for flag in one.flags:
            st.markdown(f":orange[:material/flag:] {literal(flag)}")
        st.caption(f"`{one.item}` · {_figures(one)}")
        if item and item.cites and dojo.passage(item.cites[0]) is not None:
            st.page_link(
                citations.BOOK,
                label="The passage it rests on",
                icon=":material/menu_book:",
                query_params=citations.address(item.cites[0]),
            )


def _figures(one: Health) -> str:
    told = [counted(one.answers, "first answer"), f"facility {one.facility:.2f}"]
    if one.discrimination is not None:
        told.append(f"discrimination {one.discrimination:+.2f}")
    told.append(f"sure and wrong {one.sure_and_wrong:.0%}")
    return " · ".join(told)


def _table(found: list[Health]) -> None:
    with st.expander(f"All {counted(len(found), 'question')} with figures", key="material_items_all"):
        st.dataframe(
            {
                "Question": [one.item for one in found],
                "Answers": [one.answers for one in found],
                "Facility": [round(one.facility, 2) for one in found],
                "Discrimination": [
                    None if one.discrimination is None else round(one.discrimination, 2) for one in found
                ],
                "Sure and wrong": [round(one.sure_and_wrong, 2) for one in found],
                "Seconds": [round(one.median_seconds) for one in found],
            },
            hide_index=True,
            width="stretch",
        )
