"""Path: the next step, the modules, what changed since you learned it, and the map of the material."""

from __future__ import annotations

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.web import resources
from pgdojo.web.identity import me
from pgdojo.web.path import beginning, coverage, going_on, head, modules
from pgdojo.web.text import literal

dojo = resources.dojo()
try:
    going_on.go(dojo)
    if wanted := st.session_state.pop("path_quiz", ""):
        going_on.quiz(dojo, wanted)
    progress = dojo.pathfinder.progress(me())
except PgdojoError as cause:
    st.title("Path", anchor=False)
    st.info(literal(str(cause)), icon=":material/info:")
    st.stop()

st.title("Path", anchor=False)
if not progress.modules:
    st.info("This course has no path yet. Its author writes one in knowledge/path.yaml.", icon=":material/info:")
    st.stop()
track = progress.track
if track is None or st.session_state.get("path_change"):
    st.caption("A module at a time, each opened by the quiz before it. First: what is yours to learn?")
    beginning.choose(dojo, progress)
else:
    head.draw(track, progress)
    going_on.draw(dojo, progress.next)
    head.draw_changes(progress)
    modules.draw(dojo, progress.modules)
    coverage.draw(progress.heat)
