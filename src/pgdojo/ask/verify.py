"""The invariants of an answer, checked before it is shown: what fails is dropped, never repaired.

Each citation resolves to a passage that exists; its quote is byte for byte that passage's text; each figure and each
name in a sentence stands in the words it cites.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pgdojo.ask.records import Citation, Sentence
from pgdojo.course.claims import figures, names
from pgdojo.course.markdown import plain
from pgdojo.course.records import Passage


def unsupported(sentence: Sentence, citations: Sequence[Citation], find: Callable[[str], Passage | None]) -> str:
    """Why `sentence` may not be shown; empty when it may.

    Args:
        sentence: What would be said.
        citations: Those of the answer; the sentence names some of them by number.
        find: Returns the passage with an id, None where there is none.
    """
    mine = [citation for citation in citations if citation.n in sentence.citations]
    if not mine or len(mine) != len(sentence.citations):
        return "a citation is missing"
    for citation in mine:
        passage = find(citation.passage_id)
        if passage is None:
            return f"{citation.passage_id} does not exist"
        if passage.text[citation.start : citation.start + len(citation.quote)] != citation.quote:
            return f"the quote does not stand in {citation.passage_id}"
    held = " ".join(part for citation in mine for part in (citation.quote, plain(citation.quote)))
    known = set(figures(held))
    for figure in figures(sentence.text):
        if figure not in known:
            return f"{figure} does not stand in the quote"
    for name in names(sentence.text):
        if name not in held:
            return f"{name} does not stand in the quote"
    return ""
