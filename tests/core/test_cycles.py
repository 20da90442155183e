from dataclasses import replace

import numpy as np
import pytest

from app.core.cycles import (
    DAILY,
    DAY,
    FEWEST_ALIKE,
    NO_CYCLES,
    WEEK,
    Regression,
    learn_cycles,
    shrink,
    spanned,
    waves,
)
from app.core.detection import Detector
from app.core.fixedpoint import Floats
from app.core.folding import Fold
from app.core.novelty import BIN_COUNT
from app.core.reference import EYES
from tests.rig import made

COLUMNS = 30


def swinging(
    count: int, *, days: float = 14, day: float = 0.5, week: float = 0.5, seed: int = 0
) -> tuple[Floats, Floats]:
    """Units of unit variance around a swing of two directions; times and values."""
    random = np.random.default_rng(seed)
    times = np.sort(random.uniform(0.0, days * DAY, count))
    values = random.standard_normal((count, COLUMNS))
    values[:, 3] += day * np.cos(2 * np.pi * times / DAY)
    values[:, 7] += week * np.where(times // DAY % 7 >= 5, 1.0, -0.4)
    return times, values - values.mean(axis=0)


def left(times: Floats, weights: Floats, found: Regression) -> tuple[float, float]:
    """Root mean square of the daily swing over a fresh week: whole, and less what was learned."""
    fresh = np.linspace(100 * WEEK, 101 * WEEK, 999)
    truth = 0.5 * np.cos(2 * np.pi * fresh / DAY)
    told = (waves(fresh, found.harmonics) - found.centre) @ weights[:, 3]
    return float(np.std(truth)), float(np.std(truth - told))


def test_a_swing_of_day_and_week_is_learned_and_nothing_else() -> None:
    times, values = swinging(3000)
    found = Regression(times)
    weights = found.learn(values)
    whole, rest = left(times, weights, found)
    assert rest < 0.35 * whole
    energy = np.square(weights).sum(axis=0)
    assert energy[3] > 10 * np.delete(energy, [3, 7]).max()
    assert energy[7] > 3 * np.delete(energy, [3, 7]).max()


def test_a_night_is_compared_with_nights() -> None:
    times = np.arange(0.0, 14 * DAY, 600.0)
    daily = replace(NO_CYCLES, found=True, harmonics=DAILY)
    night = 20 * DAY + np.arange(0.0, 3 * 3600.0, 60.0)
    hours = times[daily.hours_alike(times, night)] % DAY / 3600
    assert len(hours) == len(times) // 4
    assert ((hours < 5) | (hours > 22)).all()
    weekly = replace(NO_CYCLES, found=True, harmonics=(7, 14, 1, 2, 3))
    days = times[weekly.hours_alike(times, night)] // DAY % 7
    assert np.abs((days - 6 + 3) % 7 - 3).mean() < 1.0  # days from the 20th; of all units, 1.7
    assert len(daily.hours_alike(times[:300], night)) == FEWEST_ALIKE


def test_units_without_a_swing_show_none() -> None:
    found = [
        np.any(Regression(t).learn(v))
        for t, v in (swinging(1500, day=0.0, week=0.0, seed=s) for s in range(60))
    ]
    assert sum(found) <= 2


@pytest.mark.parametrize("change", ["step", "trend", "one weekend"])
def test_what_does_not_repeat_is_no_cycle(change: str) -> None:
    times, values = swinging(3000, day=0.0, week=0.0)
    moved = {
        "step": times > 9 * DAY,
        "trend": times / (14 * DAY),
        "one weekend": (times > 5 * DAY) & (times < 7 * DAY),
    }[change]
    values[:, 5] += 1.5 * np.asarray(moved, float)
    assert not np.any(Regression(times).learn(values - values.mean(axis=0)))


def test_dependent_units_must_swing_more() -> None:
    times, values = swinging(1500, day=0.3, week=0.0)
    assert np.any(Regression(times).learn(values))
    assert not np.any(Regression(times, inflation=4.0).learn(values))


def test_a_cycle_needs_two_of_its_periods() -> None:
    assert spanned(1.9 * DAY) == ()
    assert spanned(13 * DAY) == ("day",)
    assert spanned(14 * DAY - 600.0) == ("day", "week")
    times, values = swinging(400, days=1.5)
    assert Regression(times).learn(values).shape == (0, COLUMNS)


def test_traffic_that_sleeps_at_night_is_learned_where_it_is() -> None:
    times, values = swinging(6000)
    awake = np.abs(times % DAY - DAY / 2) < DAY / 5
    weights = Regression(times[awake]).learn(values[awake] - values[awake].mean(axis=0))
    assert np.isfinite(weights).all()
    assert np.abs(weights).max() < 5.0


def test_mistakes_are_as_large_as_those_of_other_baselines() -> None:
    times, values = swinging(2000)
    weights = Regression(times).learn(values)
    random = np.random.default_rng(1)
    told = Regression(times).mistakes(values, weights, random.integers(0, 2000, (40, 2000)))
    others = []
    for seed in range(40):
        fresh_times, fresh = swinging(2000, seed=100 + seed)
        others.append(Regression(fresh_times).learn(fresh))
    real = np.var(np.array(others), axis=0).sum()
    assert np.square(told - told.mean(axis=0)).sum(axis=(1, 2)).mean() == pytest.approx(real, rel=0.5)


def test_singular_values_are_shrunk_to_what_is_best_on_average() -> None:
    random = np.random.default_rng(4)
    truth = np.outer(np.eye(10)[0], np.eye(40)[0]) * 14.0
    kept, raw = [], []
    for _ in range(50):
        seen = truth + random.standard_normal((10, 40))
        left_, sizes, right = np.linalg.svd(seen, full_matrices=False)
        kept.append(np.square((left_ * shrink(sizes, (10, 40), 1.0)) @ right - truth).sum())
        raw.append(np.square(seen - truth).sum())
    assert np.mean(kept) < 0.25 * np.mean(raw)


def test_a_baseline_of_minutes_expects_nothing() -> None:
    found = made.baseline(400)
    assert found.cycles.seen == ()
    assert found.cycles.expected(1e9) == {}
    assert NO_CYCLES.expected(0.0) == {}


def test_the_detector_takes_off_what_the_hour_lets_expect() -> None:
    """Units that stand exactly where the cycle puts them are no evidence; at another hour they are."""
    plain = made.baseline(400)
    times = np.linspace(0.0, 14 * DAY, 400)
    fitted = learn_cycles(plain.reference, times)
    weights = {name: np.zeros_like(part) for name, part in fitted.cycles.weights.items()}
    day = 2 * fitted.cycles.harmonics.index(7)
    weights["wording"][day, 0] = 2.0  # of the first coordinate, by the cosine of the day
    baseline = replace(plain, cycles=replace(fitted.cycles, found=True, weights=weights))
    spectrum = plain.reference.eyes["wording"].spectrum
    there = spectrum.mean + 2.0 * np.sqrt(spectrum.eigenvalues[0]) * spectrum.basis[:, 0]
    scores = []
    for time in (WEEK, WEEK + DAY / 2):
        detector = Detector(baseline)
        fold = Fold(units=8, novelty={eye: np.eye(BIN_COUNT, dtype=np.int64)[-1] for eye in EYES})
        fold.sums["wording"] = np.rint(8 * there * 2**15).astype(np.int64)
        fold.sums["shape"] = np.rint(8 * plain.reference.eyes["shape"].spectrum.mean * 2**12).astype(np.int64)
        for _ in range(20):
            detector.update(fold, time)
        scores.append(detector.get().value)
    assert scores[0] == Detector(baseline).get().value
    assert scores[1] > scores[0] + 3.0
