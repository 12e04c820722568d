"""Streamlit's entry: `streamlit run app.py` and `pgdojo serve` start the same server.

Streamlit finds the App by reading this file, so it must be made here and cannot be imported.
"""

import streamlit as st

from pgdojo.web.server import MAIN, parts

app = st.App(MAIN, **parts())
