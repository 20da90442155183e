"""Measure between doubles: what it reads, and what it sent."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import pytest

from agents import dead_letters, measure
from agents.measure import Eyes, Measure
from agents.plumbing import Record
from app.core.sampling import References
from app.settings import Settings
from schemas.codec import encode
from schemas.events import Interaction
from schemas.ticks import Tick
from schemas.topics import DEAD_LETTERS, INTERACTIONS, TICKS, Topic
from tests.agents.doubles import (
    PREFIX,
    DictCheckpoints,
    HeldLibrary,
    RecordingOutbox,
    record,
    settings,
    stored,
)
from tests.rig import made
from tests.rig.made import APP, WordEncoder, newest


class FakeEnds:
    """Where partitions end, as a test says; counts how often it was asked."""

    def __init__(self, ends: dict[int, int]) -> None:
        self.ends = ends
        self.asked = 0

    async def of(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        assert topic == PREFIX + INTERACTIONS.name
        self.asked += bool(partitions)
        return {number: self.ends.get(number, 0) for number in partitions}


class Setting:
    """One worker after another on the same topics and checkpoints."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, references: dict[str, References] | None = None
    ) -> None:
        self.outbox, self.checkpoints = RecordingOutbox(), DictCheckpoints()
        self.library = HeldLibrary(references)
        self.assigned: set[int] = set()
        self.ends = FakeEnds({})
        monkeypatch.setattr(measure, "Ends", lambda _: self.ends)
        monkeypatch.setattr(dead_letters, "read_partition", self._read)
        self.idle_seconds = 3600.0
        self.shed_after_seconds: float | None = None
        self.restart()

    async def _read(
        self, _: Settings, topic: Topic, partition: int, *, newest: int | None = None
    ) -> AsyncIterator[Any]:
        assert topic is DEAD_LETTERS
        assert newest is not None
        for sent in self.outbox.sent:
            if sent.topic == topic.name and partition == 1:
                yield stored(sent)

    def restart(self) -> None:
        self.station = Measure(
            settings(
                kafka={"partitions": 2},
                worker={"idle_seconds": self.idle_seconds, "shed_after_seconds": self.shed_after_seconds},
            ),
            eyes=Eyes(encoder=WordEncoder(), describe=made.describe),
            library=self.library,  # type: ignore[arg-type]
            outbox=self.outbox,  # type: ignore[arg-type]
            checkpoints=self.checkpoints,  # type: ignore[arg-type]
            assigned=lambda: self.assigned,
        )

    def process(self, batch: Sequence[Record], *, size: int = 50) -> None:
        async def all_of_it() -> None:
            for start in range(0, max(len(batch), 1), size):
                await self.station.process(batch[start : start + size])

        asyncio.run(all_of_it())

    def save(self) -> None:
        asyncio.run(self.station.checkpoint())

    @property
    def ticks(self) -> list[Tick]:
        return self.outbox.values(TICKS, Tick)

    def totals(self, partition: int = 0) -> Any:
        told = [t.totals for t in self.ticks if t.application == APP and t.partition == partition]
        return max(told, key=lambda t: t.events)

    @property
    def idles(self) -> list[Tick]:
        return [tick for tick in self.ticks if tick.idle]


def records(events: Iterable[Interaction], *, first: int = 0, partition: int = 0) -> list[Record]:
    return [
        record(INTERACTIONS, encode(event), first + i, partition=partition) for i, event in enumerate(events)
    ]


def settled(ticks: Sequence[Tick]) -> list[Tick]:
    """What a reader holds in the end: of each block the version that reaches farthest."""
    return newest(sorted(ticks, key=lambda tick: tick.up_to))
