"""`agents/measure.py`: ticks, samples and progress; restarts, poison, idleness, shedding."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from agents import telemetry
from agents.plumbing import Record
from app.core.progress import Progress
from app.core.sampling import References
from schemas.codec import encode
from schemas.ticks import Sample, Tick
from schemas.topics import DEAD_LETTERS, INTERACTIONS, SAMPLES, TICKS
from tests.agents.doubles import CONNECT, PATIENCE_SECONDS, PREFIX, record
from tests.agents.measuring import Setting, records, settled
from tests.rig import made
from tests.rig.made import APP, interactions, newest

POISON = b'{"application": "made", "prompt": 5}'


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Setting:
    return Setting(monkeypatch)


def test_a_batch_becomes_ticks_samples_and_the_progress_of_its_partition(place: Setting) -> None:
    place.process(records(interactions(100)))
    assert place.totals().events == 100
    assert len({s.id for s in place.outbox.values(SAMPLES, Sample)}) == 100  # learning: every unit is kept
    progress = [sent for sent in place.outbox.on(TICKS) if sent.key == b"*"]
    assert {sent.partition for sent in progress} == set(range(TICKS.partitions))
    assert {sent.key for sent in place.outbox.on(TICKS)} == {b"*", APP.encode()}


def test_the_station_says_what_the_core_says(place: Setting) -> None:
    events = interactions(200)
    place.process(records(events))
    assert settled(place.ticks) == newest(made.measured(events, partitions=2))


def test_poison_and_good_in_one_batch_are_told_apart(place: Setting) -> None:
    good = records(interactions(4))
    bad = record(INTERACTIONS, POISON, 2, key=b"k", headers={"trace": b"\x00"})
    after = records(interactions(2, first=2), first=3)
    place.process([*good[:2], bad, *after])
    assert place.totals().events == 4
    (letter,) = place.outbox.on(DEAD_LETTERS)
    assert (letter.value, letter.key, letter.headers["trace"]) == (POISON, b"k", b"\x00")
    assert letter.headers[CONNECT + "offset"] == b"2"
    assert letter.headers[CONNECT + "topic"] == (PREFIX + INTERACTIONS.name).encode()


@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe\x00", b"[" * 5000, b"9" * 5000, b"x" * 1_000_000])
def test_no_bytes_stop_a_partition(place: Setting, value: bytes | None) -> None:
    place.process([record(INTERACTIONS, value, 0), *records(interactions(3), first=1)])
    assert place.totals().events == 3
    (letter,) = place.outbox.on(DEAD_LETTERS)
    whole = value or b""
    assert letter.value == whole[: max(len(letter.value), 970_000)]


def test_an_array_counts_every_good_element(place: Setting) -> None:
    elements = [json.loads(encode(event)) for event in interactions(3)]
    elements.insert(1, {"application": "made", "prompt": 5})
    place.process([record(INTERACTIONS, json.dumps(elements).encode(), 0)])
    assert place.totals().events == 3
    assert len(place.outbox.on(DEAD_LETTERS)) == 1


def test_events_of_another_kind_on_the_topic_count_for_nothing(place: Setting) -> None:
    value = b'{"type": "outcome", "application": "made", "time": "2026-03-02T09:00:00Z", "name": "thumbs"}'
    place.process([record(INTERACTIONS, value, 0), *records(interactions(1), first=1)])
    assert place.totals().events == 1
    assert place.outbox.on(DEAD_LETTERS) == []


def test_offsets_that_come_again_are_skipped(place: Setting) -> None:
    log = records(interactions(100))
    place.process(log)
    once = place.outbox.on(SAMPLES), settled(place.ticks)
    place.process(log)
    place.process(log[50:])
    assert (place.outbox.on(SAMPLES), settled(place.ticks)) == once
    assert place.totals().duplicates == 0


def test_a_repeated_id_counts_once_and_is_told_as_a_duplicate(place: Setting) -> None:
    place.process([*records(interactions(10)), *records(interactions(10), first=10)])
    assert (place.totals().events, max(t.totals.duplicates for t in place.ticks)) == (10, 10)


@pytest.mark.parametrize("saved_at", [1, 63, 64, 130])
def test_a_restart_from_a_checkpoint_sends_the_same_blocks(place: Setting, saved_at: int) -> None:
    events = interactions(200)
    log = records(events)
    place.process(log[:saved_at])
    place.save()
    place.process(log[saved_at : saved_at + 37], size=11)  # sent, and then the crash
    place.restart()
    place.process(log, size=23)
    assert settled(place.ticks) == newest(made.measured(events, partitions=2))
    assert place.totals().events == 200


def test_a_forgotten_partition_goes_on_from_its_checkpoint(place: Setting) -> None:
    events = interactions(200)
    log = records(events)
    place.process(log[:80])
    place.save()
    place.process(log[80:100])
    place.station.forget({0, 1})
    place.process(log[80:])  # Kafka delivers from what was acknowledged
    assert settled(place.ticks) == newest(made.measured(events, partitions=2))


def test_what_was_buried_just_before_a_crash_is_not_buried_again(place: Setting) -> None:
    log = [*records(interactions(3)), record(INTERACTIONS, POISON, 3), record(INTERACTIONS, b"{", 4)]
    place.process(log[:2])
    place.save()
    place.process(log[:4])
    place.restart()
    place.process(log)
    assert [letter.value for letter in place.outbox.on(DEAD_LETTERS)] == [POISON, b"{"]


def test_the_dead_letters_of_other_topics_and_partitions_do_not_hide_ours(place: Setting) -> None:
    place.process([record(INTERACTIONS, POISON, 3, partition=1)])
    place.outbox.sent = [sent for sent in place.outbox.sent if sent.topic == DEAD_LETTERS.name]
    place.process([record(INTERACTIONS, b"{", 3)])
    assert len(place.outbox.on(DEAD_LETTERS)) == 2


def test_a_partition_at_its_end_is_told_idle_once_and_again_after_new_traffic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = Setting(monkeypatch)
    place.idle_seconds = 0.01
    place.restart()
    place.assigned, place.ends.ends = {0, 1}, {0: 10, 1: 0}
    asyncio.run(until_idle(place, records(interactions(10)), expected=2))
    asked = place.ends.asked
    asyncio.run(wait(place))
    assert len(place.idles) == 2 * TICKS.partitions
    assert {tick.partition: tick.up_to for tick in place.idles} == {0: 9, 1: -1}
    assert place.ends.asked == asked
    place.ends.ends = {0: 11, 1: 0}
    asyncio.run(until_idle(place, records(interactions(1, first=10), first=10), expected=3))
    assert place.idles[-1].up_to == 10


def test_a_silent_partition_that_has_more_to_read_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Setting(monkeypatch)
    place.idle_seconds = 0.01
    place.restart()
    place.assigned, place.ends.ends = {0}, {0: 11}
    place.process(records(interactions(10)))
    asyncio.run(wait(place))
    assert place.ends.asked > 0
    assert place.idles == []


def test_partitions_of_other_workers_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Setting(monkeypatch)
    place.idle_seconds = 0.01
    place.restart()
    place.assigned = {1}
    asyncio.run(until_idle(place, [], expected=1))
    assert {tick.partition for tick in place.idles} == {1}


def test_what_waits_on_a_silent_partition_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog after a silence, or after a restart that another worker called idle before."""
    place = Setting(monkeypatch)
    place.idle_seconds = 0.01
    place.restart()
    place.assigned, place.ends.ends = {0, 1}, {0: 40, 1: 40}
    place.process([*records(interactions(40)), *records(interactions(40, first=40), partition=1)])
    asyncio.run(until_idle(place, [], expected=2))
    place.save()
    place.ends.ends = {0: 240, 1: 240}
    later = interactions(400, first=80)
    for restarted in (False, True):
        if restarted:
            place.restart()
        del place.outbox.sent[:]
        place.process(records(later[::2], first=40))
        watched = read_by_detect(place.ticks, idle={0, 1})
        assert max(watched) <= max(each.time.timestamp() for each in interactions(80))
    place.process(records(later[1::2], first=40, partition=1))
    assert max(read_by_detect(place.ticks, idle=set())) > later[300].time.timestamp()


def test_partitions_that_wake_together_do_not_pass_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Setting(monkeypatch)
    place.assigned, place.ends.ends = {0, 1}, {0: 100, 1: 100}
    events = interactions(200)
    place.process([*records(events[100:]), *records(events[:100], partition=1)], size=200)
    assert max(read_by_detect(place.ticks, idle={0, 1})) <= events[99].time.timestamp()


def read_by_detect(ticks: Sequence[Tick], *, idle: set[int]) -> list[float]:
    """The common watermark after each word of progress, where these partitions passed for idle before."""
    progress = Progress(idle=dict.fromkeys(idle, True))
    found: list[float] = []
    for tick in (each for each in ticks if each.application == "*"):
        progress.update(tick)
        if progress.watermark is not None:
            found.append(progress.watermark)
    return found


async def until_idle(place: Setting, batch: Sequence[Record], *, expected: int) -> None:
    await place.station.process(batch)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(place.idles) < expected * TICKS.partitions:
            await asyncio.sleep(0.01)
            await place.station.process([])


async def wait(place: Setting) -> None:
    for _ in range(5):
        await asyncio.sleep(0.02)
        await place.station.process([])


def test_known_references_are_judged_against(monkeypatch: pytest.MonkeyPatch) -> None:
    references = {APP: References(baseline=made.baseline(300))}
    place = Setting(monkeypatch, references)
    events = interactions(500)
    place.process(records(events))
    assert settled(place.ticks) == newest(made.measured(events, references=references, partitions=2))
    assert {s.reference for t in place.ticks for s in t.sums} == {made.baseline(300).reference.id}


def test_a_broker_that_takes_nothing_fails_the_batch(place: Setting) -> None:
    place.outbox.broken = True
    with pytest.raises(ConnectionError):
        place.process(records(interactions(1)))


def test_a_checkpoint_is_written_only_where_something_moved(place: Setting) -> None:
    place.process([*records(interactions(3)), *records(interactions(2, first=3), partition=1)])
    place.save()
    place.save()
    assert (place.checkpoints.writes, place.checkpoints.offsets) == (2, {0: 2, 1: 1})


def test_a_worker_that_is_behind_sheds_only_where_it_is_told_to(
    place: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.library.references = {APP: References(baseline=made.baseline(300))}
    now = 1_772_000_000.0
    monkeypatch.setattr("time.time", lambda: now)

    def written(ago: float, first: int, count: int = 100) -> list[Record]:
        events = interactions(count, first=300 + first)
        return [replace(r, timestamp=now - ago) for r in records(events, first=first)]

    place.process(written(86_400.0, first=0))
    assert place.totals().shed == 0
    place.shed_after_seconds = 60.0
    place.restart()
    place.process(written(30.0, first=100))
    assert place.totals().shed == 0
    place.process(written(200.0, first=200), size=100)  # over 120: a quarter
    assert 50 < place.totals().shed < 95
    assert telemetry.SHARE._value.get() == 0.25
    before = place.totals().shed
    place.process(written(1.0, first=300))
    assert place.totals().shed == before
    assert telemetry.SHARE._value.get() == 1.0
