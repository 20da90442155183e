"""What we concluded: alerts, what people answered to them, and how telling them went.

Everything here grows by fields with defaults only: an alert of yesterday decodes tomorrow, and a reader of
yesterday skips what it does not know.  `transition`, `kind`, `action` and `outcome` are open sets of words.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.events import ApplicationName
from schemas.readings import (
    ClusterMove,
    DescriptorMove,
    Interval,
    MapPoint,
    OffsetRange,
    SegmentMove,
    Uncovered,
    WatchRate,
)

Severity = Literal["warning", "critical"]
State = Literal["firing", "resolved"]
TRANSITIONS = (
    "opened",
    "joined",
    "escalated",
    "reminded",
    "acknowledged",
    "unacknowledged",
    "unmuted",
    "unknown",
    "resumed",
    "resolved",
)
OUTCOMES = ("sent", "retry", "refused", "dropped", "dry run")


class Attribution(Struct, frozen=True, kw_only=True):
    """Shares of a change: our deployment, the outside, another audience.  None while unknown."""

    adaptation: float | None = None
    outside: float | None = None
    audience: float | None = None


class Member(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One monitor (of one segment) that an incident rests on, with its own latest numbers.

    `state` is alarm, clearing (some clean windows), ok (all of them) or unknown (its data stopped).
    """

    monitor: str
    state: str
    severity: Severity
    detected_at: datetime
    updated_at: datetime
    segment: str | None = None  # None: the whole application
    onset_at: datetime | None = None
    onset_low: datetime | None = None  # as the reading's
    channel: str | None = None
    value: float | None = None
    threshold: float | None = None
    effect: Interval | None = None
    uncovered: Uncovered | None = None
    reading_id: str | None = None


class Alert(Struct, frozen=True, kw_only=True):
    """One transition of one incident.  Topic `alerts.v1`; the latest one on `alerts.state.v1`.

    `incident` names the episode and is the deduplication key; `alert_id` names the transition.
    Both derive from the data, never from a wall clock.  An incident is one per application and episode:
    `members` are the monitors that see it, and the fields from `monitor` on are those of its root, the
    member with the earliest onset, or the prompts where the responses' began no earlier than theirs may have.
    """

    alert_id: str
    incident: str
    application: str
    monitor: str
    kind: str  # the monitor, or `test`
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
    window_start: datetime | None = None  # of that reading: with its time and offsets, exactly what it counts
    window_end: datetime | None = None
    units: int = 0
    transition: str = ""  # one of TRANSITIONS; empty in alerts from before there were any
    segment: str | None = None
    members: list[Member] = []  # at most 100, the root first
    members_total: int = 0
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    muted: bool = False  # nobody is to be told now
    unknown: bool = False  # data stopped: neither going on nor over
    reminders: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    runbook: str | None = None
    sinks: list[str] | None = None  # None: all of them
    onset_low: datetime | None = None  # as the reading's
    onset_high: datetime | None = None
    segments: list[SegmentMove] = []  # where it happens
    elsewhere: float | None = None  # share of the distance due to none of the clusters
    map: list[MapPoint] = []  # as the reading's


class Acknowledgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody's answer to an incident, from outside.  Topic `acknowledgements.v1`.

    `resolve` closes it by hand: its members may alarm on, and make no new incident until they were clean.
    """

    application: ApplicationName
    incident: Annotated[str, Meta(max_length=64)]
    time: datetime
    action: Literal["acknowledge", "unacknowledge", "resolve"] = "acknowledge"
    by: Annotated[str, Meta(max_length=256)] | None = None
    note: Annotated[str, Meta(max_length=1024)] | None = None


class Delivery(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt to tell a sink, and how it went.  Topic `deliveries.v1`.

    `outcome` is sent, retry (will be tried again at `next_at`), refused (will not), dropped (over, or too
    old, before it could be told) or dry run.  `at` is wall clock.  Never holds a secret or prompt text.
    """

    id: str  # of this attempt
    alert_id: str  # the transition told; of a deployment, its id
    incident: str  # of a deployment, its id
    application: str
    sink: str
    kind: str  # pagerduty, slack, webhook, log
    action: str  # trigger, acknowledge, resolve, change
    outcome: str
    at: datetime
    attempt: int = 1
    status: int | None = None  # of HTTP
    reason: str | None = None
    next_at: datetime | None = None
    seconds: float | None = None


def headers_of(alert: Alert) -> dict[str, bytes]:
    """What a subscriber filters by without opening the value."""
    told = {
        "alert_id": alert.alert_id,
        "incident": alert.incident,
        "application": alert.application,
        "monitor": alert.monitor,
        "segment": alert.segment or "",
        "kind": alert.kind,
        "severity": alert.severity,
        "state": alert.state,
        "transition": alert.transition,
        "muted": str(alert.muted).lower(),
    }
    return {name: value.encode() for name, value in told.items()}
