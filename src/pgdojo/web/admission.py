"""How many may be in at once: as many as one process serves well, and a plain word at once to everybody else.

Without it every visitor is let in, and from about four fifths of a core on the waiting grows without bound for all.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pgdojo.errors import UsageError

CAPACITY_VARIABLE = "PGDOJO_CAPACITY"
CAPACITY = 90
"""Sessions of one process on one core, each acting every ten seconds; see bench/bench_load.py."""
GRACE = 60.0
"""Seconds for which the place of a browser is kept that has lost its connection or loads the page anew."""
ARRIVAL = 30.0
"""Seconds from a page to its first connection."""
RETRY = 15
"""Seconds after which one who was not let in is to try again."""

_COOKIE = "pgdojo_seat"
_NO_PAGES = ("/_stcore/", "/api/", "/healthz", "/static/", "/media/", "/component/")


def capacity() -> int:
    """How many sessions this process lets in.

    Raises:
        UsageError: The variable does not hold a number above zero.
    """
    told = os.environ.get(CAPACITY_VARIABLE, "").strip()
    if not told:
        return CAPACITY
    if not told.isdecimal() or int(told) < 1:
        raise UsageError(
            f"{CAPACITY_VARIABLE} is {told!r}, which is no number of sessions.",
            next_step=f"Give a whole number above zero, or leave it out for {CAPACITY}.",
        )
    return int(told)


@dataclass(kw_only=True, slots=True)
class _Seat:
    """The place of one browser."""

    until: float
    """When it ends, unless there is a connection."""
    sockets: int = 0


class Admission:
    """Middleware that counts the live connections of the pages and turns newcomers away while there is no room."""

    def __init__(self, app: ASGIApp, *, most: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Stand before `app`; with `most` sessions, or as many as `capacity` says."""
        self._app = app
        self._most = capacity() if most is None else most
        self._clock = clock
        self._seats: dict[str, _Seat] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say that there is no room."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif _is_page(scope):
            await self._open(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._seat_of(scope):
            await self._app(scope, receive, send)
            return
        if self._taken() >= self._most:
            await _full()(scope, receive, send)
            return
        name = self._take(ARRIVAL)

        async def send_with_seat(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure = "; Secure" if scope["scheme"] == "https" else ""
                cookie = f"{_COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax{secure}"
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_with_seat)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = self._seat_of(scope)
        if name is None:
            if self._taken() >= self._most:
                await send({"type": "websocket.close", "code": 1013, "reason": "full"})
                return
            name = self._take(GRACE)
        seat = self._seats[name]
        seat.sockets += 1
        try:
            await self._app(scope, receive, send)
        finally:
            seat.sockets -= 1
            seat.until = self._clock() + GRACE

    def _take(self, seconds: float) -> str:
        name = secrets.token_urlsafe(16)
        self._seats[name] = _Seat(until=self._clock() + seconds)
        return name

    def _seat_of(self, scope: Scope) -> str | None:
        """The name of the place that this browser still has."""
        self._clear()
        name = HTTPConnection(scope).cookies.get(_COOKIE, "")
        return name if name in self._seats else None

    def _taken(self) -> int:
        self._clear()
        return sum(max(1, seat.sockets) for seat in self._seats.values())

    def _clear(self) -> None:
        now = self._clock()
        for name in [name for name, seat in self._seats.items() if not seat.sockets and seat.until < now]:
            del self._seats[name]


def _is_page(scope: Scope) -> bool:
    """Whether a browser asks for a page itself, and not for a part of one."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(_NO_PAGES):
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")


def _full() -> HTMLResponse:
    says = f"pgdojo is full at the moment. This page tries again by itself in {RETRY} seconds."
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="{RETRY}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>pgdojo is full</title>
<style>
:root {{ color-scheme: light dark; --paper: #FBFAF7; --ink: #23211D; --rule: #4A86B8; }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #191816; --ink: #ECE9E2; }} }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
font: 1.0625rem/1.6 system-ui, sans-serif; }}
main {{ max-width: 30rem; padding: 1.5rem; border-top: 3px solid var(--rule); }}
h1 {{ font-size: 1.375rem; margin: 0.5rem 0; }}
</style></head><body><main><h1>Full, try again</h1><p>{says}</p>
<p>Nothing that you stored is lost.</p></main></body></html>
"""
    return HTMLResponse(page, status_code=503, headers={"Retry-After": str(RETRY), "Cache-Control": "no-store"})
