"""Sizes with intervals: squared shift of the mean, shares over units."""

import math

import numpy as np

from app.core.fixedpoint import Floats
from app.core.spectrum import Spectrum
from schemas.readings import Interval, Uncovered

Z95 = 1.959963984540054


def squared_shift(sums: Floats, counts: Floats, reference: Spectrum) -> Interval:
    """Unbiased squared distance between the live mean and the reference mean, with a 95 % interval.

    theta = |x - m|^2 - tr(S_live)/n_live - tr(S_ref)/n_ref; it may be negative, and is shown so.
    Variance = linear part 4 d'(Cov/n)d, of live units from block means + degenerate part (docs/method.md).

    Args: sums (b, d) and counts (b,) of b >= 2 blocks of live unit-norm vectors.

    >>> blocks, rows = np.array([[4.0, 0.0], [4.0, 0.0]]), np.zeros((10, 2))
    >>> from app.core.spectrum import fit
    >>> round(squared_shift(blocks, np.array([4.0, 4.0]), fit(rows)).value, 6)
    1.0
    """
    total = float(counts.sum())
    live = sums.sum(axis=0) / total
    live_trace = max(1.0 - float(live @ live), 0.0) * total / max(total - 1.0, 1.0)
    shift = live - reference.mean
    noise = live_trace / total + reference.trace / reference.count
    value = float(shift @ shift) - noise
    means = sums / counts[:, None]
    along = (means - live) @ shift
    blocks = len(counts)
    spread = float((counts * np.square(along)).sum()) / max(blocks - 1, 1) / total  # of the mean, along shift
    linear = 4.0 * (spread + reference.variance_along(shift) / reference.count)
    half = Z95 * math.sqrt(linear + 2.0 * noise**2 / reference.directions)
    return Interval(value=value, low=value - half, high=value + half)


def effective_units(weights: Floats) -> float:
    """How many equally weighted units tell as much (Kish): (sum w)^2 / sum w^2."""
    return float(np.square(weights.sum()) / np.square(weights).sum())


def wilson(hits: int, units: int, z: float = Z95) -> Uncovered:
    """Share of units with its Wilson (1927) score interval, JASA 22.

    >>> share = wilson(0, 100); round(share.high, 3)
    0.037
    """
    if units <= 0:
        raise ValueError("a share needs at least one unit")
    low, high = wilson_limits(hits / units, units, z)
    return Uncovered(share=hits / units, low=low, high=high)


def wilson_limits(share: float, units: float, z: float) -> tuple[float, float]:
    """Wilson's interval of a share of (an effective number of) units."""
    centre = (share + z * z / (2 * units)) / (1 + z * z / units)
    half = z * math.sqrt(share * (1 - share) / units + z * z / (4 * units * units)) / (1 + z * z / units)
    return max(0.0, centre - half), min(1.0, centre + half)


def difference(before: float, n_before: float, now: float, n_now: float, z: float) -> tuple[float, float]:
    """Interval of a change in share from Wilson's two: Newcombe (1998), Statistics in Medicine 17, method 10.

    It holds at the large z that simultaneous intervals need, where few units are on one side.

    >>> low, high = difference(0.0, 1000, 0.1, 100.0, 1.96)
    >>> 0 < low < 0.1 < high
    True
    """
    low_before, high_before = wilson_limits(before, n_before, z)
    low_now, high_now = wilson_limits(now, n_now, z)
    change = now - before
    return (
        change - math.hypot(now - low_now, high_before - before),
        change + math.hypot(high_now - now, before - low_before),
    )


Change = tuple[float, float, float, float]  # share before, of how many units; share now, of how many


def difference_of_changes(one: Change, other: Change, *, z: float) -> tuple[float, float]:
    """Interval of how much more one share changed than another, from the intervals of both changes.

    Zou and Donner (2008), Statistics in Medicine 27 (MOVER).

    >>> low, high = difference_of_changes((0.1, 500, 0.4, 200), (0.1, 500, 0.1, 200), z=1.96)
    >>> 0 < low < 0.3 < high
    True
    """
    (low, high), (low_other, high_other) = difference(*one, z), difference(*other, z)
    change, change_other = one[2] - one[0], other[2] - other[0]
    apart = change - change_other
    return (
        apart - math.hypot(change - low, high_other - change_other),
        apart + math.hypot(high - change, change_other - low_other),
    )
