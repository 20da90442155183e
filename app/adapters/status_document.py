"""The status document of an application: what a reading or an alert makes of it.  Shared by all stores."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from app.core.health import MONITOR
from app.core.releases import told_before
from app.ports import PIPELINE, SeriesPoint
from schemas.decisions import Alert, Delivery
from schemas.evalsets import EvalSetVersions
from schemas.events import Deployment
from schemas.readings import Reading

BLINDING = ("stage ingest", "stage measure", "stage detect")  # while they stand, nobody judges traffic
NO_WORKER = "No worker has reported for half a minute: nothing is measured."
Document = dict[str, Any]
Fact = Deployment | Delivery
F = TypeVar("F", Deployment, Delivery)
DAY_SECONDS = 86_400
FOLLOWUP = "adaptation"  # the monitor that looks at deployments


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how much a store remembers; caps of streams are approximate."""

    status_seconds: int = 900
    worker_seconds: int = 30
    alert_seconds: int = 7 * DAY_SECONDS  # how long a second delivery is recognised
    history_seconds: int = 30 * DAY_SECONDS  # applications and incidents nobody wrote to since
    series: int = 2_000
    alerts: int = 10_000
    events: int = 10_000
    facts: int = 200  # deployments, and deliveries, per application; the oldest go first
    fact_seconds: int = 180 * DAY_SECONDS  # as long as the topic keeps deployments
    incidents: int = 100  # per application; the oldest resolved ones go first


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def empty(application: str) -> Document:
    """The document of an application of which nothing is known."""
    return {
        "application": application,
        "revision": 0,
        "updated_at": None,
        "state": "unknown",
        "readings": {},
        "written_at": {},
        "incidents": [],
    }


def with_reading(document: Document, reading: Reading, *, now: datetime) -> Document | None:
    """The document after a reading; None when the one it holds is the same or newer.

    Newer means later event time, then more events: a worker that lost its partition and still writes
    cannot overwrite its successor.
    """
    place = place_of(reading)
    held = document["readings"].get(place)
    if held is not None:
        old = msgspec.convert(held, Reading)
        if old.id == reading.id or _age(old) > _age(reading):
            return None
    readings = {**document["readings"], place: msgspec.to_builtins(reading)}
    written = {**document["written_at"], place: now.isoformat()}
    return _revised({**document, "readings": readings, "written_at": written}, now)


def place_of(reading: Reading) -> str:
    """A monitor, and the segment it looks at, within its application."""
    return reading.monitor if reading.segment is None else f"{reading.monitor}[{reading.segment}]"


def followed(reading: Reading) -> str | None:
    """The deployment that a reading is a look at; None where it is about something else."""
    return (
        None if reading.monitor != FOLLOWUP or reading.adaptation is None else reading.adaptation.deployment
    )


def with_look(held: Mapping[str, Reading], reading: Reading, *, limit: int) -> dict[str, Reading]:
    """The latest look at each deployment after one more; at most `limit`, the longest unseen go first."""
    name = followed(reading)
    if name is None or (name in held and _age(held[name]) >= _age(reading)):
        return dict(held)
    kept = {**held, name: reading}
    for old in sorted(kept, key=lambda each: kept[each].time)[: max(0, len(kept) - limit)]:
        del kept[old]
    return kept


def in_order(looks: Iterable[Reading]) -> list[Reading]:
    """The latest deployment first."""
    return sorted(looks, key=lambda look: (look.window_start or look.time, look.id), reverse=True)


def with_incidents(document: Document, alerts: Iterable[Alert], *, now: datetime) -> Document:
    """The document after a transition, given the latest alert of every incident."""
    return _revised({**document, "incidents": open_incidents(alerts)}, now)


def open_incidents(alerts: Iterable[Alert]) -> list[dict[str, Any]]:
    """Incidents still firing, critical ones first, then the latest."""
    firing = [alert for alert in alerts if alert.state == "firing"]
    firing.sort(key=lambda a: (a.severity == "critical", a.started_at), reverse=True)
    return [msgspec.to_builtins(alert) for alert in firing]


def latest(held: Mapping[str, Alert], alert: Alert, *, limit: int) -> dict[str, Alert]:
    """Latest alert per incident after a transition: at most `limit`, or as many as still fire."""
    known = held.get(alert.incident)
    kept = dict(held)
    if known is None or alert.updated_at >= known.updated_at:
        kept[alert.incident] = alert
    resolved = sorted((a for a in kept.values() if a.state == "resolved"), key=lambda a: a.updated_at)
    for old in resolved[: max(0, len(kept) - limit)]:
        del kept[old.incident]
    return kept


def kind_of(fact: Fact) -> str:
    """What a fact is called in the feed."""
    return "deployment" if isinstance(fact, Deployment) else "delivery"


def identity_of(fact: Fact) -> str:
    """What tells one entry of a deployment's history, or one attempt, from the others."""
    if isinstance(fact, Delivery):
        return fact.id
    return f"{fact.deployment_id}|{fact.variant or ''}|{fact.status}"


def name_in(held: Mapping[str, Fact], fact: Fact) -> str | None:
    """Under which name a fact joins those held of its kind and application; None where it is there."""
    name = identity_of(fact)
    if isinstance(fact, Delivery):
        return None if name in held else name
    if told_before(fact, (each for each in held.values() if isinstance(each, Deployment))):
        return None
    return f"{name}|{fact.time.isoformat()}" if name in held else name


def time_of(fact: Fact) -> datetime:
    """When it happened."""
    return fact.time if isinstance(fact, Deployment) else fact.at


def surplus(held: Mapping[str, Fact], *, limit: int) -> list[str]:
    """Which of the facts held go when one more comes, so that at most `limit` stay."""
    by_age = sorted(held, key=lambda name: time_of(held[name]))
    return by_age[: max(0, len(held) + 1 - limit)]


def newest(facts: Iterable[F], limit: int) -> list[F]:
    """By their time, newest first."""
    return sorted(facts, key=lambda fact: (time_of(fact), identity_of(fact)), reverse=True)[:limit]


def state_of(document: Document) -> str:
    """ok, warning, critical, learning or unknown.

    An open incident decides; a score past its threshold without one is a warning; else the change
    monitor speaks, and the gap only where nothing watches for change.
    """
    incidents = document["incidents"]
    readings = document["readings"]
    if incidents:
        return "critical" if any(i["severity"] == "critical" for i in incidents) else "warning"
    if any(reading["state"] in ("alarm", "pending") for reading in readings.values()):
        return "warning"
    if document["application"] == PIPELINE:
        return "ok" if readings else "unknown"
    spoken = readings.get("change") or readings.get("gap")
    return str(spoken["state"]) if spoken else "unknown"


def judged(document: Document, pipeline: Document | None, workers: Sequence[Mapping[str, Any]]) -> Document:
    """The document with `why` nothing can be said of the application; its state is unknown then.

    An open incident keeps its state: it was true, and nobody has said that it is over.
    """
    why = blindness(pipeline, workers) or _silence(document)
    if why is None or document["incidents"] or document["application"] == PIPELINE:
        return {**document, "why": None}
    return {**document, "state": "unknown", "why": why}


def blindness(pipeline: Document | None, workers: Sequence[Mapping[str, Any]]) -> str | None:
    """Why nobody judges traffic now; None where somebody does."""
    if all(worker.get("role") in ("notifier", "evaluator") for worker in workers):
        return NO_WORKER
    for _, reading in sorted((pipeline or {}).get("readings", {}).items()):
        stands = reading["state"] == "alarm" and reading.get("severity") == "critical"
        if stands and (reading.get("segment") or "").startswith(BLINDING):
            return f"The pipeline stands: {reading.get('note')}."
    return None


def _silence(document: Document) -> str | None:
    """What was said of silence, unless something was measured after it."""
    said, written = document["readings"].get(MONITOR), document["written_at"]
    if said is None or said["state"] != "unknown" or max(written, key=written.__getitem__) != MONITOR:
        return None
    return str(said.get("note"))


def point_of(reading: Reading) -> SeriesPoint:
    """The small point that a reading leaves in its series."""
    return SeriesPoint(
        time=reading.time.timestamp(),
        state=reading.state,
        value=reading.value,
        threshold=reading.threshold,
        uncovered=reading.uncovered.share if reading.uncovered else None,
        units=reading.units,
    )


def news_of(document: Document, reading: Reading) -> dict[str, Any]:
    """What the live feed says of a reading: enough to draw one more point, and to know what to fetch."""
    return {
        "application": reading.application,
        "monitor": place_of(reading),
        "revision": document["revision"],
        "updated_at": document["updated_at"],
        "state": document["state"],
        "point": msgspec.to_builtins(point_of(reading)),
    }


def news_of_evalset(versions: EvalSetVersions) -> dict[str, Any]:
    """What the live feed says of the versions of an eval set: enough to know what to fetch."""
    return {"application": versions.application, "number": versions.number, "current": versions.current}


def _age(reading: Reading) -> tuple[datetime, int]:
    return (reading.time, reading.totals.events)


def _revised(document: Document, now: datetime) -> Document:
    """Revisions follow the clock, so that a store that lost everything does not hand out old ones again."""
    revision = max(document["revision"] + 1, int(now.timestamp() * 1000))
    fresh = {**document, "revision": revision, "updated_at": now.isoformat()}
    return {**fresh, "state": state_of(fresh)}
