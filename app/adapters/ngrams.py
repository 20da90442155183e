"""Scripts that the vocabulary hardly holds: characters and their pairs, hashed into the wording vector.

Of Chinese, Telugu or Thai most tokens are unknown, and what is left of a text would be the handful of
characters that are not.  Signed hashing needs no vocabulary (Weinberger et al., 2009, ICML 26).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

VERSION = 1  # part of the encoder's fingerprint
FROM_UNKNOWN = 0.2  # share of unknown tokens beyond which a text needs it

_ODD = np.uint64(0x9E3779B97F4A7C15)


def add_ngrams(
    wording: NDArray[np.int16], unknown: NDArray[np.float32], texts: Sequence[str]
) -> NDArray[np.int16]:
    """Wording rows (n, d) where the hashed vector has taken the place of the unknown tokens, by their share.

    A row depends on its own text alone; texts of a known script are as they were.
    Cost: 40 us for each text that needs it.
    """
    out = wording.copy()
    for row in np.flatnonzero(unknown > FROM_UNKNOWN).tolist():
        share = float(unknown[row])
        mixed = (1.0 - share) * wording[row] / 2.0**15 + share * hashed(texts[row], wording.shape[1])
        norm = float(np.linalg.norm(mixed))
        if norm > 0.0:
            out[row] = np.clip(np.rint(mixed / norm * 2.0**15), -32_767, 32_767)
    return out


def hashed(text: str, dimensions: int) -> NDArray[np.float64]:
    """Unit vector (d,) of the characters of a text and of the pairs that stand side by side in a word.

    Zero where there are none.

    >>> float(np.linalg.norm(hashed("你好 世界", 64)).round(6)), hashed(" ", 64).any().item()
    (1.0, False)
    """
    codes = np.frombuffer(text.lower().encode("utf-32-le", "replace"), "<u4").astype(np.uint64)
    visible = codes > 32
    pairs = visible[:-1] & visible[1:]
    grams = np.concatenate([_mixed(codes[visible]), _mixed(codes[:-1][pairs] * _ODD + codes[1:][pairs])])
    signs = np.where(grams >> np.uint64(63), -1.0, 1.0)
    places = (grams % np.uint64(dimensions)).astype(np.int64)
    counts = np.bincount(places, weights=signs, minlength=dimensions)
    return np.asarray(counts / max(float(np.linalg.norm(counts)), 1e-12))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Splitmix64's finaliser (Steele, Lea, Flood, 2014, OOPSLA): every bit of the input moves every bit."""
    mixed = (values + _ODD) ^ (values >> np.uint64(30))
    mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
