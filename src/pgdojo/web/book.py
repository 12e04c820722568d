"""The book: where an address leads, and the way around its documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from pgdojo.course.records import Document, Passage
from pgdojo.web import documents, glossary, ledger, scroll
from pgdojo.web.citations import BOOK, label_of
from pgdojo.web.documents import Target
from pgdojo.web.identity import me
from pgdojo.web.labs import practise
from pgdojo.web.questions import mint
from pgdojo.web.text import counted, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

FACTS, WORDS = "facts", "words"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where in the book an address leads."""

    shows: Literal["contents", "document", "facts", "words", "nowhere"]
    document: Document | None = None
    target: Target | None = None


def find(dojo: Dojo, query: Mapping[str, str]) -> Place:
    """The place that an address's `passage`, `from`, `to` and `doc` name."""
    if wanted := query.get("passage"):
        passage = dojo.passage(wanted)
        return Place(shows="nowhere") if passage is None else _place_of(dojo, passage, query)
    doc = query.get("doc", "")
    if doc == FACTS:
        return Place(shows="facts")
    if doc == WORDS:
        return Place(shows="words")
    document = next((one for one in dojo.documents() if one.slug == doc), None)
    if document is None:
        return Place(shows="nowhere" if doc else "contents")
    return Place(shows="document", document=document)


def _place_of(dojo: Dojo, passage: Passage, query: Mapping[str, str]) -> Place:
    start, end = query.get("from", ""), query.get("to", "")
    target = Target(passage=passage)
    if start.isdecimal() and end.isdecimal() and int(start) < int(end) <= len(passage.text):
        target = Target(passage=passage, start=int(start), end=int(end))
    if passage.kind == "fact":
        return Place(shows="facts", target=target)
    document = next((one for one in dojo.documents() if one.path == passage.document), None)
    return Place(shows="document" if document else "nowhere", document=document, target=target)


def record_once(dojo: Dojo, place: Place) -> None:
    """Store that a passage was opened, once a visit."""
    if place.target is None:
        return
    opened = st.session_state.setdefault("book_opened", {})
    passage = place.target.passage
    key = opened.setdefault(passage.id, mint())
    dojo.journal.record_read(key, learner=me(), passage=passage.id, document=passage.document)


def draw(dojo: Dojo, place: Place) -> None:
    """Draw what `place` shows."""
    if place.shows == "contents":
        _contents(dojo)
        return
    with st.container(key="book_back_links"):
        st.page_link(BOOK, label="Contents", icon=":material/arrow_back:", query_params={"doc": ""})
    if place.shows == "document" and place.document is not None:
        _document(dojo, place.document, place.target)
    elif place.shows == "facts":
        _facts(dojo, place.target)
    elif place.shows == "words":
        _words(dojo)
    else:
        st.title("Not in the book", anchor=False)
        st.markdown("Nothing stands under this address any more. The contents list everything there is.")


def _contents(dojo: Dojo) -> None:
    st.title("The book", anchor=False)
    st.caption("What the answers rest on: the notes as they were given, a handbook that explains, and the dated facts.")
    for document in dojo.documents():
        if document.kind == "notes":
            changed = "each line with its standing today"
            _entry(document.title, document.slug, f"The notes, {changed}.")
    st.subheader("Handbook", anchor=False)
    for document in dojo.documents():
        if document.kind == "handbook":
            _entry(document.title, document.slug, document.summary)
    st.subheader("Look up", anchor=False)
    _entry("The facts", FACTS, f"{counted(len(dojo.facts()), 'statement')}, each with its date and its source.")
    _entry("The words", WORDS, f"{counted(len(dojo.terms()), 'term')} of the field and what they mean.")


def _entry(title: str, slug: str, summary: str) -> None:
    with st.container(key=f"book_entry_{slug.replace('/', '_')}_links", gap=None):
        st.page_link(BOOK, label=f"**{one_line(title)}**", query_params={"doc": slug})
        if summary:
            st.caption(literal(summary))


def _document(dojo: Dojo, document: Document, target: Target | None) -> None:
    if target is not None:
        passage = target.passage
        where = " › ".join((document.title, *(name for name in passage.heading if name != document.title)))
        st.caption(f"You are at: {literal(where)}, lines {passage.first_line} to {passage.last_line}")
    documents.draw(dojo, document, target)
    _onward(dojo, document)
    if target is not None:
        scroll.to_target(_identity(target))


def _identity(target: Target) -> str:
    return f"{target.passage.id}_{target.start}_{target.end}".replace("#", "_").replace("/", "_")


def _onward(dojo: Dojo, document: Document) -> None:
    """The pages before and after this one."""
    every = dojo.documents()
    at = every.index(document)
    with st.container(horizontal=True, horizontal_alignment="distribute", key="book_onward_links"):
        if at > 0:
            before = every[at - 1]
            st.page_link(
                BOOK, label=one_line(before.title), icon=":material/arrow_back:", query_params={"doc": before.slug}
            )
        if at + 1 < len(every):
            after = every[at + 1]
            st.page_link(
                BOOK,
                label=one_line(after.title),
                icon=":material/arrow_forward:",
                icon_position="right",
                query_params={"doc": after.slug},
            )


def _facts(dojo: Dojo, target: Target | None) -> None:
    st.title("The facts", anchor=False)
    if target is not None:
        passage = target.passage
        where = f"{label_of(passage.heading, passage.title, passage.kind)}, {passage.document}"
        st.caption(f"You are at: {literal(where)}, line {passage.first_line}")
        with st.container(key=scroll.TARGET_KEY):
            ledger.draw_fact(passage, exact=(target.start, target.end))
            practise.links(dojo, [passage.id], "book_fact")
        st.subheader("More on this topic", anchor=False)
    ledger.draw(dojo.facts(), dojo.documents(), target.passage.topic if target else "")


def _words(dojo: Dojo) -> None:
    st.title("The words", anchor=False)
    wanted = st.text_input(
        "Search the words", key="book_words_text", placeholder="A word, or part of one", icon=":material/search:"
    )
    found = glossary.matching(dojo.terms(), wanted or "")
    st.caption(counted(len(found), "word"))
    for term in found:
        also = f" :small[also {literal(', '.join(term.aliases))}]" if term.aliases else ""
        st.markdown(f"**{literal(term.term)}**{also}  \n{literal(term.definition)}")
