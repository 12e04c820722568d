"""What a page does with a question and with what a reader thinks of the answer; nothing here draws."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pgdojo.ask.records import Answer
from pgdojo.learner.material_journal import gap_key
from pgdojo.learner.records import Turn

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

MAX_QUESTION = 4000
"""Characters."""
REASONS = ("Wrong", "Wrong citation", "Something is missing", "Out of date", "Unclear")
"""Why an answer did not help, one tap each."""


def mint() -> str:
    """A key for something that is stored once, however often it is sent."""
    return uuid.uuid4().hex


def is_minted(key: str) -> bool:
    """Whether `key` has the shape of one of ours; an address may hold anything."""
    return re.fullmatch(r"[0-9a-f]{32}", key) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """A question that was sent and is to be answered once."""

    key: str
    conversation: str
    question: str
    stands_alone: bool = False
    """Whether the turns before it are to be left out, because the reader has worded it in full."""


def answer(dojo: Dojo, submission: Submission, turns: Sequence[Turn], *, learner: str) -> Answer:
    """Answer `submission` after the earlier `turns` and store both, once for each key."""
    history = () if submission.stands_alone else tuple(turn.standalone for turn in turns)
    found = dojo.ask(submission.question, history)
    dojo.journal.record_turn(
        Turn(
            key=submission.key,
            conversation=submission.conversation,
            learner=learner,
            question=submission.question,
            standalone=found.standalone,
            answer=found.to_plain(),
            asked_at=datetime.now(UTC),
        )
    )
    return found


def is_gap_noted(dojo: Dojo, turn: str, *, learner: str) -> bool:
    """Whether the reader noted before that the material lacks an answer to the question of a turn."""
    return bool(dojo.journal.has_gap(gap_key(turn), learner=learner))


def note_gap(dojo: Dojo, turn: str, found: Answer, *, learner: str) -> bool:
    """Store once that the material lacks an answer to a refused question; returns whether it is new."""
    nearest = tuple(heading.passage_id for heading in found.refusal.nearest) if found.refusal else ()
    return bool(dojo.journal.record_gap(gap_key(turn), learner=learner, question=found.standalone, nearest=nearest))
