"""One aspect of an application under watch: learn a baseline, then read every tick against it.

`DriftMonitor` owns no clock: what it says is a function of the ticks it received and of the watermark
it is given, whatever the order and the portions in which they arrived.
"""

import math
from copy import copy
from dataclasses import replace
from typing import Any

import msgspec

from app.core import buckets, episodes
from app.core.aspects import PROMPTS, Subject
from app.core.baseline import Baseline, refit
from app.core.buckets import ClosedBucket
from app.core.budget import Account, open_account
from app.core.detection import Detector, Score
from app.core.episodes import Episode
from app.core.exposure import Release
from app.core.followup import Followup
from app.core.history import EFFECT_UNITS, History, Window
from app.core.learning import Learner
from app.core.monitor_settings import MonitorSettings
from app.core.recent import RecentSamples
from app.core.releases import Releases
from app.core.reporting import Moment, adaptation_reading, change_reading, gap_reading, learning_reading
from app.core.scarcity import Scarcity
from app.core.succession import Succession
from app.core.ticks import NEVER, TickBook
from app.core.topics import Topics
from app.core.units import is_unit
from schemas.events import Deployment
from schemas.readings import PARTIAL, Reading
from schemas.ticks import Tick


class DriftMonitor:
    """`receive` ticks, `advance` to a watermark, collect readings.  Restorable between calls."""

    def __init__(
        self,
        subject: Subject,
        *,
        fingerprint: str,
        settings: MonitorSettings,
        partitions: int,
        evalsets: Succession,
    ) -> None:
        self._subject, self._settings = subject, settings
        self.evalsets = evalsets  # that the gap is told to
        self.baseline: Baseline | None = None
        self._learner = Learner(
            subject, fingerprint=fingerprint, settings=settings.baseline, partitions=partitions
        )
        self._book = TickBook()
        self._fitted = False  # whether the baseline was made for the settings of today
        self._detector: Detector | None = None
        self._history = History()
        self._window: Window | None = None
        self._recent = RecentSamples()
        self._episode: Episode | None = None
        self._account: Account | None = None  # there is one where there is a baseline
        self._releases = Releases()
        self._topics = Topics()
        self._scarcity = Scarcity()
        self._followup = Followup(seed=settings.baseline.seed)
        self._last_bucket, self._ticks = NEVER, 0

    def receive(self, tick: Tick) -> None:
        """Take over a block version, but for sums against a baseline that was renewed since."""
        if self.baseline is not None:
            own = [each for each in tick.sums if each.reference == self.baseline.reference.id]
            if len(own) < len(tick.sums):
                tick = msgspec.structs.replace(tick, sums=own)
        self._book.receive(tick)

    def deployed(self, deployment: Deployment) -> None:
        """Remember a release, to name the one before an onset and to follow it up."""
        self._releases.record(deployment)
        self._followup.deployed(deployment)

    def take_observed(self) -> list[Release]:
        """Deployments that nobody told of, seen in traffic since the last call."""
        return self._followup.take_observed()

    def adopt(self, baseline: Baseline) -> None:
        """Use this baseline from now on; what was measured against another one is forgotten."""
        self.baseline = baseline
        self._history, self._window, self._episode = History(), None, None
        self._detector = Detector(baseline)
        self._account = open_account(self._settings.baseline.pages_per_30_days, baseline.units_per_second)

    def renew(self, known: Baseline) -> None:
        """Adopt a baseline that was learned elsewhere, if it knows later traffic than the one in use."""
        if known.until > (-math.inf if self.baseline is None else self.baseline.until):
            self.adopt(known)
            self._fitted = False
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Sums against another baseline are of no use, and their buckets may be of another length."""
        self._book, self._last_bucket = self._book.anew(), NEVER

    def advance(self, watermark: float, *, final: bool = False) -> list[Reading]:
        """Everything that the watermark allows to say.

        `final`: nothing more is waited for; what is held before the watermark is closed, and no more.
        """
        readings: list[Reading] = []
        if self.baseline is None:
            readings += self._learn(watermark, final=final)
        elif not self._fitted:
            fitted = refit(self.baseline, self._settings.baseline)
            if fitted is not self.baseline:
                self.adopt(fitted)
        self._fitted = True
        if self.baseline is not None and self._detector is not None:
            self._learner.done()
            sums = buckets.passed(
                self._book,
                self._recent,
                baseline=self.baseline,
                evalsets=self.evalsets,
                watermark=watermark,
                final=final,
            )
            for bucket in buckets.close(sums, self.baseline.reference.tick_seconds):
                readings += self._observe_bucket(bucket, self.baseline, self._detector)
            if final:
                readings += self._partial(self._detector)
        return readings

    def _learn(self, watermark: float, *, final: bool) -> list[Reading]:
        before = math.nextafter(self._book.newest(watermark), math.inf) if final else watermark
        self._learner.count(self._book, before)
        latest = self._learner.latest
        if latest is None:
            return []
        learned = self._learner.try_learn(self._book)
        if not self._learner.has_news() and learned is None and not final:
            return []
        moment = self._moment(latest if learned is None else learned.until, "learning")
        reading = learning_reading(moment, self._learner, learned, self._learner.note)
        if learned is not None:
            self.adopt(learned)
            units = [s for s in self._learner.taken if is_unit(s.gap, learned.horizon_seconds)]
            self._followup.observe(units, share=learned.sample_rate, learning=True)  # habits before releases
        return [reading]

    def _observe_bucket(self, bucket: ClosedBucket, baseline: Baseline, detector: Detector) -> list[Reading]:
        seconds = baseline.reference.tick_seconds
        start, end = bucket.number * seconds, (bucket.number + 1) * seconds
        self._followup.observe(self._recent.arrive(bucket.number, seconds), share=baseline.sample_rate)
        for name in sorted(bucket.deployments):
            self._releases.observe(name, start)
        if self._account is not None:
            self._account.count(
                bucket.units, keyless=bucket.keyless, time=start, at_risk=self._episode is None
            )
        readings = self._follow_up(start, baseline)
        reopened = bucket.number <= self._last_bucket
        self._last_bucket = max(bucket.number, self._last_bucket)
        for i, tick in enumerate(bucket.ticks):
            self._ticks += 1
            place = f"{bucket.number}.{i}" + (f"+{self._ticks}" if reopened else "")  # ids stay unique
            if self._window is None:
                self._window = Window(start, end)
            self._window.add(tick, bucket.counts(i, whole=not reopened), end)
            detector.update(tick, (bucket.number + 0.5) * seconds)
            readings += self._judge(detector, tick.units, place)
        return readings

    def _follow_up(self, now: float, baseline: Baseline) -> list[Reading]:
        if self._subject.aspect != PROMPTS:  # it is about how users ask
            return []
        tolerance = self._settings.rules.of(self._subject.application, "adaptation").tolerance
        return [
            adaptation_reading(self._moment(at, f"{at:.3f}"), seen, tolerance=tolerance)
            for at, seen in self._followup.advance(now, baseline.reference)
        ]

    def _judge(self, detector: Detector, units: int, place: str) -> list[Reading]:
        """After each tick: open or close the episode, and report when a window is full."""
        baseline, window, account = self.baseline, self._window, self._account
        if baseline is None or window is None or account is None:
            return []
        score = detector.get()
        opens = self._episode is None and score.value >= account.threshold
        closes = self._episode is not None and episodes.over(self._episode, score, account.threshold)
        if self._episode is not None:
            self._episode.units += units
        if not (opens or closes or window.total.units >= baseline.window_units):
            return []
        self._history.append(window)
        self._window = None
        if opens:
            self._episode = episodes.begin(
                score, window.end, baseline=baseline, detector=detector, history=self._history
            )
        if closes:
            self._episode = None
        if self._episode is not None:
            lens, recent = detector.lens(self._episode.component), list(self._recent)
            account.alarms += episodes.develop(
                self._episode, baseline=baseline, recent=recent, lens=lens, topics=self._topics
            )
        return self._report(score, baseline, self._moment(window.end, place))

    def _report(self, score: Score, baseline: Baseline, moment: Moment) -> list[Reading]:
        episode = self._episode
        released = None
        if episode is not None and baseline.reference.window is not None:
            released = self._releases.before(episode.onset, since=baseline.reference.window[0])
        change = change_reading(
            moment, score, baseline=baseline, history=self._history, episode=episode, deployment=released
        )
        readings = [msgspec.structs.replace(change, adaptation=self._followup.latest(released))]
        if moment.evalset is not None:
            recent = list(self._recent)
            readings.append(
                gap_reading(
                    moment,
                    moment.evalset,
                    history=self._history,
                    tolerance=self._settings.gap_tolerance,
                    recent=recent,
                    scarce=self._scarcity.look(moment.evalset, recent),
                )
            )
        return readings

    def _partial(self, detector: Detector) -> list[Reading]:
        """Readings of the window that is still open, which stays open; nothing more is waited for.

        An episode that waits for evidence is confirmed with what there is, in these readings only: if
        the input goes on after all, it says what it would have said.
        """
        end = self._window.end if self._window is not None else self._history.end
        if self.baseline is None or end is None:
            return []
        ahead, episode = copy(self), self._episode
        ahead._scarcity = copy(self._scarcity)
        if self._window is not None:
            ahead._history = self._history.extended(self._window)
        if episode is not None and not episode.confirmed:
            ahead._episode, ahead._account = replace(episode), copy(self._account)
            topics, recent = self._topics.copy(), list(self._recent)
            lens = detector.lens(episode.component)
            episodes.conclude(ahead._episode, baseline=self.baseline, recent=recent, lens=lens, topics=topics)
            if ahead._account is not None:
                ahead._account.alarms += 1
        readings = ahead._report(detector.get(), self.baseline, ahead._moment(end, f"{end:.6f}.partial"))
        return [msgspec.structs.replace(r, note=PARTIAL) for r in readings]

    def _moment(self, time: float, place: str) -> Moment:
        return Moment(
            application=self._subject.application,
            monitor=self._subject.monitor,
            place=place,
            time=time,
            totals=self._book.totals,
            evalsets=self.evalsets,
            evalset=self.evalsets.told(self._history.recent(EFFECT_UNITS)),
            account=self._account,
        )

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack; the baseline is kept by its id."""
        return {
            "baseline": None if self.baseline is None else self.baseline.reference.id,
            "learner": self._learner.snapshot(),
            "book": self._book.snapshot(),
            "detector": None if self._detector is None else self._detector.snapshot(),
            "history": self._history.snapshot(),
            "window": History.of(self._window).snapshot(),
            "recent": self._recent.snapshot(),
            "episode": self._episode,
            "account": self._account,
            "releases": self._releases.snapshot(),
            "topics": self._topics.snapshot(),
            "scarcity": self._scarcity.snapshot(),
            "followup": self._followup.snapshot(),
            "ticks": (self._last_bucket, self._ticks),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot; `adopt` a baseline first, if there is one.

        What was measured against another baseline than that is dropped: it starts anew.

        Raises: ValueError where the snapshot rests on a baseline and none was adopted.
        """
        if state["baseline"] is not None and self.baseline is None:
            raise ValueError(f"the snapshot of {self._subject} needs baseline {state['baseline']}")
        self._learner.restore(state["learner"])
        self._book.restore(state["book"])
        self._releases.restore(state["releases"])
        self._topics.restore(state["topics"])
        self._scarcity.restore(state["scarcity"])
        self._followup.restore(state["followup"])
        self._last_bucket, self._ticks = state["ticks"]
        if self._detector is None or self.baseline is None or state["detector"] is None:
            return
        if state["baseline"] != self.baseline.reference.id:
            self._begin_anew()
            return
        self._detector.restore(state["detector"])
        self._history.restore(state["history"])
        holder = History()
        holder.restore(state["window"])
        self._window = next(iter(holder.recent(1)), None)
        self._recent.restore(state["recent"])
        self._episode = None if state["episode"] is None else msgspec.convert(state["episode"], Episode)
        self._account = msgspec.convert(state["account"], Account)
        self._account.rebudget(self._settings.baseline.pages_per_30_days)
