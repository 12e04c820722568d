"""Resident memory after twenty answers, on ONNX Runtime against sentence-transformers."""

from __future__ import annotations

import subprocess
import sys

from timing import ROOT, table

SERVING = """
import os, sys, psutil
import streamlit, starlette
from pathlib import Path
import pgdojo.dojo as d
from pgdojo.ask.evaluation import load_questions
dojo = d.open_dojo(Path(sys.argv[1]))
if sys.argv[2] == "home":
    from pgdojo.search.encoder import TorchEncoder, DEFAULT_MODEL
    dojo.index.encoder = TorchEncoder(DEFAULT_MODEL)
for number in range(20):
    dojo.ask(f"How long does a Multi-AZ failover take, try {number}?")
print(psutil.Process().memory_info().rss)
"""


def resident(kind: str) -> float:
    done = subprocess.run([sys.executable, "-c", SERVING, str(ROOT), kind], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1]) / 1e6


def main() -> None:
    ours, home = resident("onnx"), resident("home")
    rows = [
        ("answering on ONNX Runtime", f"{ours:.0f} MB"),
        ("answering through sentence-transformers", f"{home:.0f} MB"),
    ]
    table("Memory of a serving process", rows, ours / home, 0.5)


if __name__ == "__main__":
    main()
