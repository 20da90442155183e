"""Ticks of k workers, in any order and over the wire, score as those of one worker, to the last bit."""

import msgspec
import numpy as np
import pytest

from app.core.detection import Detector
from app.core.folding import Fold, Judged, SumKey, judge
from schemas.ticks import TickSum
from tests.statistical.test_run_length import baseline, draw

pytestmark = pytest.mark.statistical
TICKS, UNITS = 40, 24
KEY = SumKey(0, 0, "made", None, None)


def folded(judged: Judged, rows: list[int]) -> Fold:
    out = Fold()
    for row in rows:
        out.add(judged, row, row)
    return out


def sent(fold: Fold) -> Fold:
    """Through the bytes of a topic."""
    raw = msgspec.json.encode(fold.to_wire(KEY))
    return Fold.from_wire(msgspec.json.decode(raw, type=TickSum))


@pytest.mark.parametrize("workers", [2, 5, 16])
def test_k_workers_in_any_order_are_one(workers: int) -> None:
    """DESIGN asks for 1e-5; sums of integers give 0."""
    random = np.random.default_rng(workers)
    found = baseline(0)
    judged = judge(draw(random, TICKS * UNITS, planted=0.05), baseline=found)
    one, many = Detector(found), Detector(found)
    for start in range(0, TICKS * UNITS, UNITS):
        rows = np.arange(start, start + UNITS)
        owner = random.integers(0, workers, UNITS)
        parts = [
            sent(folded(judged, rows[owner == w].tolist())) for w in range(workers) if (owner == w).any()
        ]
        merged = Fold()
        for part in random.permutation(len(parts)):
            merged.merge(parts[part])
        one.update(folded(judged, rows.tolist()))
        many.update(merged)
        assert np.array_equal(one.get().levels, many.get().levels)
    assert one.get().value > 1.0  # it had something to disagree about
