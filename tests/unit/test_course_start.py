"""A folder of Markdown becomes a course, or nothing happens at all."""

from __future__ import annotations

import os

import pytest

from pgdojo.course.load import load_course
from pgdojo.course.start import start_course
from pgdojo.errors import UsageError


def pages(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"# {path.stem}\r\n\r\nWords of {name}.\r\n".encode())
    return folder


def names_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_folder_of_markdown_becomes_a_course(tmp_path):
    source = pages(tmp_path / "team", "notes.md", "guides/deep/oven.markdown", ".drafts/gas.md", "photo.png")

    started = start_course(tmp_path / "new" / "course", source)

    assert started.documents == 2
    course = load_course(tmp_path / "new" / "course")
    assert [document.slug for document in course.documents] == ["notes", "guides/deep/oven"]
    assert (course.root / "knowledge" / "notes.md").read_bytes() == (source / "notes.md").read_bytes()
    assert names_below(tmp_path / "new") == [
        "course", "course/knowledge", "course/knowledge/guides", "course/knowledge/guides/deep",
        "course/knowledge/guides/deep/oven.markdown", "course/knowledge/notes.md",
    ]  # fmt: skip


def test_the_folders_own_markdown_is_copied_and_stays_where_it_is(tmp_path):
    pages(tmp_path, "readme.md", "docs/oven.md")

    start_course(tmp_path)

    assert names_below(tmp_path) == [
        "docs", "docs/oven.md", "knowledge", "knowledge/docs", "knowledge/docs/oven.md", "knowledge/readme.md",
        "readme.md",
    ]  # fmt: skip


def test_a_course_is_not_started_twice(tmp_path):
    pages(tmp_path, "readme.md")
    start_course(tmp_path)
    (tmp_path / "knowledge" / "readme.md").write_text("# Mine now\n", encoding="utf-8")

    with pytest.raises(UsageError, match=r"is a course already\. Run pgdojo --course .* check\."):
        start_course(tmp_path)

    assert (tmp_path / "knowledge" / "readme.md").read_text(encoding="utf-8") == "# Mine now\n"


@pytest.mark.parametrize("source", ["empty", "nowhere", "file.md"])
def test_a_source_without_markdown_leaves_nothing_behind(source, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.md").write_text("# A file\n", encoding="utf-8")

    with pytest.raises(UsageError, match=r"(holds no Markdown|There is no folder)"):
        start_course(tmp_path / "course", tmp_path / source)

    assert not (tmp_path / "course").exists()


def test_a_copy_that_fails_half_way_leaves_nothing_behind(tmp_path):
    source = pages(tmp_path / "team", "a.md", "b.md")
    # A name that fits where it is and is too long below the new folder cannot be copied, whoever runs the test.
    deep = source / "/".join(["d" * 250] * 12)
    place = source
    for part in deep.relative_to(source).parts:
        place = place / part
        place.mkdir()
    (place / "c.md").write_text("# C\n", encoding="utf-8")
    target = tmp_path / ("t" * 250) / ("u" * 250) / ("v" * 250) / ("w" * 250)

    with pytest.raises(UsageError, match="cannot be copied: File name too long"):
        start_course(target, source)

    assert names_below(tmp_path) == sorted(["team", *(f"team/{name}" for name in names_below(source))])


def test_a_failure_keeps_what_was_in_the_folder(tmp_path):
    source = pages(tmp_path / "team", "a.md")
    (tmp_path / "course").write_text("a file of this name", encoding="utf-8")

    with pytest.raises(UsageError, match="cannot be copied"):
        start_course(tmp_path / "course", source)

    assert (tmp_path / "course").read_text(encoding="utf-8") == "a file of this name"


def test_a_folder_of_the_authors_own_is_not_in_the_way(tmp_path):
    pages(tmp_path, "readme.md", "knowledge.new/draft.md")

    start_course(tmp_path)

    assert (tmp_path / "knowledge.new" / "draft.md").exists()
    assert (tmp_path / "knowledge" / "knowledge.new" / "draft.md").exists()


@pytest.mark.skipif(not hasattr(os, "umask"), reason="modes are of POSIX")
def test_the_new_folder_can_be_read_by_the_team(tmp_path):
    pages(tmp_path, "readme.md")
    before = os.umask(0o022)
    try:
        start_course(tmp_path)
    finally:
        os.umask(before)

    assert (tmp_path / "knowledge").stat().st_mode & 0o777 == 0o755
