"""`evaluations.v1` -> `readings.v1`: what each version's answers score, and whether they got worse.

The topic is keyed by application; a row that stands on another partition, because its producer chose another
key, is sent on to its own.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import faust

from agents.checkpoint import Checkpoints
from agents.dead_letters import buried_after, bury
from agents.detect import send_reading
from agents.library import Library
from agents.plumbing import Lane, Outbox, Record, assigned
from agents.recovery import Told, readings_told
from agents.station import PartitionedStation
from agents.telemetry import STAGE_SECONDS
from app.adapters.partitioning import partition_of
from app.core.monitor_settings import MonitorSettings
from app.core.quality_monitors import QualityMonitors
from app.core.quality_rows import problem_of
from app.settings import Settings
from schemas.codec import Rejection, SchemaError, decode, encode
from schemas.events import Evaluation
from schemas.topics import EVALUATIONS

FOREIGN = SchemaError("type", "is no evaluation", "send other events to their own topics")
FORMAT = 1  # of the snapshot


@dataclass(slots=True)
class _Partition:
    monitors: QualityMonitors
    offset: int = -1
    saved: int = -1
    buried: set[int] = field(default_factory=set)  # offsets whose dead letters were sent before a crash
    releases: int = 0  # deployments told so far
    settled: bool = True  # nothing new since the last final advance
    heard_at: float = 0.0
    told: Told = field(default_factory=Told)  # by whoever had the partition before its state was lost

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "monitors": self.monitors.snapshot(),
            "offset": self.offset,
            "settled": self.settled,
            "told": self.told.until,
        }


class Evaluating(PartitionedStation[_Partition]):
    """One `QualityMonitors` per partition, restored from its newest checkpoint."""

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
        """Take over rows, advance as far as they reach, send readings."""
        await self._restore()
        touched: set[int] = set()
        for record in records:
            partition = await self._partition(record.partition)
            if record.offset <= partition.offset:
                continue
            partition.offset = record.offset
            await self._take(partition, record)
            partition.heard_at, partition.settled = time.monotonic(), False
            touched.add(record.partition)
        quiet = {n for n, p in self._partitions.items() if n not in touched and self._is_quiet(p)}
        for number in sorted(touched | quiet):
            await self._advance(self._partitions[number], final=number in quiet)
        await self._outbox.deliver()

    async def _take(self, partition: _Partition, record: Record) -> None:
        fresh = record.offset not in partition.buried
        for event in decode(record.value, headers=record.headers, kind="evaluation"):
            if isinstance(event, Rejection):
                await self._bury(record, event, fresh=fresh)
                continue
            if not isinstance(event, Evaluation):
                await self._bury(record, Rejection(FOREIGN, encode(event)), fresh=fresh)
                continue
            own = partition_of(event.application, EVALUATIONS.partitions)
            if own != record.partition:
                key = event.application.encode()
                await self._outbox.send(EVALUATIONS, encode(event), key=key, partition=own)
                continue
            problem = problem_of(event)
            if problem is not None:
                await self._bury(record, Rejection(problem, encode(event)), fresh=fresh)
            partition.monitors.observe(event)

    async def _bury(self, record: Record, rejection: Rejection, *, fresh: bool) -> None:
        if fresh:
            await bury(self._outbox, record, rejection)

    def _is_quiet(self, partition: _Partition) -> bool:
        """Whether the input is silent and something was not told yet."""
        silent = time.monotonic() - partition.heard_at >= self._settings.worker.idle_seconds
        return not partition.settled and silent

    async def _advance(self, partition: _Partition, *, final: bool) -> None:
        for deployment in self._library.deployments[partition.releases :]:
            partition.monitors.deployed(deployment)
        partition.releases = len(self._library.deployments)
        loop = asyncio.get_running_loop()
        with STAGE_SECONDS.labels("evaluate").time():
            readings = await loop.run_in_executor(None, lambda: partition.monitors.advance(final=final))
        partition.settled = partition.settled or final
        for reading in filter(partition.told.is_news, readings):
            await send_reading(self._outbox, reading)

    def _new(self, number: int) -> _Partition:
        return _Partition(QualityMonitors(self._monitor), heard_at=time.monotonic())

    def _load(self, partition: _Partition, saved: dict[str, Any]) -> None:
        partition.monitors.restore(saved["monitors"])
        partition.offset, partition.settled = saved["offset"], saved["settled"]
        partition.told = Told(saved["told"])

    async def _recover(self, number: int, partition: _Partition, offset: int) -> None:
        partition.offset, partition.told = offset, await readings_told(self._settings)

    async def _ready(self, number: int, partition: _Partition) -> None:
        topic = self._settings.kafka.topic_prefix + EVALUATIONS.name
        partition.buried = await buried_after(self._settings, topic, number, partition.offset)


def register(
    app: faust.App, settings: Settings, *, monitor: MonitorSettings, library: Library, outbox: Outbox
) -> None:
    """Attach the agent."""
    checkpoints = Checkpoints("evaluate", FORMAT, outbox=outbox, settings=settings)
    topic = settings.kafka.topic_prefix + EVALUATIONS.name
    station = Evaluating(
        settings,
        monitor,
        library=library,
        outbox=outbox,
        checkpoints=checkpoints,
        assigned=partial(assigned, app, topic),
    )
    Lane(app, settings, [topic], "evaluate", station, ready=library.ready.wait).register()
