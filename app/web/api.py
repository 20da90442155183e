"""The API under /v1: reads the status store, changes nothing."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response

from app.adapters.status_document import judged
from app.ports import PIPELINE, ReferenceSummary, SeriesPoint, StatusStore
from app.web import answers
from app.web.answers import PROBLEM, Answer, described
from app.web.memo import Memo
from app.web.problems import Problem
from schemas.decisions import Alert, Delivery
from schemas.events import Deployment

Limit = Annotated[int, Query(ge=1, le=2000)]
Asked = Annotated[str | None, Header(alias="If-None-Match")]
From = Annotated[datetime | None, Query(alias="from", description="Event time, RFC 3339.")]
To = Annotated[datetime | None, Query(alias="to", description="Event time, RFC 3339.")]
TRANSITIONS = 10_000  # an incident is looked for in as many
POINTS = 2_000
BEFORE, AFTER = timedelta(hours=2), timedelta(minutes=30)  # shown around an incident


class Views:
    """What the endpoints answer with, made from the store at most once in a moment."""

    def __init__(
        self, store: StatusStore, *, stale_seconds: float, clock: Callable[[], datetime], memo: Memo
    ) -> None:
        self.store = store
        self._stale, self._clock, self._memo = stale_seconds, clock, memo

    async def once(self, key: Hashable, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer under this key, made now or a moment ago."""
        return await self._memo.get(key, make)

    async def status(self, application: str) -> dict[str, Any]:
        """One status document, judged.  Raises Problem for an unknown application."""
        document = await self.store.status(application)
        if document is None:
            raise unknown(application)
        return self._judged(document, await self.store.status(PIPELINE), await self.store.workers())

    async def statuses(self) -> dict[str, Any]:
        """All of them, by name, the pipeline, and the workers."""
        pipeline, workers = await self.store.status(PIPELINE), await self.store.workers()
        documents = [await self.store.status(name) for name in await self.store.applications()]
        return {
            "applications": [self._judged(each, pipeline, workers) for each in documents if each],
            "pipeline": self._judged(pipeline, pipeline, workers) if pipeline else None,
            "workers": workers,
        }

    def _judged(
        self, document: dict[str, Any], pipeline: dict[str, Any] | None, workers: list[dict[str, Any]]
    ) -> dict[str, Any]:
        written = document.get("updated_at")
        age = (self._clock() - datetime.fromisoformat(written)).total_seconds() if written else float("inf")
        return {**judged(document, pipeline, workers), "stale": age > self._stale}

    async def incident(self, incident: str) -> dict[str, Any]:
        """An incident with its evidence.  Raises Problem for an unknown one."""
        found = [a for a in await self.store.alerts(None, None, TRANSITIONS) if a.incident == incident]
        if not found:
            raise Problem(
                404,
                "unknown-incident",
                detail=f"No transition of incident {incident!r} is kept.",
                field="incident",
                remedy="GET /v1/alerts lists the incidents that are.",
            )
        latest = found[0]
        return {
            "incident": incident,
            "latest": latest,
            "transitions": found[::-1],
            "around": await self._around(found),
            "deliveries": await self._deliveries(latest),
            "deployment": await self._deployment(latest),
            "references": await self.references(latest.application),
        }

    async def references(self, application: str | None) -> list[ReferenceSummary]:
        """What an application is measured against; None: all of them."""
        found = await self.store.references()
        if application is None:
            return found
        own = {each.kind for each in found if each.application == application}
        return [r for r in found if r.application == (application if r.kind in own else "*")]

    async def place(self, application: str, monitor: str) -> tuple[str, str]:
        """Application and monitor of a path; either may hold a slash, as a judge's fingerprint does."""
        if "/" not in application:
            return application, monitor
        whole = f"{application}/{monitor}"
        known = [name for name in await self.store.applications() if whole.startswith(f"{name}/")]
        name = max(known, key=len, default=application)
        return name, whole[len(name) + 1 :]

    async def _around(self, transitions: list[Alert]) -> dict[str, list[SeriesPoint]]:
        last = transitions[0]
        began = [a.onset_at or a.started_at for a in transitions]
        end = float("inf") if last.state == "firing" else (last.updated_at + AFTER).timestamp()
        bounds = {"start": (min(began) - BEFORE).timestamp(), "end": end}
        return {
            place: await self.store.series(last.application, place, POINTS, **bounds)
            for place in places_of(transitions)
        }

    async def _deliveries(self, alert: Alert) -> list[Delivery]:
        kept = await self.store.deliveries(alert.application, POINTS)
        return [delivery for delivery in kept if delivery.incident == alert.incident]

    async def _deployment(self, alert: Alert) -> Deployment | None:
        kept = await self.store.deployments(alert.application, POINTS)
        return next((d for d in kept if d.deployment_id == alert.deployment), None)


def places_of(transitions: Iterable[Alert]) -> list[str]:
    """Every monitor, with its segment, that an incident rests on; the names of their series."""
    found = {(a.monitor, a.segment) for a in transitions}
    found |= {(member.monitor, member.segment) for a in transitions for member in a.members}
    return sorted(monitor if segment is None else f"{monitor}[{segment}]" for monitor, segment in found)


def routes(views: Views) -> APIRouter:
    """All of /v1 but the live feed."""
    router = APIRouter(prefix="/v1", tags=["status"], responses=PROBLEM)
    add_status(router, views)
    add_history(router, views)
    add_context(router, views)
    return router


def add_status(router: APIRouter, views: Views) -> None:
    """What is: applications and their status."""

    @router.get("/applications", responses={200: described(answers.Applications)})
    async def applications(asked: Asked = None) -> Response:
        """Name the applications written to lately."""

        async def make() -> Answer:
            return Answer({"applications": await views.store.applications()})

        return (await views.once("applications", make)).to(asked)

    @router.get("/status", responses={200: described(answers.Statuses)})
    async def statuses(asked: Asked = None) -> Response:
        """Status of every application, health of the pipeline, and the workers."""

        async def make() -> Answer:
            return Answer(await views.statuses())

        return (await views.once("status", make)).to(asked)

    @router.get("/status/{application:path}", responses={200: described(answers.Status)})
    async def status(application: str, asked: Asked = None) -> Response:
        """Status of one application; `stale` when nobody has written for a while."""

        async def make() -> Answer:
            body = await views.status(application)
            flags = [flag for flag in ("stale", "why") if body[flag]]
            return Answer(body, tag="-".join([str(body["revision"]), *flags]))

        return (await views.once(("status", application), make)).to(asked)


def add_history(router: APIRouter, views: Views) -> None:
    """What was: series, alerts and incidents."""

    @router.get("/series/{application:path}/{monitor}", responses={200: described(answers.Series)})
    async def series(
        application: str,
        monitor: str,
        start: From = None,
        end: To = None,
        limit: Limit = 500,
        asked: Asked = None,
    ) -> Response:
        """The last points of a monitor, oldest first; with a range, the last of those in it."""
        bounds = {name: at.timestamp() for name, at in (("start", start), ("end", end)) if at is not None}
        application, monitor = await views.place(application, monitor)
        points = await views.store.series(application, monitor, limit, **bounds)
        if not points and await views.store.status(application) is None:
            raise unknown(application)
        return Answer({"application": application, "monitor": monitor, "points": points}).to(asked)

    @router.get("/alerts", responses={200: described(answers.Alerts)})
    async def alerts(
        application: str | None = None,
        state: Literal["firing", "resolved"] | None = None,
        limit: Limit = 100,
        asked: Asked = None,
    ) -> Response:
        """Transitions of incidents, newest first."""

        async def make() -> Answer:
            return Answer({"alerts": await views.store.alerts(application, state, limit)})

        return (await views.once(("alerts", application, state, limit), make)).to(asked)

    @router.get("/incidents/{incident:path}", responses={200: described(answers.Incident)})
    async def incident(incident: str, asked: Asked = None) -> Response:
        """One incident: how it came to its state, and its evidence."""

        async def make() -> Answer:
            return Answer(await views.incident(incident))

        return (await views.once(("incident", incident), make)).to(asked)


def add_context(router: APIRouter, views: Views) -> None:
    """What it is seen against, and what came of it: deployments, deliveries, eval sets."""

    @router.get("/deployments", responses={200: described(answers.Deployments)})
    async def deployments(
        application: str | None = None, limit: Limit = 100, asked: Asked = None
    ) -> Response:
        """Deployments, newest first."""

        async def make() -> Answer:
            known = await views.store.applications()
            names = [application] if application else sorted({*known, *await views.store.released()})
            found = [d for name in names for d in await views.store.deployments(name, limit)]
            looks = [look for name in names for look in await views.store.looks(name)]
            newest = sorted(found, key=lambda d: d.time, reverse=True)[:limit]
            return Answer({"deployments": newest, "looks": looks[:limit]})

        return (await views.once(("deployments", application, limit), make)).to(asked)

    @router.get("/deliveries", responses={200: described(answers.Deliveries)})
    async def deliveries(application: str | None = None, limit: Limit = 100, asked: Asked = None) -> Response:
        """Attempts to tell somebody of an incident, newest first."""

        async def make() -> Answer:
            names = [application] if application else await views.store.applications()
            found = [d for name in names for d in await views.store.deliveries(name, limit)]
            return Answer({"deliveries": sorted(found, key=lambda d: d.at, reverse=True)[:limit]})

        return (await views.once(("deliveries", application, limit), make)).to(asked)

    @router.get("/evalset", responses={200: described(answers.EvalSets)})
    async def evalset(application: str | None = None, asked: Asked = None) -> Response:
        """The eval set of an application, or all of them, and their versions; "*" serves who has none."""

        async def make() -> Answer:
            found = await views.references(application)
            versions = await views.store.evalsets()
            return Answer(
                {
                    "evalsets": [each for each in found if each.kind == "evalset"],
                    "versions": [v for v in versions if application in (None, v.application)],
                }
            )

        return (await views.once(("evalset", application), make)).to(asked)


def unknown(application: str) -> Problem:
    """Nothing was ever written about this application, or too long ago."""
    return Problem(
        404,
        "unknown-application",
        detail=f"Nothing is known of application {application!r}.",
        field="application",
        remedy="GET /v1/applications lists those known; a new one appears with its first reading.",
    )
