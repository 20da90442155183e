"""What is remembered of an incident while it is open."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from app.core.tracks import QUIET_SECONDS, Track
from schemas.decisions import Alert, Member, Severity
from schemas.readings import Reading

SILENCE = "health"  # the monitor that speaks for all of an application: its `unknown` is everybody's


@dataclass(slots=True)
class OpenIncident:
    """`lead` is the alert that its root's latest alarm makes.  All times are event times."""

    incident: str
    lead: Alert
    severity: Severity
    told_at: datetime  # when somebody may have been told last
    updated_at: datetime
    heard_at: datetime  # the newest reading of the application
    heard_since: datetime  # without a silence of all of it
    members: dict[str, Member] = field(default_factory=dict)
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    unknown: bool = False
    withheld: bool = False  # something was said while muted
    closed: bool = False  # by hand: waits to be forgotten
    reminders: int = 0
    unmutes: int = 0

    @classmethod
    def since(cls, time: datetime, incident: str, lead: Alert, severity: Severity) -> Self:
        """One that opens now."""
        return cls(incident, lead, severity, time, time, time, time)

    def hear(self, reading: Reading) -> None:
        """Follow the application's time; a silence of all of it is held against no member."""
        silent = reading.monitor == SILENCE and reading.state == "unknown"
        if silent or (reading.time - self.heard_at).total_seconds() > QUIET_SECONDS:
            self.heard_since = max(self.heard_since, reading.time)
        self.heard_at = max(self.heard_at, reading.time)

    def misses(self, member: Member, track: Track) -> bool:
        """Whether a member was silent for long while the application was not."""
        return self.heard_at - max(member.updated_at, self.heard_since) >= track.patience
