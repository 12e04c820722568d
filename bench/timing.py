"""What the benchmarks share: the same question, the same course, medians, and a table whose last column is a ratio."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parents[1]
QUESTION = "How long does a Multi-AZ failover take?"


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def alternating(
    first: Callable[[], object], second: Callable[[], object], runs: int
) -> tuple[list[float], list[float]]:
    """Times of two calls, taken in turn so that both meet the machine in the same moods."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        times[0].append(seconds(first))
        times[1].append(seconds(second))
    return times


def process(*arguments: str) -> None:
    """Run this Python with `arguments` and wait for it."""
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=ROOT)


def table(title: str, rows: Sequence[tuple[str, str]], ratio: float, limit: float, *, at_least: bool = False) -> None:
    """Print figures and their ratio beside its limit."""
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:58} {value:>14}")
    holds = ratio >= limit if at_least else ratio <= limit
    word = "at least" if at_least else "at most"
    print(f"  {'ratio':58} {ratio:14.3f}   {word} {limit:.3f}: {'holds' if holds else 'DOES NOT HOLD'}")


def median_ms(times: Sequence[float]) -> str:
    """The median in milliseconds."""
    return f"{statistics.median(times) * 1e3:.1f} ms"


def median_s(times: Sequence[float]) -> str:
    """The median in seconds."""
    return f"{statistics.median(times):.2f} s"


def questions() -> list[str]:
    """The questions of the held-out set that stand alone."""
    from pgdojo.ask.evaluation import load_questions

    sets = load_questions(ROOT / "tests" / "questions")
    return [entry.question for group in sets if group.held_out for entry in group.entries if not entry.history]
