"""Path: the next step, the modules, what changed since you learned it, and the map of the material."""

from __future__ import annotations

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.web import answered, resources
from pgdojo.web.identity import me
from pgdojo.web.path import beginning, certificate, coverage, going_on, head, lately, modules
from pgdojo.web.text import literal

dojo = resources.dojo()
try:
    progress = dojo.pathfinder.progress(me())
except PgdojoError as cause:
    st.title("Your path", anchor=False)
    st.info(literal(str(cause)), icon=":material/info:")
    going_on.ask_box()
    st.stop()

track = progress.track
if not progress.modules:
    st.title("Your path", anchor=False)
    st.caption("This course has no path yet; its author writes one in knowledge/path.yaml. Ask, or choose a heading.")
    going_on.ask_box()
elif track is None or st.session_state.get("path_change"):
    st.title("Your path" if track else "Welcome", anchor=False)
    st.caption(
        f"You learn *{literal(dojo.title)}* a module at a time: read, ask, and take the quiz that opens the next one. "
        "First: what is yours to learn?"
    )
    beginning.choose(dojo, progress)
    going_on.ask_box()
else:
    enrolment = dojo.journal.people.enrolment(me())
    st.title("Your path", anchor=False)
    head.draw(track, progress, dojo.people.name_of(enrolment.mentor) if enrolment else "")
    answered.draw(dojo)
    going_on.draw(dojo, progress)
    going_on.ask_box()
    head.draw_figures(dojo, progress)
    certificate.draw_held(dojo, progress)
    head.draw_changes(progress)
    modules.draw(dojo, progress.modules)
lately.draw(dojo)
if progress.track or not progress.modules:
    coverage.draw(progress.heat)
