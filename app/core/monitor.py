"""One application under watch: learn a baseline, then read every tick against it.

`DriftMonitor` owns no clock: what it says is a function of the ticks it received and of the watermark
it is given, in any order of arrival.
"""

import hashlib
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from app.core.attribution import Explanation, explain, gap_clusters
from app.core.baseline import Baseline, BaselineSettings, learn, rows_of
from app.core.detection import Detector, Score
from app.core.folding import Fold, SumKey, judge
from app.core.history import History, Window, coverage, effect, offset_ranges
from app.core.measurement import sum_key
from app.core.reference import Reference, TooFewUnits
from app.core.ticks import TickBook
from app.core.units import is_unit
from schemas.events import Deployment
from schemas.readings import Reading, Sample, Tick

EFFECT_UNITS = 512
RECENT_SAMPLES = 512
FEWEST_TO_EXPLAIN = 64
CLEAR_DECADES = 1.5  # an episode is over where the score has fallen this far below the threshold
LEARNING_STEPS = 10
RELEASE_DAYS = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """What the user decides: how to learn, and from which gap to the eval set on to page (None: never)."""

    baseline: BaselineSettings = BaselineSettings()
    gap_tolerance: float | None = None  # uncovered share


@dataclass(slots=True)
class Episode:
    """An alarm that has not been cleared."""

    started: float
    onset: float
    leader: str
    label: str
    explained_units: int = 0
    units: int = 0
    explanation: Explanation = field(default_factory=lambda: Explanation([], []))


class DriftMonitor:
    """`receive` ticks, `advance` to a watermark, collect readings.  Restorable at any point."""

    def __init__(
        self, application: str, *, fingerprint: str, settings: MonitorSettings, partitions: int, evalset: Reference | None
    ) -> None:
        self.application, self._fingerprint, self._settings = application, fingerprint, settings
        self._partitions, self.evalset = partitions, evalset
        self.baseline: Baseline | None = None
        self._book = TickBook()
        self._learned: list[Sample] = []
        self._times: list[float] = []  # of every counted event while learning, ascending
        self._wanted = settings.baseline.events
        self._announced = 0
        self._note: str | None = None
        self._detector: Detector | None = None
        self._history = History()
        self._window: Window | None = None
        self._arrived: list[Sample] = []
        self._recent: deque[Sample] = deque(maxlen=RECENT_SAMPLES)
        self._episode: Episode | None = None
        self._releases: dict[str, float] = {}

    # -- input

    def receive(self, tick: Tick) -> None:
        """Take over a block version."""
        self._book.receive(tick)

    def deployed(self, deployment: Deployment) -> None:
        """Remember a release, to name the one before an onset."""
        if deployment.status in ("started", "succeeded"):
            self._releases.setdefault(deployment.deployment_id, deployment.time.timestamp())

    def adopt(self, baseline: Baseline) -> None:
        """Use a baseline that exists already."""
        self.baseline = baseline
        self._detector = Detector(baseline)

    # -- progress

    def advance(self, watermark: float, *, final: bool = False) -> list[Reading]:
        """Everything that the watermark allows to say.  `final`: nothing more is coming for now."""
        readings: list[Reading] = []
        if self.baseline is None:
            readings += self._learn(watermark, final=final)
        if self.baseline is not None:
            for bucket, ticks, offsets in self._ticks(watermark):
                for i, tick in enumerate(ticks):
                    readings += self._observe(bucket, i, tick, offsets)
            if final:
                readings += self._partial()
        return readings

    def _learn(self, watermark: float, *, final: bool) -> list[Reading]:
        fresh = self._book.samples_before(watermark)
        times = self._book.event_times_before(watermark)
        self._learned += fresh
        self._times = sorted([*self._times, *times, *(s.time for s in fresh)])
        while (until := self._ready()) is not None:
            if self._try_learn(until):
                return [self._learning_reading(until, note=None)]
        progress = min(1.0, len(self._times) / self._wanted)
        step = int(progress * LEARNING_STEPS)
        if self._times and (step > self._announced or final):
            self._announced = step
            return [self._learning_reading(self._times[-1], note=self._note or ("stream ended early" if final else None))]
        return []

    def _ready(self) -> float | None:
        """Event time of the last event to learn from, once enough of them have passed the watermark."""
        span = self._settings.baseline.seconds
        if not self._times:
            return None
        if span is not None:
            until = self._times[0] + span * self._wanted / self._settings.baseline.events
            return until if self._times[-1] > until else None
        return self._times[self._wanted - 1] if len(self._times) >= self._wanted else None

    def _try_learn(self, until: float) -> bool:
        """Learn from the events up to `until`; too few units means that more events are wanted."""
        try:
            learned = learn(
                [s for s in self._learned if s.time <= until],
                application=self.application,
                fingerprint=self._fingerprint,
                settings=self._settings.baseline,
                partitions=self._partitions,
                until=until,
            )
        except TooFewUnits as error:
            self._note, self._wanted = str(error), math.ceil(self._wanted * 1.5)
            return False
        self._learned = [s for s in self._learned if s.time > until]
        self._times, self._note = [], None
        self.adopt(learned)
        return True

    def _ticks(self, watermark: float) -> Iterator[tuple[int, list[Fold], dict[int, tuple[int, int]]]]:
        """Closed buckets in order, each as small ticks aligned over partitions."""
        baseline = self.baseline
        assert baseline is not None
        border = self._border(watermark, baseline.reference.tick_seconds)
        sums: dict[int, dict[int, dict[int, Fold]]] = {}  # bucket -> partition -> chunk -> sum
        for partition, key, fold in self._closed_sums(baseline, border):
            self._release(key, baseline)
            chunk = sums.setdefault(key.bucket, {}).setdefault(partition, {}).setdefault(key.chunk, Fold())
            chunk.merge(fold)
        for bucket in sorted(sums):
            columns = [[chunks[c] for c in sorted(chunks)] for _, chunks in sorted(sums[bucket].items())]
            offsets = {
                p: (min(f.first_offset for f in chunks.values()), max(f.last_offset for f in chunks.values()))
                for p, chunks in sums[bucket].items()
            }
            ticks = []
            for i in range(max(len(column) for column in columns)):
                tick = Fold()
                for column in columns:
                    if i < len(column):
                        tick.merge(column[i])
                ticks.append(tick)
            self._arrive(bucket, baseline)
            yield bucket, ticks, offsets

    def _border(self, watermark: float, seconds: float) -> int:
        """First bucket that is still open; behind everything known where the watermark is infinite."""
        if math.isfinite(watermark):
            return math.floor(watermark / seconds)
        newest = max((math.floor(s.time / seconds) for s in self._learned), default=-(2**62))
        return max(newest, self._book.last_bucket(seconds)) + 1

    def _arrive(self, bucket: int, baseline: Baseline) -> None:
        """Samples up to a bucket become recent, in order of time, however many buckets close at once."""
        seconds = baseline.reference.tick_seconds
        count = 0
        while count < len(self._arrived) and math.floor(self._arrived[count].time / seconds) <= bucket:
            count += 1
        fresh, self._arrived = self._arrived[:count], self._arrived[count:]
        self._recent.extend(s for s in fresh if is_unit(s.gap, baseline.horizon_seconds))

    def _closed_sums(self, baseline: Baseline, border: int) -> Iterator[tuple[int, SumKey, Fold]]:
        """Sums of closed buckets, by measure or folded here from samples that it sent while learning."""
        seconds = baseline.reference.tick_seconds
        waiting = sorted([*self._learned, *self._book.samples_before(border * seconds)], key=in_time)
        self._learned = [s for s in waiting if math.floor(s.time / seconds) >= border]
        closed = [s for s in waiting if math.floor(s.time / seconds) < border]
        self._arrived += closed
        yield from self._folded(baseline, [s for s in closed if s.reason == "learning"])
        for _, partition, key, fold in self._book.sums_before(border):
            if key.reference == baseline.reference.id:
                yield partition, key, fold

    def _folded(self, baseline: Baseline, samples: list[Sample]) -> Iterator[tuple[int, SumKey, Fold]]:
        units = [s for s in samples if is_unit(s.gap, baseline.horizon_seconds) and not baseline.holds(s.time)]
        if not units:
            return
        rows = rows_of(units)
        judged = judge(rows.wording, rows.shape, baseline=baseline, evalset=self.evalset)
        clusters = 0 if self.evalset is None else len(self.evalset.clusters.names)
        for i, unit in enumerate(units):
            key = sum_key(
                baseline,
                self.evalset,
                time=unit.time,
                ordinal=unit.ordinal,
                cohort=(unit.deployment_id, unit.variant),
            )
            fold = Fold()
            fold.add(judged, i, unit.offset, clusters)
            yield unit.partition, key, fold

    def _release(self, key: SumKey, baseline: Baseline) -> None:
        """First sight of a version counts as its deployment."""
        if key.deployment_id is not None:
            self._releases.setdefault(key.deployment_id, key.bucket * baseline.reference.tick_seconds)

    # -- detection

    def _observe(
        self, bucket: int, index: int, tick: Fold, offsets: dict[int, tuple[int, int]]
    ) -> list[Reading]:
        baseline, detector = self.baseline, self._detector
        if baseline is None or detector is None:
            return []
        seconds = baseline.reference.tick_seconds
        start, end = bucket * seconds, (bucket + 1) * seconds
        if self._window is None:
            self._window = Window(start, end)
        detector.update(tick)
        self._window.add(tick, offsets, end)
        score = detector.get()
        readings = self._judge_episode(score, end)
        if self._episode is not None:
            self._episode.units += tick.units
        if readings or self._window.total.units >= baseline.window_units:
            self._history.append(self._window)
            self._window = None
            if readings:
                self._explain()
            return self._readings(score, end, f"{bucket}.{index}")
        return []

    def _judge_episode(self, score: Score, now: float) -> list[str]:
        """Open or close the episode; names what changed, if anything did."""
        baseline = self.baseline
        assert baseline is not None
        if self._episode is None and score.value >= baseline.threshold:
            self._episode = Episode(now, now, score.leader.channel, score.leader.label)
            return ["alarm"]
        if self._episode is not None and score.value < baseline.threshold - CLEAR_DECADES:
            self._episode = None
            return ["clear"]
        return []

    def _explain(self) -> None:
        """(Re)compute onset and moves; called at the alarm and whenever its units have doubled."""
        episode, baseline, detector = self._episode, self.baseline, self._detector
        if episode is None or baseline is None or detector is None:
            return
        direction = detector.direction(detector.get().leader)
        onset = self._history.onset(direction, baseline.reference)
        episode.onset = min(onset if onset is not None else episode.started, episode.started)
        recent = [s for s in self._recent if s.time >= episode.onset]
        if len(recent) < FEWEST_TO_EXPLAIN:
            recent = list(self._recent)[-FEWEST_TO_EXPLAIN:]
        if len(recent) < 2:
            return
        weights = np.array([1.0 / s.inclusion for s in recent])
        episode.explanation = explain(
            baseline.reference.rows, rows_of(recent), weights, seed=baseline.reference.seed
        )
        episode.explained_units = max(episode.units, FEWEST_TO_EXPLAIN)

    # -- readings

    def _partial(self) -> list[Reading]:
        """Readings of the window that is still open, which stays open."""
        if self._detector is None or self._window is None:
            return []
        kept, self._history = self._history, self._history.extended(self._window)
        readings = self._readings(self._detector.get(), self._window.end, f"{self._window.end:.6f}.partial")
        self._history = kept
        return [msgspec.structs.replace(r, note="partial window") for r in readings]

    def _readings(self, score: Score, end: float, place: str) -> list[Reading]:
        if self._episode is not None and self._episode.units >= 2 * self._episode.explained_units:
            self._explain()
        readings = [self._change_reading(score, end, place)]
        if self.evalset is not None:
            readings.append(self._gap_reading(self.evalset, end, place))
        return readings

    def _change_reading(self, score: Score, end: float, place: str) -> Reading:
        baseline, episode = self.baseline, self._episode
        assert baseline is not None
        since = None if episode is None else episode.onset
        windows = self._history.recent(EFFECT_UNITS, since)
        return Reading(
            id=self._id("change", place),
            application=self.application,
            monitor="change",
            state="ok" if episode is None else "alarm",
            time=moment(end),
            window_start=moment(windows[0].start),
            units=sum(w.total.units for w in windows),
            value=round(score.value, 6),
            threshold=round(baseline.threshold, 6),
            channel=score.leader.channel if episode is None else episode.leader,
            component=score.leader.label if episode is None else episode.label,
            run_length=baseline.run_length,
            reference=baseline.reference.id,
            evalset=None if self.evalset is None else self.evalset.id,
            effect=effect(windows, baseline.reference),
            uncovered=coverage(windows),
            clusters=[] if episode is None else episode.explanation.clusters,
            descriptors=[] if episode is None else episode.explanation.descriptors,
            onset_at=None if episode is None else moment(episode.onset),
            deployment=None if episode is None else self._deployment_before(episode.onset),
            offsets=offset_ranges(windows),
            totals=self._book.totals,
        )

    def _gap_reading(self, evalset: Reference, end: float, place: str) -> Reading:
        windows = self._history.recent(EFFECT_UNITS)
        size, covered = effect(windows, evalset), coverage(windows)
        tolerance = self._settings.gap_tolerance
        over = tolerance is not None and covered is not None and covered.low > tolerance
        return Reading(
            id=self._id("gap", place),
            application=self.application,
            monitor="gap",
            state="alarm" if over else "ok",
            time=moment(end),
            window_start=moment(windows[0].start),
            units=sum(w.total.units for w in windows),
            value=None if size is None else size.value,
            threshold=tolerance,
            reference=evalset.id,
            evalset=evalset.id,
            effect=size,
            uncovered=covered,
            clusters=gap_clusters(windows, evalset),
            offsets=offset_ranges(windows),
            totals=self._book.totals,
        )

    def _learning_reading(self, time: float, *, note: str | None) -> Reading:
        done = self.baseline is not None
        return Reading(
            id=self._id("change", f"learning.{self._wanted}.{1 if done else len(self._times) / self._wanted:.6f}"),
            application=self.application,
            monitor="change",
            state="learning",
            time=moment(time),
            units=0 if self.baseline is None else self.baseline.reference.units,
            reference=None if self.baseline is None else self.baseline.reference.id,
            evalset=None if self.evalset is None else self.evalset.id,
            totals=self._book.totals,
            progress=1.0 if done else min(1.0, len(self._times) / self._wanted),
            note=note,
        )

    def _deployment_before(self, onset: float) -> str | None:
        """The last release before an onset, unless it is the one that traffic started with."""
        reference = self.baseline.reference if self.baseline else None
        assert reference is not None and reference.window is not None
        slack = 2 * WINDOW_SLACK_UNITS / self.baseline.units_per_second if self.baseline else 0.0
        known = sorted((t, name) for name, t in self._releases.items() if reference.window[0] < t <= onset + slack)
        if not known or onset - known[-1][0] > RELEASE_DAYS * 86_400:
            return None
        return known[-1][1]

    def _id(self, monitor: str, place: str) -> str:
        reference = "" if self.baseline is None else self.baseline.reference.id
        text = f"{self.application}|{monitor}|{reference}|{place}"
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    # -- state

    def snapshot(self) -> dict[str, Any]:
        """State as plain types and structs that msgpack carries; the baseline is kept by its id."""
        return {
            "baseline": None if self.baseline is None else self.baseline.reference.id,
            "book": self._book.snapshot(),
            "learned": self._learned,
            "times": self._times,
            "wanted": self._wanted,
            "announced": self._announced,
            "detector": None if self._detector is None else self._detector.snapshot(),
            "history": self._history.snapshot(),
            "arrived": self._arrived,
            "recent": list(self._recent),
            "episode": self._episode,
            "releases": self._releases,
            "window": None if self._window is None else _one_window(self._window),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot; `adopt` the same baseline first."""
        self._book.restore(state["book"])
        self._learned = [msgspec.convert(s, Sample) for s in state["learned"]]
        self._times = list(state["times"])
        self._wanted, self._announced = state["wanted"], state["announced"]
        if self._detector is not None and state["detector"] is not None:
            self._detector.restore(state["detector"])
        self._history.restore(state["history"])
        self._arrived = [msgspec.convert(s, Sample) for s in state["arrived"]]
        self._recent.clear()
        self._recent.extend(msgspec.convert(s, Sample) for s in state["recent"])
        self._episode = None if state["episode"] is None else msgspec.convert(state["episode"], Episode)
        self._releases = dict(state["releases"])
        self._window = None
        if state["window"] is not None:
            holder = History()
            holder.restore(state["window"])
            self._window = holder.recent(1)[0]


WINDOW_SLACK_UNITS = 64


def _one_window(window: Window) -> list[tuple[Any, ...]]:
    holder = History()
    holder.append(window)
    return holder.snapshot()


def in_time(sample: Sample) -> tuple[float, int, int]:
    """Order of samples that does not depend on when they arrived."""
    return sample.time, sample.partition, sample.ordinal


def moment(seconds: float) -> datetime:
    """Epoch seconds as an aware time, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)
