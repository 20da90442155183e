"""`topics create|list`: the catalogue on the broker."""

from typing import TYPE_CHECKING

import typer

from app.cli.terminal import AsJson, say, settings_of, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.adapters.kafka_topics import TopicState

group = typer.Typer(help="Topics of the catalogue on the broker.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="topics")


@group.command()
def create(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Create what is missing.  What is there stays as it is; run it as often as you like."""
    from app.adapters.kafka_topics import create_topics

    kafka = settings_of(ctx).kafka
    states = create_topics(kafka)
    _tell(states, as_json=as_json)
    counts = {state: sum(s.state == state for s in states) for state in ("created", "ok", "differs")}
    existed = counts["ok"] + counts["differs"]
    say(f"{counts['created']} created, {existed} existed at {kafka.bootstrap_servers}")
    if counts["differs"]:
        say("those that differ were left alone: change them with your broker's tools, or change the settings")


@group.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the catalogue and what the broker has of it."""
    from app.adapters.kafka_topics import list_topics

    _tell(list_topics(settings_of(ctx).kafka), as_json=as_json)


def _tell(states: "Sequence[TopicState]", *, as_json: bool) -> None:
    if as_json:
        show_json(
            [
                {
                    "topic": s.name,
                    "state": s.state,
                    "partitions": s.partitions,
                    "differences": list(s.differences),
                    "key": s.topic.key,
                    "cleanup": s.topic.cleanup,
                    "retention_ms": s.topic.retention_ms,
                    "carries": s.topic.carries,
                }
                for s in states
            ]
        )
        return
    rows = [
        (s.name, s.state, s.partitions or "-", s.topic.cleanup, "; ".join(s.differences) or s.topic.carries)
        for s in states
    ]
    show_table([("TOPIC", "STATE", "PARTITIONS", "CLEANUP", "CARRIES"), *rows])
