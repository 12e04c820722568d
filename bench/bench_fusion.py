"""Ways of fusing words and meaning, measured on the answerable questions: the table that justifies the one in use."""

from __future__ import annotations

import numpy as np

from timing import ROOT


def main() -> None:
    from pgdojo.ask.evaluation import load_questions
    from pgdojo.dojo import open_dojo

    dojo = open_dojo(ROOT)
    index, retriever = dojo.index, dojo.asker.finder.retriever
    ids = [index.passage(row).id for row in range(len(index))]
    facts = [row for row, name in enumerate(ids) if name.startswith("facts#")]
    cases = []
    for group in load_questions(ROOT / "tests" / "questions"):
        for entry in group.entries:
            if not entry.evidence or entry.history or group.name.startswith("pairs"):
                continue
            evidence = dojo.asker.evidence(entry.question)
            found = retriever.candidates(evidence.vector, evidence.question.index_terms, len(index))
            order = np.argsort(found.positions)
            parts = {name: getattr(found, name)[order][facts] for name in ("own", "asked", "words")}
            wanted = [facts.index(ids.index(f"facts#{fact}")) for fact in entry.evidence]
            cases.append((group.held_out, parts, wanted))
    print(f"{'fusion':44} {'recall@1':>9} {'recall@3':>9} {'recall@5':>9} {'MRR':>7}   (fitted on; held out)")
    for name, fuse in WAYS.items():
        line = f"{name:44}"
        for held in (False, True):
            ranks = np.array([_rank(fuse(**parts), wanted) for held_out, parts, wanted in cases if held_out == held])
            line += " ".join(f" {(ranks <= k).mean():8.3f}" for k in (1, 3, 5)) + f" {(1 / ranks).mean():7.3f}  "
        print(line)


def _rank(scores: np.ndarray, wanted: list[int]) -> int:
    best = max(scores[row] for row in wanted)
    return 1 + int((scores > best).sum())


def _reciprocal(k: int, *scores: np.ndarray) -> np.ndarray:
    return sum(1 / (k + 1 + np.argsort(np.argsort(-values))) for values in scores)


def _normal(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (np.ptp(values) or 1.0)


WAYS = {
    "words": lambda own, asked, words: words,
    "meaning of the passage": lambda own, asked, words: own,
    "meaning of its questions": lambda own, asked, words: asked,
    "the larger of the two": lambda own, asked, words: np.maximum(own, asked),
    "RRF k=60: words, larger": lambda own, asked, words: _reciprocal(60, words, np.maximum(own, asked)),
    "RRF k=60: words, passage, questions": lambda own, asked, words: _reciprocal(60, words, own, asked),
    "RRF k=20: words, passage, questions": lambda own, asked, words: _reciprocal(20, words, own, asked),
    "min-max sum: words, passage, questions": lambda own, asked, words: _normal(words) + _normal(own) + _normal(asked),
    "passage + questions": lambda own, asked, words: own + asked,
    "passage + questions + 0.25 words": lambda own, asked, words: own + asked + 0.25 * words,
    "passage + questions + 0.5 words (in use)": lambda own, asked, words: own + asked + 0.5 * words,
    "passage + questions + 1.0 words": lambda own, asked, words: own + asked + 1.0 * words,
    "0.5 passage + questions + 0.5 words": lambda own, asked, words: 0.5 * own + asked + 0.5 * words,
}

if __name__ == "__main__":
    main()
