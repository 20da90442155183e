"""`promptdrift replay` on streams of real prompts: silent where nothing changed, and naming what did."""

import argparse
import sys
from dataclasses import dataclass

from app.adapters import replay
from app.adapters.build import build_reference
from app.adapters.encoders import load_encoder
from app.adapters.redaction import redact
from app.ports import Encoder
from app.settings import DetectionSettings
from benchmarks import page, streams
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
    channel: str  # of the first true incident
    watch: str  # the one whose rate rose most there
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
    risen = max(first.watch, key=lambda w: w.rate_now - w.rate_before, default=None) if first else None
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
        channel=(first.channel or "") if first else "",
        watch=f"{risen.name} {risen.rate_before:.0%} to {risen.rate_now:.0%}" if risen else "",
        named=grown[0].name if grown else "",
        purity=sum(e in fresh for e in examples) / len(examples) if examples else None,
    )


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Of `python -m benchmarks replays`."""
    command.add_argument("--seeds", type=int, default=5)
    command.add_argument("--only", choices=sorted(streams.STREAMS))


def main(chosen: argparse.Namespace) -> None:
    """Replay every stream with every seed; the page is written when nothing was left out."""
    only, seeds = getattr(chosen, "only", None), 1 if chosen.quick else getattr(chosen, "seeds", 5)
    encoder = load_encoder(table=None, model=None, cache_dir=None)
    results = []
    for name, make in streams.STREAMS.items():
        if only in (None, name):
            for seed in range(seeds):
                results.append(measure(make(seed), seed, encoder))
                sys.stderr.write(f"{results[-1]}\n")
    section = table(results)
    sys.stdout.write(section + "\n")
    if only is None and not chosen.quick:
        page.write("replays", section)


def table(results: list[Result]) -> str:
    """Markdown."""
    header = [
        "stream", "seed", "false incidents", "true incidents", "delay, events", "onset error, events",
        "highest clean score / threshold", "channel", "watch that rose most", "first named cluster",
        "examples from the change",
    ]  # fmt: skip
    rows = [
        [
            r.stream, str(r.seed), str(r.false_incidents), str(r.incidents), _or_none(r.delay),
            _or_none(r.onset_error), f"{r.highest_clean:.1f} / {r.threshold:.1f}",
            r.channel, r.watch, r.named, "" if r.purity is None else f"{r.purity:.0%}",
        ]
        for r in results
    ]  # fmt: skip
    return page.table(header, rows)


def _or_none(value: int | None) -> str:
    return "" if value is None else str(value)
