"""`readings.v1` -> `alerts.v1` and `alerts.state.v1`: incidents, durable before any effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import faust

from agents.checkpoint import Checkpoints
from agents.dead_letters import typed
from agents.plumbing import Lane, Outbox, Record
from agents.station import PartitionedStation
from agents.telemetry import ALERTS as ALERTS_SENT
from agents.telemetry import log
from app.core.incidents import Incidents
from app.settings import Settings
from schemas.codec import encode
from schemas.decisions import Alert
from schemas.readings import Reading
from schemas.topics import ALERTS, ALERTS_STATE, READINGS


@dataclass(slots=True)
class _Partition:
    incidents: Incidents
    offset: int = -1
    saved: int = -1

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"incidents": self.incidents.snapshot(), "offset": self.offset}


class Alerting(PartitionedStation[_Partition]):
    """One `Incidents` per partition of readings, restored at its first record."""

    def __init__(self, *, outbox: Outbox, checkpoints: Checkpoints) -> None:
        super().__init__(checkpoints)
        self._outbox = outbox

    async def process(self, records: Sequence[Record]) -> None:
        """Decide on each reading; transitions are delivered when this returns."""
        for record in records:
            partition = await self._partition(record.partition)
            if record.offset <= partition.offset:
                continue
            partition.offset = record.offset
            reading = await typed(self._outbox, record, Reading)
            for alert in [] if reading is None else partition.incidents.decide(reading):
                await self._send(alert)
        await self._outbox.deliver()

    async def _send(self, alert: Alert) -> None:
        key, value = alert.incident.encode(), encode(alert)
        headers = {
            "application": alert.application.encode(),
            "monitor": alert.monitor.encode(),
            "severity": alert.severity.encode(),
            "state": alert.state.encode(),
        }
        await self._outbox.send(ALERTS, value, key=key, headers=headers)
        await self._outbox.send(ALERTS_STATE, value, key=key, headers=headers)
        ALERTS_SENT.labels(alert.monitor, alert.severity, alert.state).inc()
        log.info("alert", application=alert.application, incident=alert.incident, state=alert.state)

    async def _open(self, number: int, saved: dict[str, Any] | None) -> _Partition:
        partition = _Partition(Incidents())
        if saved is not None:
            partition.incidents.restore(saved["incidents"])
            partition.offset = saved["offset"]
        return partition


def register(app: faust.App, settings: Settings, *, outbox: Outbox) -> None:
    """Attach the agent."""
    station = Alerting(outbox=outbox, checkpoints=Checkpoints("alert", outbox=outbox, settings=settings))
    Lane(app, settings, [settings.kafka.topic_prefix + READINGS.name], "alert", station).register()
