"""The product's detector on many streams at once: same reference, calibration and statistics.

Fed one stream, it says what `Detector` says tick by tick (tests/benchmarks/test_ours.py).
"""

import numpy as np
from numpy.typing import NDArray

from app.core import baseline, novelty
from app.core.aspects import Subject
from app.core.baseline import Baseline, BaselineSettings
from app.core.fixedpoint import SCALES, Floats
from app.core.folding import judge
from app.core.novelty import CUSUM_CAP
from app.core.watch import PREFIX, Bank
from benchmarks.run_lengths import Paths
from benchmarks.shifts import TICK
from benchmarks.vectors import Vectors
from benchmarks.worlds import Rows
from schemas.ticks import Sample

STREAMS_AT_ONCE = 64
LEVELS = np.linspace(-20.0, 100.0, 12_001)


def learn(
    vectors: Vectors, reference: Rows, *, seed: int, bank: Bank | None = None, mute: tuple[str, ...] = ()
) -> Baseline:
    """The product's baseline of these rows, as if keyless traffic had brought them, one a second."""
    samples = [
        Sample(
            id=str(number),
            application="bench",
            time=float(number),
            ordinal=number,
            text="",
            wording=vectors.wording[row].tobytes(),
            shape=vectors.shape[row].tobytes(),
            reason="learning",
            inclusion=1.0,
        )
        for number, row in enumerate(reference.tolist())
    ]
    return baseline.learn(
        samples,
        subject=Subject("bench"),
        fingerprint="bench",
        settings=BaselineSettings(seed=seed, bank=bank, mute=mute),
        partitions=1,
        until=float(len(samples)),
    )


class Ours:
    """Scores (log10 run length) of streams of rows against one baseline."""

    def __init__(self, against: Baseline, vectors: Vectors) -> None:
        """Rotates and judges every text once."""
        self.baseline = against
        reference = against.reference
        judged = judge(vectors.ours(), baseline=against)
        payoffs = novelty.bets(reference.units).T
        ones = np.ones(len(vectors.wording))
        self._rotated = {
            name: reference.eyes[name].spectrum.rotate(rows / SCALES[name], ones).astype(np.float32)
            for name, rows in judged.seen.items()
        }
        self._payoffs = {name: payoffs[bins] for name, bins in judged.bins.items()}
        calibration = against.calibration
        self._scores = np.array([calibration.log_run_length(level) for level in LEVELS])

    def paths(self, streams: Rows, times: Floats | None = None) -> Paths:
        """Score at each tick, (streams, ticks); `times` (streams, ticks) matter where there are cycles."""
        calibration = self.baseline.calibration
        out = []
        for start in range(0, len(streams), STREAMS_AT_ONCE):
            some = slice(start, start + STREAMS_AT_ONCE)
            values = self.components(streams[some], None if times is None else times[some])
            levels = ((values - calibration.low) / (calibration.high - calibration.low)).max(axis=2)
            out.append(np.interp(levels, LEVELS, self._scores).astype(np.float32))
        return np.concatenate(out)

    def components(self, streams: Rows, times: Floats | None = None) -> NDArray[np.float64]:
        """Every component, unscaled, in the order of `Calibration.components`: (streams, ticks, c)."""
        calibration = self.baseline.calibration
        times = np.zeros((len(streams), streams.shape[1] // TICK)) if times is None else times
        parts = [self._eye(name, streams, times) for name in calibration.eyes]
        parts += [self._watch(PREFIX + name, streams, times) for name in calibration.watches]
        return np.concatenate(parts, axis=2, dtype=np.float64)

    def _expected(self, name: str, times: Floats) -> NDArray[np.float32]:
        """What day and week let expect of a tick, (streams, columns); the last ones are payoffs."""
        cycles = self.baseline.cycles
        if not cycles.found:
            return np.zeros((len(times), self._payoffs[name].shape[1]), np.float32)
        return np.asarray(TICK * cycles.at(times) @ cycles.weights[name], np.float32)

    def _watch(self, name: str, streams: Rows, times: Floats) -> NDArray[np.float32]:
        payoffs = self._payoffs[name]
        cusums = np.zeros((len(streams), payoffs.shape[1]))
        ticks = streams.reshape(len(streams), -1, TICK)
        out = np.empty((len(streams), ticks.shape[1], payoffs.shape[1]), np.float32)
        for number in range(ticks.shape[1]):
            won = payoffs[ticks[:, number]].sum(axis=1) - self._expected(name, times[:, number])
            cusums = novelty.cusum(cusums, won, CUSUM_CAP)
            out[:, number] = cusums
        return out

    def _eye(self, name: str, streams: Rows, times: Floats) -> NDArray[np.float32]:
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
            expected = self._expected(name, times[:, number])
            leading = expected.shape[1] - payoffs.shape[1]
            sums = rotated[rows].sum(axis=1)
            sums[:, :leading] -= expected[:, :leading] / np.sqrt(weights[:leading])
            state *= kept
            state += (1 - kept) / TICK * sums[:, None, :]
            squares = np.square(state)
            cusums = novelty.cusum(cusums, payoffs[rows].sum(axis=1) - expected[:, leading:], CUSUM_CAP)
            plain, white = squares.sum(axis=2), squares @ weights
            out[:, number] = np.concatenate([np.cbrt(plain), np.cbrt(white), cusums], axis=1)
        return out
