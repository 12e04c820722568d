"""The sidebar: what this course is, the labs that run, the conversations of before, and the state of the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pgdojo.learner.records import Conversation
from pgdojo.web import transcript
from pgdojo.web.identity import me
from pgdojo.web.labs import banner
from pgdojo.web.questions import mint
from pgdojo.web.text import counted, day, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

SHOWN = 8
"""Conversations in the list; older ones open with one more tap."""


def draw(dojo: Dojo, ask: Any) -> None:
    """Draw the sidebar; `ask` is the page on which a conversation is resumed."""
    with st.sidebar:
        with st.container(key="sidebar_course"):
            st.caption(one_line(dojo.title))
        banner.draw(dojo)
        _conversations(dojo, ask)
        with st.container(key="sidebar_foot"):
            _foot(dojo)


def _conversations(dojo: Dojo, ask: Any) -> None:
    found = sorted(dojo.journal.conversations(me()), key=lambda conversation: conversation.last_at, reverse=True)
    with st.container(key="sidebar_links", gap="xsmall"):
        st.page_link(ask, label="New question", icon=":material/add:", query_params={"new": "1"})
        if not found:
            return
        st.caption("Conversations")
        everything = st.session_state.get("sidebar_all", False)
        for conversation in found if everything else found[:SHOWN]:
            _conversation(dojo, conversation, ask)
        if len(found) > SHOWN and not everything:
            st.button(
                f"{len(found) - SHOWN} older",
                key="sidebar_older",
                type="tertiary",
                on_click=st.session_state.__setitem__,
                args=("sidebar_all", True),
            )


def _conversation(dojo: Dojo, conversation: Conversation, ask: Any) -> None:
    here = st.query_params.get("c") == conversation.id
    with st.container(
        horizontal=True, wrap=False, gap=None, vertical_alignment="center", key=f"sidebar_row_{conversation.id}"
    ):
        label = one_line(_shortened(conversation.title))
        st.page_link(
            ask,
            label=f"**{label}**" if here else label,
            query_params={"c": conversation.id},
            width="stretch",
        )
        menu = st.popover(
            "Manage",
            type="tertiary",
            icon=":material/more_horiz:",
            key=f"sidebar_menu_{conversation.id}",
            on_change="rerun",
        )
        if menu.open:
            with menu:
                _menu(dojo, conversation)


def _shortened(title: str, most: int = 60) -> str:
    return title if len(title) <= most else title[: most - 1].rstrip() + "…"


def _menu(dojo: Dojo, conversation: Conversation) -> None:
    name = f"sidebar_name_{conversation.id}"
    st.caption(f"{counted(conversation.turns, 'question')}, last on {day(conversation.last_at)}")
    st.text_input(
        "Name",
        value=conversation.title,
        max_chars=120,
        key=name,
        on_change=_rename,
        args=(dojo, conversation.id, name),
    )
    st.download_button(
        "Download",
        data=lambda: transcript.as_markdown(dojo.title, conversation.title, dojo.journal.turns(me(), conversation.id)),
        file_name=transcript.file_name(conversation.title),
        mime="text/markdown",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        key=f"sidebar_download_{conversation.id}",
    )
    asked = f"sidebar_sure_{conversation.id}"
    if not st.session_state.get(asked):
        st.button(
            "Delete",
            icon=":material/delete:",
            width="stretch",
            key=f"sidebar_delete_{conversation.id}",
            on_click=st.session_state.__setitem__,
            args=(asked, mint()),
        )
        return
    st.button(
        "Delete for good",
        icon=":material/delete:",
        width="stretch",
        type="primary",
        key=f"sidebar_really_{conversation.id}",
        on_click=_delete,
        args=(dojo, conversation.id, st.session_state[asked]),
    )


def _rename(dojo: Dojo, conversation: str, field: str) -> None:
    title = " ".join(st.session_state[field].split())
    if title:
        dojo.journal.rename_conversation(mint(), learner=me(), conversation=conversation, title=title)


def _delete(dojo: Dojo, conversation: str, key: str) -> None:
    dojo.journal.delete_conversation(key, learner=me(), conversation=conversation)
    if st.query_params.get("c") == conversation:
        del st.query_params["c"]


def _foot(dojo: Dojo) -> None:
    state = dojo.state
    st.caption(
        f"{counted(state.passages, 'passage')} from {counted(state.documents, 'document')}, "
        f"read {day(state.built_at)}. [The facts](book?doc=facts) say what changed since the notes."
        if not state.stale
        else literal("The material has changed since it was read. Start pgdojo again to read it anew.")
    )
