r"""Composition root of the third process: settings -> scorers, judges, candidates -> one Faust application.

samples, readings --shadow--> evaluations
deployments --release_runs--> evaluations

Apart from the workers, so that keys of models lie in one place, and a model that hangs stops no measurement.
"""

import contextlib
import os
import socket
from asyncio import sleep

import faust

from agents import health, process, release_runs, shadow
from agents.library import Library
from agents.plumbing import Outbox, make_app, raise_if_cancelled
from agents.telemetry import log
from app.adapters.encoders import open_encoder
from app.adapters.evaluators import open_evaluators
from app.adapters.expected import ExpectedAnswers, read_gold
from app.adapters.shadow import Scoring
from app.adapters.status import RedisStatusStore
from app.errors import DependencyError
from app.settings import Settings

HEARTBEAT_SECONDS = 5.0


def build(settings: Settings) -> faust.App:
    """The evaluator's application; nothing is connected yet.  Raises: SettingsError, InputError."""
    given = settings.evaluation
    by = open_evaluators(given)
    gold = read_gold(given.gold)
    encoder = open_encoder(settings.encoder)
    expected = ExpectedAnswers(given.evalset, encoder)
    scoring = Scoring(
        by=by, encoder=encoder, gold=gold, expected=expected, longest=max(given.text_characters, 1)
    )
    if not by.calls:
        log.info("nothing_is_asked", remedy="set evaluation.judges or evaluation.candidates to ask models")
    app = make_app(settings, group=f"{settings.worker.group}-evaluate")
    library = Library(settings, fingerprint=encoder.fingerprint)
    outbox = Outbox(app, settings.kafka.topic_prefix)
    facts = shadow.register(app, settings, scoring=scoring, library=library, outbox=outbox)
    release_runs.register(app, settings, by=by, encoder=encoder, outbox=outbox)
    store = RedisStatusStore(settings.redis.url.get_secret_value())
    name = f"{socket.gethostname()}-{os.getpid()}"

    async def beat() -> None:
        while True:
            raise_if_cancelled()
            with contextlib.suppress(DependencyError):  # the page goes stale, nothing else
                await store.heartbeat(name, facts())
            await sleep(HEARTBEAT_SECONDS)

    async def serve_health() -> None:
        if given.port:
            await health.serve(given.host, given.port, ready=lambda: not_ready(app, library))

    async def close(*_: object, **__: object) -> None:
        await by.close()

    app.on_before_shutdown.connect(process.end_in_time)
    app.on_before_shutdown.connect(close)
    for task in (library.follow, beat, serve_health):
        app.task(task)
    return app


def not_ready(app: faust.App, library: Library) -> str | None:
    """Why the evaluator is not ready: None when it is."""
    if not library.ready.is_set():
        return "references are still being read"
    return "no partitions assigned" if app.unassigned or app.rebalancing else None


def main() -> None:
    """Run an evaluator until it is told to stop; exit codes as in app.errors."""
    process.run(build, name="evaluator")


if __name__ == "__main__":
    main()
