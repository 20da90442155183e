"""Stand-ins for what an agent touches: outbox, checkpoints, library, Faust's stream and application."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec
from aiokafka.errors import MessageSizeTooLargeError

from agents.checkpoint import Saved
from agents.plumbing import REQUEST_BYTES, Record
from app.adapters.partitioning import partition_of
from app.core.baseline import Baseline
from app.core.sampling import References
from app.settings import Settings
from schemas.events import Deployment
from schemas.topics import INTERACTIONS, Topic
from tests.rig.made import through_msgpack

PREFIX = "promptdrift."
CONNECT = "__connect.errors."
BROKER_BYTES = 1_048_588  # message.max.bytes by default, of what is compressed
PATIENCE_SECONDS = 60.0  # the machine may be busy; only what fails waits so long
T = TypeVar("T")


def settings(**sections: Any) -> Settings:
    return Settings.model_validate(sections)


@dataclass(frozen=True, slots=True)
class Sent:
    """One record as it left an agent."""

    topic: str
    key: bytes | None
    value: bytes
    partition: int | None
    headers: dict[str, bytes]


class RecordingOutbox:
    """`Outbox` without a broker: what was queued counts as sent when it is delivered.

    Refuses what the producer and the broker would, by size.
    """

    def __init__(self) -> None:
        self.queued: list[Sent] = []
        self.sent: list[Sent] = []
        self.broken = False

    async def send(
        self,
        topic: Topic,
        value: bytes,
        *,
        key: bytes | None = None,
        partition: int | None = None,
        headers: dict[str, bytes] | None = None,
    ) -> None:
        whole = b"".join([key or b"", value, *(n.encode() + v for n, v in (headers or {}).items())])
        compressed = len(whole) if len(whole) <= BROKER_BYTES else len(zlib.compress(whole, 1))
        if len(whole) > REQUEST_BYTES or compressed > BROKER_BYTES:
            raise MessageSizeTooLargeError(f"{len(whole):,} bytes on {topic.name}")
        self.queued.append(Sent(topic.name, key, value, partition, headers or {}))

    async def deliver(self) -> None:
        waiting, self.queued = self.queued, []
        if self.broken:
            raise ConnectionError("the broker is away")
        self.sent += waiting

    def on(self, topic: Topic) -> list[Sent]:
        assert not self.queued, "queued and never delivered"
        return [sent for sent in self.sent if sent.topic == topic.name]

    def values(self, topic: Topic, kind: type[T]) -> list[T]:
        return [msgspec.json.decode(sent.value, type=kind) for sent in self.on(topic)]

    def reader(self) -> Callable[..., Any]:
        """`read_partition` of what was sent."""

        async def read(
            _: Settings, topic: Topic, partition: int, *, newest: int | None = None
        ) -> AsyncIterator[Any]:
            where = ((s, partition_of((s.key or b"").decode(), topic.partitions)) for s in self.on(topic))
            own = [s for s, by_key in where if partition == (by_key if s.partition is None else s.partition)]
            for offset, sent in enumerate(own):
                yield stored(sent, offset)

        return read


class DictCheckpoints:
    """`Checkpoints` in memory; states make the same way through msgpack as on the topic."""

    def __init__(self) -> None:
        self.states: dict[int, Any] = {}
        self.offsets: dict[int, int] = {}
        self.writes = 0
        self.problem: str | None = None  # why the next state that is read cannot be used
        self.told: list[str] = []  # of states that were lost

    async def write(self, partition: int, snapshot: Callable[[], Any], offset: int) -> None:
        self.states[partition] = through_msgpack(snapshot())
        self.offsets[partition] = offset
        self.writes += 1

    async def read(self, partition: int) -> Saved | None:
        if partition not in self.states:
            return None
        return Saved(self.states[partition], self.offsets[partition], self.problem)

    def lost(self, partition: int, reason: str) -> None:
        self.told.append(reason)
        self.problem = None


class HeldLibrary:
    """`Library` that was read to its end."""

    def __init__(self, references: dict[str, References] | None = None) -> None:
        self.references = references or {}
        self.deployments: list[Deployment] = []
        self.ready = asyncio.Event()
        self.ready.set()
        self.published: list[Baseline] = []

    async def publish(self, application: str, what: Baseline, outbox: RecordingOutbox) -> None:
        await outbox.deliver()
        self.published.append(what)
        self.references[application] = self.references.get(application, References()).learned(what)


@dataclass(eq=False)
class FakeEvent:
    """Faust's event: a message that can be acknowledged."""

    offset: int
    partition: int = 0
    generation: int = 1
    acked: bool = False
    value: bytes = b"{}"
    headers: Any = None

    @property
    def message(self) -> Any:
        return SimpleNamespace(
            topic=PREFIX + INTERACTIONS.name,
            partition=self.partition,
            offset=self.offset,
            key=None,
            value=self.value,
            headers=self.headers,
            timestamp=None,
            generation_id=self.generation,
        )


def events(count: int, first: int = 0, **named: Any) -> list[FakeEvent]:
    return [FakeEvent(first + i, **named) for i in range(count)]


class FakeStream:
    """Faust's stream over a queue; None ends it."""

    def __init__(self, events: Iterable[FakeEvent | None] = ()) -> None:
        self.queue: asyncio.Queue[FakeEvent | None] = asyncio.Queue()
        self.acks: list[int] = []
        self.manual = False
        self.put(*events)

    def put(self, *events: FakeEvent | None) -> None:
        for event in events:
            self.queue.put_nowait(event)

    def noack(self) -> "FakeStream":
        self.manual = True
        return self

    async def events(self) -> AsyncIterator[FakeEvent]:
        while (event := await self.queue.get()) is not None:
            yield event

    async def ack(self, event: FakeEvent) -> None:
        event.acked = True
        self.acks.append(event.offset)


@dataclass
class FakeApp:
    """What agents ask of a Faust application."""

    active: bool = True
    consumer_generation_id: int = 1

    @property
    def flow_control(self) -> Any:
        return SimpleNamespace(is_active=lambda: self.active)


@dataclass(frozen=True)
class SimpleTP:
    """A topic and a partition."""

    topic: str
    partition: int


def record(
    topic: Topic | str,
    value: bytes | None,
    offset: int,
    *,
    partition: int = 0,
    key: bytes | None = b"key",
    headers: dict[str, bytes] | None = None,
) -> Record:
    name = topic if isinstance(topic, str) else PREFIX + topic.name
    return Record(topic=name, partition=partition, offset=offset, key=key, value=value, headers=headers or {})


def stored(sent: Sent, offset: int = 0) -> Any:
    """What was sent, as aiokafka gives it back."""
    return SimpleNamespace(
        topic=PREFIX + sent.topic,
        offset=offset,
        key=sent.key,
        value=sent.value,
        headers=tuple(sent.headers.items()),
        timestamp=1_772_000_000_000,
    )
