"""What of the ticks never came, and what came too late: counted, so that nothing is missing in silence.

Every tick says how many units its partition had counted before its block.  Blocks of a partition come in
order, so a gap between them is a loss.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas.ticks import Tick


@dataclass(slots=True)
class _Tail:
    """The newest block of a partition, the only one that can grow."""

    block_start: int
    counted: int = 0  # units that the partition has counted up to its end
    told: dict[int, int] = field(default_factory=dict)  # bucket -> units handed out, or found late


class Arrivals:
    """Counts of one application.  State: one small record a partition."""

    def __init__(self) -> None:
        self.lost = self.late = 0
        self._tails: dict[int, _Tail] = {}

    def hear(self, tick: Tick, *, closed_before: int) -> None:
        """Take note of a tick; buckets below `closed_before` take no more units.

        A block that is told again after a crash changes nothing; a count that fell is a sender that began
        anew, with nothing before it to miss.
        """
        tail = self._tails.get(tick.partition)
        if tail is not None and tick.block_start < tail.block_start:
            return
        if tail is None or tick.block_start > tail.block_start:
            if tail is not None and tick.units:
                self.lost += max(tick.units_before - tail.counted, 0)
            counted = 0 if tail is None else tail.counted
            tail = self._tails[tick.partition] = _Tail(tick.block_start, counted)
        if tick.units:
            tail.counted = tick.units_before + tick.units
        closed: dict[int, int] = {}
        for each in tick.sums:
            if each.bucket < closed_before:
                closed[each.bucket] = closed.get(each.bucket, 0) + each.units
        for bucket, units in closed.items():
            self.late += max(units - tail.told.get(bucket, 0), 0)
            tail.told[bucket] = max(units, tail.told.get(bucket, 0))

    def hand_out(self, place: tuple[int, int], bucket: int, units: int) -> None:
        """Units of a (partition, block) that were counted in a bucket."""
        tail = self._tails.get(place[0])
        if tail is not None and tail.block_start == place[1]:
            tail.told[bucket] = tail.told.get(bucket, 0) + units

    def snapshot(self) -> tuple[Any, ...]:
        """State as a value for msgpack."""
        return self.lost, self.late, self._tails

    def restore(self, state: tuple[Any, ...]) -> None:
        """Take over a snapshot."""
        self.lost, self.late = state[:2]
        self._tails = msgspec.convert(state[2], dict[int, _Tail], strict=False)
