"""A dense new subject inside a wide eval set of real prompts: no outlier, and seen."""

from random import Random

import numpy as np
import pytest

from app.adapters.encoders import load_encoder
from app.core import reference
from app.core.fixedpoint import WORDING_SCALE, restore
from app.core.rows import Rows, concatenate
from app.core.scarcity import scarce
from benchmarks import streams
from benchmarks.streams import rows
from schemas.readings import Scarce

pytestmark = [
    pytest.mark.statistical,
    pytest.mark.model,
    pytest.mark.shared_data,
    pytest.mark.skipif(not streams.available(), reason="../shared/data is not here"),
]
WIDE = {
    "intents_banking77.jsonl.gz": 1400,
    "intents_hwu64.jsonl.gz": 1000,
    "intents_snips.jsonl.gz": 800,
    "instructions_alpaca.jsonl.gz": 480,
    "feedback_hh_harmless.jsonl.gz": 320,
}
ITEMS, UNITS, DRAWS, SHARE = 1000, 512, 4, 0.1
HELD_OUT = "card_arrival"


@pytest.fixture(scope="module")
def known() -> Rows:
    """Prompts of five kinds of traffic, one intent left out of them; in an order of chance."""
    texts = []
    for name, most in WIDE.items():
        found = sorted({r["text"] for r in rows(name) if r.get("label") != HELD_OUT})
        Random(0).shuffle(found)
        texts += found[:most]
    Random(1).shuffle(texts)
    return encoded(texts)


def encoded(texts: list[str]) -> Rows:
    seen = load_encoder(table=None, model=None, cache_dir=None).encode(texts)
    return Rows(wording=seen.wording, shape=seen.shape, texts=tuple(texts))


def new_subject(name: str) -> Rows:
    if name == "code":
        return encoded(sorted({r["text"] for r in rows("code_codealpaca.jsonl.gz")})[:400])
    return encoded(sorted({r["text"] for r in rows("intents_banking77.jsonl.gz") if r["label"] == HELD_OUT}))


def drawn(known: Rows, fresh: Rows | None, seed: int) -> tuple[Rows, Rows]:
    """Items of an eval set, and live units of which a tenth is about the new subject."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(known)).tolist()
    new = 0 if fresh is None else round(SHARE * UNITS)
    live = [known.take(order[ITEMS : ITEMS + UNITS - new])]
    if fresh is not None:
        live.append(fresh.take(random.choice(len(fresh), new, replace=False).tolist()))
    return known.take(order[:ITEMS]), concatenate(live)


def looks(known: Rows, fresh: Rows | None) -> list[Scarce]:
    """What each draw shows."""
    draws = [drawn(known, fresh, seed) for seed in range(DRAWS)]
    return [scarce(items, live, np.ones(len(live)), seed=0) for items, live in draws]


def outliers(items: Rows, live: Rows) -> float:
    evalset = reference.build(items, application="a", kind="evalset", fingerprint="f")
    return float(reference.uncovered(evalset, restore(live.wording, WORDING_SCALE)).mean())


@pytest.mark.parametrize("name", ["code", "an intent"])
def test_a_new_subject_that_is_no_outlier_is_seen_and_named(known: Rows, name: str) -> None:
    fresh = new_subject(name)

    found = looks(known, fresh)

    assert outliers(*drawn(known, fresh, 0)) < 0.03, "that is why it is needed"
    assert 0.6 * SHARE < np.mean([each.share for each in found]) < 1.2 * SHARE
    assert sum(each.low > 0.0 for each in found) >= DRAWS - 1
    named = [text for each in found for cluster in each.clusters[:1] for text in cluster.examples]
    assert np.mean([text in fresh.texts for text in named]) >= 0.8


def test_of_unchanged_traffic_next_to_nothing_is_scarce(known: Rows) -> None:
    found = looks(known, None)

    assert np.mean([each.share for each in found]) < 0.015
    assert sum(bool(each.clusters) for each in found) <= 1
