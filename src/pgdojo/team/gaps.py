"""Questions without an answer, put together by what they mean, each group with the words to fill it with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import yaml

from pgdojo.course.records import Passage
from pgdojo.learner.material_journal import Unanswered
from pgdojo.search.encoder import Vectors

MOST = 2_000
"""Different questions that are grouped, the latest of them; the time grows with their square."""

DISTANCE = 0.5
"""Largest cosine distance within a group: rather one question in two groups than two questions settled as one."""

_ANYWHERE = "knowledge/handbook/NEW-PAGE.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """A question in one wording."""

    question: str
    times: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Questions of one meaning."""

    question: str
    """The wording nearest to all others."""
    wordings: tuple[Wording, ...]
    """The most asked first."""
    asked: int
    askers: int
    noted: int
    """How many askers said that the material should answer it."""
    last_at: datetime
    keys: tuple[str, ...]
    """Of the questions in the journal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stub:
    """What to write so that a group of questions is answered."""

    facts_file: str
    """The file of the ledger that takes the fact."""
    fact: str
    """The entry, in YAML, to be filled in."""
    page: str
    """The page of the handbook that should tell it, below the course's folder."""
    heading: str
    """Under which heading; empty where it is a page of its own."""
    sentence: str
    """What to add there, in Markdown."""


def grouped(questions: Sequence[Unanswered], vectors: Vectors) -> list[Group]:
    """Group questions by meaning, those of most askers first.

    Agglomerative clustering with complete linkage: T. Sorensen, "A method of establishing groups of equal amplitude in
    plant sociology based on similarity of species", 1948; as scikit-learn does it.

    Args:
        questions: The oldest first.
        vectors: Of the questions, shape (questions, dim), rows of unit length.

    Returns:
        The same groups for the same questions; questions of one wording are always together.
    """
    at: dict[str, list[int]] = defaultdict(list)
    for position, one in enumerate(questions):
        at[one.question.casefold()].append(position)
    spots = list(at.values())[-MOST:]
    if not spots:
        return []
    distinct = vectors[[spot[-1] for spot in spots]]
    labels = _labels(distinct)
    groups = [
        _group(questions, [spots[position] for position in np.flatnonzero(labels == label)], distinct[labels == label])
        for label in range(int(labels.max()) + 1)
    ]
    return sorted(groups, key=lambda one: (-one.askers, -one.asked, one.question))


def _labels(vectors: Vectors) -> np.ndarray:
    if len(vectors) == 1:
        return np.zeros(1, dtype=np.int64)
    from sklearn.cluster import AgglomerativeClustering

    # The distances beforehand, since one that is a rounding error below zero is refused.
    distances = np.clip(1 - vectors @ vectors.T, 0, 2)
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="complete", distance_threshold=DISTANCE
    )
    labels: np.ndarray = clustering.fit_predict(distances)
    return labels


def _group(questions: Sequence[Unanswered], spots: Sequence[Sequence[int]], vectors: Vectors) -> Group:
    central = int(np.argmax(vectors @ vectors.sum(axis=0)))
    asked = [questions[position] for spot in spots for position in spot]
    times = Counter({questions[spot[-1]].question: len(spot) for spot in spots})
    return Group(
        question=questions[spots[central][-1]].question,
        wordings=tuple(Wording(question=question, times=count) for question, count in times.most_common()),
        asked=len(asked),
        askers=len({one.learner for one in asked}),
        noted=len({one.learner for one in asked if one.noted}),
        last_at=max(one.asked_at for one in asked),
        keys=tuple(one.key for one in asked),
    )


def stub(group: Group, near: Sequence[Passage], today: datetime) -> Stub:
    """The words to fill in for a group, at the places that lie nearest.

    Args:
        group: Questions of one meaning.
        near: Passages near to them, the nearest first.
        today: When the fact is written.
    """
    page = next((one for one in near if one.kind == "handbook"), None)
    fact = next((one for one in near if one.kind == "fact"), None)
    topic = next((one.topic for one in (fact, page) if one and one.topic), "TOPIC")
    name = "NEW-FACT"
    entry = {
        "id": name,
        "topic": topic,
        "subject": "WHAT IT IS ABOUT",
        "fact": f"ANSWER {group.question!r} IN ONE OR TWO SENTENCES.",
        "status": "new",
        "as_of": today.strftime("%Y-%m"),
        "source": "https://",
        "source_title": "TITLE OF THE SOURCE",
        "confidence": "high",
        "asks": [one.question for one in group.wordings[:5]],
    }
    return Stub(
        facts_file=fact.document if fact else f"knowledge/facts/{topic}.yaml",
        fact=yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=100),
        page=page.document if page else _ANYWHERE,
        heading=page.heading[-1] if page and page.heading else "",
        sentence=f"ONE SENTENCE THAT TELLS IT. [facts#{name}]",
    )
