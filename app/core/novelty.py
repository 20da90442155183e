"""How unlike the reference a unit is: conformal p-values, and a CUSUM that bets on small ones.

Evidence: docs/method.md.  Vovk, Gammerman, Shafer (2005), "Algorithmic Learning in a Random
World", ch. 2 (conformal p-values) and 7 (betting); Page (1954), Biometrika 41, for the CUSUM.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.core.fixedpoint import Floats

BIN_COUNT = 24
CUSUM_CAP = 30.0
PLACES = 8  # between two points of a reference
BET_POWER = 0.25  # k: density k * p**(k-1) under the alternative
TAIL_SIGMAS = 4.0  # 3 for one bin; 24 bins of two eyes are looked at together
BET_SHARES = (0.01, 0.04, 0.16)  # e: share of novel units that a bet expects


def p_values(norms: Floats, reference_norms: Floats) -> Floats:
    """Conformal p-value of each norm: (1 + #{reference >= norm}) / (n + 1).

    `reference_norms` is sorted ascending and out-of-fold.  Under exchangeability P(p <= t) <= t.

    >>> p_values(np.array([5.0, 0.0]), np.array([1.0, 2.0, 3.0])).tolist()
    [0.25, 1.0]
    """
    count = len(reference_norms)
    return np.asarray((1.0 + count - np.searchsorted(reference_norms, norms, side="left")) / (count + 1.0))


def resampled_p_values(norms: Floats, rows: NDArray[np.int64], random: np.random.Generator) -> Floats:
    """p-values of new units near each point of a reference, against a resample of it: (n, PLACES).

    `norms` (n,) are the reference's own, `rows` (n,) the resample's.  A new unit falls anywhere between two
    points, and shares that place with no other.  If instead it stood exactly on a point, and below its
    copies, too few units would seem beyond all: the run length of bets was half of what was promised.  So
    every rank is spread over PLACES places, and a point's copies at random over its rank.  Norms that occur
    several times in the reference stay ties, as they are for new units.

    >>> random, beyond = np.random.default_rng(0), []
    >>> for _ in range(4000):
    ...     p = resampled_p_values(np.arange(50.0), random.integers(0, 50, 50), random)
    ...     beyond.append((p < 1.5 / 51).sum() / PLACES)
    >>> round(float(np.mean(beyond)), 1), round(float(np.std(beyond)), 1)  # units of 50: exponential
    (1.0, 1.0)
    """
    _, rank, size = np.unique(norms, return_inverse=True, return_counts=True)
    lone = (size == 1)[rank]
    within = (np.arange(PLACES) + random.random((len(norms), PLACES))) / PLACES
    places = rank[:, None] + lone[:, None] * within
    return p_values(places, np.sort(rank[rows] + lone[rows] * random.random(len(rows))))


@lru_cache(maxsize=64)  # asked for every unit
def bin_edges(count: int) -> Floats:
    """Borders of the log bins of p for a reference of `count` points: BIN_COUNT + 1 values up to 1."""
    edges = np.concatenate([[0.0], np.geomspace(1.0 / (count + 1.0), 1.0, BIN_COUNT)])
    edges.setflags(write=False)
    return edges


def bin_of(p: Floats, count: int) -> NDArray[np.int64]:
    """Bin of each p-value, shape as p: the k-th bin holds edges[k] < p <= edges[k+1]."""
    inner = bin_edges(count)[1:-1] * (1 + 1e-12)  # a p-value on a border belongs below it
    return np.searchsorted(inner, p, side="left").astype(np.int64)


@lru_cache(maxsize=64)  # asked for every unit
def _bins_by_rank(count: int) -> NDArray[np.int64]:
    """Bin of the p-value of a unit by how many of a reference's points lie below it, (count + 1,)."""
    bins = bin_of((1.0 + count - np.arange(count + 1.0)) / (count + 1.0), count)
    bins.setflags(write=False)
    return bins


def bins_among(norms: Floats, reference_norms: Floats) -> NDArray[np.int64]:
    """Bin of the conformal p-value of each norm, shape (m,): `bin_of` of `p_values`, by one look-up.

    >>> bins_among(np.array([5.0, 0.0]), np.array([1.0, 2.0, 3.0])).tolist()
    [0, 23]
    """
    return _bins_by_rank(len(reference_norms))[reference_norms.searchsorted(norms)]


def tail_bins(count: int, level: float) -> int:
    """How many bins, from the smallest p-values on, hold about this share: the border nearest to it.

    >>> tail = tail_bins(2000, 0.01); tail, float(bin_edges(2000)[tail].round(4))
    (10, 0.0098)
    """
    return 1 + int(np.argmin(np.abs(np.log(bin_edges(count)[1:] / level))))


def bets(count: int) -> Floats:
    """Log-likelihood increments, shape (bets, bins), conservative by the reference's own tail error.

    A tail in which k of n reference points lie may truly hold more.  Paid as if its p-values were
    uniform, a bet would drift upwards on clean traffic for ever; so each bin is paid for the upper
    4-sigma limit of its Poisson count, k + 4 sqrt(k + 3/4) + 19/4 (Gehrels, 1986, ApJ 303), with
    the density averaged over the bin.  Under uniform p the expected payoff is below 1.
    """
    edges = bin_edges(count)
    held = np.maximum(edges * (count + 1.0) - 1.0, 0.0)
    limit = held + TAIL_SIGMAS * np.sqrt(held + 0.75) + (TAIL_SIGMAS**2 + 3.0) / 4.0
    upper = np.where(edges > 0.0, limit / (count + 1.0), 0.0)
    density = np.diff(upper**BET_POWER) / np.diff(upper)
    shares = np.asarray(BET_SHARES)[:, None]
    return np.asarray(np.log1p(shares * (density - 1.0)))


def cusum(state: Floats, increments: Floats, cap: float) -> Floats:
    """One step of the bank of CUSUMs, kept in [0, cap] so that it can come down again."""
    return np.minimum(np.maximum(state + increments, 0.0), cap)
