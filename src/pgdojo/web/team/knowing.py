"""What the team knows, as a map of topics or objectives by learner, and who will be ready on a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.quiz.analysis import FEW
from pgdojo.web.identity import me
from pgdojo.web.quiz.words import topic as topic_name
from pgdojo.web.text import counted

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.team.records import Cell, Grid

PAGE = 25
"""Learners that are shown at a time."""

_ALL = ""
_LEVELS = ((0.5, "low"), (0.7, "fair"), (0.85, "good"), (1.01, "high"))


def draw(dojo: Dojo) -> None:
    """The map, with ways to look closer and to find somebody."""
    st.subheader("What the team knows", anchor=False)
    st.caption(
        f"Right answers of all answers. Below {FEW} answers there is no share, and the cell stays plain. Shares are "
        ":red-background[below 50%], :orange-background[below 70%], or :blue-background[higher], darker from 85%."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        topic = st.selectbox(
            "Topic",
            [_ALL, *dojo.team.topics()],
            format_func=lambda name: topic_name(name) if name else "All topics",
            key="team_topic",
        )
        search = st.text_input("Learner", key="team_search", placeholder="Part of a name")
    shares = st.toggle("Shares, with where the true one lies", key="team_shares")
    place = st.session_state.get("team_place", 1)
    grid = dojo.team.grid(me(), topic, search=search.strip(), begin=(place - 1) * PAGE, most=PAGE)
    pages = max(1, -(-grid.learners // PAGE))
    if not grid.rows and place > 1:
        grid = dojo.team.grid(me(), topic, search=search.strip(), most=PAGE)
    if not grid.rows:
        st.caption("Nobody is called so." if search.strip() else "Nobody has begun yet.")
        return
    st.html(table(grid, shares=shares))
    if shares:
        st.caption("In brackets Wilson's interval: the true share lies in it with 95 percent confidence.")
    if pages > 1:
        st.pagination(pages, key="team_place")


def table(grid: Grid, *, shares: bool = False) -> str:
    """The map as a table that scrolls sideways within itself; with `shares` it says percentages and intervals."""
    titles = [title if grid.topic else topic_name(title) for _, title in grid.columns]
    head = "".join(f'<th scope="col" title="{escape(title)}">{escape(_short(title))}</th>' for title in titles)
    everybody = _row("Everybody", grid.totals, shares=shares)
    rows = "".join(_row(row.name, row.cells, shares=shares) for row in grid.rows)
    return (
        '<div class="team-map" role="region" aria-label="What the team knows" tabindex="0"><table>'
        f'<thead><tr><th scope="col">{counted(grid.learners, "learner")}</th>{head}</tr></thead>'
        f"<tbody>{everybody}{rows}</tbody></table></div>"
    )


def _short(title: str) -> str:
    return title if len(title) <= 34 else title[:32].rstrip() + " …"


def _row(name: str, cells: tuple[Cell | None, ...], *, shares: bool) -> str:
    drawn = "".join(_cell(cell, shares=shares) for cell in cells)
    return f'<tr><th scope="row">{escape(name)}</th>{drawn}</tr>'


def _cell(cell: Cell | None, *, shares: bool) -> str:
    if cell is None:
        return '<td class="none" title="no answer">–</td>'
    counts = f"{cell.right}/{cell.answers}"
    if cell.share is None or cell.interval is None:
        return f'<td class="few" title="too few answers for a share">{counts}</td>'
    level = next(name for limit, name in _LEVELS if cell.share < limit)
    low, high = cell.interval
    if shares:
        said = f"{cell.share:.0%} <small>({100 * low:.0f}–{100 * high:.0f})</small>"
        return f'<td class="{level}" title="{counts} right">{said}</td>'
    return f'<td class="{level}" title="{cell.share:.0%}, between {low:.0%} and {high:.0%}">{counts}</td>'


def draw_readiness(dojo: Dojo) -> None:
    """Who will remember how much on a day; worked out when it is asked for."""
    st.subheader("Ready on a day", anchor=False)
    st.caption("Objectives of their track that each will remember with 90 percent on that day, without a review.")
    today = datetime.now(UTC).date()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        on = st.date_input("Day", value=today + timedelta(days=14), min_value=today, key="team_day")
        wanted = st.button("Work it out", key="team_ready")
    if not wanted or on is None:
        return
    learners = dojo.team.on_the_path(me())
    found = dojo.team.readiness(me(), on, learners[:PAGE])
    if not found:
        st.caption("Nobody has chosen a track yet.")
        return
    st.dataframe(
        {
            "Learner": [one.name for one in found],
            "Target": [one.target for one in found],
            "Remembered": [f"{one.ready} of {one.total}" for one in found],
            "Critical ones": [f"{one.high_ready} of {one.high_total}" for one in found],
            "Share": [round(100 * one.ready / one.total) if one.total else 0 for one in found],
        },
        column_config={
            "Share": st.column_config.ProgressColumn("Share", min_value=0, max_value=100, format="%d%%"),
        },
        hide_index=True,
        width="stretch",
    )
    if len(learners) > PAGE:
        st.caption(f"The {PAGE} whose target comes first, of {len(learners)}. `pgdojo report --team` tells of all.")
