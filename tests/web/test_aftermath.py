"""What changed after a deployment, over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from starlette.testclient import TestClient

from app.adapters.status import InMemoryStatusStore
from app.settings import ApiSettings
from app.web.server import create_app
from tests.web import releases, samples, trouble

NOW = datetime.now(UTC)


@pytest.fixture
def client() -> Iterator[TestClient]:
    store = InMemoryStatusStore()
    with TestClient(create_app(store, ApiSettings(fresh_seconds=0))) as found:
        assert found.portal is not None
        found.portal.call(samples.fill, store, NOW)
        for fact in (releases.look(NOW), releases.outcomes(NOW), releases.hostile(NOW)):
            found.portal.call(samples.put, store, fact)
        found.portal.call(samples.put, store, releases.look(NOW, "seen", days=9))
        yield found


def asked(client: TestClient, name: str = releases.NAME) -> Any:
    return client.get(f"/v1/deployments/{releases.APP}/{quote(name, safe='')}")


def test_everything_after_a_deployment_is_one_answer(client: TestClient) -> None:
    found = asked(client).json()
    assert found["look"]["adaptation"]["verdict"] == releases.VERDICT
    assert [event["deployment_id"] for event in found["told"]] == [releases.NAME]
    assert found["incidents"][0]["incident"] == "box-support-change-2"
    assert found["incidents"][0]["alert_id"] == "box-support-2-critical"
    shown = {(curve["monitor"], curve["deployment"]) for curve in found["curves"]}
    assert {("change", releases.NAME), ("gap", releases.NAME)} <= shown
    assert not any(monitor == "adaptation" for monitor, _ in shown)
    for curve in found["curves"]:
        assert all(abs(point["time"] - curve["time"]) < 29 * 86_400 for point in curve["points"])
    assert found["readings"]["outcomes:task_completed"]["outcomes"]["metric"] == "task_completed"


def test_deployments_come_with_the_look_at_each(client: TestClient) -> None:
    found = client.get(f"/v1/deployments?application={releases.APP}").json()
    assert [look["deployment"] for look in found["looks"]] == [releases.NAME, "seen"]


def test_one_that_nobody_told_of_is_known_by_its_look(client: TestClient) -> None:
    found = asked(client, "seen").json()
    assert (found["told"], found["look"]["deployment"]) == ([], "seen")
    assert "change" not in found["readings"]  # others came since


def test_names_may_hold_anything(client: TestClient) -> None:
    answer = asked(client, releases.HOSTILE)
    assert answer.json()["deployment"] == releases.HOSTILE
    assert b"<" not in answer.content


def test_those_that_came_together_name_each_other(client: TestClient) -> None:
    assert asked(client).json()["others"] == []  # what was only taken back has changed nobody
    found = asked(client, releases.HOSTILE).json()
    assert releases.NAME in found["others"]
    assert ("change", releases.NAME) in {(curve["monitor"], curve["deployment"]) for curve in found["curves"]}


def test_what_is_unknown_is_told(client: TestClient) -> None:
    gone = asked(client, "v77")
    assert (gone.status_code, gone.json()["field"]) == (404, "deployment")
    assert client.get("/v1/deployments/nobody/v1").json()["field"] == "application"


def test_an_answer_that_is_known_is_not_sent_again(client: TestClient) -> None:
    first = asked(client)
    again = client.get(first.url, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_only_the_latest_transition_of_an_incident_is_told(client: TestClient) -> None:
    from app.web.aftermath import naming

    alert = trouble.story(NOW)[1][-1]
    over = msgspec.structs.replace(alert, alert_id="x", state="resolved", updated_at=NOW + timedelta(1))
    assert naming([over, alert], releases.NAME) == [over]
    assert naming([over, alert], "other") == []
