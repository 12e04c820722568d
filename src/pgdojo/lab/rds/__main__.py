"""The child process of the small RDS: `python -m pgdojo.lab.rds FOLDER`, until it is told to end."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# Before moto and botocore are imported: they read these once.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_CONFIG_FILE=os.devnull,
    AWS_DEFAULT_REGION="eu-central-1",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_SECRET_ACCESS_KEY="testing",  # noqa: S106 - moto's own dummy
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
)

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from pgdojo.lab.rds import FILES, write_private
from pgdojo.lab.rds.api import install
from pgdojo.lab.rds.certificates import make_certificates
from pgdojo.lab.rds.data_api import PATHS, DataApi, DataApiError
from pgdojo.lab.rds.endpoint import Endpoints
from pgdojo.lab.rds.fleet import Fleet
from pgdojo.lab.rds.postgres import HOST, Binaries

_WAITER_SECONDS = 25
_PAGE = b"<!doctype"
_NOT_THERE = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>NotImplemented</Code><Message>The simulator does not have this "
    b"call; that says nothing of AWS.</Message></Error><RequestId>none</RequestId></ErrorResponse>"
)
_LARGEST_REQUEST = 4 * 1024 * 1024


class QuietHandler(MotoRequestHandler):
    """Requests without a line each in the log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class Application:
    """moto's server, with the Data API beside it."""

    def __init__(self, fleet: Fleet) -> None:
        """Serve `fleet`."""
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._fleet = fleet
        self._data = DataApi(fleet)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO") in PATHS:
            return self._answer_data(environ, start_response)
        if _is_waiter(environ.get("HTTP_USER_AGENT", "")):
            # A waiter would come back in 30 s, which is long here; so it is answered when there is news.
            self._fleet.settle(_WAITER_SECONDS)
        return self._answer_moto(environ, start_response)

    def _answer_moto(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Let moto answer; a page of HTML, which it gives for calls that it does not know, becomes a readable error."""
        queried = "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", "")
        started: list[Any] = []
        try:
            body = b"".join(self._moto(environ, lambda *given: started.append(given)))
        except NotImplementedError:
            body = _PAGE
            started.append(("501 Not Implemented", [("Content-Type", "text/html")]))
        status, headers, *_ = started[-1]
        if queried and body.lstrip()[: len(_PAGE)].lower() == _PAGE:
            status, headers, body = "501 Not Implemented", [("Content-Type", "text/xml")], _NOT_THERE
        start_response(status, [one for one in headers if one[0].lower() != "transfer-encoding"])
        return [body]

    def _answer_data(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers = "200 OK", [("Content-Type", "application/json")]
        try:
            length = min(int(environ.get("CONTENT_LENGTH") or 0), _LARGEST_REQUEST)
            answer = self._data.answer(environ["PATH_INFO"], json.loads(environ["wsgi.input"].read(length) or b"{}"))
        except DataApiError as refused:
            status, answer = f"{refused.status} Refused", {"message": str(refused)}
            headers.append(("x-amzn-ErrorType", refused.kind))
        except ValueError:
            status, answer = "400 Refused", {"message": "The request is no JSON."}
            headers.append(("x-amzn-ErrorType", "BadRequestException"))
        start_response(status, headers)
        return [json.dumps(answer).encode()]


def _is_waiter(agent: str) -> bool:
    """Whether botocore marked a request as one of a waiter, by a B among its features."""
    return any("B" in part[2:].split(",") for part in agent.split() if part.startswith("m/"))


def main(folder: Path) -> None:
    """Serve until SIGTERM, or until the folder is gone."""
    logging.basicConfig(level=logging.WARNING)
    wanted = json.loads((folder / FILES.wanted).read_text("utf-8"))
    engines = {int(major): Binaries(**{**one, "meets": tuple(one["meets"])}) for major, one in wanted.items()}
    endpoints = Endpoints(*make_certificates(folder / "tls"))
    address: list[str] = []

    def publish(state: dict[str, Any]) -> None:
        if address and folder.exists():
            write_private(folder / FILES.state, json.dumps({**state, "pid": os.getpid(), "endpoint_url": address[0]}))

    fleet = Fleet(folder, engines, endpoints, publish)
    install(fleet)
    server = make_server(HOST, 0, Application(fleet), threaded=True, request_handler=QuietHandler)
    address.append(f"http://{HOST}:{server.server_port}")
    ended = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: ended.set())
    for task in (server.serve_forever, fleet.run):
        threading.Thread(target=task, daemon=True).start()
    fleet.publish()
    while folder.exists() and not ended.wait(1):
        pass
    fleet.end()
    (folder / FILES.state).unlink(missing_ok=True)
    os._exit(0)  # threads that still build something would hold the process


if __name__ == "__main__":
    main(Path(sys.argv[1]))
