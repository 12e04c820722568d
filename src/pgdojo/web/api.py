"""The JSON beside the pages: `GET /healthz` and `POST /api/ask`."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from pgdojo.errors import PgdojoError, UsageError
from pgdojo.web import resources
from pgdojo.web.headers import is_loopback
from pgdojo.web.questions import MAX_QUESTION

_log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""Bytes of a request."""
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


async def _body(request: Request) -> bytes:
    """The body, read no further than is allowed."""
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > MAX_BODY:
            raise HTTPException(413, f"The body has more than {MAX_BODY // 1024} KB.")
    return bytes(chunks)


def _check_caller(request: Request) -> None:
    if request.client is None or not is_loopback(request.client.host):
        raise HTTPException(403, "This address answers callers on the same machine only.")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "This address does not answer pages of other sites.")


async def ask(request: Request) -> Response:
    """Answer one question; the shape is that of `pgdojo ask --json`."""
    _check_caller(request)
    asked = parse(await _body(request))
    dojo = resources.opening().dojo
    if dojo is None:
        return _error("The course is not open yet.", 503, **{"Retry-After": "2"})
    answer = await run_in_threadpool(dojo.ask, asked.question, asked.history)
    return JSONResponse(answer.as_json())


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
        return _error(str(cause), 400 if isinstance(cause, UsageError) else 503)
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


async def _wrong_method(request: Request) -> Response:
    if request.method == "POST":
        return await ask(request)
    raise HTTPException(405, "Ask with POST.", headers={"Allow": "POST"})


ROUTES: list[BaseRoute] = [
    Route("/healthz", healthz),
    Mount(
        "/api",
        routes=[
            Route("/ask", _json_errors(_wrong_method), methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            Route("/{path:path}", _json_errors(_unknown), methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
        ],
    ),
]
