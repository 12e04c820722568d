"""Review: what is due today, the days ahead, and whether one is ready by a date."""

from __future__ import annotations

from pgdojo.web import resources
from pgdojo.web.quiz import reviews

reviews.draw(resources.dojo())
