"""The map of the material: a cell for each heading, that fills as it is read, asked, answered right and practised."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from pgdojo.web.citations import address

if TYPE_CHECKING:
    from pgdojo.path.progress import HeatCell, HeatRow

_MARKS = {"read": "read", "asked": "asked about", "right": "answered right", "practised": "practised"}


def draw(rows: tuple[HeatRow, ...]) -> None:
    """The whole material at one look; each cell leads to its place."""
    st.subheader("The material, and what you did with it", anchor=False)
    st.html(as_html(rows))


def as_html(rows: tuple[HeatRow, ...]) -> str:
    """The map as HTML, with every word of the material escaped; the four quarters of a cell are the four deeds."""
    legend = "".join(f'<span class="path-key"><i class="path-{name}"></i>{name}</span>' for name in _MARKS)
    lines = "".join(
        f'<div class="path-row"><span class="path-name">{escape(row.title)}</span>'
        f'<span class="path-cells">{"".join(map(_cell, row.cells))}</span></div>'
        for row in rows
    )
    return f'<div class="path-map">{lines}<div class="path-legend">{legend}</div></div>'


def _cell(cell: HeatCell) -> str:
    done = [name for name in _MARKS if getattr(cell, name)]
    heading = " · ".join(cell.heading) or cell.passage
    said = f"{heading}: {', '.join(_MARKS[name] for name in done) or 'nothing yet'}"
    quarters = "".join(f'<i class="{"path-" + name if name in done else ""}"></i>' for name in _MARKS)
    link = f"book?{urlencode(address(cell.passage))}"
    named = f'title="{escape(said)}" aria-label="{escape(said)}"'
    return f'<a class="path-cell" href="{escape(link)}" target="_self" {named}>{quarters}</a>'
