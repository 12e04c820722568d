"""The result of a sitting: the score, what was sure and wrong, what to read, and when it comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.course.records import Passage
from pgdojo.quiz.service import Feedback, Progress, Result
from pgdojo.web import citations
from pgdojo.web.identity import me
from pgdojo.web.quiz import charts, feedback
from pgdojo.web.quiz.words import MODES, in_days, inline, marks, topic
from pgdojo.web.text import counted, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

PATH, QUIZ, REVIEW = "app_pages/path.py", "app_pages/quiz.py", "app_pages/review.py"
MOST_TO_READ = 6


def draw(dojo: Dojo, progress: Progress) -> None:
    """Everything on a sitting that has ended."""
    result = dojo.quizzes.result(progress)
    _score(result)
    module = progress.sitting.plan.get("module", "")
    if module:
        _gate(dojo, module)
    with st.container(horizontal=True, gap="small", key="quiz_after_links"):
        if module or progress.sitting.mode == "placement":
            st.page_link(PATH, label="Back to your path", icon=":material/route:")
        st.page_link(QUIZ, label="Another sitting", icon=":material/replay:", query_params={"new": "1"})
        st.page_link(REVIEW, label="What comes back, and when", icon=":material/event_repeat:")
    if len(result.by_topic) > 1:
        st.subheader(_finding(result), anchor=False)
        charts.topics(result.by_topic, "quiz_topics")
    _to_read(dojo, result)
    if result.feedback:
        _answers(dojo, result)


def _score(result: Result) -> None:
    progress = result.progress
    earned = result.earned
    st.title(f"{marks(earned)} of {counted(progress.total, 'mark')}", anchor=False)
    told = [MODES[progress.sitting.mode], f"{result.score:.0%}"]
    if len(progress.responses) < progress.total:
        told.append(f"{progress.total - len(progress.responses)} not answered")
    st.caption(" · ".join(told))
    if result.passed is not None:
        badge = (
            ":green-badge[:material/check: Passed]"
            if result.passed
            else ":orange-badge[:material/history_edu: Not yet]"
        )
        st.markdown(f"{badge} The pass mark is 80 %.")
    sure = sum(told.sure_and_wrong for told in result.feedback)
    if sure:
        said = "was sure and not right: it stands" if sure == 1 else "were sure and not right: they stand"
        st.markdown(f":red-badge[:material/priority_high: {sure}] {said} first below.")


def _gate(dojo: Dojo, module: str) -> None:
    """Whether the quizzes on a module, the best of which counts, open what comes after it."""
    one = next((one for one in dojo.pathfinder.progress(me()).modules if one.module.id == module), None)
    if one is None:
        return
    title = one_line(one.module.title)
    if one.gate_passed:
        st.markdown(f":green-badge[:material/check: Gate passed] What comes after “{title}” is open.")
        return
    best = f" Your best is {int(one.gate_best * 100)}%." if one.gate_best is not None else ""
    st.markdown(
        f":orange-badge[:material/history_edu: Not yet] {one.module.gate.pass_mark:.0%} right opens what comes after "
        f"“{title}”.{best}"
    )


def _finding(result: Result) -> str:
    weakest = min(result.by_topic, key=lambda name: result.by_topic[name][0])
    share, _ = result.by_topic[weakest]
    return "All topics in full" if share >= 1 else f"{topic(weakest)} has most left to learn"


def _to_read(dojo: Dojo, result: Result) -> None:
    by_label: dict[str, Passage] = {}
    for passage in (found for name in result.to_read if (found := dojo.quizzes.find(name))):
        by_label.setdefault(one_line(citations.label_of(passage.heading, passage.title, passage.kind)), passage)
    if not by_label:
        return
    st.subheader("What to read", anchor=False)
    with st.container(gap="xsmall", key="quiz_read_links"):
        for number, (label, passage) in enumerate(list(by_label.items())[:MOST_TO_READ]):
            st.page_link(
                citations.BOOK,
                label=label,
                icon=":material/menu_book:",
                query_params={"passage": passage.id, "near": str(number)},
            )


def _answers(dojo: Dojo, result: Result) -> None:
    st.subheader(counted(len(result.feedback), "answer"), anchor=False)
    memories = dojo.quizzes.schedule(me()).memories
    now = datetime.now(UTC)
    for number, told in enumerate(result.feedback):
        key = f"quiz_told_{number}"
        opened = st.expander(f"{_sign(told)} {_short(told.item.stem)}", key=key, on_change="rerun")
        if opened.open:
            with opened:
                st.markdown(inline(told.item.stem))
                feedback.draw(dojo, told, f"quiz_{told.response.key}")
                memory = memories.get(told.item.objective)
                if memory:
                    objective = dojo.quizzes.quizzes.objectives[told.item.objective].objective
                    st.caption(f"*{inline(objective)}* comes back {in_days(memory.due, now)}.")


def _sign(told: Feedback) -> str:
    if told.marked.right:
        return ":green[:material/check:]"
    return ":red[:material/priority_high:]" if told.sure_and_wrong else ":orange[:material/close:]"


def _short(stem: str, most: int = 90) -> str:
    text = " ".join(stem.split())
    return inline(
        text if len(text) <= most else text[:most].rsplit(" ", 1)[0].replace("`", "").replace("**", "") + " …"
    )
