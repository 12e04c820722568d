"""The writing client as it goes: acknowledged rows as a line, the outage as a grey band, and both in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from pgdojo.errors import LabError
from pgdojo.web.text import counted

if TYPE_CHECKING:
    from pgdojo.lab.client import Ledger
    from pgdojo.lab.sandbox import Sandbox

BLUE, GREY = "#4A86B8", "#757C82"
MOST_POINTS = 400
"""Of the line; more cannot be told apart on a page."""


def draw(sandbox: Sandbox, key: str) -> None:
    """The client's figures, drawn again each second while it runs; nothing where it never ran."""
    ledger = _ledger(sandbox)
    if ledger is None or not (ledger.points or ledger.running):
        return
    every = 1.0 if ledger.running else None
    st.fragment(_live, run_every=every, key=f"{key}_{'on' if every else 'off'}")(sandbox, key, ran=ledger.running)


def _ledger(sandbox: Sandbox) -> Ledger | None:
    try:
        return sandbox.ledger()
    except (LabError, OSError):
        return None


def _live(sandbox: Sandbox, key: str, *, ran: bool) -> None:
    ledger = _ledger(sandbox)
    if ledger is None or ledger.running != ran:
        st.rerun()
        return
    with st.container(key=key, gap="xsmall"):
        st.markdown(f"**{finding(ledger)}**")
        st.caption(figures(ledger))
        st.vega_lite_chart(spec(ledger.points), key=f"{key}_chart", alt=f"{finding(ledger)}. {figures(ledger)}")


def finding(ledger: Ledger) -> str:
    """What the client has seen, as a title."""
    gap = outage(ledger.points)
    if gap and gap[2] and ledger.running:
        return f"No write has been acknowledged for {gap[1] - gap[0]:.0f} seconds"
    if ledger.outage_seconds:
        return f"Writes stopped for {ledger.outage_seconds:.1f} seconds"
    if not ledger.acknowledged:
        return "The client begins"
    return "Every write is acknowledged" if ledger.running else "Every write was acknowledged"


def figures(ledger: Ledger) -> str:
    """Acknowledged and lost rows in words."""
    told = [f"{counted(ledger.acknowledged, 'row')} acknowledged"]
    if ledger.lost is not None:
        told.append("none of them lost" if not ledger.lost else f"{ledger.lost:,} of them lost")
    elif not ledger.running:
        told.append("what was lost cannot be counted while no server answers")
    told.append("the client is writing" if ledger.running else "the client has stopped")
    return " · ".join(told)


def outage(points: Sequence[tuple[float, bool]]) -> tuple[float, float, bool] | None:
    """The longest time between two acknowledged rows with a failure or a second between them.

    Args:
        points: Seconds since the start, and whether the row was acknowledged, in their order.

    Returns:
        When it began and ended, and whether it lasts: then it ends for now at the last attempt.
    """
    longest: tuple[float, float, bool] | None = None
    since, failed = None, False
    for at, acknowledged in points:
        if since is not None and (failed or not acknowledged or at - since > 1):
            longest = max(longest or (0.0, 0.0, False), (since, at, not acknowledged), key=lambda gap: gap[1] - gap[0])
        since, failed = (at, False) if acknowledged else (since, True)
    lasts = longest is not None and longest[2] and longest[1] == points[-1][0]
    return (longest[0], longest[1], lasts) if longest else None


def spec(points: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """The plot of `points`, from plain lists so that no page loads pandas."""
    rows, count = [{"s": 0.0, "rows": 0}], 0
    for at, acknowledged in points:
        count += acknowledged
        rows.append({"s": round(at, 2), "rows": count})
    step = -(-len(rows) // MOST_POINTS)
    shown = [*rows[:-1:step], rows[-1]]
    gap = outage(points)
    band = [{"from": gap[0], "to": gap[1], "says": "outage"}] if gap else []
    seconds = {"field": "s", "type": "quantitative", "axis": {"title": "seconds", "tickCount": 6}}
    return {
        "height": 210,
        "layer": [
            {
                "data": {"values": band},
                "mark": {"type": "rect", "color": GREY, "opacity": 0.25},
                "encoding": {"x": {"field": "from", "type": "quantitative"}, "x2": {"field": "to"}},
            },
            {
                "data": {"values": band},
                "mark": {"type": "text", "align": "left", "baseline": "top", "dx": 5, "color": GREY},
                "encoding": {
                    "x": {"field": "from", "type": "quantitative"},
                    "y": {"value": 4},
                    "text": {"field": "says"},
                },
            },
            {
                "data": {"values": shown},
                "mark": {"type": "line", "color": BLUE, "strokeWidth": 2},
                "encoding": {
                    "x": seconds,
                    "y": {
                        "field": "rows",
                        "type": "quantitative",
                        "axis": {"title": "rows", "tickMinStep": 1, "tickCount": 4, "grid": True},
                    },
                },
            },
        ],
        "config": {"view": {"stroke": None}, "axis": {"grid": False, "domain": False, "ticks": False}},
    }
