"""GET /v1/deployments/APPLICATION/DEPLOYMENT: what changed after a deployment, in one answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response

from app.adapters.status_document import FOLLOWUP
from app.web import answers
from app.web.answers import Answer, Curve, described
from app.web.api import Asked, Views, unknown
from app.web.problems import Problem
from schemas.decisions import Alert
from schemas.events import Deployment
from schemas.readings import Reading

DAY = 86_400.0
SHORTEST, LONGEST = 6 * 3600.0, 28 * DAY  # of what is shown on either side
OVERLAID = 4  # earlier deployments
PLACES, POINTS, EVENTS, TRANSITIONS = 12, 400, 2000, 10_000
WENT_LIVE = ("started", "succeeded")


def routes(views: Views) -> APIRouter:
    """The endpoint."""
    router = APIRouter(prefix="/v1", tags=["status"], responses=answers.PROBLEM)

    @router.get("/deployments/{application}/{deployment:path}", responses={200: described(answers.Aftermath)})
    async def aftermath(application: str, deployment: str, asked: Asked = None) -> Response:
        """What changed after one deployment: adaptation, curves beside earlier ones, incidents, readings."""

        async def make() -> Answer:
            return Answer(await _aftermath(views, application, deployment))

        return (await views.once(("aftermath", application, deployment), make)).to(asked)

    return router


async def _aftermath(views: Views, application: str, deployment: str) -> answers.Aftermath:
    status = await views.store.status(application)
    if status is None:
        raise unknown(application)
    told = await views.store.deployments(application, EVENTS)
    looks = {r.adaptation.deployment: r for r in await views.store.looks(application) if r.adaptation}
    began = beginnings(told, looks)
    if deployment not in began:
        raise Problem(
            404,
            "unknown-deployment",
            detail=f"Nothing is known of deployment {deployment!r} of {application}.",
            field="deployment",
            remedy="GET /v1/deployments lists those known.",
        )
    live = {d.deployment_id for d in told if d.status in WENT_LIVE} | looks.keys() | {deployment}
    began = {name: at for name, at in began.items() if name in live}
    now = max([began[deployment], *(_seconds(r) for r in status["readings"].values())])
    span = min(max(now - began[deployment], SHORTEST), LONGEST)
    return answers.Aftermath(
        application=application,
        deployment=deployment,
        time=began[deployment],
        told=[d for d in reversed(told) if d.deployment_id == deployment],
        look=looks.get(deployment),
        curves=await _curves(views, application, overlaid(began, deployment), span, list(status["readings"])),
        others=beside(began, deployment),
        incidents=naming(await views.store.alerts(application, None, TRANSITIONS), deployment),
        readings=_since(status["readings"], began, deployment),
    )


def beginnings(told: Sequence[Deployment], looks: Mapping[str, Reading]) -> dict[str, float]:
    """When each deployment began: as told, else as it was first seen in traffic."""
    began = {name: look.window_start.timestamp() for name, look in looks.items() if look.window_start}
    for event in told:
        at = (event.started_at or event.time).timestamp()
        began[event.deployment_id] = min(began.get(event.deployment_id, at), at)
    return began


def overlaid(began: Mapping[str, float], deployment: str) -> list[tuple[str, float]]:
    """The deployment, and the last ones before it, the latest first."""
    at = began[deployment]
    earlier = sorted(((t, n) for n, t in began.items() if t < at), reverse=True)[:OVERLAID]
    return [(deployment, at), *((name, time) for time, name in earlier)]


def beside(began: Mapping[str, float], deployment: str) -> list[str]:
    """Other deployments that came so near that their effects overlap, the earliest first."""
    at = began[deployment]
    near = [(t, name) for name, t in began.items() if name != deployment and abs(t - at) <= DAY]
    return [name for _, name in sorted(near)]


def naming(alerts: Sequence[Alert], deployment: str) -> list[Alert]:
    """The latest transition of each incident that names the deployment; newest first, as given."""
    latest = {alert.incident: alert for alert in reversed(alerts)}
    return [a for a in reversed(latest.values()) if a.deployment == deployment]


async def _curves(
    views: Views, application: str, releases: Sequence[tuple[str, float]], span: float, places: Sequence[str]
) -> list[Curve]:
    found: list[Curve] = []
    for place in [p for p in sorted(places) if p != FOLLOWUP][:PLACES]:
        for name, at in releases:
            points = await views.store.series(application, place, POINTS, start=at - span, end=at + span)
            if points:
                found.append(Curve(deployment=name, time=at, monitor=place, points=points))
    return found


def _since(readings: Mapping[str, Any], began: Mapping[str, float], deployment: str) -> dict[str, Any]:
    """Readings taken after this deployment and before another one; outcomes and scores where they know it."""
    at = began[deployment]
    until = min((t for t in began.values() if t > at), default=float("inf"))
    return {
        place: reading
        for place, reading in readings.items()
        if place != FOLLOWUP and (at < _seconds(reading) <= until or deployment in _versions(reading))
    }


def _versions(reading: Mapping[str, Any]) -> list[str | None]:
    told = reading.get("outcomes") or reading.get("quality") or {}
    return [version.get("deployment_id") for version in told.get("versions", [])]


def _seconds(reading: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(reading["time"]).timestamp()
