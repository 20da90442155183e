"""What is read of the live read model in Redis (`status.py` has its keys)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from app.adapters import status_document as rules
from app.adapters.redis_client import connect, reaching, without_password
from app.adapters.status_document import Document, F, Limits, utc_now
from app.adapters.status_keys import decoded, entries, event_of, key, neighbour
from app.ports import PIPELINE, ReferenceSummary, SeriesPoint, StatusEvent
from schemas.decisions import Alert, Delivery
from schemas.evalsets import EvalSetVersions
from schemas.events import Deployment
from schemas.readings import Reading

PAGE = 500  # stream entries read at once


class StatusReads:
    """The reading half of `status.RedisStatusStore`.  Cost: one or two round trips a call."""

    def __init__(
        self,
        url: str,
        *,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.url = without_password(url)
        """The address, safe to show."""
        self._limits, self._clock = limits or Limits(), clock
        self._redis: Redis = connect(url)

    async def applications(self) -> list[str]:
        """Applications written to lately, by name."""
        horizon = self._clock().timestamp() - self._limits.history_seconds
        with reaching(self.url):
            names = await self._redis.zrangebyscore(key("applications"), horizon, "+inf")
        return sorted(name for name in cast(list[str], names) if name != PIPELINE)

    async def status(self, application: str) -> dict[str, Any] | None:
        """The status document; None for an application never heard of."""
        with reaching(self.url):
            if await self._redis.zscore(key("applications"), application) is None:
                return None
            return await self._current(self._redis, application)

    async def series(
        self,
        application: str,
        monitor: str,
        limit: int,
        *,
        start: float = float("-inf"),
        end: float = float("inf"),
    ) -> list[SeriesPoint]:
        """The last `limit` points of a range of event time (epoch seconds, inclusive), oldest first."""
        with reaching(self.url):
            found = await self._redis.zrevrangebyscore(
                key("points", application, monitor), end, start, start=0, num=limit
            )
        points = reversed(cast(list[str], found))
        return [msgspec.json.decode(point, type=SeriesPoint) for point in points]

    async def alerts(self, application: str | None, state: str | None, limit: int) -> list[Alert]:
        """Transitions, newest first."""
        found: list[Alert] = []
        before = "+"
        while len(found) < limit:
            with reaching(self.url):
                page = entries(await self._redis.xrevrange(key("alerts"), max=before, count=PAGE))
            told = (msgspec.json.decode(fields["alert"], type=Alert) for _, fields in page)
            found += [a for a in told if application in (None, a.application) and state in (None, a.state)]
            if len(page) < PAGE:
                break
            before = neighbour(page[-1][0], -1)
        return found[:limit]

    async def deployments(self, application: str, limit: int) -> list[Deployment]:
        """Deployments of an application by their time, newest first."""
        return await self._newest("deployment", application, Deployment, limit)

    async def released(self) -> list[str]:
        """Applications that deployments were told of lately, by name."""
        horizon = self._clock().timestamp() - self._limits.fact_seconds
        with reaching(self.url):
            return sorted(cast(list[str], await self._redis.zrangebyscore(key("released"), horizon, "+inf")))

    async def looks(self, application: str) -> list[Reading]:
        """The latest look at each deployment, the latest deployment first."""
        with reaching(self.url):
            return rules.in_order(
                decoded(await self._redis.hgetall(key("looks", application)), Reading).values()
            )

    async def deliveries(self, application: str, limit: int) -> list[Delivery]:
        """Attempts to tell somebody of an application's incidents, newest first."""
        return await self._newest("delivery", application, Delivery, limit)

    async def _newest(self, kind: str, application: str, shape: type[F], limit: int) -> list[F]:
        with reaching(self.url):
            held = await self._redis.hgetall(key(kind, application))
        return rules.newest(decoded(held, shape).values(), limit)

    async def references(self) -> list[ReferenceSummary]:
        """Everything that is measured against, by application and kind."""
        with reaching(self.url):
            held = await self._redis.hgetall(key("references"))
        return [summary for _, summary in sorted(decoded(held, ReferenceSummary).items())]

    async def evalsets(self) -> list[EvalSetVersions]:
        """Versions of all eval sets, by application."""
        with reaching(self.url):
            held = await self._redis.hgetall(key("evalsets"))
        return [versions for _, versions in sorted(decoded(held, EvalSetVersions).items())]

    async def workers(self) -> list[dict[str, Any]]:
        """Workers whose heart beats, by name."""
        with reaching(self.url):
            names = sorted(cast(list[str], await self._redis.zrange(key("workers"), 0, -1)))
            beats = await self._redis.mget([key("worker", name) for name in names]) if names else []
        return [msgspec.json.decode(beat) for beat in beats if beat is not None]

    async def events(self, after: str, limit: int) -> list[StatusEvent]:
        """Entries of the live feed after an id, oldest first."""
        with reaching(self.url):  # a range, not XREAD: one shape of answer on every server and protocol
            found = await self._redis.xrange(key("events"), min=neighbour(after, 1), count=limit)
        return [event_of(entry) for entry in entries(found)]

    async def holds_event(self, id: str) -> bool:
        """Whether an entry is still kept: if not, some that came after it may be gone too."""
        with reaching(self.url):
            return bool(await self._redis.xrange(key("events"), min=id, max=id, count=1))

    async def last_event(self) -> str:
        """Id of the newest entry of the live feed; "0-0" when there is none."""
        with reaching(self.url):
            last = entries(await self._redis.xrevrange(key("events"), count=1))
        return last[0][0] if last else "0-0"

    async def ping(self) -> bool:
        """True, or a DependencyError that says why not."""
        with reaching(self.url):
            return bool(await self._redis.ping())

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _current(self, redis: Redis, application: str) -> Document:
        """The document, or what is still known after it has expired."""
        # As a list of one: the fake of the embedded mode answers GET in one line, and lines have an end.
        (held,) = await redis.mget([key("status", application)])
        if held is not None:
            document: Document = msgspec.json.decode(held)
            return document
        document = rules.empty(application)
        document["incidents"] = rules.open_incidents((await self._incidents(redis, application)).values())
        last = await redis.zscore(key("applications"), application)
        if last is not None:
            document["updated_at"] = datetime.fromtimestamp(last, UTC).isoformat()
        return document | {"state": rules.state_of(document)}

    async def _incidents(self, redis: Redis, application: str) -> dict[str, Alert]:
        return decoded(await redis.hgetall(key("incidents", application)), Alert)
