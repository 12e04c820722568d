"""The word on a gap, a thumb or a dispute that takes it off the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web import identity

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.team.material import Kind

LONGEST_NOTE = 500


def resolving(dojo: Dojo, kind: Kind, keys: Sequence[str]) -> None:
    """A button that asks what came of it; the note is kept with it."""
    key = f"material_{kind}_{keys[0]}"
    with st.popover("Settle", icon=":material/done_all:", type="tertiary", key=f"{key}_settle"):
        note = f"{key}_note"
        st.text_input("Note", key=note, max_chars=LONGEST_NOTE, placeholder="Why, for whoever looks later")

        def settle(verdict: str) -> None:
            dojo.material.resolve(identity.me(), kind, keys, verdict, st.session_state.get(note) or "")  # type: ignore[arg-type]

        with st.container(horizontal=True, gap="small"):
            st.button("Mended", key=f"{key}_handled", on_click=settle, args=("handled",))
            st.button("Needs no mending", key=f"{key}_dismissed", on_click=settle, args=("dismissed",))
