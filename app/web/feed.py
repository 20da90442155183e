"""GET /v1/events: server-sent events, resumed by the id of the last one seen."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from app.web.answers import PROBLEM
from app.web.hub import Hub
from app.web.problems import Problem

CURSOR = re.compile(r"\$|\d{1,18}(-\d{1,18})?")
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
STREAM = {"description": "The feed", "content": {"text/event-stream": {"schema": {"type": "string"}}}}


def routes(hub: Hub, most: int) -> APIRouter:
    """The feed, for at most so many listeners at once."""
    router = APIRouter(prefix="/v1", tags=["status"], responses=PROBLEM)

    @router.get("/events", response_class=StreamingResponse, responses={200: STREAM})
    async def events(
        last_event_id: Annotated[str | None, Header()] = None,
        after: Annotated[
            str, Query(description="Where to begin; the header Last-Event-ID goes first.")
        ] = "$",
    ) -> StreamingResponse:
        """Changes as they are written: `status` with one more point, `alert` with one transition,
        `deployment`; `reset` where events may have been missed.
        """
        cursor = last_event_id or after
        if not CURSOR.fullmatch(cursor):
            raise Problem(
                400,
                "invalid-cursor",
                detail=f"{cursor!r} is no event id.",
                field="Last-Event-ID" if last_event_id else "after",
                remedy='Send the id of an event of this feed, or "$" for what comes from now on.',
            )
        if hub.listeners >= most:
            raise Problem(
                503,
                "too-many-listeners",
                detail=f"{most} feeds are open already.",
                remedy="Close some, raise api.listeners, or ask /v1/status from time to time.",
            )
        await hub.begin()  # while the answer can still be an error
        return StreamingResponse(hub.listen(cursor), media_type="text/event-stream", headers=HEADERS)

    return router
