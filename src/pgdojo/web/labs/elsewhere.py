"""A lab on a team's server, which runs none: its steps, how far one is, and the commands for one's own machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.course.lab_records import Lab
from pgdojo.web.identity import me
from pgdojo.web.labs import words
from pgdojo.web.quiz.words import inline
from pgdojo.web.text import counted, literal, one_line, safe_markdown

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.lab.runner import StepState


def draw(dojo: Dojo, lab: Lab) -> None:
    """How the lab is begun on the learner's machine, and its steps with what was found there."""
    states = dojo.labs.steps(me(), lab.id)
    passed = sum(state.status == "passed" for state in states)
    with st.container(border=True, key="lab_elsewhere"):
        st.markdown("**You do this lab on your own machine.** This server runs none of it, and none of your SQL.")
        st.code(
            f"pgdojo lab start {lab.id}\npgdojo lab shell {lab.id}\npgdojo lab check {lab.id}",
            language="bash",
            wrap_lines=True,
        )
        st.caption(
            "With PGDOJO_TEAM_URL and PGDOJO_TOKEN set there, each check tells this server what it found. "
            "The page You makes a token."
        )
    st.progress(passed / len(states), text=f"{passed} of {counted(len(states), 'step')} passed")
    for number, state in enumerate(states, 1):
        _step(dojo, number, state)


def _step(dojo: Dojo, number: int, state: StepState) -> None:
    step = state.step
    mark = ":green[:material/check_circle:] " if state.status == "passed" else ""
    with st.expander(f"{mark}**{number} · {one_line(step.title)}**", key=f"lab_elsewhere_{step.id}"):
        st.caption(inline(step.why))
        st.markdown(safe_markdown(step.do), anchors=False)
        for command in step.commands:
            if command.says:
                st.markdown(f":small[{inline(command.says)}]")
            st.code(command.run, language=command.language, wrap_lines=True)
        if state.finding is not None:
            st.markdown(f"{words.BADGES[state.finding.status]} {literal(state.finding.say)}")
        words.passages(dojo, step.cites, f"lab_rests_{step.id}", "Rests on")
