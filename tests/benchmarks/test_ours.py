from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from app.core.baseline import Baseline
from app.core.cycles import DAY, learn_cycles
from app.core.detection import Detector
from app.core.folding import Fold, judge
from benchmarks.ours import Ours, learn
from benchmarks.shifts import TICK
from tests.benchmarks import made


@cache
def learned() -> Baseline:
    world = made.world()
    reference = np.random.default_rng(0).choice(world.clean_rows(), 300, replace=False)
    return learn(made.vectors(world), reference, seed=0)


def with_cycles(baseline: Baseline) -> Baseline:
    """Some swing by day and week, of no meaning."""
    found = learn_cycles(baseline.reference, np.linspace(0.0, 14 * DAY, baseline.reference.units)).cycles
    random = np.random.default_rng(2)
    weights = {name: 0.1 * random.standard_normal(part.shape) for name, part in found.weights.items()}
    return replace(baseline, cycles=replace(found, found=True, weights=weights))


@pytest.mark.parametrize(("share", "cycles"), [(0.0, False), (0.1, False), (0.1, True)])
def test_many_streams_at_once_score_what_the_detector_scores_tick_by_tick(share: float, cycles: bool) -> None:
    """Every component, to what float32 leaves of it, on clean and on changing traffic."""
    world = made.world()
    vectors = made.vectors(world)
    random = np.random.default_rng(1)
    baseline = with_cycles(learned()) if cycles else learned()
    times = random.uniform(0.0, 7 * DAY, (3, 100))
    streams = random.choice(world.clean_rows(), (3, 100 * TICK))
    streams = np.where(
        random.random(streams.shape) < share, random.choice(world.strata["new"], streams.shape), streams
    )
    batch = Ours(baseline, vectors)
    scores, components = batch.paths(streams, times), batch.components(streams, times)

    calibration = baseline.calibration
    detector, rows = Detector(baseline), streams[1]
    judged = judge(vectors.ours(rows), baseline=baseline)
    for tick in range(len(rows) // TICK):
        fold = Fold()
        for row in range(tick * TICK, (tick + 1) * TICK):
            fold.add(judged, row, row)
        detector.update(fold, float(times[1, tick]))
        said = detector.get()
        levels = (components[1, tick] - calibration.low) / (calibration.high - calibration.low)
        assert levels == pytest.approx(said.levels, abs=1e-3)
        assert scores[1, tick] == pytest.approx(said.value, abs=2e-3)
    assert components.shape[2] == len(calibration.components())
