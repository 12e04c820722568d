"""The search index on disk, and opened for reading.

```text
index/
  current                     name of the generation that answers questions; the one file that is ever replaced
  stamps.json                 size and times of the course's files when they were last seen to be those of the index
  encoders/<seal>/            model.onnx and tokenizer.json, exported once a model
  generations/<seal>/         one whole index
    manifest.json             format, model, chunker, documents, and the checksum of every file
    passages.jsonl            a passage a line; offsets.npy says where each begins, ids.json what each is called
    vectors.faiss             embeddings of the passages, then of the questions their authors say they answer
    owners.npy                the passage that each of those rows belongs to
    sentences.npy             embeddings of all sentences; sentence_starts.npy says where each passage's begin
    known.npy                 embeddings of questions known to have an answer or none; known_answered.npy says which
    embedded_keys.npy         what was embedded, as hashes: passages, questions, sentences, known questions
    words/                    BM25
    vocabulary.json           the words of the course and how many texts hold each
    glossary.json             terms and foreign subjects
```

`build` writes it. A process that dies while it builds leaves the old generation in place; one that reads while another
builds keeps the files that it has open. Every file is compared with its checksum before it is used, and nothing is ever
unpickled.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pgdojo.course.load import CHUNKER
from pgdojo.course.records import Foreign, Passage, Term
from pgdojo.errors import PgdojoError, SearchIndexError
from pgdojo.search import encoder as encoders
from pgdojo.search import sealed, sources
from pgdojo.search.encoder import OnnxEncoder, TorchEncoder, Vectors
from pgdojo.search.words import WordIndex

FORMAT = 2
"""Changes whenever the files do; an index of another format is built anew."""

_T = TypeVar("_T")


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
    sources: sources.Checksums
    passages: int
    documents: int
    embedded: int
    """Texts that this build had to embed."""
    files: dict[str, str]
    """Checksum of each file of the generation."""

    @classmethod
    def read(cls, generation: Path) -> Manifest:
        """The manifest of a generation; SearchIndexError if it is missing, damaged, or of another format."""
        data = sealed.read_manifest(generation)
        found = data.get("format")
        if found != FORMAT:
            problem = f"{sealed.MANIFEST} of the index has format {found}; this pgdojo reads format {FORMAT}."
            raise SearchIndexError(problem, next_step="Run pgdojo index.")
        return cls(**data)


class IndexFolder:
    """The folder that holds an index, its generations and its encoders."""

    def __init__(self, path: Path) -> None:
        """Point at `path`, which need not exist yet."""
        self.path = path
        self.pointer = path / "current"
        self.generations = path / "generations"
        self.encoders = path / "encoders"
        self._stamps = path / "stamps.json"

    @property
    def generation(self) -> Path:
        """Folder of the generation in use.

        Raises:
            SearchIndexError: There is none yet, or the pointer is damaged.
        """
        try:
            name = self.pointer.read_text(encoding="ascii").strip()
        except FileNotFoundError as cause:
            raise SearchIndexError(f"There is no index in {self.path}.", next_step="Run pgdojo index.") from cause
        except (OSError, UnicodeDecodeError) as cause:
            raise SearchIndexError("The index's pointer, current, cannot be read.", next_step=sealed.REBUILD) from cause
        if not sealed.SEAL.fullmatch(name):
            raise SearchIndexError("The index's pointer, current, is damaged.", next_step=sealed.REBUILD)
        return self.generations / name

    def manifest(self) -> Manifest:
        """The manifest of the generation in use, of this format.

        Raises:
            SearchIndexError: There is none, or it is damaged or of another format.
        """
        return self.reading(Manifest.read)

    def reading(self, read: Callable[[Path], _T]) -> _T:
        """What `read` makes of the generation in use, taken anew where a build replaced that meanwhile."""
        generation = self.generation
        while True:
            try:
                if not generation.is_dir():
                    raise SearchIndexError("The index's pointer, current, leads nowhere.", next_step=sealed.REBUILD)
                return read(generation)
            except PgdojoError:
                newer = self.generation
                if newer == generation:
                    raise
                generation = newer

    def is_stale(self, root: Path) -> bool:
        """Whether the course in `root` or the way of cutting it has changed since the index was built.

        Raises:
            SearchIndexError: There is no index, or it is damaged.
        """
        name, manifest = self.reading(lambda generation: (generation.name, Manifest.read(generation)))
        if manifest.chunker != CHUNKER:
            return True
        seen = {name: sources.stamps(root)}
        with suppress(OSError, ValueError, RecursionError):
            if json.loads(self._stamps.read_bytes()) == seen:
                return False
        if sources.checksums(root) != manifest.sources:
            return True
        self._remember(seen)
        return False

    def put_in_use(self, generation: Path, stamps: sources.Stamps) -> None:
        """Let the sealed folder `generation` answer from now on; `stamps` are those of the files it was made from."""
        sealed.replace(self.pointer, generation.name.encode("ascii"))
        self._remember({generation.name: stamps})

    def _remember(self, seen: dict[str, sources.Stamps]) -> None:
        # Without the stamps, or with those of a writer at the same moment, the course is only compared more slowly.
        with suppress(OSError):
            sealed.replace(self._stamps, json.dumps(seen).encode("ascii"))


class Index:
    """An index opened for reading; safe to share between threads."""

    def __init__(self, folder: IndexFolder) -> None:
        """Check and open the generation in use.

        Raises:
            SearchIndexError: A file is missing or damaged, or the model is no longer the one that it was built with.
            ModelError: The encoder cannot be opened.
        """
        self._cache: dict[int, Passage] = {}
        self.manifest = folder.reading(lambda generation: self._open(folder, generation))

    def _open(self, folder: IndexFolder, generation: Path) -> Manifest:
        manifest = Manifest.read(generation)
        sealed.verify(generation)
        try:
            self._read(generation)
        except (OSError, ValueError, RuntimeError, KeyError) as cause:
            raise SearchIndexError("The index cannot be read.", next_step=sealed.REBUILD) from cause
        self.encoder = _open_encoder(folder, manifest)
        return manifest

    def _read(self, generation: Path) -> None:
        self.vectors = read_vectors(generation)
        self.owners: npt.NDArray[np.int32] = read_array(generation, "owners")
        self.sentences: npt.NDArray[np.float16] = read_array(generation, "sentences", mapped=True)
        self.sentence_starts: npt.NDArray[np.int64] = read_array(generation, "sentence_starts")
        self.known = read_array(generation, "known").astype(np.float32)
        self.known_answered: npt.NDArray[np.bool_] = read_array(generation, "known_answered")
        self.words = WordIndex.load(generation / "words")
        self.frequency: dict[str, int] = _read_json(generation, "vocabulary")
        glossary = _read_json(generation, "glossary")
        self.terms = tuple(Term(**_tuples(term)) for term in glossary["terms"])
        self.foreign = tuple(Foreign(**_tuples(entry)) for entry in glossary["foreign"])
        self._positions = {passage_id: row for row, passage_id in enumerate(_read_json(generation, "ids"))}
        self._offsets: npt.NDArray[np.int64] = read_array(generation, "offsets")
        self._passages = _mapped(generation / "passages.jsonl")

    def __len__(self) -> int:
        return self.manifest.passages

    def passage(self, position: int) -> Passage:
        """The passage at `position`, from 0."""
        found = self._cache.get(position)
        if found is None:
            line = self._passages[self._offsets[position] : self._offsets[position + 1]]
            found = self._cache[position] = Passage.from_json(json.loads(line))
        return found

    @cached_property
    def notes_positions(self) -> list[int]:
        """Where the passages of the notes stand."""
        return [row for passage_id, row in self._positions.items() if passage_id.startswith("notes#")]

    def position(self, passage_id: str) -> int | None:
        """Where the passage called `passage_id` stands, None if there is none."""
        return self._positions.get(passage_id)

    def asked_vectors(self, position: int) -> Vectors:
        """Embeddings of the questions that the passage at `position` answers; shape (questions, dim)."""
        asked = self.owners[len(self) :]
        begin, end = np.searchsorted(asked, [position, position + 1])
        found: Vectors = self.vectors.reconstruct_n(len(self) + int(begin), int(end - begin))
        return found

    def sentence_vectors(self, position: int) -> Vectors:
        """Embeddings of the sentences of the passage at `position`; shape (sentences, dim)."""
        begin, end = self.sentence_starts[position], self.sentence_starts[position + 1]
        return np.asarray(self.sentences[begin:end], dtype=np.float32)


def read_vectors(generation: Path) -> Any:
    """The FAISS index of a verified generation."""
    import faiss

    # FAISS opens no path outside the code page on Windows, and does not say what failed; NumPy does both.
    return faiss.deserialize_index(np.fromfile(generation / "vectors.faiss", dtype=np.uint8))


def read_array(generation: Path, name: str, *, mapped: bool = False) -> npt.NDArray[Any]:
    """An array of a verified generation; a `mapped` one stays on disk until it is looked at."""
    found: npt.NDArray[Any] = np.load(generation / f"{name}.npy", mmap_mode="r" if mapped else None)
    return found


def _read_json(generation: Path, name: str) -> Any:
    return json.loads((generation / f"{name}.json").read_bytes())


def _mapped(path: Path) -> mmap.mmap | bytes:
    """The bytes of a file, left on disk until they are looked at; any number of threads may."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def _open_encoder(folder: IndexFolder, manifest: Manifest) -> encoders.Encoder:
    if manifest.encoder:
        path = folder.encoders / manifest.encoder
        sealed.verify(path)
        return OnnxEncoder(path, dim=manifest.dim, window=manifest.window)
    if encoders.model_hash(manifest.model) != manifest.model_hash:
        problem = f"The model {manifest.model} is no longer the one that the index was built with."
        raise SearchIndexError(problem, next_step="Run pgdojo index.")
    return TorchEncoder(manifest.model)


def _tuples(plain_record: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in plain_record.items()}
