"""A conversation as a Markdown file, with numbered references that stand on their own."""

from __future__ import annotations

from collections.abc import Sequence

from pgdojo.ask.records import Answer, Citation
from pgdojo.course.load import slugify
from pgdojo.learner.records import Turn
from pgdojo.web.text import as_of, day


def file_name(title: str) -> str:
    """A name that every system takes."""
    return f"{slugify(title).encode('ascii', 'ignore').decode() or 'conversation'}.md"


def as_markdown(course: str, title: str, turns: Sequence[Turn]) -> str:
    """The whole conversation: each question a heading, below its answer the words that it rests on."""
    parts = [f"# {title}", f"Answers from *{course}*, downloaded from pgdojo."]
    for turn in turns:
        answer = Answer.from_plain(turn.answer)
        parts += [f"## {' '.join(turn.question.split())}", f"Asked on {day(turn.asked_at)}.", answer.text]
        if answer.rewritten:
            parts.append(f"Searched for: {answer.standalone}")
        parts += [_reference(citation) for citation in answer.citations]
    return "\n\n".join(parts) + "\n"


def _reference(citation: Citation) -> str:
    first, last = citation.first_line, citation.last_line
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    told = [f"{citation.document}, {lines}"]
    if citation.as_of:
        told.append(f"as of {as_of(citation.as_of)}")
    if citation.standing:
        told.append(citation.standing)
    if citation.source:
        told.append(f"<{citation.source}>")
    quote = "\n".join(f"> {line}" for line in citation.quote.split("\n"))
    return f"[{citation.n}] {citation.label}: {'; '.join(told)}\n\n{quote}"
