"""Time lines of the report: the data; app/web/static/charts.js draws it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.adapters.markup import Html, h
from app.adapters.report_words import State, moment
from schemas.decisions import Alert
from schemas.readings import Reading

POINTS = 3_000
MARKS = 12  # more would hide the line


def charts(state: State, deployments: Sequence[dict[str, Any]]) -> list[Html]:
    """Score against threshold, and uncovered share; what has no two points has no chart."""
    extra = {
        "spans": [_span(alert) for alert in state.incidents],
        "marks": _marks(state, deployments),
        "utc": True,
    }
    scores = thinned([r for r in state.changes if r.value is not None])
    shares = thinned([r for r in state.changes if r.uncovered is not None])
    score = _chart(
        "score",
        title="Drift score against its threshold",
        note="Over event time. Shaded: an incident was open. Dotted: onset and deployments.",
        data={"points": [_point(reading) for reading in scores], **extra},
    )
    uncovered = _chart(
        "uncovered",
        title="Uncovered share",
        note="Units unlike anything in the reference.",
        data={"points": [_point(reading) for reading in shares], **extra},
    )
    return [card for card in (score, uncovered) if card is not None]


def thinned(readings: Sequence[Reading], limit: int = POINTS) -> list[Reading]:
    """At most `limit` readings; of each run the highest score is kept, so that no alarm is lost."""
    step = -(-len(readings) // limit) or 1
    runs = (readings[i : i + step] for i in range(0, len(readings), step))
    return [max(run, key=lambda r: r.value or 0.0) for run in runs]


def _chart(kind: str, *, title: str, note: str, data: dict[str, Any]) -> Html | None:
    if len(data["points"]) < 2:
        return None
    return h(
        "section",
        h("header", h("h2", title), h("p", note)),
        h("div", class_="plot", role="img", aria_label=title),
        _data_block({"kind": kind, **data}),
        class_="card two-thirds" if kind == "score" else "card third",
    )


def _point(reading: Reading) -> dict[str, Any]:
    return {
        "time": reading.time.timestamp(),
        "value": reading.value,
        "threshold": reading.threshold,
        "uncovered": reading.uncovered.share if reading.uncovered else None,
    }


def _span(alert: Alert) -> dict[str, Any]:
    ended = (alert.ended_at or alert.updated_at) if alert.state == "resolved" else None
    return {
        "start": alert.detected_at.timestamp() * 1000,
        "end": ended.timestamp() * 1000 if ended else None,
        "severity": alert.severity,
    }


def _marks(state: State, deployments: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    onsets = {alert.onset_at: "onset" for alert in state.incidents if alert.onset_at}
    released = [
        (moment(d.get("time")), str(d.get("version") or d.get("deployment_id") or "")) for d in deployments
    ]
    marks = [(at, name, "right") for at, name in released if at is not None]
    marks += [(at, name, "left") for at, name in onsets.items()]
    return [
        {"time": at.timestamp() * 1000, "text": name[:24], "side": side} for at, name, side in marks[-MARKS:]
    ]


def _data_block(value: object) -> Html:
    """JSON beside the element that it fills; no text can end the block early."""
    text = msgspec.json.encode(value).decode().replace("<", "\\u003c")
    return Html(f'<script type="application/json">{text}</script>')
