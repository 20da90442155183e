"""What moved: regions and descriptors of recent units against the baseline, with intervals.

Recent units and baseline units are scanned *together* (`app/core/scan.py`), so a topic that neither the
eval set nor the baseline holds is a region of its own, named by its own words.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from app.core import clusters
from app.core.effect import Z95, difference
from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.naming import name_groups
from app.core.reference import Rows
from app.core.scan import Region, scan
from schemas.readings import ClusterMove, DescriptorMove

MOST_CLUSTERS, MOST_DESCRIPTORS = 6, 6
MOST_BEFORE = 2048  # baseline units in a scan
NEW_BELOW = 0.005
DRIVER_SHARE, FEWEST_DRIVERS = 0.01, 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """Clusters that grew, then those that shrank, each by evidence; where none did, the likeliest one."""

    clusters: list[ClusterMove]
    descriptors: list[DescriptorMove]

    @property
    def sure(self) -> bool:
        """Whether something grew beyond chance."""
        grown = any(c.low is not None and c.low > 0 for c in self.clusters)
        return grown or any(d.share_now > d.share_before for d in self.descriptors)


def explain(
    before: Rows, now: Rows, weights: Floats, *, seed: int, drive: Callable[[Rows], Floats] | None = None
) -> Explanation:
    """Compare n baseline units with m recent ones; weights (m,) are 1 / inclusion probability.

    Args: drive, how much each unit of some rows speaks for the alarm; where no cluster moved beyond
        chance, the units that speak loudest are shown instead.
    Cost: one scan over n + m unit vectors, about half a second at 2,500.
    """
    moves = cluster_moves(before, now, weights, seed=seed)
    if drive is not None and not any(c.low is not None and c.low > 0 for c in moves):
        driver = driver_move(before, now, weights, drive=drive)
        moves = moves if driver is None else [driver]
    return Explanation(moves, descriptor_moves(before, now, weights))


def driver_move(
    before: Rows, now: Rows, weights: Floats, *, drive: Callable[[Rows], Floats]
) -> ClusterMove | None:
    """Recent units that speak louder for the alarm than 99 % of the baseline's; None where they are few.

    `drive` was estimated on the same recent units, so this share explains and is no evidence by itself.
    """
    level = float(np.quantile(drive(before), 1.0 - DRIVER_SHARE))
    speaks = drive(now)
    loud = speaks > level
    if loud.sum() < FEWEST_DRIVERS:
        return None
    share = float(weights[loud].sum() / weights.sum())
    low, high = difference(DRIVER_SHARE, len(before), share, effective_units(weights), Z95)
    return ClusterMove(
        name=name_groups(before, now, [np.flatnonzero(loud)])[0],
        share_before=DRIVER_SHARE,
        share_now=share,
        examples=list(clusters.exemplars_of(now.texts, np.flatnonzero(loud), speaks)),
        low=low,
        high=high,
    )


def cluster_moves(before: Rows, now: Rows, weights: Floats, *, seed: int) -> list[ClusterMove]:
    """Regions whose share changed, with simultaneous 99 % intervals of the change.

    A region is told where its share moved among the units left by the stronger ones *and* among all;
    the interval of one that chance could have shown holds zero.
    """
    if len(before) > MOST_BEFORE:
        kept = np.random.default_rng(seed).choice(len(before), MOST_BEFORE, replace=False)
        before = before.take(np.sort(kept).tolist())
    old, new = restore(before.wording, WORDING_SCALE), restore(now.wording, WORDING_SCALE)
    found = scan(old, new, weights, seed=seed, most=MOST_CLUSTERS)
    names = name_groups(before, now, [region.now for region in found.regions])
    moves = []
    for region, name in zip(found.regions, names, strict=True):
        share_before = len(region.before) / len(before)
        share_now = float(weights[region.now].sum() / weights.sum())
        low, high = difference(share_before, len(before), share_now, effective_units(weights), found.critical)
        if abs(region.evidence) <= found.critical:
            low, high = min(low, 0.0), max(high, 0.0)
        move = ClusterMove(
            name=name,
            share_before=share_before,
            share_now=share_now,
            examples=list(_typical(now, old, new, region)),
            nearest=list(_contrast(before, old, new[region.now])),
            low=low,
            high=high,
            new=share_before < NEW_BELOW < low,
        )
        moves.append(move)
    return _told(moves)


def effective_units(weights: Floats) -> float:
    """How many equally weighted units tell as much (Kish): (sum w)^2 / sum w^2."""
    return float(np.square(weights.sum()) / np.square(weights).sum())


def _told(moves: list[ClusterMove]) -> list[ClusterMove]:
    """Of moves in order of evidence: what grew beyond chance, what shrank so; else the likeliest growth."""
    grown = [move for move in moves if move.low is not None and move.low > 0]
    shrunk = [move for move in moves if move.high is not None and move.high < 0]
    return [*grown, *shrunk] or [move for move in moves if move.share_now > move.share_before][:1]


def _typical(now: Rows, old: Floats, new: Floats, region: Region) -> tuple[str, ...]:
    """Recent units of a region that are least like its baseline units (else like the whole baseline)."""
    if not len(region.now):
        return ()
    usual = old[region.before] if len(region.before) else old
    return clusters.exemplars_of(
        now.texts, region.now, new @ (new[region.now].mean(axis=0) - usual.mean(axis=0))
    )


def _contrast(before: Rows, old: Floats, members: Floats) -> tuple[str, ...]:
    """The baseline units nearest to the region's recent centre."""
    if not len(members):
        return ()
    return clusters.exemplars_of(before.texts, np.arange(len(before)), old @ members.mean(axis=0), 2)


def descriptor_moves(before: Rows, now: Rows, weights: Floats) -> list[DescriptorMove]:
    """Languages and code text whose share moved beyond its simultaneous 95 % interval; grown ones first."""
    effective = effective_units(weights)
    weights = weights / weights.sum()
    old = Counter[str]()
    new = Counter[str]()
    for language, code in zip(before.languages, before.code, strict=True):
        old.update(_labels(language, code))
    mass: dict[str, float] = {}
    for language, code, weight in zip(now.languages, now.code, weights.tolist(), strict=True):
        for label in _labels(language, code):
            mass[label] = mass.get(label, 0.0) + weight
            new[label] += 1
    labels = sorted(set(old) | set(new))
    z = -float(ndtri(0.025 / max(len(labels), 1)))
    moves = []
    for label in labels:
        was, is_now = old[label] / len(before), mass.get(label, 0.0)
        low, high = difference(was, len(before), is_now, effective, z)
        if low > 0 or high < 0:
            moves.append(DescriptorMove(name=label, share_before=was, share_now=is_now))
    return sorted(moves, key=lambda d: d.share_before - d.share_now)[:MOST_DESCRIPTORS]


def _labels(language: str | None, code: bool) -> list[str]:
    out = [f"language: {language}"] if language else []
    return [*out, "code"] if code else out
