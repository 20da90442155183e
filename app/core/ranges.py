"""Which events a reading counts: ranges of offsets, each for a stretch of event time.

A window may begin and end inside a tick bucket, and events come out of order.  So one range of offsets is not
enough: a bucket that is counted in part has a range of its own, and those counted whole share one.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.readings import OffsetRange


class Counted(NamedTuple):
    """Units of one partition from offset `first` to `last`, of event time in [start, end).

    `opens`, `closes`: whether the first and the last unit of that time and partition are among them.
    """

    partition: int
    first: int
    last: int
    start: float
    end: float
    opens: bool = True
    closes: bool = True

    def joins(self, later: "Counted") -> bool:
        """Whether a later one can be said together with this one without counting anything else."""
        same = (self.start, self.end) == (later.start, later.end) and not later.opens
        whole = self.opens and self.closes and later.opens and later.closes and self.end <= later.start
        return same or whole

    def joined(self, later: "Counted") -> "Counted":
        """Both as one."""
        return Counted(
            self.partition,
            min(self.first, later.first),
            max(self.last, later.last),
            self.start,
            later.end,
            self.opens,
            later.closes,
        )


def merged(counted: Iterable[Counted]) -> list[Counted]:
    """As few as say the same, in the order of partitions, then of time; about three for a partition.

    >>> merged([Counted(0, 5, 9, 1.0, 2.0), Counted(0, 8, 12, 2.0, 3.0)])
    [Counted(partition=0, first=5, last=12, start=1.0, end=3.0, opens=True, closes=True)]
    >>> len(merged([Counted(0, 5, 9, 1.0, 2.0, opens=False), Counted(0, 8, 12, 2.0, 3.0)]))
    2
    """
    out: dict[int, list[Counted]] = {}
    for each in counted:
        held = out.setdefault(each.partition, [])
        if held and held[-1].joins(each):
            each = held.pop().joined(each)
            if held and held[-1].joins(each):
                each = held.pop().joined(each)
        held.append(each)
    return [each for _, held in sorted(out.items()) for each in held]


def told(counted: Iterable[Counted]) -> list[OffsetRange]:
    """As a reading says it."""
    return [
        OffsetRange(partition=c.partition, first=c.first, last=c.last, start=c.start, end=c.end)
        for c in merged(counted)
    ]


def holds(ranges: Sequence[OffsetRange], *, partition: int, offset: int, time: float) -> bool:
    """Whether a unit of this place and event time (epoch seconds) is among those counted."""
    return any(
        each.partition == partition
        and each.first <= offset <= each.last
        and (each.start is None or each.start <= time)
        and (each.end is None or time < each.end)
        for each in ranges
    )
