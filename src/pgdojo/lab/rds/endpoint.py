"""The endpoints: fixed addresses on loopback behind which servers change.

An endpoint speaks TLS itself, since not every PostgreSQL that pip brings can, refuses clear text where rds.force_ssl
says so, and takes the tokens of `generate-db-auth-token` for passwords. After that it passes bytes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from pgdojo.lab.rds.postgres import ADMIN, HOST

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_LONGEST_START = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """Where an endpoint leads at this moment."""

    port: int
    force_ssl: bool = False
    signs_in_by_token: Callable[[str], bool] | None = None
    """Whether a user has tokens for passwords; None where the instance takes none."""
    exchange: Callable[[str, str], str | None] | None = None
    """The server's password of a user for a token; None where the token is no good."""


Doors = Callable[[], Door | None]


def _error(code: str, message: str) -> bytes:
    fields = b"".join(
        key + value.encode() + b"\0" for key, value in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", code), (b"M", message))
    )
    return b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0"


def _parameters(body: bytes) -> dict[str, str]:
    parts = body.decode("utf-8", "replace").split("\0")
    return dict(zip(parts[::2], parts[1::2], strict=False))


class Endpoints:
    """All endpoints of one small RDS, served by one event loop in a thread of its own."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Start the loop; `certificate` and `key` are what TLS shows."""
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._loop = asyncio.new_event_loop()
        self._servers: dict[tuple[str, int], asyncio.Server] = {}
        threading.Thread(target=self._loop.run_forever, name="endpoints", daemon=True).start()

    def open(self, doors: Doors, *, host: str = HOST, port: int = 0) -> int:
        """Listen for good on a port; `doors` is asked at every connection where it leads.

        Raises:
            OSError: The address cannot be listened on.
        """
        future: Future[int] = asyncio.run_coroutine_threadsafe(self._open(doors, host, port), self._loop)
        return future.result(10)

    async def _open(self, doors: Doors, host: str, port: int) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, EOFError, ssl.SSLError):
                await self._serve(doors, reader, writer)
            writer.close()

        server = await asyncio.start_server(serve, host, port)
        taken = int(server.sockets[0].getsockname()[1])
        self._servers[host, taken] = server
        return taken

    def close(self, host: str, port: int) -> None:
        """Listen no more."""
        server = self._servers.pop((host, port), None)
        if server is not None:
            self._loop.call_soon_threadsafe(server.close)

    async def _serve(self, doors: Doors, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start, encrypted = await self._start(reader, writer)
        if start is None:
            return
        door = await asyncio.to_thread(doors)
        if door is None:
            await _refuse(writer, "57P03", "the database system is starting up")
            return
        named = _parameters(start[8:])
        user = named.get("user", "")
        if door.force_ssl and not encrypted and user != ADMIN and _code(start) != _CANCEL:
            database = named.get("database", user)
            refused = f'no pg_hba.conf entry for host "{HOST}", user "{user}", database "{database}", no encryption'
            await _refuse(writer, "28000", refused)
            return
        password: str | None = None
        by_token = await asyncio.to_thread(_signs_in_by_token, door, user)
        if by_token and door.exchange:
            token = await _ask_password(reader, writer) if encrypted else ""
            password = await asyncio.to_thread(door.exchange, user, token)
            if password is None:
                await _refuse(writer, "28000", f'PAM authentication failed for user "{user}"')
                return
        await _pass_on(door.port, start, password, reader, writer)

    async def _start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes | None, bool]:
        """The start-up packet, after TLS where the client asked for it."""
        encrypted = False
        while True:
            head = await reader.readexactly(8)
            code = _code(head)
            if code == _SSL and not encrypted:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self._tls)
                encrypted = True
            elif code in {_SSL, _GSS}:
                writer.write(b"N")
                await writer.drain()
            else:
                length = int(struct.unpack("!I", head[:4])[0])
                if not 8 <= length <= _LONGEST_START:
                    return None, encrypted
                return head + await reader.readexactly(length - 8), encrypted


def _signs_in_by_token(door: Door, user: str) -> bool:
    return door.signs_in_by_token is not None and door.signs_in_by_token(user)


def _code(packet: bytes) -> int:
    return int(struct.unpack("!I", packet[4:8])[0])


async def _refuse(writer: asyncio.StreamWriter, code: str, message: str) -> None:
    writer.write(_error(code, message))
    await writer.drain()


async def _ask_password(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(b"R" + struct.pack("!II", 8, 3))
    await writer.drain()
    kind, length = struct.unpack("!cI", await reader.readexactly(5))
    if kind != b"p" or length > _LONGEST_START:
        return ""
    return (await reader.readexactly(length - 4)).rstrip(b"\0").decode("utf-8", "replace")


async def _pass_on(
    port: int, start: bytes, password: str | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        server_reader, server_writer = await asyncio.open_connection(HOST, port)
    except OSError:
        await _refuse(writer, "57P03", "the database system is starting up")
        return
    server_writer.write(start)
    if password is not None:
        asked = await server_reader.readexactly(9)
        if asked[:1] != b"R" or struct.unpack("!I", asked[5:])[0] != 3:
            server_writer.close()
            await _refuse(writer, "28000", "the server does not take this user's token")
            return
        secret = password.encode() + b"\0"
        server_writer.write(b"p" + struct.pack("!I", len(secret) + 4) + secret)
    await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer), return_exceptions=True)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    finally:
        target.close()
