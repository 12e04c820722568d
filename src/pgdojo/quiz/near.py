"""Items that ask the same in other words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pgdojo.course.banks import Quizzes
from pgdojo.course.markdown import plain
from pgdojo.errors import Fault

SAME = 0.94
"""Cosine of two stems, with their keys, from which they ask the same."""


def near_duplicates(quizzes: Quizzes, encode: Callable[[Sequence[str]], npt.NDArray[np.float32]]) -> Iterator[Fault]:
    """A fault for each item that asks what an item before it asks.

    Args:
        quizzes: What is compared.
        encode: Turns texts into unit vectors, shape (texts, dim).
    """
    places = [(bank, item) for bank in quizzes.banks for item in bank.items if item.status == "published"]
    if len(places) < 2:
        return
    vectors = encode([plain(" ".join([item.stem, *item.key_texts()])) for _, item in places])
    likeness = np.tril(vectors @ vectors.T, k=-1)
    for (bank, item), row in zip(places, likeness, strict=True):
        nearest = int(row.argmax())
        if row[nearest] >= SAME:
            yield Fault(
                file=bank.name,
                line=bank.line(item.id, "stem"),
                item=item.id,
                problem=f"stem-once: it asks what {places[nearest][1].id} asks ({row[nearest]:.2f} alike).",
                next_step="Ask something else, or retire one of them.",
            )
