"""What a program can judge of the banks as a whole: balance, variants, and whether they examine all that is taught."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pgdojo.course.banks import FOLDER, OBJECTIVES, Bank, Find, Quizzes
from pgdojo.course.items import Item, Single, TrueFalse
from pgdojo.course.records import SUPERSEDED, Passage, PassageId
from pgdojo.errors import Fault

ABOVE_REMEMBERING = 0.6
ITEMS_A_LINE = 2
"""Items that examine each line of the notes."""


def judge(quizzes: Quizzes, find: Find, facts: Sequence[Passage], claims: Mapping[str, int]) -> Iterator[Fault]:
    """The faults of each bank, then of all of them together.

    Args:
        quizzes: What is judged.
        find: Gives the passages that are cited.
        facts: The ledger.
        claims: Each line of the notes, and its number there.
    """
    for bank in quizzes.banks:
        yield from _bank(bank, quizzes)
    yield from _variants(quizzes)
    if quizzes.items:
        yield from _coverage(quizzes, find, facts, claims)


def _bank(bank: Bank, quizzes: Quizzes) -> Iterator[Fault]:
    for item in bank.items:
        topic = quizzes.topic(item)
        if topic != bank.topic:
            problem = f"topic-of-the-bank: its objective belongs to {topic}, and the file is that of {bank.topic}."
            yield Fault(file=bank.name, line=bank.line(item.id), item=item.id, problem=problem)
    asked = [item for item in bank.items if item.status == "published"]
    above = sum(item.level != "remember" for item in asked)
    if above < ABOVE_REMEMBERING * len(asked):
        problem = (
            f"beyond-remembering: {above} of {len(asked)} items are above remember; {ABOVE_REMEMBERING:.0%} must be."
        )
        yield Fault(file=bank.name, problem=problem)
    yield from _key_positions(bank.name, asked)


def _key_positions(name: str, items: Sequence[Item]) -> Iterator[Fault]:
    """No position, and no verdict, is the right one so often that guessing it pays."""
    places = Counter(
        next((place for place, option in enumerate(item.options) if option.correct), 0)
        for item in items
        if isinstance(item, Single) and item.shuffle
    )
    for place in range(3):
        share = places[place] / (places.total() or 1)
        if places.total() >= 8 and not 0.15 <= share <= 0.5:
            problem = f"key-position: {places[place]} of {places.total()} keys stand at place {place + 1}; spread them."
            yield Fault(file=name, problem=problem)
    verdicts = Counter(item.answer for item in items if isinstance(item, TrueFalse))
    if verdicts.total() >= 4 and min(verdicts[True], verdicts[False]) < verdicts.total() / 4:
        problem = f"key-position: {verdicts[True]} of {verdicts.total()} statements are true; balance them."
        yield Fault(file=name, problem=problem)


def _variants(quizzes: Quizzes) -> Iterator[Fault]:
    counts = Counter(item.objective for item in quizzes.items.values() if item.status == "published")
    for objective in quizzes.objectives.values():
        wanted = 2 if objective.criticality == "high" else 1
        if counts[objective.id] < wanted:
            problem = f"enough-variants: {counts[objective.id]} items are published for it, and {wanted} are needed."
            yield Fault(file=f"{FOLDER}/{OBJECTIVES}", item=objective.id, problem=problem)


def _coverage(quizzes: Quizzes, find: Find, facts: Sequence[Passage], claims: Mapping[str, int]) -> Iterator[Fault]:
    """Each line of the notes is examined, and so is each fact that corrects them."""
    published = [item for item in quizzes.items.values() if item.status == "published"]
    cited: Counter[PassageId] = Counter(name for item in published for name in set(item.cites))
    examined: Counter[str] = Counter()
    for item in published:
        passages = [passage for name in item.cites if (passage := find(name))]
        examined.update({line for passage in passages for line in passage.notes_lines})
    for claim, line in claims.items():
        if examined[claim] < ITEMS_A_LINE:
            problem = f"notes-examined: {examined[claim]} items examine “{claim}”, and {ITEMS_A_LINE} should."
            yield Fault(file="knowledge/notes.md", line=line, problem=problem)
    for fact in facts:
        if fact.standing in SUPERSEDED and not cited[fact.id]:
            problem = "notes-examined: no item examines this fact, which corrects the notes."
            yield Fault(file=fact.document, line=fact.first_line, item=fact.id, problem=problem)
