"""The labs there are, by topic: what each is about, how far one is, and what it needs."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web.labs import words
from pgdojo.web.labs.practise import LABS
from pgdojo.web.quiz.words import TOPICS, inline, topic
from pgdojo.web.text import counted, literal, one_line

if TYPE_CHECKING:
    from pgdojo.lab.runner import Entry


def draw(entries: list[Entry], *, for_team: bool = False) -> None:
    """Every lab, and one way to begin; `for_team` says that none runs where the pages are."""
    st.title("Labs", anchor=False)
    if not entries:
        st.info("This course has no labs yet. Its author writes one below labs/.", icon=":material/info:")
        return
    where = "your own machine" if for_team else "this machine"
    st.caption(f"Real servers of PostgreSQL on {where}. You break and mend them, and each step looks at what is there.")
    _begin(entries)
    for name, group in groupby(sorted(entries, key=_place), key=lambda entry: entry.lab.topic):
        st.subheader(topic(name), anchor=False)
        for entry in group:
            _entry(entry)


def _place(entry: Entry) -> tuple[int, str, int, str]:
    names = list(TOPICS)
    name = entry.lab.topic
    return names.index(name) if name in names else len(names), name, entry.lab.order, entry.lab.id


def _begin(entries: list[Entry]) -> None:
    """The one filled button: the lab under way, else the first new one that can run here."""
    able = [entry for entry in sorted(entries, key=_place) if not entry.missing]
    chosen = next((entry for state in ("open", "new") for entry in able if entry.state == state), None)
    if chosen is None:
        return
    verb = "Go on with" if chosen.state == "open" else "Begin with"
    label = f"{verb} “{one_line(chosen.lab.title)}”"
    st.button(label, key="lab_begin", type="primary", on_click=_open, args=(chosen.lab.id,))


def _open(lab: str) -> None:
    st.query_params.clear()
    st.query_params["lab"] = lab


def _entry(entry: Entry) -> None:
    lab = entry.lab
    with st.container(key=f"lab_entry_{lab.id}_links", gap=None):
        st.page_link(LABS, label=f"**{one_line(lab.title)}**", query_params={"lab": lab.id})
        st.caption(inline(lab.summary))
        st.caption(f"{counted(lab.minutes, 'minute')} · {lab.level} · {_state(entry)}")
        if entry.missing:
            needs(entry)


def _state(entry: Entry) -> str:
    steps = counted(len(entry.lab.steps), "step")
    if entry.state == "done":
        return f":green[:material/check: Done], {steps}"
    if entry.state == "open":
        return f":orange[:material/timelapse: {len(entry.passed)} of {steps} passed]"
    return steps


def needs(entry: Entry) -> None:
    """What is missing here, and the one command that brings it."""
    for name, advice in entry.missing.items():
        with st.container(key=f"lab_need_{entry.lab.id}_{name.replace(':', '_')}", gap="xsmall"):
            st.markdown(f":gray-badge[:material/build: Needs {literal(words.need(name))}]")
            st.code(advice, language="bash", wrap_lines=True)
