"""Tasks that wait for a person's word, and wishes to be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.team.access import Action
from pgdojo.web.identity import me
from pgdojo.web.path.tasks import LONGEST_NOTE
from pgdojo.web.questions import mint
from pgdojo.web.team import person
from pgdojo.web.text import day, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.team.records import Waiting

FIRST = 10
"""Tasks that are shown, those first that wait longest."""


def draw(dojo: Dojo) -> None:
    """What waits to be signed by whoever is at the page."""
    waiting = dojo.team.waiting(me())
    st.subheader("Sign-offs waiting", anchor=False)
    if not waiting:
        st.caption("Nobody has put a task forward.")
    for one in waiting[:FIRST]:
        _card(dojo, one)
    if len(waiting) > FIRST:
        st.caption(f"{len(waiting) - FIRST} more wait; they come up here as these are settled.")
    if dojo.access.may(me(), Action.FORGET):
        _wishes(dojo)


def _card(dojo: Dojo, one: Waiting) -> None:
    key = f"team_sign_{one.said.key}"
    with st.container(border=True, key=key, gap="xsmall"):
        st.markdown(f"**{one_line(one.name)}** · {one_line(one.title)}")
        if one.do:
            st.caption(literal(one.do))
        if one.said.note:
            st.markdown(f"> {one_line(one.said.note)}")
        st.caption(f"put forward on {day(one.said.signed_at)}")
        person.link(one.learner, "See what they did")
        note = f"{key}_note"
        st.text_input("What you saw", key=note, max_chars=LONGEST_NOTE, placeholder="A note is needed")
        missing = f"{key}_missing"
        with st.container(horizontal=True, gap="small"):
            for label, state in (("Sign off", "signed"), ("Give back", "revoked")):
                st.button(label, key=f"{key}_{state}", on_click=_sign, args=(dojo, one, state, note, missing, mint()))
        if st.session_state.pop(missing, False):
            st.caption(":orange[Write first what you saw.]")


def _sign(dojo: Dojo, one: Waiting, state: str, note: str, missing: str, key: str) -> None:
    said = (st.session_state.get(note) or "").strip()
    if not said:
        st.session_state[missing] = True
        return
    dojo.team.sign(me(), key, one.learner, one.said.task, state, said)  # type: ignore[arg-type]


def _wishes(dojo: Dojo) -> None:
    for wish in dojo.people.delete_requests(me()):
        with st.container(border=True, key=f"team_forget_{wish.learner}", gap="xsmall"):
            st.markdown(f"**{one_line(wish.name)}** asks that everything about them be deleted.")
            st.caption(f"asked on {day(wish.asked_at)} · their answers stay in the figures, of nobody")
            with st.popover("Delete everything", icon=":material/delete_forever:"):
                st.markdown("This cannot be undone.")
                st.button(
                    "Delete it",
                    key=f"team_forget_{wish.learner}_now",
                    on_click=lambda learner=wish.learner: dojo.people.confirm_forget(me(), learner),
                )
