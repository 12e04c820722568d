"""What of an answer belongs to the lab: that which carries its tag."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pgdojo.lab.real import TAG, VALUE, NotJudgedError

FIELDS = ("TagList", "Tags", "tags")
_NAMES = ("DBInstanceIdentifier", "DBClusterIdentifier", "DBSnapshotIdentifier", "Name", "Arn", "ARN")


def is_tagged(tags: Any) -> bool:
    """Whether `tags`, as any of the services writes them, say training=true."""
    if isinstance(tags, dict):
        return tags.get(TAG) == VALUE
    pairs = ((one.get("Key", one.get("TagKey")), one.get("Value", one.get("TagValue"))) for one in tags or ())
    return (TAG, VALUE) in pairs


def names_in(value: Any) -> set[str]:
    """Every text in `value`, however deep."""
    if isinstance(value, str):
        return {value}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return {name for part in parts for name in names_in(part)}


def only_tagged(
    name: str, params: Mapping[str, Any], answer: dict[str, Any], shape: Any, sources: Callable[[], Collection[str]]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An answer without what the lab has not made, and the names of what was left out.

    Args:
        name: The call, for what is said.
        params: What was asked for; an answer about a tagged thing by its name is the lab's as a whole.
        answer: As boto3 gives it.
        shape: What botocore knows of it.
        sources: The names of what is tagged, asked for where the answer itself carries no tags.

    Raises:
        NotJudgedError: Nothing in such an answer says to whom it belongs.
    """
    lists = {
        key: member.member.members
        for key, member in shape.members.items()
        if member.type_name == "list" and member.member.type_name == "structure" and key not in FIELDS
    }
    own = _field(shape.members)
    if own is not None:
        return (answer, ()) if is_tagged(answer.get(own)) else ({}, (_name(answer),))
    if not lists or not all(_field(one) or "SourceIdentifier" in one for one in lists.values()):
        if names_in(dict(params)) & set(sources()):
            return answer, ()
        raise NotJudgedError(
            f"Nothing says that what {name} tells of belongs to the lab.",
            next_step=f"Add the tag {TAG}={VALUE} to what it is asked about.",
        )
    kept, left = dict(answer), list[str]()
    for key, members in lists.items():
        kept[key], out = _parted(answer.get(key) or [], members, sources)
        left += out
    return kept, tuple(left)


def _parted(
    items: list[dict[str, Any]], members: Collection[str], sources: Callable[[], Collection[str]]
) -> tuple[list[dict[str, Any]], list[str]]:
    field = _field(members)
    if field is None:
        known = sources()
        return [one for one in items if one.get("SourceIdentifier") in known], []
    ours = [one for one in items if is_tagged(one.get(field))]
    return ours, [_name(one) for one in items if not is_tagged(one.get(field))]


def _field(members: Collection[str]) -> str | None:
    return next((field for field in FIELDS if field in members), None)


def _name(item: dict[str, Any]) -> str:
    return str(next((item[key] for key in _NAMES if key in item), "one without a name"))
