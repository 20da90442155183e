"""POST /v1/deployments: a release told by CI, a CDEvents bus or GitHub.

It goes onto its topic, as from the command line.  Whoever sends proves himself with the bearer token, or
signs the raw body with `api.webhook_secret` (header X-Hub-Signature-256), as GitHub does.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from app.adapters import deployment_forms as forms
from app.errors import DependencyError
from app.ports import StatusStore
from app.web import answers
from app.web.problems import Problem
from schemas.codec import SchemaError
from schemas.events import Deployment

BODY_BYTES = 262_144
KNOWN = 2_000
PRODUCTION = "production"
JSON = ("application/json", "json")  # no form of a browser can send these
REMEDY = "Start the broker, or let this server reach it; then send the deployment again."
Tell = Callable[[Sequence[Deployment]], Awaitable[None]]
Named = Annotated[str | None, Query(max_length=256)]


def routes(
    store: StatusStore,
    tell: Tell | None,
    *,
    secured: bool,
    secret: str | None,
    clock: Callable[[], datetime],
) -> APIRouter:
    """The endpoint; without `tell`, a token or a secret it says why it does nothing."""
    router = APIRouter(tags=["status"], responses=answers.PROBLEM)

    @router.post(
        "/v1/deployments",
        status_code=202,
        openapi_extra={"requestBody": _described()},
        responses={202: answers.described(answers.Recorded)},
    )
    async def deployment(
        request: Request, application: Named = None, environment: Named = None, new: bool = False
    ) -> Response:
        """Record a deployment: our own JSON, a CDEvent, or GitHub's `deployment_status`.

        `application`: where the body names none of ours.  `environment`: the only one that counts of
        CDEvents and GitHub.  `new`: the application may have had no traffic yet.
        """
        body = await _body(request)
        _proved(request, body, secured=secured, secret=secret)
        if tell is None:
            raise Problem(503, "no-broker", detail="This server reaches no broker.", remedy=REMEDY)
        try:
            found = forms.read(body, request.headers, application=application, environment=environment)
            for each in found.deployments:
                forms.check(each, now=clock())
        except SchemaError as error:
            raise _refused(error) from None
        fresh, answer = await _sorted(store, found, new=new)
        if fresh:
            try:
                await tell(fresh)
            except DependencyError as error:
                raise Problem(503, "broker-unreachable", detail=str(error), remedy=REMEDY) from error
        content = msgspec.json.encode(answer).replace(b"<", rb"\u003c")
        return Response(content, 202 if fresh else 200, media_type="application/json")

    return router


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise Problem(413, "too-large", detail=f"The body has more than {BODY_BYTES:,} bytes.")
    return body


def _proved(request: Request, body: bytes, *, secured: bool, secret: str | None) -> None:
    """A signature is judged wherever there is one; else the token was (guard.py).  Raises: Problem."""
    given = request.headers.get(forms.SIGNATURE)
    if given is not None:
        if secret is None or not forms.signed(secret, body, given):
            raise Problem(
                401,
                "wrong-signature",
                detail="The signature is not that of this body under api.webhook_secret.",
                field="X-Hub-Signature-256",
                remedy="Give sender and server the same secret, and sign the body as it is sent.",
            )
        return
    if not secured:
        raise Problem(
            403,
            "no-token-set",
            detail="This server takes no deployments, for it asks nobody for a token.",
            remedy="Set api.token or api.webhook_secret, or use `promptdrift deployment record`.",
        )
    if request.headers.get("content-type", "").partition(";")[0].strip().rpartition("+")[2] not in JSON:
        raise Problem(
            415, "no-json", detail="The body is no JSON.", remedy="Send Content-Type: application/json."
        )


async def _sorted(
    store: StatusStore, told: forms.Told, *, new: bool
) -> tuple[list[Deployment], answers.Recorded]:
    """What is new of it, and the answer."""
    fresh: list[Deployment] = []
    answer = answers.Recorded([], [], list(told.ignored), [])
    names = await store.applications()
    for given in told.deployments:
        if names and not new and given.application not in names:
            listed = ", ".join(names[:8])
            raise Problem(
                422,
                "unknown-application",
                detail=f"No interaction of {given.application!r} has arrived; known are {listed}.",
                field="application",
                remedy="Correct the name, give ?application=NAME, or ?new=true before its first traffic.",
            )
        history = await store.deployments(given.application, KNOWN)
        each = _resolved(given, told.restored, history)
        known = forms.told_before(
            each, [*history, *(one for one in fresh if one.application == each.application)]
        )
        (answer.known if known else answer.recorded).append(each.deployment_id)
        answer.notes += _remarks(each, history, known=known)
        if not known:
            fresh.append(each)
    return fresh, answer


def _resolved(given: Deployment, restored: str | None, history: Sequence[Deployment]) -> Deployment:
    """A rollback that names only what it went back to took back the newest that is something else."""
    if restored is None:
        return given
    passed: set[str] = set()
    for held in history:  # the newest first: it says how an id stands
        stands = held.deployment_id not in passed and held.status not in forms.ENDED
        passed.add(held.deployment_id)
        if stands and restored not in (held.version, held.deployment_id):
            return forms.replaced(given, held.deployment_id)
    raise Problem(
        422,
        "unknown-deployment",
        detail=f"A rollback to {restored!r}, but no deployment of {given.application} is known after it.",
        field="customData.deployment_id",
        remedy="Name there which deployment was taken back.",
    )


def _remarks(each: Deployment, history: Sequence[Deployment], *, known: bool) -> list[str]:
    name, found = each.deployment_id, list[str]()
    past = {held.status for held in history if held.deployment_id == name}
    if each.environment != PRODUCTION:
        found.append(f"environment {each.environment}: only production is followed up")
    if each.status in forms.ENDED and not past:
        found.append(f"no start of {name} was told before")
    if not known and each.status not in forms.ENDED and past & {*forms.ENDED}:
        found.append(f"{name} was taken back, and is followed up anew: as another attempt")
    return found


def _refused(error: SchemaError) -> Problem:
    detail = f"{error.field} {error.problem}."
    remedy = error.remedy[0].upper() + error.remedy[1:] + "."
    return Problem(422, "bad-deployment", detail=detail, field=error.field, remedy=remedy)


def _described() -> dict[str, object]:
    return {"content": {"application/json": {"schema": msgspec.json.schema(Deployment)}}}
