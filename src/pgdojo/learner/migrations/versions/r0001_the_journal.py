"""The journal: turns, renames, deletions, feedback, gaps and passages read, all append-only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TABLES = ("turns", "renames", "deletions", "feedback", "gaps", "reads")


def upgrade() -> None:
    """Make the tables, and have SQLite refuse to change or remove what they hold."""
    _make_tables()
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes()


def _make_tables() -> None:
    _make(
        "turns",
        _identifier("conversation"),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("standalone", sa.Text(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        _moment("asked_at"),
        sa.UniqueConstraint("learner", "key", name="uq_turns_learner_key"),
        index=("learner", "conversation"),
    )
    _make(
        "renames",
        _identifier("conversation"),
        sa.Column("title", sa.Text(), nullable=False),
        _moment("renamed_at"),
        index=("learner", "conversation"),
    )
    _make("deletions", _identifier("conversation"), _moment("deleted_at"), index=("learner", "conversation"))
    _make(
        "feedback",
        _identifier("turn"),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _moment("given_at"),
        sa.ForeignKeyConstraint(["learner", "turn"], ["turns.learner", "turns.key"], name="fk_feedback_turns"),
        index=("learner", "turn"),
    )
    _make(
        "gaps",
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("nearest", sa.JSON(), nullable=False),
        _moment("noted_at"),
    )
    _make("reads", _identifier("passage"), _identifier("document"), _moment("read_at"), index=("learner", "passage"))


def _make(table: str, *parts: sa.schema.SchemaItem, index: tuple[str, ...] = ()) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        _identifier("key"),
        _identifier("learner"),
        *parts,
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("key", name=f"uq_{table}_key"),
    )
    if index:
        op.create_index("_".join(("ix", table, *index)), table, list(index))


def _identifier(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(255), nullable=False)


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _refuse_changes() -> None:
    for table in _TABLES:
        for change in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{change} BEFORE {change.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {change} refused'); END"
            )
