"""Readings, alerts and the feed, as short as a story about them needs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec

from app.ports import StatusEvent
from schemas.decisions import Alert
from schemas.readings import Reading, Totals, Uncovered

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def reading(minute: int, *, monitor: str = "change", state: str = "ok", events: int = 0) -> Reading:
    return Reading(
        id=f"{monitor}-{minute}-{events}",
        application="support-bot",
        monitor=monitor,
        state=state,
        time=START + timedelta(minutes=minute),
        value=float(minute),
        threshold=9.0,
        units=100,
        uncovered=Uncovered(share=0.1, low=0.05, high=0.2),
        totals=Totals(events=events),
    )


def alert(number: int, *, incident: str = "i-1", state: str = "firing", severity: str = "critical") -> Alert:
    at = START + timedelta(minutes=number)
    raw = {
        "alert_id": f"a-{number}",
        "incident": incident,
        "application": "support-bot",
        "monitor": "change",
        "kind": "change",
        "state": state,
        "severity": severity,
        "started_at": START.isoformat(),
        "detected_at": START.isoformat(),
        "updated_at": at.isoformat(),
        "summary": "wording changed",
    }
    return msgspec.convert(raw, Alert)


async def until_quiet(feed: AsyncIterator[StatusEvent | None]) -> list[StatusEvent]:
    """All events that are there: until the feed, once open, says that it is quiet."""
    assert await anext(feed) is None
    taken: list[StatusEvent] = []
    while event := await asyncio.wait_for(anext(feed), 10):
        taken.append(event)
    return taken


async def take(feed: AsyncIterator[StatusEvent | None], count: int) -> list[StatusEvent]:
    """The next `count` events, keep-alives left out."""
    taken: list[StatusEvent] = []

    async def read() -> None:
        async for event in feed:
            if event is not None:
                taken.append(event)
            if len(taken) == count:
                return

    await asyncio.wait_for(read(), 10)
    return taken


def order(id: str) -> tuple[int, int]:
    millis, sequence = id.split("-")
    return int(millis), int(sequence)
