"""The API under /v1: reads the status store, changes nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response

from app.ports import StatusStore
from app.web import answers
from app.web.answers import answer, described
from app.web.problems import MEDIA_TYPE, Problem

Limit = Annotated[int, Query(ge=1, le=2000)]
Asked = Annotated[str | None, Header(alias="If-None-Match")]
TRANSITIONS = 10_000  # an incident is looked for in as many

PROBLEM: dict[int | str, dict[str, Any]] = {"default": described(answers.ProblemDocument, MEDIA_TYPE)}


def routes(store: StatusStore, *, stale_seconds: float, clock: Callable[[], datetime]) -> APIRouter:
    """All of /v1 but the live feed."""
    router = APIRouter(prefix="/v1", tags=["status"], responses=PROBLEM)
    add_status(router, store, lambda document: _judged(document, clock(), stale_seconds))
    add_history(router, store)
    return router


def add_status(
    router: APIRouter, store: StatusStore, judged: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """What is: applications and their status."""

    @router.get("/applications", responses={200: described(answers.Applications)})
    async def applications() -> Response:
        """Name the applications written to lately."""
        return answer({"applications": await store.applications()})

    @router.get("/status", responses={200: described(answers.Statuses)})
    async def statuses(asked: Asked = None) -> Response:
        """Status of every application, and the workers."""
        documents = [await store.status(name) for name in await store.applications()]
        body = {"applications": [judged(d) for d in documents if d], "workers": await store.workers()}
        return answer(body, tag=answers.digest(body), asked=asked)

    @router.get("/status/{application:path}", responses={200: described(answers.Status)})
    async def status(application: str, asked: Asked = None) -> Response:
        """Status of one application; `stale` when nobody has written for a while."""
        document = await store.status(application)
        if document is None:
            raise unknown(application)
        body = judged(document)
        tag = f"{body['revision']}-stale" if body["stale"] else str(body["revision"])
        return answer(body, tag=tag, asked=asked)


def add_history(router: APIRouter, store: StatusStore) -> None:
    """What was: series, alerts and incidents."""

    @router.get("/series/{application:path}/{monitor}", responses={200: described(answers.Series)})
    async def series(application: str, monitor: str, limit: Limit = 500) -> Response:
        """The last points of a monitor, oldest first."""
        points = await store.series(application, monitor, limit)
        if not points and await store.status(application) is None:
            raise unknown(application)
        return answer({"application": application, "monitor": monitor, "points": points})

    @router.get("/alerts", responses={200: described(answers.Alerts)})
    async def alerts(
        application: str | None = None, state: Literal["firing", "resolved"] | None = None, limit: Limit = 100
    ) -> Response:
        """Transitions of incidents, newest first."""
        return answer({"alerts": await store.alerts(application, state, limit)})

    @router.get("/incidents/{incident:path}", responses={200: described(answers.Incident)})
    async def incident(incident: str) -> Response:
        """One incident and how it came to its state."""
        found = [a for a in await store.alerts(None, None, TRANSITIONS) if a.incident == incident]
        if not found:
            raise Problem(
                404,
                "unknown-incident",
                detail=f"No transition of incident {incident!r} is kept.",
                field="incident",
                remedy="GET /v1/alerts lists the incidents that are.",
            )
        return answer({"incident": incident, "latest": found[0], "transitions": found[::-1]})


def unknown(application: str) -> Problem:
    """Nothing was ever written about this application, or too long ago."""
    return Problem(
        404,
        "unknown-application",
        detail=f"Nothing is known of application {application!r}.",
        field="application",
        remedy="GET /v1/applications lists those known; a new one appears with its first reading.",
    )


def _judged(document: dict[str, Any], now: datetime, stale_seconds: float) -> dict[str, Any]:
    written = document.get("updated_at")
    age = (now - datetime.fromisoformat(written)).total_seconds() if written else float("inf")
    return {**document, "stale": age > stale_seconds}
