"""Scores of one application's answers: what each version reaches, read bucket by bucket of event time.

Only one log speaks here.  Its rows say what was kept, chosen and scored, with which chance and of which
cluster, so that shares of traffic come with them, and readings are a function of that log alone.
"""

import math
from copy import deepcopy
from typing import Any

import msgspec

from app.core.quality_metric import QualityMetric
from app.core.quality_readings import QualityPolicy, View, quality_reading
from app.core.quality_rows import Grade, graded
from app.core.versions import Versions
from app.core.watermark import Watermark
from schemas.events import Evaluation
from schemas.outcomes import Served
from schemas.readings import PARTIAL, Reading

BUCKET_SECONDS = 60.0
LATENESS_SECONDS = 300.0  # a window's samples are scored together, in any order
MOST_WAITING = 16_384  # rows whose bucket is open; of more the oldest bucket is read at once
MOST_METRICS = 16
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

    def receive(self, row: Evaluation) -> None:
        """Take over one row, in the order of its log."""
        time, mark = row.time.timestamp(), self._mark.value
        late = not self._mark.admits(time)
        taken = graded(row, mark if late and mark is not None else time, late=late)
        self._waiting.setdefault(max(_bucket(taken.at), self._next), []).append(taken)
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
            metric = self._metric(row.metric)
            if metric is None:
                continue
            metric.note("late", row.late)
            if row.invalid:
                metric.note("invalid")
                metric.fresh += 1
            elif row.kind in ("live", "label") and row.candidate is None:
                metric.count(row, self._version(row))
        self._versions.close(bucket)
        for metric in self._metrics.values():
            metric.keep(set(self._versions.known))

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
        return [
            self._reading(metric, time, str(bucket))
            for metric in self._metrics.values()
            if metric.fresh >= max(FRESH, metric.counts.received // 16, 1)
            or (metric.fresh and time - metric.told_at >= LONGEST_SILENCE)
        ]

    def _reading(self, metric: QualityMetric, time: float, place: str) -> Reading:
        view = View(
            application=self._application,
            place=place,
            time=time,
            versions=self._versions.known,
            models=self._models,
        )
        reading = quality_reading(metric, view, self._policy)
        metric.told_at, metric.fresh = time, 0
        return reading

    def _partial(self) -> list[Reading]:
        """What is held, read on a copy; readings of metrics that have anything new."""
        if not self._waiting and not any(metric.fresh for metric in self._metrics.values()):
            return []
        copy = ApplicationQuality(self._application, self._policy)
        copy.restore({**self.snapshot(), "metrics": []})
        copy._versions = deepcopy(self._versions)
        copy._metrics = {name: metric.copy() for name, metric in self._metrics.items()}
        buckets = sorted(copy._waiting)
        for bucket in buckets:
            copy._read(bucket)
        told = [metric for metric in copy._metrics.values() if metric.fresh]
        last = max(buckets, default=self._next - 1)
        readings = [
            copy._reading(metric, (last + 1) * BUCKET_SECONDS, f"{last}.partial.{metric.counts.received}")
            for metric in told
        ]
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
        self._metrics = {m.name: m for m in map(QualityMetric.restore, state["metrics"])}


def _bucket(time: float) -> int:
    return math.floor(time / BUCKET_SECONDS)
