import math
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core.folding import Fold, SumKey
from app.core.ticks import TickBook
from schemas.ticks import Sample, Tick, Totals
from tests.rig.made import through_msgpack


def tick_sum(bucket: int, units: int, chunk: int = 0) -> Any:
    fold = Fold(units=units, first_offset=0, last_offset=units)
    return fold.to_wire(SumKey(bucket, chunk, "r", None, None))


def sample(number: int, time: float, partition: int = 0) -> Sample:
    return Sample(
        id=str(number),
        application="a",
        time=time,
        ordinal=number,
        text="",
        wording=b"",
        shape=b"",
        reason="learning",
        inclusion=1.0,
        partition=partition,
    )


def tick(up_to: int, *, partition: int = 0, block: int = 0, partitions: int = 2, **content: Any) -> Tick:
    return Tick(
        application=content.pop("application", "a"),
        partition=partition,
        partitions=partitions,
        block_start=block,
        up_to=up_to,
        **content,
    )


def taken(book: TickBook, bucket: int) -> list[tuple[int, int, int]]:
    return [(number, partition, fold.units) for number, partition, _, fold in book.sums_before(bucket)]


def test_a_newer_version_of_a_block_takes_the_place_of_the_older() -> None:
    book = TickBook()
    book.receive(tick(3, sums=[tick_sum(1, 4)]))
    book.receive(tick(9, sums=[tick_sum(1, 7), tick_sum(2, 3)]))
    assert taken(book, 9) == [(1, 0, 7), (2, 0, 3)]


def test_an_older_or_equal_version_changes_nothing() -> None:
    book = TickBook()
    book.receive(tick(9, sums=[tick_sum(1, 7)]))
    book.receive(tick(3, sums=[tick_sum(1, 4)]))
    book.receive(tick(9, sums=[tick_sum(1, 99)]))
    assert taken(book, 9) == [(1, 0, 7)]


def test_what_was_taken_is_not_taken_again_when_its_block_grows() -> None:
    book = TickBook()
    book.receive(tick(3, sums=[tick_sum(1, 4), tick_sum(2, 1)]))
    assert taken(book, 2) == [(1, 0, 4)]
    book.receive(tick(9, sums=[tick_sum(1, 4), tick_sum(2, 6)]))
    assert taken(book, 9) == [(2, 0, 6)]


def test_what_comes_for_a_closed_bucket_is_left_out() -> None:
    book = TickBook()
    assert taken(book, 5) == []
    book.receive(tick(3, sums=[tick_sum(4, 4), tick_sum(5, 1)]))
    assert taken(book, 9) == [(5, 0, 1)]


def test_sums_come_in_one_order_whatever_the_arrival() -> None:
    ticks = [
        tick(
            9,
            partition=p,
            block=b,
            sums=[tick_sum(bucket, 1 + p, chunk) for bucket in (3, 1) for chunk in (1, 0)],
        )
        for p in range(3)
        for b in (64, 0)
    ]
    orders = []
    for seed in range(5):
        book = TickBook()
        for each in Random(seed).sample(ticks, len(ticks)):
            book.receive(each)
        orders.append([(n, p, k.chunk, f.units) for n, p, k, f in book.sums_before(9)])
    assert orders[0] == sorted(orders[0])
    assert all(order == orders[0] for order in orders)


def test_samples_come_in_order_of_time_partition_and_number() -> None:
    book = TickBook()
    book.receive(tick(9, partition=1, samples=[sample(0, 5.0, 1), sample(1, 2.0, 1)]))
    book.receive(tick(9, partition=0, samples=[sample(0, 5.0), sample(1, 5.0), sample(2, 8.0)]))
    found = [(s.time, s.partition, s.ordinal) for s in book.samples_before(8.0)]
    assert found == [(2.0, 1, 1), (5.0, 0, 0), (5.0, 0, 1), (5.0, 1, 0)]
    assert book.samples_before(8.0) == []
    assert [s.time for s in book.samples_until(8.0)] == [8.0]


def test_every_event_is_counted_once_also_when_its_block_comes_again_as_another_version() -> None:
    book = TickBook()
    book.receive(tick(3, samples=[sample(0, 1.0), sample(1, 4.0)], event_times=[2.0]))
    assert book.count_before(3.0) == ([1.0], [2.0])
    book.receive(tick(9, samples=[sample(0, 1.0), sample(1, 4.0)], event_times=[2.0, 4.5]))
    assert book.count_before(3.0) == ([], [])
    assert book.count_before(9.0) == ([4.0], [4.5])


def test_samples_only_counted_may_still_be_replaced_by_sums() -> None:
    """A sender that crashed while learning, and has the baseline when it is back."""
    book = TickBook()
    book.receive(tick(3, samples=[sample(0, 1.0), sample(1, 4.0)]))
    book.count_before(5.0)
    book.receive(tick(9, samples=[sample(0, 1.0)], sums=[tick_sum(4, 1)]))
    assert [s.ordinal for s in book.samples_before(5.0)] == [0]
    assert taken(book, 9) == [(4, 0, 1)]


def test_what_is_told_while_its_bucket_is_open_is_told_once() -> None:
    """Traffic that fell silent is told at once; if its bucket goes on, only the difference follows."""
    book = TickBook()
    book.receive(tick(3, sums=[tick_sum(1, 4)], samples=[sample(0, 10.0)]))
    assert [(n, f.units) for n, _, _, f in book.sums_before(2, closing=False)] == [(1, 4)]
    assert [s.ordinal for s in book.samples_before(20.0, closing=False)] == [0]
    book.receive(tick(3, sums=[tick_sum(1, 4)], samples=[sample(0, 10.0)]))
    book.receive(tick(9, sums=[tick_sum(1, 7)], samples=[sample(0, 10.0), sample(1, 12.0)]))
    assert taken(book, 2) == [(1, 0, 3)]
    assert [s.ordinal for s in book.samples_before(20.0)] == [1]
    book.receive(tick(12, sums=[tick_sum(1, 9), tick_sum(2, 1)], samples=[sample(2, 13.0)]))
    assert taken(book, 9) == [(2, 0, 1)]
    assert book.samples_before(99.0) == []


@given(st.lists(st.sampled_from(["grow", "again", "tell", "close", "restart"]), max_size=25))
def test_every_unit_in_time_is_told_once_whatever_happens_in_between(steps: list[str]) -> None:
    book, bucket, units, told = TickBook(), 0, 0, 0
    sent = tick(0)
    for step in steps:
        if step == "grow":
            units += 1
            sums = [*(s for s in sent.sums if s.bucket < bucket), tick_sum(bucket, units)]
            sent = tick(sent.up_to + 1, sums=sums)
            book.receive(sent)
        elif step == "again":
            book.receive(sent)
        elif step == "restart":
            saved = through_msgpack(book.snapshot())
            book = TickBook()
            book.restore(saved)
        else:
            told += sum(f.units for *_, f in book.sums_before(bucket + 1, closing=step == "close"))
            if step == "close":
                bucket, units = bucket + 1, 0
    told += sum(f.units for *_, f in book.sums_before(bucket + 1))
    assert told == sum(s.units for s in sent.sums)
    assert through_msgpack(book.snapshot())["blocks"] == []


def test_totals_are_those_of_the_newest_tick_of_each_partition() -> None:
    book = TickBook()
    book.receive(tick(9, totals=Totals(events=9)))
    book.receive(tick(3, block=64, totals=Totals(events=3)))
    book.receive(tick(5, partition=1, totals=Totals(events=5, late=1)))
    assert (book.totals.events, book.totals.late) == (14, 1)


def test_a_final_border_lies_behind_what_is_held_and_not_behind_an_absurd_time() -> None:
    book = TickBook()
    assert book.border(50.0, 10.0, final=True) < -(2**60)
    book.receive(tick(9, sums=[tick_sum(3, 1)], samples=[sample(0, 47.0), sample(1, 4e9)]))
    assert book.border(50.0, 10.0, final=False) == 5
    assert book.border(100.0, 10.0, final=True) == 5
    assert book.border(40.0, 10.0, final=True) == 4
    assert book.border(math.inf, 10.0, final=True) == 4e8 + 1
    assert book.newest(100.0) == 47.0


def test_a_restored_book_has_the_same_future() -> None:
    one, other = TickBook(), TickBook()
    one.receive(tick(3, sums=[tick_sum(1, 4), tick_sum(5, 2)], samples=[sample(0, 7.0)], event_times=[9.0]))
    one.receive(tick(4, partition=1, totals=Totals(events=5)))
    taken(one, 2)
    one.samples_before(2.0)
    one.count_before(8.0)
    other.restore(through_msgpack(one.snapshot()))
    for book in (one, other):
        book.receive(
            tick(9, sums=[tick_sum(1, 4), tick_sum(5, 8)], samples=[sample(0, 7.0)], event_times=[9.0])
        )
    assert through_msgpack(other.snapshot()) == through_msgpack(one.snapshot())
    assert other.totals == one.totals
    assert taken(other, 99) == taken(one, 99) == [(5, 0, 8)]
