"""`dev fake-pagerduty`: something to send to while nobody should be woken."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal import say
from app.errors import SettingsError

group = typer.Typer(help="For trying things out.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="dev")


@group.callback()
def root() -> None:
    """For trying things out."""


@group.command("fake-pagerduty")
def fake_pagerduty(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8765,
    faults: Annotated[
        str, typer.Option(help="What goes wrong: ok, 503, 429:7, hang, close, lost, half; x3 repeats.")
    ] = "",
    journal: Annotated[Path | None, typer.Option(help="File that keeps what was taken.")] = None,
    key: Annotated[list[str] | None, typer.Option(help="The only routing keys that are known.")] = None,
) -> None:
    """Serve PagerDuty's Events API v2: its rules, its limits, faults on demand.  GET /_state tells all."""
    from aiohttp import web

    from app.adapters.fake_pagerduty import Desk, FakePagerDuty, faults_of

    fake = FakePagerDuty(keys=frozenset(key or ()), journal=journal)
    try:
        fake.faults.extend(faults_of(faults))
        fake.recover()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--faults or --journal") from error
    say(f"a fake PagerDuty listens on http://{host}:{port}; http://{host}:{port}/_state tells what it took")
    try:
        web.run_app(
            Desk(fake).application(), host=host, port=port, print=None, access_log=None, shutdown_timeout=1.0
        )
    except OSError as error:
        problem = f"cannot listen on {host}:{port} ({error.strerror})"
        raise SettingsError(f"{problem}; choose another --port") from error
