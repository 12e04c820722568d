"""Drawing a document of the course: sections, tables, diagrams, fact marks, then-and-now boxes, notes' lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from pgdojo.course.load import slugify
from pgdojo.course.markdown import Block, Section, cited_facts, plain, sections
from pgdojo.course.records import Document, Passage, PassageId
from pgdojo.web import citations, glossary, ledger, standing
from pgdojo.web.scroll import TARGET_KEY
from pgdojo.web.text import counted, highlighted, literal, marked, one_line, safe_markdown

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

_FACT_MARK = re.compile(r"[ \t]*\[(facts#[a-z0-9-]+)\]")
_FENCE = re.compile(r"\A\s*```[^\n]*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_BULLET = re.compile(r"^(?P<indent>[ \t]*)(?:[-*+][ \t]+)?(?P<words>.*?)[ \t]*$")
_LINK = re.compile(r"\]\((?:\./)?(?:\.\./)?(?P<file>[\w./-]+)\.md(?:#[\w-]*)?\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The passage that an address asks for, and the characters of the document that it names."""

    passage: Passage
    start: int | None = None
    """Where the exact words begin in the passage's text; None where all of it is meant."""
    end: int | None = None

    def covers(self, block: Block) -> bool:
        """Whether any line of `block` belongs to the passage."""
        return block.first < self.passage.last_line and block.last >= self.passage.first_line


@dataclass(kw_only=True)
class _Page:
    """One document while it is drawn."""

    dojo: Dojo
    document: Document
    target: Target | None
    lines: list[str]
    starts: list[int]
    """Offset of each line in the document's text."""
    span: tuple[int, int] | None
    """The exact words as offsets in the document's text."""
    numbers: dict[PassageId, int] = field(default_factory=dict)
    """Numbers of the facts cited so far."""
    explained: set[str] = field(default_factory=set)
    """Ids of the terms that the section explains already."""


def draw(dojo: Dojo, document: Document, target: Target | None) -> None:
    """Draw `document` from its first heading to its last line, with `target` marked."""
    lines = document.text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    page = _Page(
        dojo=dojo,
        document=document,
        target=target,
        lines=lines,
        starts=starts,
        span=_exact(document, target, starts),
    )
    taken: dict[str, int] = {}
    for number, section in enumerate(_sections(document)):
        if section.heading:
            _heading(section.heading, taken)
        if section.blocks:
            with st.container(key=f"book_section_{number}"):
                _section(page, section, number)


@lru_cache(maxsize=64)
def _sections(document: Document) -> tuple[Section, ...]:
    """The sections of a document, which is parsed once and drawn at every click."""
    return tuple(sections(document.text.split("\n"), document.body_line - 1))


def _exact(document: Document, target: Target | None, starts: Sequence[int]) -> tuple[int, int] | None:
    if target is None or target.start is None or target.end is None:
        return None
    base = document.text.find(target.passage.text, starts[target.passage.first_line - 1])
    return None if base < 0 else (base + target.start, base + target.end)


def _heading(heading: tuple[str, ...], taken: dict[str, int]) -> None:
    slug = slugify(heading[-1]) or "section"
    taken[slug] = taken.get(slug, 0) + 1
    anchor = slug if taken[slug] == 1 else f"{slug}-{taken[slug]}"
    draw_one = (st.title, st.header, st.subheader)[min(len(heading), 3) - 1]
    draw_one(one_line(heading[-1]), anchor=anchor)


def _section(page: _Page, section: Section, number: int) -> None:
    page.explained.clear()
    for at_target, blocks in _runs(page, section.blocks):
        if at_target:
            with st.container(key=TARGET_KEY):
                _blocks(page, blocks)
        else:
            _blocks(page, blocks)
    if page.document.kind != "notes":
        _foot(page, section, number)


def _runs(page: _Page, blocks: Sequence[Block]) -> Iterator[tuple[bool, list[Block]]]:
    """Neighbouring blocks, those of the target apart from the others."""
    run: list[Block] = []
    inside = False
    for block in blocks:
        covered = page.target is not None and page.target.covers(block) and block.kind != "mermaid"
        if run and covered != inside:
            yield inside, run
            run = []
        inside = covered
        run.append(block)
    if run:
        yield inside, run


def _blocks(page: _Page, blocks: Sequence[Block]) -> None:
    if page.document.kind == "notes":
        _notes_lines(page, blocks)
        return
    prose: list[str] = []
    for block in blocks:
        text = "\n".join(page.lines[block.first : block.last])
        if block.kind in {"mermaid", "fence"} or _is_box(text):
            _prose(prose)
            _special(page, block, text)
        else:
            prose.append(_markdown(page, block, text))
    _prose(prose)


def _prose(waiting: list[str]) -> None:
    if waiting:
        st.markdown("\n\n".join(waiting), anchors=False)
        waiting.clear()


def _special(page: _Page, block: Block, text: str) -> None:
    fence = _FENCE.match(text)
    if block.kind == "mermaid":
        st.mermaid_chart(fence[1] if fence else text, alt=f"Diagram: {_before(page, block)}")
    elif block.kind == "fence":
        language = text.lstrip().removeprefix("```").split("\n", 1)[0].strip()
        st.code(fence[1] if fence else text, language=language or None)
    else:
        _then_and_now(page, block, text)


def _before(page: _Page, block: Block) -> str:
    """The line that introduces a diagram, as its description."""
    said = [line for line in page.lines[max(0, block.first - 3) : block.first] if line.strip()]
    return plain(said[-1]) if said else page.document.title


def _is_box(text: str) -> bool:
    return text.lstrip("> \n").startswith("**Then and now**")


def _then_and_now(page: _Page, block: Block, text: str) -> None:
    """What the notes say and how it is today, in an amber frame."""
    inner = re.sub(r"^[ \t]*>[ \t]?", "", _with_marks(page, block, text), flags=re.MULTILINE)
    inner = inner.replace("**Then and now**", "", 1).strip()
    with st.container(border=True, key=f"book_then_{block.first}", gap="xsmall"):
        st.markdown(":orange[:material/history: **Then and now**]")
        st.markdown(highlighted(_linked(page, safe_markdown(inner))), anchors=False)


def _with_marks(page: _Page, block: Block, text: str) -> str:
    if page.span is None:
        return text
    base = page.starts[block.first]
    return marked(text, page.span[0] - base, page.span[1] - base)


def _markdown(page: _Page, block: Block, text: str) -> str:
    safe = safe_markdown(_with_marks(page, block, text))
    return highlighted(_linked(page, glossary.explained(safe, page.dojo.terms(), page.explained)))


def _linked(page: _Page, text: str) -> str:
    """Fact marks as small numbers, and links to other pages of the handbook as links into the book."""

    def number(match: re.Match[str]) -> str:
        shown = page.numbers.setdefault(match[1], len(page.numbers) + 1)
        return " " + citations.number(shown, citations.address(match[1]))

    return _FACT_MARK.sub(number, text)


def _foot(page: _Page, section: Section, number: int) -> None:
    """The facts that a section rests on and the words it uses, each behind one tap."""
    text = "\n".join(page.lines[section.blocks[0].first : section.blocks[-1].last])
    facts = [fact for mark in cited_facts(text) if (fact := page.dojo.passage(mark)) is not None]
    words = glossary.words_in(plain(text), page.dojo.terms())
    if not facts and not words:
        return
    with st.container(horizontal=True, gap="medium", key=f"book_foot_{number}"):
        if facts:
            changed = sum(fact.standing in {"changed", "retired"} for fact in facts)
            label = counted(len(facts), "fact") + (f", {changed} changed" if changed else "")
            opened = _drawer(label, ":material/fact_check:", f"book_facts_{number}")
            if opened.open:
                with opened, st.container(width=citations.WIDTH):
                    for fact in facts:
                        ledger.draw_fact(fact, shown=page.numbers.get(fact.id))
        if words:
            label = counted(len(words), "word")
            opened = _drawer(label, ":material/dictionary:", f"book_words_{number}")
            if opened.open:
                with opened, st.container(width=citations.WIDTH):
                    for term in words:
                        st.markdown(f"**{literal(term.term)}**  \n{literal(term.definition)}")


def _drawer(label: str, icon: str | None, key: str) -> Any:
    """A popover whose body is drawn when it is opened: a page has dozens, and each click would draw them all."""
    return st.popover(label, type="tertiary", icon=icon, key=key, on_change="rerun")


def _notes_lines(page: _Page, blocks: Sequence[Block]) -> None:
    """Each line of the notes with its standing today and the facts that speak to it."""
    spoken: dict[str, list[Passage]] = {}
    for fact in page.dojo.facts():
        for line in fact.notes_lines:
            spoken.setdefault(line, []).append(fact)
    with st.container(key=f"book_lines_{blocks[0].first}", gap=None):
        for row in (row for block in blocks for row in range(block.first, block.last)):
            match = _BULLET.match(page.lines[row])
            if match is not None and match["words"]:
                _notes_line(page, row, match["indent"], match["words"], spoken.get(match["words"], []))


def _notes_line(page: _Page, row: int, indent: str, words: str, facts: Sequence[Passage]) -> None:
    shown = literal(words)
    if page.span is not None:
        base = page.starts[row] + page.lines[row].index(words)
        shown = highlighted(literal(marked(words, page.span[0] - base, page.span[1] - base)))
    deeper = "–\u2002" if len(indent.expandtabs(4)) >= 4 else ""
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"book_line_{row + 1}"
    ):
        st.markdown(deeper + shown, width="stretch")
        weight = standing.heaviest(facts)
        if weight is None:
            st.caption("Not checked", width="content")
            return
        opened = _drawer(standing.word(weight), None, f"book_today_{row + 1}")
        if not opened.open:
            return
        with opened, st.container(width=citations.WIDTH):
            for fact in facts:
                ledger.draw_fact(fact)
