"""summary.json of a replay: what was read, what it was compared with, what came out."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from app.adapters.files import EvalSetFile, EventFile
from app.adapters.replay import Replay, baseline_facts
from app.adapters.report_quality import conclusions
from app.core.aspects import MONITORS, RESPONSES
from app.core.reference import LEARNED_KINDS, Reference
from app.settings import DetectionSettings
from schemas.events import Deployment, Interaction
from schemas.readings import Reading
from schemas.ticks import Totals

LISTED = 20  # lines; all are counted


def summarise(
    source: EventFile, said: Replay, *, detection: DetectionSettings, evalset: Reference | None
) -> dict[str, Any]:
    """The facts of one replay as plain values; the caller adds what only it knows, such as its duration."""
    names = list(dict.fromkeys(e.application for e in source.events if isinstance(e, Interaction)))
    scores = [r.value for r in said.readings if r.monitor == "change" and r.value is not None]
    baselines = {
        kind: {b.reference.application: baseline_facts(b) for b in said.baselines if b.reference.kind == kind}
        for kind in LEARNED_KINDS.values()
    }
    return {
        "applications": names,
        "verdicts": {name: verdict(name, source, said, detection) for name in names},
        "incidents": len({alert.incident for alert in said.alerts}),
        "alerts": len(said.alerts),
        "severity": max(said.severities, key=("warning", "critical").index, default=None),
        "max_score": max(scores, default=None),
        "counts": counts(source, said, names),
        "quality": {name: said_of for name in names if (said_of := quality(name, said))},
        "responses": {name: told for name in names if (told := responses(name, said))},
        "unreadable_lines": unreadable(source),
        "references": {"evalset": _evalset(evalset), **baselines},
        "deployments": [
            {
                "application": d.application,
                "deployment_id": d.deployment_id,
                "version": d.version,
                "status": d.status,
                "time": d.time.isoformat(),
                "source": d.source,
            }
            for d in [*source.events, *said.deployments]
            if isinstance(d, Deployment)
        ],
        "settings": detection.model_dump(mode="json"),
        "seed": detection.seed,
    }


def counts(source: EventFile, said: Replay, names: Sequence[str]) -> dict[str, Any]:
    """Lines, events by type, and what the unit rule made of the interactions."""
    totals = Counter[str]()
    for name in names:
        totals.update(structs.asdict(_totals(name, source, said)))
    kinds = Counter(f"{type(event).__name__.lower()}s" for event in source.events)
    return {
        "lines": source.lines,
        **kinds,
        **totals,
        "unreadable_lines": len({bad.line for bad in source.unreadable}),
        "out_of_order": source.out_of_order,
        "unknown_fields": source.unknown,
    }


def responses(name: str, said: Replay) -> dict[str, Any]:
    """What was counted of an application's responses, and their highest score; empty without any."""
    readings = [r for r in said.readings if (r.application, r.monitor) == (name, MONITORS[RESPONSES])]
    scores = [r.value for r in readings if r.value is not None]
    return {
        **(structs.asdict(readings[-1].totals) if readings else {}),
        **({"max_score": max(scores)} if scores else {}),
    }


def quality(name: str, said: Replay) -> list[str]:
    """What was concluded of an application's answers, from scores of `evaluations`; empty without any."""
    last = {(r.monitor, r.segment): r for r in said.readings if r.application == name}
    return conclusions(list(last.values()))


def _totals(name: str, source: EventFile, said: Replay) -> Totals:
    """As the last reading tells them; an application without one has nothing that counts."""
    told = [reading.totals for reading in _of_prompts(name, said)]
    if told:
        return told[-1]
    mine = [e for e in source.events if isinstance(e, Interaction) and e.application == name]
    return Totals(excluded=sum(e.source != "production" for e in mine))


def unreadable(source: EventFile | EvalSetFile) -> list[dict[str, Any]]:
    """The first unreadable lines: number, field, problem, remedy."""
    return [
        {"line": bad.line, "field": bad.field, "problem": bad.problem, "remedy": bad.remedy}
        for bad in source.unreadable[:LISTED]
    ]


def verdict(name: str, source: EventFile, said: Replay, detection: DetectionSettings) -> str:
    """One application's result in a sentence."""
    readings = _of_prompts(name, said)
    firing = [a for a in said.alerts if a.application == name and a.state == "firing"]
    if not readings:
        return f"{name}: no event counts; only those whose source is production do"
    if all(reading.state == "learning" for reading in readings):
        return f"{name}: {_unlearned(readings[-1], detection)}"
    if firing:
        incidents = len({alert.incident for alert in firing})
        last = firing[-1]
        detected = last.detected_at.isoformat(timespec="seconds")
        more = f" ({incidents} incidents)" if incidents > 1 else ""
        return f"{last.severity} at {detected}: {last.summary}{more}"
    scored = [r.value for r in readings if r.monitor == "change" and r.value is not None]
    threshold = next((r.threshold for r in reversed(readings) if r.monitor == "change" and r.threshold), None)
    if not scored or threshold is None:
        return f"{name}: a baseline was learned, but nothing came after it; lower --baseline-events"
    units = readings[-1].totals.units
    told = f"{name}: no incident in {units:,} units; highest score {max(scored):.2f}"
    if "max_score" in (answers := responses(name, said)):
        told += f", of responses {answers['max_score']:.2f}"
    return f"{told}, threshold {threshold:.2f}"


def _of_prompts(name: str, said: Replay) -> list[Reading]:
    mine = (r for r in said.readings if r.application == name and r.monitor != MONITORS[RESPONSES])
    return [r for r in mine if not (r.outcomes or r.quality or r.validity or r.watched)]


def _unlearned(last: Reading, detection: DetectionSettings) -> str:
    """The stream ended too early: how far it came, and what to change."""
    told = f"the stream ended before a baseline was learned ({100 * (last.progress or 0.0):.0f} %"
    events = last.totals.events
    if detection.baseline_seconds is not None:
        told += f" of {detection.baseline_seconds:,.0f} s); lower --baseline-seconds"
    else:
        told += f": {events:,} of {detection.baseline_events:,} events); lower --baseline-events"
        if events // 2 >= 100:
            told += f", for example to {events // 2:,},"
    told += " or give a longer file"
    return f"{told}. {last.note}" if last.note else told


def _evalset(reference: Reference | None) -> dict[str, Any] | None:
    if reference is None:
        return None
    return {"id": reference.id, "units": reference.units, "clusters": len(reference.clusters.names)}
