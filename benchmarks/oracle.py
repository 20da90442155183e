"""The limit: a CUSUM that knows what will come and how much of it (Page, 1954; Lorden, 1971).

It learned the very change from texts of it, and from clean ones, with every vector there is: no detector
that must find out can be expected to be as fast.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from app.core.fixedpoint import WORDING_SCALE
from benchmarks.run_lengths import Paths
from benchmarks.scalar_peers import at_ticks
from benchmarks.shifts import TICK
from benchmarks.vectors import Vectors
from benchmarks.worlds import Rows, World

MOST = 3000  # clean texts to learn from
CLIP = 20.0  # nats


def features(vectors: Vectors) -> NDArray[np.float32]:
    """All eyes side by side: transformer, wording, shape; each of about the same spread."""
    shape = np.log1p(np.maximum(vectors.shape, 0.0))
    shape = (shape - shape.mean(axis=0)) / np.maximum(shape.std(axis=0), 1e-6)
    wording = vectors.wording.astype(np.float32) / np.float32(WORDING_SCALE)
    return np.concatenate([10 * vectors.meaning, 10 * wording, shape], axis=1, dtype=np.float32)


def log_ratios(
    world: World, seen: NDArray[np.float32], kind: str, random: np.random.Generator
) -> NDArray[np.float64]:
    """log density of the change over density of clean traffic, for each text (N,); cross-fitted in halves."""
    if set(world.changes[kind]) <= set(world.base):
        return _shares(world, kind)
    strata = [world.strata[name] for name in world.changes[kind]]
    change = np.concatenate(strata)
    change_weight = np.concatenate([np.full(len(rows), 1 / len(strata) / len(rows)) for rows in strata])
    clean, clean_weight = _clean(world, random)
    half = random.integers(0, 2, len(world.texts))
    out = np.empty(len(world.texts))
    for fold in (0, 1):
        positive, negative = half[change] != fold, half[clean] != fold
        rows = np.concatenate([change[positive], clean[negative]])
        weight = np.concatenate([change_weight[positive], clean_weight[negative]])
        truth = np.repeat([1, 0], [positive.sum(), negative.sum()])
        model = LogisticRegression(C=1.0, max_iter=200)
        balanced = weight * len(rows) / 2 / np.where(truth == 1, *_totals(weight, truth))
        model.fit(seen[rows], truth, sample_weight=balanced)
        out[half == fold] = model.decision_function(seen[half == fold])
    return np.clip(out, -CLIP, CLIP)


def paths(ratios: NDArray[np.float64], share: float, streams: Rows) -> Paths:
    """CUSUM of the log-likelihood ratio of a mixture with that share of the change."""
    gains = np.log1p(share * np.expm1(ratios))[streams]
    walk = np.concatenate([np.zeros((len(gains), 1)), np.cumsum(gains, axis=1)], axis=1)
    return at_ticks((walk - np.minimum.accumulate(walk, axis=1))[:, 1:], TICK)


def _shares(world: World, kind: str) -> NDArray[np.float64]:
    """Where the change is more of what was there, the ratio of the shares, which needs no learning."""
    out = np.full(len(world.texts), -CLIP)
    for name in world.changes[kind]:
        out[world.strata[name]] = -np.log(len(world.changes[kind]) * world.base[name])
    return out


def _clean(world: World, random: np.random.Generator) -> tuple[Rows, NDArray[np.float64]]:
    rows, weights = [], []
    for name, share in world.base.items():
        pool = world.strata[name]
        kept = random.choice(pool, size=min(len(pool), max(round(MOST * share), 2)), replace=False)
        rows.append(kept)
        weights.append(np.full(len(kept), share / len(kept)))
    return np.concatenate(rows), np.concatenate(weights)


def _totals(weight: NDArray[np.float64], truth: NDArray[np.int64]) -> tuple[float, float]:
    return float(weight[truth == 1].sum()), float(weight[truth == 0].sum())
