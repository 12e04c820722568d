"""The mark on every page of a journal that is filled for a demonstration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo


def banner(dojo: Dojo) -> None:
    """Say that there are learners who are made up, where the journal holds any.

    It is looked up once a visit: every click of everybody would pay for it, and it does not change under way.
    """
    if "demo_data" not in st.session_state:
        st.session_state["demo_data"] = any(person.is_demo for person in dojo.journal.people.people())
    if st.session_state["demo_data"]:
        with st.container(key="demo_banner"):
            st.markdown(":gray-badge[:material/theater_comedy: Demo data] This journal holds learners who are made up.")
