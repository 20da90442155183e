"""Every status store keeps the same promises: in memory, on a fake Redis, on a real one."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest
from fakeredis import TcpFakeServer
from redis import Redis

from app.adapters import status as status_module
from app.adapters.status import InMemoryStatusStore, Limits, RedisStatusStore
from app.ports import StatusStore
from schemas.decisions import Alert
from schemas.readings import Reading
from tests.contracts.status_values import alert, order, reading, take, until_quiet
from tests.rig.redis import RedisServer, executable

SMALL = Limits(series=20, alerts=20, events=20, incidents=3)
SLACK = 100  # approximate caps let go of whole nodes, 100 entries each

Make = Callable[[Limits], StatusStore]


@pytest.fixture(scope="module")
def fake_url() -> Iterator[str]:
    server = TcpFakeServer(("127.0.0.1", 0), server_version=(7, 0))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(scope="module")
def real_url() -> Iterator[str]:
    if executable() is None:
        pytest.skip("no redis-server or valkey-server on PATH")
    with RedisServer() as server:
        yield server.url


@pytest.fixture(params=["memory", "fake", pytest.param("real", marks=pytest.mark.redis)])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes stores that share nothing with those of other tests."""
    if request.param == "memory":
        return lambda limits: InMemoryStatusStore(limits=limits, poll_seconds=0.01, keepalive_seconds=0.05)
    url: str = request.getfixturevalue(f"{request.param}_url")
    with Redis.from_url(url) as client:
        client.flushall()
    return lambda limits: RedisStatusStore(url, limits=limits, poll_seconds=0.01, keepalive_seconds=0.05)


def run(make: Make, story: Callable[[StatusStore], Awaitable[None]], limits: Limits | None = None) -> None:
    async def whole() -> None:
        store = make(limits or Limits())
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(whole())


def test_a_reading_comes_back_whole(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        assert await store.status("support-bot") is None
        assert await store.put_reading(reading(1)) is True
        assert await store.put_reading(reading(1, monitor="gap")) is True
        status = await store.status("support-bot")
        assert status is not None
        assert msgspec.convert(status["readings"]["change"], Reading) == reading(1)
        assert msgspec.convert(status["readings"]["gap"], Reading) == reading(1, monitor="gap")
        assert (status["application"], status["state"]) == ("support-bot", "ok")
        assert await store.applications() == ["support-bot"]
        assert await store.ping() is True

    run(make, story)


def test_an_older_or_equal_reading_changes_nothing(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        assert await store.put_reading(reading(5, events=50)) is True
        before = await store.status("support-bot")
        assert await store.put_reading(reading(5, events=50)) is False  # delivered twice
        assert await store.put_reading(reading(4, events=90)) is False  # older by event time
        assert await store.put_reading(reading(5, events=40)) is False  # same time, fewer events
        assert await store.status("support-bot") == before
        assert len(await store.series("support-bot", "change", 10)) == 1
        assert await store.put_reading(reading(5, events=60)) is True

    run(make, story)


def test_revisions_only_grow(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        revisions = []
        for write in (reading(1), reading(2), alert(1), reading(3), alert(2, state="resolved")):
            stored = store.put_alert(write) if isinstance(write, Alert) else store.put_reading(write)
            assert await stored
            revisions.append((await store.status("support-bot") or {})["revision"])
        assert revisions == sorted(set(revisions))

    run(make, story)


def test_writers_at_the_same_time_lose_nothing(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        monitors = ["change", "gap", "other"]
        await asyncio.gather(
            *(store.put_reading(reading(m, monitor=name)) for m in range(4) for name in monitors)
        )
        status = await store.status("support-bot")
        assert status is not None
        for name in monitors:
            assert status["readings"][name]["id"] == f"{name}-3-0"

    run(make, story)


def test_an_alert_is_stored_once(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        assert await store.put_alert(alert(1)) is True
        assert await store.put_alert(alert(1)) is False
        assert await store.alerts(None, None, 10) == [alert(1)]

    run(make, story)


def test_an_incident_is_open_until_it_is_resolved(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        states = []
        await store.put_reading(reading(1, state="alarm"))
        for step in (None, alert(1, severity="warning"), alert(2), alert(3, state="resolved")):
            if step:
                await store.put_alert(step)
            status = await store.status("support-bot") or {}
            states.append((status["state"], [i["alert_id"] for i in status["incidents"]]))
        assert states == [("warning", []), ("warning", ["a-1"]), ("critical", ["a-2"]), ("warning", [])]
        assert await store.put_alert(alert(0)) is True  # a late transition is history, and reopens nothing
        assert (await store.status("support-bot") or {})["incidents"] == []

    run(make, story)


def test_resolved_incidents_are_forgotten_and_open_ones_are_not(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        for number in range(5):
            await store.put_alert(alert(number, incident=f"open-{number}"))
            await store.put_alert(alert(100 + number, incident=f"done-{number}", state="resolved"))
        status = await store.status("support-bot") or {}
        assert {i["incident"] for i in status["incidents"]} == {f"open-{n}" for n in range(5)}

    run(make, story, SMALL)


def test_alerts_are_found_by_application_and_state(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        await store.put_alert(alert(1))
        await store.put_alert(alert(2, state="resolved"))
        await store.put_alert(msgspec.structs.replace(alert(3), application="search"))
        assert [a.alert_id for a in await store.alerts(None, None, 10)] == ["a-3", "a-2", "a-1"]
        assert [a.alert_id for a in await store.alerts("support-bot", None, 10)] == ["a-2", "a-1"]
        assert [a.alert_id for a in await store.alerts("support-bot", "firing", 10)] == ["a-1"]
        assert [a.alert_id for a in await store.alerts(None, None, 1)] == ["a-3"]
        assert await store.applications() == ["search", "support-bot"]

    run(make, story)


def test_alerts_are_found_behind_pages_of_others(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_module, "PAGE", 4)

    async def story(store: StatusStore) -> None:
        await store.put_alert(msgspec.structs.replace(alert(0), application="search"))
        for number in range(1, 13):
            await store.put_alert(alert(number))
        assert [a.application for a in await store.alerts("search", None, 5)] == ["search"]
        assert len(await store.alerts(None, None, 50)) == 13

    run(make, story)


def test_streams_are_capped(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        await asyncio.gather(*(alerts_of(f"app-{n}", store) for n in range(10)))
        for minute in range(130):
            await store.put_reading(reading(minute))
        points = await store.series("support-bot", "change", 1000)
        assert SMALL.series <= len(points) <= SMALL.series + SLACK
        assert [p.value for p in points] == sorted(p.value or 0.0 for p in points)
        assert [p.value for p in await store.series("support-bot", "change", 2)] == [128.0, 129.0]
        assert SMALL.alerts <= len(await store.alerts(None, None, 1000)) <= SMALL.alerts + SLACK
        assert SMALL.events <= len(await until_quiet(store.events("0-0"))) <= SMALL.events + SLACK

    async def alerts_of(application: str, store: StatusStore) -> None:
        for number in range(13):
            raised = msgspec.structs.replace(alert(number), application=application)
            await store.put_alert(msgspec.structs.replace(raised, alert_id=f"{application}-{number}"))

    run(make, story, SMALL)


def test_the_feed_resumes_where_it_was_left(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        await store.put_reading(reading(0))
        feed = store.events("$")
        assert await anext(feed) is None  # open: nothing of before, everything from here on
        for minute in (1, 2, 3):
            await store.put_reading(reading(minute))
        await store.put_alert(alert(1))
        first = await take(feed, 2)
        assert [e.data["point"]["value"] for e in first] == [1.0, 2.0]
        rest = await take(store.events(first[-1].id), 2)
        assert [e.kind for e in rest] == ["status", "alert"]
        assert rest[0].data["point"]["value"] == 3.0
        assert msgspec.convert(rest[1].data, Alert) == alert(1)
        everything = await take(store.events("0-0"), 5)
        assert [e.id for e in everything] == sorted({e.id for e in everything}, key=order)
        assert {e.application for e in everything} == {"support-bot"}

    run(make, story)


def test_a_quiet_feed_says_that_it_lives(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        feed = store.events("$")
        assert [await asyncio.wait_for(anext(feed), 5) for _ in range(3)] == [None] * 3

    run(make, story)


def test_silence_shows(make: Make) -> None:
    """After its time a status is unknown, not gone and not ok; an open incident stays open."""

    async def story(store: StatusStore) -> None:
        await store.put_reading(reading(1))
        await store.heartbeat("detect-0", {"role": "detect"})
        assert [w["worker"] for w in await store.workers()] == ["detect-0"]
        await asyncio.sleep(1.3)
        status = await store.status("support-bot") or {}
        assert (status["state"], status["readings"]) == ("unknown", {})
        assert datetime.fromisoformat(status["updated_at"]).tzinfo is not None
        assert await store.workers() == []
        assert await store.put_reading(reading(1)) is True  # a worker reads its past again
        assert len(await store.series("support-bot", "change", 10)) == 1
        await store.put_alert(alert(1))
        await asyncio.sleep(1.3)
        status = await store.status("support-bot") or {}
        assert (status["state"], len(status["incidents"])) == ("critical", 1)

    run(make, story, replace(Limits(), status_seconds=1, worker_seconds=1))


def test_a_heartbeat_carries_facts(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        await store.heartbeat("b", {"role": "measure", "lag": 3})
        await store.heartbeat("a", {"role": "detect"})
        await store.heartbeat("b", {"role": "measure", "lag": 0})
        first, second = await store.workers()
        assert (first["worker"], second["worker"], second["lag"]) == ("a", "b", 0)
        assert datetime.fromisoformat(second["updated_at"]).tzinfo is not None

    run(make, story)
