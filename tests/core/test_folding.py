from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.core.folding import Fold, Judged, SumKey, judge, key_of, sum_key
from app.core.succession import Succession
from tests.rig import made

KEY = SumKey(7, 3, "baseline-1", "v2", None)


def judged(count: int = 30, *, first: int = 0, rows: int | None = None) -> Judged:
    found = made.rows(count, seed=5)
    last = count if rows is None else first + rows
    return judge(
        found.take(range(first, last)),
        baseline=made.baseline(),
        evalsets=[made.reference(300)],
    )


def folded(members: Judged, chosen: range | list[int]) -> Fold:
    fold = Fold()
    for row in chosen:
        fold.add(members, row, 100 + row)
    return fold


def same(one: Fold, other: Fold) -> bool:
    return one.to_wire(KEY) == other.to_wire(KEY)


@cache
def everyone() -> Judged:
    return judged()


@cache
def sets() -> Succession:
    return Succession(made.reference(300))


def test_a_sum_survives_the_wire() -> None:
    fold = folded(everyone(), range(30))
    back = Fold.from_wire(fold.to_wire(KEY))
    assert same(back, fold)
    assert key_of(fold.to_wire(KEY)) == KEY


def test_an_empty_sum_survives_the_wire() -> None:
    assert same(Fold.from_wire(Fold().to_wire(KEY)), Fold())


@given(st.permutations(list(range(30))), st.integers(0, 30), st.integers(0, 30))
def test_any_order_and_any_portions_give_the_same_sum(order: list[int], a: int, b: int) -> None:
    low, high = sorted((a, b))
    merged = Fold()
    for part in (order[:low], order[low:high], order[high:]):
        merged.merge(folded(everyone(), part))
    assert same(merged, folded(everyone(), range(30)))


def test_a_sum_counts_every_unit_in_every_histogram() -> None:
    fold = folded(everyone(), range(30))
    assert fold.units == 30
    assert (fold.first_offset, fold.last_offset) == (100, 129)
    assert [fold.novelty[eye].sum() for eye in ("wording", "shape")] == [30, 30]
    (counts,) = fold.coverage.values()
    assert (counts.units, counts.clusters.sum()) == (30, 30)


def test_units_judged_one_by_one_are_judged_alike() -> None:
    one_by_one = Fold()
    for row in range(30):
        one_by_one.merge(folded(judged(first=row, rows=1), [0]))
    together = folded(everyone(), range(30))
    together.first_offset, together.last_offset = 100, 100
    assert same(one_by_one, together)


@given(st.integers(1, 29), st.integers(1, 29))
def test_what_was_added_since_an_earlier_state_is_the_difference(low: int, more: int) -> None:
    high = min(low + more, 30)
    earlier, later = folded(everyone(), range(low)), folded(everyone(), range(high))
    added = later.without(earlier)
    assert added.units == high - low
    earlier.merge(added)
    assert same(earlier, later)


def test_a_merge_leaves_its_argument_alone() -> None:
    part, target = folded(everyone(), range(5)), Fold()
    before = part.to_wire(KEY)
    target.merge(part)
    target.merge(folded(everyone(), range(5, 9)))
    assert part.to_wire(KEY) == before


def test_of_an_eval_set_that_is_not_known_nothing_is_said() -> None:
    fold, (name, clusters) = folded(everyone(), range(30)), next(iter(sets().cluster_counts.items()))
    assert fold.measured_by(sets().cluster_counts).coverage == fold.coverage
    for other in ({}, {name: clusters + 1}, {"evalset-other": clusters}):
        bare = fold.measured_by(other)
        assert (bare.coverage, bare.units) == ({}, 30)


def test_an_eval_set_that_its_sender_forgot_in_a_crash_has_no_fewer_than_no_units() -> None:
    earlier, later = folded(everyone(), range(20)), folded(everyone(), range(30))
    (counts,) = earlier.coverage.values()
    later.coverage = {"new": counts}
    assert later.without(earlier).coverage == {"new": counts}
    earlier.coverage = {"new": counts + counts}
    assert later.without(earlier).coverage == {}


def test_a_unit_is_counted_in_the_bucket_of_its_time_and_the_chunk_of_its_number() -> None:
    found = made.baseline()
    found = replace(found, reference=replace(found.reference, tick_seconds=4.0, chunk_units=10))
    key = sum_key(found, time=41.9, ordinal=29, cohort=("v2", None))
    assert key == SumKey(10, 2, found.reference.id, "v2", None)


def test_what_no_eye_has_a_number_for_is_still_counted() -> None:
    rows = made.rows(1)
    broken = np.full_like(rows.shape, np.nan)
    odd = judge(replace(rows, shape=broken), baseline=made.baseline())
    fold = Fold()
    fold.add(odd, 0, 0)
    assert same(Fold.from_wire(fold.to_wire(KEY)), fold)
