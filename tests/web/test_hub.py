"""One poll for all listeners; each gets every event once, in order, or is told that it missed some."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable

from app.adapters.status import InMemoryStatusStore
from app.errors import DependencyError
from app.ports import StatusEvent
from app.web import hub as hub_module
from app.web.hub import ALIVE, RESET, Hub
from tests.contracts.status_values import reading

LIMIT_S = 60.0


class Watched(InMemoryStatusStore):
    """Counts how often it is asked for events; can go away."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.away = 0, False

    async def events(self, after: str, limit: int) -> list[StatusEvent]:
        self.asked += 1
        if self.away:
            raise DependencyError("away")
        return await super().events(after, limit)


def run(story: Callable[[Watched, Hub], Awaitable[None]]) -> None:
    async def whole() -> None:
        store = Watched()
        hub = Hub(store, poll_seconds=0.005, keepalive_seconds=60)
        await asyncio.wait_for(story(store, hub), LIMIT_S)
        hub.close()

    asyncio.run(whole())


async def read(feed: AsyncIterator[bytes], minutes: int) -> list[int]:
    """Minutes of the readings that a listener hears of, in its order."""
    found: list[int] = []
    while len(found) < minutes:
        for wire in (await anext(feed)).split(b"\n\n"):
            found += [int(m) for m in re.findall(rb'"value":(\d+)', wire)]
    return found


def test_of_a_thousand_who_come_at_once_one_asks_whether_the_store_is_there() -> None:
    class Slow(Watched):
        began = 0

        async def last_event(self) -> str:
            self.began += 1
            await asyncio.sleep(0.02)
            if self.away:
                raise DependencyError("away")
            return await super().last_event()

    async def story() -> None:
        store = Slow()
        hub = Hub(store, poll_seconds=0.005)
        store.away = True
        refused = await asyncio.gather(*(hub.begin() for _ in range(1000)), return_exceptions=True)
        assert {type(each) for each in refused} == {DependencyError}
        store.away = False
        assert len(set(await asyncio.gather(*(hub.begin() for _ in range(1000))))) == 1
        assert store.began == 2
        hub.close()

    asyncio.run(asyncio.wait_for(story(), LIMIT_S))


def test_listeners_share_one_poll_and_miss_nothing() -> None:
    async def story(store: Watched, hub: Hub) -> None:
        feeds = [hub.listen("$") for _ in range(200)]
        for feed in feeds:
            assert b"retry: 3000" in await anext(feed)
        store.asked = 0
        tasks = [asyncio.create_task(read(feed, 30)) for feed in feeds]
        for minute in range(30):
            await store.put_reading(reading(minute))
            await asyncio.sleep(0.002)
        assert await asyncio.gather(*tasks) == [list(range(30))] * 200
        assert store.asked < 100  # not 200 a poll
        assert hub.listeners == 200

    run(story)


def test_a_listener_goes_from_the_past_to_the_present_without_a_seam() -> None:
    async def story(store: Watched, hub: Hub) -> None:
        await store.put_reading(reading(0))
        first = await store.last_event()
        for minute in range(1, 20):
            await store.put_reading(reading(minute))
        feed = hub.listen(first)
        reader = asyncio.create_task(read(feed, 39))
        for minute in range(20, 40):
            await store.put_reading(reading(minute))
            await asyncio.sleep(0)
        assert await reader == list(range(1, 40))

    run(story)


def test_a_listener_too_slow_for_the_ring_is_told() -> None:
    async def story(store: Watched, hub: Hub) -> None:
        feed = hub.listen("$")
        await anext(feed)
        many = 2 * hub_module.KEPT + 10
        for minute in range(many):
            await store.put_reading(reading(minute))
        while store.asked < many / hub_module.PAGE + 2:  # noqa: ASYNC110  the hub has read them all
            await asyncio.sleep(0.001)
        assert await anext(feed) == RESET
        await store.put_reading(reading(many))
        assert await read(feed, 1) == [many]

    run(story)


def test_a_store_that_goes_ends_the_feeds_and_one_that_comes_back_serves_them() -> None:
    async def story(store: Watched, hub: Hub) -> None:
        feeds = [hub.listen("$") for _ in range(3)]
        for feed in feeds:
            await anext(feed)
        store.away = True
        assert [[wire async for wire in feed] for feed in feeds] == [[], [], []]
        assert hub.listeners == 0
        store.away = False
        again = hub.listen("$")
        await anext(again)
        await store.put_reading(reading(1))
        assert await read(again, 1) == [1]

    run(story)


def test_silence_is_kept_alive_for_all() -> None:
    async def whole() -> None:
        hub = Hub(InMemoryStatusStore(), poll_seconds=0.005, keepalive_seconds=0.01)
        feeds = [hub.listen("$") for _ in range(3)]
        for feed in feeds:
            await anext(feed)
            assert await asyncio.wait_for(anext(feed), LIMIT_S) == ALIVE
        hub.close()

    asyncio.run(whole())


def test_hostile_text_cannot_end_an_event_early() -> None:
    event = StatusEvent(
        id="1-1", kind="status", application="a", data={"name": "x\n\nevent: alert\r\ndata: <script>"}
    )
    wire = hub_module.wire_of(event)
    assert wire.count(b"\n\n") == 1
    assert wire.endswith(b"\n\n")
    assert b"<" not in wire
