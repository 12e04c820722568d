"""What a team's server adds to its answers where people come by TLS."""

from __future__ import annotations

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pgdojo.web.headers import Guard


def visit(*, is_https, host="localhost"):
    async def page(_request):
        answer = PlainTextResponse("here")
        answer.set_cookie("_streamlit_user", "signed", httponly=True)
        answer.set_cookie("sure", "1", secure=True)
        return answer

    async def ask():
        transport = httpx.ASGITransport(Guard(Starlette(routes=[Route("/", page)]), is_https=is_https))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.get("/")

    return asyncio.run(ask())


def test_every_cookie_keeps_off_plain_http_and_browsers_are_told_to_come_by_tls():
    answer = visit(is_https=True)

    cookies = answer.headers.get_list("set-cookie")
    assert [cookie.lower().count("; secure") for cookie in cookies] == [1, 1]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_without_tls_neither_is_said():
    answer = visit(is_https=False)

    assert "; secure" not in answer.headers.get_list("set-cookie")[0].lower()
    assert "strict-transport-security" not in answer.headers


def test_another_host_name_is_refused_with_tls_as_without():
    assert visit(is_https=True, host="evil.example.org").status_code == 400
