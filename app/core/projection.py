"""A map of prompts: the two directions in which the reference varies most, as long as it is used.

The plane is the reference's own (Hotelling, 1933, Journal of Educational Psychology 24), so that points do
not move when the traffic does.  It is drawn for people and judged by nobody: what came in may differ
from the reference in other directions than these.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.reference import Reference

MOST_POINTS = 240
DIGITS = 3
Point = tuple[float, float]


def plane(reference: Reference, rows: NDArray[np.int16]) -> Floats:
    """Coordinates (m, 2) of wording rows (m, d) in units of the reference's spread along each direction."""
    spectrum = reference.eyes["wording"].spectrum
    basis, spread = spectrum.basis[:, :2], np.sqrt(spectrum.eigenvalues[:2])
    largest = np.abs(basis).argmax(axis=0)
    signs = np.sign(basis[largest, np.arange(2)])  # an eigenvector has none of its own
    out: Floats = ((restore(rows, WORDING_SCALE) - spectrum.mean) @ basis) * signs / spread
    return out


def landscape(reference: Reference) -> list[Point]:
    """Where units of the reference lie, at most MOST_POINTS of them."""
    count = reference.units
    chosen = thinned(np.ones(count))
    return points(plane(reference, reference.rows.wording[chosen]))


def points(coordinates: Floats) -> list[Point]:
    """As they travel."""
    return [(round(x, DIGITS), round(y, DIGITS)) for x, y in coordinates.tolist()]


def thinned(weights: Floats | Sequence[float], most: int = MOST_POINTS) -> NDArray[np.int64]:
    """Indices of at most `most` units, each as likely as its weight says (systematic sampling).

    So the map of a sample in which novel units are kept more often than others is that of the traffic.

    >>> thinned([1.0, 1.0, 1.0, 1.0], 2).tolist(), thinned([1.0, 19.0], 5).tolist()
    ([0, 2], [1])
    """
    shares = np.asarray(weights, float)
    if len(shares) <= most and np.ptp(shares) == 0:
        return np.arange(len(shares))
    upto = np.cumsum(shares) / shares.sum()
    steps = (np.arange(most) + 0.5) / most
    return np.unique(np.searchsorted(upto, steps))
