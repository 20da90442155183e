"""How far the whole input has been read: the watermarks and the idleness of all its partitions."""

import math
from dataclasses import dataclass, field

from schemas.ticks import Tick

AHEAD_SECONDS = 86_400.0


@dataclass(slots=True)
class Progress:
    """How far each partition of the input has been read."""

    watermarks: dict[int, float | None] = field(default_factory=dict)
    idle: dict[int, bool] = field(default_factory=dict)
    partitions: int = 0

    def update(self, tick: Tick) -> None:
        """Take over what a tick says of its partition; watermarks never fall.

        Only progress ("*") moves the watermark: it is sent after all blocks that it speaks for, while a
        block may be read before the next one of the same flush.
        """
        self.partitions = max(self.partitions, tick.partitions)
        was = self.watermarks.setdefault(tick.partition, None)
        if tick.application == "*" and tick.watermark is not None:
            self.watermarks[tick.partition] = tick.watermark if was is None else max(was, tick.watermark)
        self.idle[tick.partition] = tick.idle  # a tick with content says: no longer silent

    @property
    def watermark(self) -> float | None:
        """Event time that every partition has passed; None while one that is not idle is silent."""
        lowest: float | None = None
        highest: float | None = None
        for partition in range(self.partitions):
            mark, idle = self.watermarks.get(partition), self.idle.get(partition, False)
            if mark is not None:
                highest = mark if highest is None else max(highest, mark)
            if idle:
                continue
            if mark is None:
                return None
            lowest = mark if lowest is None else min(lowest, mark)
        return highest if lowest is None else lowest

    @property
    def end(self) -> float:
        """Where the end of the input may lie at the latest: one absurd time must not close the future."""
        marks = [mark for mark in self.watermarks.values() if mark is not None]
        return max(marks) + AHEAD_SECONDS if marks else math.inf

    @property
    def all_idle(self) -> bool:
        """Whether every partition has been read to its end and is silent."""
        return self.partitions > 0 and all(self.idle.get(p, False) for p in range(self.partitions))
