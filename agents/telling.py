"""A station whose monitors say readings: told of releases, advanced, heard."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from agents.checkpoint import Checkpoints
from agents.library import Library
from agents.plumbing import Outbox
from agents.recovery import Told
from agents.station import Partition, PartitionedStation
from agents.telemetry import LATENCY, STAGE_SECONDS
from agents.telemetry import READINGS as READINGS_SENT
from app.core.monitor_settings import MonitorSettings
from app.settings import Settings
from schemas.codec import encode
from schemas.events import Deployment
from schemas.readings import Reading
from schemas.topics import READINGS


class Monitors(Protocol):
    """Of all applications of one partition."""

    def deployed(self, deployment: Deployment) -> None: ...

    def advance(self, *, final: bool) -> list[Reading]: ...


class Telling(Partition, Protocol):
    """State of a partition whose monitors say readings."""

    releases: int  # deployments told so far
    settled: bool  # nothing new since the last final advance

    @property
    def monitors(self) -> Monitors: ...

    @property
    def told(self) -> Told: ...


T = TypeVar("T", bound=Telling)


class TellingStation(PartitionedStation[T]):
    """Tells monitors of releases, advances them, and sends what they say."""

    stage: str

    def __init__(
        self,
        settings: Settings,
        monitor: MonitorSettings,
        *,
        library: Library,
        outbox: Outbox,
        checkpoints: Checkpoints,
        assigned: Callable[[], set[int]] = set,
    ) -> None:
        super().__init__(checkpoints, assigned)
        self._settings, self._monitor = settings, monitor
        self._library, self._outbox = library, outbox

    async def _advance(self, partition: T, *, final: bool) -> list[Reading]:
        """Readings that are due and were not told before; the monitors work in a thread."""
        for deployment in self._library.deployments[partition.releases :]:
            partition.monitors.deployed(deployment)
        partition.releases = len(self._library.deployments)
        loop = asyncio.get_running_loop()
        with STAGE_SECONDS.labels(self.stage).time():
            readings = await loop.run_in_executor(None, lambda: partition.monitors.advance(final=final))
        partition.settled = partition.settled or final
        return list(filter(partition.told.is_news, readings))

    async def _send(self, reading: Reading) -> None:
        await send_reading(self._outbox, reading)


async def send_reading(outbox: Outbox, reading: Reading) -> None:
    """Queue one reading."""
    await outbox.send(READINGS, encode(reading), key=reading.application.encode())
    READINGS_SENT.labels(reading.monitor, reading.state).inc()
    LATENCY.labels(reading.monitor).observe(max(0.0, time.time() - reading.time.timestamp()))
