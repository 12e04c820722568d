"""What a check finds on a sandbox, and what the learner is told of it.

A check looks at what is there, never at what was typed, and never passes without having looked.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgdojo.course.lab_records import (
    AwsCheck,
    Cause,
    Check,
    Condition,
    ConnectCheck,
    FileCheck,
    LogCheck,
    SqlCheck,
    Status,
)
from pgdojo.errors import LabError
from pgdojo.lab import kerberos
from pgdojo.lab.real import NotJudgedError
from pgdojo.lab.safe_sql import SqlFailedError, run_one, try_login

if TYPE_CHECKING:
    from pgdojo.lab.sandbox import Sandbox

PAUSE = 0.5
"""Seconds between two looks of a check that asks again."""
LEDGER = "ledger.json"
NULL = "null"
"""How a value that is not there is written in a condition."""

_LONGEST = 300
"""Characters of what was found that are told."""
_SHOWN_ROWS = 5
_MOST_FILES = 50
_MOST_BYTES = 1_000_000
_ROLES = ("postgres", "learner", "checker")

_UNREACHABLE = re.compile(
    r"connection refused|timeout expired|timed out|no such file or directory|server closed the connection|"
    r"could not translate host|network is unreachable|no route to host|connection reset|could not connect|"
    r"connection not open|57P0[123]",
    re.IGNORECASE,
)
_NOT_THE_LEARNERS = re.compile(r"08|53|57|55P03|42601|XX|F0|58")
"""SQLSTATEs that begin so speak of the server or of the check itself."""
_NOT_ANSWERED = (
    "500", "InternalError", "AccessDenied", "UnauthorizedOperation", "ExpiredToken", "InvalidClientTokenId",
    "UnrecognizedClient", "SignatureDoesNotMatch", "Throttling", "RequestLimitExceeded", "ServiceUnavailable",
)  # fmt: skip
"""Errors of the AWS API that begin so speak of it or of the access, and not of what was asked about."""
_SOME_REASON = "refused: "
_SECRETS = (
    (re.compile(r"(?i)(passw(?:or)?d|secret(?:_?access)?_?key)(\s*=\s*)('[^']*'|\S+)"), r"\1\2***"),
    (re.compile(r"(?i)(\"(?:password|secret|secretstring|masteruserpassword)\\*\"\s*:\s*\\*\")[^\"\\]*"), r"\1***"),
    (re.compile(r"(://[^:/@\s]+:)[^@\s]+(@)"), r"\1***\2"),
    (re.compile(r"(?i)(\bpassword\s+)('(?:[^']|'')*')"), r"\1***"),
    (re.compile(r"SCRAM-SHA-256\$\S+"), "***"),
    (re.compile(r"(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s]+"), r"\1***"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """How a check ended, as it is stored and shown; without any secret."""

    check: str
    status: Status
    expected: str
    found: str
    say: str
    why: str
    next: str
    cites: tuple[str, ...]
    log: str
    """What was looked at, for those who want to look themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """What there was to see."""

    value: str | None = None
    """The first value of the first row, as text."""
    rows: tuple[str, ...] = ()
    first: dict[str, str] = field(default_factory=dict)
    """The first row by its columns."""
    texts: tuple[str, ...] = ()
    """What `holds` looks in; the rows unless there is more."""
    error: str = ""
    reached: bool = True
    """False where nothing can be said of the learner."""
    connects: bool = False
    """Whether the error is what was to be found out."""


def run_check(check: Check, sandbox: Sandbox) -> Finding:
    """Look at the sandbox, again for as long as `retry` says, and say what is there.

    Raises:
        LabError: psycopg or boto3 is missing.
    """
    until = time.monotonic() + (check.retry.seconds if check.retry else 0)
    while True:
        finding = _once(check, sandbox)
        if finding.status == "passed" or time.monotonic() + PAUSE > until:
            return finding
        time.sleep(PAUSE)


def _once(check: Check, sandbox: Sandbox) -> Finding:
    teller = _Teller(check, sandbox)
    try:
        look, subject = _LOOKS[check.kind](check, sandbox)
        expect = _filled(check.expect, sandbox)
    except LabError as lacking:
        # Mostly a moment or a name that the learner has not made yet.
        return teller.tell("not_yet", found=str(lacking), log="")
    if _passes(look, expect):
        return teller.tell("passed", found=_in_words(look, expect), log=subject, expect=expect)
    cause = next((one for one in check.when if _fits(one, look, sandbox)), None)
    found = _in_words(look, expect)
    if cause is not None:
        return teller.tell(cause.status, found=found, log=subject, expect=expect, cause=cause)
    status: Status = "not_yet" if look.reached else "could_not_check"
    return teller.tell(status, found=found, log=subject, expect=expect)


def could_not(check: Check, reason: str) -> Finding:
    """The finding of a check that cannot be made where the lab runs, and why."""
    return Finding(
        check=check.id,
        status="could_not_check",
        expected=_expected(check.expect),
        found="nothing: it was not looked",
        say=reason,
        why=check.why,
        next="Read the step; a lab that is started on this machine checks it.",
        cites=check.cites,
        log="",
    )


def _passes(look: _Look, expect: Condition) -> bool:
    if look.error and not look.connects:
        return False
    if not meets(look, expect):
        return False
    # A server that is down refuses everybody; that must not pass for the refusal that was asked for.
    return look.reached or not meets(_Look(value=_SOME_REASON, rows=(_SOME_REASON,)), expect)


def _fits(cause: Cause, look: _Look, sandbox: Sandbox) -> bool:
    if cause.error is not None:
        return bool(look.error) and re.search(cause.error, look.error) is not None
    if cause.found is None or (look.error and not look.connects):
        return False
    return meets(look, _filled(cause.found, sandbox))


class _Teller:
    """Puts findings into words, without the sandbox's secrets."""

    def __init__(self, check: Check, sandbox: Sandbox) -> None:
        self._check, self._sandbox = check, sandbox
        self._secrets = secrets_of(sandbox)
        if isinstance(check, ConnectCheck) and check.password not in {"right", "wrong"}:
            self._secrets += (check.password,)

    def tell(
        self, status: Status, *, found: str, log: str, expect: Condition | None = None, cause: Cause | None = None
    ) -> Finding:
        check = self._check
        expected = _expected(expect or check.expect)
        return Finding(
            check=check.id,
            status=status,
            expected=self._clean(expected),
            found=self._clean(found),
            say=self._clean(self._fill(cause.say) if cause else _plainly(status, expected, found)),
            why=self._clean(self._fill((cause and cause.why) or check.why)),
            next="" if status == "passed" else self._clean(self._fill((cause and cause.next) or check.next)),
            cites=(cause and cause.cites) or check.cites,
            log=self._clean(log),
        )

    def _fill(self, text: str) -> str:
        with suppress(LabError):
            text = self._sandbox.fill(text)
        return text

    def _clean(self, text: str) -> str:
        return redact(text, self._secrets)


def _plainly(status: Status, expected: str, found: str) -> str:
    if status == "passed":
        return f"Found {found}, as it should be."
    if status == "could_not_check":
        return f"This could not be checked: {found}."
    return f"Expected {expected}; found {found}."


def _expected(condition: Condition) -> str:
    words = condition.in_words()
    return f"{condition.column}: {words}" if condition.column else words


def _in_words(look: _Look, expect: Condition) -> str:
    if look.error and not look.connects:
        return f"an error, {_short(look.error)}"
    if expect.rows is not None:
        return f"{len(look.rows)} row{'' if len(look.rows) == 1 else 's'}"
    if expect.holds is not None and look.rows:
        more = f" and {len(look.rows) - _SHOWN_ROWS} more" if len(look.rows) > _SHOWN_ROWS else ""
        return _short("; ".join(look.rows[:_SHOWN_ROWS])) + more
    if expect.column:
        return _short(look.first.get(expect.column, "nothing"))
    return "nothing" if look.value is None else _short(look.value) or "an empty text"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


# Conditions


def meets(look: _Look, condition: Condition) -> bool:
    """Whether what was seen is as every given field of `condition` says."""
    value = look.first.get(condition.column) if condition.column else look.value
    return (
        (condition.equals is None or same(NULL if value is None else value, condition.equals))
        and (condition.unlike is None or (value is not None and not same(value, condition.unlike)))
        and (condition.at_least is None or _is_number(value, lambda number: number >= Decimal(str(condition.at_least))))
        and (condition.at_most is None or _is_number(value, lambda number: number <= Decimal(str(condition.at_most))))
        and (condition.matches is None or (value is not None and re.search(condition.matches, value) is not None))
        and (not condition.one_of or (value is not None and any(same(value, one) for one in condition.one_of)))
        and (condition.rows is None or len(look.rows) == condition.rows)
        and (condition.holds is None or any(condition.holds in text for text in look.texts or look.rows))
    )


def same(one: str, other: str) -> bool:
    """Whether two values are equal: as numbers where both are, as true or false where both are, else as texts."""
    numbers = _number(one), _number(other)
    if None not in numbers:
        return numbers[0] == numbers[1]
    truths = _TRUTHS.get(one.strip().lower()), _TRUTHS.get(other.strip().lower())
    if None not in truths:
        return truths[0] == truths[1]
    return one.strip() == other.strip()


_TRUTHS = {"t": True, "true": True, "f": False, "false": False}


def _is_number(value: str | None, holds: Callable[[Decimal], bool]) -> bool:
    number = None if value is None else _number(value)
    return number is not None and holds(number)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _filled(condition: Condition, sandbox: Sandbox) -> Condition:
    texts = {name: getattr(condition, name) for name in ("equals", "unlike", "holds")}
    changed = {name: sandbox.fill(text) for name, text in texts.items() if text is not None}
    return condition.model_copy(update={**changed, "one_of": tuple(sandbox.fill(one) for one in condition.one_of)})


# Looking


def _look_by_sql(check: SqlCheck, sandbox: Sandbox) -> tuple[_Look, str]:
    sql = sandbox.fill(check.run)
    subject = f"{check.role} on {check.on}, {check.database}: {_short(sql)}"
    try:
        conninfo = sandbox.conninfo(check.on, check.role, database=check.database)
    except LabError as cause:
        # There is no such server, or not yet; which of both is for the causes to say.
        return _Look(error=str(cause), reached=False), subject
    try:
        found = run_one(conninfo, sql)
    except SqlFailedError as cause:
        error = str(cause)
        theirs = not _NOT_THE_LEARNERS.match(cause.code) if cause.code else cause.connected
        return _Look(error=error, reached=theirs and not _UNREACHABLE.search(error)), subject
    rows = tuple(" | ".join(as_text(value) for value in row) for row in found.rows)
    first = dict(zip(found.columns, map(as_text, found.rows[0]), strict=True)) if found.rows else {}
    value = as_text(found.rows[0][0]) if found.rows and found.columns else None
    return _Look(value=value, rows=rows, first=first), subject


def _look_by_login(check: ConnectCheck, sandbox: Sandbox) -> tuple[_Look, str]:
    options = {name: sandbox.fill(value) for name, value in check.options.items()}
    told = "".join(f" {name}={value}" for name, value in options.items())
    subject = f"{check.role} to {check.to}, {check.database}, with the {check.password} password{told}"
    if check.password not in {"right", "wrong"}:
        subject = f"{check.role} to {check.to}, {check.database}, with a password of its own{told}"
    password = sandbox.fill(check.password)
    try:
        conninfo = sandbox.conninfo(check.to, check.role, database=check.database, password=password, **options)
    except LabError as cause:
        return _Look(error=str(cause), reached=False), subject
    try:
        try_login(conninfo, kerberos.variables(sandbox.folder))
    except SqlFailedError as cause:
        value = f"{_SOME_REASON}{cause.text}"
        reached = not _UNREACHABLE.search(str(cause))
        return _Look(value=value, rows=(value,), error=str(cause), reached=reached, connects=True), subject
    return _Look(value="connected", rows=("connected",), connects=True), subject


def _look_at_files(check: FileCheck, sandbox: Sandbox) -> tuple[_Look, str]:
    pattern = sandbox.fill(check.path)
    if pattern == LEDGER:
        # The client writes its figures only when it stops or is asked for them.
        with suppress(LabError):
            sandbox.ledger()
    paths = sandbox.files(pattern)
    names = tuple(path.relative_to(sandbox.folder).as_posix() for path in paths)
    wants_text = check.text or check.json_path is not None or check.expect.holds is not None
    wants_text = wants_text or any(cause.found and cause.found.holds is not None for cause in check.when)
    texts = tuple(_content(path) for path in paths[:_MOST_FILES]) if wants_text else ()
    if check.json_path is not None:
        return _json_part(check.json_path, texts, names), f"{check.json_path} of {pattern}"
    if check.text:
        return _Look(value=texts[0] if texts else None, rows=names, texts=texts), pattern
    return _Look(value=str(len(paths)), rows=names, texts=texts), pattern


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode(errors="replace")
    except OSError:
        # It went away between the listing and the look.
        return ""


def _json_part(path: str, texts: Sequence[str], names: tuple[str, ...]) -> _Look:
    if not texts:
        return _Look(rows=names)
    try:
        return _part(json.loads(texts[0]), path)
    except ValueError:
        return _Look(error=f"{names[0]} is no JSON")


def _look_at_log(check: LogCheck, sandbox: Sandbox) -> tuple[_Look, str]:
    lines = tuple(sandbox.log_lines(check.on, check.matches))
    return _Look(value=str(len(lines)), rows=lines), f"lines like {check.matches} in the log of {check.on}"


def _look_by_aws(check: AwsCheck, sandbox: Sandbox) -> tuple[_Look, str]:
    params = _fill_all(check.params, sandbox)
    subject = f"{check.call} {json.dumps(params)}, of which {check.path}"
    try:
        rds = sandbox.rds
        if rds is None:
            return _Look(error="the AWS API of this lab does not run", reached=False), subject
        answer = rds.call(check.call, params)
    except NotJudgedError as cause:
        return _Look(error=str(cause), reached=False), subject
    except LabError as cause:
        return _Look(error=str(cause), reached=not _UNREACHABLE.search(str(cause))), subject
    except Exception as cause:  # noqa: BLE001 - botocore makes its errors at run time, with no base but this in reach
        return _aws_error(cause), subject
    return _part(answer, sandbox.fill(check.path)), subject


def _aws_error(cause: Exception) -> _Look:
    answer = getattr(cause, "response", None)
    if isinstance(answer, dict) and "Error" in answer:
        error = f"{answer['Error'].get('Code', '')}: {answer['Error'].get('Message', '')}"
        return _Look(error=error, reached=not error.startswith(_NOT_ANSWERED))
    # What is no answer of the API speaks of the simulator, not of the learner.
    return _Look(error=f"{type(cause).__name__}: {cause}", reached=False)


def _part(answer: Any, path: str) -> _Look:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        part = jmespath.search(path, answer)
    except JMESPathError as cause:
        return _Look(error=f"{path} cannot be followed: {cause}", reached=False)
    if isinstance(part, list):
        rows = tuple(as_text(one) for one in part)
        first = {name: as_text(value) for name, value in part[0].items()} if part and isinstance(part[0], dict) else {}
        return _Look(value=rows[0] if rows else None, rows=rows, first=first)
    if part is None:
        return _Look()
    first = {name: as_text(value) for name, value in part.items()} if isinstance(part, dict) else {}
    return _Look(value=as_text(part), rows=(as_text(part),), first=first)


def _fill_all(value: Any, sandbox: Sandbox) -> Any:
    if isinstance(value, str):
        return sandbox.fill(value)
    if isinstance(value, dict):
        return {name: _fill_all(part, sandbox) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_fill_all(part, sandbox) for part in value]
    return value


_LOOKS: dict[str, Callable[[Any, Sandbox], tuple[_Look, str]]] = {
    "sql": _look_by_sql,
    "connect": _look_by_login,
    "file": _look_at_files,
    "log": _look_at_log,
    "aws": _look_by_aws,
}


def as_text(value: Any) -> str:
    """A value of SQL or JSON as conditions are written: `true`, `null`, `12`, and JSON for what nests."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime | date):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str)
    return str(value)


# Secrets


def secrets_of(sandbox: Sandbox) -> tuple[str, ...]:
    """The passwords of the sandbox's roles."""
    found = []
    for role in _ROLES:
        with suppress(LabError):
            found.append(sandbox.password(role))
    return tuple(found)


def redact(text: str, secrets: Sequence[str] = ()) -> str:
    """`text` without `secrets`, and without whatever else is written like a password."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    for pattern, kept in _SECRETS:
        text = pattern.sub(kept, text)
    return text
