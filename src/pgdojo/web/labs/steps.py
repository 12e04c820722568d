"""The steps of a lab: what is passed, what is open with everything one needs for it, and what waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from pgdojo.course.lab_records import Action, Command, Lab, LabStep
from pgdojo.errors import LabError
from pgdojo.lab.real import Away
from pgdojo.lab.real.commands import for_account
from pgdojo.web.labs import acts, away, console, words
from pgdojo.web.labs.bench import bench
from pgdojo.web.questions import mint
from pgdojo.web.quiz.words import inline
from pgdojo.web.text import counted, literal, one_line, safe_markdown

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.lab.checks import Finding
    from pgdojo.lab.runner import StepState
    from pgdojo.lab.sandbox import Sandbox

MOST_FOUND = 400
"""Characters of a found value."""


class Steps:
    """One drawing of a lab's steps."""

    def __init__(self, dojo: Dojo, lab: Lab, sandbox: Sandbox, states: list[StepState]) -> None:
        self.dojo = dojo
        self.lab = lab
        self.sandbox = sandbox
        self.states = states
        self.busy = bench().job(lab.id)
        self.main = next((state.step.id for state in states if state.status == "open"), "")
        """The step whose Check is the one filled button."""

    def draw(self, *statuses: str) -> None:
        """The steps that have one of `statuses`, in the lab's order."""
        shown = [(number, state) for number, state in enumerate(self.states, 1) if state.status in statuses]
        for number, state in shown:
            if state.status == "passed":
                self._passed(number, state)
            elif state.status == "waiting":
                self._waiting(number, state)
            else:
                self._open(number, state)

    def _waiting(self, number: int, state: StepState) -> None:
        after = [self.lab.step(name) for name in self.lab.before(state.step)]
        names = ", ".join(f"“{one_line(step.title)}”" for step in after if step)
        with st.container(key=f"lab_waiting_{state.step.id}"):
            st.markdown(f":gray[:material/lock: {number} · {one_line(state.step.title)}]")
            if names and number > 1 and len(after) > 1:
                st.caption(f"Opens after {names}")

    def _passed(self, number: int, state: StepState) -> None:
        step, told = state.step, compared(state)
        label = f":green[:material/check_circle:] **{number} · {one_line(step.title)}**"
        opened = st.expander(
            f"{label} :small[{told}]" if told else label, key=f"lab_passed_{step.id}", on_change="rerun"
        )
        if not opened.open:
            return
        with opened:
            st.markdown(safe_markdown(self._filled(step.do)), anchors=False)
            self._doing(state)
            words.passages(self.dojo, step.cites, f"lab_rests_{step.id}", "Rests on")

    def _open(self, number: int, state: StepState) -> None:
        step = state.step
        with st.container(border=True, key=f"lab_step_{step.id}"):
            st.subheader(f"{number} · {one_line(step.title)}", anchor=False)
            st.caption(inline(step.why))
            st.markdown(safe_markdown(self._filled(step.do)), anchors=False)
            if state.status == "reading":
                self._reading(state)
            elif step.predict is not None and state.prediction is None:
                self._predict(step)
            else:
                self._doing(state)
            words.passages(self.dojo, step.cites, f"lab_rests_{step.id}", "Rests on")

    def _reading(self, state: StepState) -> None:
        """A step that nothing here can check: what it needs, and its commands to read."""
        from pgdojo.lab.runner import advice, missing

        lacking = missing(self.lab, state.step)
        said = ", ".join(words.need(name) for name in lacking) or "something that is not installed"
        st.markdown(f"{words.BADGES['could_not_check']} This step is for reading here: it needs {literal(said)}.")
        for name in lacking:
            st.code(advice(name), language="bash", wrap_lines=True)
        for command in state.step.commands:
            _code(self._filled(command.run), command)

    def _predict(self, step: LabStep) -> None:
        prediction = step.predict
        if prediction is None:
            return
        name = f"lab_prediction_{step.id}"
        with st.form(f"lab_predict_{step.id}", border=False):
            st.number_input(
                f"{one_line(prediction.ask)} In {one_line(prediction.unit)}:",
                min_value=0.0,
                value=None,
                step=1.0,
                format="%g",
                key=name,
                placeholder="Your guess",
            )
            st.form_submit_button(
                "Commit to it",
                key=f"lab_commit_{step.id}",
                type=self._type(step),
                on_click=acts.predict,
                args=(self.dojo, self.lab, step, name, mint()),
            )
        st.caption("Commit first: a guess that turns out wrong is what one remembers.")

    def _type(self, step: LabStep) -> Any:
        return "primary" if step.id == self.main else "secondary"

    def _doing(self, state: StepState) -> None:
        step = state.step
        if step.predict is not None and state.prediction is not None and state.status != "passed":
            told = words.amount(state.prediction, step.predict.unit)
            st.caption(f":material/psychology: You predict {literal(told)}.")
        for number, command in enumerate(step.commands):
            with st.container(key=f"lab_line_{step.id}_{number}", gap="xsmall"):
                self._command(command, step, number)
        self._actions(step)
        self._under_way(step)
        if away.pastes(self.sandbox, step):
            away.area(self.dojo, self.lab, step, main=step.id == self.main, busy=self.busy is not None)
        else:
            self._check(state)
        if state.finding is not None and not (self.busy and self.busy.place == step.id):
            self._finding(state.finding, step)
        if state.status != "passed":
            self._hints(state)

    def _check(self, state: StepState) -> None:
        step = state.step
        st.button(
            "Check again" if state.status == "passed" else "Check",
            key=f"lab_check_{step.id}",
            type=self._type(step),
            icon=":material/task_alt:",
            disabled=self.busy is not None,
            on_click=acts.check,
            args=(self.dojo, self.lab, step, mint()),
        )

    def _command(self, command: Command, step: LabStep, number: int) -> None:
        if command.says:
            st.markdown(f":small[{inline(command.says)}]")
        is_away = isinstance(self.sandbox, Away)
        text = self._filled(for_account(command) if is_away else command.run)
        _code(text, command)
        if is_away or command.language != "sql":
            return
        server = command.on or next((one.name for one in self.sandbox.states()), "")
        where = f"command {step.id} {number}"
        if not server:
            return
        st.button(
            f"Run in the console of {one_line(server)}" if command.on else "Run in the console",
            key=f"lab_command_{step.id}_{number}",
            icon=":material/play_arrow:",
            type="tertiary",
            on_click=console.run_command,
            args=(self.sandbox, server, text, mint(), where, step.id),
        )
        shown = bench().last_run(self.lab.id, where)
        if shown:
            console.result(shown, f"lab_shown_{step.id}_{number}")

    def _actions(self, step: LabStep) -> None:
        if isinstance(self.sandbox, Away):
            away.to_copy(step)
            return
        if not step.actions:
            return
        with st.container(horizontal=True, gap="small", key=f"lab_actions_{step.id}"):
            for number, action in enumerate(step.actions):
                if action.danger:
                    self._danger(step, action, number)
                else:
                    self._action(step, action, f"lab_action_{step.id}_{number}", one_line(action.label))

    def _action(self, step: LabStep, action: Action, key: str, label: str) -> None:
        st.button(
            label,
            key=key,
            disabled=self.busy is not None,
            on_click=acts.act,
            args=(self.sandbox, step, action, mint()),
        )

    def _danger(self, step: LabStep, action: Action, number: int) -> None:
        """A button that destroys: outlined red, and asked once more before it does."""
        # The count is part of the key, so that the question closes when it was answered.
        key = f"lab_danger_{step.id}_{number}_{bench().begun(self.lab.id)}"
        with st.popover(one_line(action.label), key=key, disabled=self.busy is not None):
            st.markdown("Go ahead? If it goes wrong, a reset gives you new servers.")
            self._action(step, action, f"lab_danger_really_{step.id}_{number}", f"{one_line(action.label)} now")

    def _under_way(self, step: LabStep) -> None:
        told = bench().told(self.lab.id, step.id)
        if self.busy is not None and self.busy.place == step.id:
            waiting(self.lab.id)
        elif told is not None:
            sign = ":material/info:" if told.failed else ":material/done:"
            with st.container(key=f"lab_told_{step.id}"):
                st.markdown(f"{sign} {literal(told.said)}")

    def _finding(self, finding: Finding, step: LabStep) -> None:
        with st.container(key=f"lab_finding_{step.id}_{finding.status}", gap="xsmall"):
            st.markdown(f"{words.BADGES[finding.status]} **{inline(finding.say)}**" if finding.say
                        else words.BADGES[finding.status])  # fmt: skip
            for name, said in (("Expected", finding.expected), ("Found", finding.found)):
                if said:
                    st.markdown(f"**{name}** {one_line(_short(said))}")
            if finding.status != "passed":
                if finding.why:
                    st.markdown(f"**Why it matters** {inline(finding.why)}")
                if finding.next:
                    st.markdown(f"**Look at next** {inline(finding.next)}")
            words.passages(self.dojo, finding.cites, f"lab_cited_{step.id}")
            if finding.log:
                with st.expander("What was looked at", key=f"lab_looked_{step.id}", icon=":material/search:"):
                    st.code(finding.log, language=None, wrap_lines=True)

    def _hints(self, state: StepState) -> None:
        step, shown = state.step, state.hints
        with st.container(key=f"lab_hints_{step.id}", gap="xsmall"):
            for rung, text in enumerate(shown):
                if text == step.hints.pointer:
                    words.passages(self.dojo, [text], f"lab_pointer_{step.id}", words.RUNGS[rung])
                else:
                    st.markdown(f":material/lightbulb: **{words.RUNGS[rung]}.** {safe_markdown(self._filled(text))}")
            if len(shown) >= len(words.RUNGS):
                return
            waits = self._seconds_to_hint(state)
            st.button(
                words.NEXT_RUNG[len(shown)],
                key=f"lab_hint_{step.id}_{len(shown)}",
                type="tertiary",
                icon=":material/lightbulb:",
                disabled=waits > 0,
                on_click=acts.hint,
                args=(self.dojo, self.lab, step, mint()),
            )
            if waits > 0:
                st.fragment(_until_hint, run_every=5)(state.next_hint_at)

    def _seconds_to_hint(self, state: StepState) -> float:
        if state.next_hint_at is None:
            return 0.0
        return (state.next_hint_at - datetime.now(UTC)).total_seconds()

    def _filled(self, text: str) -> str:
        try:
            return self.sandbox.fill(text)
        except (LabError, KeyError):
            return text  # what it names has not been remembered yet


def _code(text: str, command: Command) -> None:
    language = {"sql": "sql", "shell": "bash", "python": "python"}[command.language]
    st.code(text, language=language, wrap_lines=True)


def _short(text: str) -> str:
    return text if len(text) <= MOST_FOUND else text[:MOST_FOUND] + " …"


def compared(state: StepState) -> str:
    """The prediction beside what was measured; empty where there is none."""
    prediction = state.step.predict
    if prediction is None or state.measured is None:
        return ""
    measured = f"measured {words.amount(state.measured, prediction.unit)}"
    if state.prediction is None:
        return one_line(measured)
    return one_line(f"predicted {words.amount(state.prediction, prediction.unit)}, {measured}")


def _until_hint(opens_at: datetime) -> None:
    left = (opens_at - datetime.now(UTC)).total_seconds()
    if left <= 0:
        st.rerun()
    st.caption(f"After a check, or in {counted(max(1, round(left)), 'second')}.")


def waiting(lab: str) -> None:
    """What is under way, with its seconds; the page is drawn anew when it has ended."""
    st.fragment(_waiting, run_every=0.7)(lab)


def _waiting(lab: str) -> None:
    job = bench().job(lab)
    if job is None:
        st.rerun()
    st.markdown(f":shimmer[{one_line(job.says)}] · {job.seconds:.0f} s")
