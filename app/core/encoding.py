"""What the eyes saw: the value that crosses from the encoder into the core."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHAPE_NAMES = (
    "words",
    "characters per word",
    "non-ASCII share",
    "punctuation share",
    "digit share",
    "capital share",
    "code symbol share",
    "stop word share",
    "distinct word share",
    "newlines",
    "longest word",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What the eyes saw of a list of n texts.

    `wording` int16 (n, 384) unit vectors in fixed point (2**-15), `shape` float32 (n, 11) raw
    text-shape numbers, `readable` bool (n,): False where no eye could read the text (its rows are
    zero), `unknown` float32 (n,): share of tokens that the vocabulary does not hold.
    """

    wording: NDArray[np.int16]
    shape: NDArray[np.float32]
    readable: NDArray[np.bool_]
    unknown: NDArray[np.float32]

    def select(self, rows: slice) -> "Encoded":
        """Some of the rows."""
        return Encoded(
            wording=self.wording[rows],
            shape=self.shape[rows],
            readable=self.readable[rows],
            unknown=self.unknown[rows],
        )
