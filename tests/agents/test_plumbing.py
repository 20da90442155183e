"""A lane: records in order, acknowledged behind their checkpoint, whatever moves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from agents.plumbing import Lane, Record
from schemas.topics import INTERACTIONS
from tests.agents.doubles import (
    PATIENCE_SECONDS,
    PREFIX,
    FakeApp,
    FakeEvent,
    FakeStream,
    SimpleTP,
    events,
    settings,
)

TOPIC = PREFIX + INTERACTIONS.name


class Notebook:
    """A station that writes down what happens to it."""

    def __init__(self, stream: FakeStream | None = None) -> None:
        self.stream = stream
        self.seen: list[Record] = []
        self.forgotten: list[set[int]] = []
        self.log: list[str] = []
        self.fails_at: int | None = None
        self.pause: Callable[[], Awaitable[Any]] | None = None

    async def process(self, records: Sequence[Record]) -> None:
        if any(each.offset == self.fails_at for each in records):
            raise RuntimeError("a bug")
        if records and self.pause is not None:
            await self.pause()
        self.seen += records
        self.log += [f"process {each.offset}" for each in records]

    async def checkpoint(self) -> None:
        acked = [] if self.stream is None else self.stream.acks
        self.log.append(f"checkpoint after {len(self.seen)}, {len(acked)} acknowledged")

    def forget(self, partitions: set[int]) -> None:
        self.forgotten.append(partitions)

    @property
    def offsets(self) -> list[int]:
        return [each.offset for each in self.seen]


def lane(app: FakeApp, station: Notebook, *, ready: Any = None, **worker: Any) -> Lane:
    chosen = settings(worker={"linger_seconds": 0.02, "checkpoint_seconds": 0.01, **worker})
    return Lane(app, chosen, [TOPIC], "notes", station, ready=ready)


async def through(found: Lane, stream: FakeStream) -> None:
    async for _ in found._run(stream):
        pass


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not what():  # noqa: ASYNC110  any condition
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(found: Lane, stream: FakeStream) -> AsyncIterator[None]:
    task = asyncio.create_task(through(found, stream))
    try:
        yield
    finally:
        stream.put(None)
        await asyncio.wait_for(task, PATIENCE_SECONDS)


def test_records_are_acknowledged_in_order_and_only_after_their_checkpoint() -> None:
    async def ran() -> tuple[Notebook, FakeStream]:
        stream = FakeStream()
        station = Notebook(stream)
        async with running(lane(FakeApp(), station, batch_events=2), stream):
            stream.put(*events(4))
            await until(lambda: len(stream.acks) == 4)
        return station, stream

    station, stream = asyncio.run(ran())
    assert stream.manual
    assert stream.acks == station.offsets == [0, 1, 2, 3]
    assert station.log[2] == "checkpoint after 2, 0 acknowledged"


def test_checkpoints_keep_their_distance_and_acknowledgements_wait_for_them() -> None:
    async def ran() -> tuple[Notebook, FakeStream]:
        stream = FakeStream(events(2))
        station = Notebook(stream)
        async with running(lane(FakeApp(), station, batch_events=2, checkpoint_seconds=60), stream):
            await until(lambda: len(stream.acks) == 2)
            stream.put(*events(4, first=2))
            await until(lambda: len(station.seen) == 6)
        return station, stream

    station, stream = asyncio.run(ran())
    assert stream.acks == [0, 1]
    assert sum(line.startswith("checkpoint") for line in station.log) == 1


def test_where_processing_fails_nothing_is_saved_and_nothing_acknowledged() -> None:
    async def ran() -> tuple[Notebook, FakeStream]:
        stream = FakeStream(events(4))
        station = Notebook(stream)
        station.fails_at = 1
        with pytest.raises(RuntimeError, match="a bug"):
            await through(lane(FakeApp(), station), stream)
        return station, stream

    station, stream = asyncio.run(ran())
    assert stream.acks == []
    assert station.log == []


def test_an_idle_lane_still_calls_its_station() -> None:
    async def ran() -> int:
        calls = 0

        class Idle(Notebook):
            async def process(self, records: Sequence[Record]) -> None:
                nonlocal calls
                assert records == []
                calls += 1

        stream = FakeStream()
        async with running(lane(FakeApp(), Idle()), stream):
            await until(lambda: calls >= 2)
        return calls

    assert asyncio.run(ran()) >= 2


def test_nothing_is_processed_before_the_lane_is_ready() -> None:
    async def ran() -> list[int]:
        stream, gate = FakeStream(events(1)), asyncio.Event()
        station = Notebook()
        async with running(lane(FakeApp(), station, ready=gate.wait), stream):
            await asyncio.sleep(0.05)
            assert station.seen == []
            gate.set()
            await until(lambda: bool(station.seen))
        return station.offsets

    assert asyncio.run(ran()) == [0]


def test_revoked_partitions_are_forgotten_and_what_they_held_is_not_acknowledged() -> None:
    async def ran() -> tuple[Notebook, FakeStream]:
        stream = FakeStream(events(1))
        station = Notebook(stream)
        found = lane(FakeApp(), station, checkpoint_seconds=0.5)
        async with running(found, stream):
            await until(lambda: len(stream.acks) == 1)
            stream.put(*events(2, first=1))
            await until(lambda: len(station.seen) == 3)
            await found._revoked(None, {SimpleTP(TOPIC, 0), SimpleTP(TOPIC, 4), SimpleTP("other", 7)})
            await asyncio.sleep(0.7)  # past the next checkpoint
        return station, stream

    station, stream = asyncio.run(ran())
    assert station.forgotten == [{0, 4}]
    assert stream.acks == [0]


def test_a_revocation_waits_for_the_batch_that_is_being_processed() -> None:
    async def ran() -> list[str]:
        stream, reached, gate = FakeStream(events(1)), asyncio.Event(), asyncio.Event()

        async def paused() -> None:
            reached.set()
            await gate.wait()

        station = Notebook(stream)
        station.pause = paused
        found = lane(FakeApp(), station)
        async with running(found, stream):
            await reached.wait()
            revoking = asyncio.create_task(found._revoked(None, {SimpleTP(TOPIC, 0)}))
            await asyncio.sleep(0.03)
            assert station.forgotten == []
            gate.set()
            await revoking
        return [*station.log, f"forgot {station.forgotten}"]

    log = asyncio.run(ran())
    assert log[0] == "process 0"
    assert log[-1] == "forgot [{0}]"


def test_events_in_hand_when_a_rebalance_comes_wait_for_their_second_delivery() -> None:
    """Processed on the restored checkpoint they would skip what lies between."""

    async def ran() -> list[int]:
        app, stream = FakeApp(), FakeStream()
        station = Notebook(stream)
        found = lane(app, station, linger_seconds=0.5)
        async with running(found, stream):
            stream.put(*events(2))
            await until(lambda: len(station.seen) == 2)
            stream.put(*events(2, first=2))
            await asyncio.sleep(0.02)  # the batch lingers
            app.active = False
            await found._revoked(app, {SimpleTP(TOPIC, 0)})
            app.active, app.consumer_generation_id = True, 2
            stream.put(*events(4, generation=2))
            await until(lambda: len(station.seen) >= 6)
        return station.offsets

    assert asyncio.run(ran()) == [0, 1, 0, 1, 2, 3]


def test_while_partitions_move_the_station_rests() -> None:
    """Called then, it would restore partitions that another worker goes on with."""

    async def ran() -> Notebook:
        app, stream = FakeApp(active=False), FakeStream(events(1))
        station = Notebook(stream)
        async with running(lane(app, station), stream):
            await asyncio.sleep(0.1)
        return station

    assert asyncio.run(ran()).seen == []


@pytest.mark.parametrize("headers", [{"a": b"1", "b": None}, [("a", b"1"), ("b", None)]])
def test_a_record_carries_its_headers_as_bytes_however_faust_holds_them(headers: Any) -> None:
    async def ran() -> dict[str, bytes]:
        stream = FakeStream([FakeEvent(0, headers=headers)])
        station = Notebook(stream)
        async with running(lane(FakeApp(), station), stream):
            await until(lambda: bool(station.seen))
        return station.seen[0].headers

    assert asyncio.run(ran()) == {"a": b"1", "b": b""}
