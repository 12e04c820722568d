"""Servers for the benchmarks of load: pgdojo as it is shipped, PostgreSQL behind it, and a splitter before two."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from bench_pages import free_port
from timing import ROOT

ISSUER, CLIENT = "http://127.0.0.1:1", "bench"


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Address of an empty database on a PostgreSQL of its own."""
    from pgdojo.lab import processes
    from pgdojo.lab.engines import choose
    from pgdojo.lab.server import Server, free_port, remove

    engine = choose([])
    if engine is None:
        sys.exit("No PostgreSQL here: pip install 'pgdojo[labs]'.")
    root = Path(tempfile.mkdtemp(prefix="pgdojo-bench-", dir=folder.parent))
    root.chmod(0o755)
    guise, password = processes.guise(engine, root), secrets.token_urlsafe(12)
    server = Server(name="journal", engine=engine, root=root, port=free_port(), guise=guise, password=password)
    try:
        server.init({})
        server.start()
        with server.connect() as connection:
            connection.execute("CREATE DATABASE bench TEMPLATE template0")
        yield f"postgresql://postgres:{password}@127.0.0.1:{server.port}/bench"
    finally:
        server.stop("immediate")
        remove(root)


def team_file(folder: Path, address: str, capacity: int) -> tuple[Path, str]:
    """Settings of a team whose cookies the bench signs itself; returns the file and the secret."""
    secret = secrets.token_urlsafe(48)
    file = folder / "team.toml"
    file.write_text(
        f"""[auth]
redirect_uri = "http://{address}/oauth2callback"
cookie_secret = "{secret}"
client_id = "{CLIENT}"
client_secret = "none"
server_metadata_url = "{ISSUER}/.well-known/openid-configuration"
[team]
address = "http://{address}"
capacity = {capacity}
"""
    )
    file.chmod(0o600)
    return file, secret


def signed_in(secret: str, address: str, subject: str) -> dict[str, str]:
    """The cookie that Streamlit sets when `subject` has signed in."""
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    now = int(time.time())
    who = {"iss": ISSUER, "sub": subject, "aud": CLIENT, "iat": now, "exp": now + 36_000, "name": subject}
    payload = json.dumps({"origin": f"http://{address}", "is_logged_in": True, **who})
    return {"_streamlit_user": create_signed_value(secret, "_streamlit_user", payload).decode()}


@contextmanager
def pgdojo(folder: Path, port: int, journal: str, *, core: int | None, **told: str) -> Iterator[psutil.Process]:
    """`pgdojo serve`, warm; on one core, or on all where `core` is None."""
    environment = {**os.environ, "PGDOJO_DATABASE_URL": journal, **told}
    command = ["-m", "pgdojo", "--course", str(ROOT), "serve", "--no-browser", "--port", str(port)]
    log = (folder / f"server-{port}.log").open("wb")
    started = subprocess.Popen([sys.executable, *command], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        process = psutil.Process(started.pid)
        if core is not None:
            process.cpu_affinity([core])
        _wait(port, started, folder)
        yield process
    finally:
        started.terminate()
        started.wait(20)
        log.close()


def _wait(port: int, started: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(600):
        if started.poll() is not None:
            sys.exit((folder / f"server-{port}.log").read_text()[-2000:])
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/healthz").json().get("status") in {"ok", "ready"}:
                return
        time.sleep(0.1)
    sys.exit("The server did not open its course within a minute.")


_CLIENT = re.compile(rb"bench_client=(\d+)")


@asynccontextmanager
async def splitter(port: int, behind: list[int]) -> AsyncIterator[None]:
    """Pass each client's connections to one and the same of the ports `behind`, by a cookie."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            found = _CLIENT.search(head)
            number = int(found[1]) if found else zlib.crc32(head)
            upstream, sink = await asyncio.open_connection("127.0.0.1", behind[number % len(behind)])
            sink.write(head)
            await asyncio.gather(_pump(reader, sink), _pump(upstream, writer))

    server = await asyncio.start_server(pass_on, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


__all__ = ["free_port", "pgdojo", "postgresql", "signed_in", "splitter", "team_file"]
