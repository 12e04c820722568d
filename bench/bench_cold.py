"""One cold `pgdojo ask` against a process that imports sentence-transformers, loads the same model and encodes once."""

from __future__ import annotations

import statistics

from timing import QUESTION, ROOT, alternating, median_s, process, table

HOME = (
    "from sentence_transformers import SentenceTransformer\n"
    "from pgdojo.search.encoder import model_folder, DEFAULT_MODEL\n"
    f"SentenceTransformer(str(model_folder(DEFAULT_MODEL)), device='cpu').encode([{QUESTION!r}])"
)


def main() -> None:
    from pgdojo.dojo import open_dojo

    open_dojo(ROOT)
    ask, home = alternating(
        lambda: process("-m", "pgdojo", "--course", str(ROOT), "ask", QUESTION), lambda: process("-c", HOME), 5
    )
    rows = [
        ("pgdojo ask, whole process", median_s(ask)),
        ("sentence-transformers, import, load, encode", median_s(home)),
    ]
    table("Cold answer", rows, statistics.median(ask) / statistics.median(home), 1 / 6)


if __name__ == "__main__":
    main()
