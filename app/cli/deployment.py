"""`deployment record`: tell promptdrift of a release, from CI for example."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from app.adapters.deployment_forms import check
from app.cli.terminal import AsJson, say, settings_of, show_json
from schemas.codec import SchemaError, to_event
from schemas.events import Deployment

group = typer.Typer(help="Releases of your product.", no_args_is_help=True)


class Status(StrEnum):
    """How far the release is."""

    started = "started"
    succeeded = "succeeded"
    failed = "failed"
    rolled_back = "rolled_back"


class Kind(StrEnum):
    """What was released."""

    code = "code"
    prompt = "prompt"
    model = "model"
    rag = "rag"
    flag = "flag"
    config = "config"


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="deployment")


@group.callback()
def root() -> None:
    """Releases of your product."""


@group.command()
def record(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    application: Annotated[str, typer.Option(help="Which product.")],
    version: Annotated[str, typer.Option(help="What was released.")],
    id: Annotated[str | None, typer.Option(help="As interactions name it; default the version.")] = None,
    status: Annotated[Status, typer.Option()] = Status.succeeded,
    kind: Annotated[Kind, typer.Option()] = Kind.model,
    time: Annotated[str | None, typer.Option(help="RFC 3339 or epoch seconds; default now.")] = None,
    variant: Annotated[str | None, typer.Option(help="Arm that got it.")] = None,
    traffic_percent: Annotated[float | None, typer.Option(min=0, max=100)] = None,
    previous_version: Annotated[str | None, typer.Option()] = None,
    environment: Annotated[str, typer.Option()] = "production",
    commit: Annotated[str | None, typer.Option()] = None,
    url: Annotated[str | None, typer.Option()] = None,
    actor: Annotated[str | None, typer.Option()] = None,
    summary: Annotated[str | None, typer.Option()] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the event, send nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Record one deployment on the topic of deployments."""
    found: dict[str, Any] = {
        "application": application,
        "version": version,
        "deployment_id": id or version,
        "status": status.value,
        "kind": kind.value,
        "time": datetime.now(UTC) if time is None else _time(time),
        "variant": variant,
        "traffic_percent": traffic_percent,
        "previous_version": previous_version,
        "environment": environment,
        "commit": commit,
        "url": url,
        "actor": actor,
        "summary": summary,
    }
    _send(ctx, found, dry_run=dry_run, as_json=as_json)


def _time(text: str) -> str | float:
    """Digits are an epoch, everything else is text."""
    return float(text) if text.replace(".", "", 1).isdigit() else text


def _send(ctx: typer.Context, found: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    from app.adapters.kafka import produce, record_of

    kafka = settings_of(ctx).kafka
    try:
        event = to_event(found, kind="deployment")
        assert isinstance(event, Deployment)
        check(event, now=datetime.now(UTC))
    except SchemaError as error:
        option = "--" + error.field.replace("deployment_id", "id").replace("_", "-")
        raise typer.BadParameter(f"{error.problem}; {error.remedy}", param_hint=option) from error
    if not dry_run:
        produce(kafka, [record_of(kafka, event)])
        say(f"deployment {found['deployment_id']} recorded at {kafka.bootstrap_servers}")
    if as_json or dry_run:
        show_json(msgspec.to_builtins(event))
