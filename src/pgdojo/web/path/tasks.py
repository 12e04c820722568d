"""Tasks that only a person can tick: how each stands, and putting one forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.team.access import Action
from pgdojo.web.identity import me
from pgdojo.web.questions import mint
from pgdojo.web.text import day, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.learner.records import SignOff

LONGEST_NOTE = 2000
"""Characters of what is said of a task."""


def standing(said: SignOff | None) -> str:
    """How a task stands, in a sign and a few words."""
    if said is None:
        return ""
    when = day(said.signed_at)
    if said.state == "signed":
        return f":green[:material/check: Signed off by {one_line(said.by)} on {when}]"
    if said.state == "asked":
        return f":orange[:material/hourglass_top: Put forward on {when}, waits for a sign-off]"
    return f":orange[:material/undo: Taken back by {one_line(said.by)} on {when}]"


def put_forward(dojo: Dojo, task: str, key: str, *, filled: bool = False) -> None:
    """A note on what was done, and the button that sends it to whoever signs."""
    note = f"{key}_note"
    opened = st.popover(
        "Put forward for sign-off", icon=":material/outgoing_mail:", type="primary" if filled else "tertiary", key=key
    )
    with opened:
        st.text_area(
            "What you did, and what you found",
            max_chars=LONGEST_NOTE,
            key=note,
            help="Whoever signs reads it. It may stay open.",
        )
        st.button("Put forward", type="primary", key=f"{key}_send", on_click=_send, args=(dojo, task, note))


def _send(dojo: Dojo, task: str, note: str) -> None:
    dojo.access.require(me(), Action.ASK_SIGN_OFF, me())
    said = st.session_state[note].strip()
    dojo.journal.people.sign_off(mint(), learner=me(), task=task, state="asked", by=me(), note=said)


def draw_note(said: SignOff | None) -> None:
    """What was said with the last word on a task."""
    if said is not None and said.note:
        st.caption(f"“{literal(said.note)}”")
