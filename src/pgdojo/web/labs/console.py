"""The console: SQL on a lab's servers, as the learner, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.errors import LabError
from pgdojo.lab.deeds import Deed, keep
from pgdojo.learner.text import utc_now
from pgdojo.web.labs import statements
from pgdojo.web.labs.bench import bench
from pgdojo.web.labs.statements import Outcome, Run, Table
from pgdojo.web.questions import mint
from pgdojo.web.text import literal, one_line

if TYPE_CHECKING:
    from pgdojo.lab.sandbox import Sandbox, ServerState

MOST_IN_A_TABLE = 50
"""Rows in a plain table; more go into a frame that scrolls, for which Streamlit loads pandas."""
MOST_SQL = 4000


def draw(sandbox: Sandbox) -> None:
    """A tab a server, each with its statement, its result and the address for psql."""
    with st.container(border=True, key="lab_console"):
        st.subheader("Console", anchor=False)
        servers = sandbox.states()
        if not servers:
            st.caption("No server runs yet. One appears here as soon as the AWS API has made it.")
            return
        for tab, server in zip(st.tabs([_label(one) for one in servers], key="lab_tabs"), servers, strict=True):
            with tab:
                _server(sandbox, server)
        _history(sandbox.lab)


def _label(server: ServerState) -> str:
    told = server.role if server.role == "stopped" else f"{server.role} · {server.version}"
    return f"{one_line(server.name)} :small[:gray[{one_line(told)}]]"


def field(server: str) -> str:
    """The key of a server's text area."""
    return f"lab_sql_{server}"


def place(server: str) -> str:
    """Where the results of a server's tab are shown."""
    return f"console {server}"


def _server(sandbox: Sandbox, server: ServerState) -> None:
    with st.form(f"lab_form_{server.name}", border=False):
        st.text_area(
            f"SQL on {server.name}",
            key=field(server.name),
            height=110,
            max_chars=MOST_SQL,
            placeholder="SELECT now();",
            label_visibility="collapsed",
        )
        with st.container(horizontal=True, vertical_alignment="center", key=f"lab_run_row_{server.name}"):
            st.form_submit_button(
                "Run",
                key=f"lab_run_{server.name}",
                icon=":material/play_arrow:",
                on_click=run_typed,
                args=(sandbox, server.name, mint()),
            )
            st.caption("as learner, in a session of its own · Ctrl+Enter runs it", width="content")
    shown = bench().last_run(sandbox.lab, place(server.name))
    if shown:
        result(shown, f"lab_result_{server.name}")
    with st.expander("From a terminal", key=f"lab_psql_{server.name}", icon=":material/terminal:"):
        st.code(f'psql "{sandbox.conninfo(server.name)}"', language="bash", wrap_lines=True)
        st.caption(f"`pgdojo lab shell {literal(sandbox.lab)}` opens one in which every address is a variable.")


def run_typed(sandbox: Sandbox, server: str, key: str) -> None:
    """Run what stands in a server's text area, once for each `key`."""
    text = st.session_state.get(field(server)) or ""
    if text.strip():
        _run(sandbox, server, text, key, place(server))


def run_command(sandbox: Sandbox, server: str, text: str, key: str, where: str, step: str) -> None:
    """Put a command of `step` into the console and run it; its result is shown below the command too."""
    st.session_state[field(server)] = text
    _run(sandbox, server, text, key, where, step)


def _run(sandbox: Sandbox, server: str, text: str, key: str, where: str, step: str = "") -> None:
    def work() -> Run:
        try:
            conninfo = sandbox.conninfo(server)
        except LabError as cause:
            return Run(server=server, text=text, error=str(cause))
        began = utc_now()
        run = statements.run(conninfo, server, text)
        if step and not run.error:
            keep(sandbox.folder, Deed(step=step, began=began, seconds=run.seconds))
        return run

    bench().run_once(sandbox.lab, key, f"{server} {text}", work, where)


def result(run: Run, key: str) -> None:
    """What came of a run: tables, the server's words, notices and the error with its SQLSTATE."""
    with st.container(key=key, gap="xsmall"):
        for number, outcome in enumerate(run.outcomes):
            _outcome(outcome, f"{key}_{number}")
        for notice in run.notices:
            st.caption(f":material/info: {one_line(notice)}")
        if run.error:
            state = f"`{run.state}` " if run.state else ""
            st.markdown(f":red-badge[:material/error: Error] {state}{one_line(run.error)}")
        st.caption(f"on {one_line(run.server)} · {run.seconds:.2f} s")


def _outcome(outcome: Outcome, key: str) -> None:
    if outcome.table is None:
        st.caption(one_line(outcome.said))
        return
    if outcome.table.columns and outcome.table.rows:
        _table(outcome.table, key)
    st.caption(one_line(outcome.said))


def _table(table: Table, key: str) -> None:
    if len(table.rows) <= MOST_IN_A_TABLE:
        with st.container(key=f"{key}_table"):
            st.markdown(as_markdown(table), anchors=False)
        return
    columns = {
        _unlike(name, place, table.columns): [row[place] for row in table.rows]
        for place, name in enumerate(table.columns)
    }
    st.dataframe(columns, hide_index=True, height=320, key=f"{key}_frame")


def _unlike(name: str, place: int, names: tuple[str, ...]) -> str:
    return name if names.count(name) == 1 else f"{name} ({place + 1})"


def as_markdown(table: Table) -> str:
    """A table whose cells show exactly what the server sent, line breaks as spaces."""
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    cells = [
        lines[1] if number == 1 else tuple(one_line(cell) or " " for cell in line) for number, line in enumerate(lines)
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _history(lab: str) -> None:
    runs = bench().runs(lab)
    if not runs:
        return
    with st.expander("The last statements", key="lab_history", icon=":material/history:"):
        for run in runs:
            sign = ":red[:material/close:]" if run.error else ":green[:material/check:]"
            text = run.text if len(run.text) <= 200 else run.text[:200] + " …"
            st.markdown(f"{sign} **{one_line(run.server)}** · {one_line(text)}")
