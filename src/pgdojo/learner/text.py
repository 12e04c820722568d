"""Rules for text and times at the journal's door; pure functions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from pgdojo.errors import UsageError

IDENTIFIER_LENGTH = 255
"""Characters; two of them in one index stay below what a page of PostgreSQL's B-tree takes."""

TITLE_LENGTH = 60
"""Characters of a title made from a question, the ellipsis included."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """Drop what no database stores alike: NUL and lone surrogates."""
    return _UNSTORABLE.sub("", text)


def clean_json(value: Any) -> Any:
    """Clean every text within `value`, names of fields included; tuples become lists, as JSON has them."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean_json(name): clean_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(part) for part in value]
    return value


def identifier(text: str) -> str:
    """Return `text` if it can name a row.

    Unlike prose it is refused instead of cleaned: cleaning could turn one learner's name into another's.

    Raises:
        UsageError: It is empty, too long, or holds NUL or a lone surrogate.
    """
    if not text or len(text) > IDENTIFIER_LENGTH or _UNSTORABLE.search(text):
        raise UsageError(
            f"{text[:40]!r} cannot name a learner, a conversation, a passage or an event.",
            next_step=f"Give 1 to {IDENTIFIER_LENGTH} characters without NUL.",
        )
    return text


def require_aware(moment: datetime) -> None:
    """Refuse a time without a zone.

    Raises:
        ValueError: `moment` is naive.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"{moment!r} has no time zone. Give an aware time, such as datetime.now(UTC).")


def utc_now() -> datetime:
    """Return the present moment, aware."""
    return datetime.now(UTC)


def title_of(question: str) -> str:
    """Cut `question` to one line of at most `TITLE_LENGTH` characters, at a word where there is one."""
    line = " ".join(question.split())
    if len(line) <= TITLE_LENGTH:
        return line
    whole_words = line[:TITLE_LENGTH].rpartition(" ")[0]
    return f"{whole_words or line[: TITLE_LENGTH - 1]}…"
