"""Sums over units: what a tick is made of, and the one function that makes it.

`measure` folds units as they come; `detect` folds the samples of units that came before their baseline
existed.  Both call `judge`, on the same fixed-point rows, so it does not matter which of them did it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core import coverage, novelty
from app.core.baseline import Baseline
from app.core.coverage import Counts, Placed, place
from app.core.encoding import Seen
from app.core.fixedpoint import SCALES, SHARE_SCALE, pack, quantise, restore, unpack
from app.core.reference import Reference
from schemas.ticks import TickSum

WIRE_EYES = ("wording", "shape", "meaning")  # fields of a TickSum
Arrays = dict[str, NDArray[np.int64]]


class SumKey(NamedTuple):
    """Identity of one sum inside a block of one application."""

    bucket: int
    chunk: int
    reference: str
    deployment_id: str | None
    variant: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the references say of m units: all arrays have m rows."""

    seen: dict[str, NDArray[np.int16]]  # eye -> coordinates: wording, and every eye that counts
    bins: dict[str, NDArray[np.int64]]  # eye or watch -> bin of the conformal p-value
    novelty: NDArray[np.float64]  # p-value of the wording eye
    unknown: NDArray[np.int16]  # share of unknown tokens, fixed point
    placed: dict[str, Placed]  # eval set -> where the units lie in it


def judge(seen: Seen, *, baseline: Baseline, evalsets: Iterable[Reference] = ()) -> Judged:
    """Judge m units against the baseline and the eval sets.  Cost: a GEMM an eye and eval set.

    Raises: ValueError where the baseline has an eye that these units were not seen with.
    """
    reference, counting = baseline.reference, baseline.calibration.eyes
    found = {name: rows for name, rows in reference.look(seen).items() if name in ("wording", *counting)}
    views = {name: restore(rows, SCALES[name]) for name, rows in found.items()}
    odd = {name: reference.eyes[name].spectrum.mahalanobis(view) for name, view in views.items()}
    bins = {name: novelty.bins_among(odd[name], reference.eyes[name].norms) for name in counting}
    if reference.watches is not None:
        bins |= reference.watches.bins(seen)
    rows = views["wording"]
    return Judged(
        seen=found,
        bins=bins,
        novelty=novelty.p_values(odd["wording"], reference.eyes["wording"].norms),
        unknown=quantise(seen.unknown, SHARE_SCALE),
        placed={evalset.id: place(evalset, rows) for evalset in evalsets},
    )


@dataclass(slots=True)
class Fold:
    """One growing sum: integers throughout, so it merges exactly and in any order."""

    units: int = 0
    first_offset: int = 2**62
    last_offset: int = -1
    sums: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # eye -> sum of coordinates
    novelty: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # eye or watch -> counts by bin
    coverage: dict[str, Counts] = field(default_factory=dict)  # eval set -> counts against it
    keyless: int = 0
    shed: int = 0
    unknown: int = 0

    def add(
        self,
        judged: Judged,
        row: int,
        offset: int,
        *,
        evalsets: Iterable[str] | None = None,
        keyless: bool = False,
    ) -> None:
        """Fold one judged unit; `evalsets`: those that measure it, all of them where none are named."""
        self.units += 1
        self.keyless += keyless
        self.unknown += int(judged.unknown[row])
        self.first_offset, self.last_offset = min(self.first_offset, offset), max(self.last_offset, offset)
        for eye, rows in judged.seen.items():
            if eye in self.sums:
                self.sums[eye] += rows[row]
            else:
                self.sums[eye] = rows[row].astype(np.int64)
        if not self.novelty:
            empty = np.zeros((len(judged.bins), novelty.BIN_COUNT), np.int64)
            self.novelty = dict(zip(judged.bins, empty, strict=True))
        for name, bins in judged.bins.items():
            self.novelty[name][bins[row]] += 1
        for name in judged.placed if evalsets is None else evalsets:
            placed = judged.placed[name]
            if name not in self.coverage:
                self.coverage[name] = Counts.nothing(placed.cluster_count)
            self.coverage[name].add(placed, row)

    def measured_by(self, cluster_counts: Mapping[str, int]) -> "Fold":
        """The same sum, saying nothing of other eval sets than these: name -> number of clusters."""
        known = {n: c for n, c in self.coverage.items() if cluster_counts.get(n) == len(c.clusters)}
        return replace(self, coverage=known)

    def copy(self) -> "Fold":
        """A sum that grows apart from this one by `merge`, which replaces arrays."""
        out = Fold()
        out.merge(self)
        return out

    def merge(self, other: "Fold") -> None:
        """Add another sum of the same references; arrays may be shared, so `add` to neither hereafter."""
        self.units += other.units
        self.first_offset = min(self.first_offset, other.first_offset)
        self.last_offset = max(self.last_offset, other.last_offset)
        self.sums = _added(self.sums, other.sums)
        self.novelty = _added(self.novelty, other.novelty)
        self.coverage = coverage.merged(self.coverage, other.coverage)
        self.keyless += other.keyless
        self.shed += other.shed
        self.unknown += other.unknown

    def without(self, earlier: "Fold") -> "Fold":
        """What was added since an earlier state of this sum; exact, for sums are integers."""
        return Fold(
            units=self.units - earlier.units,
            first_offset=min(earlier.last_offset + 1, self.last_offset),
            last_offset=self.last_offset,
            sums={eye: total - earlier.sums.get(eye, 0) for eye, total in self.sums.items()},
            novelty={name: counts - earlier.novelty.get(name, 0) for name, counts in self.novelty.items()},
            coverage=coverage.since(self.coverage, earlier.coverage),
            keyless=self.keyless - earlier.keyless,
            shed=self.shed - earlier.shed,
            unknown=self.unknown - earlier.unknown,
        )

    def to_wire(self, key: SumKey) -> TickSum:
        """As it travels in a tick."""
        return TickSum(
            bucket=key.bucket,
            chunk=key.chunk,
            reference=key.reference,
            deployment_id=key.deployment_id,
            variant=key.variant,
            units=self.units,
            first_offset=self.first_offset,
            last_offset=self.last_offset,
            novelty={name: counts.tolist() for name, counts in self.novelty.items()},
            **{eye: pack(total) for eye, total in self.sums.items()},
            coverage={name: counts.to_wire() for name, counts in self.coverage.items()},
            keyless=self.keyless,
            shed=self.shed,
            unknown=self.unknown,
        )

    @classmethod
    def from_wire(cls, tick_sum: TickSum) -> "Fold":
        """Inverse of `to_wire`."""
        return cls(
            units=tick_sum.units,
            first_offset=tick_sum.first_offset,
            last_offset=tick_sum.last_offset,
            sums={eye: unpack(raw) for eye in WIRE_EYES if (raw := getattr(tick_sum, eye))},
            # One array for all names: most of the time of reading a tick is spent here.
            novelty=dict(
                zip(tick_sum.novelty, np.array([*tick_sum.novelty.values()], np.int64), strict=True)
            ),
            coverage={name: Counts.from_wire(told) for name, told in tick_sum.coverage.items()},
            keyless=tick_sum.keyless,
            shed=tick_sum.shed,
            unknown=tick_sum.unknown,
        )


def _added(one: Arrays, other: Arrays) -> Arrays:
    """Element by element; what only one of them has is as it is."""
    out = dict(one)
    for name, values in other.items():
        out[name] = out[name] + values if name in out else values
    return out


def sum_key(
    baseline: Baseline,
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
        deployment_id=cohort[0],
        variant=cohort[1],
    )


def key_of(tick_sum: TickSum) -> SumKey:
    """Identity of a sum from the wire."""
    return SumKey(
        tick_sum.bucket,
        tick_sum.chunk,
        tick_sum.reference,
        tick_sum.deployment_id,
        tick_sum.variant,
    )
