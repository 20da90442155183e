"""Descriptors whose share moved: language, code and what else units are labelled with."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from scipy.special import ndtri

from app.core.effect import difference, effective_units
from app.core.fixedpoint import Floats
from app.core.rows import Rows
from schemas.readings import DescriptorMove
from schemas.ticks import Sample

MOST_DESCRIPTORS = 6
ERROR = 0.05  # of all descriptors together


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of some units have each descriptor."""

    counts: Counter[str]
    units: int


@lru_cache(maxsize=64)  # asked for at every reading of a gap
def counted(rows: Rows) -> Counted:
    """Of a reference's rows."""
    return Counted(Counter(label for labels in described(rows) for label in labels), len(rows))


def described(rows: Rows) -> list[list[str]]:
    """The descriptors of each row; none where nobody looked."""
    nothing = (None,) * len(rows)
    columns = (
        rows.languages or nothing,
        rows.code or nothing,
        rows.labels or nothing,
        rows.programming or nothing,
    )
    return [_labels(*unit) for unit in zip(*columns, strict=True)]


def described_samples(samples: Sequence[Sample]) -> list[list[str]]:
    """The descriptors of each sample."""
    return [_labels(s.language, s.code, s.labels, s.programming) for s in samples]


def _labels(
    language: str | None, code: bool | None, labels: Sequence[str] | None, programming: str | None
) -> list[str]:
    """Of one unit."""
    out = [f"language: {language}"] if language else []
    if code:
        out.append("code")
    out += labels or ()
    if programming:
        out.append(f"programming language: {programming}")
    return out


def descriptor_moves(before: Counted, now: Sequence[Sequence[str]], weights: Floats) -> list[DescriptorMove]:
    """Descriptors whose share moved beyond its simultaneous 95 % interval; grown ones first.

    Args: descriptors of m units, with weights (m,) of 1 / inclusion probability.
    """
    effective, whole = effective_units(weights), float(weights.sum())
    mass: dict[str, float] = {}
    for labels, weight in zip(now, weights.tolist(), strict=True):
        for label in labels:
            mass[label] = mass.get(label, 0.0) + weight
    every = sorted({*before.counts, *mass})
    z = -float(ndtri(ERROR / 2 / max(len(every), 1)))
    moves = []
    for label in every:
        was, is_now = before.counts[label] / before.units, mass.get(label, 0.0) / whole
        low, high = difference(was, before.units, is_now, effective, z)
        if low > 0 or high < 0:
            moves.append(DescriptorMove(name=label, share_before=was, share_now=is_now, low=low, high=high))
    return sorted(moves, key=lambda d: d.share_before - d.share_now)[:MOST_DESCRIPTORS]
