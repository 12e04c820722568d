"""What all visitors share: the one Dojo, opened once in this process and never changed in place."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.errors import PgdojoError
from pgdojo.team.access import OPERATOR
from pgdojo.web.opening import Opening, Report

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

_log = logging.getLogger(__name__)

COURSE_VARIABLE = "PGDOJO_COURSE"


def _open_course(report: Report) -> Dojo:
    # Here, because its libraries take half a second for which the server need not wait.
    from pgdojo.dojo import open_dojo

    threading.Thread(target=_tidy_labs, name="tidy-labs", daemon=True).start()
    folder = os.environ.get(COURSE_VARIABLE)
    found = open_dojo(Path(folder) if folder else None, progress=report)
    threading.Thread(target=_look_ahead, args=(found,), name="look-ahead", daemon=True).start()
    return found


def _look_ahead(found: Dojo) -> None:
    """Do beside the first visits what would otherwise hold up somebody's page."""
    _ask_again(found)
    try:
        found.team.help_today(OPERATOR)  # counts what everybody did so far, once; seconds with half a million rows
    except PgdojoError:
        _log.warning("What the team did could not be counted yet.", exc_info=True)


def _ask_again(found: Dojo) -> None:
    """Ask what had no answer once more where the course has changed, so that its askers hear of it."""
    try:
        answered = found.material.rerun()
    except PgdojoError:
        _log.warning("Open questions could not be asked again.", exc_info=True)
    else:
        if answered:
            _log.info("%d questions that had no answer have one now.", answered)


def _tidy_labs() -> None:
    """Remove what labs left behind whose server was killed, and look once for what labs run on.

    Beside the opening: neither may delay it, and neither may stop it.
    """
    try:
        from pgdojo.lab.engines import engines
        from pgdojo.lab.sandbox import home, sweep

        for removed in sweep(home()):
            _log.info("Removed what was left of a lab: %s", removed)
        engines()
    except ImportError:
        _log.debug("Labs are not installed.", exc_info=True)
    except (PgdojoError, OSError):
        _log.warning("What is left of earlier labs could not be removed.", exc_info=True)


@st.cache_resource(show_spinner=False)  # type: ignore[untyped-decorator]  # Streamlit is read without types
def opening() -> Opening:
    """The opening of this process's Dojo, begun at the first call."""
    return Opening(_open_course)


def dojo() -> Dojo:
    """The Dojo, which the entry file has waited for.

    Raises:
        PgdojoError: It is still opening, or could not be opened.
    """
    found: Dojo | None = opening().dojo
    if found is None:
        raise PgdojoError("The course is not open yet.", next_step="Wait a moment and load the page again.")
    return found
