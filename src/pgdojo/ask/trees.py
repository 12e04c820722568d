"""A small classifier read from JSON: boosted trees, summed in NumPy, without the library that fitted them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pgdojo.errors import UsageError


@dataclass(frozen=True)
class BoostedTrees:
    """Gradient-boosted regression trees on the log-odds, averaged over several fits.

    Source: Friedman, Greedy function approximation: a gradient boosting machine, 2001, doi:10.1214/aos/1013203451.
    """

    feature: npt.NDArray[np.int32]
    """Feature that each node asks for; shape (trees, nodes), -1 at a leaf."""
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: npt.NDArray[np.float32]
    """What a leaf adds to the log-odds."""
    prior: float
    depth: int

    def probability(self, row: npt.NDArray[np.float32]) -> float:
        """Probability, 0 to 1, for one row of features, shape (features,)."""
        trees = np.arange(len(self.feature))
        node = np.zeros(len(self.feature), dtype=np.int32)
        for _ in range(self.depth):
            feature = self.feature[trees, node]
            inner = feature >= 0
            goes_left = row[feature] <= self.threshold[trees, node]
            node = np.where(inner, np.where(goes_left, self.left[trees, node], self.right[trees, node]), node)
        log_odds = self.prior + float(self.value[trees, node].sum())
        return float(1.0 / (1.0 + np.exp(-log_odds)))

    def to_plain(self) -> dict[str, Any]:
        """Plain data that `from_plain` reads."""
        return {
            "feature": self.feature.tolist(),
            "threshold": [[float(f"{x:.6g}") for x in tree] for tree in self.threshold],
            "left": self.left.tolist(),
            "right": self.right.tolist(),
            "value": [[float(f"{x:.4g}") for x in tree] for tree in self.value],
            "prior": self.prior,
            "depth": self.depth,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> BoostedTrees:
        """Read what `to_plain` wrote."""
        return cls(
            feature=np.array(plain["feature"], dtype=np.int32),
            threshold=np.array(plain["threshold"], dtype=np.float32),
            left=np.array(plain["left"], dtype=np.int32),
            right=np.array(plain["right"], dtype=np.int32),
            value=np.array(plain["value"], dtype=np.float32),
            prior=float(plain["prior"]),
            depth=int(plain["depth"]),
        )


@dataclass(frozen=True, kw_only=True)
class FittedGate:
    """A classifier with the threshold from which a question is answered."""

    trees: BoostedTrees
    features: tuple[str, ...]
    threshold: float
    fitted_on: int
    """Questions that it was fitted on."""

    def columns(self, names: Sequence[str]) -> npt.NDArray[np.intp]:
        """Where the gate's features stand among `names`."""
        places = {name: place for place, name in enumerate(names)}
        return np.array([places[name] for name in self.features], dtype=np.intp)

    @classmethod
    def load(cls, path: Path, features: list[str]) -> FittedGate:
        """Read a gate fitted on the features called `features`.

        Raises:
            UsageError: The file is missing or damaged, or was fitted on other features.
        """
        try:
            plain = json.loads(path.read_bytes())
            gate = cls(
                trees=BoostedTrees.from_plain(plain["trees"]),
                features=tuple(plain["features"]),
                threshold=float(plain["threshold"]),
                fitted_on=int(plain["fitted_on"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise UsageError(f"The gate in {path.name} cannot be read.", next_step="Run pgdojo eval --fit.") from cause
        if not set(gate.features) <= set(features):
            raise UsageError(
                f"The gate in {path.name} was fitted on other features.", next_step="Run pgdojo eval --fit."
            )
        return gate

    def save(self, path: Path, report: dict[str, Any]) -> None:
        """Write the gate with a `report` of how well it did on questions that it was not fitted on."""
        plain = {
            "features": list(self.features),
            "threshold": round(self.threshold, 4),
            "fitted_on": self.fitted_on,
            "report": report,
            "trees": self.trees.to_plain(),
        }
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(json.dumps(plain, separators=(",", ":")) + "\n", encoding="utf-8")
        fresh.replace(path)
