"""Every endpoint: what it answers, and what it answers when something is wrong."""

import asyncio
import gzip
import json
import re
from datetime import timedelta

import msgspec
import pytest
from starlette.testclient import TestClient

from app.adapters.status import InMemoryStatusStore, RedisStatusStore
from app.web.server import create_app
from schemas.readings import Reading
from tests.web import samples, trouble, trouble_told
from tests.web.asking import NOW, PROBLEM, Clock


def test_applications_are_named(client: TestClient) -> None:
    names = ["box-coach", "box-search", "box-support", "wine-advice"]
    assert client.get("/v1/applications").json() == {"applications": names}


def test_a_status_has_readings_and_open_incidents(client: TestClient) -> None:
    body = client.get("/v1/status/box-support").json()
    assert (body["application"], body["state"], body["stale"]) == ("box-support", "critical", False)
    assert msgspec.convert(body["readings"]["change"], Reading).clusters == trouble.CLUSTERS
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
    assert trouble.MARKUP in examples


def test_the_page_and_its_files_are_served(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "<script>" not in page.text
    sheets = re.findall(r'stylesheet" href="(.+?)"', page.text)
    assert [client.get(sheet).status_code for sheet in sheets] == [200, 200]
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
    assert 'promptdrift_scarce_share{application="box-support",monitor="gap",segment=""} 0.09' in lines
    assert f"promptdrift_status_age_seconds{{{search}}} 0.0" in lines
    assert 'promptdrift_monitor_state{application="*",monitor="health",segment="dead letters"} 0.0' in lines
    assert 'promptdrift_counted_events{application="box-support",count="late"} 7.0' in lines
    assert 'promptdrift_reference_units{application="*",kind="evalset"} 640.0' in lines
    released = trouble_told.release(NOW).time.timestamp()
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


@pytest.mark.parametrize(
    "path", ["/v1/applications", "/v1/alerts", "/v1/deployments", "/v1/deliveries", "/v1/evalset"]
)
def test_what_has_not_changed_is_not_sent_again(client: TestClient, path: str) -> None:
    tag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
