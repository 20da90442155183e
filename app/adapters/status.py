"""The live read model in Redis.  Derived: it may be lost at any time and is rebuilt from topics.

applications        ZSET    application -> last write, epoch seconds
status:APP          JSON    the whole status document; expires after 15 minutes of silence
incidents:APP       HASH    incident -> its latest alert
series:APP:MONITOR  STREAM  one small point a reading
alerts              STREAM  every transition
alert:ID            string  remembers a transition, so that a second delivery is no news
events              STREAM  the live feed; its id is the id that a browser resumes with
workers, worker:ID  ZSET, JSON  heartbeats

Only commands that Redis 6 to 8, Valkey and fakeredis share: no scripts, no modules, no hash-field expiry.
A transaction spans keys of several slots: one server or a replicated one, not Redis Cluster.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from app.adapters import status_document as rules
from app.adapters.redis_client import connect, reaching, without_password
from app.adapters.status_document import Document, Limits, utc_now
from app.adapters.status_memory import InMemoryStatusStore
from app.errors import DependencyError
from app.ports import SeriesPoint, StatusEvent
from schemas.decisions import Alert
from schemas.readings import Reading

__all__ = ["InMemoryStatusStore", "Limits", "RedisStatusStore"]

PREFIX = "promptdrift:v1:"
ATTEMPTS = 20  # of a write that others keep overtaking
PAGE = 500  # stream entries read at once
Entry = tuple[str, dict[str, str]]


class RedisStatusStore:
    """StatusStore on one shared client.  Every error of Redis becomes a DependencyError.

    Cost: four or five round trips a write, one or two a read.
    """

    def __init__(
        self,
        url: str,
        *,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = utc_now,
        poll_seconds: float = 0.5,
        keepalive_seconds: float = 10.0,
    ) -> None:
        self.url = without_password(url)
        """The address, safe to show."""
        self._limits, self._clock = limits or Limits(), clock
        self._poll, self._keepalive = poll_seconds, keepalive_seconds
        self._redis: Redis = connect(url)

    async def put_reading(self, reading: Reading) -> bool:
        """Store the latest reading of a monitor; False when the same or a newer one is already there."""
        application = reading.application
        series = _key("series", application, reading.monitor)

        async def attempt(pipe: Pipeline) -> bool:
            await pipe.watch(_key("status", application))
            now = self._clock()
            fresh = rules.with_reading(await self._current(pipe, application), reading, now=now)
            if fresh is None:
                return False
            told = _entries(await pipe.xrevrange(series, count=1))
            _begin(pipe)
            self._store(pipe, fresh, now)
            if not told or _point(told[0]).time < reading.time.timestamp():  # not read a second time
                _append(pipe, series, {"point": _json(rules.point_of(reading))}, cap=self._limits.series)
            pipe.expire(series, self._limits.history_seconds)
            self._publish(pipe, "status", application, rules.news_of(fresh, reading))
            await pipe.execute()
            return True

        return await self._optimistic(attempt)

    async def put_alert(self, alert: Alert) -> bool:
        """Store a transition once; False when this alert_id is already there."""
        application, limits = alert.application, self._limits
        seen, incidents = _key("alert", alert.alert_id), _key("incidents", application)

        async def attempt(pipe: Pipeline) -> bool:
            await pipe.watch(seen, incidents, _key("status", application))
            if await pipe.exists(seen):
                return False
            held = await self._incidents(pipe, application)
            kept = rules.latest(held, alert, limit=limits.incidents)
            now = self._clock()
            fresh = rules.with_incidents(await self._current(pipe, application), kept.values(), now=now)
            _begin(pipe)
            pipe.set(seen, 1, nx=True, ex=limits.alert_seconds)
            _append(pipe, _key("alerts"), {"alert": _json(alert)}, cap=limits.alerts)
            if kept.get(alert.incident) is alert:
                pipe.hset(incidents, alert.incident, _json(alert))
            if gone := held.keys() - kept.keys():
                pipe.hdel(incidents, *gone)
            pipe.expire(incidents, limits.history_seconds)
            self._store(pipe, fresh, now)
            self._publish(pipe, "alert", application, msgspec.to_builtins(alert))
            await pipe.execute()
            return True

        return await self._optimistic(attempt)

    async def heartbeat(self, worker: str, facts: dict[str, Any]) -> None:
        """Say that a worker lives, and what it says of itself."""
        now = self._clock()
        beat = _json({**facts, "worker": worker, "updated_at": now.isoformat()})
        with reaching(self.url):
            async with self._redis.pipeline() as pipe:
                pipe.set(_key("worker", worker), beat, ex=self._limits.worker_seconds)
                pipe.zadd(_key("workers"), {worker: now.timestamp()})
                pipe.zremrangebyscore(_key("workers"), 0, now.timestamp() - rules.DAY_SECONDS)
                await pipe.execute()

    async def applications(self) -> list[str]:
        """Applications written to lately, by name."""
        horizon = self._clock().timestamp() - self._limits.history_seconds
        with reaching(self.url):
            names = await self._redis.zrangebyscore(_key("applications"), horizon, "+inf")
        return sorted(cast(list[str], names))

    async def status(self, application: str) -> dict[str, Any] | None:
        """The status document; None for an application never heard of."""
        with reaching(self.url):
            if await self._redis.zscore(_key("applications"), application) is None:
                return None
            return await self._current(self._redis, application)

    async def series(self, application: str, monitor: str, limit: int) -> list[SeriesPoint]:
        """The last `limit` points, oldest first."""
        with reaching(self.url):
            answer = await self._redis.xrevrange(_key("series", application, monitor), count=limit)
        return [_point(entry) for entry in reversed(_entries(answer))]

    async def alerts(self, application: str | None, state: str | None, limit: int) -> list[Alert]:
        """Transitions, newest first."""
        found: list[Alert] = []
        before = "+"
        while len(found) < limit:
            with reaching(self.url):
                entries = _entries(await self._redis.xrevrange(_key("alerts"), max=before, count=PAGE))
            page = (msgspec.json.decode(fields["alert"], type=Alert) for _, fields in entries)
            found += [a for a in page if application in (None, a.application) and state in (None, a.state)]
            if len(entries) < PAGE:
                break
            before = _neighbour(entries[-1][0], -1)
        return found[:limit]

    async def workers(self) -> list[dict[str, Any]]:
        """Workers whose heart beats, by name."""
        with reaching(self.url):
            names = sorted(cast(list[str], await self._redis.zrange(_key("workers"), 0, -1)))
            beats = await self._redis.mget([_key("worker", name) for name in names]) if names else []
        return [msgspec.json.decode(beat) for beat in beats if beat is not None]

    async def events(self, after: str) -> AsyncIterator[StatusEvent | None]:
        """The live feed after an id ("$" = from now); None says that the feed is open, or quiet.

        It polls: a blocking read would hold one connection for every open page.
        """
        cursor = await self._last_event() if after == "$" else after
        yield None
        quiet = 0.0
        while True:
            for id, fields in await self._events_after(cursor):
                cursor, quiet = id, 0.0
                data = msgspec.json.decode(fields["data"])
                yield StatusEvent(id=id, kind=fields["kind"], application=fields["application"], data=data)
            await asyncio.sleep(self._poll)
            quiet += self._poll
            if quiet >= self._keepalive:
                quiet = 0.0
                yield None

    async def ping(self) -> bool:
        """True, or a DependencyError that says why not."""
        with reaching(self.url):
            return bool(await self._redis.ping())

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _last_event(self) -> str:
        with reaching(self.url):
            last = _entries(await self._redis.xrevrange(_key("events"), count=1))
        return last[0][0] if last else "0-0"

    async def _events_after(self, cursor: str) -> list[Entry]:
        with reaching(self.url):  # a range, not XREAD: one shape of answer on every server and protocol
            return _entries(await self._redis.xrange(_key("events"), min=_neighbour(cursor, 1), count=PAGE))

    async def _optimistic(self, attempt: Callable[[Pipeline], Awaitable[bool]]) -> bool:
        """Read, decide, write; again when somebody wrote in between."""
        with reaching(self.url):
            async with self._redis.pipeline() as pipe:
                for number in range(ATTEMPTS):
                    try:
                        return await attempt(pipe)
                    except WatchError:
                        await asyncio.sleep(0.002 * number)
        raise DependencyError(f"Redis at {self.url}: overtaken {ATTEMPTS} times by other writers. Try again.")

    async def _current(self, redis: Redis, application: str) -> Document:
        """The document, or what is still known after it has expired."""
        held = await redis.get(_key("status", application))
        if held is not None:
            document: Document = msgspec.json.decode(held)
            return document
        document = rules.empty(application)
        document["incidents"] = rules.open_incidents((await self._incidents(redis, application)).values())
        last = await redis.zscore(_key("applications"), application)
        if last is not None:
            document["updated_at"] = datetime.fromtimestamp(last, UTC).isoformat()
        return document | {"state": rules.state_of(document)}

    async def _incidents(self, redis: Redis, application: str) -> dict[str, Alert]:
        held = await redis.hgetall(_key("incidents", application))
        return {str(name): msgspec.json.decode(last, type=Alert) for name, last in held.items()}

    def _store(self, pipe: Pipeline, document: Document, now: datetime) -> None:
        application = document["application"]
        pipe.set(_key("status", application), _json(document), ex=self._limits.status_seconds)
        pipe.zadd(_key("applications"), {application: now.timestamp()})
        pipe.zremrangebyscore(_key("applications"), 0, now.timestamp() - self._limits.history_seconds)

    def _publish(self, pipe: Pipeline, kind: str, application: str, data: dict[str, Any]) -> None:
        fields = {"kind": kind, "application": application, "data": _json(data)}
        _append(pipe, _key("events"), fields, cap=self._limits.events)


def _key(*parts: str) -> str:
    return PREFIX + ":".join(parts)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _begin(pipe: Pipeline) -> None:
    pipe.multi()  # type: ignore[no-untyped-call]  # redis-py left it so


def _append(pipe: Pipeline, stream: str, fields: dict[str, str], *, cap: int) -> None:
    pipe.xadd(stream, cast(dict[Any, Any], fields), maxlen=cap, approximate=True)


def _entries(answer: object) -> list[Entry]:
    """Stream entries; redis-py's types cannot say that the client decodes."""
    return cast(list[Entry], answer or [])


def _point(entry: Entry) -> SeriesPoint:
    return msgspec.json.decode(entry[1]["point"], type=SeriesPoint)


def _neighbour(id: str, step: int) -> str:
    """The bound that leaves `id` out: Redis 6.0 knows no exclusive ranges.

    >>> _neighbour("12-3", 1), _neighbour("12-3", -1), _neighbour("12-0", -1)
    ('12-4', '12-2', '11')
    """
    millis, _, sequence = id.partition("-")
    number = int(sequence or 0) + step
    return f"{millis}-{number}" if number >= 0 else f"{int(millis) - 1}"
