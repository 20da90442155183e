"""`interactions.v1` -> `ticks.v1` and `samples.v1`: encode every prompt and response, count, keep a few."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import faust

from agents.checkpoint import Checkpoints
from agents.dead_letters import buried_after, bury
from agents.library import Library
from agents.plumbing import Lane, Outbox, Record, assigned
from agents.reading import Ends
from agents.recovery import ticks_told
from agents.station import PartitionedStation
from agents.telemetry import CLOCK_SKEW, EVENTS, SHARE, STAGE_SECONDS, UNITS, log
from app.adapters.tuning import measure_settings
from app.core.measurement import Measurer
from app.core.sampling import Candidate, Carrying, Described
from app.core.shedding import share_at
from app.ports import Encoder
from app.settings import Settings
from schemas.codec import Rejection, decode, encode, hash_user
from schemas.events import Interaction
from schemas.ticks import Sample, Tick
from schemas.topics import INTERACTIONS, SAMPLES, TICKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """What measuring sees with."""

    encoder: Encoder
    describe: Callable[[str], Described]
    carrying: Carrying | None = None  # None: samples carry no exchanges


FORMAT = 1  # of the snapshot


@dataclass(slots=True)
class _Partition:
    measurer: Measurer
    heard_at: float
    buried: set[int] = field(default_factory=set)  # offsets whose dead letters were sent before a crash
    idle: bool | None = None  # as was told; None: not by this process, but by another before it perhaps
    saved: int = -1

    @property
    def offset(self) -> int:
        """The last offset measured."""
        return self.measurer.last_offset

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return self.measurer.snapshot()


class Measure(PartitionedStation[_Partition]):
    """One `Measurer` per partition, restored from its newest checkpoint."""

    def __init__(
        self,
        settings: Settings,
        *,
        eyes: Eyes,
        library: Library,
        outbox: Outbox,
        checkpoints: Checkpoints,
        assigned: Callable[[], set[int]],
    ) -> None:
        super().__init__(checkpoints, assigned)
        self._settings, self._eyes, self._library = settings, eyes, library
        self._outbox = outbox
        self._topic = settings.kafka.topic_prefix + INTERACTIONS.name
        self._ends = Ends(settings)
        self._looked_at = 0.0
        self._share = 1.0
        SHARE.set(1.0)
        # One thread and not asyncio's pool: encoders compute in as many threads as they were given.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="measure")

    async def process(self, records: Sequence[Record]) -> None:
        """Fold a batch and send the ticks that grew."""
        await self._restore()
        references = dict(self._library.references)
        share = self._share_of(records)
        owned: dict[int, list[Candidate]] = {}
        for record in records:
            partition = await self._partition(record.partition)
            partition.heard_at, partition.idle = time.monotonic(), False
            partition.measurer.share = share
            candidates = owned.setdefault(record.partition, [])
            if record.offset > partition.measurer.last_offset:
                interactions = await self._interactions(record, partition.buried)
                candidates += partition.measurer.admit(
                    record.offset, interactions, references, recorded=record.timestamp
                )
                EVENTS.inc(len(interactions))
                _tell_skew(record, interactions)
        if owned:
            with STAGE_SECONDS.labels("measure").time():
                samples = await asyncio.get_running_loop().run_in_executor(self._thread, self._fold, owned)
            await self._send(owned, samples)
        await self._tell_idle()
        await self._outbox.deliver()

    def _share_of(self, records: Sequence[Record]) -> float:
        """Share of the units to look at: by how long ago the oldest record of the batch was written."""
        limit = self._settings.worker.shed_after_seconds
        written = [record.timestamp for record in records if record.timestamp]
        if limit is None or not written:
            return 1.0
        behind = time.time() - min(written)
        share = share_at(behind, limit)
        if share != self._share:
            log.warning("looks_at_a_share_of_units", share=share, seconds_behind=round(behind, 1))
        self._share = share
        SHARE.set(share)
        return share

    def _hash_user(self, user: str) -> str:
        return hash_user(user, self._settings.worker.user_salt.get_secret_value())

    async def _interactions(self, record: Record, buried: set[int]) -> list[Interaction]:
        out: list[Interaction] = []
        for event in decode(record.value, headers=record.headers, hasher=self._hash_user):
            if isinstance(event, Rejection):
                if record.offset not in buried:
                    await bury(self._outbox, record, event)
            elif isinstance(event, Interaction):
                out.append(event)
        return out

    def _fold(self, owned: Mapping[int, list[Candidate]]) -> list[Sample]:
        """In a thread: the eyes are slow, the loop must breathe."""
        texts = [c.text for candidates in owned.values() for c in candidates]
        with STAGE_SECONDS.labels("encode").time():
            encoded = self._eyes.encoder.encode(texts)
        kept: list[Sample] = []
        first = 0
        for number, candidates in owned.items():
            rows = slice(first, first + len(candidates))
            first += len(candidates)
            measurer = self._partitions[number].measurer
            kept += measurer.fold(candidates, encoded.select(rows), self._eyes.describe, self._eyes.carrying)
        UNITS.inc(len(texts))
        return kept

    async def _send(self, owned: Mapping[int, list[Candidate]], samples: Sequence[Sample]) -> None:
        for number in owned:
            for tick in self._partitions[number].measurer.flush():
                await self._outbox.send(TICKS, encode(tick), key=tick.application.encode())
        for sample in samples:
            await self._outbox.send(SAMPLES, encode(sample), key=sample.application.encode())
        waiting = {number: self._partitions[number] for number in [*owned, *await self._waiting()]}
        for partition in sorted(waiting.values(), key=_reached):  # nobody's time may pass that of the next
            partition.idle = False
            await self._broadcast(partition.measurer.progress(idle=False))

    async def _waiting(self) -> list[int]:
        """Partitions that may pass for idle, and where records wait.

        What a producer wrote before the records of this batch is on the topic by now, though it may come
        later; passed over, it would be late.
        """
        silent = {number: p for number, p in self._partitions.items() if p.idle is not False}
        ends = await self._ends.of(self._topic, sorted(silent))
        waiting = [n for n, p in silent.items() if p.measurer.last_offset + 1 < ends[n]]
        for number in waiting:
            silent[number].heard_at = time.monotonic()
        return waiting

    async def _broadcast(self, progress: Tick) -> None:
        """Progress concerns every application, hence every partition of ticks."""
        for partition in range(TICKS.partitions):
            await self._outbox.send(TICKS, encode(progress), key=b"*", partition=partition)

    async def _tell_idle(self) -> None:
        """Say once of each partition that it was read to its end and is silent."""
        now = time.monotonic()
        patience = self._settings.worker.idle_seconds
        if now - self._looked_at < patience / 2:
            return
        self._looked_at = now
        owned = {number: self._partitions[number] for number in sorted(self._assigned())}
        quiet = [n for n, p in owned.items() if not p.idle and now - p.heard_at >= patience]
        ends = await self._ends.of(self._topic, quiet)
        for number in quiet:
            measurer = owned[number].measurer
            if measurer.last_offset + 1 >= ends[number]:
                owned[number].idle = True
                await self._broadcast(measurer.progress(idle=True))

    def _new(self, number: int) -> _Partition:
        measurer = Measurer(
            partition=number,
            partitions=self._settings.kafka.partitions,
            settings=measure_settings(self._settings.detection),
        )
        return _Partition(measurer, time.monotonic())

    def _load(self, partition: _Partition, saved: dict[str, Any]) -> None:
        partition.measurer.restore(saved)

    async def _recover(self, number: int, partition: _Partition, offset: int) -> None:
        """What ticks hold is not measured again: their blocks would shrink, or count twice."""
        partition.measurer.resume(max(offset, await ticks_told(self._settings, number)))

    async def _ready(self, number: int, partition: _Partition) -> None:
        read = partition.measurer.last_offset
        partition.buried = await buried_after(self._settings, self._topic, number, read)


def _reached(partition: _Partition) -> float:
    watermark = partition.measurer.watermark
    return -math.inf if watermark is None else watermark


def _tell_skew(record: Record, interactions: Sequence[Interaction]) -> None:
    """Nothing is sent before it happened: event times ahead of their record are a wrong clock."""
    if record.timestamp is not None and interactions:
        newest = max(interaction.time for interaction in interactions).timestamp()
        CLOCK_SKEW.set(max(0.0, newest - record.timestamp))


def register(app: faust.App, settings: Settings, *, eyes: Eyes, library: Library, outbox: Outbox) -> None:
    """Attach the agent."""
    checkpoints = Checkpoints("measure", FORMAT, outbox=outbox, settings=settings)
    topic = settings.kafka.topic_prefix + INTERACTIONS.name
    station = Measure(
        settings,
        eyes=eyes,
        library=library,
        outbox=outbox,
        checkpoints=checkpoints,
        assigned=partial(assigned, app, topic),
    )
    Lane(app, settings, [topic], "measure", station, ready=library.ready.wait).register()
