"""What only the Redis store promises; what all stores promise is in tests/contracts/test_status_store.py."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from traceback import format_exception

import msgspec
import pytest
from redis import Redis
from redis.exceptions import BusyLoadingError

from app.adapters.redis_client import reaching, without_password
from app.adapters.status import RedisStatusStore
from app.errors import DependencyError, SettingsError
from schemas.decisions import Alert
from schemas.readings import Reading
from tests.rig.redis import RedisServer, executable

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
READING = Reading(id="r", application="support-bot", monitor="change", state="ok", time=AT)
ALERT = Alert(
    alert_id="a",
    incident="i",
    application="support-bot",
    monitor="change",
    kind="change",
    state="firing",
    severity="warning",
    started_at=AT,
    detected_at=AT,
    updated_at=AT,
    summary="wording changed",
)


@pytest.fixture
def url() -> Iterator[str]:
    if executable() is None:
        pytest.skip("no redis-server or valkey-server on PATH")
    with RedisServer() as server:
        yield server.url


async def write_everything(url: str) -> None:
    store = RedisStatusStore(url)
    try:
        await store.put_reading(READING)
        await store.put_alert(ALERT)
        await store.heartbeat("w", {})
        await store.generation()
    finally:
        await store.close()


@pytest.mark.redis
def test_every_key_expires_or_is_trimmed_at_each_write(url: str) -> None:
    asyncio.run(write_everything(url))
    with Redis.from_url(url, decode_responses=True) as client:
        lives = {key.removeprefix("promptdrift:v1:"): client.ttl(key) for key in client.scan_iter()}
    assert 890 <= lives.pop("status:support-bot") <= 900
    assert 25 <= lives.pop("worker:w") <= 30
    assert lives.pop("alert:a") > 6 * 86_400
    assert lives.pop("points:support-bot:change") > 0
    assert lives.pop("incidents:support-bot") > 0
    assert lives == dict.fromkeys(["applications", "alerts", "events", "workers", "generation"], -1)


@pytest.mark.redis
def test_it_works_again_when_redis_does(url: str) -> None:
    """One store object lives through a restart; nothing needs to be built anew."""

    async def story() -> None:
        store = RedisStatusStore(url)
        with Redis.from_url(url) as client:
            assert await store.put_reading(READING)
            client.client_kill_filter(_type="normal", skipme=True)
            assert await store.ping()
            client.flushall()
            assert await store.put_reading(READING)
        await store.close()

    asyncio.run(story())


class TestTrouble:
    """Every way for a Redis to fail is an error that says which; afterwards the same store object works."""

    @pytest.fixture
    def client(self, url: str) -> Iterator[Redis]:
        with Redis.from_url(url, decode_responses=True) as client:
            yield client

    @pytest.mark.redis
    def test_full(self, url: str, client: Redis) -> None:
        """What was there is still read; nothing is half written."""

        async def story() -> None:
            store = RedisStatusStore(url)
            assert await store.put_reading(READING)
            before = await store.status("support-bot")
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "1mb")
            for write in (
                store.put_reading(later(READING)),
                store.put_alert(ALERT),
                store.heartbeat("w", {}),
            ):
                with pytest.raises(DependencyError, match="It is full: raise its maxmemory"):
                    await write
            assert await store.status("support-bot") == before
            assert await store.alerts(None, None, 5) == []
            client.config_set("maxmemory", "0")
            assert await store.put_alert(ALERT)
            await store.close()

        asyncio.run(story())

    @pytest.mark.redis
    def test_read_only(self, url: str, client: Redis) -> None:
        async def story() -> None:
            store = RedisStatusStore(url)
            assert await store.put_reading(READING)
            with RedisServer() as primary:
                client.replicaof(*primary.url.removeprefix("redis://").removesuffix("/0").split(":"))
                with pytest.raises(DependencyError, match="It is a read-only replica: name the primary"):
                    await store.put_reading(later(READING))
                client.replicaof("NO", "ONE")
            assert await store.put_reading(later(READING))
            await store.close()

        asyncio.run(story())

    @pytest.mark.redis
    def test_slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One limit and no second try: who waits for a slow server is told soon."""
        monkeypatch.setattr("app.adapters.redis_client.TIMEOUT_SECONDS", 1.0)

        async def story() -> None:
            with RedisServer() as server:
                store = RedisStatusStore(server.url)
                assert await store.put_reading(READING)
                os.kill(server.pid, signal.SIGSTOP)
                try:
                    began = time.monotonic()
                    with pytest.raises(DependencyError, match="It is too slow"):
                        await store.status("support-bot")
                    assert time.monotonic() - began < 2.0
                finally:
                    os.kill(server.pid, signal.SIGCONT)
                assert await store.put_reading(later(READING))
                await store.close()

        asyncio.run(story())

    def test_loading(self) -> None:
        told = pytest.raises(DependencyError, match="It is loading its data after a start: wait")
        with told, reaching("redis://cache"):
            raise BusyLoadingError("LOADING Redis is loading the dataset in memory")

    @pytest.mark.redis
    def test_restarted(self) -> None:
        """It comes back empty: it is another generation, so that whoever fills it begins anew."""

        async def story() -> None:
            with RedisServer() as server:
                store = RedisStatusStore(server.url)
                assert await store.put_reading(READING)
                first = await store.generation()
                server.stop()
                with pytest.raises(DependencyError, match="Is it running"):
                    await store.put_reading(READING)
                server.start()
                assert await store.put_reading(READING)
                assert await store.generation() != first
                await store.close()

        asyncio.run(story())


def later(reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, id="later", time=reading.time + timedelta(minutes=1))


def test_an_unreachable_redis_is_named_without_its_password() -> None:
    async def story() -> None:
        store = RedisStatusStore("redis://app:hunter2@127.0.0.1:1/0")
        for call in (store.ping(), store.status("x"), store.put_reading(READING), store.put_alert(ALERT)):
            with pytest.raises(DependencyError, match=r"redis://\*\*\*@127\.0\.0\.1:1/0") as failure:
                await call
            assert "hunter2" not in str(failure.value)
        with pytest.raises(DependencyError):
            await store.events("0-0", 10)
        await store.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@cache",
        "user:hunter2@cache:6379",
        ":hunter2@cache",
        *(f"redis://:hunter2{mark}hunter2@cache:6379/0" for mark in "#/?"),
        "cache:6379?password=hunter2@hunter2",
    ],
)
def test_what_is_no_redis_url_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="redis://host:port/db") as failure:
        RedisStatusStore(url)
    assert "hunter2" not in "".join(format_exception(failure.value))
    assert "hunter2" not in without_password(url)


def test_an_answer_that_never_ends_its_line_is_a_redis_that_fails() -> None:
    """Whatever stands at the other end: the page goes stale, and no worker dies of it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # the client hangs up on us
            await reader.read(1)
            writer.write(b"+" + b"x" * 200_000 + b"\r\n")
            await reader.read()

    async def story() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        store = RedisStatusStore(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        try:
            with pytest.raises(DependencyError, match=r"(?i)limit"):
                await store.applications()
        finally:
            await store.close()
            server.close()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_an_error_of_our_own_is_no_failure_of_redis() -> None:
    with pytest.raises(ValueError, match="ours"), reaching("redis://cache:6379/0"):
        raise ValueError("ours")
