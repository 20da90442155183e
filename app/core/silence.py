"""When data stop: nobody writes a record to say so, so somebody must look at the clock.

What is noticed becomes a reading of its own, on the log; from there on everything is a function of the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.alerts import identity
from app.core.tracks import SILENCE
from schemas.decisions import Alert
from schemas.readings import Reading

SPACINGS = 4.0  # slow traffic is not silence: so many times the last pause between readings
AT_ONCE_SECONDS = 1.0  # several monitors speak of one window


@dataclass(frozen=True, slots=True)
class _Heard:
    arrival: float
    pause: float  # before it
    reading: Reading


class Silence:
    """Arrival of readings per application; `now` is wall clock in epoch seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: dict[str, _Heard] = {}

    def hear(self, reading: Reading, now: float) -> None:
        """A reading arrived; one that speaks of silence itself is none."""
        if reading.monitor == SILENCE:
            return
        before = self._last.get(reading.application)
        pause = 0.0 if before is None else now - before.arrival
        if before is not None and pause < AT_ONCE_SECONDS:
            pause = before.pause
        self._last[reading.application] = _Heard(now, pause, reading)

    def expect(self, alert: Alert, now: float) -> None:
        """From now on: after a restart, of an incident that was found open."""
        known = Reading(
            id=alert.alert_id,
            application=alert.application,
            monitor=alert.monitor,
            state="unknown",
            time=alert.updated_at,
        )
        self._last.setdefault(alert.application, _Heard(now, 0.0, known))

    def notice(self, applications: Sequence[str], now: float) -> list[Reading]:
        """A reading for each of these that has been silent for too long; once for each silence."""
        out = []
        for application in applications:
            last = self._last.get(application)
            if last is None or now - last.arrival < max(self._seconds, SPACINGS * last.pause):
                continue
            del self._last[application]
            out.append(_silent(last.reading, now - last.arrival))
        return out


def _silent(last: Reading, seconds: float) -> Reading:
    return Reading(
        id=identity("silence", last.application, last.id),
        application=last.application,
        monitor=SILENCE,
        state="unknown",
        time=last.time,
        totals=last.totals,
        note=f"no reading for {seconds:.0f} s",
    )
