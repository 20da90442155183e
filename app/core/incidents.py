"""From readings to incidents: one per application, monitor and episode.

Opens at the first alarm reading, escalates at most once, resolves after N clean windows.  Ids derive
from the data, so a replay names the same incidents and a second delivery is recognised.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from schemas.decisions import Alert, Severity
from schemas.readings import Reading

CLEAN_WINDOWS = 8
CRITICAL_DECADES = 3.0
CRITICAL_UNCOVERED = 0.10
PERCENT = 100.0


@dataclass(slots=True)
class _Open:
    incident: str
    started_at: datetime
    detected_at: datetime
    severity: Severity
    clean: int
    last: Alert


class Incidents:
    """State per (application, monitor); `decide` turns one reading into at most one transition.

    A reading that comes again changes nothing: of each place the newest time is kept, and the ids of
    the readings that bear it (several windows may end with one bucket).
    """

    def __init__(self, *, clean_windows: int = CLEAN_WINDOWS) -> None:
        self._clean_windows = clean_windows
        self._open: dict[str, _Open] = {}
        self._latest: dict[str, tuple[float, list[str]]] = {}

    def decide(self, reading: Reading) -> list[Alert]:
        """The transitions that a reading causes.  One seen before, or older than the last, is ignored."""
        place = f"{reading.application}:{reading.monitor}"
        partial = reading.note is not None and reading.state != "alarm"  # never a clean window
        if partial or not self._is_fresh(place, reading):
            return []
        known = self._open.get(place)
        if reading.state == "alarm":
            return self._alarmed(place, known, reading)
        if known is None or reading.state != "ok":
            return []
        known.clean += 1
        if known.clean < self._clean_windows:
            return []
        del self._open[place]
        return [_resolved(known, reading)]

    def _is_fresh(self, place: str, reading: Reading) -> bool:
        """Whether the reading is new; it is remembered."""
        time = reading.time.timestamp()
        latest, ids = self._latest.get(place, (float("-inf"), []))
        if time < latest or (time == latest and reading.id in ids):
            return False
        self._latest[place] = (time, [*ids, reading.id] if time == latest else [reading.id])
        return True

    def _alarmed(self, place: str, known: _Open | None, reading: Reading) -> list[Alert]:
        severity = severity_of(reading)
        if known is None:
            crossed = (reading.detected_at or reading.time).isoformat()  # not the reading that told of it
            identity = _hash("incident", place, reading.reference or "", crossed)
            alert = _alert(
                reading,
                identity,
                (reading.onset_at or reading.time, reading.detected_at or reading.time),
                severity,
            )
            self._open[place] = _Open(
                identity, alert.started_at, alert.detected_at, severity, clean=0, last=alert
            )
            return [alert]
        known.clean = 0
        if severity == "critical" and known.severity == "warning":
            known.severity = severity
            known.last = _alert(reading, known.incident, (known.started_at, known.detected_at), severity)
            return [known.last]
        return []

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"open": self._open, "latest": self._latest}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._open = {place: msgspec.convert(known, _Open) for place, known in state["open"].items()}
        self._latest = {place: (time, list(ids)) for place, (time, ids) in state["latest"].items()}


def severity_of(reading: Reading) -> Severity:
    """Critical where the score is three decades past its threshold and a tenth of traffic is uncovered."""
    far = (
        reading.monitor == "change"
        and reading.value is not None
        and reading.threshold is not None
        and reading.value >= reading.threshold + CRITICAL_DECADES
    )
    bare = reading.uncovered is not None and reading.uncovered.low >= CRITICAL_UNCOVERED
    return "critical" if far and bare else "warning"


def _alert(reading: Reading, incident: str, times: tuple[datetime, datetime], severity: Severity) -> Alert:
    started_at, detected_at = times
    return Alert(
        alert_id=_hash("alert", incident, "firing", severity),
        incident=incident,
        application=reading.application,
        monitor=reading.monitor,
        kind=reading.monitor,
        state="firing",
        severity=severity,
        started_at=started_at,
        detected_at=detected_at,
        updated_at=reading.time,
        summary=summarise(reading),
        onset_at=reading.onset_at,
        channel=reading.channel,
        value=reading.value,
        threshold=reading.threshold,
        effect=reading.effect,
        uncovered=reading.uncovered,
        clusters=reading.clusters,
        watch=reading.watch,
        descriptors=reading.descriptors,
        deployment=reading.deployment,
        reference=reading.reference,
        offsets=reading.offsets,
        reading_id=reading.id,
    )


def _resolved(known: _Open, reading: Reading) -> Alert:
    return msgspec.structs.replace(
        known.last,
        alert_id=_hash("alert", known.incident, "resolved"),
        state="resolved",
        severity=known.severity,
        updated_at=reading.time,
        ended_at=reading.time,
        value=reading.value,
        effect=reading.effect,
        uncovered=reading.uncovered,
        summary=f"{reading.application}: back to normal after {known.clean} clean windows",
        reading_id=reading.id,
    )


def summarise(reading: Reading) -> str:
    """One sentence for a phone: what moved, by how much, after which release."""
    app = reading.application
    if reading.monitor == "gap":
        share = 0.0 if reading.uncovered is None else reading.uncovered.share * PERCENT
        return f"{app}: {share:.0f} % of live prompts lie outside what the eval set covers"
    moved = [c for c in reading.clusters if c.share_now > c.share_before] or reading.clusters
    parts = [f"{app}: live prompts changed ({reading.channel})"]
    if moved:
        top = moved[0]
        parts.append(
            f"'{top.name}' went from {top.share_before * PERCENT:.1f} % to {top.share_now * PERCENT:.1f} %"
        )
    if reading.descriptors:
        d = reading.descriptors[0]
        parts.append(f"{d.name} from {d.share_before * PERCENT:.0f} % to {d.share_now * PERCENT:.0f} %")
    if reading.deployment:
        parts.append(f"after deployment {reading.deployment}")
    return "; ".join(parts)


def _hash(*parts: str) -> str:
    return hashlib.blake2b("|".join(parts).encode(), digest_size=12).hexdigest()
