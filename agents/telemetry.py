"""Every counter and every log event of the worker, named once.  No prompt text, ever."""

import logging
import math
import sys
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from app.settings import LogSettings

RECORDS = Counter("promptdrift_records_consumed_total", "Records taken from topics.", ["agent"])
DEAD_LETTERS = Counter("promptdrift_records_dead_lettered_total", "Records sent to dead letters.", ["field"])
EVENTS = Counter("promptdrift_events_total", "Interactions read from interactions.v1, duplicates included.")
UNITS = Counter("promptdrift_units_total", "Candidates for units that were encoded.")
VECTORS = Counter(
    "promptdrift_transformer_vectors_total", "Vectors the transformer was asked for.", ["memory"]
)
SHARE = Gauge("promptdrift_looked_at_share", "Share of units that are looked at; 1 unless shedding.")
READINGS = Counter("promptdrift_readings_total", "Readings sent.", ["monitor", "state"])
ALERTS = Counter("promptdrift_alerts_total", "Transitions sent.", ["monitor", "severity", "state"])
OUTCOMES_COUNTED = Gauge(
    "promptdrift_outcomes_counted", "Outcomes until the last reading.", ["application", "monitor", "fate"]
)
REDIS_ERRORS = Counter("promptdrift_redis_errors_total", "Status writes that failed.")
STAGE_SECONDS = Histogram(
    "promptdrift_record_processing_duration_seconds",
    "Time of one batch in one stage.",
    ["stage"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
NOTIFICATIONS = Counter("promptdrift_notifications_total", "Attempts to tell a sink.", ["sink", "outcome"])
NOTIFICATION_SECONDS = Histogram(
    "promptdrift_notification_duration_seconds",
    "Until a sink answered.",
    ["sink"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
NOTIFICATIONS_WAITING = Gauge("promptdrift_notification_queue_length", "Messages that wait.", ["sink"])
CIRCUIT_OPEN = Gauge("promptdrift_circuit_open", "1 while a sink is left alone because it failed.", ["sink"])
SHADOW_ROWS = Counter("promptdrift_shadow_rows_total", "Rows about live answers.", ["metric", "outcome"])
SHADOW_SECONDS = Histogram(
    "promptdrift_shadow_call_duration_seconds",
    "Until an endpoint answered about one sample.",
    ["kind"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
SHADOW_WAITING = Gauge("promptdrift_shadow_queue_length", "Samples that wait for an endpoint.", ["kind"])
SHADOW_SPENT = Gauge(
    "promptdrift_shadow_spent",
    "Money spent on endpoints today, as charged to the partitions of this process.",
)
CHECKPOINT_AT = Gauge(
    "promptdrift_checkpoint_timestamp_seconds", "When an agent last saved its state.", ["agent"]
)
STATES_LOST = Counter(
    "promptdrift_states_lost_total", "Saved states that could not be used: of partitions.", ["agent"]
)

STAGE_AT = Gauge(
    "promptdrift_stage_timestamp_seconds",
    "When an agent last finished a batch, empty ones included.",
    ["agent"],
)
LAG = Gauge("promptdrift_consumer_lag_records", "Records that wait for a stage.", ["topic", "partition"])
LAG_SECONDS = Gauge("promptdrift_consumer_lag_seconds", "Age of the oldest record that waits.", ["stage"])
LATENCY = Histogram(
    "promptdrift_end_to_end_latency_seconds",
    "From the end of a window's event time to its reading.",
    ["monitor"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
CLOCK_SKEW = Gauge(
    "promptdrift_clock_skew_seconds", "How far event times of the latest batch are ahead of their records."
)
EVAL_RUNS = Counter("promptdrift_eval_runs_total", "Runs of the eval set after a deployment.", ["outcome"])
CURATIONS = Counter("promptdrift_curations_total", "Versions of eval sets that were due.", ["outcome"])
KAFKA_ERRORS = Counter("promptdrift_kafka_errors_total", "Looks at the broker that failed.")

OURS = "promptdrift"
log: Any = structlog.get_logger(OURS)


def configure_logging(settings: LogSettings) -> None:
    """One JSON (or console) shape for our lines and for those of the libraries."""
    timestamper = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        timestamper,
        structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if settings.format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    handler.addFilter(Seldom())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    for noisy in ("aiokafka", "faust", "mode", "kafka"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class Seldom(logging.Filter):
    """Of what a library says over and over, as while the broker is away, a line in `seconds`; all of ours.

    Without it such a worker writes 150 lines a second.  State: KINDS of messages.
    """

    KINDS = 500

    def __init__(self, seconds: float = 30.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._told: dict[tuple[str, int, str], tuple[float, int]] = {}  # when last, and how many since

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written; the next that is tells how many were not."""
        if record.name == OURS or record.exc_info:
            return True
        kind = record.name, record.levelno, str(record.msg)
        told_at, since = self._told.get(kind, (-math.inf, 0))
        if record.created - told_at < self._seconds:
            self._told[kind] = told_at, since + 1
            return False
        if kind not in self._told and len(self._told) >= self.KINDS:
            self._told.clear()
        self._told[kind] = record.created, 0
        if since:
            record.msg, record.args = f"{record.getMessage()} ({since} times more before)", ()
        return True
