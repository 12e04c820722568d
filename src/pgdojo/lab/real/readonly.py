"""The AWS API of a learner's account, through clients that can only read.

Three walls: a hook before a call is built, another before it is sent, and no client that has not both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pgdojo.errors import LabError
from pgdojo.lab.rds import typed
from pgdojo.lab.real import AS_BOTO3, NotJudgedError

READING = ("Describe", "Get", "List")
HANDS_OUT_SECRETS = frozenset({"GetSecretValue", "GetSessionToken", "GetFederationToken", "GetPasswordData"})
"""They begin as readers do, and what they give must not come into a finding."""

_BY_KEY_ID = frozenset({"get_key_rotation_status", "list_resource_tags", "get_key_policy"})
"""Calls of KMS that do not know an alias."""
_SIGN_IN = "Sign in with the AWS CLI (aws sts get-caller-identity must answer), or name another one with --profile."


class ReadOnlyAws:
    """What `SmallRds.call` is for the simulator: the checks' way to the AWS API."""

    def __init__(self, profile: str | None = None, region: str | None = None) -> None:
        """Take the credentials of boto3's default chain, or those of `profile`.

        Raises:
            LabError: boto3 is missing, there is no such profile, or no Region is known.
        """
        try:
            import boto3  # type: ignore[import-untyped]
            from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
        except ImportError as cause:
            raise LabError("Labs on an account need boto3.", next_step="Run pip install 'pgdojo[labs]'.") from cause
        try:
            self._session = boto3.Session(profile_name=profile, region_name=region)
        except BotoCoreError as cause:
            raise LabError(f"The AWS credentials cannot be used: {cause}.", next_step=_SIGN_IN) from cause
        if not self._session.region_name:
            raise LabError("No Region is set.", next_step="Name one: --region eu-central-1.")
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def region(self) -> str:
        """The Region in which everything is looked for."""
        return str(self._session.region_name)

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of boto3 that refuses whatever does not read."""
        key = service, region or self.region
        if key not in self._clients:
            self._clients[key] = self._guarded(*key)
        return self._clients[key]

    def _guarded(self, service: str, region: str) -> Any:
        from botocore.config import Config  # type: ignore[import-untyped]
        from botocore.exceptions import BotoCoreError

        config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=30)
        try:
            client = self._session.client(service, region_name=region, config=config)
        except (BotoCoreError, ValueError) as cause:
            raise NotJudgedError(f"{service} cannot be asked: {cause}.", next_step=_SIGN_IN) from cause
        # On the client, not on the session: with a role in the profile, boto3 itself has to call AssumeRole.
        client.meta.events.register_first("before-parameter-build", _refuse_to_build)
        client.meta.events.register_first("before-call", _refuse_to_build)
        client.meta.events.register_first("before-send", _refuse_to_send)
        return client

    def call(self, name: str, params: Mapping[str, Any]) -> Any:
        """Call the AWS API, over all pages of the answer.

        Args:
            name: As in `rds.describe_db_instances`.
            params: Its parameters, as text where they come from a lab; `Region` is the Region that is called, and
                rotation calls of KMS take an alias as their `KeyId`.

        Raises:
            NotJudgedError: The account cannot be reached, or the credentials have ended.
            LabError: There is no such call, or it does more than read.
            botocore.exceptions.ClientError: It was refused.
        """
        from botocore.exceptions import BotoCoreError

        service, _, method = name.partition(".")
        region = params.get("Region")
        client = self.client(service, region)
        shape = input_shape(client, name)
        asked = {key: value for key, value in params.items() if key != "Region"}
        if method in _BY_KEY_ID and str(asked["KeyId"]).startswith("alias/"):
            asked["KeyId"] = self.key_id(asked["KeyId"], region)
        given = typed(asked, shape) if shape is not None else {}
        try:
            if client.can_paginate(method):
                return client.get_paginator(method).paginate(**given).build_full_result()
            return getattr(client, method)(**given)
        except BotoCoreError as cause:
            raise NotJudgedError(f"{name} could not be asked: {cause}.", next_step=_SIGN_IN) from cause

    def key_id(self, key: str, region: str | None) -> str:
        """The id of a KMS key that is named by its alias."""
        client = self.client("kms", region)
        return str(client.describe_key(KeyId=key)["KeyMetadata"]["KeyId"])

    def output_shape(self, name: str) -> Any:
        """What the answer of a call is made of, as botocore knows it."""
        service, _, method = name.partition(".")
        client = self.client(service)
        return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).output_shape


def input_shape(client: Any, name: str) -> Any:
    """What the parameters of a call are made of.

    Raises:
        LabError: There is no such call, or it does more than read.
    """
    operation = client.meta.method_to_api_mapping.get(name.partition(".")[2])
    if operation is None:
        raise LabError(f"The AWS API has no call {name}.", next_step=AS_BOTO3)
    must_read(operation)
    return client.meta.service_model.operation_model(operation).input_shape


def must_read(operation: str) -> None:
    """Refuse an operation of the API, such as DeleteDBInstance, that does more than read.

    Raises:
        LabError: Its name does not begin with Describe, Get or List, or it hands out a secret.
    """
    if operation.startswith(READING) and operation not in HANDS_OUT_SECRETS:
        return
    raise LabError(
        f"pgdojo does not call {operation} on an account: it only calls Describe, Get and List.",
        next_step="Do it yourself, with the command that the step shows.",
    )


def _refuse_to_build(model: Any, **_: Any) -> None:
    must_read(model.name)


def _refuse_to_send(event_name: str, **_: Any) -> None:
    must_read(event_name.rsplit(".", 1)[-1])
