"""Batches of a stream: how large, how long, and how they end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.plumbing import batches
from tests.agents.doubles import PATIENCE_SECONDS, FakeEvent, FakeStream, events


def test_batches_hold_at_most_their_size_and_the_order_of_the_log() -> None:
    async def collected() -> list[list[int]]:
        stream = FakeStream([*events(7), None])
        return [[e.offset for e in b] async for b in batches(stream, size=3, linger=5.0)]

    assert asyncio.run(collected()) == [[0, 1, 2], [3, 4, 5]]  # the seventh was never processed or acked


def test_a_silent_stream_gives_empty_batches_and_then_what_comes() -> None:
    async def collected() -> list[list[int]]:
        stream, out = FakeStream(), []
        async for batch in batches(stream, size=3, linger=0.01):
            out.append([event.offset for event in batch])
            if len(out) == 3:
                stream.put(*events(1))
            if batch:
                break
        return out

    found = asyncio.run(collected())
    assert found[:3] == [[], [], []]
    assert found[-1] == [0]


def test_a_slow_stream_is_not_waited_for_longer_than_the_linger() -> None:
    async def collected() -> list[int]:
        stream = FakeStream(events(2))
        async for batch in batches(stream, size=100, linger=0.02):
            return [event.offset for event in batch]
        return []

    assert asyncio.run(asyncio.wait_for(collected(), PATIENCE_SECONDS)) == [0, 1]


@pytest.mark.parametrize("end", ["stream", "close", "cancel"])
def test_however_batches_end_no_exception_is_left_unretrieved(end: str) -> None:
    complaints: list[dict[str, Any]] = []

    async def reader(found: AsyncIterator[list[Any]]) -> None:
        async for _ in found:
            pass

    async def ended() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        stream = FakeStream(events(2))
        found = batches(stream, size=3, linger=0.01)
        task = asyncio.create_task(reader(found))
        await asyncio.sleep(0.03)
        if end == "stream":
            stream.put(None)
            await asyncio.wait_for(task, PATIENCE_SECONDS)
        else:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if end == "close":
            stream.put(None)
        await asyncio.sleep(0.02)

    asyncio.run(ended())
    assert complaints == []


def test_a_stream_that_fails_fails_its_reader() -> None:
    class Failing(FakeStream):
        async def events(self) -> AsyncIterator[FakeEvent]:
            yield FakeEvent(0)
            raise ValueError("from Faust")

    async def read() -> None:
        async for _ in batches(Failing(), size=5, linger=1.0):
            pass

    with pytest.raises(ValueError, match="from Faust"):
        asyncio.run(read())


def test_a_cancellation_that_a_library_lost_ends_the_loop_at_its_next_turn() -> None:
    async def careless(found: AsyncIterator[list[Any]]) -> None:
        async for _ in found:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

    async def ended() -> None:
        task = asyncio.create_task(careless(batches(FakeStream(events(2)), size=3, linger=0.01)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, PATIENCE_SECONDS)

    asyncio.run(ended())
