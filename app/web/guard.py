"""Around every answer: security headers, and the token where one is asked for."""

import hashlib
import hmac
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.pages import sign_in_page
from app.web.problems import Problem

OPEN = frozenset({"/livez", "/readyz", "/healthz", "/session"})  # probes carry no token
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
    """ASGI middleware; `token` None lets everybody in."""

    def __init__(self, app: ASGIApp, *, token: str | None) -> None:
        self._app, self._token = app, token

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

        refused = scope["path"] not in OPEN and not self._admits(Headers(scope=scope))
        await (self._refusal(scope) if refused else self._app)(scope, receive, guarded)

    def _admits(self, headers: Headers) -> bool:
        if self._token is None:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        return (scheme.lower() == "bearer" and _same(given.strip(), self._token)) or (
            cookie is not None and _same(cookie.value, session_of(self._token))
        )

    def _refusal(self, scope: Scope) -> Response:
        if scope["path"] == "/" and "text/html" in Headers(scope=scope).get("accept", ""):
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
