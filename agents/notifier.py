r"""Composition root of the second process: settings -> sinks -> one Faust application that tells them.

alerts, deployments --notify--> PagerDuty, Slack, webhooks
                       \--> deliveries

Apart from the workers, so that keys of sinks lie in one place, and a sink that hangs stops no measurement.
"""

import asyncio
import contextlib
import os
import socket

import faust

from agents import health, notify, process
from agents.notify import Exchange
from agents.plumbing import make_app, raise_if_cancelled
from agents.telemetry import log
from app.adapters.notifiers import Notifier, sinks_of
from app.adapters.status import RedisStatusStore
from app.errors import DependencyError
from app.settings import Settings

HEARTBEAT_SECONDS = 5.0


def build(settings: Settings) -> faust.App:
    """The notifier's application; nothing is connected yet.  Raises: SettingsError for a sink."""
    sinks = sinks_of(settings.notify)
    if not sinks:
        log.warning("no_sinks", remedy="set PAGERDUTY_ROUTING_KEY or notify.sinks")
    exchange = Exchange(settings.notify, sinks, Notifier(settings.notify))
    app = make_app(settings, group=f"{settings.worker.group}-notify")
    notify.register(app, settings, exchange)
    store = RedisStatusStore(settings.redis.url.get_secret_value())
    name = f"{socket.gethostname()}-{os.getpid()}"

    async def beat() -> None:
        while True:
            raise_if_cancelled()
            with contextlib.suppress(DependencyError):  # the page goes stale, nothing else
                await store.heartbeat(name, exchange.facts())
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def serve_health() -> None:
        if settings.notify.port:
            await health.serve(settings.notify.host, settings.notify.port, ready=lambda: not_ready(app))

    async def close(*_: object, **__: object) -> None:
        await exchange.notifier.close()

    app.on_before_shutdown.connect(process.end_in_time)
    app.on_before_shutdown.connect(close)
    for task in (beat, serve_health):
        app.task(task)
    return app


def not_ready(app: faust.App) -> str | None:
    """Why the notifier is not ready: None when it is."""
    return "no partitions assigned" if app.unassigned or app.rebalancing else None


def main() -> None:
    """Run a notifier until it is told to stop; exit codes as in app.errors."""
    process.run(build, name="notifier")


if __name__ == "__main__":
    main()
