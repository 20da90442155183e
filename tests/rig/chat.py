"""The fake server of a model on a thread of its own, for code that runs a loop of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.adapters.fake_chat import FakeChat


@contextmanager
def served(fake: FakeChat | None = None) -> Iterator[FakeChat]:
    """A server that listens; `url` is where."""
    server, ready, over = fake or FakeChat(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with server.serving():
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
