"""Composition root: settings -> adapters -> one Faust application with every agent.

    interactions --measure--> ticks --detect--> readings --alert--> alerts
                    \\--> samples                    \\--status--> Redis
"""

import asyncio
import os
import socket
import sys
from typing import Any

import faust
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents import alert, detect, health, ingest, measure
from agents.library import Library
from agents.measure import Eyes
from agents.plumbing import Outbox, client_options, make_app
from agents.status import StatusFeed
from agents.telemetry import configure_logging, log
from app.adapters.describe import describe
from app.adapters.encoders import load_encoder
from app.adapters.status import RedisStatusStore
from app.errors import DependencyError, MissingTopic, PromptdriftError
from app.settings import Settings, load
from schemas.topics import CATALOGUE


def build(settings: Settings) -> faust.App:
    """The worker's application; nothing is connected yet."""
    encoder = load_encoder(
        table=settings.encoder.table, model=settings.encoder.model, cache_dir=settings.encoder.cache_dir
    )
    app = make_app(settings)
    outbox = Outbox(app, settings.kafka.topic_prefix)
    library = Library(settings, fingerprint=encoder.fingerprint)
    eyes = Eyes(encoder=encoder, describe=describe)
    ingest.register(app, settings, Outbox(app, settings.kafka.topic_prefix))
    measure.register(app, settings, eyes=eyes, library=library, outbox=outbox)
    detect.register(
        app,
        settings,
        fingerprint=encoder.fingerprint,
        library=library,
        outbox=Outbox(app, settings.kafka.topic_prefix),
    )
    alert.register(app, settings, outbox=Outbox(app, settings.kafka.topic_prefix))
    store = RedisStatusStore(settings.redis.url.get_secret_value())
    feed = StatusFeed(settings, store, f"{socket.gethostname()}-{os.getpid()}")

    @app.task
    async def follow_library() -> None:
        await library.follow()

    @app.task
    async def follow_status() -> None:
        await feed.follow()

    @app.task
    async def serve_health() -> None:
        if settings.worker.port:
            await health.serve(
                settings.worker.host, settings.worker.port, ready=lambda: not_ready(app, library)
            )

    return app


def not_ready(app: faust.App, library: Library) -> str | None:
    """Why the worker is not ready: None when it is."""
    if not library.ready.is_set():
        return "references are still being read"
    if app.unassigned or app.rebalancing:
        return "no partitions assigned"
    return None


async def require_topics(settings: Settings) -> None:
    """Fail early and clearly where the broker or a topic is missing.

    Raises: DependencyError, MissingTopic.
    """
    address = settings.kafka.bootstrap_servers
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=10_000)
    try:
        await asyncio.wait_for(admin.start(), timeout=15)
        present = set(await admin.list_topics())
    except (KafkaError, OSError, TimeoutError) as error:
        raise DependencyError(
            f"kafka.bootstrap_servers: no broker answers at {address} ({type(error).__name__}); "
            "check the address and that it is up"
        ) from error
    finally:
        await admin.close()
    missing = [name for t in CATALOGUE if (name := settings.kafka.topic_prefix + t.name) not in present]
    missing += [source.topic for source in settings.sources if source.topic not in present]
    if missing:
        raise MissingTopic(f"topics are missing: {', '.join(missing)}; run `promptdrift topics create`")


def main() -> Any:  # noqa: ANN401  exits
    """Run a worker until it is told to stop; exit codes as in app.errors."""
    try:
        settings = load()
        configure_logging(settings.log)
        asyncio.run(require_topics(settings))
        app = build(settings)
    except PromptdriftError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from None
    log.info("worker_starts", group=settings.worker.group, brokers=settings.kafka.bootstrap_servers)
    worker = faust.Worker(app, loglevel=None, redirect_stdouts=False, quiet=True, override_logging=False)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
