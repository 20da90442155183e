"""Reading ticks: the newest version of each block, opened bucket by bucket as the watermark passes.

*Replace, never add*: a block that is sent again (it grew, or its sender crashed) takes the place of
its older version, so at-least-once delivery counts exactly once.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.core.folding import Fold, SumKey, key_of
from schemas.readings import Sample, Tick, TickSum, Totals

AHEAD_SECONDS = 86_400.0
NEVER = -(2**62)


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


@dataclass(slots=True)
class _Version:
    up_to: int
    sums: dict[SumKey, Fold]
    samples: list[Sample]
    event_times: list[float]
    given: dict[SumKey, Fold] = field(default_factory=dict)  # told while their bucket was still open
    seen: dict[int, float] = field(default_factory=dict)  # ordinal -> time of samples told likewise


def in_time(sample: Sample) -> tuple[float, int, int]:
    """Order of samples that does not depend on when they arrived."""
    return sample.time, sample.partition, sample.ordinal


class TickBook:
    """The blocks of one application, by (partition, block start).

    `samples_before` and `sums_before` remove and return what lies before a border; what arrives for
    the time before it is late and left out (its sender has counted it in the totals).  While a baseline
    is learned, samples are only looked at: a block sent anew can still take the place of its old version.
    """

    def __init__(self) -> None:
        self._blocks: dict[tuple[int, int], _Version] = {}
        self._totals: dict[int, tuple[int, Totals]] = {}
        self._taken_bucket = NEVER
        self._taken_time = -math.inf
        self._counted_time = -math.inf

    @property
    def totals(self) -> Totals:
        """Sum over partitions of the newest totals of each."""
        out = {name: 0 for name in Totals.__struct_fields__}
        for _, totals in self._totals.values():
            for name in out:
                out[name] += getattr(totals, name)
        return Totals(**out)

    def receive(self, tick: Tick) -> None:
        """Take over a block version; an older or equal one changes nothing."""
        newest = self._totals.get(tick.partition)
        if newest is None or tick.up_to >= newest[0]:
            self._totals[tick.partition] = (tick.up_to, tick.totals)
        place = (tick.partition, tick.block_start)
        known = self._blocks.get(place)
        if known is not None and known.up_to >= tick.up_to:
            return
        given = {} if known is None else known.given
        seen = {} if known is None else known.seen
        sums = {key_of(s): Fold.from_wire(s) for s in tick.sums if s.bucket >= self._taken_bucket}
        sums = {k: fold.without(given[k]) if k in given else fold for k, fold in sums.items()}
        self._blocks[place] = _Version(
            tick.up_to,
            {k: fold for k, fold in sums.items() if fold.units},
            [s for s in tick.samples if s.time >= self._taken_time and s.ordinal not in seen],
            [t for t in tick.event_times if t >= self._counted_time],
            given,
            seen,
        )
        self._forget()

    def count_before(self, time: float) -> tuple[list[float], list[float]]:
        """Event times older than `time`, each told once: of samples, and of events without a sample."""
        since, self._counted_time = self._counted_time, max(self._counted_time, time)
        held, bare = [], []
        for version in self._blocks.values():
            held += [s.time for s in version.samples if since <= s.time < time]
            bare += [t for t in version.event_times if t < time]
            version.event_times = [t for t in version.event_times if t >= time]
        self._forget()
        return sorted(held), sorted(bare)

    def samples_until(self, time: float) -> list[Sample]:
        """Samples up to and including `time`, in order of (time, partition, ordinal); they stay."""
        found = (s for v in self._blocks.values() for s in v.samples if s.time <= time)
        return sorted(found, key=in_time)

    def samples_before(self, time: float, *, closing: bool = True) -> list[Sample]:
        """Remove and return samples older than `time`, in order of (time, partition, ordinal).

        Not `closing`: the time stays open, and only what is returned now will not come again.
        """
        if closing:
            self._taken_time = max(self._taken_time, time)
        found: list[Sample] = []
        for version in self._blocks.values():
            taken = [s for s in version.samples if s.time < time]
            found += taken
            version.samples = [s for s in version.samples if s.time >= time]
            if not closing:
                version.seen.update((s.ordinal, s.time) for s in taken)
            version.seen = {n: t for n, t in version.seen.items() if t >= self._taken_time}
        self._forget()
        return sorted(found, key=in_time)

    def newest(self, limit: float) -> float:
        """The newest event time held that is at most `limit`; minus infinity when there is none."""
        times = [s.time for v in self._blocks.values() for s in v.samples]
        times += [t for v in self._blocks.values() for t in v.event_times]
        return max((t for t in times if t <= limit), default=-math.inf)

    def border(self, watermark: float, seconds: float, *, final: bool) -> int:
        """First bucket that stays open at a watermark; if final, right behind what is held before it."""
        passed = math.floor(watermark / seconds) if math.isfinite(watermark) else 2**62
        if not final:
            return passed
        buckets = [k.bucket for v in self._blocks.values() for k in v.sums]
        buckets += [math.floor(s.time / seconds) for v in self._blocks.values() for s in v.samples]
        return max((b + 1 for b in buckets if b < passed), default=NEVER)

    def sums_before(self, bucket: int, *, closing: bool = True) -> Iterator[tuple[int, int, SumKey, Fold]]:
        """Remove and yield (bucket, partition, key, sum) of buckets below `bucket`, in a fixed order.

        Not `closing`: the buckets stay open; what a block adds to them later is told as the difference.
        """
        if closing:
            self._taken_bucket = max(self._taken_bucket, bucket)
        found: list[tuple[int, int, SumKey, Fold]] = []
        for (partition, _), version in self._blocks.items():
            for key in [k for k in version.sums if k.bucket < bucket]:
                fold = version.sums.pop(key)
                found.append((key.bucket, partition, key, fold))
                if not closing:
                    version.given.setdefault(key, Fold()).merge(fold)
            version.given = {k: f for k, f in version.given.items() if k.bucket >= self._taken_bucket}
        self._forget()
        order = sorted(found, key=lambda e: (e[0], e[1], e[2].chunk, str(e[2][2:]), e[3].first_offset))
        yield from order

    def _forget(self) -> None:
        self._blocks = {
            place: v
            for place, v in self._blocks.items()
            if v.sums or v.samples or v.event_times or v.given or v.seen
        }

    def snapshot(self) -> dict[str, Any]:
        """State as a value of plain types."""
        return {
            "blocks": [
                (
                    (p, start, v.up_to),
                    ([f.to_wire(k) for k, f in v.sums.items()], v.samples, v.event_times),
                    ([f.to_wire(k) for k, f in v.given.items()], list(v.seen.items())),
                )
                for (p, start), v in self._blocks.items()
            ],
            "totals": {p: (up_to, totals) for p, (up_to, totals) in self._totals.items()},
            "taken": (self._taken_bucket, self._taken_time, self._counted_time),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot that went through msgpack."""
        self._blocks = {}
        for (partition, start, up_to), (sums, samples, times), (given, seen) in state["blocks"]:
            self._blocks[(partition, start)] = _Version(
                up_to,
                _folds(sums),
                msgspec.convert(samples, list[Sample]),
                list(times),
                _folds(given),
                dict(seen),
            )
        self._totals = {
            int(p): (up_to, msgspec.convert(totals, Totals)) for p, (up_to, totals) in state["totals"].items()
        }
        self._taken_bucket, self._taken_time, self._counted_time = state["taken"]


def _folds(sums: Any) -> dict[SumKey, Fold]:  # noqa: ANN401  from msgpack
    return {key_of(s): Fold.from_wire(s) for s in msgspec.convert(sums, list[TickSum])}
