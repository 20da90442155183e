"""`baseline renew`: what is normal from now on, learned from traffic that has been."""

import time
from typing import Annotated

import typer

from app.cli.encoder import live_encoder
from app.cli.terminal import AsJson, say, settings_of, show_json

group = typer.Typer(help="What live traffic is compared with.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="baseline")


@group.callback()
def root() -> None:
    """What live traffic is compared with."""


@group.command()
def renew(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    application: Annotated[str, typer.Option(help="Which product.")],
    hours: Annotated[float, typer.Option(min=0.01, help="Of event time, up to --until.")] = 24.0,
    until: Annotated[str | None, typer.Option(help="RFC 3339 or epoch seconds; default now.")] = None,
    events: Annotated[
        int | None, typer.Option(min=100, help="At most so many, the newest; default baseline_events.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Learn and tell, publish nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn a new baseline from the last hours of interactions.v1 and hand it to every worker.

    For a change that is wanted: its incident ends once new traffic is like the new baseline.
    """
    from app.adapters import publication, renewal
    from app.adapters.replay import baseline_facts

    settings = settings_of(ctx)
    end = _moment(until)
    since = end - 3600 * hours
    most = settings.detection.baseline_events if events is None else events
    records = renewal.retained(settings.kafka, since=since)
    found = renewal.newest(records, application, span=(since, end), most=most)
    say(f"{len(found):,} interactions of {application}")
    learned = renewal.learn(found, settings, encoder=live_encoder(settings.encoder))
    for baseline in learned:
        if not dry_run:
            publication.publish_baseline(settings.kafka, baseline)
        facts = baseline_facts(baseline)
        kind = baseline.reference.kind
        begin, last = facts["window"]
        say(f"{facts['id']} ({kind}): {facts['units']:,} units of {begin} to {last}")
    say("nothing published" if dry_run else f"published at {settings.kafka.bootstrap_servers}")
    if as_json:
        show_json([baseline_facts(baseline) for baseline in learned])


def _moment(text: str | None) -> float:
    from schemas.codec import SchemaError, parse_time

    if text is None:
        return time.time()
    try:
        number = text.replace(".", "", 1).isdigit()
        return parse_time(float(text) if number else text, "until").timestamp()
    except SchemaError as error:
        raise typer.BadParameter(f"{error.problem}; {error.remedy}", param_hint="--until") from error
