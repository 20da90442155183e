"""A weekly and a daily swing that the baseline has seen twice is no drift; without the cycles it is."""

from dataclasses import replace

import numpy as np
import pytest

from app.core.baseline import Baseline, look_around
from app.core.calibration import calibrate
from app.core.cycles import DAY, Fitted
from app.core.detection import Detector
from app.core.fixedpoint import Floats
from app.core.reference import Reference, build
from app.core.rows import Rows
from tests.statistical.test_run_length import SHARES, TICK, TOPICS, Units, of_topics, ticks

pytestmark = pytest.mark.statistical
LEARNED, STREAM, THRESHOLD = 2500, 20_000, 6.0
SPACING: float = 14 * DAY / LEARNED


def swinging(random: np.random.Generator, times: Floats) -> Units:
    """Two topics trade places between day and night, a third one comes and goes with the weekend."""
    day, weekend = np.cos(2 * np.pi * times / DAY), times // DAY % 7 >= 5
    shares = np.tile(SHARES, (len(times), 1))
    shares[:, 0] *= 1 + 0.8 * day
    shares[:, 1] *= 1 - 0.8 * day
    shares[:, 2] *= np.where(weekend, 1.7, 0.5)
    limits = (shares / shares.sum(axis=1, keepdims=True)).cumsum(axis=1)
    return of_topics(random, np.minimum((random.random((len(times), 1)) > limits).sum(axis=1), TOPICS - 1))


def highest(reference: Reference, fitted: Fitted | None, units: Units, times: Floats) -> float:
    """The highest score over a stream, with cycles or without."""
    found = Baseline(
        reference=reference,
        calibration=calibrate(reference, tick_units=TICK, cycles=fitted),
        horizon_seconds=0.0,
        units_per_second=1.0,
        sample_rate=1.0,
        run_length=10**THRESHOLD,
        window_units=32,
    )
    if fitted is not None:
        found = replace(found, cycles=fitted.cycles)
    detector, scores = Detector(found), []
    for fold, time in zip(ticks(found, units), times[TICK // 2 :: TICK], strict=True):
        detector.update(fold, float(time))
        scores.append(detector.get().value)
    return max(scores)


def test_a_swing_that_the_baseline_has_seen_raises_no_alarm_over_20_000_units() -> None:
    random = np.random.default_rng(1)
    learned: Floats = np.sort(random.uniform(0.0, 14 * DAY, LEARNED))
    seen = swinging(random, learned)
    rows = Rows(wording=seen.wording, shape=seen.shape, texts=("a b",) * LEARNED)
    reference = build(rows, application="made", kind="baseline", fingerprint="made", seed=1)
    reference = replace(reference, tick_seconds=TICK * SPACING)
    fitted, around = look_around(reference, learned)
    times = 14 * DAY + SPACING * np.arange(STREAM, dtype=np.float64)
    stream = swinging(random, times)

    with_cycles, without = (highest(reference, known, stream, times) for known in (fitted, None))

    print(f"highest score over {STREAM:,} units: {with_cycles:.2f} with cycles, {without:.2f} without")
    assert fitted.cycles.found
    assert around.repaired
    assert with_cycles < THRESHOLD <= without
