"""Series, alerts, incidents and what stands beside them."""

from datetime import datetime
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from schemas.decisions import Alert
from tests.web import trouble
from tests.web.asking import NOW


def test_series_come_oldest_first(client: TestClient) -> None:
    points = client.get("/v1/series/box-support/change", params={"limit": 3}).json()["points"]
    assert [p["time"] for p in points] == [(NOW - n * trouble.STEP).timestamp() for n in (2, 1, 0)]
    assert set(points[0]) == {"time", "state", "value", "threshold", "uncovered", "units"}


def test_alerts_come_newest_first_and_can_be_chosen(client: TestClient) -> None:
    alerts = client.get("/v1/alerts").json()["alerts"]
    assert [msgspec.convert(a, Alert).alert_id for a in alerts] == [
        "box-support-2-critical",
        "box-support-1-resolved",
        "box-support-1-warning",
    ]
    chosen = client.get("/v1/alerts", params={"application": "box-support", "state": "resolved"}).json()
    assert [a["alert_id"] for a in chosen["alerts"]] == ["box-support-1-resolved"]
    assert client.get("/v1/alerts", params={"application": "box-search"}).json() == {"alerts": []}


def test_an_incident_tells_how_it_came_there(client: TestClient) -> None:
    body = client.get("/v1/incidents/box-support-change-1").json()
    assert body["latest"]["state"] == "resolved"
    assert [a["state"] for a in body["transitions"]] == ["firing", "resolved"]


def test_a_series_is_cut_to_a_range_of_event_time(client: TestClient) -> None:
    bounds = {"from": (NOW - 5 * trouble.STEP).isoformat(), "to": (NOW - 3 * trouble.STEP).isoformat()}
    points = client.get("/v1/series/box-support/change", params=bounds).json()["points"]
    assert [p["time"] for p in points] == [(NOW - n * trouble.STEP).timestamp() for n in (5, 4, 3)]


def test_an_incident_comes_with_its_evidence(client: TestClient) -> None:
    body = client.get("/v1/incidents/box-support-change-2").json()
    (alert,) = body["transitions"]
    assert {"offsets", "clusters", "watch", "descriptors", "effect", "reading_id"} <= set(alert)
    assert alert["clusters"][0]["examples"]
    times = [point["time"] for point in body["around"]["change"]]
    onset = datetime.fromisoformat(alert["onset_at"]).timestamp()
    assert min(times) < onset < max(times) == NOW.timestamp()
    assert body["deployment"]["version"] == "assistant 2026.03.2"
    assert [d["outcome"] for d in body["deliveries"]] == ["sent", "retry"]
    assert [(r["kind"], r["application"]) for r in body["references"]] == [
        ("baseline", "box-support"),
        ("evalset", "*"),
    ]


def test_deployments_deliveries_and_eval_sets_are_told(client: TestClient) -> None:
    (told,) = client.get("/v1/deployments", params={"application": "box-support"}).json()["deployments"]
    assert told["deployment_id"] == "2026.03.2"
    assert client.get("/v1/deployments", params={"application": "box-search"}).json()["deployments"] == []
    assert [d.get("attempt", 1) for d in client.get("/v1/deliveries").json()["deliveries"]] == [2, 1]
    for query in ({}, {"application": "box-search"}):  # "*" serves who has none of his own
        (evalset,) = client.get("/v1/evalset", params=query).json()["evalsets"]
        assert (evalset["application"], evalset["units"]) == ("*", 640)
        assert sum(c["share"] for c in evalset["clusters"]) == pytest.approx(1.0)
        built = client.get("/v1/evalset", params=query).json()["versions"]
        assert [v["application"] for v in built] == ([] if query else ["box-support"])
    waiting = built_for(client, "box-support")["versions"][0]
    assert (waiting["state"], waiting["queue"]["unverified"]) == ("draft", 32)
    assert waiting["uncovered_after"]["share"] < waiting["uncovered_before"]["share"]


def built_for(client: TestClient, application: str) -> Any:
    (found,) = client.get("/v1/evalset", params={"application": application}).json()["versions"]
    return found
