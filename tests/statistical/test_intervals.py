"""Intervals keep their promise: seeded simulations with a declared error, measurements printed."""

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri

from app.core.attribution import cluster_moves
from app.core.effect import Z95, difference, squared_shift, wilson
from app.core.fixedpoint import WORDING_SCALE, Floats, quantise
from app.core.rows import Rows
from app.core.spectrum import fit

pytestmark = pytest.mark.statistical
SIDE, UNITS, REFERENCE, ROUNDS = 48, 512, 500, 300


def directions(random: np.random.Generator, count: int, angle: float = 0.0) -> Floats:
    """Unit vectors around a common direction, all turned by an angle."""
    rows = random.standard_normal((count, SIDE)) * 0.12
    rows[:, 0] += 1.0
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    first, second = rows[:, 0].copy(), rows[:, 1].copy()
    rows[:, 0] = math.cos(angle) * first - math.sin(angle) * second
    rows[:, 1] = math.sin(angle) * first + math.cos(angle) * second
    return np.asarray(rows)


@cache
def concentration() -> float:
    """Length of the mean vector of `directions`."""
    return float(directions(np.random.default_rng(1), 200_000)[:, 0].mean())


@pytest.mark.parametrize("angle", [0.0, 0.06, 0.3])
def test_the_interval_of_a_shift_covers_it_and_its_value_is_unbiased(angle: float) -> None:
    """At least 90 % of 300 nominal 95 % intervals cover; the mean is within 4 standard errors."""
    random = np.random.default_rng(11)
    truth = concentration() ** 2 * (2 - 2 * math.cos(angle))
    covered, values = 0, []
    for _ in range(ROUNDS):
        known = fit(directions(random, REFERENCE))
        blocks = directions(random, UNITS, angle).reshape(16, -1, SIDE).sum(axis=1)
        size = squared_shift(blocks, np.full(16, UNITS / 16), known)
        covered += size.low <= truth <= size.high
        values.append(size.value)
    print(f"angle {angle}: coverage {covered / ROUNDS:.3f}, bias {np.mean(values) - truth:+.6f}")
    assert covered / ROUNDS >= 0.9
    assert abs(np.mean(values) - truth) < 4 * np.std(values) / math.sqrt(ROUNDS)


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("step", [0.0, 0.1])
def test_the_interval_of_a_shift_covers_it_in_few_directions_and_in_many(decay: float, step: float) -> None:
    """Variances fall as k^-decay: 47, 34 and 5 effective directions; the step goes along the first."""
    random = np.random.default_rng(12)
    spread = np.arange(1, SIDE) ** (-decay / 2)
    spread *= 0.4 / np.linalg.norm(spread)

    def units(count: int, along: float = 0.0) -> Floats:
        rows = np.hstack([np.ones((count, 1)), random.standard_normal((count, SIDE - 1)) * spread])
        rows[:, 1] += along
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    means = [units(100_000, along).mean(axis=0) for along in (0.0, step)]
    truth = float(np.square(means[1] - means[0]).sum())
    found = []
    for _ in range(ROUNDS):
        known = fit(units(REFERENCE))
        blocks = units(UNITS, step).reshape(16, -1, SIDE).sum(axis=1)
        found.append(squared_shift(blocks, np.full(16, UNITS / 16), known))
    covered = np.mean([size.low <= truth <= size.high for size in found])
    print(f"decay {decay}, step {step}: directions {known.directions:.1f}, coverage {covered:.3f}")
    assert covered >= 0.9


@pytest.mark.parametrize("share", [0.002, 0.02, 0.3])
def test_the_interval_of_a_share_covers_it(share: float) -> None:
    hits = np.random.default_rng(5).binomial(UNITS, share, 2000)
    found = [wilson(int(h), UNITS) for h in hits]
    covered = np.mean([f.low <= share <= f.high for f in found])
    print(f"share {share}: coverage {covered:.3f}")
    assert covered >= 0.9


@pytest.mark.parametrize(("before", "now"), [(0.0, 0.03), (0.05, 0.05), (0.3, 0.2)])
def test_the_interval_of_a_change_in_share_covers_it(before: float, now: float) -> None:
    random = np.random.default_rng(6)
    old, new = random.binomial(400, before, 2000) / 400, random.binomial(200, now, 2000) / 200
    found = [difference(float(a), 400, float(b), 200, Z95) for a, b in zip(old, new, strict=True)]
    covered = np.mean([low <= now - before <= high for low, high in found])
    print(f"from {before} to {now}: coverage {covered:.3f}")
    assert covered >= 0.9


def test_simultaneous_intervals_of_an_eval_set_s_clusters_all_cover() -> None:
    """Family-wise: in at least 93 % of 600 draws every one of 12 nominal 95 % intervals covers."""
    random = np.random.default_rng(7)
    before, now = random.dirichlet(np.ones(12)), random.dirichlet(np.ones(12))
    z = -float(ndtri(0.025 / 12))
    good = 0
    for _ in range(600):
        old, new = random.multinomial(500, before) / 500, random.multinomial(512, now) / 512
        limits = [difference(float(a), 500, float(b), 512, z) for a, b in zip(old, new, strict=True)]
        good += all(low <= change <= high for (low, high), change in zip(limits, now - before, strict=True))
    print(f"all 12 cover in {good / 600:.3f}")
    assert good / 600 >= 0.93


TOPICS = 8
CENTRES = np.linalg.qr(np.random.default_rng(8).standard_normal((SIDE, TOPICS)))[0].T


def of_topics(random: np.random.Generator, count: int, shares: Floats) -> tuple[Rows, NDArray[np.int64]]:
    """Units of well separated topics, and which topic each is of."""
    topic = random.choice(TOPICS, size=count, p=shares)
    rows = CENTRES[topic] + 0.05 * random.standard_normal((count, SIDE))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    texts = tuple(f"w{t} w{t}" for t in topic)
    return Rows(
        wording=quantise(rows, WORDING_SCALE), shape=np.zeros((count, 11), np.float32), texts=texts
    ), topic


@pytest.mark.parametrize("moved", [0.0, 0.3])
def test_intervals_of_regions_found_in_the_data_cover_although_they_were_picked(moved: float) -> None:
    """Of 80 pairs of samples; nominal 99 %, simultaneous over all branches; 95 % is demanded."""
    random = np.random.default_rng(9)
    usual = np.full(TOPICS, 1 / TOPICS)
    now = usual * (1 - moved)
    now[0] += moved
    good = told = 0
    for number in range(80):
        (old, _), (new, topic) = of_topics(random, 240, usual), of_topics(random, 120, now)
        moves = cluster_moves(old, new, np.ones(120), seed=number)
        limits = {i: (m.move.low or 0.0, m.move.high or 0.0) for i, m in enumerate(moves)}
        if not moved:
            good += all(low <= 0 <= high for low, high in limits.values())
            continue
        planted = [i for i, m in enumerate(moves) if set(topic[m.now]) == {0} and limits[i][0] > 0]
        told += bool(planted)
        good += all(limits[i][0] <= now[0] - usual[0] <= limits[i][1] for i in planted)
    print(f"moved by {moved}: {good / 80:.3f} of pairs without a wrong interval, named in {told / 80:.2f}")
    assert good / 80 >= 0.95
    assert told >= 60 or not moved
