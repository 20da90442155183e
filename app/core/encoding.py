"""What the eyes saw: the values that cross from the encoder into the core."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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


def fingerprints(encoder: str) -> dict[str, str]:
    """The fingerprint of each eye, from the encoder's: the cheap pair's, and behind a plus the transformer's.

    >>> fingerprints("9d44+int8-4886")
    {'wording': '9d44', 'shape': '9d44', 'meaning': 'int8-4886'}
    """
    cheap, _, meaning = encoder.partition("+")
    return {"wording": cheap, "shape": cheap} | ({"meaning": meaning} if meaning else {})


class Seen(Protocol):
    """What the eyes saw of n units, row by row.

    `wording` int16 (n, 384) unit vectors in fixed point (2**-15), `shape` float32 (n, 11) raw text-shape
    numbers, `unknown` float32 (n,): share of tokens that the vocabulary does not hold, `meaning` int16
    (n, d) unit vectors of the transformer, None where that eye is off.
    """

    @property
    def wording(self) -> NDArray[np.int16]: ...  # noqa: D102
    @property
    def shape(self) -> NDArray[np.float32]: ...  # noqa: D102
    @property
    def unknown(self) -> NDArray[np.float32]: ...  # noqa: D102
    @property
    def meaning(self) -> NDArray[np.int16] | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """`Seen` of a list of n texts, and what could be read of it.

    `readable` bool (n,): False where no eye could read the text (its rows are zero).
    """

    wording: NDArray[np.int16]
    shape: NDArray[np.float32]
    readable: NDArray[np.bool_]
    unknown: NDArray[np.float32]
    meaning: NDArray[np.int16] | None = None

    def select(self, rows: slice | Sequence[int]) -> "Encoded":
        """Some of the rows."""
        return Encoded(
            wording=self.wording[rows],
            shape=self.shape[rows],
            readable=self.readable[rows],
            unknown=self.unknown[rows],
            meaning=None if self.meaning is None else self.meaning[rows],
        )
