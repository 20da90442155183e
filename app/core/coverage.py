"""Counts of units against one eval set: how many were measured, in which clusters, how many are uncovered."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.fixedpoint import Floats
from app.core.reference import Reference, uncovered
from schemas.coverage import Coverage


@dataclass(frozen=True, slots=True)
class Placed:
    """Where m units lie in an eval set: all arrays have m rows."""

    clusters: NDArray[np.int64]
    uncovered: NDArray[np.bool_]
    cluster_count: int


def place(evalset: Reference, wording: Floats) -> Placed:
    """Place m units, given their wording vectors (m, d).  Cost: a GEMM."""
    return Placed(evalset.clusters.assign(wording), uncovered(evalset, wording), len(evalset.clusters.names))


@dataclass(slots=True)
class Counts:
    """One growing count: integers throughout, so it merges exactly and in any order."""

    units: int
    uncovered: int
    clusters: NDArray[np.int64]

    @classmethod
    def nothing(cls, cluster_count: int) -> "Counts":
        """Of no unit."""
        return cls(0, 0, np.zeros(cluster_count, np.int64))

    def add(self, placed: Placed, row: int) -> None:
        """Count one unit."""
        self.units += 1
        self.uncovered += int(placed.uncovered[row])
        self.clusters[placed.clusters[row]] += 1

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.units + other.units, self.uncovered + other.uncovered, self.clusters + other.clusters
        )

    def __sub__(self, earlier: "Counts") -> "Counts":
        return Counts(
            self.units - earlier.units,
            self.uncovered - earlier.uncovered,
            self.clusters - earlier.clusters,
        )

    def to_wire(self) -> Coverage:
        """As it travels in a tick."""
        return Coverage(units=self.units, uncovered=self.uncovered, clusters=self.clusters.tolist())

    @classmethod
    def from_wire(cls, told: Coverage) -> "Counts":
        """Inverse of `to_wire`."""
        return cls(told.units, told.uncovered, np.asarray(told.clusters, np.int64))


def merged(one: dict[str, Counts], other: dict[str, Counts]) -> dict[str, Counts]:
    """Eval set by eval set; what only one of them has is as it is."""
    out = dict(one)
    for name, counts in other.items():
        out[name] = out[name] + counts if name in out else counts
    return out


def since(now: dict[str, Counts], earlier: dict[str, Counts]) -> dict[str, Counts]:
    """What was counted since an earlier state.

    A sender that crashed may know an eval set that it did not know, or know one no more: of that one
    nothing is told, rather than less than nothing.
    """
    out = {}
    for name, counts in now.items():
        before = earlier.get(name)
        if before is None:
            out[name] = counts
        elif counts.units >= before.units:
            out[name] = counts - before
    return out
