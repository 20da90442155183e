"""Peers that watch one number: a unit's distance to the reference's mean vector.

`page_hinkley` and `kswin` give the statistic itself, for all streams at once, as river 0.26 defines it
(tests/benchmarks/test_scalar_peers.py holds them against the library); ADWIN is the library.
"""

import numpy as np
from numpy.typing import NDArray
from river import drift

from benchmarks.run_lengths import Paths

Scalars = NDArray[np.float64]  # (streams, units)
HINKLEY_DELTA, HINKLEY_ALPHA, HINKLEY_LEAST = 0.005, 1 - 0.0001, 30  # river's defaults
KSWIN_WINDOW, KSWIN_RECENT = 100, 30


def page_hinkley(values: Scalars) -> NDArray[np.float64]:
    """The larger of the two sides' statistics at each unit; river alarms beyond 50.  (streams, units)"""
    mean = np.cumsum(values, axis=1) / np.arange(1, values.shape[1] + 1)
    deviation = values - mean
    up, down = np.zeros(len(values)), np.zeros(len(values))
    least, most = np.full(len(values), np.inf), np.full(len(values), -1.0)
    out = np.zeros_like(values)
    for unit in range(values.shape[1]):
        up = HINKLEY_ALPHA * up + deviation[:, unit] - HINKLEY_DELTA
        down = HINKLEY_ALPHA * down + deviation[:, unit] + HINKLEY_DELTA
        least, most = np.minimum(least, up), np.maximum(most, down)
        if unit + 1 >= HINKLEY_LEAST:
            out[:, unit] = np.maximum(up - least, most - down)
    return out


def kswin(values: Scalars, random: np.random.Generator) -> NDArray[np.float64]:
    """Largest distance of two distribution functions, newest 30 of 100 units against 30 of the other 70."""
    older = KSWIN_WINDOW - KSWIN_RECENT
    signs = np.repeat([1.0, -1.0], KSWIN_RECENT) / KSWIN_RECENT
    out = np.zeros_like(values)
    for path, row in zip(out, values, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(row, KSWIN_WINDOW)
        keys = random.random((len(windows), older), np.float32)
        drawn = np.argpartition(keys, KSWIN_RECENT, axis=1)[:, :KSWIN_RECENT]
        both = np.concatenate([np.take_along_axis(windows, drawn, axis=1), windows[:, older:]], axis=1)
        steps = np.cumsum(signs[np.argsort(both, axis=1)], axis=1)
        path[KSWIN_WINDOW - 1 :] = np.abs(steps).max(axis=1)
    return out


def adwin(values: Scalars, delta: float) -> NDArray[np.float64]:
    """1 from the first alarm of river's ADWIN on, else 0: (streams, units)."""
    out = np.zeros_like(values)
    for path, row in zip(out, values, strict=True):
        detector = drift.ADWIN(delta=delta)
        for unit, value in enumerate(row.tolist()):
            detector.update(value)
            if detector.drift_detected:
                path[unit:] = 1.0
                break
    return out


def at_ticks(path: NDArray[np.floating], tick: int) -> Paths:
    """The largest value within each tick."""
    return np.asarray(path.reshape(len(path), -1, tick).max(axis=2), np.float32)
