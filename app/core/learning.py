"""Learning a baseline: collect candidates until enough events have passed the watermark."""

import math
from typing import Any

import msgspec

from app.core.baseline import Baseline, BaselineSettings, learn
from app.core.reference import TooFewUnits
from app.core.ticks import TickBook
from schemas.readings import Sample


def in_time(sample: Sample) -> tuple[float, int, int]:
    """Order of samples that does not depend on when they arrived."""
    return sample.time, sample.partition, sample.ordinal


class Learner:
    """The candidates of one application before its baseline exists.

    Every counted event advances it, also those that gave no candidate, so "the first N events" means
    what the user thinks it means.
    """

    def __init__(self, application: str, *, fingerprint: str, settings: BaselineSettings, partitions: int) -> None:
        self._application, self._fingerprint = application, fingerprint
        self._settings, self._partitions = settings, partitions
        self.samples: list[Sample] = []
        self._times: list[float] = []  # of every counted event, ascending
        self._wanted = settings.events
        self._stretch = 1.0
        self.note: str | None = None

    def take(self, book: TickBook, watermark: float) -> None:
        """Move what the watermark has passed out of the book."""
        fresh = book.samples_before(watermark)
        self.samples += fresh
        self._times = sorted([*self._times, *book.event_times_before(watermark), *(s.time for s in fresh)])

    def try_learn(self) -> Baseline | None:
        """The baseline, once there are enough events and units; leaves later samples in `samples`."""
        while (until := self._until()) is not None:
            try:
                learned = learn(
                    sorted((s for s in self.samples if s.time <= until), key=in_time),
                    application=self._application,
                    fingerprint=self._fingerprint,
                    settings=self._settings,
                    partitions=self._partitions,
                    until=until,
                )
            except TooFewUnits as error:
                self.note, self._stretch = f"{error}; learning goes on", self._stretch * 1.5
                self._wanted = math.ceil(self._settings.events * self._stretch)
                continue
            self.samples = [s for s in self.samples if s.time > until]
            return learned
        return None

    def _until(self) -> float | None:
        """Event time of the last event to learn from, once the watermark has passed it."""
        if not self._times:
            return None
        if self._settings.seconds is not None:
            until = self._times[0] + self._settings.seconds * self._stretch
            return until if self._times[-1] > until else None
        return self._times[self._wanted - 1] if len(self._times) >= self._wanted else None

    @property
    def progress(self) -> float:
        """Share of what is wanted, 0 to 1."""
        if self._settings.seconds is not None and self._times:
            return min(1.0, (self._times[-1] - self._times[0]) / (self._settings.seconds * self._stretch))
        return min(1.0, len(self._times) / self._wanted)

    @property
    def latest(self) -> float | None:
        """Event time of the newest event taken."""
        return self._times[-1] if self._times else None

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"samples": self.samples, "times": self._times, "wanted": self._wanted, "stretch": self._stretch}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self.samples = [msgspec.convert(s, Sample) for s in state["samples"]]
        self._times = list(state["times"])
        self._wanted, self._stretch = state["wanted"], state["stretch"]
