"""What every process of agents shares: its start, its end, its exit codes."""

import os
import sys
import threading
from collections.abc import Callable

import faust
from threadpoolctl import threadpool_limits

from agents import tracing
from agents.telemetry import configure_logging, log
from app.adapters.kafka import full_name, require_topics
from app.errors import PromptdriftError
from app.settings import Settings, load
from schemas.topics import CATALOGUE

SHUTDOWN_SECONDS = 15.0


def run(build: Callable[[Settings], faust.App], *, name: str) -> None:
    """Run an application until it is told to stop; exit codes as in app.errors."""
    try:
        settings = load()
        configure_logging(settings.log)
        tracing.start(name)
        wanted = {full_name(settings.kafka, topic) for topic in CATALOGUE}
        require_topics(settings.kafka, wanted | {source.topic for source in settings.sources})
        app = build(settings)
    except PromptdriftError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from None
    threadpool_limits(1)  # workers share the cores; BLAS threads of several would wait for each other
    log.info(f"{name}_starts", group=app.conf.id, brokers=settings.kafka.bootstrap_servers)
    worker = faust.Worker(app, loglevel=None, redirect_stdouts=False, quiet=True, override_logging=False)
    worker.spinner = None  # it writes control codes, and lowers the level of the root logger to DEBUG
    worker.execute_from_commandline()


async def end_in_time(*_: object, **__: object) -> None:
    """A broker that is gone must not keep a process from ending: what is not acknowledged is repeated."""
    deadline = threading.Timer(SHUTDOWN_SECONDS, os._exit, [1])
    deadline.daemon = True
    deadline.start()
