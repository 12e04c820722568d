"""Whatever an author gets wrong in a sound course is caught, and said in a way that can be acted on."""

from __future__ import annotations

import pytest

from pgdojo.course.check import check_course, notes_claims
from pgdojo.course.load import load_course
from pgdojo.errors import UsageError

NOTES = "# Ovens\n\n* Ovens reach 200 degrees\n* Wood is cheap\n---\n\n## Gas\nGas is clean\n"

FACTS = """- id: oven-heat
  topic: oven
  subject: Ovens
  fact: An oven reaches 250 degrees today.
  notes_lines: [Ovens reach 200 degrees]
  status: changed
  as_of: 2026
  source: https://x.example/heat
  source_title: Heat
  confidence: high
  asks: [How hot is an oven?]
- id: oven-wood
  topic: oven
  subject: Wood
  fact: Wood is still the cheapest fuel.
  notes_lines: [Wood is cheap, Gas is clean]
  status: unchanged
  as_of: 2026
  source: https://x.example/wood
  source_title: Wood
  confidence: high
  asks: [Is wood cheap?]
- id: oven-sun
  topic: oven
  subject: Sun
  fact: The sun heats an oven for nothing.
  status: new
  as_of: 2026
  source: https://x.example/sun
  source_title: Sun
  confidence: low
  asks: [Does the sun help?]
  yes: [Can the sun heat an oven?]
"""

GLOSSARY = """terms:
- id: oven
  term: oven
  aliases: [stove]
  definition: A hot box.
  topic: oven
  see: [oven-heat]
- id: wood
  term: wood
  typed: [woood]
  definition: What trees are made of.
  topic: oven
foreign:
- term: fridge
  group: tool
  says: The material is about ovens.
  mentioned: [oven-sun]
- term: kettle
  group: tool
  says: The material is about ovens.
"""

FILLER = "An oven is a box that is hot inside and cold outside. [facts#oven-wood]\n\n" * 70

PAGE = f"""---
title: All about ovens
topic: oven
summary: What ovens do.
order: 1
---
# All about ovens

{FILLER}
> **Then and now**
>
> - The notes say 200 degrees. Today it is 250. [facts#oven-heat]

## Fuel

| Fuel | Price |
|---|---|
| Wood | low [facts#oven-wood] |
| Sun | none [facts#oven-sun] |

```mermaid
flowchart TD
    wood --> oven
```
"""

FILES = {
    "notes.md": NOTES,
    "facts/oven.yaml": FACTS,
    "glossary.yaml": GLOSSARY,
    "handbook/ovens.md": PAGE,
}


def check(folder, changes=()):
    """The report on the sound course with `changes`: file, what stood there, and what stands there now."""
    files = dict(FILES)
    for file, old, new in changes:
        assert old in files[file]
        files[file] = files[file].replace(old, new)
    for name, text in files.items():
        path = folder / "knowledge" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return check_course(folder)


def test_a_sound_course_has_no_fault(tmp_path):
    report = check(tmp_path)

    assert report.faults == ()
    assert report.notices == ()
    assert report.summary == "2 documents, 3 facts, 2 terms, 2 foreign subjects: no faults."


PLANTED = {
    "a line of the notes that no fact speaks to": (
        ("notes.md", "* Wood is", "* Ovens are red\n* Wood is"),
        ("notes.md, line 4: no fact speaks to “Ovens are red”. "
        "Write the line under notes_lines of the fact that does."),
    ),
    "a fact that names a line which does not stand in the notes": (
        ("facts/oven.yaml", "[Wood is cheap, ", "[Wood is cheap, Wood is cheep, "),
        ("facts/oven.yaml, line 12, oven-wood, field notes_lines: “Wood is cheep” is no line of the notes. "
        "Did you mean Wood is cheap?"),
    ),
    "a new fact with lines of the notes": (
        ("facts/oven.yaml", "status: changed", "status: new"),
        "facts/oven.yaml, line 1, oven-heat, field status: a fact that speaks to the notes cannot be new.",
    ),
    "an unchanged fact without lines of the notes": (
        ("facts/oven.yaml", "status: new", "status: unchanged"),
        "facts/oven.yaml, line 23, oven-sun, field status: unchanged against what? It names no line of the notes.",
    ),
    "a question that two facts claim": (
        ("facts/oven.yaml", "Does the sun help?", "how hot  is an OVEN?"),
        ("facts/oven.yaml, line 23, oven-sun, field asks: “how hot  is an OVEN?” is claimed by facts#oven-heat too. "
        "Keep one."),
    ),
    "a question answered with yes and no": (
        ("facts/oven.yaml", "  yes: [Can", "  no: [Can the sun heat an oven?]\n  yes: [Can"),
        ("facts/oven.yaml, line 23, oven-sun, field yes, no: “Can the sun heat an oven?” is answered with both. "
        "Keep one."),
    ),
    "a mark of a fact that does not exist": (
        ("handbook/ovens.md", "none [facts#oven-sun]", "none [facts#oven-sum]"),
        "handbook/ovens.md, line 159: there is no facts#oven-sum. Did you mean facts#oven-sun?",
    ),
    "a mark like nothing there is": (
        ("notes.md", "## Gas\n", "## Gas [facts#weather]\n"),
        "notes.md, line 7: there is no facts#weather.",
    ),
    "a page that is too short": (
        ("handbook/ovens.md", FILLER, "Hot. [facts#oven-wood]\n"),
        "handbook/ovens.md: the page has 57 words, not 900 to 1800.",
    ),
    "a page that is too long": (
        ("handbook/ovens.md", FILLER, FILLER * 2),
        "handbook/ovens.md: the page has 1875 words, not 900 to 1800.",
    ),
    "a page without front matter": (
        ("handbook/ovens.md", PAGE[: PAGE.index("# All")], ""),
        "handbook/ovens.md, line 1, field topic, summary: the front matter lacks them.",
    ),
    "a page whose front matter has no summary": (
        ("handbook/ovens.md", "summary: What ovens do.", "summary:"),
        "handbook/ovens.md, line 1, field topic, summary: the front matter lacks them.",
    ),
    "front matter that is no YAML": (
        ("handbook/ovens.md", "order: 1", "order: [1"),
        ("handbook/ovens.md, line 6: this is not YAML: did not find expected ',' or ']'. "
        "Look at the indent and the quotes on this line and the one above."),
    ),
    "a page without a diagram": (
        ("handbook/ovens.md", "```mermaid", "```text"),
        "handbook/ovens.md: the page has no Mermaid diagram.",
    ),
    "a diagram that Mermaid does not know": (
        ("handbook/ovens.md", "flowchart TD", "flowcart TD"),
        "handbook/ovens.md, line 161: this is no kind of Mermaid diagram.",
    ),
    "a page without a table": (
        ("handbook/ovens.md", "|---|---|\n", ""),
        "handbook/ovens.md: the page has no table.",
    ),
    "a page on superseded facts that hides what was": (
        ("handbook/ovens.md", "> **Then and now**", "> **By the way**"),
        ("handbook/ovens.md: the page cites superseded facts and has no then-and-now box. "
        "Add a quote that begins with > **Then and now**."),
    ),
    "a section that rests on no fact": (
        ("handbook/ovens.md", "## Fuel\n", "## Doors\n\nThey open.\n\n## Fuel\n"),
        "handbook/ovens.md, line 156: the section Doors rests on no fact.",
    ),
    "a page that is not UTF-8": (
        ("handbook/ovens.md", "# All", "\udcff# All"),
        "handbook/ovens.md, line 7: a byte here is not UTF-8, and the file is skipped. Save it as UTF-8.",
    ),
    "a name of two terms": (
        ("glossary.yaml", "[woood]", "[Stove]"),
        "glossary.yaml, line 8, wood: “Stove” means oven too. Keep one.",
    ),
    "an id of two terms": (
        ("glossary.yaml", "- id: wood", "- id: oven"),
        "glossary.yaml, line 8, oven, field id: the id is taken: line 2 has it too. Rename one.",
    ),
    "a foreign subject that is a term": (
        ("glossary.yaml", "- term: kettle", "- term: kettle\n  aliases: [Stove]"),
        "glossary.yaml, line 18, kettle: “Stove” is a name of oven, which is taught. Keep one.",
    ),
    "a name of two foreign subjects": (
        ("glossary.yaml", "- term: kettle", "- term: Fridge"),
        "glossary.yaml, line 18, Fridge: “Fridge” is a name of fridge too. Keep one.",
    ),
    "a term that points to no fact": (
        ("glossary.yaml", "see: [oven-heat]", "see: [oven-heet]"),
        "glossary.yaml, line 2, oven, field see: there is no facts#oven-heet. Did you mean facts#oven-heat?",
    ),
    "a foreign subject mentioned in no fact": (
        ("glossary.yaml", "[oven-sun]", "[oven-snu]"),
        "glossary.yaml, line 14, fridge, field mentioned: there is no facts#oven-snu. Did you mean facts#oven-sun?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", PLANTED)
def test_the_check_catches(mistake, tmp_path):
    (file, old, new), message = PLANTED[mistake]
    if "\udcff" in new:
        check(tmp_path)
        path = tmp_path / "knowledge" / file
        path.write_bytes(path.read_bytes().replace(old.encode(), new.encode("utf-8", "surrogateescape")))
        report = check_course(tmp_path)
    else:
        report = check(tmp_path, [(file, old, new)])

    assert f"knowledge/{message}" in [str(fault) for fault in report.faults]
    assert report.summary.endswith((f": {len(report.faults)} faults.", ": 1 fault."))


def test_each_mistake_is_said_once(tmp_path):
    report = check(tmp_path, [("glossary.yaml", "see: [oven-heat]", "see: [oven-heet]")])

    assert len(report.faults) == 1
    assert report.summary.endswith("2 foreign subjects: 1 fault.")


def test_a_file_that_cannot_be_read_is_reported_and_counted(tmp_path):
    report = check(tmp_path, [("facts/oven.yaml", "status: changed", "status: chagned")])

    assert report.summary == "1 fault."
    assert report.faults[0].field == "status"


def test_what_no_page_cites_and_nobody_asks_is_worth_knowing_and_no_fault(tmp_path):
    report = check(
        tmp_path,
        [
            ("handbook/ovens.md", " [facts#oven-sun]", ""),
            ("facts/oven.yaml", "  asks: [Is wood cheap?]\n", ""),
        ],
    )

    assert report.faults == ()
    assert report.notices == (
        "1 facts are cited by no page, the first is facts#oven-sun.",
        "1 facts say no question that they answer; they are found less often and suggested never.",
    )


def test_a_teams_own_markdown_needs_no_facts(tmp_path):
    page = tmp_path / "knowledge" / "handbook" / "ovens.md"
    page.parent.mkdir(parents=True)
    page.write_text("# Ovens\n\nHot. [facts#nosuch]\n", encoding="utf-8")
    (tmp_path / "knowledge" / "notes.md").write_text("# Notes\n\n* A claim\n", encoding="utf-8")

    assert check_course(tmp_path).faults == ()


def test_a_page_of_empty_lines_is_checked_quickly(tmp_path):
    report = check(tmp_path, [("handbook/ovens.md", "## Fuel", "\n" * 300_000 + "## Fuel")])

    assert report.faults == ()


def test_a_folder_that_is_no_course_is_not_checked(tmp_path):
    with pytest.raises(UsageError, match="is no course"):
        check_course(tmp_path)


def test_the_notes_claim_each_line_that_holds_a_word(tmp_path):
    check(
        tmp_path, [("notes.md", "# Ovens\n", "---\ntitle: N\n---\n# Ovens\n\n    * Deep one  \n\n1. Numbered\n***\n")]
    )

    (notes, _) = load_course(tmp_path).documents

    assert notes_claims(notes) == {
        "Deep one": 6,
        "1. Numbered": 8,
        "Ovens reach 200 degrees": 11,
        "Wood is cheap": 12,
        "Gas is clean": 16,
    }
