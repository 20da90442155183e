r"""Composition root: settings -> adapters -> one Faust application with every agent.

interactions --measure--> ticks --detect, outcomes--> readings --alert--> alerts
                \--> samples     evaluations --evaluate--/  \\--status--> Redis
"""

import os
import socket
from collections.abc import Awaitable, Callable
from functools import partial

import faust

from agents import alert, detect, evaluate, health, ingest, measure, outcomes, process
from agents.curate import Curate
from agents.library import Library
from agents.measure import Eyes
from agents.plumbing import Outbox, assigned, make_app
from agents.status import StatusFeed
from agents.telemetry import VECTORS, log
from agents.vitals import Vitals
from app.adapters.describe import describe
from app.adapters.encoders import open_encoder
from app.adapters.exchanges import carrying_of
from app.adapters.kafka import full_name
from app.adapters.status import RedisStatusStore
from app.adapters.tuning import monitor_settings
from app.adapters.watches import load_bank
from app.core.health import Health, HealthLimits
from app.settings import Settings
from schemas.topics import READINGS

Task = Callable[[], Awaitable[None]]


def build(settings: Settings) -> faust.App:
    """The worker's application; nothing is connected yet."""
    encoder = open_encoder(settings.encoder)
    if encoder.meaning is not None:
        encoder.meaning.memory.tell = count_vectors
        log.info("transformer_reads_every_prompt", fingerprint=encoder.meaning.fingerprint)
    app = make_app(settings)
    outbox = partial(Outbox, app, settings.kafka.topic_prefix)
    library = Library(settings, fingerprint=encoder.fingerprint)
    eyes = Eyes(encoder=encoder, describe=describe, carrying=carrying_of(settings.evaluation))
    ingest.register(app, settings, outbox())
    measure.register(app, settings, eyes=eyes, library=library, outbox=outbox())
    monitor = monitor_settings(settings.detection, load_bank(encoder, settings.detection))
    detect.register(
        app,
        settings,
        monitor=monitor,
        fingerprint=encoder.fingerprint,
        library=library,
        outbox=outbox(),
    )
    for stage in (outcomes, evaluate):
        stage.register(app, settings, monitor=monitor, library=library, outbox=outbox())
    alert.register(app, settings, outbox=outbox(), rules=monitor.rules)
    app.on_before_shutdown.connect(process.end_in_time)
    for task in beside(app, settings, library):
        app.task(task)
    return app


def beside(app: faust.App, settings: Settings, library: Library) -> list[Task]:
    """What runs beside the stages: references, the status, the pipeline's own health, the curator."""
    outbox = partial(Outbox, app, settings.kafka.topic_prefix)
    store = RedisStatusStore(settings.redis.url.get_secret_value())
    name = f"{socket.gethostname()}-{os.getpid()}"
    readings = full_name(settings.kafka, READINGS)
    vitals = Vitals(
        settings,
        Health(HealthLimits(**settings.health.model_dump())),
        outbox=outbox(),
        speaks=lambda: 0 in assigned(app, readings),
        store_fresh=lambda: feed.fresh,
    )
    feed = StatusFeed(
        settings, store, name, facts=vitals.facts, references=library.summaries, heard=vitals.hear
    )

    async def serve_health() -> None:
        if settings.worker.port:
            await health.serve(
                settings.worker.host, settings.worker.port, ready=lambda: not_ready(app, library)
            )

    tasks: list[Task] = [library.follow, feed.follow, vitals.follow, serve_health]
    if settings.curation.store is not None:
        tasks.append(
            Curate(
                settings.curation,
                settings.curation.store,
                outbox=outbox(),
                leads=lambda: 0 in assigned(app, readings),
                measured=library.measured,
            ).follow
        )
    return tasks


def count_vectors(hits: int, misses: int) -> None:
    """Of the transformer's memory."""
    VECTORS.labels("hit").inc(hits)
    VECTORS.labels("miss").inc(misses)


def not_ready(app: faust.App, library: Library) -> str | None:
    """Why the worker is not ready: None when it is."""
    if not library.ready.is_set():
        return "references are still being read"
    if app.unassigned or app.rebalancing:
        return "no partitions assigned"
    return None


def main() -> None:
    """Run a worker until it is told to stop; exit codes as in app.errors."""
    process.run(build, name="worker")


if __name__ == "__main__":
    main()
