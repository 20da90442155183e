"""The HTTP server: page, API, live feed, probes and metrics over one status store.

It reads the store and nothing else, so a broken page cannot stop detection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.gzip import GZipMiddleware

from app.errors import DependencyError
from app.ports import StatusStore
from app.web import answers, api, feed, guard, metrics, pages, problems


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def create_app(
    store: StatusStore,
    *,
    token: str | None = None,
    stale_seconds: float = 120.0,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The application around `store`, which it closes when it ends.

    With a `token`, everything but the probes asks for it (`Authorization: Bearer`, or the page's
    sign-in).  A status nobody has written for `stale_seconds` is marked stale.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await store.close()

    app = FastAPI(
        title="promptdrift",
        version=metrics.version() or "0",
        summary="Live status of drift detection: readings, alerts and the feed of both.",
        lifespan=lifespan,
        docs_url=None,  # its scripts come from elsewhere
        redoc_url=None,
    )
    app.state.closing = asyncio.Event()
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(guard.Guard, token=token)
    problems.install(app)
    app.include_router(api.routes(store, stale_seconds=stale_seconds, clock=clock))
    app.include_router(feed.routes(store, app.state.closing))
    app.include_router(probes(store, clock))
    app.include_router(guard.session_routes(token))
    pages.install(app)
    _describe(app, secured=token is not None)
    return app


def probes(store: StatusStore, clock: Callable[[], datetime]) -> APIRouter:
    """What machines ask: do you live, can you work, how is it going."""
    router = APIRouter(tags=["operations"])

    @router.get("/livez")
    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        """The event loop turns.  Says nothing of the store: restarting this server would not mend it."""
        return {"status": "alive"}

    @router.get("/readyz", responses=api.PROBLEM)
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
