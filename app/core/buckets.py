"""Closing buckets: from blocks of many partitions to small ticks in one fixed order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from app.core.baseline import Baseline, rows_of
from app.core.folding import Fold, SumKey, judge, sum_key
from app.core.reference import Reference
from app.core.sampling import drawn
from app.core.units import is_unit
from schemas.readings import Sample

Offsets = dict[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class ClosedBucket:
    """One bucket's ticks in order, the offsets it rests on, and the versions first seen in it."""

    number: int
    ticks: list[Fold]
    offsets: Offsets
    deployments: frozenset[str]


def fold_samples(
    samples: Iterable[Sample], *, baseline: Baseline, evalset: Reference | None
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
    judged = judge(rows, baseline=baseline, evalset=evalset)
    clusters = 0 if evalset is None else len(evalset.clusters.names)
    for i, unit in enumerate(units):
        cohort = (unit.deployment_id, unit.variant)
        key = sum_key(baseline, evalset, time=unit.time, ordinal=unit.ordinal, cohort=cohort)
        fold = Fold()
        fold.add(judged, i, unit.offset, clusters, keyless=unit.key is None)
        sums.append((unit, key, fold))
        reason, inclusion = drawn(unit.id, float(judged.novelty[i]), baseline)
        if inclusion > 0.0:
            kept.append(msgspec.structs.replace(unit, reason=reason, inclusion=inclusion))
    return sums, kept


def close(sums: Iterable[tuple[int, SumKey, Fold]]) -> Iterator[ClosedBucket]:
    """Ascending buckets.  The i-th tick of a bucket is the i-th chunk of every partition together."""
    table: dict[int, dict[int, dict[int, Fold]]] = {}  # bucket -> partition -> chunk -> sum
    versions: dict[int, set[str]] = {}
    for partition, key, fold in sums:
        chunks = table.setdefault(key.bucket, {}).setdefault(partition, {})
        chunks.setdefault(key.chunk, Fold()).merge(fold)
        if key.deployment_id is not None:
            versions.setdefault(key.bucket, set()).add(key.deployment_id)
    for number in sorted(table):
        columns = [[chunks[c] for c in sorted(chunks)] for _, chunks in sorted(table[number].items())]
        offsets = {
            p: (min(f.first_offset for f in chunks.values()), max(f.last_offset for f in chunks.values()))
            for p, chunks in table[number].items()
        }
        yield ClosedBucket(number, _rows(columns), offsets, frozenset(versions.get(number, ())))


def _rows(columns: list[list[Fold]]) -> list[Fold]:
    ticks: list[Fold] = []
    for i in range(max(len(column) for column in columns)):
        tick = Fold()
        for column in columns:
            if i < len(column):
                tick.merge(column[i])
        ticks.append(tick)
    return ticks
