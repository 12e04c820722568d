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
"""What can be done with a heading, in the order of the quarters of its cell."""


def draw(rows: tuple[HeatRow, ...]) -> None:
    """The whole material at one look; each cell leads to its place."""
    cells = [cell for row in rows for cell in row.cells]
    if not cells:
        return
    st.subheader(_finding(cells), anchor=False)
    st.caption("A square is a heading of the material. Each thing that you do with it fills a quarter.")
    as_table_wanted = st.toggle("Show as a table", key="path_map_table")
    st.html(as_table(rows) if as_table_wanted else as_html(rows))


def _finding(cells: list[HeatCell]) -> str:
    """What the map says, as a title."""
    met = sum(cell.depth > 0 for cell in cells)
    if met == 0:
        return f"The material: {len(cells)} headings to discover"
    return f"You have met {met} of {len(cells)} headings"


def as_html(rows: tuple[HeatRow, ...]) -> str:
    """The map as HTML, with every word of the material escaped; the place of a quarter says which of the four it is."""
    lines = "".join(
        f'<div class="path-row"><span class="path-name">{escape(row.title)}</span>'
        f'<span class="path-cells">{"".join(map(_cell, row.cells))}</span></div>'
        for row in rows
    )
    return f'<div class="path-map">{_legend()}{lines}</div>'


def _legend() -> str:
    keys = "".join(
        f'<span class="path-key"><span class="path-cell" aria-hidden="true">{_quarters({name})}</span>{said}</span>'
        for name, said in _MARKS.items()
    )
    return f'<div class="path-legend">{keys}</div>'


def _cell(cell: HeatCell) -> str:
    said = escape(f"{_heading(cell)}: {', '.join(_MARKS[name] for name in _done(cell)) or 'nothing yet'}")
    named = f'title="{said}" aria-label="{said}"'
    return f'<a class="path-cell" href="{_link(cell)}" target="_self" {named}>{_quarters(set(_done(cell)))}</a>'


def _quarters(done: set[str]) -> str:
    return "".join(f'<i class="{"path-" + name if name in done else ""}"></i>' for name in _MARKS)


def _done(cell: HeatCell) -> list[str]:
    return [name for name in _MARKS if getattr(cell, name)]


def _heading(cell: HeatCell) -> str:
    return " · ".join(cell.heading) or cell.passage


def _link(cell: HeatCell) -> str:
    return escape(f"book?{urlencode(address(cell.passage))}")


def as_table(rows: tuple[HeatRow, ...]) -> str:
    """The same as a table in words, for those who read with a screen reader or would rather read than look."""
    names = "".join(f'<th scope="col">{said.capitalize()}</th>' for said in _MARKS.values())
    return "".join(
        f'<div class="path-scroll"><table class="path-table"><caption>{escape(row.title)}</caption>'
        f'<thead><tr><th scope="col">Heading</th>{names}</tr></thead>'
        f"<tbody>{''.join(map(_table_row, row.cells))}</tbody></table></div>"
        for row in rows
    )


def _table_row(cell: HeatCell) -> str:
    name = escape(cell.heading[-1] if cell.heading else cell.passage)
    answers = "".join(f"<td>{'yes' if getattr(cell, mark) else '–'}</td>" for mark in _MARKS)
    return f'<tr><th scope="row"><a href="{_link(cell)}" target="_self">{name}</a></th>{answers}</tr>'
