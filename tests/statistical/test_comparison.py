"""Versions compared after every outcome.  Seeds are fixed; errors are binomial."""

import numpy as np
import pytest

from app.core.comparison import FEWEST, Tally, compare

pytestmark = pytest.mark.statistical

STREAMS, EVERY = 200, 5


def decided_at(rates: tuple[float, float], outcomes: int, seed: int) -> int | None:
    """Outcomes per arm at which a comparison that is looked at all the time decides; None: never."""
    rng = np.random.default_rng(seed)
    arms = (Tally(), Tally())
    users = rng.integers(2**60, size=(outcomes, 2)).tolist()
    values = (rng.random((outcomes, 2)) < rates).astype(float).tolist()
    for n, (who, what) in enumerate(zip(users, values, strict=True), start=1):
        arms[0].update(who[0], what[0])
        arms[1].update(who[1], what[1])
        if n < FEWEST or n % EVERY:
            continue
        found = compare(*arms)
        if found is not None and found.decided:
            return n
    return None


def test_equal_versions_are_seldom_called_different_however_often_one_looks() -> None:
    wrong = sum(decided_at((0.8, 0.8), 1500, seed) is not None for seed in range(STREAMS))

    assert wrong <= STREAMS * 0.05 + 2.6 * np.sqrt(STREAMS * 0.05 * 0.95)


def test_a_drop_of_five_points_is_found_in_time() -> None:
    found = [decided_at((0.80, 0.75), 3000, 10_000 + seed) for seed in range(40)]

    assert sum(n is not None for n in found) >= 0.8 * len(found)
