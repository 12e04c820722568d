"""You: who you are and aim at, what is recorded of you, who sees it, your tokens, and being forgotten."""

from __future__ import annotations

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.learner.records import LOCAL
from pgdojo.web import resources
from pgdojo.web.identity import me
from pgdojo.web.text import literal
from pgdojo.web.you import aims, keys, leaving, recorded

dojo = resources.dojo()
learner = me()
st.title("You", anchor=False)
try:
    aims.draw_name(dojo, learner)
    aims.draw(dojo, learner)
    recorded.draw(dojo, learner)
    recorded.draw_who_sees_it(dojo, learner)
    if learner != LOCAL:
        keys.draw_tokens(dojo, learner)
        keys.draw_sessions(dojo)
    leaving.draw(dojo, learner)
except PgdojoError as cause:
    st.info(literal(str(cause)), icon=":material/info:")
