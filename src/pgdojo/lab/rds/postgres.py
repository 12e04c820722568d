"""One PostgreSQL server of the small RDS: its folder, its process and what is asked of it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from pgdojo.errors import LabError
from pgdojo.lab import processes

ADMIN = "rdsadmin"
"""The superuser, whose name is AWS's own; no learner has it."""

CHECKER = "checker"
HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Binaries:
    """The programs of one engine that the small RDS needs."""

    initdb: str
    postgres: str
    pg_basebackup: str
    version: str
    meets: tuple[str, ...] = ()

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.split(".")[0])


def free_port(host: str = HOST) -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def run(command: Sequence[str], what: str, *, password: str = "", seconds: float = 90) -> None:
    """Run one of PostgreSQL's programs to its end.

    Raises:
        LabError: It failed; the error holds its last words.
    """
    environment = {**os.environ, "PGPASSWORD": password, "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - programs of the engine, and arguments of our own
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as cause:
        raise LabError(
            f"{what} took longer than {seconds:g} s.", next_step="Stop the lab and start it again."
        ) from cause
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise LabError(f"{what} failed: {words[-1] if words else 'no reason given'}.")


@dataclass(kw_only=True)
class Postgres:
    """A server in the folder `data`; everything it is told stands in the file pgdojo.conf there."""

    binaries: Binaries
    data: Path
    log: Path
    ledger: Path
    """The folder that holds the ledger of processes."""
    secret: str
    """The superuser's password."""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def ready(self) -> bool:
        """Whether it takes connections."""
        return self.alive and self._state() == "ready"

    def create(self) -> None:
        """Initialise an empty folder."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        password_file = self.data.parent / "initial-password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.secret, encoding="utf-8")
        options = f"-U {ADMIN} -A scram-sha-256 -E UTF8 --locale=C -k --no-sync --wal-segsize=1".split()
        run([self.binaries.initdb, "-D", str(self.data), *options, f"--pwfile={password_file}"], "initdb")
        password_file.unlink()

    def configure(self, settings: Mapping[str, str], hba: Sequence[str]) -> None:
        """Replace the server's settings and its rules of who may log in; `reload` or a start makes them hold."""
        lines = [f"{name} = {_quoted(value)}\n" for name, value in settings.items()]
        (self.data / "pgdojo.conf").write_text("".join(lines), encoding="utf-8")
        (self.data / "pg_hba.conf").write_text("\n".join(hba) + "\n", encoding="utf-8")
        main = self.data / "postgresql.conf"
        if "pgdojo.conf" not in main.read_text(encoding="utf-8"):
            with main.open("a", encoding="utf-8") as file:
                file.write("\ninclude = 'pgdojo.conf'\n")

    def start(self, *, seconds: float = 30) -> None:
        """Start the server and wait until it is up; a hidden standby is up as soon as it recovers.

        Raises:
            LabError: It ended, or is not up after so many seconds; the error holds the log's last line.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the engine's own program
                [self.binaries.postgres, "-D", str(self.data), "-p", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        processes.remember(self.ledger, self.process.pid, "server")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.alive:
                break
            if self._state() in {"ready", "standby"}:
                return
            time.sleep(0.03)
        raise LabError(f"A server of the small RDS did not start: {self.last_words()}")

    def _state(self) -> str:
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return ""
        # The file of a server that was killed stays; it is told by its pid.
        mine = self.process is not None and len(lines) > 7 and lines[0] == str(self.process.pid)
        return lines[7].strip() if mine else ""

    def last_words(self) -> str:
        """The last line of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return lines[-1] if lines else "its log is empty"

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the server: in order, or at once as when its host is lost."""
        process = self.process
        if process is None:
            return
        for sign, seconds in (
            (signal.SIGQUIT if at_once else signal.SIGINT, 8),
            (signal.SIGQUIT, 4),
            (signal.SIGKILL, 4),
        ):
            if process.poll() is not None:
                break
            process.send_signal(sign)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        self.process = None

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        self.stop(at_once=True)
        shutil.rmtree(self.data, ignore_errors=True)

    def reload(self) -> None:
        """Make the server read its settings again."""
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    def promote(self) -> None:
        """Make a standby a primary, and wait until it is one; a hidden one cannot be asked for it in SQL."""
        if self.process is None:
            raise LabError("The standby does not run, so that it cannot be promoted.")
        (self.data / "promote").touch()
        self.process.send_signal(signal.SIGUSR1)
        self.wait_for_writes()

    def wait_for_writes(self, *, seconds: float = 60) -> None:
        """Wait until recovery has ended.

        Raises:
            LabError: The server ended, as it does where a recovery target is not reached, or time ran out.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.alive:
            try:
                if self.sql("SELECT NOT pg_is_in_recovery()")[0][0]:
                    return
            except psycopg.Error:
                pass
            time.sleep(0.05)
        raise LabError(f"Recovery did not end: {self.last_words()}")

    def connection(self, *, database: str = "postgres", user: str = ADMIN, password: str | None = None) -> Any:
        """A connection in autocommit, by default the superuser's; its commits wait for no standby."""
        return psycopg.connect(
            host=HOST,
            port=self.port,
            dbname=database,
            user=user,
            password=self.secret if password is None else password,
            connect_timeout=5,
            autocommit=True,
            options="-c synchronous_commit=local -c statement_timeout=20000" if user == ADMIN else "",
            sslmode="disable",
            gssencmode="disable",
            application_name="rds",
        )

    def sql(self, statement: LiteralString | sql.Composed, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement as superuser and give its rows."""
        with self.connection() as connection:
            cursor = connection.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def clone_from(self, port: int) -> None:
        """Fill the folder with a copy of the server that answers on `port`."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self._base_backup(port, self.data, ["-X", "stream"])
        (self.data / "standby.signal").touch()

    def back_up_to(self, folder: Path) -> None:
        """Write a compressed base backup with the WAL that it needs to be whole."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._base_backup(self.port, folder, ["-X", "stream", "-F", "tar", "-z", "-Z", "1"])

    def _base_backup(self, port: int, to: Path, options: list[str]) -> None:
        source = f"host={HOST} port={port} user={ADMIN} sslmode=disable connect_timeout=5"
        command = [self.binaries.pg_basebackup, "-d", source, "-D", str(to), "-c", "fast", "--no-sync", *options]
        run(command, "The base backup", password=self.secret)

    def unpack(self, backup: Path) -> None:
        """Fill the folder from a base backup."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        for name, target in (("base.tar.gz", self.data), ("pg_wal.tar.gz", self.data / "pg_wal")):
            target.mkdir(exist_ok=True, mode=0o700)
            with tarfile.open(backup / name) as archive:
                archive.extractall(target, filter="data")
        self.data.chmod(0o700)
