"""`evaluations.v1` -> `readings.v1`: what each version's answers score, and whether they got worse.

The topic is keyed by application; a row that stands on another partition, because its producer chose another
key, is sent on to its own.
"""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import faust

from agents.checkpoint import Checkpoints
from agents.hearing import Heard, HearingStation, Input
from agents.library import Library
from agents.plumbing import Lane, Outbox, assigned
from agents.recovery import Told, readings_told
from app.core.monitor_settings import MonitorSettings
from app.core.quality_monitors import QualityMonitors
from app.core.quality_rows import problem_of
from app.settings import Settings
from schemas.events import Evaluation
from schemas.topics import EVALUATIONS

FORMAT = 1  # of the snapshot


@dataclass(slots=True)
class _Partition(Heard[QualityMonitors]):
    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "monitors": self.monitors.snapshot(),
            "offset": self.offset,
            "settled": self.settled,
            "told": self.told.until,
        }


class Evaluating(HearingStation[_Partition]):
    """One `QualityMonitors` per partition, restored from its newest checkpoint."""

    stage = "evaluate"
    input = Input(EVALUATIONS, "evaluation", Evaluation, problem_of)

    def _new(self, number: int) -> _Partition:
        return _Partition(QualityMonitors(self._monitor), heard_at=time.monotonic())

    def _load(self, partition: _Partition, saved: dict[str, Any]) -> None:
        partition.monitors.restore(saved["monitors"])
        partition.offsets, partition.settled = {self._topic: saved["offset"]}, saved["settled"]
        partition.told = Told(saved["told"])

    async def _recover(self, number: int, partition: _Partition, offset: int) -> None:
        partition.offsets, partition.told = {self._topic: offset}, await readings_told(self._settings)


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
