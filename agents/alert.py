"""`readings.v1` -> `alerts.v1` and `alerts.state.v1`: incidents, durable before any effect.

Answers come in by `acknowledgements.v1`.  Both inputs are keyed by application and have as many
partitions, so that an answer meets its incident.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import faust

from agents.checkpoint import Checkpoints
from agents.dead_letters import typed
from agents.plumbing import Lane, Outbox, Record, assigned
from agents.recovery import incidents_told
from agents.station import PartitionedStation
from agents.telemetry import ALERTS as ALERTS_SENT
from agents.telemetry import log
from agents.telling import send_reading
from app.core.incidents import Incidents
from app.core.rules import Rules
from app.core.silence import Silence
from app.settings import Settings
from schemas.codec import encode
from schemas.decisions import Acknowledgement, Alert, headers_of
from schemas.readings import Reading
from schemas.topics import ACKNOWLEDGEMENTS, ALERTS, ALERTS_STATE, READINGS, Topic

FORMAT = 2  # of the snapshot


@dataclass(slots=True)
class _Partition:
    incidents: Incidents
    silence: Silence
    offsets: dict[str, int] = field(default_factory=dict)  # by topic
    saved: int = -1

    @property
    def offset(self) -> int:
        """Grows with every record of either topic."""
        return sum(offset + 1 for offset in self.offsets.values()) - 1

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"incidents": self.incidents.snapshot(), "offsets": self.offsets}


class Alerting(PartitionedStation[_Partition]):
    """One `Incidents` per partition, restored from its newest checkpoint.

    Args: full, records of a batch behind which more wait, so that nothing can be said of silence yet.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        outbox: Outbox,
        checkpoints: Checkpoints,
        rules: Rules | None = None,
        assigned: Callable[[], set[int]] = set,
    ) -> None:
        super().__init__(checkpoints, assigned)
        self._settings, self._outbox, self._rules = settings, outbox, rules

    async def process(self, records: Sequence[Record]) -> None:
        """Decide on each record; transitions are delivered when this returns."""
        for record in records:
            partition = await self._partition(record.partition)
            if record.offset <= partition.offsets.get(record.topic, -1):
                continue
            partition.offsets[record.topic] = record.offset
            for alert in await self._decide(partition, record):
                await self._send(alert)
        if len(records) < self._settings.worker.batch_events:
            await self._notice()
        await self._outbox.deliver()

    async def _decide(self, partition: _Partition, record: Record) -> list[Alert]:
        if record.topic.endswith(ACKNOWLEDGEMENTS.name):
            answer = await typed(self._outbox, record, Acknowledgement, OUTSIDE)
            return [] if answer is None else partition.incidents.answer(answer)
        reading = await typed(self._outbox, record, Reading)
        if reading is None:
            return []
        partition.silence.hear(reading, time.time())
        return partition.incidents.decide(reading)

    async def _notice(self) -> None:
        """Nothing came of an application: where an incident is open, that may be news."""
        await self._restore()
        for partition in self._partitions.values():
            open_now = [alert.application for alert in partition.incidents.open]
            for reading in partition.silence.notice(open_now, time.time()):
                await send_reading(self._outbox, reading)

    async def _send(self, alert: Alert) -> None:
        key, value, headers = alert.incident.encode(), encode(alert), headers_of(alert)
        await self._outbox.send(ALERTS, value, key=key, headers=headers)
        await self._outbox.send(ALERTS_STATE, value, key=key, headers=headers)
        ALERTS_SENT.labels(alert.monitor, alert.severity, alert.state).inc()
        log.info(
            "alert",
            application=alert.application,
            incident=alert.incident,
            transition=alert.transition,
            severity=alert.severity,
        )

    def _new(self, number: int) -> _Partition:
        return _Partition(Incidents(self._rules), Silence(self._settings.worker.silence_seconds))

    def _load(self, partition: _Partition, saved: dict[str, Any]) -> None:
        partition.incidents.restore(saved["incidents"])
        partition.offsets = dict(saved["offsets"])

    async def _recover(self, number: int, partition: _Partition, offset: int) -> None:
        partition.incidents.resume(await incidents_told(self._settings, number))

    async def _ready(self, number: int, partition: _Partition) -> None:
        for alert in partition.incidents.open:
            partition.silence.expect(alert, time.time())


OUTSIDE = "send what `promptdrift schema show acknowledgements.v1` describes"


def register(app: faust.App, settings: Settings, *, outbox: Outbox, rules: Rules) -> None:
    """Attach the agent."""
    topics: list[Topic] = [READINGS, ACKNOWLEDGEMENTS]
    names = [settings.kafka.topic_prefix + topic.name for topic in topics]
    station = Alerting(
        settings,
        outbox=outbox,
        checkpoints=Checkpoints("alert", FORMAT, outbox=outbox, settings=settings),
        rules=rules,
        assigned=lambda: assigned(app, names[0]),
    )
    Lane(app, settings, names, "alert", station).register()
