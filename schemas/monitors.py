"""Monitors as code: what a team writes about its applications.  All of it is optional."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$(?!\n)")]  # as in ApplicationName
Share = Annotated[float, Meta(gt=0, lt=1)]
Seconds = Annotated[float, Meta(gt=0)]
Windows = Annotated[int, Meta(ge=1, le=1000)]
Pattern = Annotated[str, Meta(min_length=1, max_length=256)]


class Mute(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """When nobody is told: every week, or within one span, or both at once.

    From `start` to `end` in the local time of `timezone`, over midnight where `end` is not after `start`;
    `days` are those on which it starts.  Only between `since` and `until`, where they are given.
    """

    days: list[Day] = []  # every day
    start: Clock = "00:00"
    end: Clock = "24:00"
    timezone: str = "UTC"
    since: datetime | None = None
    until: datetime | None = None
    reason: str | None = None


class Monitor(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What holds for the applications, monitors and segments that the first three fields match.

    `*` stands for any text in them.  Where several match, the more exact one wins field by field: by
    segment, then application, then monitor, then the later in the file.  Labels and annotations add up.
    """

    application: Pattern = "*"
    monitor: Pattern = "*"  # change, gap, responses, ...
    segment: Pattern = "*"
    enabled: bool | None = None  # false: no incidents; readings go on
    tolerance: Share | None = None  # gap: uncovered share; adaptation: share of the change
    critical: Share | None = None  # uncovered share from which on an incident is critical
    pages_per_30_days: Annotated[float, Meta(gt=0, le=1000)] | None = None
    alarm_windows: Windows | None = None  # in a row, to open
    clean_windows: Windows | None = None  # in a row, to resolve
    remind_seconds: Seconds | None = None  # tell again while it goes on and nobody has acknowledged
    escalate_seconds: Seconds | None = None  # a warning that nobody acknowledged becomes critical
    sinks: list[str] | None = None  # names in notify.sinks; all where none is given
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    runbook: Annotated[str, Meta(pattern=r"^https?://", max_length=2048)] | None = None
    mute: list[Mute] | None = None


class Monitors(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: `monitors: [...]`."""

    monitors: list[Monitor] = []
