"""Reading topics for the command line: to their current end, or as records come."""

import time
from collections.abc import Iterator
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from app.adapters.kafka import (
    PAUSE_SECONDS,
    TIMEOUT_SECONDS,
    Reasons,
    Record,
    client_config,
    open_client,
    require_topics,
    unreachable,
)
from app.settings import KafkaSettings

UNSETTLED = {  # a moment after a topic was made, or a broker was lost
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}


def read_all(
    kafka: KafkaSettings, topic: str, *, last: int | None = None, since: float | None = None
) -> Iterator[Record]:
    """Every record of a topic up to its end at the moment of asking, partition by partition mixed.

    Args: last, so many offsets of each partition and no more; since, epoch seconds, what was recorded from
        then on.
    Raises: MissingTopic, DependencyError.
    """
    partitions = require_topics(kafka, [topic])[topic]
    reasons = Reasons()
    config = {"group.id": "promptdrift-tools", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = open_client(Consumer, client_config(kafka) | config | {"error_cb": reasons})
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
        raise unreachable(kafka, reasons.last, error) from error
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
    consumer = open_client(Consumer, client_config(kafka) | config)
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
