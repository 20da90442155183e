"""How a story is told to any status store."""

import asyncio
from collections.abc import Awaitable, Callable

from app.adapters.status import Limits
from app.ports import StatusStore

SMALL = Limits(series=20, alerts=20, events=20, incidents=3, facts=3)
SLACK = 100  # approximate caps let go of whole nodes, 100 entries each

Make = Callable[[Limits], StatusStore]


def run(make: Make, story: Callable[[StatusStore], Awaitable[None]], limits: Limits | None = None) -> None:
    async def whole() -> None:
        store = make(limits or Limits())
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(whole())
