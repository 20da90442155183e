"""Peers that watch the transformer's vectors: windowed MMD and NEWMA, exactly as defined, streams at once.

`WindowedMMD` is the statistic of alibi-detect's MMDDriftOnline (and of frouros' MMDStreaming): the
unbiased squared MMD of the newest W units against the reference, radial kernel, the library's own
bandwidth rule.  `benchmarks/peers.py` holds it against the library itself in every run.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.run_lengths import Paths
from benchmarks.scalar_peers import at_ticks
from benchmarks.worlds import Rows

Matrix = NDArray[np.float32]
CHUNK = 128
RANDOM_FEATURES = 512
NEWMA_WINDOW = 250


def bandwidth(vectors: Matrix) -> float:
    """gamma of exp(-gamma * distance^2): alibi-detect's, 1 / median squared distance of the reference."""
    squared = np.maximum(2.0 - 2.0 * (vectors @ vectors.T), 0.0)
    n = len(vectors)
    middle = n + (n * n - n) // 2 - 1
    return 1.0 / float(np.partition(squared.ravel(), middle)[middle])


def kernel(left: Matrix, right: Matrix, gamma: float) -> Matrix:
    """Radial kernel of unit vectors, block by block."""
    out = np.empty((len(left), len(right)), np.float32)
    for start in range(0, len(left), 1024):
        block = out[start : start + 1024]
        np.matmul(left[start : start + 1024], right.T, out=block)
        block *= np.float32(2 * gamma)
        block -= np.float32(2 * gamma)
        np.exp(block, out=block)
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowedMMD:
    """Gram matrix of N texts, and what each has in common with its stream's reference.

    `to_reference` (N,) or (N, streams): mean kernel with the reference; `within` a number or (streams,):
    mean kernel of two of the reference's units.
    """

    gram: Matrix
    to_reference: NDArray[np.float64]
    within: float | NDArray[np.float64]

    @classmethod
    def of(cls, gram: Matrix, reference: Rows) -> "WindowedMMD":
        """Against rows of the same Gram matrix."""
        n = len(reference)
        sums = gram[:, reference].sum(axis=1, dtype=np.float64)
        return cls(gram=gram, to_reference=sums / n, within=float(sums[reference].sum() - n) / (n * (n - 1)))

    @classmethod
    def resampled(cls, gram: Matrix, random: np.random.Generator, streams: int) -> "WindowedMMD":
        """The reference's own Gram matrix; each stream has its own resample of the reference."""
        n = len(gram)
        counts = random.multinomial(n, np.full(n, 1 / n), size=streams).T.astype(np.float64)
        sums = gram.astype(np.float64) @ counts
        within = ((sums * counts).sum(axis=0) - n) / (n * (n - 1))
        return cls(gram=gram, to_reference=sums / n, within=within)

    def paths(self, streams: Rows, windows: tuple[int, ...], tick: int) -> dict[int, Paths]:
        """For each window the largest squared MMD within each tick; -1 until the window is full."""
        out = {window: np.full(streams.shape, -1.0) for window in windows}
        for number, stream in enumerate(streams):
            aligned = self.to_reference.ndim == 1
            reference = self.to_reference[stream] if aligned else self.to_reference[stream, number]
            within = self.within if np.ndim(self.within) == 0 else np.asarray(self.within)[number]
            sums = _pair_sums(self.gram, stream, windows)
            total = np.concatenate([[0.0], np.cumsum(reference)])
            for window, pairs in sums.items():
                crossed = (total[window:] - total[:-window]) / window
                inside = 2.0 * pairs[window - 1 :] / (window * (window - 1))
                out[window][number, window - 1 :] = within + inside - 2.0 * crossed
        return {window: at_ticks(path, tick) for window, path in out.items()}


def _pair_sums(gram: Matrix, stream: Rows, windows: tuple[int, ...]) -> dict[int, NDArray[np.float64]]:
    """Sum of the kernel over the pairs of the newest W units, at each unit."""
    longest, count = max(windows), len(stream)
    lag = (np.arange(CHUNK)[:, None] + longest - 1) - np.arange(CHUNK + longest - 1)[None, :]
    masks = {w: ((lag >= 1) & (lag < w)).astype(np.float32) for w in windows}
    joined = {w: np.zeros(count) for w in windows}  # with the units before it in the window
    parted = {w: np.zeros(count) for w in windows}  # with the units after it in the window
    flat = gram.reshape(-1)
    for start in range(0, count, CHUNK):
        end, first = min(start + CHUNK, count), max(start - longest + 1, 0)
        found = flat.take(stream[start:end, None] * len(gram) + stream[None, first:end])
        left = first - (start - longest + 1)
        for w in windows:
            band = found * masks[w][: end - start, left : left + end - first]
            joined[w][start:end] = band.sum(axis=1)
            parted[w][first:end] += band.sum(axis=0)
    out = {}
    for w in windows:
        change = joined[w]
        change[w:] -= parted[w][:-w]
        out[w] = np.cumsum(change)
    return out


def newma_rates(window: int = NEWMA_WINDOW) -> tuple[float, float]:
    """Fast and slow forgetting factors for a window (Keriven, Garreau, Poli, 2020, IEEE TSP 68, sec. V).

    >>> fast, slow = newma_rates()
    >>> round(1 / fast), round(1 / slow)
    (70, 2316)
    """
    grid = np.linspace(1.001 / (window + 1), 10.0 / window, 10_000)
    slow = _matched(grid, window)
    cost = (slow + grid) / np.square((1 - slow) ** window - (1 - grid) ** window)
    fast = float(grid[np.argmin(cost)])
    return fast, float(_matched(np.array([fast]), window)[0])


def _matched(fast: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The slow factor that gives the unit `window` back the same weight."""
    goal = fast * (1 - fast) ** window
    slow = goal.copy()
    for _ in range(200):
        slow = goal / (1 - slow) ** window
    return slow


def random_features(vectors: Matrix, gamma: float, random: np.random.Generator) -> Matrix:
    """Random Fourier features of the radial kernel, (N, RANDOM_FEATURES)."""
    half = RANDOM_FEATURES // 2
    directions = np.sqrt(2 * gamma) * random.standard_normal((vectors.shape[1], half))
    angles = vectors @ directions.astype(np.float32)
    both = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    return np.asarray(both / np.sqrt(half), np.float32)


def newma(features: Matrix, streams: Rows, start: Matrix, tick: int) -> Paths:
    """Distance of two exponentially forgetting means of the features, at each tick.

    Both begin at `start`, (RANDOM_FEATURES,) or (streams, RANDOM_FEATURES): the reference's mean, which
    spares NEWMA the thousands of units that its slow mean would need to get there.
    """
    rates = np.array(newma_rates(), np.float32)
    ages = np.arange(tick - 1, -1, -1)
    weights = (rates[:, None] * (1 - rates[:, None]) ** ages).astype(np.float32)
    kept = ((1 - rates) ** tick)[:, None, None]
    state = np.stack([np.broadcast_to(start, (len(streams), features.shape[1]))] * 2)
    ticks = streams.reshape(len(streams), -1, tick)
    out = np.empty(ticks.shape[:2], np.float32)
    for number in range(ticks.shape[1]):
        seen = features[ticks[:, number]]
        state = kept * state + np.einsum("rj,sjm->rsm", weights, seen, optimize=True)
        out[:, number] = np.linalg.norm(state[0] - state[1], axis=1)
    return out
