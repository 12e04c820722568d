"""What a learner is told of an answer: the verdict, every why, the passage at its words, and what leads on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.course.items import Item, Scenario
from pgdojo.course.records import Passage
from pgdojo.quiz.grading import Line, way
from pgdojo.quiz.service import Feedback
from pgdojo.quiz.support import decisive
from pgdojo.web import citations
from pgdojo.web.labs import practise
from pgdojo.web.questions import mint
from pgdojo.web.quiz.words import inline, marks
from pgdojo.web.text import one_line, safe_markdown

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

ASK = "app_pages/ask.py"


def draw(dojo: Dojo, told: Feedback, key: str, *, leads_on: bool = True) -> None:
    """The feedback on one answer.

    Args:
        dojo: For the passages.
        told: What to tell.
        key: Prefix of the widgets' keys.
        leads_on: Whether to offer a next step and a dispute.
    """
    _verdict(told)
    if told.ending:
        st.markdown(safe_markdown(told.ending))
    _lines(told, key)
    for name, instead in told.misconceptions:
        with st.container(key=f"{key}_belief_{told.misconceptions.index((name, instead))}"):
            st.markdown(f":material/psychology_alt: **{inline(name)}?** {safe_markdown(instead)}")
    passages(dojo, told.item, key)
    if leads_on:
        _next(dojo, told, key)


def _verdict(told: Feedback) -> None:
    mark = told.marked.mark
    if told.marked.right:
        st.markdown(":green-badge[:material/check: Right]")
    elif mark > 0:
        st.markdown(f":orange-badge[:material/contrast: Partly right] {marks(mark)} of 1 mark")
    elif told.marked.blank:
        st.markdown(":gray-badge[:material/remove: Left blank]")
    elif told.sure_and_wrong:
        st.markdown(":red-badge[:material/priority_high: Sure, and not right] This one is worth a second look.")
    else:
        st.markdown(":orange-badge[:material/history_edu: Not yet]")


def _lines(told: Feedback, key: str) -> None:
    """What was taken and what is right are shown; the other options' reasons open with one tap."""
    placed = told.item.kind in {"ordering", "matching"}
    rest: list[Line] = []
    with st.container(key=f"{key}_lines", gap="small"):
        for ask, lines in _by_turn(told):
            if ask:
                st.caption(inline(ask))
            for line in lines:
                if placed or line.taken or line.right or not line.text:
                    draw_line(line)
                else:
                    rest.append(line)
    if rest:
        with st.expander("Why not the others", key=f"{key}_others"):
            for line in rest:
                draw_line(line)


def _by_turn(told: Feedback) -> Iterator[tuple[str, Sequence[Line]]]:
    """The lines below what each turn of an incident asked; all together where the stem asks."""
    lines, item = told.marked.lines, told.item
    if not isinstance(item, Scenario):
        yield "", lines
        return
    here = item.start
    for choice in way(item, told.response.given.get("path", ()))[0]:
        turn = item.turn(here)
        offered = len(turn.choices) if turn else 0
        yield turn.ask if turn else "", lines[:offered]
        lines, here = lines[offered:], choice.goto


def draw_line(line: Line) -> None:
    """One part of the feedback: the sign, what was offered, and why."""
    if not line.text:
        st.markdown(safe_markdown(line.why))
        return
    missed = line.taken or line.instead
    sign = ":green[:material/check:]" if line.right else ":orange[:material/close:]" if missed else ":gray[–]"
    mine = " :small[(your answer)]" if line.taken else ""
    if line.instead:
        mine = f" :small[(yours: {inline(line.instead)})]"
    st.markdown(f"{sign} **{inline(line.text)}**{mine}  \n{safe_markdown(line.why)}")


def passages(dojo: Dojo, item: Item, key: str) -> None:
    """The passages that an item rests on: the first open at its words, the others as chips."""
    found: Sequence[Passage] = [passage for name in item.cites if (passage := dojo.quizzes.find(name))]
    if not found:
        return
    with st.container(border=True, gap="small", key=f"{key}_passage"):
        _passage(found[0], item, f"{key}_0")
    if found[1:]:
        with st.container(horizontal=True, gap="small", key=f"{key}_chips"):
            for number, passage in enumerate(found[1:], 1):
                where = one_line(citations.label_of(passage.heading, passage.title, passage.kind))
                label = f"{number + 1} · {where}"  # several facts may be about the same
                with (
                    st.popover(label, type="tertiary", key=f"{key}_chip_{number}"),
                    st.container(width=citations.WIDTH),
                ):
                    _passage(passage, item, f"{key}_{number}")


def _passage(passage: Passage, item: Item, key: str) -> None:
    span = decisive(passage, item)
    st.caption(one_line(citations.label_of(passage.heading, passage.title, passage.kind)))
    st.markdown(citations.surroundings(passage, span.start, span.end), anchors=False)
    citations.provenance(passage)
    with st.container(key=f"{key}_open_links"):
        st.page_link(
            citations.BOOK,
            label="Open in the book",
            icon=":material/menu_book:",
            query_params=citations.address(passage.id, span.start, span.end),
        )


def _next(dojo: Dojo, told: Feedback, key: str) -> None:
    question = question_about(dojo, told.item)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key=f"{key}_next_links"):
        if question:
            st.page_link(ASK, label="Ask about it", icon=":material/forum:", query_params={"q": question})
        _dispute(dojo, told, key)
    practise.links(dojo, told.item.cites, key)


def question_about(dojo: Dojo, item: Item) -> str:
    """A question that the passage of an item is known to answer; empty where its author wrote none."""
    found = (passage for name in item.cites if (passage := dojo.quizzes.find(name)))
    return next((passage.asks[0] for passage in found if passage.asks), "")


def _dispute(dojo: Dojo, told: Feedback, key: str) -> None:
    sent = f"{key}_disputed"
    if st.session_state.get(sent):
        st.caption(":material/check: Noted. The authors see your answer beside the passage.")
        return
    st.session_state.setdefault(f"{key}_dispute_key", mint())

    def store() -> None:
        words = st.session_state.get(f"{key}_words") or ""
        dojo.quizzes.dispute(st.session_state[f"{key}_dispute_key"], told.response, words)
        st.session_state[sent] = True

    with st.popover("This question is wrong", type="tertiary", icon=":material/flag:", key=f"{key}_dispute"):
        st.text_area("What is wrong?", key=f"{key}_words", max_chars=1000, placeholder="The passage says …")
        st.button("Tell the authors", key=f"{key}_tell", on_click=store)
