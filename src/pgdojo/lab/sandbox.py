"""The sandbox of a lab: its throw-away servers, what was remembered in it, and its end.

All state is in one folder, so that any process can take it up again: sandbox.json says which servers there are,
secrets.json holds their passwords, processes.jsonl the processes that belong to it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from filelock import FileLock
from platformdirs import user_cache_path
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pgdojo.course.lab_records import Lab, Operation, ServerEntry
from pgdojo.errors import LabError
from pgdojo.lab import foreign, kerberos, operations, processes
from pgdojo.lab.client import WHAT as CLIENT
from pgdojo.lab.client import Ledger, read_ledger
from pgdojo.lab.deeds import FILE as DEEDS
from pgdojo.lab.engines import ELSEWHERE, Engine, advice, choose, engine_at, engines, fittest
from pgdojo.lab.foreign import Guest
from pgdojo.lab.processes import Guise
from pgdojo.lab.server import LOOPBACK, STOP_NOW, SUPERUSER, Server, free_port, refuse_settings, remove
from pgdojo.lab.tls import HOST

if TYPE_CHECKING:
    from pgdojo.lab.rds import SmallRds

RESET = "Reset the lab and start it again."

_STATE = "sandbox.json"
_SECRETS = "secrets.json"
_PRIVATE = frozenset({_STATE, _SECRETS, DEEDS, "client.json", "processes.jsonl", ".lock"})
_MOST_SERVERS = 4
_MOST_BYTES = 400_000_000
_ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$-]{0,62}")
_DATABASE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_FILES_OF_TLS = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_OPTIONS = frozenset(
    """host sslmode sslnegotiation sslcompression sslsni ssl_min_protocol_version ssl_max_protocol_version
    channel_binding require_auth gssencmode krbsrvname gsslib connect_timeout application_name fallback_application_name
    options client_encoding target_session_attrs keepalives tcp_user_timeout replication""".split()
) | frozenset(_FILES_OF_TLS)
"""What a lab may say about a connection; where it leads to is not among it."""


@dataclass(frozen=True)
class ServerState:
    """How one server is now."""

    name: str
    port: int
    version: str
    role: Literal["primary", "standby", "stopped"]
    host: str = LOOPBACK


class Sandbox:
    """What one lab runs in."""

    def __init__(self, folder: Path) -> None:
        """Take up the sandbox in `folder`, whole or not; `open` and `create` give whole ones."""
        self.folder = folder.absolute()

    @classmethod
    def create(cls, lab: Lab, folder: Path, *, owner: int | None) -> Sandbox:
        """Make the servers of `lab` in `folder`, start them, and run its setup.

        Where PGDOJO_PG_DSN is set, the lab gets a database on that server instead of one of its own.

        Args:
            lab: What is started.
            folder: Where all of it lies; it must not hold a sandbox that someone still needs.
            owner: The pid whose end ends the sandbox; None for one that stays until it is closed.

        Raises:
            LabError: No engine meets what the lab needs, or a server does not start. Nothing is left then.
        """
        if cls.open(folder) and cls.owned(folder):
            raise LabError(f"The lab {lab.id} has been started already.", next_step="Go on with it, or reset it.")
        sandbox = cls(folder)
        sandbox.close()
        try:
            sandbox._lay_out(lab, owner)
            sandbox._make_servers(lab)
            if "aws" in lab.needs:
                sandbox._start_rds(lab)
            for operation in lab.sandbox.setup:
                operations.perform(sandbox, operation, role=SUPERUSER)
            sandbox._change(lambda state: state.update(whole=True))
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    @classmethod
    def open(cls, folder: Path) -> Sandbox | None:
        """Take up the sandbox in `folder`; None where nothing whole is there."""
        state = _read(folder / _STATE)
        return cls(folder) if state.get("whole") else None

    @staticmethod
    def owned(folder: Path) -> bool:
        """Whether there is a sandbox in `folder` that someone still needs."""
        state = _read(folder / _STATE)
        if not state:
            return False
        if state["owner"] is None and state["whole"]:
            return True
        keeper = state["owner"] or state["creator"]
        return bool(processes.started_at(keeper["pid"]) == keeper["started"])

    # --- what it is ---

    @property
    def lab(self) -> str:
        """The lab's id."""
        return str(self._state["lab"])

    def states(self) -> list[ServerState]:
        """Each server as it is now."""
        own = [
            ServerState(server.name, server.port, server.engine.version, _role(server))
            for server in map(self.server, self._state["servers"])
        ]
        guest = self._guest
        if guest is None:
            return own
        return [*own, ServerState(guest.server, guest.port, guest.version, "primary", guest.address["host"])]

    def conninfo(
        self,
        server: str,
        role: str = "learner",
        *,
        database: str = "shop",
        password: str = "right",  # noqa: S107 - a word for one
        **options: str,
    ) -> str:
        """How `role` connects to `server`, for libpq; it leads to this machine, unless PGDOJO_PG_DSN names another.

        Args:
            server: A server of the sandbox, or rds:ID, writer:ID, reader:ID.
            role: `postgres` is the superuser.
            database: The database.
            password: `right`, `wrong`, or a text that is taken as it is.
            options: Such as sslmode. `host` is the name that the certificate is held against, and nothing more; files
                of TLS lie below the sandbox's folder.

        Raises:
            LabError: There is no such server, or an option would lead elsewhere.
        """
        _must_be_name(role, _ROLE, "role")
        _must_be_name(database, _DATABASE, "database")
        allowed = self._options(options)
        if ":" in server:
            return self._rds().conninfo(server, role, database=database, password=password, **allowed)
        guest = self._guest
        if guest and server == guest.server:
            return guest.conninfo(role, database, self._given_password(role, password), allowed)
        found = self.server(server)
        host = allowed.pop("host", None) or self._entry(server).get("host") or LOOPBACK
        return make_conninfo(
            **{
                "connect_timeout": "5",
                **allowed,
                "host": host,
                "hostaddr": LOOPBACK,
                "port": str(found.port),
                "user": role,
                "password": self._given_password(role, password),
                "dbname": database,
            }
        )

    def password(self, role: str) -> str:
        """The password that the sandbox has given to `role`.

        Raises:
            LabError: It has given none.
        """
        known = _read(self.folder / _SECRETS)
        if role not in known:
            raise LabError(f"The sandbox knows no password of {role}.", next_step="Write the password into the lab.")
        return str(known[role])

    def remembered(self) -> dict[str, str]:
        """What mark and keep have remembered."""
        return dict(self._state["remembered"])

    def fill(self, text: str) -> str:
        """`text` with each {NAME} replaced by what is remembered under NAME, or by the conninfo of a server NAME."""
        known = {**{_variable(name): self.conninfo(name) for name in self._names()}, **self.remembered()}
        filled = re.sub(r"\{([A-Za-z0-9_-]+)\}", lambda found: known.get(found[1], found[0]), text)
        guest = self._guest
        return guest.translated(filled) if guest else filled

    def ledger(self) -> Ledger:
        """The ledger of the writing client."""
        return read_ledger(self.folder)

    def log_lines(self, server: str, pattern: str) -> list[str]:
        """The lines of a server's log that match `pattern`, the oldest first."""
        log = self._rds().log(server) if ":" in server else self.server(server).log
        wanted = re.compile(pattern)
        try:
            lines = log.read_text("utf-8", errors="replace").splitlines()
        except OSError:
            return []
        return [line for line in lines if wanted.search(line)]

    def files(self, pattern: str) -> list[Path]:
        """The files below the folder that match `pattern`, in order of their names; none of those that hold passwords.

        Raises:
            LabError: The pattern leads out of the folder.
        """
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts or "\\" in pattern:
            raise LabError(f"{pattern} leads out of the sandbox's folder.", next_step="Name a path below it.")
        root = self.folder.resolve()
        found = (path for path in self.folder.glob(pattern) if path.is_file() and path.name not in _PRIVATE)
        return sorted(path for path in found if path.suffix != ".key" and path.resolve().is_relative_to(root))

    def environment(self) -> dict[str, str]:
        """Variables for a learner's shell: a conninfo for each server, the tools, and an AWS that is none."""
        names = self._names()
        nowhere = os.devnull
        variables = {
            "PGDOJO_LAB": self.lab,
            "PGDOJO_LAB_FOLDER": str(self.folder),
            "PGPASSFILE": nowhere,
            "PGSERVICEFILE": nowhere,
            "AWS_ACCESS_KEY_ID": "pgdojo",
            "AWS_SECRET_ACCESS_KEY": "pgdojo",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:9",  # where nobody listens, until the small RDS says otherwise
            **{_variable(name): self.conninfo(name) for name in names},
            **kerberos.variables(self.folder),
        }
        if tools := self._tools(list(self._state["servers"])):
            variables["PATH"] = os.pathsep.join([str(tools), os.environ.get("PATH", "")])
        rds = self.rds
        return {**variables, **rds.environment()} if rds else variables

    @property
    def rds(self) -> SmallRds | None:
        """The small RDS, where the lab has one."""
        return _small_rds().open(self.folder) if self._state["rds"] else None

    # --- what is done to it ---

    def perform(self, operation: Operation) -> str:
        """Do `operation` and say in a line what happened.

        Raises:
            LabError: It failed, or did not fail as it should.
        """
        return operations.perform(self, operation, role="learner")

    def remember(self, name: str, value: str) -> None:
        """Keep `value` as {NAME} for the texts to come."""
        self._change(lambda state: state["remembered"].update({name: value}))

    def close(self) -> None:
        """End all processes and remove the folder; safe to repeat, also while another process does the same."""
        if not (self.folder / _STATE).exists():
            return
        _end_all(self.folder, ("guardian", CLIENT))
        if guest := self._guest:
            foreign.drop(guest)
        with suppress(LabError, OSError, KeyError):
            if rds := self.rds:
                rds.stop()
        with suppress(LabError, OSError, KeyError):
            for name in self._state["servers"]:
                self._put_down(self.server(name))
        _end_all(self.folder)
        remove(self.folder)

    # --- for the operations ---

    def server(self, name: str) -> Server:
        """The server called `name`.

        Raises:
            LabError: There is none.
        """
        entry = self._entry(name)
        return Server(
            name=name,
            engine=engine_at(Path(entry["bin"])),
            root=self.folder,
            port=entry["port"],
            guise=Guise(way=self._state["guise"]),
            password=self.password(SUPERUSER),
        )

    def entry(self, name: str) -> dict[str, Any]:
        """What the state says about the server `name`; a copy."""
        return dict(self._entry(name))

    def has(self, name: str) -> bool:
        """Whether there is a server called `name`."""
        return name in self._state["servers"]

    def note(self, server: str, **facts: Any) -> None:
        """Write `facts` about a server into the state."""
        self._change(lambda state: state["servers"][server].update(facts))

    def backup(self, name: str) -> dict[str, str]:
        """What the backup `name` was taken from, as `server`, and when it had ended, as `ended`.

        Raises:
            LabError: There is no such backup.
        """
        known = self._state["backups"]
        if name not in known:
            raise LabError(f"There is no backup {name}.", next_step=f"There are: {', '.join(known) or 'none'}.")
        return dict(known[name])

    def note_backup(self, name: str, server: str) -> None:
        """Remember what the backup `name`, which has ended now, was taken from."""
        ended = datetime.now(UTC).isoformat()
        self._change(lambda state: state["backups"].update({name: {"server": server, "ended": ended}}))

    def add(self, name: str, engine: Engine, **facts: Any) -> Server:
        """Write one more server into the state; its folder is made by whoever asked for it.

        Raises:
            LabError: The name is taken, or there are four already.
        """

        def change(state: dict[str, Any]) -> None:
            servers = state["servers"]
            if name in servers:
                raise LabError(f"There is a server {name} already.", next_step="Take another name.")
            if len(servers) >= _MOST_SERVERS:
                raise LabError(f"A sandbox has at most {_MOST_SERVERS} servers.", next_step="Reset the lab.")
            port = free_port([entry["port"] for entry in servers.values()])
            servers[name] = {**_NEW, "bin": str(engine.bin), "port": port, **facts}

        self.must_have_room()
        self._change(change)
        return self.server(name)

    def drop(self, name: str) -> None:
        """End a server and forget it with its data."""
        server = self.server(name)
        self._put_down(server)
        remove(server.data)
        self._change(lambda state: state["servers"].pop(name))

    def must_have_room(self) -> None:
        """Raise LabError where the sandbox holds more than it should."""
        size = sum(_size(path) for path in self.folder.rglob("*"))
        if size > _MOST_BYTES:
            raise LabError(
                f"The sandbox holds {size // 1_000_000} MB, and at most {_MOST_BYTES // 1_000_000} are allowed.",
                next_step=RESET,
            )

    def bring_up(self, name: str) -> None:
        """Start a server; the first time, it gets its roles and its database, and a primary learns to wait for it."""
        server = self.server(name)
        server.start()
        entry = self._entry(name)
        if server.follows():
            if entry["synchronous"] and not entry["joined"]:
                self._join(server, self.server(entry["follows"]))
        elif not entry["prepared"]:
            server.prepare({role: self.password(role) for role in ("learner", "checker")})
            self.note(name, prepared=True)

    def small_rds(self) -> SmallRds:
        """The small RDS; LabError where the lab has none."""
        return self._rds()

    @contextmanager
    def session(self, server: str, role: str, database: str) -> Iterator[psycopg.Connection[Any]]:
        """A connection as `role` that commits by itself; the superuser becomes a role whose password is not known.

        Raises:
            psycopg.Error: The server cannot be reached.
        """
        known = ":" in server or role in _read(self.folder / _SECRETS)
        conninfo = self.conninfo(server, role if known else SUPERUSER, database=database)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            if not known:
                statement = sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role))
                connection.execute(statement)
            yield connection

    # --- inside ---

    @property
    def _state(self) -> dict[str, Any]:
        state = _read(self.folder / _STATE)
        if not state:
            raise LabError("The lab is not running any more.", next_step="Start it again.")
        return state

    def _change(self, change: Callable[[dict[str, Any]], Any]) -> None:
        _ = self._state  # a lock would make the folder of a closed sandbox anew
        with FileLock(self.folder / ".lock", timeout=10):
            state = self._state
            change(state)
            _write(self.folder / _STATE, state)

    @property
    def _guest(self) -> Guest | None:
        """What the lab has on the server of PGDOJO_PG_DSN, where it runs there."""
        made = self._state.get("foreign")
        return Guest(**made) if made else None

    def _names(self) -> list[str]:
        guest = self._guest
        return [*self._state["servers"], *([guest.server] if guest else [])]

    def _entry(self, name: str) -> dict[str, Any]:
        servers = self._state["servers"]
        guest = self._guest
        if guest and name == guest.server:
            raise LabError(
                f"{name} is the server of {foreign.DSN}; SQL is all that a lab may do to it.",
                next_step=f"Let the lab start a server of its own: {foreign.WAY_OUT}",
            )
        if name not in servers:
            there = ", ".join(servers) or "none"
            raise LabError(f"The sandbox has no server {name!r}.", next_step=f"There are: {there}.")
        entry: dict[str, Any] = servers[name]
        return entry

    def _rds(self) -> SmallRds:
        rds = self.rds
        if rds is None:
            raise LabError("This lab has no AWS, or it has ended.", next_step=RESET)
        return rds

    def _given_password(self, role: str, password: str) -> str:
        if password == "wrong":  # noqa: S105 - the word that a lab uses for it
            return secrets.token_urlsafe(12)
        return self.password(role) if password == "right" else password  # noqa: S105 - the same

    def _options(self, options: Mapping[str, str]) -> dict[str, str]:
        for name, value in options.items():
            if name not in _OPTIONS or "\0" in value:
                raise LabError(f"The option {name} cannot be given to a connection.", next_step="Leave it out.")
        if "host" in options and not HOST.fullmatch(options["host"]):
            raise LabError(f"{options['host']!r} is no host's name.", next_step="Name a single host.")
        return {name: self._below(value) if name in _FILES_OF_TLS else value for name, value in options.items()}

    def _below(self, value: str) -> str:
        if value == "system":
            return value
        path = (self.folder / value).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise LabError(f"{value} leads out of the sandbox's folder.", next_step="Name a path below it.")
        return str(path)

    def _tools(self, names: list[str]) -> Path | None:
        """The folder with psql: that of a server's own engine, else any."""
        own = [self.server(name).engine for name in names]
        return next((engine.bin for engine in (*own, *engines()) if "tool:psql" in engine.meets), None)

    def _lay_out(self, lab: Lab, owner: int | None) -> None:
        guest = foreign.plan(lab) if foreign.concerns(lab) else None
        engine = None if guest else _engine(lab, None)
        self.folder.mkdir(parents=True, exist_ok=True)
        # of root's folder, another user must be able to reach the servers; what is secret has its own mode
        self.folder.chmod(0o711 if os.name != "nt" and os.geteuid() == 0 else 0o700)
        _write(self.folder / _SECRETS, {role: secrets.token_urlsafe(18) for role in (SUPERUSER, "learner", "checker")})
        state = {
            "lab": lab.id,
            "whole": False,
            "creator": _identity(os.getpid()),
            "owner": _identity(owner) if owner is not None else None,
            "guise": "self",
            "rds": False,
            "servers": {},
            "backups": {},
            "remembered": {},
            "foreign": asdict(guest) if guest else None,
        }
        _write(self.folder / _STATE, state)
        if engine:
            way = processes.guise(engine, self.folder).way
            self._change(lambda state: state.update(guise=way))
        if owner is not None:
            processes.spawn(self.folder, "guardian", "pgdojo.lab.guardian", pipe=True)

    def _make_servers(self, lab: Lab) -> None:
        if guest := self._guest:
            foreign.make(guest, {role: self.password(role) for role in ("learner", "checker")})
            return
        entries = lab.sandbox.servers
        for entry in entries:
            refuse_settings(entry.settings)
            self._plan(lab, entry)
        _at_once(self._make, [entry for entry in entries if entry.follows is None])
        _at_once(self._make, [entry for entry in entries if entry.follows is not None])

    def _plan(self, lab: Lab, entry: ServerEntry) -> None:
        leader = self._entry(entry.follows) if entry.follows else None
        engine = engine_at(Path(leader["bin"])) if leader else _engine(lab, entry.version)
        self.add(
            entry.name,
            engine,
            # a standby does not start with less than its primary has, of connections for one
            settings={**(leader["settings"] if leader else {}), **entry.settings},
            archive=entry.archive,
            archive_seconds=entry.archive_seconds,
            follows=entry.follows,
            synchronous=entry.synchronous,
        )

    def _make(self, entry: ServerEntry) -> None:
        server = self.server(entry.name)
        settings = operations.settings_of(self, entry.name)
        if entry.follows:
            server.clone(self.server(entry.follows), settings)
        else:
            server.init(settings)
        if entry.start:
            self.bring_up(entry.name)

    def _join(self, standby: Server, primary: Server) -> None:
        """Let `primary` wait for `standby` at each commit, from when it streams on."""
        name = standby.name.replace("-", "_")
        query = "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'"
        if not primary.becomes_true(query, 20):
            raise LabError(f"{standby.name} does not stream from {primary.name}.", next_step=RESET)
        primary.alter({"synchronous_standby_names": name})
        waits = "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
        if not primary.becomes_true(waits, 10):
            raise LabError(f"{primary.name} does not wait for {standby.name}.", next_step=RESET)
        self.note(standby.name, joined=True)

    def _start_rds(self, lab: Lab) -> None:
        small = _small_rds()
        self._change(lambda state: state.update(rds=True))
        small.start(self.folder, _engine(lab, None))

    def _put_down(self, server: Server) -> None:
        """End a server at once, and with it what it holds of the system."""
        if pid := server.pid():
            processes.end([pid], STOP_NOW, seconds=3)
        server.tidy()


_NEW: dict[str, Any] = {
    "settings": {},
    "archive": False,
    "archive_seconds": 3,
    "follows": None,
    "synchronous": False,
    "joined": False,
    "prepared": False,
    "restored": False,
    "host": None,
}
"""What the state says about a server that nothing is said about."""


def home() -> Path:
    """The folder that holds a folder for each lab that runs."""
    return Path(os.environ.get("PGDOJO_LABS") or user_cache_path("pgdojo") / "labs")


def sweep(home: Path, hear: Callable[[LabError], None] = lambda _: None) -> list[str]:
    """Close the sandboxes in `home` whose owner is gone, and name what was closed.

    Args:
        home: The folder of the sandboxes.
        hear: Hears why one could not be closed.
    """
    swept = []
    for state in sorted(home.glob(f"*/{_STATE}")):
        folder = state.parent
        if not Sandbox.owned(folder):
            try:
                Sandbox(folder).close()
            except LabError as cause:
                hear(cause)
            else:
                swept.append(folder.name)
    return swept


def _engine(lab: Lab, major: int | None) -> Engine:
    """The engine for a server of `lab`: of those that can run the lab, the first that can run the most of its steps."""
    follows = {"tool:pg_basebackup"} if any(entry.follows for entry in lab.sandbox.servers) else set()
    needs = (set(lab.needs) | follows) - ELSEWHERE
    among = (engine for engine in engines() if major in {None, engine.major})
    found = fittest(among, needs, (step.needs for step in lab.steps))
    if found is not None:
        return found
    lacking = [need for need in sorted(needs) if choose([need], major) is None]
    version = f"PostgreSQL {major}" if major else "PostgreSQL"
    meant = f" with {', '.join(lacking or sorted(needs))}" if needs else ""
    raise LabError(
        f"The lab {lab.id} needs {version}{meant}, which is not on this machine.",
        next_step=f"Install it: {advice(lacking[0] if lacking else 'two_majors')}",
    )


def _small_rds() -> type[SmallRds]:
    try:
        from pgdojo.lab.rds import SmallRds
    except ImportError as cause:
        raise LabError(
            f"The AWS API of the labs cannot be loaded ({cause}).", next_step="Run pip install 'pgdojo[labs]'."
        ) from cause
    return SmallRds


def _end_all(folder: Path, only: tuple[str, ...] = ()) -> None:
    """End the processes of a sandbox: those of the kinds in `only`, or all, and what works in its folder too."""
    if only:
        found = [pid for what in only for pid in processes.remembered(folder, what)]
        processes.end([pid for pid in found if pid != os.getpid()], seconds=0.5)
        return
    clients = processes.remembered(folder, CLIENT)
    processes.end(clients, seconds=0.5)
    for _ in range(3):
        left = {*processes.remembered(folder), *processes.working_in(folder.resolve())} - {os.getpid()}
        if not left:
            return
        processes.end(left, STOP_NOW, seconds=2)


def _at_once(make: Callable[[ServerEntry], None], entries: list[ServerEntry]) -> None:
    with ThreadPoolExecutor(_MOST_SERVERS) as pool:
        for done in [pool.submit(make, entry) for entry in entries]:
            done.result()


def _identity(pid: int) -> dict[str, Any]:
    return {"pid": pid, "started": processes.started_at(pid)}


def _role(server: Server) -> Literal["primary", "standby", "stopped"]:
    if not server.running():
        return "stopped"
    return "standby" if server.follows() else "primary"


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


def _must_be_name(value: str, shape: re.Pattern[str], what: str) -> None:
    if not shape.fullmatch(value):
        raise LabError(f"{value!r} is no name of a {what}.", next_step="Use letters, digits, _ and -.")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # a server may remove its files at any time
        return 0


def _read(path: Path) -> dict[str, Any]:
    for _ in range(3):
        try:
            data = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            time.sleep(0.02)
        else:
            return data if isinstance(data, dict) else {}
    return {}


def _write(path: Path, data: Mapping[str, Any]) -> None:
    written = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(data, file)
    written.replace(path)
