"""Readings, alerts, deployments, deliveries, eval sets -> Redis: the live read model, derived and losable.

It reads a bounded past at its start and again when Redis has lost what it held, so an empty Redis fills
by itself; a Redis that is away makes the page stale and stops nothing else.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.plumbing import client_options, raise_if_cancelled
from agents.telemetry import REDIS_ERRORS, log
from app.errors import DependencyError
from app.ports import ReferenceSummary, StatusStore
from app.settings import Settings
from schemas.codec import decode
from schemas.decisions import Alert, Delivery
from schemas.evalsets import EvalSetVersions
from schemas.events import Deployment
from schemas.readings import Reading
from schemas.topics import ALERTS, DELIVERIES, DEPLOYMENTS, EVALSETS, READINGS

PAST_RECORDS = 2000
RETRY_SECONDS = 2.0
HEARTBEAT_SECONDS = 5.0
Fact = Reading | Alert | Deployment | Delivery | EvalSetVersions
FOLLOWED = (READINGS, ALERTS, DEPLOYMENTS, DELIVERIES, EVALSETS)


class StatusFeed:
    """Follows the topics without a group; every worker runs one, the store keeps what is newest.

    Writes are idempotent (an older reading changes nothing, an alert id counts once), so several
    workers writing the same is harmless.

    Args: facts, what the worker says of itself with each heartbeat; references, what it measures against;
        heard, called with every reading.
    """

    def __init__(
        self,
        settings: Settings,
        store: StatusStore,
        worker: str,
        *,
        facts: Callable[[], dict[str, Any]] = dict,
        references: Callable[[], Sequence[ReferenceSummary]] = tuple,
        heard: Callable[[Reading], None] = lambda reading: None,
    ) -> None:
        self._settings, self._store, self._worker = settings, store, worker
        self._facts, self._references, self._heard = facts, references, heard
        self._told: list[ReferenceSummary] = []
        self._generation: str | None = None
        self.fresh = False

    async def follow(self) -> None:
        """Run until cancelled."""
        consumer = AIOKafkaConsumer(
            **client_options(self._settings), enable_auto_commit=False, fetch_max_wait_ms=100
        )
        await consumer.start()
        try:
            where = self._partitions()
            consumer.assign(where)
            await self._to_the_past(consumer, where)
            beat_at = 0.0
            while True:
                raise_if_cancelled()
                for records in (await consumer.getmany(*where, timeout_ms=200)).values():
                    for record in records:
                        await self._put(record)
                if time.monotonic() - beat_at > HEARTBEAT_SECONDS:
                    beat_at = time.monotonic()
                    if await self._try(self._beat()) and await self._lost():
                        await self._to_the_past(consumer, where)
        finally:
            with contextlib.suppress(Exception):
                await consumer.stop()

    def _partitions(self) -> list[TopicPartition]:
        prefix = self._settings.kafka.topic_prefix
        return [TopicPartition(prefix + t.name, number) for t in FOLLOWED for number in range(t.partitions)]

    async def _to_the_past(self, consumer: AIOKafkaConsumer, where: list[TopicPartition]) -> None:
        first, last = await consumer.beginning_offsets(where), await consumer.end_offsets(where)
        for tp in where:
            consumer.seek(tp, max(first[tp], last[tp] - PAST_RECORDS))

    async def _put(self, record: Any) -> None:  # noqa: ANN401  aiokafka's record
        for fact in _facts_in(record):
            if isinstance(fact, Reading):
                self._heard(fact)
            while not await self._try(self._write(fact)):  # nothing tells that it is back
                raise_if_cancelled()
                await asyncio.sleep(RETRY_SECONDS)

    async def _write(self, fact: Fact) -> None:
        match fact:
            case Alert(kind="test"):
                return  # of nobody: it should not stand on the page
            case Alert():
                await self._store.put_alert(fact)
            case Reading():
                await self._store.put_reading(fact)
            case EvalSetVersions():
                await self._store.put_evalset(fact)
            case Deployment() | Delivery():
                await self._store.put_fact(fact)

    async def _beat(self) -> None:
        group = self._settings.worker.group
        await self._store.heartbeat(self._worker, {"group": group, **self._facts()})
        for summary in self._references():
            if summary not in self._told:
                await self._store.put_reference(summary)
        self._told = list(self._references())

    async def _lost(self) -> bool:
        """Whether the store has lost what it held since we last looked."""
        held = self._generation
        if not await self._try(self._look()) or held in (None, self._generation):
            return False
        self._told = []
        log.warning("status_rebuilt", reason="the store had lost everything")
        return True

    async def _look(self) -> None:
        self._generation = await self._store.generation()

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


def _facts_in(record: Any) -> Sequence[Fact]:  # noqa: ANN401  aiokafka's record
    """What a record says; nothing where it cannot be read: others have buried it."""
    if record.topic.endswith(DEPLOYMENTS.name):
        found = decode(record.value, kind="deployment") if record.value else []
        return [event for event in found if isinstance(event, Deployment)]
    shape: Any = next(topic.schema for topic in FOLLOWED if record.topic.endswith(topic.name))
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        return [msgspec.json.decode(record.value or b"", type=shape)]
    return []
