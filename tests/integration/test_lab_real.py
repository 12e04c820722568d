"""A lab on an account, with the small RDS in the account's place: the guard, the looks, the end, and no write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("moto")
boto3 = pytest.importorskip("boto3")
pytest.importorskip("psycopg")

from pgdojo.course.lab_records import Lab  # noqa: E402
from pgdojo.errors import LabError  # noqa: E402
from pgdojo.lab.engines import choose  # noqa: E402
from pgdojo.lab.rds import SmallRds  # noqa: E402
from pgdojo.lab.real import NotJudgedError, cleanup  # noqa: E402
from pgdojo.lab.real.account import PARAMETER, identify, training_account  # noqa: E402
from pgdojo.lab.real.login import Login  # noqa: E402
from pgdojo.lab.real.readonly import ReadOnlyAws  # noqa: E402
from pgdojo.lab.real.sandbox import create_paste, create_real  # noqa: E402
from pgdojo.lab.runner import LabRoom  # noqa: E402
from pgdojo.learner.journal import Journal  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="its commands are those of Unix")]

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
ACCOUNT = "123456789012"
"""The account of moto."""
TAGS = [{"Key": "training", "Value": "true"}]
WORD = "a-learners-own-word"
INSTANCE = {
    "DBInstanceIdentifier": "shop",
    "Engine": "postgres",
    "DBInstanceClass": "db.t4g.micro",
    "AllocatedStorage": 20,
    "DBName": "shop",
    "MasterUsername": "dojo",
    "MasterUserPassword": WORD,
}
TOLD = {"why": "So.", "next": "Look."}
STATUS = "DBInstances[?DBInstanceIdentifier=='shop'].DBInstanceStatus | [0]"
CHECKS = [
    {"kind": "aws", "id": "there", "call": "rds.describe_db_instances", "path": STATUS,
     "expect": {"equals": "available"}, **TOLD},
    {"kind": "sql", "id": "read-only", "on": "rds:shop", "expect": {"equals": "on"},
     "run": "SELECT current_setting('transaction_read_only')", **TOLD},
    {"kind": "connect", "id": "in", "to": "rds:shop", "expect": {"equals": "connected"}, **TOLD},
    {"kind": "connect", "id": "out", "to": "rds:shop", "password": "wrong",
     "expect": {"matches": "authentication failed"}, **TOLD},
]  # fmt: skip
HINTS = {"nudge": "Look.", "pointer": "facts#heat", "partial": "Ask.", "solution": "Create it."}
STEP = {"title": "Make it", "why": "So.", "do": "Do.", "cites": ["facts#heat"], "hints": HINTS}
LAB = Lab.model_validate(
    {
        "id": "cloud",
        "rev": 1,
        "title": "Cloud",
        "summary": "Up.",
        "topic": "ha",
        "order": 1,
        "level": "apply",
        "minutes": 30,
        "objectives": ["ha-heat"],
        "cites": ["facts#heat"],
        "as_of": "2026-11",
        "review_by": "2027-10",
        "needs": ["aws"],
        "steps": [
            {
                "id": "create",
                **STEP,
                "checks": CHECKS,
                "solution": [{"aws": "rds.create_db_instance", "params": {**INSTANCE, "AllocatedStorage": "20"}}],
            },
        ],
    }
)


@pytest.fixture(scope="module")
def rds(tmp_path_factory):
    engine = choose({"tool:pg_basebackup"})
    if engine is None:
        pytest.skip("no PostgreSQL here")
    small = SmallRds.start(tmp_path_factory.mktemp("lab"), engine)
    yield small
    small.stop()


@pytest.fixture
def account(rds, monkeypatch):
    """The environment of a learner whose account is the small RDS; no configuration of the user's is read."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "PGDOJO_LAB"))]:
        monkeypatch.delenv(name)
    for name, value in rds.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return rds


@pytest.fixture
def marked(account):
    ssm = account.client("ssm")
    ssm.put_parameter(Name=PARAMETER, Value="true", Type="String", Overwrite=True)
    yield account
    ssm.delete_parameter(Name=PARAMETER)


@pytest.fixture
def shop(account):
    """An instance with the lab's tag, as the learner has created it."""
    rds = account.client("rds")
    rds.create_db_instance(**INSTANCE, Tags=TAGS)
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="shop")
    yield rds
    there = [one["DBInstanceIdentifier"] for one in rds.describe_db_instances()["DBInstances"]]
    if "shop" in there:
        rds.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)


def yes(_account, _estimate):
    return True


on_account = partial(create_real, profile=None, region=REGION, agree=yes)


@pytest.fixture
def room(tmp_path, marked):  # noqa: ARG001  # the account must be marked first
    with Journal.open(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        made = LabRoom({"cloud": LAB}, journal.lab, tmp_path / "home")
        made.login = lambda: Login("dojo", WORD)
        made.start("ann", "cloud", owner=None, away=on_account)
        yield made


class Counter(ThreadingHTTPServer):
    """An AWS that counts what reaches it and answers nothing of use."""

    def __init__(self):
        self.calls = 0
        super().__init__(("127.0.0.1", 0), _Counts)


class _Counts(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.calls += 1
        body = b"<DescribeDBInstancesResponse><DescribeDBInstancesResult/></DescribeDBInstancesResponse>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def wire(account, monkeypatch):  # noqa: ARG001  # its credentials are used
    with Counter() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()


# Only reading


def test_a_describe_goes_over_the_wire_and_a_delete_never_does(wire):
    client = ReadOnlyAws(region=REGION).client("rds")

    client.describe_db_instances()
    assert wire.calls == 1
    with pytest.raises(LabError, match="does not call DeleteDBInstance"):
        client.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)

    assert wire.calls == 1


def test_what_gets_past_the_first_hook_is_stopped_before_it_is_sent(wire):
    from pgdojo.lab.real import readonly

    client = ReadOnlyAws(region=REGION).client("rds")
    for event in ("before-parameter-build", "before-call"):
        client.meta.events.unregister(event, readonly._refuse_to_build)

    with pytest.raises(LabError, match="does not call DeleteDBInstance"):
        client.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)

    assert wire.calls == 0


@pytest.mark.usefixtures("shop")
def test_a_deletion_is_refused_and_the_instance_is_still_there():
    aws = ReadOnlyAws(region=REGION)

    with pytest.raises(LabError, match="only calls Describe, Get and List"):
        aws.call("rds.delete_db_instance", {"DBInstanceIdentifier": "shop", "SkipFinalSnapshot": "true"})

    assert aws.call("rds.describe_db_instances", {})["DBInstances"][0]["DBInstanceStatus"] == "available"


@pytest.mark.usefixtures("account")
def test_a_secret_is_not_read():
    with pytest.raises(LabError, match="GetSecretValue"):
        ReadOnlyAws(region=REGION).call("secretsmanager.get_secret_value", {"SecretId": "shop"})


@pytest.mark.usefixtures("account")
def test_a_profile_that_takes_up_a_role_works_though_that_is_no_reading(tmp_path, monkeypatch):
    config = "[profile plain]\naws_access_key_id = testing\naws_secret_access_key = testing\n"
    config += f"[profile lab]\nrole_arn = arn:aws:iam::{ACCOUNT}:role/learner\nsource_profile = plain\n"
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    number, caller = identify(ReadOnlyAws("lab", REGION))

    assert number == ACCOUNT
    assert "assumed-role/learner" in caller


# The guard


@pytest.mark.usefixtures("account")
def test_an_account_that_nothing_marks_is_refused_and_what_to_do_is_said():
    with pytest.raises(LabError, match=ACCOUNT) as refused:
        training_account(ReadOnlyAws(region=REGION))

    assert "training=true" in str(refused.value)
    assert PARAMETER in str(refused.value)


@pytest.mark.usefixtures("marked")
def test_where_organizations_cannot_be_read_the_parameter_marks_the_account():
    found = training_account(ReadOnlyAws(region=REGION))

    assert (found.id, found.region) == (ACCOUNT, REGION)
    assert found.marked_by == f"the SSM parameter {PARAMETER}"


def test_a_parameter_that_says_something_else_marks_nothing(marked):
    marked.client("ssm").put_parameter(Name=PARAMETER, Value="false", Type="String", Overwrite=True)

    with pytest.raises(LabError, match="is not true"):
        training_account(ReadOnlyAws(region=REGION))


def test_the_tag_of_the_account_counts_and_no_parameter_overrules_that_it_lacks(marked):
    organizations = marked.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    try:
        with pytest.raises(LabError, match="does not carry the tag"):
            training_account(ReadOnlyAws(region=REGION))
        organizations.tag_resource(ResourceId=ACCOUNT, Tags=TAGS)
        assert training_account(ReadOnlyAws(region=REGION)).marked_by == "its tag training=true"
    finally:
        organizations.delete_organization()


@pytest.mark.usefixtures("marked")
def test_without_consent_nothing_is_begun(tmp_path):
    shown = []

    def no(account, estimate):
        shown.append((account.id, str(estimate.day)))
        return False

    with pytest.raises(LabError, match="Nothing was started"):
        create_real(LAB, tmp_path / "cloud", profile=None, region=REGION, agree=no)

    assert shown == [(ACCOUNT, "0.46")]
    assert not (tmp_path / "cloud").exists()


# The checks


@pytest.mark.usefixtures("shop")
def test_a_step_is_passed_by_what_describe_and_the_database_say(room):
    state = room.check("ann", "cloud", "create")

    assert (state.status, state.finding.check) == ("passed", "out")


@pytest.mark.usefixtures("shop")
def test_no_password_is_on_the_disk_or_in_the_journal(room, tmp_path):
    room.check("ann", "cloud", "create")

    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert files
    assert [path.name for path in files if WORD.encode() in path.read_bytes()] == []


def test_an_instance_without_the_tag_is_not_the_labs_and_is_named(room, shop):
    arn = shop.describe_db_instances()["DBInstances"][0]["DBInstanceArn"]
    shop.remove_tags_from_resource(ResourceName=arn, TagKeys=["training"])

    state = room.check("ann", "cloud", "create")

    assert (state.finding.status, state.finding.found) == ("not_yet", "nothing")
    assert "the tag training=true is not on it: shop" in state.finding.next


@pytest.mark.usefixtures("shop")
def test_the_bundle_that_the_learner_names_is_what_the_endpoint_is_held_against(room, account, monkeypatch):
    monkeypatch.setenv("PGDOJO_LAB_CA", str(account.ca))
    assert room.check("ann", "cloud", "create").status == "passed"
    conninfo = room.sandbox("cloud").conninfo("rds:shop")
    assert "sslmode=verify-full" in conninfo

    monkeypatch.delenv("PGDOJO_LAB_CA")

    assert "sslmode=require" in room.sandbox("cloud").conninfo("rds:shop")


@pytest.mark.usefixtures("shop")
def test_other_credentials_than_at_the_start_are_not_looked_with(room, tmp_path):
    file = next(tmp_path.rglob("away.json"))
    file.write_text(json.dumps({**json.loads(file.read_text()), "account": "999999999999"}))

    state = room.check("ann", "cloud", "create")

    assert state.finding.status == "could_not_check"
    assert "the lab was started on 999999999999" in state.finding.found


def test_an_account_out_of_reach_says_nothing_of_the_learner(room, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    assert room.check("ann", "cloud", "create").finding.status == "could_not_check"


def test_a_key_in_another_region_is_told_apart_by_its_own_tag_though_it_is_named_by_an_alias(room, account):
    kms = account.client("kms", "eu-west-1")
    ours = kms.create_key(Tags=[{"TagKey": "training", "TagValue": "true"}])["KeyMetadata"]["KeyId"]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/ours", TargetKeyId=ours)
    kms.create_alias(AliasName="alias/other", TargetKeyId=other)
    seen = room.sandbox("cloud").rds
    there = {"Region": "eu-west-1"}

    assert seen.call("kms.describe_key", {**there, "KeyId": "alias/ours"})["KeyMetadata"]["KeyId"] == ours
    assert seen.call("kms.get_key_rotation_status", {**there, "KeyId": "alias/ours"})["KeyRotationEnabled"] is False
    with pytest.raises(NotJudgedError, match="Add the tag training=true"):
        seen.call("kms.describe_key", {**there, "KeyId": "alias/other"})
    for one in (ours, other):
        kms.schedule_key_deletion(KeyId=one, PendingWindowInDays=7)


def test_events_of_the_account_are_those_of_the_labs_databases(room, shop):
    shop.create_db_instance(**{**INSTANCE, "DBInstanceIdentifier": "production"})
    shop.get_waiter("db_instance_available").wait(DBInstanceIdentifier="production")

    found = room.sandbox("cloud").rds.call("rds.describe_events", {"Duration": "60"})["Events"]

    shop.delete_db_instance(DBInstanceIdentifier="production", SkipFinalSnapshot=True)
    assert {one["SourceIdentifier"] for one in found} == {"shop"}


# The end


def test_a_lab_is_not_done_while_something_of_it_is_left(room, shop):
    shop.modify_db_instance(DBInstanceIdentifier="shop", DeletionProtection=True, ApplyImmediately=True)

    with pytest.raises(LabError, match="is not done: 1 left") as refused:
        room.stop("cloud")

    assert "aws rds modify-db-instance --db-instance-identifier shop --no-deletion-protection" in str(refused.value)
    assert "aws rds delete-db-instance --db-instance-identifier shop --skip-final-snapshot" in str(refused.value)
    assert room.sandbox("cloud") is not None
    shop.modify_db_instance(DBInstanceIdentifier="shop", DeletionProtection=False, ApplyImmediately=True)


def test_a_lab_of_which_nothing_is_left_is_done(room):
    room.stop("cloud")

    assert room.sandbox("cloud") is None


def test_a_lab_can_be_forgotten_where_nobody_can_look_any_more(room, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(NotJudgedError):
        room.stop("cloud")

    room.stop("cloud", forget=True)

    assert room.sandbox("cloud") is None


def test_all_that_is_billed_for_is_found_and_what_others_own_is_not(account):
    rds, kms, logs = account.client("rds"), account.client("kms"), account.client("logs")
    secrets = account.client("secretsmanager")
    rds.create_db_cluster(
        DBClusterIdentifier="big", Engine="aurora-postgresql", MasterUsername="dojo", MasterUserPassword=WORD, Tags=TAGS
    )
    rds.create_db_cluster_snapshot(DBClusterIdentifier="big", DBClusterSnapshotIdentifier="big-last", Tags=TAGS)
    key = kms.create_key(Tags=[{"TagKey": "training", "TagValue": "true"}])["KeyMetadata"]["KeyId"]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    secrets.create_secret(Name="word", SecretString="x", Tags=TAGS)
    secrets.create_secret(Name="not-ours", SecretString="x")
    logs.create_log_group(logGroupName="/aws/rds/instance/shop/postgresql")
    logs.create_log_group(logGroupName="/aws/rds/instance/production/postgresql")
    try:
        found = cleanup.leftovers(ReadOnlyAws(region=REGION), LAB)

        assert found.unseen == ()
        assert {(one.kind, one.name) for one in found.left} == {
            ("cluster", "big"),
            ("manual cluster snapshot", "big-last"),
            ("KMS key", key),
            ("secret", "word"),
            ("log group", "/aws/rds/instance/shop/postgresql"),
        }
    finally:
        rds.delete_db_cluster(DBClusterIdentifier="big", SkipFinalSnapshot=True)
        rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="big-last")
        for name in ("word", "not-ours"):
            secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        for name in ("shop", "production"):
            logs.delete_log_group(logGroupName=f"/aws/rds/instance/{name}/postgresql")
        for one in (key, other):
            kms.schedule_key_deletion(KeyId=one, PendingWindowInDays=7)
    assert cleanup.leftovers(ReadOnlyAws(region=REGION), LAB).left == ()


# In a terminal


@pytest.fixture
def pgdojo(marked, tmp_path):  # noqa: ARG001  # the account must be marked first
    environment = {**os.environ, "PGDOJO_LABS": str(tmp_path / "labs")}
    environment["PGDOJO_DATABASE_URL"] = f"sqlite:///{tmp_path}/terminal.sqlite3"

    def _run(*words, typed=""):
        command = [sys.executable, "-m", "pgdojo", "--course", str(ROOT), "lab", *words]
        return subprocess.run(command, input=typed, capture_output=True, text=True, check=False, env=environment)

    return _run


def test_a_terminal_shows_account_and_cost_and_asks_before_it_begins(pgdojo):
    refused = pgdojo("start", "rds-multi-az", "--aws", "real", "--region", REGION, typed="n\n")

    assert refused.returncode == 1
    assert f"Account {ACCOUNT} in {REGION}" in refused.stdout
    assert "if forgotten for a day" in refused.stdout

    begun = pgdojo("start", "rds-multi-az", "--aws", "real", "--region", REGION, "--yes")

    assert begun.returncode == 0, begun.stderr
    assert "aws rds create-db-instance --db-instance-identifier shop" in begun.stdout
    assert "--tags Key=training,Value=true" in begun.stdout
    assert "only-for-this-lab" not in begun.stdout
    assert "Nothing of the lab is left" in pgdojo("stop", "rds-multi-az").stdout


def test_a_terminal_checks_what_is_pasted(pgdojo, shop, tmp_path):
    file = tmp_path / "answer.json"
    shop.modify_db_instance(DBInstanceIdentifier="shop", EnableIAMDatabaseAuthentication=True, ApplyImmediately=True)
    file.write_text(json.dumps(shop.describe_db_instances()["DBInstances"], default=str))
    pgdojo("start", "rds-secrets", "--aws", "paste")

    told = pgdojo("check", "rds-secrets", "iam-on", "--paste", str(file))

    assert told.returncode == 1
    assert "no answer to rds.describe_db_instances" in told.stdout

    told = pgdojo("check", "rds-secrets", "iam-on", "--paste", "-", typed=f'{{"DBInstances": {file.read_text()}}}')

    assert told.returncode == 1
    assert "master-unchanged: could not check" in told.stdout
    assert "line 1, column 2" in pgdojo("check", "rds-secrets", "iam-on", "--paste", "-", typed="{").stderr
    assert "not looked whether" in pgdojo("stop", "rds-secrets").stdout


# On a page


def test_on_a_page_a_step_is_checked_by_what_is_pasted_and_offers_no_button_that_would_write(tmp_path, monkeypatch):
    import fakes
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    from pgdojo.web import resources, server

    with Journal.open(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        made = {
            "label": "Create shop",
            "aws": "rds.create_db_instance",
            "params": {**INSTANCE, "AllocatedStorage": "20"},
        }
        step = {
            **LAB.steps[0].model_dump(by_alias=True, exclude_defaults=True),
            "actions": [made],
            "checks": CHECKS[:1],
        }
        lab = Lab.model_validate({**LAB.model_dump(by_alias=True, exclude_defaults=True), "steps": [step]})
        dojo = fakes.FakeDojo(journal, labs={"cloud": lab}, home=tmp_path / "labs")
        monkeypatch.setattr(resources, "_open_course", lambda _report: dojo)
        st.cache_resource.clear()
        dojo.labs.start("local", "cloud", owner=None, away=create_paste)
        page = AppTest.from_file(str(server.MAIN), default_timeout=60).run().switch_page("app_pages/labs.py")
        page.query_params["lab"] = "cloud"
        page.run()

        commands = [one.value for one in page.code]
        assert any(one.endswith("--tags Key=training,Value=true") and WORD not in one for one in commands)
        assert "aws rds describe-db-instances --output json" in commands
        assert [one.key for one in page.button if one.key and one.key.startswith("lab_action")] == []

        answer = {"DBInstances": [{"DBInstanceIdentifier": "shop", "DBInstanceStatus": "available"}]}
        page.text_area(key="lab_paste_create").input(json.dumps(answer))
        page.button(key="lab_paste_check_create").click().run()

        assert not page.exception
        assert [state.status for state in dojo.labs.steps("local", "cloud")] == ["passed"]
        dojo.labs.stop("cloud")
        st.cache_resource.clear()
