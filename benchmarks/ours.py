"""The product's detector on many streams at once: same reference, calibration and statistics.

Fed one stream, it says what `Detector` says tick by tick (tests/benchmarks/test_ours.py).
"""

import numpy as np
from numpy.typing import NDArray

from app.core import novelty
from app.core.baseline import Baseline
from app.core.calibration import CUSUM_CAP, calibrate
from app.core.folding import judge
from app.core.reference import Rows as Units
from app.core.reference import build
from benchmarks.run_lengths import Paths
from benchmarks.shifts import TICK
from benchmarks.vectors import Vectors
from benchmarks.worlds import Rows

STREAMS_AT_ONCE = 64
LEVELS = np.linspace(-20.0, 100.0, 12_001)


def learn(vectors: Vectors, reference: Rows, *, seed: int, texts: tuple[str, ...] = ()) -> Baseline:
    """The product's baseline of these rows: `Baseline` with its calibration, one page in 10,000 units."""
    units = Units(
        wording=vectors.wording[reference],
        shape=vectors.shape[reference],
        texts=tuple(texts[row] for row in reference) if texts else tuple("a b" for _ in reference),
    )
    built = build(units, application="bench", kind="baseline", fingerprint="bench", seed=seed)
    return Baseline(
        reference=built,
        calibration=calibrate(built, tick_units=TICK, seed=seed),
        horizon_seconds=0.0,
        units_per_second=1.0,
        sample_rate=1.0,
        run_length=10_000.0,
        window_units=32,
    )


class Ours:
    """Scores (log10 run length) of streams of rows against one baseline."""

    def __init__(self, baseline: Baseline, vectors: Vectors) -> None:
        """Rotates and judges every text once."""
        self.baseline = baseline
        reference = baseline.reference
        judged = judge(vectors.wording, vectors.shape, baseline=baseline, evalset=None)
        views = reference.eye_rows(vectors.wording, vectors.shape)
        payoffs = novelty.bets(reference.units).T
        self._rotated = {
            name: eye.spectrum.rotate(views[name], np.ones(len(vectors.wording))).astype(np.float32)
            for name, eye in reference.eyes.items()
        }
        self._payoffs = {name: payoffs[bins] for name, bins in judged.bins.items()}
        calibration = baseline.calibration
        self._scores = np.array([calibration.log_run_length(level) for level in LEVELS])

    def paths(self, streams: Rows) -> Paths:
        """Score at each tick, (streams, ticks)."""
        calibration = self.baseline.calibration
        out = []
        for start in range(0, len(streams), STREAMS_AT_ONCE):
            values = self.components(streams[start : start + STREAMS_AT_ONCE])
            levels = ((values - calibration.low) / (calibration.high - calibration.low)).max(axis=2)
            out.append(np.interp(levels, LEVELS, self._scores).astype(np.float32))
        return np.concatenate(out)

    def components(self, streams: Rows) -> NDArray[np.float64]:
        """Every component, unscaled, in the order of `Calibration.components`: (streams, ticks, c)."""
        return np.concatenate(
            [self._eye(name, streams) for name in self.baseline.reference.eyes], axis=2, dtype=np.float64
        )

    def _eye(self, name: str, streams: Rows) -> NDArray[np.float32]:
        rotated, payoffs = self._rotated[name], self._payoffs[name]
        decays = np.array(self.baseline.calibration.decays)
        kept = ((1 - decays) ** TICK).astype(np.float32)[None, :, None]
        weights = np.float32(1) / self.baseline.reference.eyes[name].spectrum.eigenvalues.astype(np.float32)
        state = np.zeros((len(streams), len(decays), rotated.shape[1]), np.float32)
        cusums = np.zeros((len(streams), payoffs.shape[1]))
        ticks = streams.reshape(len(streams), -1, TICK)
        out = np.empty((len(streams), ticks.shape[1], 2 * len(decays) + payoffs.shape[1]), np.float32)
        for number in range(ticks.shape[1]):
            rows = ticks[:, number]
            state *= kept
            state += (1 - kept) / TICK * rotated[rows].sum(axis=1)[:, None, :]
            squares = np.square(state)
            cusums = novelty.cusum(cusums, payoffs[rows].sum(axis=1), CUSUM_CAP)
            plain, white = squares.sum(axis=2), squares @ weights
            out[:, number] = np.concatenate([np.cbrt(plain), np.cbrt(white), cusums], axis=1)
        return out
