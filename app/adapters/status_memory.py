"""The live read model in a dictionary: for tests, replay and pages without Redis."""

import uuid
from bisect import insort
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from app.adapters import status_document as rules
from app.adapters.status_document import Document, Limits, utc_now
from app.ports import PIPELINE, ReferenceSummary, SeriesPoint, StatusEvent
from schemas.decisions import Alert, Delivery
from schemas.evalsets import EvalSetVersions
from schemas.events import Deployment
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
    ) -> None:
        self._limits = limits or Limits()
        self._clock = clock
        self._documents: dict[str, tuple[datetime, Document]] = {}
        self._applications: dict[str, datetime] = {}
        self._incidents: dict[str, dict[str, Alert]] = defaultdict(dict)
        self._points: dict[tuple[str, str], list[SeriesPoint]] = {}
        self._alerts: deque[Alert] = deque(maxlen=self._limits.alerts)
        self._seen: dict[str, datetime] = {}
        self._events: deque[tuple[tuple[int, int], StatusEvent]] = deque(maxlen=self._limits.events)
        self._last = (0, 0)
        self._workers: dict[str, tuple[datetime, dict[str, Any]]] = {}
        self._facts: dict[tuple[str, str], dict[str, rules.Fact]] = defaultdict(dict)
        self._looks: dict[str, dict[str, Reading]] = defaultdict(dict)
        self._references: dict[tuple[str, str], ReferenceSummary] = {}
        self._evalsets: dict[str, EvalSetVersions] = {}
        self._generation = uuid.uuid4().hex

    async def put_reading(self, reading: Reading) -> bool:
        """Store the latest reading of a monitor; False when the same or a newer one is already there.

        Its point finds its place in the series either way.
        """
        now = self._clock()
        fresh = rules.with_reading(self._current(reading.application, now), reading, now=now)
        points = self._points.setdefault((reading.application, rules.place_of(reading)), [])
        time = reading.time.timestamp()
        if not any(point.time == time for point in reversed(points)):
            insort(points, rules.point_of(reading), key=attrgetter("time"))
            del points[: -self._limits.series]
        looks = self._looks[reading.application]
        self._looks[reading.application] = rules.with_look(looks, reading, limit=self._limits.facts)
        if fresh is None:
            return False
        self._store(fresh, now)
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

    async def put_fact(self, fact: Deployment | Delivery) -> bool:
        """Store what happened to a deployment, or to a delivery, once; False when it is already there."""
        kind = rules.kind_of(fact)
        held = self._facts[kind, fact.application]
        name = rules.name_in(held, fact)
        if name is None:
            return False
        for old in rules.surplus(held, limit=self._limits.facts):
            del held[old]
        held[name] = fact
        self._publish(kind, fact.application, msgspec.to_builtins(fact), self._clock())
        return True

    async def put_reference(self, summary: ReferenceSummary) -> None:
        """Remember what an application is measured against; one of each kind."""
        self._references[summary.kind, summary.application] = summary

    async def put_evalset(self, versions: EvalSetVersions) -> bool:
        """Remember the versions of an application's eval set; False when the same or newer are there."""
        held = self._evalsets.get(versions.application)
        if held is not None and held.number >= versions.number:
            return False
        self._evalsets[versions.application] = versions
        self._publish("evalset", versions.application, rules.news_of_evalset(versions), self._clock())
        return True

    async def evalsets(self) -> list[EvalSetVersions]:
        """Versions of all eval sets, by application."""
        return [self._evalsets[name] for name in sorted(self._evalsets)]

    async def heartbeat(self, worker: str, facts: dict[str, Any]) -> None:
        """Say that a worker lives, and what it says of itself."""
        now = self._clock()
        self._workers[worker] = (now, {**facts, "worker": worker, "updated_at": now.isoformat()})

    async def generation(self) -> str:
        """A name that the store keeps as long as it lives."""
        return self._generation

    async def applications(self) -> list[str]:
        """Applications written to lately, by name."""
        horizon = self._clock() - timedelta(seconds=self._limits.history_seconds)
        known = [name for name, at in list(self._applications.items()) if at > horizon]
        return sorted(name for name in known if name != PIPELINE)

    async def status(self, application: str) -> dict[str, Any] | None:
        """The status document; None for an application never heard of."""
        if application not in self._applications:
            return None
        return self._current(application, self._clock())

    async def series(
        self,
        application: str,
        monitor: str,
        limit: int,
        *,
        start: float = float("-inf"),
        end: float = float("inf"),
    ) -> list[SeriesPoint]:
        """The last `limit` points of a range of event time (epoch seconds, inclusive), oldest first."""
        kept = list(self._points.get((application, monitor), ()))
        return [point for point in kept if start <= point.time <= end][-limit:]

    async def alerts(self, application: str | None, state: str | None, limit: int) -> list[Alert]:
        """Transitions, newest first."""
        found = [a for a in reversed(list(self._alerts)) if application in (None, a.application)]
        return [a for a in found if state in (None, a.state)][:limit]

    async def deployments(self, application: str, limit: int) -> list[Deployment]:
        """Deployments of an application by their time, newest first."""
        held = list(self._facts["deployment", application].values())
        return rules.newest([fact for fact in held if isinstance(fact, Deployment)], limit)

    async def released(self) -> list[str]:
        """Applications that deployments were told of, by name."""
        return sorted(name for (kind, name), held in self._facts.items() if kind == "deployment" and held)

    async def looks(self, application: str) -> list[Reading]:
        """The latest look at each deployment, the latest deployment first."""
        return rules.in_order(self._looks[application].values())

    async def deliveries(self, application: str, limit: int) -> list[Delivery]:
        """Attempts to tell somebody of an application's incidents, newest first."""
        held = list(self._facts["delivery", application].values())
        return rules.newest([fact for fact in held if isinstance(fact, Delivery)], limit)

    async def references(self) -> list[ReferenceSummary]:
        """Everything that is measured against, by application and kind."""
        return [summary for _, summary in sorted(self._references.items())]

    async def workers(self) -> list[dict[str, Any]]:
        """Workers whose heart beats, by name."""
        horizon = self._clock() - timedelta(seconds=self._limits.worker_seconds)
        return [facts for _, (at, facts) in sorted(list(self._workers.items())) if at > horizon]

    async def events(self, after: str, limit: int) -> list[StatusEvent]:
        """Entries of the live feed after an id, oldest first."""
        cursor = _number(after)
        return [event for number, event in list(self._events) if number > cursor][:limit]

    async def holds_event(self, id: str) -> bool:
        """Whether an entry is still kept: if not, some that came after it may be gone too."""
        return any(event.id == id for _, event in list(self._events))

    async def last_event(self) -> str:
        """Id of the newest entry of the live feed; "0-0" when there is none."""
        return "{}-{}".format(*self._last)

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
