"""Around every answer: security headers, the token where one is asked for, and a limit of requests."""

import hashlib
import hmac
import math
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.adapters.deployment_forms import SIGNATURE
from app.web.pages import sign_in_page
from app.web.problems import Problem
from app.web.throttle import Throttle

OPEN = frozenset({"/livez", "/readyz", "/healthz", "/session"})  # probes carry no token
SIGNED = ("POST", "/v1/deployments")  # it judges a signature itself, and refuses where there is a wrong one
COOKIE = "promptdrift"
BODY_LIMIT = 4096

# plotly writes style rules and attributes; nothing else comes from anywhere but our own files.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware; `token` None lets everybody in, `throttle` None as often as they like."""

    def __init__(self, app: ASGIApp, *, token: str | None, throttle: Throttle | None) -> None:
        self._app, self._token, self._throttle = app, token, throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse to."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = None if scope["path"] in OPEN else self._refusal(scope)
        await (refusal or self._app)(scope, receive, guarded)

    def _admits(self, headers: Headers) -> bool:
        if self._token is None:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")  # beside whatever others there are
        return (scheme.lower() == "bearer" and _same(given.strip(), self._token)) or _same(
            cookie, session_of(self._token)
        )

    def _refusal(self, scope: Scope) -> Response | None:
        """Why this request is not answered; None where it is."""
        wait = self._throttle.wait((scope.get("client") or ("",))[0]) if self._throttle else 0.0
        if wait:
            problem = Problem(
                429,
                "too-many-requests",
                detail="This address asks more often than api.requests_per_second allows.",
                remedy="Listen to /v1/events instead of asking, or wait as long as Retry-After says.",
            )
            return problem.response(scope["path"], retry_after=math.ceil(wait))
        headers = Headers(scope=scope)
        if SIGNATURE in headers and (scope["method"], scope["path"]) == SIGNED:
            return None
        if self._admits(headers):
            return None
        if scope["path"] == "/" and "text/html" in headers.get("accept", ""):
            return sign_in_page(wrong=False)
        problem = Problem(
            401,
            "token-required",
            detail="This server asks for a token, and none that it knows came with the request.",
            field="Authorization",
            remedy="Send the header `Authorization: Bearer TOKEN`, or sign in on the page.",
        )
        return problem.response(scope["path"])


def session_routes(token: str | None) -> APIRouter:
    """POST /session: a browser cannot send the header with a link, so it trades the token for a cookie."""
    router = APIRouter(include_in_schema=False)

    @router.post("/session")
    async def sign_in(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                break
        given = parse_qs(body[:BODY_LIMIT].decode("latin-1")).get("token", [""])[0]
        if token is not None and not _same(given, token):
            return sign_in_page(wrong=True)
        answer = RedirectResponse(".", status_code=303)
        if token is not None:
            secure = request.url.scheme == "https"
            answer.set_cookie(COOKIE, session_of(token), httponly=True, samesite="strict", secure=secure)
        return answer

    return router


def session_of(token: str) -> str:
    """What the cookie holds: proof of the token, not the token."""
    return hmac.new(token.encode(), b"promptdrift session", hashlib.sha256).hexdigest()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
