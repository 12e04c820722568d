"""One server for the pages and the JSON: its parts, its settings and its start."""

from __future__ import annotations

import logging
import os
import tomllib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from pgdojo.errors import PgdojoError, UsageError
from pgdojo.web import api, resources
from pgdojo.web.admission import Admission
from pgdojo.web.headers import LOCAL_HOSTS, Guard
from pgdojo.web.text import literal

_log = logging.getLogger(__name__)

MAIN = Path(__file__).with_name("main.py")
SETTINGS = MAIN.parent / ".streamlit" / "config.toml"


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Begin to open the course beside the server's start, which does not wait: an index may take minutes to build."""
    yield {"opening": resources.opening()}


def show_sorry(cause: Exception) -> bool:
    """Say in one calm sentence that something failed, and put the detail into the log under the same number."""
    number = uuid.uuid4().hex[:8]
    _log.error("Error %s in a page", number, exc_info=cause)
    said = str(cause) if isinstance(cause, PgdojoError) else "This did not work, and nothing you stored is lost."
    st.info(f"{literal(said)} The log tells more under {number}.", icon=":material/info:")
    return True


def parts() -> dict[str, Any]:
    """What an `st.App` around `MAIN` is made of."""
    return {
        "lifespan": lifespan,
        "routes": api.ROUTES,
        "middleware": [Middleware(Guard), Middleware(Admission)],
        "on_script_error": show_sorry,
    }


def settings() -> dict[str, Any]:
    """Every setting of the pages by its dotted name, theme included."""
    return dict(_flat("", tomllib.loads(SETTINGS.read_text(encoding="utf-8"))))


def _flat(prefix: str, table: dict[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        found += _flat(f"{prefix}{name}.", value) if isinstance(value, dict) else [(prefix + name, value)]
    return found


def serve(course: Path | None = None, host: str = "127.0.0.1", port: int = 8501, *, open_browser: bool = False) -> None:
    """Serve the pages until the process is told to stop.

    Args:
        course: Folder of the course; None takes the one that `open_dojo` finds.
        host: A name or an address of this machine alone: there is no sign-in that would tell learners apart.
        port: 0 takes a free one.
        open_browser: Whether to open the first page in the system's browser.

    Raises:
        UsageError: `host` can be reached from other machines.
    """
    host = host.strip("[]")
    if host not in LOCAL_HOSTS:
        raise UsageError(
            f"pgdojo does not listen on {host}, because it has no sign-in.",
            next_step="Use 127.0.0.1, and a proxy that signs people in for other machines.",
        )
    if course is not None:
        os.environ[resources.COURSE_VARIABLE] = str(course.resolve())
    chosen = {"server.address": host, "server.port": port, "server.headless": not open_browser}
    st.App(MAIN, **parts()).run(config={**settings(), **chosen})
