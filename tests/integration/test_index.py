"""The index survives what happens to files: edits, damage, kills, full disks, two builders, and readers meanwhile."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pgdojo.course.load import load_course
from pgdojo.dojo import open_dojo
from pgdojo.errors import ModelError, SearchIndexError
from pgdojo.search import sealed, sources
from pgdojo.search.build import build_index
from pgdojo.search.encoder import model_hash
from pgdojo.search.index import FORMAT, Index, IndexFolder
from pgdojo.search.retriever import Retriever

NOTES = """# PostgreSQL at work

## Failover

A Multi-AZ standby takes over within two minutes.

## Vacuum

Autovacuum removes dead rows. It never blocks readers.
"""
FACT = """- id: {id}
  topic: ha
  subject: "Failover"
  fact: |-
    {fact}
  status: new
  as_of: "2026"
  source: https://example.com/
  source_title: "A page"
  confidence: high
  asks:
    - "How long does {id} take?"
    - "{id} duration"
"""
FACTS = {
    "facts/ha.yaml": FACT.format(id="reboot", fact="A reboot with failover takes about one minute of downtime.")
    + FACT.format(id="resize", fact="Changing the instance class takes the server down for some minutes.")
}
COURSE = {"notes.md": NOTES, **FACTS}
pytestmark = pytest.mark.slow
posix = pytest.mark.skipif(os.name == "nt", reason="needs signals and limits of POSIX")


def build(root: Path, **options) -> IndexFolder:
    folder = IndexFolder(root / "index")
    build_index(load_course(root), folder, **options)
    return folder


def edit(root: Path, old: str, new: str, name: str = "facts/ha.yaml") -> None:
    path = root / "knowledge" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def texts(folder: IndexFolder) -> list[str]:
    index = Index(folder)
    return [index.passage(row).text for row in range(len(index))]


def command(root: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "pgdojo", "--course", str(root), *arguments]


# What an index holds and what a build embeds


def test_a_passage_asked_for_by_its_own_text_comes_first(indexed):
    retriever = Retriever(Index(build(indexed(COURSE))))

    for row in range(len(retriever.index)):
        passage = retriever.index.passage(row)
        for method in ("words", "vectors", "fusion"):
            hits = retriever.search(passage.text, 10, method)
            assert hits[0].passage == passage
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
            assert [hit.rank for hit in hits] == [1, 2, 3, 4]


def test_every_passage_is_found_by_its_name_and_has_the_vectors_of_its_own_words(indexed):
    index = Index(build(indexed(COURSE)))
    first = index.passage(index.position("notes#vacuum"))

    assert [index.position(index.passage(row).id) for row in range(len(index))] == list(range(len(index)))
    assert index.position("notes#nothing") is None
    assert index.notes_positions == [2, 3]
    sentences = index.encoder.encode([first.quote(span) for span in first.sentences])
    assert (index.sentence_vectors(3) * sentences).sum(axis=1) == pytest.approx([1, 1], abs=1e-3)
    asked = index.encoder.encode(["How long does resize take?", "resize duration"])
    assert (index.asked_vectors(1) * asked).sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert index.asked_vectors(2).shape == (0, 384)


def test_an_unchanged_course_embeds_nothing_and_a_changed_fact_only_its_own_words(indexed):
    root = indexed(COURSE)
    # Four passages; each fact's sentence and two questions; three sentences of the notes.
    assert build(root).manifest().embedded == 4 + 2 + 4 + 3

    assert build(root).manifest().embedded == 0

    edit(root, "about one minute", "about two minutes")
    assert build(root).manifest().embedded == 2  # the passage and its one sentence
    assert build(root, rebuild=True).manifest().embedded == 13


def test_embeddings_that_are_kept_are_those_that_would_be_made_anew(indexed):
    root = indexed(COURSE)
    build(root)
    edit(root, "about one minute", "about two minutes")
    kept = Index(build(root))
    made = Index(build(root, rebuild=True))

    # Texts that are padded in another company differ in the last bits.
    assert kept.vectors.reconstruct_n(0, 8) == pytest.approx(made.vectors.reconstruct_n(0, 8), abs=1e-5)
    assert np.asarray(kept.sentences) == pytest.approx(np.asarray(made.sentences), abs=1e-3)


def test_an_index_is_stale_once_its_course_has_changed_and_not_before(indexed):
    root = indexed(COURSE)
    folder = build(root)
    assert not folder.is_stale(root)

    os.utime(root / "knowledge" / "notes.md", (1, 1))
    assert not folder.is_stale(root)
    edit(root, "two minutes", "ten minutes", "notes.md")
    assert folder.is_stale(root)


def test_a_change_that_keeps_size_and_time_is_seen_all_the_same(indexed):
    root = indexed(COURSE)
    folder = build(root)
    notes = root / "knowledge" / "notes.md"
    before = notes.stat()

    edit(root, "two minutes", "ten minutes", "notes.md")
    os.utime(notes, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert notes.stat().st_size == before.st_size
    assert folder.is_stale(root)


def test_a_course_edited_while_it_waits_for_its_turn_is_indexed_as_it_is_then(indexed):
    root = indexed(COURSE)
    loaded = load_course(root)
    edit(root, "about one minute", "about two minutes")

    folder = IndexFolder(root / "index")
    build_index(loaded, folder)

    assert any("about two minutes" in text for text in texts(folder))
    assert not folder.is_stale(root)


@pytest.mark.parametrize("files", [{"notes.md": ""}, {"empty/.keep": ""}, {"notes.md": "# The of and\n\nIt is.\n"}])
def test_a_course_with_hardly_anything_in_it_is_indexed(indexed, files):
    index = Index(build(indexed(files)))

    assert len(Retriever(index).search("backup", 3)) == len(index)


def test_a_file_that_cannot_be_read_is_left_out_and_the_rest_is_indexed(indexed):
    root = indexed({**COURSE, "latin.md": "caf\xe9".encode("latin-1")})
    (root / "knowledge" / "loop.md").symlink_to("loop.md")

    folder = build(root)

    assert folder.manifest().documents == 1
    assert "latin" in load_course(root).skipped[0].file
    assert not folder.is_stale(root)


def test_progress_rises_to_its_total_in_every_stage(indexed):
    heard = []

    build(indexed(COURSE), progress=lambda *step: heard.append(step))

    stages = list(dict.fromkeys(stage for stage, _, _ in heard))
    assert stages == ["Preparing the encoder", "Reading documents", "Embedding", "Writing the index"]
    for stage in stages:
        steps = [(done, total) for name, done, total in heard if name == stage]
        assert steps == sorted(steps)
        assert len({total for _, total in steps}) == 1
        assert steps[-1][0] == steps[-1][1]


# Damage


@dataclass
class Damage:
    """Harms one file and can put it back."""

    path: Path
    harm: Callable[[], None]

    def __enter__(self):
        self.safe = self.path.rename(self.path.with_name(self.path.name + ".safe"))
        shutil.copyfile(self.safe, self.path)  # other tests have links to an encoder's files
        self.harm()

    def __exit__(self, *_):
        self.safe.replace(self.path)


def _flip(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.unlink()  # other tests have links to an encoder's files
    path.write_bytes(content)


def _harms(path: Path, others: list[Path], foreign: Path, dice: random.Random) -> dict[str, Callable[[], object]]:
    size = path.stat().st_size
    return {
        "flipped": lambda: _flip(path, dice),
        "cut": lambda: os.truncate(path, dice.randrange(size)),
        "emptied": lambda: os.truncate(path, 0),
        "lengthened": lambda: path.open("ab").write(b"more"),
        "removed": path.unlink,
        "swapped": lambda: shutil.copyfile(dice.choice(others), path),
        "foreign": lambda: shutil.copyfile(foreign, path),
    }


@pytest.fixture
def two_indexes(indexed, tmp_path):
    """A tiny index, and the generation of a course that differs in one fact."""
    root = indexed(COURSE)
    folder = build(root)
    foreign = tmp_path / "foreign"
    shutil.copytree(folder.generation, foreign)
    shutil.copyfile(folder.pointer, foreign / "current")
    edit(root, "about one minute", "about two minutes")
    return build(root), foreign


def test_three_hundred_damaged_indexes_are_refused_and_their_file_is_named(two_indexes):
    folder, foreign = two_indexes
    encoder = folder.encoders / folder.manifest().encoder
    files = [path for path in folder.generation.rglob("*") if path.is_file()]
    dice = random.Random(20_26)
    refused = []
    while len(refused) < 300:
        path = dice.choice([*files, *files, *files, *encoder.iterdir(), folder.pointer])
        twin = foreign / (path.relative_to(folder.generation) if path in files else path.name)
        kinds = _harms(path, [other for other in files if other != path], twin, dice)
        kind = dice.choice(list(kinds))
        if kind == "foreign" and (not twin.exists() or twin.read_bytes() == path.read_bytes()):
            continue
        if kind == "swapped" and path == folder.pointer:
            continue
        with Damage(path, kinds[kind]):
            with pytest.raises((SearchIndexError, ModelError), match=path.name) as error:
                Index(folder)
            refused.append((path.name, kind, str(error.value)))

    assert all("Run pgdojo index" in message for _, _, message in refused)
    assert {kind for _, kind, _ in refused} == set(kinds)
    assert len(Index(folder)) == 4


def test_the_generation_of_another_course_is_not_taken_for_this_one(two_indexes, course):
    folder, foreign = two_indexes
    shutil.rmtree(folder.generation)
    shutil.copytree(foreign, folder.generation.with_name(foreign.joinpath("current").read_text()))
    shutil.copyfile(foreign / "current", folder.pointer)

    assert folder.is_stale(course({}))


def test_an_index_of_another_format_is_refused_with_both_formats(indexed):
    folder = build(indexed(COURSE))
    facts = json.loads((folder.generation / "manifest.json").read_bytes())
    del facts["files"]
    with sealed.unsealed(folder.generations) as fresh:
        future = sealed.seal(fresh, {**facts, "format": 99})
    folder.put_in_use(future, {})

    with pytest.raises(SearchIndexError, match=f"format 99; this pgdojo reads format {FORMAT}"):
        Index(folder)


@pytest.mark.parametrize("pointer", [b"", b"nowhere", b"../generations", b"\xff\xfe", b"a" * 5000, b"a\x00b"])
def test_a_pointer_to_nowhere_is_named(indexed, pointer):
    folder = build(indexed(COURSE))
    folder.pointer.write_bytes(pointer)

    with pytest.raises(SearchIndexError, match="pointer, current"):
        Index(folder)


def test_where_there_is_no_index_the_message_says_how_to_make_one(tmp_path):
    with pytest.raises(SearchIndexError, match=r"There is no index in .* Run pgdojo index\."):
        IndexFolder(tmp_path).is_stale(tmp_path)


def test_an_index_from_before_seals_is_refused(indexed):
    folder = build(indexed(COURSE))
    folder.generation.rename(folder.generations / "18eaa36f9be33b05")
    folder.pointer.write_text("18eaa36f9be33b05")

    with pytest.raises(SearchIndexError, match="pointer, current, is damaged"):
        Index(folder)


@pytest.mark.parametrize("name", ["current", "manifest.json", "passages.jsonl", "vectors.faiss"])
def test_opening_the_course_rebuilds_what_is_damaged(indexed, name):
    root = indexed(COURSE)
    folder = build(root)
    place = folder.path if name == "current" else folder.generation
    _flip(place / name, random.Random(1))

    dojo = open_dojo(root)

    assert len(dojo.index) == 4
    assert len(list(folder.generations.iterdir())) == 1


def test_a_damaged_encoder_is_never_used_again(indexed):
    root = indexed(COURSE)
    folder = build(root)
    before = Index(folder).encoder.encode(["failover"])
    _flip(folder.encoders / folder.manifest().encoder / "model.onnx", random.Random(1))

    dojo = open_dojo(root)

    assert (dojo.index.encoder.encode(["failover"]) * before).sum() == pytest.approx(1, abs=1e-5)
    assert len(list(folder.encoders.iterdir())) == 1


def test_a_damaged_generation_lends_no_embeddings_to_the_next(indexed):
    root = indexed(COURSE)
    folder = build(root)
    _flip(folder.generation / "sentences.npy", random.Random(1))

    assert build(root).manifest().embedded == 13


# Kills


@pytest.fixture
def small_model(tmp_path):
    """A model that gives each word of the course eight numbers and a text their sum, and the export it would have."""
    from onnx import TensorProto, helper, numpy_helper, save
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path / "model"
    folder.mkdir()
    known = sorted(set("".join(COURSE.values()).lower().split()))
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(["[UNK]", *known])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    numbers = np.random.default_rng(3).normal(size=(1 + len(known), 8)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["numbers", "input_ids"], ["words"]),
            helper.make_node("ReduceSum", ["words", "over"], ["text"], keepdims=0),
            helper.make_node("LpNormalization", ["text"], ["embedding"], axis=1, p=2),
        ],
        "small",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", 8])],
        [numpy_helper.from_array(numbers, "numbers"), numpy_helper.from_array(np.array([1]), "over")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, str(folder / "model.onnx"))
    return folder


@pytest.fixture
def swift(course, small_model):
    """The course with the export of `small_model` beside it: a build of it does little but write files."""
    root = course(COURSE)
    with sealed.unsealed(root / "index" / "encoders") as fresh:
        for path in small_model.iterdir():
            shutil.copyfile(path, fresh / path.name)
        facts = {"format": FORMAT, "model_hash": model_hash(str(small_model)), "dim": 8, "window": 256}
        sealed.seal(fresh, facts)
    return root


def _build_and_die(root: Path, model: Path, moment: int, ready: object = None) -> None:
    """Build, and be killed at the `moment`th time that a file is touched in the index's folder."""
    place = str(root / "index")
    seen = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event in TOUCHES and any(place in os.fsdecode(path) for path in arguments if isinstance(path, str | bytes)):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), 9)

    if moment:
        sys.addaudithook(count)
    if ready is not None:
        ready.set()
    build(root, model=str(model))


TOUCHES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"}


class Killing:
    """A course whose one fact counts up, and builders of its index that are killed."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root, self.model = root, model
        self.version = 0
        self.lasted = 0.0
        self.context = multiprocessing.get_context("forkserver")
        # What this module imports, and what a build imports when it comes to it: else each child would read it anew.
        own = ["pytest", "pgdojo.dojo", "pgdojo.search.build", "pgdojo.search.retriever"]
        self.context.set_forkserver_preload([*own, "faiss", "onnxruntime", "filelock", "tokenizers"])
        self.advance()
        self.folder = build(root, model=str(model))
        self.inside, self.shown = sources.checksums(root), self.version

    def advance(self) -> None:
        self.version += 1
        text = FACT.format(id="reboot", fact=f"A reboot with failover takes about {self.version} seconds of downtime.")
        (self.root / "knowledge" / "facts" / "ha.yaml").write_text(text, encoding="utf-8")

    def kill(self, *, moment: int = 0, seconds: float | None = None) -> bool:
        """Begin a build of a changed course and end it; whether it was still running."""
        self.advance()
        ready = self.context.Event()
        child = self.context.Process(target=_build_and_die, args=(self.root, self.model, moment, ready))
        child.start()
        ready.wait()
        begin = time.monotonic()
        if seconds is not None:
            time.sleep(seconds)
            child.kill()
        child.join()
        self.lasted = time.monotonic() - begin
        assert child.exitcode in {0, -9}
        return child.exitcode == -9

    def check(self) -> bool:
        """See that the index is wholly the old one or the new one; whether it is the new one."""
        now = sources.checksums(self.root)
        manifest = self.folder.manifest()
        assert manifest.sources in (self.inside, now)
        sealed.verify(self.folder.generation)
        sealed.verify(self.folder.encoders / manifest.encoder)
        is_new = manifest.sources == now
        assert self.folder.is_stale(self.root) is not is_new
        number = self.version if is_new else self.shown
        assert f"about {number} seconds" in (self.folder.generation / "passages.jsonl").read_text(encoding="utf-8")
        self.inside, self.shown = manifest.sources, number
        return is_new


@posix
def test_a_build_killed_at_any_touch_of_a_file_or_at_any_time_leaves_the_old_index_or_the_new(swift, small_model):
    killing = Killing(swift, small_model)
    ends = []
    moment = 1
    while killing.kill(moment=moment):
        ends.append(killing.check())
        moment += 3
    assert killing.check()
    assert len(ends) > 20
    assert 0 < sum(ends) < len(ends)

    dice = random.Random(9)
    assert not killing.kill()
    whole = killing.lasted
    assert killing.check()
    running = []
    for _ in range(len(ends), 100):
        running.append(killing.kill(seconds=dice.uniform(0, whole)))
        killing.check()
    assert any(running)

    build(killing.root, model=str(killing.model))
    assert [path.name for path in killing.folder.generations.iterdir()] == [killing.folder.generation.name]
    assert [path.name for path in killing.folder.encoders.iterdir()] == [killing.folder.manifest().encoder]
    left = {path.name for path in killing.folder.path.iterdir()}
    assert left == {"build.lock", "current", "encoders", "generations", "stamps.json"}
    assert f"about {killing.version} seconds" in texts(killing.folder)[0]


# Several at once


def test_two_builders_at_once_take_turns(indexed):
    root = indexed(COURSE)

    both = [subprocess.Popen(command(root, "index"), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    complaints = [child.communicate()[1] for child in both]

    assert [child.returncode for child in both] == [0, 0], complaints
    assert len(texts(IndexFolder(root / "index"))) == 4


def test_a_builder_that_waits_in_vain_says_so(indexed, monkeypatch):
    from filelock import FileLock

    root = indexed(COURSE)
    monkeypatch.setattr("pgdojo.search.build.PATIENCE", 0.1)
    (root / "index").mkdir(exist_ok=True)

    with FileLock(root / "index" / "build.lock"), pytest.raises(SearchIndexError, match="Another process is building"):
        build(root)


def test_a_reader_keeps_answering_from_what_it_opened(indexed):
    root = indexed(COURSE)
    reader = Index(build(root))

    edit(root, "about one minute", "about two minutes")
    build(root)
    build(root, rebuild=True)

    (hit, *_) = Retriever(reader).search("How long does reboot take?", 3)
    assert "about one minute" in hit.passage.text
    assert reader.position("facts#reboot") == 0
    assert reader.sentence_vectors(0).shape == (1, 384)
    assert any("about two minutes" in text for text in texts(IndexFolder(root / "index")))


def test_readers_that_open_while_another_builds_always_succeed(indexed):
    root = indexed(COURSE)
    folder = build(root)
    failures = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                Index(folder)
                folder.is_stale(root)
            except Exception as cause:  # noqa: BLE001 - whatever it is, it is a failure
                failures.append(cause)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(6):
        build(root)
    done.set()
    reader.join()

    assert failures == []


def test_threads_read_the_same_passages_as_one_alone(indexed):
    folder = build(indexed(COURSE))
    expected = texts(folder) * 200
    index = Index(folder)
    found: list[list[str]] = []

    def read() -> None:
        seen = []
        for row in range(len(expected)):
            index._cache.clear()
            seen.append(index.passage(row % len(index)).text)
        found.append(seen)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * 8


# No room, no right


@posix
def test_a_full_disk_is_named_and_the_old_index_still_answers(indexed):
    import resource

    root = indexed(COURSE)
    folder = build(root)
    edit(root, "about one minute", "about two minutes")

    for limit in (20, 400, 4_000, 10_000):
        # A limit on the size of a file is the full disk that needs no disk.
        child = subprocess.run(
            command(root, "index"),
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert child.returncode == 1
        assert "The index cannot be written to" in child.stderr
        assert "Make room" in child.stderr
        assert "Traceback" not in child.stderr
        assert any("about one minute" in text for text in texts(folder))
        assert len(list(folder.generations.iterdir())) == 1

    assert build(root).manifest().embedded == 2
    assert any("about two minutes" in text for text in texts(folder))


@pytest.fixture
def as_nobody():
    """A folder that everybody can reach, and a switch to a user who may write nowhere."""
    if os.name == "nt":
        pytest.skip("needs the rights of POSIX")
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    user = os.geteuid()

    def switch() -> None:
        if user == 0:
            os.seteuid(65_534)

    yield place, switch
    if user == 0:
        os.seteuid(user)
    for path in (place, *place.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(place)


def test_a_folder_without_the_right_to_write_answers_and_refuses_a_build(indexed, as_nobody):
    place, switch = as_nobody
    root = indexed(COURSE)
    build(root)
    shutil.copytree(root, place / "course")
    folder = IndexFolder(place / "course" / "index")
    for path in (folder.path, folder.generations, folder.encoders):
        path.chmod(0o555)
    switch()

    assert len(texts(folder)) == 4
    assert folder.is_stale(place / "course") is False
    with pytest.raises(SearchIndexError, match=r"cannot be written to .* \(Permission denied\)"):
        build(place / "course")
    assert len(texts(folder)) == 4


def test_a_file_where_the_folder_should_be_is_named(indexed, tmp_path):
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(SearchIndexError, match="cannot be written to"):
        build_index(load_course(indexed(COURSE)), IndexFolder(tmp_path / "taken"))
