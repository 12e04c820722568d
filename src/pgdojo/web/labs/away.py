"""A step of a lab that is done on an account, or checked by what is pasted: commands, and a place to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.course.lab_records import Lab, LabStep
from pgdojo.errors import LabError
from pgdojo.lab.real import Away
from pgdojo.web.identity import me
from pgdojo.web.labs.bench import bench
from pgdojo.web.questions import mint
from pgdojo.web.text import one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

MOST_PASTED = 200_000
"""Characters of the text area; a file goes through the terminal."""


def field(step: str) -> str:
    """The key of a step's text area."""
    return f"lab_paste_{step}"


def to_copy(step: LabStep) -> None:
    """In place of a step's buttons, what the learner runs: pgdojo writes to no account."""
    from pgdojo.lab.real.commands import to_copy

    for action in step.actions:
        try:
            text, language = to_copy(action)
        except LabError as cause:
            text, language = str(cause), "text"
        st.markdown(f":small[{one_line(action.label)}]")
        if language:
            st.code(text, language=language, wrap_lines=True)
        else:
            st.caption("Only where the lab runs on this machine.")


def pastes(sandbox: object, step: LabStep) -> bool:
    """Whether a step is checked by what is pasted."""
    asks = any(check.kind == "aws" for check in step.checks)
    return isinstance(sandbox, Away) and sandbox.mode == "paste" and asks


def area(dojo: Dojo, lab: Lab, step: LabStep, *, main: bool, busy: bool) -> None:
    """The commands whose output is asked for, a place for it, and the button that checks it."""
    from pgdojo.lab.real.paste import asking

    commands = dict.fromkeys(asking(check.call, check.params) for check in step.checks if check.kind == "aws")
    st.markdown(":small[Run this where you reach AWS, and paste what it prints, one answer below the other.]")
    st.code("\n".join(commands), language="bash", wrap_lines=True)
    with st.form(f"lab_paste_form_{step.id}", border=False):
        st.text_area("JSON of the AWS CLI", key=field(step.id), height=140, max_chars=MOST_PASTED)
        st.form_submit_button(
            "Check what is pasted",
            key=f"lab_paste_check_{step.id}",
            type="primary" if main else "secondary",
            icon=":material/content_paste_go:",
            disabled=busy,
            on_click=_check,
            args=(dojo, lab, step, mint()),
        )
    st.caption("Passwords, secrets, tokens and account ids are taken out before anything is stored.")


def _check(dojo: Dojo, lab: Lab, step: LabStep, key: str) -> None:
    # Taken out of the page at once: what was pasted may hold more than the check needs.
    text = st.session_state.pop(field(step.id), None) or ""
    learner = me()

    def work() -> None:
        dojo.labs.check(learner, lab.id, step.id, pasted=text)

    bench().begin(lab.id, step.id, "Checking", work, key)
