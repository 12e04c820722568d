"""Who one is, and what one aims at: track, day and mentor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.learner.records import LOCAL
from pgdojo.web import identity
from pgdojo.web.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgdojo.course.path_records import Track
    from pgdojo.dojo import Dojo
    from pgdojo.learner.records import Enrolment

LONGEST_NAME = 80
"""Characters of a person's name."""

_ROLES = {
    "mentor": "mentor: you see how those are doing who named you, and sign off what they did",
    "trainer": "trainer: you see the team and what the material lacks",
}


def draw_name(dojo: Dojo, learner: str) -> None:
    """Who is at the page, as others see them."""
    if learner == LOCAL:
        return
    person = dojo.journal.people.person(learner)
    if person:
        st.markdown(f"**{one_line(person.name)}**" + (f" · {one_line(person.email)}" if person.email else ""))
    if said := _ROLES.get(dojo.access.role(learner)):
        st.caption(f"You are a {said}.")


def draw(dojo: Dojo, learner: str) -> None:
    """What the learner aims at, to be changed."""
    tracks = {track.id: track for track in dojo.pathfinder.path.tracks}
    if not tracks:
        return
    enrolment = dojo.journal.people.enrolment(learner)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    st.subheader("What you aim at", anchor=False)
    with st.form("you_aims", enter_to_submit=False):
        with st.grid(2, min_column_width=220, key="you_aims_grid") as aims:
            if learner == LOCAL:
                with aims.cell():
                    name = dojo.people.name_of(LOCAL) if dojo.journal.people.person(LOCAL) else ""
                    st.text_input("Your name", value=name, max_chars=LONGEST_NAME, key="you_name")
            with aims.cell():
                _track(tracks, enrolment)
            with aims.cell():
                target = max(enrolment.target, tomorrow) if enrolment and enrolment.target else None
                st.date_input("Ready by", value=target, min_value=tomorrow, key="you_target")
            with aims.cell():
                _mentor(dojo, learner, enrolment)
        st.form_submit_button("Save", key="you_save", on_click=_save, args=(dojo,))
    if st.session_state.pop("you_unsaid", False):
        st.info("Choose first what you do.", icon=":material/info:")


def _track(tracks: Mapping[str, Track], enrolment: Enrolment | None) -> None:
    known = list(tracks).index(enrolment.track) if enrolment and enrolment.track in tracks else None
    st.selectbox(
        "What you do",
        list(tracks),
        index=known,
        format_func=lambda name: " ".join(tracks[name].name.split()),
        placeholder="Choose",
        key="you_track",
    )


def _mentor(dojo: Dojo, learner: str, enrolment: Enrolment | None) -> None:
    before = enrolment.mentor if enrolment else ""
    if learner == LOCAL:
        st.text_input("Your mentor", value=before, max_chars=LONGEST_NAME, key="you_mentor")
        return
    choices = ["", *(one.learner for one in dojo.people.mentors(learner))]
    if before not in choices:
        choices.append(before)
    st.selectbox(
        "Your mentor",
        choices,
        index=choices.index(before),
        format_func=lambda one: " ".join(dojo.people.name_of(one).split()) or "Nobody",
        key="you_mentor",
        help="Your mentor sees how you are doing, and signs off what you did.",
    )


def _save(dojo: Dojo) -> None:
    held, learner = st.session_state, identity.me()
    if held.get("you_name", "").strip():
        dojo.people.introduce(learner, held["you_name"])
    if held["you_track"]:
        dojo.people.enrol(learner, track=held["you_track"], target=held["you_target"], mentor=held["you_mentor"] or "")
    else:
        held["you_unsaid"] = True
