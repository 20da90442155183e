"""The command line: `promptdrift COMMAND`.  Exit codes stand in app/errors.py; 2 is wrong usage, 130 Ctrl-C.

Commands import what is heavy when they run: `promptdrift topics create` needs no scikit-learn.
"""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli import (
    alerts,
    baseline,
    config,
    dead_letters,
    demo,
    deployment,
    dev,
    doctor,
    encoder,
    evalset,
    init,
    monitors,
    reference,
    replay,
    schema,
    send,
    serve,
    topics,
)
from app.cli.terminal import say, show
from app.errors import PromptdriftError

__all__ = ["app", "main"]


class Program(TyperGroup):
    """A group whose deliberate failures become one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  typer vendors the types
        """Run the command."""
        try:
            return super().invoke(ctx)
        except PromptdriftError as error:
            say(f"error: {error}")
            raise typer.Exit(error.exit_code) from error


app = typer.Typer(
    cls=Program,
    name="promptdrift",
    help="Streaming drift detection for AI products, on Kafka.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    replay,
    reference,
    baseline,
    evalset,
    send,
    topics,
    schema,
    config,
    deployment,
    dead_letters,
    alerts,
    monitors,
    dev,
):
    module.register(app)
for module in (doctor, init, serve, encoder, demo):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        try:
            show(version("promptdrift"))
        except PackageNotFoundError:
            show("0 (not installed)")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file; default promptdrift.yaml where it exists.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Streaming drift detection for AI products, on Kafka."""
    ctx.obj = config


def main() -> None:
    """Entry point.  PROMPTDRIFT_DEBUG shows where an unexpected error came from."""
    # Before numpy loads: its threads wait for each other on shared cores (a replay took 61 s, not 21).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except Exception as error:
        if os.environ.get("PROMPTDRIFT_DEBUG"):
            raise
        say(f"error: unexpected {type(error).__name__}; PROMPTDRIFT_DEBUG=1 shows where it came from")
        raise SystemExit(1) from None
