"""A live pipeline for tests: topics of its own on a given broker, worker processes, what they wrote."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from confluent_kafka import Consumer, TopicPartition

from app.adapters.kafka import Record, client_config, full_name, produce, record_of
from app.adapters.partitioning import partition_of
from app.ports import PIPELINE
from app.settings import KafkaSettings, Settings
from schemas.codec import ARRAY_LIMIT, Event
from schemas.decisions import Alert
from schemas.readings import Reading
from schemas.topics import ALERTS, INTERACTIONS, READINGS, Topic, place
from tests.rig import process

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


class Live:
    """One pipeline under a prefix; `workers` are child processes, ended by `close`."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self._folder = settings, folder
        self.workers: list[Any] = []
        self._logs: dict[str, _Log] = {}  # by topic
        self._decoded: dict[str, list[Any]] = {}

    def start_worker(self, module: str = "agents.worker") -> Any:
        """Another worker, or process of agents; logs go to the test's folder."""
        log = self._folder / f"worker-{len(self.workers)}.log"
        command = ["env", *environment(self.settings), sys.executable, "-m", module]
        self.workers.append(process.start(command, log))
        return self.workers[-1]

    def command(self, line: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """A command of promptdrift, against the same brokers, to its end."""
        whole = ["env", *environment(self.settings), sys.executable, "-m", "app.cli", *line]
        return subprocess.run(whole, capture_output=True, text=True, timeout=240)

    def kill(self, index: int) -> None:
        """End a worker the hard way."""
        self.workers[index].send_signal(signal.SIGKILL)
        self.workers[index].wait()

    def send(self, events: Sequence[Event]) -> None:
        """Put events on their topics, in order."""
        produce(self.settings.kafka, [record_of(self.settings.kafka, event) for event in events])

    def send_arrays(self, events: Sequence[Event]) -> None:
        """Put interactions on the partitions of their keys, in arrays as long as there may be."""
        kafka, found = self.settings.kafka, list[Record]()
        waiting: dict[int, list[Event]] = {}
        for event in events:
            number = partition_of(place(event)[1], kafka.partitions)
            waiting.setdefault(number, []).append(event)
            if len(waiting[number]) == ARRAY_LIMIT:
                found.append(array_of(kafka, number, waiting.pop(number)))
        produce(kafka, [*found, *(array_of(kafka, number, rest) for number, rest in waiting.items())])

    def send_raw(self, topic: Topic, values: Sequence[bytes]) -> None:
        """Put bytes on a topic, under no key."""
        name = full_name(self.settings.kafka, topic)
        produce(self.settings.kafka, [Record(topic=name, key=None, value=value) for value in values])

    def read(self, topic: Topic) -> list[Any]:
        """Every record of a topic up to its present end; only what is new since the last call is fetched."""
        log = self._logs.setdefault(topic.name, _Log(full_name(self.settings.kafka, topic)))
        log.catch_up(self._reader)
        return list(log.records)

    @cached_property
    def _reader(self) -> Consumer:
        options = {"group.id": "reader", "enable.auto.commit": False}
        return Consumer({**client_config(self.settings.kafka), **options})

    def decoded(self, topic: Topic, kind: type[T]) -> list[T]:
        """Every value of a topic."""
        known = self._decoded.setdefault(topic.name, [])
        known += [msgspec.json.decode(m.value(), type=kind) for m in self.read(topic)[len(known) :]]
        return list(known)

    def wait_for(
        self, what: Callable[[list[Reading]], bool], seconds: float, *, alive: bool = True
    ) -> list[Reading]:
        """Poll the readings until they satisfy `what`; fails with the worker's last lines."""
        deadline = time.monotonic() + seconds
        while (now := time.monotonic()) < deadline:
            readings = self.decoded(READINGS, Reading)
            if what(readings):
                return readings
            if alive:
                assert all(w.poll() is None for w in self.workers), self.logs()
            time.sleep(1.0 + 4.0 * (time.monotonic() - now))  # looking costs what the workers need
        raise AssertionError(f"not within {seconds} s; {len(readings)} readings\n{self.logs()}")

    def alerts(self) -> dict[str, Alert]:
        """Transitions by id, without those of the pipeline itself: a slow machine may cause one."""
        told = [alert for alert in self.decoded(ALERTS, Alert) if alert.application != PIPELINE]
        return {alert.alert_id: alert for alert in told}

    def logs(self) -> str:
        """The last lines of every worker."""
        return "\n".join(process.tail(path) for path in sorted(self._folder.glob("worker-*.log")))

    def close(self) -> None:
        """End the workers; what is read after that is read by a new reader."""
        for worker in self.workers:
            if worker.poll() is None:
                process.stop(worker)
        if "_reader" in vars(self):
            vars(self).pop("_reader").close()


@dataclass(slots=True)
class _Log:
    """What was read of a topic so far, and where its partitions go on."""

    name: str
    records: list[Any] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)

    def catch_up(self, consumer: Consumer) -> None:
        for partition in range(len(consumer.list_topics(self.name, timeout=10).topics[self.name].partitions)):
            where = TopicPartition(self.name, partition)
            first, end = consumer.get_watermark_offsets(where, timeout=10)
            position = max(first, self.positions.get(partition, 0))
            if position >= end:
                continue
            consumer.assign([TopicPartition(self.name, partition, position)])
            while position < end:
                message = consumer.poll(5.0)
                assert message is not None, f"{self.name}/{partition} stopped at {position} of {end}"
                assert message.error() is None, message.error()
                position = message.offset() + 1
                self.records.append(message)
            self.positions[partition] = position


def array_of(kafka: KafkaSettings, partition: int, events: Sequence[Event]) -> Record:
    return Record(
        topic=full_name(kafka, INTERACTIONS), partition=partition, value=msgspec.json.encode(list(events))
    )


def environment(settings: Settings) -> list[str]:
    """NAME=value pairs that make a worker read the same settings."""
    pairs = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "REDIS_URL": settings.redis.url.get_secret_value(),
        "PROMPTDRIFT_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
        "PROMPTDRIFT_KAFKA__PARTITIONS": str(settings.kafka.partitions),
        "PROMPTDRIFT_KAFKA__SESSION_TIMEOUT_SECONDS": str(settings.kafka.session_timeout_seconds),
        "PROMPTDRIFT_WORKER__GROUP": settings.worker.group,
        "PROMPTDRIFT_WORKER__PORT": "0",
        "PROMPTDRIFT_WORKER__IDLE_SECONDS": str(settings.worker.idle_seconds),
        "PROMPTDRIFT_DETECTION__BASELINE_EVENTS": str(settings.detection.baseline_events),
        "PROMPTDRIFT_DETECTION__LATENESS_SECONDS": str(settings.detection.lateness_seconds),
        "PROMPTDRIFT_DETECTION__RESPONSES": str(settings.detection.responses).lower(),
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    told = settings.evaluation.model_dump(mode="json", include=settings.evaluation.model_fields_set)
    pairs |= {f"PROMPTDRIFT_EVALUATION__{name.upper()}": json.dumps(value) for name, value in told.items()}
    return [f"{name}={value}" for name, value in pairs.items()]


def last_total(readings: Sequence[Reading]) -> int:
    """Unique interactions counted by the newest totals of the only application."""
    return max((r.totals.events for r in readings), default=0)


def finished(count: int) -> Callable[[list[Reading]], bool]:
    """Everything was counted, and the silence after it was noticed: no reading is still to come."""
    return lambda readings: any(r.note is not None and r.totals.events >= count for r in readings)


def essence(readings: Sequence[Reading], *, offsets: bool = True) -> dict[str, dict[str, Any]]:
    """What replay and live must agree on: whole windows, without running totals."""
    out: dict[str, dict[str, Any]] = {}
    for reading in readings:
        if reading.note is None and reading.state != "learning":
            told = msgspec.to_builtins(reading)
            told.pop("totals", None)
            if not offsets:
                told.pop("offsets", None)
            out[reading.id] = told
    return out
