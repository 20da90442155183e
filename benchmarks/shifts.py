"""The grid: 17 ways for traffic to change, and the streams that do."""

from dataclasses import dataclass

import numpy as np

from benchmarks.worlds import Rows, Traffic

TICK = 8  # units a tick: statistics are read, and delays counted, at ticks
CLEAN_UNITS, CHANGED_UNITS = 1504, 6000
RAMP_UNITS = 4000


@dataclass(frozen=True, slots=True)
class Shift:
    """From the change on, a unit is of `kind` with probability `share` (after a linear ramp, if any)."""

    name: str
    kind: str
    share: float
    ramp: int = 0

    def shares(self, units: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Probability for each of the units after the change."""
        if not self.ramp:
            return np.full(units, self.share)
        return self.share * np.minimum(np.arange(1, units + 1) / self.ramp, 1.0)


def _grid() -> tuple[Shift, ...]:
    shares = {
        "topic": (10, 20, 50),
        "code": (2, 5, 10),
        "role-prefix": (20,),
        "lengthen": (20,),
        "terse": (20, 50),
        "jailbreak": (1, 2, 5),
        "language": (2, 5),
    }
    sudden = [Shift(f"{k} {p} %", k, p / 100) for k, percents in shares.items() for p in percents]
    ramps = [Shift(f"ramp {k} to {p} %", k, p / 100, RAMP_UNITS) for k, p in (("topic", 20), ("code", 10))]
    return (*sudden, *ramps)


GRID = _grid()


def stream(traffic: Traffic, shift: Shift, random: np.random.Generator, count: int) -> Rows:
    """Rows of `count` streams, (count, CLEAN_UNITS + CHANGED_UNITS)."""
    rows = traffic.clean(random, (count, CLEAN_UNITS + CHANGED_UNITS))
    shape = (count, CHANGED_UNITS)
    carried = random.random(shape) < shift.shares(CHANGED_UNITS)
    rows[:, CLEAN_UNITS:] = np.where(
        carried, traffic.changed(shift.kind, random, shape), rows[:, CLEAN_UNITS:]
    )
    return rows
