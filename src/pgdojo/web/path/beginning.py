"""A first visit: who learns what by when, and whether a quiz may find what is known already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.learner.records import LOCAL
from pgdojo.web.identity import me
from pgdojo.web.questions import mint
from pgdojo.web.text import literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.path.progress import PathProgress

QUIZ = "app_pages/quiz.py"
LONGEST_NAME = 80
"""Characters of a person's name."""


def choose(dojo: Dojo, progress: PathProgress) -> None:
    """The choice of a track, for a first visit or another one."""
    tracks = {track.id: track for track in dojo.pathfinder.path.tracks}
    chosen = progress.track.id if progress.track else next(iter(tracks))
    before = dojo.journal.people.enrolment(me())
    with st.form("path_choice", enter_to_submit=False):
        if me() == LOCAL:  # who signed in has told their name
            person = dojo.journal.people.person(LOCAL)
            name = person.name if person else ""
            st.text_input("Your name", value=name, max_chars=LONGEST_NAME, placeholder="May stay open", key="path_name")
        st.radio(
            "What do you do?",
            list(tracks),
            index=list(tracks).index(chosen),
            format_func=lambda name: one_line(tracks[name].name),
            captions=[literal(one.says) for one in tracks.values()],
            key="path_track",
        )
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        with st.grid(2, min_column_width=220, key="path_aims") as aims:
            with aims.cell():
                st.date_input(
                    "Ready by",
                    value=max(progress.target, tomorrow) if progress.target else None,
                    min_value=tomorrow,
                    key="path_target",
                    help="May stay open. With a day you see what you will still know then.",
                )
            with aims.cell():
                st.text_input(
                    "Your mentor",
                    value=dojo.people.name_of(before.mentor) if before else "",
                    max_chars=LONGEST_NAME,
                    placeholder="May stay open",
                    key="path_mentor",
                    help="Who looks at what you do in your team, and signs it off.",
                )
        label = "Save" if progress.track else "Begin the path"
        st.form_submit_button(label, type="primary", key="path_enrol", on_click=_enrol, args=(dojo,))
    if progress.track:
        st.button("Leave it as it is", type="tertiary", key="path_keep", on_click=_leave)


def _enrol(dojo: Dojo) -> None:
    held = st.session_state
    if name := held.get("path_name", "").strip():
        dojo.people.introduce(me(), name)
    dojo.people.enrol(me(), track=held["path_track"], target=held["path_target"], mentor=held["path_mentor"])
    _leave()


def _leave() -> None:
    st.session_state.pop("path_change", None)


def skip(dojo: Dojo) -> None:
    """Remember that the learner begins at the beginning."""
    dojo.pathfinder.skip_placement(me())


def place(dojo: Dojo) -> None:
    """Begin the placement and go to it.

    Raises:
        UsageError: There is nothing to ask.
    """
    key = st.session_state.setdefault("path_placement_key", mint())
    sitting = dojo.quizzes.start(key, me(), "placement")
    del st.session_state["path_placement_key"]
    st.switch_page(QUIZ, query_params={"s": sitting.key})
