"""Rows: n units side by side, as the eyes saw them.

Every column has one entry a unit, or none where nobody looked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.core.fixedpoint import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays do not compare: by identity
class Rows:
    """n units: what the eyes saw of them (`encoding.Seen`), their texts redacted, their descriptors."""

    wording: NDArray[np.int16]
    shape: NDArray[np.float32]
    texts: tuple[str, ...]
    languages: tuple[str | None, ...] = ()
    code: tuple[bool, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()  # of responses; empty where nobody looked
    segments: tuple[tuple[str, ...], ...] = ()  # empty where nobody looked
    programming: tuple[str | None, ...] = ()
    unknown: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    meaning: NDArray[np.int16] | None = None
    times: Floats | None = None  # event times, (n,); None where there are none, or nobody looked

    def __post_init__(self) -> None:
        held = {"wording": self.wording.shape, "shape": self.shape.shape}
        held |= {} if self.meaning is None else {"meaning": self.meaning.shape}
        for name, shape in held.items():
            if len(shape) != 2 or shape[0] != len(self.texts):
                raise ValueError(f"{name} {shape} for {len(self.texts)} texts: one row each is wanted")
        if not len(self.unknown):  # nobody looked
            object.__setattr__(self, "unknown", np.zeros(len(self.shape), np.float32))

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, index: Sequence[int]) -> "Rows":
        """Some of the rows, in the order asked for."""
        rows = np.asarray(index, dtype=np.int64)
        return Rows(
            wording=self.wording[rows],
            shape=self.shape[rows],
            unknown=self.unknown[rows],
            meaning=None if self.meaning is None else self.meaning[rows],
            times=None if self.times is None else self.times[rows],
            texts=tuple(self.texts[i] for i in index),
            languages=tuple(self.languages[i] for i in index if self.languages),
            code=tuple(self.code[i] for i in index if self.code),
            programming=tuple(self.programming[i] for i in index if self.programming),
            labels=tuple(self.labels[i] for i in index) if self.labels else (),
            segments=tuple(self.segments[i] for i in index) if self.segments else (),
        )


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Rows one after another."""
    meaning = [p.meaning for p in parts if p.meaning is not None]
    return Rows(
        wording=np.concatenate([p.wording for p in parts]),
        shape=np.concatenate([p.shape for p in parts]),
        texts=tuple(t for p in parts for t in p.texts),
        languages=tuple(x for p in parts for x in p.languages),
        code=tuple(x for p in parts for x in p.code),
        labels=tuple(x for p in parts for x in p.labels),
        segments=tuple(x for p in parts for x in p.segments),
        programming=tuple(x for p in parts for x in p.programming),
        unknown=np.concatenate([p.unknown for p in parts]),
        meaning=np.concatenate(meaning) if len(meaning) == len(parts) else None,
    )
