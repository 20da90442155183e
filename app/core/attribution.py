"""What moved: regions and descriptors of recent units against the baseline, with intervals.

Recent units and baseline units are scanned *together* (`app/core/scan.py`), so a topic that neither the
eval set nor the baseline holds is a region of its own, named by its own words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.core import clusters
from app.core.contributions import contributions
from app.core.descriptors import counted, described, descriptor_moves
from app.core.detection import Lens
from app.core.effect import Z95, difference, effective_units
from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.naming import name_groups
from app.core.places import place_of
from app.core.rows import Rows
from app.core.scan import Region, Scan, scan
from app.core.segments import segment_moves
from app.core.topics import Topics, joined
from schemas.readings import ClusterMove, DescriptorMove, MapPoint, Place, SegmentMove

MOST_CLUSTERS = 6
MOST_BEFORE = 2048  # baseline units in a scan
NEW_BELOW = 0.005
DRIVER_SHARE, FEWEST_DRIVERS = 0.01, 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """Clusters that grew, then those that shrank, each by evidence; where none did, the likeliest one.

    `elsewhere` is the share of the distance that is due to none of them; with their contributions it
    makes 1.
    """

    clusters: list[ClusterMove]
    descriptors: list[DescriptorMove]
    elsewhere: float | None = None
    segments: list[SegmentMove] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)  # of each recent unit, the cluster it is in; -1: none
    map: list[MapPoint] = field(default_factory=list)  # some of the recent units
    places: list[Place] = field(default_factory=list)  # of the clusters that grew beyond chance

    @property
    def sure(self) -> bool:
        """Whether something grew beyond chance."""
        grown = any(c.low is not None and c.low > 0 for c in self.clusters)
        return grown or any(d.share_now > d.share_before for d in self.descriptors)


@dataclass(frozen=True, slots=True)
class Moved:
    """A cluster, and which baseline and recent units are in it."""

    move: ClusterMove
    before: NDArray[np.int64]
    now: NDArray[np.int64]


def explain(
    before: Rows,
    now: Rows,
    weights: Floats,
    *,
    seed: int,
    lens: Lens | None = None,
    topics: Topics | None = None,
) -> Explanation:
    """Compare n baseline units with m recent ones; weights (m,) are 1 / inclusion probability.

    Args: lens, how the channel that fired sees units, for contributions to its distance, and, unless it
        is silent, for the units that speak loudest, which are shown where no cluster grew beyond chance;
        topics, those told before, which bear the ids they had; it learns the new ones.
    Cost: one scan over n + m unit vectors, about half a second at 2,500.
    """
    descriptors = descriptor_moves(counted(before), described(now), weights)
    if len(before) > MOST_BEFORE:
        kept = np.random.default_rng(seed).choice(len(before), MOST_BEFORE, replace=False)
        before = before.take(np.sort(kept).tolist())
    found = cluster_moves(before, now, weights, seed=seed)
    seen = None if lens is None else (lens.coordinates(before), lens.coordinates(now))
    if lens is not None and seen is not None and lens.loudness is not None and not grew(found):
        loudness = lens.loudness(seen[0]), lens.loudness(seen[1])
        found = driver_move(before, now, weights, loudness=loudness) or found
    shared = None if seen is None else contributions(*seen, weights, [(f.before, f.now) for f in found])
    parts, elsewhere = ([None] * len(found), None) if shared is None else shared
    ids = [""] * len(found) if topics is None else identified(found, before, now, topics)
    moves = [
        msgspec.structs.replace(each.move, id=name, contribution=part)
        for each, name, part in zip(found, ids, parts, strict=True)
    ]
    segments: list[SegmentMove] = []
    if before.segments and now.segments:  # of a baseline from before there were any, nothing is known
        groups = [(each.move.name, (each.before, each.now)) for each in found]
        segments = segment_moves(before.segments, now.segments, weights, groups)
    places = np.full(len(now), -1)
    for number, each in enumerate(found):
        places[each.now] = number
    return Explanation(
        moves, descriptors, elsewhere, segments, places.tolist(), places=grown_places(found, before, now)
    )


def grown_places(found: Sequence[Moved], before: Rows, now: Rows) -> list[Place]:
    """Where the clusters lie that grew beyond chance."""
    return [
        place_of(
            now.wording[each.now],
            np.concatenate([np.delete(before.wording, each.before, 0), np.delete(now.wording, each.now, 0)]),
        )
        for each in found
        if grew([each]) and len(each.now) < len(now)
    ]


def identified(found: Sequence[Moved], before: Rows, now: Rows, topics: Topics) -> list[str]:
    """Ids of the clusters, by where their units lie, old and recent."""
    old, new = restore(before.wording, WORDING_SCALE), restore(now.wording, WORDING_SCALE)
    origin = old.mean(axis=0)
    return [topics.identify(np.concatenate([old[f.before], new[f.now]]), origin) for f in found]


def grew(found: Sequence[Moved]) -> bool:
    """Whether one of them grew beyond chance."""
    return any(each.move.low is not None and each.move.low > 0 for each in found)


def driver_move(before: Rows, now: Rows, weights: Floats, *, loudness: tuple[Floats, Floats]) -> list[Moved]:
    """Recent units that speak louder for the alarm than 99 % of the baseline's, unless they are few.

    Loudness was estimated on the same recent units, so this share explains and is no evidence by itself.
    """
    usual, speaks = loudness
    level = float(np.quantile(usual, 1.0 - DRIVER_SHARE))
    loud = np.flatnonzero(speaks > level)
    if len(loud) < FEWEST_DRIVERS:
        return []
    share = float(weights[loud].sum() / weights.sum())
    low, high = difference(DRIVER_SHARE, len(before), share, effective_units(weights), Z95)
    move = ClusterMove(
        name=name_groups(before, now, [loud])[0],
        share_before=DRIVER_SHARE,
        share_now=share,
        examples=list(clusters.exemplars_of(now.texts, loud, speaks)),
        low=low,
        high=high,
    )
    return [Moved(move, np.flatnonzero(usual > level), loud)]


def cluster_moves(before: Rows, now: Rows, weights: Floats, *, seed: int) -> list[Moved]:
    """Regions whose share changed, with simultaneous 99 % intervals of the change.

    A region is told where its share moved among the units left by the stronger ones *and* among all;
    the interval of one that chance could have shown holds zero.
    """
    old, new = restore(before.wording, WORDING_SCALE), restore(now.wording, WORDING_SCALE)
    found = scan(old, new, weights, seed=seed, most=MOST_CLUSTERS)
    regions = _merged(found, old, new)
    names = name_groups(before, now, [region.now for region in regions])
    units = effective_units(weights)
    moves = []
    for region, name in zip(regions, names, strict=True):
        share_before = len(region.before) / len(before)
        share_now = float(weights[region.now].sum() / weights.sum())
        low, high = difference(share_before, len(before), share_now, units, found.critical)
        if abs(region.evidence) <= found.critical:
            low, high = min(low, 0.0), max(high, 0.0)
        move = ClusterMove(
            name=name,
            share_before=share_before,
            share_now=share_now,
            examples=list(typical(now, old, new, region)),
            nearest=list(nearest_before(before, old, new[region.now])),
            low=low,
            high=high,
            new=share_before < NEW_BELOW < low,
        )
        moves.append(Moved(move, region.before, region.now))
    return _told(moves)


def _merged(found: Scan, old: Floats, new: Floats) -> list[Region]:
    """Regions that grew and are one topic as one, with the evidence of the strongest."""
    grown = [r for r in found.regions if r.evidence > 0 and len(r.now)]
    groups = joined([new[r.now] for r in grown], old.mean(axis=0))
    merged = [
        Region(
            np.sort(np.concatenate([grown[i].before for i in same])),
            np.sort(np.concatenate([grown[i].now for i in same])),
            grown[same[0]].evidence,
        )
        for same in groups
    ]
    return [*merged, *(r for r in found.regions if r.evidence < 0)]


def _told(moves: list[Moved]) -> list[Moved]:
    """Of moves in order of evidence: what grew beyond chance, what shrank so; else the likeliest growth."""
    grown = [each for each in moves if grew([each])]
    shrunk = [each for each in moves if each.move.high is not None and each.move.high < 0]
    return [*grown, *shrunk] or [each for each in moves if each.move.share_now > each.move.share_before][:1]


def typical(now: Rows, old: Floats, new: Floats, region: Region) -> tuple[str, ...]:
    """Recent units of a region that are least like its baseline units (else like the whole baseline)."""
    if not len(region.now):
        return ()
    usual = old[region.before] if len(region.before) else old
    return clusters.exemplars_of(
        now.texts, region.now, new @ (new[region.now].mean(axis=0) - usual.mean(axis=0))
    )


def nearest_before(before: Rows, old: Floats, members: Floats) -> tuple[str, ...]:
    """The baseline units nearest to the region's recent centre."""
    if not len(members):
        return ()
    return clusters.exemplars_of(before.texts, np.arange(len(before)), old @ members.mean(axis=0), 2)
