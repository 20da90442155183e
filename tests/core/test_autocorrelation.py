import numpy as np
import pytest

from app.core.autocorrelation import Resample, autocorrelation, bands, blocks, directions, told
from app.core.fixedpoint import Floats


def neighbours(count: int, *, run: int, seed: int = 0) -> Floats:
    """Runs of `run` units that share half of their variance, 24 directions, mean squared norm 1."""
    random = np.random.default_rng(seed)
    shared = np.repeat(random.standard_normal((count // run + 1, 24)), run, axis=0)[:count]
    return np.asarray((shared + random.standard_normal((count, 24))) / np.sqrt(48))


def test_it_is_the_correlation_of_units_so_far_apart() -> None:
    view = neighbours(600, run=3)
    centred = view - view.mean(axis=0)
    slow = [float((centred[: 600 - k] * centred[k:]).sum() / (600 - k)) for k in range(6)]
    assert autocorrelation(view)[:6] == pytest.approx(np.array(slow) / slow[0])


@pytest.mark.parametrize("count", [100, 2000])
def test_independent_units_stay_within_the_band_and_are_drawn_one_by_one(count: int) -> None:
    lines = [told("eye", np.random.default_rng(seed).standard_normal((count, 40))) for seed in range(20)]
    beyond = [v > b for line in lines for v, b in zip(line.values, line.band, strict=True)]
    assert np.mean(beyond) <= 0.01
    found = blocks({"eye": np.random.default_rng(3).standard_normal((count, 40))})
    assert (found.units, found.repaired) == (1, True)


def test_runs_leave_the_band_and_are_drawn_in_blocks() -> None:
    found = blocks({"calm": neighbours(2000, run=1), "runs": neighbours(2000, run=8)})
    assert found.repaired
    assert 8 <= found.units <= 64
    assert [line.view for line in found.told] == ["calm", "runs"]


def test_longer_runs_need_longer_blocks() -> None:
    wanted = [blocks({"eye": neighbours(4000, run=run)}).units for run in (2, 8, 32)]
    assert wanted == sorted(wanted)
    assert wanted[0] < wanted[-1]


def test_a_trend_through_the_baseline_is_beyond_repair() -> None:
    drifting = neighbours(1000, run=1) + np.linspace(-0.3, 0.3, 1000)[:, None] / np.sqrt(24)
    found = blocks({"eye": drifting})
    assert not found.repaired
    assert found.units == 100


def test_blocks_keep_the_variance_of_a_mean_that_single_draws_lose() -> None:
    view = neighbours(2000, run=10)
    spread = {}
    for units in (1, blocks({"eye": view}).units):
        drawn = Resample(2000, 400, block_units=units, random=np.random.default_rng(1)).take(500)
        spread[units] = float(view[drawn].mean(axis=1).var(axis=0).sum())
    expected = float(np.var([neighbours(500, run=10, seed=s).mean(axis=0) for s in range(400)], axis=0).sum())
    single, together = spread.values()
    assert single < 0.35 * expected
    assert together == pytest.approx(expected, rel=0.25)


def test_draws_go_on_where_the_last_ones_ended() -> None:
    whole = Resample(50, 3, block_units=5, random=np.random.default_rng(4))
    drawn = np.concatenate([whole.take(8) for _ in range(40)], axis=1)
    follows = (drawn[:, 1:] - drawn[:, :-1]) % 50 == 1
    assert np.mean(follows) == pytest.approx(0.8, abs=0.05)
    assert np.mean(follows[:, 7::8]) == pytest.approx(0.8, abs=0.1)


def test_directions_are_counted_by_their_weight() -> None:
    assert directions(np.random.default_rng(0).standard_normal((5000, 12))) == pytest.approx(12, rel=0.02)
    assert directions(np.ones((50, 12))) == pytest.approx(1.0)


def test_bands_end_before_too_few_pairs_are_left() -> None:
    assert bands(3) == []
    assert bands(100)[-1] == (8, 15)
