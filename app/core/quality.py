"""Scores of one application's answers: what each version reaches, read bucket by bucket of event time.

Only one log speaks here.  Its rows say what was kept, chosen and scored, with which chance and of which
cluster, so that shares of traffic come with them, and readings are a function of that log alone.
"""

import math
from copy import deepcopy
from typing import Any

import msgspec

from app.core.quality_alarms import validity_reading, watch_readings
from app.core.quality_metric import QualityMetric
from app.core.quality_readings import RELEASES, QualityPolicy, quality_reading
from app.core.quality_rows import Grade, graded
from app.core.quality_versions import View
from app.core.quality_watches import Watches, judge_words
from app.core.validity import RELEASES as RELEASES_A_LEVEL
from app.core.versions import Versions
from app.core.watermark import Watermark
from schemas.events import Deployment, Evaluation
from schemas.outcomes import Served
from schemas.readings import PARTIAL, Reading

BUCKET_SECONDS = 60.0
LATENESS_SECONDS = 600.0  # a window's samples are scored together, judges take their time
LATEST_SECONDS = 86_400.0  # what is later counts as if it were as late as this
MOST_WAITING = 16_384  # rows whose bucket is open; of more the oldest bucket is read at once
MOST_METRICS = 16
MOST_DEPLOYED = 64
MOST_SEEN = 16_384  # interactions whose version is remembered, for labels that name none
FRESH = (
    32  # rows from one reading of a metric to the next, and a sixteenth of what it has; or LONGEST_SILENCE
)
LONGEST_SILENCE = 3600.0


class ApplicationQuality:
    """`receive` rows, `advance`, collect readings.  Restorable."""

    def __init__(self, application: str, policy: QualityPolicy) -> None:
        self._application, self._policy = application, policy
        self._mark = Watermark(lateness_seconds=LATENESS_SECONDS)
        self._waiting: dict[int, list[Grade]] = {}  # by bucket
        self._next = -(2**62)  # first bucket that is not read
        self._versions = Versions()
        self._models: dict[int, str] = {}
        self._seen: dict[int, int] = {}  # interaction -> version
        self._metrics: dict[str, QualityMetric] = {}
        self._watches = Watches()
        self._deployed: list[tuple[float, str]] = []

    def deployed(self, deployment: Deployment) -> None:
        """Remember when something was deployed: what moves then is not silent."""
        if deployment.environment == "production":
            told = {*self._deployed, (deployment.time.timestamp(), deployment.deployment_id)}
            self._deployed = sorted(told)[-MOST_DEPLOYED:]

    def receive(self, row: Evaluation) -> None:
        """Take over one row, in the order of its log."""
        time, mark = row.time.timestamp(), self._mark.value
        late = not self._mark.admits(time)
        if late and mark is not None:  # an absurd clock must not date a version
            time = min(max(time, mark - LATEST_SECONDS), mark)
        taken = graded(row, time, late=late)
        self._waiting.setdefault(max(_bucket(time), self._next), []).append(taken)
        self._bound()

    def _bound(self) -> None:
        """Close the oldest open bucket where too much waits.  Buckets that were passed count no more."""
        mark = self._mark.value
        self._next = max(self._next, self._next if mark is None else _bucket(mark))
        held = {bucket: len(rows) for bucket, rows in self._waiting.items() if bucket >= self._next}
        if sum(held.values()) > MOST_WAITING:
            self._next = min(held) + 1

    def advance(self, *, final: bool = False) -> list[Reading]:
        """Readings of every bucket that the log has passed.

        `final`: nothing more is waited for; what is held is read too, in readings that leave no trace.
        """
        readings: list[Reading] = []
        for bucket in sorted(bucket for bucket in self._waiting if bucket < self._next):
            self._read(bucket)
            readings += self._due(bucket)
        return readings + (self._partial() if final else [])

    def _read(self, bucket: int) -> None:
        for row in sorted(self._waiting.pop(bucket), key=lambda each: (each.at, each.id)):
            if row.kind == "gold":
                self._watches.judged(row)
            elif row.kind == "probe":
                self._watches.probed(row)
            elif (metric := self._metric(row.metric)) is not None:
                self._take(metric, row)
        self._versions.close(bucket)
        for metric in self._metrics.values():
            metric.keep(set(self._versions.known))

    def _take(self, metric: QualityMetric, row: Grade) -> None:
        metric.note("late", row.late)
        if row.invalid:
            metric.note("invalid")
            metric.fresh += 1
        elif row.kind == "run":
            metric.ran(row)
        elif row.candidate is not None:
            metric.challenge(row.candidate, row)
        else:
            metric.count(row, self._version(row))

    def _metric(self, name: str) -> QualityMetric | None:
        if name not in self._metrics and len(self._metrics) < MOST_METRICS:
            self._metrics[name] = QualityMetric(name)
        return self._metrics.get(name)

    def _version(self, row: Grade) -> int:
        """Who answered: as the row says, else as an earlier row of the same interaction did."""
        known = self._seen.get(row.target)
        if row.kind == "label" and row.deployment_id is None and row.model is None and known is not None:
            return known
        name = row.deployment_id or row.model
        number = self._versions.sight(Served(row.target, row.at, name, row.variant))
        if row.model is not None:
            self._models = {n: m for n, m in self._models.items() if n in self._versions.known}
            self._models[number] = row.model
        self._seen[row.target] = number
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        return number

    def _due(self, bucket: int) -> list[Reading]:
        time = (bucket + 1) * BUCKET_SECONDS
        due = [
            metric
            for metric in self._metrics.values()
            if metric.fresh >= max(FRESH, metric.counts.received // 16)
            or (metric.fresh and time - metric.told_at >= LONGEST_SILENCE)
        ]
        told = [reading for metric in due for reading in self._readings(metric, time, str(bucket))]
        return told + watch_readings(self._application, self._watches, self._deployed, time=time)

    def _readings(self, metric: QualityMetric, time: float, place: str) -> list[Reading]:
        """What a metric says of versions, and of the eval set where that was run."""
        judges = self._watches.judges.values()
        scored = max(sum(bool(each.arms) for each in self._metrics.values()), 1)
        view = View(
            application=self._application,
            place=place,
            time=time,
            versions=self._versions.known,
            models=self._models,
            metrics=scored,
            unreliable={each.name: words for each in judges if (words := judge_words(each)) is not None},
        )
        found = quality_reading(metric, view, self._policy)
        metric.told_at, metric.fresh = time, 0
        versions = [] if found.quality is None else found.quality.versions
        level = min(0.05, self._policy.pages_per_30_days / scored * RELEASES_A_LEVEL / RELEASES)
        valid = metric.runs.read(metric.name, versions, level=level)
        readings = [found] if versions or metric.counts.invalid else []
        if valid is not None:
            reliable = found.state != "unknown"
            readings.append(
                validity_reading(self._application, valid, time=time, place=place, reliable=reliable)
            )
        return readings

    def _partial(self) -> list[Reading]:
        """What is held, read on a copy; readings of metrics that have anything new."""
        if not (self._waiting or self._watches.fresh or any(m.fresh for m in self._metrics.values())):
            return []
        copy = ApplicationQuality(self._application, self._policy)
        copy.restore({**self.snapshot(), "metrics": []})
        copy._versions = deepcopy(self._versions)
        copy._metrics = {name: metric.copy() for name, metric in self._metrics.items()}
        buckets = sorted(copy._waiting)
        for bucket in buckets:
            copy._read(bucket)
        last = max(buckets, default=self._next - 1)
        time, readings = (last + 1) * BUCKET_SECONDS, []
        for metric in copy._metrics.values():
            rows = metric.counts.received + metric.counts.items + metric.counts.candidates
            if metric.fresh:
                readings += copy._readings(metric, time, f"{last}.partial.{rows}")
        readings += watch_readings(self._application, copy._watches, self._deployed, time=time, final=True)
        return [msgspec.structs.replace(reading, note=PARTIAL) for reading in readings]

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "mark": self._mark.snapshot(),
            "waiting": list(self._waiting.items()),
            "next": self._next,
            "versions": self._versions.snapshot(),
            "models": list(self._models.items()),
            "seen": list(self._seen.items()),
            "watches": self._watches.snapshot(),
            "deployed": self._deployed,
            "metrics": [metric.snapshot() for metric in self._metrics.values()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._mark.restore(state["mark"])
        self._waiting = {b: list(msgspec.convert(rows, list[Grade])) for b, rows in state["waiting"]}
        self._next = state["next"]
        self._versions.restore(state["versions"])
        self._models = dict(map(tuple, state["models"]))
        self._seen = dict(map(tuple, state["seen"]))
        self._watches.restore(state["watches"])
        self._deployed = [(at, name) for at, name in state["deployed"]]
        self._metrics = {m.name: m for m in map(QualityMetric.restore, state["metrics"])}


def _bucket(time: float) -> int:
    return math.floor(time / BUCKET_SECONDS)
