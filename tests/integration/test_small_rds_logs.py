"""An instance of the small RDS exports its log to CloudWatch Logs, and only what it was asked to."""

import os
import time
from datetime import UTC, datetime

import pytest

pytest.importorskip("moto")
pytest.importorskip("boto3")
psycopg = pytest.importorskip("psycopg")

from moto.logs.models import LogsBackend  # noqa: E402

from pgdojo.lab.engines import choose  # noqa: E402
from pgdojo.lab.rds import SmallRds  # noqa: E402
from pgdojo.lab.rds.logs import LogExport, entries  # noqa: E402

GROUP, STREAM = "/aws/rds/instance/shop/postgresql", "shop.0"
TODAY = datetime.now(UTC).strftime("%Y-%m-%d")
"""CloudWatch Logs takes no events that are older than two weeks, or of later than in two hours."""
FIRST = f"{TODAY} 00:00:00 UTC::@:[7]:LOG:  ready\n"
SECOND = f"{TODAY} 00:00:01 UTC::@:[7]:LOG:  busy\n"


@pytest.fixture
def log(tmp_path):
    return tmp_path / "postgresql.log"


@pytest.fixture
def cloud():
    return LogsBackend("eu-central-1", "123456789012")


def shipped(cloud):
    return [event.message for event in cloud.groups[GROUP].streams[STREAM].events]


def test_an_entry_of_several_lines_is_one_event_at_the_time_it_was_written():
    text = "2026-11-27 08:00:00 UTC::@:[7]:LOG:  duration: 612 ms  statement: SELECT\n\t1\n"

    events = entries(text + "2026-11-27 08:00:01 UTC::@:[7]:LOG:  next\n", now=0)

    assert events == [
        {"timestamp": 1795766400000, "message": text.rstrip("\n")},
        {"timestamp": 1795766401000, "message": "2026-11-27 08:00:01 UTC::@:[7]:LOG:  next"},
    ]


def test_each_line_is_shipped_once_and_only_when_it_is_whole(log, cloud):
    export = LogExport()
    log.write_text(FIRST + SECOND[:30])
    export.ship(cloud, "shop", log, ["postgresql"])
    export.ship(cloud, "shop", log, ["postgresql"])
    log.write_text(FIRST + SECOND)

    export.ship(cloud, "shop", log, ["postgresql"])

    assert shipped(cloud) == [FIRST.rstrip(), SECOND.rstrip()]


def test_what_was_written_before_the_export_was_switched_on_is_not_shipped(log, cloud):
    export = LogExport()
    log.write_text(FIRST)
    export.ship(cloud, "shop", log, ["upgrade"])
    log.write_text(FIRST + SECOND)

    export.ship(cloud, "shop", log, ["postgresql"])

    assert shipped(cloud) == [SECOND.rstrip()]


def test_a_log_that_was_begun_anew_is_read_from_its_start(log, cloud):
    export = LogExport()
    log.write_text(FIRST + SECOND)
    export.ship(cloud, "shop", log, ["postgresql"])
    log.write_text(FIRST)

    export.ship(cloud, "shop", log, ["postgresql"])

    assert shipped(cloud) == [FIRST.rstrip(), SECOND.rstrip(), FIRST.rstrip()]


def test_without_the_export_there_is_no_log_group(log, cloud):
    log.write_text(FIRST)

    LogExport().ship(cloud, "shop", log, [])

    assert list(cloud.groups) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the small RDS runs on Unix")
def test_a_slow_statement_is_found_in_cloudwatch_logs(tmp_path):
    engine = choose({"tool:pg_basebackup"})
    if engine is None:
        pytest.skip("no PostgreSQL here")
    rds = SmallRds.start(tmp_path, engine)
    try:
        make_instance(rds)
        with psycopg.connect(rds.conninfo("rds:shop", "learner", database="shop", password="right")) as connection:
            connection.execute("SELECT pg_sleep(0.3) AS slow_one")

        found = search(rds, '"slow_one"')
    finally:
        rds.stop()

    assert [one["logStreamName"] for one in found] == [STREAM]
    assert "duration: " in found[0]["message"]


def make_instance(rds):
    group = {"DBParameterGroupName": "slow"}
    family = f"postgres{choose({'tool:pg_basebackup'}).major}"
    rds.call("rds.create_db_parameter_group", {**group, "DBParameterGroupFamily": family, "Description": "slow ones"})
    limit = {"ParameterName": "log_min_duration_statement", "ParameterValue": "200", "ApplyMethod": "immediate"}
    rds.call("rds.modify_db_parameter_group", {**group, "Parameters": [limit]})
    rds.call(
        "rds.create_db_instance",
        {
            **group,
            "DBInstanceIdentifier": "shop",
            "Engine": "postgres",
            "DBInstanceClass": "db.t4g.micro",
            "AllocatedStorage": "20",
            "DBName": "shop",
            "MasterUsername": "dojo",
            "MasterUserPassword": "secret-123",
            "EnableCloudwatchLogsExports": ["postgresql"],
        },
    )
    rds.client("rds").get_waiter("db_instance_available").wait(DBInstanceIdentifier="shop")


def search(rds, pattern):
    """The events that match, once there are any; the export works in the background."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        found = rds.call("logs.filter_log_events", {"logGroupName": GROUP, "filterPattern": pattern})["events"]
        if found:
            return found
        time.sleep(0.3)
    return []
