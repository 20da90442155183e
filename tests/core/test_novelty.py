import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from app.core.novelty import BIN_COUNT, bets, bin_edges, bin_of, cusum, p_values

COUNTS = [100, 300, 2000]


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30, unique=True))
def test_among_exchangeable_points_every_p_value_is_equally_likely(norms: list[float]) -> None:
    p = [
        p_values(np.array([norm]), np.sort([other for other in norms if other != norm]))[0] for norm in norms
    ]
    assert sorted(p) == pytest.approx([(k + 1) / len(norms) for k in range(len(norms))])


@given(st.lists(st.integers(0, 5), min_size=2, max_size=30), st.floats(0.01, 1.0))
def test_ties_only_make_p_values_larger(norms: list[int], level: float) -> None:
    values = np.array(norms, float)
    p = [p_values(values[i : i + 1], np.sort(np.delete(values, i)))[0] for i in range(len(norms))]
    assert sum(each <= level for each in p) <= level * len(norms) + 1e-9


@pytest.mark.statistical
def test_p_values_of_fresh_points_are_uniform() -> None:
    """Kolmogorov-Smirnov at a declared error of 1 %, each p against a reference of its own."""
    random = np.random.default_rng(7)
    p = [
        p_values(random.chisquare(30, 1), np.sort(random.chisquare(30, 499)))[0] - random.random() / 500
        for _ in range(4000)
    ]
    assert kstest(p, "uniform").pvalue > 0.01


def test_what_is_no_number_or_infinite_is_as_novel_as_can_be() -> None:
    assert p_values(np.array([np.inf, np.nan]), np.arange(99.0)).tolist() == [0.01, 0.01]


@pytest.mark.parametrize("count", COUNTS)
def test_a_bet_expects_a_little_less_than_one_under_uniform_p(count: int) -> None:
    payoff = np.exp(bets(count)) @ np.diff(bin_edges(count))
    assert (payoff < 1.0).all()  # a bet must not win on clean traffic, also where the tail is badly known
    assert (payoff > 0.9).all()


@pytest.mark.parametrize("count", COUNTS)
def test_a_bet_never_expects_more_than_one_under_the_p_values_that_there_are(count: int) -> None:
    attainable = np.arange(1, count + 2) / (count + 1.0)
    expected = np.exp(bets(count))[:, bin_of(attainable, count)].mean(axis=1)
    assert (expected <= 1 + 1e-12).all()
    assert (expected > 0.9).all()


@pytest.mark.parametrize("count", COUNTS)
def test_every_attainable_p_value_lies_in_its_bin(count: int) -> None:
    attainable = np.arange(1, count + 2) / (count + 1.0)
    bins, edges = bin_of(attainable, count), bin_edges(count)
    assert bins.min() == 0
    assert bins.max() == BIN_COUNT - 1
    assert (edges[bins] * (1 - 1e-9) < attainable).all()
    assert (attainable <= edges[bins + 1] * (1 + 1e-9)).all()


@pytest.mark.parametrize("count", COUNTS)
def test_smaller_p_values_pay_more(count: int) -> None:
    assert (np.diff(bets(count), axis=1) < 0).all()


@given(st.lists(st.floats(-50, 50), max_size=30))
def test_the_cusum_stays_between_zero_and_its_cap(increments: list[float]) -> None:
    state = np.zeros(1)
    for increment in increments:
        state = cusum(state, np.array([increment]), cap=30.0)
        assert 0.0 <= state[0] <= 30.0
