"""What is read back from the journal, each question to it by name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select

from pgdojo.learner.schema import audit, deletions, feedback, gaps, reads, renames, turns


def conversations(learner: str) -> Select[Any]:
    """Every conversation that the learner has not deleted, the latest first, with its first question and last name."""
    spans = (
        select(
            turns.c.conversation,
            func.min(turns.c.id).label("first"),
            func.max(turns.c.id).label("last"),
            func.min(turns.c.asked_at).label("started_at"),
            func.max(turns.c.asked_at).label("last_at"),
            func.count().label("turns"),
        )
        .where(turns.c.learner == learner, _not_deleted())
        .group_by(turns.c.conversation)
        .subquery("spans")
    )
    last_renames = select(func.max(renames.c.id)).where(renames.c.learner == learner).group_by(renames.c.conversation)
    names = select(renames.c.conversation, renames.c.title).where(renames.c.id.in_(last_renames)).subquery("names")
    return (
        select(spans, turns.c.question, names.c.title)
        .join(turns, turns.c.id == spans.c.first)
        .outerjoin(names, names.c.conversation == spans.c.conversation)
        .order_by(spans.c.last_at.desc(), spans.c.last.desc())
    )


def turns_of(learner: str, conversation: str) -> Select[Any]:
    """Every turn of one conversation as they were stored, none if it is deleted."""
    # By number, not by time: a clock that is set back must not change what a follow-up follows.
    return select(turns).where(*_conversation_of(learner, conversation)).order_by(turns.c.id)


def feedback_on(learner: str, conversation: str) -> Select[Any]:
    """All feedback on one conversation as it was given, so that the last on a turn is the one that counts."""
    return (
        select(feedback)
        .join(turns, (turns.c.learner == feedback.c.learner) & (turns.c.key == feedback.c.turn))
        .where(*_conversation_of(learner, conversation))
        .order_by(feedback.c.id)
    )


def all_gaps() -> Select[Any]:
    """Every question that had no answer, the oldest first."""
    return select(gaps).order_by(gaps.c.id)


def passages_read(learner: str) -> Select[Any]:
    """Every passage that the learner has opened, the latest first."""
    totals = (
        select(
            func.max(reads.c.id).label("last"), func.max(reads.c.read_at).label("last_at"), func.count().label("times")
        )
        .where(reads.c.learner == learner)
        .group_by(reads.c.passage)
        .subquery("totals")
    )
    return (
        select(reads.c.passage, reads.c.document, totals.c.times, totals.c.last_at)
        .join(totals, totals.c.last == reads.c.id)
        .order_by(totals.c.last_at.desc(), reads.c.id.desc())
    )


FORGET = "forget"
"""Action in the audit log under which somebody was forgotten."""


def forgettings() -> Select[Any]:
    """How often somebody was forgotten: whatever was kept of rows by their numbers may be wrong after the next."""
    return select(func.count()).select_from(audit).where(audit.c.action == FORGET)


def _conversation_of(learner: str, conversation: str) -> tuple[ColumnElement[bool], ...]:
    return turns.c.learner == learner, turns.c.conversation == conversation, _not_deleted()


def _not_deleted() -> ColumnElement[bool]:
    same = (deletions.c.learner == turns.c.learner) & (deletions.c.conversation == turns.c.conversation)
    return ~exists().where(same)
