import numpy as np
import pytest
from river import drift
from scipy.stats import ks_2samp

from benchmarks import scalar_peers, vector_peers
from benchmarks.run_lengths import delays, level_at, realised
from tests.benchmarks import made


def test_page_hinkley_alarms_when_river_does() -> None:
    random = np.random.default_rng(2)
    values = np.concatenate([random.normal(1.0, 0.3, (4, 800)), random.normal(1.4, 0.3, (4, 400))], axis=1)
    paths = scalar_peers.page_hinkley(values)
    for path, row in zip(paths, values, strict=True):
        detector = drift.PageHinkley(threshold=20.0)
        alarmed = []
        for unit, value in enumerate(row.tolist()):
            detector.update(value)
            if detector.drift_detected:
                alarmed.append(unit)
        assert alarmed
        assert int(np.argmax(path > 20.0)) == alarmed[0]


def test_kswin_is_the_distance_of_two_distribution_functions() -> None:
    random = np.random.default_rng(3)
    values = random.random((2, 300))
    values[:, 200:] += 0.8
    path = scalar_peers.kswin(values, np.random.default_rng(4))
    assert (path[:, :99] == 0).all()
    assert path[:, 100:199].mean() == pytest.approx(0.22, abs=0.05)  # two samples of 30 of one law
    whole = ks_2samp(values[0, 155:200], values[0, 201:231]).statistic
    assert path[0, 230] == pytest.approx(whole, abs=0.1)


def test_windowed_mmd_is_the_unbiased_squared_mmd_of_every_window() -> None:
    world = made.world(150)
    meaning = made.vectors(world).meaning
    random = np.random.default_rng(5)
    reference = random.choice(world.clean_rows(), 120, replace=False)
    gamma = vector_peers.bandwidth(meaning[reference])
    gram = vector_peers.kernel(meaning, meaning, gamma)
    stream = random.integers(0, len(meaning), (1, 304))
    found = vector_peers.WindowedMMD.of(gram, reference).paths(stream, (20, 100), 1)
    for window, paths in found.items():
        assert (paths[0, : window - 1] == -1).all()
        for unit in (window - 1, window, 127, 128, 200, 303):
            newest = stream[0, unit - window + 1 : unit + 1]
            apart = ((meaning[newest, None] - meaning[None, newest]) ** 2).sum(axis=2)
            inside = np.exp(-gamma * apart)
            across = np.exp(-gamma * ((meaning[newest, None] - meaning[None, reference]) ** 2).sum(axis=2))
            own = np.exp(-gamma * ((meaning[reference, None] - meaning[None, reference]) ** 2).sum(axis=2))
            n = len(reference)
            expected = (own.sum() - n) / (n * (n - 1)) - 2 * across.mean()
            expected += (inside.sum() - window) / (window * (window - 1))
            assert paths[0, unit] == pytest.approx(expected, abs=2e-5)


def test_newma_forgets_at_two_speeds() -> None:
    features = np.eye(3, dtype=np.float32)
    path = vector_peers.newma(features, np.full((1, 800), 2), features[0], 8)
    fast, slow = vector_peers.newma_rates()
    units = np.arange(8, 801, 8)
    assert path[0] == pytest.approx(np.sqrt(2) * ((1 - slow) ** units - (1 - fast) ** units), abs=1e-5)


def test_run_lengths_and_delays_of_known_paths() -> None:
    paths = np.array([[0, 0, 5, 0], [0, 0, 0, 7], [9, 0, 0, 0]], np.float32)
    assert realised(paths, 4.0, 8).alarms == 3
    assert realised(paths, 4.0, 8).at_risk == 8 * (3 + 4 + 1)
    assert realised(paths, level_at(paths, 30.0, 8), 8).value >= 30.0
    found = delays(paths, 6.0, 8, 8)  # the third alarms before the change and is left out
    assert found.delays.tolist() == [24.0, 24.0]
    assert found.found.tolist() == [False, True]
