"""Closing buckets: from blocks of many partitions to small ticks in one fixed order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from app.core.baseline import Baseline, rows_of
from app.core.folding import Fold, SumKey, judge, sum_key
from app.core.ranges import Counted
from app.core.recent import RecentSamples
from app.core.sampling import drawn
from app.core.succession import Succession
from app.core.ticks import TickBook
from app.core.units import is_unit, place_of
from schemas.ticks import LEARNING, Sample


@dataclass(frozen=True, slots=True)
class ClosedBucket:
    """One bucket's ticks in order, what each of them counts, and the versions first seen in it."""

    number: int
    ticks: list[Fold]
    counted: list[list[Counted]]
    deployments: frozenset[str]

    @property
    def units(self) -> int:
        """Counted in all its ticks."""
        return sum(tick.units for tick in self.ticks)

    @property
    def keyless(self) -> int:
        """Those of its units that are without user and conversation."""
        return sum(tick.keyless for tick in self.ticks)

    def counts(self, number: int, *, whole: bool) -> list[Counted]:
        """What a tick counts; not `whole`: the bucket was open before, and parts of it are told elsewhere."""
        counted = self.counted[number]
        return counted if whole else [each._replace(opens=False, closes=False) for each in counted]


def passed(
    book: TickBook,
    recent: RecentSamples,
    *,
    baseline: Baseline,
    evalsets: Succession,
    watermark: float,
    final: bool,
) -> Iterator[tuple[int, SumKey, Fold]]:
    """Sums by partition that a watermark has passed: made by measure, or here of units that it sent whole.

    They are taken out of the book, and samples of the same time announced to those kept.
    """
    seconds = baseline.reference.tick_seconds
    border = book.border(watermark, seconds, final=final)
    taken = book.samples_before(border * seconds, closing=not final)
    closed = [s for s in taken if not baseline.holds(s.time)]
    book.count_before(border * seconds)  # nothing counts them any more
    whole = (s for s in closed if s.reason == LEARNING)
    sums, kept = fold_samples(whole, baseline=baseline, evalsets=evalsets)
    recent.announce([*kept, *(s for s in closed if s.reason != LEARNING)])
    if final:
        book.summed(sums)
    yield from ((unit.partition, key, fold) for unit, key, fold in sums)
    for _, partition, key, fold in book.sums_before(border, closing=not final):
        if key.reference == baseline.reference.id:
            yield partition, key, fold.measured_by(evalsets.cluster_counts)


def fold_samples(
    samples: Iterable[Sample], *, baseline: Baseline, evalsets: Succession
) -> tuple[list[tuple[Sample, SumKey, Fold]], list[Sample]]:
    """Units that were sent whole because their baseline did not exist yet.

    Returns each unit with its key and sum, and the samples that would have been kept of them: both
    as `measure` makes them once it has the baseline.
    """
    units = [s for s in samples if is_unit(s.gap, baseline.horizon_seconds) and not baseline.holds(s.time)]
    if not units:
        return [], []
    sums: list[tuple[Sample, SumKey, Fold]] = []
    kept: list[Sample] = []
    rows = rows_of(units)
    against = [evalsets.at(unit.time, baseline.units_per_second) for unit in units]
    judged = judge(rows, baseline=baseline, evalsets={e.id: e for each in against for e in each}.values())
    for i, unit in enumerate(units):
        cohort = (unit.deployment_id, unit.variant)
        key = sum_key(baseline, time=unit.time, ordinal=unit.ordinal, cohort=cohort)
        fold = Fold()
        fold.add(judged, i, unit.offset, evalsets=[e.id for e in against[i]], keyless=unit.key is None)
        sums.append((unit, key, fold))
        place = place_of(unit.application, unit.user_hash, unit.id)
        reason, inclusion = drawn(place, float(judged.novelty[i]), baseline)
        if inclusion > 0.0:
            kept.append(msgspec.structs.replace(unit, reason=reason, inclusion=inclusion))
    return sums, kept


def close(sums: Iterable[tuple[int, SumKey, Fold]], seconds: float) -> Iterator[ClosedBucket]:
    """Ascending buckets of `seconds`.  The i-th tick is the i-th chunk of every partition together."""
    table: dict[int, dict[int, dict[int, Fold]]] = {}  # bucket -> partition -> chunk -> sum
    versions: dict[int, set[str]] = {}
    for partition, key, fold in sums:
        chunks = table.setdefault(key.bucket, {}).setdefault(partition, {})
        chunks.setdefault(key.chunk, Fold()).merge(fold)
        if key.deployment_id is not None:
            versions.setdefault(key.bucket, set()).add(key.deployment_id)
    for number in sorted(table):
        columns = {p: [chunks[c] for c in sorted(chunks)] for p, chunks in sorted(table[number].items())}
        counted = _counted(columns, (number * seconds, (number + 1) * seconds))
        yield ClosedBucket(
            number, _rows(list(columns.values())), counted, frozenset(versions.get(number, ()))
        )


def _counted(columns: dict[int, list[Fold]], time: tuple[float, float]) -> list[list[Counted]]:
    """Of each row: chunks follow one another in offsets, so each is a range of its own."""
    return [
        [
            Counted(p, column[i].first_offset, column[i].last_offset, *time, i == 0, i + 1 == len(column))
            for p, column in columns.items()
            if i < len(column)
        ]
        for i in range(max(map(len, columns.values())))
    ]


def _rows(columns: list[list[Fold]]) -> list[Fold]:
    ticks: list[Fold] = []
    for i in range(max(len(column) for column in columns)):
        tick = Fold()
        for column in columns:
            if i < len(column):
                tick.merge(column[i])
        ticks.append(tick)
    return ticks
