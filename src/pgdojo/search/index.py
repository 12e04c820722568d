"""The search index on disk: written beside and moved into place, checked before it is read.

```text
index/
  current                     name of the generation that answers questions; the one file that is ever replaced
  encoders/<model>/           model.onnx and tokenizer.json, exported once a model
  generations/<name>/         one whole index
    manifest.json             format, model, chunker, documents, and the checksum of every file
    passages.jsonl            a passage a line; offsets.npy says where each begins
    vectors.faiss             embeddings of the passages, then of the questions their authors say they answer
    owners.npy                the passage that each of those rows belongs to
    sentences.npy             embeddings of all sentences, half precision; sentence_starts.npy where each passage's begin
    words/                    BM25
    vocabulary.json           the words of the course and how many texts hold each
    glossary.json             terms and foreign subjects
    known.npy                 embeddings of questions known to have an answer or none; known_answered.npy says which
```

A process that dies while it builds leaves the old generation in place; one that reads while another builds keeps the files
it has open. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pgdojo.course.load import CHUNKER, Course, KnownQuestions, embedded_heading, known_file, markdown_files
from pgdojo.course.markdown import as_read, plain
from pgdojo.course.records import Foreign, Passage, Term
from pgdojo.errors import ModelError, SearchIndexError
from pgdojo.search import encoder as encoders
from pgdojo.search.encoder import DEFAULT_MODEL, OnnxEncoder, TorchEncoder, Vectors
from pgdojo.search.text import index_terms, words
from pgdojo.search.words import WordIndex

FORMAT = 2
"""Changes whenever the files do; an index of another format is built anew."""

READY_ENCODER_LIMIT = 256
"""Up to so many new texts are embedded by the exported encoder, so that a small edit never waits for torch."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Hears of the stage ("Reading", "Embedding", ...), how many are done, and how many there are."""

_REBUILD = "Run pgdojo index --rebuild."


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a generation was made from and what it consists of."""

    format: int
    title: str
    """Name of the course."""
    built_at: str
    chunker: int
    model: str
    model_hash: str
    encoder: str
    """Folder below `encoders/`, or empty where the model runs in sentence-transformers."""
    fallback_reason: str
    """Why the model was not exported, where it was not."""
    dim: int
    window: int
    sources: dict[str, str]
    """Checksum of each file of the course."""
    passages: int
    documents: int
    embedded: int
    """Texts that this build had to embed."""
    files: dict[str, str]
    """Checksum of each file of the generation, and of the encoder below `encoder/`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """Size and time of a file, by which an unchanged one is recognised without reading it."""

    size: int
    mtime_ns: int


def course_files(root: Path) -> list[Path]:
    """Every file that the index is made from."""
    knowledge = root / "knowledge"
    others = [*sorted((knowledge / "facts").glob("*.yaml")), knowledge / "glossary.yaml", known_file(root)]
    return [*markdown_files(knowledge), *(path for path in others if path.is_file())]


def source_checksums(root: Path) -> dict[str, str]:
    """Checksum of every file that the index is made from, by its path below the course's folder."""
    found = {}
    for path in course_files(root):
        with path.open("rb") as file:
            found[path.relative_to(root).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


class IndexFolder:
    """The folder that holds an index, its generations and its encoders."""

    def __init__(self, path: Path) -> None:
        """Point at `path`, which need not exist yet."""
        self.path = path

    @property
    def generation(self) -> Path:
        """Folder of the generation in use.

        Raises:
            SearchIndexError: There is none yet, or the pointer is damaged.
        """
        try:
            name = (self.path / "current").read_text(encoding="ascii").strip()
        except FileNotFoundError as cause:
            raise SearchIndexError(f"There is no index in {self.path}.", next_step="Run pgdojo index.") from cause
        except (OSError, UnicodeDecodeError) as cause:
            raise SearchIndexError("The index's pointer cannot be read.", next_step=_REBUILD) from cause
        folder = self.path / "generations" / name
        if not name.isalnum() or not folder.is_dir():
            raise SearchIndexError("The index's pointer leads nowhere.", next_step=_REBUILD)
        return folder

    def manifest(self) -> Manifest:
        """The manifest of the generation in use, of this format.

        Raises:
            SearchIndexError: It is missing, damaged, or of another format.
        """
        path = self.generation / "manifest.json"
        try:
            data = json.loads(path.read_bytes())
            found = data.get("format")
            if found != FORMAT:
                raise SearchIndexError(
                    f"The index has format {found}; this pgdojo reads format {FORMAT}.", next_step="Run pgdojo index."
                )
            return Manifest(**data)
        except (OSError, ValueError, TypeError, AttributeError) as cause:
            raise SearchIndexError("The index's manifest is damaged.", next_step=_REBUILD) from cause

    def is_stale(self, root: Path) -> bool:
        """Whether the course in `root` or the way of cutting it has changed since the index was built."""
        manifest = self.manifest()
        if manifest.chunker != CHUNKER:
            return True
        stamp = _stamp(root)
        known = self.generation / "stamp.json"
        try:
            if json.loads(known.read_bytes()) == stamp:
                return False
        except (OSError, ValueError):
            pass
        if source_checksums(root) != manifest.sources:
            return True
        _write_json(known, stamp)
        return False


def _stamp(root: Path) -> dict[str, list[int]]:
    """Size and time of every source, compared before any is read again."""
    found = {}
    for path in course_files(root):
        status = path.stat()
        found[path.relative_to(root).as_posix()] = [status.st_size, status.st_mtime_ns]
    return found


class Index:
    """An index opened for reading; safe to share between threads."""

    def __init__(self, folder: IndexFolder, *, threads: int = 1) -> None:
        """Check and open the generation in use.

        Raises:
            SearchIndexError: A file is missing, or its checksum is not the manifest's.
            ModelError: The encoder cannot be opened.
        """
        import faiss

        self.manifest = folder.manifest()
        generation = folder.generation
        _verify(folder, generation, self.manifest)
        try:
            self.vectors = faiss.read_index(str(generation / "vectors.faiss"))
            self.owners: npt.NDArray[np.int32] = np.load(generation / "owners.npy")
            self.sentences: npt.NDArray[np.float16] = np.load(generation / "sentences.npy", mmap_mode="r")
            self.sentence_starts: npt.NDArray[np.int64] = np.load(generation / "sentence_starts.npy")
            self.known = np.load(generation / "known.npy").astype(np.float32)
            self.known_answered: npt.NDArray[np.bool_] = np.load(generation / "known_answered.npy")
            self._offsets: npt.NDArray[np.int64] = np.load(generation / "offsets.npy")
            self.words = WordIndex.load(generation / "words")
            self.frequency: dict[str, int] = json.loads((generation / "vocabulary.json").read_bytes())
            glossary = json.loads((generation / "glossary.json").read_bytes())
        except (OSError, ValueError, RuntimeError, KeyError) as cause:
            raise SearchIndexError("The index cannot be read.", next_step=_REBUILD) from cause
        self.terms = tuple(Term(**_tuples(term)) for term in glossary["terms"])
        self.foreign = tuple(Foreign(**_tuples(entry)) for entry in glossary["foreign"])
        self._passages = (generation / "passages.jsonl").open("rb")
        self._cache: dict[int, Passage] = {}
        self._ids: dict[str, int] | None = None
        self._ids_path = generation / "ids.json"
        self.encoder = _open_encoder(folder, self.manifest, threads)

    def __len__(self) -> int:
        return self.manifest.passages

    def passage(self, position: int) -> Passage:
        """The passage at `position`, from 0."""
        found = self._cache.get(position)
        if found is None:
            begin, end = self._offsets[position], self._offsets[position + 1]
            line = os.pread(self._passages.fileno(), int(end - begin), int(begin))
            found = self._cache[position] = Passage.from_json(json.loads(line))
        return found

    @cached_property
    def notes_positions(self) -> list[int]:
        """Where the passages of the notes stand."""
        self.position("")
        return [row for passage_id, row in (self._ids or {}).items() if passage_id.startswith("notes#")]

    def position(self, passage_id: str) -> int | None:
        """Where the passage called `passage_id` stands, None if there is none."""
        if self._ids is None:
            self._ids = json.loads(self._ids_path.read_bytes())
        return self._ids.get(passage_id)

    def asked_vectors(self, position: int) -> Vectors:
        """Embeddings of the questions that the passage at `position` answers, in their order; shape (questions, dim)."""
        asked = self.owners[len(self) :]
        begin, end = np.searchsorted(asked, [position, position + 1])
        return self.vectors.reconstruct_n(len(self) + int(begin), int(end - begin))

    def sentence_vectors(self, position: int) -> npt.NDArray[np.float32]:
        """Embeddings of the sentences of the passage at `position`; shape (sentences, dim)."""
        begin, end = self.sentence_starts[position], self.sentence_starts[position + 1]
        return np.asarray(self.sentences[begin:end], dtype=np.float32)


def _verify(folder: IndexFolder, generation: Path, manifest: Manifest) -> None:
    for name, expected in manifest.files.items():
        inner = name.removeprefix("encoder/")
        path = folder.path / "encoders" / manifest.encoder / inner if inner != name else generation / name
        try:
            found = encoders.sha256(path)
        except ModelError as cause:
            raise SearchIndexError(f"The index lacks {name}.", next_step=_REBUILD) from cause
        if found != expected:
            raise SearchIndexError(f"{name} of the index was altered or damaged.", next_step=_REBUILD)


def _open_encoder(folder: IndexFolder, manifest: Manifest, threads: int) -> encoders.Encoder:
    if not manifest.encoder:
        return TorchEncoder(manifest.model)
    path = folder.path / "encoders" / manifest.encoder
    return OnnxEncoder(path, dim=manifest.dim, window=manifest.window, threads=threads)


def _tuples(plain_record: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in plain_record.items()}


def build_index(
    course: Course,
    folder: IndexFolder,
    *,
    model: str = DEFAULT_MODEL,
    rebuild: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Build the index of `course` and put it in use.

    Only texts whose words changed are embedded, unless `rebuild` asks for everything. The old generation answers until
    the new one is complete.

    Raises:
        ModelError: The model cannot be loaded.
        SearchIndexError: Another process is building in this folder for more than ten minutes.
    """
    from filelock import FileLock, Timeout

    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.path / "build.lock", timeout=600):
            return _Build(course, folder, model, progress or _silent).run(reuse=not rebuild)
    except Timeout as cause:
        raise SearchIndexError(
            f"Another process is building the index in {folder.path}.", next_step="Wait for it, or end it."
        ) from cause
    except OSError as cause:
        raise SearchIndexError(
            f"The index cannot be written to {folder.path} ({cause.strerror}).", next_step="Make room, then try again."
        ) from cause


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Hear of progress and say nothing."""


class _Build:
    """One build, from the course's records to a generation in use."""

    def __init__(self, course: Course, folder: IndexFolder, model: str, progress: Progress) -> None:
        self.course = course
        self.folder = folder
        self.model = model
        self.progress = progress
        self.embedded = 0
        self._torch: TorchEncoder | None = None

    def run(self, *, reuse: bool) -> Manifest:
        self.progress("Preparing the encoder", 0, 1)
        sources = source_checksums(self.course.root)
        stamp = _stamp(self.course.root)
        model_hash = encoders.model_hash(self.model)
        encoder_name, reason, ready = self._encoder(model_hash)
        window, dim = ready.window, ready.dim
        passages = list(
            self.course.passages(ready.count, window, lambda done, of: self.progress("Reading documents", done, of))
        )
        texts, layout = _texts(passages, self.course.known_questions)
        keys = [hashlib.sha256(text.encode("utf-8", "replace")).digest()[:16] for text in texts]
        vectors = self._embed(texts, keys, model_hash, ready, reuse=reuse)
        generation = self._new_generation()
        _write_generation(generation, passages, vectors, layout, self.course)
        np.save(generation / "embedded_keys.npy", np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16))
        files = {path.relative_to(generation).as_posix(): encoders.sha256(path) for path in _files(generation)}
        if encoder_name:
            inner = self.folder.path / "encoders" / encoder_name
            files |= {f"encoder/{path.name}": encoders.sha256(path) for path in _files(inner)}
        manifest = Manifest(
            format=FORMAT,
            title=self.course.title,
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
            chunker=CHUNKER,
            model=self.model,
            model_hash=model_hash,
            encoder=encoder_name,
            fallback_reason=reason,
            dim=dim,
            window=window,
            sources=sources,
            passages=len(passages),
            documents=len(self.course.documents),
            embedded=self.embedded,
            files=files,
        )
        _write_json(generation / "manifest.json", asdict(manifest))
        _write_json(generation / "stamp.json", stamp)
        self._put_in_use(generation)
        return manifest

    def _encoder(self, model_hash: str) -> tuple[str, str, OnnxEncoder | TorchEncoder]:
        """Name of the export, or why there is none, and what counts tokens and embeds small changes."""
        name = model_hash[:16]
        path = self.folder.path / "encoders" / name
        facts = path / "encoder.json"
        if facts.exists():
            try:
                known = json.loads(facts.read_bytes())
                return (
                    name,
                    "",
                    OnnxEncoder(path, dim=known["dim"], window=known["window"], threads=os.cpu_count() or 1),
                )
            except (ModelError, ValueError, KeyError):
                shutil.rmtree(path, ignore_errors=True)
        torch_encoder = self.torch
        partial = path.with_name(f"{name}.{os.getpid()}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            report = encoders.export(torch_encoder, partial)
            if not report.ok:
                return "", report.reason, torch_encoder
            _write_json(partial / "encoder.json", {"dim": torch_encoder.dim, "window": torch_encoder.window})
            shutil.rmtree(path, ignore_errors=True)
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return name, "", torch_encoder

    @property
    def torch(self) -> TorchEncoder:
        if self._torch is None:
            self._torch = TorchEncoder(self.model)
        return self._torch

    def _embed(
        self,
        texts: Sequence[str],
        keys: Sequence[bytes],
        model_hash: str,
        ready: OnnxEncoder | TorchEncoder,
        *,
        reuse: bool,
    ) -> Vectors:
        known = _known_vectors(self.folder, model_hash) if reuse else {}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        self.embedded = len(missing)
        if missing:
            wanted = list(missing.values())
            encoder = ready if len(wanted) <= READY_ENCODER_LIMIT else self.torch
            hear = lambda done, of: self.progress("Embedding", done, of)  # noqa: E731
            hear(0, len(wanted))
            fresh = (
                encoder.encode_many(wanted, hear) if isinstance(encoder, OnnxEncoder) else encoder.encode(wanted, hear)
            )
            known.update(zip(missing, fresh, strict=True))
        return np.stack([known[key] for key in keys]) if keys else np.empty((0, ready.dim), dtype=np.float32)

    def _new_generation(self) -> Path:
        parent = self.folder.path / "generations"
        parent.mkdir(exist_ok=True)
        path = parent / f"{time.time_ns():x}"
        path.mkdir()
        return path

    def _put_in_use(self, generation: Path) -> None:
        for path in [*_files(generation), generation]:
            _sync(path)
        pointer = self.folder.path / "current"
        fresh = self.folder.path / "current.new"
        fresh.write_text(generation.name, encoding="ascii")
        _sync(fresh)
        fresh.replace(pointer)
        _sync(self.folder.path)
        for other in generation.parent.iterdir():
            if other != generation:
                shutil.rmtree(other, ignore_errors=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """Which of the embedded texts are what: first passages, then questions, sentences and words."""

    passages: int
    owners: list[int]
    """The passage of each question."""
    sentence_starts: list[int]
    vocabulary: dict[str, int]
    """Words of the course with the number of texts that hold them."""
    known: int
    """Questions known to have an answer, then those known to have none."""


def _texts(passages: Sequence[Passage], known: KnownQuestions) -> tuple[list[str], _Layout]:
    own = [embedded_heading(passage.title, passage.heading) + plain(passage.text) for passage in passages]
    owners = [position for position, passage in enumerate(passages) for _ in passage.asks]
    asks = [question for passage in passages for question in passage.asks]
    starts, sentences = [0], []
    for passage in passages:
        sentences += [as_read(passage, span) for span in passage.sentences]
        starts.append(len(sentences))
    seen = Counter(word for text in (*own, *asks) for word in set(words(text)) if not word[0].isdigit())
    vocabulary = dict(seen.most_common(MAX_VOCABULARY))
    exemplars = [*known.answered, *known.unanswered]
    layout = _Layout(
        passages=len(passages), owners=owners, sentence_starts=starts, vocabulary=vocabulary, known=len(exemplars)
    )
    return [*own, *asks, *sentences, *exemplars], layout


MAX_VOCABULARY = 50_000
"""Words that get an embedding of their own; the rest of a very large course is matched by stem alone."""


def _write_generation(
    folder: Path, passages: Sequence[Passage], vectors: Vectors, layout: _Layout, course: Course
) -> None:
    import faiss

    rows = layout.passages + len(layout.owners)
    sentence_end = rows + layout.sentence_starts[-1]
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(np.ascontiguousarray(vectors[:rows]))
    faiss.write_index(flat, str(folder / "vectors.faiss"))
    np.save(folder / "owners.npy", np.array([*range(layout.passages), *layout.owners], dtype=np.int32))
    np.save(folder / "sentences.npy", vectors[rows:sentence_end].astype(np.float16))
    np.save(folder / "sentence_starts.npy", np.array(layout.sentence_starts, dtype=np.int64))
    np.save(folder / "known.npy", vectors[sentence_end:].astype(np.float16))
    np.save(folder / "known_answered.npy", np.arange(layout.known) < len(course.known_questions.answered))
    _write_json(folder / "vocabulary.json", layout.vocabulary)
    glossary = {"terms": [asdict(t) for t in course.terms], "foreign": [asdict(f) for f in course.foreign]}
    _write_json(folder / "glossary.json", glossary)
    offsets = [0]
    with (folder / "passages.jsonl").open("wb") as file:
        for passage in passages:
            offsets.append(offsets[-1] + file.write(json.dumps(passage.as_json(), ensure_ascii=False).encode() + b"\n"))
    np.save(folder / "offsets.npy", np.array(offsets, dtype=np.int64))
    _write_json(folder / "ids.json", {passage.id: position for position, passage in enumerate(passages)})
    WordIndex.build([index_terms(_indexed_words(passage)) for passage in passages]).save(folder / "words")


def _indexed_words(passage: Passage) -> str:
    """What the word index reads of a passage: headings, words and the questions that its author says it answers."""
    return "\n".join([*passage.heading, plain(passage.text), *passage.asks])


def _known_vectors(folder: IndexFolder, model_hash: str) -> dict[bytes, npt.NDArray[np.float32]]:
    """Embeddings of the generation in use by the hash of their text, if it is whole and of the same model."""
    import faiss

    try:
        manifest, generation = folder.manifest(), folder.generation
        if manifest.model_hash != model_hash:
            return {}
        _verify(folder, generation, manifest)
        flat = faiss.read_index(str(generation / "vectors.faiss"))
        parts = [
            flat.reconstruct_n(0, flat.ntotal),
            np.load(generation / "sentences.npy").astype(np.float32),
            np.load(generation / "known.npy").astype(np.float32),
        ]
        vectors = np.concatenate(parts)
        keys = np.load(generation / "embedded_keys.npy")
        return {key.tobytes(): vector for key, vector in zip(keys, vectors, strict=True)}
    except (SearchIndexError, OSError, ValueError, RuntimeError):
        return {}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_json(path: Path, data: Any) -> None:
    """Write beside and rename, so that a reader sees the old file or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    fresh.replace(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
