"""`api`, `worker`, `notifier` and `evaluator`: what keeps running."""

import asyncio
import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.inputs import Muted, Watches, watching
from app.cli.terminal import config_of, say, settings_of
from app.errors import SettingsError
from app.settings import LogSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.decisions import Acknowledgement
    from schemas.events import Deployment

WORKER, NOTIFIER, EVALUATOR = "agents.worker", "agents.notifier", "agents.evaluator"  # by name: one arrow
GRACE_SECONDS = 5


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.command()(api)
    app.command()(worker)
    app.command()(notifier)
    app.command()(evaluator)


def api(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0: any free one.")] = None,
) -> None:
    """Serve page, API, live feed, probes and metrics from Redis."""
    given = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    settings = settings_of(ctx, {"api": given})

    import uvicorn

    from app.adapters.status import RedisStatusStore
    from app.web.runner import Server
    from app.web.server import create_app

    async def tell(given: "Acknowledgement") -> None:
        from app.adapters.subscription import answer

        await asyncio.to_thread(answer, settings.kafka, given)

    async def record(given: "Sequence[Deployment]") -> None:
        from app.adapters.kafka import produce, record_of

        await asyncio.to_thread(produce, settings.kafka, [record_of(settings.kafka, each) for each in given])

    store = RedisStatusStore(settings.redis.url.get_secret_value())
    program = create_app(store, settings.api, tell=tell, record=record)
    with _listen(settings.api.host, settings.api.port) as listener:
        say(f"promptdrift listens on http://{settings.api.host}:{listener.getsockname()[1]}")
        config = uvicorn.Config(
            program,
            log_config=_log_config(settings.log),
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,  # the live feed never ends by itself
        )
        Server(config).run(sockets=[listener])


def worker(ctx: typer.Context, watch: Watches = None, mute: Muted = None) -> None:
    """Run a worker: ingest, measure, detect, alert.  One for each few partitions; they share the work."""
    given = watching(watch, mute)
    detection = settings_of(ctx, {"detection": given}).detection  # fail here, with one line
    told = {name: json.dumps(detection.model_dump(mode="json")[name]) for name in given}
    _become(ctx, WORKER, {f"PROMPTDRIFT_DETECTION__{name.upper()}": value for name, value in told.items()})


def notifier(ctx: typer.Context) -> None:
    """Run a notifier: tells PagerDuty, Slack and webhooks of incidents.  Two share the work."""
    settings_of(ctx)  # fail here, with one line
    _become(ctx, NOTIFIER, {})


def evaluator(ctx: typer.Context) -> None:
    """Run an evaluator: scores live answers, asks judges and candidates.  Several share the work."""
    settings_of(ctx)  # fail here, with one line
    _become(ctx, EVALUATOR, {})


def _become(ctx: typer.Context, module: str, more: dict[str, str]) -> None:
    config = config_of(ctx)
    environment = {**os.environ, **more}
    if config is not None:
        environment["PROMPTDRIFT_CONFIG"] = str(config.resolve())
    os.execve(sys.executable, [sys.executable, "-m", module], environment)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"api: cannot listen on {host}:{port} ({error.strerror}); choose another --port"
        ) from error


def _log_config(log: LogSettings) -> dict[str, Any]:
    """One line per event on stderr, JSON where a collector reads it."""
    import structlog

    renderer: Any = structlog.processors.JSONRenderer()
    if log.format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        "foreign_pre_chain": shared,
    }
    handler = {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": handler},
        "root": {"handlers": ["stderr"], "level": log.level},
    }
