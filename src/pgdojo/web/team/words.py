"""What the page Team says of somebody's trouble."""

from __future__ import annotations

from datetime import UTC, datetime

from pgdojo.team.records import Trouble
from pgdojo.web.text import counted, day, one_line

BADGES = {
    "stuck": ":red-badge[:material/block: stuck]",
    "lapses": ":orange-badge[:material/replay: keeps forgetting]",
    "sure-and-wrong": ":orange-badge[:material/warning: sure and wrong]",
    "target": ":orange-badge[:material/event_upcoming: day is near]",
    "quiet": ":gray-badge[:material/bedtime: quiet]",
}


def since(one: Trouble) -> str:
    """Since when, which is never broken over two lines."""
    return f"since {day(one.since)}".replace(" ", "\N{NO-BREAK SPACE}")


def said(one: Trouble) -> str:
    """A reason in a sentence, with what to do about it."""
    if one.reason == "stuck":
        times = counted(one.times, "check did not pass", "checks did not pass")
        return f"Stuck on *{one_line(one.title)}*: {times}. Look at it together."
    if one.reason == "lapses":
        return f"Wrong {one.times} times on: *{one_line(one.title)}* Asking again does not teach it; explain it."
    if one.reason == "sure-and-wrong":
        return f"Was sure and wrong, where a mistake hurts: *{one_line(one.title)}* Talk it through."
    if one.left is not None:
        high = f", {one.left.high_left} of them critical" if one.left.high_left else ""
        return (
            f"Wants to be ready on {day(one.left.target)}: {one.left.left} of {one.left.total} objectives were never "
            f"answered rightly{high}. Plan the days with them, or move the day."
        )
    days = (datetime.now(UTC) - one.since).days
    return f"Has done nothing for {counted(days, 'day')}. Ask how it goes."
