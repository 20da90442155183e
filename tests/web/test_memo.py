"""One load for all who ask at about the same time."""

import asyncio

import pytest

from app.web.memo import Memo


class Source:
    """Counts how often it was loaded."""

    def __init__(self) -> None:
        self.loads, self.gate, self.broken = 0, asyncio.Event(), False

    async def load(self) -> int:
        self.loads += 1
        number = self.loads
        await self.gate.wait()
        if self.broken:
            raise LookupError("away")
        return number


def test_those_who_ask_meanwhile_share_one_load() -> None:
    async def story() -> None:
        source, memo = Source(), Memo(0)
        asking = [asyncio.create_task(memo.get("a", source.load)) for _ in range(50)]
        await asyncio.sleep(0)
        asking[0].cancel()  # one that goes does not take the others with it
        source.gate.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert found[1:] == [1] * 49
        assert isinstance(found[0], asyncio.CancelledError)
        assert await memo.get("a", source.load) == 2  # nothing is remembered

    asyncio.run(story())


def test_an_answer_is_remembered_for_a_moment() -> None:
    async def story() -> None:
        now = [0.0]
        source, memo = Source(), Memo(0.5, clock=lambda: now[0])
        source.gate.set()
        found = []
        for now[0] in (0.0, 0.4, 0.6):
            found.append(await memo.get("a", source.load))
        assert found == [1, 1, 2]
        assert await memo.get("b", source.load) == 3

    asyncio.run(story())


def test_an_error_is_told_to_all_and_not_remembered() -> None:
    async def story() -> None:
        source, memo = Source(), Memo(60)
        source.broken = True
        asking = [asyncio.create_task(memo.get("a", source.load)) for _ in range(3)]
        source.gate.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(each) for each in found] == [LookupError] * 3
        source.broken = False
        assert await memo.get("a", source.load) == 2

    asyncio.run(story())


def test_names_that_others_choose_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.memo.MOST", 10)

    async def story() -> None:
        source, memo = Source(), Memo(60)
        source.gate.set()
        for number in range(1000):
            await memo.get(number, source.load)
        assert len(memo._held) <= 10

    asyncio.run(story())
