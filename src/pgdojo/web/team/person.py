"""What one learner did, for whoever may see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from pgdojo.web.citations import BOOK, address
from pgdojo.web.identity import me
from pgdojo.web.labs.practise import LABS
from pgdojo.web.path.tasks import standing
from pgdojo.web.quiz.words import inline
from pgdojo.web.team import words
from pgdojo.web.text import counted, day, literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.learner.records import QuizResponse
    from pgdojo.team.records import Evidence, Trouble

FIRST = 15
"""Answers and checks that are shown, the latest first."""

_STATES = {"done": ":green[:material/check: done]", "open": "open", "waiting": ":gray[waits]"}
_CHECKED = {"passed": ":green[:material/check:]", "could_not_check": ":gray[:material/help:]"}


def draw_mentees(found: list[tuple[str, str]]) -> None:
    """Those whom a mentor helps, each a way to what they did."""
    st.subheader("Your mentees", anchor=False)
    if not found:
        st.caption("Nobody has named you as their mentor.")
    with st.container(key="team_mentees", gap=None):
        for learner, name in found:
            link(learner, one_line(name))


def link(learner: str, label: str) -> None:
    """A way to what a learner did."""
    st.page_link("app_pages/team.py", label=label, icon=":material/arrow_forward:", query_params={"who": learner})


def draw(dojo: Dojo, evidence: Evidence) -> None:
    """What they need help with, then modules, the last answers, the last checks and the sign-offs."""
    st.page_link("app_pages/team.py", label="The team", icon=":material/arrow_back:")
    st.title(one_line(evidence.name), anchor=False)
    st.caption(
        "How sure they said they were, and which hints they opened, is theirs alone, but for what was sure, wrong and "
        "critical." + ("" if evidence.learner == me() else " This look is in the audit log.")
    )
    for trouble in evidence.troubles:
        _trouble(dojo, evidence, trouble)
    track = evidence.progress.track
    st.subheader("How far they are", anchor=False)
    st.markdown(f"Track: {one_line(track.name)}" if track else "No track chosen yet.")
    for one in evidence.progress.modules:
        gate = "" if one.gate_best is None else f" · best quiz {one.gate_best:.0%}"
        labs = f" · labs {len(one.labs_passed)} of {len(one.module.labs)}" if one.module.labs else ""
        st.markdown(
            f"{_STATES[one.state]} · {one_line(one.module.title)} "
            f":small[:gray[{one.mastered} of {one.total} objectives{gate}{labs}]]"
        )
    _answers(dojo, evidence)
    _checks(dojo, evidence)
    _signed(evidence)


def _trouble(dojo: Dojo, evidence: Evidence, one: Trouble) -> None:
    with st.container(border=True, key=f"team_trouble_{one.reason}_{one.about}_{one.step}", gap="xsmall"):
        st.markdown(f"{words.BADGES[one.reason]} :small[:gray[{words.since(one)}]]")
        st.markdown(words.said(one))
        if one.reason == "stuck":
            failed = [check for check in evidence.checks if (check.lab, check.step) == (one.about, one.step)]
            # The latest check that said it dates each sentence.
            said = {_found(check.evidence): check.checked_at for check in reversed(failed)}
            for sentence, at in reversed(said.items()):
                st.caption(f"{sentence or 'Nothing was said'} :small[({day(at)})]")
            st.page_link(LABS, label="Open the lab", icon=":material/science:", query_params={"lab": one.about})
        elif one.about:
            wrong = [given for given in evidence.responses if given.objective == one.about and given.mark < 1]
            for response in wrong[:4]:
                _answer(dojo, response)
            cited = [name for item in dojo.quizzes.items.values() if item.objective == one.about for name in item.cites]
            if cited:
                st.page_link(BOOK, label="Read it", icon=":material/menu_book:", query_params=address(cited[0]))


def _answers(dojo: Dojo, evidence: Evidence) -> None:
    st.subheader("Last answers", anchor=False)
    if not evidence.responses:
        st.caption("None yet.")
    for one in evidence.responses[:FIRST]:
        _answer(dojo, one)


def _answer(dojo: Dojo, one: QuizResponse) -> None:
    item = dojo.quizzes.quizzes.items.get(one.item)
    sign = ":green[:material/check:]" if one.mark >= 1 else ":orange[:material/close:]"
    stem = inline(item.stem) if item else literal(one.item)
    st.markdown(f"{sign} {stem} :small[:gray[{day(one.answered_at)}]]")


def _found(evidence: Mapping[str, Any]) -> str:
    """What a check said first of what did not pass, empty where it said nothing."""
    said = (finding.get("say") for finding in evidence.get("findings", ()) if finding.get("status") != "passed")
    return one_line(str(next(said, "") or ""))


def _checks(dojo: Dojo, evidence: Evidence) -> None:
    st.subheader("Last checks in labs", anchor=False)
    if not evidence.checks:
        st.caption("None yet.")
    for one in evidence.checks[:FIRST]:
        sign = _CHECKED.get(one.status, ":orange[:material/close:]")
        lab = dojo.pathfinder.labs.get(one.lab)
        step = lab.step(one.step) if lab else None
        title = f"{one_line(step.title)} :small[({one_line(lab.title)})]" if lab and step else literal(one.lab)
        says = f": {found}" if (found := _found(one.evidence)) else ""
        st.markdown(f"{sign} {title}{says} :small[:gray[{day(one.checked_at)}]]")


def _signed(evidence: Evidence) -> None:
    if not evidence.sign_offs:
        return
    st.subheader("Tasks", anchor=False)
    st.caption(counted(len(evidence.sign_offs), "task"))
    for task, said in evidence.sign_offs.items():
        st.markdown(f"{literal(task)} · {standing(said)}")
        if said.note:
            st.caption(f"“{literal(said.note)}”")
