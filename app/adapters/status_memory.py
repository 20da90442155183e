"""The live read model in a dictionary: for tests, replay and pages without Redis."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app.adapters import status_document as rules
from app.adapters.status_document import Document, Limits, utc_now
from app.ports import SeriesPoint, StatusEvent
from schemas.decisions import Alert
from schemas.readings import Reading


class InMemoryStatusStore:
    """StatusStore of one process.  Same rules and limits as the Redis store; nothing survives the process.

    One thread writes; others may read meanwhile.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = utc_now,
        poll_seconds: float = 0.1,
        keepalive_seconds: float = 10.0,
    ) -> None:
        self._limits = limits or Limits()
        self._clock = clock
        self._poll, self._keepalive = poll_seconds, keepalive_seconds
        self._documents: dict[str, tuple[datetime, Document]] = {}
        self._applications: dict[str, datetime] = {}
        self._incidents: dict[str, dict[str, Alert]] = defaultdict(dict)
        self._series: dict[tuple[str, str], deque[SeriesPoint]] = {}
        self._alerts: deque[Alert] = deque(maxlen=self._limits.alerts)
        self._seen: dict[str, datetime] = {}
        self._events: deque[tuple[tuple[int, int], StatusEvent]] = deque(maxlen=self._limits.events)
        self._last = (0, 0)
        self._workers: dict[str, tuple[datetime, dict[str, Any]]] = {}

    async def put_reading(self, reading: Reading) -> bool:
        """Store the latest reading of a monitor; False when the same or a newer one is already there."""
        now = self._clock()
        fresh = rules.with_reading(self._current(reading.application, now), reading, now=now)
        if fresh is None:
            return False
        self._store(fresh, now)
        key = (reading.application, reading.monitor)
        points = self._series.setdefault(key, deque(maxlen=self._limits.series))
        if not points or points[-1].time < reading.time.timestamp():  # not read a second time
            points.append(rules.point_of(reading))
        self._publish("status", reading.application, rules.news_of(fresh, reading), now)
        return True

    async def put_alert(self, alert: Alert) -> bool:
        """Store a transition once; False when this alert_id is already there."""
        now = self._clock()
        horizon = now - timedelta(seconds=self._limits.alert_seconds)
        self._seen = {key: at for key, at in self._seen.items() if at > horizon}
        if alert.alert_id in self._seen:
            return False
        self._seen[alert.alert_id] = now
        self._alerts.append(alert)
        kept = rules.latest(self._incidents[alert.application], alert, limit=self._limits.incidents)
        self._incidents[alert.application] = kept
        current = self._current(alert.application, now)
        self._store(rules.with_incidents(current, kept.values(), now=now), now)
        self._publish("alert", alert.application, msgspec.to_builtins(alert), now)
        return True

    async def heartbeat(self, worker: str, facts: dict[str, Any]) -> None:
        """Say that a worker lives, and what it says of itself."""
        now = self._clock()
        self._workers[worker] = (now, {**facts, "worker": worker, "updated_at": now.isoformat()})

    async def applications(self) -> list[str]:
        """Applications written to lately, by name."""
        horizon = self._clock() - timedelta(seconds=self._limits.history_seconds)
        return sorted(name for name, at in list(self._applications.items()) if at > horizon)

    async def status(self, application: str) -> dict[str, Any] | None:
        """The status document; None for an application never heard of."""
        if application not in self._applications:
            return None
        return self._current(application, self._clock())

    async def series(self, application: str, monitor: str, limit: int) -> list[SeriesPoint]:
        """The last `limit` points, oldest first."""
        return list(self._series.get((application, monitor), ()))[-limit:]

    async def alerts(self, application: str | None, state: str | None, limit: int) -> list[Alert]:
        """Transitions, newest first."""
        found = [a for a in reversed(list(self._alerts)) if application in (None, a.application)]
        return [a for a in found if state in (None, a.state)][:limit]

    async def workers(self) -> list[dict[str, Any]]:
        """Workers whose heart beats, by name."""
        horizon = self._clock() - timedelta(seconds=self._limits.worker_seconds)
        return [facts for _, (at, facts) in sorted(list(self._workers.items())) if at > horizon]

    async def events(self, after: str) -> AsyncIterator[StatusEvent | None]:
        """The live feed after an id ("$" = from now); None says that the feed is open, or quiet."""
        cursor = self._last if after == "$" else _number(after)
        yield None
        quiet = 0.0
        while True:
            if self._last > cursor:
                for number, event in [e for e in list(self._events) if e[0] > cursor]:
                    cursor, quiet = number, 0.0
                    yield event
            await asyncio.sleep(self._poll)
            quiet += self._poll
            if quiet >= self._keepalive:
                quiet = 0.0
                yield None

    async def ping(self) -> bool:
        """Always there."""
        return True

    async def close(self) -> None:
        """Nothing to close."""

    def _current(self, application: str, now: datetime) -> Document:
        """The document, or what is still known after it has expired."""
        held = self._documents.get(application)
        if held and now - held[0] < timedelta(seconds=self._limits.status_seconds):
            return held[1]
        document = rules.empty(application)
        document["incidents"] = rules.open_incidents(self._incidents[application].values())
        if application in self._applications:
            document["updated_at"] = self._applications[application].isoformat()
        return document | {"state": rules.state_of(document)}

    def _store(self, document: Document, now: datetime) -> None:
        self._documents[document["application"]] = (now, document)
        self._applications[document["application"]] = now

    def _publish(self, kind: str, application: str, data: dict[str, Any], now: datetime) -> None:
        millis = int(now.timestamp() * 1000)
        self._last = max((millis, 0), (self._last[0], self._last[1] + 1))
        event = StatusEvent(id="{}-{}".format(*self._last), kind=kind, application=application, data=data)
        self._events.append((self._last, event))


def _number(id: str) -> tuple[int, int]:
    """A stream id as a number that orders.

    >>> _number("12-3"), _number("12")
    ((12, 3), (12, 0))
    """
    millis, _, sequence = id.partition("-")
    return int(millis), int(sequence or 0)
