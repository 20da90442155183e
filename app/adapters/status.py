"""The live read model in Redis.  Derived: it may be lost at any time and is rebuilt from topics.

applications        ZSET    application -> last write, epoch seconds
status:APP          JSON    the whole status document; expires after 15 minutes of silence
incidents:APP       HASH    incident -> its latest alert
points:APP:MONITOR  ZSET    one small point a reading -> its event time, so that the past can come later
deployment:APP      HASH    deployment and status -> what happened
released            ZSET    application -> when a deployment of it was last told, epoch seconds
looks:APP           HASH    deployment -> the latest look at it
delivery:APP        HASH    attempt to tell a sink -> how it went
references          HASH    application and kind -> what is measured against
evalsets            HASH    application -> versions of its eval set
alerts              STREAM  every transition
alert:ID            string  remembers a transition, so that a second delivery is no news
events              STREAM  the live feed; its id is the id that a browser resumes with
workers, worker:ID  ZSET, JSON  heartbeats
generation          string  a name that is gone when everything else is

Only commands that Redis 6 to 8, Valkey and fakeredis share: no scripts, no modules, no hash-field expiry.
A transaction spans keys of several slots: one server or a replicated one, not Redis Cluster.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from app.adapters import status_document as rules
from app.adapters import status_keys
from app.adapters.redis_client import reaching
from app.adapters.status_document import Document, Limits
from app.adapters.status_keys import append, as_json, begin, decoded, key
from app.adapters.status_memory import InMemoryStatusStore
from app.adapters.status_reads import StatusReads
from app.errors import DependencyError
from app.ports import ReferenceSummary
from schemas.decisions import Alert, Delivery
from schemas.evalsets import EvalSetVersions
from schemas.events import Deployment
from schemas.readings import Reading

__all__ = ["InMemoryStatusStore", "Limits", "RedisStatusStore"]

ATTEMPTS = 20  # of a write that others keep overtaking


class RedisStatusStore(StatusReads):
    """StatusStore on one shared client.  Every error of Redis becomes a DependencyError.

    Cost: four or five round trips a write, one or two a read.
    """

    async def put_reading(self, reading: Reading) -> bool:
        """Store the latest reading of a monitor; False when the same or a newer one is already there.

        Its point finds its place in the series either way.
        """
        application, time = reading.application, reading.time.timestamp()
        points, limits = key("points", application, rules.place_of(reading)), self._limits
        looks = key("looks", application)

        async def attempt(pipe: Pipeline) -> bool:
            await pipe.watch(key("status", application), looks)
            seen = decoded(await pipe.hgetall(looks), Reading) if rules.followed(reading) else {}
            now = self._clock()
            fresh = rules.with_reading(await self._current(pipe, application), reading, now=now)
            told = await pipe.zcount(points, time, time)
            begin(pipe)
            if not told:
                pipe.zadd(points, {as_json(rules.point_of(reading)): time})
                pipe.zremrangebyrank(points, 0, -limits.series - 1)
                pipe.expire(points, limits.history_seconds)
            kept = rules.with_look(seen, reading, limit=limits.facts)
            status_keys.rewrite(pipe, looks, seen, kept, seconds=limits.fact_seconds)
            if fresh is not None:
                self._store(pipe, fresh, now)
                self._publish(pipe, "status", application, rules.news_of(fresh, reading))
            await pipe.execute()
            return fresh is not None

        return await self._optimistic(attempt)

    async def put_alert(self, alert: Alert) -> bool:
        """Store a transition once; False when this alert_id is already there."""
        application, limits = alert.application, self._limits
        seen, incidents = key("alert", alert.alert_id), key("incidents", application)

        async def attempt(pipe: Pipeline) -> bool:
            await pipe.watch(seen, incidents, key("status", application))
            if await pipe.exists(seen):
                return False
            held = await self._incidents(pipe, application)
            kept = rules.latest(held, alert, limit=limits.incidents)
            now = self._clock()
            fresh = rules.with_incidents(await self._current(pipe, application), kept.values(), now=now)
            begin(pipe)
            pipe.set(seen, 1, nx=True, ex=limits.alert_seconds)
            append(pipe, key("alerts"), {"alert": as_json(alert)}, cap=limits.alerts)
            if kept.get(alert.incident) is alert:
                pipe.hset(incidents, alert.incident, as_json(alert))
            if gone := held.keys() - kept.keys():
                pipe.hdel(incidents, *gone)
            pipe.expire(incidents, limits.history_seconds)
            self._store(pipe, fresh, now)
            self._publish(pipe, "alert", application, msgspec.to_builtins(alert))
            await pipe.execute()
            return True

        return await self._optimistic(attempt)

    async def put_fact(self, fact: Deployment | Delivery) -> bool:
        """Store what happened to a deployment, or to a delivery, once; False when it is already there."""
        kind, limits = rules.kind_of(fact), self._limits
        place = key(kind, fact.application)

        async def attempt(pipe: Pipeline) -> bool:
            await pipe.watch(place)
            held = decoded(await pipe.hgetall(place), type(fact))
            field = rules.name_in(held, fact)
            if field is None:
                return False
            begin(pipe)
            pipe.hset(place, field, as_json(fact))
            if gone := rules.surplus(held, limit=limits.facts):
                pipe.hdel(place, *gone)
            pipe.expire(place, limits.fact_seconds)
            if kind == "deployment":
                pipe.zadd(key("released"), {fact.application: self._clock().timestamp()})
            self._publish(pipe, kind, fact.application, msgspec.to_builtins(fact))
            await pipe.execute()
            return True

        return await self._optimistic(attempt)

    async def put_reference(self, summary: ReferenceSummary) -> None:
        """Remember what an application is measured against; one of each kind."""
        with reaching(self.url):
            await self._redis.hset(
                key("references"), f"{summary.kind}:{summary.application}", as_json(summary)
            )

    async def put_evalset(self, versions: EvalSetVersions) -> bool:
        """Remember the versions of an application's eval set; False when the same or newer are there."""
        place, name = key("evalsets"), versions.application

        async def attempt(pipe: Pipeline) -> bool:
            await pipe.watch(place)
            (held,) = await pipe.hmget(place, [name])
            if held is not None and decoded({name: held}, EvalSetVersions)[name].number >= versions.number:
                return False
            begin(pipe)
            pipe.hset(place, name, as_json(versions))
            self._publish(pipe, "evalset", name, rules.news_of_evalset(versions))
            await pipe.execute()
            return True

        return await self._optimistic(attempt)

    async def heartbeat(self, worker: str, facts: dict[str, Any]) -> None:
        """Say that a worker lives, and what it says of itself."""
        now = self._clock()
        beat = as_json({**facts, "worker": worker, "updated_at": now.isoformat()})
        with reaching(self.url):
            async with self._redis.pipeline() as pipe:
                pipe.set(key("worker", worker), beat, ex=self._limits.worker_seconds)
                pipe.zadd(key("workers"), {worker: now.timestamp()})
                pipe.zremrangebyscore(key("workers"), 0, now.timestamp() - rules.DAY_SECONDS)
                await pipe.execute()

    async def generation(self) -> str:
        """A name that the store keeps until it loses everything, made at the first call."""
        with reaching(self.url):
            async with self._redis.pipeline() as pipe:
                pipe.set(key("generation"), uuid.uuid4().hex, nx=True)
                pipe.get(key("generation"))
                return str((await pipe.execute())[1])

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

    def _store(self, pipe: Pipeline, document: Document, now: datetime) -> None:
        application = document["application"]
        pipe.set(key("status", application), as_json(document), ex=self._limits.status_seconds)
        pipe.zadd(key("applications"), {application: now.timestamp()})
        pipe.zremrangebyscore(key("applications"), 0, now.timestamp() - self._limits.history_seconds)

    def _publish(self, pipe: Pipeline, kind: str, application: str, data: dict[str, Any]) -> None:
        fields = {"kind": kind, "application": application, "data": as_json(data)}
        append(pipe, key("events"), fields, cap=self._limits.events)
