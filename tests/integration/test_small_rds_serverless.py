"""The capacity of a serverless instance follows its load within the range of its cluster, as CloudWatch tells it."""

import os
import time

import pytest

pytest.importorskip("moto")
psycopg = pytest.importorskip("psycopg")

from botocore.exceptions import ClientError  # noqa: E402

from pgdojo.lab.engines import choose  # noqa: E402
from pgdojo.lab.rds import SmallRds  # noqa: E402
from pgdojo.lab.rds.serverless import Activity, Range, next_capacity  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="its shell commands are those of Unix"),
]

QUIET, OPEN, BUSY = Activity(0, 0), Activity(1, 0), Activity(1, 1)
WIDE = Range(least=0.5, most=2, pause_after=5)
PAUSING = Range(least=0, most=2, pause_after=5)
CLUSTER = {
    "Engine": "aurora-postgresql",
    "DatabaseName": "shop",
    "MasterUsername": "dojo",
    "MasterUserPassword": "secret-123",
}
RANGE = {"MinCapacity": "0.5", "MaxCapacity": "2"}


@pytest.fixture(scope="module")
def rds(tmp_path_factory):
    engine = choose({"tool:pg_basebackup"})
    if engine is None:
        pytest.skip("no PostgreSQL here")
    small = SmallRds.start(tmp_path_factory.mktemp("lab"), engine)
    yield small
    small.stop()


@pytest.fixture
def cluster(rds):
    """Creates clusters with one instance, waits for it, and deletes them after the test."""
    made = []

    def _cluster(name, instance_class="db.serverless", **more):
        made.append(name)
        rds.call("rds.create_db_cluster", {**CLUSTER, "DBClusterIdentifier": name, **more})
        add(rds, name, f"{name}-1", instance_class)

    yield _cluster
    for name in made:
        for one in rds.client("rds").describe_db_instances()["DBInstances"]:
            if one.get("DBClusterIdentifier") == name:
                rds.call("rds.delete_db_instance", {"DBInstanceIdentifier": one["DBInstanceIdentifier"]})
        rds.call("rds.delete_db_cluster", {"DBClusterIdentifier": name, "SkipFinalSnapshot": "true"})


def add(rds, cluster, name, instance_class):
    given = {"DBInstanceIdentifier": name, "DBClusterIdentifier": cluster, "DBInstanceClass": instance_class}
    rds.call("rds.create_db_instance", {**given, "Engine": "aurora-postgresql"})
    rds.client("rds").get_waiter("db_instance_available").wait(DBInstanceIdentifier=name)


def modify(rds, name, **scaling):
    return rds.call("rds.modify_db_cluster", {"DBClusterIdentifier": name, "ServerlessV2ScalingConfiguration": scaling})


def described(rds, name):
    (found,) = rds.call("rds.describe_db_clusters", {"DBClusterIdentifier": name})["DBClusters"]
    return found["ServerlessV2ScalingConfiguration"]


def capacities(rds, instance):
    """The capacities of an instance from the first to the last second."""
    answer = rds.call(
        "cloudwatch.get_metric_statistics",
        {
            "Namespace": "AWS/RDS",
            "MetricName": "ServerlessDatabaseCapacity",
            "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": instance}],
            "StartTime": "2020-01-01T00:00:00+00:00",
            "EndTime": "2100-01-01T00:00:00+00:00",
            "Period": "1",
            "Statistics": ["Maximum"],
        },
    )
    return [one["Maximum"] for one in answer["Datapoints"]]


def becomes(rds, instance, capacity, seconds=30):
    """Ask until the last capacity is the wanted one, or time is up; give the last answer."""
    end, found = time.monotonic() + seconds, None
    while time.monotonic() < end and found != capacity:
        found = next(reversed(capacities(rds, instance)), None)
        time.sleep(0.2)
    return found


def connect(rds, name):
    return psycopg.connect(rds.conninfo(name, "learner", database="shop", password="right"), autocommit=True)


# The rule


@pytest.mark.parametrize(
    ("acus", "activity", "idle", "within", "then"),
    [
        (0.5, BUSY, 0, WIDE, 1.0),
        (2.0, BUSY, 0, WIDE, 2.0),
        (1.0, OPEN, 0, WIDE, 0.5),
        (0.5, QUIET, 999, WIDE, 0.5),
        (4.0, BUSY, 0, WIDE, 2.0),
        (0.5, QUIET, 4, PAUSING, 0.5),
        (0.5, QUIET, 5, PAUSING, 0.0),
        (1.5, QUIET, 5, PAUSING, 1.0),
        (0.5, OPEN, 0, PAUSING, 0.5),
        (0.0, QUIET, 999, PAUSING, 0.0),
        (0.0, OPEN, 0, PAUSING, 0.5),
        (0.0, QUIET, 999, WIDE, 0.5),
    ],
)
def test_capacity_moves_by_half_an_acu_within_the_range_and_pauses_only_where_nobody_is_connected(
    acus, activity, idle, within, then
):
    assert next_capacity(acus, activity, idle, within) == then


# The small RDS


def test_a_busy_session_drives_the_capacity_to_the_maximum_and_its_end_back_to_the_minimum(rds, cluster):
    cluster("busy", ServerlessV2ScalingConfiguration=RANGE)
    assert becomes(rds, "busy-1", 0.5) == 0.5

    with connect(rds, "writer:busy") as connection:
        connection.execute("SELECT pg_sleep(4)")

    assert max(capacities(rds, "busy-1")) == 2
    assert becomes(rds, "busy-1", 0.5) == 0.5


def test_an_instance_with_a_minimum_of_zero_pauses_and_the_next_connection_wakes_it(rds, cluster):
    cluster("sleepy", ServerlessV2ScalingConfiguration={"MinCapacity": "0", "MaxCapacity": "2"})
    with connect(rds, "writer:sleepy") as connection:
        connection.execute("SELECT 1")
        awake = becomes(rds, "sleepy-1", 0.0, seconds=8)
    asleep = becomes(rds, "sleepy-1", 0.0)

    with connect(rds, "writer:sleepy"):
        woken = becomes(rds, "sleepy-1", 0.5)

    assert described(rds, "sleepy") == {"MinCapacity": 0, "MaxCapacity": 2, "SecondsUntilAutoPause": 300}
    assert (awake, asleep, woken) == (0.5, 0, 0.5)


def test_a_new_range_holds_for_a_running_instance_and_keeps_what_was_not_named(rds, cluster):
    cluster("grown", ServerlessV2ScalingConfiguration=RANGE)

    modify(rds, "grown", MinCapacity="1.5")

    assert described(rds, "grown") == {"MinCapacity": 1.5, "MaxCapacity": 2}
    assert becomes(rds, "grown-1", 1.5) == 1.5


@pytest.mark.parametrize(
    ("scaling", "message"),
    [
        ({"MinCapacity": "4", "MaxCapacity": "2"}, "maximum capacity 2 is less than the minimum capacity 4"),
        ({"MinCapacity": "0.3", "MaxCapacity": "2"}, "minimum capacity 0.3 is not valid"),
        ({"MinCapacity": "0", "MaxCapacity": "0.5"}, "maximum capacity 0.5 is not valid"),
        ({"MinCapacity": "1", "MaxCapacity": "300"}, "maximum capacity 300 is not valid"),
        ({"MinCapacity": "0", "MaxCapacity": "2", "SecondsUntilAutoPause": "60"}, "between 300 and 86400"),
    ],
)
def test_a_range_that_aws_refuses_is_refused(rds, scaling, message):
    with pytest.raises(ClientError, match=message):
        rds.call(
            "rds.create_db_cluster",
            {**CLUSTER, "DBClusterIdentifier": "never", "ServerlessV2ScalingConfiguration": scaling},
        )


def test_a_provisioned_reader_stands_beside_a_serverless_writer_and_has_no_capacity(rds, cluster):
    cluster("mixed", ServerlessV2ScalingConfiguration=RANGE)

    add(rds, "mixed", "mixed-2", "db.r6g.large")

    with connect(rds, "rds:mixed-2") as connection:
        assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
    assert becomes(rds, "mixed-1", 0.5) == 0.5
    assert capacities(rds, "mixed-2") == []


def test_a_reader_of_a_low_tier_is_never_smaller_than_the_writer(rds, cluster):
    cluster("tiers", ServerlessV2ScalingConfiguration=RANGE)
    add(rds, "tiers", "tiers-2", "db.serverless")

    with connect(rds, "writer:tiers") as connection:
        connection.execute("SELECT pg_sleep(4)")

    assert max(capacities(rds, "tiers-2")) == 2


def test_a_serverless_instance_is_refused_in_a_cluster_without_a_range(rds, cluster):
    cluster("plain", "db.r6g.large")

    with pytest.raises(ClientError, match="Set the Serverless v2 scaling configuration"):
        add(rds, "plain", "plain-2", "db.serverless")
