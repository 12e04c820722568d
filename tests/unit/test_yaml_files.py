"""An author's YAML is read as it is written, and what could do harm is named with its line."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgdojo.course.yaml_files import MAX_BYTES, parse_yaml, read_yaml
from pgdojo.errors import CourseError


def fault_of(tmp_path, raw):
    """The one fault of a file with the bytes `raw`, found in well under a second."""
    path = tmp_path / "ha.yaml"
    path.write_bytes(raw)
    began = time.perf_counter()
    with pytest.raises(CourseError) as caught:
        read_yaml(path, "knowledge/facts/ha.yaml")
    assert time.perf_counter() - began < 1
    (fault,) = caught.value.faults
    assert fault.file == "knowledge/facts/ha.yaml"
    return fault


ALIAS_BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)
HARMFUL = {
    "30 KB of open brackets": (b"[" * 30_000, 1, "nested more than 12 deep", "Close a bracket."),
    "30 KB of open braces": (b"{a: " * 7_500, 1, "nested more than 12 deep", "Close a bracket."),
    "a list in a list, 13 times": (b"x:\n" + b"- " * 13 + b"a", 2, "nested more than 12 deep", "Close a bracket."),
    "an alias bomb": (ALIAS_BOMB.encode(), 2, "the alias *a is not allowed", "Write the value out."),
    "a tag that runs code": (b"a: 1\nb: !!python/object/apply:os.system [ls]", 2, "the tag", "Write a plain value."),
    "a tag of the standard": (b"- !!int 3", 1, "the tag tag:yaml.org,2002:int", "Write a plain value."),
    "a merge of a mapping": (b"a: &b {c: d}\ne:\n  <<: *b", 3, "the alias *b is not allowed", "Write the value out."),
    "a key twice": (b"id: a\nfact: b\nid: c", 3, "the key id stands twice here", "Keep one."),
    "a second document": (b"a: b\n---\nc: d", 2, "a second document begins here", "Keep one document a file."),
    "a list as a key": (b"a: b\n? [c]\n: d", 2, "a key must be a plain text", "Put it in quotes."),
    "Latin-1": ("a: b\nc: Größe".encode("latin-1"), 2, "a byte here is not UTF-8", "Save the file as UTF-8."),
    "UTF-16": ("a: b\n".encode("utf-16"), 1, "a byte here is not UTF-8", "Save the file as UTF-8."),
    "a NUL": (b"a: b\nc: d\0", 2, "the character U+0000 is not allowed here", "Replace it"),
    "a line separator": ("a: b\nc: d\u2028e: f".encode(), 2, "the character U+2028 is not allowed here", "Replace it"),
    "lines of an old Mac": (b"a: b\rc: d\r", 1, "the character U+000D is not allowed here", "Replace it"),
    "a tab for an indent": (b"a:\n\tb: c", 2, "this is not YAML: found character that cannot", "not tabs"),
    "a bare colon": (b"a: b\nfact: RDS: it fails over", 2, "this is not YAML: mapping values", "in quotes"),
    "an open quote": (b"a: 'b\nc: d\n", 3, "this is not YAML: found unexpected end", "Look at the indent"),
    "an unknown directive": (b"%YAML 9.9\n---\na: b", 1, "this is not YAML: found incompatible", "Look at the indent"),
    "an escape of a lone surrogate": (b'a: "\\uD800"', 1, "this is not YAML: found invalid Unicode", "Look at"),
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_an_author_reads_where_and_what_to_do_about(harm, tmp_path):
    raw, line, problem, next_step = HARMFUL[harm]

    fault = fault_of(tmp_path, raw)

    assert fault.line == line
    assert problem in fault.problem
    assert next_step in fault.next_step


def test_a_file_over_the_limit_is_not_even_parsed(tmp_path):
    fault = fault_of(tmp_path, b"a: b\n" * (MAX_BYTES // 5 + 1))

    assert fault.problem == "the file has 1,000,005 bytes, over the limit of 1,000,000."
    assert fault.next_step == "Split it."


def test_a_file_at_the_limit_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: '" + b"x" * (MAX_BYTES - 5) + b"'")

    assert len(read_yaml(path, "a.yaml").data["a"]) == MAX_BYTES - 5


def test_a_folder_of_the_files_name_is_a_fault_and_no_crash(tmp_path):
    with pytest.raises(CourseError, match=r"^a\.yaml: the file cannot be read \(Is a directory\)\."):
        read_yaml(tmp_path, "a.yaml")


@pytest.mark.parametrize("depth", [12, 13])
def test_twelve_levels_are_enough_and_thirteen_too_many(depth):
    text = "[" * depth + "]" * depth

    if depth == 13:
        with pytest.raises(CourseError, match="nested more than 12 deep"):
            parse_yaml(text, "a.yaml")
    else:
        assert str(parse_yaml(text, "a.yaml").data) == text


@pytest.mark.parametrize(
    "written", ["no", "yes", "on", "true", "12:30:45", "1e3", "0x10", "017", "2026-04", "1_000", ".inf", "=", "<<"]
)
def test_a_scalar_stays_the_text_that_was_written(written):
    assert parse_yaml(f"answer: {written}", "a.yaml").data == {"answer": written}


def test_only_a_value_that_was_not_written_is_none():
    assert parse_yaml("- a:\n- b: ''\n- c: ~\n- d: null", "a.yaml").data == [
        {"a": None},
        {"b": ""},
        {"c": "~"},
        {"d": "null"},
    ]


@pytest.mark.parametrize("raw", [b"- id: a\n  asks:\n    - b\n", b"\xef\xbb\xbf- id: a\r\n  asks:\r\n    - b\r\n"])
def test_each_value_knows_its_line_with_any_line_ends_and_a_byte_order_mark(raw, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(raw)

    file = read_yaml(path, "a.yaml")

    assert file.data == [{"id": "a", "asks": ["b"]}]
    assert [file.line(place) for place in [(), (0,), (0, "id"), (0, "asks", 0)]] == [1, 1, 1, 3]
    assert file.line((0, "asks", 7)) == 3
    assert file.line((0, "nosuch")) == 1


def test_the_lines_of_front_matter_count_from_its_place_in_the_file():
    assert parse_yaml("title: a\norder: 3", "a.md", first_line=2).line(("order",)) == 3

    with pytest.raises(CourseError, match=r"^a\.md, line 3: the key title stands twice here\. Keep one\."):
        parse_yaml("title: a\ntitle: b", "a.md", first_line=2)


def test_an_empty_file_holds_nothing_and_has_no_line():
    file = parse_yaml("# only a remark\n", "a.yaml")

    assert file.data is None
    assert file.line(("a",)) is None


def is_plain(data):
    if isinstance(data, dict):
        return all(type(key) is str and is_plain(value) for key, value in data.items())
    if isinstance(data, list):
        return all(is_plain(value) for value in data)
    return data is None or type(data) is str


YAML_LIKE = st.text(alphabet="-:[]{}&*!|>'\"#%@`,?~.= \n\r\tab01\\é\u2028\0\ud800", max_size=300)


def read_or_fault(text):
    """The data of `text`, or the message about it."""
    try:
        return parse_yaml(text, "a.yaml").data, ""
    except CourseError as error:
        return None, str(error)


@settings(max_examples=600, deadline=500)
@given(st.one_of(st.text(max_size=300), YAML_LIKE))
def test_any_text_is_plain_data_or_a_fault(text):
    data, message = read_or_fault(text)

    assert is_plain(data)
    assert not message or message.startswith("a.yaml, line ")


@settings(max_examples=200, deadline=500)
@given(
    st.recursive(
        st.text(alphabet="ab:#-'\"\n é", max_size=12),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("abc", min_size=1), inner)),
        max_leaves=12,
    )
)
def test_what_another_program_wrote_as_json_is_read_back(data):
    written = json.dumps(data, ensure_ascii=False)

    read, message = read_or_fault(written)

    assert read == data if not message else "nested more than 12 deep" in message
