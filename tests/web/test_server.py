"""Every endpoint: what it answers, and what it answers when something is wrong."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from app.adapters.status import InMemoryStatusStore, RedisStatusStore
from app.settings import ApiSettings
from app.web.server import create_app
from schemas.decisions import Alert
from schemas.readings import Reading
from tests.web import samples

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
PROBLEM = "application/problem+json"
AT_ONCE = ApiSettings(fresh_seconds=0)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> InMemoryStatusStore:
    filled = InMemoryStatusStore(clock=clock)
    asyncio.run(samples.fill(filled, NOW))
    return filled


@pytest.fixture
def client(store: InMemoryStatusStore, clock: Clock) -> Iterator[TestClient]:
    with TestClient(create_app(store, AT_ONCE, clock=clock)) as client:
        yield client


def test_applications_are_named(client: TestClient) -> None:
    names = ["box-coach", "box-search", "box-support", "wine-advice"]
    assert client.get("/v1/applications").json() == {"applications": names}


def test_a_status_has_readings_and_open_incidents(client: TestClient) -> None:
    body = client.get("/v1/status/box-support").json()
    assert (body["application"], body["state"], body["stale"]) == ("box-support", "critical", False)
    assert msgspec.convert(body["readings"]["change"], Reading).clusters == samples.CLUSTERS
    assert [incident["incident"] for incident in body["incidents"]] == ["box-support-change-2"]


def test_all_statuses_come_with_the_workers(client: TestClient) -> None:
    body = client.get("/v1/status").json()
    assert [s["state"] for s in body["applications"]] == ["learning", "ok", "critical", "warning"]
    assert [w["worker"] for w in body["workers"]] == [
        "alert-3",
        "detect-2",
        "measure-0",
        "measure-1",
        "score-5",
        "tell-4",
    ]


@pytest.mark.parametrize("path", ["/v1/status/box-support", "/v1/status"])
def test_a_status_is_not_sent_twice(client: TestClient, path: str) -> None:
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_the_tag_is_the_revision_and_changes_with_a_write(
    client: TestClient, store: InMemoryStatusStore
) -> None:
    first = client.get("/v1/status/box-coach")
    assert first.headers["etag"] == f'W/"{first.json()["revision"]}"'
    later = msgspec.structs.replace(samples.learning("box-coach", NOW + timedelta(minutes=1))[0], id="later")
    assert asyncio.run(store.put_reading(later))
    second = client.get("/v1/status/box-coach", headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert second.json()["revision"] > first.json()["revision"]


def test_an_old_status_says_so(client: TestClient, store: InMemoryStatusStore, clock: Clock) -> None:
    fresh = client.get("/v1/status/box-search")
    clock.now += timedelta(minutes=3)
    asyncio.run(store.heartbeat("measure-0", {"role": "worker"}))
    old = client.get("/v1/status/box-search", headers={"If-None-Match": fresh.headers["etag"]})
    assert (old.status_code, old.json()["stale"], old.json()["state"]) == (200, True, "ok")
    clock.now += timedelta(hours=1)  # now the store has let go of it
    gone = client.get("/v1/status/box-search").json()
    assert (gone["stale"], gone["state"]) == (True, "unknown")


def test_without_a_worker_nothing_can_be_said_but_of_open_incidents(client: TestClient, clock: Clock) -> None:
    fresh = client.get("/v1/status/box-search")
    clock.now += timedelta(seconds=40)
    body = client.get("/v1/status/box-search", headers={"If-None-Match": fresh.headers["etag"]}).json()
    assert (body["state"], body["stale"]) == ("unknown", False)
    assert "No worker has reported" in body["why"]
    states = {s["application"]: s["state"] for s in client.get("/v1/status").json()["applications"]}
    assert states["box-support"] == "critical"
    assert set(states.values()) == {"critical", "unknown"}


def test_the_pipeline_is_no_application_and_has_a_status(
    client: TestClient, store: InMemoryStatusStore
) -> None:
    assert client.get("/v1/status").json()["pipeline"]["state"] == "ok"
    asyncio.run(store.put_reading(samples.health("stage detect", NOW, state="alarm")))
    body = client.get("/v1/status").json()
    assert body["pipeline"]["state"] == "warning"
    assert body["pipeline"]["readings"]["health[stage detect]"]["severity"] == "critical"
    assert "*" not in client.get("/v1/applications").json()["applications"]
    states = {s["application"]: (s["state"], s["why"]) for s in body["applications"]}
    assert states["box-search"] == ("unknown", "The pipeline stands: detect has finished nothing for 47 s.")
    assert states["box-support"] == ("critical", None)


def test_series_come_oldest_first(client: TestClient) -> None:
    points = client.get("/v1/series/box-support/change", params={"limit": 3}).json()["points"]
    assert [p["time"] for p in points] == [(NOW - n * samples.STEP).timestamp() for n in (2, 1, 0)]
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


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/status/nobody", 404, "application"),
        ("/v1/series/nobody/change", 404, "application"),
        ("/v1/incidents/none", 404, "incident"),
        ("/v1/alerts?state=loud", 422, "state"),
        ("/v1/series/box-support/change?limit=0", 422, "limit"),
        ("/v1/events?after=yesterday", 400, "after"),
        ("/v1/nothing", 404, None),
    ],
)
def test_an_error_names_the_field_and_the_remedy(
    client: TestClient, path: str, status: int, field: str | None
) -> None:
    answer = client.get(path)
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert (body["status"], body.get("field"), body["instance"]) == (status, field, path.partition("?")[0])
    assert body["type"].startswith("urn:promptdrift:problem:")
    assert body["detail"]
    assert body["remedy"]


def test_names_with_a_slash_can_be_asked_for(client: TestClient, store: InMemoryStatusStore) -> None:
    asyncio.run(store.put_reading(samples.quiet("team/bot", NOW)[0]))
    assert client.get("/v1/status/team%2Fbot").json()["application"] == "team/bot"
    assert client.get("/v1/series/team%2Fbot/change").json()["monitor"] == "change"


def test_hostile_text_stays_text(client: TestClient) -> None:
    answer = client.get("/v1/status/box-support")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"<" not in answer.content
    examples = answer.json()["readings"]["change"]["clusters"][0]["examples"]
    assert samples.MARKUP in examples


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/static/main.js", "/v1/status", "/v1/nothing", "/livez"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_page_and_its_files_are_served(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "<script>" not in page.text
    assert client.get("/static/style.css").status_code == 200
    script = client.get("/static/main.js")
    assert "javascript" in script.headers["content-type"]
    assert script.headers["cache-control"] == "no-cache"
    assert client.get("/static/../server.py").status_code == 404


def test_plotly_comes_from_its_own_package_compressed_and_kept(client: TestClient) -> None:
    answer = client.get("/static/plotly.min.js", headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert "max-age=604800" in answer.headers["cache-control"]
    assert int(answer.headers["content-length"]) < 2_000_000
    plain = client.get("/static/plotly.min.js", headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content  # the client has unpacked it
    assert b"plotly.js" in plain.content[:200]


def test_answers_are_compressed_when_asked(client: TestClient) -> None:
    with client.stream("GET", "/v1/alerts", headers={"Accept-Encoding": "gzip"}) as answer:
        assert json.loads(gzip.decompress(b"".join(answer.iter_raw())))["alerts"]


def test_probes_and_metrics(client: TestClient) -> None:
    assert client.get("/livez").json() == client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}
    lines = client.get("/metrics").text.splitlines()
    search = 'application="box-search",monitor="change",segment=""'
    assert 'promptdrift_monitor_state{application="box-support",monitor="change",segment=""} 2.0' in lines
    assert f"promptdrift_monitor_state{{{search}}} 0.0" in lines
    assert 'promptdrift_monitor_state{application="box-coach",monitor="change",segment=""} -1.0' in lines
    assert f"promptdrift_drift_threshold{{{search}}} 4.82" in lines
    assert 'promptdrift_uncovered_share{application="wine-advice",monitor="gap",segment=""} 0.19' in lines
    assert f"promptdrift_status_age_seconds{{{search}}} 0.0" in lines
    assert 'promptdrift_monitor_state{application="*",monitor="health",segment="dead letters"} 0.0' in lines
    assert 'promptdrift_counted_events{application="box-support",count="late"} 7.0' in lines
    assert 'promptdrift_reference_units{application="*",kind="evalset"} 640.0' in lines
    released = samples.release(NOW).time.timestamp()
    (deployed,) = [line for line in lines if line.startswith("promptdrift_last_deployment")]
    assert float(deployed.split()[-1]) == released
    active = 'promptdrift_alerts_active{application="box-support",monitor="change",severity="critical"} 1.0'
    assert active in lines
    assert {"promptdrift_store_up 1.0", 'promptdrift_workers{role="notifier"} 1.0'} <= set(lines)
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert all(name.startswith("promptdrift_") for name in names)


def test_the_api_is_described(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {"/v1/status", "/v1/events", "/v1/alerts", "/readyz"} <= set(document["paths"])
    named = json.dumps(document).split('"#/components/schemas/')[1:]
    assert {name.partition('"')[0] for name in named} <= set(document["components"]["schemas"])
    assert "Reading" in document["components"]["schemas"]


def test_without_its_store_the_page_is_served_and_the_reason_told() -> None:
    with TestClient(create_app(RedisStatusStore("redis://app:hunter2@127.0.0.1:1/0"))) as client:
        for path in ("/readyz", "/v1/status", "/v1/alerts", "/v1/events"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
            assert "127.0.0.1:1" in answer.json()["detail"]
            assert "hunter2" not in answer.text
            assert answer.headers["retry-after"]
        assert client.get("/").status_code == client.get("/livez").status_code == 200
        assert "promptdrift_store_up 0.0" in client.get("/metrics").text


class TestToken:
    @pytest.fixture
    def client(self, store: InMemoryStatusStore) -> Iterator[TestClient]:
        with TestClient(
            create_app(store, ApiSettings(token=SecretStr("s3cret"), fresh_seconds=0)), follow_redirects=False
        ) as client:
            yield client

    @pytest.mark.parametrize(
        "path", ["/v1/status", "/metrics", "/openapi.json", "/static/main.js", "/", "/v1/events"]
    )
    @pytest.mark.parametrize(
        "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}]
    )
    def test_nothing_is_told_without_it(self, client: TestClient, path: str, headers: dict[str, str]) -> None:
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["field"] == "Authorization"

    def test_with_it_everything_is(self, client: TestClient) -> None:
        for path in ("/v1/status", "/metrics", "/", "/openapi.json"):
            assert client.get(path, headers={"Authorization": "Bearer s3cret"}).status_code == 200

    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
    def test_probes_need_none(self, client: TestClient, path: str) -> None:
        assert client.get(path).status_code == 200

    def test_a_browser_signs_in_and_gets_a_cookie_that_is_not_the_token(self, client: TestClient) -> None:
        asked = client.get("/", headers={"Accept": "text/html"})
        assert (asked.status_code, "<form" in asked.text) == (401, True)
        wrong = client.post("/session", content="token=guess")
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        right = client.post("/session", content="token=s3cret")
        assert right.status_code == 303
        cookie = right.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
        assert "s3cret" not in cookie
        assert client.get("/v1/status").status_code == 200  # the client keeps the cookie


def test_an_address_that_asks_too_often_is_told_to_wait(store: InMemoryStatusStore) -> None:
    slow = ApiSettings(requests_per_second=2)
    with TestClient(create_app(store, slow)) as one, TestClient(create_app(store, slow)) as other:
        answers = [one.get("/v1/applications") for _ in range(5)]
        assert [a.status_code for a in answers] == [200] * 4 + [429]
        refused = answers[-1]
        assert (refused.headers["content-type"], refused.headers["retry-after"]) == (PROBLEM, "1")
        assert refused.json()["remedy"]
        assert (
            one.get("/livez").status_code == one.get("/readyz").status_code == 200
        )  # probes are not counted
        assert other.get("/v1/applications").status_code == 200


def test_other_origins_are_answered_only_where_they_are_named(store: InMemoryStatusStore) -> None:
    asked = {"Origin": "https://wiki.example", "Access-Control-Request-Method": "GET"}
    with TestClient(create_app(store)) as client:
        assert "access-control-allow-origin" not in client.get("/v1/status", headers=asked).headers
        assert client.options("/v1/status", headers=asked).status_code == 405
    named = ApiSettings(cors_origins=["https://wiki.example"], token=SecretStr("s3cret"))
    with TestClient(create_app(store, named)) as client:
        ready = client.options("/v1/status", headers=asked)  # no token: a browser sends none here
        assert ready.status_code == 200
        assert ready.headers["access-control-allow-origin"] == "https://wiki.example"
        stranger = client.options("/v1/status", headers={**asked, "Origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in stranger.headers
        assert client.get("/v1/status", headers=asked).status_code == 401


def test_a_series_is_cut_to_a_range_of_event_time(client: TestClient) -> None:
    bounds = {"from": (NOW - 5 * samples.STEP).isoformat(), "to": (NOW - 3 * samples.STEP).isoformat()}
    points = client.get("/v1/series/box-support/change", params=bounds).json()["points"]
    assert [p["time"] for p in points] == [(NOW - n * samples.STEP).timestamp() for n in (5, 4, 3)]


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


@pytest.mark.parametrize(
    "path", ["/v1/applications", "/v1/alerts", "/v1/deployments", "/v1/deliveries", "/v1/evalset"]
)
def test_what_has_not_changed_is_not_sent_again(client: TestClient, path: str) -> None:
    tag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
