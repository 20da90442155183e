"""Composing alerts: the words and numbers of an incident's root and members."""

import hashlib
from datetime import datetime

from app.core.aspects import MONITORS, PROMPTS, RESPONSES, changed
from app.core.health import MONITOR, PIPELINE
from app.core.rules import Rule
from schemas.decisions import Alert, Attribution, Member, Severity
from schemas.readings import Adaptation, Reading

PERCENT = 100.0
DRIFT = frozenset(MONITORS.values())


def place_of(reading: Reading) -> str:
    """A monitor, and the segment or deployment that it looks at, within its application."""
    part = reading.deployment if reading.monitor == "adaptation" else reading.segment
    return reading.monitor if part is None else f"{reading.monitor}[{part}]"


def place_in(alert: Alert, member: Member) -> str:
    """The place of a member, as far as its alert tells."""
    part = alert.deployment if member.monitor == "adaptation" else member.segment
    return member.monitor if part is None else f"{member.monitor}[{part}]"


def by_onset(member: Member) -> tuple[datetime, datetime, str, str]:
    """The earliest first; ties are broken by name, so that the root is the same everywhere."""
    began = member.onset_at or member.detected_at
    return began, member.detected_at, member.monitor, member.segment or ""


def in_order(members: dict[str, Member]) -> list[Member]:
    """The root first, then by onset.

    The root is the member with the earliest onset, but responses follow from prompts: theirs is not the root
    where the prompts' change may have begun by then, as far as the interval of its onset tells.
    """
    ordered = sorted(members.values(), key=by_onset)
    first = ordered[0]
    if first.monitor == MONITORS[RESPONSES]:
        asked = next(
            (m for m in ordered if m.monitor == MONITORS[PROMPTS] and m.segment == first.segment), None
        )
        if asked is not None and may_have_begun_by(asked, by_onset(first)[0]):
            ordered = [asked, *(m for m in ordered if m is not asked)]
    return ordered


def may_have_begun_by(member: Member, time: datetime) -> bool:
    """Whether a change may have begun by then: without an onset nobody knows, else its interval tells."""
    return member.onset_at is None or member.onset_low is None or member.onset_low <= time


def member_of(reading: Reading, severity: Severity, detected_at: datetime) -> Member:
    """What an incident keeps of a reading; the state is that of an alarm."""
    return Member(
        monitor=reading.monitor,
        segment=reading.segment,
        state="alarm",
        severity=severity,
        detected_at=detected_at,
        updated_at=reading.time,
        onset_at=reading.onset_at,
        onset_low=reading.onset_low,
        channel=reading.channel,
        value=reading.value,
        threshold=reading.threshold,
        effect=reading.effect,
        uncovered=reading.uncovered,
        reading_id=reading.id,
    )


def alert_of(reading: Reading, incident: str, detected_at: datetime, rule: Rule) -> Alert:
    """What the root says; the transition is still to be named."""
    return Alert(
        alert_id="",
        incident=incident,
        application=reading.application,
        monitor=reading.monitor,
        segment=reading.segment,
        kind=reading.monitor,
        state="firing",
        severity="warning",
        started_at=reading.onset_at or detected_at,
        detected_at=detected_at,
        updated_at=reading.time,
        summary=summarise(reading),
        onset_at=reading.onset_at,
        onset_low=reading.onset_low,
        onset_high=reading.onset_high,
        channel=reading.channel,
        value=reading.value,
        threshold=reading.threshold,
        effect=reading.effect,
        uncovered=reading.uncovered,
        clusters=reading.clusters,
        elsewhere=reading.elsewhere,
        map=reading.map,
        watch=reading.watch,
        descriptors=reading.descriptors,
        segments=reading.segments,
        deployment=reading.deployment,
        attribution=attribution_of(reading.adaptation),
        reference=reading.reference,
        offsets=reading.offsets,
        reading_id=reading.id,
        window_start=reading.window_start,
        window_end=reading.time,
        units=reading.units,
        labels=rule.labels,
        annotations=rule.annotations,
        runbook=rule.runbook,
        sinks=rule.sinks,
    )


def attribution_of(seen: Adaptation | None) -> Attribution | None:
    """The three shares, where a look at the deployment could tell them."""
    if seen is None or seen.adaptation is None or seen.outside is None or seen.audience is None:
        return None
    return Attribution(
        adaptation=seen.adaptation.value, outside=seen.outside.value, audience=seen.audience.value
    )


def identity(*parts: str) -> str:
    """An id of 24 hex digits that is named by what it is made of."""
    return hashlib.blake2b("|".join(parts).encode(), digest_size=12).hexdigest()


def _sentence(reading: Reading) -> str | None:
    """Where the monitor has said it in words."""
    if reading.monitor == "adaptation" and reading.adaptation is not None:
        return f"after deployment {reading.deployment} {reading.adaptation.verdict}"
    if reading.outcomes is not None and reading.outcomes.verdict is not None:
        return f"{reading.outcomes.metric}: {reading.outcomes.verdict}"
    if reading.quality is not None and reading.quality.verdict is not None:
        return f"{reading.quality.metric}: {reading.quality.verdict}"
    if reading.validity is not None and reading.validity.verdict is not None:
        return f"{reading.validity.metric}: {reading.validity.verdict}"
    if reading.watched is not None and reading.watched.verdict is not None:
        judge = reading.watched.metric is None
        return f"judge {reading.watched.name} {reading.watched.verdict}" if judge else reading.watched.verdict
    return None


def summarise(reading: Reading) -> str:
    """What moved, by how much, after which release."""
    app = reading.application if reading.segment is None else f"{reading.application} [{reading.segment}]"
    if reading.monitor == "gap":
        share = 0.0 if reading.uncovered is None else reading.uncovered.share * PERCENT
        said = [f"{app}: {share:.0f} % of live prompts lie outside what the eval set covers"]
        said += [
            f"{d.name}: {d.share_now * PERCENT:.0f} % of traffic, "
            f"{d.share_before * PERCENT:.0f} % of the eval set"
            for d in reading.descriptors[:1]
        ]
        return "; ".join(said)
    sentence = _sentence(reading)
    if sentence is not None:
        return f"{app}: {sentence}"
    if reading.monitor == MONITOR:
        whose = "the pipeline" if reading.application == PIPELINE else reading.application
        return f"{whose}: {reading.note}"
    what = changed(reading) if reading.monitor in DRIFT else f"{reading.monitor} changed"
    parts = [f"{app}: {what}" + (f" ({reading.channel})" if reading.channel else "")]
    moved = [c for c in reading.clusters if c.share_now > c.share_before] or reading.clusters
    if moved:
        top = moved[0]
        where = next((f", most in {s.name}" for s in reading.segments if s.cluster == top.name), "")
        parts.append(
            f"'{top.name}' went from {top.share_before * PERCENT:.1f} % "
            f"to {top.share_now * PERCENT:.1f} %{where}"
        )
    if reading.descriptors:
        d = reading.descriptors[0]
        parts.append(f"{d.name} from {d.share_before * PERCENT:.0f} % to {d.share_now * PERCENT:.0f} %")
    if reading.deployment:
        parts.append(f"after deployment {reading.deployment}")
    if reading.note and reading.state == "alarm" and reading.monitor not in DRIFT:
        parts.append(reading.note)
    return "; ".join(parts)
