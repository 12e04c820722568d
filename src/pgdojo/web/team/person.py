"""What one learner did, for whoever may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web.path.tasks import standing
from pgdojo.web.quiz.words import inline
from pgdojo.web.text import counted, day, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.team.records import Evidence

FIRST = 30
"""Answers and checks that are shown, the latest first."""

_STATES = {"done": ":green[:material/check: done]", "open": "open", "waiting": ":gray[waits]"}
_CHECKED = {"passed": ":green[:material/check:]", "could_not_check": ":gray[:material/help:]"}


def draw(dojo: Dojo, evidence: Evidence) -> None:
    """Modules, the last answers, the last checks and the sign-offs."""
    st.page_link("app_pages/team.py", label="The team", icon=":material/arrow_back:")
    st.title(one_line(evidence.name), anchor=False)
    st.caption("Certainty and hints are theirs alone and are not shown. This look is in the audit log.")
    track = evidence.progress.track
    st.markdown(f"**{one_line(track.name)}**" if track else "No track chosen yet.")
    for one in evidence.progress.modules:
        gate = "" if one.gate_best is None else f" · best quiz {one.gate_best:.0%}"
        labs = f" · labs {len(one.labs_passed)} of {len(one.module.labs)}" if one.module.labs else ""
        st.markdown(
            f"{_STATES[one.state]} · {one_line(one.module.title)} "
            f":small[:gray[{one.mastered} of {one.total} objectives{gate}{labs}]]"
        )
    _answers(dojo, evidence)
    _checks(evidence)
    _signed(evidence)


def _answers(dojo: Dojo, evidence: Evidence) -> None:
    st.subheader("Last answers", anchor=False)
    if not evidence.responses:
        st.caption("None yet.")
    for one in evidence.responses[:FIRST]:
        item = dojo.quizzes.quizzes.items.get(one.item)
        sign = ":green[:material/check:]" if one.mark >= 1 else ":orange[:material/close:]"
        stem = inline(item.stem) if item else literal(one.item)
        st.markdown(f"{sign} {stem} :small[:gray[{day(one.answered_at)}]]")


def _checks(evidence: Evidence) -> None:
    st.subheader("Last checks in labs", anchor=False)
    if not evidence.checks:
        st.caption("None yet.")
    for one in evidence.checks[:FIRST]:
        sign = _CHECKED.get(one.status, ":orange[:material/close:]")
        found = [finding for finding in one.evidence.get("findings", ()) if finding.get("status") != "passed"]
        says = f": {one_line(str(found[0].get('say', '')))}" if found else ""
        st.markdown(f"{sign} {literal(one.lab)}, {literal(one.step)}{says} :small[:gray[{day(one.checked_at)}]]")


def _signed(evidence: Evidence) -> None:
    if not evidence.sign_offs:
        return
    st.subheader("Tasks", anchor=False)
    st.caption(counted(len(evidence.sign_offs), "task"))
    for task, said in evidence.sign_offs.items():
        st.markdown(f"{literal(task)} · {standing(said)}")
        if said.note:
            st.caption(f"“{literal(said.note)}”")
