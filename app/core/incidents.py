"""From readings to incidents: one per application and episode, whatever number of monitors sees it.

An incident opens at the first confirmed alarm, takes in every other monitor and segment that alarms while
it is open, escalates, reminds, falls silent with its data, and resolves when each of them has been clean
for a number of windows.  Its root is the member that began it (`alerts.in_order`).  Ids and times derive
from the data, so a replay names the same incidents and a second delivery is recognised.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from app.core.alerts import alert_of, identity, in_order, member_of, place_in, place_of
from app.core.mutes import muted
from app.core.open_incident import OpenIncident
from app.core.rules import Rule, Rules
from app.core.severity import severity_of
from app.core.tracks import SELDOM_SECONDS, SILENCE, Track, Tracks
from schemas.decisions import Acknowledgement, Alert, Severity
from schemas.readings import PARTIAL, Reading

LISTED = 100  # members in one alert; it must fit into a record
FLAGS = ("severity", "acknowledged_at", "acknowledged_by", "unknown", "reminders")


class Incidents:
    """State per application; `decide` turns one reading into transitions, mostly none.

    A reading that comes again changes nothing: of each place the newest time is kept, and the ids of the
    readings that bear it.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._open: dict[str, OpenIncident] = {}
        self._tracks = Tracks()

    @property
    def open(self) -> list[Alert]:
        """What each open incident said last of its root, by application."""
        return [known.lead for _, known in sorted(self._open.items())]

    def decide(self, reading: Reading) -> list[Alert]:
        """The transitions that a reading causes.  One seen before, or older than the last, is ignored."""
        rule = self._rules.of(reading.application, reading.monitor, reading.segment)
        if not rule.enabled:
            return self._switched_off(reading)
        if reading.note == PARTIAL and not _tells(reading, rule):
            return []
        track = self._tracks.fresh(reading, spared=self._open)
        return [] if track is None else self._judged(reading, rule, track)

    def _judged(self, reading: Reading, rule: Rule, track: Track) -> list[Alert]:
        known = self._open.get(reading.application)
        alerts: list[Alert] = []
        if reading.state == "alarm":
            crossed = track.alarm(reading)
            if track.alarms >= rule.alarm_windows or _is_member(known, reading):
                alerts = self._alarmed(known, reading, rule, crossed)
        elif reading.state == "ok":
            track.alarms, track.crossed, track.clean = 0, None, track.clean + 1
            alerts = self._cleared(known, reading, rule, track.clean)
        elif reading.state == "unknown" and known is not None:
            track.alarms, track.clean = 0, 0
            alerts = self._silent(known, reading)
        return alerts + self._passing(reading)

    def answer(self, answer: Acknowledgement) -> list[Alert]:
        """What somebody said to an incident; nothing where it is not open, or was said before."""
        known = self._open.get(answer.application)
        if known is None or known.closed or known.incident != answer.incident:
            return []
        by = answer.by or "somebody"
        if answer.action == "resolve":
            known.closed = True
            known.acknowledged_at, known.acknowledged_by = answer.time, by
            return [self._resolved(known, f"closed by {by}")]
        wanted = answer.action == "acknowledge"
        if wanted == (known.acknowledged_at is not None):
            return []
        known.acknowledged_at, known.acknowledged_by = (answer.time, by) if wanted else (None, None)
        return [self._say(known, answer.action + "d", answer.time.isoformat())]

    def _alarmed(
        self, known: OpenIncident | None, reading: Reading, rule: Rule, crossed: datetime
    ) -> list[Alert]:
        place, severity = place_of(reading), severity_of(reading, rule.critical)
        before = None if known is None else known.members.get(place)
        joins = before is None or before.state == "ok"
        if known is None or (known.closed and joins):
            return [self._say(self._opened(reading, rule, severity, crossed), "opened")]
        since = crossed if before is None or joins else before.detected_at
        known.members[place] = member = member_of(reading, severity, since)
        if in_order(known.members)[0] is member:
            known.lead = alert_of(reading, known.incident, since, rule)
        known.updated_at = max(known.updated_at, reading.time)
        if known.closed:
            return []
        alerts = self._resumed(known, reading)
        if severity == "critical" and known.severity == "warning":
            alerts.append(self._escalated(known))
        elif joins:
            alerts.append(self._say(known, "joined", place, since.isoformat()))
        return alerts

    def _opened(self, reading: Reading, rule: Rule, severity: Severity, crossed: datetime) -> OpenIncident:
        place = f"{reading.application}:{place_of(reading)}"
        incident = identity("incident", place, reading.reference or "", crossed.isoformat())
        lead = alert_of(reading, incident, crossed, rule)
        known = OpenIncident.since(reading.time, incident, lead, severity)
        known.members[place_of(reading)] = member_of(reading, severity, crossed)
        self._open[reading.application] = known
        return known

    def _cleared(self, known: OpenIncident | None, reading: Reading, rule: Rule, clean: int) -> list[Alert]:
        if known is None:
            return []
        place = place_of(reading)
        before = known.members.get(place)
        if before is None:
            return self._ended(known, reading, "those that saw it are not heard any more")
        state = "ok" if clean >= rule.clean_windows or before.state == "ok" else "clearing"
        fresh = member_of(reading, before.severity, before.detected_at)
        known.members[place] = msgspec.structs.replace(
            fresh, state=state, onset_at=before.onset_at, onset_low=before.onset_low, channel=before.channel
        )
        known.updated_at = max(known.updated_at, reading.time)
        alerts = [] if known.closed else self._resumed(known, reading)
        return [*alerts, *self._ended(known, reading, f"back to normal after {clean} clean windows")]

    def _switched_off(self, reading: Reading) -> list[Alert]:
        """A monitor that nobody wants to hear of any more leaves the incident."""
        known = self._open.get(reading.application)
        member = None if known is None else known.members.get(place_of(reading))
        if known is None or member is None:
            return []
        known.members[place_of(reading)] = msgspec.structs.replace(member, state="ok")
        self._tracks.of(reading.application, place_of(reading)).leave(reading.time)
        return self._ended(known, reading, f"{reading.monitor} is switched off")

    def _ended(self, known: OpenIncident, reading: Reading, how: str) -> list[Alert]:
        """The end, where every member is well again or gone."""
        application = reading.application
        waited = [place for place, member in known.members.items() if member.state != "ok"]
        if not all(self._tracks.is_gone(application, place) for place in waited):
            return []
        del self._open[application]
        known.updated_at = max(known.updated_at, reading.time)
        for place in waited:
            self._tracks.of(application, place).leave(known.updated_at)
        return [] if known.closed else [self._resolved(known, how)]

    def _silent(self, known: OpenIncident, reading: Reading) -> list[Alert]:
        """Data stopped: of one monitor, or of the application.  That is neither good nor bad news."""
        for place, member in known.members.items():
            if member.state != "ok" and (reading.monitor == SILENCE or place == place_of(reading)):
                known.members[place] = msgspec.structs.replace(member, state="unknown")
                self._tracks.of(reading.application, place).clean = 0
        seen = [member for member in known.members.values() if member.state != "ok"]
        if known.unknown or known.closed or any(member.state != "unknown" for member in seen):
            return []
        known.unknown = True
        return [self._say(known, "unknown", reading.id)]

    def _escalated(self, known: OpenIncident) -> Alert:
        known.acknowledged_at = known.acknowledged_by = None  # what was acknowledged was less
        known.severity, known.told_at = "critical", known.updated_at
        return self._say(known, "escalated")

    def _resumed(self, known: OpenIncident, reading: Reading) -> list[Alert]:
        if not known.unknown:
            return []
        known.unknown = False
        return [self._say(known, "resumed", reading.id)]

    def _passing(self, reading: Reading) -> list[Alert]:
        """What time alone brings, told by the readings: the end of a mute, escalation, reminders."""
        known = self._open.get(reading.application)
        if known is None or known.closed or known.unknown:
            return []
        rule = self._rules.of(reading.application, known.lead.monitor, known.lead.segment)
        if muted(rule.mute, known.updated_at):
            return []
        if reading.state != "alarm":
            return []
        if known.acknowledged_at is not None:
            return []
        if known.withheld:
            known.withheld, known.told_at = False, known.updated_at
            known.unmutes += 1
            return [self._say(known, "unmuted", str(known.unmutes))]
        open_for = (known.updated_at - known.lead.detected_at).total_seconds()
        due = rule.escalate_seconds is not None and open_for >= rule.escalate_seconds
        if due and known.severity == "warning":
            return [self._escalated(known)]
        waited = (known.updated_at - known.told_at).total_seconds()
        if rule.remind_seconds is None or waited < rule.remind_seconds:
            return []
        known.reminders, known.told_at = known.reminders + 1, known.updated_at
        return [self._say(known, "reminded", str(known.reminders))]

    def _say(self, known: OpenIncident, transition: str, *named: str) -> Alert:
        """A transition of an open incident; its id is named by what cannot happen twice."""
        rule = self._rules.of(known.lead.application, known.lead.monitor, known.lead.segment)
        silent = muted(rule.mute, known.updated_at)
        if transition in ("opened", "escalated"):  # the last word: what is told aloud is withheld no more
            known.withheld = silent
        members = in_order(known.members)
        return msgspec.structs.replace(
            known.lead,
            alert_id=identity("alert", known.incident, transition, *named),
            transition=transition,
            updated_at=known.updated_at,
            members=members[:LISTED],
            members_total=len(members),
            muted=silent,
            summary=known.lead.summary + _seen_by(len(members)),
            **{name: getattr(known, name) for name in FLAGS},
        )

    def _resolved(self, known: OpenIncident, how: str) -> Alert:
        root = in_order(known.members)[0]
        return msgspec.structs.replace(
            self._say(known, "resolved"),
            state="resolved",
            ended_at=known.updated_at,
            value=root.value,
            effect=root.effect,
            uncovered=root.uncovered,
            summary=f"{known.lead.application}: {how}",
            reading_id=root.reading_id,
        )

    def resume(self, alerts: Iterable[Alert]) -> None:
        """Rebuild what the latest transition of each incident tells, where the state is lost.

        Windows in a row are counted anew, and what was closed by hand and alarms on opens again.
        """
        for alert in sorted(alerts, key=lambda each: each.updated_at):
            members = {place_in(alert, member): member for member in alert.members}
            for place, member in members.items():
                track = self._tracks.of(alert.application, place)
                track.time, track.gap = member.updated_at.timestamp(), SELDOM_SECONDS  # for all that is known
                track.ids = [] if member.reading_id is None else [member.reading_id]
            if alert.state != "resolved" and members:
                self._open[alert.application] = OpenIncident(
                    incident=alert.incident,
                    lead=msgspec.structs.replace(
                        alert, summary=alert.summary.removesuffix(_seen_by(alert.members_total))
                    ),
                    told_at=alert.updated_at,
                    updated_at=alert.updated_at,
                    members=members,
                    withheld=alert.muted,
                    **{name: getattr(alert, name) for name in FLAGS},
                )

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"open": self._open, "tracks": self._tracks}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        convert: Callable[..., Any] = msgspec.convert
        self._open = {app: convert(known, OpenIncident) for app, known in state["open"].items()}
        self._tracks = convert(state["tracks"], Tracks)


def _seen_by(members: int) -> str:
    return f"; seen by {members} monitors" if members > 1 else ""


def _tells(reading: Reading, rule: Rule) -> bool:
    """Whether a partial window counts: never as clean, and as an alarm only where one is enough."""
    return reading.state == "alarm" and rule.alarm_windows == 1


def _is_member(known: OpenIncident | None, reading: Reading) -> bool:
    held = None if known is None else known.members.get(place_of(reading))
    return held is not None and held.state != "ok"
