"""`readings.v1` and `alerts.v1` -> Redis: the live read model, derived and losable.

It reads a bounded past at its start, so an empty Redis fills again; a Redis that is away makes the
page stale and stops nothing else.
"""

import asyncio
import contextlib
import time
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.plumbing import client_options
from agents.telemetry import REDIS_ERRORS, log
from app.errors import DependencyError
from app.ports import StatusStore
from app.settings import Settings
from schemas.decisions import Alert
from schemas.readings import Reading
from schemas.topics import ALERTS, READINGS

PAST_RECORDS = 2000
RETRY_SECONDS = 2.0
HEARTBEAT_SECONDS = 5.0


class StatusFeed:
    """Follows both topics without a group; every worker runs one, the store keeps what is newest.

    Writes are idempotent (an older reading changes nothing, an alert id counts once), so several
    workers writing the same is harmless.
    """

    def __init__(self, settings: Settings, store: StatusStore, worker: str) -> None:
        self._settings, self._store, self._worker = settings, store, worker
        self.fresh = False

    async def follow(self) -> None:
        """Run until cancelled."""
        consumer = AIOKafkaConsumer(
            **client_options(self._settings), enable_auto_commit=False, fetch_max_wait_ms=100
        )
        await consumer.start()
        try:
            where = await self._assign(consumer)
            beat_at = 0.0
            while True:
                for records in (await consumer.getmany(*where, timeout_ms=200)).values():
                    for record in records:
                        await self._put(record)
                if time.monotonic() - beat_at > HEARTBEAT_SECONDS:
                    beat_at = time.monotonic()
                    await self._try(
                        self._store.heartbeat(self._worker, {"group": self._settings.worker.group})
                    )
        finally:
            with contextlib.suppress(Exception):
                await consumer.stop()

    async def _assign(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        prefix = self._settings.kafka.topic_prefix
        where = [
            TopicPartition(prefix + topic.name, partition)
            for topic in (READINGS, ALERTS)
            for partition in range(topic.partitions)
        ]
        consumer.assign(where)
        first, last = await consumer.beginning_offsets(where), await consumer.end_offsets(where)
        for tp in where:
            consumer.seek(tp, max(first[tp], last[tp] - PAST_RECORDS))
        return where

    async def _put(self, record: Any) -> None:  # noqa: ANN401  aiokafka's record
        kind: type[Alert] | type[Reading] = Alert if record.topic.endswith(ALERTS.name) else Reading
        try:
            found: Alert | Reading = msgspec.json.decode(record.value or b"", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # the alert agent has buried it
        while True:
            if await self._try(self._write(found)):
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _write(self, found: Alert | Reading) -> None:
        if isinstance(found, Alert):
            await self._store.put_alert(found)
        else:
            await self._store.put_reading(found)

    async def _try(self, write: Any) -> bool:  # noqa: ANN401  an awaitable
        try:
            await write
        except DependencyError as error:
            REDIS_ERRORS.inc()
            if self.fresh:
                log.warning("status_stale", reason=str(error))
            self.fresh = False
            return False
        self.fresh = True
        return True
