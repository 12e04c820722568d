"""The journal's tables: one per kind of event, appended to and never changed.

The migrations build them; a test compares both. Types guard the door, so that no statement can go around it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from pgdojo.learner.text import IDENTIFIER_LENGTH, clean, clean_json, identifier, require_aware

VERSION = "0004"
"""The newest migration. Four digits, so that versions compare as text."""


class Prose(TypeDecorator[str]):
    """What people write, cleaned of what cannot be stored."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - its base's shape
        """Clean on the way in."""
        return None if value is None else clean(value)


class Identifier(TypeDecorator[str]):
    """What programs name things by: kept as it is, or refused."""

    impl = String(IDENTIFIER_LENGTH)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - its base's shape
        """Refuse on the way in."""
        return None if value is None else identifier(value)


class Plain(TypeDecorator[Any]):
    """JSON, cleaned like prose."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - its base's shape
        """Clean on the way in."""
        return clean_json(value)


class Moment(TypeDecorator[datetime]):
    """A time, aware outside and UTC inside, also where the database keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - its base's shape
        """Turn into UTC on the way in; a naive time is refused."""
        if value is None:
            return None
        require_aware(value)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - its base's shape
        """Give the zone back on the way out."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)


def _events(name: str, *parts: Column[Any] | ForeignKeyConstraint | UniqueConstraint | Index) -> Table:
    """Declare a table of events: numbered as they arrive, each with the caller's key and its learner."""
    return Table(
        name,
        metadata,
        Column("id", Integer, primary_key=True),
        Column("key", Identifier, nullable=False, unique=True),
        Column("learner", Identifier, nullable=False),
        *parts,
    )


turns = _events(
    "turns",
    Column("conversation", Identifier, nullable=False),
    Column("question", Prose, nullable=False),
    Column("standalone", Prose, nullable=False),
    Column("answer", Plain, nullable=False),
    Column("asked_at", Moment, nullable=False),
    UniqueConstraint("learner", "key"),
    Index(None, "learner", "conversation"),
)

renames = _events(
    "renames",
    Column("conversation", Identifier, nullable=False),
    Column("title", Prose, nullable=False),
    Column("renamed_at", Moment, nullable=False),
    Index(None, "learner", "conversation"),
)

deletions = _events(
    "deletions",
    Column("conversation", Identifier, nullable=False),
    Column("deleted_at", Moment, nullable=False),
    Index(None, "learner", "conversation"),
)

feedback = _events(
    "feedback",
    Column("turn", Identifier, nullable=False),
    Column("helpful", Boolean, nullable=False),
    Column("reason", Prose, nullable=False),
    Column("given_at", Moment, nullable=False),
    # Both columns, so that the database itself refuses feedback on another learner's turn.
    ForeignKeyConstraint(["learner", "turn"], ["turns.learner", "turns.key"]),
    Index(None, "learner", "turn"),
)

gaps = _events(
    "gaps",
    Column("question", Prose, nullable=False),
    Column("nearest", Plain, nullable=False),
    Column("noted_at", Moment, nullable=False),
)

reads = _events(
    "reads",
    Column("passage", Identifier, nullable=False),
    Column("document", Identifier, nullable=False),
    Column("read_at", Moment, nullable=False),
    Index(None, "learner", "passage"),
)

sittings = _events(
    "sittings",
    Column("mode", Identifier, nullable=False),
    Column("plan", Plain, nullable=False),
    Column("started_at", Moment, nullable=False),
    UniqueConstraint("learner", "key"),
)

finishes = _events(
    "finishes",
    Column("finished_at", Moment, nullable=False),
    # The key is that of the sitting, which ends once.
    ForeignKeyConstraint(["learner", "key"], ["sittings.learner", "sittings.key"]),
)

attempts = _events(
    "attempts",
    Column("sitting", Identifier, nullable=False),
    Column("place", Integer, nullable=False),
    Column("item", Identifier, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("arrangement", Plain, nullable=False),
    Column("opened_at", Moment, nullable=False),
    UniqueConstraint("learner", "key"),
    # Two tabs that open the next question get the same one.
    UniqueConstraint("sitting", "place"),
    ForeignKeyConstraint(["learner", "sitting"], ["sittings.learner", "sittings.key"]),
)

hints = _events(
    "hints",
    Column("shown_at", Moment, nullable=False),
    ForeignKeyConstraint(["learner", "key"], ["attempts.learner", "attempts.key"]),
)

moves = _events(
    "moves",
    Column("attempt", Identifier, nullable=False),
    Column("number", Integer, nullable=False),
    Column("choice", Identifier, nullable=False),
    Column("moved_at", Moment, nullable=False),
    UniqueConstraint("attempt", "number"),
    ForeignKeyConstraint(["learner", "attempt"], ["attempts.learner", "attempts.key"]),
)

responses = _events(
    "responses",
    Column("sitting", Identifier, nullable=False),
    Column("item", Identifier, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("objective", Identifier, nullable=False),
    Column("topic", Identifier, nullable=False),
    Column("given", Plain, nullable=False),
    Column("certainty", Identifier, nullable=False),
    Column("hinted", Boolean, nullable=False),
    Column("mark", Float, nullable=False),
    Column("rating", Integer, nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("algorithm", Identifier, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("answered_at", Moment, nullable=False),
    # The key is that of the attempt, which is answered once.
    ForeignKeyConstraint(["learner", "key"], ["attempts.learner", "attempts.key"]),
    Index(None, "learner", "sitting"),
    Index(None, "item"),
)

disputes = _events(
    "disputes",
    Column("attempt", Identifier, nullable=False),
    Column("item", Identifier, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("given", Plain, nullable=False),
    Column("passage", Identifier, nullable=False),
    Column("words", Prose, nullable=False),
    Column("disputed_at", Moment, nullable=False),
    ForeignKeyConstraint(["learner", "attempt"], ["attempts.learner", "attempts.key"]),
)

preferences = _events(
    "preferences",
    Column("name", Identifier, nullable=False),
    Column("value", Plain, nullable=False),
    Column("set_at", Moment, nullable=False),
    Index(None, "learner", "name"),
)

lab_runs = _events(
    "lab_runs",
    Column("lab", Identifier, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Index(None, "learner", "lab"),
)

lab_checks = _events(
    "lab_checks",
    Column("lab", Identifier, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("step", Identifier, nullable=False),
    Column("status", Identifier, nullable=False),
    Column("evidence", Plain, nullable=False),
    Column("checked_at", Moment, nullable=False),
    Index(None, "learner", "lab"),
)

lab_hints = _events(
    "lab_hints",
    Column("lab", Identifier, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("step", Identifier, nullable=False),
    Column("rung", Integer, nullable=False),
    Column("shown_at", Moment, nullable=False),
    # Two tabs that ask at once climb one rung.
    UniqueConstraint("learner", "lab", "rev", "step", "rung"),
)

lab_predictions = _events(
    "lab_predictions",
    Column("lab", Identifier, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("step", Identifier, nullable=False),
    Column("value", Float, nullable=False),
    Column("predicted_at", Moment, nullable=False),
    Index(None, "learner", "lab"),
)

people = _events(
    "people",
    Column("issuer", Identifier, nullable=False),
    Column("subject", Identifier, nullable=False),
    Column("name", Prose, nullable=False),
    Column("email", Prose, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Index(None, "learner"),
)

roles = _events(
    "roles",
    Column("role", Identifier, nullable=False),
    Column("by", Identifier, nullable=False),
    Column("reason", Prose, nullable=False),
    Column("granted_at", Moment, nullable=False),
    Index(None, "learner"),
)

enrolments = _events(
    "enrolments",
    Column("track", Identifier, nullable=False),
    Column("target", Prose, nullable=False),
    Column("mentor", Prose, nullable=False),
    Column("enrolled_at", Moment, nullable=False),
    Index(None, "learner"),
)

sign_offs = _events(
    "sign_offs",
    Column("task", Identifier, nullable=False),
    Column("state", Identifier, nullable=False),
    Column("by", Identifier, nullable=False),
    Column("note", Prose, nullable=False),
    Column("signed_at", Moment, nullable=False),
    Index(None, "learner", "task"),
)

session_ends = _events(
    "session_ends",
    Column("ended_at", Moment, nullable=False),
    Index(None, "learner"),
)

tokens = _events(
    "tokens",
    Column("digest", Identifier, nullable=False, unique=True),
    Column("label", Prose, nullable=False),
    Column("made_at", Moment, nullable=False),
    UniqueConstraint("learner", "key"),
    Index(None, "learner"),
)

token_ends = _events(
    "token_ends",
    Column("ended_at", Moment, nullable=False),
    # The key is that of the token, which ends once.
    ForeignKeyConstraint(["learner", "key"], ["tokens.learner", "tokens.key"]),
)

certificates = _events(
    "certificates",
    Column("badge", Plain, nullable=False),
    Column("issued_at", Moment, nullable=False),
    Index(None, "learner"),
)

gap_closures = _events(
    "gap_closures",
    Column("passages", Plain, nullable=False),
    Column("answered_at", Moment, nullable=False),
    # The key is that of the gap, which is closed once.
)

resolutions = _events(
    "resolutions",
    Column("kind", Identifier, nullable=False),
    Column("about", Identifier, nullable=False),
    Column("verdict", Identifier, nullable=False),
    Column("note", Prose, nullable=False),
    Column("resolved_at", Moment, nullable=False),
    Index(None, "kind", "about"),
)

audit = _events(
    "audit",
    Column("action", Identifier, nullable=False),
    Column("about", Prose, nullable=False),
    Column("detail", Plain, nullable=False),
    Column("done_at", Moment, nullable=False),
    Index(None, "action"),
)
