"""`agents/outcomes.py`: ticks and outcomes in, readings out, whatever order and restarts."""

import asyncio
from collections.abc import Sequence
from functools import cache

import pytest
from prometheus_client import REGISTRY

from agents import hearing
from agents.outcomes import Joining
from agents.plumbing import Record
from app.adapters.partitioning import partition_of
from schemas.codec import encode
from schemas.events import Outcome
from schemas.readings import PARTIAL, Reading
from schemas.ticks import Tick
from schemas.topics import DEAD_LETTERS, OUTCOMES, READINGS, TICKS
from tests.agents.doubles import record
from tests.agents.listening import Listening
from tests.core.joined import FALLEN, outcome
from tests.rig.made import APP, START

OWN = partition_of(APP, OUTCOMES.partitions)
BLOCK = 60


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_: object) -> set[int]:
        return set()

    monkeypatch.setattr(hearing, "buried_after", none)


def tick(application: str, number: int, *, idle: bool = False) -> Tick:
    rows = FALLEN[0][number * BLOCK : (number + 1) * BLOCK]
    return Tick(
        application=application,
        partition=0,
        partitions=1,
        block_start=number * BLOCK,
        up_to=(number + 1) * BLOCK - 1,
        watermark=START.timestamp() + (number + 1) * BLOCK - 1.0,
        idle=idle,
        served=rows if application == APP else [],
    )


def ticks() -> list[Record]:
    """Every block of the application, each with the progress behind it, as *measure* sends them."""
    count = len(FALLEN[0]) // BLOCK
    sent = [each for n in range(count) for each in (tick(APP, n), tick("*", n, idle=n == count - 1))]
    return [record(TICKS, encode(each), i, partition=OWN) for i, each in enumerate(sent)]


def told(outcomes: Sequence[Outcome] = FALLEN[1], *, first: int = 0) -> list[Record]:
    return [record(OUTCOMES, encode(o), first + i, partition=OWN) for i, o in enumerate(outcomes)]


def merged(share: float = 0.5) -> list[Record]:
    """Both topics in one of the orders in which they may come."""
    queue, other = ticks(), told()
    out: list[Record] = []
    while queue or other:
        taken = queue if queue and (not other or len(out) % 10 < 10 * share) else other
        out.append(taken.pop(0))
    return out


class Setting(Listening):
    kind = Joining


@cache
def expected() -> list[Reading]:
    place = Setting()
    place.process(merged())
    return place.readings


def test_ticks_and_outcomes_go_in_and_readings_come_out_keyed_by_application() -> None:
    place = Setting()
    place.process(merged())
    assert {sent.key for sent in place.outbox.on(READINGS)} == {APP.encode()}
    assert {r.monitor for r in place.readings} == {"outcomes:completion"}
    assert any(r.state == "alarm" and r.deployment == "v2" for r in place.readings)


@pytest.mark.parametrize(("share", "size"), [(0.0, 50), (1.0, 50), (0.2, 7), (0.7, 1000)])
def test_readings_do_not_depend_on_batches_or_on_which_topic_is_ahead(share: float, size: int) -> None:
    place = Setting()
    place.process(merged(share), size=size)
    assert place.readings == expected()


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_restart_from_a_checkpoint_tells_the_same_readings(share: float) -> None:
    place, sent = Setting(), merged()
    saved_at = round(share * len(sent))
    place.process(sent[:saved_at])
    place.save()
    place.process(sent[saved_at : saved_at + 40])  # lost in the crash, but their readings are out
    place.restart()
    place.process(sent)
    assert place.readings == expected()


def test_records_that_come_again_change_nothing() -> None:
    place, sent = Setting(), merged()
    place.process(sent)
    count = len(place.outbox.on(READINGS))
    place.process(sent)
    assert len(place.outbox.on(READINGS)) == count


def test_what_became_of_outcomes_is_counted_for_prometheus() -> None:
    place = Setting()
    place.process(merged())
    last = place.readings[-1]
    assert last.outcomes is not None
    labels = {"application": APP, "monitor": last.monitor, "fate": "joined"}

    assert (
        REGISTRY.get_sample_value("promptdrift_outcomes_counted", labels) == last.outcomes.counts.joined > 0
    )


def test_silence_tells_what_is_held_once_and_leaves_no_trace() -> None:
    place = Setting()
    place.process(merged())
    place.idle()
    place.idle()
    found = place.outbox.values(READINGS, Reading)
    (partial,) = (r for r in found if r.note == PARTIAL)
    assert partial.outcomes is not None
    assert partial.outcomes.counts.joined == len(FALLEN[1])
    assert place.readings == expected()


def test_what_a_killed_worker_had_not_told_is_told_without_another_record() -> None:
    place = Setting()
    place.process(merged())
    place.save()
    place.restart()
    asyncio.run(place.station.process([]))
    place.idle()
    (partial,) = (r for r in place.outbox.values(READINGS, Reading) if r.note == PARTIAL)
    assert partial.outcomes is not None
    assert partial.outcomes.counts.joined == len(FALLEN[1])


def test_what_cannot_be_read_is_buried_and_counted_and_the_rest_goes_on() -> None:
    wrong = [b"{}", b"\xff", b'{"application": "made", "time": "2026-03-02T08:00:00Z", "name": "x"}']
    foreign = b'{"type": "interaction", "application": "made", "time": 1772000000, "prompt": "hello"}'
    place = Setting()
    place.process([record(OUTCOMES, value, i, partition=OWN) for i, value in enumerate([*wrong, foreign])])
    letters = place.outbox.on(DEAD_LETTERS)
    reasons = [sent.headers["__connect.errors.exception.message"].decode() for sent in letters]
    assert len(letters) == 4
    assert reasons[2:] == [
        "value: is missing, and so is label; send one of them",
        "type: is no outcome; send other events to their own topics",
    ]
    place.process([*told(first=4), *ticks()])
    ids = [r.id for r in place.readings if r.monitor == "outcomes:completion"]
    assert ids == [r.id for r in expected()]


def test_an_outcome_on_another_partition_is_sent_on_to_its_own() -> None:
    place, wrong = Setting(), (OWN + 1) % OUTCOMES.partitions
    place.process([record(OUTCOMES, encode(outcome(1, 5.0)), 0, partition=wrong)])
    (sent,) = place.outbox.on(OUTCOMES)
    assert (sent.partition, sent.key, sent.value) == (OWN, APP.encode(), encode(outcome(1, 5.0)))
    assert place.readings == []


def test_a_checkpoint_grows_with_either_topic_and_is_not_repeated() -> None:
    place = Setting()
    place.process([*ticks()[:3], *told()[:2]])
    place.save()
    place.save()
    assert (place.checkpoints.offsets, place.checkpoints.writes) == ({OWN: 4}, 1)
