"""All applications of one ticks partition: routes ticks, keeps the progress of the input."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.core.baseline import Baseline
from app.core.measurement import References
from app.core.monitor import DriftMonitor, MonitorSettings
from app.core.progress import Progress
from schemas.events import Deployment
from schemas.readings import Reading, Tick

KEPT_DEPLOYMENTS = 1024


class Monitors:
    """One `DriftMonitor` per application, made at first sight.

    Args: references, the live mapping from application (or "*") to what it is measured against; a
        baseline found there is adopted, a baseline learned here appears in `learned`.
    """

    def __init__(
        self, *, references: Mapping[str, References], fingerprint: str, settings: MonitorSettings
    ) -> None:
        self._references, self._fingerprint, self._settings = references, fingerprint, settings
        self._progress = Progress()
        self._monitors: dict[str, DriftMonitor] = {}
        self._deployments: dict[tuple[str, str], Deployment] = {}
        self._learned: list[Baseline] = []

    def receive(self, tick: Tick) -> None:
        """Take over a tick, or the progress of a partition."""
        self._progress.update(tick)
        if tick.application != "*":
            self._monitor(tick.application).receive(tick)

    def deployed(self, deployment: Deployment) -> None:
        """Remember a release for its application."""
        place = (deployment.application, deployment.deployment_id)
        self._deployments.pop(place, None)
        self._deployments[place] = deployment
        if len(self._deployments) > KEPT_DEPLOYMENTS:
            del self._deployments[next(iter(self._deployments))]
        if deployment.application in self._monitors:
            self._monitors[deployment.application].deployed(deployment)

    def advance(self, *, final: bool = False) -> list[Reading]:
        """Readings of everything that the watermark has passed.  Learning makes it slow: off the loop.

        `final`: the input has ended, or is idle to its end, so nothing more is waited for.
        """
        watermark = self._progress.end if final else self._progress.watermark
        if watermark is None:
            return []
        out: list[Reading] = []
        for application, monitor in sorted(self._monitors.items()):
            monitor.evalset = self._known(application).evalset  # it may have been published since
            knew = monitor.baseline
            out += monitor.advance(watermark, final=final)
            if knew is None and monitor.baseline is not None:
                self._learned.append(monitor.baseline)
        return out

    def take_learned(self) -> list[Baseline]:
        """Baselines learned since the last call."""
        fresh, self._learned = self._learned, []
        return fresh

    @property
    def all_idle(self) -> bool:
        """Whether every input partition was read to its end and is silent."""
        return self._progress.all_idle

    def _known(self, application: str) -> References:
        return self._references.get(application) or self._references.get("*") or References()

    def _monitor(self, application: str) -> DriftMonitor:
        if application not in self._monitors:
            known = self._known(application)
            monitor = DriftMonitor(
                application,
                fingerprint=self._fingerprint,
                settings=self._settings.of(application),
                partitions=max(self._progress.partitions, 1),
                evalset=known.evalset,
            )
            if known.baseline is not None:
                monitor.adopt(known.baseline)
            for deployment in self._deployments.values():
                if deployment.application == application:
                    monitor.deployed(deployment)
            self._monitors[application] = monitor
        return self._monitors[application]

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "watermarks": self._progress.watermarks,
            "idle": self._progress.idle,
            "partitions": self._progress.partitions,
            "deployments": list(self._deployments.values()),
            "monitors": {app: monitor.snapshot() for app, monitor in self._monitors.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot; the references it names must be in `references` already."""
        self._progress = Progress(dict(state["watermarks"]), dict(state["idle"]), state["partitions"])
        for told in state["deployments"]:
            self.deployed(msgspec.convert(told, Deployment))
        self._monitors = {}
        for app, saved in state["monitors"].items():
            self._monitor(app).restore(saved)
