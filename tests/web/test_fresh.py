"""What is asked again within a moment is answered from memory: the same bytes, by tag, never an error."""

import asyncio
from collections.abc import Iterator

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app.adapters.status import InMemoryStatusStore
from app.errors import DependencyError
from app.settings import ApiSettings
from app.web import fresh
from app.web.fresh import Fresh
from app.web.server import create_app
from tests.contracts.status_values import reading

PATH = "/v1/status/support-bot"


class Counted(InMemoryStatusStore):
    """Counts what it is asked."""

    asked = 0
    away = False

    async def status(self, application: str) -> dict[str, object] | None:
        self.asked += 1
        if self.away:
            raise DependencyError("away")
        return await super().status(application)


@pytest.fixture
def store() -> Counted:
    return Counted()


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def client(store: Counted, now: list[float]) -> Iterator[TestClient]:
    whole = create_app(store, ApiSettings(fresh_seconds=0))
    with TestClient(Fresh(whole, seconds=0.25, clock=lambda: now[0])) as found:
        assert found.portal is not None
        found.portal.call(store.put_reading, reading(1))
        yield found


def test_it_is_part_of_the_server(store: Counted) -> None:
    with TestClient(create_app(store, ApiSettings(fresh_seconds=10))) as found:
        assert found.portal is not None
        found.portal.call(store.put_reading, reading(1))
        first, again = found.get(PATH), found.get(PATH)
    assert again.content == first.content
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert store.asked == 2  # the application's and the pipeline's, once


def test_who_asks_again_gets_the_same_bytes_without_the_store(
    client: TestClient, store: Counted, now: list[float]
) -> None:
    first = client.get(PATH)
    asked = store.asked
    again = client.get(PATH)
    assert (again.status_code, again.content, again.headers["etag"]) == (
        200,
        first.content,
        first.headers["etag"],
    )
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert store.asked == asked
    now[0] += 0.3
    client.get(PATH)
    assert store.asked > asked


def test_who_has_it_is_told_so_also_by_who_has_not(client: TestClient, store: Counted) -> None:
    tag = client.get(PATH).headers["etag"]
    for given in (tag, tag[2:], f'"other", {tag}', "*"):
        known = client.get(PATH, headers={"If-None-Match": given})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert client.get(PATH, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_first_question_with_a_tag_is_remembered_for_those_without(
    client: TestClient, store: Counted
) -> None:
    assert client.get(PATH, headers={"If-None-Match": "*"}).status_code == 304
    asked = store.asked
    assert client.get(PATH).json()["application"] == "support-bot"
    assert store.asked == asked


def test_while_one_waits_for_a_new_answer_the_others_get_the_old_one() -> None:
    async def ask() -> None:
        now, asked, go = [100.0], asyncio.Queue[str](), asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            text = f"at {now[0]}"
            asked.put_nowait(text)
            if now[0] > 100:
                await go.wait()
            await Response(text, headers={"ETag": f'W/"{text}"'})(scope, receive, send)

        held = Fresh(slow, seconds=0.25, clock=lambda: now[0])
        async with AsyncClient(transport=ASGITransport(held), base_url="http://test") as client:
            assert (await client.get(PATH)).text == await asked.get() == "at 100.0"
            now[0] = 100.375
            first = asyncio.create_task(client.get(PATH))
            assert await asked.get() == "at 100.375"
            assert (await client.get(PATH)).text == "at 100.0"
            now[0] = 100.5  # older than twice the time it is not
            last = asyncio.create_task(client.get(PATH))
            assert await asked.get() == "at 100.5"
            go.set()
            assert [(await each).text for each in (first, last)] == ["at 100.375", "at 100.5"]

    asyncio.run(ask())


def test_compressed_and_plain_answers_are_two(client: TestClient) -> None:
    plain = client.get("/v1/status", headers={"Accept-Encoding": "identity"})
    packed = client.get("/v1/status", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_errors_are_not_remembered(client: TestClient, store: Counted) -> None:
    assert client.get("/v1/status/nobody").status_code == 404
    store.away = True
    assert client.get(PATH).status_code == 503
    store.away = False
    assert client.get(PATH).status_code == 200


def test_what_is_held_is_bounded(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "MOST_BYTES", 10_000)
    for number in range(20):
        assert client.get(f"/v1/alerts?limit={number + 1}").status_code == 200


@pytest.mark.parametrize(("length", "others", "asked"), [(0, 1, 1), (0, 20, 2), (900, 4, 2), (2000, 0, 2)])
def test_addresses_count_and_long_ones_are_not_held(
    client: TestClient,
    store: Counted,
    monkeypatch: pytest.MonkeyPatch,
    *,
    length: int,
    others: int,
    asked: int,
) -> None:
    monkeypatch.setattr(fresh, "MOST_BYTES", 12_000)
    first = f"{PATH}?x={'0' * length}"
    client.get(first)
    once = store.asked
    for number in range(others):
        client.get(f"/v1/alerts?x={number:0{length}}")
    client.get(first)
    assert store.asked == asked * once
