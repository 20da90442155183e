"""What Prometheus scrapes: the status store in numbers, read at each scrape."""

import platform
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from app.errors import DependencyError
from app.ports import PIPELINE, ReferenceSummary, StatusStore

CODES = {"ok": 0, "warning": 1, "alarm": 1, "pending": 1, "critical": 2}  # else -1: unknown
LABELS = ("application", "monitor", "segment")
ACTIVE = ("application", "monitor", "severity")
REFERENCE = ("application", "kind")
COUNTED = ("application", "count")
SEVERITIES = ("warning", "critical")


def version() -> str:
    """Version of this installation; empty in a checkout that was never installed."""
    try:
        return metadata.version("promptdrift")
    except metadata.PackageNotFoundError:
        return ""


class Gauges:
    """Every gauge of one scrape, named once."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.build = self._gauge("build_info", "Always 1.", ("version", "python"))
        self.up = self._gauge("store_up", "1 when the status store answers.", ())
        self.workers = self._gauge("workers", "Processes whose heart beats.", ("role",))
        self.score = self._gauge("drift_score", "Latest drift score (change) or squared shift (gap).")
        self.threshold = self._gauge(
            "drift_threshold", "Score at which it alarms (change), uncovered share tolerated (gap)."
        )
        self.uncovered = self._gauge("uncovered_share", "Share of units the reference does not cover, 0-1.")
        self.scarce = self._gauge("scarce_share", "Share of units that the eval set hardly has, 0-1 (gap).")
        self.units = self._gauge("window_units", "Units in the window of the latest reading.")
        self.promised = self._gauge("alarms_promised", "False alarms allowed since the baseline, at most.")
        self.begun = self._gauge("alarms_begun", "Alarms begun since the baseline, true ones included.")
        self.state = self._gauge("monitor_state", "0 ok, 1 warning, 2 critical, -1 unknown or learning.")
        self.age = self._gauge("status_age_seconds", "Seconds since the latest reading was written.")
        self.active = self._gauge(
            "alerts_active", "Incidents that are open, by the monitor they began with.", ACTIVE
        )
        self.counted = self._gauge(
            "counted_events", "Totals of the latest reading.", ("application", "count")
        )
        self.reference_units = self._gauge(
            "reference_units", "Units of what traffic is measured against.", REFERENCE
        )
        self.reference_age = self._gauge(
            "reference_age_seconds",
            "Since what traffic is measured against was learned or published.",
            REFERENCE,
        )
        self.deployed = self._gauge(
            "last_deployment_timestamp_seconds", "Event time of the latest deployment.", ("application",)
        )
        self.build.labels(version=version(), python=platform.python_version()).set(1)

    def _gauge(self, name: str, help: str, labels: tuple[str, ...] = LABELS) -> Gauge:
        return Gauge(f"promptdrift_{name}", help, labels, registry=self.registry)

    def observe(self, document: dict[str, Any], now: datetime) -> None:
        """Take over one status document."""
        application, incidents = document["application"], document["incidents"]
        for place, reading in document["readings"].items():
            monitor, segment = reading["monitor"], reading.get("segment") or ""
            here = {"application": application, "monitor": monitor, "segment": segment}
            for gauge, value in self._numbers(reading):
                if value is not None:
                    gauge.labels(**here).set(value)
            seen = [i for i in incidents if _sees(i, monitor, segment)]
            self.state.labels(**here).set(state_code(reading, seen))
            written = datetime.fromisoformat(document["written_at"][place])
            self.age.labels(**here).set((now - written).total_seconds())
            for severity in SEVERITIES:
                self.active.labels(application=application, monitor=monitor, severity=severity).inc(0)
        for incident in incidents:
            begun = {"monitor": incident["monitor"], "severity": incident["severity"]}
            self.active.labels(application=application, **begun).inc()
        if totals := (document["readings"].get("change") or {}).get("totals"):
            for name, count in totals.items():
                self.counted.labels(application=application, count=name).set(count)

    def refer(self, summary: ReferenceSummary, now: datetime) -> None:
        """Take over what traffic is measured against."""
        here = {"application": summary.application, "kind": summary.kind}
        self.reference_units.labels(**here).set(summary.units)
        since = summary.learned_until or summary.published_at
        if since is not None:
            self.reference_age.labels(**here).set(now.timestamp() - since)

    def _numbers(self, reading: dict[str, Any]) -> list[tuple[Gauge, float | None]]:
        return [
            (self.score, reading.get("value")),
            (self.threshold, reading.get("threshold")),
            (self.uncovered, (reading.get("uncovered") or {}).get("share")),
            (self.scarce, (reading.get("scarce") or {}).get("share")),
            (self.units, reading.get("units", 0)),
            (self.promised, (reading.get("budget") or {}).get("promised")),
            (self.begun, (reading.get("budget") or {}).get("alarms")),
        ]


def _sees(incident: dict[str, Any], monitor: str, segment: str) -> bool:
    """Whether a monitor of a segment is part of an incident, and not clean again."""
    members = incident.get("members") or [incident]
    return any(
        member["monitor"] == monitor and (member.get("segment") or "") == segment and member["state"] != "ok"
        for member in members
    )


def state_code(reading: dict[str, Any], incidents: list[dict[str, Any]]) -> int:
    """An open incident speaks for its monitor, else its latest reading does.

    >>> state_code({"state": "ok"}, []), state_code({"state": "learning"}, [])
    (0, -1)
    >>> state_code({"state": "alarm"}, [{"severity": "warning"}, {"severity": "critical"}])
    2
    """
    states = [i["severity"] for i in incidents] or [reading["state"]]
    return max(CODES.get(state, -1) for state in states)


async def scrape(store: StatusStore, clock: Callable[[], datetime]) -> bytes:
    """The text Prometheus reads.  A store that is down is a number, not an error."""
    gauges = Gauges()
    try:
        names = await store.applications()
        documents = [await store.status(name) for name in (*names, PIPELINE)]
        workers, references = await store.workers(), await store.references()
        deployments = {name: await store.deployments(name, 1) for name in names}
    except DependencyError:
        gauges.up.set(0)
        return generate_latest(gauges.registry)
    gauges.up.set(1)
    for document in documents:
        if document is not None:
            gauges.observe(document, clock())
    for summary in references:
        gauges.refer(summary, clock())
    for application, latest in deployments.items():
        for deployment in latest:
            gauges.deployed.labels(application).set(deployment.time.timestamp())
    for role in ("worker", "notifier", "evaluator"):
        gauges.workers.labels(role).set(sum(w.get("role", "worker") == role for w in workers))
    return generate_latest(gauges.registry)
