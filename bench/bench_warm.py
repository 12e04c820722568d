"""A warm answer end to end against the bare encoder pass of the same question."""

from __future__ import annotations

import statistics

from timing import ROOT, median_ms, questions, seconds, table


def main() -> None:
    from pgdojo.dojo import open_dojo

    dojo = open_dojo(ROOT)
    asked = questions()
    for question in asked[:50]:
        dojo.ask(question)
    bare, whole = [], []
    for question in asked:
        bare.append(seconds(lambda question=question: dojo.index.encoder.encode([question])))
        whole.append(seconds(lambda question=question: dojo.ask(question)))
    rows = [
        (f"bare encoder pass on ONNX Runtime, p50 of {len(asked)}", median_ms(bare)),
        ("answer end to end, p50", median_ms(whole)),
        ("answer end to end, p95", f"{statistics.quantiles(whole, n=20)[-1] * 1e3:.1f} ms"),
    ]
    table("Warm answer", rows, statistics.median(whole) / statistics.median(bare), 1.6)


if __name__ == "__main__":
    main()
