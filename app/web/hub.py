"""The live feed, read once for everybody who listens.

One task polls the store; what it finds is put into bytes once and waits in a short ring.  A listener has
only a place in that ring, so a thousand of them cost the store nothing and this process a write each.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator

import msgspec
from fastapi.sse import format_sse_event

from app.errors import DependencyError
from app.ports import StatusEvent, StatusStore

RETRY_MS = 3000
PAGE = 500  # events read from the store at once
KEPT = 1000  # events in the ring: who is further behind is told to begin anew
TOGETHER = 20  # listeners woken before requests get their turn again ...
TURN_SECONDS = 0.001  # ... which is as long
ALIVE = format_sse_event(comment="alive")
RESET = format_sse_event(event="reset", data_str="{}")
Number = tuple[int, int]


class Hub:
    """Listeners come and go; the poll begins with the first and ends with `close` or a lost store."""

    def __init__(
        self, store: StatusStore, *, poll_seconds: float = 0.5, keepalive_seconds: float = 10.0
    ) -> None:
        self._store, self._poll, self._keepalive = store, poll_seconds, keepalive_seconds
        self._numbers: list[Number] = []
        self._wires: list[bytes] = []
        self._gone: Number = (0, 0)  # the newest that has left the ring, or was never in it
        self._beats = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._beginning: asyncio.Future[asyncio.Task[None]] | None = None
        self.listeners = 0
        self.closed = False

    async def listen(self, after: str) -> AsyncIterator[bytes]:
        """What to send to one listener, from an event id on ("$": from now).

        Ends when the store is lost: a browser comes back with its last id.  `reset` says that events may
        have been missed, and everything is to be fetched anew.
        """
        self.listeners += 1
        try:
            task = await self.begin()
            place = self._newest if after == "$" else number_of(after)
            yield format_sse_event(comment="alive", retry=RETRY_MS)
            if after != "$" and place < self._gone:
                async for number, wire in self._past(after):
                    place = number
                    yield wire
            async for wire in self._present(place, task):
                yield wire
        except DependencyError:
            return
        finally:
            self.listeners -= 1

    def close(self) -> None:
        """End all feeds: the server stops."""
        self.closed = True
        if self._task is not None:
            self._task.cancel()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    @property
    def _newest(self) -> Number:
        return self._numbers[-1] if self._numbers else self._gone

    async def begin(self) -> asyncio.Task[None]:
        """The task that polls, started where there is none; of a thousand who come at once, one asks.

        Raises DependencyError: the store is lost.
        """
        if self._task is not None:
            return self._task
        if self._beginning is None:
            self._beginning = asyncio.ensure_future(self._start())
        return await asyncio.shield(self._beginning)  # one that is gone does not take the others with it

    async def _start(self) -> asyncio.Task[None]:
        try:
            gone = number_of(await self._store.last_event())
            self._numbers, self._wires, self._gone = [], [], gone
            self._task = asyncio.create_task(self._follow("{}-{}".format(*gone)))
            return self._task
        finally:
            self._beginning = None

    async def _follow(self, cursor: str) -> None:
        quiet = 0.0
        try:
            while True:
                found = await self._store.events(cursor, PAGE)
                if found:
                    cursor, quiet = found[-1].id, 0.0
                    self._keep(found)
                    await self._wake()
                if len(found) < PAGE:  # what comes meanwhile goes out together: a listener costs a write
                    await asyncio.sleep(self._poll)
                    quiet += self._poll
                if quiet >= self._keepalive:
                    quiet = 0.0
                    self._beats += 1
                    await self._wake()
        except DependencyError:
            self._task = None
            await self._wake()  # they see that nobody polls

    def _keep(self, found: list[StatusEvent]) -> None:
        self._numbers += [number_of(event.id) for event in found]
        self._wires += [wire_of(event) for event in found]
        if len(self._numbers) > 2 * KEPT:
            self._gone = self._numbers[-KEPT - 1]
            del self._numbers[:-KEPT], self._wires[:-KEPT]

    async def _wake(self) -> None:
        waiting = list(self._waiting)
        for first in range(0, len(waiting), TOGETHER):
            for each in waiting[first : first + TOGETHER]:
                if not each.done():
                    each.set_result(None)
            await asyncio.sleep(TURN_SECONDS)

    async def _past(self, after: str) -> AsyncIterator[tuple[Number, bytes]]:
        """What a listener missed that is no longer in the ring."""
        if number_of(after) > (0, 0) and not await self._store.holds_event(after):
            yield self._newest, RESET
            return
        while found := await self._store.events(after, PAGE):
            after = found[-1].id
            yield number_of(after), b"".join(map(wire_of, found))

    async def _present(self, place: Number, task: asyncio.Task[None]) -> AsyncIterator[bytes]:
        beats = self._beats
        while not self.closed:
            if place < self._gone:  # too slow for the ring
                place = self._newest
                yield RESET
            elif place < self._newest:
                news = self._wires[bisect_right(self._numbers, place) :]
                place = self._newest
                yield b"".join(news)
            elif beats != self._beats:
                yield ALIVE
            elif self._task is not task:
                return
            else:
                await self._news()
                continue
            beats = self._beats

    async def _news(self) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)


def wire_of(event: StatusEvent) -> bytes:
    """One event as it is sent.  Prompt text is hostile: no markup, whoever reads it as what."""
    data = msgspec.json.encode(event.data).replace(b"<", rb"\u003c").decode()
    return format_sse_event(data_str=data, event=event.kind, id=event.id)


def number_of(id: str) -> Number:
    """An event id as a number that orders.

    >>> number_of("12-3"), number_of("12")
    ((12, 3), (12, 0))
    """
    millis, _, sequence = id.partition("-")
    return int(millis), int(sequence or 0)
