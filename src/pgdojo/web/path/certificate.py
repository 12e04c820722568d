"""The certificate on the page Path: the name that it needs, its two forms, and what is left to the end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.learner.records import LOCAL
from pgdojo.path.achievement import NO_NAME
from pgdojo.path.certificate import Summary
from pgdojo.web.identity import me
from pgdojo.web.path.beginning import LONGEST_NAME
from pgdojo.web.text import day, literal

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.path.progress import PathProgress


def draw(dojo: Dojo, progress: PathProgress) -> None:
    """The next step when the path is done: fetch the certificate, after saying whose it is."""
    missing = dojo.certificates.lacking(me(), progress)
    if missing == (NO_NAME,) and me() == LOCAL:
        _ask_name(dojo)
    elif missing:
        st.info(literal(" ".join(missing)), icon=":material/info:")
    else:
        _downloads(dojo, filled=True)


def draw_held(dojo: Dojo, progress: PathProgress) -> None:
    """The certificate that was issued, while the next step is something else; before, what the last module lacks."""
    if progress.next.kind == "certificate":
        return
    if held := dojo.certificates.held(me()):
        with st.container(key="path_certificate", gap="xsmall"):
            st.markdown(f":material/workspace_premium: Your certificate of {day(Summary.of(held).issued)}")
            _downloads(dojo, filled=False)
        return
    left = [one for one in progress.modules if one.state != "done"]
    if len(left) == 1 and len(progress.modules) > 1:
        said = " ".join(dojo.certificates.lacking(me(), progress))
        st.caption(f":material/workspace_premium: To the certificate there is left: {literal(said)}")


def _ask_name(dojo: Dojo) -> None:
    with st.form("path_certificate_name", border=False):
        st.text_input("The name on your certificate", max_chars=LONGEST_NAME, key="path_holder")
        st.form_submit_button("Use this name", type="primary", key="path_name_it", on_click=_name, args=(dojo,))


def _name(dojo: Dojo) -> None:
    if name := " ".join(st.session_state["path_holder"].split()):
        dojo.journal.people.see(LOCAL, issuer=LOCAL, subject=LOCAL, name=name)


def _downloads(dojo: Dojo, *, filled: bool) -> None:
    """Both forms; the certificate is issued when one of them is fetched for the first time."""
    learner, certificates = me(), dojo.certificates
    with st.container(horizontal=True, gap="small", key="path_downloads"):
        st.download_button(
            "Certificate (PDF)",
            partial(certificates.file, learner, ".pdf"),
            file_name="certificate.pdf",
            mime="application/pdf",
            icon=":material/workspace_premium:",
            type="primary" if filled else "secondary",
            key="path_pdf",
        )
        st.download_button(
            "Badge (JSON)",
            partial(certificates.file, learner, ".json"),
            file_name="certificate.json",
            mime="application/json",
            icon=":material/data_object:",
            help="An Open Badge 3.0, for wallets and for programs.",
            key="path_badge",
        )
