"""Read: the contents, one document, the ledger of facts, or the words, as the address says."""

from __future__ import annotations

import streamlit as st

from pgdojo.web import book, resources

dojo = resources.dojo()
place = book.find(dojo, st.query_params.to_dict())
book.record_once(dojo, place)
book.draw(dojo, place)
