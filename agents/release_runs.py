"""`deployments.v1` -> `evaluations.v1`: a deployment that succeeded is asked the eval set in force.

What waits is saved before it is begun; the run itself goes on in the background, a few questions at a time,
so that nothing else in this process waits for a model.  A run that broke off, with its process or its
endpoint, goes on where its rows on the topic end (`app/core/release_runs.py` has the rule).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import faust

from agents.checkpoint import Checkpoints
from agents.plumbing import Lane, Outbox, Record, assigned
from agents.reading import read_partition
from agents.station import PartitionedStation
from agents.telemetry import EVAL_RUNS, log
from app.adapters.evaluations import TopicRows
from app.adapters.evaluators import Evaluators, open_candidate
from app.adapters.release_run import Asker, Ran
from app.adapters.scorers import scorers_of
from app.adapters.scoring import OF_THE_EXPECTED
from app.core.release_runs import Due, ReleaseRuns
from app.errors import PromptdriftError, SettingsError
from app.ports import Encoder
from app.settings import Settings
from schemas.codec import decode
from schemas.events import Deployment
from schemas.topics import DEPLOYMENTS

FORMAT = 1  # of the snapshot


@dataclass(slots=True)
class _Partition:
    runs: ReleaseRuns
    read: int = -1
    revision: int = 0
    saved: int = -1

    @property
    def offset(self) -> int:
        """How often the state changed: runs end without records."""
        return self.revision

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"runs": self.runs.snapshot(), "read": self.read, "revision": self.revision}


class Releases(PartitionedStation[_Partition]):
    """Runs that wait, per partition; those under way in the background."""

    def __init__(
        self,
        settings: Settings,
        asker: Asker,
        *,
        checkpoints: Checkpoints,
        assigned: Callable[[], set[int]],
    ) -> None:
        super().__init__(checkpoints, assigned)
        self._settings, self._asker = settings, asker
        self._going: dict[asyncio.Task[Ran], tuple[int, Due]] = {}

    async def process(self, records: Sequence[Record]) -> None:
        """Take deployments in, settle runs that ended, begin those that are due."""
        await self._restore()
        for record in records:
            await self._take(record)
        self._collect()
        if any(partition.offset > partition.saved for partition in self._partitions.values()):
            await self.checkpoint()
        self._begin()

    async def _take(self, record: Record) -> None:
        partition = await self._partition(record.partition)
        if record.offset <= partition.read:
            return
        self._tell(partition, record.offset, record.value, record.timestamp)

    def _tell(self, partition: _Partition, offset: int, value: bytes | None, timestamp: float | None) -> None:
        partition.read, partition.revision = offset, partition.revision + 1
        now = time.time()
        born = now if timestamp is None else timestamp
        for event in decode(value, kind="deployment") if value else []:
            if isinstance(event, Deployment):
                partition.runs.tell(event, born=born, now=now)

    def _begin(self) -> None:
        under_way = {(due.application, due.deployment) for _, due in self._going.values()}
        for number, partition in self._partitions.items():
            for due in partition.runs.due(time.time()):
                if (due.application, due.deployment) in under_way:
                    continue
                wanted = partial(partition.runs.waits, due.application, due.deployment)
                log.info("eval_run_begins", application=due.application, deployment=due.deployment)
                going = asyncio.create_task(self._asker.run(due.application, due.deployment, wanted=wanted))
                self._going[going] = (number, due)

    def _collect(self) -> None:
        for going in [going for going in self._going if going.done()]:
            number, due = self._going.pop(going)
            partition = self._partitions[number]
            partition.revision += 1
            self._settle(partition.runs, due, going)

    def _settle(self, runs: ReleaseRuns, due: Due, going: "asyncio.Task[Ran]") -> None:
        facts: dict[str, Any] = {"application": due.application, "deployment": due.deployment}
        try:
            ran = going.result()
        except PromptdriftError as error:
            self._broke_off(runs, due, facts | {"reason": str(error)})
            return
        facts |= {"run": ran.run, "version": ran.version, "items": ran.items, "left": ran.left}
        if ran.left and runs.waits(due.application, due.deployment):
            self._broke_off(runs, due, facts | {"reason": ran.reason})
            return
        runs.done(due.application, due.deployment)
        EVAL_RUNS.labels("ended").inc()
        log.info("eval_run_ended", **facts, answered=ran.answered, cost=round(ran.cost, 6))

    def _broke_off(self, runs: ReleaseRuns, due: Due, facts: dict[str, Any]) -> None:
        again = runs.broke_off(due.application, due.deployment, time.time())
        EVAL_RUNS.labels("broke_off" if again else "given_up").inc()
        log.warning("eval_run_broke_off", **facts, again=again)

    def forget(self, partitions: set[int]) -> None:
        """Another process goes on; what is under way is stopped: its rows so far are on the topic."""
        for going, (number, _) in list(self._going.items()):
            if number in partitions:
                going.cancel()
                del self._going[going]
        super().forget(partitions)

    def _new(self, number: int) -> _Partition:
        given = self._settings.evaluation
        return _Partition(ReleaseRuns(self._asker.models.keys(), patience_seconds=given.patience_seconds))

    def _load(self, partition: _Partition, saved: dict[str, Any]) -> None:
        partition.runs.restore(saved["runs"])
        partition.read, partition.revision = saved["read"], saved["revision"]

    async def _recover(self, number: int, partition: _Partition, offset: int) -> None:
        """Deployments of the last hour again: a run that ended finds its rows and asks nothing."""
        async for record in read_partition(self._settings, DEPLOYMENTS, number):
            self._tell(partition, record.offset, record.value, record.timestamp / 1000)


def register(app: faust.App, settings: Settings, *, by: Evaluators, encoder: Encoder, outbox: Outbox) -> None:
    """Attach the agent, where `evaluation.targets` names a model.  Raises: SettingsError."""
    given = settings.evaluation
    if not given.targets:
        return
    if given.evalset is None:
        raise SettingsError("evaluation.targets: nothing is asked without evaluation.evalset; set it")
    asker = Asker(
        place=given.evalset,
        models={each.name: open_candidate(each) for each in given.targets},
        by=replace(by, table={**by.table, **scorers_of(OF_THE_EXPECTED)}, candidates={}),
        encoder=encoder,
        rows=TopicRows(settings.kafka),
    )
    topic = settings.kafka.topic_prefix + DEPLOYMENTS.name
    station = Releases(
        settings,
        asker,
        checkpoints=Checkpoints("release-runs", FORMAT, outbox=outbox, settings=settings),
        assigned=partial(assigned, app, topic),
    )
    Lane(app, settings, [topic], "release-runs", station).register()

    async def close(*_: object, **__: object) -> None:
        for model in asker.models.values():
            await model.close()

    app.on_before_shutdown.connect(close)
