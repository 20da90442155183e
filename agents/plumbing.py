"""The safe pattern, once: raw bytes, micro-batches, effects before acknowledgement, acks in order.

docs/architecture.md lists what loses data in Faust; this module is what is left.  An agent is a `Station`:
it processes records, and from time to time saves its state.  A `Lane` feeds it from one topic with
concurrency 1, and acknowledges only what a checkpoint covers.  A crash repeats work; it skips none.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import faust
from mode.supervisors import CrashingSupervisor

from agents import tracing
from agents.telemetry import RECORDS, STAGE_AT, log
from app.settings import Settings
from schemas.topics import Topic

REQUEST_BYTES = 8 * 2**20  # of a record before compression; the broker's limit is on what is compressed
SAVING_SHARE = 15.0  # times the duration of a checkpoint until the next one is due


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    timestamp: float | None = None  # broker or producer time, epoch seconds


class Station(Protocol):
    """What an agent does between its topic and its effects."""

    async def process(self, records: Sequence[Record]) -> None:
        """Apply records in order; every effect is delivered when this returns.  May be empty: idle."""
        ...

    async def checkpoint(self) -> None:
        """Make the state durable; what it covers is acknowledged next."""
        ...

    def forget(self, partitions: set[int]) -> None:
        """Drop the state of partitions that went to another worker."""
        ...


class Outbox:
    """Sends records and waits for all of them; the only way an agent writes to a topic."""

    def __init__(self, app: faust.App, prefix: str) -> None:
        self._app, self._prefix = app, prefix
        self._waiting: list[Awaitable[Any]] = []

    async def send(
        self,
        topic: Topic,
        value: bytes,
        *,
        key: bytes | None = None,
        partition: int | None = None,
        headers: dict[str, bytes] | None = None,
    ) -> None:
        """Queue one record."""
        producer = await self._app.maybe_start_producer()
        name = self._prefix + topic.name
        carried = {**(headers or {}), **tracing.current.carried()}
        sent = await producer.send(name, key, value, partition, None, carried)
        self._waiting.append(sent)

    async def deliver(self) -> None:
        """Wait until the broker has every queued record; raises where it has not."""
        waiting, self._waiting = self._waiting, []
        await asyncio.gather(*waiting)


def make_app(settings: Settings, *, group: str | None = None) -> faust.App:
    """A Faust application that declares nothing, serves nothing, and crashes on a bug.

    Args: group, consumer group; that of the workers where none is given.
    """
    kafka, worker = settings.kafka, settings.worker
    return faust.App(
        group or worker.group,
        broker=[f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")],
        broker_credentials=credentials(settings),
        store="memory://",
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        agent_supervisor=CrashingSupervisor,
        broker_commit_interval=1.0,
        broker_session_timeout=kafka.session_timeout_seconds,
        broker_heartbeat_interval=max(0.5, kafka.session_timeout_seconds / 6),
        broker_max_poll_records=500,
        stream_buffer_maxsize=4096,
        stream_wait_empty=False,
        producer_acks=-1,
        producer_compression_type="zstd",
        producer_linger=0.01,
        producer_max_request_size=REQUEST_BYTES,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        worker_redirect_stdouts=False,
    )


def assigned(app: faust.App, topic: str) -> set[int]:
    """Partitions of a topic that this process reads now."""
    return {tp.partition for tp in app.consumer.assignment() if tp.topic == topic}


def credentials(settings: Settings) -> Any:  # noqa: ANN401  faust's own credential types
    """Faust credentials from the Kafka settings; None for PLAINTEXT."""
    options = client_options(settings)
    context = options.get("ssl_context")
    if settings.kafka.security_protocol == "SSL":
        return faust.SSLCredentials(context)
    if settings.kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=context,
        )
    return None


def client_options(settings: Settings) -> dict[str, Any]:
    """Connection options for plain aiokafka clients."""
    kafka = settings.kafka
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
    }
    if "SSL" in kafka.security_protocol:
        from aiokafka.helpers import create_ssl_context  # only where TLS is asked for

        ca = None if kafka.ssl_ca_location is None else str(kafka.ssl_ca_location)
        options["ssl_context"] = create_ssl_context(cafile=ca)
    if kafka.security_protocol.startswith("SASL"):
        password = kafka.sasl_password.get_secret_value() if kafka.sasl_password else ""
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism or "PLAIN",
            "sasl_plain_username": kafka.sasl_username or "",
            "sasl_plain_password": password,
        }
    return options


def raise_if_cancelled() -> None:
    """Once a turn of every loop that ends by cancellation: it comes once, and a library may lose it.

    Raises: CancelledError.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def batches(stream: Any, *, size: int, linger: float) -> AsyncIterator[list[Any]]:  # noqa: ANN401
    """Events in lists of at most `size`, at most `linger` seconds apart; empty where nothing came."""
    source = aiter(stream.noack().events())
    pending: asyncio.Future[Any] | None = None
    loop = asyncio.get_running_loop()
    try:
        while True:
            raise_if_cancelled()
            batch: list[Any] = []
            deadline = loop.time() + linger
            while len(batch) < size:
                pending = pending or asyncio.ensure_future(anext(source))
                if not pending.done():
                    await asyncio.wait({pending}, timeout=max(0.0, deadline - loop.time()))
                if not pending.done():
                    break
                finished, pending = pending, None
                batch.append(finished.result())
            yield batch
    except StopAsyncIteration:  # the stream ends: a plain end for the caller, not an error
        return
    finally:
        if pending is not None:
            pending.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            pending.cancel()


@dataclass(slots=True)
class Lane:
    """One topic, one agent, one station; `register` attaches it to the application."""

    app: faust.App
    settings: Settings
    topics: list[str]
    name: str
    station: Station
    ready: Callable[[], Awaitable[Any]] | None = None  # waited for before the first record
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _unacked: list[Any] = field(default_factory=list)
    _save_at: float = 0.0

    def register(self) -> None:
        """Attach the agent and the rebalance handler."""
        topic = self.app.topic(*self.topics, value_serializer="raw", key_serializer="raw")
        self.app.agent(topic, name=self.name, concurrency=1)(self._run)
        self.app.on_partitions_revoked.connect(self._revoked)

    async def _run(self, stream: Any) -> AsyncIterator[None]:  # noqa: ANN401  faust's stream
        worker = self.settings.worker
        if self.ready is not None:
            await self.ready()  # outside the lock: a rebalance must not wait for it
        async for batch in batches(stream, size=worker.batch_events, linger=worker.linger_seconds):
            async with self._lock:
                if self.app.flow_control.is_active():
                    await self._take(stream, batch)
            yield

    async def _take(self, stream: Any, batch: Sequence[Any]) -> None:  # noqa: ANN401
        """Process a batch, but for what a rebalance overtook while it was in hand.

        Such events come again from the last checkpoint; on top of it they would leave a hole.
        """
        present = self.app.consumer_generation_id
        batch = [event for event in batch if event.message.generation_id == present]
        records = [_record(event) for event in batch]
        with tracing.current.batch(self.name, records):
            await self.station.process(records)
        RECORDS.labels(self.name).inc(len(batch))
        STAGE_AT.labels(self.name).set_to_current_time()
        self._unacked += batch
        await self._settle(stream)

    async def _settle(self, stream: Any) -> None:  # noqa: ANN401
        """Save and acknowledge when it is time; the state first, so a crash in between repeats work."""
        loop = asyncio.get_running_loop()
        if not self._unacked or loop.time() < self._save_at:
            return
        began = loop.time()
        await self.station.checkpoint()
        for event in self._unacked:
            await stream.ack(event)
        self._unacked.clear()
        spent = loop.time() - began  # a large state is saved less often, so that saving stays a small share
        self._save_at = loop.time() + max(self.settings.worker.checkpoint_seconds, SAVING_SHARE * spent)

    async def _revoked(self, _app: Any, revoked: set[Any], **_: Any) -> None:  # noqa: ANN401
        """After a rebalance everything restarts from the last checkpoint."""
        mine = {tp.partition for tp in revoked if tp.topic in self.topics}
        async with self._lock:
            self._unacked.clear()
            self.station.forget(mine)
        if mine:
            log.info("partitions_revoked", agent=self.name, partitions=sorted(mine))


def _record(event: Any) -> Record:  # noqa: ANN401  faust's event
    message = event.message
    headers = message.headers.items() if isinstance(message.headers, dict) else (message.headers or ())
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers={k: v if isinstance(v, bytes) else b"" for k, v in headers},
        timestamp=message.timestamp,
    )
