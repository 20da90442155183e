"""Where a wording table comes from: distilled once, then cached."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from app.adapters import encoders
from app.adapters.distillation import (
    _frames,
    _pooled,
    cached_path,
    table_fingerprint,
)
from app.adapters.encoders import LiveEncoder, load_encoder
from app.adapters.models import default_cache, model_folder
from app.adapters.transformer import TransformerEncoder
from app.adapters.wording import StaticTable, zipf_weights
from app.errors import ModelMissing, SettingsError
from tests.rig.eyes import fake_model, tiny_table


def test_table_is_distilled_once_then_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str | None] = []

    def distil(model: str | None, *, fingerprint: str, progress: object) -> StaticTable:
        made.append(model)
        table = tiny_table()
        table.fingerprint = table_fingerprint(fingerprint)
        return table

    monkeypatch.setattr(encoders, "distil", distil)
    model = str(fake_model(tmp_path / "model"))
    first = load_encoder(model=model, cache_dir=tmp_path / "cache")
    second = load_encoder(model=model, cache_dir=tmp_path / "cache")
    assert made == [model]
    assert first.fingerprint == second.fingerprint
    cached = cached_path(tmp_path / "cache", first.table.fingerprint)
    cached.write_bytes(b"damaged")
    load_encoder(model=model, cache_dir=tmp_path / "cache")
    assert made == [model, model]
    (tmp_path / "model" / "model.safetensors").write_bytes(b"other weights")
    assert load_encoder(model=model, cache_dir=tmp_path / "cache").fingerprint != first.fingerprint


def test_a_cache_that_cannot_be_written_is_noticed_before_the_work(tmp_path: Path) -> None:
    model = str(fake_model(tmp_path / "model"))
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"encoder\.cache_dir"):
        load_encoder(model=model, cache_dir=tmp_path / "file")


def test_a_missing_model_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelMissing, match=r"promptdrift encoder distil --out FILE.*encoder\.table"):
        load_encoder(cache_dir=tmp_path)
    with pytest.raises(ModelMissing, match="no model in"):
        model_folder(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelMissing, match="safetensors"):
        load_encoder(model=str(tmp_path / "empty"), cache_dir=tmp_path)


def test_default_cache_follows_the_standard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "promptdrift"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_cache() == Path.home() / ".cache" / "promptdrift"


@pytest.mark.model
def test_token_vectors_are_the_pooled_output_of_the_token_alone(live: LiveEncoder) -> None:
    folder = model_folder(None)
    reader = Tokenizer.from_file(str(folder / "tokenizer.json"))
    frames = _frames(reader, reader.get_vocab_size())
    words = ["cat", "python", "the", "##s"]
    ids = [reader.get_vocab()[word] for word in words]
    steps: list[tuple[int, int]] = []
    pooled = _pooled(folder, frames[ids], lambda done, of: steps.append((done, of)))
    assert steps == [(4, 4)]
    units = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    assert np.abs(units[:3] - TransformerEncoder(precision="fp32").encode(words[:3])).max() < 1e-5
    weighted = pooled * zipf_weights(len(frames))[ids][:, None]
    assert np.abs(live.table._vectors[ids] - weighted).max() < 2e-3
    assert not live.table._vectors[[0, 1, 101, 102, 103]].any()
