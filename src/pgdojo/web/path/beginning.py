"""A first visit: which track, by when, and whether a quiz may find what is known already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.web.identity import me
from pgdojo.web.questions import mint
from pgdojo.web.text import literal, one_line

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.path.progress import PathProgress

QUIZ = "app_pages/quiz.py"


def choose(dojo: Dojo, progress: PathProgress) -> None:
    """The choice of a track, for a first visit or another one."""
    tracks = {track.id: track for track in dojo.pathfinder.path.tracks}
    chosen = progress.track.id if progress.track else next(iter(tracks))
    with st.container(key="path_choice"):
        track = st.radio(
            "What do you do?",
            list(tracks),
            index=list(tracks).index(chosen),
            format_func=lambda name: one_line(tracks[name].name),
            captions=[literal(one.says) for one in tracks.values()],
            key="path_track",
        )
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        st.date_input(
            "Ready by when? May stay open.",
            value=max(progress.target, tomorrow) if progress.target else None,
            min_value=tomorrow,
            key="path_target",
            width=260,
        )
        label = f"Follow the track “{one_line(tracks[track].name)}”"
        st.button(label, type="primary", key="path_enrol", on_click=_enrol, args=(dojo,))


def _enrol(dojo: Dojo) -> None:
    held = st.session_state
    dojo.journal.people.enrol(me(), track=held["path_track"], target=held["path_target"])
    held.pop("path_change", None)


def offer_placement(dojo: Dojo) -> None:
    """A way around the placement, which the button above it begins."""
    st.button("I begin at the beginning", key="path_skip", type="tertiary", on_click=_skip, args=(dojo,))


def _skip(dojo: Dojo) -> None:
    dojo.pathfinder.skip_placement(me())


def place(dojo: Dojo) -> None:
    """Begin the placement and go to it."""
    st.session_state.setdefault("path_placement_key", mint())
    sitting = dojo.quizzes.start(st.session_state.pop("path_placement_key"), me(), "placement")
    st.switch_page(QUIZ, query_params={"s": sitting.key})
