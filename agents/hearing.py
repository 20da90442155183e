"""A station that hears events of one kind, alone or beside ticks: what `evaluate` and `outcomes` share."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from agents.dead_letters import buried_after, bury
from agents.plumbing import Outbox, Record
from agents.recovery import Told
from agents.telling import Monitors, TellingStation
from app.adapters.partitioning import partition_of
from schemas.codec import Rejection, SchemaError, decode, encode
from schemas.events import Evaluation, Outcome
from schemas.topics import Topic

E = TypeVar("E", Outcome, Evaluation)
M = TypeVar("M", bound=Monitors)


@dataclass(frozen=True, slots=True)
class Input(Generic[E]):
    """Events of one kind on a topic that is keyed by application."""

    topic: Topic
    kind: str
    shape: type[E]
    problem_of: Callable[[E], SchemaError | None]  # what makes an event count for less than it could

    async def heard(self, record: Record, outbox: Outbox, *, fresh: bool) -> list[E]:
        """Events of a record that count on its partition.

        What cannot be used is buried where it is `fresh`; what stands on another partition than its own,
        because its producer chose another key, is sent on.
        """
        foreign = SchemaError("type", f"is no {self.kind}", "send other events to their own topics")
        events: list[E] = []
        for event in decode(record.value, headers=record.headers, kind=self.kind):
            problem: Rejection | None = None
            if isinstance(event, Rejection):
                problem = event
            elif not isinstance(event, self.shape):
                problem = Rejection(foreign, encode(event))
            elif (own := partition_of(event.application, self.topic.partitions)) != record.partition:
                await outbox.send(self.topic, encode(event), key=event.application.encode(), partition=own)
            else:
                events.append(event)
                found = self.problem_of(event)
                problem = None if found is None else Rejection(found, encode(event))
            if problem is not None and fresh:
                await bury(outbox, record, problem)
        return events


@dataclass(slots=True)
class Heard(ABC, Generic[M]):
    """State of a partition of events of one kind, alone or beside ticks."""

    monitors: M
    offsets: dict[str, int] = field(default_factory=dict)  # by topic
    saved: int = -1
    buried: set[int] = field(default_factory=set)  # offsets whose dead letters were sent before a crash
    releases: int = 0
    settled: bool = True
    heard_at: float = 0.0
    told: Told = field(default_factory=Told)  # by whoever had the partition before its state was lost

    @property
    def offset(self) -> int:
        """Grows with every record of any topic."""
        return sum(offset + 1 for offset in self.offsets.values()) - 1

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""


H = TypeVar("H", bound=Heard[Any])


class HearingStation(TellingStation[H]):
    """Advances a partition with its records, and once more, to the end, when its input is silent."""

    input: Input[Any]

    async def process(self, records: Sequence[Record]) -> None:
        """Take over records, advance as far as they reach, send readings."""
        await self._restore()
        touched: set[int] = set()
        for record in records:
            partition = await self._partition(record.partition)
            if record.offset <= partition.offsets.get(record.topic, -1):
                continue
            partition.offsets[record.topic] = record.offset
            if await self._take(partition, record):
                partition.heard_at, partition.settled = time.monotonic(), False
            touched.add(record.partition)
        quiet = {n for n, p in self._partitions.items() if n not in touched and self._is_quiet(p)}
        for number in sorted(touched | quiet):
            for reading in await self._advance(self._partitions[number], final=number in quiet):
                await self._send(reading)
        await self._outbox.deliver()

    async def _take(self, partition: H, record: Record) -> bool:
        """Whether a record brought anything to read."""
        fresh = record.offset not in partition.buried
        for event in await self.input.heard(record, self._outbox, fresh=fresh):
            partition.monitors.observe(event)
        return True

    def _is_quiet(self, partition: H) -> bool:
        """Whether the input is silent and something was not told yet."""
        silent = time.monotonic() - partition.heard_at >= self._settings.worker.idle_seconds
        return not partition.settled and silent

    @property
    def _topic(self) -> str:
        return self._settings.kafka.topic_prefix + self.input.topic.name

    async def _ready(self, number: int, partition: H) -> None:
        read = partition.offsets.get(self._topic, -1)
        partition.buried = await buried_after(self._settings, self._topic, number, read)
