"""Where a stream of outcomes changed: ADWIN says that it did, the likelihood where (river; Bifet and Gavalda,
2007, SDM).

The values are kept as means of chunks, at most MOST of them; when there are more, neighbours are joined, so
memory stays bounded and the whole past counts.  ADWIN reads them anew at each look: no hidden state.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.core.fixedpoint import Floats

MOST = 2048
FEWEST_CHUNKS = 30
SCALE_FROM = 200  # values that settle the scale of a numeric metric
LARGEST_DELTA, SMALLEST_DELTA = 0.002, 1e-12


@dataclass(frozen=True, slots=True)
class Shift:
    """A change: when (epoch seconds), and the means before and since."""

    at: float
    before: float
    now: float


@dataclass(slots=True)
class Course:
    """Values in order of time, as chunks of `size`: their sums, and the time at which each ends.

    >>> course = Course()
    >>> for n in range(3000):
    ...     course.append(float(n % 10 < (8 if n < 2000 else 5)), float(n))
    >>> found = course.locate(delta=1e-4); round(found.at, -2), round(found.before, 2), round(found.now, 2)
    (2000.0, 0.8, 0.5)
    """

    size: int = 1
    sums: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    open_count: int = 0
    open_sum: float = 0.0

    def append(self, value: float, time: float) -> None:
        """One value; times must not decrease by much."""
        self.open_count, self.open_sum = self.open_count + 1, self.open_sum + value
        if self.open_count < self.size:
            return
        self.sums.append(self.open_sum)
        self.ends.append(time)
        self.open_count, self.open_sum = 0, 0.0
        if len(self.sums) >= MOST:
            self.sums = [one + other for one, other in zip(self.sums[::2], self.sums[1::2], strict=True)]
            self.ends, self.size = self.ends[1::2], 2 * self.size

    @property
    def per_second(self) -> float | None:
        """Values per second of event time, over all that is remembered; None where no time has passed."""
        if len(self.ends) < 2 or self.ends[-1] <= self.ends[0]:
            return None
        return self.size * (len(self.ends) - 1) / (self.ends[-1] - self.ends[0])

    def locate(self, *, delta: float) -> Shift | None:
        """The last change of the mean; None where ADWIN finds none at confidence `delta`.  Cost: 2 ms.

        Values need not lie in [0, 1]: they are scaled by what is remembered first.
        """
        means = np.asarray(self.sums) / self.size
        if len(means) < FEWEST_CHUNKS:
            return None
        from river.drift import ADWIN  # a second, where outcomes come

        adwin, scaled = ADWIN(delta=delta), _scaled(means, self.size)
        start, cut = 0, None
        for i, value in enumerate(scaled.tolist()):
            adwin.update(value)
            if adwin.drift_detected:
                cut = start + _split(means[start : i + 1])
                last, start = start, cut
        if cut is None:
            return None
        return Shift(self.ends[cut - 1], float(means[last:cut].mean()), float(means[cut:].mean()))

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "size": self.size,
            "open": (self.open_count, self.open_sum),
            "sums": np.array(self.sums, "<f8").tobytes(),
            "ends": np.array(self.ends, "<f8").tobytes(),
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "Course":
        """Inverse of `snapshot`."""
        sums, ends = (np.frombuffer(state[name], "<f8").tolist() for name in ("sums", "ends"))
        return cls(state["size"], sums, ends, *state["open"])


def delta_of(pages: float, outcomes: float, *, every: int) -> float:
    """ADWIN's error of one look, so that all looks at `outcomes`, one after every `every`, give `pages`.

    >>> delta_of(0.05, 100_000, every=32)
    1.6e-05
    """
    looks = max(outcomes / every, 1.0)
    return min(max(pages / looks, SMALLEST_DELTA), LARGEST_DELTA)


def _split(values: Floats) -> int:
    """Where two means fit best: the largest standardised difference; at least one value on each side."""
    count = len(values)
    n = np.arange(1, count)
    head = np.cumsum(values)[:-1]
    difference = head / n - (values.sum() - head) / (count - n)
    return int(np.argmax(difference**2 * n * (count - n))) + 1


def _scaled(means: Floats, size: int) -> Floats:
    """Into [0, 1], as ADWIN wants it: as they are, else squashed around what was seen first."""
    if means.min() >= 0.0 and means.max() <= 1.0:
        return means
    first = means[: max(math.ceil(SCALE_FROM / size), FEWEST_CHUNKS)]
    spread = float(first.std()) or 1.0
    return 0.5 + 0.5 * np.tanh((means - float(first.mean())) / (4 * spread))
