"""The servers behind one instance or one cluster: a primary, its standbys, its archive and its backups."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from pgdojo.errors import LabError
from pgdojo.lab.rds.postgres import ADMIN, CHECKER, HOST, Binaries, Postgres

ARCHIVE_SECONDS = 3
"""After so long, a started WAL file is archived; on RDS this takes five minutes."""

_FLOORS = frozenset(
    "max_connections max_locks_per_transaction max_prepared_transactions max_wal_senders max_worker_processes".split()
)
"""Settings that a server may not have lower than the one whose WAL it replays."""

_ROLES: tuple[LiteralString, ...] = (
    "CREATE ROLE rds_superuser NOLOGIN",
    "CREATE ROLE rds_replication NOLOGIN",
    "CREATE ROLE rds_iam NOLOGIN",
    "CREATE ROLE rds_password NOLOGIN",
    "GRANT pg_monitor, pg_signal_backend TO rds_superuser WITH ADMIN OPTION",
)


@dataclass(frozen=True, slots=True)
class Backup:
    """A base backup, whole from the moment `finished` on."""

    folder: Path
    finished: datetime
    binaries: Binaries


class Database:
    """What answers behind an endpoint; servers change, the data stays.

    Every method that changes something holds `lock`, so that a call of the API and the reconcile loop never work on
    the same servers at once.
    """

    def __init__(self, name: str, folder: Path, binaries: Binaries, secret: str, checker: str) -> None:
        """Prepare the database called `name` below `folder`; nothing is started yet."""
        self.name = name
        self.folder = folder
        self.binaries = binaries
        self.lock = threading.RLock()
        self.nodes: dict[str, Postgres] = {}
        self.primary_name = ""
        self.backups: list[Backup] = []
        self.live: dict[str, str] = {}
        """Settings of the parameter group as they hold in the servers."""
        self.master = ""
        self.password = ""
        self.upstream: int | None = None
        """For a read replica: the port of its source's endpoint."""
        self.readable_standbys = False
        self.floors: dict[str, int] = {}
        """The settings of a source that must not be undercut as long as its WAL is replayed."""
        self._secret = secret
        self._checker = checker
        self._streaming: frozenset[str] = frozenset()

    @property
    def primary(self) -> Postgres | None:
        """The server that takes writes; a read replica's only server."""
        return self.nodes.get(self.primary_name)

    @property
    def archive(self) -> Path:
        """Where the WAL goes."""
        return self.folder / "archive"

    @property
    def log(self) -> Path:
        """What all servers of the database write."""
        return self.folder / "log" / "postgresql.log"

    def node(self, name: str) -> Postgres:
        """A new server of this database, not started."""
        root = self.folder.parent.parent
        return Postgres(binaries=self.binaries, data=self.folder / name, log=self.log, ledger=root, secret=self._secret)

    # Settings

    def _settings(self, server: Postgres, name: str) -> dict[str, str]:
        standby = name != self.primary_name
        archive = self.archive
        settings = {
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "port": str(server.port),
            "cluster_name": name,
            "max_connections": "60",
            "fsync": "off",  # a server that is killed loses nothing by that; only a lost machine would
            "dynamic_shared_memory_type": "mmap",  # a killed server leaves nothing outside of its folder
            "shared_buffers": "16MB",
            "password_encryption": "scram-sha-256",
            "log_line_prefix": "%t:%r:%u@%d:[%p]:",
            "log_timezone": "UTC",
            "wal_keep_size": "32MB",
            "max_wal_size": "64MB",
            "archive_mode": "always",
            "archive_timeout": f"{ARCHIVE_SECONDS}s",
            "archive_command": (
                f'test -f "{archive}/%f" || (cp "%p" "{archive}/%f.$$" && mv "{archive}/%f.$$" "{archive}/%f")'
            ),
            "hot_standby": "on" if not standby or self.readable_standbys else "off",
            **self.live,
        }
        for setting, floor in self.floors.items():
            settings[setting] = str(max(int(settings.get(setting, "0")), floor))
        if settings.pop("rds.logical_replication", "0") in {"1", "on", "true"}:
            settings["wal_level"] = "logical"
        wanted = settings.get("shared_preload_libraries", "").split(",")
        settings["shared_preload_libraries"] = ",".join(
            one.strip() for one in wanted if one.strip() in self.binaries.meets
        )
        if standby:
            source = self.primary.port if self.primary else 0
            settings["primary_conninfo"] = self._source(source, name)
        elif self.upstream:
            settings["primary_conninfo"] = self._source(self.upstream, self.name)
        else:
            settings["synchronous_standby_names"] = self._synchronous()
        return settings

    def _source(self, port: int, name: str) -> str:
        return (
            f"host={HOST} port={port} user={ADMIN} password={self._secret} application_name={name} sslmode=disable "
            "connect_timeout=3"
        )

    def _synchronous(self) -> str:
        streaming = [f'"{name}"' for name in self.nodes if name in self._streaming]
        return f"ANY 1 ({', '.join(streaming)})" if streaming else ""

    def _hba(self) -> list[str]:
        # The endpoint alone logs people in by their IAM tokens; it holds a password for them that nobody else knows.
        master = [f'host all "{self.master}" 127.0.0.1/32 scram-sha-256'] if self.master else []
        return [
            f"host replication {ADMIN} 127.0.0.1/32 scram-sha-256",
            f"host all {ADMIN} 127.0.0.1/32 scram-sha-256",
            *master,
            "host all +rds_iam 127.0.0.1/32 password",
            "host all all 127.0.0.1/32 scram-sha-256",
            "host replication +rds_replication 127.0.0.1/32 scram-sha-256",
        ]

    def _configure(self, name: str) -> None:
        server = self.nodes[name]
        server.configure(self._settings(server, name), self._hba())

    def apply(self, settings: Mapping[str, str], *, restart: bool = False) -> None:
        """Let settings of the parameter group hold: by a reload, or by a restart of every server."""
        with self.lock:
            self.live = dict(settings)
            for name, server in self.nodes.items():
                self._configure(name)
                server.reload()
            if restart:
                self.restart()

    # Building

    def create(self, name: str, master: str, password: str, database: str | None) -> None:
        """Build an empty primary called `name` with its roles and its first database."""
        with self.lock:
            self.archive.mkdir(parents=True, exist_ok=True)
            self.primary_name, self.master = name, master
            server = self.nodes[name] = self.node(name)
            server.create()
            self._configure(name)
            server.start()
            self._create_roles(server, master, password, database)
            self.back_up()

    def _create_roles(self, server: Postgres, master: str, password: str, database: str | None) -> None:
        owner = sql.Identifier(master)
        options = sql.SQL("LOGIN CREATEROLE CREATEDB PASSWORD {}").format(sql.Literal(password))
        reading = "pg_read_all_settings, pg_read_all_stats"
        statements: list[LiteralString | sql.Composed] = [
            *_ROLES,
            sql.SQL("CREATE ROLE {} {}").format(owner, options),
            sql.SQL("GRANT rds_superuser, pg_monitor, pg_signal_backend TO {}").format(owner),
            sql.SQL("GRANT rds_iam, rds_password, rds_replication TO {} WITH ADMIN OPTION").format(owner),
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(CHECKER), sql.Literal(self._checker)),
            sql.SQL("GRANT {} TO {}").format(sql.SQL(reading), sql.Identifier(CHECKER)),
            sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(owner),
        ]
        if self.binaries.major >= 14:
            statements.append(sql.SQL("GRANT pg_read_all_data TO {}").format(sql.Identifier(CHECKER)))
        if database and database != "postgres":
            statements.append(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), owner))
        with server.connection() as connection:
            for statement in statements:
                connection.execute(statement)
        self.password = password

    def restore(self, name: str, backup: Backup, source: Database | None, until: datetime | None, master: str) -> None:
        """Build a primary from a base backup; with a source it goes on to `until`, or to the end of its archive."""
        with self.lock:
            self.binaries = backup.binaries
            self.archive.mkdir(parents=True, exist_ok=True)
            self.primary_name, self.master = name, master
            server = self.nodes[name] = self.node(name)
            server.unpack(backup.folder)
            if source is None:
                self._configure(name)
                server.start(seconds=60)
                server.wait_for_writes()
            else:
                self._recover(server, source, until)
            self.back_up()

    def _recover(self, server: Postgres, source: Database, until: datetime | None) -> None:
        self.floors = source.needed()
        settings = self._settings(server, self.primary_name)
        settings |= {"restore_command": f'cp "{source.archive}/%f" "%p"', "recovery_target_action": "promote"}
        if until is not None:
            settings["recovery_target_time"] = until.astimezone(UTC).isoformat(sep=" ")
        (server.data / "recovery.signal").touch()
        server.configure(settings, self._hba())
        server.start(seconds=60)
        server.wait_for_writes()
        had_floors = bool(self.floors)
        self.floors = {}
        self._configure(self.primary_name)
        if had_floors:
            self.restart()
        else:
            server.reload()

    def needed(self) -> dict[str, int]:
        """The settings that whoever replays this database's WAL must not undercut."""
        return {name: int(value) for name, value in self.live.items() if name in _FLOORS and value.isdigit()}

    def follow(self, name: str, source: Database, port: int) -> None:
        """Build a read replica of `source`, whose endpoint answers on `port` whichever server is behind it."""
        with self.lock:
            self.binaries = source.binaries
            self.archive.mkdir(parents=True, exist_ok=True)
            self.primary_name, self.master, self.password = name, source.master, source.password
            self.upstream, self.floors = port, source.needed()
            server = self.nodes[name] = self.node(name)
            server.clone_from(port)
            self._configure(name)
            server.start()

    def promote(self) -> None:
        """Make a read replica a database of its own, for good."""
        with self.lock:
            if self.primary is None:
                return
            self.primary.promote()
            self.upstream = None
            self._configure(self.primary_name)
            self.primary.reload()
            self.back_up()

    # Standbys

    def keep(self, names: frozenset[str], *, readable: bool) -> None:
        """Let exactly these standbys follow the primary, synchronously, and build those that are missing or dead."""
        with self.lock:
            if self.primary is None:
                return
            self.readable_standbys = readable
            for name in [one for one in self.nodes if one != self.primary_name]:
                if name not in names or not self.nodes[name].alive:
                    self._let_go(name)
            for name in sorted(names - self.nodes.keys()):
                self._build_standby(name, self.primary)

    def _let_go(self, name: str) -> None:
        server = self.nodes.pop(name)
        self._streaming -= {name}
        self._configure(self.primary_name)
        if self.primary is not None:
            self.primary.reload()
        server.remove()

    def _build_standby(self, name: str, primary: Postgres) -> None:
        server = self.node(name)
        server.clone_from(primary.port)
        self.nodes[name] = server
        self._configure(name)
        server.start()
        self._wait_for_stream(name, primary)
        # Only a standby that streams is waited for at commit, or every write would hang until it does.
        self._streaming |= {name}
        self._configure(self.primary_name)
        primary.reload()

    def _wait_for_stream(self, name: str, primary: Postgres) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            asked = "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
            if primary.sql(asked, name):
                return
            time.sleep(0.05)
        raise LabError(f"The standby of {self.name} does not stream.")

    def failover(self, to: str | None = None) -> str:
        """Promote a standby, and remove the primary as a lost host is lost.

        Returns:
            The name of the new primary.

        Raises:
            LabError: No standby is up.
        """
        with self.lock:
            up = [name for name in self.nodes if name != self.primary_name and self.nodes[name].alive]
            chosen = to if to in up else next(iter(up), None)
            if chosen is None:
                raise LabError(f"{self.name} has no standby that is up.")
            old = self.nodes.pop(self.primary_name)
            old.stop(at_once=True)
            self._streaming = frozenset()
            self.nodes[chosen].promote()
            self.primary_name = chosen
            self._configure(chosen)
            self.nodes[chosen].reload()
            for name in [one for one in self.nodes if one != chosen]:
                self.nodes.pop(name).remove()
            old.remove()
            return chosen

    # Life

    def set_password(self, password: str, *, role: str | None = None) -> None:
        """Give the master user, or another role, a new password."""
        with self.lock:
            if self.primary is None:
                raise LabError(f"{self.name} does not run, so that no password can be changed.")
            changed = sql.SQL("ALTER ROLE {} PASSWORD {}")
            self.primary.sql(changed.format(sql.Identifier(role or self.master), sql.Literal(password)))
            if role in {None, self.master}:
                self.password = password

    def back_up(self) -> Backup:
        """Take a base backup of the primary."""
        with self.lock:
            if self.primary is None:
                raise LabError(f"{self.name} does not run, so that it cannot be backed up.")
            folder = self.folder.parent.parent / "backups" / uuid.uuid4().hex
            self.primary.back_up_to(folder)
            backup = Backup(folder, datetime.now(UTC), self.binaries)
            self.backups.append(backup)
            return backup

    def backup_before(self, until: datetime | None) -> Backup | None:
        """The last base backup that was whole at a time."""
        whole = [one for one in self.backups if until is None or one.finished <= until]
        return whole[-1] if whole else None

    def archive_now(self) -> None:
        """Bring everything up to this moment into the archive."""
        with self.lock:
            if self.primary is None or self.upstream:
                return
            # A transaction after the wanted time is what recovery stops at; without one it would never arrive.
            with self.primary.connection() as connection:
                connection.execute(
                    "SELECT pg_current_xact_id()" if self.binaries.major > 12 else "SELECT txid_current()"
                )
                row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
            wanted = self.archive / str(row[0])
            end = time.monotonic() + 15
            while not wanted.exists() and time.monotonic() < end:
                time.sleep(0.05)

    def restart(self) -> None:
        """Restart every server, standbys first, since a primary may not have more connections than they."""
        with self.lock:
            for name in sorted(self.nodes, key=lambda one: one == self.primary_name):
                self.nodes[name].stop()
                self.nodes[name].start()

    def resume(self) -> None:
        """Start what does not run."""
        with self.lock:
            for server in self.nodes.values():
                if not server.alive:
                    server.start()

    def stop(self, *, at_once: bool = False) -> None:
        """Stop every server; the primary first, so that nobody waits for a standby."""
        with self.lock:
            for name in sorted(self.nodes, key=lambda one: one != self.primary_name):
                self.nodes[name].stop(at_once=at_once)

    def remove(self) -> None:
        """Stop everything and remove what is not a backup."""
        with self.lock:
            self.stop(at_once=True)
            self.nodes.clear()
            shutil.rmtree(self.folder, ignore_errors=True)

    def signs_in_by_token(self, user: str) -> bool:
        """Whether a user is in rds_iam, and so has a token for a password."""
        primary = self.primary
        if user in {ADMIN, self.master, CHECKER} or primary is None:
            return False
        try:
            return bool(
                primary.sql(
                    "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member "
                    "WHERE m.roleid = 'rds_iam'::regrole AND r.rolname = %s",
                    user,
                )
            )
        except psycopg.Error:
            return False
