"""Being forgotten: at once where one is alone, and by a trainer's word in a team."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.learner.records import LOCAL
from pgdojo.web import identity
from pgdojo.web.text import counted, day, literal

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

WORD = "delete everything"
"""What is typed before everything is deleted."""

_EMPTY = {"you_name": "", "you_track": None, "you_target": None, "you_mentor": "", "you_delete_word": ""}

_GOES = (
    "Questions, answers, feedback, what you read, lab checks, certificates, your name and what you aim at go for good. "
    "Your quiz answers stay with their marks, by the day, under an id that leads to nobody and without what you typed, "
    "so that the figures of the quiz questions stay right. Backups that were made before keep what they hold."
)


def draw(dojo: Dojo, learner: str) -> None:
    """What would go, and the way to let it go."""
    st.subheader("Delete everything", anchor=False)
    st.markdown(_GOES)
    _say_what_was_done()
    if learner == LOCAL:
        _at_once(dojo)
    else:
        _by_a_trainer(dojo, learner)


def _say_what_was_done() -> None:
    """Told once, and where it was asked for, since the page keeps its place."""
    if done := st.session_state.pop("you_forgotten", None):
        st.info(done, icon=":material/check:")
    if failed := st.session_state.pop("you_not_forgotten", None):
        st.error(failed, icon=":material/error:")


def _at_once(dojo: Dojo) -> None:
    with st.form("you_delete", enter_to_submit=False):
        st.text_input(f"Type “{WORD}”", key="you_delete_word")
        st.form_submit_button("Delete everything now", key="you_danger_delete", on_click=_forget, args=(dojo,))


def _forget(dojo: Dojo) -> None:
    typed = " ".join(st.session_state["you_delete_word"].split()).strip("“”\"'").casefold()
    if typed != WORD:
        st.session_state["you_not_forgotten"] = f"Nothing was deleted. Type “{WORD}” into the field to confirm."
        return
    try:
        done = dojo.people.forget(LOCAL, LOCAL)
    except PgdojoError as cause:
        st.session_state["you_not_forgotten"] = f"Nothing was deleted. {literal(str(cause))}"
        return
    for name in list(st.session_state):  # what pages remember of this visit goes as well
        del st.session_state[name]
    # The browser would go on showing what stood in the fields of this page.
    st.session_state.update(_EMPTY)
    told = f"{counted(sum(done.removed.values()), 'record')} deleted. You begin anew."
    later = "" if done.swept else " Its space is overwritten once the database is quiet: pgdojo forget local does it."
    st.session_state["you_forgotten"] = told + later


def _by_a_trainer(dojo: Dojo, learner: str) -> None:
    asked_at = dojo.people.asked_to_be_forgotten(learner)
    with st.container(key="you_leaving"):
        if asked_at:
            st.info(f"You asked for it on {day(asked_at)}. A trainer confirms it.", icon=":material/hourglass_top:")
            st.button("Take it back", key="you_stay", on_click=lambda: dojo.people.take_back(identity.me()))
        else:
            st.caption("A trainer confirms it, and you are signed out then. Until then you can take it back.")
            with st.popover("Ask to be deleted", key="you_danger_ask"):
                st.markdown("This tells the trainers that you want everything about you deleted.")
                st.button("Ask now", key="you_danger_leave", on_click=_ask, args=(dojo,))


def _ask(dojo: Dojo) -> None:
    dojo.people.ask_to_be_forgotten(identity.me())
