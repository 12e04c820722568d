"""Quiz: choose a sitting, take it question by question, and see what it was worth."""

from __future__ import annotations

import streamlit as st

from pgdojo.errors import PgdojoError, UsageError
from pgdojo.web import resources
from pgdojo.web.identity import me
from pgdojo.web.quiz import question, result, sitting, start
from pgdojo.web.text import literal

dojo = resources.dojo()
key = st.query_params.get("s", "")
if "new" in st.query_params:
    st.query_params.clear()
    key = ""
if module := st.query_params.get("module", ""):
    st.query_params.clear()
    try:
        key = start.of_module(dojo, module)
        st.query_params["s"] = key
    except PgdojoError as cause:
        st.info(literal(str(cause)), icon=":material/info:")
progress = None
if key:
    try:
        progress = dojo.quizzes.progress(me(), key)
    except UsageError:
        st.info("There is no sitting under this address. Start one below.", icon=":material/info:")

if progress is None:
    start.draw(dojo)
elif (told := sitting.told(dojo, progress)) is not None:
    sitting.draw_feedback(dojo, progress, told)
elif progress.finished:
    result.draw(dojo, progress)
elif (leech := sitting.to_teach(dojo, progress)) is not None:
    sitting.teach(dojo, progress, leech)
elif (asked := dojo.quizzes.question(me(), progress)) is not None:
    question.draw(dojo, progress, asked)
else:
    st.rerun()
