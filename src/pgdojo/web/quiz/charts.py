"""Pictures of progress, drawn from plain lists so that no page loads pandas; each title says the finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import streamlit as st

from pgdojo.web.quiz.words import topic

BLUE, AMBER, GREEN = "#4A86B8", "#C77D23", "#3F7D5B"
GREY = "#757C82"
"""Of words beside a bar; it can be read on paper and on ink."""

_QUIET = {"config": {"view": {"stroke": None}, "axis": {"grid": False, "domain": False, "ticks": False}}}


def topics(by_topic: Mapping[str, tuple[float, int]], key: str) -> None:
    """A bar a topic: the share of its marks."""
    rows = [
        {"topic": topic(name), "share": share, "text": f"{share:.0%} of {count}"}
        for name, (share, count) in by_topic.items()
    ]
    axis = {"title": None, "labelLimit": 200}
    spec = {
        "data": {"values": rows},
        "height": {"step": 30},
        "encoding": {"y": {"field": "topic", "type": "nominal", "axis": axis, "sort": "x"}},
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 4, "height": 16},
                "encoding": {
                    "x": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {"domain": [0, 1]},
                        "axis": {"title": None, "format": ".0%", "tickCount": 3},
                    },
                    "color": {
                        "condition": {"test": "datum.share >= 0.8", "value": GREEN},
                        "value": AMBER,
                    },
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "color": GREY},
                "encoding": {"x": {"field": "share", "type": "quantitative"}, "text": {"field": "text"}},
            },
        ],
        **_QUIET,
    }
    said = ", ".join(f"{row['topic']} {row['text']}" for row in rows)
    st.vega_lite_chart(spec, key=key, alt=f"Share of the marks by topic: {said}.")


def scores(rows: Sequence[tuple[datetime, float, str]], key: str) -> None:
    """A point a sitting: when it was, and which share of the marks it brought."""
    values: list[dict[str, Any]] = [
        {"at": at.isoformat(), "score": score, "kind": kind, "text": f"{score:.0%}"} for at, score, kind in rows
    ]
    spec = {
        "data": {"values": values},
        "height": 180,
        "encoding": {
            "x": {"field": "at", "type": "temporal", "axis": {"title": None, "format": "%d %b", "tickCount": 5}},
            "y": {
                "field": "score",
                "type": "quantitative",
                "scale": {"domain": [0, 1]},
                "axis": {"title": None, "format": ".0%", "tickCount": 3, "grid": True},
            },
            "tooltip": [{"field": "kind", "title": "Sitting"}, {"field": "text", "title": "Score"}],
        },
        "layer": [
            {"mark": {"type": "line", "color": BLUE, "opacity": 0.5}},
            {"mark": {"type": "point", "filled": True, "size": 70, "color": BLUE}},
        ],
        **_QUIET,
    }
    st.vega_lite_chart(spec, key=key, alt=f"Scores of {len(values)} sittings over time; the last {values[-1]['text']}.")


def reviews(days: Sequence[tuple[date, int]], key: str) -> None:
    """A bar a day: how many objectives come back."""
    values = [{"day": day.isoformat(), "reviews": count} for day, count in days]
    spec = {
        "data": {"values": values},
        "height": 160,
        "mark": {"type": "bar", "color": BLUE, "cornerRadiusTopLeft": 3, "cornerRadiusTopRight": 3},
        "encoding": {
            "x": {
                "field": "day",
                "type": "temporal",
                "timeUnit": "utcyearmonthdate",
                "axis": {"title": None, "format": "%d %b", "tickCount": 6},
            },
            "y": {
                "field": "reviews",
                "type": "quantitative",
                "axis": {"title": None, "tickMinStep": 1, "tickCount": 4, "grid": True},
            },
            "tooltip": [
                {"field": "day", "type": "temporal", "format": "%d %b", "title": "Day"},
                {"field": "reviews", "title": "Reviews"},
            ],
        },
        **_QUIET,
    }
    busiest = max(days, key=lambda one: one[1])
    alt = f"Reviews of the next {len(days)} days; the most on {busiest[0].isoformat()}, {busiest[1]}."
    st.vega_lite_chart(spec, key=key, alt=alt)
