"""A sandbox has a Kerberos realm of its own, in which a ticket opens the door to whom it names."""

import os

import pytest

pytest.importorskip("psycopg")

from pgdojo.course.lab_records import Operation
from pgdojo.course.labs import read_labs
from pgdojo.errors import LabError
from pgdojo.lab import kerberos, processes
from pgdojo.lab.engines import advice, choose
from pgdojo.lab.safe_sql import SqlFailedError, try_login
from pgdojo.lab.sandbox import Sandbox

pytestmark = pytest.mark.slow

needs_kdc = pytest.mark.skipif(
    not kerberos.available() or choose({"gss"}) is None, reason="no Kerberos or no PostgreSQL with it"
)
LAB = """
id: door
rev: 1
title: A door
summary: A server that asks for tickets.
topic: security
order: 1
level: apply
minutes: 1
objectives: [sec-build-kerberos-logins]
cites: [facts#sec-kerberos-client]
as_of: "2026-11"
review_by: "2027-10"
needs: [gss, kdc]
sandbox:
  servers: [{name: primary}]
  setup:
    - {on: primary, sql: CREATE ROLE rds_ad; CREATE ROLE alice LOGIN IN ROLE rds_ad}
    - {on: primary, sql: CREATE ROLE bob LOGIN IN ROLE rds_ad}
    - {do: kdc, on: primary, name: shop.lab.test, realm: LAB.TEST, principals: [alice, bob]}
steps:
  - id: enter
    title: Enter
    why: It is a door.
    do: Enter.
    cites: [facts#sec-kerberos-client]
    checks:
      - {id: in, kind: connect, to: primary, as: alice, expect: {equals: connected}, why: A door., next: Enter.}
    hints: {nudge: A, pointer: facts#sec-kerberos-client, partial: B, solution: C}
    solution: [{do: ticket, as: alice}]
"""


@pytest.fixture(scope="module")
def open_door(tmp_path_factory):
    """Makes sandboxes with a KDC, and closes them at the end."""
    root = tmp_path_factory.mktemp("course")
    (root / "labs" / "door").mkdir(parents=True)
    (root / "labs" / "door" / "lab.yaml").write_text(LAB)
    made = []

    def _open():
        made.append(Sandbox.create(read_labs(root)[0].lab, tmp_path_factory.mktemp("k") / "s", owner=os.getpid()))
        return made[-1]

    yield _open
    for sandbox in made:
        sandbox.close()


@pytest.fixture(scope="module")
def door(open_door):
    return open_door()


def perform(sandbox, fields):
    return sandbox.perform(Operation.model_validate(fields))


def refusal(sandbox, role, **options):
    """Why a login without a password is refused; empty where it is not."""
    conninfo = sandbox.conninfo("primary", role, password="none", **options)
    try:
        try_login(conninfo, kerberos.variables(sandbox.folder))
    except SqlFailedError as cause:
        return cause.text
    return ""


@needs_kdc
def test_a_ticket_opens_the_door_to_whom_it_names_and_to_nobody_else(door):
    perform(door, {"do": "ticket", "as": "alice"})

    found = [refusal(door, role, gssencmode="disable") for role in ("alice", "bob")]

    assert found == ["", 'GSSAPI authentication failed for user "bob"']


@needs_kdc
def test_without_a_ticket_the_client_itself_refuses(door):
    perform(door, {"do": "ticket", "destroy": True})

    found = refusal(door, "alice", gssencmode="disable")

    assert "No Kerberos credentials available" in found


@needs_kdc
def test_a_server_asked_for_by_another_name_is_not_found(door):
    perform(door, {"do": "ticket", "as": "alice"})

    found = refusal(door, "alice", gssencmode="disable", host="db.lab.test")

    assert found.endswith("Server postgres/db.lab.test@LAB.TEST not found in Kerberos database")


@needs_kdc
def test_the_ticket_encrypts_where_the_client_asks_for_it(door):
    perform(door, {"do": "ticket", "as": "alice"})
    asked = "SELECT 1 / encrypted::int FROM pg_stat_gssapi WHERE pid = pg_backend_pid()"
    login = {"do": "login", "on": "primary", "as": "alice", "sql": asked}

    said = perform(door, {**login, "settings": {"gssencmode": "require"}})
    refused = perform(door, {**login, "settings": {"gssencmode": "disable"}, "fails": "division by zero"})

    assert said == "alice was logged in to primary."
    assert refused.startswith("Refused, as it should be")


@needs_kdc
def test_nobody_elses_ticket_is_to_be_had(door):
    with pytest.raises(LabError, match="The realm has no user 'mallory'"):
        perform(door, {"do": "ticket", "as": "mallory"})


@needs_kdc
def test_the_variables_of_one_lab_do_not_reach_the_rest_of_the_process(door):
    perform(door, {"do": "ticket", "as": "alice"})

    refusal(door, "alice", gssencmode="disable")

    assert not {"KRB5_CONFIG", "KRB5CCNAME"} & os.environ.keys()
    assert {"KRB5_CONFIG", "KRB5CCNAME"} <= door.environment().keys()


@needs_kdc
def test_the_kdc_ends_with_its_sandbox(open_door):
    sandbox = open_door()
    (pid,) = processes.remembered(sandbox.folder, kerberos.WHAT)

    sandbox.close()

    assert processes.started_at(pid) is None
    assert not sandbox.folder.exists()


@pytest.mark.parametrize("name", ["lab.test", "LAB TEST", "../X", ""])
def test_what_is_no_realm_is_refused_before_anything_is_made(tmp_path, name):
    with pytest.raises(LabError, match="is no name of a realm"):
        kerberos.establish(tmp_path, name, [], 1)

    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_a_kdc_is_told_the_command():
    assert advice("kdc") == "apt-get install krb5-kdc krb5-admin-server krb5-user"
