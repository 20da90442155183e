"""What is remembered of each monitor of each segment from one reading to the next."""

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime

from app.core.alerts import place_of
from schemas.readings import Reading

SILENCE = "health"  # the monitor that speaks for all of an application: its `unknown` is everybody's
QUIET_SECONDS = 6 * 3600.0
STEP_SECONDS = 3600.0  # what counts at most from one reading of an application to the next
SELDOM_SECONDS = 24 * 3600.0
KEPT = 4096  # places whose latest reading is remembered, while they are not part of an incident


@dataclass(slots=True)
class Clock:
    """Of one application: event time in which it was heard.  Its own silence is held against nobody."""

    at: float = float("-inf")
    seconds: float = 0.0
    silent: bool = False

    def hear(self, reading: Reading) -> None:
        """Move on to a reading of any monitor; one of before moves nothing."""
        time = reading.time.timestamp()
        if time < self.at:
            return
        silent = reading.monitor == SILENCE and reading.state == "unknown"
        if not (silent or self.silent or self.at == float("-inf")):
            self.seconds += min(time - self.at, STEP_SECONDS)
        self.at, self.silent = time, silent


@dataclass(slots=True)
class Track:
    """Of one place: which reading was its last, and how many windows in a row said the same."""

    time: float = float("-inf")
    heard: float = 0.0  # the application's clock at the last reading
    gap: float = 0.0  # what it went on by since the one before
    ids: list[str] = field(default_factory=list)  # several windows may end with one bucket
    alarms: int = 0  # windows in a row
    crossed: datetime | None = None  # when the first of them did
    left: datetime | None = None  # when an incident ended that did not wait for it
    clean: int = 0

    def alarm(self, reading: Reading) -> datetime:
        """Count a window.  When the first in a row was, not before an end that did not wait for it."""
        self.alarms, self.clean = self.alarms + 1, 0
        began = reading.detected_at or reading.time
        self.crossed = self.crossed or (began if self.left is None else max(began, self.left))
        return self.crossed

    def leave(self, time: datetime) -> None:
        """Its incident ends without it: what it says after that is news."""
        self.alarms, self.crossed, self.left = 0, None, time

    def is_gone(self, clock: Clock) -> bool:
        """Whether it was silent for long while its application was not; what speaks seldom is waited for."""
        return clock.seconds - self.heard >= max(QUIET_SECONDS, 3 * self.gap)


@dataclass(slots=True)
class Tracks:
    """By application and place, and the clocks by application, the latest heard last."""

    held: dict[str, Track] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)

    def of(self, application: str, place: str) -> Track:
        """The track of a place, begun where there is none."""
        return self.held.setdefault(f"{application}:{place}", Track())

    def is_gone(self, application: str, place: str) -> bool:
        """Whether a place is not waited for any more."""
        return self.of(application, place).is_gone(self.clocks.get(application, Clock()))

    def fresh(self, reading: Reading, *, spared: Container[str]) -> Track | None:
        """The place's track where the reading is new, which is remembered; else None.

        Beyond KEPT the place that was silent longest is forgotten, but for applications that are spared.
        """
        application = reading.application
        clock = self.clocks[application] = self.clocks.pop(application, Clock())
        clock.hear(reading)
        place = f"{application}:{place_of(reading)}"
        track = self.held.pop(place, Track(heard=clock.seconds))
        self.held[place] = track
        time = reading.time.timestamp()
        if time < track.time or (time == track.time and reading.id in track.ids):
            return None
        if time > track.time > float("-inf"):
            track.gap = clock.seconds - track.heard
        track.ids = [*track.ids, reading.id] if time == track.time else [reading.id]
        track.time, track.heard = time, clock.seconds
        _forget_one(self.held, spared)
        _forget_one(self.clocks, spared)
        return track


def _forget_one(held: dict[str, Track] | dict[str, Clock], spared: Container[str]) -> None:
    if len(held) > KEPT:
        oldest = next((name for name in held if name.partition(":")[0] not in spared), None)
        if oldest is not None:
            del held[oldest]
