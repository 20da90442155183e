"""POST /v1/incidents/INCIDENT/answer: acknowledge an incident, or close it.

The only thing that the server changes, and not itself: the answer goes onto its topic, as from the command
line.  It asks for a token, so that nobody who merely reaches the page can silence a pager.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from app.errors import DependencyError
from app.ports import StatusStore
from app.web import answers
from app.web.problems import Problem
from schemas.decisions import Acknowledgement, Alert

BODY_BYTES = 8192
TRANSITIONS = 10_000
Tell = Callable[[Acknowledgement], Awaitable[None]]
PATH = "/v1/incidents/{incident}/answer"


class Given(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody answers."""

    action: Literal["acknowledge", "unacknowledge", "resolve"] = "acknowledge"
    by: Annotated[str, Meta(max_length=256)] | None = None
    note: Annotated[str, Meta(max_length=1024)] | None = None


def routes(store: StatusStore, tell: Tell | None, *, secured: bool) -> APIRouter:
    """The endpoint; without `tell` or a token it says why it does nothing."""
    router = APIRouter(tags=["status"], responses=answers.PROBLEM)

    @router.post(PATH, status_code=202, openapi_extra={"requestBody": _described()})
    async def answer(incident: str, request: Request) -> Response:
        """Answer an incident.  202: it is on its topic, and its transition will follow."""
        if tell is None or not secured:
            raise Problem(
                403,
                "no-token-set",
                detail="This server takes no answers, for it asks nobody for a token.",
                remedy="Set api.token, or use `promptdrift alerts acknowledge`.",
            )
        given = await _given(request)
        alert = await _open(store, incident)
        facts = {"application": alert.application, "incident": incident, "time": datetime.now(UTC)}
        try:
            await tell(msgspec.convert(facts | msgspec.to_builtins(given), Acknowledgement))
        except DependencyError as error:
            remedy = "Start the broker, or let this server reach it; then send the answer again."
            raise Problem(503, "broker-unreachable", detail=str(error), remedy=remedy) from error
        return Response(status_code=202)

    return router


async def _given(request: Request) -> Given:
    """The body.  A content type that no form can send keeps other sites' pages out."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Problem(
            415, "no-json", detail="The body is no JSON.", remedy="Send Content-Type: application/json."
        )
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise Problem(413, "too-large", detail=f"The body has more than {BODY_BYTES} bytes.")
    try:
        return msgspec.json.decode(body or b"{}", type=Given)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        remedy = 'Send {"action": "acknowledge", "by": "..."}; unacknowledge and resolve are actions too.'
        raise Problem(422, "bad-answer", detail=str(error), field="body", remedy=remedy) from error


async def _open(store: StatusStore, incident: str) -> Alert:
    found = [a for a in await store.alerts(None, None, TRANSITIONS) if a.incident == incident]
    if not found:
        remedy = "GET /v1/alerts lists the incidents that are."
        detail = f"No transition of incident {incident!r} is kept."
        raise Problem(404, "unknown-incident", detail=detail, field="incident", remedy=remedy)
    if found[0].state == "resolved":
        raise Problem(409, "incident-over", detail=f"Incident {incident} is resolved.", field="incident")
    return found[0]


def _described() -> dict[str, object]:
    return {"content": {"application/json": {"schema": msgspec.json.schema(Given)}}}
