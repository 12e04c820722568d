"""The figures of an evaluation: as plain data, as tables, and held against the recorded floors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pgdojo.ask.evaluation import Evaluation, Outcome, Retrieval, Score, by_kind
from pgdojo.errors import UsageError


def figures(
    evaluation: Evaluation, confidence: npt.NDArray[np.float64], threshold: float, fitted_on: int
) -> dict[str, Any]:
    """Every figure of `evaluation` at `threshold`, grouped by the part of the questions that they describe."""
    outcomes = evaluation.outcomes(confidence, threshold)
    groups = {
        "cross-validated": evaluation.weights == 1.0,
        "near pairs, cross-validated": (evaluation.weights > 0) & (evaluation.weights < 1),
        "held out": evaluation.held_out,
    }
    return {
        "threshold": round(threshold, 4),
        "fitted_on": fitted_on,
        "answers": {
            name: [_rounded(row) for row in by_kind(_chosen(outcomes, part))]
            for name, part in groups.items()
            if part.any()
        },
        "retrieval": {
            name: [_rounded(evaluation.retrieval(method, held_out=held)) for method in ("words", "vectors", "fusion")]
            for name, held in (("cross-validated", False), ("held out", True))
            if not held or evaluation.held_out.any()
        },
    }


def _chosen(outcomes: Sequence[Outcome], part: npt.NDArray[np.bool_]) -> list[Outcome]:
    return [outcome for outcome, chosen in zip(outcomes, part, strict=True) if chosen]


def _rounded(record: Score | Retrieval) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(record).items()}


def as_tables(data: dict[str, Any]) -> str:
    """The figures as aligned text."""
    lines = []
    for name, rows in data["answers"].items():
        lines.append(f"\nAnswers, {name}")
        lines.append(
            f"  {'kind':32} {'n':>5} {'accuracy':>9} {'refused':>8} {'falsely':>8} {'support':>8} {'words':>6}"
        )
        lines += [
            f"  {row['name']:32} {row['questions']:5} {_share(row['accuracy']):>9} {_share(row['refused']):>8} "
            f"{_share(row['false_refusals']):>8} {_share(row['support']):>8} {_words(row['words']):>6}"
            for row in rows
        ]
    for name, rows in data["retrieval"].items():
        lines.append(f"\nRetrieval, {name}")
        lines.append(f"  {'by':10} {'recall@1':>9} {'recall@3':>9} {'recall@5':>9} {'MRR':>7}")
        lines += [
            f"  {row['method']:10} {row['recall_at_1']:9.3f} {row['recall_at_3']:9.3f} {row['recall_at_5']:9.3f} "
            f"{row['mrr']:7.3f}"
            for row in rows
        ]
    lines.append(
        f"\nThe gate answers from {data['threshold']:.3f} upwards; it was fitted on {data['fitted_on']} questions."
    )
    return "\n".join(lines).lstrip("\n")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _words(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def below_floors(data: dict[str, Any], path: Path) -> list[str]:
    """What falls short of the floors in the file `path`, in sentences; nothing where there is no such file.

    A floor is `{"held out": {"accuracy": 0.85, "false_refusals": {"at_most": 0.06}}}`: a least value, or a most.
    """
    if not path.is_file():
        return []
    try:
        floors = json.loads(path.read_bytes())
    except ValueError as cause:
        raise UsageError(f"{path.name} is not JSON.", next_step="Mend or remove it.") from cause
    missed = []
    for group, wanted in floors.items():
        rows = {row["name"]: row for row in data["answers"].get(group, [])}
        for name, bound in wanted.items():
            value = rows.get("all", {}).get(name)
            most = bound.get("at_most") if isinstance(bound, dict) else None
            if value is None:
                missed.append(f"{group}: {name} was not measured, and has a floor.")
            elif most is not None and value > most:
                missed.append(f"{group}: {name} is {value:.3f}, above {most}.")
            elif most is None and value < bound:
                missed.append(f"{group}: {name} is {value:.3f}, below {bound}.")
    return missed
