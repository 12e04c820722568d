"""The path of a course as its author writes it: modules in order, each with what there is to do."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from pgdojo.course.items import PassageName, Prose
from pgdojo.course.schemas import Entry, Line, Slug

ASKED = 10
"""Questions of a gate, unless the author wants another number."""

PASS_MARK = 0.8
"""Share of the marks with which a gate is passed, unless the author wants another."""


class Track(Entry):
    """A variant of the path, for people who do one kind of work."""

    id: Slug
    name: Line
    says: Prose
    """Who should follow it."""


class TeamTask(Entry):
    """Something to do in one's own team, which only a person can tick."""

    id: Slug
    title: Line
    do: Prose
    why: Prose


class Gate(Entry):
    """The quiz that opens what comes after a module."""

    count: Annotated[int, Field(ge=3, le=30)] = ASKED
    """Most questions; there is one an objective, so there may be fewer."""
    pass_mark: Annotated[float, Field(ge=0.5, le=1)] = PASS_MARK


class Module(Entry):
    """One stage of the path."""

    id: Slug
    title: Line
    why: Prose
    minutes: Annotated[int, Field(ge=5, le=1200)]
    """What a newcomer needs, reviews left out."""
    tracks: tuple[Slug, ...] = ()
    """Those that hold the module; none means all."""
    after: tuple[Slug, ...] = ()
    """Modules that come first; one that a track leaves out holds nothing up there."""
    read: tuple[PassageName, ...] = ()
    """Sections, each by the id of its first passage."""
    ask: tuple[Line, ...] = ()
    """Questions worth asking, which the material answers."""
    objectives: tuple[Slug, ...] = ()
    labs: tuple[Slug, ...] = ()
    team: tuple[TeamTask, ...] = ()
    gate: Gate = Gate()

    def is_on(self, track: str) -> bool:
        """Whether the track called `track` holds the module."""
        return not self.tracks or track in self.tracks


class PathFile(Entry):
    """The path as one file; its entries are validated one by one, so that each fault names its own."""

    title: Line = ""
    tracks: tuple[Any, ...] = ()
    modules: tuple[Any, ...] = ()


class LearningPath(Entry):
    """All modules in the order in which they are shown; a course without a path has none."""

    title: Line = ""
    tracks: tuple[Track, ...] = ()
    modules: tuple[Module, ...] = ()

    def track(self, name: str) -> Track | None:
        """The track called `name`, None if there is none."""
        return next((track for track in self.tracks if track.id == name), None)

    def module(self, name: str) -> Module | None:
        """The module called `name`, None if there is none."""
        return next((module for module in self.modules if module.id == name), None)

    def of(self, track: str) -> tuple[Module, ...]:
        """The modules of a track, in order."""
        return tuple(module for module in self.modules if module.is_on(track))
