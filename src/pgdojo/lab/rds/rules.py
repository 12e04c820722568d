"""What the real AWS refuses and moto would let pass: pure rules over the parameters of a call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NEWEST_MINOR = {13: "13.23", 14: "14.20", 15: "15.15", 16: "16.11", 17: "17.7", 18: "18.1"}
"""What a bare major version becomes where the engine at hand has another one."""

_CLASS = re.compile(
    r"db\.(?:serverless"
    r"|(?:t3|t4g|m5d?|m6gd?|m6id?|m6i|m7g|m7i|m8g|r5[bd]?|r6gd?|r6id?|r6i|r7g|r7i|r8g|x1e?|x2g|x2iedn|z1d)"
    r"\.(?:micro|small|medium|large|\d{0,2}xlarge))"
)
_FAMILY = re.compile(r"(?:aurora-)?postgres(?:ql)?(\d+)")
_RESERVED = frozenset({"admin", "rdsadmin", "rds_superuser", "rdsrepladmin", "checker", "public"})
_FORBIDDEN = frozenset(
    """archive_command archive_library archive_mode archive_timeout config_file data_directory hba_file
    hot_standby ident_file listen_addresses log_destination log_directory log_filename logging_collector
    port primary_conninfo primary_slot_name restore_command ssl ssl_ca_file ssl_cert_file ssl_key_file
    synchronous_standby_names unix_socket_directories""".split()
)
_OF_EXTENSIONS = re.compile(r"(?:pg_stat_statements|pgaudit|auto_explain|pg_hint_plan|cron|pglogical|plpgsql)\.[a-z_]+")
_OF_RDS = {
    "rds.accepted_password_auth_method": False,
    "rds.adaptive_autovacuum": False,
    "rds.allowed_extensions": False,
    "rds.force_admin_logging_level": False,
    "rds.force_autovacuum_logging_level": False,
    "rds.force_ssl": False,
    "rds.log_retention_period": False,
    "rds.logical_replication": True,
    "rds.restrict_password_commands": True,
    "shared_preload_libraries": True,
}
_STORAGE = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100}
"""The least GiB of each type; magnetic storage was retired on 30 April 2026."""
_LARGEST = 65536
_STRIPED = 400
"""GiB from which gp3 has four volumes, and takes IOPS beyond its baseline."""
_SWITCHES = frozenset("0 1 on off true false yes no".split())


class RefusedError(Exception):
    """A call that AWS would refuse, with AWS's code for it."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code and the message apart, as AWS answers them."""
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that a server has."""

    name: str
    kind: str
    static: bool
    default: str
    lowest: float | None = None
    highest: float | None = None


def parameters(described: str) -> dict[str, Parameter]:
    """The parameters in the output of `postgres --describe-config`, and those of RDS itself."""
    known = {name: Parameter(name, "STRING", static, "") for name, static in _OF_RDS.items()}
    known["rds.force_ssl"] = Parameter("rds.force_ssl", "BOOLEAN", static=False, default="1")
    for line in described.splitlines():
        fields = line.split("\t")
        if len(fields) < 7 or fields[0] in known:
            continue
        name, context, _, kind, default, lowest, highest = fields[:7]
        limits = (float(lowest), float(highest)) if kind in {"INTEGER", "REAL"} else (None, None)
        known[name] = Parameter(name, kind, context == "postmaster", default, *limits)
    return known


def check_class(name: str) -> None:
    """Refuse an instance class that there is not."""
    if not _CLASS.fullmatch(name):
        raise RefusedError("InvalidParameterValue", f"Invalid DB Instance class: {name}")


def full_version(wanted: str | None, engine: str, own: Mapping[int, str]) -> str:
    """The version with its minor for what a call asks for; `own` are the versions at hand by major.

    Raises:
        RefusedError: RDS has no such version.
    """
    if not wanted:
        return next(iter(own.values()))
    found = re.fullmatch(r"(1[3-8])(\.\d{1,2})?", wanted)
    if found is None:
        raise RefusedError("InvalidParameterCombination", f"Cannot find version {wanted} for {engine}")
    major = int(found[1])
    return wanted if found[2] else own.get(major, NEWEST_MINOR[major])


def major_of(version: str) -> int:
    """The major version."""
    return int(version.partition(".")[0])


def check_upgrade(old: str, new: str, *, allowed: bool) -> None:
    """Refuse a step down, and a major upgrade that was not allowed in so many words."""
    if major_of(new) < major_of(old):
        raise RefusedError("InvalidParameterCombination", f"Cannot upgrade postgres from {old} to {new}")
    if major_of(new) > major_of(old) and not allowed:
        raise RefusedError(
            "InvalidParameterCombination",
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
        )


def check_password(password: str) -> None:
    """Refuse a master password that RDS would not take."""
    what = "The parameter MasterUserPassword is not a valid password"
    if len(password) < 8:
        raise RefusedError("InvalidParameterValue", f"{what} because it is shorter than 8 characters.")
    if len(password) > 128:
        raise RefusedError("InvalidParameterValue", f"{what} because it is longer than 128 characters.")
    if any(char in '/@" ' or not " " < char <= "~" for char in password):
        raise RefusedError(
            "InvalidParameterValue", f"{what}. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used."
        )


def check_master(name: str | None) -> None:
    """Refuse a master user that RDS would not create."""
    if not name:
        raise RefusedError(
            "InvalidParameterValue", "The parameter MasterUsername must be provided and must not be blank."
        )
    if name.lower() in _RESERVED or name.lower().startswith("pg_"):
        raise RefusedError(
            "InvalidParameterValue", f"MasterUsername {name} cannot be used as it is a reserved word used by the engine"
        )
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
        raise RefusedError("InvalidParameterValue", "The parameter MasterUsername is not a valid identifier.")


def check_database(name: str | None) -> None:
    """Refuse a first database whose name RDS would not take."""
    if name and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
        raise RefusedError(
            "InvalidParameterValue", "DBName must begin with a letter and contain only alphanumeric characters."
        )


def check_storage(gigabytes: Any, kind: str | None, iops: Any = None) -> None:
    """Refuse a type of storage that there is not, a size out of its range, and IOPS that cannot be ordered with it."""
    kind = kind or default_storage(iops)
    if kind not in _STORAGE:
        raise RefusedError("InvalidParameterValue", f"Invalid storage type: {kind}")
    if gigabytes is not None and not _STORAGE[kind] <= int(gigabytes) <= _LARGEST:
        message = f"Invalid storage size for engine name postgres and storage type {kind}: {gigabytes}"
        raise RefusedError("InvalidParameterValue", message)
    if kind == "gp3" and iops and int(gigabytes or 0) < _STRIPED:
        raise RefusedError(
            "InvalidParameterCombination",
            "You can't specify IOPS or storage throughput for engine postgres and a storage size less than "
            f"{_STRIPED}.",
        )


def default_storage(iops: Any) -> str:
    """The type of storage where a call names none."""
    return "io1" if iops else "gp3"


def check_accounts(given: Iterable[str]) -> None:
    """Refuse to share with what is neither an account nor all of them."""
    for account in given:
        if account != "all" and not re.fullmatch(r"\d{12}", account):
            raise RefusedError("InvalidParameterValue", f"Invalid AWS account ID: {account}")


def check_restore_time(wanted: datetime, earliest: datetime, latest: datetime) -> None:
    """Refuse a time that no backup reaches."""
    if not earliest <= wanted <= latest:
        message = (
            f"The specified restore time {wanted:%Y-%m-%dT%H:%M:%SZ} is not valid. The instance can be restored to a "
            f"time from {earliest:%Y-%m-%dT%H:%M:%SZ} to {latest:%Y-%m-%dT%H:%M:%SZ}."
        )
        raise RefusedError("InvalidParameterValue", message)


def check_family(family: str) -> None:
    """Refuse a family of parameter groups that there is not."""
    found = _FAMILY.fullmatch(family)
    if found is None or not 13 <= int(found[1]) <= 18:
        raise RefusedError(
            "InvalidParameterValue", f"ParameterGroupFamily {family} is not a valid parameter group family"
        )


def check_parameters(changes: Iterable[Mapping[str, Any]], known: Mapping[str, Parameter]) -> None:
    """Refuse names that there are not, values out of range, and a static parameter that should hold at once."""
    for change in changes:
        name, value = str(change.get("ParameterName", "")), str(change.get("ParameterValue", ""))
        if name in _FORBIDDEN:
            raise RefusedError("InvalidParameterCombination", f"The parameter {name} cannot be modified.")
        parameter = known.get(name)
        if parameter is None and not _OF_EXTENSIONS.fullmatch(name):
            raise RefusedError("InvalidParameterValue", f"Could not find parameter with name: {name}")
        if parameter is None:
            continue
        if parameter.static and change.get("ApplyMethod") == "immediate":
            raise RefusedError(
                "InvalidParameterCombination", f"cannot use immediate apply method for static parameter: {name}"
            )
        _check_value(parameter, value)


def _check_value(parameter: Parameter, value: str) -> None:
    if "{" in value:
        return
    if parameter.kind == "BOOLEAN" and value.lower() not in _SWITCHES:
        message = f"Invalid parameter value: {value} for: {parameter.name} allowed values are: 0,1"
        raise RefusedError("InvalidParameterValue", message)
    if parameter.lowest is None or parameter.highest is None:
        return
    try:
        fits = parameter.lowest <= float(value) <= parameter.highest
    except ValueError:
        fits = False
    if not fits:
        allowed = f"{parameter.lowest:g}-{parameter.highest:g}"
        raise RefusedError(
            "InvalidParameterValue",
            f"Invalid parameter value: {value} for: {parameter.name} allowed values are: {allowed}",
        )


def settings_of(group: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The settings that a group asks for; formulas over the memory of a class are left out."""
    values = {
        name: str(one["ParameterValue"]) for name, one in group.items() if one.get("ParameterValue") not in {None, ""}
    }
    return {name: value for name, value in values.items() if "{" not in value}


def settings_now(
    group: Mapping[str, Mapping[str, Any]], live: Mapping[str, str], known: Mapping[str, Parameter]
) -> tuple[dict[str, str], bool]:
    """What of a group may hold without a reboot, and whether anything waits for one."""
    wanted = settings_of(group)
    waits = {
        name
        for name in wanted.keys() | live.keys()
        if wanted.get(name) != live.get(name)
        and ((name in known and known[name].static) or group.get(name, {}).get("ApplyMethod") == "pending-reboot")
    }
    now = {name: value for name, value in wanted.items() if name not in waits}
    now |= {name: live[name] for name in waits if name in live}
    return now, bool(waits)


def force_ssl(settings: Mapping[str, str], version: str) -> bool:
    """Whether clear text is refused: by default from PostgreSQL 15 on."""
    default = "1" if major_of(version) >= 15 else "0"
    return settings.get("rds.force_ssl", default).lower() in {"1", "on", "true", "yes"}
