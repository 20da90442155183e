"""`samples.v1`, `readings.v1` -> `evaluations.v1`: live answers before scorers, judges and candidates.

A window that is closed is saved before anything of it is told or asked (`app/core/shadow.py` has the rule).
Calls run in the background; their rows are on the topic before their job is done.  Rows that were written
just before a crash are looked for at the start, so that none is written twice.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import faust
import msgspec

from agents.checkpoint import Checkpoints
from agents.dead_letters import typed
from agents.library import Library
from agents.plumbing import Lane, Outbox, Record, assigned
from agents.shadow_facts import facts, measure
from agents.shadow_trials import Trials
from agents.shadow_written import settle, written
from agents.station import PartitionedStation
from agents.telemetry import SHADOW_ROWS, SHADOW_SECONDS, STAGE_SECONDS, log
from app.adapters.calls import Failure
from app.adapters.shadow import Done, Scoring
from app.core.sampling import known_of
from app.core.shadow import MOST_WAITING, Shadow, ShadowPolicy
from app.core.shadow_jobs import Batch, Job
from app.core.shadow_samples import Held, held_of, places_of
from app.core.spending import Purse, Share
from app.settings import Settings
from schemas.codec import ARRAY_LIMIT
from schemas.evalsets import Stake
from schemas.events import Evaluation
from schemas.readings import Reading
from schemas.ticks import Sample
from schemas.topics import EVALUATIONS, READINGS, SAMPLES

FORMAT = 1  # of the snapshot
DRAIN_SECONDS = 5.0  # that a micro-batch waits for endpoints, at most
AT_ONCE = 32  # jobs under way; endpoints have limits of their own


@dataclass(slots=True)
class _Partition:
    shadow: Shadow
    offsets: dict[str, int] = field(default_factory=dict)  # by topic
    revision: int = 0
    saved: int = -1
    unsaved: bool = False  # something was decided that may not be acted on yet
    written: dict[str, Evaluation] = field(default_factory=dict)  # rows that were there at the start
    heard_at: float = 0.0
    share: Share = field(default_factory=Share)

    @property
    def offset(self) -> int:
        """How often the state changed: it moves without records too."""
        return self.revision + self.share.changes

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "shadow": self.shadow.snapshot(),
            "offsets": self.offsets,
            "revision": self.revision,
            "share": self.share,
        }


class Shadowing(PartitionedStation[_Partition]):
    """One `Shadow` per partition; calls on their way in the background."""

    def __init__(
        self,
        settings: Settings,
        scoring: Scoring,
        *,
        library: Library,
        outbox: Outbox,
        checkpoints: Checkpoints,
        assigned: Callable[[], set[int]],
    ) -> None:
        super().__init__(checkpoints, assigned)
        self._settings, self._scoring = settings, scoring
        self._library, self._outbox = library, outbox
        self._policy: ShadowPolicy = scoring.policy(
            settings.evaluation, lateness_seconds=settings.detection.lateness_seconds
        )
        told = settings.evaluation.stakes
        self._stakes = [Stake(name=s.name, items=0, match=s.match, segment=s.segment) for s in told]
        self._asking: dict[asyncio.Task[Done | Failure], tuple[int, Job]] = {}
        self._trials = Trials()
        self._purse = Purse(shares=SAMPLES.partitions)
        scoring.by.charge(self._purse)
        self._saved_at = 0.0

    async def process(self, records: Sequence[Record]) -> None:
        """Take samples in, close windows, tell and ask what is due."""
        await self._drain()
        await self._restore()
        for record in records:
            await self._take(record)
        await self._collect()
        for partition in self._partitions.values():
            quiet = time.monotonic() - partition.heard_at >= self._quiet_seconds
            if partition.shadow.close(self._scoring.price, final=quiet):
                partition.revision += 1
                partition.unsaved = True
        if any(partition.unsaved for partition in self._partitions.values()):
            await self.checkpoint()
        for partition in self._partitions.values():
            for batch in list(partition.shadow.outgoing):
                await self._tell(partition, batch)
        self._ask()
        measure(self._scoring, self._jobs)
        await self._save_sometimes()

    async def _drain(self) -> None:
        """Behind a backlog, let endpoints that work go first, rather than find no room for what is chosen."""
        end = time.monotonic() + DRAIN_SECONDS
        while self._waiting > MOST_WAITING // 2 and self._asking and time.monotonic() < end:
            await asyncio.wait(self._asking, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            await self._collect()
            if self._trials.failures:
                return
            self._ask()

    @property
    def _waiting(self) -> int:
        return len(self._jobs)

    @property
    def _quiet_seconds(self) -> float:
        return max(self._settings.worker.idle_seconds, self._policy.window_seconds)

    async def _take(self, record: Record) -> None:
        partition = await self._partition(record.partition)
        if record.offset <= partition.offsets.get(record.topic, -1):
            return
        partition.offsets[record.topic] = record.offset
        partition.revision += 1
        if record.topic.endswith(READINGS.name):
            reading = await typed(self._outbox, record, Reading)
            places = None if reading is None else places_of(reading)
            if reading is not None and places is not None:
                partition.shadow.drifted(reading.application, reading.monitor, places)
            return
        sample = await typed(self._outbox, record, Sample)
        if sample is not None and sample.aspect == "prompts":
            partition.heard_at = time.monotonic()
            held = await self._held(partition, sample)
            partition.shadow.receive(sample.time, held, recorded=record.timestamp)

    async def _held(self, partition: _Partition, sample: Sample) -> Held | None:
        if sample.exchange is None:
            return None
        await self._refresh(sample.application)
        return held_of(
            sample,
            known=known_of(self._library.references, sample.application),
            places=partition.shadow.places(sample.application),
            stakes=self._stakes,
            expected=self._scoring.expected.of(sample.application),
        )

    async def _refresh(self, application: str) -> None:
        """The expected answers in force, looked for anew once a while."""
        expected = self._scoring.expected
        if not expected.due(application, time.monotonic()):
            return
        loop = asyncio.get_running_loop()
        problem = await loop.run_in_executor(None, expected.refresh, application)
        if problem is not None:
            log.warning("expected_answers_unreadable", application=application, reason=problem)

    async def _tell(self, partition: _Partition, batch: Batch) -> None:
        """Put a closed window on the topic: what costs nothing, and who was not chosen."""
        loop = asyncio.get_running_loop()
        with STAGE_SECONDS.labels("shadow").time():
            rows = await loop.run_in_executor(None, self._scoring.told, batch)
        await self._send(partition, rows)
        partition.shadow.told(batch)
        partition.revision += 1

    async def _send(self, partition: _Partition, rows: Iterable[Evaluation]) -> None:
        """Deliver rows that are not there yet, those of one job in one record."""
        fresh = [row for row in rows if row.id not in partition.written]
        for start in range(0, len(fresh), ARRAY_LIMIT):
            part = fresh[start : start + ARRAY_LIMIT]
            key = part[0].application.encode()
            await self._outbox.send(EVALUATIONS, msgspec.json.encode(part), key=key)
            for row in part:
                SHADOW_ROWS.labels(
                    row.name, row.label or ("scored" if row.score is not None else "kept")
                ).inc()
        await self._outbox.deliver()

    async def _collect(self) -> None:
        """What was answered since."""
        for task in [task for task in self._asking if task.done()]:
            number, job = self._asking.pop(task)
            partition, found = self._partitions[number], task.result()
            if isinstance(found, Failure):
                partition.revision += partition.shadow.failed(job, time.time(), cost=found.cost)
                self._trials.failed(job, found)
                continue
            partition.revision += 1
            await self._send(partition, found.rows)
            partition.shadow.settle(job, score=found.score, cost=found.cost)
            self._trials.done(job, found)

    def _ask(self) -> None:
        under_way = {job.key for _, job in self._asking.values()}
        for number, partition in self._partitions.items():
            for job in partition.shadow.jobs:
                if len(self._asking) >= AT_ONCE:
                    return
                if job.key in under_way or not self._trials.due(job):
                    continue
                task = asyncio.create_task(self._timed(job))
                self._asking[task] = (number, job)

    async def _timed(self, job: Job) -> Done | Failure:
        patience = self._settings.evaluation.patience_seconds
        late = job.since is not None and time.time() - job.since >= patience
        with SHADOW_SECONDS.labels(job.kind).time():
            return await self._scoring.ask(job, last=late or self._trials.hopeless(job))

    async def _save_sometimes(self) -> None:
        """Also where no record comes: answers do."""
        moved = any(partition.offset > partition.saved for partition in self._partitions.values())
        if moved and time.monotonic() - self._saved_at >= self._settings.worker.checkpoint_seconds:
            await self.checkpoint()

    async def checkpoint(self) -> None:
        """Save the partitions that moved; what was decided in them may be acted on then."""
        await super().checkpoint()
        self._saved_at = time.monotonic()
        for partition in self._partitions.values():
            partition.unsaved = False

    def forget(self, partitions: set[int]) -> None:
        """Another evaluator goes on; what is on its way is stopped, and asked again there."""
        for task, (number, _) in list(self._asking.items()):
            if number in partitions:
                task.cancel()
                del self._asking[task]
        for number in partitions:
            self._purse.release(number)
        super().forget(partitions)

    def _new(self, number: int) -> _Partition:
        return _Partition(Shadow(self._policy), heard_at=time.monotonic())

    def _load(self, partition: _Partition, saved: dict[str, Any]) -> None:
        partition.shadow.restore(saved["shadow"])
        partition.offsets, partition.revision = dict(saved["offsets"]), saved["revision"]
        partition.share = msgspec.convert(saved["share"], Share)

    async def _recover(self, number: int, partition: _Partition, offset: int) -> None:
        """Windows in hand and what waited to be asked are given up; rows that stand stay the only ones."""
        partition.written = await written(self._settings, number)

    async def _ready(self, number: int, partition: _Partition) -> None:
        self._purse.hold(number, partition.share)
        if partition.shadow.outgoing or partition.shadow.jobs:
            partition.written = await written(self._settings, number, partition.shadow)
            settle(partition.shadow, partition.written.values(), self._scoring)

    @property
    def _jobs(self) -> list[Job]:
        return [job for partition in self._partitions.values() for job in partition.shadow.jobs]

    def facts(self) -> dict[str, Any]:
        """What the evaluator says of itself: how everything is that it asks."""
        return facts(self._scoring, self._jobs, self._trials)


def register(
    app: faust.App, settings: Settings, *, scoring: Scoring, library: Library, outbox: Outbox
) -> Callable[[], dict[str, Any]]:
    """Attach the agent; returns how it is asked for facts."""
    checkpoints = Checkpoints("shadow", FORMAT, outbox=outbox, settings=settings)
    station = Shadowing(
        settings,
        scoring,
        library=library,
        outbox=outbox,
        checkpoints=checkpoints,
        assigned=partial(assigned, app, settings.kafka.topic_prefix + SAMPLES.name),
    )
    topics = [settings.kafka.topic_prefix + topic.name for topic in (SAMPLES, READINGS)]
    Lane(app, settings, topics, "shadow", station, ready=library.ready.wait).register()
    return station.facts
