"""Learning a baseline: wait until enough events have passed the watermark."""

import math
from functools import lru_cache
from typing import Any

from app.core.aspects import Subject
from app.core.baseline import Baseline, BaselineSettings, learn
from app.core.reference import TooFewUnits
from app.core.ticks import TickBook
from app.core.units import hash64
from schemas.ticks import Sample

STEPS = 10  # in which progress is told
MOST_UNITS = 8192  # that a baseline is learned from: more tell hardly more, and all of them are held
HEAD, COMPANY = 16, 4  # a span begins at the first of HEAD events that COMPANY others follow within it
RUN = 256  # consecutive candidates of a partition that stay or go together, for neighbours may depend


class Learner:
    """Progress of one aspect of an application towards its baseline; the candidates stay in the book.

    Every counted event advances it, also those that gave no candidate, so "the first N events" means
    what the user thinks it means.  Of more than MOST_UNITS candidates whole runs are kept, chosen by hash,
    half of them as often as it takes: weeks of traffic fit into memory, as a function of the log alone.
    """

    def __init__(
        self, subject: Subject, *, fingerprint: str, settings: BaselineSettings, partitions: int
    ) -> None:
        self._subject, self._fingerprint = subject, fingerprint
        self._settings, self._partitions = settings, partitions
        self.units = 0  # candidates seen
        self._times: list[float] = []  # of counted events, ascending; of a span of time the head and the last
        self._share = 1.0  # of runs that are kept
        self._wanted = settings.events
        self._stretch = 1.0
        self._announced = 0
        self.note: str | None = None
        self.taken: list[Sample] = []  # candidates that the baseline was learned from

    def count(self, book: TickBook, before: float) -> None:
        """Count the events older than `before`."""
        held, bare = book.count_before(before)
        self.units += len(held)
        self._times = sorted([*self._times, *held, *bare])
        if self._settings.seconds is not None:
            self._times = [*self._times[:HEAD], *self._times[HEAD:][-1:]]
        until = self._until()
        self._bound(book, before if until is None else math.nextafter(until, math.inf))

    def _bound(self, book: TickBook, before: float) -> None:
        while book.keep(before, self._stays) > MOST_UNITS:
            self._share /= 2

    def _stays(self, sample: Sample) -> bool:
        return self._share == 1.0 or place_of_run(sample.ordinal // RUN) < self._share

    def try_learn(self, book: TickBook) -> Baseline | None:
        """The baseline, once there are enough events and units; its samples leave the book."""
        while (until := self._until()) is not None:
            self._bound(book, math.nextafter(until, math.inf))  # also what was sent again since
            try:
                learned = learn(
                    self._begun(book.samples_until(until)),
                    subject=self._subject,
                    fingerprint=self._fingerprint,
                    settings=self._settings,
                    partitions=self._partitions,
                    until=until,
                    share=self._share,
                )
            except TooFewUnits as error:
                self.note, self._stretch = f"{error}; learning goes on", self._stretch * 1.5
                self._wanted = math.ceil(self._settings.events * self._stretch)
                continue
            self.taken = self._begun(book.samples_before(math.nextafter(until, math.inf)))
            watches = learned.reference.watches
            self.note = None if watches is None else watches.note
            return learned
        return None

    def _until(self) -> float | None:
        """Event time of the last event to learn from, once the watermark has passed it."""
        if self._settings.seconds is not None:
            if (start := self._start) is None:
                return None
            until = start + self._settings.seconds * self._stretch
            return until if self._times[-1] > until else None
        return self._times[self._wanted - 1] if len(self._times) >= self._wanted else None

    @property
    def _start(self) -> float | None:
        """Event time at which a span of time begins, once the head is there; the first of sparse traffic.

        An event from a clock years behind has no company, and would stretch the span over those years.
        """
        if self._settings.seconds is None or len(self._times) < HEAD:
            return None
        head, seconds = self._times[:HEAD], self._settings.seconds
        joined = (a for a, b in zip(head, head[COMPANY:], strict=False) if b - a <= seconds)
        return next(joined, head[0])

    def _begun(self, samples: list[Sample]) -> list[Sample]:
        start = self._start
        return samples if start is None else [s for s in samples if s.time >= start]

    @property
    def progress(self) -> float:
        """Share of what is wanted, 0 to 1; of a span of time 0 until its start is known."""
        if self._settings.seconds is not None:
            start = self._start
            passed = 0.0 if start is None else self._times[-1] - start
            return min(1.0, passed / (self._settings.seconds * self._stretch))
        return min(1.0, len(self._times) / self._wanted)

    def has_news(self) -> bool:
        """Whether the progress has passed another tenth since it was last asked."""
        step = int(self.progress * STEPS)
        passed, self._announced = step > self._announced, max(step, self._announced)
        return passed

    @property
    def latest(self) -> float | None:
        """Event time of the newest event taken."""
        return self._times[-1] if self._times else None

    def done(self) -> None:
        """Let go of what was learned from: there is a baseline, and every checkpoint would hold it."""
        self._times, self.taken = [], []

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "units": self.units,
            "times": self._times,
            "share": self._share,
            "wanted": self._wanted,
            "stretch": self._stretch,
            "note": self.note,
            "announced": self._announced,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self.units, self.note = state["units"], state["note"]
        self._times, self._share = list(state["times"]), state.get("share", 1.0)
        self._wanted, self._stretch = state["wanted"], state["stretch"]
        self._announced = state["announced"]


@lru_cache(maxsize=4096)  # asked for every candidate held
def place_of_run(number: int) -> float:
    """Where in [0, 1) a run falls: below a share, it is kept."""
    return hash64(f"learn:{number}") / 2**64
