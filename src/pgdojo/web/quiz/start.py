"""Where a sitting begins: what to practise, how, and what the last ones were worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.errors import UsageError
from pgdojo.learner.records import Mode
from pgdojo.quiz.selection import PLACEMENT
from pgdojo.quiz.service import Progress
from pgdojo.web.identity import me
from pgdojo.web.questions import mint
from pgdojo.web.quiz import charts
from pgdojo.web.quiz.words import MODES, topic
from pgdojo.web.text import counted, day

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

QUIZ = "app_pages/quiz.py"
_MODES: tuple[Mode, ...] = ("practice", "exam", "placement")
_SAYS: dict[Mode, str] = {
    "practice": "Feedback after each answer, as often as you like.",
    "exam": "Feedback at the end. You pass with 80 % of the marks, and Ask is closed meanwhile.",
    "placement": f"{PLACEMENT} questions over all topics, harder after a right answer, to find where to begin.",
}
_COUNTS = (5, 10, 20)
_LIMITS = {0: "No limit", 10: "10 min", 20: "20 min", 30: "30 min"}
_SHOWN = 10


def draw(dojo: Dojo) -> None:
    """The choice of a sitting, and the history below it."""
    quizmaster = dojo.quizzes
    st.title("Quiz", anchor=False)
    if not quizmaster.items:
        st.info("This course has no quiz yet. Its author writes one below quizzes/.", icon=":material/info:")
        return
    st.caption(
        f"{counted(len(quizmaster.items), 'question')} on {counted(len(quizmaster.topics()), 'topic')}. Each answer "
        "says why, and opens the words it rests on."
    )
    under_way = quizmaster.under_way(me())
    if under_way:
        _resume(under_way)
    _choice(dojo, main=under_way is None)
    _history(dojo)


def of_module(dojo: Dojo, module: str) -> str:
    """Begin the quiz of a module of the path, or take up the one that was begun; returns its sitting.

    Raises:
        UsageError: There is no such module, or nothing to ask on it.
    """
    begun = dojo.quizzes.under_way(me())
    if begun and begun.sitting.plan.get("module") == module:
        return begun.sitting.key
    return dojo.pathfinder.start_quiz(mint(), me(), module).key


def _resume(progress: Progress) -> None:
    with st.container(border=True, key="quiz_resume"):
        name = MODES[progress.sitting.mode]
        st.markdown(
            f"**{name}**, begun {day(progress.sitting.started_at)}: question {progress.place + 1} of {progress.total}"
        )
        st.button("Go on", type="primary", key="quiz_go_on", on_click=_open, args=(progress.sitting.key,))


def _open(sitting: str) -> None:
    st.query_params.clear()
    st.query_params["s"] = sitting


def _choice(dojo: Dojo, *, main: bool) -> None:
    st.session_state.setdefault("quiz_key", mint())
    mode: Mode = (
        st.segmented_control(
            "Kind of sitting",
            _MODES,
            default="practice",
            required=True,
            format_func=lambda name: MODES[name],
            key="quiz_mode",
            label_visibility="collapsed",
        )
        or "practice"
    )
    st.caption(_SAYS[mode])
    if mode != "placement":
        known = dojo.quizzes.topics()
        st.pills(
            "Topics",
            list(known),
            selection_mode="multi",
            format_func=lambda name: f"{topic(name)} · {known[name]}",
            key="quiz_topics_chosen",
            help="None chosen means all of them.",
        )
        with st.container(horizontal=True, gap="large", key="quiz_size"):
            st.segmented_control("Questions", _COUNTS, default=10, required=True, key="quiz_count")
            if mode == "exam":
                st.segmented_control(
                    "Time limit",
                    list(_LIMITS),
                    default=0,
                    required=True,
                    format_func=lambda minutes: _LIMITS[minutes],
                    key="quiz_minutes",
                )
    st.button("Start", type="primary" if main else "secondary", key="quiz_start", on_click=_start, args=(dojo, mode))
    if sorry := st.session_state.pop("quiz_sorry", ""):
        st.info(sorry, icon=":material/info:")


def _start(dojo: Dojo, mode: Mode) -> None:
    held = st.session_state
    try:
        sitting = dojo.quizzes.start(
            held["quiz_key"],
            me(),
            mode,
            topics=tuple(held.get("quiz_topics_chosen") or ()),
            count=held.get("quiz_count") or 10,
            minutes=(held.get("quiz_minutes") or None) if mode == "exam" else None,
        )
    except UsageError as cause:
        held["quiz_sorry"] = str(cause)
        return
    del held["quiz_key"]
    _open(sitting.key)


def _history(dojo: Dojo) -> None:
    """The sittings that have ended, as a picture and as a list."""
    ended = []
    for sitting in dojo.quizzes.journal.sittings(me())[: _SHOWN + 1]:
        progress = dojo.quizzes.progress(me(), sitting.key)
        if progress.finished and progress.responses:
            ended.append(progress)
    if not ended:
        return
    ended = ended[:_SHOWN]
    scores = [sum(response.mark for response in one.responses) / one.total for one in ended]
    st.subheader(_finding(scores), anchor=False)
    if len(ended) > 1:
        rows = [
            (one.sitting.started_at, score, MODES[one.sitting.mode]) for one, score in zip(ended, scores, strict=True)
        ]
        charts.scores(rows[::-1], "quiz_scores")
    with st.container(gap="xsmall", key="quiz_history_links"):
        for one, score in zip(ended, scores, strict=True):
            told = (
                day(one.sitting.started_at),
                MODES[one.sitting.mode],
                f"{score:.0%} of {counted(one.total, 'mark')}",
            )
            label = " · ".join(told)
            st.page_link(QUIZ, label=label, icon=":material/fact_check:", query_params={"s": one.sitting.key})


def _finding(scores: list[float]) -> str:
    """What the last sittings say, as a title."""
    if len(scores) < 2:
        return f"Your first sitting brought {scores[0]:.0%}"
    change = scores[0] - scores[1]
    if abs(change) < 0.05:
        return f"{scores[0]:.0%}, much as the time before"
    return f"{scores[0]:.0%}, {'up' if change > 0 else 'down'} from {scores[1]:.0%}"
