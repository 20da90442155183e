import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.core.fixedpoint import SCORE_SCALE, WORDING_SCALE, Floats, pack, quantise, restore, unpack

SCALES = [WORDING_SCALE, SCORE_SCALE]
VALUES = np.random.default_rng(0).standard_normal((20, 5))


@given(st.permutations(list(range(20))))
def test_sums_do_not_depend_on_the_order(order: list[int]) -> None:
    rows = quantise(VALUES, SCORE_SCALE).astype(np.int64)
    total = np.zeros(5, np.int64)
    for i in order:
        total += rows[i]
    assert total.tolist() == rows.sum(axis=0).tolist()


@given(st.integers(0, 20), st.integers(0, 20))
def test_sums_do_not_depend_on_the_portions(a: int, b: int) -> None:
    rows = quantise(VALUES, SCORE_SCALE).astype(np.int64)
    low, high = sorted((a, b))
    parts = [rows[:low], rows[low:high], rows[high:]]
    assert sum(part.sum(axis=0) for part in parts).tolist() == rows.sum(axis=0).tolist()


@given(arrays(np.float64, 8, elements=st.floats(-0.999, 0.999)))
def test_rounding_is_at_most_half_a_step(values: Floats) -> None:
    back = restore(quantise(values, WORDING_SCALE), WORDING_SCALE)
    assert np.abs(back - values).max() <= 0.5 / WORDING_SCALE


@given(arrays(np.int16, 8, elements=st.integers(-32767, 32767)), st.sampled_from(SCALES))
def test_what_was_rounded_stays(rows: NDArray[np.int16], scale: float) -> None:
    assert quantise(restore(rows, scale), scale).tolist() == rows.tolist()


def test_beyond_the_range_it_saturates_symmetrically() -> None:
    assert quantise(np.array([9.0, -9.0, np.inf]), WORDING_SCALE).tolist() == [32767, -32767, 32767]


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_pack_and_unpack_are_inverse(values: list[int]) -> None:
    assert unpack(pack(np.array(values, np.int64))).tolist() == values


def test_a_sum_that_does_not_fit_is_refused_not_wrapped() -> None:
    with pytest.raises(OverflowError, match="fewer units"):
        pack(np.array([2**31], np.int64))


def test_what_is_no_number_is_nothing() -> None:
    assert quantise(np.array([np.nan, 0.5, -np.inf]), WORDING_SCALE).tolist() == [0, 16384, -32767]
