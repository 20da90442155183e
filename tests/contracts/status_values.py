"""Readings, alerts and the feed, as short as a story about them needs."""

from datetime import UTC, datetime, timedelta

import msgspec

from app.ports import ClusterShare, ReferenceSummary
from schemas.decisions import Alert, Delivery
from schemas.evalsets import Entry, EvalSetVersions, Told
from schemas.events import Deployment
from schemas.readings import Adaptation, Reading, Uncovered
from schemas.ticks import Totals

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def reading(
    minute: int,
    *,
    monitor: str = "change",
    state: str = "ok",
    events: int = 0,
    segment: str | None = None,
) -> Reading:
    return Reading(
        id=f"{monitor}-{minute}-{events}",
        segment=segment,
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


def look(minute: int, deployment: str) -> Reading:
    """A look at a deployment; the later its name, the later it was."""
    at = START + timedelta(hours=int(deployment[1:]))
    seen = Adaptation(deployment=deployment, deployed_at=at, look=1, verdict="")
    return msgspec.structs.replace(reading(minute, monitor="adaptation"), adaptation=seen, window_start=at)


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


def deployment(number: int, *, status: str = "succeeded") -> Deployment:
    raw = {
        "application": "support-bot",
        "time": (START + timedelta(minutes=number)).isoformat(),
        "deployment_id": f"d-{number}",
        "version": f"v{number}",
        "status": status,
    }
    return msgspec.convert(raw, Deployment)


def delivery(number: int, *, outcome: str = "sent") -> Delivery:
    return Delivery(
        id=f"x-{number}",
        alert_id="a-1",
        incident="i-1",
        application="support-bot",
        sink="on-call",
        kind="pagerduty",
        action="trigger",
        outcome=outcome,
        at=START + timedelta(minutes=number),
        status=202,
    )


def summary(id: str, *, application: str = "support-bot", kind: str = "baseline") -> ReferenceSummary:
    return ReferenceSummary(
        application=application,
        kind=kind,
        id=id,
        fingerprint="f",
        units=1200,
        learned_from=1.0,
        learned_until=2.0,
        clusters=[ClusterShare(name="refund", share=0.2, examples=["where is my money"])],
    )


def versions(number: int, *, application: str = "support-bot") -> EvalSetVersions:
    entry = Entry(number=number, time=START, action="built", version="evalset-1")
    told = Told(id="evalset-1", state="draft", items=3, time=START)
    return EvalSetVersions(
        application=application, number=number, store="evalsets", versions=[told], entries=[entry]
    )


def order(id: str) -> tuple[int, int]:
    millis, sequence = id.split("-")
    return int(millis), int(sequence)
