"""Quizzes: sittings, attempts, hints, moves, responses, disputes and preferences, all append-only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = ("sittings", "finishes", "attempts", "hints", "moves", "responses", "disputes", "preferences")


def upgrade() -> None:
    """Make the tables, and have SQLite refuse to change or remove what they hold."""
    _make_sittings()
    _make_attempts()
    _make_responses()
    _make(
        "preferences",
        _identifier("name"),
        sa.Column("value", sa.JSON(), nullable=False),
        _moment("set_at"),
        indexes=(("learner", "name"),),
    )
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes()


def _make_sittings() -> None:
    _make(
        "sittings",
        _identifier("mode"),
        sa.Column("plan", sa.JSON(), nullable=False),
        _moment("started_at"),
        _unique("sittings", "learner", "key"),
    )
    _make("finishes", _moment("finished_at"), _of("finishes", "sittings", "key"))


def _make_attempts() -> None:
    _make(
        "attempts",
        _identifier("sitting"),
        _number("place"),
        _identifier("item"),
        _number("rev"),
        sa.Column("arrangement", sa.JSON(), nullable=False),
        _moment("opened_at"),
        _unique("attempts", "learner", "key"),
        _unique("attempts", "sitting", "place"),
        _of("attempts", "sittings", "sitting"),
    )
    _make("hints", _moment("shown_at"), _of("hints", "attempts", "key"))
    _make(
        "moves",
        _identifier("attempt"),
        _number("number"),
        _identifier("choice"),
        _moment("moved_at"),
        _unique("moves", "attempt", "number"),
        _of("moves", "attempts", "attempt"),
    )


def _make_responses() -> None:
    _make(
        "responses",
        _identifier("sitting"),
        _identifier("item"),
        _number("rev"),
        _identifier("objective"),
        _identifier("topic"),
        sa.Column("given", sa.JSON(), nullable=False),
        _identifier("certainty"),
        sa.Column("hinted", sa.Boolean(), nullable=False),
        sa.Column("mark", sa.Float(), nullable=False),
        _number("rating"),
        sa.Column("counts", sa.Boolean(), nullable=False),
        _identifier("algorithm"),
        sa.Column("seconds", sa.Float(), nullable=False),
        _moment("answered_at"),
        _of("responses", "attempts", "key"),
        indexes=(("learner", "sitting"), ("item",)),
    )
    _make(
        "disputes",
        _identifier("attempt"),
        _identifier("item"),
        _number("rev"),
        sa.Column("given", sa.JSON(), nullable=False),
        _identifier("passage"),
        sa.Column("words", sa.Text(), nullable=False),
        _moment("disputed_at"),
        _of("disputes", "attempts", "attempt"),
    )


def _make(table: str, *parts: sa.schema.SchemaItem, indexes: tuple[tuple[str, ...], ...] = ()) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        _identifier("key"),
        _identifier("learner"),
        *parts,
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("key", name=f"uq_{table}_key"),
    )
    for columns in indexes:
        op.create_index("_".join(("ix", table, *columns)), table, list(columns))


def _of(table: str, owner: str, column: str) -> sa.ForeignKeyConstraint:
    """Both columns, so that the database itself refuses what belongs to another learner."""
    columns = [f"{owner}.learner", f"{owner}.key"]
    return sa.ForeignKeyConstraint(["learner", column], columns, name=f"fk_{table}_{owner}")


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name="_".join(("uq", table, *columns)))


def _identifier(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(255), nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _refuse_changes() -> None:
    for table in _TABLES:
        for change in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{change} BEFORE {change.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {change} refused'); END"
            )
