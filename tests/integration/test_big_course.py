"""A folder of a thousand files as companies keep them: nested, uneven, some unreadable, one of five megabytes."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from pgdojo.course.load import load_course
from pgdojo.search.build import build_index
from pgdojo.search.index import Index, IndexFolder
from pgdojo.search.retriever import Retriever

FILES = 1000
SUBJECTS = ("disk", "index", "replica", "session", "schema", "extension", "sequence", "tablespace", "role", "trigger")
NEEDLE = "The office cat ZQ-4711 sleeps on the warm router every afternoon."
FORMS = {
    "plain": "# {title}\n\nThe {subject} of host {n} is checked once a week.\n",
    "front matter": "---\ntitle: {title}\ntopic: ops\n---\n\nHost {n} keeps its {subject} apart.\n",
    "table": "# {title}\n\n| what | value |\n| --- | --- |\n| {subject} | {n} |\n",
    "fence": "# {title}\n\n```sql\nSELECT {n} AS {subject};\n```\n",
    "HTML": '<div class="box">\n<b>{title}</b><br>\n</div>\n\nNever drop the {subject} of host {n}.\n',
    "no heading": "Host {n} has a spare {subject}.\n",
    "empty": "",
    "blank": "\n \t\n",
    "broken front matter": "---\ntitle: [\n---\n\nHost {n} lost its {subject}.\n",
}


def pile(root: Path) -> Path:
    """Write the folder below `root`, the same one each time."""
    dice = random.Random(7)
    knowledge = root / "knowledge"
    for n in range(FILES):
        path = knowledge / f"team-{n % 13}" / ("deep/" * (n % 4)) / f"page {n}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        form = FORMS[list(FORMS)[n % len(FORMS)]]
        path.write_text(form.format(title=f"Page {n}", subject=dice.choice(SUBJECTS), n=n), encoding="utf-8")
    (knowledge / "team-3" / "needle.md").write_text(f"# House\n\nBefore.\n\n{NEEDLE}\n\nAfter.\n", encoding="utf-8")
    for n in range(3):
        (knowledge / f"latin-{n}.md").write_bytes(f"# Caf\u00e9 {n}\n".encode("latin-1"))
    paragraph = "A long runbook says the same thing on every page, and nobody has dared to shorten it.\n\n"
    (knowledge / "runbook.md").write_text("# Runbook\n\n" + paragraph * (5_000_000 // len(paragraph)), encoding="utf-8")
    return root


@pytest.mark.slow
def test_a_big_folder_is_indexed_and_a_needle_found_in_it(indexed):
    root = pile(indexed({}))
    heard: dict[str, list[tuple[int, int]]] = {}
    folder = IndexFolder(root / "index")

    course = load_course(root)
    manifest = build_index(
        course, folder, progress=lambda stage, done, total: heard.setdefault(stage, []).append((done, total))
    )

    assert manifest.documents == FILES + 2
    unreadable = [fault.file for fault in course.skipped if "UTF-8" in fault.problem]
    assert sorted(unreadable) == [f"knowledge/latin-{n}.md" for n in range(3)]
    assert sum("page" in fault.file for fault in course.skipped) == sum(n % len(FORMS) == 8 for n in range(FILES))
    for steps in heard.values():
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]
    assert heard["Reading documents"][-1] == (FILES + 2, FILES + 2)

    begin = time.monotonic()
    index = Index(folder)
    assert time.monotonic() - begin < 5
    retriever = Retriever(index)
    for question in (NEEDLE, "ZQ-4711", "Where does the kitten take its nap?"):
        (hit,) = retriever.search(question, 1)
        assert NEEDLE in hit.passage.text
        assert (root / hit.passage.document).read_text(encoding="utf-8").count(hit.passage.text) == 1
    assert not folder.is_stale(root)
    assert build_index(course, folder).embedded == 0


def test_a_files_name_that_is_no_unicode_is_kept_as_it_is(indexed):
    root = indexed({"notes.md": "# Notes\n\nA standby takes over.\n"})
    try:
        (root / "knowledge" / "caf\udce9.md").write_text("A spare disk is in the drawer.\n", encoding="utf-8")
    except (OSError, UnicodeEncodeError):
        pytest.skip("the file system takes Unicode names only")

    folder = IndexFolder(root / "index")
    build_index(load_course(root), folder)

    (hit,) = Retriever(Index(folder)).search("Where is the spare disk?", 1)
    assert (root / hit.passage.document).is_file()
    assert not folder.is_stale(root)
