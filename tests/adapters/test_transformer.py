"""The transformer: on samples, offline."""

import numpy as np
import pytest

from app.adapters.encoders import LiveEncoder, TransformerEncoder
from tests.rig.eyes import HOSTILE, PAIRS


@pytest.mark.model
def test_static_and_transformer_agree_on_neighbours(live: LiveEncoder) -> None:
    texts = [text for pair in PAIRS for text in pair]
    static = live.encode(texts).wording / 2.0**15
    meaning = TransformerEncoder().encode(texts)
    assert np.abs(np.linalg.norm(meaning, axis=1) - 1.0).max() < 1e-5
    upper = np.triu_indices(len(texts), 1)
    assert np.corrcoef((static @ static.T)[upper], (meaning @ meaning.T)[upper])[0, 1] > 0.5


@pytest.mark.model
def test_transformer_gives_zero_rows_for_bad_texts() -> None:
    encoder = TransformerEncoder()
    mixed = encoder.encode(["the cat sat", *HOSTILE, "cat " * 3_000, "x\ud800"])  # type: ignore[list-item]
    assert mixed.shape == (len(HOSTILE) + 3, 384)
    assert not mixed[1 : 1 + len(HOSTILE)].any()
    assert np.abs(encoder.encode(["the cat sat"])[0] - mixed[0]).max() < 1e-5
    assert encoder.encode([]).shape == (0, 384)
    assert encoder.fingerprint == TransformerEncoder().fingerprint
