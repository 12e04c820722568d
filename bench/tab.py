"""An open tab of the app without a browser: the messages that Streamlit's front end sends, and what comes back."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

HTML = {"Accept": "text/html"}
PATIENCE = 60.0
"""Seconds after which an action counts as failed."""


class FullError(Exception):
    """The server has no room."""


class FailedError(Exception):
    """An action did not come to its end, or the page says that something went wrong."""


@dataclass
class Tab:
    """A learner's tab; one action at a time."""

    address: str
    """Host and port."""
    http: httpx.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)
    query: str = ""
    page: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    """Address of a page to its hash."""
    elements: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """What is on the page and has an id."""
    said: list[str] = field(default_factory=list)
    """What went wrong, as the page tells it."""
    title: str = ""
    received: int = 0
    """Bytes."""
    _socket: ClientConnection | None = None

    async def open(self) -> None:
        """Load the page and connect, as a browser that has the static files already.

        Raises:
            FullError: There is no room.
            FailedError: It did not work.
        """
        try:
            page = await self._get("/", HTML)
            if page.status_code == 503:
                raise FullError
            await self._get("/_stcore/health", {})
            token = self.cookies.get("_streamlit_xsrf", "")
            self._socket = await connect(
                f"ws://{self.address}/_stcore/stream",
                origin=f"http://{self.address}",  # type: ignore[arg-type]
                subprotocols=["streamlit", token] if token else ["streamlit"],  # type: ignore[list-item]
                additional_headers={"Cookie": self._cookie()},
                max_size=None,
                compression=None,
                open_timeout=PATIENCE,
            )
        except (httpx.HTTPError, OSError, WebSocketException) as cause:
            raise FailedError(f"{type(cause).__name__}: {cause}") from cause
        await self._run([])

    async def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            await self._socket.close()

    async def go(self, page: str) -> None:
        """Choose a page in the menu."""
        self.query, self.page = "", self.pages[page]
        await self._run([])

    async def click(self, element: str, values: Mapping[str, Any] | None = None) -> None:
        """Press a button, with what the widgets of its form hold."""
        states = [_state(name, self.elements[name][0], value) for name, value in (values or {}).items()]
        await self._run([*states, WidgetState(id=element, trigger_value=True)])

    async def ask(self, question: str) -> None:
        """Send a question."""
        state = WidgetState(id=self.find("chat_input", "ask_input"))
        state.chat_input_value.data = question
        await self._run([state])

    def find(self, kind: str, key: str) -> str:
        """The id of the element of this kind whose key begins so.

        Raises:
            FailedError: There is none.
        """
        for name, (what, _) in self.elements.items():
            if what == kind and name.split("-", 2)[-1].startswith(key):
                return name
        raise FailedError(f"no {kind} {key} on {self.page}?{self.query}")

    def in_form(self, form: str) -> Iterator[tuple[str, str, Any]]:
        """Id, kind and content of what is in a form."""
        for name, (what, proto) in self.elements.items():
            if getattr(proto, "form_id", "") == form:
                yield name, what, proto

    def parameter(self, name: str) -> str:
        """A parameter of the address."""
        return parse_qs(self.query).get(name, [""])[0]

    async def _get(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        told = {**headers, "Cookie": self._cookie(), "Connection": "close"}
        answer = await self.http.get(f"http://{self.address}{path}", headers=told, timeout=PATIENCE)
        self.cookies |= dict(answer.cookies)
        self.http.cookies.clear()
        return answer

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def _run(self, states: list[WidgetState]) -> None:
        """Have the script run, and wait until it has finished."""
        sent = BackMsg()
        sent.rerun_script.query_string, sent.rerun_script.page_script_hash = self.query, self.page
        sent.rerun_script.widget_states.widgets.extend(states)
        assert self._socket is not None  # noqa: S101
        try:
            async with asyncio.timeout(PATIENCE):
                await self._socket.send(sent.SerializeToString())
                while not self._take(await self._socket.recv()):
                    pass
        except TimeoutError:
            raise FailedError(f"no end after {PATIENCE:.0f} s") from None
        except WebSocketException as cause:
            raise FailedError(f"{type(cause).__name__}: {cause}") from cause
        if self.said:
            raise FailedError(self.said.pop())

    def _take(self, data: str | bytes) -> bool:
        """Take in a message; returns whether it ends the run."""
        self.received += len(data)
        message = ForwardMsg.FromString(data)  # type: ignore[arg-type]
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._draw(message.delta.new_element)
        elif kind == "new_session":
            self.page = message.new_session.page_script_hash
            self.title = ""
            self.elements.clear()  # a fragment of its own accord is not among what is measured here
        elif kind == "navigation":
            self.pages = {one.url_pathname: one.page_script_hash for one in message.navigation.app_pages}
            self.page = message.navigation.page_script_hash or self.page
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "script_finished":
            return bool(message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY)
        return False

    def _draw(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        proto = getattr(element, kind)
        if kind == "exception":
            self.said.append(f"{proto.type}: {proto.message}")
        elif kind == "alert" and "The log tells more" in proto.body:
            self.said.append(proto.body)
        elif kind == "heading" and proto.tag == "h1":
            self.title = proto.body
        elif name := getattr(proto, "id", ""):
            self.elements[name] = (kind, proto)


def _state(name: str, kind: str, value: Any) -> WidgetState:
    if kind == "checkbox":
        return WidgetState(id=name, bool_value=value)
    return WidgetState(id=name, string_value=value)


def guesses(tab: Tab, form: str, chance: random.Random) -> dict[str, Any]:
    """Something for every widget of a form; what is to be written stays blank."""
    given: dict[str, Any] = {}
    places: dict[str, list[str]] = {}
    for name, kind, proto in tab.in_form(form):
        if kind == "radio":
            given[name] = chance.choice(proto.options)
        elif kind == "checkbox":
            given[name] = chance.random() < 0.5
        elif kind == "selectbox":
            left = places.setdefault(form, chance.sample(list(proto.options), len(proto.options)))
            given[name] = left.pop() if left else chance.choice(proto.options)
    return given


@dataclass(frozen=True)
class Action:
    """What a learner did, and how long it took."""

    kind: str
    began: float
    seconds: float
    fault: str = ""


async def timed(kind: str, work: Awaitable[None]) -> Action:
    """Await `work` and say how it went."""
    began = time.monotonic()
    try:
        await work
    except FailedError as cause:
        return Action(kind, began, time.monotonic() - began, str(cause))
    return Action(kind, began, time.monotonic() - began)
