"""A station that hears events, between doubles: one worker after another on the same checkpoints."""

import asyncio
from collections.abc import Sequence

from agents.evaluate import Evaluating
from agents.outcomes import Joining
from agents.plumbing import Record
from app.adapters.partitioning import partition_of
from app.core.monitor_settings import MonitorSettings
from schemas.readings import PARTIAL, Reading
from schemas.topics import READINGS
from tests.agents.doubles import DictCheckpoints, HeldLibrary, RecordingOutbox, settings
from tests.rig.made import APP


class Listening:
    """Its readings, and how it is fed, saved, killed and left alone."""

    kind: type[Evaluating] | type[Joining]

    def __init__(self) -> None:
        self.outbox, self.checkpoints, self.library = RecordingOutbox(), DictCheckpoints(), HeldLibrary()
        self.own = partition_of(APP, self.kind.input.topic.partitions)
        self.restart()

    def restart(self) -> None:
        self.station = self.kind(
            settings(),
            MonitorSettings(),
            library=self.library,  # type: ignore[arg-type]
            outbox=self.outbox,  # type: ignore[arg-type]
            checkpoints=self.checkpoints,  # type: ignore[arg-type]
            assigned=lambda: {self.own},
        )

    def process(self, batch: Sequence[Record], *, size: int = 50) -> None:
        async def all_of_it() -> None:
            for start in range(0, len(batch), size):
                await self.station.process(batch[start : start + size])

        asyncio.run(all_of_it())

    def idle(self) -> None:
        """Nothing has come for long."""
        self.station._partitions[self.own].heard_at = float("-inf")
        asyncio.run(self.station.process([]))

    def save(self) -> None:
        asyncio.run(self.station.checkpoint())

    @property
    def readings(self) -> list[Reading]:
        """By id, as every reader of the topic takes them; whole windows."""
        found = [r for r in self.outbox.values(READINGS, Reading) if r.note != PARTIAL]
        return list({r.id: r for r in found}.values())
