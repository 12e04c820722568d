"""What every response carries and which callers are let in, before Streamlit sees a request."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from pgdojo.web.scroll import SCRIPT

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
HSTS = "max-age=31536000"
"""For a year, browsers ask by TLS alone."""
_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)


def script_hash(script: str) -> str:
    """The source expression that lets exactly this inline script run."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


@cache
def content_security_policy() -> str:
    """The policy under which every page works and nothing is fetched from another host.

    Two inline scripts may run, each named by its hash: the one in the start page of the installed Streamlit, and ours
    that brings a passage into view.
    """
    start_page = Path(streamlit.__file__).with_name("static") / "index.html"
    scripts = [*_INLINE_SCRIPT.findall(start_page.read_text(encoding="utf-8")), SCRIPT]
    hashes = " ".join(map(script_hash, scripts))
    return (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
        f"script-src 'self' 'wasm-unsafe-eval' {hashes}; connect-src 'self'; font-src 'self' data:; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )


def is_loopback(address: str) -> bool:
    """Whether an address of the network belongs to this machine alone."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def is_allowed_host(header: str) -> bool:
    """Whether a Host header names this server, which a page of a foreign name that resolves to it does not."""
    try:
        name = urlsplit(f"//{header}").hostname
    except ValueError:
        return False
    return name in (config.get_option("server.allowedHosts") or LOCAL_HOSTS)


def _secured(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The header, with the word that keeps a cookie off plain HTTP, which Streamlit's own cookies lack."""
    name, value = header
    if name.lower() != b"set-cookie" or b"; secure" in value.lower():
        return header
    return name, value + b"; Secure"


class Guard:
    """Middleware that refuses foreign host names and sets the headers that Streamlit leaves out."""

    def __init__(self, app: ASGIApp, *, is_https: bool = False) -> None:
        """Stand before `app`; `is_https` says that people reach it by TLS, which a proxy ends."""
        self._app = app
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)  # Streamlit checks the host of its socket by itself
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = content_security_policy()
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Frame-Options"] = "DENY"
                if self._is_https:
                    headers["Strict-Transport-Security"] = HSTS
                    message["headers"] = [*map(_secured, message["headers"])]
            await send(message)

        if is_allowed_host(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send_with_headers)
        else:
            refusal = PlainTextResponse(
                "This host name is not served here. Use the address you were given.\n", status_code=400
            )
            await refusal(scope, receive, send_with_headers)
