"""A model of Aurora serverless capacity: it moves within the cluster's range with what the servers do, and is a metric.

It is a model in three ways: any busy session counts as full load, steps follow each other at a fixed pace, and the
server below has the same memory whatever the capacity says. Auto-pause comes sixty times sooner than on AWS.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.utils import utcnow

from pgdojo.lab.rds.database import Database
from pgdojo.lab.rds.postgres import ADMIN, CHECKER, Postgres
from pgdojo.lab.rds.rules import RefusedError

CLASS = "db.serverless"
STEP = 0.5
"""The smallest change of capacity, in ACUs."""
LARGEST = 256.0
PAUSE_AFTER = (300, 86_400)
"""Seconds without a user's connection after which an instance may pause; the first is also the default."""

_METRIC = "ServerlessDatabaseCapacity"
_LOOK_SECONDS = 0.5
_PAUSE_SHARE = 60
"""By how much the model shortens the wait for an auto-pause."""
_HIGHEST_FOLLOWING_TIER = 1
"""Readers up to this promotion tier are never smaller than the writer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Between which capacities an instance moves, in ACUs."""

    least: float
    most: float
    pause_after: float
    """Seconds without a user's connection until it pauses, where `least` is 0."""

    @property
    def floor(self) -> float:
        """The lowest capacity of an instance that is awake."""
        return max(self.least, STEP)


@dataclass(frozen=True, slots=True)
class Activity:
    """What the users of a server do at one moment."""

    connected: int
    busy: int


@dataclass(kw_only=True)
class Capacity:
    """The capacity of one instance, and since when nobody has been connected to it."""

    acus: float
    idle_since: float
    looked: float = field(default=0.0)


def next_capacity(acus: float, activity: Activity, idle: float, within: Range) -> float:
    """The capacity at the next look.

    Args:
        acus: The present one; 0 is paused.
        activity: What the users do.
        idle: Seconds since the last user's connection.
        within: The range of the cluster.
    """
    if not acus and not activity.connected and not within.least:
        return 0.0
    if not within.least and not activity.connected and idle >= within.pause_after and acus <= within.floor:
        return 0.0
    moved = acus + (STEP if activity.busy else -STEP)
    return min(max(moved, within.floor), within.most)


def follow_load(database: Database, cluster: Any) -> None:
    """Move each serverless instance of a cluster by a step, and write its capacity down as a metric."""
    within = range_of(cluster)
    if within is None:
        return
    writer = _follow(database, cluster.writer, within, least=0.0)
    for member in cluster.members:
        if member is not cluster.writer:
            follows = int(member.promotion_tier) <= _HIGHEST_FOLLOWING_TIER
            _follow(database, member, within, least=writer if follows else 0.0)


def _follow(database: Database, member: Any, within: Range, *, least: float) -> float:
    """The capacity of one instance after this look, 0 for a provisioned one."""
    server = database.nodes.get(member.db_instance_identifier)
    if member.db_instance_class != CLASS or server is None or not server.ready:
        return 0.0
    now = time.monotonic()
    state: Capacity = member.__dict__.setdefault("dojo_capacity", Capacity(acus=within.floor, idle_since=now))
    if now - state.looked < _LOOK_SECONDS:
        return state.acus
    try:
        activity = _activity(server)
    except psycopg.Error:
        # A server that restarts does nothing that could be measured.
        return state.acus
    if activity.connected:
        state.idle_since = now
    state.acus = max(next_capacity(state.acus, activity, now - state.idle_since, within), least)
    state.looked = now
    _publish(member, state.acus)
    return state.acus


def _activity(server: Postgres) -> Activity:
    connected, busy = server.sql(
        "SELECT count(*), count(*) FILTER (WHERE state = 'active') FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND usename NOT IN (%s, %s)",
        ADMIN,
        CHECKER,
    )[0]
    return Activity(connected, busy)


def _publish(member: Any, acus: float) -> None:
    datum = {
        "MetricName": _METRIC,
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": member.db_instance_identifier}],
        "Timestamp": utcnow(),
        "Value": acus,
    }
    cloudwatch_backends[member.backend.account_id][member.region].put_metric_data("AWS/RDS", [datum])


def range_of(cluster: Any) -> Range | None:
    """The capacity range of a cluster, None where it has none."""
    given = cluster.serverless_v2_scaling_configuration
    if not given:
        return None
    pause_after = given.get("seconds_until_auto_pause") or PAUSE_AFTER[0]
    return Range(
        least=float(given["min_capacity"]), most=float(given["max_capacity"]), pause_after=pause_after / _PAUSE_SHARE
    )


def checked_range(wanted: Mapping[str, Any], present: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The whole range that a call asks for; what it leaves out is as at `present`.

    Raises:
        RefusedError: There is no such range.
    """
    asked = {**(present or {}), **{name: value for name, value in wanted.items() if value is not None}}
    least, most = asked.get("min_capacity"), asked.get("max_capacity")
    if least is None or most is None:
        raise _refused("The Serverless v2 scaling configuration needs a minimum and a maximum capacity.")
    for name, value, lowest in (("minimum", least, 0.0), ("maximum", most, 1.0)):
        if not lowest <= value <= LARGEST or value % STEP:
            raise _refused(
                f"The {name} capacity {value:g} is not valid: it is between {lowest:g} and {LARGEST:g} ACUs, in "
                f"steps of {STEP:g}."
            )
    if most < least:
        raise _refused(f"The maximum capacity {most:g} is less than the minimum capacity {least:g}.")
    if not least:
        asked.setdefault("seconds_until_auto_pause", PAUSE_AFTER[0])
    pause = asked.get("seconds_until_auto_pause")
    if pause is not None and not PAUSE_AFTER[0] <= pause <= PAUSE_AFTER[1]:
        raise _refused(f"SecondsUntilAutoPause must be between {PAUSE_AFTER[0]} and {PAUSE_AFTER[1]}.")
    return asked


def check_member(cluster: Any, instance_class: str) -> None:
    """Refuse a serverless instance in a cluster that has no range for it."""
    if instance_class == CLASS and not cluster.serverless_v2_scaling_configuration:
        raise RefusedError(
            "InvalidDBClusterStateFault",
            "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB "
            "instance.",
        )


def _refused(message: str) -> RefusedError:
    return RefusedError("InvalidParameterValue", message)
