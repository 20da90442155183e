import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.contributions import contributions
from app.core.fixedpoint import Floats

NONE = np.arange(0)


def shifted(count: int, *, seed: int, topic: int = 0, by: float = 4.0) -> Floats:
    rows = np.random.default_rng(seed).standard_normal((count, 6))
    rows[:topic, 0] += by
    return rows


@given(st.integers(0, 10**6), st.integers(2, 60), st.integers(2, 60))
def test_shares_and_the_rest_are_the_whole(seed: int, n: int, m: int) -> None:
    random = np.random.default_rng(seed)
    before, now, weights = (
        random.standard_normal((n, 4)),
        random.standard_normal((m, 4)) + 1.0,
        random.random(m) + 0.1,
    )
    half = [(np.arange(n // 2), np.arange(m // 2)), (NONE, np.arange(m // 2, m))]
    found = contributions(before, now, weights, half)
    if found is not None:
        assert sum(found[0]) + found[1] == pytest.approx(1.0)


def test_what_moved_contributes_all_and_the_rest_nothing_on_average() -> None:
    rests = []
    for seed in range(60):
        found = contributions(
            shifted(500, seed=seed),
            shifted(200, seed=1000 + seed, topic=40),
            np.ones(200),
            [(NONE, np.arange(40))],
        )
        assert found is not None
        rests.append(found[1])
    assert abs(np.mean(rests)) < 4 * np.std(rests) / np.sqrt(60)


def test_a_share_is_the_mean_of_what_leaving_out_takes_in_every_order() -> None:
    """Shapley's definition, over two groups and the rest, on plug-in distances of many units."""
    before, now = np.zeros((2, 3)), np.array([[3.0, 0, 0], [0, 2.0, 0], [1.0, 1, 1]]).repeat(20_000, axis=0)
    groups = [(NONE, np.arange(20_000)), (NONE, np.arange(20_000, 40_000))]
    found = contributions(before, now, np.ones(60_000), groups)
    assert found is not None
    steps = [now[rows].sum(axis=0) / 60_000 for _, rows in [*groups, (NONE, np.arange(40_000, 60_000))]]

    def distance(players: tuple[int, ...]) -> float:
        step = sum((steps[p] for p in players), np.zeros(3))
        return float(step @ step)

    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    shapley = [
        np.mean([distance(o[: o.index(p) + 1]) - distance(o[: o.index(p)]) for o in orders])
        / distance((0, 1, 2))
        for p in range(3)
    ]
    assert [*found[0], found[1]] == pytest.approx(shapley, abs=1e-3)


def test_a_unit_of_double_weight_counts_as_two() -> None:
    before, now = shifted(50, seed=1), shifted(30, seed=2, topic=10)
    twice = np.concatenate([now, now[:10]])
    one = contributions(before, now, np.repeat([2.0, 1.0], [10, 20]), [(NONE, np.arange(10))])
    two = contributions(before, twice, np.ones(40), [(NONE, np.r_[0:10, 30:40])])
    assert one is not None
    assert two is not None
    assert one[0][0] == pytest.approx(two[0][0], abs=0.1)


def test_without_a_distance_there_is_nothing_to_share() -> None:
    assert contributions(np.zeros((400, 6)), np.zeros((50, 6)), np.ones(50), [(NONE, NONE)]) is None
