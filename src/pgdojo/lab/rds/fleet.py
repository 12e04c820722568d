"""The reconcile loop: every 0.3 s it makes the servers what moto's records say they are."""

from __future__ import annotations

import json
import logging
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from moto.core.utils import utcnow
from moto.logs.models import logs_backends
from moto.rds.models import DBInstanceClustered, Event, rds_backends

from pgdojo.errors import LabError
from pgdojo.lab.rds import rules
from pgdojo.lab.rds.database import ARCHIVE_SECONDS, Backup, Database
from pgdojo.lab.rds.endpoint import Door, Endpoints
from pgdojo.lab.rds.logs import LogExport
from pgdojo.lab.rds.postgres import HOST, Binaries, Postgres
from pgdojo.lab.rds.serverless import follow_load
from pgdojo.lab.rds.tokens import token_fits

ACCOUNT = "123456789012"
READER_HOST = "127.0.0.2"
"""Where a cluster's reader endpoint is, so that it can have the writer's port, as on Aurora."""

_SECONDS = 0.3
_MOVING = frozenset({"creating", "modifying", "rebooting", "starting", "backing-up"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """Which instance or cluster."""

    region: str
    kind: str
    """`db` or `cluster`."""
    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What a database is made of; of nothing, where all is None."""

    backup: Backup | None = None
    archive: Database | None = None
    """The database whose archive is replayed after the backup."""
    until: datetime | None = None
    source: Key | None = None
    """The instance that a read replica follows."""


@dataclass(kw_only=True)
class Unit:
    """A database, its endpoints, and what the loop still owes it."""

    key: Key
    database: Database
    origin: Origin
    ports: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Host and port by name: `rds:ID`, `writer:ID`, `reader:ID`."""
    built: bool = False
    failed: bool = False
    busy: bool = False
    stopped: bool = False
    reboot: str = ""
    """`restart` or `failover` where one is asked for."""
    promote: bool = False
    revision: int = 0
    """Raised by each call that changes the record, so that the loop sees changes made while it worked."""
    group: str = ""
    """The parameter group whose parameters may hold; another one holds after a reboot."""
    restarts: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    export: LogExport = field(default_factory=LogExport)


def password_of(model: Any) -> str:
    """The master password that a record asks for: the current one of its secret, where it has one."""
    secret = getattr(model, "master_user_secret", None)
    if secret is None:
        return str(getattr(model, "_master_user_password", "") or "")
    current = next(one for one in secret.secret.versions.values() if "AWSCURRENT" in one["version_stages"])
    return str(json.loads(current["secret_string"])["password"])


@lru_cache(maxsize=8)
def _parameters(postgres: str) -> dict[str, rules.Parameter]:
    asked = subprocess.run([postgres, "--describe-config"], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    return rules.parameters(asked.stdout)


class Fleet:
    """Every database of one small RDS."""

    def __init__(
        self, folder: Path, engines: Mapping[int, Binaries], endpoints: Endpoints, publish: Callable[[Any], None]
    ) -> None:
        """Prepare; `engines` are the servers at hand by major version, the default one first."""
        self.folder = folder
        self.engines = engines
        self.secret, self.checker = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
        self.units: dict[Key, Unit] = {}
        self._leaving: list[Unit] = []
        """Deleted ones, whose servers are still to be removed; a new one may have the same name."""
        self._endpoints = endpoints
        self._publish = publish
        self._published: Any = None
        self._publishing = threading.Lock()
        self._kicked = threading.Event()
        self._ended = threading.Event()
        self._workers = ThreadPoolExecutor(4, thread_name_prefix="reconcile")
        self._numbers = count(1)

    # What calls of the API ask for

    @property
    def versions(self) -> dict[int, str]:
        """The version at hand of each major."""
        return {major: binaries.version for major, binaries in self.engines.items()}

    def parameters(self, major: int | None = None) -> dict[str, rules.Parameter]:
        """The parameters that a version has, or the nearest version at hand."""
        return _parameters(self._binaries(major).postgres)

    def _binaries(self, major: int | None) -> Binaries:
        return self.engines.get(major or 0) or next(iter(self.engines.values()))

    def kick(self) -> None:
        """Let the loop look at once."""
        self._kicked.set()

    def unit(self, model: Any) -> Unit | None:
        """The unit of an instance or a cluster."""
        return self.units.get(key_of(model))

    def adopt(self, model: Any, origin: Origin) -> Unit:
        """Take charge of a new record: its endpoints stand at once, its servers follow."""
        key = key_of(model)
        if key in self.units:
            self._dismiss(self.units[key])
        binaries = self._binaries(rules.major_of(model.engine_version))
        folder = self.folder / "databases" / f"{next(self._numbers)}"
        database = Database(key.id, folder, binaries, self.secret, self.checker)
        unit = self.units[key] = Unit(key=key, database=database, origin=origin)
        if key.kind == "db":
            unit.group = group_name(model)
            self._open(unit, f"rds:{key.id}", lambda: database.primary)
            model.dojo_port = unit.ports[f"rds:{key.id}"][1]
            model.status = "creating"
        else:
            self._open(unit, f"writer:{key.id}", lambda: database.primary)
            port = unit.ports[f"writer:{key.id}"][1]
            self._open(unit, f"reader:{key.id}", partial(_reader, database), host=READER_HOST, port=port)
        self.kick()
        self.publish()
        return unit

    def adopt_member(self, model: Any) -> None:
        """Give a new instance of a cluster an endpoint of its own."""
        unit = self.units[Key(model.region, "cluster", model.db_cluster_identifier)]
        name = model.db_instance_identifier
        self._open(unit, f"rds:{name}", lambda: unit.database.nodes.get(name))
        model.dojo_port = unit.ports[f"rds:{name}"][1]
        model.status = "creating"
        self.kick()
        self.publish()

    def _open(
        self, unit: Unit, name: str, server: Callable[[], Postgres | None], *, host: str = HOST, port: int = 0
    ) -> None:
        doors = partial(self._door, unit, server)
        try:
            unit.ports[name] = (host, self._endpoints.open(doors, host=host, port=port))
        except OSError:
            # macOS has no second loopback address; the reader's port differs there.
            unit.ports[name] = (HOST, self._endpoints.open(doors))

    def _door(self, unit: Unit, server: Callable[[], Postgres | None]) -> Door | None:
        behind, model = server(), self._model(unit.key)
        if behind is None or not behind.alive or model is None or (unit.stopped and not unit.busy):
            return None
        tokens = bool(getattr(model, "enable_iam_database_authentication", False) or getattr(model, "iam_auth", False))
        return Door(
            port=behind.port,
            force_ssl=rules.force_ssl(unit.database.live, model.engine_version),
            signs_in_by_token=unit.database.signs_in_by_token if tokens else None,
            exchange=partial(self._exchange, unit),
        )

    def _exchange(self, unit: Unit, user: str, token: str) -> str | None:
        keys = {"testing": "testing"}
        if not any(token_fits(token, user=user, port=port, keys=keys) for _, port in unit.ports.values()):
            return None
        if user not in unit.tokens:
            secret = secrets.token_urlsafe(18)
            unit.database.set_password(secret, role=user)
            unit.tokens[user] = secret
        return unit.tokens[user]

    def event(self, model: Any, message: str, *categories: str) -> None:
        """Write down an RDS event of an instance or a cluster."""
        event = Event.__new__(Event)
        event.source_identifier, event.source_arn = model.resource_id, model.arn
        event.source_type = "db-cluster" if key_of(model).kind == "cluster" else "db-instance"
        event.message, event.event_categories, event.date = message, list(categories), utcnow()
        model.backend.events.append(event)

    def latest_restorable(self, unit: Unit | None) -> datetime | None:
        """Up to when a restore can go: some seconds ago, since WAL is archived that often."""
        if unit is None or not unit.database.backups:
            return None
        return (datetime.now(UTC) - timedelta(seconds=ARCHIVE_SECONDS)).replace(microsecond=0)

    def settle(self, seconds: float) -> None:
        """Wait until nothing is being built or changed, as a waiter would by asking again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(
            _moving(unit, self._model(unit.key)) for unit in list(self.units.values())
        ):
            time.sleep(0.1)

    def _model(self, key: Key) -> Any:
        backend = rds_backends[ACCOUNT][key.region]
        return (backend.databases if key.kind == "db" else backend.clusters).get(key.id)

    # The loop

    def run(self) -> None:
        """Reconcile until `end` is called."""
        while not self._ended.is_set():
            self._kicked.wait(_SECONDS)
            self._kicked.clear()
            self.tick()

    def tick(self) -> None:
        """Look at every unit once; each is worked on in a thread of its own."""
        for unit in list(self.units.values()):
            model = self._model(unit.key)
            if model is None:
                self._dismiss(unit)
                continue
            self._ship(unit, model)
            if not unit.busy and not unit.failed and (unit.built or _has_servers(unit, model)):
                self._submit(unit, model)
        for unit in list(self._leaving):
            if not unit.busy:
                self._submit(unit, None)
        self.publish()

    def _ship(self, unit: Unit, model: Any) -> None:
        if unit.key.kind != "db":
            return
        logs = logs_backends[ACCOUNT][unit.key.region]
        try:
            unit.export.ship(logs, unit.key.id, unit.database.log, list(model.enabled_cloudwatch_logs_exports))
        except OSError as cause:
            _log.warning("%s: its log cannot be shipped (%s)", unit.key, cause)

    def _submit(self, unit: Unit, model: Any) -> None:
        unit.busy = True
        self._workers.submit(self._work, unit, model)

    def _dismiss(self, unit: Unit) -> None:
        """Close the endpoints of a deleted one at once; its servers follow."""
        self.units.pop(unit.key, None)
        self._leaving.append(unit)
        for host, port in unit.ports.values():
            self._endpoints.close(host, port)
        for other in self.units.values():
            if other.origin.source == unit.key and other.database.upstream:
                other.promote = True

    def _work(self, unit: Unit, model: Any) -> None:
        try:
            if model is None:
                self._forget(unit)
            elif unit.key.kind == "cluster":
                self._care_for_cluster(unit, model)
            else:
                self._care_for_instance(unit, model)
        except (LabError, psycopg.Error, OSError) as cause:
            self._stumble(unit, model, cause)
        except Exception:  # noqa: BLE001
            # The loop outlives a fault of its own; the log of the child says what it was.
            _log.exception("%s cannot be cared for", unit.key)
        finally:
            unit.busy = False
            self.publish()

    def _stumble(self, unit: Unit, model: Any, cause: Exception) -> None:
        _log.warning("%s: %s", unit.key, cause)
        if unit.built or model is None:
            return
        unit.failed = True
        model.status = "failed"
        for member in model.members if unit.key.kind == "cluster" else ():
            member.status = "failed"
        self.event(model, f"The DB instance could not be created: {cause}", "failure")

    def _forget(self, unit: Unit) -> None:
        unit.database.remove()
        self._leaving.remove(unit)

    # Instances

    def _care_for_instance(self, unit: Unit, model: Any) -> None:
        revision, database = unit.revision, unit.database
        if not unit.built:
            self._build(unit, model)
        if model.status == "stopped":
            if not unit.stopped:
                unit.stopped = True
                database.stop()
                self.event(model, "DB instance stopped", "notification")
            return
        if unit.stopped:
            database.resume()
            unit.stopped = False
            self.event(model, "DB instance started", "notification")
        if unit.reboot:
            self._reboot(unit, model)
        elif database.primary is None or not database.primary.alive:
            self._recover(unit, model)
        if unit.promote:
            self._promote(unit, model)
        if not database.upstream and database.password != password_of(model):
            database.set_password(password_of(model))
            self.event(model, "Reset master credentials", "configuration change")
        self._apply_parameters(unit, model)
        self._keep_standby(unit, model)
        if unit.revision == revision and model.status in _MOVING:
            model.status = "available"

    def _build(self, unit: Unit, model: Any) -> None:
        database, origin, zone = unit.database, unit.origin, model.availability_zone[-1]
        database.live = rules.settings_of(self._group(model).parameters)
        if origin.source is not None:
            source = self.units[origin.source]
            database.follow(zone, source.database, source.ports[f"rds:{origin.source.id}"][1])
        elif origin.backup is not None:
            database.restore(zone, origin.backup, origin.archive, origin.until, model.master_username)
            database.set_password(password_of(model))
        else:
            database.create(zone, model.master_username, password_of(model), model.db_name)
        for snapshot in model.backend.database_snapshots.values():
            if (
                snapshot.snapshot_type == "automated"
                and snapshot.db_instance_identifier == unit.key.id
                and database.backups
            ):
                snapshot.dojo_backup = database.backups[0]
        unit.built = True

    def _recover(self, unit: Unit, model: Any) -> None:
        """Answer the loss of a primary: by a failover where there is a standby, by a restart otherwise."""
        if any(server.alive for name, server in unit.database.nodes.items() if name != unit.database.primary_name):
            self._fail_over(unit, model)
            return
        unit.restarts += 1
        if unit.restarts > 10:
            unit.failed, model.status = True, "failed"
            return
        unit.database.resume()
        unit.restarts = 0
        self.event(model, "DB instance restarted", "availability")

    def _fail_over(self, unit: Unit, model: Any) -> None:
        self.event(model, "Multi-AZ instance failover started", "failover")
        zone = unit.database.failover()
        model.secondary_availability_zone = model.availability_zone
        model.availability_zone = f"{unit.key.region}{zone}"
        self.event(model, "DB instance restarted", "availability")
        self.event(model, "Multi-AZ instance failover completed", "failover")

    def _reboot(self, unit: Unit, model: Any) -> None:
        database, how = unit.database, unit.reboot
        unit.group = group_name(model)
        wanted = rules.settings_of(self._group(model).parameters)
        if how == "failover":
            database.apply(wanted)
            self._fail_over(unit, model)
            if wanted:
                database.restart()
        else:
            database.apply(wanted, restart=True)
            self.event(model, "DB instance restarted", "availability")
        unit.reboot = ""

    def _promote(self, unit: Unit, model: Any) -> None:
        unit.database.promote()
        unit.promote = False
        model.is_replica, model.source_db_instance_identifier = False, None
        self.event(model, "Promoted Read Replica instance to a stand-alone database instance", "read replica")

    def _group(self, model: Any) -> Any:
        return model.db_parameter_groups()[0]

    def _apply_parameters(self, unit: Unit, model: Any) -> None:
        if unit.group != group_name(model):
            model.dojo_apply_status = "pending-reboot"
            return
        group = self._group(model).parameters
        now, waits = rules.settings_now(group, unit.database.live, self.parameters(unit.database.binaries.major))
        if now != unit.database.live:
            unit.database.apply(now)
        model.dojo_apply_status = "pending-reboot" if waits else "in-sync"

    def _keep_standby(self, unit: Unit, model: Any) -> None:
        standby = "b" if unit.database.primary_name == "a" else "a"
        unit.database.keep(frozenset({standby} if model.multi_az else ()), readable=False)
        model.secondary_availability_zone = f"{unit.key.region}{standby}" if model.multi_az else None

    # Clusters

    def _care_for_cluster(self, unit: Unit, cluster: Any) -> None:
        database = unit.database
        members = {member.db_instance_identifier: member for member in cluster.members}
        for name in [one for one in unit.ports if one.startswith("rds:") and one[4:] not in members]:
            self._endpoints.close(*unit.ports.pop(name))
        if not members:
            # The volume outlives the instances; a later one takes the data up again.
            database.stop()
            return
        if not unit.built:
            name = cluster.writer.db_instance_identifier
            database.create(name, cluster.master_username, password_of(cluster), cluster.database_name)
            unit.built = True
        _welcome(database, members)
        self._keep_writer(unit, cluster)
        if database.password != password_of(cluster):
            database.set_password(password_of(cluster))
        self._apply_cluster_parameters(unit, cluster)
        database.keep(frozenset(members.keys() - {database.primary_name}), readable=True)
        _welcome(database, members)
        follow_load(database, cluster)

    def _keep_writer(self, unit: Unit, cluster: Any) -> None:
        database, writer = unit.database, cluster.writer.db_instance_identifier
        alive = database.primary is not None and database.primary.alive
        if not alive and any(server.alive for server in database.nodes.values()):
            self._fail_cluster_over(unit, cluster, None)
        elif not alive:
            database.resume()
        elif writer != database.primary_name and writer in database.nodes:
            self._fail_cluster_over(unit, cluster, writer)

    def _fail_cluster_over(self, unit: Unit, cluster: Any, to: str | None) -> None:
        chosen = unit.database.failover(to)
        if chosen in cluster.backend.databases:
            cluster.failover(cluster.backend.databases[chosen])
        self.event(cluster, f"Started cross AZ failover to DB instance: {chosen}", "failover")
        self.event(cluster, f"Completed failover to DB instance: {chosen}", "failover")

    def _apply_cluster_parameters(self, unit: Unit, cluster: Any) -> None:
        group = cluster.backend.db_cluster_parameter_groups.get(cluster.parameter_group)
        known = self.parameters(unit.database.binaries.major)
        now, _ = rules.settings_now(group.parameters if group else {}, unit.database.live, known)
        if now != unit.database.live:
            unit.database.apply(now)

    # What others see

    def publish(self) -> None:
        """Write down endpoints and servers where they have changed."""
        with self._publishing:
            self._publish_change()

    def _publish_change(self) -> None:
        state = {
            "secret": self.secret,
            "checker": self.checker,
            "endpoints": {
                name: self._describe(unit, name, host, port)
                for unit in list(self.units.values())
                for name, (host, port) in list(unit.ports.items())
            },
        }
        if state != self._published:
            self._published = state
            self._publish(state)

    def _describe(self, unit: Unit, name: str, host: str, port: int) -> dict[str, Any]:
        database, model = unit.database, self._model(unit.key)
        servers = dict(database.nodes)
        main = servers.get(name[4:]) if unit.key.kind == "cluster" and name.startswith("rds:") else database.primary
        main = _reader(database) if name.startswith("reader:") else main
        return {
            "host": host,
            "port": port,
            "region": unit.key.region,
            "status": str(getattr(model, "status", "deleting")) if unit.key.kind == "db" else "available",
            "master": database.master or str(getattr(model, "master_username", "")),
            "password": database.password or password_of(model),
            "version": database.binaries.version,
            "role": "standby" if database.upstream or main is not database.primary else "primary",
            "pid": main.process.pid if main is not None and main.alive and main.process is not None else None,
            "log": str(database.log),
        }

    def end(self) -> None:
        """Stop the loop and every server."""
        self._ended.set()
        self.kick()
        self._workers.shutdown(wait=False, cancel_futures=True)
        units = [*self.units.values(), *self._leaving]
        servers = [server for unit in units for server in list(unit.database.nodes.values())]
        with ThreadPoolExecutor(8) as stoppers:
            list(stoppers.map(lambda server: server.stop(at_once=True), servers))


def key_of(model: Any) -> Key:
    """The key of a record; an instance of a cluster has its cluster's."""
    if isinstance(model, DBInstanceClustered):
        return Key(model.region, "cluster", model.db_cluster_identifier)
    if hasattr(model, "db_instance_identifier"):
        return Key(model.region, "db", model.db_instance_identifier)
    return Key(model.region, "cluster", model.db_cluster_identifier)


def group_name(model: Any) -> str:
    """The parameter group of an instance, by default its version's."""
    return str(model.db_parameter_group_name or "")


def _reader(database: Database) -> Postgres | None:
    """A standby by turns; the primary where there is none, as Aurora's reader endpoint does it."""
    others = [server for name, server in list(database.nodes.items()) if name != database.primary_name and server.ready]
    return secrets.choice(others) if others else database.primary


def _has_servers(unit: Unit, model: Any) -> bool:
    """Whether a record asks for servers; a cluster does from its first instance on."""
    return unit.key.kind == "db" or bool(model.members)


def _welcome(database: Database, members: Mapping[str, Any]) -> None:
    """Show as available which of the members has a server."""
    for name, member in members.items():
        if name in database.nodes and member.status in _MOVING:
            member.status = "available"


def _moving(unit: Unit, model: Any) -> bool:
    if model is None or unit.failed:
        return False
    if unit.key.kind == "cluster":
        return any(member.status in _MOVING for member in model.members)
    return model.status in _MOVING or bool(unit.reboot)
