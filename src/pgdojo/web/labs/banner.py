"""The sidebar's word on labs whose servers run, so that none is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.web.labs.acts import stop
from pgdojo.web.labs.practise import LABS
from pgdojo.web.questions import mint
from pgdojo.web.text import one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo


def running(dojo: Dojo) -> list[str]:
    """The labs whose servers run; none where labs cannot be used here."""
    try:
        return [name for name in dojo.labs.labs if dojo.labs.sandbox(name) is not None]
    except (PgdojoError, ImportError, OSError):
        return []


def draw(dojo: Dojo) -> None:
    """A line a running lab, with a way to it and a way to end it."""
    for name in running(dojo):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"sidebar_lab_{name}_links"):
            st.page_link(
                LABS,
                label=f"Lab {one_line(name)} is running",
                icon=":material/science:",
                query_params={"lab": name},
            )
            st.button(
                "Stop",
                key=f"sidebar_lab_stop_{name}",
                type="tertiary",
                on_click=stop,
                args=(dojo, name, mint()),
            )
