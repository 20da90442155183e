"""`ticks.v1` and `outcomes.v1` -> `readings.v1`: join outcomes to who was served, compare versions.

Both inputs are keyed by application and have as many partitions, so that an outcome meets its interaction.
An outcome that stands on another partition, because its producer chose another key, is sent on to its own.
"""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import faust
from msgspec import structs

from agents.checkpoint import Checkpoints
from agents.dead_letters import typed
from agents.hearing import Heard, HearingStation, Input
from agents.library import Library
from agents.plumbing import Lane, Outbox, Record, assigned
from agents.recovery import Told, readings_told, silent_inputs
from agents.telemetry import OUTCOMES_COUNTED
from app.core.joining import problem_of
from app.core.monitor_settings import MonitorSettings
from app.core.outcome_monitors import OutcomeMonitors
from app.settings import Settings
from schemas.events import Outcome
from schemas.readings import Reading
from schemas.ticks import Tick
from schemas.topics import OUTCOMES, TICKS

FORMAT = 2  # of the snapshot


@dataclass(slots=True)
class _Partition(Heard[OutcomeMonitors]):
    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "monitors": self.monitors.snapshot(),
            "offsets": self.offsets,
            "settled": self.settled,
            "told": self.told.until,
        }


class Joining(HearingStation[_Partition]):
    """One `OutcomeMonitors` per partition, restored from its newest checkpoint."""

    stage = "outcomes"
    input = Input(OUTCOMES, "outcome", Outcome, problem_of)

    async def _take(self, partition: _Partition, record: Record) -> bool:
        if record.topic.endswith(OUTCOMES.name):
            return await super()._take(partition, record)
        tick = await typed(self._outbox, record, Tick)
        if tick is not None:
            partition.monitors.receive(tick)
        return tick is not None and tick.application != "*"

    def _is_quiet(self, partition: _Partition) -> bool:
        return super()._is_quiet(partition) and partition.monitors.all_idle

    async def _send(self, reading: Reading) -> None:
        await super()._send(reading)
        if reading.outcomes is not None:
            for fate, count in structs.asdict(reading.outcomes.counts).items():
                OUTCOMES_COUNTED.labels(reading.application, reading.monitor, fate).set(count)

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
