"""The HTTP server: page, API, live feed, probes and metrics over one status store.

It reads the store and nothing else, so a broken page cannot stop detection; what people answer to an
incident, and the deployments they tell of, go onto their topics.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from app.errors import DependencyError
from app.ports import StatusStore
from app.settings import ApiSettings
from app.web import (
    aftermath,
    answering,
    answers,
    api,
    deploying,
    evaluation,
    feed,
    guard,
    metrics,
    pages,
    problems,
)
from app.web.fresh import Fresh
from app.web.hub import Hub
from app.web.memo import Memo
from app.web.throttle import Throttle


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def create_app(
    store: StatusStore,
    settings: ApiSettings | None = None,
    *,
    clock: Callable[[], datetime] = utc_now,
    hub: Hub | None = None,
    tell: answering.Tell | None = None,
    record: deploying.Tell | None = None,
) -> FastAPI:
    """The application around `store`, which it closes when it ends.

    With a token, everything but the probes asks for it (`Authorization: Bearer`, or the page's sign-in).

    Args: tell, puts an answer to an incident onto its topic; record, deployments onto theirs; without
        them none are taken.
    """
    settings = settings or ApiSettings()
    hub = hub or Hub(store)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        hub.close()
        await store.close()

    app = FastAPI(
        title="promptdrift",
        version=metrics.version() or "0",
        summary="Live status of drift detection: readings, alerts and the feed of both.",
        lifespan=lifespan,
        docs_url=None,  # its scripts come from elsewhere
        redoc_url=None,
    )
    app.state.hub = hub
    _surround(app, settings)
    problems.install(app)
    # `Fresh` remembers; of those who ask while nothing is remembered, one asks the store.
    views = api.Views(store, stale_seconds=settings.stale_seconds, clock=clock, memo=Memo(0))
    app.include_router(api.routes(views))
    app.include_router(aftermath.routes(views))
    app.include_router(evaluation.routes(views))
    app.include_router(feed.routes(hub, settings.listeners))
    app.include_router(answering.routes(store, tell, secured=settings.token is not None))
    secret = settings.webhook_secret
    app.include_router(
        deploying.routes(
            store,
            record,
            secured=settings.token is not None,
            secret=None if secret is None else secret.get_secret_value(),
            clock=clock,
        )
    )
    app.include_router(probes(store, clock))
    app.include_router(guard.session_routes(_token(settings)))
    pages.install(app)
    _describe(app, secured=settings.token is not None)
    return app


def _surround(app: FastAPI, settings: ApiSettings) -> None:
    """What every request passes, the last first."""
    rate = settings.requests_per_second
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Fresh, seconds=settings.fresh_seconds)
    app.add_middleware(guard.Guard, token=_token(settings), throttle=Throttle(rate) if rate else None)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET"],
            allow_headers=["Authorization", "If-None-Match", "Last-Event-ID"],
            expose_headers=["ETag"],
        )


def _token(settings: ApiSettings) -> str | None:
    return None if settings.token is None else settings.token.get_secret_value()


def probes(store: StatusStore, clock: Callable[[], datetime]) -> APIRouter:
    """What machines ask: do you live, can you work, how is it going."""
    router = APIRouter(tags=["operations"])

    @router.get("/livez")
    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        """The event loop turns.  Says nothing of the store: restarting this server would not mend it."""
        return {"status": "alive"}

    @router.get("/readyz", responses=answers.PROBLEM)
    async def ready() -> dict[str, str]:
        """The store answers; else 503 with the reason."""
        try:
            await store.ping()
        except DependencyError as error:
            raise problems.unreachable(error) from error
        return {"status": "ready"}

    @router.get("/metrics")
    async def scraped() -> Response:
        """Gauges for Prometheus."""
        return Response(await metrics.scrape(store, clock), media_type=CONTENT_TYPE_LATEST)

    return router


def _describe(app: FastAPI, *, secured: bool) -> None:
    """Put the shapes of our answers into openapi.json; FastAPI would want them twice, in pydantic."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        parts = document.setdefault("components", {})
        parts.setdefault("schemas", {}).update(answers.components())
        if secured:
            parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"bearer": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend it
