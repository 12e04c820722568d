"""What the pages call topics and kinds of sitting, and texts of items made safe to draw."""

from __future__ import annotations

from datetime import datetime

from pgdojo.learner.records import Certainty, Mode
from pgdojo.web.text import safe_markdown

TOPICS = {
    "options": "Options and choosing",
    "versions": "Versions and upgrades",
    "ha": "High availability",
    "backups": "Backups and restore",
    "security": "Security",
    "aurora": "Aurora",
    "serverless": "Serverless",
    "monitoring": "Monitoring and cost",
}
"""Names of the topics that this course has; another course's are shown as they are written."""

MODES: dict[Mode, str] = {
    "practice": "Practice",
    "exam": "Exam",
    "placement": "Placement",
    "review": "Review",
    "ahead": "Looking ahead",
}

CERTAINTIES: dict[Certainty, str] = {"unsure": "Unsure", "fairly": "Fairly sure", "sure": "Sure"}


def topic(name: str) -> str:
    """A topic as readers know it."""
    return TOPICS.get(name) or name.replace("-", " ").capitalize()


def inline(text: str) -> str:
    """An author's text as safe Markdown on one line: code and bold are drawn, nothing else comes alive."""
    return " ".join(safe_markdown(text).split())


def marks(value: float) -> str:
    """A number of marks without needless decimals: 7, 7.5, 7.33."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def in_days(due: datetime, now: datetime) -> str:
    """When something comes back, as one says it."""
    days = (due.date() - now.date()).days
    return "today" if days <= 0 else "tomorrow" if days == 1 else f"in {days} days"
