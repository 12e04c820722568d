"""A full build against the bare encoder on the same texts, and one changed passage."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from timing import ROOT, seconds, table


def main() -> None:
    from pgdojo.dojo import build
    from pgdojo.search.encoder import DEFAULT_MODEL, TorchEncoder

    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch) / "course"
        shutil.copytree(ROOT / "knowledge", course / "knowledge")
        build(course)  # exports the encoder and warms torch
        manifest = None

        def full() -> None:
            nonlocal manifest
            manifest = build(course, rebuild=True)

        whole = seconds(full)
        texts = _texts(course)
        encoder = TorchEncoder(DEFAULT_MODEL)
        encoder.encode(texts[:64])
        bare = seconds(lambda: encoder.encode(texts))
        page = course / "knowledge" / "notes.md"
        page.write_text(page.read_text().replace("64TiB", "65TiB"))
        changed = seconds(lambda: build(course))
        rate, bare_rate = manifest.embedded / whole, len(texts) / bare
        rows = [
            (f"full build, {manifest.embedded} texts", f"{whole:.1f} s"),
            ("texts a second, full build", f"{rate:.0f}"),
            ("texts a second, bare encoder", f"{bare_rate:.0f}"),
        ]
        table("Building", rows, rate / bare_rate, 0.9, at_least=True)
        table("One changed passage", [("beyond start-up", f"{changed:.2f} s")], changed, 1.0)


def _texts(course: Path) -> list[str]:
    """The texts that the build embeds, so that the bare encoder does the same work."""
    from pgdojo.course.load import load_course
    from pgdojo.dojo import index_folder
    from pgdojo.search import build as building
    from pgdojo.search.index import Index

    index = Index(index_folder(course))
    loaded = load_course(course)
    passages = list(loaded.passages(index.encoder.count, index.encoder.window))
    return list(dict.fromkeys(building._Texts.of(passages, loaded)))


if __name__ == "__main__":
    main()
