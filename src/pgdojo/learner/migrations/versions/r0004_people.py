"""People, roles, enrolments, sign-offs, tokens, certificates and the trainer's word; PostgreSQL refuses changes too."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = tuple(
    """people roles enrolments sign_offs session_ends tokens token_ends certificates gap_closures resolutions
    audit""".split()
)
_EARLIER = tuple(
    """turns renames deletions feedback gaps reads sittings finishes attempts hints moves responses disputes
    preferences lab_runs lab_checks lab_hints lab_predictions""".split()
)


def upgrade() -> None:
    """Make the tables, and have the database refuse to change or remove what any table of the journal holds."""
    _make(
        "people",
        _identifier("issuer"),
        _identifier("subject"),
        _prose("name"),
        _prose("email"),
        _moment("seen_at"),
        index=("learner",),
    )
    _make("roles", _identifier("role"), _identifier("by"), _prose("reason"), _moment("granted_at"), index=("learner",))
    _make(
        "enrolments",
        _identifier("track"),
        _prose("target"),
        _prose("mentor"),
        _moment("enrolled_at"),
        index=("learner",),
    )
    _make(
        "sign_offs",
        _identifier("task"),
        _identifier("state"),
        _identifier("by"),
        _prose("note"),
        _moment("signed_at"),
        index=("learner", "task"),
    )
    _make("session_ends", _moment("ended_at"), index=("learner",))
    _make(
        "tokens",
        _identifier("digest"),
        _prose("label"),
        _moment("made_at"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
        sa.UniqueConstraint("learner", "key", name="uq_tokens_learner_key"),
        index=("learner",),
    )
    _make(
        "token_ends",
        _moment("ended_at"),
        sa.ForeignKeyConstraint(["learner", "key"], ["tokens.learner", "tokens.key"], name="fk_token_ends_tokens"),
    )
    _make("certificates", _json("badge"), _moment("issued_at"), index=("learner",))
    _make("gap_closures", _json("passages"), _moment("answered_at"))
    _make(
        "resolutions",
        _identifier("kind"),
        _identifier("about"),
        _identifier("verdict"),
        _prose("note"),
        _moment("resolved_at"),
        index=("kind", "about"),
    )
    _make("audit", _identifier("action"), _prose("about"), _json("detail"), _moment("done_at"), index=("action",))
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes_in_sqlite()
    else:
        _refuse_changes_in_postgresql()


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
        op.create_index(f"ix_{table}_{'_'.join(index)}", table, list(index))


def _identifier(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(255), nullable=False)


def _prose(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _refuse_changes_in_sqlite() -> None:
    for table in _TABLES:
        for change in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{change} BEFORE {change.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {change} refused'); END"
            )


def _refuse_changes_in_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, lower(TG_OP); END $$"
    )
    for table in (*_EARLIER, *_TABLES):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
