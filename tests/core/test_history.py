from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.coverage import Counts
from app.core.fixedpoint import WORDING_SCALE
from app.core.folding import Fold
from app.core.history import (
    KEPT_WINDOWS,
    History,
    Window,
    effect,
    offset_ranges,
    uncovered,
    unknown_tokens,
)
from app.core.ranges import Counted
from schemas.readings import OffsetRange
from tests.rig import made
from tests.rig.made import through_msgpack


def window(number: int, units: int = 32, value: int = 0) -> Window:
    fold = Fold(units=units, first_offset=number * units, last_offset=number * units + units - 1)
    fold.sums["wording"] = np.zeros(made.DIMENSIONS, np.int64)
    fold.sums["wording"][0] = value
    out = Window(float(number), float(number + 1))
    counted = Counted(0, fold.first_offset, fold.last_offset, float(number), float(number + 1))
    out.add(fold, [counted], float(number + 1))
    return out


def history(values: list[int], units: int = 32) -> History:
    out = History()
    for number, value in enumerate(values):
        out.append(window(number, units, value))
    return out


def test_only_the_newest_windows_are_kept() -> None:
    kept = history([0] * (KEPT_WINDOWS + 10)).recent(10**9)
    assert len(kept) == KEPT_WINDOWS
    assert kept[0].start == 10.0


@given(st.integers(1, 40), st.integers(1, 3000))
def test_recent_windows_are_the_fewest_that_hold_enough(count: int, units: int) -> None:
    found = history([0] * count).recent(units)
    assert found[-1].start == count - 1
    assert 32 * len(found) >= min(units, 32 * count)
    assert 32 * (len(found) - 1) < units


def test_recent_windows_end_after_a_given_time_but_are_never_none() -> None:
    past = history([0] * 10)
    assert [w.start for w in past.recent(10**9, since=6.0)] == [6.0, 7.0, 8.0, 9.0]
    assert [w.start for w in past.recent(10**9, since=99.0)] == [9.0]


def test_an_empty_past_has_no_recent_windows() -> None:
    assert History().recent(100) == []


def test_a_longer_view_leaves_the_history_alone() -> None:
    past = history([1, 2])
    longer = past.extended(window(2))
    assert len(longer.recent(10**9)) == 3
    assert len(past.recent(10**9)) == 2
    assert len(History.of(None).recent(1)) == 0
    assert len(History.of(window(0)).recent(1)) == 1


def test_a_snapshot_restores_every_bit() -> None:
    past, other = history([3, -5, 8]), History()
    other.restore(through_msgpack(past.snapshot()))
    assert through_msgpack(other.snapshot()) == through_msgpack(past.snapshot())


def test_an_effect_needs_two_windows() -> None:
    reference = made.reference(300)
    unit = np.zeros(384)
    unit[0] = WORDING_SCALE
    one = history([int(32 * unit[0])])
    assert effect(one.recent(10**9), reference) is None
    size = effect(history([int(32 * unit[0])] * 2).recent(10**9), reference)
    assert size is not None
    assert size.low < size.value < size.high


def test_coverage_is_unknown_where_nothing_was_measured_against_the_eval_set() -> None:
    assert uncovered(history([0, 0]).recent(10**9), "e") is None
    counted = window(0)
    counted.total.coverage = {"e": Counts(32, 8, np.array([32]))}
    share = uncovered([counted], "e")
    assert uncovered([counted], "other") is None
    assert uncovered([counted], None) is None
    assert share is not None
    assert share.share == 0.25


def test_offsets_are_joined_per_partition() -> None:
    first, second = window(0), window(1)
    second.add(Fold(units=1), [Counted(2, 7, 9, 2.0, 3.0)], 3.0)
    assert offset_ranges([first, second]) == [
        OffsetRange(partition=0, first=0, last=63, start=0.0, end=2.0),
        OffsetRange(partition=2, first=7, last=9, start=2.0, end=3.0),
    ]
    assert second.end == 3.0


def test_the_share_of_unknown_tokens_is_told_before_and_now() -> None:
    known = made.reference(100)
    rows = replace(known.rows, unknown=np.linspace(0.0, 0.2, 100, dtype=np.float32))
    windows = [window(0), window(1)]
    for each in windows:
        each.total.unknown = 32 * 2**11  # half of every unit's tokens
    found = unknown_tokens(windows, replace(known, rows=rows))
    assert found.share_before == pytest.approx(0.1)
    assert found.share_now == 0.5
