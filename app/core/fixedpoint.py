"""Vectors in fixed point, so that sums are integers: exact, and the same in any order.

Floating-point addition does not commute, hence k workers would differ from one in the last digits and
a replay from the live run.  Integers cure it at the price of a rounding of 2**-16 a coordinate, three
orders of magnitude below the spread of a coordinate.
"""

import numpy as np
from numpy.typing import NDArray

WORDING_SCALE = float(2**15)  # unit vectors: |x| <= 1
SCORE_SCALE = float(2**12)  # normal scores: |x| <= 3.5
SHARE_SCALE = float(2**12)
SCALES = {"wording": WORDING_SCALE, "shape": SCORE_SCALE, "meaning": WORDING_SCALE}  # of each eye's rows

Floats = NDArray[np.float64]


def quantise(values: NDArray[np.floating], scale: float) -> NDArray[np.int16]:
    """Round to int16 in units of 1/scale, saturating; what is no number is 0.

    >>> quantise(np.array([0.5, -1.0, 1.0]), WORDING_SCALE).tolist()
    [16384, -32767, 32767]
    """
    whole = np.rint(values * scale)
    whole[np.isnan(whole)] = 0.0
    return np.asarray(np.minimum(np.maximum(whole, -32767), 32767), np.int16)


def restore(rows: NDArray[np.int16], scale: float) -> Floats:
    """Back to floats, exactly."""
    return rows.astype(np.float64) / scale


def pack(values: NDArray[np.integer], dtype: str = "<i4") -> bytes:
    """Little-endian bytes for the wire; int32 unless told.

    Raises: OverflowError where a value does not fit: a wrapped sum would be a wrong reading.
    """
    narrow = values.astype(dtype)
    if (narrow != values).any():
        widest = np.abs(values).max()
        raise OverflowError(f"a sum of {widest} does not fit {dtype}; fold fewer units into one sum")
    return narrow.tobytes()


def unpack(raw: bytes, dtype: str = "<i4") -> NDArray[np.int64]:
    """Integers from the wire.

    >>> unpack(pack(np.array([1, -2]))).tolist()
    [1, -2]
    """
    return np.frombuffer(raw, dtype=dtype).astype(np.int64)
