"""`alerts.v1`, `deployments.v1` -> PagerDuty, Slack, webhooks; each attempt on `deliveries.v1`.

What is to be told lies in a backlog that is saved before it is acted on (`app/core/notification.py` has the
rule); what a sink answers is waited for in the background, so that one that hangs delays nobody else.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import faust
import msgspec

from agents.checkpoint import Checkpoints
from agents.dead_letters import typed
from agents.plumbing import Lane, Outbox, Record, assigned
from agents.recovery import alerts_told
from agents.station import PartitionedStation
from agents.telemetry import CIRCUIT_OPEN, NOTIFICATION_SECONDS, NOTIFICATIONS, NOTIFICATIONS_WAITING, log
from app.adapters.notifiers import Notifier, Sink
from app.core.alerts import identity
from app.core.gates import Gate
from app.core.messages import Answer, Message, Subscription, Task, Thread, Verdict
from app.core.notification import Backlog
from app.settings import NotifySettings, Settings
from schemas.codec import decode
from schemas.decisions import Alert, Delivery
from schemas.events import Deployment
from schemas.topics import ALERTS, DELIVERIES, DEPLOYMENTS, Topic

OLD_SECONDS = 60.0  # a record this old is the past: perhaps what it says is over, as a later one will tell
CATCHING_UP_SECONDS = 3.0
LONGEST_HOLD_SECONDS = 60.0
FORMAT = 1  # of the snapshot
NEWS_SECONDS = 900.0  # a deployment older than this is no news


@dataclass(slots=True)
class _Partition:
    backlog: Backlog
    read: int = -1
    saved: int = -1

    @property
    def offset(self) -> int:
        """How often the state changed: it moves without records too."""
        return self.backlog.revision

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"backlog": self.backlog.snapshot(), "read": self.read}


@dataclass(slots=True)
class Exchange:
    """What all partitions share: the sinks, the way to them, and what is known of them."""

    settings: NotifySettings
    sinks: Mapping[str, Sink]
    notifier: Notifier
    gates: dict[str, Gate] = field(init=False)
    latest: dict[str, Delivery] = field(default_factory=dict)  # by sink
    waiting: dict[str, dict[str, int]] = field(default_factory=dict)  # station -> sink -> messages

    def __post_init__(self) -> None:
        """Every sink starts with its gate shut by nothing."""
        given = self.settings
        self.gates = {
            name: Gate(per_minute=given.per_minute, wait_seconds=given.retry_seconds) for name in self.sinks
        }

    def facts(self) -> dict[str, Any]:
        """What the notifier says of itself: how each sink is."""
        return {"role": "notifier", "sinks": [self._fact(sink) for sink in self.sinks.values()]}

    def _fact(self, sink: Sink) -> dict[str, Any]:
        last = self.latest.get(sink.name)
        return {
            "sink": sink.name,
            "kind": sink.kind,
            "waiting": sum(lengths.get(sink.name, 0) for lengths in self.waiting.values()),
            "circuit": "open" if self.gates[sink.name].open else "closed",
            "outcome": None if last is None else last.outcome,
            "reason": None if last is None else last.reason,
            "at": None if last is None else last.at.isoformat(),
        }


class Notify(PartitionedStation[_Partition]):
    """A backlog per partition; messages on their way in the background."""

    def __init__(
        self,
        settings: Settings,
        exchange: Exchange,
        *,
        outbox: Outbox,
        checkpoints: Checkpoints,
        name: str,
        assigned: Callable[[], set[int]],
    ) -> None:
        super().__init__(checkpoints, assigned)
        self._settings, self._exchange = settings, exchange
        self._outbox, self._name = outbox, name
        self._sending: dict[asyncio.Task[Answer], tuple[int, Task]] = {}
        self._subscriptions = {name: sink.subscription for name, sink in exchange.sinks.items()}
        self._hold_until, self._began = 0.0, 0.0

    async def process(self, records: Sequence[Record]) -> None:
        """Take records in, settle what was answered, send what is due."""
        await self._restore()
        for record in records:
            await self._take(record)
        await self._collect()
        for partition in self._partitions.values():
            for task in partition.backlog.expire(time.time()):
                await self._tell(task, Answer(status=None), Verdict(outcome="dropped", reason="over or old"))
        await self._send_due()
        self._measure()
        await self._outbox.deliver()

    async def _take(self, record: Record) -> None:
        partition = await self._partition(record.partition)
        if record.offset <= partition.read:
            return
        partition.read = record.offset
        born = time.time() if record.timestamp is None else record.timestamp
        if born < time.time() - OLD_SECONDS:
            self._hold()
        if record.topic.endswith(DEPLOYMENTS.name):
            self._announce(partition.backlog, record, born)
            return
        alert = await typed(self._outbox, record, Alert)
        if alert is not None:
            partition.backlog.tell(alert, self._subscriptions, born)
            await self._refuse_unknown(alert)

    def _hold(self) -> None:
        """Wait for what may follow; not for ever, as a broker whose clock is behind makes everything old."""
        self._hold_until = min(time.monotonic() + CATCHING_UP_SECONDS, self._began + LONGEST_HOLD_SECONDS)

    def _announce(self, backlog: Backlog, record: Record, born: float) -> None:
        told = [sink.name for sink in self._exchange.sinks.values() if sink.changes]
        if born < time.time() - NEWS_SECONDS:
            return
        for event in decode(record.value, kind="deployment") if record.value else []:
            if isinstance(event, Deployment):
                backlog.announce(event, told, born)

    async def _collect(self) -> None:
        """What was answered since; it waits to be saved before anything follows it."""
        for sending in [sending for sending in self._sending if sending.done()]:
            number, task = self._sending.pop(sending)
            answer, gate = sending.result(), self._exchange.gates[task.thread.sink]
            verdict = self._partitions[number].backlog.settle(task, answer, gate, time.time())
            await self._tell(task, answer, verdict)

    async def _send_due(self) -> None:
        await self._save_unsaved()
        if time.monotonic() < self._hold_until:
            return
        self._dispatch()
        if await self._save_unsaved():  # triggers that were marked
            self._dispatch()

    async def _save_unsaved(self) -> bool:
        unsaved = any(partition.backlog.unsaved for partition in self._partitions.values())
        if unsaved:
            await self.checkpoint()
        return unsaved

    def _dispatch(self) -> None:
        for number, partition in self._partitions.items():
            for task in partition.backlog.due(self._exchange.gates, time.time()):
                sink = self._exchange.sinks[task.thread.sink]
                sending = asyncio.create_task(self._exchange.notifier.tell(sink, task.message))
                self._sending[sending] = (number, task)

    async def checkpoint(self) -> None:
        """Save the partitions that moved; what was confirmed in them is durable then."""
        await super().checkpoint()
        for partition in self._partitions.values():
            partition.backlog.saved()

    def forget(self, partitions: set[int]) -> None:
        """Another notifier goes on; what is on its way is stopped, and sent again there."""
        for sending, (number, task) in list(self._sending.items()):
            if number in partitions:
                sending.cancel()
                self._exchange.gates[task.thread.sink].released()
                del self._sending[sending]
        super().forget(partitions)

    def _new(self, number: int) -> _Partition:
        self._began = time.monotonic()
        return _Partition(Backlog(wait_seconds=self._exchange.settings.retry_seconds))

    def _load(self, partition: _Partition, saved: dict[str, Any]) -> None:
        partition.backlog.restore(saved["backlog"], self._exchange.sinks)
        partition.read = saved["read"]

    async def _recover(self, number: int, partition: _Partition, offset: int) -> None:
        """Incidents that are open, or whose end nobody was told; a deployment that waited is no news."""
        if self._name != "notify":
            return
        alerts, taken = await alerts_told(self._settings, number)
        for alert in alerts:
            partition.backlog.resume(alert, self._subscriptions, taken.get(alert.incident, []), time.time())

    async def _refuse_unknown(self, alert: Alert) -> None:
        """A sink that monitors as code name and nobody has set: said once an incident, not passed over."""
        unknown = set(alert.sinks or ()) - self._exchange.sinks.keys()
        if alert.transition != "opened":
            return
        for name in sorted(unknown):
            sink = Sink(name, "unknown", Subscription(actions=frozenset()), changes=False)
            message = Message("trigger", alert.alert_id, b"", alert.updated_at.timestamp())
            task = Task(Thread(name, alert.incident, alert.application), message)
            verdict = Verdict(outcome="refused", reason="notify.sinks has no sink of this name")
            await self._log(_delivery(sink, task, Answer(status=None), verdict), 0.0)

    async def _tell(self, task: Task, answer: Answer, verdict: Verdict) -> None:
        """Write an attempt into the log of deliveries."""
        delivery = _delivery(self._exchange.sinks[task.thread.sink], task, answer, verdict)
        self._exchange.latest[delivery.sink] = delivery
        await self._log(delivery, answer.seconds)

    async def _log(self, delivery: Delivery, seconds: float) -> None:
        key, value = delivery.incident.encode(), msgspec.json.encode(delivery)
        await self._outbox.send(DELIVERIES, value, key=key)
        NOTIFICATIONS.labels(delivery.sink, delivery.outcome).inc()
        NOTIFICATION_SECONDS.labels(delivery.sink).observe(seconds)
        log.info(
            "notification",
            sink=delivery.sink,
            action=delivery.action,
            outcome=delivery.outcome,
            application=delivery.application,
            incident=delivery.incident,
            status=delivery.status,
            reason=delivery.reason,
        )

    def _measure(self) -> None:
        lengths = dict.fromkeys(self._exchange.sinks, 0)
        for partition in self._partitions.values():
            for sink, length in partition.backlog.lengths().items():
                lengths[sink] += length
        self._exchange.waiting[self._name] = lengths
        for sink, gate in self._exchange.gates.items():
            total = sum(each.get(sink, 0) for each in self._exchange.waiting.values())
            NOTIFICATIONS_WAITING.labels(sink).set(total)
            CIRCUIT_OPEN.labels(sink).set(gate.open)


def _delivery(sink: Sink, task: Task, answer: Answer, verdict: Verdict) -> Delivery:
    message: Message = task.message
    at = datetime.now(UTC)
    next_at = None if verdict.next_at is None else datetime.fromtimestamp(verdict.next_at, UTC)
    return Delivery(
        id=identity("delivery", sink.name, message.id, message.action, str(message.attempts), at.isoformat()),
        alert_id=message.id,
        incident=task.thread.key,
        application=task.thread.application,
        sink=sink.name,
        kind=sink.kind,
        action=message.action,
        outcome=verdict.outcome,
        at=at,
        attempt=message.attempts,
        status=answer.status,
        reason=verdict.reason,
        next_at=next_at,
        seconds=round(answer.seconds, 3),
    )


def register(app: faust.App, settings: Settings, exchange: Exchange) -> None:
    """Attach both agents."""
    lanes: dict[str, Topic] = {"notify": ALERTS, "announce": DEPLOYMENTS}
    for name, topic in lanes.items():
        outbox, full = Outbox(app, settings.kafka.topic_prefix), settings.kafka.topic_prefix + topic.name
        station = Notify(
            settings,
            exchange,
            outbox=outbox,
            checkpoints=Checkpoints(name, FORMAT, outbox=outbox, settings=settings),
            name=name,
            assigned=partial(assigned, app, full),
        )
        Lane(app, settings, [full], name, station).register()
