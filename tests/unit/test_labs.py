"""Labs as authors write them: read with every fault in its place, judged, and compared with what is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace

import pytest

from pgdojo.course.banks import Quizzes
from pgdojo.course.lab_records import AwsCheck, Condition, FileCheck, LogCheck
from pgdojo.course.labs import is_one_statement, judge, load_labs, past_review, read_labs
from pgdojo.errors import CourseError, LabError
from pgdojo.lab import checks
from pgdojo.lab.checks import meets, redact, run_check, same

TODAY = date(2026, 11, 27)
LAB = """\
id: oven
rev: 1
title: Heat the oven
summary: You heat it and look.
topic: ha
order: 3
level: apply
minutes: 10
objectives: [ha-heat]
cites: [facts#heat]
as_of: "2026-04"
review_by: "2027-09"
debrief: [heat-1, heat-2]
sandbox:
  servers:
    - {name: primary}
    - {name: standby, follows: primary}
  setup:
    - {on: primary, sql: "CREATE TABLE orders (id int)"}
steps:
  - id: light
    title: Light it
    why: It is cold.
    do: Light it.
    cites: [facts#heat]
    checks:
      - id: lit
        kind: sql
        on: primary
        run: "SELECT count(*) FROM orders"
        expect: {at_least: 1}
        why: It must burn.
        next: Look at the flame.
        when:
          - {found: {equals: 0}, status: not_yet, say: It is not lit.}
    hints: {nudge: Look., pointer: facts#heat, partial: Strike., solution: Strike a match.}
    solution:
      - {on: primary, sql: "INSERT INTO orders VALUES (1)"}
  - id: bake
    title: Bake
    why: One is hungry.
    do: Bake.
    cites: [facts#heat]
    checks:
      - id: baked
        kind: log
        on: standby
        matches: bread
        expect: {at_least: 1}
        why: It must be done.
        next: Look inside.
        when:
          - {found: {equals: 0}, status: misconfigured, say: It is raw.}
    hints: {nudge: Look., pointer: facts#heat, partial: Wait., solution: Wait an hour.}
    solution:
      - {do: promote, on: standby}
mutants:
  - name: No match
    at: light
    do: []
    expect: {step: light, check: lit, status: not_yet, says: not lit}
  - name: No bread
    at: bake
    do: []
    expect: {step: bake, check: baked, status: misconfigured}
"""
QUIZZES = Quizzes(
    objectives={"ha-heat": SimpleNamespace(id="ha-heat")},
    items={name: SimpleNamespace(status="published") for name in ("heat-1", "heat-2")},
)


def write(root, text=LAB, folder="oven"):
    path = root / "labs" / folder / "lab.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return root


def faults_of(root, old="", new=""):
    assert old in LAB
    written = read_labs(write(root, LAB.replace(old, new, 1) if old else LAB))
    found = judge(written, lambda name: name if name == "facts#heat" else None, QUIZZES, TODAY)
    return [str(fault) for fault in found]


# Reading


def test_labs_come_in_their_order(tmp_path):
    write(tmp_path)
    write(tmp_path, LAB.replace("id: oven", "id: stove").replace("order: 3", "order: 1"), "stove")

    assert list(load_labs(tmp_path)) == ["stove", "oven"]


def test_a_course_without_labs_has_none(tmp_path):
    assert load_labs(tmp_path) == {}


def line_of(text):
    return LAB[: LAB.index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("level: apply", "level: applied", "level: apply", "oven, field level: "),
        (
            'run: "SELECT count(*) FROM orders"',
            'runs: "SELECT count(*) FROM orders"',
            'run: "SELECT count',
            "oven, step light, field checks.0.runs: the field is not known here.",
        ),
        ("kind: log", "kind: lock", "- id: baked", "oven, step bake, field checks.0: "),
        ("matches: bread", "matches: '('", "matches: bread", "oven, step bake, field checks.0.matches: "),
        ("{do: promote, on: standby}", "{do: demote}", "- {do: promote", "step bake, field solution.0: there is no op"),
        ("on: primary, sql", "on: Primary 1, sql", "- {on: primary", "oven, field sandbox.setup.0.on: "),
    ],
)
def test_a_fault_is_told_with_its_file_line_step_and_field(tmp_path, old, new, line, says):
    assert old in LAB

    with pytest.raises(CourseError) as refused:
        load_labs(write(tmp_path, LAB.replace(old, new, 1)))

    assert any(
        str(fault).startswith(f"labs/oven/lab.yaml, line {line_of(line)}, ") and says in str(fault)
        for fault in refused.value.faults
    ), [str(fault) for fault in refused.value.faults]


def test_all_faults_of_all_labs_are_told_at_once(tmp_path):
    write(tmp_path, LAB.replace("rev: 1", "rev: 0").replace("order: 3", "order: x"))
    write(tmp_path, "- not\n- a lab\n", "other")

    with pytest.raises(CourseError) as refused:
        load_labs(tmp_path)

    assert [(fault.file, fault.field) for fault in refused.value.faults] == [
        ("labs/other/lab.yaml", ""),
        ("labs/oven/lab.yaml", "rev"),
        ("labs/oven/lab.yaml", "order"),
    ]


def test_an_id_that_stands_twice_is_a_fault(tmp_path):
    write(tmp_path)
    write(tmp_path, folder="twin")

    with pytest.raises(CourseError, match=r"the id is taken by labs/oven/lab\.yaml"):
        load_labs(tmp_path)


# Judging


def test_a_sound_lab_has_no_fault(tmp_path):
    assert faults_of(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("id: oven", "id: owen", "the id is not that of the folder, oven."),
        ("[ha-heat]", "[ha-heath]", "there is no objective ha-heath. Did you mean ha-heat?"),
        ("debrief: [heat-1, heat-2]", "debrief: [heat-1]", "there are 1 items, and a debrief has 2."),
        ("debrief: [heat-1, heat-2]", "debrief: [heat-1, cold]", "there is no published quiz item cold."),
        ("minutes: 10", "minutes: 1", "1 minutes are less than one a step."),
        ('review_by: "2027-09"', 'review_by: "2028-02"', "2028-02 is more than twelve months ahead."),
        ('review_by: "2027-09"', 'review_by: "2026-02"', "2026-02 does not come after as_of, 2026-04."),
        ("cites: [facts#heat]\nas_of", "cites: [facts#cold]\nas_of", "there is no passage facts#cold."),
        ("pointer: facts#heat", "pointer: facts#cold", "there is no passage facts#cold."),
        ("say: It is raw.", "say: It is raw., cites: [facts#cold]", "there is no passage facts#cold."),
        ("- id: bake", "- id: light", "the step light stands 2 times."),
        ("title: Bake", "title: Bake\n    after: [knead]", "there is no step knead."),
        ("title: Light it", "title: Light it\n    after: [bake]", "steps wait for one another in a circle."),
        (
            "at_least: 1}\n        why: It must be done",
            "}\n        why: It must be done",
            "the condition is empty, so anything would pass.",
        ),
        (
            "        when:\n          - {found: {equals: 0}, status: misconfigured, say: It is raw.}\n",
            "",
            "no check has a cause under when",
        ),
        ("FROM orders\"\n        expect", "FROM orders; SELECT 1\"\n        expect", "a check runs one statement"),
        ("follows: primary", "follows: primus", "there is no server primus."),
        ("on: standby\n", "on: standbye\n", "there is no server standbye. Did you mean standby?"),
        ("{do: promote, on: standby}", "{do: rejoin, on: standby, to: third}", "there is no server third."),
        ("on: standby\n", "on: rds:shop\n", "rds:shop is a server of the small RDS"),
        ("name: standby, ", "name: primary, ", "the name primary stands 2 times."),
        ("debrief:", "needs: [aws]\ndebrief:", "a lab that needs aws has no servers of its own"),
        ("at: bake", "at: eat", "there is no step eat."),
        ("check: baked", "check: burnt", "the step bake has no check burnt."),
        ("status: misconfigured}", "status: passed}", "a mistake must not pass."),
        (LAB[LAB.index("  - name: No match") : LAB.index("  - name: No bread")], "", "there are 1, and a lab"),
    ],
)  # fmt: skip
def test_each_rule_names_what_breaks_it(tmp_path, old, new, says):
    found = faults_of(tmp_path, old, new)

    assert any(says in fault for fault in found), found


def test_a_server_that_a_restore_makes_is_known(tmp_path):
    change = "{do: restore, from: sunday, to: copy}\n      - {do: stop, on: copy}"

    assert faults_of(tmp_path, "{do: promote, on: standby}", change) == []


def test_a_fault_of_a_rule_has_its_line_and_its_step(tmp_path):
    [fault] = faults_of(tmp_path, "on: standby\n", "on: standbye\n")

    assert fault.startswith(
        f"labs/oven/lab.yaml, line {line_of('on: standby' + chr(10))}, oven, step bake, field checks.0.on: "
    )


def test_a_lab_past_its_review_is_named(tmp_path):
    labs = load_labs(write(tmp_path))

    assert past_review(labs, date(2027, 9, 30)) == []
    assert past_review(labs, date(2027, 10, 1)) == ["oven"]


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1", "SELECT 1;", "SELECT ';'", "SELECT 'it''s;'", 'SELECT ";"', "SELECT $$;$$", "SELECT $a$;$$;$a$",
     "SELECT 1 -- one; two", "SELECT /* ; */ 1 ;  "],
)  # fmt: skip
def test_a_semicolon_that_ends_nothing_is_fine(sql):
    assert is_one_statement(sql)


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SELECT ';'; DROP TABLE x;", "SELECT $$a$$; SELECT $$b$$"])
def test_two_statements_are_seen(sql):
    assert not is_one_statement(sql)


# Conditions


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("3", "3.0", True),
        ("1e3", "1000", True),
        ("t", "true", True),
        ("False", "f", True),
        ("true", "false", False),
        ("on", "on", True),
        ("on", "true", False),
        ("10", "9", False),
        ("null", "", False),
        ("nan", "nan", True),
        (" a", "a ", True),
    ],
)
def test_values_are_compared_as_what_they_are(one, other, equal):
    assert same(one, other) is equal


def look(*rows, **more):
    return checks._Look(value=rows[0] if rows else None, rows=rows, **more)


@pytest.mark.parametrize(
    ("seen", "condition", "met"),
    [
        (look("10"), {"at_least": 9}, True),
        (look("9"), {"at_least": 10}, False),
        (look("0.83"), {"at_most": 0.83}, True),
        (look("ten"), {"at_least": 1}, False),
        (look(), {"at_least": 0}, False),
        (look("a"), {"not": "b"}, True),
        (look(), {"not": "b"}, False),
        (look(), {"rows": 0}, True),
        (look(), {"equals": "null"}, True),
        (look("null"), {"equals": "null"}, True),
        (look("TLSv1.3"), {"matches": r"^TLSv1\.[23]$"}, True),
        (look("b"), {"one_of": ["a", "b"]}, True),
        (look("a", "b"), {"rows": 2, "holds": "b"}, True),
        (look("a", "b"), {"rows": 2, "holds": "c"}, False),
        (look("1", first={"n": "1", "m": "2"}), {"column": "m", "equals": "2"}, True),
        (look("1", first={"n": "1"}), {"column": "m", "equals": "1"}, False),
        (look("5"), {"at_least": 1, "at_most": 4}, False),
    ],
)
def test_every_part_of_a_condition_must_hold(seen, condition, met):
    assert meets(seen, Condition.model_validate(condition)) is met


# Secrets


@pytest.mark.parametrize(
    "text",
    [
        "host=127.0.0.1 password=hunter2 user=x",
        "host=127.0.0.1 password='hunter2' user=x",
        "postgresql://learner:hunter2@127.0.0.1/shop",
        "PGPASSWORD=hunter2",
        "CREATE ROLE x PASSWORD 'hunter2'",
        '{"password": "hunter2"}',
        '{"SecretString": "hunter2"}',
        '{\\"password\\": \\"hunter2\\"}',
        "aws_secret_access_key = hunter2",
        "verifier SCRAM-SHA-256$4096:hunter2$x:y",
        "&X-Amz-Signature=hunter2&a=b",
        "the checker's own is hunter2.",
    ],
)
def test_no_secret_is_stored_or_shown(text):
    secrets = ("hunter2",) if "own" in text else ()

    assert "hunter2" not in redact(text, secrets)


@pytest.mark.parametrize(
    "text", ['password authentication failed for user "learner"', "SHOW password_encryption", "rows: 3"]
)
def test_what_is_no_secret_stays(text):
    assert redact(text, ("hunter2",)) == text


# Checks on a sandbox without servers


class SmallApi:
    """Knows one instance; every other name is unknown, and `broken` breaks."""

    def call(self, name, params):
        assert name == "rds.describe_db_instances"
        if params.get("DBInstanceIdentifier") == "broken":
            raise ValueError("unable to parse response")
        if params.get("DBInstanceIdentifier") != "shop":
            error = type("ClientError", (Exception,), {"response": {"Error": {"Code": "NotFound", "Message": "none"}}})
            raise error("none")
        return {"DBInstances": [{"MultiAZ": True, "Zones": ["a", "b"], "Name": None}]}


@dataclass
class SmallSandbox:
    """A folder with files and logs."""

    folder: object
    known: dict = field(default_factory=dict)
    rds: object = None
    asked: int = 0

    def fill(self, text):
        for name, value in self.known.items():
            text = text.replace("{" + name + "}", value)
        if "{moment}" in text:
            raise LabError("There is no moment.", next_step="Mark it first.")
        return text

    def password(self, role):
        return f"pw-of-{role}"

    def files(self, pattern):
        return sorted(self.folder.glob(pattern))

    def log_lines(self, server, pattern):
        return [line for line in (self.folder / f"{server}.log").read_text().splitlines() if pattern in line]

    def ledger(self):
        self.asked += 1
        (self.folder / "ledger.json").write_text('{"rows_lost": 3}')


@pytest.fixture
def sandbox(tmp_path):
    return SmallSandbox(tmp_path)


WORDS = {"id": "x", "why": "It matters.", "next": "Look there."}


def written(value):
    """Every number as the text that a file holds."""
    if isinstance(value, dict):
        return {name: written(part) for name, part in value.items()}
    if isinstance(value, list):
        return [written(part) for part in value]
    return value if isinstance(value, bool) else str(value)


def a_check(kind, **fields):
    kind_name = kind.__name__.removesuffix("Check").lower()
    return kind.model_validate({**WORDS, "kind": kind_name, **written(fields)})


def test_a_check_that_passes_says_what_it_found(sandbox):
    (sandbox.folder / "a.txt").write_text("one")

    finding = run_check(a_check(FileCheck, path="*.txt", expect={"equals": 1}), sandbox)

    assert (finding.status, finding.expected, finding.found, finding.next) == ("passed", "1", "1", "")


def test_without_a_cause_a_check_says_what_was_expected_and_what_was_found(sandbox):
    finding = run_check(a_check(FileCheck, path="*.txt", expect={"at_least": 1}), sandbox)

    assert (finding.status, finding.say) == ("not_yet", "Expected at least 1; found 0.")
    assert (finding.why, finding.next) == ("It matters.", "Look there.")


def test_the_first_cause_that_fits_is_told_with_its_own_advice(sandbox):
    when = [
        {"found": {"equals": 1}, "status": "in_progress", "say": "One."},
        {"found": {"equals": 0}, "status": "misconfigured", "say": "None in {place}.", "next": "Make one."},
        {"found": {"at_most": 9}, "status": "not_yet", "say": "Few."},
    ]
    sandbox.known = {"place": "the cellar"}

    finding = run_check(a_check(FileCheck, path="*.txt", expect={"at_least": 1}, when=when), sandbox)

    assert (finding.status, finding.say, finding.next) == ("misconfigured", "None in the cellar.", "Make one.")


def test_a_file_is_read_as_text_or_as_json(sandbox):
    (sandbox.folder / "label.txt").write_text("START WAL LOCATION: 0/2 password=hunter2")
    (sandbox.folder / "manifest.json").write_text('{"Files": [{"Path": "PG_VERSION"}], "Version": 2}')

    text = run_check(a_check(FileCheck, path="label.txt", text=True, expect={"matches": "^STOP"}), sandbox)
    part = run_check(a_check(FileCheck, path="manifest.json", json="Version", expect={"equals": 2}), sandbox)
    held = run_check(a_check(FileCheck, path="*.json", expect={"holds": "PG_VERSION"}), sandbox)
    bad = run_check(a_check(FileCheck, path="label.txt", json="Version", expect={"equals": 2}), sandbox)

    assert text.found == "START WAL LOCATION: 0/2 password=***"
    assert (part.status, held.status) == ("passed", "passed")
    assert (bad.status, bad.found) == ("not_yet", "an error, label.txt is no JSON")


def test_the_ledger_is_asked_for_before_it_is_read(sandbox):
    finding = run_check(a_check(FileCheck, path="ledger.json", json="rows_lost", expect={"equals": 3}), sandbox)

    assert (finding.status, sandbox.asked) == ("passed", 1)


def test_lines_of_the_log_are_counted(sandbox):
    (sandbox.folder / "primary.log").write_text("ERROR: a\nLOG: b\nERROR: c\n")

    finding = run_check(a_check(LogCheck, on="primary", matches="ERROR", expect={"equals": 2}), sandbox)

    assert finding.status == "passed"


def test_what_the_learner_has_not_made_yet_is_not_there_yet(sandbox):
    finding = run_check(a_check(FileCheck, path="{moment}.txt", expect={"equals": 1}), sandbox)

    assert (finding.status, finding.found) == ("not_yet", "There is no moment. Mark it first.")


def describe(name, path, expect, **fields):
    return a_check(
        AwsCheck,
        call="rds.describe_db_instances",
        params={"DBInstanceIdentifier": name},
        path=path,
        expect=expect,
        **fields,
    )


@pytest.mark.parametrize(
    ("name", "path", "expect", "status", "found"),
    [
        ("shop", "DBInstances[0].MultiAZ", {"equals": "true"}, "passed", "true"),
        ("{mine}", "DBInstances[0].MultiAZ", {"equals": "true"}, "passed", "true"),
        ("shop", "DBInstances[0].Zones", {"rows": 2}, "passed", "2 rows"),
        ("shop", "DBInstances[0].Name", {"equals": "x"}, "not_yet", "nothing"),
        ("other", "DBInstances[0].MultiAZ", {"equals": "true"}, "not_yet", "an error, NotFound: none"),
        ("broken", "DBInstances", {"rows": 1}, "could_not_check", "an error, ValueError: unable to parse response"),
    ],
)
def test_an_answer_of_the_api_is_followed_to_its_part(sandbox, name, path, expect, status, found):
    sandbox.rds, sandbox.known = SmallApi(), {"mine": "shop"}

    finding = run_check(describe(name, path, expect), sandbox)

    assert (finding.status, finding.found) == (status, found)


def test_an_api_that_does_not_run_says_nothing_of_the_learner(sandbox):
    assert run_check(describe("shop", "DBInstances", {"rows": 1}), sandbox).status == "could_not_check"


def test_a_cause_may_name_the_error(sandbox):
    sandbox.rds = SmallApi()
    when = [{"error": "NotFound", "status": "not_yet", "say": "It was never created."}]

    assert run_check(describe("x", "DBInstances", {"rows": 1}, when=when), sandbox).say == "It was never created."


def test_a_check_asks_again_until_it_passes(sandbox, monkeypatch):
    monkeypatch.setattr(checks.time, "sleep", lambda _: (sandbox.folder / "late.txt").write_text("now"))

    finding = run_check(a_check(FileCheck, path="late.txt", expect={"equals": 1}, retry={"seconds": 10}), sandbox)

    assert finding.status == "passed"
