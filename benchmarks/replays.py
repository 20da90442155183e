"""`promptdrift replay` on streams of real prompts: silent where nothing changed, and naming what did."""

from dataclasses import dataclass

from app.adapters import replay
from app.adapters.build import build_reference
from app.adapters.redaction import redact
from app.ports import Encoder
from app.settings import DetectionSettings
from benchmarks.streams import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one replay found; delays in events, which are seconds here."""

    stream: str
    seed: int
    false_incidents: int
    incidents: int
    delay: int | None
    onset_error: int | None
    highest_clean: float
    threshold: float
    named: str
    purity: float | None  # share of the named cluster's examples that are from the change


def measure(stream: Stream, seed: int, encoder: Encoder) -> Result:
    """Replay a stream and compare with the truth."""
    said = replay.run(
        stream.events,
        encoder=encoder,
        evalset=build_reference(stream.evalset, encoder=encoder, seed=seed),
        detection=DetectionSettings(baseline_events=stream.baseline_events, seed=seed),
        partitions=6,
    )
    change = [r for r in said.readings if r.monitor == "change" and r.value is not None]
    fired = [a for a in said.alerts if a.state == "firing"]
    truth = stream.changed_at
    false = {a.incident for a in fired if truth is None or a.detected_at < truth}
    true = [a for a in fired if a.incident not in false]
    first = true[0] if true else None
    grown = [c for c in first.clusters if c.share_now > c.share_before] if first else []
    fresh = {redact(text) for text in stream.fresh}
    examples = grown[0].examples if grown else []
    clean = [r.value for r in change if r.value is not None and (truth is None or r.time <= truth)]
    return Result(
        stream=stream.name,
        seed=seed,
        false_incidents=len(false),
        incidents=len({a.incident for a in true}),
        delay=int((first.detected_at - truth).total_seconds()) if first and truth else None,
        onset_error=(
            int((first.onset_at - truth).total_seconds()) if first and truth and first.onset_at else None
        ),
        highest_clean=max(clean, default=0.0),
        threshold=change[-1].threshold or 0.0 if change else 0.0,
        named=grown[0].name if grown else "",
        purity=sum(e in fresh for e in examples) / len(examples) if examples else None,
    )


def table(results: list[Result]) -> str:
    """Markdown."""
    lines = [
        "| stream | seed | false incidents | true incidents | delay, events | onset error, events "
        "| highest clean score / threshold | first named cluster | examples from the change |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        purity = "" if r.purity is None else f"{r.purity:.0%}"
        lines.append(
            f"| {r.stream} | {r.seed} | {r.false_incidents} | {r.incidents} | {_or_none(r.delay)} | "
            f"{_or_none(r.onset_error)} | {r.highest_clean:.1f} / {r.threshold:.1f} | {r.named} | {purity} |"
        )
    return "\n".join(lines)


def _or_none(value: int | None) -> str:
    return "" if value is None else str(value)
