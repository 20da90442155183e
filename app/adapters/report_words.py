"""What a replay found, gathered per application and said in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from app.core.aspects import MONITORS, PROMPTS, RESPONSES
from schemas.decisions import Alert
from schemas.readings import ClusterMove, Reading, SegmentMove
from schemas.ticks import Totals

MINUS = "\u2212"
DASH = "\u2013"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One application at the end of the replay; or its responses, as an application of their own."""

    name: str
    changes: Sequence[Reading]
    gap: Reading | None
    alerts: Sequence[Alert]  # in order
    responses: "State | None" = None  # None where there are no readings of them
    monitor: str = MONITORS[PROMPTS]
    scores: Sequence[Reading] = ()  # of answers: the last of each monitor

    @property
    def title(self) -> str:
        """What the section is called."""
        return self.name if self.monitor == MONITORS[PROMPTS] else f"{self.name}: {self.monitor}"

    @property
    def change(self) -> Reading | None:
        """The last word of the change monitor."""
        return self.changes[-1] if self.changes else None

    @property
    def incidents(self) -> list[Alert]:
        """Every incident as its last firing alert told it, with the end that it came to."""
        told: dict[str, Alert] = {}
        for alert in self.alerts:
            known = told.get(alert.incident)
            if known is not None and alert.state == "resolved":
                end = alert.ended_at or alert.updated_at
                alert = structs.replace(known, state="resolved", ended_at=end)
            told[alert.incident] = alert
        return list(told.values())

    @property
    def state(self) -> str:
        """ok, warning, critical, learning or unknown."""
        severities = {a.severity for a in self.incidents if a.state == "firing"}
        last = self.change or self.gap
        if severities:
            return "critical" if "critical" in severities else "warning"
        if any(r is not None and r.state in ("alarm", "pending") for r in (self.change, self.gap)):
            return "warning"
        return last.state if last else "unknown"

    @property
    def clusters(self) -> Sequence[ClusterMove]:
        """Clusters that moved: as the last alert told them, else as the last reading does."""
        told = [alert.clusters for alert in self.alerts if alert.clusters and alert.kind == self.monitor]
        return told[-1] if told else self.change.clusters if self.change else []

    @property
    def descriptors(self) -> list[tuple[str, float, float]]:
        """Name, share before, share now."""
        return [(d.name, d.share_before, d.share_now) for d in self.change.descriptors] if self.change else []

    @property
    def gap_descriptors(self) -> list[tuple[str, float, float]]:
        """Name, share of the eval set, share of traffic."""
        return [(d.name, d.share_before, d.share_now) for d in self.gap.descriptors] if self.gap else []

    @property
    def segments(self) -> list[tuple[str, float, float]]:
        """What moved where, share before, share now; told as the clusters are."""
        told = [alert.segments for alert in self.alerts if alert.segments and alert.kind == self.monitor]
        moves = told[-1] if told else self.change.segments if self.change else []
        return [(whereabouts(m), m.share_before or 0.0, m.share_now) for m in moves]

    @property
    def watches(self) -> list[tuple[str, float, float]]:
        """Name, rate before, rate now."""
        return [(w.name, w.rate_before, w.rate_now) for w in self.change.watch] if self.change else []

    @property
    def totals(self) -> Totals:
        """What was counted."""
        last = self.change or self.gap
        return last.totals if last else Totals()


def whereabouts(move: SegmentMove) -> str:
    """A segment, and what moved in it."""
    if move.cluster is None:
        return f"{move.name}: share of traffic"
    rest = f"elsewhere {percent(move.elsewhere_before)} to {percent(move.elsewhere_now)}"
    return f"{move.name}{' (new)' if move.share_before is None else ''}: {move.cluster} ({rest})"


def states(summary: dict[str, Any], readings: Sequence[Reading], alerts: Sequence[Alert]) -> list[State]:
    """Readings and alerts by application, in the order of the summary, then of appearance."""
    given = summary.get("applications") or []
    names = dict.fromkeys(
        [*map(str, given), *(r.application for r in readings), *(a.application for a in alerts)]
    )
    return [_state(name, readings, alerts) for name in names]


def verdict(found: Sequence[State]) -> str:
    """The answer in one sentence."""
    incidents = [alert for state in found for alert in state.incidents]
    learning = [state.name for state in found if state.state == "learning"]
    if not found:
        return "Nothing was measured."
    if incidents:
        open_now = sum(alert.state == "firing" for alert in incidents)
        where = (
            f" in {plural(len({a.application for a in incidents}), 'application')}" if len(found) > 1 else ""
        )
        return f"{plural(len(incidents), 'incident')}{where}, {open_now or 'none'} still open at the end."
    if len(learning) == len(found):
        return "The baseline was not complete at the end: no change can be told yet."
    also = f" {plural(len(learning), 'application')} had not learned a baseline." if learning else ""
    where = f" in {plural(len(found), 'application')}" if len(found) > 1 else ""
    return f"No incident{where}.{also}"


def _state(name: str, readings: Sequence[Reading], alerts: Sequence[Alert]) -> State:
    own = sorted((r for r in readings if r.application == name), key=lambda r: r.time)
    gaps = [r for r in own if r.monitor == "gap"]
    told = [a for a in alerts if a.application == name]
    return State(
        name=name,
        changes=[r for r in own if r.monitor == MONITORS[PROMPTS]],
        gap=gaps[-1] if gaps else None,
        alerts=told,
        responses=_responses(name, own, told),
        scores=list(
            {(r.monitor, r.segment): r for r in own if r.quality or r.validity or r.watched}.values()
        ),
    )


def _responses(name: str, own: Sequence[Reading], alerts: Sequence[Alert]) -> State | None:
    monitor = MONITORS[RESPONSES]
    readings = [r for r in own if r.monitor == monitor]
    if not readings:
        return None
    mine = [a for a in alerts if a.monitor == monitor]
    return State(name=name, changes=readings, gap=None, alerts=mine, monitor=monitor)


def number(value: float | None, places: int | None = None) -> str:
    """A number as the page writes it; unknown is a dash.

    >>> number(1234.5), number(0.1184, 3), number(-9.6), number(None)
    ('1,234.5', '0.118', '−9.60', '–')
    """
    if value is None:
        return DASH
    if places is None:
        places = 0 if value == 0 else 4 if abs(value) < 0.1 else 2 if abs(value) < 10 else 1
    return f"{value:,.{places}f}".replace("-", MINUS)


def size(value: float | None) -> str:
    """A squared shift."""
    return number(value, 3 if value is None or abs(value) < 10 else 1)


def percent(share: float | None) -> str:
    """A share of units.

    >>> percent(0.164), percent(0.031), percent(None)
    ('16 %', '3.1 %', '–')
    """
    if share is None:
        return DASH
    return f"{100 * share:.{1 if 0 < abs(share) < 0.1 else 0}f} %".replace("-", MINUS)


def against(value: float | None, threshold: float | None) -> str:
    """A score is a logarithm (decades of run length), so it is compared by difference, not by ratio.

    >>> against(6.5, 4.5), against(2.0, 4.5)
    ('2.00 above its threshold of 4.50', '2.50 below its threshold of 4.50')
    """
    if value is None or threshold is None:
        return "no threshold yet"
    side = "below" if value < threshold else "above"
    return f"{number(abs(value - threshold))} {side} its threshold of {number(threshold)}"


def signed(share: float) -> str:
    """A change in share, in points.

    >>> signed(0.133), signed(-0.026)
    ('+13.3', '−2.6')
    """
    return f"{100 * share:+.1f}".replace("-", MINUS)


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    >>> plural(1, "incident"), plural(2, "incident")
    ('1 incident', '2 incidents')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def moment(value: object) -> datetime | None:
    """A time however the summary wrote it: text, epoch seconds or a datetime."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def clock(value: datetime | None) -> str:
    """A time in UTC."""
    return DASH if value is None else f"{value.astimezone(UTC):%-d %b %Y, %H:%M:%S}"
