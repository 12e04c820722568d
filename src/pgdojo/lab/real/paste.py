"""Answers of the AWS CLI that a learner pastes: read, freed of whatever is secret, and asked like the API."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pgdojo.errors import LabError, UsageError
from pgdojo.lab.checks import redact
from pgdojo.lab.real import NotJudgedError
from pgdojo.lab.real.commands import as_command, shape_of

ACCOUNT = "000000000000"
"""What stands for every account's id."""
MOST = 2_000_000
"""Characters that are read."""

_AS_JSON = "Run the command again with --output json and without --query, and paste all of it."
_SECRET_KEY = re.compile(
    r"(?i)passw(?:or)?d$|^secretstring$|^secretbinary$|^secretaccesskey$|^accesskeyid$|token$|^privatekey|^plaintext"
)
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z.])\d{12}(?![0-9A-Za-z.])")
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")
_ARN = re.compile(r"\barn:[a-z-]+:[a-z0-9-]+:([a-z0-9-]+):")
_TABLE = re.compile(r"^[-+|=]{3,}|^\|", re.MULTILINE)
_YAML = re.compile(r"^(?:- )?[A-Za-z]\w*:(?:\s|$)")
_UNSAID = frozenset({"Marker", "NextToken", "nextToken", "ResponseMetadata", "NextMarker", "Truncated"})


def read(text: str) -> tuple[Any, ...]:
    """The answers in `text`, one or several after another, without passwords, tokens, keys and account ids.

    Raises:
        UsageError: It is no JSON; the message says where, and holds nothing of what was pasted.
    """
    rest = text.lstrip("﻿").rstrip()
    if not rest.strip():
        raise UsageError("Nothing was pasted.", next_step=_AS_JSON)
    if len(rest) > MOST:
        raise UsageError(f"That is more than {MOST} characters.", next_step="Paste the answer for one resource.")
    if rest.lstrip()[0] not in "{[":
        raise UsageError(f"This is {_kind(rest.lstrip())}, and not JSON.", next_step=_AS_JSON)
    return tuple(clean(one) for one in _answers(rest))


def _kind(text: str) -> str:
    if _TABLE.search(text):
        return "the output table"
    if _YAML.match(text):
        return "the output yaml"
    return "the output text, or something else"


def _answers(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        try:
            answer, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as cause:
            where = f"line {cause.lineno}, column {cause.colno}"
            raise UsageError(f"This is no JSON: {cause.msg} in {where}.", next_step=_AS_JSON) from None
        except (ValueError, RecursionError):
            raise UsageError("This is no JSON of the AWS CLI.", next_step=_AS_JSON) from None
        yield answer
        at = next((place for place in range(at, len(text)) if not text[place].isspace()), len(text))


def clean(value: Any, key: str = "") -> Any:
    """`value` without what is secret, and with one account's id for all."""
    if isinstance(value, Mapping):
        return {_text(name): clean(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [clean(one, key) for one in value]
    if _SECRET_KEY.search(key) and value is not None and not isinstance(value, bool):
        return "***"
    if isinstance(value, str):
        return _text(value)
    return ACCOUNT if isinstance(value, int) and re.fullmatch(r"\d{12}", str(value)) and "ccount" in key else value


def _text(text: str) -> str:
    return redact(_ACCESS_KEY.sub("***", without_accounts(text)))


class PastedAws:
    """What `SmallRds.call` is for the simulator: the pasted answers that fit to the call."""

    def __init__(self, answers: Sequence[Any], asked: Sequence[tuple[str, str | None]] = ()) -> None:
        """Answer from `answers`, as `read` gives them.

        Args:
            answers: What was pasted.
            asked: The calls that the step's checks make, and the Region of each, None for the lab's own.
        """
        self._answers = answers
        self._asked = asked

    def call(self, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The pasted answer to a call.

        Raises:
            NotJudgedError: Nothing that was pasted is one, or there is no saying of which Region it tells; with the
                command whose output would be.
        """
        fields = set(shape_of(name, output=True).members) - _UNSAID
        whole = [one for one in self._answers if isinstance(one, dict)]
        fitting = [one for one in whole if fields & set(one) and _agrees(one, params)]
        regions = {region for call, region in self._asked if call == name}
        if len(regions) > 1:
            fitting = _of_region(fitting, params.get("Region"), regions)
        if not fitting:
            problem = f"What was pasted is no answer to {name}" if self._answers else "Nothing was pasted yet"
            raise NotJudgedError(f"{problem}.", next_step=f"Paste what this prints: {asking(name, params)}")
        return _joined(fitting, params)


def asking(name: str, params: Mapping[str, Any]) -> str:
    """The command whose output answers a call."""
    return f"{as_command(name, params)} --output json"


def _of_region(answers: list[dict[str, Any]], region: str | None, regions: Collection[str | None]) -> list[Any]:
    """The answers of one Region among several, told by the ARNs in them; without an ARN there is no telling."""
    others = {one for one in regions if one}
    told = [(one, set(_ARN.findall(json.dumps(one)))) for one in answers]
    if region is not None:
        return [one for one, found in told if region in found]
    return [one for one, found in told if found and not found & others]


def _agrees(answer: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether an answer about one thing is about the one that was asked for."""
    parts = [answer, *(part for part in answer.values() if isinstance(part, Mapping))]
    return all(
        str(part[key]) == str(one) for part in parts for key, one in params.items() if key in part and _plain(one)
    )


def _joined(answers: Sequence[Mapping[str, Any]], params: Mapping[str, Any]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for answer in answers:
        for field, value in answer.items():
            if isinstance(value, list):
                joined[field] = joined.get(field, []) + [one for one in value if _is_asked_for(one, params)]
            else:
                joined[field] = value
    return joined


def _is_asked_for(item: Any, params: Mapping[str, Any]) -> bool:
    """Whether the parameters would have picked an item, as far as it carries them."""
    if not isinstance(item, Mapping):
        return True
    return all(str(item[key]) == str(one) for key, one in params.items() if key in item and _plain(one))


def _plain(value: Any) -> bool:
    return isinstance(value, str | int) and not str(value).startswith("alias/")


def without_accounts(text: str) -> str:
    """`text` with one id for all accounts."""
    return _ACCOUNT.sub(ACCOUNT, text)


def must_be_text(data: bytes) -> str:
    """The text of a file to be pasted.

    Raises:
        LabError: It is none.
    """
    try:
        return data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except UnicodeDecodeError as cause:
        raise LabError("The file is no text.", next_step=_AS_JSON) from cause
