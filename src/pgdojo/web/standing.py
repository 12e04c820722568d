"""How a fact's standing looks: one word, one colour and one sign, the same on every page."""

from __future__ import annotations

from collections.abc import Iterable

from pgdojo.course.records import Passage, Standing

COLOURS: dict[Standing, str] = {
    "unchanged": "green",
    "changed": "orange",
    "retired": "red",
    "imprecise": "orange",
    "new": "violet",
}
ICONS: dict[Standing, str] = {
    "unchanged": ":material/check:",
    "changed": ":material/history:",
    "retired": ":material/block:",
    "imprecise": ":material/edit_note:",
    "new": ":material/add:",
}
MEANINGS: dict[Standing, str] = {
    "unchanged": "What the notes say still holds.",
    "changed": "The notes say something else; this is how it is today.",
    "retired": "The notes describe something that no longer exists.",
    "imprecise": "The notes mean the right thing but word it loosely.",
    "new": "The notes are silent on this.",
}
_BY_WEIGHT: tuple[Standing, ...] = ("retired", "changed", "imprecise", "unchanged", "new")


def badge(standing: Standing) -> str:
    """The standing as a Markdown badge."""
    return f":{COLOURS[standing]}-badge[{ICONS[standing]} {standing.capitalize()}]"


def word(standing: Standing) -> str:
    """The standing as a coloured word with its sign, lighter than a badge."""
    return f":{COLOURS[standing]}[{ICONS[standing]} {standing.capitalize()}]"


def heaviest(facts: Iterable[Passage]) -> Standing | None:
    """The standing among `facts` that a reader must know first; None where no fact has one."""
    found = {fact.standing for fact in facts}
    return next((standing for standing in _BY_WEIGHT if standing in found), None)
