"""The sandboxes that are not on this machine: a lab on an account, and a lab whose answers are pasted.

They have of `Sandbox` what checks and pages use to look; whatever would do something is refused. All that is stored is
where the lab is: no key, no password, no answer.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from pgdojo.course.lab_records import AwsCheck, Check, ConnectCheck, Lab, LabStep, Operation, SqlCheck
from pgdojo.errors import LabError, UsageError
from pgdojo.lab.checks import Finding
from pgdojo.lab.client import Ledger
from pgdojo.lab.real import STATE, TAG, VALUE, Away, Mode, NotJudgedError, account, cleanup, paste
from pgdojo.lab.real.account import Account
from pgdojo.lab.real.costs import Estimate, estimate
from pgdojo.lab.real.login import BUNDLE, PASSWORD, USER, Login, from_environment
from pgdojo.lab.real.readonly import ReadOnlyAws
from pgdojo.lab.real.tags import is_tagged, only_tagged
from pgdojo.lab.sandbox import Sandbox, ServerState

Agree = Callable[[Account, Estimate], bool]
"""Shows the account and what the lab costs, and says whether to go on."""

_REGION = re.compile(r"\b(?:af|ap|ca|eu|il|me|mx|sa|us)(?:-[a-z]+)+-\d(?![0-9a-z])")
_ZONE = re.compile(r"\b(?:af|ap|ca|eu|il|me|mx|sa|us)(?:-[a-z]+)+-\d[a-z]\b")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_ONLY_HERE = (
    (
        re.compile(r"\bclient_ledger\b"),
        "Only pgdojo's client writes client_ledger, and it writes nothing there",
    ),
    (
        re.compile(r"\bpg_stat_replication\b"),
        "RDS copies the volumes of a Multi-AZ instance, and SQL on it does not see the standby as it does here",
    ),
)
"""SQL that finds on the simulator what it cannot find on AWS."""
_TAGGED = (
    "rds.describe_db_instances",
    "rds.describe_db_clusters",
    "rds.describe_db_snapshots",
    "rds.describe_db_cluster_snapshots",
)
_IDS = ("DBInstanceIdentifier", "DBClusterIdentifier", "DBSnapshotIdentifier", "DBClusterSnapshotIdentifier")


@dataclass(frozen=True, slots=True)
class _Seen:
    """The calls of an account as checks make them: only what carries the lab's tag is in the answers."""

    aws: ReadOnlyAws
    left_out: set[str]

    def call(self, name: str, params: Mapping[str, Any]) -> Any:
        """Call the AWS API, by reading, and keep of its answer what belongs to the lab."""
        answer = self.aws.call(name, params)
        shape = self.aws.output_shape(name)
        kept, left = only_tagged(name, params, answer, shape, lambda: self._names(name, params))
        self.left_out.update(left)
        return kept

    def _names(self, name: str, params: Mapping[str, Any]) -> set[str]:
        """The names of what is tagged in the Region that is asked."""
        region = params.get("Region")
        if name.startswith("kms."):
            key = str(params.get("KeyId", ""))
            tags = self.aws.call("kms.list_resource_tags", _there({"KeyId": self.aws.key_id(key, region)}, region))
            return {key} if is_tagged(tags.get("Tags")) else set()
        found = (self.aws.call(call, _there({}, region)) for call in _TAGGED)
        items = (one for answer in found for some in answer.values() if isinstance(some, list) for one in some)
        return {str(one[key]) for one in items if is_tagged(one.get("TagList")) for key in _IDS if key in one}


def _there(params: dict[str, Any], region: str | None) -> dict[str, Any]:
    return {**params, "Region": region} if region else params


class _AwaySandbox(Away, Sandbox):
    """What both have in common; whatever else `Sandbox` can do ends with LabError, as it finds no servers."""

    @property
    def _place(self) -> dict[str, Any]:
        return read_place(self.folder)

    @property
    def lab(self) -> str:
        return str(self._place["lab"])

    def states(self) -> list[ServerState]:
        """None: no console writes to an account."""
        return []

    def conninfo(
        self,
        server: str,
        role: str = "learner",  # noqa: ARG002
        *,
        database: str = "shop",  # noqa: ARG002
        password: str = "right",  # noqa: ARG002, S107
        **options: str,  # noqa: ARG002
    ) -> str:
        raise NotJudgedError(f"{server} is not on this machine.")

    def password(self, role: str) -> str:
        raise NotJudgedError(f"No password of {role} is known.")

    def remembered(self) -> dict[str, str]:
        return {}

    def fill(self, text: str) -> str:
        return text

    def ledger(self) -> Ledger:
        raise NotJudgedError("pgdojo's client writes nothing there.")

    def log_lines(self, server: str, pattern: str) -> list[str]:  # noqa: ARG002
        raise NotJudgedError(f"The log of {server} is not on this machine.")

    def files(self, pattern: str) -> list[Path]:  # noqa: ARG002
        return []

    def perform(self, operation: Operation) -> str:
        """Refuse: what is done there, the learner does."""
        done = operation.aws or operation.do or "SQL"
        raise LabError(
            f"pgdojo does not do {done} for a lab that runs elsewhere.",
            next_step="Copy the command and run it yourself.",
        )

    def close(self) -> None:
        (self.folder / STATE).unlink(missing_ok=True)


class RealSandbox(_AwaySandbox):
    """A lab on the learner's account."""

    mode: Mode = "real"

    def __init__(self, folder: Path, login: Callable[[], Login | None] = from_environment) -> None:
        """Take up the lab that `folder` says is on an account; `login` gives the user of its databases."""
        super().__init__(folder)
        self._login = login
        self._known: Login | None = None
        self._aws: ReadOnlyAws | None = None
        self._left_out: set[str] = set()

    @property
    def aws(self) -> ReadOnlyAws:
        """The account, as long as the credentials lead to the one that the lab was started on."""
        if self._aws is None:
            place = self._place
            aws = ReadOnlyAws(place["profile"], place["region"])
            number, _ = account.identify(aws)
            if number != place["account"]:
                raise NotJudgedError(
                    f"The credentials lead to the account {number}, and the lab was started on {place['account']}.",
                    next_step="Sign in to that one.",
                )
            self._aws = aws
        return self._aws

    @property
    def rds(self) -> Any:
        """What the checks of the AWS API ask."""
        return _Seen(self.aws, self._left_out)

    def environment(self) -> dict[str, str]:
        """Variables for the learner's shell; the credentials stay where the learner has them."""
        place = self._place
        profile = {"AWS_PROFILE": place["profile"]} if place["profile"] else {}
        region = {"AWS_REGION": place["region"], "AWS_DEFAULT_REGION": place["region"]}
        return {"PGDOJO_LAB": place["lab"], **profile, **region, "AWS_PAGER": ""}

    def password(self, role: str) -> str:
        """The learner's password, where it is known, so that no finding holds it."""
        if self._known is None:
            raise NotJudgedError(f"No password of {role} is known.")
        return self._known.password

    def cannot(self, check: Check) -> str:
        """Why `check` can be made on no account, or not in this Region; empty where it can."""
        if isinstance(check, AwsCheck | SqlCheck | ConnectCheck):
            return _only_here(check, self._place["region"])
        return "Files and logs of a server on an account are not on this machine."

    def why_not(self, check: Check) -> str:
        """As `cannot`, and for want of a user of the database."""
        reason = self.cannot(check)
        if reason or isinstance(check, AwsCheck):
            return reason
        # Asked for now, so that whatever is told of the check can be freed of it.
        self._known = self._known or self._login()
        return "" if self._known else f"No user of the database is given: set {USER} and {PASSWORD}."

    def conninfo(
        self,
        server: str,
        role: str = "learner",
        *,
        database: str = "shop",
        password: str = "right",  # noqa: S107
        **options: str,
    ) -> str:
        """How the learner's user connects to a database on the account, for reading and for trying the door.

        Args:
            server: rds:ID, writer:ID or reader:ID.
            role: `learner` and `checker` are both the user that the learner gave.
            database: The database.
            password: `right`, or `wrong` for one that nobody has.
            options: Further ones of libpq, but no files and no other host.

        Raises:
            NotJudgedError: There is no such endpoint, or the login is not known.
        """
        login = self._known = self._known or self._login()
        if login is None or role not in {"learner", "checker"} or password not in {"right", "wrong"}:
            raise NotJudgedError(f"The password of {role} is not known.", next_step=f"Set {USER} and {PASSWORD}.")
        if set(options) & {"host", "hostaddr", "port", "sslrootcert", "sslcert", "sslkey", "passfile", "service"}:
            raise NotJudgedError("The options of this check are meant for the simulator.")
        host, port = self._endpoint(server)
        given = {"connect_timeout": "5", **_tls(), **options}
        word = login.password if password == "right" else secrets.token_urlsafe(12)  # noqa: S105
        return make_conninfo(**given, host=host, port=str(port), user=login.user, password=word, dbname=database)

    def _endpoint(self, server: str) -> tuple[str, int]:
        kind, _, name = server.partition(":")
        if kind == "rds":
            endpoint = self._found("DBInstance", name).get("Endpoint", {})
            host, port = endpoint.get("Address"), endpoint.get("Port")
        else:
            cluster = self._found("DBCluster", name)
            host, port = cluster.get("ReaderEndpoint" if kind == "reader" else "Endpoint"), cluster.get("Port")
        if not host or not port:
            raise NotJudgedError(
                f"There is no {server} with the tag {TAG}={VALUE}, or it has no endpoint yet.",
                next_step="Wait until it is available.",
            )
        return host, port

    def _found(self, what: str, name: str) -> dict[str, Any]:
        call = {"DBInstance": "rds.describe_db_instances", "DBCluster": "rds.describe_db_clusters"}[what]
        found: list[dict[str, Any]] = self.rds.call(call, {})[f"{what}s"]
        return next((one for one in found if one[f"{what}Identifier"] == name), {})

    def told(self, finding: Finding) -> Finding:
        """A finding that says what was there and not looked at, since it lacks the lab's tag."""
        if finding.status == "passed" or not self._left_out:
            return finding
        names = ", ".join(sorted(self._left_out))
        more = f"Not looked at, since the tag {TAG}={VALUE} is not on it: {names}. Add the tag if it is the lab's."
        return replace(finding, next=f"{finding.next} {more}".strip())

    def must_be_empty(self, lab: Lab) -> None:
        """Raise LabError where something with the lab's tag is left and billed for, or that cannot be seen."""
        cleanup.must_be_gone(self.aws, lab)


class PasteSandbox(_AwaySandbox):
    """A lab done where pgdojo has no credentials: it is told what the AWS CLI says there."""

    mode: Mode = "paste"

    def __init__(self, folder: Path, aws: paste.PastedAws | None = None) -> None:
        """Take up the lab in `folder`, with what was pasted for a step."""
        super().__init__(folder)
        self._aws = aws

    def with_paste(self, text: str, step: LabStep) -> PasteSandbox:
        """The same with `text`, pasted for `step`, read and freed of secrets.

        Raises:
            UsageError: It is no JSON of the AWS CLI.
        """
        asked = [(check.call, check.params.get("Region")) for check in step.checks if isinstance(check, AwsCheck)]
        return PasteSandbox(self.folder, paste.PastedAws(paste.read(text), asked))

    @property
    def rds(self) -> Any:
        """What the checks of the AWS API ask."""
        return self._aws or paste.PastedAws(())

    def environment(self) -> dict[str, str]:
        """None: pgdojo reaches no AWS."""
        raise UsageError("A lab by pasting has no shell of its own.", next_step="Use the terminal that reaches AWS.")

    def why_not(self, check: Check) -> str:
        """As `cannot`."""
        return self.cannot(check)

    def cannot(self, check: Check) -> str:
        """Why `check` cannot be made from what is pasted; empty where it can."""
        if isinstance(check, AwsCheck):
            return _only_here(check, "")
        kind = {"sql": "SQL", "connect": "A login"}.get(check.kind, "A file or a log")
        return f"{kind} cannot be checked by pasting: what is pasted would prove nothing."

    def prepared(self, check: Check) -> Check:
        """A check that expects the one id that stands for every account in what is pasted."""
        text = paste.without_accounts(check.model_dump_json(by_alias=True))
        return type(check).model_validate_json(text)

    def told(self, finding: Finding) -> Finding:
        """A finding that is marked as one from what was pasted."""
        if self._aws is None:
            return finding
        return replace(finding, say=f"{finding.say} By what was pasted.", log=f"pasted: {finding.log}")

    def must_be_empty(self, lab: Lab) -> None:
        """Nothing can be seen from here, so nothing is refused; the command says so."""


def open_away(folder: Path, login: Callable[[], Login | None] = from_environment) -> RealSandbox | PasteSandbox | None:
    """The lab in `folder` that runs elsewhere, None where there is none."""
    mode = read_place(folder, missing_ok=True).get("mode")
    if mode == "real":
        return RealSandbox(folder, login)
    return PasteSandbox(folder) if mode == "paste" else None


def create_real(lab: Lab, folder: Path, *, profile: str | None, region: str | None, agree: Agree) -> RealSandbox:
    """Begin a lab on an account, after its guard, its estimate and the learner's consent; nothing is created there.

    Raises:
        LabError: The lab cannot be done there, the account is not for training, or the learner does not agree.
    """
    must_suit(lab)
    aws = ReadOnlyAws(profile, region)
    found = account.training_account(aws)
    if not agree(found, estimate(lab)):
        raise LabError("Nothing was started.", next_step=f"On this machine it costs nothing: pgdojo lab start {lab.id}")
    _write(folder, {"lab": lab.id, "mode": "real", "profile": profile, "region": aws.region, "account": found.id})
    return RealSandbox(folder)


def create_paste(lab: Lab, folder: Path) -> PasteSandbox:
    """Begin a lab by pasting.

    Raises:
        LabError: Nothing of the lab can be checked so.
    """
    must_suit(lab)
    _write(folder, {"lab": lab.id, "mode": "paste"})
    return PasteSandbox(folder)


def must_suit(lab: Lab) -> None:
    """Refuse a lab that is not about AWS.

    Raises:
        LabError: It has servers of its own, or no check of the AWS API.
    """
    looks = any(isinstance(check, AwsCheck) for step in lab.steps for check in step.checks)
    if "aws" in lab.needs and looks and not lab.sandbox.servers:
        return
    raise LabError(
        f"The lab {lab.id} runs on servers of this machine and cannot be done on an account.",
        next_step=f"Start it here: pgdojo lab start {lab.id}",
    )


def read_place(folder: Path, *, missing_ok: bool = False) -> dict[str, Any]:
    """What is stored of where a lab is.

    Raises:
        LabError: Nothing is.
    """
    try:
        place = json.loads((folder / STATE).read_text("utf-8"))
    except FileNotFoundError as cause:
        if missing_ok:
            return {}
        raise LabError("The lab is not running any more.", next_step="Start it again.") from cause
    except ValueError as cause:
        raise LabError(f"{folder / STATE} is damaged.", next_step="Remove it and start the lab again.") from cause
    return dict(place)


def _write(folder: Path, place: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{STATE}.{os.getpid()}"
    fresh.write_text(json.dumps(place), "utf-8")
    fresh.replace(folder / STATE)


def _only_here(check: AwsCheck | SqlCheck | ConnectCheck, region: str) -> str:
    """Why what a check expects is true of the simulator alone; empty where it is not."""
    wanted = check.expect.model_dump_json(by_alias=True)
    if isinstance(check, ConnectCheck) and check.password not in {"right", "wrong"}:
        return "The password of this check is printed in the lab; on an account you have set one of your own."
    if _ZONE.search(wanted):
        return "It expects an Availability Zone of the simulator; AWS chooses its own."
    asked = {region, *([check.params.get("Region")] if isinstance(check, AwsCheck) else [])}
    named = _REGION.search(wanted)
    if named and region and named[0] not in asked:
        return f"It expects the Region {named[0]}, and the lab runs in {region}."
    if region and _ACCOUNT.search(wanted):
        return "It names an account that is not yours; on a real one, share nothing with it."
    if region and isinstance(check, AwsCheck) and check.call.startswith("cloudwatch."):
        return "It asks for metrics by the second, which only the simulator has."
    if isinstance(check, SqlCheck):
        return next((f"{why}." for pattern, why in _ONLY_HERE if pattern.search(check.run)), "")
    return ""


def _tls() -> dict[str, str]:
    bundle = os.environ.get(BUNDLE)
    if not bundle:
        return {"sslmode": "require"}
    return {"sslmode": "verify-full", "sslrootcert": bundle}
