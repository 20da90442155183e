"""Reading ticks: the newest version of each block, opened bucket by bucket as the watermark passes.

*Replace, never add*: a block that is sent again (it grew, or its sender crashed) takes the place of
its older version, so at-least-once delivery counts exactly once.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from app.core.arrivals import Arrivals
from app.core.folding import Fold, SumKey, key_of
from schemas.ticks import LEARNING, Sample, Tick, TickSum, Totals

NEVER = -(2**62)


@dataclass(slots=True)
class _Version:
    up_to: int
    sums: dict[SumKey, Fold]
    samples: list[Sample]
    event_times: list[float]
    given: dict[SumKey, Fold] = field(default_factory=dict)  # told while their bucket was still open
    seen: dict[int, float] = field(default_factory=dict)  # ordinal -> time of samples told likewise
    whole: dict[int, tuple[SumKey, Fold]] = field(default_factory=dict)  # ordinal -> what they gave to sums

    def told(self, samples: Iterable[Sample]) -> dict[SumKey, Fold]:
        """What was told of the sums of a newer version: a unit told whole is there unless it comes whole."""
        still = {s.ordinal for s in samples if s.reason == LEARNING}
        out = {key: fold.copy() for key, fold in self.given.items()}
        for ordinal, (key, fold) in self.whole.items():
            if ordinal not in still:
                out.setdefault(key, Fold()).merge(fold)
        return out


def in_time(sample: Sample) -> tuple[float, int, int]:
    """Order of samples that does not depend on when they arrived."""
    return sample.time, sample.partition, sample.ordinal


class TickBook:
    """The blocks of one application, by (partition, block start).

    `samples_before` and `sums_before` remove and return what lies before a border; what arrives for
    the time before it is late: left out, and counted.  While a baseline
    is learned, samples are only looked at: a block sent anew can still take the place of its old version.
    """

    def __init__(self) -> None:
        self._blocks: dict[tuple[int, int], _Version] = {}
        self._totals: dict[int, tuple[int, Totals]] = {}
        self._arrivals = Arrivals()
        self._taken_bucket = NEVER
        self._taken_time = -math.inf
        self._counted_time = -math.inf

    @property
    def totals(self) -> Totals:
        """Sum over partitions of the newest totals of each, and what did not arrive, or too late."""
        out = {name: 0 for name in Totals.__struct_fields__}
        out |= {"lost": self._arrivals.lost, "late": self._arrivals.late}
        for _, totals in self._totals.values():
            for name in out:
                out[name] += getattr(totals, name)
        return Totals(**out)

    def anew(self) -> "TickBook":
        """An empty book that goes on counting: what is held was measured against another baseline."""
        book = TickBook()
        book._totals, book._arrivals = self._totals, self._arrivals
        return book

    def receive(self, tick: Tick) -> None:
        """Take over a block version; an older or equal one changes nothing."""
        newest = self._totals.get(tick.partition)
        if newest is None or tick.up_to >= newest[0]:
            self._totals[tick.partition] = (tick.up_to, tick.totals)
        place = (tick.partition, tick.block_start)
        known = self._blocks.get(place)
        if known is not None and known.up_to >= tick.up_to:
            return
        self._arrivals.hear(tick, closed_before=self._taken_bucket)
        known = known or _Version(-1, {}, [], [])
        sums = {key_of(s): Fold.from_wire(s) for s in tick.sums if s.bucket >= self._taken_bucket}
        self._blocks[place] = replace(
            known,
            up_to=tick.up_to,
            sums=_untold(sums, known.told(tick.samples)),
            samples=[s for s in tick.samples if s.time >= self._taken_time and s.ordinal not in known.seen],
            event_times=[t for t in tick.event_times if t >= self._counted_time],
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

    def keep(self, before: float, stays: Callable[[Sample], bool]) -> int:
        """Drop samples older than `before` that are not to stay; returns how many there are left."""
        left = 0
        for version in self._blocks.values():
            version.samples = [s for s in version.samples if s.time >= before or stays(s)]
            left += sum(s.time < before for s in version.samples)
        self._forget()
        return left

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

    def summed(self, units: Iterable[tuple[Sample, SumKey, Fold]]) -> None:
        """Remember what samples told while their time was open gave to which sum.

        Their sender may crash, learn of the baseline and send them again, in sums.
        """
        places = {(p, n): v for (p, _), v in self._blocks.items() for n in v.seen}
        for unit, key, fold in units:
            places[(unit.partition, unit.ordinal)].whole[unit.ordinal] = key, fold

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
        for place, version in self._blocks.items():
            for key in [k for k in version.sums if k.bucket < bucket]:
                fold = version.sums.pop(key)
                found.append((key.bucket, place[0], key, fold))
                self._arrivals.hand_out(place, key.bucket, fold.units)
                if not closing:
                    version.given.setdefault(key, Fold()).merge(fold)
            version.given = {k: f for k, f in version.given.items() if k.bucket >= self._taken_bucket}
            version.whole = {n: w for n, w in version.whole.items() if w[0].bucket >= self._taken_bucket}
        self._forget()
        order = sorted(found, key=lambda e: (e[0], e[1], e[2].chunk, str(e[2][2:]), e[3].first_offset))
        yield from order

    def _forget(self) -> None:
        self._blocks = {
            place: v
            for place, v in self._blocks.items()
            if v.sums or v.samples or v.event_times or v.given or v.seen or v.whole
        }

    def snapshot(self) -> dict[str, Any]:
        """State as a value of plain types."""
        return {
            "blocks": [
                (
                    (p, start, v.up_to),
                    ([f.to_wire(k) for k, f in v.sums.items()], v.samples, v.event_times),
                    ([f.to_wire(k) for k, f in v.given.items()], list(v.seen.items())),
                    [(n, f.to_wire(k)) for n, (k, f) in v.whole.items()],
                )
                for (p, start), v in self._blocks.items()
            ],
            "totals": {p: (up_to, totals) for p, (up_to, totals) in self._totals.items()},
            "taken": (self._taken_bucket, self._taken_time, self._counted_time),
            "arrivals": self._arrivals.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot that went through msgpack."""
        self._blocks = {}
        for (partition, start, up_to), (sums, samples, times), (given, seen), whole in state["blocks"]:
            self._blocks[(partition, start)] = _Version(
                up_to,
                _folds(sums),
                msgspec.convert(samples, list[Sample]),
                list(times),
                _folds(given),
                dict(seen),
                {n: next(iter(_folds([wire]).items())) for n, wire in whole},
            )
        self._totals = {
            int(p): (up_to, msgspec.convert(totals, Totals)) for p, (up_to, totals) in state["totals"].items()
        }
        self._taken_bucket, self._taken_time, self._counted_time = state["taken"]
        self._arrivals.restore(state["arrivals"])


def _untold(sums: Mapping[SumKey, Fold], told: Mapping[SumKey, Fold]) -> dict[SumKey, Fold]:
    """Sums without what was told of them; exact, for sums are integers."""
    left = {key: fold.without(told[key]) if key in told else fold for key, fold in sums.items()}
    return {key: fold for key, fold in left.items() if fold.units > 0}


def _folds(sums: Any) -> dict[SumKey, Fold]:  # noqa: ANN401  from msgpack
    return {key_of(s): Fold.from_wire(s) for s in msgspec.convert(sums, list[TickSum])}
