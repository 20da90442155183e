"""From the reference alone to a threshold: a cross-fitted bootstrap of the whole detector.

`simulation` draws null streams from the reference.  Every component is put on a common scale by its own
run lengths, then one joint threshold is set on the maximum (docs/method.md).  Deterministic under a seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.core import novelty
from app.core.cycles import Fitted
from app.core.fixedpoint import Floats
from app.core.reference import EYES, Reference
from app.core.simulation import Plan, simulate
from app.core.watch import PREFIX

DECAYS = (1 / 24, 1 / 96, 1 / 384, 1 / 1024)
SHORT_RUN, LONG_RUN = 5_000.0, 50_000.0
STREAMS, LENGTH = 128, 12_000
LEAST_BET = 0.5  # nats between levels 0 and 1 of a bet
WATCH_BACK = 1.0  # levels, decades of run length
LEVELS, REPLICAS = 32, 200
STEEPEST = 2.0  # decades of run length per level, beyond the simulated ones
JOINT_RUNS = (1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0, 100_000.0)
CHANNELS = {("wording", "p1"): "wording", ("wording", "p0"): "mix"}
CHANNELS |= {("shape", reading): "format" for reading in ("p0", "p1")}
CHANNELS |= {("meaning", reading): "meaning" for reading in ("p0", "p1")}


@dataclass(frozen=True, slots=True)
class Component:
    """One statistic: whose (an eye, or "watch: NAME"), which reading, which scale or bet of it.

    `reading` is p0, p1 or novelty of an eye, or watch.
    """

    eye: str
    reading: str
    index: int
    label: str

    @property
    def channel(self) -> str:
        """The word for people: wording, mix, format, meaning, unseen or "watch: NAME"."""
        if self.reading == "watch":
            return self.eye
        return CHANNELS.get((self.eye, self.reading), "unseen")

    @property
    def bets(self) -> bool:
        """Whether it is a CUSUM of bets, and no decayed sum."""
        return self.reading in ("novelty", "watch")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Thresholds of every component and of their maximum.

    `low`, `high` (c,): component thresholds at run lengths 5,000 and 50,000; `high` is infinite for a
    component that never moves.  `joint` (r,): threshold of the maximum at `runs` (r,) units; beyond
    the last, extrapolated linearly in log run length.  `alarms` counts the simulated alarms behind each
    joint threshold: its relative error is about 1/sqrt(alarms).  `eyes` are those that count, `watches`
    the names of what is watched for.
    """

    decays: tuple[float, ...]
    eyes: tuple[str, ...] = EYES
    watches: tuple[str, ...] = ()
    low: Floats
    high: Floats
    runs: Floats
    joint: Floats
    alarms: NDArray[np.int64]
    error: Floats  # (2, 2) covariance of (log10 run length at the last level, decades per level)
    tick_units: int
    seed: int

    @property
    def bettors(self) -> tuple[str, ...]:
        """Whose p-values are bet on: eyes, and watches behind a prefix."""
        return (*self.eyes, *(PREFIX + name for name in self.watches))

    def components(self) -> tuple[Component, ...]:
        """The bank in the order of `low` and `high`."""
        return component_bank(self.decays, self.eyes, self.watches)

    def log_run_length(self, level: float) -> float:
        """log10 of the joint run length at which the maximum reaches `level`, in units."""
        logs = self._logs
        if level >= self.joint[-1]:
            return float(logs[-1] + (level - self.joint[-1]) * self._slope)
        if level <= self.joint[0]:
            return max(0.0, float(logs[0] + (level - self.joint[0]) * self._slope))
        return float(np.interp(level, self.joint, logs))

    def interval(self, run_length: float) -> tuple[float, float]:
        """95 % interval of the run length behind a threshold, as far as the simulated alarms know it."""
        beyond = max(np.log10(run_length / self.runs[-1]), 0.0) / self._slope
        line = np.array([1.0, beyond])
        half = 1.96 * float(np.sqrt(line @ self.error @ line))
        return run_length / 10**half, run_length * 10**half

    @cached_property
    def _logs(self) -> Floats:
        return np.log10(self.runs)

    @cached_property
    def _slope(self) -> float:
        return slope(self.runs, self.joint)


def slope(runs: Floats, joint: Floats) -> float:
    """Decades of run length per unit of level, from the upper half of the joint curve."""
    x, y = joint[2:] - joint[2:].mean(), np.log10(runs[2:])
    return min(float(x @ y / (x @ x)), STEEPEST)


def component_bank(
    decays: tuple[float, ...], eyes: Sequence[str] = EYES, watches: Sequence[str] = ()
) -> tuple[Component, ...]:
    """Per eye: p0 and p1 at each scale, then the novelty bets; last the bets of each watch."""
    bank: list[Component] = []
    for eye in eyes:
        for reading in ("p0", "p1"):
            bank += [
                Component(eye, reading, i, f"{eye} {reading} 1/{round(1 / a)}") for i, a in enumerate(decays)
            ]
        bank += [
            Component(eye, "novelty", i, f"{eye} novelty {share:g}")
            for i, share in enumerate(novelty.BET_SHARES)
        ]
    for name in watches:
        bank += [
            Component(PREFIX + name, "watch", i, f"{PREFIX}{name} {share:g}")
            for i, share in enumerate(novelty.BET_SHARES)
        ]
    return tuple(bank)


def usable_decays(units: int, tick_units: int) -> tuple[float, ...]:
    """Scales that the reference can carry (1.6/a <= n) and the tick can resolve (1/a >= tick).

    >>> [[round(1 / a) for a in usable_decays(units, 8)] for units in (2000, 500)]
    [[24, 96, 384, 1024], [24, 96]]
    """
    fit = tuple(a for a in DECAYS if 1.6 / a <= units and 1 / a >= tick_units)
    return fit or (DECAYS[1],)


def calibrate(
    reference: Reference, *, tick_units: int = 8, seed: int = 0, cycles: Fitted | None = None
) -> Calibration:
    """Simulate STREAMS null streams of LENGTH units and solve for the thresholds.

    Cost: about 3 s of one core at n = 2000.
    """
    decays = usable_decays(reference.units, tick_units)
    eyes = reference.counting
    watches = () if reference.watches is None else reference.watches.bank.names
    plan = Plan(
        decays=decays, tick_units=tick_units, streams=STREAMS, length=LENGTH, seed=seed + 1, cycles=cycles
    )
    history = simulate(reference, plan)  # (streams, steps, components)
    low, high = _scale(history, component_bank(decays, eyes, watches), tick_units)
    history -= low  # in place: it is tens of megabytes
    history /= high - low
    joint_path = history.max(axis=2)
    solved = [_threshold(joint_path, run, tick_units) for run in JOINT_RUNS if run >= 2 * tick_units]
    joint = np.maximum.accumulate([level for level, _ in solved]) + 1e-6 * np.arange(len(solved))
    return Calibration(
        decays=decays,
        eyes=eyes,
        watches=watches,
        low=low,
        high=high,
        runs=np.array([run for run in JOINT_RUNS if run >= 2 * tick_units]),
        joint=joint,
        alarms=np.array([alarms for _, alarms in solved]),
        error=_error(joint_path, joint, tick_units=tick_units, seed=seed),
        tick_units=tick_units,
        seed=seed,
    )


def _scale(
    history: NDArray[np.floating], bank: tuple[Component, ...], tick_units: int
) -> tuple[Floats, Floats]:
    """Levels 0 and 1 of each component: its own thresholds at the short and the long run.

    Where the reference never varies, a sum has no scale and stays at level 0 (its eye still has the
    bets); a bet keeps a least scale, lest one odd unit among identical ones be beyond all measure.
    Watches stand WATCH_BACK levels back: they may alarm a tenth as often as other components, which costs
    them little, and leaves the budget to what nobody thought of.
    """
    low, high = (
        np.array([_threshold(history[:, :, c], run, tick_units)[0] for c in range(len(bank))])
        for run in (SHORT_RUN, LONG_RUN)
    )
    bets = np.array([component.bets for component in bank])
    high = np.where(bets, np.maximum(high, low + LEAST_BET), np.where(high > low, high, np.inf))
    back = np.array([WATCH_BACK if c.reading == "watch" else 0.0 for c in bank])
    step = np.where(back > 0.0, high - low, 0.0)
    return low + back * step, high + back * step


def _threshold(paths: NDArray[np.floating], run: float, tick_units: int) -> tuple[float, int]:
    """Level at which (time at risk) / (alarms) equals `run` units, and the alarms at that level."""
    peaks = np.maximum.accumulate(paths, axis=1)
    low, high = float(peaks[:, 0].min()), float(peaks[:, -1].max())
    for _ in range(40):
        level = (low + high) / 2
        crossed = peaks > level
        alarms = np.count_nonzero(crossed[:, -1])
        at_risk = tick_units * float(crossed.size - np.count_nonzero(crossed) + alarms)
        if alarms == 0 or at_risk / alarms > run:
            high = level
        else:
            low = level
    crossed = peaks > high
    return high, int(crossed[:, -1].sum())


def _error(paths: NDArray[np.floating], joint: Floats, *, tick_units: int, seed: int) -> Floats:
    """Covariance of (log10 run length at the last joint level, decades per level), over resampled streams."""
    levels = np.linspace(joint[2], joint[-1], LEVELS)
    peaks = np.maximum.accumulate(paths, axis=1)
    crossed = peaks[:, -1] > levels[:, None]  # (levels, streams)
    steps = np.stack([np.searchsorted(peak, levels, side="right") for peak in peaks], axis=1)
    times = tick_units * np.minimum(steps + 1, paths.shape[1])
    random = np.random.default_rng(seed + 2000)
    found = []
    for weights in random.multinomial(len(paths), np.full(len(paths), 1 / len(paths)), REPLICAS):
        alarms = np.maximum(crossed @ weights, 0.5)  # none at all: fewer than one in the whole simulation
        logs = np.log10(times @ weights / alarms)
        found.append((logs[-1], np.polyfit(levels, logs, 1)[0]))
    return np.cov(np.array(found).T)
