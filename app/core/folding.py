"""Sums over units: what a tick is made of, and the one function that makes it.

`measure` folds units as they come; `detect` folds the samples of units that came before their baseline
existed.  Both call `judge`, on the same fixed-point rows, so it does not matter which of them did it.
"""

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core import novelty
from app.core.baseline import Baseline
from app.core.fixedpoint import pack, unpack
from app.core.reference import EYES, Reference, uncovered
from schemas.readings import TickSum

DIMENSIONS = {"wording": 384, "shape": 11}


class SumKey(NamedTuple):
    """Identity of one sum inside a block of one application."""

    bucket: int
    chunk: int
    reference: str
    evalset: str | None
    deployment_id: str | None
    variant: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the references say of m units: all arrays have m rows."""

    wording: NDArray[np.int16]
    scores: NDArray[np.int16]
    bins: dict[str, NDArray[np.int64]]  # eye -> bin of the conformal p-value
    novelty: NDArray[np.float64]  # p-value of the wording eye
    clusters: NDArray[np.int64] | None  # of the eval set
    uncovered: NDArray[np.bool_] | None


def judge(
    wording: NDArray[np.int16],
    shape: NDArray[np.float32],
    *,
    baseline: Baseline,
    evalset: Reference | None,
) -> Judged:
    """Judge m units against the baseline and, when there is one, the eval set.  Cost: two GEMMs."""
    reference = baseline.reference
    views = reference.eye_rows(wording, shape)
    p = {
        name: novelty.p_values(
            reference.eyes[name].spectrum.mahalanobis(views[name]), reference.eyes[name].norms
        )
        for name in EYES
    }
    rows = views["wording"]
    return Judged(
        wording=wording,
        scores=reference.scores(shape),
        bins={name: novelty.bin_of(values, reference.units) for name, values in p.items()},
        novelty=p["wording"],
        clusters=None if evalset is None else evalset.clusters.assign(rows),
        uncovered=None if evalset is None else uncovered(evalset, rows),
    )


@dataclass(slots=True)
class Fold:
    """One growing sum: integers throughout, so it merges exactly and in any order."""

    units: int = 0
    first_offset: int = 2**62
    last_offset: int = -1
    wording: NDArray[np.int64] = field(default_factory=lambda: np.zeros(DIMENSIONS["wording"], np.int64))
    shape: NDArray[np.int64] = field(default_factory=lambda: np.zeros(DIMENSIONS["shape"], np.int64))
    novelty: dict[str, NDArray[np.int64]] = field(
        default_factory=lambda: {eye: np.zeros(novelty.BIN_COUNT, np.int64) for eye in EYES}
    )
    clusters: NDArray[np.int64] | None = None
    uncovered: int = 0
    keyless: int = 0

    def add(
        self, judged: Judged, row: int, offset: int, cluster_count: int, *, keyless: bool = False
    ) -> None:
        """Fold one judged unit."""
        self.units += 1
        self.keyless += keyless
        self.first_offset, self.last_offset = min(self.first_offset, offset), max(self.last_offset, offset)
        self.wording += judged.wording[row]
        self.shape += judged.scores[row]
        for eye in EYES:
            self.novelty[eye][judged.bins[eye][row]] += 1
        if judged.clusters is not None and judged.uncovered is not None:
            if self.clusters is None:
                self.clusters = np.zeros(cluster_count, np.int64)
            self.clusters[judged.clusters[row]] += 1
            self.uncovered += int(judged.uncovered[row])

    def without_evalset(self) -> "Fold":
        """The same sum, saying nothing of an eval set: one of another version does not compare."""
        return replace(self, clusters=None, uncovered=0)

    def copy(self) -> "Fold":
        """A sum that grows apart from this one: `merge` replaces arrays, `add` does not."""
        out = Fold()
        out.merge(self)
        return out

    def merge(self, other: "Fold") -> None:
        """Add another sum of the same references."""
        self.units += other.units
        self.first_offset = min(self.first_offset, other.first_offset)
        self.last_offset = max(self.last_offset, other.last_offset)
        self.wording = self.wording + other.wording
        self.shape = self.shape + other.shape
        for eye in EYES:
            self.novelty[eye] = self.novelty[eye] + other.novelty[eye]
        if other.clusters is not None:
            self.clusters = other.clusters.copy() if self.clusters is None else self.clusters + other.clusters
        self.uncovered += other.uncovered
        self.keyless += other.keyless

    def without(self, earlier: "Fold") -> "Fold":
        """What was added since an earlier state of this sum; exact, for sums are integers."""
        clusters = self.clusters
        if clusters is not None and earlier.clusters is not None:
            clusters = clusters - earlier.clusters
        return Fold(
            units=self.units - earlier.units,
            first_offset=min(earlier.last_offset + 1, self.last_offset),
            last_offset=self.last_offset,
            wording=self.wording - earlier.wording,
            shape=self.shape - earlier.shape,
            novelty={eye: self.novelty[eye] - earlier.novelty[eye] for eye in EYES},
            clusters=clusters,
            uncovered=self.uncovered - earlier.uncovered,
            keyless=self.keyless - earlier.keyless,
        )

    def to_wire(self, key: SumKey) -> TickSum:
        """As it travels in a tick."""
        return TickSum(
            bucket=key.bucket,
            chunk=key.chunk,
            reference=key.reference,
            evalset=key.evalset,
            deployment_id=key.deployment_id,
            variant=key.variant,
            units=self.units,
            first_offset=self.first_offset,
            last_offset=self.last_offset,
            wording=pack(self.wording),
            shape=pack(self.shape),
            novelty={eye: self.novelty[eye].tolist() for eye in EYES},
            clusters=[] if self.clusters is None else self.clusters.tolist(),
            uncovered=self.uncovered,
            keyless=self.keyless,
        )

    @classmethod
    def from_wire(cls, tick_sum: TickSum) -> "Fold":
        """Inverse of `to_wire`."""
        return cls(
            units=tick_sum.units,
            first_offset=tick_sum.first_offset,
            last_offset=tick_sum.last_offset,
            wording=unpack(tick_sum.wording),
            shape=unpack(tick_sum.shape),
            novelty={eye: np.asarray(tick_sum.novelty[eye], np.int64) for eye in EYES},
            clusters=np.asarray(tick_sum.clusters, np.int64) if tick_sum.clusters else None,
            uncovered=tick_sum.uncovered,
            keyless=tick_sum.keyless,
        )


def sum_key(
    baseline: Baseline,
    evalset: Reference | None,
    *,
    time: float,
    ordinal: int,
    cohort: tuple[str | None, str | None],
) -> SumKey:
    """Where a unit is counted."""
    reference = baseline.reference
    return SumKey(
        bucket=math.floor(time / reference.tick_seconds),
        chunk=ordinal // reference.chunk_units,
        reference=reference.id,
        evalset=None if evalset is None else evalset.id,
        deployment_id=cohort[0],
        variant=cohort[1],
    )


def key_of(tick_sum: TickSum) -> SumKey:
    """Identity of a sum from the wire."""
    return SumKey(
        tick_sum.bucket,
        tick_sum.chunk,
        tick_sum.reference,
        tick_sum.evalset,
        tick_sum.deployment_id,
        tick_sum.variant,
    )
