"""What is said of the pipeline's health, and how often: readings of the monitor `health`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.alerts import identity
from app.core.health import MONITOR, Finding, Grade
from schemas.readings import Reading

CALM_SECONDS = 60.0  # between readings of a condition that is fine
SOON_SECONDS = 8.0  # of one that is not, or was not a moment ago: incidents end after some clean ones
RECOVERING = 15  # readings


@dataclass(slots=True)
class _Said:
    grade: Grade
    since: float
    at: float
    calm: int = 0  # fine ones in a row


class Bulletin:
    """Turns findings into readings: at once where a grade changed, else from time to time."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], _Said] = {}

    def readings(self, findings: Sequence[Finding], now: float) -> list[Reading]:
        """What is to be said now; `now` is wall clock in epoch seconds."""
        return [reading for finding in findings if (reading := self._say(finding, now)) is not None]

    def _say(self, finding: Finding, now: float) -> Reading | None:
        place = (finding.application, finding.condition)
        said = self._said.get(place)
        if said is not None and said.grade == finding.grade and now - said.at < _pause(said):
            return None
        if said is None or said.grade != finding.grade:
            said = self._said[place] = _Said(finding.grade, since=now, at=now)
        said.at = now
        said.calm = said.calm + 1 if finding.grade == "ok" else 0
        return _reading(finding, now, said.since)


def _pause(said: _Said) -> float:
    return CALM_SECONDS if said.calm >= RECOVERING else SOON_SECONDS


def _reading(finding: Finding, now: float, since: float) -> Reading:
    fine = finding.grade == "ok"
    at = datetime.fromtimestamp(round(now, 3), UTC)
    return Reading(
        id=identity("health", finding.application, finding.condition, finding.grade, at.isoformat()),
        application=finding.application,
        monitor=MONITOR,
        segment=finding.condition,
        state="ok" if fine else "alarm",
        severity="warning" if finding.grade == "warning" else None if fine else "critical",
        time=at,
        value=finding.value,
        threshold=finding.limit,
        channel=finding.condition,
        detected_at=None if fine else datetime.fromtimestamp(round(since, 3), UTC),
        note=finding.note,
    )
