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
from app.core.calibration import CUSUM_CAP, Component
from app.core.fixedpoint import SCORE_SCALE, WORDING_SCALE, Floats
from app.core.folding import Fold
from app.core.reference import EYES, Rows
from app.core.spectrum import DecayedSums

SCALES = {"wording": WORDING_SCALE, "shape": SCORE_SCALE}


@dataclass(frozen=True, slots=True)
class Score:
    """The joint score, the component that leads, and every component's own level."""

    value: float
    leader: Component
    levels: Floats


class Detector:
    """State: (scales, d) decayed sums and a few CUSUMs per eye; about 13 KB.

    `update` folds one tick; `get` reads the score.  Cost: one 384 x 384 product a tick.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        calibration = baseline.calibration
        self._bank = calibration.components()
        self._payoffs = novelty.bets(baseline.reference.units)
        self._sums = {
            name: DecayedSums.zeros(calibration.decays, len(eye.spectrum.mean))
            for name, eye in baseline.reference.eyes.items()
        }
        self._cusums = {name: np.zeros(len(novelty.BET_SHARES)) for name in EYES}

    def update(self, fold: Fold) -> None:
        """Fold one tick of at least one unit."""
        for name in EYES:
            eye = self._baseline.reference.eyes[name]
            raw = (fold.wording if name == "wording" else fold.shape) / SCALES[name]
            self._sums[name].update(eye.spectrum.rotate(raw, fold.units), fold.units)
            gain = self._payoffs @ fold.novelty[name]
            self._cusums[name] = novelty.cusum(self._cusums[name], gain, CUSUM_CAP)

    def get(self) -> Score:
        """The present score."""
        values: list[Floats] = []
        for name in EYES:
            plain, white = self._sums[name].get(self._baseline.reference.eyes[name].spectrum.eigenvalues)
            values += [np.cbrt(plain), np.cbrt(white), self._cusums[name]]
        calibration = self._baseline.calibration
        levels = (np.concatenate(values) - calibration.low) / (calibration.high - calibration.low)
        leader = int(np.argmax(levels))
        return Score(calibration.log_run_length(float(levels[leader])), self._bank[leader], levels)

    def evidence(self, component: Component) -> Callable[[Fold], float]:
        """What one window adds to the case that a component makes: below zero on clean traffic.

        For sums, the projection on where the sum points, less half the step it estimates (the
        increment of Page's test for a known step); for bets, what they win.
        """
        eye = self._baseline.reference.eyes[component.eye]
        if component.reading == "novelty":
            pay = self._payoffs[component.index]
            return lambda fold: float(pay @ fold.novelty[component.eye])
        state = self._sums[component.eye].state[component.index]
        weighted = state / eye.spectrum.eigenvalues if component.reading == "p1" else state
        half_step = float(state @ weighted) / 2

        def gain(fold: Fold) -> float:
            raw = (fold.wording if component.eye == "wording" else fold.shape) / SCALES[component.eye]
            return float(eye.spectrum.rotate(raw, fold.units) @ weighted) - fold.units * half_step

        return gain

    def drive(self, label: str) -> Callable[[Rows], Floats]:
        """How much each unit of some rows speaks for the component with this label, shape (m,).

        The projection on where its sum points; for bets, the Mahalanobis norm.
        """
        component = next(c for c in self._bank if c.label == label)
        reference = self._baseline.reference
        eye, states = reference.eyes[component.eye].spectrum, self._sums[component.eye].state
        state = states[min(component.index, len(states) - 1)]  # of a bet it is not asked
        weighted = state / eye.eigenvalues if component.reading == "p1" else state

        def speak(rows: Rows) -> Floats:
            view = reference.eye_rows(rows.wording, rows.shape)[component.eye]
            if component.reading == "novelty":
                return eye.mahalanobis(view)
            along: Floats = (view - eye.mean) @ (eye.basis @ weighted)
            return along

        return speak

    def snapshot(self) -> dict[str, Any]:
        """State as a value; bit-exact."""
        return {
            "sums": {name: sums.state.astype("<f8").tobytes() for name, sums in self._sums.items()},
            "cusums": {name: values.tolist() for name, values in self._cusums.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot of a detector of the same baseline."""
        for name, sums in self._sums.items():
            sums.state = np.frombuffer(state["sums"][name], "<f8").reshape(sums.state.shape).copy()
            self._cusums[name] = np.asarray(state["cusums"][name], float)
