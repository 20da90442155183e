"""`ticks.v1` and `outcomes.v1` -> `readings.v1`: join outcomes to who was served, compare versions.

Both inputs are keyed by application and have as many partitions, so that an outcome meets its interaction.
An outcome that stands on another partition, because its producer chose another key, is sent on to its own.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import faust
from msgspec import structs

from agents.checkpoint import Checkpoints
from agents.dead_letters import buried_after, bury, typed
from agents.detect import send_reading
from agents.library import Library
from agents.plumbing import Lane, Outbox, Record, assigned
from agents.recovery import Told, readings_told, silent_inputs
from agents.station import PartitionedStation
from agents.telemetry import OUTCOMES_COUNTED, STAGE_SECONDS
from app.adapters.partitioning import partition_of
from app.core.joining import problem_of
from app.core.monitor_settings import MonitorSettings
from app.core.outcome_monitors import OutcomeMonitors
from app.settings import Settings
from schemas.codec import Rejection, SchemaError, decode, encode
from schemas.events import Outcome
from schemas.readings import Reading
from schemas.ticks import Tick
from schemas.topics import OUTCOMES, TICKS

FOREIGN = SchemaError("type", "is no outcome", "send other events to their own topics")
FORMAT = 1  # of the snapshot


@dataclass(slots=True)
class _Partition:
    monitors: OutcomeMonitors
    offsets: dict[str, int] = field(default_factory=dict)  # by topic
    saved: int = -1
    buried: set[int] = field(default_factory=set)  # offsets whose dead letters were sent before a crash
    releases: int = 0  # deployments told so far
    settled: bool = True  # nothing new since the last final advance
    heard_at: float = 0.0
    told: Told = field(default_factory=Told)  # by whoever had the partition before its state was lost

    @property
    def offset(self) -> int:
        """Grows with every record of either topic."""
        return sum(offset + 1 for offset in self.offsets.values()) - 1

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "monitors": self.monitors.snapshot(),
            "offsets": self.offsets,
            "settled": self.settled,
            "told": self.told.until,
        }


class Joining(PartitionedStation[_Partition]):
    """One `OutcomeMonitors` per partition, restored from its newest checkpoint."""

    def __init__(
        self,
        settings: Settings,
        monitor: MonitorSettings,
        *,
        library: Library,
        outbox: Outbox,
        checkpoints: Checkpoints,
        assigned: Callable[[], set[int]],
    ) -> None:
        super().__init__(checkpoints, assigned)
        self._settings, self._monitor = settings, monitor
        self._library, self._outbox = library, outbox

    async def process(self, records: Sequence[Record]) -> None:
        """Take over ticks and outcomes, advance to the watermarks, send readings."""
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
            await self._advance(self._partitions[number], final=number in quiet)
        await self._outbox.deliver()

    async def _take(self, partition: _Partition, record: Record) -> bool:
        """Whether a record brought anything to read."""
        if record.topic.endswith(OUTCOMES.name):
            return await self._outcomes(partition, record)
        tick = await typed(self._outbox, record, Tick)
        if tick is not None:
            partition.monitors.receive(tick)
        return tick is not None and tick.application != "*"

    async def _outcomes(self, partition: _Partition, record: Record) -> bool:
        fresh = record.offset not in partition.buried
        for event in decode(record.value, headers=record.headers, kind="outcome"):
            if isinstance(event, Rejection):
                await self._bury(record, event, fresh=fresh)
                continue
            if not isinstance(event, Outcome):
                await self._bury(record, Rejection(FOREIGN, encode(event)), fresh=fresh)
                continue
            own = partition_of(event.application, OUTCOMES.partitions)
            if own != record.partition:
                key = event.application.encode()
                await self._outbox.send(OUTCOMES, encode(event), key=key, partition=own)
                continue
            problem = problem_of(event)
            if problem is not None:
                await self._bury(record, Rejection(problem, encode(event)), fresh=fresh)
            partition.monitors.observe(event)
        return True

    async def _bury(self, record: Record, rejection: Rejection, *, fresh: bool) -> None:
        if fresh:
            await bury(self._outbox, record, rejection)

    def _is_quiet(self, partition: _Partition) -> bool:
        """Whether both inputs are silent and something was not told yet."""
        silent = time.monotonic() - partition.heard_at >= self._settings.worker.idle_seconds
        return not partition.settled and silent and partition.monitors.all_idle

    async def _advance(self, partition: _Partition, *, final: bool) -> None:
        for deployment in self._library.deployments[partition.releases :]:
            partition.monitors.deployed(deployment)
        partition.releases = len(self._library.deployments)
        loop = asyncio.get_running_loop()
        with STAGE_SECONDS.labels("outcomes").time():
            readings = await loop.run_in_executor(None, lambda: partition.monitors.advance(final=final))
        partition.settled = partition.settled or final
        for reading in filter(partition.told.is_news, readings):
            await send_reading(self._outbox, reading)
            _count(reading)

    def _new(self, number: int) -> _Partition:
        return _Partition(OutcomeMonitors(self._monitor), heard_at=time.monotonic())

    def _load(self, partition: _Partition, saved: dict[str, Any]) -> None:
        partition.monitors.restore(saved["monitors"])
        partition.offsets, partition.settled = dict(saved["offsets"]), saved["settled"]
        partition.told = Told(saved["told"])

    async def _recover(self, number: int, partition: _Partition, offset: int) -> None:
        partition.told = await readings_told(self._settings)
        for tick in await silent_inputs(self._settings, number):
            partition.monitors.receive(tick)

    async def _ready(self, number: int, partition: _Partition) -> None:
        topic = self._settings.kafka.topic_prefix + OUTCOMES.name
        read = partition.offsets.get(topic, -1)
        partition.buried = await buried_after(self._settings, topic, number, read)


def _count(reading: Reading) -> None:
    if reading.outcomes is None:
        return
    for fate, count in structs.asdict(reading.outcomes.counts).items():
        OUTCOMES_COUNTED.labels(reading.application, reading.monitor, fate).set(count)


def register(
    app: faust.App, settings: Settings, *, monitor: MonitorSettings, library: Library, outbox: Outbox
) -> None:
    """Attach the agent."""
    checkpoints = Checkpoints("outcomes", FORMAT, outbox=outbox, settings=settings)
    topics = [settings.kafka.topic_prefix + topic.name for topic in (TICKS, OUTCOMES)]
    station = Joining(
        settings,
        monitor,
        library=library,
        outbox=outbox,
        checkpoints=checkpoints,
        assigned=partial(assigned, app, topics[1]),
    )
    Lane(app, settings, topics, "outcomes", station, ready=library.ready.wait).register()
