"""`replay`: a file of events through the whole detector, no broker, same readings as live."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.encoder import live_encoder, meaning_encoder
from app.cli.inputs import EVENTS_HELP, Mapped, Muted, Watches, events_of, tell_unreadable, watching
from app.cli.terminal import AsJson, progress, say, settings_of, show_json

if TYPE_CHECKING:
    from app.adapters.encoders import LiveEncoder
    from app.core.reference import Reference
    from app.core.watch import Bank
    from app.ports import MeaningEncoder

DRIFT_EXIT = 10


class Eye(StrEnum):
    """What names the clusters of the eval set."""

    wording = "wording"
    transformer = "transformer"


class Severity(StrEnum):
    """From which severity on a drift fails the run."""

    warning = "warning"
    critical = "critical"


ClustersWith = Annotated[Eye, typer.Option("--clusters-with", help="Eye that clusters the eval set.")]


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command()(replay)


def replay(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help=EVENTS_HELP)],
    eval_set: Annotated[Path | None, typer.Option("--eval-set", help="JSONL; one item per line.")] = None,
    reference: Annotated[Path | None, typer.Option(help="Folder of `reference build`.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for readings, alerts, summary, report.")] = None,
    baseline_events: Annotated[int | None, typer.Option(min=100, help="Events to learn normal from.")] = None,
    baseline_seconds: Annotated[float | None, typer.Option(min=0, help="Learn from a time span.")] = None,
    pages_per_30_days: Annotated[float | None, typer.Option(min=0, help="False pages you accept.")] = None,
    gap_tolerance: Annotated[
        float | None, typer.Option(min=0, max=1, help="Uncovered share that pages; default never.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    partitions: Annotated[int | None, typer.Option(min=1, max=256, help="As the live topic has.")] = None,
    application: Annotated[str | None, typer.Option(help="Of events that name none.")] = None,
    mapped: Mapped = None,
    clusters_with: ClustersWith = Eye.wording,
    watch: Watches = None,
    mute: Muted = None,
    fail_on: Annotated[Severity | None, typer.Option("--fail-on", help="Exit 10 at this severity.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay EVENTS through the detector: learn a baseline from their beginning, then watch for drift.

    Without --eval-set or --reference only the change monitor runs.  Equal input and seed give equal
    readings and alerts.  Exit 10 with --fail-on where an alert is at least that severe.
    """
    began = time.monotonic()
    if eval_set is not None and reference is not None:
        raise typer.BadParameter("give --eval-set or --reference, not both", param_hint="--reference")
    detection = {
        "baseline_events": baseline_events,
        "baseline_seconds": baseline_seconds,
        "pages_per_30_days": pages_per_30_days,
        "gap_tolerance": gap_tolerance,
        "seed": seed,
    }
    given = {name: value for name, value in detection.items() if value is not None} | watching(watch, mute)
    kafka = {} if partitions is None else {"partitions": partitions}
    settings = settings_of(ctx, {"detection": given, "kafka": kafka})
    source = events_of(events, application=application, mapped=mapped)

    from app.adapters import replay as road
    from app.adapters.summary import summarise
    from schemas.events import Interaction

    source.require(Interaction)
    encoder = live_encoder(settings.encoder)
    known = evalset_reference(
        eval_set,
        reference,
        encoder=encoder,
        meaning=meaning_encoder(settings.encoder) if clusters_with is Eye.transformer else None,
        seed=settings.detection.seed,
    )
    with progress("replaying", len(source.events)) as advance:
        said = road.run(
            source.events,
            encoder=encoder,
            evalset=known,
            detection=settings.detection,
            partitions=settings.kafka.partitions,
            advance=advance,
        )
    summary = summarise(source, said, detection=settings.detection, evalset=known) | {
        "input": str(events),
        "encoder": encoder.fingerprint,
        "partitions": settings.kafka.partitions,
        "wall_seconds": round(time.monotonic() - began, 2),
    }
    if out is not None:
        road.write(out, said=said, summary=summary)
    _tell(summary, out)
    if as_json:
        show_json(summary)
    if fail_on is not None and said.severities & {Severity.critical, fail_on}:
        raise typer.Exit(DRIFT_EXIT)


def evalset_reference(  # noqa: PLR0913  options of two commands
    eval_set: Path | None,
    directory: Path | None,
    *,
    encoder: "LiveEncoder",
    meaning: "MeaningEncoder | None" = None,
    seed: int = 0,
    application: str = "*",
    bank: "Bank | None" = None,
) -> "Reference | None":
    """The reference of an eval set, built now or read from its folder; None where neither is given."""
    from app.adapters import references
    from app.adapters.build import build_reference
    from app.adapters.files import read_evalset

    if directory is not None:
        return references.load_directory(directory, fingerprint=encoder.fingerprint)
    if eval_set is None:
        say("no eval set: only the change monitor runs (--eval-set measures the gap to it)")
        return None
    found = read_evalset(eval_set)
    tell_unreadable(eval_set, found.unreadable)
    return build_reference(
        found.items, encoder=encoder, application=application, seed=seed, meaning=meaning, bank=bank
    )


def _tell(summary: dict[str, Any], out: Path | None) -> None:
    for line in summary["verdicts"].values():
        say(line)
    for name, sentences in summary["quality"].items():
        for sentence in sentences:
            say(f"{name}: {sentence}")
    if out is not None:
        say(f"written to {out}: readings.jsonl, alerts.jsonl, summary.json, report.html")
