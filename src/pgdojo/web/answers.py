"""Drawing one turn of a conversation: the question, its answer or refusal, and what one can do with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import streamlit as st

from pgdojo.ask.records import Answer, Refusal, Row, Sentence
from pgdojo.learner.records import Feedback
from pgdojo.web import citations, questions
from pgdojo.web.identity import me
from pgdojo.web.labs import practise
from pgdojo.web.text import counted, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

QUIZ_ITEMS = 5
"""Most questions of a quiz on one answer."""

STREAMING = 0.35
"""Seconds that an answer's words take to appear, however many they are."""

Submit: TypeAlias = Callable[..., None]
"""Called with a question, and with `stands_alone=True` where the turns before it are to be left out."""


def draw_question(question: str, key: str) -> None:
    """The question as the heading of its turn, exactly as it was typed."""
    with st.container(key=f"ask_question_{key}"):
        st.subheader(one_line(question), anchor=f"q-{key[:8]}")


def draw_answer(dojo: Dojo, answer: Answer, key: str, *, stream: bool = False) -> None:
    """The answer with its citations, or the refusal."""
    if answer.refusal is not None:
        _refusal(dojo, answer, answer.refusal, key)
        return
    now = [sentence for sentence in answer.sentences if sentence.role == "now"]
    prose = " ".join(([f"**{literal(answer.lead)}**"] if answer.lead else []) + [_cited(answer, one) for one in now])
    if prose and stream:
        st.write_stream(_words(prose))
    elif prose:
        st.markdown(prose, anchors=False)
    if answer.table:
        _comparison(answer, answer.table, key)
    then = [sentence for sentence in answer.sentences if sentence.role == "then"]
    if then:
        with st.container(key=f"ask_then_{key}", gap="xsmall"):
            st.markdown(":orange[:material/history: **Changed since the notes**]")
            for sentence in then:
                st.markdown(_cited(answer, sentence))
    citations.chips(dojo, answer.citations, f"ask_{key}")


def _words(prose: str) -> Iterator[str]:
    """The words of `prose`, a few at a time, with each link in one piece."""
    words = prose.split(" ")
    step = max(1, len(words) // 16)
    for first in range(0, len(words), step):
        yield " ".join(words[first : first + step]) + " "
        time.sleep(STREAMING * step / len(words))


def _numbers(answer: Answer, sentence: Sentence) -> str:
    return "".join(citations.number_of(answer.citation(n)) for n in sentence.citations)


def _cited(answer: Answer, sentence: Sentence) -> str:
    return f"{literal(sentence.text)} {_numbers(answer, sentence)}"


def _comparison(answer: Answer, rows: tuple[Row, ...], key: str) -> None:
    """One column a subject, which stand below one another on a phone."""
    columns = st.grid(len(rows), border=True, min_column_width=220, key=f"ask_table_{key}")
    for row in rows:
        with columns.cell():
            st.markdown(f"**{literal(row.subject)}**")
            for sentence in row.cells:
                st.markdown(_cited(answer, sentence))
            if not row.cells:
                st.caption("The material does not say.")


def _refusal(dojo: Dojo, answer: Answer, refusal: Refusal, key: str) -> None:
    st.markdown(literal(refusal.message))
    if refusal.nearest and refusal.kind != "out_of_scope":
        with st.container(key=f"ask_nearest_{key}_links", gap="xsmall"):
            st.caption("Nearest in the material")
            for position, heading in enumerate(refusal.nearest):
                st.page_link(
                    citations.BOOK,
                    label=one_line(citations.nearest_label(heading)),
                    icon=":material/menu_book:",
                    query_params={"passage": heading.passage_id, "near": str(position)},
                )
    if refusal.kind == "not_in_material":
        _gap(dojo, answer, key)


def _gap(dojo: Dojo, answer: Answer, key: str) -> None:
    noted = f"ask_noted_{key}"
    if noted not in st.session_state:
        st.session_state[noted] = questions.is_gap_noted(dojo, key, learner=me())
    if st.session_state[noted]:
        st.caption(":material/check: Noted for the authors of this course.")
        return

    def note() -> None:
        questions.note_gap(dojo, key, answer, learner=me())
        st.session_state[noted] = True

    st.button(
        "Note this gap",
        key=f"ask_gap_{key}",
        icon=":material/bookmark_add:",
        on_click=note,
        help="The authors see which questions the material leaves open.",
    )


def draw_searched(answer: Answer, key: str, submit: Submit) -> None:
    """What was searched for, where that is not what was typed, with a way to correct it."""
    if not answer.rewritten:
        return
    field = f"ask_reword_{key}"

    def again() -> None:
        if worded := st.session_state[field].strip():
            submit(worded, stands_alone=True)

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"ask_searched_{key}"):
        st.caption(f"Searched for: {literal(answer.standalone)}", width="content")
        with st.popover("Edit", type="tertiary", icon=":material/edit:", key=f"ask_edit_{key}"):
            st.text_input("Search for", value=answer.standalone, key=field, max_chars=questions.MAX_QUESTION)
            st.button("Search again", key=f"ask_again_{key}", type="primary", on_click=again)


def draw_verdict(dojo: Dojo, answer: Answer, key: str, given: Feedback | None) -> None:
    """How sure the answer is, thumbs, and one tap of reason after a thumb down."""
    if answer.refused:
        return
    thumbs, reasons = f"ask_thumbs_{key}", f"ask_reason_{key}"
    if given is not None and thumbs not in st.session_state:
        st.session_state[thumbs] = int(given.helpful)
        st.session_state[reasons] = given.reason if given.reason in questions.REASONS else None

    def store() -> None:
        helpful = st.session_state.get(thumbs)
        if helpful is not None:
            dojo.journal.record_feedback(
                questions.mint(),
                learner=me(),
                turn=key,
                helpful=bool(helpful),
                reason="" if helpful else st.session_state.get(reasons) or "",
            )

    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key=f"ask_verdict_{key}"):
        st.feedback("thumbs", key=thumbs, on_change=store)
        st.caption(_sureness(answer.confidence), width="content", help=_sureness_help(answer.confidence))
    if st.session_state.get(thumbs) == 0:
        st.pills("What was wrong?", questions.REASONS, key=reasons, on_change=store)


def _sureness(confidence: float) -> str:
    if confidence >= 0.85:
        return "Well covered by the material"
    return "Covered by the material" if confidence >= 0.6 else "Thinly covered: open the citations"


def _sureness_help(confidence: float) -> str:
    return f"The material answers this with a probability of {confidence:.0%}."


def draw_quiz(dojo: Dojo, answer: Answer, key: str) -> None:
    """The way to a quiz on what was answered, where items rest on the passages it cites."""
    items = dojo.quizzes.items_citing([citation.passage_id for citation in answer.citations])[:QUIZ_ITEMS]
    if not items:
        return

    label = f"Quiz me on this · {counted(len(items), 'question')}"
    if st.button(label, key=f"ask_quiz_{key}", icon=":material/quiz:"):
        sitting = dojo.quizzes.start(f"{key[:24]}-quiz", me(), "practice", items=items, count=QUIZ_ITEMS)
        st.switch_page("app_pages/quiz.py", query_params={"s": sitting.key})


def draw_practise(dojo: Dojo, answer: Answer, key: str) -> None:
    """The way to the labs that practise what was answered."""
    practise.links(dojo, [citation.passage_id for citation in answer.citations], f"ask_{key}")


def draw_next(answer: Answer, key: str, submit: Submit) -> None:
    """Up to three questions that lead on, one tap each."""
    options = answer.next_questions[:3]
    name = f"ask_next_{key}"

    def ask() -> None:
        if chosen := st.session_state.get(name):
            submit(chosen)

    if options:
        st.pills("Ask next", options, key=name, on_change=ask, format_func=one_line, label_visibility="collapsed")
