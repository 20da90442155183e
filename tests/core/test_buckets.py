from dataclasses import replace
from random import Random

import numpy as np

from app.core.buckets import close, fold_samples
from app.core.folding import Fold, SumKey
from app.core.ranges import Counted
from app.core.succession import Succession
from tests.rig import made


def fold(units: int, offset: int = 0) -> Fold:
    out = Fold(units=units, first_offset=offset, last_offset=offset + units - 1)
    out.sums["wording"] = np.array([units])
    return out


def key(bucket: int, chunk: int, version: str | None = None) -> SumKey:
    return SumKey(bucket, chunk, "r", version, None)


def test_chunks_of_all_partitions_make_ticks_side_by_side() -> None:
    sums = [
        (0, key(5, 10), fold(4)),
        (0, key(5, 11), fold(3)),
        (1, key(5, 2), fold(2)),
        (0, key(6, 11), fold(1)),
    ]
    found = list(close(sums, 2.0))
    assert [(b.number, [t.units for t in b.ticks]) for b in found] == [(5, [6, 3]), (6, [1])]
    assert found[0].counted == [
        [Counted(0, 0, 3, 10.0, 12.0, closes=False), Counted(1, 0, 1, 10.0, 12.0)],
        [Counted(0, 0, 2, 10.0, 12.0, opens=False)],
    ]
    assert found[0].counts(1, whole=False) == [Counted(0, 0, 2, 10.0, 12.0, opens=False, closes=False)]


def test_cohorts_of_one_chunk_are_one_tick_and_their_versions_are_told() -> None:
    sums = [(0, key(1, 0, "v1"), fold(2)), (0, key(1, 0, "v2"), fold(3, 2)), (0, key(1, 0), fold(1, 5))]
    (bucket,) = close(sums, 2.0)
    assert [t.units for t in bucket.ticks] == [6]
    assert bucket.deployments == {"v1", "v2"}
    assert bucket.counted == [[Counted(0, 0, 5, 2.0, 4.0)]]


def test_the_order_of_sums_is_immaterial() -> None:
    sums = [(p, key(b, c), fold(1 + p + c, 10 * c)) for p in range(3) for b in range(4) for c in range(3)]
    shuffled = Random(3).sample(sums, len(sums))
    one, other = list(close(sums, 2.0)), list(close(shuffled, 2.0))
    assert [b.counted for b in one] == [b.counted for b in other]
    assert [[t.sums["wording"][0] for t in b.ticks] for b in one] == [
        [t.sums["wording"][0] for t in b.ticks] for b in other
    ]


def test_nothing_closes_nothing() -> None:
    assert list(close([], 2.0)) == []
    assert fold_samples([], baseline=made.baseline(), evalsets=Succession()) == ([], [])


def test_what_the_baseline_was_learned_from_is_in_no_tick() -> None:
    found = made.baseline()
    held = made.samples(made.interactions(300))
    later = made.samples(made.interactions(20, first=300))
    sums, kept = fold_samples([*held, *later], baseline=found, evalsets=Succession())
    assert sum(f.units for _, _, f in sums) == 20
    assert [s.id for s in kept] == [s.id for s in later]


def test_prompts_within_a_session_are_no_units() -> None:
    strict = replace(made.baseline(), horizon_seconds=3600.0)
    later = made.samples(made.interactions(30, first=300, users=4))
    sums, kept = fold_samples(later, baseline=strict, evalsets=Succession())
    assert sum(f.units for _, _, f in sums) == len(kept) == 4


def test_samples_are_thinned_to_the_rate_of_their_baseline() -> None:
    rare = replace(made.baseline(), sample_rate=0.2)
    _, kept = fold_samples(
        made.samples(made.interactions(400, first=300)), baseline=rare, evalsets=Succession()
    )
    assert {s.inclusion for s in kept if s.reason == "uniform"} == {0.2}
    assert len(kept) < 150
