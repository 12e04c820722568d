"""From what was read to what can be done: links to the labs that rest on a passage."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.web.text import one_line

if TYPE_CHECKING:
    from pgdojo.course.lab_records import Lab
    from pgdojo.dojo import Dojo

_log = logging.getLogger(__name__)

LABS = "app_pages/labs.py"


def labs(dojo: Dojo, passages: Collection[str]) -> list[Lab]:
    """The labs that practise one of `passages`, those with most steps on them first; none where labs cannot be used.

    A fault in a lab must not stop a page that only leads to it; the page of labs tells of the fault.
    """
    try:
        found = dojo.labs.practising(passages)
    except (PgdojoError, ImportError):
        _log.debug("No links to labs.", exc_info=True)
        return []
    counts = Counter(lab.id for lab, _ in found)
    by_id = {lab.id: lab for lab, _ in found}
    return [by_id[name] for name, _ in counts.most_common()]


def links(dojo: Dojo, passages: Collection[str], key: str, most: int = 2) -> None:
    """Links to the labs that practise one of `passages`."""
    found = labs(dojo, passages)[:most]
    if not found:
        return
    with st.container(horizontal=True, gap="medium", key=f"{key}_practise_links"):
        for lab in found:
            st.page_link(
                LABS,
                label=f"Practise it · {one_line(lab.title)}",
                icon=":material/science:",
                query_params={"lab": lab.id},
            )
