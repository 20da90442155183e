"""Run lengths and delays from paths of a statistic: the two currencies of a sequential detector.

A path is what a statistic said at each tick of a stream, so an array is (streams, ticks).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Paths = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RunLength:
    """Units at risk over alarms, with its exact 95 % Poisson interval (Garwood, 1936)."""

    at_risk: float
    alarms: int

    @property
    def value(self) -> float:
        """Units an alarm; of no alarm at all, the units at risk."""
        return self.at_risk / max(self.alarms, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """95 %."""
        least = chi2.ppf(0.025, 2 * self.alarms) / 2 if self.alarms else 0.0
        most = chi2.ppf(0.975, 2 * self.alarms + 2) / 2
        return self.at_risk / most, self.at_risk / least if least else np.inf

    def __str__(self) -> str:
        sign = "" if self.alarms else "> "
        low, high = self.interval
        return f"{sign}{self.value:,.0f} [{low:,.0f}, {high:,.0f}]"


def realised(paths: Paths, level: float | NDArray[np.float32], tick: int) -> RunLength:
    """Each stream is at risk until it first passes `level` (one, or one for each stream)."""
    crossed = np.maximum.accumulate(paths, axis=1) > np.reshape(level, (-1, 1))
    alarms = int(crossed[:, -1].sum())
    return RunLength(tick * float((~crossed).sum() + alarms), alarms)


def level_at(paths: Paths, run: float, tick: int) -> float:
    """The lowest level whose realised run length is at least `run`.

    >>> level_at(np.array([[1, 2, 9, 3], [1, 1, 1, 4]], np.float32), 4.0, 1)
    4.0
    """
    candidates = np.unique(np.maximum.accumulate(paths, axis=1))
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        found = realised(paths, float(candidates[middle]), tick)
        if found.alarms and found.value < run:
            low = middle + 1
        else:
            high = middle
    return float(candidates[low])


@dataclass(frozen=True, slots=True)
class Delays:
    """Units from the change to the first alarm, censored at `most`; early alarms are left out.

    `delays` (streams,) holds `most` where nothing was found.
    """

    delays: NDArray[np.float64]
    found: NDArray[np.bool_]

    @property
    def mean(self) -> float:
        return float(self.delays.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return float(self.delays.std(ddof=1) / np.sqrt(len(self.delays)))

    @property
    def median(self) -> float:
        return float(np.median(self.delays))

    @property
    def share(self) -> float:
        return float(self.found.mean())


def delays(paths: Paths, level: float | NDArray[np.float32], tick: int, clean_units: int) -> Delays:
    """Delays of streams that change after `clean_units`."""
    clean = clean_units // tick
    above = paths > np.reshape(level, (-1, 1))
    kept = ~above[:, :clean].any(axis=1)
    after = above[kept, clean:]
    found = after.any(axis=1)
    first = np.where(found, after.argmax(axis=1) + 1, after.shape[1])
    return Delays(tick * first.astype(float), np.asarray(found))
