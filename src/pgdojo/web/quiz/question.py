"""One question of a sitting, from its stem to the button that sends the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.course.sentences import sentence_spans
from pgdojo.errors import UsageError
from pgdojo.learner.records import Certainty
from pgdojo.quiz.grading import RULES
from pgdojo.quiz.service import Progress
from pgdojo.quiz.view import Question
from pgdojo.web.identity import me
from pgdojo.web.quiz import widgets
from pgdojo.web.quiz.words import CERTAINTIES, MODES, inline, topic
from pgdojo.web.text import safe_markdown

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

_TIME_LEFT_EVERY = 5


def header(dojo: Dojo, progress: Progress, item: str, place: int) -> None:
    """Where in the sitting one is, and how much time is left."""
    quizmaster = dojo.quizzes
    name = MODES[progress.sitting.mode]
    about = topic(quizmaster.quizzes.topic(quizmaster.quizzes.items[item]))
    st.progress(
        min(1.0, len(progress.responses) / progress.total),
        text=f"{name} · question {place + 1} of {progress.total} · {about}",
    )
    if progress.ends_at and not progress.finished:
        _time_left(dojo, progress.sitting.key, progress.ends_at)


@st.fragment(run_every=_TIME_LEFT_EVERY)  # type: ignore[untyped-decorator]  # Streamlit is read without types
def _time_left(dojo: Dojo, sitting: str, ends_at: datetime) -> None:
    left = (ends_at - datetime.now(UTC)).total_seconds()
    # For a few seconds after its end the sitting still takes an answer; until then a rerun would only come back here.
    if left <= 0 and dojo.quizzes.progress(me(), sitting).finished:
        st.rerun()
    told = f"{round(left / 60)} min left" if left > 90 else f"{int(left)} s left" if left > 0 else "Time is up"
    st.caption(f":material/timer: {told}")


def stem(text: str, *, asks: bool = True) -> None:
    """A stem: the situation as text, and what is asked, its last sentence, as the heading.

    Args:
        text: All of it.
        asks: Whether it asks at all; that of an incident only tells.
    """
    spans = sentence_spans(text)
    begin = len(text) if not asks else spans[-1].start if spans else 0
    with st.container(key="quiz_stem", gap="small"):
        if text[:begin].strip():
            st.markdown(safe_markdown(text[:begin]), anchors=False)
        if text[begin:].strip():
            st.subheader(inline(text[begin:]), anchor=False)


def draw(dojo: Dojo, progress: Progress, question: Question) -> None:
    """The question with its widgets; sending it stores the answer before anything else is drawn."""
    header(dojo, progress, question.attempt.item, progress.place)
    stem(question.stem, asks=question.kind != "scenario")
    if question.kind == "scenario":
        _incident(question)
    ended = question.kind == "scenario" and not question.parts
    with st.form(f"quiz_form_{question.attempt.key}_{question.turn}", border=False, enter_to_submit=True):
        if not ended:
            widgets.draw(question)
        deciding = question.kind == "scenario" and not ended
        if question.kind != "scenario":
            st.segmented_control(
                "How sure are you?",
                list(CERTAINTIES),
                format_func=lambda name: CERTAINTIES[name],
                key=widgets.key_of(question, "certainty"),
            )
        label = "Decide" if deciding else "See the debrief" if ended else "Answer"
        st.form_submit_button(
            label, type="primary", on_click=_decide if deciding else _send, args=(dojo, progress, question)
        )
    _said(question)
    _below(dojo, progress, question)


def _incident(question: Question) -> None:
    """What was done so far, what it led to, and what it has cost."""
    for step in question.past:
        with st.container(key=f"quiz_past_{question.past.index(step)}", gap=None):
            st.markdown(f"**{inline(step.id)}**")
            st.markdown(safe_markdown(step.text))
    if question.past:
        st.caption(
            f":material/timer_off: {question.minutes_down} min down · "
            f":material/delete_history: {question.minutes_lost} min of data lost"
        )
    if question.parts:
        st.subheader(inline(question.ask), anchor=False)
    else:
        st.markdown(safe_markdown(question.ask))


def _said(question: Question) -> None:
    """What keeps the answer from being sent, in words."""
    notice = st.session_state.get(_notice(question))
    if notice:
        st.caption(notice)
    if sorry := st.session_state.pop("quiz_sorry", ""):
        st.info(sorry, icon=":material/info:")


def _notice(question: Question) -> str:
    return widgets.key_of(question, "notice")


def _below(dojo: Dojo, progress: Progress, question: Question) -> None:
    """The hint, the rule of marking, and the way out."""
    with st.container(horizontal=True, gap="small", key="quiz_below"):
        if question.has_hint and not question.hint:
            st.button(
                "Hint",
                icon=":material/lightbulb:",
                type="tertiary",
                key=widgets.key_of(question, "hint"),
                on_click=lambda: dojo.quizzes.show_hint(me(), question.attempt.key),
                help="A right answer with a hint comes back sooner.",
            )
        with st.popover("How it is marked", type="tertiary", icon=":material/rule:"):
            st.markdown(RULES[question.kind])
        with st.popover("Stop", type="tertiary", icon=":material/stop_circle:"):
            st.markdown("What you answered stays. The rest of this sitting counts as not answered.")
            st.button(
                "End this sitting",
                key="quiz_end",
                on_click=lambda: dojo.quizzes.finish(me(), progress.sitting.key),
            )
    if question.hint:
        st.markdown(f":material/lightbulb: {safe_markdown(question.hint)}")


def _decide(dojo: Dojo, progress: Progress, question: Question) -> None:
    choice = st.session_state.get(widgets.key_of(question, "picked"))
    if not choice:
        st.session_state[_notice(question)] = "Choose what you do first."
        return
    dojo.quizzes.move(me(), question.attempt, question.turn, choice)
    _stay(progress)


def _send(dojo: Dojo, progress: Progress, question: Question) -> None:
    given = widgets.response(question, st.session_state)
    certainty: Certainty = st.session_state.get(widgets.key_of(question, "certainty")) or "unsaid"
    blank = not given and question.kind != "scenario"
    if blank and not st.session_state.get(_notice(question)):
        st.session_state[_notice(question)] = "Nothing is answered yet. Send it once more to leave it blank."
        return
    try:
        dojo.quizzes.answer(me(), question.attempt, given, certainty)
    except UsageError as cause:
        st.session_state["quiz_sorry"] = str(cause)
        return
    _stay(progress)
    if progress.sitting.mode != "exam":
        st.query_params["told"] = str(question.attempt.place)


def _stay(progress: Progress) -> None:
    st.query_params["s"] = progress.sitting.key
