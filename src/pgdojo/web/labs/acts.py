"""What a click does to a lab; each is a callback without a call to the page, and a double click does it once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.course.lab_records import Action, Lab, LabStep
from pgdojo.lab.deeds import noted
from pgdojo.web.identity import me
from pgdojo.web.labs.bench import bench

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo
    from pgdojo.lab.sandbox import Sandbox

WHOLE, WHOLE_AGAIN = "whole", "again"
"""The places of what is done to a lab as a whole: its start and stop, and its passed steps once more."""


def start(dojo: Dojo, lab: str, key: str) -> None:
    """Start a lab's servers, which end with this process."""
    bench().begin(lab, WHOLE, "Starting the servers", lambda: _start(dojo, lab), key)


def _start(dojo: Dojo, lab: str) -> None:
    passed = [state.step.id for state in dojo.labs.steps(me(), lab) if state.status == "passed"]
    dojo.labs.start(me(), lab, owner=os.getpid())
    bench().set_behind(lab, tuple(passed))


def catch_up(sandbox: Sandbox, lab: Lab, key: str) -> None:
    """Do what the passed steps ask for once more, by their own solutions, on servers that are new."""

    def work() -> str:
        behind = bench().behind(lab.id)
        for step in lab.steps:
            if step.id in behind:
                for operation in step.solution:
                    sandbox.perform(operation)
        bench().set_behind(lab.id, ())
        return "What the passed steps ask for is done on these servers, too."

    bench().begin(lab.id, WHOLE_AGAIN, "Doing the passed steps again", work, key)


def stop(dojo: Dojo, lab: str, key: str) -> None:
    """Stop a lab's servers and remove what they wrote; what was passed stays."""

    def work() -> None:
        dojo.labs.stop(lab)
        bench().forget(lab)

    bench().begin(lab, WHOLE, "Stopping the servers", work, key)


def reset(dojo: Dojo, lab: str, key: str) -> None:
    """Begin a lab again with new servers."""

    def work() -> None:
        dojo.labs.stop(lab)
        bench().forget(lab)
        _start(dojo, lab)

    bench().begin(lab, WHOLE, "Starting again with new servers", work, key)


def act(sandbox: Sandbox, step: LabStep, action: Action, key: str) -> None:
    """Do what a step's button says."""

    def work() -> str:
        with noted(sandbox.folder, step.id, goes_on=action.aws is not None):
            return sandbox.perform(action)

    bench().begin(sandbox.lab, step.id, action.label, work, key)


def check(dojo: Dojo, lab: Lab, step: LabStep, key: str) -> None:
    """Run a step's checks; what they found is in its state."""

    def work() -> None:
        dojo.labs.check(me(), lab.id, step.id)

    bench().begin(lab.id, step.id, "Checking", work, key)


def predict(dojo: Dojo, lab: Lab, step: LabStep, field: str, key: str) -> None:
    """Commit to the number in `field` before the step is done."""
    value = st.session_state.get(field)
    if value is not None and bench().once(key):
        dojo.labs.predict(me(), lab.id, step.id, float(value))


def hint(dojo: Dojo, lab: Lab, step: LabStep, key: str) -> None:
    """Show the next rung of a step's hints."""
    if bench().once(key):
        dojo.labs.hint(me(), lab.id, step.id)
