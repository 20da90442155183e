"""Answers of a moment ago, given before anything is routed: who asks again costs next to nothing.

A hundred pages ask for the same few documents.  Within `seconds` of one answer its bytes, compressed or not,
serve all who may ask (the guard stands before this), and 304 goes to who has them already.  After that the
first who asks waits for a new one; until it is there the others still get the old one, for at most as long
again, so that they do not pile up behind him.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 16 * 2**20  # held, keys too: whoever asks names them
LONGEST_ADDRESS = 1024  # whose answer is held
EACH_BYTES = 2048  # of memory, beside address and body: headers and objects
KEPT = (b"etag", b"cache-control", b"vary")  # what a 304 says, too
Key = tuple[str, bytes, bool]


@dataclass(frozen=True, slots=True)
class Held:
    """A whole answer, and until when it is fresh."""

    until: float
    headers: list[tuple[bytes, bytes]]
    body: bytes
    tag: str

    def messages(self, asked: str | None) -> tuple[Message, Message]:
        """The answer to a request with this If-None-Match."""
        known = asked is not None and any(
            each.strip() in ("*", self.tag, self.tag[2:]) for each in asked.split(",")
        )
        headers = [pair for pair in self.headers if not known or pair[0] in KEPT]
        start = {"type": "http.response.start", "status": 304 if known else 200, "headers": headers}
        return start, {"type": "http.response.body", "body": b"" if known else self.body}


class Fresh:
    """ASGI middleware for GET under /v1, the live feed apart; with `seconds` 0 it remembers nothing."""

    def __init__(self, app: ASGIApp, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._seconds, self._clock = app, seconds, clock
        self._held: dict[Key, Held] = {}
        self._asking: set[Key] = set()
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from what is held, or let the application answer and hold it."""
        if self._seconds <= 0 or not _is_asked_again(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = (scope["path"], scope["query_string"], "gzip" in headers.get("accept-encoding", ""))
        held, now = self._held.get(key), self._clock()
        if held is None or now >= held.until + (self._seconds if key in self._asking else 0.0):
            self._asking.add(key)
            said: list[Message] = []
            whole = [pair for pair in scope["headers"] if pair[0] != b"if-none-match"]
            try:
                await self._app({**scope, "headers": whole}, receive, _into(said))
            finally:
                self._asking.discard(key)
            held = _held(said, until=now + self._seconds)
            if held is None:
                for message in said:
                    await send(message)
                return
            self._keep(key, held)
        for message in held.messages(headers.get("if-none-match")):
            await send(message)

    def _keep(self, key: Key, held: Held) -> None:
        old = self._held.pop(key, None)
        self._bytes += _size(key, held) - (0 if old is None else _size(key, old))
        if self._bytes > MOST_BYTES:
            self._held, self._bytes = {}, _size(key, held)
        self._held[key] = held


def _is_asked_again(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path: str = scope["path"]
    short = len(path) + len(scope["query_string"]) <= LONGEST_ADDRESS
    return short and path.startswith("/v1/") and path != "/v1/events"


def _size(key: Key, held: Held) -> int:
    path, query, _ = key
    return len(path) + len(query) + len(held.body) + EACH_BYTES


def _into(said: list[Message]) -> Send:
    async def send(message: Message) -> None:
        said.append(message)

    return send


def _held(said: list[Message], *, until: float) -> Held | None:
    """What was said, where it is a whole answer with a tag; None for errors."""
    start = said[0]
    tag = Headers(raw=start["headers"]).get("etag")
    if start["status"] != 200 or tag is None or said[-1].get("more_body"):
        return None
    body = b"".join(message.get("body", b"") for message in said[1:])
    return Held(until, list(start["headers"]), body, tag)
