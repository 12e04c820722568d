"""A class that is larger than the room: whoever is in stays in, and whoever is not hears so at once."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pgdojo.errors import UsageError
from pgdojo.web import admission
from pgdojo.web.admission import ARRIVAL, GRACE, Admission

pytestmark = pytest.mark.slow

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


async def page(_request):
    return HTMLResponse("<p>the page</p>")


async def healthy(_request):
    return PlainTextResponse("ok")


async def stream(socket):
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


class Room:
    """A small server with place for two."""

    def __init__(self, address, clock, seats):
        self.address, self.clock, self.seats = address, clock, seats

    def visit(self, cookies=None, path="/", **headers):
        return httpx.get(f"http://{self.address}{path}", headers={**BROWSER, **headers}, cookies=cookies)

    @contextmanager
    def connected(self, cookies=None):
        told = {"Cookie": "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())} if cookies else {}
        with connect(f"ws://{self.address}/_stcore/stream", additional_headers=told) as socket:
            socket.send("hello")
            assert socket.recv() == "hello"
            yield socket

    @staticmethod
    def until(is_so):
        end = time.monotonic() + 5
        while not is_so() and time.monotonic() < end:
            time.sleep(0.01)
        assert is_so()


@pytest.fixture
def room():
    clock = Clock()
    inner = Starlette(
        routes=[Route("/healthz", healthy), WebSocketRoute("/_stcore/stream", stream), Route("/{rest:path}", page)]
    )
    admission_of = Admission(inner, most=2, clock=clock)
    server = uvicorn.Server(uvicorn.Config(admission_of, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    Room.until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Room(f"127.0.0.1:{port}", clock, admission_of)
    server.should_exit = True
    thread.join(10)


def test_whoever_finds_no_room_hears_so_at_once_and_is_to_try_again(room):
    assert [room.visit().status_code for _ in range(2)] == [200, 200]

    third = room.visit()

    assert third.status_code == 503
    assert "Full, try again" in third.text
    assert third.headers["Retry-After"] == "15"
    assert 'http-equiv="refresh" content="15"' in third.text
    assert "<script" not in third.text


def test_whoever_is_in_can_load_the_page_again_and_open_another_while_it_is_full(room):
    first = room.visit()
    with room.connected(first.cookies), room.connected():
        assert room.visit(first.cookies).status_code == 200
        assert room.visit(first.cookies, path="/quiz").status_code == 200
        with room.connected(first.cookies):
            assert room.visit().status_code == 503


def test_a_connection_without_a_place_is_refused_while_it_is_full(room):
    with room.connected(), room.connected(), pytest.raises(InvalidStatus), room.connected():
        pytest.fail("a third was let in")


def test_a_place_is_kept_for_a_browser_that_lost_its_connection_and_then_given_away(room):
    first = room.visit()
    with room.connected():
        with room.connected(first.cookies):
            pass
        room.clock.now += GRACE - 1
        assert room.visit().status_code == 503
        assert room.visit(first.cookies).status_code == 200

        room.clock.now += GRACE + 1
        assert room.visit().status_code == 200


def test_a_page_whose_browser_never_connects_holds_its_place_for_half_a_minute_only(room):
    room.visit()
    room.visit()
    room.clock.now += ARRIVAL + 1

    assert room.visit().status_code == 200


def test_parts_of_a_page_the_health_check_and_programs_are_always_answered(room):
    with room.connected(), room.connected():
        assert room.visit(path="/healthz").text == "ok"
        assert room.visit(path="/_stcore/health").status_code == 200
        assert room.visit(Accept="application/json").status_code == 200


def test_a_place_is_named_by_chance_and_not_for_scripts(room):
    first, second = (room.visit().headers["set-cookie"] for _ in range(2))

    assert first != second
    assert "HttpOnly" in first
    assert "SameSite=Lax" in first


@pytest.mark.parametrize("told", ["0", "-3", "many", "1.5"])
def test_a_capacity_that_is_no_number_of_sessions_is_named(monkeypatch, told):
    monkeypatch.setenv("PGDOJO_CAPACITY", told)

    with pytest.raises(UsageError, match=f"PGDOJO_CAPACITY is '{told}'"):
        admission.capacity()


def test_the_capacity_is_ninety_unless_it_is_told(monkeypatch):
    monkeypatch.delenv("PGDOJO_CAPACITY", raising=False)
    assert admission.capacity() == 90

    monkeypatch.setenv("PGDOJO_CAPACITY", "150")
    assert admission.capacity() == 150
