"""What moved: clusters and descriptors of recent units against the baseline, with intervals.

Recent units and baseline units are clustered *together* (each side with the same total weight), so a
topic that neither the eval set nor the baseline holds gets a cluster and a name of its own.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from app.core import clusters
from app.core.effect import Z95, difference
from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.history import Window
from app.core.reference import Reference, Rows
from schemas.readings import ClusterMove, DescriptorMove

MOST_CLUSTERS, MOST_DESCRIPTORS = 6, 6
NEW_BELOW = 0.005
DRIVER_SHARE, FEWEST_DRIVERS = 0.01, 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """Moves in order of evidence; those whose interval excludes zero, else the single largest."""

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
    Cost: one k-means over n + m unit vectors, about a second at 2,500.
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
    effective = float(np.square(weights.sum()) / np.square(weights).sum())
    low, high = difference(DRIVER_SHARE, len(before), share, effective, Z95)
    labels = np.concatenate([np.zeros(len(before), np.int64), loud.astype(np.int64)])
    name = clusters.name_clusters((*before.texts, *now.texts), labels, 2)[1]
    return ClusterMove(
        name=name,
        share_before=DRIVER_SHARE,
        share_now=share,
        examples=list(clusters.exemplars_of(now.texts, np.flatnonzero(loud), speaks)),
        low=low,
        high=high,
    )


def cluster_moves(before: Rows, now: Rows, weights: Floats, *, seed: int) -> list[ClusterMove]:
    """Share of each joint cluster before and now, with simultaneous 95 % intervals (Bonferroni)."""
    n, m = len(before), len(now)
    old, new = restore(before.wording, WORDING_SCALE), restore(now.wording, WORDING_SCALE)
    weights = weights / weights.sum()
    rows = np.concatenate([old, new])
    balance = np.concatenate([np.full(n, 1.0 / n), weights])
    count = int(np.clip(m // 8, 8, 40))
    labels = clusters.partition(rows, count, seed=seed, weights=balance * (n + m) / 2)
    found = int(labels.max()) + 1
    share_before = np.bincount(labels[:n], minlength=found) / n
    share_now = np.bincount(labels[n:], weights=weights, minlength=found)
    effective = 1.0 / float(np.square(weights).sum())
    z = -float(ndtri(0.025 / found))
    names = clusters.name_clusters((*before.texts, *now.texts), labels, found)
    ranked: list[tuple[float, ClusterMove]] = []
    for k in range(found):
        low, high = difference(float(share_before[k]), n, float(share_now[k]), effective, z)
        move = ClusterMove(
            name=names[k],
            share_before=float(share_before[k]),
            share_now=float(share_now[k]),
            examples=list(_nearest(now, new, labels[n:] == k)),
            nearest=list(_contrast(before, old, new[labels[n:] == k])),
            low=low,
            high=high,
            new=bool(share_before[k] < NEW_BELOW < low),
        )
        ranked.append((max(low, -high), move))
    return _best(ranked)


def _best(ranked: list[tuple[float, ClusterMove]]) -> list[ClusterMove]:
    """Grown and shrunk clusters whose interval excludes zero; if none, the one that is nearest to it."""
    ordered = sorted(ranked, key=lambda entry: (-entry[0], entry[1].name))
    sure = [move for evidence, move in ordered if evidence > 0]
    if not sure:
        grown = [move for _, move in ordered if move.share_now > move.share_before]
        return grown[:1] or [move for _, move in ordered[:1]]
    return sorted(sure, key=lambda move: move.share_before - move.share_now)[:MOST_CLUSTERS]


def _nearest(rows: Rows, vectors: Floats, inside: NDArray[np.bool_]) -> tuple[str, ...]:
    """The recent units nearest to their cluster's centre."""
    members = np.flatnonzero(inside)
    if not len(members):
        return ()
    centre = vectors[members].mean(axis=0)
    return clusters.exemplars_of(rows.texts, members, vectors @ centre)


def _contrast(before: Rows, old: Floats, members: Floats) -> tuple[str, ...]:
    """The baseline units nearest to the cluster's recent centre."""
    if not len(members):
        return ()
    return clusters.exemplars_of(before.texts, np.arange(len(before)), old @ members.mean(axis=0), 2)


def descriptor_moves(before: Rows, now: Rows, weights: Floats) -> list[DescriptorMove]:
    """Languages and code text whose share moved beyond its simultaneous 95 % interval."""
    weights = weights / weights.sum()
    effective = 1.0 / float(np.square(weights).sum())
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
    return sorted(moves, key=lambda d: -abs(d.share_now - d.share_before))[:MOST_DESCRIPTORS]


def _labels(language: str | None, code: bool) -> list[str]:
    out = [f"language: {language}"] if language else []
    return [*out, "code"] if code else out


def gap_clusters(windows: list[Window], evalset: Reference) -> list[ClusterMove]:
    """Share of each standing cluster in the eval set and in live traffic: largest gaps first."""
    counted = [w.total.clusters for w in windows if w.total.clusters is not None]
    units = sum(w.total.units for w in windows if w.total.clusters is not None)
    if not units:
        return []
    live = np.sum(counted, axis=0) / units
    z = max(Z95, -float(ndtri(0.025 / len(live))))
    moves: list[tuple[float, ClusterMove]] = []
    for k, name in enumerate(evalset.clusters.names):
        share = evalset.clusters.shares[k]
        low, high = difference(share, evalset.units, float(live[k]), units, z)
        move = ClusterMove(
            name=name,
            share_before=share,
            share_now=float(live[k]),
            nearest=list(evalset.clusters.exemplars[k]),
            low=low,
            high=high,
        )
        moves.append((max(low, -high), move))
    return [move for evidence, move in sorted(moves, key=lambda e: -e[0])[:MOST_CLUSTERS] if evidence > 0]
