"""Answers that did not help, and items that a learner called wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.ask.records import Answer
from pgdojo.quiz.grading import grade
from pgdojo.web import answers, citations
from pgdojo.web.material.resolving import resolving
from pgdojo.web.quiz.feedback import draw_line
from pgdojo.web.quiz.words import inline
from pgdojo.web.text import day, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.learner.material_journal import Unhelpful
    from pgdojo.team.material import Disputed

FIRST = 20
"""Of each kind that are drawn; the latest matter most."""


def draw_thumbs(dojo: Dojo, found: list[Unhelpful]) -> None:
    """Answers that did not help, the latest first."""
    if not found:
        st.info("No answer waits to be looked at.", icon=":material/check:")
        return
    st.caption("Answers that their readers said did not help. Who asked is not shown.")
    for one in found[:FIRST]:
        _thumb(dojo, one)


def _thumb(dojo: Dojo, one: Unhelpful) -> None:
    answer = Answer.from_plain(one.answer)
    with st.container(border=True, key=f"material_thumb_{one.turn}", gap="small"):
        st.markdown(f"##### {one_line(one.question)}")
        st.caption(f"{literal(one.reason) or 'no reason given'} · {day(one.given_at)}")
        if answer.refusal is not None:
            st.markdown(literal(answer.refusal.message))
        else:
            answers.draw_answer(dojo, answer, f"material_{one.turn}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                "app_pages/ask.py", label="Ask it again", icon=":material/forum:", query_params={"q": one.question}
            )
            resolving(dojo, "thumb", (one.turn,))


def draw_disputes(dojo: Dojo, found: list[Disputed]) -> None:
    """Items that a learner called wrong, the latest first."""
    if not found:
        st.info("No question of the quizzes is in dispute.", icon=":material/check:")
        return
    st.caption("Questions of the quizzes that a learner called wrong, with their reason and the passage they rest on.")
    for one in found[:FIRST]:
        _dispute(dojo, one)


def _dispute(dojo: Dojo, one: Disputed) -> None:
    dispute, item = one.dispute, one.item
    with st.container(border=True, key=f"material_dispute_{dispute.attempt}", gap="small"):
        st.markdown(f"##### {inline(item.stem) if item else literal(dispute.item)}")
        st.caption(f"`{dispute.item}` · revision {dispute.rev} · {day(dispute.disputed_at)}")
        st.markdown(f"> {one_line(dispute.words)}" if dispute.words else "> :gray[without a reason]")
        if item is None:
            st.caption("The course has this question no more.")
        elif item.rev != dispute.rev:
            st.caption(f"The question stands at revision {item.rev} now.")
        else:
            for line in grade(item, dispute.given).lines:
                if line.taken or line.right:
                    draw_line(line)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if dojo.passage(dispute.passage) is not None:
                st.page_link(
                    citations.BOOK,
                    label="The passage it rests on",
                    icon=":material/menu_book:",
                    query_params=citations.address(dispute.passage),
                )
            resolving(dojo, "dispute", (dispute.attempt,))
