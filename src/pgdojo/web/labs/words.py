"""How the pages say what labs hold: states, findings, needs, passages; texts made safe to draw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.course.lab_records import Status
from pgdojo.web import citations
from pgdojo.web.text import one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

BADGES: dict[Status, str] = {
    "passed": ":green-badge[:material/check: Passed]",
    "not_yet": ":orange-badge[:material/history_edu: Not yet]",
    "in_progress": ":orange-badge[:material/hourglass_top: In progress]",
    "misconfigured": ":red-badge[:material/build: There, but not right]",
    "could_not_check": ":gray-badge[:material/help: Could not check]",
}

RUNGS = ("A nudge", "Where it stands", "Part of the way", "The solution")
NEXT_RUNG = ("Give me a nudge", "Where does it stand?", "Show part of the way", "Show the solution")

NEEDS = {
    "aws": "the AWS API on this machine",
    "ssl": "a PostgreSQL built with TLS",
    "gss": "a PostgreSQL built with Kerberos",
    "two_majors": "two major versions of PostgreSQL",
    "vector": "pgvector",
}


def need(name: str) -> str:
    """A need as one reads it."""
    if name.startswith("dsn:"):
        return f"{name.removeprefix('dsn:')}, which the server of PGDOJO_PG_DSN does not give"
    return NEEDS.get(name) or name.removeprefix("tool:")


def amount(value: float, unit: str) -> str:
    """A measured number with its unit: 0.8 seconds, 132 rows."""
    text = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    return f"{text} {unit}"


def passages(dojo: Dojo, names: Iterable[str], key: str, label: str = "") -> None:
    """Links into the book, one a passage, side by side."""
    by_label: dict[str, str] = {}
    for name in names:
        passage = dojo.passage(name)
        if passage is not None:
            by_label.setdefault(one_line(citations.label_of(passage.heading, passage.title, passage.kind)), name)
    if not by_label:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}_chips_links"):
        if label:
            st.caption(label, width="content")
        for shown, name in by_label.items():
            st.page_link(
                citations.BOOK,
                label=shown,
                icon=":material/menu_book:",
                query_params={"passage": name, "near": key},
            )
