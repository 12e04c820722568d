"""The JSON beside the pages: `GET /healthz`, `POST /api/ask`, and on a team's server `POST /api/labs/evidence`."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from pgdojo.errors import AccessError, PgdojoError, UsageError
from pgdojo.learner.records import LOCAL
from pgdojo.team.access import Action
from pgdojo.team.settings import team_settings
from pgdojo.web import resources
from pgdojo.web.headers import is_loopback
from pgdojo.web.questions import MAX_QUESTION

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

_log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""Bytes of a request."""
MAX_EVIDENCE = 1024 * 1024
"""The same for what labs have seen."""
MAX_TURNS = 50
"""Earlier questions of a conversation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question with the stand-alone questions of the turns before it."""

    question: str
    history: tuple[str, ...] = ()


def parse(body: bytes) -> Asked:
    """Read the body of a request.

    Raises:
        UsageError: It is not JSON of the shape {"question": "...", "history": ["...", ...]}.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as cause:
        raise UsageError("The body is not JSON.", next_step='Send {"question": "..."}.') from cause
    if not isinstance(data, dict):
        raise UsageError("The body is not a JSON object.", next_step='Send {"question": "..."}.')
    unknown = sorted(map(str, data.keys() - {"question", "history"}))
    if unknown:
        raise UsageError(f"The field {unknown[0]!r} is not known.", next_step="Known are question and history.")
    history = data.get("history") or []
    if not isinstance(history, list) or len(history) > MAX_TURNS:
        raise UsageError(f"The field history is not a list of at most {MAX_TURNS} questions.")
    return Asked(
        question=_text(data.get("question"), "question"), history=tuple(_text(turn, "history") for turn in history)
    )


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"The field {field} holds no text.", next_step="Write a question into it.")
    if len(value) > MAX_QUESTION:
        raise UsageError(f"The field {field} has {len(value):,} characters; {MAX_QUESTION:,} is the most.")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in value) or "\0" in value:
        raise UsageError(f"The field {field} holds characters that are no text.")
    return value


def _error(problem: str, status: int, **headers: str) -> JSONResponse:
    return JSONResponse({"error": problem}, status_code=status, headers=headers)


async def _body(request: Request, most: int = MAX_BODY) -> bytes:
    """The body, read no further than is allowed."""
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > most:
            raise HTTPException(413, f"The body has more than {most // 1024} KB.")
    return bytes(chunks)


def _open_dojo() -> Dojo:
    found: Dojo | None = resources.opening().dojo
    if found is None:
        raise HTTPException(503, "The course is not open yet.", headers={"Retry-After": "2"})
    return found


async def _caller(request: Request) -> str:
    """Who asks: the token's owner on a team's server, else the person of this machine."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "This address does not answer pages of other sites.")
    if team_settings() is not None:
        return await run_in_threadpool(_owner, request.headers.get("authorization", ""))
    if request.client is None or not is_loopback(request.client.host):
        raise HTTPException(403, "This address answers callers on the same machine only.")
    return LOCAL


def _owner(authorization: str) -> str:
    """Whose token a header carries.

    Raises:
        HTTPException: None, or one that is nobody's or was ended.
    """
    scheme, _, secret = authorization.partition(" ")
    owner = _open_dojo().journal.people.owner_of(secret.strip()) if scheme.casefold() == "bearer" else None
    if owner is None:
        raise HTTPException(
            401,
            "This needs a token that works. Make one on the page You, and send it as Authorization: Bearer TOKEN.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return owner


async def ask(request: Request) -> Response:
    """Answer one question; the shape is that of `pgdojo ask --json`."""
    by = await _caller(request)
    asked = parse(await _body(request))
    dojo = _open_dojo()
    await run_in_threadpool(dojo.access.require, by, Action.ASK, by)
    answer = await run_in_threadpool(dojo.ask, asked.question, asked.history)
    return JSONResponse(answer.as_json())


async def evidence(request: Request) -> Response:
    """Store what a lab on a learner's own machine has seen, as the token's owner's, whatever the body says."""
    if team_settings() is None:
        raise HTTPException(404, "This is no team's server: labs run here, and are stored here.")
    by = await _caller(request)
    body = await _body(request, MAX_EVIDENCE)
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as cause:
        raise UsageError("The body is not JSON.", next_step="Send it with pgdojo lab send.") from cause
    received = await run_in_threadpool(_open_dojo().evidence.receive, by, told)
    return JSONResponse(asdict(received))


async def healthz(_request: Request) -> Response:
    """Whether questions can be answered, and from how much."""
    opening = resources.opening()
    if opening.dojo is None:
        return JSONResponse({"status": "failed" if opening.failure else "opening"}, status_code=503)
    state = opening.dojo.state
    return JSONResponse({"status": "ok", "passages": state.passages, "model": state.model})


async def _unknown(request: Request) -> Response:
    raise HTTPException(404, f"There is no {request.url.path} here.")


def as_json(_request: Request, cause: Exception) -> Response:
    """An error under /api as JSON, with what to do next where that is known."""
    if isinstance(cause, HTTPException):
        return _error(cause.detail, cause.status_code, **dict(cause.headers or {}))
    if isinstance(cause, PgdojoError):
        status = 400 if isinstance(cause, UsageError) else 403 if isinstance(cause, AccessError) else 503
        return _error(str(cause), status)
    number = uuid.uuid4().hex[:8]
    _log.error("Error %s under /api", number, exc_info=cause)
    return _error(f"Something went wrong here. The log tells more under {number}.", 500)


def _json_errors(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def handled(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as cause:  # noqa: BLE001  # a caller of the API always gets JSON
            return as_json(request, cause)

    return handled


def _by_post(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def handled(request: Request) -> Response:
        if request.method == "POST":
            return await handler(request)
        raise HTTPException(405, "Ask with POST.", headers={"Allow": "POST"})

    return _json_errors(handled)


_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


ROUTES: list[BaseRoute] = [
    Route("/healthz", healthz),
    Mount(
        "/api",
        routes=[
            Route("/ask", _by_post(ask), methods=_METHODS),
            Route("/labs/evidence", _by_post(evidence), methods=_METHODS),
            Route("/{path:path}", _json_errors(_unknown), methods=_METHODS),
        ],
    ),
]
