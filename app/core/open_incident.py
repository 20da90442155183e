"""What is remembered of an incident while it is open."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from schemas.decisions import Alert, Member, Severity


@dataclass(slots=True)
class OpenIncident:
    """`lead` is the alert that its root's latest alarm makes.  All times are event times."""

    incident: str
    lead: Alert
    severity: Severity
    told_at: datetime  # when somebody may have been told last
    updated_at: datetime
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
        return cls(incident, lead, severity, time, time)
