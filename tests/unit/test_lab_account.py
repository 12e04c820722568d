"""A lab on an account or by pasting: what may be called, what is told apart, what is hidden, and what it costs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

botocore_session = pytest.importorskip("botocore.session")
pytest.importorskip("psycopg")

from pgdojo.course.lab_records import AwsCheck, Command, ConnectCheck, Lab, Operation  # noqa: E402
from pgdojo.course.labs import load_labs  # noqa: E402
from pgdojo.errors import LabError, UsageError  # noqa: E402
from pgdojo.lab.real import NotJudgedError, paste  # noqa: E402
from pgdojo.lab.real.commands import as_command, for_account, shape_of, to_copy  # noqa: E402
from pgdojo.lab.real.costs import estimate, load_prices  # noqa: E402
from pgdojo.lab.real.login import Login  # noqa: E402
from pgdojo.lab.real.readonly import must_read  # noqa: E402
from pgdojo.lab.real.sandbox import PasteSandbox, RealSandbox, create_paste  # noqa: E402
from pgdojo.lab.real.tags import is_tagged, names_in, only_tagged  # noqa: E402
from pgdojo.lab.runner import LabRoom, run_checks  # noqa: E402
from pgdojo.learner.journal import Journal  # noqa: E402

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
AWS_LABS = [lab for lab in load_labs(ROOT).values() if "aws" in lab.needs and not lab.sandbox.servers]
AWS_CHECKS = [
    pytest.param(check, id=f"{lab.id} {check.id}")
    for lab in AWS_LABS
    for step in lab.steps
    for check in step.checks
    if isinstance(check, AwsCheck)
]
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HINTS = {"nudge": "Look.", "pointer": "facts#heat", "partial": "Ask.", "solution": "Create it."}
CREATED = {
    "aws": "rds.create_db_instance",
    "params": {
        "DBInstanceIdentifier": "shop",
        "Engine": "postgres",
        "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": "20",
        "MasterUsername": "dojo",
        "MasterUserPassword": "printed-in-the-lab",
        "MultiAZ": "true",
    },
}


def aws_check(name="there", **more):
    path = "DBInstances[?DBInstanceIdentifier=='shop'].DBInstanceStatus | [0]"
    told = {"why": "So.", "next": "Create it.", "expect": {"equals": "available"}}
    return {"kind": "aws", "id": name, "call": "rds.describe_db_instances", "path": path, **told, **more}


def sql_check(name="rows", run="SELECT 1", **more):
    told = {"why": "So.", "next": "Write.", "expect": {"equals": "1"}}
    return {"kind": "sql", "id": name, "on": "rds:shop", "run": run, **told, **more}


def a_step(name, *checks, solution=(CREATED,)):
    told = {"title": name, "why": "So.", "do": "Do.", "cites": ["facts#heat"], "hints": HINTS}
    return {"id": name, **told, "checks": list(checks), "solution": list(solution)}


def a_lab(*steps, **more):
    head = {"id": "cloud", "rev": 1, "title": "Cloud", "summary": "Up.", "topic": "ha", "order": 1, "level": "apply"}
    rest = {"objectives": ["ha-heat"], "cites": ["facts#heat"], "as_of": "2026-11", "review_by": "2027-10"}
    return Lab.model_validate({**head, **rest, "minutes": 30, "needs": ["aws"], "steps": list(steps), **more})


LAB = a_lab(
    a_step("create", aws_check()),
    a_step("write", aws_check(), sql_check()),
    a_step("again", aws_check()),
)
DESCRIBED = {"DBInstances": [{"DBInstanceIdentifier": "shop", "DBInstanceStatus": "available"}]}


@pytest.fixture
def journal(tmp_path):
    with Journal.open(f"sqlite:///{tmp_path}/journal.sqlite3", clock=lambda: NOON) as opened:
        yield opened.lab


@pytest.fixture
def room(tmp_path, journal):
    made = LabRoom({"cloud": LAB}, journal, tmp_path / "home", lambda: NOON)
    made.start("ann", "cloud", owner=None, away=create_paste)
    return made


# Only reading


@pytest.mark.parametrize("check", AWS_CHECKS)
def test_every_check_of_every_lab_only_describes_gets_or_lists(check):
    service, _, method = check.call.partition(".")
    model = botocore_session.Session().get_service_model(service)

    operation = "".join(part.title() for part in method.split("_"))

    assert operation.startswith(("Describe", "Get", "List"))
    assert operation.lower() in {name.lower() for name in model.operation_names}
    must_read(operation)


@pytest.mark.parametrize("check", AWS_CHECKS)
def test_what_every_check_of_every_lab_finds_can_be_told_apart_by_its_tag(check):
    kept, left = only_tagged(
        check.call, check.params, {}, shape_of(check.call, output=True), lambda: names_in(check.params)
    )

    assert left == ()
    assert all(value == [] for value in kept.values())


@pytest.mark.parametrize(
    "operation",
    "DeleteDBInstance CreateDBInstance ModifyDBInstance RebootDBInstance PutSecretValue ExecuteStatement "
    "GetSecretValue GetSessionToken AssumeRole describe Undescribed".split(),
)
def test_what_writes_or_hands_out_a_secret_is_refused_by_its_name(operation):
    with pytest.raises(LabError, match=f"does not call {operation}"):
        must_read(operation)


def test_every_lab_on_aws_has_a_price_for_all_that_it_makes():
    for lab in AWS_LABS:
        told = estimate(lab)

        assert Decimal(0) < told.lab < told.day


# Tags


@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": "training", "Value": "true"}],
        [{"TagKey": "training", "TagValue": "true"}],
        {"training": "true"},
    ],
)
def test_the_tag_is_known_however_a_service_writes_it(tags):
    assert is_tagged(tags)


@pytest.mark.parametrize(
    "tags", [None, [], {}, [{"Key": "training", "Value": "false"}], [{"Key": "Training", "Value": "true"}]]
)
def test_what_is_not_tagged_so_is_not_the_labs(tags):
    assert not is_tagged(tags)


def test_an_instance_without_the_tag_is_left_out_and_named():
    tagged = {"DBInstanceIdentifier": "shop", "TagList": [{"Key": "training", "Value": "true"}]}
    answer = {"DBInstances": [tagged, {"DBInstanceIdentifier": "production", "TagList": []}]}

    kept, left = only_tagged(
        "rds.describe_db_instances", {}, answer, shape_of("rds.describe_db_instances", output=True), set
    )

    assert kept == {"DBInstances": [tagged]}
    assert left == ("production",)


def test_events_are_those_of_tagged_databases():
    answer = {"Events": [{"SourceIdentifier": "shop"}, {"SourceIdentifier": "production"}]}

    shape = shape_of("rds.describe_events", output=True)

    kept, _ = only_tagged("rds.describe_events", {}, answer, shape, lambda: {"shop"})

    assert kept == {"Events": [{"SourceIdentifier": "shop"}]}


def test_an_answer_that_does_not_say_whose_it_is_is_judged_by_nobody():
    with pytest.raises(NotJudgedError, match="belongs to the lab"):
        only_tagged("kms.list_keys", {}, {"Keys": []}, shape_of("kms.list_keys", output=True), set)


def test_an_answer_about_a_tagged_thing_by_its_name_is_the_labs():
    call, answer = "rds.describe_db_snapshot_attributes", {"DBSnapshotAttributesResult": {}}

    assert only_tagged(call, {"DBSnapshotIdentifier": "a"}, answer, shape_of(call, output=True), lambda: {"a"}) == (
        answer,
        (),
    )
    with pytest.raises(NotJudgedError, match="Add the tag training=true"):
        only_tagged(call, {"DBSnapshotIdentifier": "b"}, answer, shape_of(call, output=True), lambda: {"a"})


# Commands


def test_a_button_becomes_a_command_with_the_tag_and_without_the_printed_password():
    text, language = to_copy(Operation.model_validate(CREATED))

    assert language == "bash"
    assert text == (
        "aws rds create-db-instance --db-instance-identifier shop --engine postgres --db-instance-class db.t4g.micro "
        '--allocated-storage 20 --master-username dojo --master-user-password "$PGDOJO_LAB_PASSWORD" --multi-az '
        "--tags Key=training,Value=true"
    )


def test_a_value_with_a_quote_stays_one_word_of_the_shell():
    text = as_command("rds.describe_events", {"SourceIdentifier": "a'; rm -rf x", "Duration": "60"})

    assert text == """aws rds describe-events --source-identifier 'a'"'"'; rm -rf x' --duration 60"""


def test_a_command_of_a_step_gets_the_tag_and_loses_the_printed_password():
    run = "aws rds create-db-instance --db-instance-identifier shop --master-user-password printed --multi-az"
    command = Command.model_validate({"in": "shell", "run": run})

    assert for_account(command) == (
        "aws rds create-db-instance --db-instance-identifier shop "
        '--master-user-password "$PGDOJO_LAB_PASSWORD" --multi-az --tags Key=training,Value=true'
    )


def test_no_command_that_is_shown_for_an_account_holds_a_password_of_a_lab():
    shown = [to_copy(action)[0] for lab in AWS_LABS for step in lab.steps for action in step.actions if action.aws]
    shown += [for_account(command) for lab in AWS_LABS for step in lab.steps for command in step.commands]
    printed = {
        one.params["MasterUserPassword"]
        for lab in AWS_LABS
        for step in lab.steps
        for one in (*step.actions, *step.solution)
        if "MasterUserPassword" in one.params
    }

    assert printed
    assert [(text, word) for text in shown for word in printed if f"password {word}" in text] == []


def test_no_command_that_is_shown_shares_with_an_account_that_a_lab_prints():
    params = {"DBSnapshotIdentifier": "s", "AttributeName": "restore", "ValuesToAdd": ["111122223333"]}

    assert as_command("rds.modify_db_snapshot_attribute", params).endswith('--values-to-add "$OTHER_ACCOUNT"')


def test_a_call_to_another_region_says_so():
    assert as_command("rds.describe_db_snapshots", {"Region": "eu-west-1"}) == (
        "aws rds describe-db-snapshots --region eu-west-1"
    )


# Costs


def test_an_estimate_counts_both_zones_and_the_storage_of_both():
    lab = a_lab(a_step("create", aws_check()))

    told = estimate(lab)

    # 2 x 0.016 an hour, and 2 x 20 GB at 0.115 a month of 730 hours: 0.0383; half an hour, and 24.
    assert (told.lab, told.day) == (Decimal("0.02"), Decimal("0.92"))
    assert told.assumed
    assert "about USD 0.02 for 30 minutes, USD 0.92 if forgotten for a day" in told.in_words()
    assert "as of 2026-06" in told.in_words()


def test_a_minute_is_billed_as_ten():
    lab = a_lab(a_step("create", aws_check()), minutes=1)

    assert estimate(lab, {**load_prices(), "minimum_minutes": "60"}).lab == Decimal("0.04")


def test_what_has_no_price_is_named_and_not_guessed():
    made = {**CREATED, "params": {**CREATED["params"], "DBInstanceClass": "db.x9.huge"}}

    with pytest.raises(LabError, match=r"no price for postgres on db\.x9\.huge"):
        estimate(a_lab(a_step("create", aws_check(), solution=[made])))


def test_every_price_has_a_date_a_source_and_a_fact_or_says_that_it_is_assumed():
    prices = load_prices()
    rows = [*prices["hours"], *prices["gb_month"], prices["acu_hour"], prices["secret_month"]]

    assert [row for row in rows if not (row["as_of"] and row["source"].startswith("https://aws.amazon.com/"))] == []
    assert [row for row in rows if ("cites" in row) == ("assumed" in row)] == []


def test_every_fact_behind_a_price_holds_its_number():
    from pgdojo.course.load import load_course

    facts = {fact.id: fact.text for fact in load_course(ROOT).facts}
    prices = load_prices()
    rows = [*prices["hours"], *prices["gb_month"], prices["acu_hour"], prices["secret_month"]]

    cited = [row for row in rows if "cites" in row]

    assert cited
    assert [row for row in cited if f"USD {row['usd']}" not in facts[row["cites"]]] == []


# Pasting


def test_several_answers_are_read_one_after_another():
    assert paste.read('{"DBInstances": []}\n\n{"Events": []}\n') == ({"DBInstances": []}, {"Events": []})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"DBInstances": [\n  {"a": 1,}\n]}', r"line 2, column 11"),
        ('{"a": 1}\n{"b": ', r"line 2, column \d"),
        ("", "Nothing was pasted"),
        ("DBInstances:\n- Status: available\n", "the output yaml"),
        ("-----------\n|  Describe  |\n+----+", "the output table"),
        ("DBINSTANCES\tshop\tavailable", "the output text"),
        ('"available"', "the output text"),
    ],
)
def test_what_is_no_json_is_told_where_and_what_to_do(text, told):
    with pytest.raises(UsageError, match=told) as refused:
        paste.read(text)

    assert "--output json" in str(refused.value)


def test_a_message_about_bad_json_repeats_nothing_of_it():
    with pytest.raises(UsageError) as refused:
        paste.read('{"MasterUserPassword": "s3cret-word" "x"}')

    assert "s3cret" not in str(refused.value)


def test_nothing_secret_of_what_is_pasted_is_kept():
    secret = "hunter2-hunter2"
    given = {
        "MasterUserPassword": secret,
        "SecretString": json.dumps({"username": "dojo", "password": secret}),
        "Credentials": {"SecretAccessKey": secret, "SessionToken": secret, "AccessKeyId": "ASIAQWERTYUIOP123456"},
        "PendingModifiedValues": {"MasterUserPassword": secret},
        "Note": f"password={secret} and postgresql://dojo:{secret}@host/db by AKIAQWERTYUIOP123456",
        "Arn": "arn:aws:rds:eu-central-1:123456789012:db:shop",
        "arn:aws:rds:eu-central-1:123456789012:db:shop": "key",
        "AccountId": 123456789012,
    }

    (kept,) = paste.read(json.dumps(given))

    text = json.dumps(kept)
    assert [word for word in (secret, "123456789012", "QWERTYUIOP") if word in text] == []
    assert kept["Arn"] == "arn:aws:rds:eu-central-1:000000000000:db:shop"


def test_what_checks_look_at_is_kept_though_it_sounds_secret():
    given = {
        "MasterUserSecret": {"SecretStatus": "active", "SecretArn": "arn:aws:secretsmanager:eu-central-1:1:secret:x"}
    }

    assert paste.read(json.dumps(given)) == (given,)


def test_the_parameters_of_a_check_pick_from_what_is_pasted():
    answers = paste.read(json.dumps({"Events": [{"SourceIdentifier": "shop"}, {"SourceIdentifier": "other"}]}))

    found = paste.PastedAws(answers).call("rds.describe_events", {"SourceIdentifier": "shop", "Duration": "1440"})

    assert found == {"Events": [{"SourceIdentifier": "shop"}]}


def regional(region):
    return {"DBSnapshots": [{"DBSnapshotArn": f"arn:aws:rds:{region}:1:snapshot:s", "DBSnapshotIdentifier": region}]}


def test_answers_of_two_regions_are_told_apart_by_their_arns():
    asked = [("rds.describe_db_snapshots", None), ("rds.describe_db_snapshots", "eu-west-1")]
    aws = paste.PastedAws((regional("eu-west-1"), regional("eu-central-1")), asked)

    assert aws.call("rds.describe_db_snapshots", {}) == regional("eu-central-1")
    assert aws.call("rds.describe_db_snapshots", {"Region": "eu-west-1"}) == regional("eu-west-1")


def test_an_answer_of_one_region_passes_for_no_other():
    asked = [("rds.describe_db_snapshots", None), ("rds.describe_db_snapshots", "eu-west-1")]

    for answer in (regional("eu-central-1"), {"DBSnapshots": []}):
        with pytest.raises(NotJudgedError, match="--region eu-west-1 --output json"):
            paste.PastedAws((answer,), asked).call("rds.describe_db_snapshots", {"Region": "eu-west-1"})


def test_an_answer_about_another_snapshot_is_none():
    call, answer = "rds.describe_db_snapshot_attributes", {"DBSnapshotAttributesResult": {"DBSnapshotIdentifier": "a"}}

    with pytest.raises(NotJudgedError, match="--db-snapshot-identifier b"):
        paste.PastedAws((answer,)).call(call, {"DBSnapshotIdentifier": "b"})


def test_an_answer_to_another_call_is_not_judged_and_the_command_is_told():
    with pytest.raises(NotJudgedError, match="aws rds describe-db-instances --output json"):
        paste.PastedAws(({"Events": []},)).call("rds.describe_db_instances", {})


def test_a_pasted_answer_passes_a_step_and_is_marked_as_pasted(room, journal):
    state = room.check("ann", "cloud", "create", pasted=json.dumps(DESCRIBED))

    assert state.status == "passed"
    assert "By what was pasted" in state.finding.say
    (stored,) = journal.checks("ann", "cloud")
    assert stored.evidence["aws"] == "paste"


def test_sql_never_passes_by_pasting_and_holds_nobody_up(room):
    room.check("ann", "cloud", "create", pasted=json.dumps(DESCRIBED))

    state = room.check("ann", "cloud", "write", pasted=json.dumps({**DESCRIBED, "rows": 1}))

    assert (state.status, state.finding.status, state.finding.check) == ("open", "could_not_check", "rows")
    assert "cannot be checked by pasting" in state.finding.say
    assert [one.status for one in room.steps("ann", "cloud")] == ["passed", "open", "open"]


def test_a_wrong_answer_is_told_as_ever(room):
    state = room.check("ann", "cloud", "create", pasted='{"DBInstances": []}')

    assert (state.finding.status, state.finding.found) == ("not_yet", "nothing")


def test_without_anything_pasted_the_check_says_what_to_paste(room):
    state = room.check("ann", "cloud", "create")

    assert state.finding.status == "could_not_check"
    assert "aws rds describe-db-instances --output json" in state.finding.found


def test_what_cannot_be_read_is_stored_nowhere(room, journal):
    with pytest.raises(UsageError, match="line 1"):
        room.check("ann", "cloud", "create", pasted='{"MasterUserPassword": ')

    assert list(journal.checks("ann", "cloud")) == []


def test_account_ids_are_in_no_evidence(room, journal):
    lab = a_lab(a_step("create", aws_check(path="DBInstances[0].DBInstanceArn", expect={"matches": "^arn:aws:rds"})))
    room.labs["cloud"] = lab
    arn = "arn:aws:rds:eu-central-1:123456789012:db:shop"

    state = room.check("ann", "cloud", "create", pasted=json.dumps({"DBInstances": [{"DBInstanceArn": arn}]}))

    assert state.finding.status == "passed"
    assert "123456789012" not in json.dumps(journal.checks("ann", "cloud")[0].evidence)


def test_another_account_id_than_the_labs_makes_no_difference(room):
    room.labs["cloud"] = a_lab(
        a_step("create", aws_check(path="DBInstances[0].Owner", expect={"equals": "111122223333"}))
    )

    state = room.check("ann", "cloud", "create", pasted='{"DBInstances": [{"Owner": "444455556666"}]}')

    assert state.finding.status == "passed"


def test_a_lab_with_servers_of_its_own_is_not_done_elsewhere(tmp_path):
    lab = a_lab(a_step("create", aws_check()), sandbox={"servers": [{"name": "primary"}]})

    with pytest.raises(LabError, match="servers of this machine"):
        create_paste(lab, tmp_path)


def test_a_running_lab_is_not_started_elsewhere_beside(room):
    with pytest.raises(UsageError, match="started already"):
        room.start("ann", "cloud", owner=None, away=create_paste)


# What an account cannot show

TOLD = {"expect": {"equals": "1"}, "why": "w", "next": "n"}


def real(tmp_path, region="eu-central-1", login=lambda: None):
    place = {"lab": "cloud", "mode": "real", "profile": None, "region": region, "account": "123456789012"}
    (tmp_path / "away.json").write_text(json.dumps(place))
    return RealSandbox(tmp_path, login)


def first(lab):
    return lab.steps[0].checks[0]


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (aws_check(expect={"equals": "eu-central-1b"}), "AWS chooses its own"),
        (aws_check(expect={"matches": r"^arn:aws:rds:eu-west-1:\d+"}), "Region eu-west-1"),
        (aws_check(expect={"equals": "111122223333"}), "share nothing with it"),
        (aws_check(call="cloudwatch.get_metric_statistics", path="x"), "only the simulator has"),
        (sql_check(run="SELECT count(*) FROM pg_stat_replication"), "does not see the standby"),
        (sql_check(run="SELECT count(*) FROM client_ledger"), "writes nothing there"),
        ({"kind": "file", "id": "f", "path": "ledger.json", **TOLD}, "not on"),
        ({"kind": "log", "id": "f", "on": "rds:shop", "matches": "x", **TOLD}, "not on"),
        ({"kind": "connect", "id": "c", "to": "rds:shop", "password": "printed", **TOLD}, "printed in the lab"),
    ],
)
def test_what_is_true_of_the_simulator_alone_is_not_held_against_the_learner(tmp_path, check, told):
    sandbox = real(tmp_path)

    assert told in sandbox.why_not(first(a_lab(a_step("s", check))))


def test_a_check_of_the_labs_own_region_is_made(tmp_path):
    check = first(a_lab(a_step("s", aws_check(expect={"matches": r"^arn:aws:rds:eu-central-1:\d+"}))))

    assert real(tmp_path).why_not(check) == ""


def test_without_a_user_of_the_database_sql_is_not_checked_and_the_variables_are_named(tmp_path):
    findings = run_checks(a_lab(a_step("s", sql_check())).steps[0], real(tmp_path))

    assert [one.status for one in findings] == ["could_not_check"]
    assert "PGDOJO_LAB_USER and PGDOJO_LAB_PASSWORD" in findings[0].say


def test_nothing_is_done_on_an_account_by_a_button(tmp_path):
    for sandbox in (real(tmp_path), PasteSandbox(tmp_path)):
        with pytest.raises(LabError, match="Copy the command"):
            sandbox.perform(Operation.model_validate(CREATED))


def test_a_password_is_in_no_text_of_the_login():
    assert "hunter2" not in repr(Login("dojo", "hunter2"))


def test_a_connection_names_no_other_host_and_no_file(tmp_path):
    check = ConnectCheck.model_validate({"kind": "connect", "id": "c", "to": "rds:shop", **TOLD})
    sandbox = real(tmp_path, login=lambda: Login("dojo", "word"))
    assert sandbox.why_not(check) == ""

    for option in ("host", "sslkey", "passfile"):
        with pytest.raises(NotJudgedError, match="meant for the simulator"):
            sandbox.conninfo("rds:shop", **{option: "x"})
