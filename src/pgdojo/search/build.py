"""The search index is built: written beside the one in use, sealed, and put in its place."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pgdojo.course.load import CHUNKER, Course, embedded_heading, load_course
from pgdojo.course.markdown import as_read, plain
from pgdojo.course.records import Passage
from pgdojo.errors import PgdojoError, SearchIndexError
from pgdojo.search import encoder as encoders
from pgdojo.search import sealed, sources
from pgdojo.search.encoder import DEFAULT_MODEL, Encoder, OnnxEncoder, TorchEncoder, Vectors, encode_many
from pgdojo.search.index import FORMAT, IndexFolder, Manifest, read_array, read_vectors
from pgdojo.search.text import index_terms, words
from pgdojo.search.words import WordIndex

PATIENCE = 600.0
"""Seconds to wait for another process that builds in the same folder."""

MAX_VOCABULARY = 50_000
"""Words that slips of spelling are compared with; of a very large course, the commonest."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Hears of the stage ("Reading documents", "Embedding", ...), how many are done, and how many there are."""


def build_index(
    course: Course,
    folder: IndexFolder,
    *,
    model: str = DEFAULT_MODEL,
    rebuild: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Build the index of `course` as it now stands in its folder, and put it in use.

    Only texts whose words changed are embedded, unless `rebuild` asks for everything. The old generation answers until
    the new one is complete.

    Raises:
        CourseError: The course has got faults since it was loaded.
        ModelError: The model cannot be loaded.
        SearchIndexError: The folder cannot be written to, or another process builds in it for more than ten minutes.
    """
    from filelock import FileLock, Timeout

    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.path / "build.lock", timeout=PATIENCE):
            return _Build(course.root, folder, model, progress or _silent).run(reuse=not rebuild)
    except Timeout as cause:
        problem = f"Another process is building the index in {folder.path}."
        raise SearchIndexError(problem, next_step="Wait for it, or end it.") from cause
    except OSError as cause:
        problem = f"The index cannot be written to {folder.path} ({cause.strerror or cause})."
        raise SearchIndexError(problem, next_step="Make room, or make it writable, then try again.") from cause


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Hear of progress and say nothing."""


class _Build:
    """One build, which has the folder to itself."""

    def __init__(self, root: Path, folder: IndexFolder, model: str, progress: Progress) -> None:
        self.root = root
        self.folder = folder
        self.model = encoders.full_name(model)
        self.model_hash = encoders.model_hash(self.model)
        self.progress = progress

    def run(self, *, reuse: bool) -> Manifest:
        self._remove_leftovers()
        # In this order, so that a change made meanwhile leaves an index that is seen to be stale.
        stamps, checksums = sources.stamps(self.root), sources.checksums(self.root)
        course = load_course(self.root)
        ready = self._encoder()
        passages = self._passages(course, ready.encoder)
        texts = _Texts.of(passages, course)
        vectors, embedded = self._embed(texts, ready.encoder, reuse=reuse)
        self.progress("Writing the index", 0, 1)
        with sealed.unsealed(self.folder.generations) as fresh:
            _write(fresh, course, passages, texts, vectors)
            facts = self._facts(course, ready) | {
                "sources": checksums,
                "passages": len(passages),
                "embedded": embedded,
            }
            generation = sealed.seal(fresh, facts)
        self.folder.put_in_use(generation, stamps)
        sealed.remove_others(self.folder.generations, generation.name)
        sealed.remove_others(self.folder.encoders, ready.name)
        self.progress("Writing the index", 1, 1)
        return Manifest.read(generation)

    def _facts(self, course: Course, ready: _Ready) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "title": course.title,
            "built_at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "chunker": CHUNKER,
            "model": self.model,
            "model_hash": self.model_hash,
            "encoder": ready.name,
            "fallback_reason": ready.reason,
            "dim": ready.encoder.dim,
            "window": ready.encoder.window,
            "documents": len(course.documents),
        }

    def _remove_leftovers(self) -> None:
        """Remove what builds that died left behind, so that it takes no room from this one."""
        for parent in (self.folder.generations, self.folder.encoders):
            sealed.remove_unsealed(parent)

    def _passages(self, course: Course, encoder: Encoder) -> list[Passage]:
        def hear(done: int, total: int) -> None:
            self.progress("Reading documents", done, total)

        return list(course.passages(encoder.count, encoder.window, hear))

    def _encoder(self) -> _Ready:
        """What embeds: the export of the model, made now if there is none, or the model itself if it has to be."""
        self.progress("Preparing the encoder", 0, 1)
        ready = self._exported() or self._export()
        self.progress("Preparing the encoder", 1, 1)
        return ready

    def _exported(self) -> _Ready | None:
        """The export of an earlier build, if it is whole and of this model."""
        for folder in self.folder.encoders.iterdir() if self.folder.encoders.is_dir() else ():
            try:
                facts = sealed.verify(folder)
                if (facts.get("format"), facts.get("model_hash")) == (FORMAT, self.model_hash):
                    return _Ready.opened(folder, facts["dim"], facts["window"])
            except PgdojoError:
                continue
        return None

    def _export(self) -> _Ready:
        model = TorchEncoder(self.model)
        with sealed.unsealed(self.folder.encoders) as fresh:
            report = encoders.export(model, fresh)
            if not report.ok:
                return _Ready(encoder=model, reason=report.reason)
            facts = {"format": FORMAT, "model_hash": self.model_hash, "dim": model.dim, "window": model.window}
            return _Ready.opened(sealed.seal(fresh, facts), model.dim, model.window)

    def _embed(self, texts: _Texts, encoder: Encoder, *, reuse: bool) -> tuple[Vectors, int]:
        """Embeddings of `texts`, and how many were not known from the generation in use."""
        known = _known_vectors(self.folder, self.model_hash) if reuse else {}
        fresh = {key: text for key, text in zip(texts.keys, texts, strict=True) if key not in known}
        self._hear_embedding(0, len(fresh))
        known.update(zip(fresh, encode_many(encoder, list(fresh.values()), self._hear_embedding), strict=True))
        vectors = np.empty((len(texts.keys), encoder.dim), dtype=np.float32)
        for row, key in enumerate(texts.keys):
            vectors[row] = known[key]
        return vectors, len(fresh)

    def _hear_embedding(self, done: int, total: int) -> None:
        self.progress("Embedding", done, total)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ready:
    """What embeds in this build and answers afterwards."""

    encoder: Encoder
    name: str = ""
    """Folder of the export, where there is one."""
    reason: str = ""
    """Why there is none."""

    @classmethod
    def opened(cls, folder: Path, dim: int, window: int) -> _Ready:
        """The export in `folder`; ModelError if it cannot be opened."""
        encoder = OnnxEncoder(folder, dim=dim, window=window)
        return cls(encoder=encoder, name=folder.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Texts:
    """What is embedded, in the order of its rows."""

    passages: list[str]
    asks: list[str]
    sentences: list[str]
    known: tuple[str, ...]
    """Questions known to have an answer, then those known to have none."""
    keys: list[bytes]
    """What each text is recognised by in the next build."""

    @classmethod
    def of(cls, passages: Sequence[Passage], course: Course) -> _Texts:
        """Everything of `passages` and of the course's known questions."""
        own = [embedded_heading(passage.title, passage.heading) + plain(passage.text) for passage in passages]
        asks = [question for passage in passages for question in passage.asks]
        sentences = [as_read(passage, span) for passage in passages for span in passage.sentences]
        known = (*course.known_questions.answered, *course.known_questions.unanswered)
        keys = [_key(text) for text in (*own, *asks, *sentences, *known)]
        return cls(passages=own, asks=asks, sentences=sentences, known=known, keys=keys)

    def __iter__(self) -> Iterator[str]:
        yield from self.passages
        yield from self.asks
        yield from self.sentences
        yield from self.known


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def _known_vectors(folder: IndexFolder, model_hash: str) -> dict[bytes, Vectors]:
    """Embeddings of the generation in use by the key of their text, if it is whole and of the same model."""
    try:
        generation = folder.generation
        if Manifest.read(generation).model_hash != model_hash:
            return {}
        sealed.verify(generation)
    except SearchIndexError:
        return {}
    flat = read_vectors(generation)
    parts = [flat.reconstruct_n(0, flat.ntotal), read_array(generation, "sentences"), read_array(generation, "known")]
    keys = [key.tobytes() for key in read_array(generation, "embedded_keys")]
    return dict(zip(keys, (vector for part in parts for vector in part), strict=True))


def _write(folder: Path, course: Course, passages: Sequence[Passage], texts: _Texts, vectors: Vectors) -> None:
    """Write every file of a generation but its manifest."""
    _write_vectors(folder, texts, vectors)
    asked = [row for row, passage in enumerate(passages) for _ in passage.asks]
    np.save(folder / "owners.npy", np.array([*range(len(passages)), *asked], dtype=np.int32))
    starts = np.cumsum([0, *(len(passage.sentences) for passage in passages)], dtype=np.int64)
    np.save(folder / "sentence_starts.npy", starts)
    np.save(folder / "known_answered.npy", np.arange(len(texts.known)) < len(course.known_questions.answered))
    _write_passages(folder, passages)
    _write_json(folder / "vocabulary.json", _vocabulary(texts))
    glossary = {"terms": [asdict(t) for t in course.terms], "foreign": [asdict(f) for f in course.foreign]}
    _write_json(folder / "glossary.json", glossary)
    WordIndex.build([index_terms(_indexed_words(passage)) for passage in passages]).save(folder / "words")


def _write_vectors(folder: Path, texts: _Texts, vectors: Vectors) -> None:
    import faiss

    searched = len(texts.passages) + len(texts.asks)
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors[:searched])
    faiss.serialize_index(flat).tofile(folder / "vectors.faiss")
    sentences, known = np.split(vectors[searched:].astype(np.float16), [len(texts.sentences)])
    np.save(folder / "sentences.npy", sentences)
    np.save(folder / "known.npy", known)
    np.save(folder / "embedded_keys.npy", np.frombuffer(b"".join(texts.keys), dtype=np.uint8).reshape(-1, 16))


def _write_passages(folder: Path, passages: Sequence[Passage]) -> None:
    offsets = [0]
    with (folder / "passages.jsonl").open("wb") as file:
        for passage in passages:
            offsets.append(offsets[-1] + file.write(_json(passage.as_json()) + b"\n"))
    np.save(folder / "offsets.npy", np.array(offsets, dtype=np.int64))
    _write_json(folder / "ids.json", [passage.id for passage in passages])


def _vocabulary(texts: _Texts) -> dict[str, int]:
    """Words of the course with the number of texts that hold them, the commonest first."""
    read = (*texts.passages, *texts.asks)
    seen = Counter(word for text in read for word in dict.fromkeys(words(text)) if not word[0].isdigit())
    return dict(seen.most_common(MAX_VOCABULARY))


def _indexed_words(passage: Passage) -> str:
    """What the word index reads of a passage: headings, words and the questions that its author says it answers."""
    return "\n".join([*passage.heading, plain(passage.text), *passage.asks])


def _write_json(path: Path, data: Any) -> None:
    path.write_bytes(_json(data))


def _json(data: Any) -> bytes:
    """JSON as short as it gets; a file's name that is no Unicode comes back as it was."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
