"""One question's way through the house."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pgdojo.ask import gate
from pgdojo.ask.answer import Composer, Draft
from pgdojo.ask.conversation import standalone
from pgdojo.ask.evidence import Evidence, EvidenceFinder
from pgdojo.ask.lexicon import Lexicon
from pgdojo.ask.polarity import lead
from pgdojo.ask.question import MAX_CHARACTERS, Question, clean, understand, without_markup
from pgdojo.ask.records import Answer, Refusal
from pgdojo.ask.refusal import refuse, too_long
from pgdojo.ask.trees import FittedGate
from pgdojo.ask.verify import unsupported
from pgdojo.course.records import Passage
from pgdojo.search.index import Index

_PARTS = re.compile(
    r"\?\s+(?=\S)|,?\s+and\s+(?=(?:how|what|which|when|where|why|who|is|are|does|do|can|will|should)\b)", re.IGNORECASE
)
_MIN_PART_WORDS = 2


class Asker:
    """Answers questions from one index; safe to share between threads."""

    def __init__(self, index: Index, fitted: FittedGate) -> None:
        """Answer from `index` where `fitted` says that it can be answered."""
        self.index = index
        self.gate = fitted
        self._columns = fitted.columns(gate.feature_names())
        self.lexicon = Lexicon(index.terms, index.foreign, index.frequency, index.encoder.knows)
        self.finder = EvidenceFinder(index, self.lexicon)
        self.composer = Composer(self.finder)

    def ask(
        self,
        question: str,
        history: Sequence[str] = (),
        *,
        confidence: float | None = None,
        threshold: float | None = None,
    ) -> Answer:
        """Answer `question`, or say why not.

        Args:
            question: Any text; it is data and never followed.
            history: Earlier questions of the conversation, oldest first, best as they were searched for.
            confidence: In place of the fitted gate's, for measuring another.
            threshold: In place of the fitted gate's.
        """
        if len(question) > MAX_CHARACTERS:
            short = clean(question[:200])
            return Answer(question=short, standalone=short, refusal=too_long(len(question)))
        evidence = self.evidence(question, history)
        read, typed = evidence.question, clean(question)
        if confidence is None:
            confidence = self.confidence(evidence)
        if self.is_unclear(read):
            return self._refused(typed, evidence, confidence=0.0, unclear=True)
        if confidence < (self.gate.threshold if threshold is None else threshold):
            return self._refused(typed, evidence, confidence=confidence, unclear=False)
        draft = self._verified(self._draft(read, evidence))
        if not draft.sentences and not draft.table:
            return self._refused(typed, evidence, confidence=confidence, unclear=False)
        return Answer(
            question=typed,
            standalone=read.text,
            lead=self._lead(evidence, draft),
            sentences=tuple(draft.sentences),
            table=tuple(draft.table),
            citations=tuple(draft.citations),
            confidence=confidence,
            related=self.composer.related(evidence, draft),
            topics=tuple(dict.fromkeys(passage.topic for passage in draft.used if passage.topic)),
            next_questions=self._next(evidence, draft),
        )

    def evidence(self, question: str, history: Sequence[str] = ()) -> Evidence:
        """What the material holds for `question`, made to stand alone and its slips mended."""
        mended = self.lexicon.mend(without_markup(clean(question)))
        alone = standalone(mended, [clean(earlier)[:MAX_CHARACTERS] for earlier in history], self.lexicon)
        return self.finder.find(understand(alone, self.lexicon, mended))

    def confidence(self, evidence: Evidence) -> float:
        """Probability, 0 to 1, that the evidence answers its question."""
        return self.gate.trees.probability(gate.features(evidence, self.finder)[self._columns])

    def is_unclear(self, question: Question) -> bool:
        """Whether there is nothing to search for: no subject, or no word that anybody knows."""
        if not question.weighty:
            return True
        known = [word for word in question.weighty if word in self.lexicon or self.lexicon.knows(word)]
        return not known and not question.foreign

    def _lead(self, evidence: Evidence, draft: Draft) -> str:
        """Yes or no in front of an answer whose first passage decides it."""
        first = draft.used[0].id if draft.used and not draft.table else ""
        view = next((view for view in evidence.views if view.passage.id == first), None)
        return lead(evidence, view) if view else ""

    def _draft(self, question: Question, evidence: Evidence) -> Draft:
        """The draft for a question; a question in two parts is answered part by part."""
        parts = [part.strip() for part in _PARTS.split(question.text) if part and part.strip()]
        if len(parts) != 2 or any(len(understand(part, self.lexicon).weighty) < _MIN_PART_WORDS for part in parts):
            return self.composer.compose(evidence)
        drafts = [self._part(part) for part in parts]
        return self.composer.join([draft for draft in drafts if draft is not None]) or self.composer.compose(evidence)

    def _part(self, text: str) -> Draft | None:
        evidence = self.finder.find(understand(text, self.lexicon))
        return self.composer.compose(evidence)

    def _verified(self, draft: Draft) -> Draft:
        """The draft without what does not stand the invariants."""
        draft.sentences = [s for s in draft.sentences if not unsupported(s, draft.citations, self.passage)]
        cells = [cell for row in draft.table for cell in row.cells]
        if any(unsupported(cell, draft.citations, self.passage) for cell in cells):
            draft.table = []
        return draft

    def passage(self, passage_id: str) -> Passage | None:
        """The passage called `passage_id`, None if there is none."""
        position = self.index.position(passage_id)
        return None if position is None else self.index.passage(position)

    def _refused(self, typed: str, evidence: Evidence, *, confidence: float, unclear: bool) -> Answer:
        question = evidence.question
        refusal: Refusal = refuse(question, evidence, unclear=unclear)
        return Answer(
            question=typed,
            standalone=question.text,
            refusal=refusal,
            confidence=confidence,
            next_questions=() if unclear else self._next(evidence, Draft()),
        )

    def _next(self, evidence: Evidence, draft: Draft) -> tuple[str, ...]:
        """Three questions that lead on, each of which its author says the material answers."""
        used = {passage.id for passage in draft.used}
        found: list[str] = []
        subjects: set[str] = set()
        for view in evidence.views:
            passage = view.passage
            if passage.id in used or not passage.asks or (passage.subject in subjects and len(subjects) < 2):
                continue
            found.append(passage.asks[0])
            subjects.add(passage.subject)
        return tuple(found[:3])
