"""What a certificate is given for, and what it still takes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from pgdojo.course.path_records import Module, Track
from pgdojo.path.records import ModuleProgress, PathProgress

NO_NAME = "Your name: a certificate says whose it is."
"""What is lacking where nobody knows the learner's name."""


def achievement_id(course: str, track: Track, modules: Sequence[Module]) -> str:
    """Names a track as its path asks for it now: another demand is another achievement."""
    asked = [f"{one.id}: {sorted([*one.objectives, *one.labs, *(task.id for task in one.team)])}" for one in modules]
    text = "\n".join(["pgdojo achievement", course, track.id, *sorted(asked)])
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}"


def lacks(progress: PathProgress, name: str) -> tuple[str, ...]:
    """What a learner called `name` still lacks for the certificate, in plain sentences; nothing when it is theirs."""
    return tuple(_lacks(progress, name))


def _lacks(progress: PathProgress, name: str) -> Iterator[str]:
    if progress.track is None or not progress.modules:
        yield "A track of the path, chosen by you."
        return
    for one in progress.modules:
        if one.state != "done":
            yield f"“{one.module.title}”: {_left(one)}"
    if not name.strip():
        yield NO_NAME


def _left(one: ModuleProgress) -> str:
    if not one.total:
        return f"{one.share:.0%} of it is done."
    high = len(one.high_left)
    must = f", and {_count(high)} where a mistake hurts in production must be" if high else ""
    return f"{one.mastered} of {_count(one.total)} are mastered{must}."


def _count(number: int) -> str:
    return f"{number} objective{'' if number == 1 else 's'}"
