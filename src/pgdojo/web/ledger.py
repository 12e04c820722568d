"""The ledger of facts: which ones a reader wants, and how one is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from pgdojo.course.records import Document, Passage, Standing
from pgdojo.web import citations, standing
from pgdojo.web.text import as_of, counted, literal, quotation

PER_PAGE = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What a reader wants to see; empty means everything."""

    text: str = ""
    topic: str = ""
    standings: tuple[Standing, ...] = ()
    year: str = ""


def chosen(facts: Iterable[Passage], filters: Filters) -> list[Passage]:
    """The facts that pass every filter, in the ledger's order; all words of the text must occur."""
    words = filters.text.casefold().split()
    return [
        fact
        for fact in facts
        if (not filters.topic or fact.topic == filters.topic)
        and (not filters.standings or fact.standing in filters.standings)
        and (not filters.year or fact.as_of.startswith(filters.year))
        and all(word in _searched(fact) for word in words)
    ]


def _searched(fact: Passage) -> str:
    return " ".join((fact.subject, fact.text, fact.source_title, fact.id, *fact.notes_lines)).casefold()


def topic_names(facts: Iterable[Passage], documents: Iterable[Document]) -> dict[str, str]:
    """Each topic of `facts` as readers see it: as its page of the handbook is called, else as its file is."""
    pages = {document.topic: document.title for document in documents if document.topic}
    found = {fact.topic: pages.get(fact.topic, fact.title) for fact in facts}
    return dict(sorted(found.items(), key=lambda pair: pair[1].casefold()))


def draw_fact(fact: Passage, shown: int | None = None, exact: tuple[int | None, int | None] = (None, None)) -> None:
    """One fact with its standing, date, source and the notes' line.

    Args:
        fact: A passage of the ledger.
        shown: Its number on the page, where it has one.
        exact: First and last character of the words to highlight.
    """
    number = f"{shown} · " if shown else ""
    mark = f" {standing.badge(fact.standing)}" if fact.standing else ""
    start, end = exact
    words = literal(fact.text) if start is None or end is None else quotation(fact.text, start, end, literal)
    st.markdown(f"{number}**{literal(fact.subject)}**{mark}  \n{words}")
    said = [f"As of {as_of(fact.as_of)}", citations.source_link(fact.source, fact.source_title)]
    if fact.notes_lines:
        said.append("the notes: " + "; ".join(f"“{literal(line)}”" for line in fact.notes_lines))
    st.caption(" · ".join(said))


def draw(facts: tuple[Passage, ...], documents: tuple[Document, ...], topic: str = "") -> None:
    """The whole ledger with its filters, begun at `topic`."""
    filters = _filters(facts, topic_names(facts, documents), topic)
    found = chosen(facts, filters)
    counts = Counter(fact.standing for fact in found if fact.standing)
    tally = " · ".join(f"{standing.word(name)} {counts[name]}" for name in standing.COLOURS if counts[name])
    st.markdown(f"**{counted(len(found), 'fact')}**" + (f" of {len(facts)}" if len(found) < len(facts) else "")
                + (f" :small[{tally}]" if tally else ""))  # fmt: skip
    if not found:
        st.markdown("No fact fits all of this. Take one filter away.")
        return
    pages = -(-len(found) // PER_PAGE)
    current = min(st.session_state.get("book_ledger_page") or 1, pages)
    for fact in found[(current - 1) * PER_PAGE : current * PER_PAGE]:
        with st.container(key=f"book_fact_{fact.id.partition('#')[2]}"):
            draw_fact(fact)
    if pages > 1:
        st.pagination(pages, key="book_ledger_page")


def _filters(facts: Sequence[Passage], topics: dict[str, str], topic: str) -> Filters:
    years = sorted({fact.as_of[:4] for fact in facts}, reverse=True)
    with st.container(key="book_filters"):
        text = st.text_input(
            "Search the facts", key="book_text", placeholder="Words that must occur", icon=":material/search:"
        )
        with st.container(horizontal=True):
            wanted = st.selectbox(
                "Topic",
                ["", *topics],
                index=list(topics).index(topic) + 1 if topic in topics else 0,
                format_func=lambda slug: topics.get(slug, "All topics"),
                key=f"book_topic_{topic}",
            )
            year = st.selectbox("As of", ["", *years], format_func=lambda value: value or "Any year", key="book_year")
        standings = st.pills(
            "Standing",
            list(standing.COLOURS),
            selection_mode="multi",
            format_func=lambda name: f"{standing.ICONS[name]} {name.capitalize()}",
            key="book_standing",
        )
    return Filters(text=text or "", topic=wanted or "", standings=tuple(standings or ()), year=year or "")
