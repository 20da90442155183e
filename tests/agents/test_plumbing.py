import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from agents.plumbing import Lane, Outbox, Record, batches, client_options, credentials
from schemas.topics import INTERACTIONS, TICKS
from tests.agents.doubles import PREFIX, FakeApp, FakeEvent, FakeStream, SimpleTP, settings

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


def events(count: int, first: int = 0, **named: Any) -> list[FakeEvent]:
    return [FakeEvent(first + i, **named) for i in range(count)]


async def through(found: Lane, stream: FakeStream) -> None:
    async for _ in found._run(stream):
        pass


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110  any condition
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(found: Lane, stream: FakeStream) -> AsyncIterator[None]:
    task = asyncio.create_task(through(found, stream))
    try:
        yield
    finally:
        stream.put(None)
        await asyncio.wait_for(task, 5)


def test_batches_hold_at_most_their_size_and_the_order_of_the_log() -> None:
    async def collected() -> list[list[int]]:
        stream = FakeStream([*events(7), None])
        return [[e.offset for e in b] async for b in batches(stream, size=3, linger=5.0)]

    assert asyncio.run(collected()) == [[0, 1, 2], [3, 4, 5]]  # the seventh was never processed or acked


def test_a_silent_stream_gives_empty_batches_and_then_what_comes() -> None:
    async def collected() -> list[list[int]]:
        stream, out = FakeStream(), []
        async for batch in batches(stream, size=3, linger=0.01):
            out.append([event.offset for event in batch])
            if len(out) == 3:
                stream.put(*events(1))
            if batch:
                break
        return out

    found = asyncio.run(collected())
    assert found[:3] == [[], [], []]
    assert found[-1] == [0]


def test_a_slow_stream_is_not_waited_for_longer_than_the_linger() -> None:
    async def collected() -> list[int]:
        stream = FakeStream(events(2))
        async for batch in batches(stream, size=100, linger=0.02):
            return [event.offset for event in batch]
        return []

    assert asyncio.run(asyncio.wait_for(collected(), 2)) == [0, 1]


@pytest.mark.parametrize("end", ["stream", "close", "cancel"])
def test_however_batches_end_no_exception_is_left_unretrieved(end: str) -> None:
    complaints: list[dict[str, Any]] = []

    async def reader(found: AsyncIterator[list[Any]]) -> None:
        async for _ in found:
            pass

    async def ended() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        stream = FakeStream(events(2))
        found = batches(stream, size=3, linger=0.01)
        task = asyncio.create_task(reader(found))
        await asyncio.sleep(0.03)
        if end == "stream":
            stream.put(None)
            await asyncio.wait_for(task, 2)
        else:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if end == "close":
            stream.put(None)
        await asyncio.sleep(0.02)

    asyncio.run(ended())
    assert complaints == []


def test_a_stream_that_fails_fails_its_reader() -> None:
    class Failing(FakeStream):
        async def events(self) -> AsyncIterator[FakeEvent]:
            yield FakeEvent(0)
            raise ValueError("from Faust")

    async def read() -> None:
        async for _ in batches(Failing(), size=5, linger=1.0):
            pass

    with pytest.raises(ValueError, match="from Faust"):
        asyncio.run(read())


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
        found = lane(FakeApp(), station, checkpoint_seconds=0.2)
        async with running(found, stream):
            await until(lambda: len(stream.acks) == 1)
            stream.put(*events(2, first=1))
            await until(lambda: len(station.seen) == 3)
            await found._revoked(None, {SimpleTP(TOPIC, 0), SimpleTP(TOPIC, 4), SimpleTP("other", 7)})
            await asyncio.sleep(0.3)
        return station, stream

    station, stream = asyncio.run(ran())
    assert station.forgotten == [{0, 4}]
    assert stream.acks == [0]


def test_a_revocation_waits_for_the_batch_that_is_being_processed() -> None:
    async def ran() -> list[str]:
        stream, gate = FakeStream(events(1)), asyncio.Event()
        station = Notebook(stream)
        station.pause = gate.wait
        found = lane(FakeApp(), station)
        async with running(found, stream):
            await asyncio.sleep(0.05)
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
        found = lane(app, station, linger_seconds=0.1)
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


class Producer:
    """Faust's producer: sending gives a future, which the broker settles."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.futures: list[asyncio.Future[None]] = []

    async def maybe_start_producer(self) -> "Producer":
        return self

    async def send(self, *arguments: Any) -> "asyncio.Future[None]":
        self.sent.append(arguments)
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]


def test_an_outbox_returns_when_the_broker_has_everything_and_raises_where_it_has_not() -> None:
    async def ran() -> list[tuple[Any, ...]]:
        producer = Producer()
        outbox = Outbox(producer, "p.")
        await outbox.send(TICKS, b"one", key=b"k", partition=2, headers={"h": b"v"})
        await outbox.send(TICKS, b"two")
        delivering = asyncio.create_task(outbox.deliver())
        producer.futures[0].set_result(None)
        await asyncio.sleep(0.01)
        assert not delivering.done()
        producer.futures[1].set_exception(ConnectionError("gone"))
        with pytest.raises(ConnectionError):
            await delivering
        await outbox.deliver()  # what failed is not waited for again
        return producer.sent

    assert asyncio.run(ran()) == [
        ("p.ticks.v1", b"k", b"one", 2, None, {"h": b"v"}),
        ("p.ticks.v1", None, b"two", None, None, {}),
    ]


def test_connection_options_are_those_of_the_settings() -> None:
    plain = settings(kafka={"bootstrap_servers": "a:1,b:2"})
    assert client_options(plain) == {"bootstrap_servers": "a:1,b:2", "security_protocol": "PLAINTEXT"}
    assert credentials(plain) is None
    secret = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "u"}
    guarded = settings(kafka={**secret, "sasl_password": "p"})
    options = client_options(guarded)
    assert (options["sasl_mechanism"], options["sasl_plain_username"], options["sasl_plain_password"]) == (
        "SCRAM-SHA-512",
        "u",
        "p",
    )
    assert options["ssl_context"].check_hostname
    held = credentials(guarded)
    assert (held.username, held.password, held.mechanism.value) == ("u", "p", "SCRAM-SHA-512")
