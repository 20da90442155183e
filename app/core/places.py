"""Where some units lie: a half-space, so that whoever holds a vector can say whether it lies there.

A region of a scan is a list of members.  Its place is the direction from everybody else's mean to its own,
with the border that tells members from others best.  Whole numbers, so the answer is the same everywhere.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from app.core.fixedpoint import pack, unpack
from schemas.readings import Place

LARGEST = 127.0  # int8


def place_of(members: NDArray[np.int16], others: NDArray[np.int16]) -> Place:
    """The place of m >= 1 rows among n >= 1 others, fixed-point wording (., d).

    The border is that of the largest share of members beyond it less that of others (Youden, 1950, Cancer 3).

    >>> mine, rest = np.array([[9, 1], [8, 0]], np.int16), np.array([[0, 8], [1, 9]], np.int16)
    >>> place = place_of(mine, rest); [lies_in([place], row) for row in np.array([[9, 0], [1, 9]], np.int16)]
    [True, False]
    """
    step = members.mean(axis=0) - others.mean(axis=0)
    direction = np.rint(step * (LARGEST / max(float(np.abs(step).max()), 1e-12))).astype(np.int64)
    within, beyond = np.sort(members @ direction), np.sort(others @ direction)
    kept = 1.0 - np.arange(len(within)) / len(within)
    taken = 1.0 - np.searchsorted(beyond, within) / len(beyond)
    return Place(direction=pack(direction, "i1"), border=int(within[int(np.argmax(kept - taken))]))


def lies_in(places: Iterable[Place], row: NDArray[np.int16]) -> bool:
    """Whether a unit (d,) lies in any of the places; those of another encoder's vectors are passed over."""
    for place in places:
        direction = unpack(place.direction, "i1")
        if direction.shape == row.shape and int(row.astype(np.int64) @ direction) >= place.border:
            return True
    return False
