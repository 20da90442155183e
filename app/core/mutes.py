"""When nobody is to be told: weekly stretches in local time, and spans."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.monitors import Mute

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def muted(mutes: Iterable[Mute], time: datetime) -> bool:
    """Whether any of them covers this instant, an aware time.  Daylight saving moves them with the clock.

    >>> from datetime import UTC
    >>> night = Mute(days=["fri"], start="22:00", end="06:00", timezone="Europe/Zurich")
    >>> [muted([night], datetime(2026, 3, 7, hour, tzinfo=UTC)) for hour in (4, 5)]
    [True, False]
    """
    return any(_covers(mute, time) for mute in mutes)


def _covers(mute: Mute, time: datetime) -> bool:
    if (mute.since is not None and time < mute.since) or (mute.until is not None and time >= mute.until):
        return False
    local = time.astimezone(ZoneInfo(mute.timezone))
    start, end = _minutes(mute.start), _minutes(mute.end)
    now = local.hour * 60 + local.minute
    days = mute.days or WEEK
    if start < end:
        return WEEK[local.weekday()] in days and start <= now < end
    yesterday = WEEK[(local - timedelta(days=1)).weekday()]
    return (WEEK[local.weekday()] in days and now >= start) or (yesterday in days and now < end)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
