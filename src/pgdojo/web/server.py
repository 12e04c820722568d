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
from pgdojo.team.settings import TEAM_VARIABLE, TeamSettings, team_settings
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
    """What an `st.App` around `MAIN` is made of.

    Raises:
        UsageError: The team's settings are wrong.
    """
    team = team_settings()
    return {
        "lifespan": lifespan,
        "routes": api.ROUTES,
        "middleware": [
            Middleware(Guard, is_https=team is not None and team.is_https),
            Middleware(Admission, most=team.capacity if team else None),
        ],
        "on_script_error": show_sorry,
        "secrets": {"auth": team.auth.secrets()} if team else None,
    }


def settings() -> dict[str, Any]:
    """Every setting of the pages by its dotted name, theme included."""
    return dict(_flat("", tomllib.loads(SETTINGS.read_text(encoding="utf-8"))))


def _flat(prefix: str, table: dict[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        found += _flat(f"{prefix}{name}.", value) if isinstance(value, dict) else [(prefix + name, value)]
    return found


def must_be_safe(host: str, team: TeamSettings | None, *, for_team: bool) -> None:
    """Refuse to start where others could come in without signing in.

    Raises:
        UsageError: `host` can be reached from other machines and nobody would have to sign in, or they would do so in
            the clear; or a team is wanted and no provider is configured.
    """
    if for_team and team is None:
        raise UsageError(
            "A team signs in with an OpenID provider, and none is configured.",
            next_step=f"Write the team's settings and name the file in {TEAM_VARIABLE}; docs/operators.md shows one.",
        )
    if team is None and host not in LOCAL_HOSTS:
        raise UsageError(
            f"pgdojo does not listen on {host}, because it has no sign-in.",
            next_step=f"Use 127.0.0.1, or let a team sign in: name its settings in {TEAM_VARIABLE}.",
        )
    if team is not None and host not in LOCAL_HOSTS and not team.is_https:
        raise UsageError(
            f"pgdojo does not listen on {host} for {team.address}: cookies and tokens would travel in the clear.",
            next_step="Put a proxy with TLS before it, and its https:// address into the team's settings.",
        )


def serve(
    course: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8501,
    *,
    open_browser: bool = False,
    for_team: bool = False,
) -> None:
    """Serve the pages until the process is told to stop.

    Args:
        course: Folder of the course; None takes the one that `open_dojo` finds.
        host: Where to listen. Without a team it is a name or an address of this machine alone.
        port: 0 takes a free one.
        open_browser: Whether to open the first page in the system's browser.
        for_team: Whether people must sign in; they always do where the team's settings are named.

    Raises:
        UsageError: It would not be safe, or the team's settings are wrong.
    """
    host, team = host.strip("[]"), team_settings()
    must_be_safe(host, team, for_team=for_team)
    if course is not None:
        os.environ[resources.COURSE_VARIABLE] = str(course.resolve())
    chosen: dict[str, Any] = {"server.address": host, "server.port": port, "server.headless": not open_browser}
    if team is not None:
        chosen["server.allowedHosts"] = list(team.hosts)
    st.App(MAIN, **parts()).run(config={**settings(), **chosen})
