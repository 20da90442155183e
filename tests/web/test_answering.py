"""Answers to incidents over HTTP: who may give them, and where they go."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from app.adapters.status import InMemoryStatusStore
from app.errors import DependencyError
from app.settings import ApiSettings
from app.web.server import create_app
from schemas.decisions import Acknowledgement
from tests.rig.sinks import alert

OPEN = alert("opened")
PATH = f"/v1/incidents/{OPEN.incident}/answer"
BEARER = {"Authorization": "Bearer t0ken"}


class Topic:
    """Where answers go."""

    def __init__(self) -> None:
        self.given: list[Acknowledgement] = []
        self.away = False

    async def tell(self, answer: Acknowledgement) -> None:
        if self.away:
            raise DependencyError("no broker answers")
        self.given.append(answer)


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def store() -> InMemoryStatusStore:
    return InMemoryStatusStore()


@pytest.fixture
def client(store: InMemoryStatusStore, topic: Topic) -> Iterator[TestClient]:
    settings = ApiSettings(token=SecretStr("t0ken"))
    with TestClient(create_app(store, settings, tell=topic.tell), headers=BEARER) as found:
        assert found.portal is not None
        found.portal.call(store.put_alert, OPEN)
        yield found


def test_an_acknowledgement_goes_onto_its_topic(client: TestClient, topic: Topic) -> None:
    done = client.post(PATH, json={"by": "ada", "note": "looking"})
    assert (done.status_code, done.content) == (202, b"")
    (given,) = topic.given
    assert (given.incident, given.application, given.action) == (OPEN.incident, "support-bot", "acknowledge")
    assert (given.by, given.note) == ("ada", "looking")
    assert client.post(PATH, json={"action": "resolve"}).status_code == 202
    assert topic.given[-1].action == "resolve"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"action": "explode"}', {}, 422),
        (b'{"by": "' + b"x" * 300 + b'"}', {}, 422),
        (b'{"who": "ada"}', {}, 422),
        (b"\xff", {}, 422),
        (b"{" + b" " * 9000 + b"}", {}, 413),
        (b"action=resolve", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"Content-Type": "text/plain"}, 415),
    ],
)
def test_what_is_no_answer_is_refused(
    client: TestClient, topic: Topic, body: bytes, headers: dict[str, str], status: int
) -> None:
    done = client.post(PATH, content=body, headers={"Content-Type": "application/json"} | headers)
    assert done.status_code == status
    assert done.headers["Content-Type"] == "application/problem+json"
    assert topic.given == []


def test_an_incident_that_is_unknown_or_over_takes_none(
    client: TestClient, store: InMemoryStatusStore
) -> None:
    assert client.post("/v1/incidents/nobody/answer", json={}).status_code == 404
    assert client.portal is not None
    client.portal.call(store.put_alert, alert("resolved"))
    assert client.post(PATH, json={}).status_code == 409


def test_a_broker_that_is_away_is_told(client: TestClient, topic: Topic) -> None:
    topic.away = True
    done = client.post(PATH, json={})
    assert done.status_code == 503
    assert "broker" in done.json()["remedy"]


def test_without_the_token_nobody_answers(client: TestClient, topic: Topic) -> None:
    assert client.post(PATH, json={}, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert topic.given == []


@pytest.mark.parametrize("settings", [ApiSettings(), ApiSettings(token=SecretStr("t"))])
def test_a_server_without_a_token_or_a_topic_takes_none(settings: ApiSettings, topic: Topic) -> None:
    told: Any = None if settings.token is not None else topic.tell
    with TestClient(create_app(InMemoryStatusStore(), settings, tell=told)) as client:
        done = client.post(PATH, json={}, headers={"Authorization": "Bearer t"})
    assert done.status_code == 403
    assert topic.given == []
