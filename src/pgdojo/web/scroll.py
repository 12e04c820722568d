"""Bringing a passage into view, which Streamlit has no call for."""

from __future__ import annotations

import streamlit as st

TARGET_KEY = "book_target"
SCRIPT = f"""(function(){{
  let tries = 0;
  const seek = function() {{
    const target = document.querySelector(".st-key-{TARGET_KEY}");
    if (target) target.scrollIntoView({{block: "center"}});
    if (++tries < 8) setTimeout(seek, 150);
  }};
  seek();
}})();"""
"""Ours and constant, since the Content-Security-Policy lets it run by its hash. It looks again for a second, because
diagrams above the passage still grow while they are drawn."""


def to_target(identity: str) -> None:
    """Scroll to the container with `TARGET_KEY` when the page shows `identity` for the first time."""
    with st.container(key=f"book_scroll_{identity}"):
        st.html(f"<script>{SCRIPT}</script>", unsafe_allow_javascript=True)
