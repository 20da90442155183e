"""Kafka for the command line: sending, reading to the current end.  The worker has its own way.

Every failure is a DependencyError that names the address, or a SettingsError where we were told wrong.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from app.errors import DependencyError, MissingTopic, SettingsError
from app.settings import KafkaSettings
from schemas.codec import Event, encode
from schemas.topics import Topic, place

TIMEOUT_SECONDS = 8.0
DELIVERY_SECONDS = 30.0
PAUSE_SECONDS = 0.1
UNSETTLED = {  # a moment after a topic was made, or a broker was lost
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}
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


class _Reasons:
    """librdkafka tells why it cannot connect only to a callback; the last word is remembered."""

    def __init__(self) -> None:
        self.last: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        if self.last is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.last = error


def _client(kind: Callable[[dict[str, Any]], Any], config: dict[str, Any]) -> Any:  # noqa: ANN401
    try:
        return kind(config)
    except KafkaException as error:
        raise SettingsError(f"kafka: {error.args[0].str()}; check the kafka section") from error


def _unreachable(kafka: KafkaSettings, reason: KafkaError | None, error: KafkaException) -> DependencyError:
    said = (reason or error.args[0]).str().split("/bootstrap: ")[-1].split(" (after ")[0]
    return DependencyError(
        f"kafka.bootstrap_servers: no broker answers at {kafka.bootstrap_servers} ({said}); start it, "
        "or set KAFKA_BOOTSTRAP_SERVERS"
    )


def connect(kafka: KafkaSettings) -> tuple[Any, dict[str, int]]:
    """An admin client, and the number of partitions of every topic of the broker.

    Raises: DependencyError within about ten seconds, SettingsError.
    """
    reasons = _Reasons()
    admin = _client(AdminClient, client_config(kafka) | {"error_cb": reasons})
    try:
        found = admin.list_topics(timeout=TIMEOUT_SECONDS)
    except KafkaException as error:
        admin.poll(0)
        raise _unreachable(kafka, reasons.last, error) from error
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
    producer = _client(Producer, client_config(kafka) | config)
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


def read_all(
    kafka: KafkaSettings, topic: str, *, last: int | None = None, since: float | None = None
) -> Iterator[Record]:
    """Every record of a topic up to its end at the moment of asking, partition by partition mixed.

    Args: last, so many offsets of each partition and no more; since, epoch seconds, what was recorded from
        then on.
    Raises: MissingTopic, DependencyError.
    """
    partitions = require_topics(kafka, [topic])[topic]
    reasons = _Reasons()
    config = {"group.id": "promptdrift-tools", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = _client(Consumer, client_config(kafka) | config | {"error_cb": reasons})
    try:
        held = _held(consumer, topic, partitions)
        starts = {p: low if last is None else max(low, high - last) for p, (low, high) in held.items()}
        if since is not None:
            wanted = [TopicPartition(topic, p, int(1000 * since)) for p in held]
            heard = consumer.offsets_for_times(wanted, timeout=TIMEOUT_SECONDS) if wanted else []
            starts = {tp.partition: held[tp.partition][1] if tp.offset < 0 else tp.offset for tp in heard}
        consumer.assign([TopicPartition(topic, p, start) for p, start in starts.items()])
        open_ends = {p: high for p, (_, high) in held.items() if starts[p] < high}
        while open_ends:
            message = consumer.poll(TIMEOUT_SECONDS)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            record = _taken(message, open_ends)
            if record is not None:
                yield record
    except KafkaException as error:
        raise _unreachable(kafka, reasons.last, error) from error
    finally:
        consumer.close()


def follow(
    kafka: KafkaSettings, topic: str, *, past: bool = False, until: float | None = None
) -> Iterator[Record | None]:
    """Records as they come, and None in every pause: to `until` on the monotonic clock, or for ever.

    Begins with what is there already if `past`.  A broker that goes away is waited for.

    Raises: MissingTopic, DependencyError at the start.
    """
    partitions = require_topics(kafka, [topic])[topic]
    config = {"group.id": "promptdrift-tools", "enable.auto.commit": False, "fetch.wait.max.ms": 100}
    consumer = _client(Consumer, client_config(kafka) | config)
    try:
        first = OFFSET_BEGINNING if past else OFFSET_END
        consumer.assign([TopicPartition(topic, p, first) for p in range(partitions)])
        while until is None or time.monotonic() < until:
            message = consumer.poll(0.2)
            failed = message is None or message.error() is not None
            yield None if failed else _record(message)
    finally:
        consumer.close()


def _held(consumer: Any, topic: str, partitions: int) -> dict[int, tuple[int, int]]:  # noqa: ANN401
    """Partition -> first offset, and the first that we do not wait for, where there is anything."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    held: dict[int, tuple[int, int]] = {}
    for p in range(partitions):
        low, high = _marks(consumer, TopicPartition(topic, p), deadline)
        if high > low:
            held[p] = low, high
    return held


def _marks(consumer: Any, where: TopicPartition, deadline: float) -> tuple[int, int]:  # noqa: ANN401
    """First offset, and the one after the last; waits for a leader, as new partitions have none yet."""
    while True:
        try:
            low, high = consumer.get_watermark_offsets(where, timeout=TIMEOUT_SECONDS)
            return low, high
        except KafkaException as error:
            if error.args[0].code() not in UNSETTLED or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)


def _taken(message: Any, open_ends: dict[int, int]) -> Record | None:  # noqa: ANN401
    """The record, if it lies before the end of its partition; strikes out partitions that were read."""
    partition, error = message.partition(), message.error()
    if error is not None:
        if error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        open_ends.pop(partition, None)  # compaction may have taken the last offsets
        return None
    end = open_ends.get(partition, 0)
    if message.offset() >= end - 1:
        open_ends.pop(partition, None)
    return None if message.offset() >= end else _record(message)


def _record(message: Any) -> Record:  # noqa: ANN401
    return Record(
        topic=message.topic(),
        value=message.value(),
        key=message.key(),
        headers=tuple((name, value or b"") for name, value in message.headers() or ()),
        partition=message.partition(),
        offset=message.offset(),
        time_ms=message.timestamp()[1],
    )
