"""What is recorded of the learner, who sees it, and the files to take away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.learner import own_data
from pgdojo.learner.records import LOCAL
from pgdojo.web.text import counted, day, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgdojo.dojo import Dojo

_TEAM = (
    "- **Your mentor and the trainers** see how far you are, your quiz answers with their marks, your lab checks with "
    "what they found, and the tasks you put forward, with your notes. They are also told where you were sure of "
    "something wrong that would hurt in production. Each look at your answers is recorded, and in your downloads.\n"
    "- **The trainers** see questions that had no answer, answers that did not help, with your question and reason, "
    "and quiz questions that you call wrong, in order to mend the material.\n"
    "- **Nobody else sees** your other questions, which hints you opened in a quiz, or how sure you said you were."
)


def draw(dojo: Dojo, learner: str) -> None:
    """Everything by kind, with counts and last days."""
    kinds = dojo.people.kinds(learner, learner)
    st.subheader("What is recorded of you", anchor=False)
    if not kinds:
        st.caption("Nothing yet.")
        return
    total = sum(kind.rows for kind in kinds)
    st.caption(f"{counted(total, 'record')} of {counted(len(kinds), 'kind')}.")
    st.html(as_html(kinds))
    with st.container(horizontal=True, key="you_files"):
        _file(dojo, learner, "json", "application/json", own_data.as_json)
        _file(dojo, learner, "zip", "application/zip", own_data.as_zip)


def as_html(kinds: Sequence[own_data.Kind]) -> str:
    """The kinds as a table."""
    rows = "".join(
        f'<tr><th scope="row">{escape(kind.title)}</th><td>{kind.rows:,}</td><td>{day(kind.last_at)}</td></tr>'
        for kind in kinds
    )
    head = '<tr><th scope="col">What</th><th scope="col">How many</th><th scope="col">Last</th></tr>'
    return f'<table class="you-table"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def _file(dojo: Dojo, learner: str, ending: str, mime: str, form: Callable[[own_data.OwnData], bytes]) -> None:
    label = {"json": "Download as JSON", "zip": "Download as CSV"}[ending]
    st.download_button(
        label,
        lambda: form(dojo.people.own_data(learner, learner)),  # made when it is asked for, not at each click
        file_name=f"pgdojo-{datetime.now(UTC):%Y-%m-%d}.{ending}",
        mime=mime,
        icon=":material/download:",
        on_click="ignore",
        key=f"you_file_{ending}",
    )


def draw_who_sees_it(dojo: Dojo, learner: str) -> None:
    """Who else can read it, said plainly."""
    st.subheader("Who sees it", anchor=False)
    if learner == LOCAL:
        st.markdown(
            f"You, and whoever can read {literal(dojo.journal.place)}. pgdojo sends it nowhere, except for lab checks "
            "where you have given it a token of your team."
        )
    else:
        st.markdown(_TEAM)
