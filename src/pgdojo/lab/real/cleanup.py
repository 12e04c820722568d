"""What is left of a lab on an account, found by Describe and List alone, with the command that removes each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from pgdojo.course.lab_records import Lab
from pgdojo.errors import LabError
from pgdojo.lab.real import TAG, VALUE
from pgdojo.lab.real.costs import made_by
from pgdojo.lab.real.readonly import ReadOnlyAws
from pgdojo.lab.real.tags import is_tagged

_UNKNOWN = frozenset({"NotImplemented", "InvalidAction", "UnknownOperationException"})
"""What an API answers that has no such call, and so nothing of the kind."""
_GOING = frozenset({"deleting", "deleted"})
_LOGS = re.compile(r"/aws/rds/(?:instance|cluster)/([^/]+)/")
_MADE = ("DBInstanceIdentifier", "DBClusterIdentifier", "TargetDBInstanceIdentifier")


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """One thing that is still there and is billed for."""

    kind: str
    name: str
    remove: str
    """The command that removes it."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.remove}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftovers:
    """What is left, and what could not be looked at."""

    left: tuple[Left, ...]
    unseen: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether everything was looked at and nothing is there."""
        return not self.left and not self.unseen


def leftovers(aws: ReadOnlyAws, lab: Lab) -> Leftovers:
    """Look for whatever the lab's tag is on, and for what RDS made without a tag for the lab's databases."""
    from botocore.exceptions import ClientError  # type: ignore[import-untyped]

    names = {str(one.params[key]) for one in made_by(lab) for key in _MADE if key in one.params}
    left: list[Left] = []
    unseen: list[str] = []
    for region, (kind, look) in product(regions_of(aws, lab), _LOOKS.items()):
        there = _There(aws, region)
        try:
            left += [
                Left(kind=kind, name=name, remove=f"{remove} --region {region}") for name, remove in look(there, names)
            ]
        except ClientError as cause:
            code = cause.response.get("Error", {}).get("Code", "")
            if code not in _UNKNOWN:
                unseen.append(f"{kind} in {region} ({code})")
        except LabError as cause:
            unseen.append(f"{kind} in {region} ({cause.problem})")
    return Leftovers(left=tuple(left), unseen=tuple(unseen))


def regions_of(aws: ReadOnlyAws, lab: Lab) -> tuple[str, ...]:
    """The Regions in which the lab's own solution makes something, the one that it was started in first."""
    return tuple(dict.fromkeys([aws.region, *(one.params["Region"] for one in made_by(lab) if "Region" in one.params)]))


@dataclass(frozen=True, slots=True)
class _There:
    """The account's API in one Region."""

    aws: ReadOnlyAws
    region: str

    def call(self, name: str, params: dict[str, Any]) -> Any:
        return self.aws.call(name, {**params, "Region": self.region})


def must_be_gone(aws: ReadOnlyAws, lab: Lab) -> None:
    """Refuse where something is left that is billed for, or where that cannot be seen.

    Raises:
        LabError: With each thing, and the command that removes it.
    """
    found = leftovers(aws, lab)
    if found.clean:
        return
    there = "".join(f"\n  {one}" for one in found.left)
    unseen = f"\n  Could not be looked at: {', '.join(found.unseen)}." if found.unseen else ""
    raise LabError(
        f"The lab {lab.id} is not done: {len(found.left)} left with the tag {TAG}={VALUE} in "
        f"{', '.join(regions_of(aws, lab))}, and billed for.{there}{unseen}\n",
        next_step=f"Remove them, wait until they are gone, then again: pgdojo lab stop {lab.id}",
    )


_Found = Iterator[tuple[str, str]]


def _instances(aws: _There, _: Collection[str]) -> _Found:
    for one in aws.call("rds.describe_db_instances", {})["DBInstances"]:
        if not is_tagged(one.get("TagList")) or one.get("DBInstanceStatus") in _GOING:
            continue
        name = one["DBInstanceIdentifier"]
        # A member of a cluster has no snapshot and no automated backup of its own.
        last = "" if one.get("DBClusterIdentifier") else " --skip-final-snapshot --delete-automated-backups"
        delete = _aws("rds delete-db-instance --db-instance-identifier", name) + last
        yield name, _unlocked(one, "instance", name, aws.region) + delete


def _clusters(aws: _There, _: Collection[str]) -> _Found:
    for one in aws.call("rds.describe_db_clusters", {})["DBClusters"]:
        if is_tagged(one.get("TagList")) and one.get("Status") not in _GOING:
            name = one["DBClusterIdentifier"]
            delete = _aws("rds delete-db-cluster --db-cluster-identifier", name) + " --skip-final-snapshot"
            yield name, _unlocked(one, "cluster", name, aws.region) + delete


def _unlocked(one: dict[str, Any], kind: str, name: str, region: str) -> str:
    if not one.get("DeletionProtection"):
        return ""
    lift = _aws(f"rds modify-db-{kind} --db-{kind}-identifier", name)
    return f"{lift} --no-deletion-protection --apply-immediately --region {region} && "


def _snapshots(aws: _There, _: Collection[str]) -> _Found:
    for one in aws.call("rds.describe_db_snapshots", {"SnapshotType": "manual"})["DBSnapshots"]:
        if is_tagged(one.get("TagList")):
            name = one["DBSnapshotIdentifier"]
            yield name, _aws("rds delete-db-snapshot --db-snapshot-identifier", name)


def _cluster_snapshots(aws: _There, _: Collection[str]) -> _Found:
    for one in aws.call("rds.describe_db_cluster_snapshots", {"SnapshotType": "manual"})["DBClusterSnapshots"]:
        if is_tagged(one.get("TagList")):
            name = one["DBClusterSnapshotIdentifier"]
            yield name, _aws("rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier", name)


def _backups(aws: _There, names: Collection[str]) -> _Found:
    for one in aws.call("rds.describe_db_instance_automated_backups", {})["DBInstanceAutomatedBackups"]:
        ours = is_tagged(one.get("TagList")) or one.get("DBInstanceIdentifier") in names
        if ours and one.get("Status") == "retained":
            key = one["DbiResourceId"]
            yield one["DBInstanceIdentifier"], _aws("rds delete-db-instance-automated-backup --dbi-resource-id", key)


def _cluster_backups(aws: _There, names: Collection[str]) -> _Found:
    for one in aws.call("rds.describe_db_cluster_automated_backups", {})["DBClusterAutomatedBackups"]:
        ours = is_tagged(one.get("TagList")) or one.get("DBClusterIdentifier") in names
        if ours and one.get("Status") == "retained":
            key = one["DbClusterResourceId"]
            yield (
                one["DBClusterIdentifier"],
                _aws("rds delete-db-cluster-automated-backup --db-cluster-resource-id", key),
            )


def _keys(aws: _There, _: Collection[str]) -> _Found:
    for one in aws.call("kms.list_keys", {})["Keys"]:
        key = aws.call("kms.describe_key", {"KeyId": one["KeyId"]})["KeyMetadata"]
        # Keys of AWS itself cost nothing, and their tags may not be readable.
        if key.get("KeyManager") != "CUSTOMER" or key.get("KeyState") == "PendingDeletion":
            continue
        if is_tagged(aws.call("kms.list_resource_tags", {"KeyId": one["KeyId"]}).get("Tags")):
            yield one["KeyId"], _aws("kms schedule-key-deletion --pending-window-in-days 7 --key-id", one["KeyId"])


def _secrets(aws: _There, _: Collection[str]) -> _Found:
    for one in aws.call("secretsmanager.list_secrets", {})["SecretList"]:
        # A secret that RDS manages goes with its database.
        if is_tagged(one.get("Tags")) and not one.get("DeletedDate") and one.get("OwningService") != "rds":
            delete = _aws("secretsmanager delete-secret --secret-id", one["Name"])
            yield one["Name"], f"{delete} --force-delete-without-recovery"


def _log_groups(aws: _There, names: Collection[str]) -> _Found:
    for one in aws.call("logs.describe_log_groups", {})["logGroups"]:
        name = one["logGroupName"]
        of_lab = _LOGS.match(name)
        arn = (one.get("logGroupArn") or one["arn"]).removesuffix(":*")
        # RDS makes the groups of its logs without our tag.
        ours = bool(of_lab and of_lab[1] in names)
        if ours or is_tagged(aws.call("logs.list_tags_for_resource", {"resourceArn": arn}).get("tags")):
            yield name, _aws("logs delete-log-group --log-group-name", name)


def _aws(command: str, name: str) -> str:
    return f"aws {command} {shlex.quote(name)}"


_LOOKS: dict[str, Callable[[_There, Collection[str]], _Found]] = {
    "instance": _instances,
    "cluster": _clusters,
    "manual snapshot": _snapshots,
    "manual cluster snapshot": _cluster_snapshots,
    "retained automated backup": _backups,
    "retained automated backup of a cluster": _cluster_backups,
    "KMS key": _keys,
    "secret": _secrets,
    "log group": _log_groups,
}
