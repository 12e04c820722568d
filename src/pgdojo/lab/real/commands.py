"""Calls of the AWS API as the commands that a learner copies."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pgdojo.course.lab_records import Command, Operation
from pgdojo.errors import LabError
from pgdojo.lab.rds import typed
from pgdojo.lab.real import AS_BOTO3, TAG, VALUE

OWN_PASSWORD = '"$PGDOJO_LAB_PASSWORD"'  # noqa: S105 - the name of a variable
"""What stands in place of a password that is printed in a lab: on an account, the learner's own."""

OTHER_ACCOUNT = '"$OTHER_ACCOUNT"'
"""What stands in place of an account's id that is printed in a lab: whoever has that one, it is not the learner."""

_OTHERS = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")
_MAKES = re.compile(r"\baws (?:rds|secretsmanager) (?:create|restore|copy)-[a-z-]+\b|\baws kms create-key\b")
_PASSWORD = re.compile(r"(--(?:master-user-)?password) (?!\")\S+")
_SHOWN_PASSWORDS = frozenset({"MasterUserPassword", "SecretString"})


def as_command(name: str, params: Mapping[str, Any]) -> str:
    """A call of boto3, such as `rds.create_db_instance`, as a command of the AWS CLI; what it makes is tagged.

    Raises:
        LabError: There is no such call.
    """
    from botocore import xform_name  # type: ignore[import-untyped]

    service, _, method = name.partition(".")
    shape = shape_of(name, output=False)
    asked = {key: value for key, value in params.items() if key != "Region"}
    given = typed(asked, shape) if shape is not None else asked
    words = ["aws", service, method.replace("_", "-")]
    for key, value in given.items():
        words += _option(xform_name(key, "-"), key, value)
    words += ["--region", shlex.quote(params["Region"])] if "Region" in params else []
    return _OTHERS.sub(OTHER_ACCOUNT, " ".join([*words, *_tags(method, shape, given)]))


def _option(option: str, key: str, value: Any) -> list[str]:
    if key in _SHOWN_PASSWORDS:
        return [f"--{option}", OWN_PASSWORD]
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return [f"--{option}", *map(shlex.quote, value)]
    if isinstance(value, list | dict):
        return [f"--{option}", shlex.quote(json.dumps(value, default=str))]
    return [f"--{option}", shlex.quote(str(value))]


def _tags(method: str, shape: Any, given: Mapping[str, Any]) -> list[str]:
    member = shape.members.get("Tags") if shape is not None else None
    if member is None or "Tags" in given or not method.startswith(("create_", "restore_", "copy_")):
        return []
    names = sorted(member.member.members) if member.type_name == "list" else []
    return (
        ["--tags", ",".join(f"{name}={text}" for name, text in zip(names, (TAG, VALUE), strict=True))] if names else []
    )


def to_copy(operation: Operation) -> tuple[str, str]:
    """What a learner copies in place of a button, and its language; for what AWS has no call for, both are empty."""
    if operation.aws is not None:
        return as_command(operation.aws, operation.params), "bash"
    if operation.sql is not None:
        return operation.sql, "sql"
    return "", ""


def for_account(command: Command) -> str:
    """A command of a step as it is meant on an account: with the tag, and without the lab's printed password."""
    if command.language != "shell":
        return command.run
    text = _OTHERS.sub(OTHER_ACCOUNT, _PASSWORD.sub(rf"\1 {OWN_PASSWORD}", command.run))
    if not _MAKES.search(text) or "--tags" in text:
        return text
    key = "Tag" if "aws kms" in text else ""
    return f"{text} --tags {key}Key={TAG},{key}Value={VALUE}"


def shape_of(name: str, *, output: bool) -> Any:
    """What the parameters or the answer of a call are made of, as botocore knows them.

    Raises:
        LabError: There is no such call.
    """
    from botocore import xform_name

    service, _, method = name.partition(".")
    model = _model(service)
    operation = next((one for one in model.operation_names if xform_name(one) == method), None)
    if operation is None:
        raise LabError(f"The AWS API has no call {name}.", next_step=AS_BOTO3)
    found = model.operation_model(operation)
    return found.output_shape if output else found.input_shape


@lru_cache(maxsize=16)
def _model(service: str) -> Any:
    import botocore.session  # type: ignore[import-untyped]
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    try:
        return botocore.session.Session().get_service_model(service)
    except BotoCoreError as cause:
        raise LabError(f"The AWS API has no service {service}.") from cause
