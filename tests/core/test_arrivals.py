"""Ticks that never come, or too late: every one of their units is in a count."""

from collections.abc import Sequence
from random import Random

import pytest

from app.core.arrivals import Arrivals
from app.core.sampling import References
from app.core.ticks import TickBook
from schemas.ticks import Tick
from tests.core.test_ticks import tick, tick_sum
from tests.rig import made
from tests.rig.made import through_msgpack


def block(number: int, before: int, units: int, *, bucket: int = 0, part: int = 0) -> Tick:
    sums = [tick_sum(bucket, units)] if units else []
    return tick(64 * number + 63 - part, block=64 * number, sums=sums, units_before=before, units=units)


def heard(ticks: Sequence[Tick], closed_before: int = 0) -> Arrivals:
    found = Arrivals()
    for each in ticks:
        found.hear(each, closed_before=closed_before)
    return found


LOG = [block(0, 0, 10), block(1, 10, 5), block(2, 15, 0), block(3, 15, 7), block(4, 22, 3)]


def test_a_whole_log_misses_nothing() -> None:
    assert heard(LOG).lost == 0
    assert heard([LOG[0], LOG[0], LOG[1], LOG[0], LOG[2], LOG[1], *LOG[3:]]).lost == 0


@pytest.mark.parametrize(("gone", "units"), [(1, 5), (2, 0), (3, 7)])
def test_a_tick_that_never_came_is_told_in_units(gone: int, units: int) -> None:
    assert heard([each for i, each in enumerate(LOG) if i != gone]).lost == units


def test_the_last_version_of_a_block_may_be_the_one_that_is_lost() -> None:
    early = block(1, 10, 2, part=40)
    assert heard([LOG[0], early, *LOG[2:]]).lost == 3


def test_who_listens_from_the_middle_has_lost_nothing() -> None:
    assert heard(LOG[3:]).lost == 0


def test_a_sender_that_began_anew_has_lost_nothing() -> None:
    assert heard([*LOG, block(5, 0, 4), block(6, 4, 4)]).lost == 0


def test_partitions_are_counted_apart() -> None:
    other = [
        tick(63, partition=1, block=0, units_before=0, units=4),
        tick(127, partition=1, block=64, units_before=9, units=1),
    ]
    assert heard([LOG[0], other[0], LOG[1], other[1]]).lost == 5


def test_what_comes_for_a_closed_bucket_is_counted_once() -> None:
    book = TickBook()
    list(book.sums_before(5))
    for _ in range(2):
        book.receive(tick(3, sums=[tick_sum(4, 4), tick_sum(5, 1)], units=5))
    book.receive(tick(9, sums=[tick_sum(4, 6), tick_sum(5, 1)], units=7))
    assert book.totals.late == 6
    assert [fold.units for *_, fold in book.sums_before(6)] == [1]
    assert book.totals.late == 6


def test_what_was_handed_out_in_time_is_not_late_when_its_block_comes_again() -> None:
    book = TickBook()
    book.receive(tick(3, sums=[tick_sum(1, 4), tick_sum(2, 1)], units=5))
    list(book.sums_before(2))
    book.receive(tick(9, sums=[tick_sum(1, 4), tick_sum(2, 6)], units=10))
    assert book.totals.late == 0
    list(book.sums_before(3))
    book.receive(tick(12, sums=[tick_sum(1, 4), tick_sum(2, 6)], units=10))
    assert book.totals.late == 0


def test_told_while_open_and_again_when_closed_is_not_late() -> None:
    book = TickBook()
    book.receive(tick(3, sums=[tick_sum(1, 4)], units=4))
    list(book.sums_before(2, closing=False))
    book.receive(tick(9, sums=[tick_sum(1, 7)], units=7))
    assert [fold.units for *_, fold in book.sums_before(2)] == [3]
    book.receive(tick(12, sums=[tick_sum(1, 8)], units=8))
    assert book.totals.late == 1


def test_of_a_real_log_every_unit_is_judged_or_counted_as_lost() -> None:
    known = {made.APP: References(baseline=made.baseline(300))}
    log = made.measured(made.interactions(600, first=300), references=known, batch=50)
    sent = [each for each in log if each.application == made.APP]
    blocks = sorted({each.block_start for each in sent})
    for gone in Random(0).sample(blocks[1:-1], 3):
        book = made.book_of([each for each in sent if each.block_start != gone])
        judged = sum(fold.units for *_, fold in book.sums_before(2**62))
        assert book.totals.lost > 0
        assert judged + book.totals.lost == book.totals.units


def test_a_restored_one_counts_on() -> None:
    one = heard(LOG[:2], closed_before=1)
    other = Arrivals()
    other.restore(through_msgpack(one.snapshot()))
    for each in (one, other):
        each.hear(block(1, 10, 6, part=-1), closed_before=1)
        each.hear(LOG[4], closed_before=1)
    assert (other.lost, other.late) == (one.lost, one.late)
    assert one.lost == 6
