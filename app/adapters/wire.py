"""Text and links for other people's systems: what users wrote is hostile there, and personal."""

import unicodedata
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from schemas.decisions import Alert
from schemas.readings import ClusterMove

ELLIPSIS = "…"
FORMULA = ("=", "+", "-", "@")  # a spreadsheet takes what begins so for a formula
JOINERS = "\u200c\u200d"  # of scripts and emoji


def plain(text: str, limit: int) -> str:
    r"""One line without controls, invisible marks or reversed text, of at most `limit` characters.

    >>> plain("a\x1b[2J\u202eb\n  c", 9), plain("=HYPERLINK()", 99), plain("word " * 9, 8)
    ('a [2J b c', "'=HYPERLINK()", 'word wo…')
    """
    text = text[: 4 * limit + 64]  # before anything that costs by length
    kept = (c if c in JOINERS or unicodedata.category(c)[0] != "C" else " " for c in text)
    line = " ".join("".join(kept).split())
    if line.startswith(FORMULA):
        line = "'" + line
    return line if len(line) <= limit else line[: limit - 1] + ELLIPSIS


def without_examples(alert: Alert) -> Alert:
    """The same alert without anything that a user wrote."""
    return msgspec.structs.replace(alert, clusters=[bare(each) for each in alert.clusters])


def bare(cluster: ClusterMove) -> ClusterMove:
    """A cluster without its exemplars."""
    return msgspec.structs.replace(cluster, examples=[], nearest=[])


def facts_of(alert: Alert, *, examples: bool) -> dict[str, Any]:
    """What a person on call wants to know, as plain values of bounded size; None is left out."""
    facts = {
        "incident": alert.incident,
        "transition": alert.transition,
        "monitor": alert.monitor,
        "segment": alert.segment,
        "channel": alert.channel,
        "score": alert.value,
        "threshold": alert.threshold,
        "effect": alert.effect and msgspec.to_builtins(alert.effect),
        "uncovered": alert.uncovered and msgspec.to_builtins(alert.uncovered),
        "clusters": [_cluster(each, examples=examples) for each in alert.clusters[:5]] or None,
        "watch": [msgspec.to_builtins(each) for each in alert.watch[:10]] or None,
        "descriptors": [_clean(msgspec.to_builtins(each)) for each in alert.descriptors[:10]] or None,
        "segments": [_clean(msgspec.to_builtins(each)) for each in alert.segments[:10]] or None,
        "deployment_before": alert.deployment,
        "attribution": alert.attribution and msgspec.to_builtins(alert.attribution),
        "onset_at": alert.onset_at and alert.onset_at.isoformat(),
        "detected_at": alert.detected_at.isoformat(),
        "seen_by": _members(alert),
        "acknowledged_by": alert.acknowledged_by,
        "labels": alert.labels or None,
        "annotations": alert.annotations or None,
        "reference": alert.reference,
    }
    return {name: _clean(value) for name, value in facts.items() if value is not None}


def _members(alert: Alert) -> Sequence[str] | None:
    shown = [
        f"{m.monitor}{f' [{m.segment}]' if m.segment else ''}: {m.state}, {m.severity}"
        + ("" if m.value is None or m.threshold is None else f", {m.value:.3g} against {m.threshold:.3g}")
        for m in alert.members[:20]
    ]
    more = max(alert.members_total, len(alert.members)) - len(shown)
    return [*shown, *([f"and {more} more"] if more else [])] or None


def _cluster(cluster: ClusterMove, *, examples: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": cluster.name,
        "share_before": cluster.share_before,
        "share_now": cluster.share_now,
    }
    if examples:
        shown["examples"] = cluster.examples[:3]
    return shown


def _clean(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, str):
        return plain(value, 300)
    if isinstance(value, dict):
        return {plain(str(name), 100): _clean(each) for name, each in list(value.items())[:50]}
    if isinstance(value, list):
        return [_clean(each) for each in value[:50]]
    return value


def page_of(alert: Alert, page_url: str | None) -> str | None:
    """Where the page tells of an incident; of a test, which it does not know, its overview."""
    if page_url is None:
        return None
    place = "" if alert.kind == "test" else f"incident/{quote(alert.incident, safe='')}"
    return f"{page_url.rstrip('/')}/#/{place}"
