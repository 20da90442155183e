"""What only the Redis store promises; what all stores promise is in tests/contracts/test_status_store.py."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis

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
    assert lives.pop("series:support-bot:change") > 0
    assert lives.pop("incidents:support-bot") > 0
    assert lives == dict.fromkeys(["applications", "alerts", "events", "workers"], -1)


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


def test_an_unreachable_redis_is_named_without_its_password() -> None:
    async def story() -> None:
        store = RedisStatusStore("redis://app:hunter2@127.0.0.1:1/0")
        for call in (store.ping(), store.status("x"), store.put_reading(READING), store.put_alert(ALERT)):
            with pytest.raises(DependencyError, match=r"redis://app:\*\*\*@127\.0\.0\.1:1/0") as failure:
                await call
            assert "hunter2" not in str(failure.value)
        with pytest.raises(DependencyError):
            await anext(aiter(store.events("$")))
        await store.close()

    asyncio.run(story())


def test_what_is_no_redis_url_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="redis://host:port/db") as failure:
        RedisStatusStore("http://user:hunter2@cache")
    assert "hunter2" not in str(failure.value)
