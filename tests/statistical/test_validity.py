"""The benchmark against live quality, in made-up releases: errors are declared, measurements printed."""

import math

import numpy as np
import pytest

from app.core.reweighting import Stratum, reweighted, split
from app.core.validity import LiveScore, Release, broken

pytestmark = pytest.mark.statistical
RUNS, RELEASES = 200, 20
NAMES = [f"s{n}" for n in range(8)]
SHARES = {
    name: share for name, share in zip(NAMES, (0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05), strict=True)
}
SCORED, ITEMS = 150, 40  # live scores and eval items, of each stratum


def release(
    rng: np.random.Generator, number: int, quality: dict[str, float], rise: dict[str, float]
) -> Release:
    """Items have a difficulty that stays; a tenth of the answers turn out otherwise by luck."""
    items, live = {}, {}
    for n, name in enumerate(NAMES):
        difficulty = np.random.default_rng(n).random(ITEMS)
        right = difficulty < 0.85 + rise.get(name, 0.0)
        luck = rng.random(ITEMS) < 0.1
        outcome = np.where(luck, rng.random(ITEMS) < 0.85 + rise.get(name, 0.0), right)
        items[name] = {str(i): float(score) for i, score in enumerate(outcome)}
        hits = rng.binomial(SCORED, quality.get(name, 0.85))
        share = (hits + 1) / (SCORED + 2)
        live[name] = LiveScore(hits / SCORED, math.sqrt(share * (1 - share) / SCORED))
    return Release(name=f"r{number}", items=items, live=live, shares=SHARES)


def test_stable_releases_seldom_warn() -> None:
    warned = 0
    for run in range(RUNS):
        rng = np.random.default_rng(run)
        made = [release(rng, n, {}, {}) for n in range(RELEASES)]
        warned += any(broken(made[: n + 1]) for n in range(1, RELEASES))
    print("stable runs that warned", warned / RUNS)
    assert warned / RUNS <= 0.05


@pytest.mark.parametrize(("fall", "least"), [(0.2, 0.95), (0.15, 0.75)])
def test_the_stratum_that_the_benchmark_misses_is_named_within_two_releases(
    fall: float, least: float
) -> None:
    named = others = 0
    for run in range(100):
        rng = np.random.default_rng(5000 + run)
        made = [release(rng, n, {}, {}) for n in range(8)]
        made += [release(rng, n, {"s2": 0.85 - fall}, dict.fromkeys(NAMES, 0.03)) for n in (8, 9)]
        found = {each.stratum for end in (9, 10) for each in broken(made[:end])}
        named += "s2" in found
        others += bool(found - {"s2"})
    print(f"fall {fall}: named {named / 100}, others {others / 100}")
    assert named / 100 >= least
    assert others / 100 <= 0.05


def test_a_benchmark_that_falls_with_live_quality_is_seldom_blamed() -> None:
    warned = 0
    for run in range(RUNS):
        rng = np.random.default_rng(7000 + run)
        made = [release(rng, n, {}, {}) for n in range(8)]
        made += [release(rng, n, {"s2": 0.6}, {"s2": -0.25}) for n in (8, 9)]
        warned += any(broken(made[:end]) for end in (9, 10))
    print("blamed although it fell too", warned / RUNS)
    assert warned / RUNS <= 0.1


def test_the_reweighted_score_covers_the_score_on_live_traffic() -> None:
    right = dict(zip(NAMES, (0.95, 0.9, 0.8, 0.7, 0.9, 0.6, 0.5, 0.4), strict=True))
    truth, covered = sum(SHARES[name] * right[name] for name in NAMES), 0
    for run in range(500):
        rng = np.random.default_rng(run)
        counts = rng.multinomial(2000, list(SHARES.values()))
        found = reweighted(
            {name: (rng.random(30) < right[name]).astype(float).tolist() for name in NAMES},
            {name: count / 2000 for name, count in zip(NAMES, counts.tolist(), strict=True)},
            units=2000,
        )
        assert found.on_live is not None
        covered += found.on_live.low <= truth <= found.on_live.high
    print("reweighted", covered / 500)
    assert 0.93 <= covered / 500 <= 0.97


@pytest.mark.parametrize("world", ["mix", "scores"])
def test_worse_answers_and_other_questions_are_told_apart(world: str) -> None:
    causes = [caused(np.random.default_rng(run), world) for run in range(RUNS)]
    print(world, {cause: causes.count(cause) / RUNS for cause in set(causes)})
    assert causes.count(world) / RUNS >= 0.9


def caused(rng: np.random.Generator, world: str) -> str | None:
    """What `split` blames, of 400 scores and 3,000 units a side."""
    before = {"easy": (0.8, 0.95), "hard": (0.2, 0.5)}
    after = (
        {"easy": (0.5, 0.95), "hard": (0.5, 0.5)}
        if world == "mix"
        else {"easy": (0.8, 0.8), "hard": (0.2, 0.4)}
    )
    sides = []
    for truth in (before, after):
        side = {}
        for name, (share, right) in truth.items():
            value = rng.binomial(200, right) / 200
            error = math.sqrt((value * (1 - value) + 1 / 200) / 200)
            side[name] = Stratum(float(share + rng.normal() * 0.008), value, error)
        sides.append(side)
    return split(*sides, units=(3000, 3000)).cause
