"""A small RDS on this machine: the AWS API answered by moto, with real PostgreSQL servers behind it.

It is one child process, with its state below a folder; this module is the handle on it, for any process that knows the
folder. What it is not: it has one host, so that a "zone" is a server on it, and storage encryption, networks and
instance classes are records without effect.

No call reaches a real account: every client gets this endpoint and dummy keys, and no configuration of the user's.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pgdojo.errors import LabError
from pgdojo.lab import processes
from pgdojo.lab.engines import Engine, engines

REGION = "eu-central-1"
KEY = "testing"

_BY_KEY_ID = frozenset({"enable_key_rotation", "disable_key_rotation", "get_key_rotation_status"})
"""Calls for which an id alone will do, which a lab cannot know beforehand."""

_NEEDED = ("moto", "flask", "flask_cors", "boto3", "cryptography")
_TOOLS = ("initdb", "postgres", "pg_basebackup")
_START_SECONDS = 40
_WHAT = "rds"


@dataclass(frozen=True, slots=True)
class _Files:
    wanted: str = "engines.json"
    state: str = "rds.json"
    log: str = "rds.log"


FILES = _Files()
"""What the handle and the child tell each other, below the child's folder."""


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable to its owner alone."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


class SmallRds:
    """A handle on the child process; several may hold one at once."""

    def __init__(self, folder: Path) -> None:
        """Take the child in `folder`/rds for granted; use `start` or `open`."""
        self._folder = folder / "rds"
        self._clients: dict[tuple[str, str], Any] = {}

    @classmethod
    def start(cls, folder: Path, engine: Engine) -> SmallRds:
        """Start a small RDS below `folder`; its servers are of `engine`, or of a version that a call asks for.

        Raises:
            LabError: A package is missing, or the child does not come up.
        """
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise LabError(f"The small RDS needs {', '.join(missing)}.", next_step="Run pip install 'pgdojo[labs]'.")
        rds = cls(folder)
        rds.stop()
        rds._launch(engine)
        return rds

    @classmethod
    def open(cls, folder: Path) -> SmallRds | None:
        """The small RDS that runs below `folder`, None where none does."""
        rds = cls(folder)
        return rds if rds._running() and (rds._folder / FILES.state).exists() else None

    def _running(self) -> list[int]:
        return processes.remembered(self._folder, _WHAT)

    def _launch(self, engine: Engine) -> None:
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True)
        guise = _guise(engine, folder)
        write_private(folder / FILES.wanted, json.dumps(_binaries(engine)))
        guise.own(folder)
        nobody = guise.way == "nobody"
        prefix = ("unshare", "--user", "--map-user=1000") if guise.way == "unshare" else ()
        with (folder / FILES.log).open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
                [*prefix, sys.executable, "-P", "-m", "pgdojo.lab.rds", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **_CREDENTIALS},
                user="nobody" if nobody else None,
                group="nogroup" if nobody else None,
                extra_groups=[] if nobody else None,
                start_new_session=True,
            )
        self._wait(child)
        processes.remember(folder, child.pid, _WHAT)
        guise.own(folder)

    def _wait(self, child: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and child.poll() is None:
            if (self._folder / FILES.state).exists():
                return
            time.sleep(0.05)
        child.kill()
        child.wait()
        words = (self._folder / FILES.log).read_text("utf-8", errors="replace").strip().splitlines()
        raise LabError(
            f"The small RDS did not start: {words[-1] if words else 'it said nothing'}.",
            next_step="Reset the lab and start it again.",
        )

    def _state(self) -> dict[str, Any]:
        try:
            state = json.loads((self._folder / FILES.state).read_text("utf-8"))
        except (OSError, ValueError) as cause:
            raise LabError("The small RDS does not run.", next_step="Reset the lab and start it again.") from cause
        return dict(state)

    @property
    def endpoint_url(self) -> str:
        """Where the AWS API is, on loopback."""
        return str(self._state()["endpoint_url"])

    @property
    def ca(self) -> Path:
        """The certificate authority of the endpoints, what the RDS bundle is to real ones."""
        return self._folder / "tls" / "ca.pem"

    def names(self) -> dict[str, dict[str, Any]]:
        """What stands behind each endpoint: status, role (`primary` or `standby`), version, port, pid and log."""
        return dict(self._state()["endpoints"])

    def _named(self, name: str) -> dict[str, Any]:
        found = self.names().get(name)
        if found is None:
            raise LabError(f"There is no {name} in the small RDS.", next_step="Create it first, with the AWS CLI.")
        return found

    def conninfo(self, name: str, role: str, *, database: str, password: str, **options: str) -> str:
        """How to connect to an endpoint.

        Args:
            name: `rds:ID`, or `writer:ID` or `reader:ID` of a cluster.
            role: `learner` is the master user, `postgres` the superuser rdsadmin; others are meant literally.
            database: Its name.
            password: `right` for the one that belongs to the role, `wrong` for one that does not, or a text.
            **options: Further ones of libpq.

        Raises:
            LabError: There is no such endpoint, or the role's password is not known.
        """
        from psycopg.conninfo import make_conninfo

        state, found = self._state(), self._named(name)
        user = {"learner": found["master"], "postgres": "rdsadmin"}.get(role, role)
        known = {"rdsadmin": state["secret"], "checker": state["checker"], found["master"]: found["password"]}
        if password == "right" and user not in known:  # noqa: S105 - a word of the labs' format
            raise LabError(f"The password of {user} on {name} is not known.", next_step="Give it as a text.")
        secret = {"right": known.get(user, ""), "wrong": "wrong-" + known.get(user, "")}.get(password, password)
        given = {"connect_timeout": "5", "gssencmode": "disable", "sslmode": "require", **options}
        # A name may be held against the certificate, but the address is always ours.
        address = {"host": options.get("host", found["host"]), "hostaddr": found["host"], "port": str(found["port"])}
        return make_conninfo(**{**given, **address}, user=user, password=secret, dbname=database)

    def log(self, name: str) -> Path:
        """The PostgreSQL log of what is behind an endpoint."""
        return Path(self._named(name)["log"])

    def kill(self, name: str) -> None:
        """End a server and its children with SIGKILL, as a crash of the host would; RDS has no call for that.

        Raises:
            LabError: It does not run.
        """
        pid = self._named(name)["pid"]
        if pid is None or not processes.is_ours(self._folder, pid, "server"):
            raise LabError(f"{name} does not run, so that it cannot be killed.")
        processes.kill_tree(pid)

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client on this endpoint, which no configuration of the user's can lead elsewhere."""
        if (service, region) not in self._clients:
            self._clients[service, region] = _client(service, self.endpoint_url, region)
        return self._clients[service, region]

    def call(self, name: str, params: Mapping[str, Any]) -> Any:
        """Call the AWS API.

        Args:
            name: As in `rds.create_db_instance`; boto3's names of service and method.
            params: Its parameters; a text stands for a number, a truth value or a time where the API asks for one.
                `Region` is the Region that is called, and rotation calls of KMS take an alias as their `KeyId`.

        Raises:
            LabError: There is no such call, or it has no such parameter.
            botocore.exceptions.ClientError: It was refused.
        """
        service, _, method = name.partition(".")
        given = dict(params)
        client = self.client(service, given.pop("Region", REGION))
        operation = client.meta.method_to_api_mapping.get(method)
        if operation is None:
            raise LabError(
                f"The AWS API has no call {name}.", next_step="Write it as boto3 does: rds.describe_db_instances."
            )
        shape = client.meta.service_model.operation_model(operation).input_shape
        unknown = given.keys() - (shape.members.keys() if shape is not None else set())
        if unknown:
            raise LabError(
                f"The call {name} has no parameter {', '.join(sorted(unknown))}.",
                next_step="See in boto3's documents which it has.",
            )
        if method in _BY_KEY_ID and str(given.get("KeyId")).startswith("alias/"):
            given["KeyId"] = client.describe_key(KeyId=given["KeyId"])["KeyMetadata"]["KeyId"]
        return getattr(client, method)(**(typed(given, shape) if shape is not None else {}))

    def environment(self) -> dict[str, str]:
        """The variables with which the AWS CLI, boto3 and psql in the learner's shell reach this and nothing else."""
        return {**_CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint_url, "PGSSLROOTCERT": str(self.ca)}

    def stop(self) -> None:
        """Stop the child and all servers, and remove what they wrote; safe to repeat."""
        processes.end(self._running(), seconds=15)
        processes.end(processes.remembered(self._folder), seconds=0)
        processes.end(processes.working_in(self._folder), seconds=0)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._clients.clear()


_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": KEY,
    "AWS_SESSION_TOKEN": KEY,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_PAGER": "",
}


def _guise(engine: Engine, folder: Path) -> processes.Guise:
    """As whom the child runs, and with it the servers; where we are root, Python has to be within reach as well."""
    if os.name == "nt" or os.geteuid() != 0:
        return processes.Guise()
    for way in (processes.Guise(way="unshare"), processes.Guise(way="nobody")):
        tried: tuple[list[str | Path], ...] = (
            [engine.bin / "postgres", "--version"],
            [sys.executable, "-c", "import pgdojo.lab.rds"],
        )
        with contextlib.suppress(LabError, OSError, KeyError):
            if all(way.run(command, folder=folder).returncode == 0 for command in tried):
                return way
    raise LabError("The small RDS cannot run as root here.", next_step="Start pgdojo as an ordinary user.")


def _binaries(engine: Engine) -> dict[str, dict[str, Any]]:
    """The programs by major version, `engine` first."""
    found: dict[str, dict[str, Any]] = {}
    for one in (engine, *engines()):
        if str(one.major) in found or not all(f"tool:{tool}" in one.meets for tool in _TOOLS):
            continue
        programs = {tool: str(one.tool(tool)) for tool in _TOOLS}
        meets = sorted(need for need in one.meets if ":" not in need)
        found[str(one.major)] = {**programs, "version": one.version, "meets": meets}
    if str(engine.major) not in found:
        raise LabError(
            f"PostgreSQL in {engine.bin} lacks initdb, postgres or pg_basebackup.",
            next_step="Run pip install 'pgdojo[labs]'.",
        )
    return found


def _client(service: str, endpoint: str, region: str) -> Any:
    import boto3  # type: ignore[import-untyped]
    import botocore.session  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]

    core = botocore.session.Session()
    # A profile or a configuration of the user's could hold another endpoint or real keys.
    core.set_config_variable("config_file", os.devnull)
    core.set_config_variable("credentials_file", os.devnull)
    core.session_var_map["profile"] = (None, None, None, None)
    session = boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=KEY, region_name=region, botocore_session=core)
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=90, proxies={}
    )
    return session.client(service, endpoint_url=endpoint, config=config)


def typed(value: Any, shape: Any) -> Any:
    """Give texts the types that a shape of botocore asks for; what does not fit is left for botocore to refuse."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return {key: typed(one, shape.members[key]) if key in shape.members else one for key, one in value.items()}
    if shape.type_name == "list" and isinstance(value, (list, tuple)):
        return [typed(one, shape.member) for one in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: typed(one, shape.value) for key, one in value.items()}
    if not isinstance(value, str):
        return str(value) if shape.type_name == "string" and isinstance(value, (int, float)) else value
    turn = _TURNS.get(shape.type_name)
    try:
        return turn(value) if turn else value
    except ValueError:
        return value


def _truth(text: str) -> bool:
    if text.lower() not in {"true", "false", "yes", "no"}:
        raise ValueError(text)
    return text.lower() in {"true", "yes"}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.strip())


_TURNS: dict[str, Callable[[str], Any]] = {
    "boolean": _truth,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "timestamp": _time,
    "blob": str.encode,
}
