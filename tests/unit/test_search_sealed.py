"""A sealed folder is told from every other state of it by its name."""

from __future__ import annotations

import json
import random
from contextlib import suppress

import pytest

from pgdojo.errors import SearchIndexError
from pgdojo.search import sealed


@pytest.fixture
def folder(tmp_path):
    with sealed.unsealed(tmp_path) as fresh:
        (fresh / "a.bin").write_bytes(bytes(range(200)))
        (fresh / "inner").mkdir()
        (fresh / "inner" / "b.txt").write_text("words")
        return sealed.seal(fresh, {"format": 7})


def test_a_sealed_folder_says_what_was_put_in(folder):
    manifest = sealed.verify(folder)

    assert manifest["format"] == 7
    assert sorted(manifest["files"]) == ["a.bin", "inner/b.txt"]


def test_nothing_unsealed_stays_behind(folder):
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_failure_while_filling_leaves_nothing(tmp_path):
    with suppress(ZeroDivisionError), sealed.unsealed(tmp_path) as fresh:
        (fresh / "a.bin").write_bytes(b"half")
        raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_process_left_is_removed_and_nothing_else(folder):
    (folder.parent / "4711.partial").mkdir()
    (folder.parent / "4711.partial" / "a.bin").write_bytes(b"half")

    sealed.remove_unsealed(folder.parent)

    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("seed", range(60))
def test_every_flipped_bit_is_seen_and_its_file_named(folder, seed):
    dice = random.Random(seed)
    path = dice.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)

    with pytest.raises(SearchIndexError, match=path.name):
        sealed.verify(folder)


def test_a_missing_file_is_named(folder):
    (folder / "inner" / "b.txt").unlink()

    with pytest.raises(SearchIndexError, match=r"inner/b\.txt of the index is missing"):
        sealed.verify(folder)


def test_a_manifest_that_was_made_to_fit_is_not_the_one_that_named_the_folder(folder):
    (folder / "a.bin").write_bytes(b"forged")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["a.bin"] = sealed.sha256(folder / "a.bin")
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(SearchIndexError, match=r"manifest\.json of the index was altered"):
        sealed.verify(folder)


def test_a_replaced_file_is_the_old_or_the_new_one(tmp_path):
    sealed.replace(tmp_path / "current", b"one")
    sealed.replace(tmp_path / "current", b"two")

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("current", b"two")]
