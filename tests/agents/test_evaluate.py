"""`agents/evaluate.py`: rows in, readings out, whatever restarts; what is foreign or wrong."""

import asyncio

import pytest

from agents import hearing
from agents.evaluate import Evaluating
from agents.plumbing import Record
from app.adapters.partitioning import partition_of
from schemas.codec import encode
from schemas.readings import PARTIAL, Reading
from schemas.topics import DEAD_LETTERS, EVALUATIONS, READINGS
from tests.agents.doubles import record
from tests.agents.listening import Listening
from tests.core.test_quality import FALLEN, METRIC, row
from tests.rig.made import APP

OWN = partition_of(APP, EVALUATIONS.partitions)
ROWS = FALLEN[500:1500]


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_: object) -> set[int]:
        return set()

    monkeypatch.setattr(hearing, "buried_after", none)


def records() -> list[Record]:
    return [record(EVALUATIONS, encode(each), i, partition=OWN) for i, each in enumerate(ROWS)]


class Setting(Listening):
    kind = Evaluating


def test_rows_go_in_and_readings_come_out_whatever_the_restarts() -> None:
    whole, broken = Setting(), Setting()
    whole.process(records())
    assert {sent.key for sent in whole.outbox.on(READINGS)} == {APP.encode()}
    assert {reading.monitor for reading in whole.readings} == {f"quality:{METRIC}"}
    broken.process(records()[:600])
    broken.save()
    broken.process(records()[600:700])  # lost in the crash, but their readings are out
    broken.restart()
    broken.process(records(), size=33)
    assert broken.readings == whole.readings
    count = len(whole.outbox.on(READINGS))
    whole.process(records())
    assert len(whole.outbox.on(READINGS)) == count


def test_silence_tells_what_is_held_once() -> None:
    place = Setting()
    place.process(records())
    place.idle()
    place.idle()
    (told,) = (r for r in place.outbox.values(READINGS, Reading) if r.note == PARTIAL)
    assert told.quality is not None
    assert told.quality.counts.received == len(ROWS)


def test_what_a_killed_worker_had_not_told_is_told_without_another_row() -> None:
    place = Setting()
    place.process(records())
    place.save()
    place.restart()
    asyncio.run(place.station.process([]))
    place.idle()
    (told,) = (r for r in place.outbox.values(READINGS, Reading) if r.note == PARTIAL)
    assert told.quality is not None
    assert told.quality.counts.received == len(ROWS)


def test_what_cannot_be_used_is_buried_with_its_reason_and_a_foreign_partition_is_sent_on() -> None:
    wrong = [
        b"{}",
        encode(row(1, 1.0, 7.0)),
        b'{"type": "outcome", "application": "made", "time": 1e9, "name": "x"}',
    ]
    place, other = Setting(), (OWN + 1) % EVALUATIONS.partitions
    place.process([record(EVALUATIONS, value, i, partition=OWN) for i, value in enumerate(wrong)])
    letters = place.outbox.on(DEAD_LETTERS)
    reasons = [sent.headers["__connect.errors.exception.message"].decode() for sent in letters]
    assert reasons[1:] == [
        "score: lies outside 0 to 1; send a share of what could be reached, 1 as it should be",
        "type: is no evaluation; send other events to their own topics",
    ]
    place.process([record(EVALUATIONS, encode(row(2, 2.0, 0.5)), 0, partition=other)])
    (sent,) = place.outbox.on(EVALUATIONS)
    assert (sent.partition, sent.key) == (OWN, APP.encode())
