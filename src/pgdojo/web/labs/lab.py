"""One lab: what it practises, its servers, its steps, and the two questions at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.course.lab_records import Lab
from pgdojo.web.identity import me
from pgdojo.web.labs import acts, catalogue, console, elsewhere, plot, words
from pgdojo.web.labs.bench import bench
from pgdojo.web.labs.practise import LABS
from pgdojo.web.labs.steps import Steps, waiting
from pgdojo.web.questions import mint
from pgdojo.web.quiz.words import inline, topic
from pgdojo.web.text import counted, literal, one_line, safe_markdown

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.lab.runner import Entry, StepState
    from pgdojo.lab.sandbox import Sandbox

QUIZ = "app_pages/quiz.py"


def draw(dojo: Dojo, entry: Entry) -> None:
    """The lab of `entry`, from its first word to its debrief."""
    lab = entry.lab
    with st.container(key="lab_back_links"):
        st.page_link(LABS, label="All labs", icon=":material/arrow_back:", query_params={"all": "1"})
    st.title(one_line(lab.title), anchor=False)
    st.markdown(safe_markdown(lab.summary))
    st.caption(f"{topic(lab.topic)} · {lab.level} · {counted(lab.minutes, 'minute')}")
    if dojo.labs.for_team:
        elsewhere.draw(dojo, lab)
        return
    job = bench().job(lab.id)
    sandbox = None if job and job.place == acts.WHOLE else dojo.labs.sandbox(lab.id)
    if job and job.place == acts.WHOLE:
        _starting(lab)
    elif sandbox is None:
        _before(dojo, entry)
    else:
        _running(dojo, lab, sandbox)


def _starting(lab: Lab) -> None:
    with st.container(border=True, key="lab_starting"):
        waiting(lab.id)
        st.caption("Real servers of PostgreSQL on this machine alone; they end with pgdojo.")


def _told(lab: Lab) -> None:
    told = bench().told(lab.id, acts.WHOLE)
    if told is not None:
        st.info(literal(told.said), icon=":material/info:")


def _before(dojo: Dojo, entry: Entry) -> None:
    """What the lab practises and how it starts, or the one command that it still needs."""
    lab = entry.lab
    _told(lab)
    if entry.missing:
        catalogue.needs(entry)
    else:
        label = "Start" if entry.state == "new" else "Start again" if entry.state == "done" else "Go on"
        st.button(
            label,
            key=f"lab_start_{lab.id}",
            type="primary",
            icon=":material/play_arrow:",
            on_click=acts.start,
            args=(dojo, lab.id, mint()),
        )
        st.caption(_servers(lab))
    with st.container(gap="xsmall", key="lab_outline"):
        st.subheader("What you will do", anchor=False)
        for number, step in enumerate(lab.steps, 1):
            st.markdown(f"{number} · {one_line(step.title)}  \n:gray[{inline(step.why)}]")
    st.subheader("What it rests on", anchor=False)
    words.passages(dojo, lab.cites, "lab_cites")


def _servers(lab: Lab) -> str:
    if "aws" in lab.needs:
        return "Starts the AWS API on this machine, with servers of PostgreSQL behind it. Nothing reaches AWS."
    names = ", ".join(server.name for server in lab.sandbox.servers)
    return f"Starts {counted(len(lab.sandbox.servers), 'server')} of PostgreSQL on this machine: {names}."


def _running(dojo: Dojo, lab: Lab, sandbox: Sandbox) -> None:
    _controls(dojo, lab)
    _told(lab)
    states = dojo.labs.steps(me(), lab.id)
    _behind(lab, sandbox)
    passed = sum(state.status == "passed" for state in states)
    st.progress(passed / len(states), text=f"{passed} of {counted(len(states), 'step')} passed")
    drawn = Steps(dojo, lab, sandbox, states)
    drawn.draw("passed")
    if not any(state.status == "open" for state in states):
        _debrief(dojo, lab, states)
    drawn.draw("open", "reading")
    plot.draw(sandbox, "lab_plot")
    console.draw(sandbox)
    with st.container(key="lab_later", gap="xsmall"):
        drawn.draw("waiting")


def _behind(lab: Lab, sandbox: Sandbox) -> None:
    """On new servers, the way to where one was."""
    job, told = bench().job(lab.id), bench().told(lab.id, acts.WHOLE_AGAIN)
    if job is not None and job.place == acts.WHOLE_AGAIN:
        waiting(lab.id)
    elif bench().behind(lab.id):
        with st.container(border=True, gap="small", key="lab_behind"):
            if told is not None:
                st.markdown(f":material/info: {literal(told.said)}")
            st.markdown("These servers are new: what the steps that you passed have done is not on them.")
            st.button(
                "Do it again for me",
                key="lab_catch_up",
                disabled=job is not None,
                on_click=acts.catch_up,
                args=(sandbox, lab, mint()),
            )
    elif told is not None:
        st.caption(f":material/done: {literal(told.said)}")


def _controls(dojo: Dojo, lab: Lab) -> None:
    busy = bench().job(lab.id) is not None
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lab_controls"):
        st.markdown(":green-badge[:material/dns: Running]", width="content")
        st.button(
            "Stop",
            key="lab_stop",
            type="tertiary",
            icon=":material/stop_circle:",
            disabled=busy,
            on_click=acts.stop,
            args=(dojo, lab.id, mint()),
        )
        with st.popover("Reset", type="tertiary", icon=":material/restart_alt:", key="lab_reset", disabled=busy):
            st.markdown("The servers and everything on them are removed, and new ones started.")
            st.button("Reset the lab", key="lab_reset_really", on_click=acts.reset, args=(dojo, lab.id, mint()))


def _debrief(dojo: Dojo, lab: Lab, states: list[StepState]) -> None:
    """What is said when nothing is left to do, and the way to the questions that close the lab."""
    with st.container(border=True, key="lab_debrief"):
        if all(state.status == "passed" for state in states):
            st.markdown(":green-badge[:material/check: Done] **Every step is passed.**")
        else:
            st.markdown(":green-badge[:material/check: Done] **Every step that can be checked here is passed.**")
        items = [name for name in lab.debrief if name in dojo.quizzes.items]
        if not items:
            return
        st.markdown("What you have seen should hold when it is asked in other words.")
        key = st.session_state.setdefault(f"lab_debrief_key_{lab.id}", mint())
        label = f"Close with {counted(len(items), 'question')}"
        if st.button(label, key="lab_debrief_start", type="primary", icon=":material/quiz:"):
            sitting = dojo.quizzes.start(key, me(), "practice", items=items, count=len(items))
            st.switch_page(QUIZ, query_params={"s": sitting.key})
