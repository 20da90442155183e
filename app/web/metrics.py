"""What Prometheus scrapes: the status store in numbers, read at each scrape."""

import platform
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from app.errors import DependencyError
from app.ports import StatusStore

CODES = {"ok": 0, "warning": 1, "alarm": 1, "pending": 1, "critical": 2}  # else -1: unknown
LABELS = ("application", "monitor")


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
        self.workers = self._gauge("workers", "Workers whose heart beats.", ())
        self.score = self._gauge("drift_score", "Latest drift score (change) or squared shift (gap).")
        self.threshold = self._gauge(
            "drift_threshold", "Score at which it alarms (change), uncovered share tolerated (gap)."
        )
        self.uncovered = self._gauge("uncovered_share", "Share of units the reference does not cover, 0-1.")
        self.units = self._gauge("window_units", "Units in the window of the latest reading.")
        self.promised = self._gauge("alarms_promised", "False alarms allowed since the baseline, at most.")
        self.begun = self._gauge("alarms_begun", "Alarms begun since the baseline, true ones included.")
        self.state = self._gauge("monitor_state", "0 ok, 1 warning, 2 critical, -1 unknown or learning.")
        self.age = self._gauge("status_age_seconds", "Seconds since the latest reading was written.")
        self.active = self._gauge("alerts_active", "Incidents that are open.", (*LABELS, "severity"))
        self.build.labels(version=version(), python=platform.python_version()).set(1)

    def _gauge(self, name: str, help: str, labels: tuple[str, ...] = LABELS) -> Gauge:
        return Gauge(f"promptdrift_{name}", help, labels, registry=self.registry)

    def observe(self, document: dict[str, Any], now: datetime) -> None:
        """Take over one status document."""
        application = document["application"]
        for monitor, reading in document["readings"].items():
            here = {"application": application, "monitor": monitor}
            incidents = [i for i in document["incidents"] if i["monitor"] == monitor]
            for gauge, value in self._numbers(reading):
                if value is not None:
                    gauge.labels(**here).set(value)
            self.state.labels(**here).set(state_code(reading, incidents))
            for severity in ("warning", "critical"):
                count = sum(i["severity"] == severity for i in incidents)
                self.active.labels(**here, severity=severity).set(count)
            written = datetime.fromisoformat(document["written_at"][monitor])
            self.age.labels(**here).set((now - written).total_seconds())

    def _numbers(self, reading: dict[str, Any]) -> list[tuple[Gauge, float | None]]:
        return [
            (self.score, reading.get("value")),
            (self.threshold, reading.get("threshold")),
            (self.uncovered, (reading.get("uncovered") or {}).get("share")),
            (self.units, reading.get("units", 0)),
            (self.promised, (reading.get("budget") or {}).get("promised")),
            (self.begun, (reading.get("budget") or {}).get("alarms")),
        ]


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
        documents = [await store.status(name) for name in await store.applications()]
        gauges.workers.set(len(await store.workers()))
    except DependencyError:
        gauges.up.set(0)
    else:
        gauges.up.set(1)
        for document in documents:
            if document is not None:
                gauges.observe(document, clock())
    return generate_latest(gauges.registry)
