"""`dead-letters list|show|replay`: what could not be read, why, and sending it again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.terminal import AsJson, say, settings_of, show, show_json, show_table
from app.errors import InputError
from app.settings import KafkaSettings
from schemas.topics import CONNECT, CUT, DEAD_LETTERS, FOREIGN, TOLD

if TYPE_CHECKING:
    from app.adapters.kafka import Headers, Record

SHOWN = 2_000  # characters

group = typer.Typer(help="Records that could not be read.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `id` is its place, partition:offset."""

    record: "Record"

    @property
    def id(self) -> str:
        """Where it lies on the topic of dead letters."""
        return f"{self.record.partition}:{self.record.offset}"

    def told(self, name: str) -> str:
        """One of Kafka Connect's error headers, empty where it is not there."""
        return dict(self.record.headers).get(CONNECT + name, b"").decode("utf-8", "replace")

    @property
    def facts(self) -> dict[str, Any]:
        """Everything but the content."""
        millis = self.record.time_ms
        return {
            "id": self.id,
            "time": None if not millis else datetime.fromtimestamp(millis / 1000, UTC).isoformat(),
            "topic": self.told("topic"),
            "partition": self.told("partition"),
            "offset": self.told("offset"),
            "stage": self.told("stage"),
            "reason": self.told("exception.message"),
            "bytes": len(self.record.value or b""),
            "cut_from": self.cut_from,
        }

    @property
    def cut_from(self) -> int | None:
        """Bytes that the original had, where it was too large to be kept whole; else None."""
        told = dict(self.record.headers).get(CUT) or b""
        return int(told) if told.isdigit() else None

    @property
    def headers(self) -> "Headers":
        """The headers that the original record had."""
        return tuple(
            (name.removeprefix(FOREIGN), value)
            for name, value in self.record.headers
            if name.startswith(FOREIGN) or not name.startswith(TOLD)
        )

    def revived(self, to: str | None) -> "Record":
        """The original record, for its original topic or another one.

        Raises: InputError for neither, and where not all of it is here.
        """
        if self.cut_from is not None:
            raise InputError(
                f"dead letter {self.id} holds only the beginning of {self.cut_from:,} bytes and cannot be "
                "sent again; send its original in smaller records"
            )
        topic = to or self.told("topic")
        if not topic:
            raise InputError(
                f"dead letter {self.id} does not say which topic it came from; name one with --to"
            )
        return replace(self.record, topic=topic, headers=self.headers, partition=-1)


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="dead-letters")


@group.command("list")
def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what could not be read, the newest first."""
    found = _letters(settings_of(ctx).kafka)
    newest = sorted(found, key=lambda letter: -(letter.record.time_ms or 0))[:limit]
    if as_json:
        show_json([letter.facts for letter in newest])
        return
    rows = [
        tuple(letter.facts[name] for name in ("id", "time", "topic", "stage", "reason")) for letter in newest
    ]
    show_table([("ID", "TIME", "FROM", "STAGE", "REASON"), *rows])
    say(f"{len(found):,} dead letters")


@group.command("show")
def show_(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(help="As `list` names it, partition:offset.")],
    raw: Annotated[bool, typer.Option("--raw", help="The original bytes, nothing redacted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: why it is here, its headers, its content (redacted)."""
    from app.adapters.redaction import redact

    letter = _chosen(_letters(settings_of(ctx).kafka), [id])[0]
    value = letter.record.value or b""
    if raw:
        typer.echo(value, nl=False)
        return
    facts = letter.facts | {
        "key": None if letter.record.key is None else letter.record.key.decode("utf-8", "replace"),
        "headers": {name: v.decode("utf-8", "replace") for name, v in letter.headers},
        "value": redact(value.decode("utf-8", "replace"), limit=SHOWN),
    }
    if as_json:
        show_json(facts)
    else:
        show_table([(name, value) for name, value in facts.items() if name != "value"])
        show("")
        show(facts["value"])


@group.command("replay")
def replay_(
    ctx: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="As `list` names them, partition:offset.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    to: Annotated[
        str | None, typer.Option(help="Topic, named in full; default where each came from.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent.")] = False,
) -> None:
    """Send dead letters again as they were, once the reader is mended; they stay listed until they expire."""
    if bool(ids) == everything:
        raise typer.BadParameter("name dead letters, or give --all", param_hint="IDS")
    kafka = settings_of(ctx).kafka
    found = _letters(kafka)
    chosen = [each for each in found if each.cut_from is None] if everything else _chosen(found, ids or [])
    if everything and len(chosen) < len(found):
        say(f"{len(found) - len(chosen):,} were too large to be kept whole and are left out")
    records = [letter.revived(to) for letter in chosen]
    if not dry_run and records:
        from app.adapters.kafka import produce

        produce(kafka, records)
    say(f"{len(records):,} dead letters {'would be' if dry_run else 'were'} sent again")


def _letters(kafka: KafkaSettings) -> list[Letter]:
    from app.adapters.kafka import full_name
    from app.adapters.kafka_reading import read_all

    return [Letter(record) for record in read_all(kafka, full_name(kafka, DEAD_LETTERS))]


def _chosen(found: Sequence[Letter], ids: Sequence[str]) -> list[Letter]:
    known = {letter.id: letter for letter in found}
    missing = [id for id in ids if id not in known]
    if missing:
        raise InputError(f"no dead letter {', '.join(missing)}; `promptdrift dead-letters list` names them")
    return [known[id] for id in ids]
