"""What live traffic asks and the eval set hardly has: places that are dense in one and thin in the other.

An outlier lies farther out than the eval set's own items.  A compact new subject in the midst of a wide set
is none, and is not covered all the same.  So units and items are joined into one tree (`scan`), and a unit is
*scarce* where a branch that holds it has less than HARDLY of its live share among the items, beyond chance.
What chance alone makes scarce is known: the same tree with labels drawn anew (docs/method.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.core.attribution import MOST_CLUSTERS, nearest_before, typical
from app.core.baseline import rows_of
from app.core.effect import Z95, difference, effective_units
from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.naming import name_groups
from app.core.places import place_of
from app.core.reference import Reference
from app.core.rows import Rows
from app.core.scan import Region, Tree, grow, judged_branches
from app.core.ticks import in_time
from app.core.topics import joined
from schemas.readings import ClusterMove, Scarce
from schemas.ticks import Sample

HARDLY = 0.2  # of its live share: what the eval set has less of, it hardly has
SIGMAS = 3.0  # of one branch; what all of them show by chance is taken off
RELABELLINGS = 99  # their largest is exceeded by chance in 1 %
MOST_ITEMS = 1024
FEWEST_SAMPLES = 128
AGAIN, AGAIN_SECONDS = 0.5, 60.0  # share of samples that are new, and time, before it is looked at again
BEFORE_ALL = (-math.inf, -1, -1)


@dataclass(frozen=True, slots=True)
class _Compared:
    """One tree over items and units, with what each row weighs as an item and as a unit."""

    tree: Tree
    old: Floats
    recent: Floats

    def relabelled(self, order: NDArray[np.int64]) -> "_Compared":
        """As it would be if labels meant nothing."""
        return _Compared(self.tree, self.old[order], self.recent[order])

    def evidence(self) -> Floats:
        """Of each branch that it is scarce, in sigmas; 0 where it is not."""
        held = self.tree.totals(self.old) / self.old.sum()
        asked = self.tree.totals(self.recent) / self.recent.sum()
        judged = judged_branches(self.tree, self.recent, self.old)
        return np.where(held < HARDLY * asked, judged, 0.0)

    def share(self, evidence: Floats) -> float:
        """Share of units in any branch beyond SIGMAS."""
        chosen = evidence > SIGMAS
        steps = np.zeros(len(self.old) + 1)
        np.add.at(steps, self.tree.starts[chosen], 1.0)
        np.add.at(steps, self.tree.ends[chosen], -1.0)
        inside = np.cumsum(steps)[:-1] > 0
        return float(self.recent[self.tree.order[inside]].sum() / self.recent.sum())

    def regions(self, evidence: Floats, critical: float) -> list[Region]:
        """The largest branches beyond a critical value; none holds another."""
        items = int((self.old > 0).sum())
        out, reached = [], 0
        chosen = np.flatnonzero(evidence > critical)
        for branch in sorted(chosen.tolist(), key=lambda b: (self.tree.starts[b], -self.tree.ends[b])):
            if self.tree.starts[branch] < reached:
                continue
            reached = int(self.tree.ends[branch])
            members = np.sort(self.tree.order[self.tree.starts[branch] : reached])
            parts = members[members < items], members[members >= items] - items
            out.append(Region(*parts, float(evidence[branch])))
        return out


def scarce(items: Rows, live: Rows, weights: Floats, *, seed: int) -> Scarce:
    """Share of traffic that the eval set hardly has, with a 95 % interval, and where it is.

    Args: weights (m,), 1 / inclusion probability of the m units.
    Cost: about 0.2 s for 1,024 items (of more as many are drawn) and 512 units.
    """
    random = np.random.default_rng(seed)
    if len(items) > MOST_ITEMS:
        items = items.take(np.sort(random.choice(len(items), MOST_ITEMS, replace=False)).tolist())
    old, new = restore(items.wording, WORDING_SCALE), restore(live.wording, WORDING_SCALE)
    units = effective_units(weights)
    compared = _Compared(
        grow(np.concatenate([old, new])),
        np.concatenate([np.ones(len(old)), np.zeros(len(new))]),
        np.concatenate([np.zeros(len(old)), weights / weights.sum() * units]),
    )
    evidence = compared.evidence()
    chance, largest = [], 0.0
    for _ in range(RELABELLINGS):
        drawn = compared.relabelled(random.permutation(len(old) + len(new)))
        seen = drawn.evidence()
        chance.append(drawn.share(seen))
        largest = max(largest, float(seen.max()))
    share, usual = compared.share(evidence), float(np.mean(chance))
    error = np.sqrt(share * (1.0 - share) / units + np.var(chance)) / (1.0 - usual)
    value = max((share - usual) / (1.0 - usual), 0.0)
    found = _topics(compared.regions(evidence, max(largest, SIGMAS)), old, new)
    regions = sorted(found, key=lambda region: -float(weights[region.now].sum()))[:MOST_CLUSTERS]
    return Scarce(
        share=round(value, 6),
        low=round(max(value - Z95 * float(error), 0.0), 6),
        high=round(min(value + Z95 * float(error), 1.0), 6),
        samples=len(live),
        clusters=_told(regions, items, live, weights, max(largest, SIGMAS)),
        places=[
            place_of(
                live.wording[region.now],
                np.concatenate([items.wording, np.delete(live.wording, region.now, axis=0)]),
            )
            for region in regions
        ],
    )


def _topics(regions: Sequence[Region], old: Floats, new: Floats) -> list[Region]:
    """Regions that are one topic as one."""
    return [
        Region(
            np.sort(np.concatenate([regions[i].before for i in same])),
            np.sort(np.concatenate([regions[i].now for i in same])),
            max(regions[i].evidence for i in same),
        )
        for same in joined([new[region.now] for region in regions], old.mean(axis=0))
    ]


def _told(
    regions: Sequence[Region], items: Rows, live: Rows, weights: Floats, critical: float
) -> list[ClusterMove]:
    old, new = restore(items.wording, WORDING_SCALE), restore(live.wording, WORDING_SCALE)
    names = name_groups(items, live, [region.now for region in regions])
    out = []
    for region, name in zip(regions, names, strict=True):
        held, asked = len(region.before) / len(items), float(weights[region.now].sum() / weights.sum())
        low, high = difference(held, len(items), asked, effective_units(weights), critical)
        out.append(
            ClusterMove(
                name=name,
                share_before=held,
                share_now=asked,
                examples=list(typical(live, old, new, region)),
                nearest=list(nearest_before(items, old, new[region.now])),
                low=low,
                high=high,
            )
        )
    return out


class Scarcity:
    """What is scarce among recent samples; looked at again when half of them are new, by the log alone."""

    def __init__(self) -> None:
        self._evalset = ""
        self._until = BEFORE_ALL  # the newest sample of the last look
        self._latest: Scarce | None = None

    def look(self, evalset: Reference, recent: Sequence[Sample]) -> Scarce | None:
        """The latest look at this eval set; None before there are FEWEST_SAMPLES."""
        if evalset.id != self._evalset:
            self._evalset, self._until, self._latest = evalset.id, BEFORE_ALL, None
        fresh = sum(in_time(sample) > self._until for sample in recent)
        if (
            len(recent) >= FEWEST_SAMPLES
            and fresh >= AGAIN * len(recent)
            and recent[-1].time - self._until[0] >= AGAIN_SECONDS
        ):
            self._until = max(in_time(sample) for sample in recent)
            weights = np.array([1.0 / sample.inclusion for sample in recent])
            self._latest = scarce(evalset.rows, rows_of(recent), weights, seed=evalset.seed)
        return self._latest

    def snapshot(self) -> tuple[Any, ...]:
        """State as a value for msgpack."""
        return self._evalset, self._until, self._latest

    def restore(self, state: Any) -> None:  # noqa: ANN401  from msgpack
        """Take over a snapshot."""
        found = msgspec.convert(state, tuple[str, tuple[float, int, int], Scarce | None])
        self._evalset, self._until, self._latest = found
