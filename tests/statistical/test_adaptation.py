"""What is said of a deployment, where the truth is known.  Seeds are fixed; errors are binomial."""

import numpy as np
import pytest

from app.core.adaptation import Arm, Audience, decompose
from app.core.fixedpoint import Floats
from app.core.permutation import contrast, permutation_p, spent

pytestmark = pytest.mark.statistical

D, USERS, RUNS = 40, 150, 200


def arm(rng: np.random.Generator, change: Floats, users: int = USERS) -> Arm:
    """Users with habits; noise as of six prompts a period, uneven over directions as real prompts are."""
    spread = 1.0 / np.sqrt(1.0 + np.arange(D))
    habit = rng.standard_t(5, size=(users, D)) * spread
    counts = rng.poisson(5, size=(2, users, 1)) + 1
    noise = rng.normal(size=(2, users, D)) * spread / np.sqrt(counts)
    return Arm(habit + noise[0], habit + noise[1] + change)


def along(axis: int, size: float) -> Floats:
    out = np.zeros(D)
    out[axis] = size
    return out


def test_no_world_without_adaptation_is_blamed_more_often_than_promised() -> None:
    rng = np.random.default_rng(1)
    outside = along(3, 0.3)
    blamed = [
        permutation_p(arm(rng, outside), arm(rng, outside), seed=run, permutations=199) <= 0.05
        for run in range(RUNS)
    ]

    assert np.mean(blamed) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / RUNS)


def test_intervals_of_shares_and_sizes_cover_the_truth() -> None:
    rng = np.random.default_rng(2)
    adapted, outside = along(1, 0.5), along(5, 0.5)
    nobody = Audience(np.zeros((0, D)), np.zeros((0, D)))
    covered, sized = [], []
    for _ in range(RUNS):
        found = decompose(arm(rng, adapted + outside), arm(rng, outside), nobody)
        if found.shares is not None and found.adaptation is not None:
            covered.append(found.shares[0].low <= 0.5 <= found.shares[0].high)
            sized.append(found.adaptation.low <= 0.25 <= found.adaptation.high)

    assert len(covered) > 0.9 * RUNS
    assert np.mean(covered) >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / RUNS)
    assert np.mean(sized) >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / RUNS)


def test_daily_looks_together_keep_the_promise() -> None:
    rng, looks, users, d, ever = np.random.default_rng(4), 4, 40, 8, 0
    for run in range(RUNS // 2):
        exposed, control = (rng.standard_t(5, size=(looks, users, d)).cumsum(axis=0) for _ in range(2))
        blamed, moved = np.zeros(100, bool), False
        for look in range(looks):
            arms = [Arm(np.zeros((users, d)), sums[look] / (look + 1)) for sums in (exposed, control)]
            error = spent(0.05, (look + 1) / looks)
            found = contrast(arms[0], arms[1], range(2 * users), error=error, blamed=blamed, seed=run)
            blamed, moved = found.blamed, moved or found.moved
        ever += moved

    assert 1 <= ever <= RUNS / 2 * (0.05 + 2.6 * np.sqrt(0.05 * 0.95 / (RUNS / 2)))


def test_a_real_adaptation_is_found() -> None:
    rng = np.random.default_rng(3)
    found = [
        permutation_p(arm(rng, along(2, 0.25)), arm(rng, np.zeros(D)), seed=run, permutations=199) <= 0.025
        for run in range(60)
    ]

    assert np.mean(found) >= 0.8
