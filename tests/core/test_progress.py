import math
from typing import Any

import pytest

from app.core.progress import AHEAD_SECONDS, Progress
from tests.core.test_ticks import tick


def progress(*ticks: tuple[int, float | None, bool]) -> Progress:
    out = Progress()
    for partition, watermark, idle in ticks:
        out.update(tick(0, partition=partition, watermark=watermark, idle=idle, application="*"))
    return out


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ([], None),
        ([(0, 5.0, False)], None),  # the other partition has said nothing
        ([(0, 5.0, False), (1, None, False)], None),
        ([(0, 5.0, False), (1, 3.0, False)], 3.0),
        ([(0, 5.0, False), (1, 3.0, True)], 5.0),  # one that is read to its end holds nobody up
        ([(0, 5.0, False), (1, None, True)], 5.0),
        ([(0, 5.0, True), (1, 3.0, True)], 5.0),
        ([(0, None, True), (1, None, True)], None),
        ([(0, 5.0, False), (1, 3.0, False), (1, 2.0, False)], 3.0),  # it never falls
    ],
)
def test_the_watermark_is_what_every_partition_has_passed(ticks: list[Any], expected: float | None) -> None:
    assert progress(*ticks).watermark == expected


def test_all_are_idle_only_when_every_partition_says_so() -> None:
    assert not Progress().all_idle
    assert not progress((0, 1.0, True)).all_idle
    assert progress((0, 1.0, True), (1, None, True)).all_idle


def test_a_partition_with_something_new_is_no_longer_idle() -> None:
    found = progress((0, 5.0, False), (1, 3.0, True))
    found.update(tick(7, partition=1, watermark=3.5, application="*"))
    assert found.watermark == 3.5


def test_the_end_of_the_input_is_at_most_a_day_behind_the_highest_watermark() -> None:
    assert Progress().end == math.inf
    assert progress((0, 5.0, False), (1, 3.0, True)).end == 5.0 + AHEAD_SECONDS


def test_a_block_does_not_speak_for_the_blocks_that_follow_it() -> None:
    found = progress((0, 1.0, False), (1, 2.0, False))

    found.update(tick(7, partition=0, watermark=9.0))

    assert found.watermark == 1.0
