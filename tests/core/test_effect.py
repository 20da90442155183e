import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from app.core.effect import Z95, difference, squared_shift, wilson
from app.core.fixedpoint import Floats
from app.core.spectrum import fit

SIDE = 48


def directions(random: np.random.Generator, count: int, shift: float) -> Floats:
    """Unit vectors around a common direction; `shift` turns the mean."""
    rows = random.standard_normal((count, SIDE)) * 0.12
    rows[:, 0] += 1.0
    rows[:, 1] += shift
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def test_an_exact_shift_without_spread_is_its_square() -> None:
    live = np.tile([0.6, 0.8], (4, 1)) * 8
    size = squared_shift(live, np.full(4, 8.0), fit(np.tile([1.0, 0.0], (50, 1))))
    assert size.value == pytest.approx(0.8)
    assert size.low <= size.value <= size.high


@pytest.mark.parametrize("true", [3, 30])
def test_effective_directions_are_those_of_the_covariance_whatever_the_number_of_points(true: int) -> None:
    random = np.random.default_rng(3)
    for count in (200, 2000):
        rows = random.standard_normal((count, SIDE)) * (np.arange(SIDE) < true)
        assert fit(rows).directions == pytest.approx(true, rel=0.1)


def test_the_same_sums_in_other_blocks_have_the_same_value() -> None:
    random = np.random.default_rng(0)
    rows = directions(random, 64, 0.1)
    known = fit(directions(random, 500, 0.0))
    sizes = [
        squared_shift(rows.reshape(b, -1, SIDE).sum(axis=1), np.full(b, 64 / b), known).value
        for b in (2, 4, 16)
    ]
    assert sizes == pytest.approx([sizes[0]] * 3)


@given(st.integers(1, 5000), st.data())
def test_wilson_is_the_textbook_interval(units: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, units))
    share = wilson(hits, units)
    expected = binomtest(hits, units).proportion_ci(0.95, method="wilson")
    assert share.low == pytest.approx(expected.low, abs=1e-9)
    assert share.high == pytest.approx(expected.high, abs=1e-9)
    assert share.low - 1e-12 <= share.share <= share.high + 1e-12


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one unit"):
        wilson(0, 0)


def test_a_difference_is_newcombes() -> None:
    """Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10, example a: 56/70 - 48/80."""
    low, high = difference(48 / 80, 80, 56 / 70, 70, Z95)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 10**6), st.floats(1, 1e6))
def test_a_difference_turns_its_sign_with_its_sides(a: float, b: float, n: int, m: float) -> None:
    low, high = difference(a, n, b, m, Z95)
    assert -1.5 < low <= high < 1.5 or n < 10 or m < 10
    if m == int(m):
        back = difference(b, int(m), a, n, Z95)
        assert back == pytest.approx((-high, -low), abs=1e-9)
