"""Who is at the page: the one person of this machine, or in a team the one who signed in."""

from __future__ import annotations

from pgdojo.learner.records import LOCAL


def me() -> str:
    """The learner at this page, under whose name everything of theirs is stored and read."""
    return LOCAL
