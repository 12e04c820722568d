"""A page becomes passages: words of the file as they stand there, each below its own heading."""

from __future__ import annotations

import re
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgdojo.course.load import embedded_heading, load_course
from pgdojo.course.markdown import plain, split_front_matter, title


def words(texts):
    return [len(text.split()) for text in texts]


def characters(texts):
    return [len(text) for text in texts]


def taught(folder, text, count=words, window=64):
    """The course of one page `text`, bytes or a string, and its passages."""
    page = Path(folder) / "knowledge" / "page.md"
    page.parent.mkdir(exist_ok=True)
    page.write_bytes(text if isinstance(text, bytes) else text.encode())
    course = load_course(Path(folder))
    return course, list(course.passages(count, window))


def quotes(passages):
    return [passage.quote(span) for passage in passages for span in passage.sentences]


def headings(passages):
    return [" > ".join(passage.heading) for passage in passages]


def test_a_page_is_cut_along_its_headings_and_each_passage_knows_its_line(tmp_path):
    text = (
        "# Ovens\n\nAn oven is hot.\n\n## Gas\n\nGas is cheap.\n\n### Pilot\n\nIt burns.\n\n## Power\n\nIt is clean.\n"
    )

    _, passages = taught(tmp_path, text)

    assert [(one.id, one.heading, one.text, one.first_line) for one in passages] == [
        ("page#ovens", ("Ovens",), "An oven is hot.", 3),
        ("page#gas", ("Ovens", "Gas"), "Gas is cheap.", 7),
        ("page#pilot", ("Ovens", "Gas", "Pilot"), "It burns.", 11),
        ("page#power", ("Ovens", "Power"), "It is clean.", 15),
    ]


def test_underlined_headings_and_closed_ones_are_headings(tmp_path):
    course, passages = taught(tmp_path, "Ovens\n=====\n\nHot.\n\nGas\n---\nCheap.\n\n## Power ##\nClean.\n")

    assert course.title == tmp_path.name
    assert course.documents[0].title == "Ovens"
    assert headings(passages) == ["Ovens", "Ovens > Gas", "Ovens > Power"]


def test_a_heading_reads_without_its_marks(tmp_path):
    _, passages = taught(tmp_path, "# The **`pg_dump`** [tool](https://x.example) [facts#a]\n\nText.\n")

    assert headings(passages) == ["The pg_dump tool"]


def test_a_page_without_a_heading_is_named_after_its_file(tmp_path):
    course, passages = taught(tmp_path, "Just a line.\n")

    assert course.documents[0].title == "Page"
    assert [(one.id, one.heading, one.first_line) for one in passages] == [("page#page--top", ("Page",), 1)]


def test_words_above_the_first_heading_do_not_rename_the_section_below(tmp_path):
    _, without = taught(tmp_path, "# Ovens\n\nHot.\n")
    _, with_words = taught(tmp_path, "Draft.\n\n# Ovens\n\nHot.\n")

    assert [one.id for one in without] == ["page#ovens"]
    assert [one.id for one in with_words] == ["page#ovens--top", "page#ovens"]


def test_a_remark_in_a_code_block_or_in_front_matter_is_no_title(tmp_path):
    course, passages = taught(tmp_path, "---\n# draft\norder: 3\n---\n```sh\n# install it\nmake\n```\n")

    assert course.documents[0].title == "Page"
    assert quotes(passages) == ["# install it", "make"]
    assert passages[0].first_line == 5


def test_headings_of_the_same_name_are_counted_and_long_sections_numbered(tmp_path):
    long = "One sentence of ten words stands here and ends there. " * 12
    text = f"# Foo\n\n{long}\n\n# Foo 2\n\nOther.\n\n# Foo\n\nAgain.\n\n# Foo\n\n# ???\n\nOdd.\n\n#\n\nEmpty.\n"

    _, passages = taught(tmp_path, text)

    assert [one.id.removeprefix("page#") for one in passages] == [
        "foo", "foo.2", "foo-2", "foo--2", "section", "section--2",
    ]  # fmt: skip


def test_good_front_matter_says_title_topic_summary_and_order(tmp_path):
    header = "---\r\ntitle: Hot ovens\r\ntopic: oven\r\nsummary: All of them.\r\norder: 7\r\nlayout: wide\r\n---\r\n"

    course, passages = taught(tmp_path, header + "# Ovens\r\n\r\nHot.\r\n")

    (page,) = course.documents
    assert (page.title, page.topic, page.summary, page.order, page.body_line) == (
        "Hot ovens", "oven", "All of them.", 7, 8,
    )  # fmt: skip
    assert (passages[0].topic, passages[0].first_line) == ("oven", 10)
    assert course.skipped == ()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("title: a: b", "line 2: this is not YAML: mapping values are not allowed"),
        ("title: A\norder: soon", "line 3, page, field order: Input should be a valid integer"),
        ("topic: Hot Ovens", "line 2, page, field topic: must be lower-case letters, digits and hyphens, at most 80."),
        ("title: A\ntitle: B", "line 3: the key title stands twice here. Keep one."),
    ],
)
def test_broken_front_matter_is_named_and_the_page_is_taught_without_it(header, message, tmp_path):
    course, passages = taught(tmp_path, f"---\n{header}\n---\n# Ovens\n\nHot.\n")

    assert f"knowledge/page.md, {message}" in str(course.skipped[0])
    assert course.documents[0].title == "Ovens"
    assert quotes(passages) == ["Hot."]


def test_empty_front_matter_is_front_matter(tmp_path):
    course, passages = taught(tmp_path, "---\ntitle:\ntopic:\n---\nHot.\n")

    assert course.skipped == ()
    assert passages[0].first_line == 5


@pytest.mark.parametrize("above", ["Words between rules.", "- a list\n- of two", "# only a heading\n\nwords"])
def test_words_between_two_rules_are_no_front_matter(above, tmp_path):
    course, passages = taught(tmp_path, f"---\n{above}\n---\nHot.\n")

    assert course.skipped == ()
    assert re.findall(r"\w+", above)[-1] in " ".join([*headings(passages), *quotes(passages)])


def test_front_matter_must_end():
    assert split_front_matter("---\ntitle: A\n") == ("", 0)
    assert split_front_matter("---\ntitle: A\n---") == ("title: A\n", 2)
    assert split_front_matter("title: A\n---\n") == ("", 0)


def test_a_byte_order_mark_hides_neither_front_matter_nor_heading(tmp_path):
    course, passages = taught(tmp_path, b"\xef\xbb\xbf---\norder: 3\n---\n# Ovens\n\nHot.\n")

    assert (course.documents[0].order, course.documents[0].title) == (3, "Ovens")
    assert passages[0].first_line == 6


def test_lines_that_end_as_on_windows_are_counted_and_kept(tmp_path):
    lines = ["# Ovens", "", "Gas is", "cheap. Wood is not.", "", "- one", "", "- two", "", "|a|b|", "|-|-|", "|c|d|"]
    text = "\r\n".join(lines)

    _, passages = taught(tmp_path, text)

    assert quotes(passages) == ["Gas is\r\ncheap.", "Wood is not.", "one", "two", "|c|d|"]
    assert passages[0].first_line == 3
    assert passages[0].text in text


def test_a_lone_carriage_return_in_a_line_moves_no_line(tmp_path):
    _, passages = taught(tmp_path, "# A\n\nGas\ris cheap.\n\n## B\n\nWood.\n")

    assert quotes(passages) == ["Gas\ris cheap.", "Wood."]
    assert [one.first_line for one in passages] == [3, 7]


def test_a_page_with_the_line_ends_of_an_old_mac_is_named_and_left_out(tmp_path):
    course, _ = taught(tmp_path, "# A\r\rGas is cheap.\r")

    assert course.documents == ()
    assert [fault.line for fault in course.skipped] == [1]
    assert str(course.skipped[0]).endswith(
        "page.md, line 1: its lines end in a carriage return alone, and the file is skipped. "
        "Save it with line ends LF or CRLF."
    )


def test_a_page_that_is_not_utf_8_is_named_with_its_line_and_the_rest_is_taught(tmp_path):
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "knowledge" / "bad.md").write_bytes(b"# A\n\nGr\xf6\xdfe\n")

    course, passages = taught(tmp_path, "# B\n\nGood.\n")

    assert [str(fault) for fault in course.skipped] == [
        "knowledge/bad.md, line 3: a byte here is not UTF-8, and the file is skipped. Save it as UTF-8."
    ]
    assert quotes(passages) == ["Good."]


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n", "# Only\n\n## headings\n", "---\ntitle: A\n---\n", "***\n"])
def test_a_page_that_says_nothing_has_no_passage(text, tmp_path):
    course, passages = taught(tmp_path, text)

    assert len(course.documents) == 1
    assert passages == []


def test_items_stand_alone_and_wrapped_prose_stays_together(tmp_path):
    text = (
        "Gas is\ncheap. Wood\nis not.\n\n"
        "* one. One more\n  and on\n* two\n    1. inner\n- [x] done\n\n"
        "> Quoted words. And\n> more of them.\n> - an item"
    )

    _, passages = taught(tmp_path, text)

    assert quotes(passages) == [
        "Gas is\ncheap.", "Wood\nis not.", "one.", "One more\n  and on", "two", "inner", "done",
        "Quoted words.", "And\n> more of them.", "an item",
    ]  # fmt: skip


def test_a_long_item_is_cut_into_its_sentences(tmp_path):
    sentence = "This sentence of the item goes on for as long as it takes to fill the line of a list. "
    _, passages = taught(tmp_path, f"- {sentence * 9}\n", window=256)

    assert quotes(passages) == [sentence.strip()] * 9


def test_lines_of_talk_notes_stand_alone(tmp_path):
    _, passages = taught(tmp_path, "Self managed on EC2\nAmazon RDS\n Most use stock PostgreSQL, so go managed\n")

    assert quotes(passages) == ["Self managed on EC2", "Amazon RDS", "Most use stock PostgreSQL, so go managed"]


def test_rows_of_a_table_are_quoted_and_its_head_is_not(tmp_path):
    _, passages = taught(tmp_path, "| Limit | RDS |\n|:--|--:|\n| storage | 64 TiB |\n| copies | 2 |\n")

    assert quotes(passages) == ["| storage | 64 TiB |", "| copies | 2 |"]
    assert plain(quotes(passages)[0]) == "storage: 64 TiB"


def test_a_table_without_words_in_its_head_keeps_its_first_row(tmp_path):
    _, passages = taught(tmp_path, "| | |\n|--|--|\n| storage | 64 TiB |\n")

    assert quotes(passages) == ["| storage | 64 TiB |"]


def test_a_long_table_is_cut_between_rows_and_loses_none(tmp_path):
    rows = [f"| limit {number} | {number} TiB of storage at most [facts#a-{number}] |" for number in range(30)]

    _, passages = taught(tmp_path, "\n".join(["| Limit | Value |", "|---|---|", *rows]))

    assert len(passages) > 3
    assert quotes(passages) == rows
    assert [fact for one in passages for fact in one.facts] == [f"facts#a-{number}" for number in range(30)]


def test_a_long_paragraph_keeps_every_citation_mark_with_its_sentence(tmp_path):
    text = " ".join(f"Sentence number {number} has seven words. [facts#a-{number}]" for number in range(40))

    _, passages = taught(tmp_path, text)

    assert len(passages) > 3
    assert [fact for one in passages for fact in one.facts] == [f"facts#a-{number}" for number in range(40)]
    assert all(len(one.facts) == len(one.sentences) for one in passages)


def test_a_sentence_that_is_too_long_is_cut_between_words(tmp_path):
    text = " ".join(f"word{number}" for number in range(110))

    _, passages = taught(tmp_path, text, count=characters, window=100)

    assert " ".join(one.text for one in passages) == text


def test_code_is_quoted_by_its_lines_as_they_are(tmp_path):
    text = "~~~yaml\n- name: a\n> out\n~~~\n\n```sql\nselect 1;\n\n  from t;\n```\n\n    indented\n"

    _, passages = taught(tmp_path, text)

    assert quotes(passages) == ["- name: a", "> out", "select 1;", "from t;", "indented"]


def test_diagrams_and_comments_are_in_no_passage(tmp_path):
    text = "One.\n\n```mermaid\nflowchart\n```\n\nTwo.\n\n<!-- not\n\nthis -->\n<!-- nor this -->\n\nThree.\n"

    _, passages = taught(tmp_path, text)

    assert [one.text for one in passages] == ["One.", "Two.", "Three."]
    assert [one.first_line for one in passages] == [1, 7, 14]


def test_what_is_left_of_a_web_page_is_quoted_where_a_line_reads_alone(tmp_path):
    block = "<div class='a'>\n<p>Gas is <b>cheap</b>.</p>\n<img\nalt='oven'>\n</div>"
    text = f"{block}\n\nAn <i>oven</i> is hot.<br>\n"

    _, passages = taught(tmp_path, text)

    assert [plain(quote) for quote in quotes(passages)] == ["Gas is cheap.", "An oven is hot."]


@pytest.mark.parametrize("tag", ["script", "style", "pre"])
def test_a_script_is_not_quoted(tag, tmp_path):
    _, passages = taught(tmp_path, f"<{tag}>\nlet words = 1;\n</{tag}>\n")

    assert quotes(passages) == []


def test_a_links_definition_is_not_lost(tmp_path):
    _, passages = taught(tmp_path, 'See [the guide][1].\n\n[1]: https://x.example/guide "The user guide"\n')

    assert "The user guide" in passages[0].text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("**RDS** keeps _two_ [facts#a] copies.", "RDS keeps two copies."),
        ("Use `count(*)` and `<name>` on `a_b_c`.", "Use count(*) and <name> on a_b_c."),
        ("Write `[facts#a]` for a mark.", "Write [facts#a] for a mark."),
        ("Write ``a ` b`` so.", "Write a ` b so."),
        ("See [the guide](https://x.example/a_(b) \"t\") ![logo](a.png)", "See the guide logo"),
        ("One<br/>two <!-- hidden --> three", "One two three"),
        ("a \0" + "0\0 b", "a 0 b"),
        ("| a | `x` |\n|---|---|\n| b |  |", "a: x; b: "),
    ],
)  # fmt: skip
def test_markdown_reads_without_its_marks(written, read):
    assert plain(written) == " ".join(read.split())


def test_the_title_is_the_first_heading_of_the_first_level():
    assert title(["## Not this", "", "# This *one*", "# nor that"]) == "This one"
    assert title(["# skipped", "text"], 1) == ""


def test_long_headings_leave_room_for_the_passage(tmp_path):
    heading = "A heading that goes on and on " * 10

    _, passages = taught(tmp_path, f"# {heading}\n\n## {heading}\n\n### {heading}\n\n{'Text. ' * 99}", characters, 256)

    for one in passages:
        assert len(embedded_heading(one.title, one.heading)) <= 161
        assert len(embedded_heading(one.title, one.heading)) + len(one.text) <= 254


def test_a_rule_of_many_dashes_counts_for_the_window(tmp_path):
    text = f"{'One. ' * 8}\n\n{'-' * 150}\n\n{'Two. ' * 8}\n"

    _, passages = taught(tmp_path, text, characters, 130)

    assert [len(one.text) <= 128 for one in passages] == [True, True]


def test_an_embedded_image_does_not_become_one_endless_passage(tmp_path):
    _, passages = taught(tmp_path, f"![a](data:image/png;base64,{'A' * 50_000})\n")

    assert max(len(one.text) for one in passages) <= 62 * 20


BIG = {
    "5 MB of prose": "# T\n\n" + "The server keeps going. It never stops at 17.5 or so. [facts#a]\n\n" * 80_000,
    "a block of 5 MB": "# T\n\n" + "The server keeps going. It never stops at all\n" * 110_000,
    "a line of 2 MB": "The server keeps going. " * 87_000,
    "a word of 2 MB": "x" * 2_000_000,
    "2 MB of dots": "." * 2_000_000,
    "2 MB of brackets": "[" * 2_000_000,
    "2 MB of open comments in a heading": "# " + "<!--" * 500_000,
    "a heading of 2 MB": "# " + "heading " * 250_000,
    "2 MB of quotes in quotes": ">" * 2_000_000,
    "2 MB of empty lines": "\n" * 2_000_000,
    "2 MB below an open front matter": "---\n" + f"a: {'b' * 15}\n" * 100_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("size", BIG)
def test_a_big_page_is_cut_into_passages_that_fit(size, tmp_path):
    _, passages = taught(tmp_path, BIG[size], window=256)

    assert max((count for count in words(one.text for one in passages)), default=0) <= 254


# Pages that nobody thought of. Every word is its own: w in what is taught, h in headings, x in what is not.

NAMES = st.sampled_from(["Foo", "Foo 2", "Bar", "Über uns", "???"])
SIZES = st.integers(1, 30)
BLOCKS = st.one_of(
    st.tuples(st.just("prose"), st.lists(SIZES, min_size=1, max_size=6)),
    st.tuples(st.just("wrapped"), st.lists(SIZES, min_size=1, max_size=6)),
    st.tuples(st.just("list"), st.lists(SIZES, min_size=1, max_size=6)),
    st.tuples(st.just("numbers"), st.lists(SIZES, min_size=1, max_size=6)),
    st.tuples(st.just("quote"), st.lists(SIZES, min_size=1, max_size=4)),
    st.tuples(st.just("table"), st.lists(SIZES, min_size=2, max_size=8)),
    st.tuples(st.just("fence"), st.lists(SIZES, min_size=1, max_size=6)),
    st.tuples(st.just("indented"), st.lists(SIZES, min_size=1, max_size=3)),
    st.tuples(st.just("definition"), st.lists(SIZES, min_size=1, max_size=2)),
    st.tuples(st.just("html"), st.lists(SIZES, min_size=1, max_size=3)),
    st.tuples(st.just("run-on"), st.lists(st.integers(60, 200), min_size=1, max_size=1)),
    st.tuples(st.just("mermaid"), st.lists(SIZES, min_size=1, max_size=2)),
    st.tuples(st.just("comment"), st.lists(SIZES, min_size=1, max_size=2)),
    st.tuples(st.just("rule"), st.just([0])),
)
SECTIONS = st.tuples(st.integers(1, 4), NAMES, st.booleans(), st.lists(BLOCKS, max_size=4))
PAGES = st.tuples(st.lists(BLOCKS, max_size=2), st.lists(SECTIONS, max_size=5), st.booleans(), st.sampled_from("\n\r"))


class Writer:
    """Writes blocks with words that are never used twice."""

    def __init__(self, prefix=""):
        self.prefix = prefix
        self.used = 0

    def words(self, size, letter="w"):
        self.used += size
        return " ".join(f"{letter}{self.prefix}{number}" for number in range(self.used - size, self.used))

    def block(self, kind, sizes):
        if kind in {"mermaid", "comment", "rule"}:
            text = "\n".join(self.words(size, "x") for size in sizes)
            return {"mermaid": f"```mermaid\n{text}\n```", "comment": f"<!-- {text} -->", "rule": "***"}[kind]
        texts = [self.words(size) for size in sizes]
        rows = {
            "prose": [" ".join(f"So {text}. [facts#f-{self.used}]" for text in texts)],
            "wrapped": [f"{text}." for text in texts],
            "list": [f"{'  ' * (number % 3)}- {text}" for number, text in enumerate(texts)],
            "numbers": [f"{number}. {text}. So it is." for number, text in enumerate(texts, 1)],
            "quote": [f"> {text}" for text in texts],
            "table": [f"| {texts[0]} | b |", "|---|---|", *(f"| {text} | [facts#a] |" for text in texts[1:])],
            "fence": ["```sql", *texts, "```"],
            "indented": [f"    {text}" for text in texts],
            "definition": [f"[{self.words(1)}]: /{text.split()[0]} '{' '.join(text.split()[1:])}'" for text in texts],
            "html": ["<div>", *(f"<p>{text}</p>" for text in texts), "</div>"],
            "run-on": texts,
        }[kind]
        return "\n".join(rows)

    def body(self, blocks):
        return "".join(f"\n{self.block(*block)}\n" for block in blocks)


def written(page, edited=None):
    """The page as text; the body of the section at `edited` is another one."""
    above, sections, front, newline = page
    writer = Writer()
    text = "---\ntitle: Page\n---\n" if front else ""
    text += writer.body(above)
    for number, (level, name, underlined, blocks) in enumerate(sections):
        head = f"{name} {writer.words(1, 'h') if number % 2 else ''}".strip()
        text += f"\n{head}\n{'=-'[level - 1] * 5}\n" if underlined and level < 3 else f"\n{'#' * level} {head}\n"
        before = writer.used
        body = writer.body(blocks)
        text += body if number != edited else Writer(f"e{before}e").body([*blocks[1:], ("prose", [40, 40])])
    return text.replace("\n", "\r\n") if newline == "\r" else text


def words_of(text, letter):
    return re.findall(rf"\b{letter}(?:e\d+e)?\d+\b", text)


def passages_of(text, count=words, window=64):
    with tempfile.TemporaryDirectory() as folder:
        return taught(folder, text, count, window)[1]


@pytest.mark.slow
@settings(max_examples=150, deadline=2000)
@given(PAGES, st.sampled_from([(words, 64), (words, 200), (characters, 256)]))
def test_any_page_is_taught_word_for_word(page, encoder):
    count, window = encoder
    text = written(page)

    passages = passages_of(text, count, window)

    lines = text.split("\n")
    assert sorted(word for one in passages for word in words_of(one.text, "w")) == sorted(words_of(text, "w"))
    assert len({one.id for one in passages}) == len(passages)
    for one in passages:
        assert one.text in "\n".join(lines[one.first_line - 1 : one.last_line])
        assert one.text.split("\n")[0] in lines[one.first_line - 1]
        assert not words_of(one.text, "[hx]")
        assert count([one.text])[0] + count([embedded_heading(one.title, one.heading)])[0] <= window - 2


@pytest.mark.slow
@settings(max_examples=150, deadline=2000)
@given(PAGES)
def test_what_can_be_quoted_of_any_page_stands_in_order_and_in_one_place(page):
    text = written(page)
    lines = text.split("\n")

    for one in passages_of(text):
        for span in one.sentences:
            first, last = one.lines(span)
            assert one.quote(span) in "\n".join(lines[first - 1 : last])
            assert one.quote(span) == one.quote(span).strip()
            assert any(character.isalnum() for character in one.quote(span))
        assert all(left.end <= right.start for left, right in pairwise(one.sentences))


@pytest.mark.slow
@settings(max_examples=100, deadline=2000)
@given(PAGES.filter(lambda page: page[1]), st.data())
def test_an_edit_of_one_section_renames_no_passage_of_another(page, data):
    edited = data.draw(st.integers(0, len(page[1]) - 1))

    def places(text):
        return {word: one.id for one in passages_of(text) for word in words_of(one.text, "w")}

    before, after = places(written(page)), places(written(page, edited))

    kept = before.keys() & after.keys()
    assert {word: before[word] for word in kept} == {word: after[word] for word in kept}
