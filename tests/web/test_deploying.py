"""Deployments over HTTP: whose, in which form, and what is refused."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from app.adapters.status import InMemoryStatusStore
from app.errors import DependencyError
from app.settings import ApiSettings
from app.web.server import create_app
from schemas.events import Deployment
from schemas.readings import Reading

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PATH = "/v1/deployments"
OURS = {"application": "shop", "time": "2026-03-02T11:00:00Z", "deployment_id": "v2", "version": "2"}
GITHUB: dict[str, Any] = {
    "deployment_status": {
        "state": "success",
        "environment": "production",
        "updated_at": "2026-03-02T11:00:00Z",
        "log_url": "https://ci.example/7",
    },
    "deployment": {
        "sha": "a1b2c3",
        "ref": "main",
        "payload": {"kind": "prompt"},
        "creator": {"login": "ada"},
    },
    "repository": {"name": "shop"},
}
CDEVENT: dict[str, Any] = {
    "context": {
        "specversion": "0.5.1",
        "id": "1",
        "source": "https://cd.example",
        "type": "dev.cdevents.service.deployed.0.3.0",
        "timestamp": "2026-03-02T11:00:00Z",
    },
    "subject": {
        "id": "service/shop",
        "content": {"environment": {"id": "production"}, "artifactId": "pkg:oci/shop@sha256%3A12?tag=3"},
    },
}


class Topic:
    """Where deployments go, and the store that hears of them."""

    def __init__(self, store: InMemoryStatusStore) -> None:
        self.store, self.told, self.away = store, list[Deployment](), False

    async def record(self, given: Sequence[Deployment]) -> None:
        if self.away:
            raise DependencyError("no broker answers")
        self.told += given
        for each in given:
            await self.store.put_fact(each)


@pytest.fixture
def topic() -> Topic:
    return Topic(InMemoryStatusStore())


@pytest.fixture
def client(topic: Topic) -> Iterator[TestClient]:
    settings = ApiSettings(token=SecretStr("t0ken"), webhook_secret=SecretStr("s"))
    app = create_app(topic.store, settings, clock=lambda: NOW, record=topic.record)
    with TestClient(app, headers={"Authorization": "Bearer t0ken"}) as found:
        assert found.portal is not None
        seen = Reading(id="r", application="shop", monitor="change", state="ok", time=NOW)
        found.portal.call(topic.store.put_reading, seen)
        yield found


def signature(body: bytes, secret: str = "s") -> dict[str, str]:
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={made}", "Authorization": ""}


def from_github(client: TestClient, event: str = "deployment_status", **status: Any) -> Any:
    given = GITHUB | {"deployment_status": GITHUB["deployment_status"] | status}
    body = json.dumps(given).encode()
    return client.post(PATH, content=body, headers={"X-GitHub-Event": event} | signature(body))


def cdevent(predicate: str = "deployed", artifact: str | None = None, **more: Any) -> dict[str, Any]:
    context = CDEVENT["context"] | {"type": f"dev.cdevents.service.{predicate}.0.3.0"}
    found: dict[str, Any] = json.loads(json.dumps(CDEVENT | {"context": context} | more))
    if artifact is not None:
        found["subject"]["content"]["artifactId"] = f"pkg:oci/shop@{artifact}"
    return found


def test_a_deployment_goes_onto_its_topic_once(client: TestClient, topic: Topic) -> None:
    done = client.post(PATH, json=OURS | {"kind": "flag", "variant": "canary", "traffic_percent": 5})
    assert (done.status_code, done.json()["recorded"]) == (202, ["v2"])
    again = client.post(PATH, json=OURS | {"variant": "canary"})
    assert (again.status_code, again.json()["known"]) == (200, ["v2"])
    (told,) = topic.told
    assert (told.kind, told.variant, told.traffic_percent) == ("flag", "canary", 5)
    assert client.get(PATH).json()["deployments"][0]["deployment_id"] == "v2"


def test_a_twin_in_one_array_is_told_once(client: TestClient, topic: Topic) -> None:
    done = client.post(PATH, json=[OURS, OURS, OURS | {"deployment_id": "v3"}])
    assert (done.json()["recorded"], done.json()["known"]) == (["v2", "v3"], ["v2"])
    assert len(topic.told) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"application": "shp"}, "application"),
        ({"time": "2026-03-02T13:00:00Z"}, "time"),
        ({"time": "soon"}, "time"),
        ({"deployment_id": None}, "deployment_id"),
        ({"status": "exploded"}, "status"),
        ({"traffic_percent": 400}, "traffic_percent"),
        ({"started_at": "2026-03-02T11:00:00Z", "finished_at": "2026-03-02T10:00:00Z"}, "finished_at"),
        ({"type": "interaction", "prompt": "hello"}, "type"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    client: TestClient, topic: Topic, change: dict[str, Any], field: str
) -> None:
    done = client.post(PATH, json=OURS | change)
    assert (done.status_code, done.json()["field"]) == (422, field)
    assert done.json()["remedy"]
    assert topic.told == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\xff", "application/json", 422),
        (b"", "application/json", 422),
        (b"[" * 9000, "application/json", 422),
        (b" " * 300_000, "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"{}", "application/cloudevents+json", 422),
    ],
)
def test_what_is_no_deployment_is_refused(client: TestClient, body: bytes, kind: str, status: int) -> None:
    done = client.post(PATH, content=body, headers={"Content-Type": kind})
    assert done.status_code == status
    assert done.headers["Content-Type"] == "application/problem+json"


def test_a_first_release_says_that_it_is_one(client: TestClient, topic: Topic) -> None:
    assert client.post(f"{PATH}?new=true", json=OURS | {"application": "till"}).status_code == 202
    assert topic.told[0].application == "till"


def test_a_rollback_of_what_never_began_is_remarked(client: TestClient) -> None:
    done = client.post(PATH, json=OURS | {"status": "rolled_back", "environment": "staging"})
    assert done.json()["notes"] == [
        "environment staging: only production is followed up",
        "no start of v2 was told before",
    ]
    late = client.post(PATH, json=OURS)
    assert late.status_code == 202
    assert client.post(PATH, json=OURS).json()["known"] == ["v2"]


def test_what_was_taken_back_and_comes_again_is_another_attempt(client: TestClient, topic: Topic) -> None:
    def post(status: str, minute: int) -> dict[str, Any]:
        at = f"2026-03-02T11:{minute:02}:00Z"
        return dict(client.post(PATH, json=OURS | {"status": status, "time": at}).json())

    for status, minute in (("succeeded", 1), ("rolled_back", 5)):
        assert post(status, minute)["recorded"] == ["v2"]
    assert post("succeeded", 1)["known"] == ["v2"], "the first attempt, told again"
    again = post("succeeded", 9)
    assert (again["recorded"], again["notes"]) == (
        ["v2"],
        ["v2 was taken back, and is followed up anew: as another attempt"],
    )
    assert post("succeeded", 10)["known"] == post("rolled_back", 5)["known"] == ["v2"]
    assert post("rolled_back", 12)["recorded"] == ["v2"]
    assert [d.status for d in topic.told] == ["succeeded", "rolled_back"] * 2
    assert len(client.get(PATH).json()["deployments"]) == 4


def test_cdevents_take_back_what_came_again(client: TestClient, topic: Topic) -> None:
    for time, event in enumerate(
        (("deployed", "1"), ("deployed", "2"), ("rolledback", "1"), ("deployed", "2"))
    ):
        told = cdevent(*event)
        told["context"]["timestamp"] = f"2026-03-02T11:0{time}:00Z"
        client.post(PATH, json=told)
    back = cdevent("rolledback", "1")
    back["context"]["timestamp"] = "2026-03-02T11:30:00Z"
    assert client.post(PATH, json=back).json()["recorded"] == ["2"]


def test_github_tells_by_its_signature(client: TestClient, topic: Topic) -> None:
    assert from_github(client).status_code == 202
    assert from_github(client).status_code == 200  # delivered again
    (told,) = topic.told
    assert (told.application, told.deployment_id, told.commit) == ("shop", "a1b2c3", "a1b2c3")
    assert (told.kind, told.actor, told.url, told.source) == (
        "prompt",
        "ada",
        "https://ci.example/7",
        "github",
    )


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("ping", {}),
        ("deployment", {}),
        ("deployment_status", {"state": "queued"}),
        ("deployment_status", {"state": "inactive"}),
        ("deployment_status", {"environment": "preview-7"}),
    ],
)
def test_what_changes_nothing_for_users_is_ignored_with_its_reason(
    client: TestClient, topic: Topic, event: str, status: dict[str, str]
) -> None:
    done = from_github(client, event, **status)
    assert (done.status_code, len(done.json()["ignored"])) == (200, 1)
    assert topic.told == []


def test_a_wrong_signature_opens_nothing(client: TestClient, topic: Topic) -> None:
    body = json.dumps(OURS).encode()
    for headers in (signature(body, "t"), signature(body + b" "), {"X-Hub-Signature-256": "sha256="}):
        done = client.post(PATH, content=body, headers=headers)
        assert (done.status_code, done.json()["field"]) == (401, "X-Hub-Signature-256")
    assert client.get("/v1/status", headers=signature(b"")).status_code == 401
    assert client.post("/v1/incidents/i/answer", headers=signature(b"")).status_code == 401
    assert client.post(PATH, json=OURS, headers={"Authorization": "Bearer no"}).status_code == 401
    assert topic.told == []
    assert client.post(PATH, content=body, headers=signature(body)).status_code == 202


def test_cdevents_are_read_in_both_bindings(client: TestClient, topic: Topic) -> None:
    assert client.post(PATH, json=cdevent()).status_code == 202
    wrapped = {"specversion": "1.0", "id": "2", "source": "cd", "type": CDEVENT["context"]["type"]}
    upgraded = wrapped | {
        "data": cdevent("upgraded", "3", customData={"kind": "model", "traffic_percent": 10})
    }
    done = client.post(PATH, json=upgraded, headers={"Content-Type": "application/cloudevents+json"})
    assert done.json()["recorded"] == ["3"]
    first, second = topic.told
    assert (first.application, first.deployment_id, first.source) == ("shop", "sha256:12", "cdevents")
    assert (second.kind, second.traffic_percent) == ("model", 10)


def test_a_rollback_by_cdevents_takes_back_what_came_last(client: TestClient, topic: Topic) -> None:
    assert client.post(PATH, json=cdevent("rolledback", "1")).json()["field"] == "customData.deployment_id"
    for version in ("1", "2"):
        client.post(PATH, json=cdevent("deployed", version))
    assert client.post(PATH, json=cdevent("rolledback", "1")).json()["recorded"] == ["2"]
    assert topic.told[-1].status == "rolled_back"
    named = cdevent("rolledback", "1", customData={"deployment_id": "v9"})
    assert client.post(PATH, json=named).json()["recorded"] == ["v9"]


def test_a_broker_that_is_away_is_told(client: TestClient, topic: Topic) -> None:
    topic.away = True
    done = client.post(PATH, json=OURS)
    assert (done.status_code, done.headers["Retry-After"]) == (503, "5")


def test_a_server_without_token_and_secret_takes_none(topic: Topic) -> None:
    with TestClient(create_app(topic.store, ApiSettings(), record=topic.record)) as client:
        assert client.post(PATH, json=OURS).status_code == 403
        assert client.post(PATH, json=OURS, headers=signature(b"")).status_code == 401
    assert topic.told == []
