"""All applications' scores of one partition: routes rows of evaluations."""

from collections.abc import Mapping
from typing import Any

from app.core.monitor_settings import MonitorSettings
from app.core.quality import FRESH, ApplicationQuality
from app.core.quality_readings import QualityPolicy
from schemas.events import Deployment, Evaluation
from schemas.readings import Reading


class QualityMonitors:
    """One `ApplicationQuality` per application, made at first sight."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._settings = settings
        self._applications: dict[str, ApplicationQuality] = {}

    def observe(self, row: Evaluation) -> None:
        """Take over one row, in the order of its log."""
        self._of(row.application).receive(row)

    def deployed(self, deployment: Deployment) -> None:
        """What moves with a deployment is not silent."""
        self._of(deployment.application).deployed(deployment)

    def advance(self, *, final: bool = False) -> list[Reading]:
        """Readings of everything that the log has passed; `final`: nothing more is waited for."""
        return [
            reading
            for _, application in sorted(self._applications.items())
            for reading in application.advance(final=final)
        ]

    def _of(self, name: str) -> ApplicationQuality:
        if name not in self._applications:
            pages = self._settings.pages_beside(name, "quality")
            policy = QualityPolicy(pages_per_30_days=pages, every=FRESH)
            self._applications[name] = ApplicationQuality(name, policy)
        return self._applications[name]

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"applications": {name: each.snapshot() for name, each in self._applications.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._applications = {}
        for name, saved in state["applications"].items():
            self._of(name).restore(saved)
