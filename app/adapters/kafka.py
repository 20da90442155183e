"""Kafka for the command line: reaching it, and sending.  The worker has its own way.

Every failure is a DependencyError that names the address, or a SettingsError where we were told wrong.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    KafkaError,
    KafkaException,
    Producer,
)
from confluent_kafka.admin import AdminClient

from app.errors import DependencyError, MissingTopic, SettingsError
from app.settings import KafkaSettings
from schemas.codec import Event, encode
from schemas.topics import Topic, place

TIMEOUT_SECONDS = 8.0
DELIVERY_SECONDS = 30.0
PAUSE_SECONDS = 0.1
Headers = tuple[tuple[str, bytes], ...]

_SILENT = logging.getLogger("promptdrift.librdkafka")
_SILENT.propagate = False
_SILENT.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record, to be sent or as it was read; `topic` is the full name."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    partition: int = -1
    offset: int = -1
    time_ms: int | None = None


def full_name(kafka: KafkaSettings, topic: Topic) -> str:
    """The topic's name on the broker."""
    return kafka.topic_prefix + topic.name


def client_config(kafka: KafkaSettings) -> dict[str, Any]:
    """What every librdkafka client needs to reach the broker, and to be quiet about it."""
    config: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": kafka.security_protocol,
        "client.id": "promptdrift-tools",
        "socket.connection.setup.timeout.ms": int(TIMEOUT_SECONDS * 1000),
        "logger": _SILENT,
        "log_level": 0,
    }
    if kafka.security_protocol.startswith("SASL"):
        secret = kafka.sasl_password
        config |= {
            "sasl.mechanism": kafka.sasl_mechanism or "PLAIN",
            "sasl.username": kafka.sasl_username or "",
            "sasl.password": "" if secret is None else secret.get_secret_value(),
        }
    if kafka.ssl_ca_location is not None and kafka.security_protocol.endswith("SSL"):
        config["ssl.ca.location"] = str(kafka.ssl_ca_location)
    return config


class Reasons:
    """librdkafka tells why it cannot connect only to a callback; the last word is remembered."""

    def __init__(self) -> None:
        self.last: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Remember what a client says of its connections."""
        if self.last is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.last = error


def open_client(kind: Callable[[dict[str, Any]], Any], config: dict[str, Any]) -> Any:  # noqa: ANN401
    """A client.  Raises: SettingsError where the kafka section cannot be used."""
    try:
        return kind(config)
    except KafkaException as error:
        raise SettingsError(f"kafka: {error.args[0].str()}; check the kafka section") from error


def unreachable(kafka: KafkaSettings, reason: KafkaError | None, error: KafkaException) -> DependencyError:
    """What to raise where a broker does not answer."""
    said = (reason or error.args[0]).str().split("/bootstrap: ")[-1].split(" (after ")[0]
    return DependencyError(
        f"kafka.bootstrap_servers: no broker answers at {kafka.bootstrap_servers} ({said}); start it, "
        "or set KAFKA_BOOTSTRAP_SERVERS"
    )


def connect(kafka: KafkaSettings) -> tuple[Any, dict[str, int]]:
    """An admin client, and the number of partitions of every topic of the broker.

    Raises: DependencyError within about ten seconds, SettingsError.
    """
    reasons = Reasons()
    admin = open_client(AdminClient, client_config(kafka) | {"error_cb": reasons})
    try:
        found = admin.list_topics(timeout=TIMEOUT_SECONDS)
    except KafkaException as error:
        admin.poll(0)
        raise unreachable(kafka, reasons.last, error) from error
    return admin, {name: len(topic.partitions) for name, topic in found.topics.items()}


def require_topics(kafka: KafkaSettings, names: Iterable[str]) -> dict[str, int]:
    """Partitions of these topics.  Raises: MissingTopic, DependencyError."""
    present = connect(kafka)[1]
    missing = sorted(set(names) - set(present))
    if missing:
        raise MissingTopic(
            f"no topic {', '.join(missing)} at {kafka.bootstrap_servers}; run `promptdrift topics create`"
        )
    return present


def record_of(kafka: KafkaSettings, event: Event) -> Record:
    """An event as it goes to its own topic."""
    topic, key = place(event)
    return Record(topic=full_name(kafka, topic), key=key.encode(), value=encode(event))


def produce(
    kafka: KafkaSettings, records: Sequence[Record], *, sent: Callable[[], None] = lambda: None
) -> int:
    """Send the records in order and wait for all; how many arrived.  `sent` is called for each.

    Raises: MissingTopic, and DependencyError where any was not delivered: sending all again is safe,
    for an interaction's id counts once.
    """
    require_topics(kafka, {record.topic for record in records})
    failures: Counter[str] = Counter()
    arrived = 0

    def told(error: KafkaError | None, _: Any) -> None:  # noqa: ANN401
        nonlocal arrived
        if error is not None:
            failures[error.str()] += 1
        else:
            arrived += 1
            sent()

    config = {
        "partitioner": "murmur2_random",  # as Java clients and aiokafka choose
        "enable.idempotence": True,
        "compression.type": "zstd",
        "linger.ms": 20,
        "delivery.timeout.ms": int(DELIVERY_SECONDS * 1000),
    }
    producer = open_client(Producer, client_config(kafka) | config)
    for record in records:
        _enqueue(producer, record, told)
    left = producer.flush(DELIVERY_SECONDS + TIMEOUT_SECONDS)
    if failures or left:
        reason = next(iter(failures), "the broker stopped answering")
        raise DependencyError(
            f"{len(records) - arrived:,} of {len(records):,} records were not delivered to "
            f"{kafka.bootstrap_servers} ({reason}); send them again"
        )
    return arrived


def _enqueue(producer: Any, record: Record, told: Callable[[KafkaError | None, Any], None]) -> None:  # noqa: ANN401
    place = {} if record.partition < 0 else {"partition": record.partition}
    while True:
        try:
            producer.produce(
                record.topic,
                record.value,
                record.key,
                headers=list(record.headers),
                on_delivery=told,
                **place,
            )
            producer.poll(0)
            return
        except BufferError:  # the queue is full: let some leave
            producer.poll(0.5)
        except KafkaException as error:  # too large, for example
            told(error.args[0], None)
            return
