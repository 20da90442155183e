"""All applications of one ticks partition: routes ticks, keeps the progress of the input.

An application has a monitor for each aspect that was seen of it; what each says of the other is a function
of the log too, for both have advanced to the same watermark.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from heapq import merge
from itertools import groupby
from typing import Any

import msgspec

from app.core import wellformed
from app.core.aspects import MONITORS, Subject
from app.core.baseline import Baseline
from app.core.exposure import Release
from app.core.monitor import DriftMonitor
from app.core.monitor_settings import MonitorSettings
from app.core.progress import Progress
from app.core.sampling import References, known_of
from app.core.sightings import PROMPT
from schemas.events import Deployment
from schemas.readings import Reading
from schemas.ticks import Tick

KEPT_DEPLOYMENTS = 1024
OBSERVED = "observed"  # source of a deployment that nobody told of


class Monitors:
    """One `DriftMonitor` per aspect of each application, made at first sight.

    Args: references, the live mapping from application (or "*") to what it is measured against; a
        baseline found there is adopted, a baseline learned here appears in `learned`.
    """

    def __init__(
        self, *, references: Mapping[str, References], fingerprint: str, settings: MonitorSettings
    ) -> None:
        self._references, self._fingerprint, self._settings = references, fingerprint, settings
        self._progress = Progress()
        self._monitors: dict[Subject, DriftMonitor] = {}
        self._said: dict[Subject, str] = {}  # state of the newest reading against a baseline
        self._deployments: dict[tuple[str, str], Deployment] = {}
        self._learned: list[Baseline] = []
        self._observed: list[Deployment] = []

    def receive(self, tick: Tick) -> None:
        """Take over a tick, or the progress of a partition.

        Raises: wellformed.MalformedTick, with nothing taken over.
        """
        known = self._monitors.get(Subject(tick.application, tick.aspect))
        wellformed.demand(
            tick,
            baseline=None if known is None else known.baseline,
            evalsets=self._known(Subject(tick.application, tick.aspect)).evalsets,
        )
        self._progress.update(tick)
        if tick.application != "*":
            self._monitor(Subject(tick.application, tick.aspect)).receive(tick)

    def deployed(self, deployment: Deployment) -> None:
        """Remember a release for its application; only those to production reach the users we see."""
        if deployment.environment != "production":
            return
        place = (deployment.application, deployment.deployment_id)
        self._deployments.pop(place, None)
        self._deployments[place] = deployment
        if len(self._deployments) > KEPT_DEPLOYMENTS:
            del self._deployments[next(iter(self._deployments))]
        for subject, monitor in self._monitors.items():
            if subject.application == deployment.application:
                monitor.deployed(deployment)

    def advance(self, *, final: bool = False) -> list[Reading]:
        """Readings of everything that the watermark has passed.  Learning makes it slow: off the loop.

        `final`: the input has ended, or is idle to its end, so nothing more is waited for.
        """
        watermark = self._progress.end if final else self._progress.watermark
        if watermark is None:
            return []
        out: list[Reading] = []
        for _, group in groupby(sorted(self._monitors), key=lambda subject: subject.application):
            subjects = list(group)
            told = [self._advance(subject, watermark, final=final) for subject in subjects]
            out += self._beside(subjects, merge(*told, key=lambda reading: reading.time))
        return out

    def _advance(self, subject: Subject, watermark: float, *, final: bool) -> list[Reading]:
        monitor = self._monitors[subject]
        known = self._known(subject)
        monitor.evalsets = known.evalsets  # one may have been published since, and so
        if known.baseline is not None:
            monitor.renew(known.baseline)  # may this
        knew = monitor.baseline
        readings = monitor.advance(watermark, final=final)
        if monitor.baseline is not None and monitor.baseline is not knew:
            self._learned.append(monitor.baseline)
        for release in monitor.take_observed():
            self._observed.append(observed(subject.application, release))
            self.deployed(self._observed[-1])
        return readings

    def _beside(self, subjects: Sequence[Subject], readings: Iterable[Reading]) -> list[Reading]:
        """Readings of one application in order of time, each with what the other aspects said by then."""
        watching = {subject.monitor: subject for subject in subjects}
        out: list[Reading] = []
        for _, group in groupby(readings, key=lambda reading: reading.time):
            at_once = list(group)
            judged = {watching[r.monitor]: r for r in at_once if _judges(r)}
            self._said |= {subject: r.state for subject, r in judged.items() if r.note is None}
            said = {**self._said, **{subject: r.state for subject, r in judged.items()}}
            for reading in at_once:
                own = watching.get(reading.monitor)
                others = {s.monitor: said[s] for s in subjects if own is not None and s != own and s in said}
                out.append(msgspec.structs.replace(reading, beside=others))
        return out

    def take_learned(self) -> list[Baseline]:
        """Baselines learned since the last call."""
        fresh, self._learned = self._learned, []
        return fresh

    def take_observed(self) -> list[Deployment]:
        """Deployments that nobody told of, seen in traffic since the last call."""
        fresh, self._observed = self._observed, []
        return fresh

    @property
    def all_idle(self) -> bool:
        """Whether every input partition was read to its end and is silent."""
        return self._progress.all_idle

    def _known(self, subject: Subject) -> References:
        return known_of(self._references, subject.application).of(subject.aspect)

    def _monitor(self, subject: Subject) -> DriftMonitor:
        if subject not in self._monitors:
            known = self._known(subject)
            monitor = DriftMonitor(
                subject,
                fingerprint=self._fingerprint,
                settings=self._settings.of(subject.application),
                partitions=max(self._progress.partitions, 1),
                evalsets=known.evalsets,
            )
            if known.baseline is not None:
                monitor.adopt(known.baseline)
            for deployment in self._deployments.values():
                if deployment.application == subject.application:
                    monitor.deployed(deployment)
            self._monitors[subject] = monitor
        return self._monitors[subject]

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "watermarks": self._progress.watermarks,
            "idle": self._progress.idle,
            "partitions": self._progress.partitions,
            "deployments": list(self._deployments.values()),
            "monitors": [(subject, monitor.snapshot()) for subject, monitor in self._monitors.items()],
            "said": list(self._said.items()),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot; the references it names must be in `references` already."""
        self._progress = Progress(dict(state["watermarks"]), dict(state["idle"]), state["partitions"])
        for told in state["deployments"]:
            self.deployed(msgspec.convert(told, Deployment))
        self._monitors = {}
        for subject, saved in state["monitors"]:
            monitor = self._monitor(Subject(*subject))
            if saved["baseline"] is None or monitor.baseline is not None:
                monitor.restore(saved)  # else its baseline was refused, as another encoder's: it learns anew
        self._said = {Subject(*subject): told for subject, told in state["said"]}


def observed(application: str, release: Release) -> Deployment:
    """The event of a version that was seen in traffic before anybody told of it."""
    return Deployment(
        application=application,
        time=datetime.fromtimestamp(release.time, UTC),
        deployment_id=release.id,
        version=release.id,
        kind="prompt" if release.id.startswith(PROMPT) else "model",
        source=OBSERVED,
    )


def _judges(reading: Reading) -> bool:
    """Whether it says if an aspect changed."""
    return reading.monitor in MONITORS.values() and reading.state in ("ok", "pending", "alarm")
