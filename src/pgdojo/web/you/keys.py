"""Tokens for one's own machine, and signing out everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web import identity
from pgdojo.web.text import day, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.learner.records import Token

LONGEST_LABEL = 60
"""Characters of what a token is for."""


def draw_tokens(dojo: Dojo, learner: str) -> None:
    """The tokens that still work, each with its end, and the way to another."""
    st.subheader("Tokens", anchor=False)
    st.caption("With a token, pgdojo on your own machine sends your lab checks here. It acts as you: tell it nobody.")
    for token in dojo.people.tokens(learner):
        if token.ended_at is None:
            _token(dojo, token)
    if secret := st.session_state.get("you_secret"):
        with st.container(border=True, key="you_new_token"):
            st.markdown("Copy it now. It is stored nowhere, and not shown again.")
            st.code(secret, language=None, wrap_lines=True)
            st.button("I have it", key="you_secret_seen", on_click=st.session_state.pop, args=("you_secret",))
        return
    with st.form("you_token", clear_on_submit=True):
        st.text_input("What is it for?", max_chars=LONGEST_LABEL, placeholder="My laptop", key="you_token_label")
        st.form_submit_button("Make a token", key="you_token_make", on_click=_make, args=(dojo,))


def _token(dojo: Dojo, token: Token) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"you_token_{token.key}"):
        st.markdown(f"{one_line(token.label)} :gray[:small[since {day(token.made_at)}]]", width="stretch")
        st.button("End it", type="tertiary", key=f"you_end_{token.key}", on_click=_end, args=(dojo, token.key))


def _make(dojo: Dojo) -> None:
    label = st.session_state["you_token_label"].strip() or "My machine"
    st.session_state["you_secret"] = dojo.people.make_token(identity.me(), label)


def _end(dojo: Dojo, key: str) -> None:
    dojo.people.end_token(identity.me(), key)


def draw_sessions(dojo: Dojo) -> None:
    """The way out of every browser at once."""
    st.subheader("Signed in elsewhere", anchor=False)
    st.caption("Ends every session of yours, in this browser too. Tokens stay.")
    st.button("Sign out everywhere", key="you_sign_out", on_click=_sign_out, args=(dojo,))


def _sign_out(dojo: Dojo) -> None:
    learner = identity.me()
    dojo.people.end_sessions(learner, learner)
