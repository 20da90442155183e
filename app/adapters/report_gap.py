"""The cards of the report about the eval set: how far it is, and what it hardly has."""

from app.adapters.markup import Html, h
from app.adapters.report_parts import SHOWN, bars, card, legend, move, pairs, pill
from app.adapters.report_words import State, percent, size
from schemas.readings import Scarce, Uncovered


def gap(state: State) -> Html | None:
    """How far traffic is from the eval set."""
    reading = state.gap
    if reading is None:
        return None
    uncovered, effect = reading.uncovered, reading.effect
    rows = [
        ("State", pill(reading.state)),
        (
            "Uncovered: farther out than the eval set's own",
            _sure(uncovered),
        ),
        ("Scarce: hardly in the eval set", _sure(reading.scarce)),
        (
            "Distance",
            f"{size(effect.value)} ({size(effect.low)} to {size(effect.high)})"
            if effect
            else size(reading.value),
        ),
        ("Tolerance", "none set" if reading.threshold is None else f"{percent(reading.threshold)} uncovered"),
        ("Eval set", h("code", reading.evalset) if reading.evalset else None),
    ]
    clusters = sorted(reading.clusters, key=lambda c: -abs(c.share_now - c.share_before))[:SHOWN]
    scale = max([0.01, *(max(c.share_before, c.share_now) for c in clusters)])
    items = [
        h(
            "li",
            h("h3", h("bdi", c.name)),
            bars(c.share_before, c.share_now, scale=scale, names=("set", "live")),
        )
        for c in clusters
    ]
    shares = [legend("eval set", "live traffic"), h("ul", items, class_="moves level")] if items else None
    return card(
        "Gap to the eval set", pairs(rows), shares, note="How far traffic is from what you evaluate on."
    )


def _sure(found: Uncovered | Scarce | None) -> str:
    if found is None:
        return "not known"
    return f"{percent(found.share)} ({percent(found.low)} to {percent(found.high)})"


def scarce(state: State) -> Html | None:
    """What live traffic asks and the eval set hardly has, with what people write."""
    found = state.gap.scarce if state.gap else None
    if found is None or not found.clusters:
        return None
    scale = max(0.01, *(c.share_now for c in found.clusters))
    items = [move(cluster, scale, ("set", "live")) for cluster in found.clusters[:SHOWN]]
    note = "Places where it has less than a fifth of the share of live traffic, with redacted examples."
    shares = legend("set", "live")
    return card("What the eval set hardly has", shares, h("ul", items, class_="moves"), note=note)
