import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Self

import msgspec
import pytest
from structlog.testing import capture_logs

from agents import status
from agents.status import PAST_RECORDS, StatusFeed
from app.adapters.status_memory import InMemoryStatusStore
from app.errors import DependencyError
from schemas.codec import encode
from schemas.decisions import Alert
from schemas.readings import Reading
from schemas.topics import ALERTS, DEPLOYMENTS, EVALSETS, READINGS, Topic
from tests.agents.doubles import PATIENCE_SECONDS, PREFIX, settings
from tests.contracts.status_values import alert, deployment, reading, summary, versions

SHOP = "support-bot"


class FakeConsumer:
    """aiokafka's consumer over lists of values per topic, all on partition 0; none is ever at its start."""

    def __init__(self, log: dict[str, list[bytes]]) -> None:
        self.log, self.stopped = log, False
        self.positions: dict[Any, int] = {}
        self.first: dict[str, int] = {}
        self.sought: dict[tuple[str, int], int] = {}

    def __call__(self, **_: Any) -> Self:
        return self

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopped = True

    def assign(self, where: list[Any]) -> None:
        self.positions = dict.fromkeys(where, 0)

    async def beginning_offsets(self, where: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(where, 0)

    async def end_offsets(self, where: list[Any]) -> dict[Any, int]:
        return {tp: len(self.log.get(tp.topic, [])) if tp.partition == 0 else 0 for tp in where}

    def seek(self, tp: Any, offset: int) -> None:
        self.positions[tp] = self.sought[tp.topic, tp.partition] = offset

    async def getmany(self, *where: Any, timeout_ms: int) -> dict[Any, list[Any]]:
        await asyncio.sleep(0.005)
        out = {}
        for tp in where:
            values = self.log.get(tp.topic, []) if tp.partition == 0 else []
            fresh = values[self.positions[tp] :]
            self.positions[tp] += len(fresh)
            if fresh:
                out[tp] = [SimpleNamespace(topic=tp.topic, value=value) for value in fresh]
        return out


class MoodyStore(InMemoryStatusStore):
    """A store that is away for as long as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.refused = 0
        self.written: list[str] = []

    def lose_everything(self) -> None:
        """As FLUSHALL, or a restart of a Redis that saves nothing."""
        InMemoryStatusStore.__init__(self)

    def _reached(self) -> None:
        if self.away:
            self.refused += 1
            raise DependencyError("Redis at redis://127.0.0.1:1/0 does not answer")

    async def put_reading(self, reading: Reading) -> bool:
        self._reached()
        self.written.append(reading.id)
        return await super().put_reading(reading)

    async def put_alert(self, alert: Alert) -> bool:
        self._reached()
        self.written.append(alert.alert_id)
        return await super().put_alert(alert)

    async def heartbeat(self, worker: str, facts: dict[str, Any]) -> None:
        self._reached()
        await super().heartbeat(worker, facts)


def name(topic: Topic) -> str:
    return PREFIX + topic.name


class Setting:
    """A feed with its log and its store."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log: dict[str, list[bytes]] = {name(topic): [] for topic in status.FOLLOWED}
        self.consumer, self.store = FakeConsumer(self.log), MoodyStore()
        monkeypatch.setattr(status, "AIOKafkaConsumer", self.consumer)
        monkeypatch.setattr(status, "RETRY_SECONDS", 0.01)
        monkeypatch.setattr(status, "HEARTBEAT_SECONDS", 0.02)
        self.references = [summary("b-1")]
        self.feed = StatusFeed(
            settings(worker={"group": "g"}),
            self.store,
            "worker-1",
            facts=lambda: {"lag": 3},
            references=lambda: self.references,
        )

    def follow(self, during: Callable[[], Awaitable[None]]) -> None:
        async def ran() -> None:
            task = asyncio.create_task(self.feed.follow())
            try:
                await during()
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert self.consumer.stopped

        asyncio.run(ran())

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not what():  # noqa: ASYNC110  any condition
                await asyncio.sleep(0.005)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Setting:
    return Setting(monkeypatch)


def test_readings_and_alerts_reach_the_store(place: Setting) -> None:
    async def during() -> None:
        place.log[name(READINGS)].append(encode(reading(1)))
        place.log[name(ALERTS)].append(encode(alert(1)))
        await place.until(lambda: len(place.store.written) == 2)
        place.log[name(READINGS)].append(encode(reading(2)))
        await place.until(lambda: len(place.store.written) == 3)
        document = await place.store.status(SHOP)
        assert document is not None
        assert [a.alert_id for a in await place.store.alerts(None, None, 5)] == ["a-1"]
        assert [p.value for p in await place.store.series(SHOP, "change", 5)] == [1.0, 2.0]

    place.follow(during)


def test_a_test_alert_stands_on_no_page(place: Setting) -> None:
    async def during() -> None:
        rehearsal = msgspec.structs.replace(alert(1), kind="test", application="rehearsal")
        place.log[name(ALERTS)] += [encode(rehearsal), encode(alert(2))]
        await place.until(lambda: place.store.written == ["a-2"])
        assert await place.store.applications() == [SHOP]

    place.follow(during)


def test_the_worker_is_heard_of(place: Setting) -> None:
    async def during() -> None:
        await place.until(lambda: place.feed.fresh)
        (worker,) = await place.store.workers()
        assert (worker["worker"], worker["group"], worker["lag"]) == ("worker-1", "g", 3)

    place.follow(during)


def test_a_redis_that_is_away_is_tried_again_and_nothing_is_skipped(place: Setting) -> None:
    ids = [f"change-{minute}-0" for minute in range(5)]

    async def during() -> None:
        await place.until(lambda: place.feed.fresh)
        place.store.away = True
        place.log[name(READINGS)] += [encode(reading(minute)) for minute in range(5)]
        await place.until(lambda: place.store.refused >= 4)
        assert not place.feed.fresh
        place.store.away = False
        await place.until(lambda: len(place.store.written) == 5)
        assert place.feed.fresh

    with capture_logs() as logs:
        place.follow(during)
    assert place.store.written == ids
    assert [(line["event"], line["log_level"]) for line in logs] == [("status_stale", "warning")]  # once


def test_a_redis_that_is_away_at_the_start_stops_nothing(place: Setting) -> None:
    place.store.away = True
    place.log[name(ALERTS)].append(encode(alert(1)))

    async def during() -> None:
        await place.until(lambda: place.store.refused >= 3)
        place.store.away = False
        await place.until(lambda: place.store.written == ["a-1"])

    place.follow(during)


def test_what_is_no_reading_is_passed_over(place: Setting) -> None:
    async def during() -> None:
        place.log[name(READINGS)] += [b"{}", b"\xff", b"", encode(reading(1))]
        await place.until(lambda: place.store.written == ["change-1-0"])

    place.follow(during)


def test_a_start_reads_a_bounded_past_of_every_partition(place: Setting) -> None:
    place.log[name(READINGS)] = [b""] * (PAST_RECORDS + 500)

    async def during() -> None:
        await place.until(lambda: place.feed.fresh)

    place.follow(during)
    assert place.consumer.sought[name(READINGS), 0] == 500
    assert len(place.consumer.sought) == sum(topic.partitions for topic in status.FOLLOWED)


def test_deployments_and_references_reach_the_store(place: Setting) -> None:
    async def during() -> None:
        place.log[name(DEPLOYMENTS)] += [encode(deployment(1)), b"{}", b"\xff", encode(deployment(2))]
        await place.until(lambda: len(place.store._facts["deployment", SHOP]) == 2)
        place.log[name(EVALSETS)] += [encode(versions(1, application=SHOP)), b"?"]
        await place.until(lambda: bool(place.store._references) and bool(place.store._evalsets))
        assert await place.store.references() == [summary("b-1")]
        assert await place.store.evalsets() == [versions(1, application=SHOP)]
        place.references = [summary("b-2")]
        await place.until(lambda: place.store._references["baseline", SHOP].id == "b-2")

    place.follow(during)


def test_a_store_that_lost_everything_is_filled_again_without_a_restart(place: Setting) -> None:
    async def during() -> None:
        place.log[name(READINGS)] += [encode(reading(minute)) for minute in range(5)]
        place.log[name(ALERTS)].append(encode(alert(1)))
        await place.until(lambda: len(place.store.written) == 6)
        await place.until(lambda: bool(place.store._references))
        before = await place.store.generation()
        place.store.lose_everything()
        place.log[name(READINGS)].append(encode(reading(9)))  # may come before the loss is seen
        await place.until(lambda: len(place.store._points.get((SHOP, "change"), ())) == 6)
        await place.until(lambda: len(place.store._alerts) == 1 and bool(place.store._references))
        assert [p.value for p in await place.store.series(SHOP, "change", 9)] == [0, 1, 2, 3, 4, 9]
        assert (await place.store.status(SHOP) or {})["readings"]["change"]["id"] == "change-9-0"
        assert await place.store.generation() != before

    with capture_logs() as logs:
        place.follow(during)
    assert [line["event"] for line in logs] == ["status_rebuilt"]
