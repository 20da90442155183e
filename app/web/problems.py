"""Errors as problem documents (RFC 9457): what is wrong, where, and what to do about it."""

import logging
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.errors import DependencyError

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
UNREACHABLE = "Start the store or correct its URL; the page reconnects by itself."

logger = logging.getLogger(__name__)


class Problem(Exception):
    """An answer that is an error; `kind` names it for programs, `field` the input at fault."""

    def __init__(
        self, status: int, kind: str, *, detail: str, remedy: str | None = None, field: str | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {
            "type": f"urn:promptdrift:problem:{kind}",
            "title": kind.replace("-", " ").capitalize(),
            "status": status,
            "detail": detail,
            **({"field": field} if field else {}),
            **({"remedy": remedy} if remedy else {}),
        }

    def response(self, instance: str, *, retry_after: int = RETRY_SECONDS, **more: Any) -> Response:  # noqa: ANN401  # any JSON value
        """The problem as it is sent; `instance` is the path that was asked for."""
        later = {"Retry-After": str(retry_after)}
        headers = {401: {"WWW-Authenticate": "Bearer"}, 429: later, 503: later}
        content = _encoded({**self.body, "instance": instance, **more})
        return Response(content, self.status, headers.get(self.status), MEDIA_TYPE)


def unreachable(error: DependencyError) -> Problem:
    """The status store does not answer."""
    return Problem(503, "store-unreachable", detail=str(error), remedy=UNREACHABLE)


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response(request.url.path)

    async def down(request: Request, error: Exception) -> Response:
        assert isinstance(error, DependencyError)
        return unreachable(error).response(request.url.path)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = Problem(
            error.status_code,
            "not-found" if error.status_code == 404 else "request-refused",
            detail=str(error.detail),
            remedy="GET /openapi.json lists what can be asked.",
        )
        return problem.response(request.url.path)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        faults = [(str(e["loc"][-1]), e["msg"]) for e in error.errors()]
        field, message = faults[0]
        remedy = f"Correct {field}: {message[0].lower()}{message[1:]}."
        problem = Problem(422, "invalid-parameter", detail=f"{field}: {message}", field=field, remedy=remedy)
        return problem.response(request.url.path, errors=[{"field": f, "message": m} for f, m in faults])

    async def broken(request: Request, error: Exception) -> Response:
        logger.error("request failed: %s", request.url.path, exc_info=error)
        problem = Problem(500, "internal-error", detail="This is a bug.", remedy="The log has the traceback.")
        return problem.response(request.url.path)

    app.add_exception_handler(Problem, known)
    app.add_exception_handler(DependencyError, down)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, broken)


def _encoded(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode(body).replace(b"<", rb"\u003c")
