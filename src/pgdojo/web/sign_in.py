"""The page before all others of a team's server, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web.text import literal, one_line

if TYPE_CHECKING:
    from pgdojo.web.identity import Visitor


def draw(visitor: Visitor) -> None:
    """Say why nobody is in, and offer the way in."""
    st.title("Sign in", anchor=False)
    if visitor.refused:
        st.info(literal(visitor.refused), icon=":material/info:")
    if visitor.is_blocked:
        st.button("Sign out", key="sign_out_blocked", on_click=st.logout)
        return
    st.markdown("Your team learns here. You sign in where you do for your other work; no password is kept here.")
    st.caption(
        "Your answers, quizzes and labs are kept under your name. Your trainer and your mentor see them; "
        "the page You shows them all."
    )
    st.button("Sign in", key="sign_in", type="primary", icon=":material/login:", on_click=st.login)


def draw_way_out(visitor: Visitor) -> None:
    """Who is signed in, and the way out of this browser; nothing where nobody signs in."""
    if not visitor.name:
        return
    with st.sidebar, st.container(key="sign_out_row"):
        st.caption(f"Signed in as {one_line(visitor.name)}")
        st.button("Sign out", key="sign_out", type="tertiary", icon=":material/logout:", on_click=st.logout)
