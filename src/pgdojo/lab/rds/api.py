"""Between moto's API and the fleet: calls that AWS refuses are refused, the others take effect.

moto keeps the records and answers the calls; its methods are wrapped here, in the child process alone.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.rds.exceptions import RDSClientError
from moto.rds.models import (
    DBCluster,
    DBInstance,
    DBParameterGroup,
    MasterUserSecret,
    RDSBackend,
    rds_backends,
)
from moto.rds.responses import RDSResponse
from moto.secretsmanager.models import SecretsManagerBackend

from pgdojo.errors import LabError
from pgdojo.lab.rds import rules, serverless
from pgdojo.lab.rds.fleet import ACCOUNT, Fleet, Key, Origin, Unit, group_name
from pgdojo.lab.rds.postgres import HOST
from pgdojo.lab.rds.rules import RefusedError

_log = logging.getLogger(__name__)

_PENDING = frozenset("db_instance_class multi_az engine_version allocated_storage storage_type iops".split())
"""What modify-db-instance leaves for the maintenance window unless it is to apply immediately."""

_STORAGE_ORDER = ("allocated_storage", "storage_type", "iops")
_STORAGE = frozenset(_STORAGE_ORDER)

_DEFAULT_KEY = "alias/aws/rds"
"""The AWS managed key, which RDS takes where a call names none."""

_INHERITED = """engine engine_version db_name allocated_storage storage_type iops storage_encrypted kms_key_id
    master_username license_model auto_minor_version_upgrade backup_retention_period copy_tags_to_snapshot
    db_instance_class""".split()
"""What a restored instance or a replica has from its source; all else is the default, as on AWS."""

_NOT_OF_INSTANCES = frozenset(
    """db_snapshot_identifier source_db_instance_identifier target_db_instance_identifier
    restore_time use_latest_restorable_time source_dbi_resource_id source_region""".split()
)


def random_password() -> str:
    """A password as Secrets Manager makes them: 28 characters that RDS takes."""
    return secrets.token_urlsafe(21)


def install(fleet: Fleet) -> None:
    """Wrap moto so that its records reach `fleet`."""
    _Instances(fleet).install()
    _Restores(fleet).install()
    _Groups(fleet).install()
    _Clusters(fleet).install()
    _Secrets(fleet).install()


def _refusing(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return method(*given, **named)
        except RefusedError as refused:
            raise RDSClientError(refused.code, refused.message) from refused
        except LabError as failed:
            raise RDSClientError("InternalFailure", str(failed)) from failed
        except ServiceException:
            raise
        except Exception as fault:
            _log.exception("%s failed", method.__name__)
            raise RDSClientError("InternalFailure", f"The simulator failed at this call ({fault!r}).") from fault

    return call


class _Wrapper:
    """Replaces methods of a class by methods of its own, and keeps what was there."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.moto: dict[str, Callable[..., Any]] = {}

    def install(self) -> None:
        raise NotImplementedError

    def wrap(self, owner: type, *names: str) -> None:
        for name in names:
            self.moto[name] = getattr(owner, name, _missing)
            mine = _refusing(getattr(self, name))
            setattr(owner, name, lambda target, *given, _mine=mine, **named: _mine(target, *given, **named))

    def ready(self, model: Any) -> Unit:
        unit = self.fleet.unit(model)
        if unit is None or not unit.built or model.status not in {"available", "modifying"}:
            raise RefusedError("InvalidDBInstanceState", f"Instance {model.resource_id} is not in available state.")
        return unit

    def changed(self, model: Any, status: str) -> None:
        unit = self.fleet.unit(model)
        if unit is not None and unit.built and model.status != "stopped":
            unit.revision += 1
            model.status = status
        self.fleet.kick()


def _missing(*_: Any, **__: Any) -> Any:
    raise RefusedError("InvalidAction", "The simulator has no such call.")


class _Instances(_Wrapper):
    """Instances from their creation to their end."""

    def install(self) -> None:
        self.wrap(RDSBackend, "create_db_instance", "modify_db_instance", "delete_db_instance")
        self.wrap(RDSBackend, "create_db_instance_read_replica", "promote_read_replica", "start_db_instance")
        self.wrap(RDSResponse, "reboot_db_instance")
        self.wrap(DBInstance, "remove_replica")
        DBInstance.endpoint = property(_endpoint)  # type: ignore[assignment, method-assign]
        DBInstance.address = property(lambda _: HOST)  # type: ignore[assignment, method-assign]
        DBInstance.latest_restorable_time = property(self._latest)  # type: ignore[assignment, method-assign]
        DBInstance.db_parameter_group_status_list = property(_group_status)  # type: ignore[assignment, method-assign]
        DBInstance.default_db_parameter_group_details = _default_group  # type: ignore[method-assign, assignment]

    def _latest(self, model: Any) -> datetime | None:
        return self.fleet.latest_restorable(self.fleet.unit(model)) if model.backup_retention_period else None

    def create_db_instance(self, backend: Any, wanted: dict[str, Any]) -> Any:
        """A new instance, of its own or of a cluster."""
        rules.check_class(str(wanted.get("db_instance_class")))
        if wanted.get("db_cluster_identifier"):
            if wanted["db_cluster_identifier"] not in backend.clusters:
                raise RefusedError("DBClusterNotFoundFault", f"DBCluster {wanted['db_cluster_identifier']} not found.")
            serverless.check_member(backend.clusters[wanted["db_cluster_identifier"]], wanted["db_instance_class"])
            model = self.moto["create_db_instance"](backend, wanted)
            self.fleet.adopt_member(model)
            return model
        if wanted.get("engine") != "postgres":
            raise RefusedError(
                "InvalidParameterValue", f"Invalid DB engine: {wanted.get('engine')}; the small RDS runs postgres only"
            )
        wanted["engine_version"] = rules.full_version(wanted.get("engine_version"), "postgres", self.fleet.versions)
        rules.check_master(wanted.get("master_username"))
        rules.check_database(wanted.get("db_name"))
        rules.check_storage(wanted.get("allocated_storage"), wanted.get("storage_type"), wanted.get("iops"))
        wanted["storage_type"] = wanted.get("storage_type") or rules.default_storage(wanted.get("iops"))
        if not wanted.get("manage_master_user_password"):
            rules.check_password(str(wanted.get("master_user_password") or ""))
        _check_group(backend, wanted.get("db_parameter_group_name"), wanted["engine_version"])
        _decide_reach(wanted)
        if wanted.get("storage_encrypted"):
            wanted["kms_key_id"] = _key_arn(backend, wanted.get("kms_key_id") or _DEFAULT_KEY)
        model = self.moto["create_db_instance"](backend, wanted)
        self.fleet.adopt(model, Origin())
        return model

    def modify_db_instance(self, backend: Any, name: str, wanted: dict[str, Any]) -> Any:
        """Changes now, or in PendingModifiedValues."""
        model = backend.describe_db_instances(name)[0]
        self._check_change(backend, model, wanted)
        if model.status in {"creating", "deleting", "failed"}:
            raise RefusedError("InvalidDBInstanceState", f"Instance {name} is not in available state.")
        pending = dict(getattr(model, "pending_modified_values", None) or {})
        if wanted.get("apply_immediately"):
            wanted = {**pending, **wanted}
            pending = {}
        else:
            pending |= {key: wanted.pop(key) for key in _PENDING & wanted.keys()}
        changed = self.moto["modify_db_instance"](backend, name, wanted)
        changed.pending_modified_values = pending
        self.changed(changed, "modifying")
        return changed

    def _check_change(self, backend: Any, model: Any, wanted: dict[str, Any]) -> None:
        if wanted.get("new_db_instance_identifier"):
            raise RefusedError("InvalidParameterValue", "The small RDS does not rename instances.")
        if wanted.get("db_instance_class"):
            rules.check_class(wanted["db_instance_class"])
        if wanted.get("master_user_password"):
            rules.check_password(wanted["master_user_password"])
        if (wanted.get("allocated_storage") or model.allocated_storage) < model.allocated_storage:
            raise RefusedError("InvalidParameterCombination", "Invalid storage size: storage cannot be reduced.")
        if _STORAGE & wanted.keys():
            rules.check_storage(*(wanted.get(one) or getattr(model, one, None) for one in _STORAGE_ORDER))
        if wanted.get("engine_version"):
            new = rules.full_version(wanted["engine_version"], "postgres", self.fleet.versions)
            rules.check_upgrade(model.engine_version, new, allowed=bool(wanted.get("allow_major_version_upgrade")))
            if rules.major_of(new) != rules.major_of(model.engine_version):
                raise RefusedError(
                    "InvalidParameterCombination", "The small RDS runs no major upgrade; the lab upgrade does."
                )
            wanted["engine_version"] = new
        if wanted.get("db_parameter_group_name"):
            _check_group(backend, wanted["db_parameter_group_name"], model.engine_version)

    def delete_db_instance(self, backend: Any, db_instance_identifier: str, **wanted: Any) -> Any:
        """Away with it, once nothing speaks against it."""
        model = backend.databases.get(db_instance_identifier)
        if model is not None and model.db_cluster_identifier is None and not model.is_replica:
            final, skip = wanted.get("final_db_snapshot_identifier"), wanted.get("skip_final_snapshot")
            if bool(final) == bool(skip):
                said = (
                    "is required unless SkipFinalSnapshot is specified"
                    if skip is None or not skip
                    else "cannot be given with SkipFinalSnapshot"
                )
                raise RefusedError("InvalidParameterCombination", f"FinalDBSnapshotIdentifier {said}.")
        deleted = self.moto["delete_db_instance"](backend, db_instance_identifier=db_instance_identifier, **wanted)
        self.fleet.kick()
        return deleted

    def start_db_instance(self, backend: Any, name: str) -> Any:
        """A stopped instance starts."""
        model = self.moto["start_db_instance"](backend, name)
        model.status = "starting"
        self.fleet.kick()
        return model

    def reboot_db_instance(self, response: Any) -> ActionResult:
        """A restart, or a failover where that is forced."""
        model = response.backend.describe_db_instances(response.params.get("DBInstanceIdentifier"))[0]
        unit = self.ready(model)
        force = bool(response.params.get("ForceFailover"))
        if force and not model.multi_az:
            raise RefusedError(
                "InvalidParameterCombination", "Reboot with failover is only possible for a Multi-AZ DB instance."
            )
        if force and len(unit.database.nodes) < 2:
            raise RefusedError("InvalidDBInstanceState", "The standby is not ready yet, so that it cannot take over.")
        if unit.key.kind == "cluster":
            raise RefusedError(
                "InvalidDBInstanceState", "The small RDS reboots no instance of a cluster; use failover-db-cluster."
            )
        unit.reboot = "failover" if force else "restart"
        self.changed(model, "rebooting")
        return ActionResult({"DBInstance": model})

    def create_db_instance_read_replica(self, backend: Any, wanted: dict[str, Any]) -> Any:
        """A streaming standby that is read."""
        name, given = wanted["db_instance_identifier"], wanted["source_db_instance_identifier"]
        source = backend.find_db_from_id(given)
        self.ready(source)
        if name in backend.databases:
            raise RefusedError("DBInstanceAlreadyExists", "DB instance already exists")
        if not source.backup_retention_period:
            raise RefusedError(
                "InvalidDBInstanceState",
                "Automated backups are not enabled for this database instance. To enable automated backups, use "
                "ModifyDBInstance to set the backup retention period to a non-zero value.",
            )
        props = inherited(source, wanted) | {"master_user_password": "", "backup_retention_period": 0}
        rules.check_class(props["db_instance_class"])
        replica = _record(DBInstance, backend, **props)
        replica.set_as_replica()
        cross = source.region != backend.region_name
        replica.source_db_instance_identifier = source.db_instance_arn if cross else source.db_instance_identifier
        backend.databases[name] = replica
        source.add_replica(replica)
        self.fleet.adopt(replica, Origin(source=Key(source.region, "db", source.db_instance_identifier)))
        return replica

    def promote_read_replica(self, backend: Any, wanted: dict[str, Any]) -> Any:
        """A replica becomes an instance of its own."""
        model = backend.describe_db_instances(wanted["db_instance_identifier"])[0]
        if not model.is_replica:
            raise RefusedError("InvalidDBInstanceState", f"DB Instance {model.resource_id} is not a read replica")
        unit = self.ready(model)
        source = backend.find_db_from_id(model.source_db_instance_identifier)
        source.remove_replica(model)
        model._master_user_password = unit.database.password  # noqa: SLF001 - moto has no other door to it
        model.backup_retention_period = wanted.get("backup_retention_period") or 1
        unit.promote = True
        self.changed(model, "modifying")
        return model

    def remove_replica(self, source: Any, replica: Any) -> None:
        """Also one in another Region, which is known by its ARN."""
        names = {replica.db_instance_identifier, replica.db_instance_arn}
        source.replicas = [one for one in source.replicas if one not in names]


class _Restores(_Wrapper):
    """Snapshots, and instances made of backups."""

    def install(self) -> None:
        self.wrap(RDSBackend, "create_db_snapshot", "copy_db_snapshot", "modify_db_snapshot_attribute")
        self.wrap(RDSBackend, "restore_db_instance_from_db_snapshot", "restore_db_instance_to_point_in_time")

    def create_db_snapshot(
        self,
        backend: Any,
        db_instance_identifier: str,
        db_snapshot_identifier: str,
        snapshot_type: str = "manual",
        **more: Any,
    ) -> Any:
        """A snapshot with a base backup behind it."""
        create = self.moto["create_db_snapshot"]
        model = backend.databases.get(db_instance_identifier)
        unit = None
        if model is not None and snapshot_type == "manual" and db_snapshot_identifier not in backend.database_snapshots:
            unit = self.ready(model)
        snapshot = create(backend, db_instance_identifier, db_snapshot_identifier, snapshot_type, **more)
        if unit is not None:
            snapshot.dojo_backup = unit.database.back_up()
            snapshot.dojo_password = unit.database.password
        return snapshot

    def copy_db_snapshot(self, backend: Any, **wanted: Any) -> Any:
        """The same backup under another name, or in another Region."""
        given = str(wanted.get("source_db_snapshot_identifier"))
        source = backend.get_db_snapshot(given)
        if getattr(source, "dojo_backup", None) is None:
            raise RefusedError("InvalidDBSnapshotState", f"The snapshot {given} is not in available state.")
        elsewhere = source.region != backend.region_name
        if source.encrypted and elsewhere and not wanted.get("kms_key_id"):
            raise RefusedError(
                "InvalidParameterCombination", "KmsKeyId must be given to copy an encrypted snapshot to another Region."
            )
        if wanted.get("kms_key_id"):
            wanted["kms_key_id"] = _key_arn(backend, wanted["kms_key_id"])
        snapshot = self.moto["copy_db_snapshot"](backend, **wanted)
        # moto looks at the instance for a key, yet the source may be an encrypted copy of an unencrypted instance's.
        snapshot.kms_key_id = wanted.get("kms_key_id") or source.kms_key_id
        snapshot.encrypted = snapshot.storage_encrypted = snapshot.kms_key_id is not None
        if elsewhere:
            snapshot.source_db_snapshot_identifier, snapshot.source_region = source.db_snapshot_arn, source.region
        snapshot.dojo_backup = source.dojo_backup
        snapshot.dojo_password = getattr(source, "dojo_password", None)
        return snapshot

    def modify_db_snapshot_attribute(
        self,
        backend: Any,
        db_snapshot_identifier: str,
        attribute_name: str,
        values_to_add: list[str] | None = None,
        values_to_remove: list[str] | None = None,
    ) -> Any:
        """Sharing, with the limits of encryption."""
        snapshot = backend.get_db_snapshot(db_snapshot_identifier)
        if snapshot.snapshot_type == "automated":
            raise RefusedError(
                "InvalidParameterValue",
                "The parameter DBSnapshotIdentifier is not a valid identifier: an automated snapshot cannot be shared.",
            )
        rules.check_accounts(values_to_add or ())
        if snapshot.encrypted and "all" in (values_to_add or ()):
            raise RefusedError("InvalidParameterValue", "An encrypted snapshot cannot be shared with everyone.")
        if snapshot.encrypted and values_to_add and snapshot.kms_key_id == _key_arn(backend, _DEFAULT_KEY):
            raise RefusedError(
                "InvalidDBSnapshotState", "A snapshot that is encrypted with the default key aws/rds cannot be shared."
            )
        share = self.moto["modify_db_snapshot_attribute"]
        return share(backend, db_snapshot_identifier, attribute_name, values_to_add, values_to_remove)

    def restore_db_instance_from_db_snapshot(self, backend: Any, name: str, wanted: dict[str, Any]) -> Any:
        """A new instance as the snapshot was."""
        snapshot = backend.get_db_snapshot(name)
        backup = getattr(snapshot, "dojo_backup", None)
        if backup is None:
            raise RefusedError("InvalidDBSnapshotState", f"The snapshot {name} is not in available state.")
        props = inherited(snapshot.database, wanted)
        props |= {"kms_key_id": snapshot.kms_key_id, "storage_encrypted": snapshot.encrypted}
        props["master_user_password"] = getattr(snapshot, "dojo_password", None) or _present_password(
            self.fleet, snapshot.database
        )
        return self._restored(backend, props, Origin(backup=backup))

    def restore_db_instance_to_point_in_time(
        self, backend: Any, source_name: str, target: str, wanted: dict[str, Any]
    ) -> Any:
        """A new instance as the source was at a time."""
        source = backend.describe_db_instances(source_name)[0]
        unit = self.ready(source)
        if not source.backup_retention_period or not unit.database.backups:
            raise RefusedError("PointInTimeRestoreNotEnabled", f"Automated backups are not enabled for {source_name}.")
        until = _restore_time(wanted)
        if until is not None:
            latest = self.fleet.latest_restorable(unit) or until
            rules.check_restore_time(until, unit.database.backups[0].finished.replace(microsecond=0), latest)
        props = inherited(source, wanted) | {"db_instance_identifier": target}
        props["master_user_password"] = unit.database.password
        if target in backend.databases:
            raise RefusedError("DBInstanceAlreadyExists", "DB instance already exists")
        unit.database.archive_now()
        backup = unit.database.backup_before(until) or unit.database.backups[0]
        return self._restored(backend, props, Origin(backup=backup, archive=unit.database, until=until))

    def _restored(self, backend: Any, props: dict[str, Any], origin: Origin) -> Any:
        name = props["db_instance_identifier"]
        if name in backend.databases:
            raise RefusedError("DBInstanceAlreadyExists", "DB instance already exists")
        rules.check_class(props["db_instance_class"])
        _decide_reach(props)
        _check_group(backend, props.get("db_parameter_group_name"), props["engine_version"])
        model = _record(DBInstance, backend, **props)
        backend.databases[name] = model
        model.add_event("DB_INSTANCE_CREATE")
        model.save_automated_backup()
        self.fleet.adopt(model, origin)
        return model


def inherited(source: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """What an instance that is made of another one is created with."""
    props = {name: getattr(source, name, None) for name in _INHERITED}
    asked = {key: value for key, value in wanted.items() if value is not None and key not in _NOT_OF_INSTANCES}
    return {key: value for key, value in (props | asked).items() if value is not None}


def _decide_reach(wanted: dict[str, Any]) -> None:
    """In the default VPC, which has a way to the internet, an instance is public unless the call says otherwise."""
    if not wanted.get("db_subnet_group_name") and wanted.get("publicly_accessible") is None:
        wanted["publicly_accessible"] = True


def _key_arn(backend: Any, given: str) -> str:
    """The ARN of a KMS key of the backend's Region, for an id, an alias or an ARN.

    Raises:
        RefusedError: There is none that can be used.
    """
    refused = RefusedError(
        "KMSKeyNotAccessibleFault",
        f"The specified KMS key [{given}] does not exist, is not enabled or you do not have permissions to access it.",
    )
    try:
        arn = str(backend._validate_kms_key(given))  # noqa: SLF001 - moto has no other door to it
        state = backend.kms.describe_key(arn).key_state
    except (KeyError, AttributeError, ServiceException) as cause:
        # For an alias that there is not, moto stumbles over None.
        raise refused from cause
    if state != "Enabled":
        raise refused
    return arn


def _record(kind: Any, *given: Any, **named: Any) -> Any:
    # moto's classes inherit abstract methods that they never need; only types see them.
    return kind(*given, **named)


def _present_password(fleet: Fleet, model: Any) -> str:
    unit = fleet.unit(model)
    return unit.database.password if unit else str(getattr(model, "_master_user_password", "") or random_password())


def _restore_time(wanted: dict[str, Any]) -> datetime | None:
    given, latest = wanted.get("restore_time"), wanted.get("use_latest_restorable_time")
    if (given is None) == (not latest):
        raise RefusedError("InvalidParameterCombination", "Give either RestoreTime or UseLatestRestorableTime.")
    if given is None:
        return None
    time = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _endpoint(model: Any) -> dict[str, Any] | None:
    port = getattr(model, "dojo_port", None)
    return {"Address": HOST, "Port": port} if port and model.status not in {"creating", "failed"} else None


def _default_group(model: Any) -> tuple[str, str]:
    family = f"{model.engine}{rules.major_of(model.engine_version)}"
    return family, f"default.{family}"


def _group_status(model: Any) -> list[dict[str, str]]:
    group = model.db_parameter_groups()[0]
    status = getattr(model, "dojo_apply_status", "in-sync")
    return [{"DBParameterGroupName": group.name, "ParameterApplyStatus": status}]


def _check_group(backend: Any, name: str | None, version: str) -> None:
    if not name:
        return
    family = f"postgres{rules.major_of(version)}"
    if name == f"default.{family}" and name not in backend.db_parameter_groups:
        description = f"Default parameter group for {family}"
        backend.db_parameter_groups[name] = _record(DBParameterGroup, backend, name, description, family)
    group = backend.db_parameter_groups.get(name)
    if group is None:
        raise RefusedError("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    if group.family != family:
        raise RefusedError(
            "InvalidParameterCombination",
            f"The parameter group {name} with DBParameterGroupFamily {group.family} cannot be used for this instance; "
            f"use a group of {family}.",
        )


class _Groups(_Wrapper):
    """Parameter groups."""

    def install(self) -> None:
        self.wrap(
            RDSBackend, "create_db_parameter_group", "modify_db_parameter_group", "modify_db_cluster_parameter_group"
        )
        self.wrap(RDSResponse, "describe_db_parameters", "reset_db_parameter_group")

    def create_db_parameter_group(self, backend: Any, wanted: dict[str, Any]) -> Any:
        """A group of a family that there is."""
        rules.check_family(str(wanted.get("db_parameter_group_family")))
        return self.moto["create_db_parameter_group"](backend, wanted)

    def modify_db_parameter_group(
        self, backend: Any, db_parameter_group_name: str, db_parameter_group_parameters: Any
    ) -> Any:
        """Parameters that there are, with values that fit."""
        changes = list(db_parameter_group_parameters)
        self._check(db_parameter_group_name, changes)
        group = self.moto["modify_db_parameter_group"](backend, db_parameter_group_name, changes)
        self.fleet.kick()
        return group

    def modify_db_cluster_parameter_group(
        self, backend: Any, db_cluster_parameter_group_name: str, db_cluster_parameter_group_parameters: Any
    ) -> Any:
        """The same for clusters."""
        changes = list(db_cluster_parameter_group_parameters)
        self._check(db_cluster_parameter_group_name, changes)
        group = self.moto["modify_db_cluster_parameter_group"](backend, db_cluster_parameter_group_name, changes)
        self.fleet.kick()
        return group

    def _check(self, name: str, changes: list[dict[str, Any]]) -> None:
        if name.startswith("default."):
            raise RefusedError(
                "InvalidParameterValue", f"The parameter group {name} is a default group and cannot be modified."
            )
        rules.check_parameters(changes, self.fleet.parameters())

    def describe_db_parameters(self, response: Any) -> ActionResult:
        """Every parameter of the family, with the group's values over the defaults."""
        name, source = response.params.get("DBParameterGroupName"), response.params.get("Source")
        groups = response.backend.db_parameter_groups
        if name and name.startswith("default.postgres"):
            _check_group(response.backend, name, name.removeprefix("default.postgres"))
        if name not in groups:
            raise RefusedError("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
        own = groups[name].parameters
        listed = [_described(one, own.get(one.name)) for one in self.fleet.parameters().values()]
        extra = [
            {**one, "Source": "user", "IsModifiable": True}
            for key, one in own.items()
            if key not in self.fleet.parameters()
        ]
        chosen = [one for one in [*listed, *extra] if source is None or one["Source"] == source]
        return ActionResult({"Parameters": sorted(chosen, key=lambda one: one["ParameterName"])})

    def reset_db_parameter_group(self, response: Any) -> ActionResult:
        """Back to the defaults, which moto has no call for."""
        name = response.params.get("DBParameterGroupName")
        if name not in response.backend.db_parameter_groups:
            raise RefusedError("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
        own = response.backend.db_parameter_groups[name].parameters
        given = {one["ParameterName"] for one in response.params.get("Parameters") or []}
        for one in list(own) if response.params.get("ResetAllParameters") or not given else given:
            own.pop(one, None)
        self.fleet.kick()
        return ActionResult({"DBParameterGroupName": name})


def _described(parameter: rules.Parameter, own: dict[str, Any] | None) -> dict[str, Any]:
    described = {
        "ParameterName": parameter.name,
        "ParameterValue": parameter.default or None,
        "ApplyType": "static" if parameter.static else "dynamic",
        "ApplyMethod": "pending-reboot",
        "DataType": parameter.kind.lower(),
        "Source": "engine-default",
        "IsModifiable": True,
    }
    return {**described, **own, "Source": "user"} if own else described


class _Clusters(_Wrapper):
    """Aurora clusters."""

    def install(self) -> None:
        self.wrap(RDSBackend, "create_db_cluster", "failover_db_cluster", "delete_db_cluster", "modify_db_cluster")
        self.wrap(RDSResponse, "enable_http_endpoint", "disable_http_endpoint")
        DBCluster.endpoint = property(lambda _: HOST)  # type: ignore[assignment, method-assign]
        DBCluster.reader_endpoint = property(self._reader)  # type: ignore[assignment, method-assign]
        DBCluster.enable_http_endpoint = property(  # type: ignore[assignment, method-assign]
            lambda cluster: cluster._enable_http_endpoint,  # noqa: SLF001 - moto's own attribute
            lambda cluster, value: setattr(cluster, "_enable_http_endpoint", bool(value)),
        )

    def _reader(self, cluster: Any) -> str:
        unit = self.fleet.unit(cluster)
        return unit.ports[f"reader:{cluster.resource_id}"][0] if unit else HOST

    def create_db_cluster(self, backend: Any, wanted: dict[str, Any]) -> Any:
        """A cluster, whose servers come with its first instance."""
        if wanted.get("engine") != "aurora-postgresql":
            raise RefusedError(
                "InvalidParameterValue",
                f"Invalid DB engine: {wanted.get('engine')}; the small RDS runs aurora-postgresql only",
            )
        if wanted["db_cluster_identifier"] in backend.clusters:
            raise RefusedError("DBClusterAlreadyExistsFault", "DB Cluster already exists")
        wanted["engine_version"] = rules.full_version(
            wanted.get("engine_version"), "aurora-postgresql", self.fleet.versions
        )
        rules.check_master(wanted.get("master_username"))
        rules.check_database(wanted.get("database_name"))
        if not wanted.get("manage_master_user_password"):
            rules.check_password(str(wanted.get("master_user_password") or ""))
        _set_range(wanted)
        major = rules.major_of(wanted["engine_version"])
        wanted.setdefault("db_cluster_parameter_group_name", f"default.aurora-postgresql{major}")
        cluster = self.moto["create_db_cluster"](backend, wanted)
        unit = self.fleet.adopt(cluster, Origin())
        cluster.port = unit.ports[f"writer:{cluster.resource_id}"][1]
        return cluster

    def modify_db_cluster(self, backend: Any, wanted: dict[str, Any]) -> Any:
        """Changes of a cluster."""
        if wanted.get("master_user_password"):
            rules.check_password(wanted["master_user_password"])
        if wanted.get("new_db_cluster_identifier"):
            raise RefusedError("InvalidParameterValue", "The small RDS does not rename clusters.")
        _set_range(wanted, backend.clusters.get(wanted["db_cluster_identifier"]))
        cluster = self.moto["modify_db_cluster"](backend, wanted)
        self.fleet.kick()
        return cluster

    def failover_db_cluster(self, backend: Any, *given: Any, **named: Any) -> Any:
        """Another instance becomes the writer."""
        cluster = self.moto["failover_db_cluster"](backend, *given, **named)
        self.fleet.kick()
        return cluster

    def delete_db_cluster(self, backend: Any, *given: Any, **named: Any) -> Any:
        """Away with an empty cluster."""
        cluster = self.moto["delete_db_cluster"](backend, *given, **named)
        self.fleet.kick()
        return cluster

    def enable_http_endpoint(self, response: Any) -> ActionResult:
        """The Data API on, which moto has no call for."""
        return self._switch_http(response, on=True)

    def disable_http_endpoint(self, response: Any) -> ActionResult:
        """The Data API off."""
        return self._switch_http(response, on=False)

    def _switch_http(self, response: Any, *, on: bool) -> ActionResult:
        arn = str(response.params.get("ResourceArn"))
        cluster = response.backend.clusters.get(arn.rsplit(":", 1)[-1])
        if cluster is None:
            raise RefusedError("ResourceNotFoundFault", f"{arn} not found.")
        cluster.enable_http_endpoint = on
        return ActionResult({"ResourceArn": arn, "HttpEndpointEnabled": on})


def _set_range(wanted: dict[str, Any], cluster: Any = None) -> None:
    """Make the capacity range of a call whole, where it has one."""
    if wanted.get("serverless_v2_scaling_configuration"):
        present = getattr(cluster, "serverless_v2_scaling_configuration", None)
        wanted["serverless_v2_scaling_configuration"] = serverless.checked_range(
            wanted["serverless_v2_scaling_configuration"], present
        )


class _Secrets(_Wrapper):
    """Secrets that hold database passwords: a rotation changes the password in the server as well."""

    def install(self) -> None:
        self.wrap(SecretsManagerBackend, "rotate_secret")
        self.moto["get_secret_value"] = SecretsManagerBackend.get_secret_value
        SecretsManagerBackend.get_secret_value = self._current  # type: ignore[method-assign]
        MasterUserSecret._generate_secret_string = _secret_string  # type: ignore[method-assign, assignment] # noqa: SLF001

    @property
    def _current(self) -> Callable[..., Any]:
        moto = self.moto["get_secret_value"]

        def get_secret_value(backend: Any, secret_id: str, version_id: str | None, version_stage: str | None) -> Any:
            # Without a stage moto may answer with an old version; AWS answers with the current one.
            return moto(backend, secret_id, version_id, version_stage or (None if version_id else "AWSCURRENT"))

        return get_secret_value

    def rotate_secret(self, backend: Any, secret_id: str, *given: Any, **named: Any) -> Any:
        """What AWS's own rotation function does for one user; other secrets are rotated as moto does it."""
        secret = backend.secrets.get(secret_id)
        held = _held(secret)
        unit = self._unit_of(secret, held)
        if unit is None or not held.get("username"):
            return self.moto["rotate_secret"](backend, secret_id, *given, **named)
        held["password"] = random_password()
        role = None if secret.name.startswith("rds!") else held["username"]
        unit.database.set_password(held["password"], role=role)
        if role == unit.database.master:
            _remember(unit, held["password"])
        backend.put_secret_value(secret_id, json.dumps(held), None, None, ["AWSCURRENT"])
        secret.rotation_enabled = True
        self.fleet.kick()
        return secret.to_short_dict()

    def _unit_of(self, secret: Any, held: dict[str, Any]) -> Unit | None:
        for unit in self.fleet.units.values():
            model = _model(unit.key)
            own = getattr(model, "master_user_secret", None)
            if own is not None and secret is not None and own.secret_arn == secret.arn and unit.built:
                return unit
            named = held.get("dbInstanceIdentifier") or held.get("dbClusterIdentifier")
            ports = {port for _, port in unit.ports.values()}
            if unit.built and held and (named == unit.key.id or held.get("port") in ports):
                return unit
        return None


def _model(key: Key) -> Any:
    backend = rds_backends[ACCOUNT][key.region]
    return (backend.databases if key.kind == "db" else backend.clusters).get(key.id)


def _remember(unit: Unit, password: str) -> None:
    model = _model(unit.key)
    if model is not None and getattr(model, "master_user_secret", None) is None:
        model._master_user_password = password  # noqa: SLF001 - moto has no other door to it


def _held(secret: Any) -> dict[str, Any]:
    versions = getattr(secret, "versions", None) or {}
    current: dict[str, Any] = next((one for one in versions.values() if "AWSCURRENT" in one["version_stages"]), {})
    try:
        held = json.loads(current.get("secret_string") or "{}")
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _secret_string(secret: Any) -> str:
    return json.dumps({"username": secret.resource.master_username, "password": random_password()})


__all__ = ["group_name", "install"]
