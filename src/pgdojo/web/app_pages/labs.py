"""Labs: choose one, work through its steps on real servers, and see each step checked."""

from __future__ import annotations

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.web import resources
from pgdojo.web.identity import me
from pgdojo.web.labs import catalogue, lab
from pgdojo.web.text import literal

dojo = resources.dojo()
if "all" in st.query_params:
    st.query_params.clear()
wanted = st.query_params.get("lab", "")

try:
    entries = dojo.labs.catalogue(me())
except ImportError:
    st.title("Labs", anchor=False)
    st.markdown("Labs need some packages more than the rest of pgdojo. Install them, then start pgdojo again.")
    st.code("pip install 'pgdojo[labs]'", language="bash")
    st.stop()
except PgdojoError as cause:
    st.title("Labs", anchor=False)
    st.info(literal(str(cause)), icon=":material/info:")
    st.stop()

entry = next((entry for entry in entries if entry.lab.id == wanted), None)
if wanted and entry is None:
    st.info("There is no lab under this address. Choose one below.", icon=":material/info:")
if entry is not None:
    lab.draw(dojo, entry)
else:
    catalogue.draw(entries, for_team=dojo.labs.for_team)
