"""One answer of the store for all who ask at about the same time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
MOST = 1000  # keys are named by whoever asks


class Memo:
    """Remembers what was loaded for `seconds`; of those who ask while it is loaded, one loads.

    With `seconds` 0 nothing is remembered, and still only one loads at a time.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._held: dict[Hashable, tuple[float, asyncio.Future[Any]]] = {}

    async def get(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        """What `load` gives, or gave a moment ago.  What it raises is raised to all, and not remembered."""
        held = self._held.get(key)
        if held is None or (held[1].done() and self._clock() >= held[0]):
            if len(self._held) >= MOST:
                self._held.clear()
            loading = asyncio.ensure_future(self._load(key, load))
            loading.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # seen
            held = self._held[key] = (self._clock() + self._seconds, loading)
        value: T = await asyncio.shield(held[1])  # one that is gone does not take the others with it
        return value

    async def _load(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        try:
            return await load()
        except BaseException:
            self._held.pop(key, None)
            raise
