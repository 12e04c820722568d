"""Saying no, kindly and with a way on."""

from __future__ import annotations

from pgdojo.ask.evidence import Evidence, View
from pgdojo.ask.question import MAX_CHARACTERS, Question
from pgdojo.ask.records import Heading, Refusal, RefusalKind
from pgdojo.course.records import Foreign

_OUTSIDE = frozenset({"engine", "cloud", "database", "language", "framework", "subject"})
"""Groups of foreign subjects that no document about this course's subject would teach."""

FAR = 0.30
"""Cosine of the best passage below which a question is about something else altogether."""

NEAREST = 3


def refuse(question: Question, evidence: Evidence, *, unclear: bool) -> Refusal:
    """The refusal that fits a question which the evidence does not answer."""
    if unclear:
        return Refusal(
            kind="unclear",
            message="That is too little to search for. Name the subject and what you want to know of it, "
            "for example how long a failover takes.",
        )
    strange = _strange(question, evidence)
    nearest = nearest_headings(evidence.views)
    best = float(max(evidence.candidates.own.max(initial=0.0), evidence.candidates.asked.max(initial=0.0)))
    kind: RefusalKind = "not_in_material"
    if best < FAR or _is_strange(question, evidence) or any(entry.group in _OUTSIDE for entry in strange):
        kind = "out_of_scope"
    if strange:
        message = strange[0].says
    elif kind == "out_of_scope":
        message, nearest = "That is outside what this course teaches.", ()
    else:
        message = "The material does not say. The nearest headings are below; they do not answer it."
    return Refusal(kind=kind, message=message, nearest=nearest)


def too_long(length: int) -> Refusal:
    """The refusal of a question of `length` characters."""
    return Refusal(
        kind="unclear",
        message=f"That has {length:,} characters; a question may have {MAX_CHARACTERS:,}. Ask it in a few sentences.",
    )


def _is_strange(question: Question, evidence: Evidence) -> bool:
    """Whether the course uses hardly any of the question's words and the question names none of its terms."""
    if question.terms or not question.stems:
        return False
    held = frozenset().union(*(view.stems for view in evidence.views))
    return sum(stem in held for stem in question.stems) * 2 < len(question.stems)


def _strange(question: Question, evidence: Evidence) -> list[Foreign]:
    """Foreign subjects of the question that the best passage does not mention."""
    if not evidence.views:
        return list(question.foreign)
    best = evidence.views[0].passage.id
    return [entry for entry in question.foreign if best not in entry.mentioned]


def nearest_headings(views: tuple[View, ...]) -> tuple[Heading, ...]:
    """Where a reader may look further: the nearest places, each heading once."""
    found: dict[str, Heading] = {}
    for view in views:
        passage = view.passage
        label = " > ".join(passage.heading[-2:])
        found.setdefault(label, Heading(passage_id=passage.id, label=label))
    return tuple(found.values())[:NEAREST]
