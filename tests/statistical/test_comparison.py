"""Versions compared after every outcome.  Seeds are fixed; errors are binomial.

A thousand comparisons run side by side as arrays: the sums behind `compare`, kept up event by event; that
they are the same is a test of its own.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.comparison import FEWEST, GROUPS, PRIOR, Tally, compare, half_width

pytestmark = pytest.mark.statistical

STREAMS, AN_ARM = 1000, 3000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Race:
    """Comparisons (streams,): when each was first decided, in events of both arms, and how it ended."""

    decided_at: NDArray[np.int64]  # -1: never
    difference: Floats
    variance: Floats


def race(rates: tuple[float, float], events: int, seed: int, *, streams: int = STREAMS) -> Race:
    """Each event is of a random arm and a random group of users; every comparison is looked at after it."""
    rng, rows = np.random.default_rng(seed), np.arange(streams)
    counts, sums = np.zeros((streams, 2, GROUPS)), np.zeros((streams, 2, GROUPS))
    n, s, ss, sc, cc, groups = (np.zeros((streams, 2)) for _ in range(6))
    decided_at = np.full(streams, -1)
    difference = variance = np.zeros(streams)
    for event in range(1, events + 1):
        arm, group = rng.integers(2, size=streams), rng.integers(GROUPS, size=streams)
        value = (rng.random(streams) < np.array(rates)[arm]).astype(float)
        place, side = (rows, arm, group), (rows, arm)
        count, total = counts[place], sums[place]
        n[side] += 1
        s[side] += value
        ss[side] += (2 * total + 1) * value  # (t + v)^2 - t^2, v is 0 or 1
        sc[side] += value * (count + 1) + total
        cc[side] += 2 * count + 1
        groups[side] += count == 0
        counts[place] += 1
        sums[place] += value
        told = n.min(axis=1) >= FEWEST
        if not told.any():
            continue
        mean = s / np.maximum(n, 1)
        each = (ss - 2 * mean * sc + mean**2 * cc) / np.maximum(n, 1) ** 2
        each *= groups / np.maximum(groups - 1, 1)
        difference, variance = mean[:, 1] - mean[:, 0], np.maximum(each.sum(axis=1), 1e-12)
        prior = PRIOR**2 * np.maximum((mean * (1 - mean) * n).sum(axis=1) / n.sum(axis=1), 1e-12)
        ratio = (variance + prior) / variance
        half = np.sqrt(variance * ratio / (ratio - 1) * (2 * np.log(1 / 0.05) + np.log(ratio)))
        decided_at[told & (decided_at < 0) & (np.abs(difference) > half)] = event
    return Race(decided_at, difference, variance)


@pytest.mark.parametrize("rate", [0.8, 0.02])
def test_of_a_thousand_equal_pairs_at_most_five_percent_are_ever_called_different(rate: float) -> None:
    assert (race((rate, rate), 2 * AN_ARM, seed=1).decided_at >= 0).mean() <= 0.05


def test_a_drop_of_five_points_is_found_within_three_thousand_events_an_arm() -> None:
    found = race((0.80, 0.75), 2 * AN_ARM, seed=2)
    assert (found.decided_at >= 0).mean() >= 0.80
    assert (found.difference[found.decided_at >= 0] < 0).all()


def test_the_arrays_are_the_comparison_that_the_product_makes() -> None:
    events, seed = 1500, 3
    whole = race((0.8, 0.7), events, seed, streams=3)
    rng, arms = np.random.default_rng(seed), [(Tally(), Tally()) for _ in range(3)]
    for _ in range(events):
        arm, group = rng.integers(2, size=3), rng.integers(GROUPS, size=3)
        values = rng.random(3) < np.array((0.8, 0.7))[arm]
        for i, pair in enumerate(arms):
            pair[arm[i]].update(int(group[i]), float(values[i]))
    for i, pair in enumerate(arms):
        told = compare(*pair)
        assert told is not None
        spread = sum(tally.variance * tally.count for tally in pair) / events
        half = half_width(float(whole.variance[i]), prior=PRIOR**2 * spread, level=0.05)
        assert told.difference.value == pytest.approx(whole.difference[i])
        assert told.difference.high - told.difference.value == pytest.approx(half)


@pytest.mark.parametrize("users", [1, 3, 25])
def test_equal_versions_of_a_few_users_are_hardly_ever_called_different(users: int) -> None:
    """200 pairs, a look after every 20 of 3,000 events; at most 5 % may ever be decided."""
    rng, ever = np.random.default_rng(4), 0
    for _ in range(200):
        arms, decided = (Tally(), Tally()), False
        rows = zip(rng.integers(users, size=3000).tolist(), (rng.random(3000) < 0.8).tolist(), strict=True)
        for event, (user, value) in enumerate(rows):
            arms[event % 2].update(user, float(value))
            if event % 20 == 19 and (told := compare(*arms)) is not None:
                decided = decided or told.decided
        ever += decided
    assert ever <= 10
