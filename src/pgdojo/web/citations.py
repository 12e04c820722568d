"""Citations: the small number in the text, the chip below it, and the words it opens."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from pgdojo.ask.records import Citation, Heading
from pgdojo.course.records import Kind, Passage
from pgdojo.web import standing
from pgdojo.web.text import as_of, literal, literal_lines, one_line, quotation, safe_markdown, without_marks

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

BOOK = "app_pages/book.py"
WIDTH = 520
"""Pixels of what a chip opens; a phone's window makes it narrower."""


def address(passage: str, start: int | None = None, end: int | None = None) -> dict[str, str]:
    """The query under which the book opens at a passage, or at the exact characters of it."""
    exact = {} if start is None or end is None else {"from": str(start), "to": str(end)}
    return {"passage": passage, **exact}


def number(shown: int, query: dict[str, str]) -> str:
    """A small number in running text that opens the book in a tab of its own."""
    return f"[\\[{shown}\\]](book?{urlencode(query)})"


def number_of(citation: Citation) -> str:
    """The small number of an answer's citation."""
    end = citation.start + len(citation.quote)
    return number(citation.n, address(citation.passage_id, citation.start, end))


def label_of(heading: tuple[str, ...], title: str, kind: Kind) -> str:
    """Where words stand, in the fewest words, for a chip: of a fact, what it is about."""
    if kind == "fact":
        return heading[-1] if heading else title
    return " › ".join(("Notes", *heading[-1:]) if kind == "notes" else heading[-2:]) or title


def nearest_label(heading: Heading) -> str:
    """A place near a question: a heading with the one above it, or what a fact is about."""
    names = tuple(heading.label.split(" > "))
    return label_of(names, heading.label, "fact" if heading.passage_id.startswith("facts#") else "handbook")


def chips(dojo: Dojo, citations: tuple[Citation, ...], key: str) -> None:
    """A row of chips, one a citation, each opening its words."""
    with st.container(horizontal=True, gap="small", key=f"{key}_chips"):
        for citation in citations:
            where = label_of(citation.heading, citation.title, citation.kind)
            label = f"{citation.n} · {one_line(where)}"
            with st.popover(label, type="tertiary", key=f"{key}_chip_{citation.n}"), st.container(width=WIDTH):
                _opened(dojo, citation, key)


def _opened(dojo: Dojo, citation: Citation, key: str) -> None:
    where = ("Facts", *citation.heading[-1:]) if citation.kind == "fact" else citation.heading
    st.caption(literal(" › ".join(where) or citation.title))
    passage = dojo.passage(citation.passage_id)
    end = citation.start + len(citation.quote)
    if passage is not None and passage.text[citation.start : end] == citation.quote:
        st.markdown(surroundings(passage, citation.start, end), anchors=False)
    else:
        st.markdown(literal(citation.quote))
        st.caption("The material has been worded anew since this answer was given.")
    provenance(citation)
    query = address(citation.passage_id, citation.start, end)
    with st.container(key=f"{key}_open_{citation.n}_links"):
        st.page_link(BOOK, label="Open in the book", icon=":material/menu_book:", query_params=query)


def surroundings(passage: Passage, start: int, end: int) -> str:
    """A passage's text with the characters from `start` to `end` highlighted.

    Notes and facts are shown as they are written, pages of the handbook as Markdown without their fact marks.
    """
    if passage.kind == "handbook":
        return quotation(passage.text, start, end, lambda text: without_marks(safe_markdown(text)))
    return quotation(passage.text, start, end, literal_lines)


def provenance(citation: Citation | Passage) -> None:
    """Standing, file, lines, date and source of what is cited."""
    first, last = citation.first_line, citation.last_line
    told = [literal(citation.document) + (f", line {first}" if first == last else f", lines {first} to {last}")]
    if citation.as_of:
        told.append(f"as of {as_of(citation.as_of)}")
    if citation.standing:
        st.markdown(f"{standing.badge(citation.standing)} :small[{standing.MEANINGS[citation.standing]}]")
    st.caption(" · ".join(told))
    if citation.source:
        st.markdown(f":small[{source_link(citation.source, citation.source_title)}]")


def source_link(source: str, title: str) -> str:
    """The page that a fact rests on, as a link."""
    target = source.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
    return f"[:material/open_in_new: {one_line(title or source)}]({target})"
