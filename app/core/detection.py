"""The sequential detector: one score over all eyes, scales and readings, against one threshold.

score = log10 of the run length at which clean traffic reaches the present maximum: 4.2 is seen once in
16,000 units, and an alarm is due where the score passes log10 of the promised run length.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core import novelty
from app.core.baseline import Baseline
from app.core.calibration import Component
from app.core.cycles import moved, paid
from app.core.fixedpoint import SCALES, Floats, restore
from app.core.folding import Fold
from app.core.rows import Rows
from app.core.spectrum import DecayedSums
from app.core.watch import PREFIX


@dataclass(frozen=True, slots=True)
class Score:
    """The joint score, the component that leads, and every component's own level."""

    value: float
    leader: Component
    levels: Floats


@dataclass(frozen=True, slots=True)
class Lens:
    """How one component sees units: its distances are Euclidean in `coordinates`, shape (m, d).

    `loudness` of coordinates, shape (m,), is how much each unit speaks for the component: the projection
    on where its sum points; for bets, the Mahalanobis norm or the watch's score.  None: silent.
    """

    coordinates: Callable[[Rows], Floats]
    loudness: Callable[[Floats], Floats] | None


class Detector:
    """State: (scales, d) decayed sums and a few CUSUMs per eye, three CUSUMs per watch; about 13 KB.

    `update` folds one tick; `get` reads the score.  Cost: one 384 x 384 product a tick.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        calibration = baseline.calibration
        self._bank = calibration.components()
        self._payoffs = novelty.bets(baseline.reference.units)
        self._sums = {
            name: DecayedSums.zeros(calibration.decays, len(baseline.reference.eyes[name].spectrum.mean))
            for name in calibration.eyes
        }
        self._bettors = calibration.bettors
        self._cusums = np.zeros((len(self._bettors), len(novelty.BET_SHARES)))
        self._span = calibration.high - calibration.low

    def update(self, fold: Fold, time: float = 0.0) -> None:
        """Fold one tick of at least one unit, less what day and week let expect at its event time.

        Raises: ValueError, with nothing changed, where the tick has no unit or is of other eyes.
        """
        self._demand(fold)
        expected = self._baseline.cycles.expected(time)
        for name, sums in self._sums.items():
            spectrum = self._baseline.reference.eyes[name].spectrum
            rotated = spectrum.rotate(fold.sums[name] / SCALES[name], fold.units)
            if name in expected:
                rotated -= fold.units * moved(expected[name], spectrum.eigenvalues)
            sums.update(rotated, fold.units)
        counts = np.array([fold.novelty[name] for name in self._bettors], np.float64)
        gains = counts @ self._payoffs.T
        for row, name in enumerate(self._bettors):
            if name in expected:
                gains[row] -= fold.units * paid(expected[name])
        self._cusums = novelty.cusum(self._cusums, gains, novelty.CUSUM_CAP)

    def _demand(self, fold: Fold) -> None:
        if fold.units < 1:
            raise ValueError("a tick holds at least one unit")
        for name, sums in self._sums.items():
            held, wanted = len(fold.sums.get(name, ())), sums.state.shape[1]
            if held != wanted:
                raise ValueError(f"a tick with {held} coordinates of {name}; the baseline has {wanted}")
        for name in self._bettors:
            if len(fold.novelty.get(name, ())) != novelty.BIN_COUNT:
                raise ValueError(f"a tick without the {novelty.BIN_COUNT} counts of {name}")

    def get(self) -> Score:
        """The present score."""
        values: list[Floats] = []
        for bets, (name, sums) in zip(self._cusums, self._sums.items(), strict=False):  # eyes come first
            plain, white = sums.get(self._baseline.reference.eyes[name].spectrum.eigenvalues)
            values += [np.cbrt(plain), np.cbrt(white), bets]
        values.append(self._cusums[len(self._sums) :].ravel())
        calibration = self._baseline.calibration
        levels = (np.concatenate(values) - calibration.low) / self._span
        leader = int(np.argmax(levels))
        return Score(calibration.log_run_length(float(levels[leader])), self._bank[leader], levels)

    def evidence(self, component: Component) -> Callable[[Fold, float], float]:
        """What the window around an event time adds to a component's case: below zero on clean traffic.

        For sums, the projection on where the sum points, less half the step it estimates (the
        increment of Page's test for a known step); for bets, what they win.  Both less what day and week
        let expect.
        """
        name, cycles = component.eye, self._baseline.cycles
        if component.bets:
            pay = self._payoffs[component.index]

            def won(fold: Fold, time: float) -> float:
                usual = cycles.expected(time)
                less = fold.units * float(paid(usual[name])[component.index]) if name in usual else 0.0
                return float(pay @ fold.novelty[name]) - less

            return won
        eye = self._baseline.reference.eyes[name].spectrum
        state = self._sums[name].state[component.index]
        weighted = state / eye.eigenvalues if component.reading == "p1" else state
        half_step = float(state @ weighted) / 2

        def gain(fold: Fold, time: float) -> float:
            usual = cycles.expected(time)
            rotated = eye.rotate(fold.sums[name] / SCALES[name], fold.units)
            if name in usual:
                rotated -= fold.units * moved(usual[name], eye.eigenvalues)
            return float(rotated @ weighted) - fold.units * half_step

        return gain

    def lens(self, label: str) -> Lens:
        """How the component with this label sees units."""
        component = next(c for c in self._bank if c.label == label)
        reference = self._baseline.reference
        if component.reading == "watch":
            assert reference.watches is not None
            bank, name = reference.watches.bank, component.eye.removeprefix(PREFIX)
            column = bank.names.index(name)
            return Lens(lambda rows: bank.scores(rows)[:, [column]], lambda seen: seen[:, 0])
        eye = reference.eyes[component.eye].spectrum
        scale = np.ones_like(eye.eigenvalues) if component.reading == "p0" else np.sqrt(eye.eigenvalues)

        def coordinates(rows: Rows) -> Floats:
            view = restore(reference.look(rows)[component.eye], SCALES[component.eye])
            return np.asarray((view - eye.mean) @ eye.basis / scale)

        if component.reading == "novelty":
            return Lens(coordinates, lambda seen: np.square(seen).sum(axis=1))
        along = self._sums[component.eye].state[component.index] / scale
        return Lens(coordinates, lambda seen: np.asarray(seen @ along))

    def snapshot(self) -> dict[str, Any]:
        """State as a value; bit-exact."""
        return {
            "sums": {name: sums.state.astype("<f8").tobytes() for name, sums in self._sums.items()},
            "cusums": dict(zip(self._bettors, self._cusums.tolist(), strict=True)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot of a detector of the same baseline."""
        for name, sums in self._sums.items():
            sums.state = np.frombuffer(state["sums"][name], "<f8").reshape(sums.state.shape).copy()
        self._cusums = np.array([state["cusums"][name] for name in self._bettors], float)
