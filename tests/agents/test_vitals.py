"""What a worker sees of the pipeline at the broker, and who says so."""

import asyncio
from typing import Any, Self

import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from agents import vitals
from agents.vitals import Vitals, watchers_of
from app.core.health import Health, HealthLimits
from app.settings import Settings
from schemas.readings import Reading
from schemas.topics import ALERTS, DEAD_LETTERS, INTERACTIONS, READINGS, TICKS, Topic
from tests.agents.doubles import PATIENCE_SECONDS, PREFIX, RecordingOutbox, settings

PARTITIONS = 2


class Broker:
    """Ends of topics, and where groups have committed; all topics have two partitions."""

    def __init__(self) -> None:
        self.ends: dict[tuple[str, int], int] = {}
        self.first: dict[tuple[str, int], int] = {}
        self.committed: dict[tuple[str, str, int], int] = {}
        self.away = False

    def consumer(self, *, group_id: str, **_: Any) -> "Consumer":
        return Consumer(self, group_id)

    def finish(self, topic: Topic, partition: int, offset: int, *, group: str = "promptdrift") -> None:
        self.committed[group, PREFIX + topic.name, partition] = offset


class Consumer:
    """The part of aiokafka's consumer that is asked."""

    def __init__(self, broker: Broker, group: str) -> None:
        self._broker, self._group = broker, group

    async def start(self) -> Self:
        return self

    async def stop(self) -> None: ...

    async def committed(self, tp: Any) -> int | None:
        return self._broker.committed.get((self._group, tp.topic, tp.partition))

    async def beginning_offsets(self, where: list[Any]) -> dict[Any, int]:
        return {tp: self._broker.first.get((tp.topic, tp.partition), 0) for tp in where}

    async def end_offsets(self, where: list[Any]) -> dict[Any, int]:
        if self._broker.away:
            raise KafkaConnectionError("away")
        return {tp: self._broker.ends.get((tp.topic, tp.partition), 0) for tp in where}


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    monkeypatch.setattr(vitals, "AIOKafkaConsumer", made.consumer)
    monkeypatch.setattr(vitals, "require_topics", lambda kafka, names: dict.fromkeys(names, PARTITIONS))
    monkeypatch.setattr(vitals, "LOOK_SECONDS", 0.01)
    return made


def looked(given: Settings, *, speaks: bool = True, looks: int = 1) -> tuple[Vitals, RecordingOutbox]:
    outbox = RecordingOutbox()
    watching = Vitals(
        given,
        Health(HealthLimits()),
        outbox=outbox,  # type: ignore[arg-type]
        speaks=lambda: speaks,
        store_fresh=lambda: True,
    )

    async def look() -> None:
        watchers = watchers_of(given)
        for _ in range(looks):
            await watching.look(watchers)

    asyncio.run(look())
    return watching, outbox


def said(outbox: RecordingOutbox) -> dict[str | None, Reading]:
    return {reading.segment: reading for reading in outbox.values(READINGS, Reading)}


def test_the_one_that_speaks_says_how_every_stage_is(broker: Broker) -> None:
    broker.ends[PREFIX + INTERACTIONS.name, 1] = 30
    broker.finish(INTERACTIONS, 1, 12)
    watching, outbox = looked(settings())
    readings = said(outbox)
    known = {f"stage {name}" for name in ("measure", "detect", "outcomes", "evaluate", "alert")}
    assert set(readings) == known | {"dead letters", "status store"}
    assert {(r.application, r.monitor, r.state) for r in readings.values()} == {("*", "health", "ok")}
    assert readings["stage measure"].note == "measure works; 18 records wait"
    assert all(sent.key == b"*" for sent in outbox.on(READINGS))
    stages = {stage["stage"]: stage for stage in watching.facts()["stages"]}
    assert (stages["measure"]["waiting"], stages["measure"]["partitions"]) == (18, PARTITIONS)
    labels = {"topic": PREFIX + INTERACTIONS.name, "partition": "1"}
    assert REGISTRY.get_sample_value("promptdrift_consumer_lag_records", labels) == 18


def test_the_others_look_and_are_silent(broker: Broker) -> None:
    watching, outbox = looked(settings(), speaks=False)
    assert outbox.on(READINGS) == []
    assert len(watching.facts()["stages"]) == 5


def test_what_expired_unread_is_not_waited_for(broker: Broker) -> None:
    broker.ends[PREFIX + TICKS.name, 0] = broker.first[PREFIX + TICKS.name, 0] = 500
    _, outbox = looked(settings())
    assert said(outbox)["stage detect"].note == "detect is up to date"


def test_a_notifier_is_there_once_it_has_committed(broker: Broker) -> None:
    broker.ends[PREFIX + ALERTS.name, 0] = 9
    assert "stage notify" not in said(looked(settings())[1])
    broker.finish(ALERTS, 0, 4, group="promptdrift-notify")
    assert said(looked(settings())[1])["stage notify"].note == "notify works; 5 records wait"


def test_sources_of_the_user_are_stages_too(broker: Broker) -> None:
    broker.ends["gateway.logs", 0] = 7
    _, outbox = looked(settings(sources=[{"topic": "gateway.logs"}]))
    assert said(outbox)["stage ingest gateway.logs"].note == "ingest gateway.logs works; 7 records wait"


def test_dead_letters_are_counted_at_the_broker(broker: Broker) -> None:
    async def story() -> None:
        given, outbox = settings(), RecordingOutbox()
        watching = Vitals(
            given,
            Health(HealthLimits()),
            outbox=outbox,  # type: ignore[arg-type]
            speaks=lambda: True,
            store_fresh=lambda: True,
        )
        watchers = watchers_of(given)
        await watching.look(watchers)
        broker.ends[PREFIX + INTERACTIONS.name, 0] = 100
        broker.finish(INTERACTIONS, 0, 100)
        broker.ends[PREFIX + DEAD_LETTERS.name, 1] = 20
        await watching.look(watchers)
        last = [r for r in outbox.values(READINGS, Reading) if r.segment == "dead letters"][-1]
        assert (last.state, last.severity, last.value) == ("alarm", "warning", 0.2)

    asyncio.run(story())


def test_a_broker_that_is_away_is_asked_again(broker: Broker) -> None:
    broker.away = True
    outbox = RecordingOutbox()
    watching = Vitals(
        settings(),
        Health(HealthLimits()),
        outbox=outbox,  # type: ignore[arg-type]
        speaks=lambda: True,
        store_fresh=lambda: True,
    )

    async def story() -> None:
        task = asyncio.create_task(watching.follow())
        while not logs:  # noqa: ASYNC110  any condition
            await asyncio.sleep(0.005)
        broker.away = False
        while not outbox.sent:  # noqa: ASYNC110  any condition
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with capture_logs() as logs:
        asyncio.run(asyncio.wait_for(story(), PATIENCE_SECONDS))
    assert logs[0]["event"] == "vitals_unseen"
