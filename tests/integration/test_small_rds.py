"""Calls of the AWS API on this machine have the effects on real servers that AWS's documents promise."""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("moto")
boto3 = pytest.importorskip("boto3")
psycopg = pytest.importorskip("psycopg")

from botocore.exceptions import ClientError  # noqa: E402

from pgdojo.errors import LabError  # noqa: E402
from pgdojo.lab import processes  # noqa: E402
from pgdojo.lab.engines import choose  # noqa: E402
from pgdojo.lab.rds import SmallRds, typed  # noqa: E402
from pgdojo.lab.rds.data_api import named_to_pyformat  # noqa: E402
from pgdojo.lab.rds.tokens import token_fits  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="its shell commands are those of Unix"),
]

PASSWORD = "secret-123"
INSTANCE = {
    "DBInstanceClass": "db.t4g.micro",
    "Engine": "postgres",
    "MasterUsername": "dojo",
    "MasterUserPassword": PASSWORD,
    "AllocatedStorage": "20",
    "DBName": "shop",
}


@pytest.fixture(scope="module")
def rds(tmp_path_factory):
    engine = choose({"tool:pg_basebackup"})
    if engine is None:
        pytest.skip("no PostgreSQL here")
    folder = tmp_path_factory.mktemp("lab")
    small = SmallRds.start(folder, engine)
    yield small
    small.stop()


@pytest.fixture
def create(rds):
    """Creates instances, waits for them, and deletes them after the test."""
    made = []

    def _create(name, **more):
        made.append(name)
        rds.call("rds.create_db_instance", {**INSTANCE, "DBInstanceIdentifier": name, **more})
        wait(rds, name)

    yield _create
    for name in made:
        for one in rds.client("rds").describe_db_instances()["DBInstances"]:
            if one["DBInstanceIdentifier"] == name:
                rds.call("rds.delete_db_instance", {"DBInstanceIdentifier": name, "SkipFinalSnapshot": True})


def wait(rds, name):
    rds.client("rds").get_waiter("db_instance_available").wait(DBInstanceIdentifier=name)


def delete(rds, *names):
    for name in names:
        rds.call("rds.delete_db_instance", {"DBInstanceIdentifier": name, "SkipFinalSnapshot": True})


def sql(rds, name, statement, role="learner", *, database="shop", password="right", **options):
    conninfo = rds.conninfo(name, role, database=database, password=password, **options)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def becomes(rds, name, statement, wanted, seconds=20):
    """Ask until the answer is the wanted one, or time is up; give the last answer."""
    end, found = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            found = sql(rds, name, statement)
        except (psycopg.Error, LabError) as cause:
            found = str(cause)
        if found == wanted:
            break
        time.sleep(0.05)
    return found


def describe(rds, name):
    return rds.call("rds.describe_db_instances", {"DBInstanceIdentifier": name})["DBInstances"][0]


def messages(rds, name):
    given = {"SourceType": "db-instance", "SourceIdentifier": name}
    return [event["Message"] for event in rds.call("rds.describe_events", given)["Events"]]


# Instances


def test_a_created_instance_is_a_postgresql_behind_the_endpoint_that_describe_names(rds, create):
    create("shop")

    endpoint = describe(rds, "shop")["Endpoint"]
    with psycopg.connect(
        host=endpoint["Address"],
        port=endpoint["Port"],
        user="dojo",
        password=PASSWORD,
        dbname="shop",
        sslmode="require",
    ) as connection:
        rights = connection.execute("SELECT rolcreaterole, rolcreatedb, rolsuper FROM pg_roles WHERE rolname = 'dojo'")
        assert rights.fetchone() == (True, True, False)


def test_the_checker_reads_what_the_master_user_wrote_and_writes_nothing(rds, create):
    create("shop")
    sql(rds, "rds:shop", "CREATE TABLE orders AS SELECT generate_series(1, 3) AS id")

    assert sql(rds, "rds:shop", "SELECT count(*) FROM orders", "checker") == [(3,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        sql(rds, "rds:shop", "DELETE FROM orders", "checker")


def test_a_deleted_instance_answers_no_more_and_its_server_is_gone(rds, create):
    create("gone")
    conninfo = rds.conninfo("rds:gone", "learner", database="shop", password="right")
    pid = rds.names()["rds:gone"]["pid"]

    delete(rds, "gone")

    end = time.monotonic() + 15
    while processes.started_at(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert processes.started_at(pid) is None
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(conninfo)
    with pytest.raises(LabError, match="Create it first"):
        rds.conninfo("rds:gone", "learner", database="shop", password="right")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"DBInstanceClass": "db.nonsense"}, "Invalid DB Instance class: db.nonsense"),
        ({"EngineVersion": "99.9"}, "Cannot find version 99.9 for postgres"),
        ({"EngineVersion": "12.4"}, "Cannot find version 12.4 for postgres"),
        ({"MasterUserPassword": "short"}, "shorter than 8 characters"),
        ({"MasterUserPassword": "with@sign-in-it"}, "Only printable ASCII"),
        ({"MasterUsername": "rdsadmin"}, "reserved word"),
        ({"AllocatedStorage": 5}, "Invalid storage size"),
        ({"StorageType": "standard"}, "Invalid storage type: standard"),
        ({"StorageType": "io2", "Iops": 1000}, "Invalid storage size"),
        ({"StorageType": "gp3", "Iops": 6000}, "storage size less than 400"),
        ({"StorageEncrypted": True, "KmsKeyId": "alias/nowhere"}, "KMS key .alias/nowhere. does not exist"),
        ({"Engine": "mysql"}, "Invalid DB engine"),
        ({"DBParameterGroupName": "nowhere"}, "DBParameterGroup not found"),
    ],
)
def test_what_aws_refuses_is_refused(rds, change, message):
    with pytest.raises(ClientError, match=message):
        rds.call("rds.create_db_instance", {**INSTANCE, "DBInstanceIdentifier": "never", **change})

    assert "never" not in [
        one["DBInstanceIdentifier"] for one in rds.call("rds.describe_db_instances", {})["DBInstances"]
    ]


def test_a_protected_instance_is_deleted_only_after_its_protection_is_lifted(rds, create):
    create("safe", DeletionProtection=True)

    with pytest.raises(ClientError, match="deletion protection"):
        delete(rds, "safe")

    rds.call("rds.modify_db_instance", {"DBInstanceIdentifier": "safe", "DeletionProtection": "false"})
    delete(rds, "safe")


def test_a_change_waits_for_the_window_unless_it_is_to_apply_at_once(rds, create):
    create("later")

    rds.call("rds.modify_db_instance", {"DBInstanceIdentifier": "later", "DBInstanceClass": "db.r6g.large"})
    waiting = describe(rds, "later")
    rds.call("rds.modify_db_instance", {"DBInstanceIdentifier": "later", "ApplyImmediately": True})
    done = describe(rds, "later")

    assert (waiting["DBInstanceClass"], waiting["PendingModifiedValues"]) == (
        "db.t4g.micro",
        {"DBInstanceClass": "db.r6g.large"},
    )
    assert (done["DBInstanceClass"], done["PendingModifiedValues"]) == ("db.r6g.large", {})


def test_a_stopped_instance_keeps_its_endpoint_and_its_rows(rds, create):
    create("rest")
    sql(rds, "rds:rest", "CREATE TABLE kept AS SELECT 1 AS id")
    port = describe(rds, "rest")["Endpoint"]["Port"]

    rds.call("rds.stop_db_instance", {"DBInstanceIdentifier": "rest"})
    refused = becomes(rds, "rds:rest", "SELECT 1", None, seconds=2)
    rds.call("rds.start_db_instance", {"DBInstanceIdentifier": "rest"})
    wait(rds, "rest")

    assert "starting up" in refused
    assert describe(rds, "rest")["Endpoint"]["Port"] == port
    assert sql(rds, "rds:rest", "SELECT count(*) FROM kept") == [(1,)]


# Multi-AZ


def test_the_standby_of_a_multi_az_instance_is_waited_for_and_takes_over_with_every_row(rds, create):
    create("pair", MultiAZ="true")
    before = describe(rds, "pair")
    sql(rds, "rds:pair", "CREATE TABLE kept AS SELECT generate_series(1, 100) AS id")
    assert sql(rds, "rds:pair", "SELECT sync_state FROM pg_stat_replication") == [("quorum",)]

    rds.call("rds.reboot_db_instance", {"DBInstanceIdentifier": "pair", "ForceFailover": "true"})
    wait(rds, "pair")

    after = describe(rds, "pair")
    assert sql(rds, "rds:pair", "SELECT count(*) FROM kept") == [(100,)]
    assert after["Endpoint"] == before["Endpoint"]
    assert (after["AvailabilityZone"], after["SecondaryAvailabilityZone"]) == ("eu-central-1b", "eu-central-1a")
    assert "Multi-AZ instance failover completed" in messages(rds, "pair")


def test_a_killed_primary_is_replaced_by_itself_and_a_new_standby_is_built(rds, create):
    create("struck", MultiAZ=True)
    sql(rds, "rds:struck", "CREATE TABLE kept AS SELECT generate_series(1, 100) AS id")

    begun = time.monotonic()
    rds.kill("rds:struck")

    assert becomes(rds, "rds:struck", "SELECT count(*) FROM kept WHERE NOT pg_is_in_recovery()", [(100,)]) == [(100,)]
    assert time.monotonic() - begun < 15
    streams = "SELECT state FROM pg_stat_replication"
    assert becomes(rds, "rds:struck", streams, [("streaming",)], seconds=40) == [("streaming",)]
    assert "Multi-AZ instance failover started" in messages(rds, "struck")


def test_a_single_az_instance_cannot_fail_over_and_restarts_after_a_crash(rds, create):
    create("alone")
    sql(rds, "rds:alone", "CREATE TABLE kept AS SELECT 1 AS id")

    with pytest.raises(ClientError, match="only possible for a Multi-AZ"):
        rds.call("rds.reboot_db_instance", {"DBInstanceIdentifier": "alone", "ForceFailover": True})
    rds.kill("rds:alone")

    assert becomes(rds, "rds:alone", "SELECT count(*) FROM kept", [(1,)]) == [(1,)]


# Parameter groups


def test_parameters_hold_in_the_server_and_static_ones_wait_for_a_reboot(rds, create):
    group = {"DBParameterGroupName": "strict", "DBParameterGroupFamily": "postgres16", "Description": "for a test"}
    rds.call("rds.create_db_parameter_group", group)
    set_parameters(rds, "strict", {"rds.force_ssl": "0"})
    create("tuned", EngineVersion="16", DBParameterGroupName="strict")
    assert sql(rds, "rds:tuned", "SELECT 1", sslmode="disable") == [(1,)]

    set_parameters(rds, "strict", {"rds.force_ssl": "1", "log_min_duration_statement": "0"})
    set_parameters(rds, "strict", {"max_connections": "70"}, method="pending-reboot")

    assert becomes(rds, "rds:tuned", "SHOW log_min_duration_statement", [("0",)]) == [("0",)]
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba.conf entry .* no encryption"):
        sql(rds, "rds:tuned", "SELECT 1", sslmode="disable")
    assert sql(rds, "rds:tuned", "SHOW rds.force_ssl", sslmode="verify-full", sslrootcert=str(rds.ca)) == [("1",)]
    assert sql(rds, "rds:tuned", "SHOW max_connections") != [("70",)]
    assert describe(rds, "tuned")["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot"
    assert "statement: SHOW max_connections" in rds.log("rds:tuned").read_text("utf-8")

    rds.call("rds.reboot_db_instance", {"DBInstanceIdentifier": "tuned"})
    wait(rds, "tuned")

    assert sql(rds, "rds:tuned", "SHOW max_connections") == [("70",)]
    assert describe(rds, "tuned")["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("no_such_parameter", "1", "Could not find parameter with name: no_such_parameter"),
        ("max_connections", "70", "immediate apply method for static parameter"),
        ("log_connections", "perhaps", "allowed values are: 0,1"),
        ("log_min_duration_statement", "-5", "allowed values are"),
        ("archive_command", "true", "cannot be modified"),
    ],
)
def test_parameters_that_aws_does_not_take_are_refused(rds, name, value, message):
    groups = rds.call("rds.describe_db_parameter_groups", {})["DBParameterGroups"]
    if "refusing" not in [group["DBParameterGroupName"] for group in groups]:
        group = {"DBParameterGroupName": "refusing", "DBParameterGroupFamily": "postgres16", "Description": "a test"}
        rds.call("rds.create_db_parameter_group", group)

    with pytest.raises(ClientError, match=message):
        set_parameters(rds, "refusing", {name: value})


def set_parameters(rds, group, values, method="immediate"):
    parameters = [
        {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method} for name, value in values.items()
    ]
    rds.call("rds.modify_db_parameter_group", {"DBParameterGroupName": group, "Parameters": parameters})


# Backups


def test_a_restore_to_a_time_brings_back_a_dropped_table_and_leaves_the_source_alone(rds, create):
    create("source", MultiAZ=True)
    sql(rds, "rds:source", "CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id")
    time.sleep(1.1)
    moment = datetime.now(UTC)
    time.sleep(1.1)
    sql(rds, "rds:source", "DROP TABLE orders")
    given = {"SourceDBInstanceIdentifier": "source", "TargetDBInstanceIdentifier": "back"}
    with pytest.raises(ClientError, match="restore time 2099"):
        rds.call("rds.restore_db_instance_to_point_in_time", {**given, "RestoreTime": "2099-01-01T00:00:00Z"})
    time.sleep(3.1)

    rds.call("rds.restore_db_instance_to_point_in_time", {**given, "RestoreTime": moment.isoformat()})
    wait(rds, "back")

    back, source = describe(rds, "back"), describe(rds, "source")
    assert sql(rds, "rds:back", "SELECT count(*) FROM orders") == [(1000,)]
    assert sql(rds, "rds:source", "SELECT to_regclass('orders')") == [(None,)]
    assert back["Endpoint"]["Port"] != source["Endpoint"]["Port"]
    assert (back["MultiAZ"], source["MultiAZ"]) == (False, True)
    assert back["DBParameterGroups"][0]["DBParameterGroupName"].startswith("default.postgres")
    delete(rds, "back")


def test_a_snapshot_is_restored_as_the_instance_was_then(rds, create):
    create("was")
    sql(rds, "rds:was", "CREATE TABLE orders AS SELECT generate_series(1, 10) AS id")
    rds.call("rds.create_db_snapshot", {"DBInstanceIdentifier": "was", "DBSnapshotIdentifier": "then"})
    sql(rds, "rds:was", "INSERT INTO orders VALUES (11)")

    rds.call("rds.restore_db_instance_from_db_snapshot", {"DBSnapshotIdentifier": "then", "DBInstanceIdentifier": "is"})
    wait(rds, "is")

    assert sql(rds, "rds:is", "SELECT count(*) FROM orders") == [(10,)]
    assert sql(rds, "rds:was", "SELECT count(*) FROM orders") == [(11,)]
    delete(rds, "is")


def test_an_encrypted_snapshot_has_limits_in_sharing_and_copying(rds, create):
    key = rds.call("kms.create_key", {})["KeyMetadata"]["Arn"]
    create("secret", StorageEncrypted="true", KmsKeyId=key)
    rds.call("rds.create_db_snapshot", {"DBInstanceIdentifier": "secret", "DBSnapshotIdentifier": "sealed"})
    arn = describe_snapshot(rds, "sealed")["DBSnapshotArn"]
    share = {"DBSnapshotIdentifier": "sealed", "AttributeName": "restore"}
    far = boto3.client(
        "rds",
        region_name="eu-west-1",
        endpoint_url=rds.endpoint_url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )

    with pytest.raises(ClientError, match="cannot be shared with everyone"):
        rds.call("rds.modify_db_snapshot_attribute", {**share, "ValuesToAdd": ["all"]})
    with pytest.raises(ClientError, match="KmsKeyId must be given"):
        far.copy_db_snapshot(SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier="far")
    rds.call("rds.modify_db_snapshot_attribute", {**share, "ValuesToAdd": ["111122223333"]})

    shared = rds.call("rds.describe_db_snapshot_attributes", {"DBSnapshotIdentifier": "sealed"})
    assert shared["DBSnapshotAttributesResult"]["DBSnapshotAttributes"][0]["AttributeValues"] == ["111122223333"]


def test_a_snapshot_copied_with_a_key_is_encrypted_and_so_are_its_copies_and_its_instance(rds, create):
    key = rds.call("kms.create_key", {})["KeyMetadata"]["Arn"]
    create("clear")
    sql(rds, "rds:clear", "CREATE TABLE kept AS SELECT 1 AS id")
    rds.call("rds.create_db_snapshot", {"DBInstanceIdentifier": "clear", "DBSnapshotIdentifier": "clear-then"})
    with pytest.raises(LabError, match="has no parameter StorageEncrypted"):
        rds.call("rds.modify_db_instance", {"DBInstanceIdentifier": "clear", "StorageEncrypted": "true"})

    copy(rds, "clear-then", "closed", KmsKeyId=key)
    copy(rds, "closed", "closed-again")
    rds.call(
        "rds.restore_db_instance_from_db_snapshot",
        {"DBSnapshotIdentifier": "closed-again", "DBInstanceIdentifier": "moved"},
    )
    wait(rds, "moved")

    found = [describe_snapshot(rds, name) for name in ("clear-then", "closed", "closed-again")]
    assert [(one["Encrypted"], one.get("KmsKeyId")) for one in found] == [(False, None), (True, key), (True, key)]
    assert (describe(rds, "moved")["StorageEncrypted"], describe(rds, "moved")["KmsKeyId"]) == (True, key)
    assert sql(rds, "rds:moved", "SELECT count(*) FROM kept") == [(1,)]
    delete(rds, "moved")


def test_an_encrypted_copy_in_another_region_takes_only_a_key_of_that_region(rds, create):
    near = rds.call("kms.create_key", {})["KeyMetadata"]["Arn"]
    far = rds.call("kms.create_key", {"Region": "eu-west-1"})["KeyMetadata"]["Arn"]
    create("travels", StorageEncrypted=True, KmsKeyId=near)
    rds.call("rds.create_db_snapshot", {"DBInstanceIdentifier": "travels", "DBSnapshotIdentifier": "packed"})
    arn = describe_snapshot(rds, "packed")["DBSnapshotArn"]

    for key in ({}, {"KmsKeyId": near}):
        with pytest.raises(ClientError, match=r"KmsKeyId must be given|KMS key .* does not exist"):
            copy(rds, arn, "arrived", Region="eu-west-1", **key)
    copy(rds, arn, "arrived", Region="eu-west-1", KmsKeyId=far)

    there = rds.call("rds.describe_db_snapshots", {"Region": "eu-west-1"})["DBSnapshots"]
    assert [(one["KmsKeyId"], one["SourceRegion"]) for one in there if one["DBSnapshotIdentifier"] == "arrived"] == [
        (far, "eu-central-1")
    ]


def test_what_only_its_owner_may_use_is_not_shared(rds, create):
    create("owned", StorageEncrypted=True)
    rds.call("rds.create_db_snapshot", {"DBInstanceIdentifier": "owned", "DBSnapshotIdentifier": "by-default-key"})
    automated = rds.call("rds.describe_db_snapshots", {"DBInstanceIdentifier": "owned", "SnapshotType": "automated"})
    nightly = automated["DBSnapshots"][0]["DBSnapshotIdentifier"]

    with pytest.raises(ClientError, match="default key aws/rds cannot be shared"):
        share(rds, "by-default-key", "111122223333")
    with pytest.raises(ClientError, match="not a valid identifier"):
        share(rds, nightly, "111122223333")
    with pytest.raises(ClientError, match="Invalid AWS account ID: partner"):
        share(rds, "by-default-key", "partner")


def test_an_instance_is_public_unless_the_call_says_otherwise(rds, create):
    create("open")
    create("inside", PubliclyAccessible="false")

    assert [describe(rds, name)["PubliclyAccessible"] for name in ("open", "inside")] == [True, False]


def test_rotation_of_a_key_is_switched_on_by_its_alias(rds):
    key = rds.call("kms.create_key", {})["KeyMetadata"]["KeyId"]
    rds.call("kms.create_alias", {"AliasName": "alias/turns", "TargetKeyId": key})
    before = rds.call("kms.get_key_rotation_status", {"KeyId": "alias/turns"})["KeyRotationEnabled"]

    rds.call("kms.enable_key_rotation", {"KeyId": "alias/turns"})

    assert before is False
    assert rds.call("kms.get_key_rotation_status", {"KeyId": key})["KeyRotationEnabled"] is True


def copy(rds, source, target, **more):
    given = {"SourceDBSnapshotIdentifier": source, "TargetDBSnapshotIdentifier": target}
    rds.call("rds.copy_db_snapshot", {**given, **more})


def share(rds, snapshot, account):
    given = {"DBSnapshotIdentifier": snapshot, "AttributeName": "restore", "ValuesToAdd": [account]}
    rds.call("rds.modify_db_snapshot_attribute", given)


def describe_snapshot(rds, name):
    return rds.call("rds.describe_db_snapshots", {"DBSnapshotIdentifier": name})["DBSnapshots"][0]


# Read replicas


def test_a_read_replica_answers_reads_refuses_writes_and_is_promoted_for_good(rds, create):
    create("leader")
    sql(rds, "rds:leader", "CREATE TABLE orders (id int)")
    given = {"DBInstanceIdentifier": "reading", "SourceDBInstanceIdentifier": "leader"}
    rds.call("rds.create_db_instance_read_replica", given)
    wait(rds, "reading")
    sql(rds, "rds:leader", "INSERT INTO orders VALUES (1)")

    assert becomes(rds, "rds:reading", "SELECT count(*) FROM orders", [(1,)]) == [(1,)]
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        sql(rds, "rds:reading", "INSERT INTO orders VALUES (2)")
    assert describe(rds, "leader")["ReadReplicaDBInstanceIdentifiers"] == ["reading"]

    rds.call("rds.promote_read_replica", {"DBInstanceIdentifier": "reading"})
    wait(rds, "reading")

    sql(rds, "rds:reading", "INSERT INTO orders VALUES (2)")
    assert sql(rds, "rds:leader", "SELECT count(*) FROM orders") == [(1,)]
    assert "ReadReplicaSourceDBInstanceIdentifier" not in describe(rds, "reading")
    delete(rds, "reading")


# Secrets and tokens


def test_a_rotated_secret_is_the_new_password_and_the_old_one_is_refused(rds):
    given = {name: value for name, value in INSTANCE.items() if name != "MasterUserPassword"}
    rds.call("rds.create_db_instance", {**given, "DBInstanceIdentifier": "kept", "ManageMasterUserPassword": "true"})
    wait(rds, "kept")
    secret = {"SecretId": describe(rds, "kept")["MasterUserSecret"]["SecretArn"]}
    old = json.loads(rds.call("secretsmanager.get_secret_value", secret)["SecretString"])
    assert sql(rds, "rds:kept", "SELECT current_user", password=old["password"]) == [("dojo",)]

    rds.call("secretsmanager.rotate_secret", secret)

    new = json.loads(rds.call("secretsmanager.get_secret_value", secret)["SecretString"])
    assert sql(rds, "rds:kept", "SELECT current_user", password=new["password"]) == [("dojo",)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        sql(rds, "rds:kept", "SELECT 1", password=old["password"])
    delete(rds, "kept")


def test_a_token_opens_the_door_over_tls_for_a_user_in_rds_iam(rds, create):
    create("signed", EnableIAMDatabaseAuthentication=True)
    sql(rds, "rds:signed", "CREATE ROLE app LOGIN")
    sql(rds, "rds:signed", "GRANT rds_iam TO app")
    token = rds.client("rds").generate_db_auth_token("127.0.0.1", describe(rds, "signed")["Endpoint"]["Port"], "app")

    assert sql(rds, "rds:signed", "SELECT current_user", "app", password=token) == [("app",)]
    for wrong in (token[:-1], "no-token"):
        with pytest.raises(psycopg.OperationalError, match="PAM authentication failed"):
            sql(rds, "rds:signed", "SELECT 1", "app", password=wrong)
    with pytest.raises(psycopg.OperationalError):
        sql(rds, "rds:signed", "SELECT 1", "app", password=token, sslmode="disable")


def test_a_token_runs_out_after_fifteen_minutes_and_fits_one_user_and_port(rds):
    token = rds.client("rds").generate_db_auth_token("127.0.0.1", 5432, "app")
    keys, now = {"testing": "testing"}, datetime.now(UTC)

    assert token_fits(token, user="app", port=5432, keys=keys, now=now)
    assert not token_fits(token, user="app", port=5432, keys=keys, now=now + timedelta(minutes=16))
    assert not token_fits(token, user="other", port=5432, keys=keys, now=now)
    assert not token_fits(token, user="app", port=5433, keys=keys, now=now)
    assert not token_fits(token, user="app", port=5432, keys={"testing": "another"}, now=now)


# Clusters and the Data API


@pytest.fixture(scope="module")
def cluster(rds):
    given = {"DBClusterIdentifier": "aurora", "Engine": "aurora-postgresql", "MasterUsername": "dojo"}
    more = {"ManageMasterUserPassword": True, "DatabaseName": "shop", "EnableHttpEndpoint": True}
    rds.call("rds.create_db_cluster", given | more)
    for name in ("one", "two"):
        member = {"DBInstanceIdentifier": name, "DBClusterIdentifier": "aurora", "Engine": "aurora-postgresql"}
        rds.call("rds.create_db_instance", {**member, "DBInstanceClass": "db.r6g.large"})
    wait(rds, "one")
    wait(rds, "two")
    yield rds.call("rds.describe_db_clusters", {"DBClusterIdentifier": "aurora"})["DBClusters"][0]
    for name in ("one", "two"):
        rds.call("rds.delete_db_instance", {"DBInstanceIdentifier": name})
    rds.call("rds.delete_db_cluster", {"DBClusterIdentifier": "aurora", "SkipFinalSnapshot": True})


@pytest.mark.usefixtures("cluster")
def test_a_failover_swaps_the_writer_behind_the_clusters_endpoints(rds):
    sql(rds, "writer:aurora", "CREATE TABLE kept AS SELECT 1 AS id")
    assert becomes(rds, "reader:aurora", "SELECT pg_is_in_recovery(), count(*) FROM kept", [(True, 1)]) == [(True, 1)]

    rds.call("rds.failover_db_cluster", {"DBClusterIdentifier": "aurora", "TargetDBInstanceIdentifier": "two"})

    assert becomes(rds, "rds:two", "SELECT pg_is_in_recovery(), count(*) FROM kept", [(False, 1)]) == [(False, 1)]
    assert becomes(rds, "writer:aurora", "SELECT pg_is_in_recovery()", [(False,)]) == [(False,)]
    sql(rds, "writer:aurora", "INSERT INTO kept VALUES (2)")
    members = rds.call("rds.describe_db_clusters", {})["DBClusters"][0]["DBClusterMembers"]
    assert [one["DBInstanceIdentifier"] for one in members if one["IsClusterWriter"]] == ["two"]
    reading = "SELECT pg_is_in_recovery(), count(*) FROM kept"
    assert becomes(rds, "reader:aurora", reading, [(True, 2)], seconds=40) == [(True, 2)]


def test_the_data_api_runs_sql_in_transactions_and_reports_what_failed(rds, cluster):
    data = rds.client("rds-data")
    common = {"resourceArn": cluster["DBClusterArn"], "secretArn": cluster["MasterUserSecret"]["SecretArn"]}
    data.execute_statement(**common, sql="CREATE TABLE notes (id int PRIMARY KEY, note text)")

    transaction = data.begin_transaction(**common)["transactionId"]
    rows = [
        [{"name": "id", "value": {"longValue": number}}, {"name": "note", "value": {"stringValue": "100% 'so'"}}]
        for number in (1, 2)
    ]
    insert = "INSERT INTO notes VALUES (:id, :note)"
    data.batch_execute_statement(**common, transactionId=transaction, sql=insert, parameterSets=rows)
    outside = data.execute_statement(**common, sql="SELECT count(*) FROM notes")["records"]
    data.commit_transaction(**common, transactionId=transaction)
    inside = data.execute_statement(**common, sql="SELECT id, note FROM notes ORDER BY id", formatRecordsAs="JSON")

    assert outside == [[{"longValue": 0}]]
    assert json.loads(inside["formattedRecords"]) == [{"id": 1, "note": "100% 'so'"}, {"id": 2, "note": "100% 'so'"}]
    with pytest.raises(ClientError, match="SQLState: 23505") as failed:
        data.execute_statement(**common, sql="INSERT INTO notes VALUES (1)")
    assert failed.value.response["Error"]["Code"] == "DatabaseErrorException"


def test_names_are_found_outside_of_texts_comments_and_casts():
    statement = "SELECT ':a', :b::text, $$:c$$, 'it''s :d' -- :e\n, 5 % 2 /* :f */"

    assert named_to_pyformat(statement) == "SELECT ':a', %(b)s::text, $$:c$$, 'it''s :d' -- :e\n, 5 %% 2 /* :f */"


# The handle


def test_texts_become_the_types_that_a_call_asks_for(rds):
    shape = rds.client("rds").meta.service_model.operation_model("CreateDBInstance").input_shape

    turned = typed({"AllocatedStorage": "20", "MultiAZ": "true", "EngineVersion": 16, "Tags": [{"Key": 1}]}, shape)

    assert turned == {"AllocatedStorage": 20, "MultiAZ": True, "EngineVersion": "16", "Tags": [{"Key": "1"}]}


def test_no_client_reaches_a_real_account_whatever_the_user_has_configured(rds, tmp_path, monkeypatch):
    config = tmp_path / "config"
    config.write_text("[profile mine]\nendpoint_url = https://elsewhere.test\nregion = us-east-1\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://elsewhere.test")

    client = rds.client("sts")

    assert client.meta.endpoint_url == rds.endpoint_url
    assert client.meta.region_name == "eu-central-1"
    assert client.get_caller_identity()["Account"] == "123456789012"
    assert {name: rds.environment()[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE")} == {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_CONFIG_FILE": os.devnull,
    }


def test_a_call_that_there_is_not_is_named(rds):
    with pytest.raises(LabError, match=r"no call rds\.create_everything"):
        rds.call("rds.create_everything", {})
    with pytest.raises(ClientError, match="The simulator does not have this call"):
        rds.call("rds.describe_certificates", {})


def test_another_process_takes_the_small_rds_up_by_its_folder(rds):
    again = SmallRds.open(rds._folder.parent)

    assert again is not None
    assert again.endpoint_url == rds.endpoint_url
    assert SmallRds.open(Path(rds._folder.parent) / "nowhere") is None


def test_stop_leaves_no_process_and_no_file_even_after_the_child_was_killed(tmp_path):
    small = SmallRds.start(tmp_path, choose({"tool:pg_basebackup"}))
    small.call("rds.create_db_instance", {**INSTANCE, "DBInstanceIdentifier": "orphan"})
    wait(small, "orphan")
    pid = small.names()["rds:orphan"]["pid"]
    processes.end(small._running(), seconds=0)

    small.stop()
    small.stop()

    assert processes.started_at(pid) is None
    assert list(tmp_path.iterdir()) == []
