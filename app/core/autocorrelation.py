"""From one unit to the next: what neighbours in a baseline know of each other, and drawing them together.

Units that depend on each other make a mean vary more than as many independent ones, and false alarms come
sooner than promised.  What a horizon per key does not collapse is seen here, whoever wrote the units.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from app.core.fixedpoint import Floats
from schemas.readings import Autocorrelation

BAND_SIGMAS = 3.0
KEPT_VARIANCE = 0.9  # of the measured inflation, that resampled blocks must show
FEWEST_BLOCKS = 10  # a baseline of fewer cannot be resampled in blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """How the baseline has to be resampled: in blocks of so many consecutive units; 1 = one by one.

    `repaired` is False where dependence reaches further than FEWEST_BLOCKS blocks of the baseline allow.
    """

    units: int
    repaired: bool
    inflation: float  # of a mean's variance, as the worst view sees it; 1 = none
    told: list[Autocorrelation]  # per view


def autocorrelation(view: Floats) -> Floats:
    """Mean inner product of units k apart over that of a unit with itself, k = 0 to n // 4.

    Cost O(n log n) a coordinate.

    >>> autocorrelation(np.array([[1.0], [-1.0]] * 4)).tolist()
    [1.0, -1.0, 1.0]
    """
    count = len(view)
    centred = view - view.mean(axis=0)
    size, lags = next_fast_len(2 * count, real=True), count // 4
    power = np.zeros(size // 2 + 1)
    for first in range(0, centred.shape[1], 32):  # all columns at once would take half a gigabyte
        power += np.square(np.abs(rfft(centred[:, first : first + 32], size, axis=0))).sum(axis=1)
    products = irfft(power, size)[: lags + 1] / (count - np.arange(lags + 1))
    return np.asarray(products / max(float(products[0]), 1e-12))


def directions(view: Floats) -> float:
    """Effective number of directions, 1 / tr(S^2) at tr(S) = 1; the spread of one inner product follows.

    A view that never varies counts as one direction.

    >>> directions(np.eye(4) * 2), directions(np.zeros((4, 4)))
    (4.0, 1.0)
    """
    inner = view.T @ view if view.shape[1] <= len(view) else view @ view.T
    return max(float(np.trace(inner) ** 2 / max(float(np.square(inner).sum()), 1e-12)), 1.0)


def bands(count: int) -> list[tuple[int, int]]:
    """Lags 1, 2-3, 4-7, ... up to a quarter of the units: first and last of each band.

    >>> bands(64)
    [(1, 1), (2, 3), (4, 7), (8, 15)]
    """
    found, first = [], 1
    while 2 * first - 1 <= count // 4:
        found.append((first, 2 * first - 1))
        first *= 2
    return found


def told(name: str, view: Floats) -> Autocorrelation:
    """The mean autocorrelation of each band of lags beside what independence allows it, 3 sigma."""
    found, count = autocorrelation(view), len(view)
    spread = BAND_SIGMAS / np.sqrt(directions(view) * count)
    limits = bands(count)
    return Autocorrelation(
        view=name,
        lags=[first for first, _ in limits],
        values=[round(float(found[first : last + 1].mean()), 6) for first, last in limits],
        band=[round(float(spread / np.sqrt(last + 1 - first)), 6) for first, last in limits],
    )


def blocks(seen: dict[str, Floats]) -> Blocks:
    """The shortest blocks that keep KEPT_VARIANCE of the inflation that the autocorrelation means.

    In the stationary bootstrap (Politis and Romano, 1994, JASA 89) with mean length L the covariance at
    lag k is (1 - 1/L)^k of the measured one.  Only views count whose autocorrelation leaves its band.
    """
    lines = [told(name, view) for name, view in seen.items()]
    longest = max(1, len(next(iter(seen.values()))) // FEWEST_BLOCKS)
    units, repaired, inflation = 1, True, 1.0
    for line, view in zip(lines, seen.values(), strict=True):
        reach = _reach(line)
        if reach:
            correlation = autocorrelation(view)[1 : reach + 1]
            wanted = _block_units(correlation, longest)
            inflation = max(inflation, 1.0 + 2.0 * float(correlation.sum()))
            repaired = repaired and wanted is not None and reach < len(view) // 8
            units = max(units, longest if wanted is None else wanted)
    return Blocks(units=units, repaired=repaired, inflation=inflation, told=lines)


def _reach(line: Autocorrelation) -> int:
    """Last lag of the last band above what independence allows; 0 where none is."""
    above = [i for i, (value, band) in enumerate(zip(line.values, line.band, strict=True)) if value > band]
    return 2 * line.lags[above[-1]] - 1 if above else 0


def _block_units(correlation: Floats, longest: int) -> int | None:
    """Mean block length that shows enough of the inflation; None where even the longest does not."""
    inflation = 1.0 + 2.0 * float(correlation.sum())
    lags = np.arange(1, len(correlation) + 1)
    for units in np.unique(np.geomspace(1, longest, 64).astype(int)):
        shown = 1.0 + 2.0 * float(((1.0 - 1.0 / units) ** lags * correlation).sum())
        if shown >= KEPT_VARIANCE * inflation:
            return int(units)
    return None


class Resample:
    """Rows of a stationary bootstrap (Politis and Romano, 1994) for many streams at once.

    Each row follows the one before it with probability 1 - 1 / block_units, else it is any row; the last
    is followed by the first.  With blocks of one unit, rows are independent.

    >>> Resample(5, 2, block_units=1, random=np.random.default_rng(0)).take(3).shape
    (2, 3)
    """

    def __init__(self, count: int, streams: int, *, block_units: int, random: np.random.Generator) -> None:
        self._count, self._streams, self._block_units = count, streams, block_units
        self._random = random
        self._last: NDArray[np.int64] | None = None

    def take(self, units: int) -> NDArray[np.int64]:
        """The next rows of every stream, shape (streams, units)."""
        fresh = self._random.integers(0, self._count, (self._streams, units))
        if self._block_units == 1:
            return fresh
        leaps = self._random.random((self._streams, units)) * self._block_units < 1.0
        last = fresh[:, 0] if self._last is None else self._last
        for i in range(units):
            last = np.where(leaps[:, i], fresh[:, i], (last + 1) % self._count)
            fresh[:, i] = last
        self._last = last
        return fresh
