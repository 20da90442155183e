"""`ticks.v1` -> `readings.v1`: learn baselines, judge every tick, explain what moved."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import faust

from agents.checkpoint import Checkpoints
from agents.dead_letters import refused, typed
from agents.library import Library
from agents.plumbing import Lane, Outbox, Record
from agents.recovery import Told, readings_told, silent_inputs
from agents.telemetry import log
from agents.telling import TellingStation
from app.core.monitor_settings import MonitorSettings
from app.core.monitors import Monitors
from app.core.wellformed import MalformedTick
from app.settings import Settings
from schemas.codec import encode
from schemas.ticks import Tick
from schemas.topics import DEPLOYMENTS, TICKS

FORMAT = 1  # of the snapshot


@dataclass(slots=True)
class _Partition:
    monitors: Monitors
    offset: int = -1
    saved: int = -1
    releases: int = 0  # deployments told so far
    settled: bool = True  # nothing new since the last final advance
    told: Told = field(default_factory=Told)  # by whoever had the partition before its state was lost

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "monitors": self.monitors.snapshot(),
            "offset": self.offset,
            "settled": self.settled,
            "told": self.told.until,
        }


class Detect(TellingStation[_Partition]):
    """One `Monitors` per partition of ticks, restored at its first record."""

    stage = "detect"

    def __init__(
        self,
        settings: Settings,
        monitor: MonitorSettings,
        *,
        fingerprint: str,
        library: Library,
        outbox: Outbox,
        checkpoints: Checkpoints,
    ) -> None:
        super().__init__(settings, monitor, library=library, outbox=outbox, checkpoints=checkpoints)
        self._fingerprint = fingerprint

    async def process(self, records: Sequence[Record]) -> None:
        """Take over ticks, advance to the watermark, send readings and new baselines."""
        touched: set[int] = set()
        for record in records:
            partition = await self._partition(record.partition)
            if record.offset <= partition.offset:
                continue
            partition.offset = record.offset
            tick = await typed(self._outbox, record, Tick)
            if tick is None:
                continue
            try:
                partition.monitors.receive(tick)
            except MalformedTick as fault:
                await refused(self._outbox, record, str(fault))
                continue
            partition.settled = partition.settled and tick.application == "*"
            touched.add(record.partition)
        for number in touched:
            await self._say(self._partitions[number])
        await self._outbox.deliver()

    async def _say(self, partition: _Partition) -> None:
        """Advance, and send what was learned, seen and measured, in this order."""
        final = partition.monitors.all_idle and not partition.settled
        readings = await self._advance(partition, final=final)
        for baseline in partition.monitors.take_learned():
            await self._library.publish(baseline.reference.application, baseline, self._outbox)
            log.info(
                "baseline_learned",
                application=baseline.reference.application,
                aspect=baseline.reference.aspect,
                units=baseline.reference.units,
                run_length=baseline.run_length,
            )
        for deployment in partition.monitors.take_observed():
            await self._outbox.send(DEPLOYMENTS, encode(deployment), key=deployment.application.encode())
            log.info("deployment_observed", application=deployment.application)
        for reading in readings:
            await self._send(reading)

    def _new(self, number: int) -> _Partition:
        return _Partition(
            Monitors(
                references=self._library.references, fingerprint=self._fingerprint, settings=self._monitor
            )
        )

    def _load(self, partition: _Partition, saved: dict[str, Any]) -> None:
        partition.monitors.restore(saved["monitors"])
        partition.offset, partition.settled = saved["offset"], saved["settled"]
        partition.told = Told(saved["told"])

    async def _recover(self, number: int, partition: _Partition, offset: int) -> None:
        partition.offset = offset
        partition.told = await readings_told(self._settings)
        for tick in await silent_inputs(self._settings, number):
            partition.monitors.receive(tick)


def register(
    app: faust.App,
    settings: Settings,
    *,
    monitor: MonitorSettings,
    fingerprint: str,
    library: Library,
    outbox: Outbox,
) -> None:
    """Attach the agent."""
    checkpoints = Checkpoints("detect", FORMAT, outbox=outbox, settings=settings)
    station = Detect(
        settings,
        monitor,
        fingerprint=fingerprint,
        library=library,
        outbox=outbox,
        checkpoints=checkpoints,
    )
    topics = [settings.kafka.topic_prefix + TICKS.name]
    Lane(app, settings, topics, "detect", station, ready=library.ready.wait).register()
