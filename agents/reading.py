"""Reading a partition to its end, outside any consumer group."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.plumbing import client_options
from app.settings import Settings
from schemas.topics import Topic


async def read_partition(
    settings: Settings, topic: Topic, partition: int, *, newest: int | None = None
) -> AsyncIterator[Any]:
    """Records of a partition up to its present end, without a group; all, or about the newest few.

    Holds one answer of the broker at a time: a partition may be far larger than memory.
    """
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        where = TopicPartition(settings.kafka.topic_prefix + topic.name, partition)
        consumer.assign([where])
        first = (await consumer.beginning_offsets([where]))[where]
        end = (await consumer.end_offsets([where]))[where]
        consumer.seek(where, first if newest is None else max(first, end - newest))
        while await consumer.position(where) < end:
            for records in (await consumer.getmany(where, timeout_ms=1000)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()


class Ends:
    """Where partitions end now.  A client of its own: Faust's answers only between its long polls."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: AIOKafkaConsumer | None = None

    async def of(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Next offset of each partition."""
        if not partitions:
            return {}
        if self._client is None:
            self._client = AIOKafkaConsumer(**client_options(self._settings), enable_auto_commit=False)
            await self._client.start()
        found = await self._client.end_offsets([TopicPartition(topic, number) for number in partitions])
        return {where.partition: offset for where, offset in found.items()}

    async def close(self) -> None:
        """Give the connection back."""
        if self._client is not None:
            await self._client.stop()
