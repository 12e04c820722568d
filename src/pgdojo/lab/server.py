"""One throw-away PostgreSQL: its folder, its configuration, and what pg_ctl does to it.

A server listens on 127.0.0.1 alone, on a port of its own, and asks everyone for a password. All that it is lies below
the folder that it was made in, so that any process can take it up again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import re
import secrets
import shlex
import shutil
import signal
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pgdojo.errors import LabError
from pgdojo.lab import kerberos, processes
from pgdojo.lab.engines import Engine
from pgdojo.lab.processes import Guise

SUPERUSER = "postgres"
LOOPBACK = "127.0.0.1"
DATABASE = "shop"

_SETTINGS: dict[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "50",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # a server that is killed leaves nothing outside of its folder
    "fsync": "off",  # a killed process loses nothing by it, and no lab outlives a crash of the machine
    "min_wal_size": "4MB",
    "max_wal_size": "48MB",
    "wal_keep_size": "32MB",  # a standby that was cut finds its way back
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "500ms",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_KEPT = re.compile(
    r"listen_addresses|port|unix_socket_.*|.*_file|.*_directory|dynamic_library_path|primary_conninfo|.*_command"
    r"|restart_after_crash|config_.*"
)
"""Settings that stay as they are: where a server is reached, what it reads, and what it runs."""
_HARMLESS_COMMANDS = frozenset({"", "false", "/bin/false", "DEFAULT"})
_SETTING = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")
_PORTS = range(20_000, 32_000)  # below those that the system gives to outgoing connections
_START_SECONDS = 40


@dataclass(frozen=True, kw_only=True)
class Server:
    """A PostgreSQL below a folder."""

    name: str
    engine: Engine
    root: Path
    """The folder that holds servers/NAME, logs/NAME.log and archive/NAME, and the ledger of processes."""
    port: int
    guise: Guise
    password: str
    """The superuser's."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise LabError(f"{self.name!r} is no server's name.", next_step="Use small letters, digits and hyphens.")

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.root / "servers" / self.name

    @property
    def log(self) -> Path:
        """The file of the log."""
        return self.root / "logs" / f"{self.name}.log"

    @property
    def archive(self) -> Path:
        """Where its WAL is archived to, if it is."""
        return self.root / "archive" / self.name

    @property
    def what(self) -> str:
        """How the ledger of processes calls it."""
        return f"server {self.name}"

    # --- the folder ---

    def init(self, settings: Mapping[str, str]) -> None:
        """Make an empty server with `settings`; it is not started."""
        self._make_folders()
        secret = self.root / "servers" / f".{self.name}.{secrets.token_hex(4)}"
        _write_private(secret, self.password)
        self.guise.own(secret)
        try:
            self.run(
                "initdb",
                *("-D", self.data, "-U", SUPERUSER, "--pwfile", secret, "--auth=scram-sha-256", "-k", "--no-sync"),
                *("--encoding=UTF8", "--locale=C", "--wal-segsize=1"),
            )
        finally:
            secret.unlink(missing_ok=True)
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude 'lab.conf'\n")
        self.configure(settings)
        self.admit()

    def clone(self, source: Server, settings: Mapping[str, str]) -> None:
        """Make this a standby of `source`, which runs, by a base backup; it is not started."""
        self._make_folders()
        source.base_backup(self.data, engine=self.engine)
        self.configure(settings)
        self.follow(source)

    def base_backup(self, target: Path, *, engine: Engine | None = None) -> None:
        """Take a base backup of this server, which runs, into the new folder `target`."""
        self.run(
            "pg_basebackup",
            *("-h", LOOPBACK, "-p", str(self.port), "-U", SUPERUSER, "-D", target),
            *("-X", "stream", "-c", "fast", "--manifest-checksums=SHA256", "--no-sync"),
            engine=engine,
        )

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write the server's own configuration, which a base backup does not carry over."""
        refuse_settings(settings, but=("archive_command", "restore_command"))
        lines = {**_SETTINGS, "port": str(self.port), "cluster_name": self.name, **settings}
        text = "".join(f"{name} = {quoted(value)}\n" for name, value in lines.items())
        _write_private(self.data / "lab.conf", text)
        self.guise.own(self.data / "lab.conf")

    def admit(self, *, only_tls: bool = False, first: str = "") -> None:
        """Write who may connect: everyone from this machine with a password, and with TLS alone if `only_tls`.

        Lines in `first` come before these.
        """
        kind = "hostssl" if only_tls else "host"
        _write_private(
            self.data / "pg_hba.conf",
            f"{first}local all all scram-sha-256\n"
            f"{kind} all all {LOOPBACK}/32 scram-sha-256\n"
            f"{kind} replication {SUPERUSER} {LOOPBACK}/32 scram-sha-256\n",
        )
        self.guise.own(self.data / "pg_hba.conf")

    def follow(self, source: Server) -> None:
        """Make this stopped server a standby of `source`."""
        self.forget("synchronous_standby_names", "primary_conninfo", "restore_command", "recovery_target_.*")
        with (self.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            file.write(f"primary_conninfo = {quoted(self.upstream(source))}\n")
        self.signal_file.touch()
        self.guise.own(self.signal_file, self.data / "postgresql.auto.conf")

    def upstream(self, source: Server) -> str:
        """How this server reaches `source` to stream from it."""
        return make_conninfo(
            host=LOOPBACK,
            port=source.port,
            user=SUPERUSER,
            password=source.password,
            application_name=self.name.replace("-", "_"),
            connect_timeout=2,
        )

    @property
    def signal_file(self) -> Path:
        """The file whose presence makes the server a standby."""
        return self.data / "standby.signal"

    def forget(self, *names: str) -> None:
        """Take out of postgresql.auto.conf what ALTER SYSTEM has set, by patterns of names."""
        path = self.data / "postgresql.auto.conf"
        pattern = re.compile(rf"\s*(?:{'|'.join(names)})\s*=")
        kept = [line for line in path.read_text("utf-8").splitlines(keepends=True) if not pattern.match(line)]
        path.write_text("".join(kept), "utf-8")
        self.guise.own(path)

    def archive_settings(self, seconds: int) -> dict[str, str]:
        """The settings with which WAL goes to `archive`, every `seconds` at the latest."""
        target = f"{_shell(self.archive)}/%f"
        return {
            "archive_mode": "on",
            "archive_timeout": f"{seconds}s",
            "archive_command": f"test ! -f {target} && cp %p {target}",
        }

    def recovery_settings(self, archive: Path, until: str | None) -> dict[str, str]:
        """The settings with which a copy recovers from the WAL in `archive`, up to a time stamp or to its end."""
        settings = {"restore_command": f"cp {_shell(archive)}/%f %p"}
        if until is None:
            return settings
        return {**settings, "recovery_target_time": until, "recovery_target_action": "promote"}

    # --- what pg_ctl does ---

    def start(self) -> None:
        """Start the server and wait until it answers; nothing where it runs already.

        Raises:
            LabError: It does not come up; the message holds what its log says.
        """
        if self.running():
            return
        before = self.log.stat().st_size if self.log.exists() else 0
        done = self.guise.run(
            [self.engine.tool("pg_ctl"), "-D", self.data, "-l", self.log, "-w", "-t", str(_START_SECONDS), "start"],
            folder=self.root,
            seconds=_START_SECONDS + 10,
            # without it, Kerberos in the server would keep a file of replays outside of the folder
            more=kerberos.variables(self.root),
        )
        if pid := self._written_pid():
            processes.remember(self.root, pid, self.what)
        if done.returncode != 0:
            raise LabError(f"{self.name} does not start: {self._last_words(before)}", next_step="See its log.")
        if self._archives():
            # a checkpointer that has gone to sleep while the server came up heeds archive_timeout only once it is woken
            self.reload()

    def stop(self, mode: str = "fast") -> None:
        """Stop the server, which waits for what runs as `mode` says; nothing where it is stopped."""
        if not self.running():
            return
        self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", "30", "stop")

    def reload(self) -> None:
        """Let the server read its configuration again."""
        self.must_run()
        self.run("pg_ctl", "-D", self.data, "reload")

    def promote(self) -> None:
        """Make a standby a primary, which waits for no synchronous standby, and wait until it takes writes."""
        self.must_run()
        if not self.follows():
            raise LabError(f"{self.name} is a primary already.", next_step="Promote a standby.")
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "30", "promote")
        self.alter({"synchronous_standby_names": ""})

    def kill(self) -> None:
        """End the server and its children at once, as a crash of its host would."""
        pid = self.pid()
        if pid is None:
            raise LabError(f"{self.name} does not run.", next_step="There is nothing to kill; start it first.")
        processes.kill_tree(pid)
        self.tidy()

    def tidy(self) -> None:
        """Remove what a server leaves behind that could not shut down; nothing where it runs."""
        if self.running():
            return
        file = self.data / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            _release_memory(int(file.read_text("ascii").splitlines()[6].split()[1]))
        file.unlink(missing_ok=True)

    # --- how it is ---

    def pid(self) -> int | None:
        """The postmaster's, None where the server does not run."""
        pid = self._written_pid()
        return pid if pid is not None and processes.is_ours(self.root, pid, self.what) else None

    def running(self) -> bool:
        """Whether the server runs."""
        return self.pid() is not None

    def follows(self) -> bool:
        """Whether it is a standby, running or not."""
        return self.signal_file.exists()

    def must_run(self) -> None:
        """Raise LabError where the server does not run."""
        if not self.running():
            raise LabError(f"{self.name} does not run.", next_step=f"Start {self.name} first.")

    def must_rest(self) -> None:
        """Raise LabError where the server runs."""
        if self.running():
            raise LabError(f"{self.name} still runs.", next_step=f"Stop {self.name} first.")

    # --- as the superuser ---

    def conninfo(self, database: str = "postgres") -> str:
        """How the superuser connects."""
        return make_conninfo(
            host=LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            password=self.password,
            dbname=database,
            connect_timeout=5,
            application_name="pgdojo",
        )

    @contextmanager
    def connect(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A connection of the superuser that commits by itself.

        Raises:
            LabError: The server cannot be reached, or refuses what is asked.
        """
        self.must_run()
        try:
            with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
                # what the engine does must not wait for a standby that is not there
                connection.execute("SET synchronous_commit = local")
                yield connection
        except psycopg.Error as cause:
            raise LabError(f"{self.name}: {first_line(cause)}", next_step="See its log.") from cause

    def value(self, query: LiteralString, database: str = "postgres") -> Any:
        """The first value of the first row of `query`, None without rows."""
        with self.connect(database) as connection:
            row = connection.execute(query).fetchone()
            return row[0] if row else None

    def becomes_true(self, query: LiteralString, seconds: float = 15) -> bool:
        """Whether `query` gives true within `seconds`; a server that cannot be reached meanwhile is asked again."""
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(LabError):
                if self.value(query):
                    return True
            if time.monotonic() > until or not self.running():
                return False
            time.sleep(0.1)

    def alter(self, settings: Mapping[str, str]) -> None:
        """ALTER SYSTEM, then a reload; DEFAULT takes a setting back."""
        refuse_settings(settings, but=("primary_conninfo",))
        with self.connect() as connection:
            for name, value in settings.items():
                connection.execute(_alteration(name, value))
            connection.execute("SELECT pg_reload_conf()")

    def prepare(self, passwords: Mapping[str, str], *, database: str = DATABASE) -> None:
        """Make the roles learner and checker and the database that learner owns, where they are not there yet.

        Args:
            passwords: Of learner and checker.
            database: The database.
        """
        with self.connect() as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            if "learner" not in known:
                connection.execute("CREATE ROLE learner LOGIN CREATEROLE CREATEDB")
                connection.execute("GRANT pg_monitor, pg_signal_backend TO learner")
            if "checker" not in known:
                connection.execute("CREATE ROLE checker LOGIN")
                connection.execute("GRANT pg_read_all_data, pg_read_all_settings, pg_read_all_stats TO checker")
            for role in ("learner", "checker"):
                verifier = connection.pgconn.encrypt_password(passwords[role].encode(), role.encode(), b"scram-sha-256")
                statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
                connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier.decode())))
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
            if there is None:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER learner").format(sql.Identifier(database)))
        if there is None:
            with self.connect(database) as connection:
                connection.execute("ALTER SCHEMA public OWNER TO learner")

    # --- tools ---

    def run(self, tool: str, *arguments: str | Path, engine: Engine | None = None, seconds: float = 90) -> str:
        """Run a tool as the superuser and return what it printed.

        Args:
            tool: Such as pg_dump.
            arguments: Its arguments; no shell sees them.
            engine: Whose tool it is, the server's own by default.
            seconds: How long it may take.

        Raises:
            LabError: There is no such tool, or it failed.
        """
        command = [(engine or self.engine).tool(tool), *arguments]
        # servers/, not the root: pg_upgrade wants to write where it stands, whoever it runs as
        done = self.guise.run(command, folder=self.data.parent, password=self.password, seconds=seconds)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:] or ["it did not say why"]
            raise LabError(f"{tool} failed on {self.name}: {' '.join(said)}", next_step="See the server's log.")
        return done.stdout

    def _make_folders(self) -> None:
        for folder in ("servers", "logs", "archive", "backups", "dumps", f"archive/{self.name}"):
            path = self.root / folder
            if not path.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                self.guise.own(path)

    def _archives(self) -> bool:
        return "archive_mode = 'on'" in (self.data / "lab.conf").read_text("utf-8")

    def _written_pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text("ascii").split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _last_words(self, before: int) -> str:
        try:
            with self.log.open("rb") as file:
                file.seek(before)
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        grave = [line for line in lines if re.search(r"FATAL|PANIC|ERROR|could not", line)]
        return (grave or lines or ["its log is empty"])[-1]


def free_port(taken: Collection[int] = ()) -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    for _ in range(200):
        port = random.choice(_PORTS)  # noqa: S311 - not a secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            if port not in taken:
                return port
    raise LabError("No port of 127.0.0.1 is free for a server.", next_step="End other servers, and try again.")


def refuse_settings(settings: Mapping[str, str], *, but: Collection[str] = ()) -> None:
    """Raise LabError where `settings` would open the server, or let it run or read what is not the lab's."""
    for name, value in settings.items():
        if not _SETTING.fullmatch(name) or "\n" in value or "\0" in value:
            raise LabError(
                f"{name!r} cannot be set.", next_step="Name a setting of PostgreSQL, with one line as value."
            )
        if name in but or (name == "archive_command" and value in _HARMLESS_COMMANDS):
            continue
        if _KEPT.fullmatch(name):
            raise LabError(f"{name} stays as the lab has set it.", next_step="Choose another setting.")
        if name.endswith("_preload_libraries") and re.search(r"[/\\.]", value):
            raise LabError(f"{name} takes names of libraries here, not paths.", next_step="Name the library alone.")


def quoted(value: str) -> str:
    """`value` as a configuration file holds it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def first_line(cause: BaseException) -> str:
    """What an error says in its first line."""
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


@contextmanager
def time_limit(connection: psycopg.Connection[Any], seconds: float) -> Iterator[threading.Event]:
    """Cancel what runs on `connection` after `seconds`, and set the event then.

    The server's own limits do not end a commit that waits for a synchronous standby; only the client can.
    """
    fired = threading.Event()

    def cancel() -> None:
        fired.set()
        with contextlib.suppress(psycopg.Error):
            connection.cancel_safe(timeout=2)

    timer = threading.Timer(seconds, cancel)
    timer.daemon = True
    timer.start()
    try:
        yield fired
    finally:
        timer.cancel()


def _alteration(name: str, value: str) -> sql.Composed:
    setting = sql.SQL(".").join(map(sql.Identifier, name.split(".")))
    if value == "DEFAULT":
        return sql.SQL("ALTER SYSTEM RESET {}").format(setting)
    # of a list that PostgreSQL quotes by itself, each name is a literal of its own
    listed = name.endswith("_preload_libraries") or name in {"search_path", "temp_tablespaces"}
    parts = [part.strip() for part in value.split(",")] if listed else [value]
    return sql.SQL("ALTER SYSTEM SET {} = {}").format(setting, sql.SQL(", ").join(map(sql.Literal, parts)))


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _shell(path: Path) -> str:
    return shlex.quote(str(path)).replace("%", "%%")


def _release_memory(segment: int) -> None:
    """Remove the shared memory that a killed postmaster has left, which the system would keep until it restarts."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).shmctl(segment, 0, None)  # 0 is IPC_RMID


def remove(folder: Path) -> None:
    """Remove `folder` with all below it, also while a dying process still writes there."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    raise LabError(f"{folder} cannot be removed.", next_step="Remove it by hand.")


STOP_NOW = signal.SIGQUIT if hasattr(signal, "SIGQUIT") else signal.SIGTERM
"""What ends a postmaster at once and in order."""
