"""The map of the material: every heading, and what a learner did with it; and what has changed since they did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from pgdojo.course.items import Item
from pgdojo.course.lab_records import Lab
from pgdojo.course.records import Document, Passage, PassageId
from pgdojo.path.past import PASSED, Past
from pgdojo.path.records import ChangedFact, HeatCell, HeatRow

FACTS = "facts"
"""The document of the ledger."""


def section_of(passage: PassageId) -> PassageId:
    """The first passage of the section that `passage` is a piece of."""
    document, _, slug = passage.rpartition("#")
    return f"{document}#{slug.split('.', 1)[0]}" if document != FACTS else passage


class HeatMap:
    """The headings of a course, and which of them each passage and fact belongs to."""

    def __init__(self, documents: Sequence[Document], passages: Callable[[str], Sequence[Passage]]) -> None:
        """Gather the headings of `documents`, whose passages, and those of the ledger, `passages` gives."""
        self._documents = documents
        self._facts = {fact.id: fact for fact in passages(FACTS)}
        self._headings: dict[str, dict[PassageId, tuple[str, ...]]] = {}
        self._sections: dict[PassageId, set[PassageId]] = defaultdict(set)
        self._rests_on: dict[PassageId, set[PassageId]] = defaultdict(set)
        for document in documents:
            headings = self._headings.setdefault(document.slug, {})
            for passage in passages(document.slug):
                section = section_of(passage.id)
                headings.setdefault(section, passage.heading)
                self._rests_on[section].update(passage.facts)
                for name in (passage.id, section, *passage.facts):
                    self._sections[name].add(section)

    def sections(self, passages: Iterable[PassageId]) -> set[PassageId]:
        """The sections that hold one of `passages`, or rest on one of them."""
        return {section for passage in passages for section in self._sections.get(passage, ())}

    def rows(self, past: Past, items: Mapping[str, Item], labs: Mapping[str, Lab]) -> tuple[HeatRow, ...]:
        """One row a document, in the order of the book."""
        read = {section_of(passage) for passage in past.read}
        asked = self.sections(past.cited())
        right = self.sections(cited for name in past.right if name in items for cited in items[name].cites)
        practised = self.sections(_practised(past, labs))
        return tuple(
            HeatRow(
                document=document.slug,
                title=document.title,
                cells=tuple(
                    HeatCell(
                        passage=section,
                        heading=heading,
                        read=section in read,
                        asked=section in asked,
                        right=section in right,
                        practised=section in practised,
                    )
                    for section, heading in self._headings[document.slug].items()
                ),
            )
            for document in self._documents
        )

    def changed(self, past: Past, items: Mapping[str, Item], key_revs: Mapping[str, int]) -> tuple[ChangedFact, ...]:
        """What is no longer as it was learned, the latest change first."""
        found = [*self._changed_facts(past, items), *_changed_questions(past, items, key_revs)]
        return tuple(sorted(found, key=lambda one: (one.as_of, one.passage), reverse=True))

    def _changed_facts(self, past: Past, items: Mapping[str, Item]) -> Iterator[ChangedFact]:
        for name, at in self._learned(past, items).items():
            fact, day = self._facts[name], at.date()
            if fact.as_of > day.isoformat()[: len(fact.as_of)]:
                yield ChangedFact(kind="fact", passage=name, subject=fact.subject, learned=day, as_of=fact.as_of)

    def _learned(self, past: Past, items: Mapping[str, Item]) -> dict[PassageId, datetime]:
        """When each fact was last read, itself or in a section, or last behind a right answer."""
        learned: dict[PassageId, datetime] = {}

        def learn(facts: Iterable[PassageId], at: datetime) -> None:
            for fact in facts:
                if fact in self._facts and (fact not in learned or learned[fact] < at):
                    learned[fact] = at

        for passage, at in past.read.items():
            learn((passage, *self._rests_on.get(section_of(passage), ())), at)
        for name, at in past.right.items():
            if name in items:
                learn(items[name].cites, at)
        return learned


def _changed_questions(past: Past, items: Mapping[str, Item], key_revs: Mapping[str, int]) -> Iterator[ChangedFact]:
    for name, rev in key_revs.items():
        if name in items and name in past.right and past.revs[name] < rev:
            item = items[name]
            day: date = past.right[name].date()
            yield ChangedFact(
                kind="question", passage=item.cites[0], subject=item.stem, learned=day, as_of=item.as_of, item=name
            )


def _practised(past: Past, labs: Mapping[str, Lab]) -> Iterator[PassageId]:
    """What the lab steps cite that were passed in their present revision."""
    for lab in labs.values():
        steps = past.steps.get((lab.id, lab.rev), {})
        for step in lab.steps:
            if steps.get(step.id) == PASSED:
                yield from step.cites
