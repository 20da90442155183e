"""Peers as they come out of the box: their own default thresholds, and the libraries themselves.

A default that says nothing about how often it alarms is met by measuring it on unchanged traffic.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from benchmarks import contest, peers, scalar_peers, vector_peers
from benchmarks.contest import NULL
from benchmarks.page import table
from benchmarks.peer_libraries import EVIDENTLY_WINDOW
from benchmarks.run_lengths import Delays, Paths, RunLength, delays, realised
from benchmarks.shifts import CLEAN_UNITS, TICK
from benchmarks.vectors import Vectors
from benchmarks.worlds import Rows

SHOWN = ("topic 20 %", "code 5 %", "terse 20 %", "jailbreak 5 %", "language 5 %")
ADWIN_DELTAS = (0.002, 0.05, 0.3, 0.6, 0.9)
FEWEST = 3  # streams that must have come to the change without an alarm
EVIDENTLY = ("model", "ratio", "mmd", "distance")

Scalars = NDArray[np.float64]
Statistic = Callable[[Scalars], Scalars]
Drawn = list[tuple[Rows, dict[str, Rows]]]  # reference and streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """One detector at its default: run length on unchanged traffic, delays of some shifts."""

    name: str
    clean: RunLength
    found: dict[str, Delays]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Our form of alibi-detect's statistic against the library's, on one stream."""

    largest_difference: float
    spread: float  # standard deviation of the statistic itself
    events: int


def agreement(seen: Vectors, reference: Rows, stream: Rows, *, window: int = 100) -> Agreement:
    """The library keeps a part of the reference as its first window; ours is given the same part.

    Raises: peers.NotInstalled.
    """
    theirs = peers.call(
        "alibi_detect",
        window=window,
        bootstraps=4 * window,
        reference=seen.meaning[reference],
        stream=seen.meaning[stream],
    )
    texts, local = np.unique(np.concatenate([reference, stream]), return_inverse=True)
    gamma = vector_peers.bandwidth(seen.meaning[reference])
    gram = vector_peers.kernel(seen.meaning[texts], seen.meaning[texts], gamma)
    kept = local[: len(reference)][theirs["kept"]]
    paths = vector_peers.WindowedMMD.of(gram, kept).paths(local[None, len(reference) :], (window,), 1)
    ours, scores = paths[window][0, window:], theirs["scores"][window:]
    return Agreement(
        largest_difference=float(np.abs(ours - scores).max()), spread=float(scores.std()), events=len(scores)
    )


def rivers(seen: Vectors, drawn: Drawn, *, streams: int) -> list[Default]:
    """River's detectors at their defaults, and ADWIN at the delta whose run length is nearest to 10,000."""
    clean, changed = _distances(seen, drawn, streams)
    random = np.random.default_rng(3)
    out = [
        _default("river PageHinkley, threshold 50", 50.0, scalar_peers.page_hinkley, clean, changed),
        _default(
            "river KSWIN, alpha 0.005",
            kswin_level(0.005),
            lambda values: scalar_peers.kswin(values, random),
            clean,
            changed,
        ),
    ]
    tried = {delta: scalar_peers.at_ticks(scalar_peers.adwin(clean, delta), TICK) for delta in ADWIN_DELTAS}
    off = {delta: abs(np.log(realised(paths, 0.5, TICK).value / 10_000)) for delta, paths in tried.items()}
    for delta in dict.fromkeys((ADWIN_DELTAS[0], min(off, key=lambda delta: off[delta]))):
        name = f"river ADWIN, delta {delta:g}"
        out.append(_default(name, 0.5, partial(scalar_peers.adwin, delta=delta), clean, changed))
    return out


def evidently(seen: Vectors, drawn: Drawn, *, null: int, shifted: int) -> list[Default]:
    """Evidently's embedding drift methods at their defaults, on consecutive windows of 500 units.

    Raises: peers.NotInstalled.
    """
    flagged = dict.fromkeys(EVIDENTLY, 0)
    windows = 0
    first: dict[str, dict[str, list[int]]] = {name: {shift: [] for shift in SHOWN} for name in EVIDENTLY}
    for reference, streams in drawn:
        given = {"vectors": seen.meaning, "reference": seen.meaning[reference]}
        clean = streams[NULL][:null]
        told = peers.call("evidently", streams=clean, all=True, **given)
        windows += clean.shape[0] * (clean.shape[1] // EVIDENTLY_WINDOW)
        changed = np.concatenate([streams[shift][:shifted, CLEAN_UNITS:] for shift in SHOWN])
        found = peers.call("evidently", streams=changed, all=False, **given)
        for name in EVIDENTLY:
            flagged[name] += int(told[f"{name}_flagged"].sum())
            for number, shift in enumerate(SHOWN):
                first[name][shift] += found[f"{name}_first"][
                    number * shifted : (number + 1) * shifted
                ].tolist()
    most = (changed.shape[1] // EVIDENTLY_WINDOW) - 1
    return [
        Default(
            name=f"Evidently {name}, windows of {EVIDENTLY_WINDOW}",
            clean=RunLength(float(windows * EVIDENTLY_WINDOW), flagged[name]),
            found={shift: _windowed(np.array(first[name][shift]), most) for shift in SHOWN},
        )
        for name in EVIDENTLY
    ]


def kswin_level(alpha: float) -> float:
    """Least distance of two samples of 30 whose p-value is below alpha, less a hair: compared with >."""
    size = scalar_peers.KSWIN_RECENT
    one = np.arange(size, dtype=float)
    for above in range(1, size + 1):
        with warnings.catch_warnings():  # as river does: for some distances it falls back on asymptotics
            warnings.simplefilter("ignore", RuntimeWarning)
            if ks_2samp(one, one + above - 0.5).pvalue <= alpha:
                return above / size - 1e-6
    return 1.0


def default_table(found: list[Default]) -> str:
    """Run length on unchanged traffic, and mean delays of some shifts."""
    rows = [[one.name, str(one.clean), *(_delay(one.found[shift]) for shift in SHOWN)] for one in found]
    return table(["detector at its default", "units an alarm, unchanged traffic [95 %]", *SHOWN], rows)


def _default(
    name: str, level: float, statistic: Statistic, clean: Scalars, changed: dict[str, Scalars]
) -> Default:
    def path(values: Scalars) -> Paths:
        return scalar_peers.at_ticks(statistic(values), TICK)

    return Default(
        name=name,
        clean=realised(path(clean), level, TICK),
        found={shift: delays(path(values), level, TICK, CLEAN_UNITS) for shift, values in changed.items()},
    )


def _distances(seen: Vectors, drawn: Drawn, streams: int) -> tuple[Scalars, dict[str, Scalars]]:
    """What scalar detectors are fed with: unchanged, and by shift."""
    away = [(contest.distances(seen, reference), rows) for reference, rows in drawn]
    clean = np.concatenate([values[rows[NULL][:streams]] for values, rows in away])
    changed = {
        shift: np.concatenate([values[rows[shift][:streams]] for values, rows in away]) for shift in SHOWN
    }
    return clean, changed


def _windowed(first: NDArray[np.int64], most: int) -> Delays:
    found = first >= 0
    return Delays(EVIDENTLY_WINDOW * (np.where(found, first, most) + 1.0), found)


def _delay(one: Delays) -> str:
    if len(one.delays) < FEWEST:
        return "too few came to it"
    if not one.found.any():
        return "never"
    share = "" if one.share >= 0.995 else f"; {one.share:.0%}"
    return f"{one.mean:,.0f} ± {one.error:,.0f}{share}"
