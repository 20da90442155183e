r"""Composition root: settings -> adapters -> one Faust application with every agent.

interactions --measure--> ticks --detect--> readings --alert--> alerts
                \--> samples                    \\--status--> Redis
"""

import os
import socket
import sys
import threading
from typing import Any

import faust
from threadpoolctl import threadpool_limits

from agents import alert, detect, health, ingest, measure
from agents.library import Library
from agents.measure import Eyes
from agents.plumbing import Outbox, make_app
from agents.status import StatusFeed
from agents.telemetry import VECTORS, configure_logging, log
from app.adapters.describe import describe
from app.adapters.encoders import open_encoder
from app.adapters.kafka import full_name, require_topics
from app.adapters.status import RedisStatusStore
from app.adapters.tuning import monitor_settings
from app.adapters.watches import load_bank
from app.errors import PromptdriftError
from app.settings import Settings, load
from schemas.topics import CATALOGUE

SHUTDOWN_SECONDS = 15.0


def build(settings: Settings) -> faust.App:
    """The worker's application; nothing is connected yet."""
    encoder = open_encoder(settings.encoder)
    if encoder.meaning is not None:
        encoder.meaning.memory.tell = count_vectors
        log.info("transformer_reads_every_prompt", fingerprint=encoder.meaning.fingerprint)
    app = make_app(settings)
    outbox = Outbox(app, settings.kafka.topic_prefix)
    library = Library(settings, fingerprint=encoder.fingerprint)
    eyes = Eyes(encoder=encoder, describe=describe)
    ingest.register(app, settings, Outbox(app, settings.kafka.topic_prefix))
    measure.register(app, settings, eyes=eyes, library=library, outbox=outbox)
    monitor = monitor_settings(settings.detection, load_bank(encoder, settings.detection))
    detect.register(
        app,
        settings,
        monitor=monitor,
        fingerprint=encoder.fingerprint,
        library=library,
        outbox=Outbox(app, settings.kafka.topic_prefix),
    )
    alert.register(app, settings, outbox=Outbox(app, settings.kafka.topic_prefix), rules=monitor.rules)
    store = RedisStatusStore(settings.redis.url.get_secret_value())
    name = f"{socket.gethostname()}-{os.getpid()}"
    feed = StatusFeed(settings, store, name, references=library.summaries)

    async def serve_health() -> None:
        if settings.worker.port:
            await health.serve(
                settings.worker.host, settings.worker.port, ready=lambda: not_ready(app, library)
            )

    app.on_before_shutdown.connect(end_in_time)
    for task in (library.follow, feed.follow, serve_health):
        app.task(task)
    return app


def count_vectors(hits: int, misses: int) -> None:
    """Of the transformer's memory."""
    VECTORS.labels("hit").inc(hits)
    VECTORS.labels("miss").inc(misses)


async def end_in_time(*_: object, **__: object) -> None:
    """A broker that is gone must not keep a worker from ending: what is not acknowledged is repeated."""
    deadline = threading.Timer(SHUTDOWN_SECONDS, os._exit, [1])
    deadline.daemon = True
    deadline.start()


def not_ready(app: faust.App, library: Library) -> str | None:
    """Why the worker is not ready: None when it is."""
    if not library.ready.is_set():
        return "references are still being read"
    if app.unassigned or app.rebalancing:
        return "no partitions assigned"
    return None


def main() -> Any:  # noqa: ANN401  exits
    """Run a worker until it is told to stop; exit codes as in app.errors."""
    try:
        settings = load()
        configure_logging(settings.log)
        wanted = {full_name(settings.kafka, topic) for topic in CATALOGUE}
        require_topics(settings.kafka, wanted | {source.topic for source in settings.sources})
        app = build(settings)
    except PromptdriftError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from None
    threadpool_limits(1)  # workers share the cores; BLAS threads of several would wait for each other
    log.info("worker_starts", group=settings.worker.group, brokers=settings.kafka.bootstrap_servers)
    worker = faust.Worker(app, loglevel=None, redirect_stdouts=False, quiet=True, override_logging=False)
    worker.spinner = None  # it writes control codes, and lowers the level of the root logger to DEBUG
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
