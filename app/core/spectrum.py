"""One eye's reference in its own eigenbasis, and decayed sums read with two spectral weights.

Evidence: docs/method.md; Hotelling (1947) and Lowry et al. (1992), Technometrics 34(1), for
the multivariate EWMA; the linear-kernel MMD is the p = 0 reading (Gretton et al., 2012, JMLR 13).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from app.core.fixedpoint import Floats

FOLDS = 16


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Mean (d,), orthonormal basis (d, d; columns), shrunk eigenvalues (d,), n reference points."""

    mean: Floats
    basis: Floats
    eigenvalues: Floats
    count: int

    @property
    def trace(self) -> float:
        """Sum of the variances."""
        return float(self.eigenvalues.sum())

    @property
    def directions(self) -> float:
        """Effective number of directions, tr(C)^2 / tr(C^2), at least 1.

        Of the covariance itself: shrinkage is undone, and what n points scatter by chance taken off.
        """
        kept, even = 1.0 - shrinkage(self.count), self.trace / len(self.eigenvalues)
        own = np.square((self.eigenvalues - even) / kept + even).sum() / max(self.trace**2, 1e-300)
        return float(1.0 / np.clip(own - 1.0 / max(self.count - 1, 1), 1.0 / len(self.eigenvalues), 1.0))

    def variance_along(self, step: Floats) -> float:
        """Variance of a unit's product with a vector (d,)."""
        return float(np.square(step @ self.basis) @ self.eigenvalues)

    def rotate(self, sums: Floats, count: int | Floats) -> Floats:
        """Centred sums in the eigenbasis: V'(sum - count * mean).  Shape (..., d)."""
        rotated: Floats = (sums - np.asarray(count, float)[..., None] * self.mean) @ self.basis
        return rotated

    def mahalanobis(self, rows: Floats) -> Floats:
        """Squared Mahalanobis norm of each row, shape (m,)."""
        rotated = (rows - self.mean) @ self.basis
        np.square(rotated, out=rotated)
        rotated /= self.eigenvalues  # in place: a batch is as large as the cache
        return np.asarray(rotated.sum(axis=1))


def shrinkage(count: int) -> float:
    """Weight of the mean eigenvalue: 0.1 from n = 2000 on, more below, at most 0.5.

    >>> [shrinkage(n) for n in (100, 1000, 4000)]
    [0.5, 0.2, 0.1]
    """
    return float(np.clip(0.1 * 2000 / count, 0.1, 0.5))


def fit(rows: Floats) -> Spectrum:
    """Eigenbasis of the covariance of rows (n, d), n >= 2.  Cost O(n d^2 + d^3)."""
    mean = rows.mean(axis=0)
    values, vectors = _eigen(rows - mean, shrinkage(len(rows)))
    return Spectrum(mean, vectors, values, len(rows))


def _eigen(centred: Floats, weight: float) -> tuple[Floats, Floats]:
    """Shrunk eigenvalues, descending, and their vectors; a spread of zero gets a small floor."""
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(centred) - 1, 1))
    values = np.clip(values[::-1], 0.0, None)
    floor = max(float(values.mean()), 1e-9)
    # Contiguous: a reversed view is copied at every product, and rounded otherwise than one that was stored.
    return (1 - weight) * values + weight * floor, np.ascontiguousarray(vectors[:, ::-1])


def out_of_fold(rows: Floats, spectrum: Spectrum, *, block_units: int = 1) -> Floats:
    """Whitened coordinates (n, d) of each point under the covariance of the *other* folds.

    Whitening and judging the same points makes them look 20 times calmer than new ones are
    (docs/method.md); the symmetric root keeps the folds in one frame.  `block_units` consecutive rows
    share a fold, for neighbours that depend on each other know too much of each other.
    """
    return np.asarray(_whitened(_Content.of(rows, block_units)) @ spectrum.basis)


@dataclass(frozen=True, slots=True)
class _Content:
    """Rows that are known by their bytes."""

    digest: bytes
    shape: tuple[int, ...]
    block_units: int
    rows: Floats = field(compare=False)

    @classmethod
    def of(cls, rows: Floats, block_units: int) -> "_Content":
        held = np.ascontiguousarray(rows)
        return cls(hashlib.blake2b(held.data, digest_size=16).digest(), held.shape, block_units, held)


@lru_cache(maxsize=3)  # an eye each: whoever learns a baseline asks four times in a row
def _whitened(content: _Content) -> Floats:
    """Each row by the symmetric root of the inverse covariance of the other folds, (n, d)."""
    rows = content.rows
    centred = rows - rows.mean(axis=0)
    out: Floats = np.empty_like(centred)
    fold_of = np.arange(len(rows)) // content.block_units % FOLDS
    for fold in range(FOLDS):
        inside, rest = fold_of == fold, centred[fold_of != fold]
        values, vectors = _eigen(rest - rest.mean(axis=0), shrinkage(len(rows)))
        out[inside] = ((centred[inside] @ vectors) / np.sqrt(values)) @ vectors.T
    out.flags.writeable = False  # it is handed out again
    return out


@dataclass(slots=True)
class DecayedSums:
    """Exponentially decayed mean of the rotated vectors at several scales.  State: (scales, d).

    >>> sums = DecayedSums.zeros([0.5], 1)
    >>> sums.update(np.array([2.0]), 1); float(sums.state[0, 0])
    1.0
    """

    decays: Floats
    state: Floats

    @classmethod
    def zeros(cls, decays: Sequence[float], dimensions: int) -> "DecayedSums":
        """Nothing seen yet."""
        return cls(np.asarray(decays, float), np.zeros((len(decays), dimensions)))

    def update(self, rotated_sum: Floats, count: int) -> None:
        """Fold a tick of `count` units, equally weighted inside the tick."""
        kept = (1.0 - self.decays) ** count
        self.state = kept[:, None] * self.state + ((1.0 - kept) / count)[:, None] * rotated_sum

    def get(self, eigenvalues: Floats) -> tuple[Floats, Floats]:
        """Statistics T[s] for p = 0 (plain) and p = 1 (whitened), each shape (scales,)."""
        squares = np.square(self.state)
        return squares.sum(axis=1), (squares / eigenvalues).sum(axis=1)
