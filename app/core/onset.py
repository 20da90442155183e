"""When a change began: the likeliest window, and those that are nearly as likely.

For every window that may be the first of the new state, the likelihood ratio "it is" against "nothing has
changed", at the best size for it, of
- the p-values of novelty, by the bets of their CUSUM (`app/core/novelty.py`);
- for a channel that reads sums, the projection on the step of the mean.  The step is taken from the
  *other* windows, and from those before (with a little of the reference) to those after: a window would
  always resemble a step that it took part in, and the reference's own error is no change.
Hinkley (1971), Biometrika 58(3), for the estimate; Siegmund (1988), International Statistical Review 56,
for sets of change points by likelihood ratio.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.core import novelty
from app.core.calibration import Component
from app.core.cycles import NO_CYCLES, Cycles, moved, paid
from app.core.fixedpoint import SCALES, Floats
from app.core.folding import Fold
from app.core.history import Window
from app.core.reference import Reference

NEARLY = 8.0  # nats below the best: 90 % of sets held the change (docs/method.md)
PAST_UNITS = 256  # what the reference counts as part of the past: more, and its error passes for a change
ROUNDS = 6
Usual = Sequence[dict[str, Floats]]  # of each window, what day and week let expect of a unit


@dataclass(frozen=True, slots=True)
class Onset:
    """Event times in epoch seconds; 90 % interval, its lower end None beyond what is remembered."""

    at: float
    low: float | None
    high: float


def estimate(
    windows: Sequence[Window],
    leader: Component,
    *,
    reference: Reference,
    evidence: Callable[[Fold, float], float],
    cycles: Cycles = NO_CYCLES,
) -> Onset | None:
    """Where the change that a component tells of began; None without windows.

    Args: evidence, what one window adds to the component's case, to begin the search with; cycles, what day
        and week let expect, which is no part of a change.
    Cost: one rotation of the windows' sums and a few products, about 20 ms at 64 windows.
    """
    if not windows:
        return None
    usual = [cycles.expected(window.middle) for window in windows]
    profile = _novelty(windows, leader, reference, usual)
    first = int(np.argmax(_onwards(np.array([evidence(w.total, w.middle) for w in windows]))))
    if not leader.bets:
        profile = _search(profile, _steps(windows, leader, reference, usual), first)
    likely = np.flatnonzero(profile >= profile.max() - NEARLY)
    newest = first == len(windows) - 1 and not leader.bets  # one window is not enough to see a step by
    best, last = (first, first) if newest else (int(np.argmax(profile)), int(likely[-1]))
    return Onset(
        at=windows[best].start,
        low=windows[likely[0] - 1].start if likely[0] else None,  # it may have begun within a window
        high=windows[last].end,
    )


def _onwards(gains: Floats) -> Floats:
    """Sums from each window to the last, along the first axis."""
    return np.asarray(np.cumsum(gains[::-1], axis=0)[::-1])


@dataclass(frozen=True, slots=True)
class _Steps:
    """What a component that reads sums saw: centred sums (windows, d), units (windows,), variances (d,)."""

    sums: Floats
    units: Floats
    variances: Floats

    def along(self, first: int) -> Floats:
        """Every window's sum along the step at `first` that the others show, variance 1 a unit."""
        after = (np.arange(len(self.units)) >= first)[:, None]
        sums, held = self.sums, self.units[:, None]
        left = np.maximum((held * after).sum() - held * after, 1.0)
        later = ((sums * after).sum(axis=0) - sums * after) / left
        left = PAST_UNITS + (held * ~after).sum() - held * ~after
        before = ((sums * ~after).sum(axis=0) - sums * ~after) / left
        step = later - before
        length = np.sqrt(np.square(step) @ self.variances)
        return np.asarray((sums * step).sum(axis=1) / np.maximum(length, 1e-12))

    def gains(self, first: int) -> Floats:
        """Log likelihood ratio of a step at each window along the step at `first`, (windows,)."""
        along = self.along(first)
        total, held = _onwards(along), _onwards(self.units)
        past, known = along.sum() - total, PAST_UNITS + self.units.sum() - held
        rise = total / held - past / known
        return np.where(rise > 0.0, np.square(rise) / (2.0 / held + 2.0 / known), 0.0)


def _steps(windows: Sequence[Window], leader: Component, reference: Reference, usual: Usual) -> _Steps:
    eye = reference.eyes[leader.eye].spectrum
    units = np.array([w.total.units for w in windows], float)
    raw = np.array([w.total.sums[leader.eye] for w in windows]) / SCALES[leader.eye]
    sums = eye.rotate(raw, units)
    for row, expected in enumerate(usual):
        if leader.eye in expected:
            sums[row] -= units[row] * moved(expected[leader.eye], eye.eigenvalues)
    if leader.reading == "p1":
        return _Steps(sums / np.sqrt(eye.eigenvalues), units, np.ones_like(eye.eigenvalues))
    return _Steps(sums, units, eye.eigenvalues)


def _novelty(windows: Sequence[Window], leader: Component, reference: Reference, usual: Usual) -> Floats:
    """What the luckiest bet on each eye, and on a leader that bets, won from each window on, (windows,)."""
    payoffs = novelty.bets(reference.units)
    names = [name for name in windows[0].total.novelty if name in reference.eyes or name == leader.eye]
    won = np.zeros(len(windows))
    for name in names:
        gains = np.array([payoffs @ w.total.novelty[name] for w in windows])
        for row, (window, expected) in enumerate(zip(windows, usual, strict=True)):
            if name in expected:
                gains[row] -= window.total.units * paid(expected[name])
        won += np.maximum(_onwards(gains).max(axis=1), 0.0)
    return won


def _search(bets: Floats, steps: _Steps, first: int) -> Floats:
    """The profile whose own best first window is the one at which the step was taken."""
    last = max(len(bets) - 2, 0)  # a step needs two windows: one is compared with the other
    first, tried, profile = min(first, last), set[int](), bets
    for _ in range(ROUNDS):
        tried.add(first)
        profile = bets + steps.gains(first)
        first = min(int(np.argmax(profile)), last)
        if first in tried:
            break
    return profile
