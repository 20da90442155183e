"""The pipeline's own health -> `readings.v1`: how far each stage is, and what of it is wrong.

Every worker looks; the one that holds the first partition of readings speaks.  What is seen comes from the
broker (where the group has committed, where partitions end), so a stage of another worker that stands still
is seen as well, and so is the notifier.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.plumbing import Outbox, client_options, raise_if_cancelled
from agents.telemetry import KAFKA_ERRORS, LAG, LAG_SECONDS, log
from agents.telling import send_reading
from app.adapters.kafka import full_name, require_topics
from app.core.bulletin import Bulletin
from app.core.health import Finding, Health, Place
from app.errors import DependencyError
from app.settings import Settings
from schemas.readings import Reading
from schemas.topics import (
    ALERTS,
    DEAD_LETTERS,
    EVALUATIONS,
    INTERACTIONS,
    OUTCOMES,
    READINGS,
    SAMPLES,
    TICKS,
    Topic,
)

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 10.0
STAGES: dict[str, Topic] = {
    "measure": INTERACTIONS,
    "detect": TICKS,
    "outcomes": OUTCOMES,  # it reads ticks too, of which there is one offset for both
    "evaluate": EVALUATIONS,
    "alert": READINGS,
}
ARRIVALS = ("ingest", "measure")
ELSEWHERE: dict[str, tuple[str, Topic]] = {  # stages of processes that may not be there, and their groups
    "notify": ("notify", ALERTS),
    "shadow": ("evaluate", SAMPLES),
}


class Vitals:
    """Looks every five seconds; `facts` and `readings` say what it saw.

    Args: speaks, whether this worker is the one that says so; store_fresh, whether the status store takes
        what it is given.
    """

    def __init__(
        self,
        settings: Settings,
        health: Health,
        *,
        outbox: Outbox,
        speaks: Callable[[], bool],
        store_fresh: Callable[[], bool],
    ) -> None:
        self._settings, self._outbox = settings, outbox
        self._health, self._bulletin = health, Bulletin()
        self._speaks, self._store_fresh = speaks, store_fresh
        self._findings: list[Finding] = []

    async def follow(self) -> None:
        """Run until cancelled.  A broker that does not answer is asked again."""
        watchers = watchers_of(self._settings)
        try:
            while True:
                raise_if_cancelled()
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await self.look(watchers)
                except (KafkaError, DependencyError, TimeoutError, OSError) as error:
                    KAFKA_ERRORS.inc()
                    log.warning("vitals_unseen", reason=type(error).__name__)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for watcher in watchers:
                await watcher.close()

    def hear(self, reading: Reading) -> None:
        """A reading of any monitor."""
        self._health.hear(reading)

    async def look(self, watchers: Sequence["Watcher"]) -> None:
        """Look once, and say what is to be said."""
        places = [place for watcher in watchers for place in await watcher.places()]
        letters = await watchers[0].total(full_name(self._settings.kafka, DEAD_LETTERS))
        arrived = sum(place.end for place in places if place.stage.startswith(ARRIVALS))
        now = time.time()
        self._findings = self._health.look(
            now, places, letters=letters, arrived=arrived, store_fresh=self._store_fresh()
        )
        for place in places:
            LAG.labels(place.topic, str(place.partition)).set(max(0, place.end - place.committed))
        for state in self._health.stages:
            LAG_SECONDS.labels(state.stage).set(state.behind_seconds)
        if self._speaks():
            for reading in self._bulletin.readings(self._findings, now):
                await send_reading(self._outbox, reading)
            await self._outbox.deliver()

    def facts(self) -> dict[str, Any]:
        """What this worker says of itself and of what it sees, with each heartbeat."""
        grades = {finding.condition: finding.grade for finding in self._findings}
        stages = [
            {
                "stage": state.stage,
                "state": grades.get(f"stage {state.stage}", "ok"),
                "partitions": state.partitions,
                "waiting": state.waiting,
                "behind_seconds": round(state.behind_seconds, 1),
            }
            for state in self._health.stages
        ]
        return {"role": "worker", "stages": stages}


class Watcher:
    """Where one consumer group is on the input of each stage, asked without joining it.

    Args: stages, name of a stage -> full name of its topic; always, whether a stage that never committed has
        only to begin; else it is not there.
    """

    def __init__(self, settings: Settings, group: str, stages: dict[str, str], *, always: bool) -> None:
        self._settings, self._group, self._stages, self._always = settings, group, stages, always
        self._counts: dict[str, int] = {}
        self._consumer: AIOKafkaConsumer | None = None

    async def places(self) -> list[Place]:
        """Every partition of every stage that is there."""
        found: list[Place] = []
        for stage, topic in self._stages.items():
            consumer, where = await self._where(topic)
            committed = await asyncio.gather(*(consumer.committed(tp) for tp in where))
            if not self._always and all(offset is None for offset in committed):
                continue
            first, ends = await consumer.beginning_offsets(where), await consumer.end_offsets(where)
            found += [
                Place(
                    stage=stage,
                    topic=tp.topic,
                    partition=tp.partition,
                    committed=max(first[tp], offset or 0),  # what expired unread is not waited for
                    end=ends[tp],
                )
                for tp, offset in zip(where, committed, strict=True)
            ]
        return found

    async def total(self, topic: str) -> int:
        """Records that were ever written to a topic."""
        consumer, where = await self._where(topic)
        return sum((await consumer.end_offsets(where)).values())

    async def _where(self, topic: str) -> tuple[AIOKafkaConsumer, list[TopicPartition]]:
        if topic not in self._counts:
            loop = asyncio.get_running_loop()
            self._counts |= await loop.run_in_executor(None, require_topics, self._settings.kafka, [topic])
        if self._consumer is None:
            options = client_options(self._settings)
            consumer = AIOKafkaConsumer(**options, group_id=self._group, enable_auto_commit=False)
            await consumer.start()
            self._consumer = consumer
        return self._consumer, [TopicPartition(topic, number) for number in range(self._counts[topic])]

    async def close(self) -> None:
        """Give the connection back."""
        if self._consumer is not None:
            with contextlib.suppress(Exception):
                await self._consumer.stop()


def watchers_of(settings: Settings) -> list[Watcher]:
    """The workers' own stages first, then those of notifier and evaluator."""
    group, kafka = settings.worker.group, settings.kafka
    own = {f"ingest {source.topic}": source.topic for source in settings.sources}
    own |= {stage: full_name(kafka, topic) for stage, topic in STAGES.items()}
    return [
        Watcher(settings, group, own, always=True),
        *(
            Watcher(settings, f"{group}-{other}", {stage: full_name(kafka, topic)}, always=False)
            for stage, (other, topic) in ELSEWHERE.items()
        ),
    ]
