"""The RDS Data API: SQL over HTTP, run in a cluster's writer as the user whose secret is named."""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as clock_time
from decimal import Decimal
from typing import Any

import psycopg
from moto.rds.models import rds_backends
from moto.secretsmanager.models import secretsmanager_backends
from psycopg.types.json import Jsonb

from pgdojo.lab.rds.fleet import ACCOUNT, Fleet, Key
from pgdojo.lab.rds.postgres import HOST

PATHS = frozenset("/Execute /BatchExecute /BeginTransaction /CommitTransaction /RollbackTransaction".split())

_IDLE_SECONDS = 180
_LARGEST_ANSWER = 1024 * 1024
_PARTS = re.compile(
    r"""'(?:[^']|'')*' | "[^"]*" | --[^\n]* | /\*.*?\*/ | \$(\w*)\$.*?\$\1\$ | :: | :([A-Za-z_]\w*) | %""",
    re.VERBOSE | re.DOTALL,
)
_HINTS: dict[str, Callable[[str], Any]] = {
    "DATE": date.fromisoformat,
    "DECIMAL": Decimal,
    "JSON": lambda text: Jsonb(json.loads(text)),
    "TIME": clock_time.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
    "UUID": uuid.UUID,
}


class DataApiError(Exception):
    """What the Data API answers instead of a result."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        """Keep the name of the error, as boto3 shows it, and its HTTP status."""
        super().__init__(message)
        self.kind = kind
        self.status = status


def named_to_pyformat(statement: str) -> str:
    """Turn `:name` into psycopg's `%(name)s`, outside of strings, comments and casts."""

    def turn(found: re.Match[str]) -> str:
        if found[2]:
            return f"%({found[2]})s"
        return found[0].replace("%", "%%")

    return _PARTS.sub(turn, statement)


def value_of(parameter: Mapping[str, Any]) -> Any:
    """The Python value of one SqlParameter.

    Raises:
        DataApiError: It has none, or one that its type hint does not fit.
    """
    value = parameter.get("value") or {}
    if value.get("isNull"):
        return None
    if "stringValue" in value and parameter.get("typeHint") in _HINTS:
        try:
            return _HINTS[parameter["typeHint"]](value["stringValue"])
        except (ValueError, ArithmeticError) as cause:
            raise DataApiError(
                "BadRequestException", f"{parameter.get('name')} is no {parameter['typeHint']}."
            ) from cause
    if "blobValue" in value:
        return base64.b64decode(value["blobValue"])
    for name in ("stringValue", "longValue", "doubleValue", "booleanValue"):
        if name in value:
            return value[name]
    raise DataApiError("BadRequestException", f"The parameter {parameter.get('name')} has no value that is supported.")


def field_of(value: Any) -> dict[str, Any]:
    """One value of a row as a Field of the answer."""
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"longValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, (bytes, memoryview)):
        return {"blobValue": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, list):
        return {"arrayValue": {"stringValues": [_text(one) for one in value]}}
    return {"stringValue": _text(value)}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)


@dataclass
class _Transaction:
    connection: psycopg.Connection[Any]
    lock: threading.Lock = field(default_factory=threading.Lock)
    used: float = field(default_factory=time.monotonic)


class DataApi:
    """The five calls, and the transactions that are open."""

    def __init__(self, fleet: Fleet) -> None:
        """Serve the clusters of `fleet`."""
        self._fleet = fleet
        self._open: dict[str, _Transaction] = {}

    def answer(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one call.

        Raises:
            DataApiError: It cannot be carried out.
        """
        self._expire()
        calls = {
            "/Execute": self._execute,
            "/BatchExecute": self._batch,
            "/BeginTransaction": self._begin,
            "/CommitTransaction": self._commit,
            "/RollbackTransaction": self._roll_back,
        }
        try:
            return calls[path](body)
        except psycopg.Error as cause:
            state = f"; SQLState: {cause.sqlstate}" if cause.sqlstate else ""
            message = f"ERROR: {str(cause).strip().splitlines()[0] if str(cause) else 'the statement failed'}{state}"
            raise DataApiError("DatabaseErrorException", message) from cause

    def _connect(self, body: Mapping[str, Any]) -> psycopg.Connection[Any]:
        arn = str(body.get("resourceArn", ""))
        found = re.fullmatch(r"arn:aws:rds:([a-z0-9-]+):\d{12}:cluster:([A-Za-z0-9-]+)", arn)
        cluster = rds_backends[ACCOUNT][found[1]].clusters.get(found[2]) if found else None
        if found is None or cluster is None:
            raise DataApiError("BadRequestException", f"{arn or 'The empty ARN'} is no cluster's ARN.")
        if not cluster.http_endpoint_enabled:
            raise DataApiError("BadRequestException", f"HttpEndpoint is not enabled for resource {arn}")
        unit = self._fleet.units.get(Key(found[1], "cluster", cluster.db_cluster_identifier))
        if unit is None or unit.database.primary is None:
            raise DataApiError("DatabaseUnavailableException", "The cluster has no instance that is up.", 504)
        user, password = self._secret(found[1], str(body.get("secretArn", "")))
        return psycopg.connect(
            host=HOST,
            port=unit.database.primary.port,
            user=user,
            password=password,
            dbname=body.get("database") or cluster.database_name or "postgres",
            connect_timeout=5,
            sslmode="disable",
            gssencmode="disable",
            options="-c statement_timeout=45000",
            application_name="rds-data",
        )

    def _secret(self, region: str, arn: str) -> tuple[str, str]:
        backend = secretsmanager_backends[ACCOUNT][region]
        try:
            held = backend.get_secret_value(arn, None, "AWSCURRENT")  # type: ignore[arg-type]
            values = json.loads(held["SecretString"])
            return str(values["username"]), str(values["password"])
        except Exception as cause:
            message = f"The secret {arn} cannot be read, or holds no username and password."
            raise DataApiError("BadRequestException", message) from cause

    def _execute(self, body: Mapping[str, Any]) -> dict[str, Any]:
        given = {one.get("name", ""): value_of(one) for one in body.get("parameters") or []}
        return self._run(body, lambda cursor: self._one(cursor, body, given))

    def _one(self, cursor: psycopg.Cursor[Any], body: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        cursor.execute(named_to_pyformat(str(body.get("sql", ""))).encode(), given)
        if cursor.description is None:
            return {"numberOfRecordsUpdated": max(cursor.rowcount, 0), "generatedFields": []}
        rows = cursor.fetchall()
        names = [column.name for column in cursor.description]
        answer: dict[str, Any] = {"numberOfRecordsUpdated": 0}
        if body.get("formatRecordsAs") == "JSON":
            answer["formattedRecords"] = json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=_text)
        else:
            answer["records"] = [[field_of(value) for value in row] for row in rows]
        if body.get("includeResultMetadata"):
            answer["columnMetadata"] = _metadata(cursor)
        if len(json.dumps(answer)) > _LARGEST_ANSWER:
            raise DataApiError("BadRequestException", "Database returned more than the allowed response size limit")
        return answer

    def _batch(self, body: Mapping[str, Any]) -> dict[str, Any]:
        sets: Sequence[Any] = body.get("parameterSets") or [[]]
        statement = named_to_pyformat(str(body.get("sql", ""))).encode()

        def run(cursor: psycopg.Cursor[Any]) -> dict[str, Any]:
            for one in sets:
                cursor.execute(statement, {parameter.get("name", ""): value_of(parameter) for parameter in one})
            return {"updateResults": [{"generatedFields": []} for _ in sets]}

        return self._run(body, run)

    def _run(self, body: Mapping[str, Any], work: Callable[[psycopg.Cursor[Any]], dict[str, Any]]) -> dict[str, Any]:
        if body.get("transactionId"):
            transaction = self._transaction(body)
            with transaction.lock, transaction.connection.cursor() as cursor:
                transaction.used = time.monotonic()
                return work(cursor)
        with self._connect(body) as connection, connection.cursor() as cursor:
            return work(cursor)

    def _begin(self, body: Mapping[str, Any]) -> dict[str, Any]:
        name = secrets.token_urlsafe(24)
        self._open[name] = _Transaction(self._connect(body))
        return {"transactionId": name}

    def _commit(self, body: Mapping[str, Any]) -> dict[str, Any]:
        transaction = self._transaction(body)
        del self._open[body["transactionId"]]
        with transaction.connection as connection:
            connection.commit()
        return {"transactionStatus": "Transaction Committed"}

    def _roll_back(self, body: Mapping[str, Any]) -> dict[str, Any]:
        transaction = self._transaction(body)
        del self._open[body["transactionId"]]
        transaction.connection.rollback()
        transaction.connection.close()
        return {"transactionStatus": "Rollback Complete"}

    def _transaction(self, body: Mapping[str, Any]) -> _Transaction:
        transaction = self._open.get(str(body.get("transactionId")))
        if transaction is None:
            raise DataApiError("BadRequestException", f"Transaction {body.get('transactionId')} is not found")
        return transaction

    def _expire(self) -> None:
        for name, transaction in list(self._open.items()):
            if time.monotonic() - transaction.used > _IDLE_SECONDS:
                self._open.pop(name, None)
                transaction.connection.close()


def _metadata(cursor: psycopg.Cursor[Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": column.name,
            "label": column.name,
            "typeName": column.type_display.split("(")[0],
            "precision": column.precision or 0,
            "scale": column.scale or 0,
        }
        for column in cursor.description or ()
    ]
