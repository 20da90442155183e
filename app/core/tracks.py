"""What is remembered of each monitor of each segment from one reading to the next."""

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.core.alerts import place_of
from schemas.readings import Reading

QUIET_SECONDS = 6 * 3600.0
KEPT = 4096  # places whose latest reading is remembered, while they are not part of an incident


@dataclass(slots=True)
class Track:
    """Of one place: which reading was its last, and how many windows in a row said the same."""

    time: float = float("-inf")
    gap: float = 0.0  # seconds from the reading before to the last one
    ids: list[str] = field(default_factory=list)  # several windows may end with one bucket
    alarms: int = 0  # windows in a row
    crossed: datetime | None = None  # when the first of them did
    clean: int = 0

    @property
    def patience(self) -> timedelta:
        """After how long a silence it is gone; what speaks once a day is given three days."""
        return timedelta(seconds=max(QUIET_SECONDS, 3 * self.gap))


@dataclass(slots=True)
class Tracks:
    """By application and place, the latest heard last."""

    held: dict[str, Track] = field(default_factory=dict)

    def of(self, application: str, place: str) -> Track:
        """The track of a place, begun where there is none."""
        return self.held.setdefault(f"{application}:{place}", Track())

    def fresh(self, reading: Reading, *, spared: Container[str]) -> Track | None:
        """The place's track where the reading is new, which is remembered; else None.

        Beyond KEPT the place that was silent longest is forgotten, but for applications that are spared.
        """
        place = f"{reading.application}:{place_of(reading)}"
        track = self.held.pop(place, None) or Track()
        self.held[place] = track
        time = reading.time.timestamp()
        if time < track.time or (time == track.time and reading.id in track.ids):
            return None
        if time > track.time > float("-inf"):
            track.gap = time - track.time
        track.ids = [*track.ids, reading.id] if time == track.time else [reading.id]
        track.time = time
        if len(self.held) > KEPT:
            self._forget_one(spared)
        return track

    def _forget_one(self, spared: Container[str]) -> None:
        for place in self.held:
            if place.partition(":")[0] not in spared:
                del self.held[place]
                return
