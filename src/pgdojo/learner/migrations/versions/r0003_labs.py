"""Labs: runs, checks, hints and predictions, all append-only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES = ("lab_runs", "lab_checks", "lab_hints", "lab_predictions")


def upgrade() -> None:
    """Make the tables, and have SQLite refuse to change or remove what they hold."""
    _make("lab_runs", _moment("started_at"), index=True)
    _make(
        "lab_checks",
        _identifier("step"),
        _identifier("status"),
        sa.Column("evidence", sa.JSON(), nullable=False),
        _moment("checked_at"),
        index=True,
    )
    _make(
        "lab_hints",
        _identifier("step"),
        sa.Column("rung", sa.Integer(), nullable=False),
        _moment("shown_at"),
        sa.UniqueConstraint("learner", "lab", "rev", "step", "rung", name="uq_lab_hints_learner_lab_rev_step_rung"),
    )
    _make(
        "lab_predictions",
        _identifier("step"),
        sa.Column("value", sa.Float(), nullable=False),
        _moment("predicted_at"),
        index=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes()


def _make(table: str, *parts: sa.schema.SchemaItem, index: bool = False) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        _identifier("key"),
        _identifier("learner"),
        _identifier("lab"),
        sa.Column("rev", sa.Integer(), nullable=False),
        *parts,
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("key", name=f"uq_{table}_key"),
    )
    if index:
        op.create_index(f"ix_{table}_learner_lab", table, ["learner", "lab"])


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
