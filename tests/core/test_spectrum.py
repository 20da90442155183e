import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.fixedpoint import SCORE_SCALE, Floats, quantise
from app.core.spectrum import DecayedSums, Spectrum, fit, out_of_fold, shrinkage

RANDOM = np.random.default_rng(1)
MIXING = RANDOM.standard_normal((12, 12))


def draw(count: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal((count, 12)) @ MIXING + 1.0


ROWS = draw(200, 2)
FITTED = fit(ROWS)


def test_the_basis_is_orthonormal_and_eigenvalues_descend() -> None:
    assert np.allclose(FITTED.basis.T @ FITTED.basis, np.eye(12))
    assert (np.diff(FITTED.eigenvalues) <= 0).all()
    assert (FITTED.eigenvalues > 0).all()


def test_the_sum_of_the_reference_itself_is_at_the_origin() -> None:
    assert np.allclose(FITTED.rotate(ROWS.sum(axis=0), len(ROWS)), 0.0, atol=1e-9)


def test_rotation_keeps_distances() -> None:
    rotated = FITTED.rotate(ROWS, np.ones(len(ROWS)))
    assert np.allclose(np.linalg.norm(rotated, axis=1), np.linalg.norm(ROWS - FITTED.mean, axis=1))


def test_norms_out_of_fold_are_larger_than_in_sample() -> None:
    rows = RANDOM.standard_normal((200, 80))
    fitted = fit(rows)
    fair, flattering = np.square(out_of_fold(rows, fitted)).sum(axis=1), fitted.mahalanobis(rows)
    assert fair.mean() > 1.2 * flattering.mean()


def test_norms_out_of_fold_are_those_of_fresh_points() -> None:
    fair = np.square(out_of_fold(ROWS, FITTED)).sum(axis=1)
    fresh = FITTED.mahalanobis(draw(4000, 3))
    assert fair.mean() == pytest.approx(fresh.mean(), rel=0.1)  # 200 points: 2 standard errors are 6 %


@pytest.mark.parametrize("count", [2, 5, 11])
def test_fewer_points_than_dimensions_still_give_finite_norms(count: int) -> None:
    few = fit(ROWS[:count])
    assert np.isfinite(few.mahalanobis(ROWS)).all()
    assert np.isfinite(out_of_fold(ROWS[:count], few)).all()


def test_constant_rows_have_a_scale_and_no_distance() -> None:
    same = fit(np.full((50, 3), 0.1))
    assert (same.eigenvalues > 0).all()
    assert same.mahalanobis(np.full((1, 3), 0.1)) == pytest.approx(0.0, abs=1e-12)
    assert np.isfinite(same.mahalanobis(np.ones((1, 3)))).all()


@given(st.integers(1, 10**6))
def test_shrinkage_is_a_weight(count: int) -> None:
    assert 0.1 <= shrinkage(count) <= 0.5


def test_decayed_sums_in_ticks_of_one_are_the_recursion_per_event() -> None:
    decays, rows = [1 / 24, 1 / 96], RANDOM.standard_normal((300, 4))
    sums = DecayedSums.zeros(decays, 4)
    expected = np.zeros((2, 4))
    for row in rows:
        sums.update(row, 1)
        for i, a in enumerate(decays):
            expected[i] = (1 - a) * expected[i] + a * row
    assert np.allclose(sums.state, expected, rtol=1e-12, atol=0)


@given(st.integers(1, 50), st.floats(1e-4, 0.9))
def test_a_constant_stream_converges_to_its_value_whatever_the_tick(count: int, decay: float) -> None:
    sums = DecayedSums.zeros([decay], 1)
    for _ in range(3):
        sums.update(np.array([2.0 * count]), count)
    assert sums.state[0, 0] == pytest.approx(2.0 * (1 - (1 - decay) ** (3 * count)))


def test_statistics_do_not_depend_on_the_signs_of_eigenvectors() -> None:
    flips = np.where(np.arange(12) % 3 == 0, -1.0, 1.0)
    mirrored = Spectrum(FITTED.mean, FITTED.basis * flips, FITTED.eigenvalues, FITTED.count)
    one, other = DecayedSums.zeros([0.1], 12), DecayedSums.zeros([0.1], 12)
    for row in draw(50, 4):
        one.update(FITTED.rotate(row, 1), 1)
        other.update(mirrored.rotate(row, 1), 1)
    for a, b in zip(one.get(FITTED.eigenvalues), other.get(FITTED.eigenvalues), strict=True):
        assert a == pytest.approx(b, rel=1e-12)


@given(st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_sums_of_many_workers_give_the_statistics_of_one_to_the_last_bit(worker_of: list[int]) -> None:
    rows = quantise(draw(40, 5), SCORE_SCALE).astype(np.int64)
    parts = [rows[[w == k for w in worker_of]].sum(axis=0) for k in range(4)]
    one, many = DecayedSums.zeros([0.1], 12), DecayedSums.zeros([0.1], 12)
    one.update(FITTED.rotate(rows.sum(axis=0) / SCORE_SCALE, 40), 40)
    many.update(FITTED.rotate(sum(parts) / SCORE_SCALE, 40), 40)
    assert many.state.tobytes() == one.state.tobytes()


def test_a_spectrum_is_multiplied_as_one_that_was_stored_and_read_again() -> None:
    """A view with another layout would be copied at every product, and rounded otherwise."""
    fitted = fit(np.random.default_rng(0).standard_normal((60, 8)))
    assert fitted.basis.flags.c_contiguous
