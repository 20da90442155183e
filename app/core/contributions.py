"""How much of a distance is due to which units: shares that sum to the whole.

The unbiased squared distance of two means is a sum over units, and the part of some of them is their
Shapley value (1953) in the game "distance of the units left in": what leaving them out takes away,
averaged over every order of leaving out.  For a squared distance it is their share of the mean's step,
projected on the whole step.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.core.fixedpoint import Floats

Members = tuple[NDArray[np.int64], NDArray[np.int64]]  # of the first sample, of the second


def contributions(
    before: Floats, now: Floats, weights: Floats, groups: Sequence[Members]
) -> tuple[list[float], float] | None:
    """Share of the squared distance due to each of some disjoint groups, and to all other units.

    Shares may be negative (a group that moves the mean back) and above 1; together they are 1.  None where
    the unbiased distance is not above zero: there is nothing to share.

    Args: before (n, d) and now (m, d), n, m >= 2, in coordinates in which the distance is Euclidean;
        weights (m,) of the second sample.

    >>> random = np.random.default_rng(0)
    >>> old, new = random.normal(0, 1, (500, 3)), random.normal(0, 1, (100, 3))
    >>> new[:20] += 5
    >>> (share,), rest = contributions(old, new, np.ones(100), [(np.arange(0), np.arange(20))])
    >>> round(share, 1), round(share + rest, 12)
    (1.1, 1.0)
    """
    each_before, each_now = _parts(before, now, weights)
    whole = float(each_before.sum() + each_now.sum())
    if whole <= 0.0:
        return None
    shares = [float(each_before[old].sum() + each_now[new].sum()) / whole for old, new in groups]
    return shares, 1.0 - sum(shares)


def _parts(before: Floats, now: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """What every unit adds to the unbiased squared distance; shapes (n,) and (m,).

    Inner products of different units only: those of a unit with itself measure noise.
    """
    count, share = len(before), weights / weights.sum()
    old = before - before.mean(axis=0)
    new = now - before.mean(axis=0)
    step = share @ new
    own = np.square(share) * np.square(new).sum(axis=1)
    each_now = (share * (new @ step) - own) / (1.0 - float(share @ share))
    each_before = -(old @ step) / count - np.square(old).sum(axis=1) / (count * (count - 1.0))
    return each_before, each_now
