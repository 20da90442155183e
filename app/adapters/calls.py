"""JSON over HTTP to an endpoint that may be slow, busy, down or wrong: one way to call it, no exception.

Bounded in everything: time of a call, attempts, calls at once, calls a minute, bytes of an answer.  After
five calls that failed a breaker opens and calls end at once, until one is let through and succeeds.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
import msgspec

from app.adapters.notifiers import retry_seconds

LARGEST_ANSWER = 1 << 20  # bytes
LONGEST_WAIT = 60.0  # seconds between attempts, whatever Retry-After says
OPENS_AFTER = 5  # calls that failed in a row
OPEN_SECONDS, OPEN_LONGEST = 30.0, 600.0
RETRIED = frozenset({408, 409, 425, 429})
OF_THE_TEXT = frozenset({400, 413, 422})  # refusals that say nothing of the endpoint's health

PASSING = frozenset({"unreachable", "slow", "open"})

Kind = Literal["refused", "unreachable", "slow", "malformed", "open", "spent", "unusable"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer, and its cost.  `reason` holds nothing of what was sent or said.

    >>> Failure("refused", "HTTP 503", 503).label, Failure("slow", "no answer within 5 s").label
    ('refused: HTTP 503', 'slow')
    """

    kind: Kind
    reason: str
    status: int | None = None
    cost: float = 0.0  # money, of calls that may be billed

    @property
    def label(self) -> str:
        """Kind and status."""
        return self.kind if self.status is None else f"{self.kind}: HTTP {self.status}"

    @property
    def passes(self) -> bool:
        """Whether it may be over when the same is asked later."""
        return self.kind in PASSING or (self.kind == "refused" and self.status not in OF_THE_TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an endpoint is given."""

    timeout_seconds: float = 60.0
    attempts: int = 4
    concurrency: int = 8
    per_minute: float = 300.0

    def __post_init__(self) -> None:
        if min(self.timeout_seconds, self.attempts, self.concurrency, self.per_minute) <= 0:
            raise ValueError("every limit must be above 0")


@dataclass(slots=True)
class Breaker:
    """Closed, open until a moment, then half open: one call may try.

    >>> breaker = Breaker()
    >>> for _ in range(OPENS_AFTER): breaker.failed(now=0.0)
    >>> breaker.admits(now=1.0), breaker.admits(now=31.0), breaker.admits(now=31.0)
    (False, True, False)
    >>> breaker.succeeded(); breaker.admits(now=31.0)
    True
    """

    failures: int = 0
    seconds: float = OPEN_SECONDS
    open_until: float | None = None
    trying: bool = False

    def admits(self, *, now: float) -> bool:
        """Whether a call may go; the one that tries must end in `succeeded`, `failed` or `abandoned`."""
        if self.open_until is None:
            return True
        if self.trying or now < self.open_until:
            return False
        self.trying = True
        return True

    def succeeded(self) -> None:
        """The endpoint works."""
        self.failures, self.seconds, self.open_until, self.trying = 0, OPEN_SECONDS, None, False

    def failed(self, *, now: float) -> None:
        """The endpoint does not; a try that failed doubles the pause."""
        self.failures += 1
        if self.trying:
            self.seconds = min(self.seconds * 2, OPEN_LONGEST)
        if self.trying or self.failures >= OPENS_AFTER:
            self.open_until = now + self.seconds
        self.trying = False

    def abandoned(self) -> None:
        """The call ended without a word about the endpoint."""
        self.trying = False


@dataclass(slots=True)
class Caller:
    """Calls one endpoint.  `clock` and `sleep` are arguments so that tests need not wait."""

    limits: Limits = field(default_factory=Limits)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    breaker: Breaker = field(default_factory=Breaker)
    requests: int = 0  # sent, repeats too
    _session: aiohttp.ClientSession | None = None
    _gate: asyncio.Semaphore | None = None
    _next: float = 0.0

    async def post(
        self, url: str, body: Mapping[str, Any], *, again: Callable[[Failure], bool] = lambda _: True
    ) -> dict[str, Any] | Failure:
        """One call, repeated where that may help, and `again` has nothing against it.

        Cost: at most attempts x (timeout + a minute).
        """
        if self._gate is None:
            self._gate = asyncio.Semaphore(self.limits.concurrency)
        async with self._gate:
            if not self.breaker.admits(now=self.clock()):
                return Failure("open", "the endpoint failed repeatedly and is left alone for a while")
            tries = self.breaker.trying  # whether it is this call that was let through
            try:
                found = await self._tried(url, msgspec.json.encode(body), again)
                self._told(found)
                return found
            finally:
                if tries:
                    self.breaker.abandoned()

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _told(self, found: dict[str, Any] | Failure) -> None:
        if not isinstance(found, Failure):
            self.breaker.succeeded()
        elif found.status not in OF_THE_TEXT:
            self.breaker.failed(now=self.clock())

    async def _tried(
        self, url: str, body: bytes, again: Callable[[Failure], bool]
    ) -> dict[str, Any] | Failure:
        for attempt in range(1, self.limits.attempts + 1):
            await self._paced()
            found, wait = await self._once(url, body)
            if not isinstance(found, Failure) or wait is None or attempt == self.limits.attempts:
                return found
            if not again(found):
                return found
            await self.sleep(min(max(wait, 0.5 * 2 ** (attempt - 1)), LONGEST_WAIT))
        raise AssertionError("attempts is at least 1")

    async def _paced(self) -> None:
        now = self.clock()
        start = max(now, self._next)
        self._next = start + 60.0 / self.limits.per_minute
        if start > now:
            await self.sleep(start - now)

    async def _once(self, url: str, body: bytes) -> tuple[dict[str, Any] | Failure, float | None]:
        """What came back; with a failure, seconds to wait before another attempt, None: none would help."""
        self.requests += 1
        try:
            async with self._opened().post(url, data=body, allow_redirects=False) as answer:
                said = await _read(answer)
        except TimeoutError:
            return Failure("slow", f"no answer within {self.limits.timeout_seconds:g} s"), 0.0
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Failure("unreachable", type(error).__name__), 0.0
        status = answer.status
        if status >= 300:
            again = status in RETRIED or status >= 500
            wait = retry_seconds(answer.headers.get("Retry-After")) or 0.0
            return Failure("refused", f"HTTP {status}", status), wait if again else None
        try:
            return msgspec.json.decode(said, type=dict[str, Any]), None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Failure("malformed", "the answer is no JSON object", status), 0.0

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self.limits.timeout_seconds)
            headers = {"Content-Type": "application/json", **self.headers}
            self._session = aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=True)
        return self._session


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    said = bytearray()
    async for part in answer.content.iter_chunked(1 << 16):
        said += part
        if len(said) > LARGEST_ANSWER:
            raise ValueError("the answer is too large")
    return bytes(said)
