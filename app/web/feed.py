"""The live feed: server-sent events, resumed by the id of the last one seen."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.errors import DependencyError
from app.ports import StatusStore
from app.web.api import PROBLEM
from app.web.problems import Problem

Item = TypeVar("Item")
RETRY_MS = 3000
CURSOR = re.compile(r"\$|\d{1,18}(-\d{1,18})?")


def routes(store: StatusStore, closing: asyncio.Event) -> APIRouter:
    """GET /v1/events; all feeds end when `closing` is set."""
    router = APIRouter(prefix="/v1", tags=["status"], responses=PROBLEM)

    async def position(
        last_event_id: Annotated[str | None, Header()] = None,
        after: Annotated[
            str, Query(description="Where to begin; the header Last-Event-ID goes first.")
        ] = "$",
    ) -> str:
        """Where the feed begins; asked before it does, while the answer can still be an error."""
        cursor = last_event_id or after
        if not CURSOR.fullmatch(cursor):
            raise Problem(
                400,
                "invalid-cursor",
                detail=f"{cursor!r} is no event id.",
                field="Last-Event-ID" if last_event_id else "after",
                remedy='Send the id of an event of this feed, or "$" for what comes from now on.',
            )
        await store.ping()
        return cursor

    @router.get("/events", response_class=EventSourceResponse)
    async def events(cursor: Annotated[str, Depends(position)]) -> AsyncIterator[ServerSentEvent]:
        """Changes as they are written: `status` with one more point, `alert` with one transition."""
        opened = False
        try:
            async for event in until(closing, store.events(cursor)):
                if event is None:
                    yield ServerSentEvent(comment="alive", retry=None if opened else RETRY_MS)
                    opened = True
                else:
                    yield ServerSentEvent(event=event.kind, id=event.id, data=event.data)
        except DependencyError:
            return  # ends the answer: the browser comes back with its last id

    return router


async def until(closing: asyncio.Event, feed: AsyncIterator[Item]) -> AsyncIterator[Item]:
    """What the feed brings until the event is set, even while it brings nothing."""
    end = asyncio.ensure_future(closing.wait())
    try:
        while True:
            following = asyncio.ensure_future(anext(feed))
            await asyncio.wait({following, end}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                following.cancel()
                await asyncio.wait({following})
                return
            yield following.result()
    finally:
        end.cancel()
