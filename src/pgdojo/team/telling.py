"""Tells the team's server what labs on this machine have seen; what cannot be told now stays in the journal here."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from pgdojo.errors import UsageError
from pgdojo.learner.lab_journal import LabJournal
from pgdojo.team.evidence import messages

URL_VARIABLE = "PGDOJO_TEAM_URL"
TOKEN_VARIABLE = "PGDOJO_TOKEN"  # noqa: S105 - the name of a variable
PATIENCE = 10.0
"""Seconds until a server that does not answer is left alone."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamServer:
    """Where the team's server is, and as whom to speak to it."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What became of telling."""

    stored: int
    known: int
    unknown: int
    problem: str = ""
    """Why not everything could be told, and what to do; empty if it could."""


def team_server() -> TeamServer | None:
    """The server that the environment names; None where it names none.

    Raises:
        UsageError: Half of it is missing, or the token would travel in the clear.
    """
    url, token = os.environ.get(URL_VARIABLE, "").strip().rstrip("/"), os.environ.get(TOKEN_VARIABLE, "").strip()
    if not url and not token:
        return None
    if not (url and token):
        lacking = TOKEN_VARIABLE if url else URL_VARIABLE
        raise UsageError(
            f"{lacking} is not set.", next_step="Set both; the page You of the team's server makes a token."
        )
    parts = urlsplit(url)
    if not (parts.scheme == "https" and parts.hostname) and not (
        parts.scheme == "http" and parts.hostname in _LOOPBACK
    ):
        raise UsageError(
            f"{URL_VARIABLE} does not begin with https://, so that the token would travel in the clear.",
            next_step="Give the address of the team's server as you open it in a browser.",
        )
    return TeamServer(url=url, token=token)


def tell(
    server: TeamServer, journal: LabJournal, labs: Iterable[str], learner: str, since: datetime | None = None
) -> Told:
    """Send what the journal holds of `labs`; what the server has already is not stored twice.

    Args:
        server: Where to.
        journal: Of this machine.
        labs: Their ids.
        learner: Whose records, in the journal of this machine.
        since: Only what is not older; None for everything.
    """
    stored = known = unknown = 0
    problem = ""
    with httpx.Client(timeout=PATIENCE, headers={"Authorization": f"Bearer {server.token}"}) as client:
        for message in messages(journal, labs, learner, since):
            answer, problem = _post(client, server, message)
            if problem:
                break
            stored, known, unknown = stored + answer["stored"], known + answer["known"], unknown + answer["unknown"]
    return Told(stored=stored, known=known, unknown=unknown, problem=problem)


def _post(client: httpx.Client, server: TeamServer, message: dict[str, Any]) -> tuple[dict[str, int], str]:
    kept = "Nothing is lost: pgdojo lab send tells it later."
    try:
        answer = client.post(f"{server.url}/api/labs/evidence", json=message)
        body = answer.json()
        if answer.status_code != httpx.codes.OK:
            return {}, f"{server.url} does not take it: {body['error']} {kept}"
        return {name: int(body[name]) for name in ("stored", "known", "unknown")}, ""
    except httpx.HTTPError as cause:
        return {}, f"{server.url} cannot be reached: {type(cause).__name__}. {kept}"
    except (ValueError, KeyError, TypeError):
        return {}, f"{server.url} does not answer as a team's server does. {kept}"
