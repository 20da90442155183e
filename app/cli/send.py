"""`send`: a file of events onto the topics, in the order in which `replay` would read it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.adapters.files import EventFile
from app.cli.inputs import EVENTS_HELP, Mapped, events_of
from app.cli.terminal import AsJson, progress, say, settings_of, show_json
from app.errors import InputError
from app.settings import KafkaSettings
from schemas.topics import INTERACTIONS

if TYPE_CHECKING:
    from app.adapters.kafka import Record


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command()(send)


def send(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help=EVENTS_HELP)],
    topic: Annotated[str | None, typer.Option(help="Everything to this topic, named in full.")] = None,
    application: Annotated[str | None, typer.Option(help="Of events that name none.")] = None,
    mapped: Mapped = None,
    keep_bad: Annotated[
        bool, typer.Option("--keep-bad", help="Send unreadable lines as they are: they become dead letters.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send EVENTS to Kafka: each type to its topic, interactions keyed by user or conversation."""
    kafka = settings_of(ctx).kafka
    records = _records(kafka, events_of(events, application=application, mapped=mapped), keep_bad=keep_bad)
    if topic is not None:
        records = [replace(record, topic=topic) for record in records]
    counts = Counter(record.topic for record in records)
    if not dry_run:
        from app.adapters.kafka import produce

        with progress("sending", len(records)) as advance:
            produce(kafka, records, sent=lambda: advance(1))
    for name, count in counts.items():
        say(f"{name}: {count:,} {'would be sent' if dry_run else 'sent'}")
    if as_json:
        show_json({"sent": 0 if dry_run else len(records), "topics": counts, "dry_run": dry_run})


def _records(kafka: KafkaSettings, source: EventFile, *, keep_bad: bool) -> "Sequence[Record]":
    from app.adapters.kafka import Record, full_name, record_of

    records = [record_of(kafka, event) for event in source.events]
    if keep_bad:
        where = full_name(kafka, INTERACTIONS)
        records += [Record(topic=where, value=bad.raw) for bad in source.unreadable]
    if not records:
        raise InputError(f"{source.path}: holds nothing that can be sent")
    return records
