"""Reading a partition to its end, outside any consumer group."""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.plumbing import client_options
from app.settings import Settings
from schemas.topics import Topic


async def read_partition(
    settings: Settings, topic: Topic, partition: int, *, newest: int | None = None
) -> list[Any]:
    """Records of a partition up to its present end, without a group; all, or about the newest few."""
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        where = TopicPartition(settings.kafka.topic_prefix + topic.name, partition)
        consumer.assign([where])
        first = (await consumer.beginning_offsets([where]))[where]
        end = (await consumer.end_offsets([where]))[where]
        consumer.seek(where, first if newest is None else max(first, end - newest))
        found: list[Any] = []
        while await consumer.position(where) < end:
            batch = await consumer.getmany(where, timeout_ms=1000)
            found += [record for records in batch.values() for record in records]
        return found
    finally:
        await consumer.stop()
