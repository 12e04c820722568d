"""How good the answers are: the questions in the repository asked, measured, and the gate fitted on them.

A question set is YAML below `tests/questions/`. Files called `held-out*` are only ever measured, never fitted on; the
figures of the others come from gates that were fitted without the question (cross-validation), so that none is a
training figure.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from pgdojo.ask import gate
from pgdojo.ask.evidence import Evidence
from pgdojo.ask.records import Answer, RefusalKind
from pgdojo.ask.service import Asker
from pgdojo.ask.trees import BoostedTrees, FittedGate
from pgdojo.ask.verify import unsupported
from pgdojo.course.yaml_files import read_yaml
from pgdojo.errors import CourseError, Fault, UsageError
from pgdojo.search.retriever import Method

FOLDS = 10
FITS = 4
"""Fits with different seeds whose trees are averaged."""

FALSE_REFUSALS = 0.03
"""Share of the answerable questions that the threshold may cost."""

PAIR_WEIGHT = 0.1
"""Weight of a question from `pairs*`, whose near misses are nearer than people's questions are."""

Progress = Callable[[str, int, int], None]


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as cause:
        raise ValueError(f"is no regular expression: {cause}") from cause
    return value


class QuestionEntry(BaseModel):
    """One question with what a right answer must say, or with the refusal that it must meet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: str
    question: str
    history: tuple[str, ...] = ()
    matches: tuple[Annotated[str, AfterValidator(_pattern)], ...] = ()
    polarity: Literal["yes", "no"] | None = None
    evidence: tuple[str, ...] = ()
    refusal: Literal["not-in-material", "out-of-scope", "unclear"] | None = None
    distance: Literal["near", "far"] | None = None

    @model_validator(mode="after")
    def _answer_or_refusal(self) -> QuestionEntry:
        if bool(self.matches) == bool(self.refusal):
            raise ValueError("give either matches and evidence, or refusal")
        return self

    @property
    def answerable(self) -> bool:
        """Whether the material answers it."""
        return self.refusal is None

    @property
    def refusal_kind(self) -> RefusalKind | None:
        """The refusal as answers spell it."""
        kinds: dict[str, RefusalKind] = {
            "not-in-material": "not_in_material",
            "out-of-scope": "out_of_scope",
            "unclear": "unclear",
        }
        return kinds.get(self.refusal or "")

    def is_met_by(self, answer: Answer) -> bool:
        """Whether `answer` says what it must; the sign in front of a yes or no is judged apart."""
        if answer.refused:
            return False
        wanted = (pattern for pattern in self.matches if not pattern.startswith("^"))
        return all(re.search(pattern, answer.text, re.IGNORECASE | re.MULTILINE) for pattern in wanted)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of one file."""

    name: str
    entries: tuple[QuestionEntry, ...]

    @property
    def held_out(self) -> bool:
        """Whether it is only measured."""
        return self.name.startswith("held-out")

    @property
    def weight(self) -> float:
        """What each question counts when the gate is fitted; 0 for those held out."""
        return 0.0 if self.held_out else PAIR_WEIGHT if self.name.startswith("pairs") else 1.0


def load_questions(folder: Path) -> tuple[QuestionSet, ...]:
    """Read every question file of `folder`.

    Raises:
        UsageError: There is none.
        CourseError: An entry is wrong, or an id stands twice.
    """
    sets, faults, seen = [], [], Counter[str]()
    for path in sorted(folder.glob("*.yaml")):
        name = f"{folder.name}/{path.name}"
        file = read_yaml(path, name)
        entries = []
        for position, data in enumerate(file.data or []):
            try:
                entry = QuestionEntry.model_validate(data)
            except ValidationError as cause:
                error = cause.errors()[0]
                field = ".".join(str(part) for part in error["loc"])
                line = file.line((position, *error["loc"]))
                item = str(data.get("id", "")) if isinstance(data, dict) else ""
                faults.append(Fault(file=name, line=line, item=item, field=field, problem=error["msg"] + "."))
                continue
            seen[entry.id] += 1
            if seen[entry.id] > 1:
                faults.append(Fault(file=name, line=file.line((position,)), item=entry.id, problem="the id is taken."))
            entries.append(entry)
        sets.append(QuestionSet(path.stem, tuple(entries)))
    if faults:
        raise CourseError(faults)
    if not sets:
        raise UsageError(f"There are no questions in {folder}.", next_step="Write tests/questions/*.yaml first.")
    return tuple(sets)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one question."""

    entry: QuestionEntry
    answer: Answer
    supported: bool
    """Whether every sentence stands its citations."""

    @property
    def right(self) -> bool:
        """Answered as it must be, or refused where it must be."""
        return self.entry.is_met_by(self.answer) if self.entry.answerable else self.answer.refused


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """The figures of one group of questions, each a share from 0 to 1 or None where it does not apply."""

    name: str
    questions: int
    accuracy: float | None
    """Answerable questions answered with what they must say."""
    refused: float | None
    """Unanswerable questions refused."""
    false_refusals: float | None
    """Answerable questions refused."""
    support: float | None
    """Answers all of whose sentences stand their citations."""
    words: float | None
    """Mean words of an answer outside tables."""


def score(name: str, outcomes: Sequence[Outcome]) -> Score:
    """The figures of `outcomes`."""
    asked = [outcome for outcome in outcomes if outcome.entry.answerable]
    other = [outcome for outcome in outcomes if not outcome.entry.answerable]
    given = [outcome for outcome in outcomes if not outcome.answer.refused]
    return Score(
        name=name,
        questions=len(outcomes),
        accuracy=_mean(outcome.right for outcome in asked),
        refused=_mean(outcome.answer.refused for outcome in other),
        false_refusals=_mean(outcome.answer.refused for outcome in asked),
        support=_mean(outcome.supported for outcome in given),
        words=_mean(outcome.answer.words for outcome in given if outcome.entry.answerable),
    )


def _mean(values: Iterable[float]) -> float | None:
    found = [float(value) for value in values]
    return sum(found) / len(found) if found else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrieval:
    """How often a passage that answers is among the first found."""

    method: Method
    recall_at_1: float
    recall_at_3: float
    recall_at_5: float
    mrr: float
    """Mean reciprocal rank, 0 beyond the tenth. Source: Voorhees, TREC-8, 1999."""


class Evaluation:
    """Asks all questions of a course once and keeps what is needed to measure and to fit."""

    def __init__(self, asker: Asker, sets: Sequence[QuestionSet], progress: Progress | None = None) -> None:
        """Measure `asker` on `sets`."""
        self.asker = asker
        self.sets = tuple(sets)
        self._hear = progress or (lambda _stage, _done, _of: None)
        self.entries = [entry for group in self.sets for entry in group.entries]
        self.weights = np.array([group.weight for group in self.sets for _ in group.entries])
        self.held_out = np.array([group.held_out for group in self.sets for _ in group.entries])
        self.labels = np.array([entry.answerable for entry in self.entries])
        self._rows: npt.NDArray[np.float32] | None = None
        self._evidence: list[Evidence] = []

    @property
    def evidence(self) -> list[Evidence]:
        """The evidence for every question, gathered once."""
        if not self._evidence:
            for done, entry in enumerate(self.entries, 1):
                self._evidence.append(self.asker.evidence(entry.question, entry.history))
                self._hear("Reading the questions", done, len(self.entries))
        return self._evidence

    @property
    def rows(self) -> npt.NDArray[np.float32]:
        """Features of every question; shape (questions, features). No question is compared with itself."""
        if self._rows is None:
            rows = np.stack([gate.features(evidence, self.asker.finder) for evidence in self.evidence])
            vectors = np.stack([evidence.vector for evidence in self.evidence])
            similar = vectors @ vectors[~self.held_out].T
            similar[np.flatnonzero(~self.held_out), np.arange(similar.shape[1])] = -1.0
            answered = self.labels[~self.held_out]
            columns = [gate.feature_names().index(name) for name in gate.KNOWN[:4]]
            for row, near in enumerate(similar):
                rows[row, columns] = [*gate.nearest(near[~answered]), *gate.nearest(near[answered])]
            self._rows = rows
        return self._rows

    def cross_validated(self, features: Sequence[str] | None = None) -> npt.NDArray[np.float64]:
        """Probability for each question from a gate that was fitted without it; for those held out, from all others.

        Where there are too few questions to fit on, the gate in use says it.
        """
        from sklearn.model_selection import StratifiedKFold

        fitting = np.flatnonzero(~self.held_out)
        if min(self.labels[fitting].sum(), (~self.labels[fitting]).sum()) < FOLDS:
            return np.array([self.asker.confidence(evidence) for evidence in self.evidence])
        out = np.zeros(len(self.entries))
        rows = self.rows[:, self._columns(features)]
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(fitting, self.labels[fitting])
        for done, (train, test) in enumerate(folds, 1):
            trees = self._fit(rows, fitting[train], fits=1)
            out[fitting[test]] = [trees.probability(rows[row]) for row in fitting[test]]
            self._hear("Cross-validating the gate", done, FOLDS)
        if self.held_out.any():
            trees = self._fit(rows, fitting)
            out[self.held_out] = [trees.probability(row) for row in rows[self.held_out]]
        return out

    def fit(self, features: Sequence[str] | None = None) -> FittedGate:
        """A gate fitted on every question that is not held out, with its threshold from cross-validation.

        Args:
            features: Names of those to use; all without it.
        """
        fitting = self.labels[~self.held_out]
        if min(fitting.sum(), (~fitting).sum()) < FOLDS:
            raise UsageError(
                f"A gate is fitted on at least {FOLDS} questions that have an answer and {FOLDS} that have none.",
                next_step="Write more of them.",
            )
        confidence = self.cross_validated(features)
        trees = self._fit(self.rows[:, self._columns(features)], np.flatnonzero(~self.held_out))
        return FittedGate(
            trees=trees,
            features=tuple(features or gate.feature_names()),
            threshold=self.threshold(confidence),
            fitted_on=int((~self.held_out).sum()),
        )

    def threshold(self, confidence: npt.NDArray[np.float64]) -> float:
        """The threshold that refuses `FALSE_REFUSALS` of people's answerable questions."""
        asked = np.sort(confidence[(self.weights == 1.0) & self.labels])
        return float(asked[int(FALSE_REFUSALS * len(asked))]) if len(asked) else 0.5

    def known_questions(self) -> dict[str, list[str]]:
        """The questions that are not held out, as they are searched for, by whether the material answers them."""
        found: dict[str, list[str]] = {"answered": [], "unanswered": []}
        for evidence, answered, held_out in zip(self.evidence, self.labels, self.held_out, strict=True):
            if not held_out:
                found["answered" if answered else "unanswered"].append(evidence.question.text)
        return found

    @staticmethod
    def _columns(features: Sequence[str] | None) -> list[int]:
        names = gate.feature_names()
        return [names.index(name) for name in features or names]

    def _fit(self, features: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], fits: int = FITS) -> BoostedTrees:
        from sklearn.ensemble import GradientBoostingClassifier

        models = []
        for seed in range(fits):
            model = GradientBoostingClassifier(
                n_estimators=250, max_depth=3, subsample=0.6, learning_rate=0.05, max_features=0.3, random_state=seed
            )
            model.fit(features[rows], self.labels[rows], sample_weight=self.weights[rows])
            models.append(model)
        return _exported(models)

    def outcomes(self, confidence: npt.NDArray[np.float64], threshold: float) -> list[Outcome]:
        """What becomes of each question when the gate says `confidence`."""
        found = []
        for done, (entry, probability) in enumerate(zip(self.entries, confidence, strict=True), 1):
            answer = self.asker.ask(entry.question, entry.history, confidence=float(probability), threshold=threshold)
            supported = all(
                not unsupported(sentence, answer.citations, self.asker.passage)
                for sentence in (*answer.sentences, *(cell for row in answer.table for cell in row.cells))
            )
            found.append(Outcome(entry=entry, answer=answer, supported=supported))
            self._hear("Asking the questions", done, len(self.entries))
        return found

    def retrieval(self, method: Method, *, held_out: bool) -> Retrieval:
        """Ranks of the passages that answer, among the ledger's facts where there is a ledger."""
        ranks = []
        for entry, held in zip(self.entries, self.held_out, strict=True):
            if not entry.evidence or entry.history or held != held_out:
                continue
            evidence = self.asker.evidence(entry.question)
            found = self.asker.finder.retriever.candidates(evidence.vector, evidence.question.index_terms, 60, method)
            facts = [self.asker.index.passage(int(row)).id for row in found.positions]
            facts = [passage_id for passage_id in facts if passage_id.startswith("facts#")]
            wanted = {f"facts#{fact}" for fact in entry.evidence}
            ranks.append(next((rank for rank, fact in enumerate(facts, 1) if fact in wanted), 10_000))
        array = np.array(ranks or [10_000])
        return Retrieval(
            method=method,
            recall_at_1=float((array <= 1).mean()),
            recall_at_3=float((array <= 3).mean()),
            recall_at_5=float((array <= 5).mean()),
            mrr=float(np.where(array <= 10, 1 / array, 0).mean()),
        )


def _exported(models: Sequence[Any]) -> BoostedTrees:
    """The trees of fitted scikit-learn models as arrays, the models averaged."""
    trees = [tree[0].tree_ for model in models for tree in model.estimators_]
    nodes = max(tree.node_count for tree in trees)
    rate = models[0].learning_rate / len(models)

    def stacked(name: str, kind: type, fill: float) -> npt.NDArray[Any]:
        out = np.full((len(trees), nodes), fill, dtype=kind)
        for row, tree in enumerate(trees):
            values = getattr(tree, name)
            out[row, : tree.node_count] = values[:, 0, 0] * rate if name == "value" else values
        return out

    feature = stacked("feature", np.int32, -1)
    prior = [float(np.log(p[1] / p[0])) for p in (model.init_.class_prior_ for model in models)]
    return BoostedTrees(
        feature=np.where(feature < 0, -1, feature).astype(np.int32),
        threshold=stacked("threshold", np.float32, 0.0),
        left=stacked("children_left", np.int32, 0),
        right=stacked("children_right", np.int32, 0),
        value=stacked("value", np.float32, 0.0),
        prior=float(np.mean(prior)),
        depth=max(tree.max_depth for tree in trees),
    )


def by_kind(outcomes: Sequence[Outcome]) -> list[Score]:
    """A score for each kind of question, in the order of their names, and one for all."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        near = f" ({outcome.entry.distance})" if outcome.entry.distance else ""
        groups[outcome.entry.kind + near].append(outcome)
    return [*(score(kind, groups[kind]) for kind in sorted(groups)), score("all", outcomes)]
