"""How live traffic is shared out compared with the eval set."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from app.core import descriptors
from app.core.attribution import MOST_CLUSTERS
from app.core.descriptors import described_samples, descriptor_moves
from app.core.effect import Z95, difference
from app.core.history import Window, counted, measured
from app.core.reference import Reference
from schemas.readings import ClusterMove, DescriptorMove
from schemas.ticks import Sample


def gap_descriptors(samples: Sequence[Sample], evalset: Reference) -> list[DescriptorMove]:
    """Descriptors of which live traffic has another share than the eval set, by the samples kept of it."""
    if not samples or not evalset.rows.languages:
        return []
    weights = np.array([1.0 / s.inclusion for s in samples])
    return descriptor_moves(descriptors.counted(evalset.rows), described_samples(samples), weights)


def gap_clusters(windows: list[Window], evalset: Reference) -> list[ClusterMove]:
    """Share of each standing cluster in the eval set and in live traffic: largest gaps first."""
    units = measured(windows, evalset.id)
    if not units:
        return []
    live = np.sum([counts.clusters for counts in counted(windows, evalset.id)], axis=0) / units
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
