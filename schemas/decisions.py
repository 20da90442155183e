"""What we concluded: alerts."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.readings import ClusterMove, DescriptorMove, Interval, OffsetRange, Uncovered, WatchRate

Severity = Literal["warning", "critical"]
State = Literal["firing", "resolved"]


class Attribution(Struct, frozen=True, kw_only=True):
    """Shares of a change: our deployment, the outside, another audience.  None while unknown."""

    adaptation: float | None = None
    outside: float | None = None
    audience: float | None = None


class Alert(Struct, frozen=True, kw_only=True):
    """One transition of one incident.  Topic `alerts.v1`; the latest one on `alerts.state.v1`.

    `incident` names the episode and is the deduplication key; `alert_id` names the transition.
    Both derive from the data, never from a wall clock.
    """

    alert_id: str
    incident: str
    application: str
    monitor: str
    kind: str  # change | gap
    state: State
    severity: Severity
    started_at: datetime
    detected_at: datetime
    updated_at: datetime
    summary: str
    onset_at: datetime | None = None
    ended_at: datetime | None = None
    channel: str | None = None
    value: float | None = None
    threshold: float | None = None
    effect: Interval | None = None
    uncovered: Uncovered | None = None
    clusters: list[ClusterMove] = []
    watch: list[WatchRate] = []
    descriptors: list[DescriptorMove] = []
    deployment: str | None = None
    attribution: Attribution | None = None
    reference: str | None = None
    offsets: list[OffsetRange] = []
    reading_id: str | None = None
