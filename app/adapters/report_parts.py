"""The cards of the report, in the markup that style.css knows from the live page."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from app.adapters.markup import Html, h
from app.adapters.report_words import DASH, State, against, clock, number, percent, plural, signed, size
from schemas.decisions import Alert
from schemas.readings import ClusterMove

SHOWN = 8
LABELS = {"ok": "OK"}
COUNTED = {
    "events": "interactions in production",
    "units": "one per user and horizon",
    "duplicates": "ids seen before",
    "collapsed": "same user or same text",
    "late": "counted here, in no tick",
    "keyless": "units without a user",
    "unreadable": "no eye can read them",
    "unanswered": "no response, or an error",
}
SHARES = {"adaptation": "our deployment", "outside": "outside", "audience": "another audience"}


def pill(state: str) -> Html:
    """A state as shape, colour and word."""
    return h("span", LABELS.get(state, state.capitalize()), class_="pill", data_state=state)


def card(title: str, *body: Any, note: str | None = None, size: str = "") -> Html:  # noqa: ANN401
    """A titled card."""
    header = h("header", h("h2", title), h("p", note) if note else None)
    return h("section", header, *body, class_=f"card {size}".strip())


def pairs(rows: Iterable[tuple[str, Any]]) -> Html:
    """Terms and their values; values that are None are left out."""
    shown = [h("div", h("dt", term), h("dd", value)) for term, value in rows if value is not None]
    return h("dl", shown, class_="pairs")


def incident(alert: Alert) -> Html:
    """What fired, since when, and what it rests on."""
    ended = alert.ended_at or (alert.updated_at if alert.state == "resolved" else None)
    how = f"ended {clock(ended)}" if ended else "still open at the end"
    uncovered, effect = alert.uncovered, alert.effect
    rows = [
        ("What fired", alert.channel or alert.kind),
        ("Firing since", clock(alert.detected_at)),
        ("Change began about", clock(alert.onset_at or alert.started_at)),
        ("Deployment before it", alert.deployment or "none known"),
        ("Drift score", f"{number(alert.value)} (threshold {number(alert.threshold)})"),
        ("Size", f"{size(effect.value)} ({size(effect.low)} to {size(effect.high)})" if effect else None),
        (
            "Uncovered",
            f"{percent(uncovered.share)} ({percent(uncovered.low)} to {percent(uncovered.high)})"
            if uncovered
            else None,
        ),
        ("Whose change", whose(alert)),
        (
            "Partitions and offsets",
            ", ".join(f"{o.partition}: {o.first}–{o.last}" for o in alert.offsets) or None,
        ),
        ("Incident", h("code", alert.incident)),
    ]
    return h(
        "section",
        h("p", f"{alert.severity.capitalize()} incident, {how}", class_="incident-kind"),
        h("p", alert.summary, class_="summary"),
        pairs(rows),
        class_="card incident",
        data_state=alert.severity,
    )


def whose(alert: Alert) -> list[Html] | None:
    """The attribution, as far as it is known."""
    known = alert.attribution and [
        (label, getattr(alert.attribution, name)) for name, label in SHARES.items()
    ]
    return [
        h("div", f"{percent(share)} {label}") for label, share in known or [] if share is not None
    ] or None


def learning(state: State) -> Html | None:
    """How far the baseline has come, where it is not complete."""
    reading = state.change
    if reading is None or reading.state != "learning":
        return None
    share = min(1.0, reading.progress or 0.0)
    bar = h("div", h("i", style=f"width:{100 * share:.1f}%"), class_="progress")
    note = reading.note or "Until it is complete no change can be told, and none is reported."
    said = h("p", f"{percent(share)} of the baseline, {plural(reading.units, 'unit')} so far.")
    return card("Learning what normal looks like", bar, said, h("p", note, class_="small quiet"))


def facts(state: State) -> Html | None:
    """The numbers at the end."""
    reading = state.change
    if reading is None or reading.state == "learning":
        return None
    effect, uncovered = reading.effect, reading.uncovered
    rows = [
        ("Drift score at the end", number(reading.value), against(reading.value, reading.threshold)),
        (
            "Size of the change",
            size(effect.value) if effect else DASH,
            f"95 %: {size(effect.low)} to {size(effect.high)}" if effect else "not known",
        ),
        (
            "Uncovered share",
            percent(uncovered.share if uncovered else None),
            f"95 %: {percent(uncovered.low)} to {percent(uncovered.high)}" if uncovered else "not known",
        ),
        ("Units in the window", f"{reading.units:,}", f"since {clock(reading.window_start)}"),
    ]
    if reading.run_length:
        rows.append(("False alarms", f"1 in {reading.run_length:,.0f}", "units, by the threshold chosen"))
    return h("dl", [fact(*row) for row in rows], class_="card facts")


def fact(term: str, value: str, small: str) -> Html:
    """One big number."""
    return h(
        "div", h("dt", term), h("dd", value, class_="big"), h("dd", small, class_="small"), class_="fact"
    )


def legend(before: str, now: str) -> Html:
    """Which colour is which."""
    return h("p", h("span", before), h("span", now, class_="now"), class_="legend")


def bars(before: float, now: float, *, scale: float, names: tuple[str, str] = ("before", "now")) -> Html:
    """Two shares on one scale."""
    rows = []
    for name, share, kind in ((names[0], before, "track"), (names[1], now, "track now")):
        fill = h("i", style=f"width:{min(100.0, 100 * share / scale):.1f}%")
        rows += [h("span", name), h("div", fill, class_=kind), h("b", percent(share))]
    return h("div", rows, class_="bars")


def moves(state: State) -> Html | None:
    """Clusters whose share moved, with what people write."""
    clusters = state.clusters[:SHOWN]
    if not clusters:
        return None
    scale = max(0.01, *(max(c.share_before, c.share_now) for c in clusters))
    items = [move(cluster, scale) for cluster in clusters]
    note = "Clusters whose share of traffic changed, with redacted examples of what is said now."
    return card("What moved", legend("before", "now"), h("ul", items, class_="moves"), note=note)


def move(cluster: ClusterMove, scale: float, names: tuple[str, str] = ("before", "now")) -> Html:
    """A cluster: its shares before and now, what is written in it, and beside it what was known."""
    known = cluster.low is not None and cluster.high is not None
    range_ = f" (99 %: {signed(cluster.low or 0.0)} to {signed(cluster.high or 0.0)})" if known else ""
    part = "" if cluster.contribution is None else f"; {percent(cluster.contribution)} of the distance"
    moved = h("b", f"{signed(cluster.share_now - cluster.share_before)} points")
    change = h("p", moved, range_, part, class_="change")
    new = h("span", "new", class_="tag") if cluster.new else None
    name = h("div", h("h3", h("bdi", cluster.name)), new, class_="move-head")
    before_now = h(
        "div", name, change, bars(cluster.share_before, cluster.share_now, scale=scale, names=names)
    )
    texts = h(
        "div",
        _quotes("Said now", cluster.examples, "quotes"),
        _quotes("Nearest in the reference", cluster.nearest, "quotes before"),
    )
    return h("li", before_now, texts)


def _quotes(label: str, texts: Sequence[str], kind: str) -> Html | None:
    if not texts:
        return None
    return h("div", h("p", label), [h("blockquote", text, dir="auto") for text in texts[:3]], class_=kind)


def rates(title: str, rows: Sequence[tuple[str, float, float]], *, scale: float | None = None) -> Html | None:
    """Named shares before and now."""
    if not rows:
        return None
    whole = scale or 1.1 * max(0.01, *(max(before, now) for _, before, now in rows))
    items = [
        h(
            "li",
            h("h3", h("span", f"{signed(now - before)} points", class_="change"), h("bdi", name)),
            bars(before, now, scale=whole),
        )
        for name, before, now in sorted(rows, key=lambda row: -abs(row[2] - row[1]))
    ]
    return card(title, legend("before", "now"), h("ul", items, class_="rates"), size="half")


def history(alerts: Sequence[Alert]) -> Html | None:
    """Every transition, in order."""
    if not alerts:
        return None
    names = ("When", "State", "What happened", "Fired by", "Score", "Threshold")
    rows = [
        (
            clock(alert.updated_at),
            pill(alert.severity if alert.state == "firing" else "resolved"),
            alert.summary,
            alert.channel or alert.monitor,
            number(alert.value),
            number(alert.threshold),
        )
        for alert in alerts
    ]
    return card("Alert history", table(names, rows))


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Html:
    """A table that becomes a list on a narrow screen."""
    head = h("thead", h("tr", [h("th", name, scope="col") for name in names]))
    cells = [
        h("tr", [h("td", cell, data_label=name) for name, cell in zip(names, row, strict=True)])
        for row in rows
    ]
    return h("div", h("table", head, h("tbody", cells), class_="stack"), class_="scroll")


def totals(state: State) -> Html:
    """What was counted, and what was left out."""
    rows = [
        fact(name.capitalize(), f"{getattr(state.totals, name):,}", small) for name, small in COUNTED.items()
    ]
    return card("Totals", h("dl", rows, class_="facts many"))


def pairs_card(title: str, values: dict[str, Any]) -> Html | None:
    """Names and values, however deep."""
    return card(title, pairs((name, _plain(value)) for name, value in _flat(values))) if values else None


def _flat(values: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{prefix} {key}".strip().replace("_", " ")
        if isinstance(value, dict):
            yield from _flat(value, name)
        else:
            yield name[:1].upper() + name[1:], value


def _plain(value: Any) -> str:  # noqa: ANN401  # any JSON value
    if value is None:
        return DASH
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(each) for each in value)
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
