"""Outcomes of one application: joined to who was served, summed by metric and version, read bucket by bucket.

Two logs meet here whose records come in any interleaving, so nothing depends on it.  Interactions are
read when the watermark of their partitions has passed a bucket; outcomes when the watermark of their own log
has, too, and each finds only what was read with buckets up to its own.  A bucket is a function of the logs.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import msgspec

from app.core.joining import Told, fits, told
from app.core.ledger import HORIZON_SECONDS, Entry, Ledger
from app.core.metric import Answer, Metric
from app.core.outcome_readings import OutcomePolicy, View, outcome_reading
from app.core.versions import NOBODY, Plans, Splits, Versions
from app.core.watermark import Watermark
from schemas.events import Deployment, Outcome
from schemas.outcomes import Served
from schemas.readings import PARTIAL, Reading

BUCKET_SECONDS = 60.0
LATENESS_SECONDS = 30.0  # between outcomes of one log
HOLD_SECONDS = 3600.0  # an outcome waits so long for its interaction
MOST_WAITING = 8192
MOST_METRICS = 16
FRESH = 32  # outcomes from one reading of a metric to the next, or LONGEST_SILENCE
LONGEST_SILENCE = 3600.0
ERROR, CORRECTION = "error", "correction"
OTHER_METRICS = "other metrics"


class ApplicationOutcomes:
    """`serve` interactions, `receive` outcomes, `advance` to a watermark, collect readings.  Restorable."""

    def __init__(self, application: str, policy: OutcomePolicy) -> None:
        self._application, self._policy = application, policy
        self._mark = Watermark(lateness_seconds=LATENESS_SECONDS)
        self._rows: dict[int, list[Served]] = {}  # by bucket, until it is read
        self._told: dict[int, list[Told]] = {}
        self._waiting: list[Told] = []
        self._next_row, self._next_told = -(2**62), -(2**62)  # first bucket that is not read
        self._pending: set[int] = set()
        self._ledger, self._versions, self._splits, self._plans = Ledger(), Versions(), Splits(), Plans()
        inferred = Metric(ERROR, "boolean", higher=False, inferred=True)
        repeated = Metric(CORRECTION, "boolean", higher=False, inferred=True)
        self._inferred = {ERROR: inferred, CORRECTION: repeated}
        self._metrics: dict[str, Metric] = {}

    def serve(self, rows: Sequence[Served]) -> None:
        """Take over who was served; what is known already changes nothing."""
        for row in rows:
            if row.id in self._ledger or row.id in self._pending:
                continue
            self._pending.add(row.id)
            self._rows.setdefault(max(_bucket(row.at), self._next_row), []).append(row)

    def receive(self, outcome: Outcome) -> None:
        """Take over one outcome, in the order of its log."""
        time, mark = outcome.time.timestamp(), self._mark.value
        late = not self._mark.admits(time)
        taken = told(outcome, mark if late and mark is not None else time, late=late)
        self._told.setdefault(max(_bucket(taken.at), self._next_told), []).append(taken)

    def deployed(self, deployment: Deployment) -> None:
        """Remember which share of users a version should get."""
        self._plans.record(deployment)

    def advance(self, watermark: float | None, *, final: bool = False) -> list[Reading]:
        """Readings of every bucket that the watermarks have passed.

        `final`: nothing more is waited for; what is held is read too, in readings that leave no trace.
        """
        readings: list[Reading] = []
        end = self._next_row if watermark is None else _bucket(watermark)
        for bucket in sorted(b for b in self._rows if b < end):
            self._read_rows(bucket)
            readings += self._readings(self._shown(), bucket)
        self._next_row = max(self._next_row, end)
        mark = self._mark.value
        if mark is not None:
            end = min(end, _bucket(mark))
            while (bucket := min(self._due(), default=end)) < end:
                self._read_told(bucket)
                readings += self._readings([*self._metrics.values()], bucket)
            self._next_told = max(self._next_told, end)
        return readings + (self._partial() if final else [])

    def _due(self) -> set[int]:
        """Buckets in which outcomes are to be read, or have waited long enough."""
        return set(self._told) | {_bucket(each.at + HOLD_SECONDS) + 1 for each in self._waiting}

    def _read_rows(self, bucket: int) -> None:
        rows = sorted(self._rows.pop(bucket), key=lambda row: (row.at, row.id))
        since = self._versions.release(bucket)
        for metric in self._inferred.values():
            metric.restart(since)
        for row in rows:
            self._pending.discard(row.id)
            version = self._versions.sight(row)
            self._ledger.add(row, bucket, version)
            if row.user is not None and version != NOBODY:
                self._splits.observe(row.user, version)
            self._infer(row, bucket, version)
        self._splits.close(bucket, released=self._versions.close(bucket))
        self._ledger.forget(bucket - round(HORIZON_SECONDS / BUCKET_SECONDS))
        for metric in self._inferred.values():
            metric.keep(set(self._versions.known))

    def _infer(self, row: Served, bucket: int, version: int) -> None:
        user = row.user or row.conversation or row.id
        answer = Answer(row.id, float(row.failed), None, version, user, bucket)
        self._inferred[ERROR].add(answer, row.at)
        if row.user is None and row.conversation is None:
            return
        metric = self._inferred[CORRECTION]
        answer = msgspec.structs.replace(answer, value=0.0)
        metric.add(answer, row.at, seen=float(row.corrects is not None))
        entry = self._ledger.find(row.corrects, None, bucket)
        if entry is not None:
            known = msgspec.structs.replace(
                answer, version=entry.version, user=entry.user or user, bucket=entry.bucket
            )
            metric.change(known, msgspec.structs.replace(known, value=1.0))

    def _read_told(self, bucket: int) -> None:
        arrived = sorted(self._told.pop(bucket, []), key=lambda each: (each.at, each.id))
        since = self._versions.release(bucket)
        for metric in self._metrics.values():
            metric.restart(since)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._join(each, bucket)
        for each in arrived:
            self._take(each, since, bucket)
        while len(self._waiting) > MOST_WAITING:
            self._metrics[self._waiting.pop(0).metric].note("unmatched")
        for name, metric in self._metrics.items():
            metric.keep(set(self._versions.known))
            metric.hold(sum(each.metric == name for each in self._waiting))

    def _take(self, each: Told, since: int | None, bucket: int) -> None:
        """Count an outcome for its metric, which is made at first sight, and look for its interaction.

        Beyond MOST_METRICS names are counted as labels of one more.
        """
        if each.metric not in self._metrics and len(self._metrics) >= MOST_METRICS:
            each = msgspec.structs.replace(
                each, metric=OTHER_METRICS, kind="categorical", label=each.metric, higher=None
            )
        metric = self._metrics.get(each.metric)
        if metric is None:
            metric = self._metrics[each.metric] = Metric(each.metric, each.kind, higher=each.higher)
            metric.restart(since)
        if metric.counts.received == metric.counts.invalid:
            metric.kind = each.kind  # the first that can be read says what it is
        metric.higher = metric.higher if each.higher is None else each.higher
        wrong = each.invalid or not fits(each, metric.kind)
        metric.note("received")
        for name, is_so in (
            ("late", each.late),
            ("invalid", each.invalid),
            ("retyped", wrong and not each.invalid),
        ):
            metric.note(name, is_so)
        metric.fresh += wrong
        if not wrong:
            self._join(each, bucket)

    def _join(self, each: Told, bucket: int) -> None:
        metric = self._metrics[each.metric]
        entry = self._ledger.find(each.interaction, each.conversation, bucket)
        hopeful = each.interaction is not None or each.conversation is not None
        if entry is None and hopeful and _bucket(each.at + HOLD_SECONDS) >= bucket:
            self._waiting.append(each)
            return
        if entry is None and each.deployment_id is not None:
            entry = Entry(_bucket(each.at), self._versions.named(each.deployment_id, each.at), 0)
        if entry is None:
            metric.note("unmatched")
            metric.fresh += 1
            return
        user = entry.user or each.target
        answer = Answer(each.id, each.value, each.label, entry.version, user, entry.bucket)
        metric.count(each.target, answer, each.at)

    def _readings(self, metrics: Sequence[Metric], bucket: int) -> list[Reading]:
        time = (bucket + 1) * BUCKET_SECONDS
        due = [m for m in metrics if m.fresh >= FRESH or (m.fresh and time - m.told_at >= LONGEST_SILENCE)]
        return [self._reading(metric, bucket, str(bucket)) for metric in due]

    def _reading(self, metric: Metric, bucket: int, place: str) -> Reading:
        view = View(
            application=self._application,
            bucket=bucket,
            place=place,
            time=(bucket + 1) * BUCKET_SECONDS,
            since=None if metric.since is None else (metric.since + 1) * BUCKET_SECONDS,
            versions=self._versions.known,
            split=self._splits.at(bucket),
            plans=self._plans,
        )
        reading = outcome_reading(metric, view, self._policy)
        metric.told_at, metric.fresh = view.time, 0
        return reading

    def _partial(self) -> list[Reading]:
        """What is held, read on a copy; readings of metrics that have anything new."""
        copy = deepcopy(self, {id(self._ledger): self._ledger.overlay(), id(self._policy): self._policy})
        rows, outcomes = sorted(copy._rows), sorted(copy._told)
        for bucket in rows:
            copy._read_rows(bucket)
        last = max([*rows, *outcomes, self._next_row - 1])
        for bucket in outcomes:
            copy._read_told(bucket)
        if copy._waiting:
            copy._read_told(last)
        fresh = [m for m in (*copy._shown(), *copy._metrics.values()) if m.fresh]
        told = [
            copy._reading(m, last, f"{last}.partial.{m.counts.received}.{m.counts.joined}") for m in fresh
        ]
        return [msgspec.structs.replace(reading, note=PARTIAL) for reading in told]

    def _shown(self) -> list[Metric]:
        """Inferred metrics of which anything was ever seen."""
        return [
            m for m in self._inferred.values() if any(tally.sums.any() for tally in m.numbers.whole.values())
        ]

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "mark": self._mark.snapshot(),
            "rows": list(self._rows.items()),
            "told": list(self._told.items()),
            "waiting": self._waiting,
            "next": (self._next_row, self._next_told),
            "ledger": self._ledger.snapshot(),
            "versions": self._versions.snapshot(),
            "splits": self._splits.snapshot(),
            "plans": self._plans.snapshot(),
            "inferred": [metric.snapshot() for metric in self._inferred.values()],
            "metrics": [metric.snapshot() for metric in self._metrics.values()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._mark.restore(state["mark"])
        self._rows = {bucket: msgspec.convert(rows, list[Served]) for bucket, rows in state["rows"]}
        self._pending = {row.id for rows in self._rows.values() for row in rows}
        self._told = {bucket: msgspec.convert(told, list[Told]) for bucket, told in state["told"]}
        self._waiting = msgspec.convert(state["waiting"], list[Told])
        self._next_row, self._next_told = state["next"]
        self._ledger.restore(state["ledger"])
        self._versions.restore(state["versions"])
        self._splits.restore(state["splits"])
        self._plans.restore(state["plans"])
        self._inferred = {m.name: m for m in map(Metric.restore, state["inferred"])}
        self._metrics = {m.name: m for m in map(Metric.restore, state["metrics"])}


def _bucket(time: float) -> int:
    return math.floor(time / BUCKET_SECONDS)
