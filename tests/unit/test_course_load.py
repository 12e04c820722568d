"""An author's folder becomes a course, and each mistake in it is named at its place."""

from __future__ import annotations

import json

import pytest

from pgdojo.course.load import MAX_DOCUMENT_BYTES, load_course, slugify, unique_slug
from pgdojo.course.records import Passage
from pgdojo.errors import CourseError, UsageError

FACT = {
    "id": "oven-heat",
    "topic": "oven",
    "subject": "Ovens",
    "fact": "|-\n    An oven reaches 250 degrees: the dial says no more.",
    "status": "new",
    "as_of": '"2026-04"',
    "source": "https://x.example/ovens",
    "source_title": "All about ovens",
    "confidence": "high",
}
GLOSSARY = """terms:
- id: oven
  term: oven
  definition: A hot box.
  topic: oven
  see: [oven-heat]
foreign:
- term: fridge
  group: tool
  says: The material is about ovens.
"""


def entry(**changes):
    """A sound fact as an author writes it, with `changes`; None leaves a field out."""
    fields = {name: value for name, value in {**FACT, **changes}.items() if value is not None}
    rows = [f"{name}: {value}" if value else f"{name}:" for name, value in fields.items()]
    return "- " + "\n  ".join(rows) + "\n"


def course_of(folder, **files):
    """The course of `files`, whose names have __ for a slash and the Markdown's ending left out."""
    for name, text in files.items():
        file = name.replace("__", "/")
        path = folder / "knowledge" / (f"{file}.yaml" if file.startswith(("facts", "glossary")) else f"{file}.md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return load_course(folder)


def faults_of(folder, **files):
    with pytest.raises(CourseError) as caught:
        course_of(folder, **files)
    return [str(fault) for fault in caught.value.faults]


def test_a_fact_is_quoted_as_it_stands_in_its_file(tmp_path):
    course = course_of(tmp_path, facts__oven=entry(asks='["How hot?"]', yes='["Is it hot?"]', no='["Is it cold?"]'))

    (fact,) = course.facts
    rows = (tmp_path / fact.document).read_text(encoding="utf-8").split("\n")
    assert rows[fact.first_line - 1].strip() == fact.text == "An oven reaches 250 degrees: the dial says no more."
    assert (fact.id, fact.title, fact.heading) == ("facts#oven-heat", "Oven", ("Oven", "Ovens"))
    assert (fact.kind, fact.standing, fact.as_of) == ("fact", "new", "2026-04")
    assert (fact.asks, fact.affirmed, fact.denied) == (
        ("How hot?", "Is it hot?", "Is it cold?"),
        ("Is it hot?",),
        ("Is it cold?",),
    )
    assert course.fact_lines == {"facts#oven-heat": 1}


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("|-\n    An oven is hot: very hot.", 5),
        (">-\n    An oven is hot: very hot.", 5),
        ("|-\r\n    An oven is hot: very hot.\r", 5),
        ('"An oven is hot: very hot."', 4),
        ("'An oven is hot: very hot.'  # sure", 4),
        ("An oven is very, very hot.", 4),
        ("An oven is very, very hot.\n  notes_say: An oven is very, very hot.", 4),
    ],
)
def test_a_fact_on_one_line_knows_it_in_whatever_quotes(written, line, tmp_path):
    (fact,) = course_of(tmp_path, facts__oven=entry(fact=written)).facts

    assert fact.first_line == line


@pytest.mark.parametrize(
    "written",
    [
        "|-\n    An oven is hot,\n    very hot.",
        ">-\n    An oven is hot,\n    very hot.",
        "An oven is hot,\n    very hot.",
        '"An oven is \\"hot\\", very."',
        "'An oven''s heat is great.'",
        "|\n    An oven is hot, very hot.",
    ],
)
def test_a_fact_that_cannot_be_quoted_is_a_fault_that_says_how_to_write_it(written, tmp_path):
    assert faults_of(tmp_path, facts__oven=entry(fact=written)) == [
        (
            "knowledge/facts/oven.yaml, line 4, oven-heat, field fact: the words cannot be quoted as they stand in the "
            "file. Write `fact: |-` and the whole fact on the one line below it."
        )
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sourse": "x"}, "line 11, oven-heat, field sourse: the field is not known here. Did you mean source?"),
        ({"weather": "x"}, "line 11, oven-heat, field weather: the field is not known here."),
        ({"status": "chagned"}, "'retired', 'imprecise' or 'new'. Did you mean changed?"),
        ({"source": None}, "line 1, oven-heat, field source: the field is missing."),
        ({"source": ""}, "field source: the field is missing."),
        ({"source": "ftp://x"}, "line 8, oven-heat, field source: must be an address that begins with https://."),
        ({"as_of": "soon"}, "line 7, oven-heat, field as_of: must be a date such as 2026, 2026-04 or 2026-04-30."),
        ({"as_of": "2026-13"}, "field as_of: must be a date such as"),
        ({"topic": "Hot Ovens"}, "field topic: must be lower-case letters, digits and hyphens, at most 80."),
        ({"asks": "How hot?"}, "line 11, oven-heat, field asks: must be a list."),
        ({"asks": "[a, [b]]"}, "line 11, oven-heat, field asks.1: must be a text."),
        ({"fact": "Too short."}, "field fact: String should have at least 20 characters."),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_its_line_and_what_was_meant(changes, message, tmp_path):
    (fault,) = faults_of(tmp_path, facts__oven=entry(**changes))

    assert fault.startswith("knowledge/facts/oven.yaml, line ")
    assert message in fault


def test_every_fault_of_every_file_is_reported_at_once(tmp_path):
    faults = faults_of(
        tmp_path,
        facts__a=entry(as_of="soon", topic="A B") + "- just words\n",
        facts__b="id: oven-heat",
        facts__c="a: *b",
        glossary=GLOSSARY.replace("definition", "definitoin").replace("group: tool", "group: tol"),
    )

    assert [fault.split(": ", 1)[0].removeprefix("knowledge/") for fault in faults] == [
        "facts/a.yaml, line 2, oven-heat, field topic",
        "facts/a.yaml, line 7, oven-heat, field as_of",
        "facts/a.yaml, line 11",
        "facts/b.yaml, line 1",
        "facts/c.yaml, line 1",
        "glossary.yaml, line 2, oven, field definition",
        "glossary.yaml, line 4, oven, field definitoin",
        "glossary.yaml, line 9, fridge, field group",
    ]
    assert faults[2].endswith("must be fields, each on a line with a colon.")
    assert faults[3].endswith("the file must be a list of facts, each beginning with - id.")
    assert faults[6].endswith("the field is not known here. Did you mean definition?")
    assert faults[7].endswith("Did you mean tool?")


def test_an_id_used_twice_names_both_places(tmp_path):
    faults = faults_of(tmp_path, facts__a=entry() + entry(), facts__b=entry())

    place = "line {}, oven-heat, field id: the id is taken: knowledge/facts/a.yaml, line {} has it too. Rename one."
    assert faults == [
        "knowledge/facts/a.yaml, " + place.format(11, 1),
        "knowledge/facts/b.yaml, " + place.format(1, 11),
    ]


def test_facts_in_a_file_that_would_not_be_read_are_a_fault(tmp_path):
    (tmp_path / "knowledge" / "facts" / "team").mkdir(parents=True)
    for name in ("oven.yml", "team/gas.yaml"):
        (tmp_path / "knowledge" / "facts" / name).write_text(entry(), encoding="utf-8")

    assert faults_of(tmp_path) == [
        "knowledge/facts/oven.yml: facts are not read from a file of this name. Move it to knowledge/facts/oven.yaml.",
        (
            "knowledge/facts/team/gas.yaml: facts are not read from a file of this name. "
            "Move it to knowledge/facts/gas.yaml."
        ),
    ]


def test_the_glossary_becomes_terms_and_foreign_subjects(tmp_path):
    course = course_of(tmp_path, glossary=GLOSSARY + "  aliases:\n")

    assert [(term.id, term.names, term.see) for term in course.terms] == [("oven", ("oven",), ("facts#oven-heat",))]
    assert [(entry.term, entry.names) for entry in course.foreign] == [("fridge", ("fridge",))]
    assert course.glossary_lines == {("terms", 0): 2, ("foreign", 0): 8}


def test_an_empty_glossary_is_none(tmp_path):
    assert course_of(tmp_path, glossary="").terms == ()


def test_the_notes_come_first_then_the_pages_in_their_order(tmp_path):
    course = course_of(
        tmp_path,
        b="# B\n",
        a="---\norder: 2\n---\n# A\n",
        deep__er__c="---\norder: 1\n---\n",
        notes="# The course\n",
    )

    assert [document.slug for document in course.documents] == ["notes", "deep/er/c", "a", "b"]
    assert [document.kind for document in course.documents] == ["notes", "handbook", "handbook", "handbook"]
    assert course.documents[1].path == "knowledge/deep/er/c.md"
    assert course.title == "The course"


def test_a_line_of_the_notes_leads_to_the_facts_that_speak_to_it(tmp_path):
    speaks = entry(status="changed", notes_lines='["Ovens reach 200. That is hot", "12 kinds"]')

    course = course_of(tmp_path, facts__oven=speaks, notes="# N\n\n* Ovens reach 200. That is hot \n* 12 kinds\n")

    assert course.facts_by_line == {
        "Ovens reach 200. That is hot": ("facts#oven-heat",),
        "12 kinds": ("facts#oven-heat",),
    }
    (_, notes) = course.passages(lambda texts: [len(text.split()) for text in texts], 64)
    assert (notes.facts, notes.topic) == (("facts#oven-heat",), "oven")


def test_a_page_takes_its_topic_from_the_facts_it_cites(tmp_path):
    course = course_of(tmp_path, facts__oven=entry(), a="# A\n\nHot. [facts#oven-heat] [facts#nosuch]\n")

    (_, page) = course.passages(lambda texts: [len(text.split()) for text in texts], 64)

    assert (page.topic, page.facts) == ("oven", ("facts#oven-heat", "facts#nosuch"))


def test_hidden_files_and_links_out_of_the_folder_are_left_alone(tmp_path):
    outside = tmp_path / "outside.md"
    outside.write_text("# Secret\n", encoding="utf-8")
    knowledge = tmp_path / "course" / "knowledge"
    (knowledge / ".hidden").mkdir(parents=True)
    (knowledge / "facts").mkdir()
    for name in (".draft.md", ".hidden/a.md", "facts/.#oven.yaml", "facts/.oven.yml"):
        (knowledge / name).write_text("[", encoding="utf-8")
    (knowledge / "link.md").symlink_to(outside)
    (knowledge / "facts" / "link.yaml").symlink_to(outside)
    (knowledge / "gone.md").symlink_to(tmp_path / "nowhere.md")
    (knowledge / "round.md").symlink_to(knowledge / "round.md")
    (knowledge / "folder.md").mkdir()
    (knowledge / "page.md").write_text("# Page\n", encoding="utf-8")
    (knowledge / "same.markdown").symlink_to(knowledge / "page.md")

    course = load_course(tmp_path / "course")

    assert [document.slug for document in course.documents] == ["page", "same"]
    assert course.facts == ()


def test_two_pages_never_share_their_ids(tmp_path):
    for name in ("a.md", "a.markdown", "facts.md"):
        (tmp_path / "knowledge").mkdir(exist_ok=True)
        (tmp_path / "knowledge" / name).write_text("# A\n\nHot.\n", encoding="utf-8")

    course = course_of(tmp_path, facts__oven=entry(id="a"))

    ids = [passage.id for passage in course.passages(lambda texts: [len(text.split()) for text in texts], 64)]
    assert sorted(ids) == ["a#a", "a.markdown#a", "facts#a", "facts.md#a"]


def test_a_page_over_the_limit_is_named_and_left_out(tmp_path):
    (tmp_path / "knowledge").mkdir()
    with (tmp_path / "knowledge" / "a.md").open("wb") as file:
        file.truncate(MAX_DOCUMENT_BYTES + 1)  # a hole, which takes no room

    course = course_of(tmp_path, b="# B\n")

    assert [document.slug for document in course.documents] == ["b"]
    assert str(course.skipped[0]) == (
        "knowledge/a.md: the file has 64,000,001 bytes, over the limit of 64,000,000, and is skipped. Split it."
    )


def test_a_folder_that_is_no_course_says_how_to_make_one(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match=r"is no course: .* make one with pgdojo init DIR\."):
            load_course(folder)


@pytest.mark.parametrize(
    "damaged", ["", "{", "[]", '{"answered": []}', '{"answered": "abc", "unanswered": []}', "[" * 99_999]
)
def test_damaged_known_questions_are_a_fault_that_says_how_to_make_them_anew(damaged, tmp_path):
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "knowledge" / "known_questions.json").write_text(damaged, encoding="utf-8")

    assert faults_of(tmp_path) == ["knowledge/known_questions.json: the file is damaged. Run pgdojo eval --fit."]


def test_known_questions_are_read(tmp_path):
    (tmp_path / "knowledge").mkdir()
    known = {"answered": ["How hot?"], "unanswered": ["Who am I?"]}
    (tmp_path / "knowledge" / "known_questions.json").write_text(json.dumps(known), encoding="utf-8")

    assert load_course(tmp_path).known_questions.unanswered == ("Who am I?",)


def test_every_passage_is_the_same_after_a_trip_through_json(tmp_path):
    course = course_of(tmp_path, facts__oven=entry(asks="[How hot?]"), a="# A\n\nHot. [facts#oven-heat]\n\n- b\n")

    for passage in course.passages(lambda texts: [len(text.split()) for text in texts], 64):
        assert Passage.from_json(json.loads(json.dumps(passage.as_json()))) == passage


def test_progress_is_told_after_each_document(tmp_path):
    heard = []

    list(course_of(tmp_path, a="A", b="B").passages(lambda texts: [1] * len(texts), 64, lambda *n: heard.append(n)))

    assert heard == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Point-in-time restore", "point-in-time-restore"),
        ("  Ärger & „Größe“! ", "ärger-grösse"),
        ("rds.force_ssl", "rds-force_ssl"),
        ("_private_", "private"),
        ("???", ""),
        ("a" * 59 + " b", "a" * 59),
    ],
)
def test_a_heading_becomes_a_readable_id(text, slug):
    assert slugify(text) == slug


def test_the_same_heading_is_numbered_from_its_second_use():
    taken = {}

    assert [unique_slug(text, taken) for text in ("Foo", "foo!", "???", "!", "Foo 2")] == [
        "foo", "foo--2", "section", "section--2", "foo-2",
    ]  # fmt: skip
