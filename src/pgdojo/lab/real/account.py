"""The guard before a lab begins on an account: whose it is, and whether it is meant for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pgdojo.errors import LabError
from pgdojo.lab.real import TAG, VALUE, NotJudgedError
from pgdojo.lab.real.readonly import ReadOnlyAws

PARAMETER = "/pgdojo/training"
"""The SSM parameter that marks an account whose tags cannot be read."""

_CANNOT_BE_READ = frozenset(
    """AccessDenied AccessDeniedException AWSOrganizationsNotInUseException TargetNotFoundException
    UnauthorizedOperation UnsupportedAPIEndpointException""".split()
)
"""What Organizations answers to an account that may not ask it, or is in none; all else is an error."""
_HOW = (
    f"Take an account that is for training alone. Its administrator tags it {TAG}={VALUE} in AWS Organizations or, "
    f"where its tags cannot be read from it, creates the SSM parameter {PARAMETER} with the value {VALUE} in this "
    "Region."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account that the credentials lead to."""

    id: str
    caller: str
    """The ARN of the user or role."""
    region: str
    marked_by: str
    """What says that it is for training."""


def identify(aws: ReadOnlyAws) -> tuple[str, str]:
    """The account's id and the caller's ARN.

    Raises:
        LabError: The credentials lead nowhere.
    """
    answer = _asked(aws, "sts.get_caller_identity", {})
    if isinstance(answer, str):
        raise NotJudgedError(
            f"AWS does not take the credentials ({answer}).", next_step="Sign in again with the AWS CLI."
        )
    return str(answer["Account"]), str(answer["Arn"])


def training_account(aws: ReadOnlyAws) -> Account:
    """The account, where it is marked as one for training.

    Raises:
        LabError: It is not, or there is no saying.
    """
    number, caller = identify(aws)
    tags = _asked(aws, "organizations.list_tags_for_resource", {"ResourceId": number})
    if isinstance(tags, str):
        return Account(id=number, caller=caller, region=aws.region, marked_by=_by_parameter(aws, number, tags))
    if any((tag["Key"], tag["Value"]) == (TAG, VALUE) for tag in tags["Tags"]):
        return Account(id=number, caller=caller, region=aws.region, marked_by=f"its tag {TAG}={VALUE}")
    # An account whose tags can be read is what they say; a parameter does not overrule its administrator.
    raise LabError(f"The account {number} does not carry the tag {TAG}={VALUE}.", next_step=_HOW)


def _by_parameter(aws: ReadOnlyAws, number: str, unread: str) -> str:
    if unread not in _CANNOT_BE_READ:
        raise LabError(f"The tags of the account {number} could not be read ({unread}).", next_step="Try again.")
    found = _asked(aws, "ssm.get_parameter", {"Name": PARAMETER})
    if isinstance(found, str):
        raise LabError(
            f"Nothing marks the account {number} as one for training: its tags cannot be read ({unread}), "
            f"and neither can the parameter {PARAMETER} ({found}).",
            next_step=_HOW,
        )
    if found["Parameter"]["Value"] != VALUE:
        raise LabError(f"The parameter {PARAMETER} of the account {number} is not {VALUE}.", next_step=_HOW)
    return f"the SSM parameter {PARAMETER}"


def _asked(aws: ReadOnlyAws, name: str, params: dict[str, Any]) -> Any:
    """The answer of a call, or as a text the code with which it was refused."""
    from botocore.exceptions import ClientError  # type: ignore[import-untyped]

    try:
        return aws.call(name, params)
    except ClientError as cause:
        return str(cause.response.get("Error", {}).get("Code", "") or "no code")
