"""Labs on this machine: from the start to a first prompt, a check, what a failover costs, and calls of the AWS API."""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from pgdojo.course.lab_records import Lab, Operation
from pgdojo.lab.checks import run_check
from pgdojo.lab.rds import SmallRds
from pgdojo.lab.sandbox import Sandbox
from timing import median_ms, median_s, seconds, table

ONE = ({"name": "primary"},)
PAIR = ({"name": "one"}, {"name": "other", "follows": "one", "synchronous": True})
SHOP = {
    "DBInstanceIdentifier": "shop",
    "Engine": "postgres",
    "DBInstanceClass": "db.t4g.micro",
    "AllocatedStorage": 20,
    "DBName": "shop",
    "MasterUsername": "dojo",
    "MasterUserPassword": "only-for-this-run",
    "DBParameterGroupName": "bench",
    "MultiAZ": True,
}
PATIENCE = 60
"""Seconds after which something that does not come is given up."""


def lab(*servers: dict[str, Any], needs: tuple[str, ...] = ()) -> Lab:
    """A lab of `servers`, with one step that counts the rows of a table."""
    check = {
        "id": "rows",
        "kind": "sql",
        "on": "primary",
        "run": "SELECT count(*) FROM orders",
        "why": "w",
        "next": "n",
    }
    step = {"id": "one", "title": "One", "why": "w", "do": "d", "cites": ["facts#f"], "solution": [{"do": "sleep"}]}
    hints = {"nudge": "n", "pointer": "facts#f", "partial": "p", "solution": "s"}
    head = {"id": "bench", "rev": 1, "title": "Bench", "summary": "s", "topic": "ha", "order": 1, "level": "apply"}
    more = {"minutes": 1, "objectives": ["o"], "cites": ["facts#f"], "as_of": "2026-11", "review_by": "2099-01"}
    steps = [{**step, "hints": hints, "checks": [{**check, "expect": {"equals": "1000"}}]}]
    sandbox = {"servers": list(servers)}
    return Lab.model_validate({**head, **more, "needs": needs, "sandbox": sandbox, "steps": steps})


@contextmanager
def opened(wanted: Lab) -> Iterator[Sandbox]:
    """The sandbox of `wanted`, closed at the end."""
    # short, since sockets lie in it, and open to whom PostgreSQL runs as
    with tempfile.TemporaryDirectory(prefix="pgl", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        sandbox = Sandbox.create(wanted, Path(made) / "b", owner=os.getpid())
        try:
            yield sandbox
        finally:
            sandbox.close()


def do(sandbox: Sandbox, **fields: Any) -> None:
    sandbox.perform(Operation.model_validate(fields))


def until(holds: Callable[[], object], what: str) -> None:
    """Ask every 20 ms until it holds; a server that is not there meanwhile is asked again."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(psycopg.Error):
            if holds():
                return
        time.sleep(0.02)
    raise SystemExit(f"{what} did not come within {PATIENCE} s.")


def asked(sandbox: Sandbox, server: str, query: str) -> Any:
    """The first value of `query`, as the learner."""
    with psycopg.connect(sandbox.conninfo(server)) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def against(title: str, name: str, times: list[float], limit: float) -> None:
    """Print the times of one thing beside its limit in seconds."""
    told = median_s if limit >= 1 else median_ms
    rows = [(f"{name}, p50 of {len(times)}", told(times)), ("the slowest", told([max(times)]))]
    table(f"{title} against {limit:g} s", rows, statistics.median(times) / limit, 1.0)


def start(runs: int) -> None:
    for title, servers, limit in (("One server", ONE, 3.0), ("A synchronous pair", PAIR, 8.0)):
        times = []
        for _ in range(runs):
            begin = time.perf_counter()
            with opened(lab(*servers)) as sandbox:
                asked(sandbox, str(servers[0]["name"]), "SELECT 1")
                times.append(time.perf_counter() - begin)
        against(f"{title}, start", "to the first prompt", times, limit)


def check(runs: int) -> None:
    wanted = lab(*ONE)
    with opened(wanted) as sandbox:
        do(sandbox, on="primary", sql="CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id")
        times = [seconds(lambda: run_check(wanted.steps[0].checks[0], sandbox)) for _ in range(runs)]
    against("A check", "one SQL check", times, 0.3)


def failover(runs: int) -> None:
    """Kill the primary of a synchronous pair at random moments, and count what its two clients had been promised."""
    chance = random.Random(20261127)  # noqa: S311 - the same moments each time
    outages, lost, acknowledged = [], [], 0
    with opened(lab(*PAIR)) as sandbox:
        primary, standby = "one", "other"
        for run in range(runs):
            do(sandbox, do="client_start", on=[primary, standby])
            busy = Writer(sandbox.conninfo(primary), f"writes_{run}")
            busy.start()
            time.sleep(chance.uniform(0.5, 2.5))
            do(sandbox, do="kill", on=primary)
            busy.join()
            killed = len(sandbox.ledger().points)
            do(sandbox, do="promote", on=standby)
            until(lambda: any(ok for _, ok in sandbox.ledger().points[killed + 1 :]), "A row after the failover")  # noqa: B023 - called at once
            do(sandbox, do="client_stop")
            ledger = sandbox.ledger()
            if ledger.lost is None:
                raise SystemExit("The new primary cannot be asked for its rows.")
            outages.append(ledger.outage_seconds)
            lost.append(ledger.lost + busy.acknowledged - asked(sandbox, standby, busy.found))
            acknowledged += ledger.acknowledged + busy.acknowledged
            rejoin(sandbox, primary, standby)
            primary, standby = standby, primary
    rows = [
        ("outage as the client saw it, p50", median_s(outages)),
        ("the longest", median_s([max(outages)])),
        ("rows acknowledged in all runs", f"{acknowledged:,}"),
        ("acknowledged rows lost, by run", " ".join(map(str, lost))),
    ]
    table(f"kill -9 of the primary of a synchronous pair, {runs} times", rows, float(sum(lost)), 0.0)


class Writer(threading.Thread):
    """A client that writes without a pause, so that a kill meets it within a commit; it ends with its server."""

    def __init__(self, conninfo: str, table: str) -> None:
        super().__init__()
        self.conninfo, self.table = conninfo, table
        self.acknowledged = 0

    @property
    def found(self) -> str:
        """Counts those of its acknowledged rows that are there."""
        return f"SELECT count(*) FROM {self.table} WHERE id <= {self.acknowledged}"  # noqa: S608 - both are our own

    def run(self) -> None:
        """Write until the server is gone."""
        with suppress(psycopg.Error), psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(f"CREATE TABLE {self.table} (id int)".encode())
            while True:
                connection.execute(f"INSERT INTO {self.table} VALUES ({self.acknowledged + 1})".encode())  # noqa: S608
                self.acknowledged += 1


def rejoin(sandbox: Sandbox, old: str, new: str) -> None:
    """Make the old primary the synchronous standby of the new one."""
    do(sandbox, do="rejoin", on=old, to=new)
    do(sandbox, do="set", on=new, settings={"synchronous_standby_names": old})
    waits = "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'"
    do(sandbox, do="wait", on=new, sql=waits, seconds=PATIENCE)


def api(runs: int) -> None:
    """How long a call takes until PostgreSQL shows what it has done."""
    with opened(lab(needs=("aws",))) as sandbox:
        rds = sandbox.small_rds()
        group = {"DBParameterGroupName": "bench", "DBParameterGroupFamily": "postgres16", "Description": "for this run"}
        rds.call("rds.create_db_parameter_group", group)
        numbers = count(1)
        created = [created_after(sandbox, rds, alone=f"alone-{number}") for number in range(runs)]
        rds.call("rds.create_db_instance", SHOP)
        until(lambda: streams(sandbox), "A standby of shop")
        changed = [changed_after(sandbox, rds, next(numbers)) for _ in range(runs)]
        moved = [moved_after(sandbox, rds) for _ in range(runs)]
    against("create-db-instance", "to accepting SQL", created, 3.0)
    against("modify-db-parameter-group", "to the live setting", changed, 3.0)
    against("reboot-db-instance --force-failover", "to the new primary", moved, 3.0)


def created_after(sandbox: Sandbox, rds: SmallRds, *, alone: str) -> float:
    begin = time.perf_counter()
    rds.call("rds.create_db_instance", {**SHOP, "DBInstanceIdentifier": alone, "MultiAZ": False})
    until(lambda: alone_answers(sandbox, rds, alone), alone)
    took = time.perf_counter() - begin
    rds.call("rds.delete_db_instance", {"DBInstanceIdentifier": alone, "SkipFinalSnapshot": True})
    until(lambda: f"rds:{alone}" not in rds.names(), f"The end of {alone}")
    return took


def alone_answers(sandbox: Sandbox, rds: SmallRds, name: str) -> bool:
    return f"rds:{name}" in rds.names() and asked(sandbox, f"rds:{name}", "SELECT 1") == 1


def changed_after(sandbox: Sandbox, rds: SmallRds, number: int) -> float:
    value = {"ParameterName": "log_min_duration_statement", "ParameterValue": str(1000 * number)}
    parameters = [{**value, "ApplyMethod": "immediate"}]
    live = "SELECT setting FROM pg_settings WHERE name = 'log_min_duration_statement'"

    def change() -> None:
        rds.call("rds.modify_db_parameter_group", {"DBParameterGroupName": "bench", "Parameters": parameters})
        until(lambda: asked(sandbox, "rds:shop", live) == value["ParameterValue"], "The new setting")

    return seconds(change)


def moved_after(sandbox: Sandbox, rds: SmallRds) -> float:
    who = "SELECT pg_postmaster_start_time()::text WHERE NOT pg_is_in_recovery()"
    before = asked(sandbox, "rds:shop", who)

    def move() -> None:
        rds.call("rds.reboot_db_instance", {"DBInstanceIdentifier": "shop", "ForceFailover": True})
        until(lambda: asked(sandbox, "rds:shop", who) not in {None, before}, "The new primary")

    took = seconds(move)
    until(lambda: streams(sandbox), "A standby after the failover")
    return took


def streams(sandbox: Sandbox) -> bool:
    if "rds:shop" not in sandbox.small_rds().names():
        return False
    waits = "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
    return bool(asked(sandbox, "rds:shop", waits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="How often a primary is killed; the rest in proportion.")
    runs = parser.parse_args().runs
    few = max(2, runs // 4)
    start(few)
    check(2 * runs)
    failover(runs)
    api(few)


if __name__ == "__main__":
    main()
