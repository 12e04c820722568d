"""From evidence to an answer: which sentences are said, in which order, with which citations.

An answer is made of the material's own sentences. The fact that answers comes first and whole; a second one follows
where it is nearly as near; where the notes are superseded, their line stands at the end with what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from pgdojo.ask.evidence import Evidence, EvidenceFinder, View
from pgdojo.ask.question import Question, understand
from pgdojo.ask.records import Citation, Related, Row, Sentence
from pgdojo.course.load import is_superseded
from pgdojo.course.records import Passage, Span, Term
from pgdojo.search.text import stem, words

FIRST_WORDS = 60
"""Longest first passage, in words, that is said whole."""

TOTAL_WORDS = 85
"""Where an answer stops taking up further sentences; the first passage and the notes' line are always said."""

MOST_WORDS = 115
"""Most words of an answer in two parts."""

NEARLY = 0.4
"""Distance in the fused score within which a second passage is said too."""

MAX_CELL_WORDS = 60

TITLE_BONUS = 0.25
"""What it is worth, in the fused score, that a passage is about the very subject of a row."""

_NOTES = re.compile(
    r"\b(the|your|my|our|these|those) (notes?|talk|slides?|deck)\b|\b(then and now|since the (notes|talk))\b",
    re.IGNORECASE,
)
_COMPARING = re.compile(
    r"\b(vs\.?|versus|compare[sd]?|comparison|difference|differ|different from|better than|faster than|slower than|"
    r"cheaper than|rather than|instead of|between|or|and)\b",
    re.IGNORECASE,
)
_STRONG_COMPARING = re.compile(r"\b(vs\.?|versus|compare[sd]?|comparison|differences?|differ)\b", re.IGNORECASE)
_FATE = {"changed": "which has changed since", "retired": "which is retired", "imprecise": "which is imprecise"}


@dataclass
class Draft:
    """An answer under construction: sentences with the citations that they rest on."""

    sentences: list[Sentence] = field(default_factory=list)
    table: list[Row] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    used: list[Passage] = field(default_factory=list)

    def cite(self, passage: Passage, span: Span, rest: Passage | None = None) -> int:
        """Number of the citation of `span`, made when it is first needed; `rest` lends a page its date and source."""
        quote = passage.quote(span)
        for citation in self.citations:
            if citation.passage_id == passage.id and citation.start == span.start and citation.quote == quote:
                return citation.n
        first, last = passage.lines(span)
        dated = rest or passage
        n = len(self.citations) + 1
        self.citations.append(
            Citation(
                n=n,
                passage_id=passage.id,
                document=passage.document,
                title=passage.title,
                heading=passage.heading,
                first_line=first,
                last_line=last,
                start=span.start,
                quote=quote,
                kind=passage.kind,
                standing=dated.standing,
                as_of=dated.as_of,
                source=dated.source,
                source_title=dated.source_title,
            )
        )
        return n

    @property
    def words(self) -> int:
        """Words said so far outside the table."""
        return sum(len(sentence.text.split()) for sentence in self.sentences)


class Composer:
    """Chooses sentences; holds the finder through which the notes and the ledger are reached."""

    def __init__(self, finder: EvidenceFinder) -> None:
        """Compose from what `finder` finds."""
        self.finder = finder
        self._notes: list[View] | None = None

    def compose(self, evidence: Evidence) -> Draft:
        """The draft of an answer to the question of `evidence`."""
        ranked = self.ranked(evidence)
        if not ranked:
            return Draft()
        draft, subjects = Draft(), self._compared(evidence.question)
        if subjects and self._tabulate(draft, evidence.question, subjects):
            return draft
        draft = Draft()
        first, top = ranked[0]
        self._say(draft, first, self._chosen(first, evidence, FIRST_WORDS))
        for view, score in ranked[1:4]:
            room = TOTAL_WORDS - draft.words
            if top - score > NEARLY or room < 8:
                break
            chosen = self._chosen(view, evidence, min(room, FIRST_WORDS))
            if chosen and not self._repeats(draft, view):
                self._say(draft, view, chosen)
                break
        self._say_then(draft, [view for view, _ in ranked if view.passage in draft.used], evidence.question)
        return draft

    def join(self, drafts: Sequence[Draft]) -> Draft | None:
        """One draft that says what each of `drafts` says, each thing once; None without any."""
        whole = Draft()
        for draft in drafts:
            numbers: dict[int, int] = {}
            for citation in draft.citations:
                passage = self.finder.view(self.finder.index.position(citation.passage_id) or 0).passage
                span = Span(start=citation.start, end=citation.start + len(citation.quote))
                numbers[citation.n] = whole.cite(passage, span, self._dated(passage))
            said = {sentence.text for sentence in whole.sentences}
            for sentence in draft.sentences:
                if sentence.text not in said and whole.words + len(sentence.text.split()) <= MOST_WORDS:
                    whole.sentences.append(replace(sentence, citations=tuple(numbers[n] for n in sentence.citations)))
            whole.used += [passage for passage in draft.used if passage not in whole.used]
        return whole if whole.sentences else None

    def ranked(self, evidence: Evidence) -> list[tuple[View, float]]:
        """What may be said, best first, with its score: the ledger's facts, or the pages of a course without any."""
        pairs = list(zip(evidence.views, (float(score) for score in evidence.candidates.fused), strict=True))
        facts = [pair for pair in pairs if pair[0].passage.kind == "fact"]
        return facts or [pair for pair in pairs if pair[0].sentences]

    def _chosen(self, view: View, evidence: Evidence, room: int) -> list[int]:
        """Which sentences of `view` to say, in their order, within `room` words but at least the best one."""
        lengths = [len(sentence.split()) for sentence in view.sentences]
        if not lengths:
            return []
        if sum(lengths) <= room:
            return list(range(len(lengths)))
        scores = self.sentence_scores(view, evidence)
        chosen: list[int] = []
        for row in np.argsort(-scores, kind="stable"):
            if not chosen or sum(lengths[i] for i in chosen) + lengths[row] <= room:
                chosen.append(int(row))
        return sorted(chosen)

    def sentence_scores(self, view: View, evidence: Evidence) -> np.ndarray:
        """How well each sentence of `view` answers, by meaning and by the weight of the question's words it holds."""
        question = evidence.question
        weights = [self.finder.weight(stem) for stem in question.stems]
        total = sum(weights) or 1.0
        shares = [
            sum(weight for stem, weight in zip(question.stems, weights, strict=True) if stem in held) / total
            for held in view.sentence_stems
        ]
        wanted = [
            sum(bool(want.held.search(sentence)) for want in question.wants) / (len(question.wants) or 1)
            for sentence in view.sentences
        ]
        return view.sentence_vectors @ evidence.vector + 0.5 * np.array(shares) + 0.2 * np.array(wanted)

    def _say(self, draft: Draft, view: View, rows: Sequence[int]) -> None:
        """Add sentences of one passage; neighbours share a citation."""
        passage = view.passage
        for run in _runs(rows):
            span = Span(start=passage.sentences[run[0]].start, end=passage.sentences[run[-1]].end)
            n = draft.cite(passage, span, self._dated(passage))
            draft.sentences += [Sentence(text=view.sentences[row], citations=(n,)) for row in run]
        draft.used.append(passage)

    def _dated(self, passage: Passage) -> Passage | None:
        """The fact that gives a page's passage its date and source."""
        if passage.kind == "fact" or not passage.facts:
            return None
        position = self.finder.index.position(passage.facts[0])
        return None if position is None else self.finder.view(position).passage

    def _repeats(self, draft: Draft, view: View) -> bool:
        """Whether a passage says what was said: most of its words stand in the sentences already."""
        said = {stem for passage in draft.used for stem in self._stems(passage)}
        mine = self._stems(view.passage)
        return len(mine & said) > 0.8 * len(mine)

    def _stems(self, passage: Passage) -> frozenset[str]:
        position = self.finder.index.position(passage.id)
        return frozenset() if position is None else self.finder.view(position).text_stems

    # What the notes said

    def _say_then(self, draft: Draft, views: Sequence[View], question: Question) -> None:
        """Add the line of the notes that the first passage supersedes, or that the question asks for."""
        asked = bool(_NOTES.search(question.text))
        for view in views[:1] if not asked else views:
            passage = view.passage
            if not passage.notes_lines or not (asked or is_superseded(passage)):
                continue
            found = self._notes_line(max(passage.notes_lines, key=len))
            # A fact that speaks to a whole list of the notes says of none of its lines that it has changed.
            if found is None or (len(passage.notes_lines) > 2 and not asked):
                continue
            notes, span = found
            fate = _FATE.get(passage.standing or "", "which still holds")
            n = draft.cite(notes, span)
            known = next(citation.n for citation in draft.citations if citation.passage_id == passage.id)
            quote = notes.quote(span).rstrip(".")
            text = f"The notes say “{quote}”, {fate}."
            draft.sentences.append(Sentence(text=text, citations=(n, known), role="then"))
            return

    def _notes_line(self, line: str) -> tuple[Passage, Span] | None:
        for view in self._notes_views():
            for span in view.passage.sentences:
                if view.passage.quote(span) == line:
                    return view.passage, span
        return None

    def _notes_views(self) -> list[View]:
        if self._notes is None:
            index = self.finder.index
            self._notes = [self.finder.view(i) for i in index.notes_positions]
        return self._notes

    # Comparisons

    def _compared(self, question: Question) -> tuple[Term, ...]:
        """The two or three siblings that a question sets side by side."""
        if not _COMPARING.search(question.text):
            return ()
        groups: dict[str, list[Term]] = {}
        for term in question.terms:
            if term.group:
                groups.setdefault(term.group, []).append(term)
        siblings = max(groups.values(), key=len, default=[])
        joined = any(_joined(question.text, a, b) for a, b in pairwise(siblings))
        strong = bool(_STRONG_COMPARING.search(question.text))
        return tuple(siblings[:3]) if len(siblings) > 1 and (joined or strong) else ()

    def _tabulate(self, draft: Draft, question: Question, subjects: Sequence[Term]) -> bool:
        """A row a subject with the best it has to say; False where one has nothing."""
        rows: list[Row] = []
        taken: set[str] = set()
        for subject in subjects:
            others = [other for other in subjects if other != subject]
            alone = understand(_without(question.text, others), self.finder.lexicon)
            evidence = self.finder.find(alone, depth=30)
            found = _about(self.ranked(evidence), subject, others, taken)
            if found is None:
                return False
            taken.add(found.passage.id)
            before = len(draft.sentences)
            self._say(draft, found, self._chosen(found, evidence, MAX_CELL_WORDS))
            cells = tuple(draft.sentences[before:])
            del draft.sentences[before:]
            rows.append(Row(subject=subject.term, cells=cells))
        draft.table = rows
        return True

    def related(self, evidence: Evidence, draft: Draft) -> tuple[Related, ...]:
        """Facts near the answer that it does not cite."""
        used = {passage.id for passage in draft.used}
        facts = (view.passage for view in evidence.views if view.passage.kind == "fact" and view.passage.id not in used)
        return tuple(
            Related(passage_id=fact.id, subject=fact.subject, standing=fact.standing, as_of=fact.as_of)
            for fact in list(facts)[:3]
            if fact.standing
        )


def _runs(rows: Sequence[int]) -> Iterable[list[int]]:
    run: list[int] = []
    for row in rows:
        if run and row != run[-1] + 1:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _joined(text: str, a: Term, b: Term) -> bool:
    """Whether the names of two terms stand on both sides of `or`, `and`, `vs` and the like."""
    left = "|".join(re.escape(name) for name in sorted(a.names, key=len, reverse=True))
    right = "|".join(re.escape(name) for name in sorted(b.names, key=len, reverse=True))
    link = (
        r"s?\W{1,3}(?:\w+\W+){0,2}?(?:or|vs\.?|versus|than|compared (?:to|with)|and|of|from|against)\W+(?:\w+\W+){0,3}?"
    )
    return bool(
        re.search(rf"(?<!\w)(?:{left}){link}(?:{right})", text, re.IGNORECASE)
        or re.search(rf"(?<!\w)(?:{right}){link}(?:{left})", text, re.IGNORECASE)
    )


def _without(text: str, terms: Sequence[Term]) -> str:
    """`text` without the names of `terms`."""
    names = sorted((name for term in terms for name in term.names), key=len, reverse=True)
    pattern = "|".join(re.escape(name) for name in names)
    return " ".join(re.sub(rf"(?<!\w)(?:{pattern})s?(?!\w)", " ", text, flags=re.IGNORECASE).split()) or text


def _about(ranked: Sequence[tuple[View, float]], subject: Term, others: Sequence[Term], taken: set[str]) -> View | None:
    """The best passage that is about `subject`; being about a rival as well, or about it in passing, costs score."""
    found: list[tuple[float, View]] = []
    for view, score in ranked:
        if view.passage.id in taken:
            continue
        mine, named = _titled(view, subject), subject.id in view.term_ids or _named(view, subject)
        rival = any(_titled(view, other) for other in others)
        if mine or (named and not rival):
            found.append((score + (TITLE_BONUS if mine else 0.0) - (TITLE_BONUS if rival and mine else 0.0), view))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _titled(view: View, term: Term) -> bool:
    """Whether the passage's subject names the term, in any of its names or in all of its words."""
    return term.id in view.subject_ids or set(words(term.term)) <= set(words(view.passage.subject))


def _named(view: View, term: Term) -> bool:
    return {stem(word) for word in words(term.term)} <= view.text_stems
