"""One reference, one set of streams, every detector: each says how long a run its present value is.

A peer's statistic is put on the scale of `Detector` before anything is compared: log10 of the run length
at which units drawn from the reference alone reach it, the reference's own error included (each simulated
stream has its own resample of the reference).  That is more than most peers do for themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.core.fixedpoint import WORDING_SCALE, quantise
from app.core.watch import Bank
from benchmarks import scalar_peers, vector_peers
from benchmarks.ours import Ours, learn
from benchmarks.run_lengths import Paths, level_at
from benchmarks.shifts import GRID, TICK, stream
from benchmarks.vector_peers import Matrix
from benchmarks.vectors import Vectors
from benchmarks.worlds import Rows, Traffic, World, reference_rows

RUNS = (1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0)
WINDOWS = (100, 500)
NULL = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is simulated: references; streams a reference and shift; null and bootstrap streams."""

    references: int = 6
    shifted: int = 12
    null: int = 32
    bootstrap: int = 40
    dear: int = 4  # streams a reference for what is dear: river's own loops, Evidently
    units: int = 12_000
    seed: int = 1


QUICK = Plan(references=2, shifted=6, null=16, bootstrap=32, dear=2)


Scored = dict[str, dict[str, Paths]]  # detector -> streams -> score paths


def draw(world: World, plan: Plan, number: int) -> tuple[Rows, dict[str, Rows]]:
    """Reference and streams number `number`; a function of the plan's seed alone."""
    random = np.random.default_rng([plan.seed, number])
    reference = reference_rows(world, random)
    traffic = Traffic(world, reference)
    streams = {NULL: traffic.clean(random, (plan.null, plan.units))}
    for shift in GRID:
        streams[shift.name] = stream(traffic, shift, random, plan.shifted)
    return reference, streams


class Scale:
    """log10 run length of a statistic, from its bootstrap paths: straight lines between RUNS, and beyond.

    >>> paths = np.random.default_rng(0).random((50, 4000)).astype(np.float32)
    >>> scale = Scale(paths, 1)
    >>> bool(3.6 < scale(np.array([1 - 1e-4], np.float32))[0] < 4.4)
    True
    """

    def __init__(self, paths: Paths, tick: int) -> None:
        levels = np.array([level_at(paths, run, tick) for run in RUNS])
        self._levels = np.maximum.accumulate(levels) + 1e-9 * np.arange(len(RUNS)) * max(1.0, levels[-1])
        self._logs = np.log10(RUNS)

    def __call__(self, paths: Paths) -> Paths:
        """Scores."""
        x, y = self._levels, self._logs
        low, high = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-3]) / (x[-1] - x[-3])
        out = np.interp(paths, x, y)
        out = np.where(paths < x[0], y[0] + (paths - x[0]) * low, out)
        out = np.where(paths > x[-1], y[-1] + (paths - x[-1]) * high, out)
        return np.clip(out, -9.0, 99.0).astype(np.float32)


def ours(
    vectors: Vectors, reference: Rows, streams: dict[str, Rows], seed: int, bank: Bank | None
) -> dict[str, Paths]:
    """The product's score, with the watches of a bank or without any."""
    detector = Ours(learn(vectors, reference, seed=seed, bank=bank), vectors)
    return _each(streams, detector.paths)


def transformer_eye(
    vectors: Vectors, reference: Rows, streams: dict[str, Rows], seed: int
) -> dict[str, Paths]:
    """Our statistics on the peers' vectors alone: what is the detector's doing, and what the eyes'."""
    theirs = replace(vectors, wording=quantise(vectors.meaning, WORDING_SCALE))
    detector = Ours(learn(theirs, reference, seed=seed, mute=("shape",)), theirs)
    return _each(streams, detector.paths)


def gram_of(vectors: Vectors, reference: Rows) -> Matrix:
    """Kernel of all pairs of texts, 4 N^2 bytes, with the bandwidth of one reference.

    Bandwidths of references of one traffic differ by 0.1 %, so that one serves all.
    """
    gamma = vector_peers.bandwidth(vectors.meaning[reference])
    return vector_peers.kernel(vectors.meaning, vectors.meaning, gamma)


def windowed(
    gram: Matrix, reference: Rows, streams: dict[str, Rows], random: np.random.Generator, plan: Plan
) -> Scored:
    """Windowed MMD on the transformer's vectors, by their Gram matrix (see `gram_of`)."""
    drawn = random.integers(0, len(reference), (plan.bootstrap, plan.units))
    own = np.ascontiguousarray(gram[np.ix_(reference, reference)])
    resampled = vector_peers.WindowedMMD.resampled(own, random, plan.bootstrap)
    null = resampled.paths(drawn, WINDOWS, TICK)
    scales = {window: Scale(paths, TICK) for window, paths in null.items()}
    live = vector_peers.WindowedMMD.of(gram, reference)
    out: Scored = {f"MMD W={window}": {} for window in WINDOWS}
    for name, rows in streams.items():
        for window, paths in live.paths(rows, WINDOWS, TICK).items():
            out[f"MMD W={window}"][name] = scales[window](paths)
    return out


def newma(
    vectors: Vectors, reference: Rows, streams: dict[str, Rows], random: np.random.Generator, plan: Plan
) -> dict[str, Paths]:
    """NEWMA on random features of the same kernel."""
    gamma = vector_peers.bandwidth(vectors.meaning[reference])
    features = vector_peers.random_features(vectors.meaning, gamma, random)
    own = features[reference]
    drawn = random.integers(0, len(reference), (plan.bootstrap, plan.units))
    starts = np.stack([own[random.integers(0, len(own), len(own))].mean(axis=0) for _ in drawn])
    scale = Scale(vector_peers.newma(own, drawn, starts, TICK), TICK)
    start = own.mean(axis=0)
    return _each(streams, lambda rows: scale(vector_peers.newma(features, rows, start, TICK)))


def distances(vectors: Vectors, reference: Rows) -> NDArray[np.float64]:
    """Of every text to the reference's mean vector: what a scalar detector is fed with."""
    mean = vectors.meaning[reference].mean(axis=0)
    return np.asarray(np.linalg.norm(vectors.meaning - mean, axis=1), np.float64)


def scalar(
    vectors: Vectors, reference: Rows, streams: dict[str, Rows], random: np.random.Generator, plan: Plan
) -> Scored:
    """Page-Hinkley on every stream; KSWIN, which is dear, on half of them."""
    away = distances(vectors, reference)
    drawn = away[reference][random.integers(0, len(reference), (plan.bootstrap, plan.units))]
    hinkley = Scale(scalar_peers.at_ticks(scalar_peers.page_hinkley(drawn), TICK), TICK)
    half = drawn[: len(drawn) // 2]
    windowed = Scale(scalar_peers.at_ticks(scalar_peers.kswin(half, random), TICK), TICK)
    return {
        "PageHinkley": _each(
            streams, lambda rows: hinkley(scalar_peers.at_ticks(scalar_peers.page_hinkley(away[rows]), TICK))
        ),
        "KSWIN": _each(
            streams,
            lambda rows: windowed(scalar_peers.at_ticks(scalar_peers.kswin(away[rows[::2]], random), TICK)),
        ),
    }


def _each(streams: dict[str, Rows], score: Callable[[Rows], Paths]) -> dict[str, Paths]:
    return {name: score(rows) for name, rows in streams.items()}
