"""What every worker must know whole: references and deployments, followed without a group."""

import asyncio
import contextlib
import json
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.plumbing import Outbox, client_options, raise_if_cancelled
from agents.telemetry import log
from app.adapters import references as at_rest
from app.core.aspects import RESPONSES, Subject
from app.core.baseline import Baseline
from app.core.reference import Reference
from app.core.sampling import References
from app.core.succession import NONE, Succession
from app.errors import ReferenceMismatch
from app.ports import ReferenceSummary
from app.settings import Settings
from schemas.codec import Rejection, decode
from schemas.events import Deployment
from schemas.topics import DEPLOYMENTS, REFERENCES


class Library:
    """Live `references`, by application or "*".  `ready` is set once the topics were read to their end."""

    def __init__(self, settings: Settings, *, fingerprint: str) -> None:
        self._settings, self._fingerprint = settings, fingerprint
        self.references: dict[str, References] = {}
        self._evalsets: dict[str, Succession] = {}
        self._baselines: dict[Subject, Baseline] = {}
        self.deployments: list[Deployment] = []
        self.ready = asyncio.Event()
        self._parts: dict[str, dict[int, bytes]] = {}
        self._published: dict[str, float] = {}

    async def follow(self) -> None:
        """Read both topics from the beginning, then go on reading; runs until cancelled."""
        consumer = AIOKafkaConsumer(
            **client_options(self._settings), enable_auto_commit=False, fetch_max_wait_ms=100
        )
        await consumer.start()
        try:
            prefix = self._settings.kafka.topic_prefix
            where = [TopicPartition(prefix + topic.name, 0) for topic in (REFERENCES, DEPLOYMENTS)]
            consumer.assign(where)
            await consumer.seek_to_beginning(*where)
            ends = await consumer.end_offsets(where)
            while True:
                raise_if_cancelled()
                for records in (await consumer.getmany(*where, timeout_ms=200)).values():
                    for record in records:
                        self.take(record)
                if not self.ready.is_set():
                    positions = [await consumer.position(tp) >= ends[tp] for tp in where]
                    if all(positions):
                        self.ready.set()
        finally:
            with contextlib.suppress(Exception):
                await consumer.stop()

    def take(self, record: Any) -> None:  # noqa: ANN401  aiokafka's record
        """One record of either topic; what cannot be read is logged and skipped."""
        if record.topic.endswith(DEPLOYMENTS.name):
            self._take_deployment(record.value)
            return
        try:
            self._take_piece(record)
        except (ValueError, KeyError, TypeError):  # not ours: a worker must not die of it at every start
            log.warning("reference_unreadable", offset=record.offset)

    def _take_piece(self, record: Any) -> None:  # noqa: ANN401  aiokafka's record
        headers = dict(record.headers)
        if record.value is None or "id" not in headers:
            return
        if (record.key or b"").endswith(b"/manifest"):
            manifest = json.loads(record.value)
            if record.timestamp is not None and record.timestamp > 0:
                self._published[manifest["id"]] = record.timestamp / 1000
            self._complete(manifest)
        else:
            index = int(headers["part"].split(b"/")[0])
            self._parts.setdefault(headers["id"].decode(), {})[index] = record.value

    def _take_deployment(self, value: bytes | None) -> None:
        for event in decode(value, kind="deployment") if value else []:
            if isinstance(event, Rejection):
                log.warning("deployment_unreadable", field=event.error.field)
            elif isinstance(event, Deployment):
                self.deployments.append(event)

    def _complete(self, manifest: dict[str, Any]) -> None:
        pieces = self._parts.pop(manifest["id"], {})
        if len(pieces) != manifest["parts"]:
            return  # an older version whose parts were compacted away
        blob = b"".join(pieces[i] for i in sorted(pieces))
        try:
            found = at_rest.load(blob, fingerprint=self._fingerprint)
            self.hold(manifest["application"], found, since=manifest.get("since"))
        except ReferenceMismatch as error:
            log.error("reference_refused", application=manifest["application"], reason=str(error))

    def hold(self, application: str, what: Reference | Baseline, *, since: float | None = None) -> None:
        """Use a reference from now on, an eval set from the event time `since` beside the one before it.

        An eval set of "*" serves whoever has none of his own.
        """
        if isinstance(what, Baseline):
            self._baselines[Subject(application, what.reference.aspect)] = what
        else:
            self._evalsets[application] = self._evalsets.get(application, NONE).followed_by(what, since)
        everyone = self._evalsets.get("*", NONE)
        for name in {*self._evalsets, *(subject.application for subject in self._baselines)}:
            responses = self._baselines.get(Subject(name, RESPONSES))
            evalsets = self._evalsets.get(name, NONE).after(everyone)
            self.references[name] = References(
                evalset=evalsets.newest,
                before=evalsets.before,
                since=evalsets.since,
                baseline=self._baselines.get(Subject(name)),
                responses=None if responses is None else References(baseline=responses),
            )
        log.info("reference_held", application=application, kind=type(what).__name__.lower())

    async def publish(self, application: str, what: Reference | Baseline, outbox: Outbox) -> None:
        """Put a reference on its topic for every worker, and hold it here."""
        for key, value, headers in at_rest.wire_records(application, what):
            await outbox.send(REFERENCES, value, key=key, partition=0, headers=headers)
        await outbox.deliver()
        self.hold(application, what)

    def measured(self) -> dict[str, float]:
        """Applications that have a baseline, and since when there is one: epoch seconds of event time."""
        learned = [(name, each.baseline) for name, each in self.references.items() if each.baseline]
        return {name: b.reference.window[1] for name, b in learned if b.reference.window}

    def summaries(self) -> list[ReferenceSummary]:
        """What is held, in words and numbers."""
        held = [(name, each.newest) for name, each in sorted(self._evalsets.items()) if each.newest]
        held += [(subject.application, each.reference) for subject, each in sorted(self._baselines.items())]
        return [at_rest.summary(name, each, self._published.get(each.id)) for name, each in held]
