"""All applications' outcomes of one partition: routes ticks and outcomes, keeps the progress of the input."""

from collections.abc import Mapping
from typing import Any

from app.core.monitor_settings import MonitorSettings
from app.core.outcome_readings import OutcomePolicy
from app.core.outcomes import FRESH, ApplicationOutcomes
from app.core.progress import Progress
from schemas.events import Deployment, Outcome
from schemas.readings import Reading
from schemas.ticks import Tick


class OutcomeMonitors:
    """One `ApplicationOutcomes` per application, made at first sight."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._settings, self._progress = settings, Progress()
        self._applications: dict[str, ApplicationOutcomes] = {}

    def receive(self, tick: Tick) -> None:
        """Take over who was served, or the progress of a partition."""
        self._progress.update(tick)
        if tick.served:
            self._of(tick.application).serve(tick.served)

    def observe(self, outcome: Outcome) -> None:
        """Take over one outcome, in the order of its log."""
        self._of(outcome.application).receive(outcome)

    def deployed(self, deployment: Deployment) -> None:
        """A release tells which share of users it should get."""
        self._of(deployment.application).deployed(deployment)

    def advance(self, *, final: bool = False) -> list[Reading]:
        """Readings of everything that the watermarks have passed; `final`: nothing more is waited for."""
        watermark = self._progress.watermark
        if watermark is None and not final:
            return []
        return [
            reading
            for _, application in sorted(self._applications.items())
            for reading in application.advance(watermark, final=final)
        ]

    @property
    def all_idle(self) -> bool:
        """Whether every partition of interactions was read to its end and is silent."""
        return self._progress.all_idle

    def _of(self, name: str) -> ApplicationOutcomes:
        if name not in self._applications:
            pages = self._settings.pages_beside(name, "outcomes")
            policy = OutcomePolicy(pages_per_30_days=pages, every=FRESH)
            self._applications[name] = ApplicationOutcomes(name, policy)
        return self._applications[name]

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "watermarks": self._progress.watermarks,
            "idle": self._progress.idle,
            "partitions": self._progress.partitions,
            "applications": {name: each.snapshot() for name, each in self._applications.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        marks, idle = state["watermarks"], state["idle"]
        self._progress = Progress(
            {int(p): mark for p, mark in marks.items()},
            {int(p): silent for p, silent in idle.items()},
            state["partitions"],
        )
        self._applications = {}
        for name, saved in state["applications"].items():
            self._of(name).restore(saved)
