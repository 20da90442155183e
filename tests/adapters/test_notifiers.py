"""Sinks over HTTP: every way to go wrong becomes an answer, and no secret is told."""

import asyncio
import shutil
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from app.adapters.fake_pagerduty import FakePagerDuty, faults_of
from app.adapters.notifiers import Notifier, Sink, retry_seconds, sinks_of
from app.core.messages import Action, Answer
from app.errors import SettingsError
from app.settings import NotifySettings
from tests.rig.process import LOOPBACK, free_ports
from tests.rig.sinks import KEY, message, served

ENVIRONMENT = {"KEY": KEY, "SECRET": "s3cret"}


def settings(*sinks: dict[str, Any], **more: Any) -> NotifySettings:
    return NotifySettings.model_validate({"sinks": list(sinks), "timeout_seconds": 1.0, **more})


def pager(url: str, **more: Any) -> dict[str, Any]:
    return {"name": "pager", "kind": "pagerduty", "url": url, "secret_env": "KEY", **more}


def told(faults: str, *actions: Action, fake: FakePagerDuty | None = None) -> list[Answer]:
    """What a pager that goes wrong so answers to these actions."""

    async def play() -> list[Answer]:
        pager_duty = fake or FakePagerDuty()
        pager_duty.faults.extend(faults_of(faults))
        async with served(pager_duty) as url:
            given = settings(pager(url))
            notifier = Notifier(given)
            sink = sinks_of(given, ENVIRONMENT)["pager"]
            answers = [await notifier.tell(sink, message(action)) for action in actions or ("trigger",)]
            await notifier.close()
            return answers

    return asyncio.run(play())


def test_an_incident_over_http() -> None:
    fake = FakePagerDuty()
    answers = told("", "trigger", "acknowledge", "resolve", fake=fake)
    assert [answer.status for answer in answers] == [202, 202, 202]
    (incident,) = fake.incidents
    assert (incident.state, incident.events) == ("resolved", ["trigger", "acknowledge", "resolve"])


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("400", 400, "HTTP 400 Bad Request"),
        ("429", 429, "HTTP 429 Too Many Requests"),
        ("503", 503, "HTTP 503"),
        ("301", 301, "HTTP 301"),
        ("hang", None, "no answer within 1 s"),
        ("close", None, "ServerDisconnectedError"),
        ("lost", None, "ServerDisconnectedError"),
        ("half", None, "ClientPayloadError"),
    ],
)
def test_each_fault_has_its_answer(fault: str, status: int | None, reason: str) -> None:
    (answer,) = told(fault)
    assert answer.status == status
    assert reason in (answer.reason or "")


def test_retry_after_is_heard() -> None:
    first, second = told("429:7,429", "trigger", "trigger")
    assert (first.retry_after, second.retry_after) == (7.0, None)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("9" * 400, float("inf")),
        ("²", None),
        ("nan", None),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", None),
    ],
)
def test_a_retry_after_that_is_none_is_no_failure(header: str, seconds: float | None) -> None:
    assert retry_seconds(header) == seconds


def test_a_wrong_key_is_told_without_telling_the_key() -> None:
    (answer,) = told("", fake=FakePagerDuty(keys=frozenset({"x" * 32})))
    assert answer.status == 400
    assert "invalid routing key" in (answer.reason or "")
    assert KEY not in (answer.reason or "")


def test_nobody_there_is_an_answer_too() -> None:
    (port,) = free_ports(1)

    async def play() -> Answer:
        given = settings(pager(f"http://{LOOPBACK}:{port}"))
        notifier = Notifier(given)
        answer = await notifier.tell(sinks_of(given, ENVIRONMENT)["pager"], message())
        await notifier.close()
        return answer

    answer = asyncio.run(play())
    assert answer.status is None
    assert "ClientConnectorError" in (answer.reason or "")


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_it_is_trusted(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on PATH")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    where = ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(
        [*made, *where, "-addext", f"subjectAltName=IP:{LOOPBACK}"], check=True, capture_output=True
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def play(**more: Any) -> Answer:
        async with served(FakePagerDuty(), ssl_context=context) as url:
            given = settings(pager(url), **more)
            notifier = Notifier(given)
            answer = await notifier.tell(sinks_of(given, ENVIRONMENT)["pager"], message())
            await notifier.close()
            return answer

    refused = asyncio.run(play())
    assert refused.status is None
    assert "certificate" in (refused.reason or "").lower()
    assert asyncio.run(play(ca_file=str(certificate))).status == 202


def test_a_dry_run_tells_nobody() -> None:
    async def play() -> Answer:
        given = settings(pager("http://127.0.0.1:1"), dry_run=True)
        return await Notifier(given).tell(sinks_of(given, ENVIRONMENT)["pager"], message())

    assert asyncio.run(play()).dry_run


def test_a_webhook_and_a_slack_get_theirs() -> None:
    async def play() -> list[dict[str, Any]]:
        fake = FakePagerDuty()
        async with served(fake) as url:
            given = settings(
                {"name": "hook", "kind": "webhook", "url": f"{url}/hooks/own", "secret_env": "SECRET"},
                {"name": "chat", "kind": "slack", "secret_env": "CHAT"},
            )
            notifier = Notifier(given)
            for sink in sinks_of(given, {**ENVIRONMENT, "CHAT": f"{url}/hooks/slack"}).values():
                assert (await notifier.tell(sink, message())).status == 202
            await notifier.close()
        return fake.hooks

    own, chat = asyncio.run(play())
    assert own["headers"]["Content-Type"].startswith("application/cloudevents+json")
    assert abs(int(own["headers"]["X-Promptdrift-Timestamp"]) - time.time()) < 60
    assert chat["name"] == "slack"


# Who is told


def test_the_variables_that_people_have_are_enough() -> None:
    found = sinks_of(NotifySettings(), {"PAGERDUTY_ROUTING_KEY": KEY})
    assert [(s.name, s.kind, s.changes) for s in found.values()] == [("pagerduty", "pagerduty", True)]
    assert sinks_of(NotifySettings(), {}) == {}


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    given = settings({"name": "p", "kind": "pagerduty", "secret_file": str(tmp_path / "key"), "region": "eu"})
    sink: Sink = sinks_of(given, {})["p"]
    assert sink.request is not None
    assert sink.request(message()).url == "https://events.eu.pagerduty.com/v2/enqueue"
    assert KEY not in repr(sink)


@pytest.mark.parametrize(
    ("sinks", "problem"),
    [
        ([{"name": "a", "kind": "pagerduty"}], "no routing key"),
        ([{"name": "a", "kind": "pagerduty", "secret_env": "SECRET"}], "no routing key"),
        ([{"name": "a", "kind": "pagerduty", "secret_env": "NONE"}], "the variable NONE is not set"),
        ([{"name": "a", "kind": "pagerduty", "secret_file": "nowhere"}], "nowhere cannot be read"),
        ([{"name": "a", "kind": "slack", "secret_env": "SECRET"}], "whole URL"),
        ([{"name": "a", "kind": "webhook", "secret_env": "SECRET"}], "url: a webhook needs one"),
        ([{"name": "a", "kind": "webhook", "url": "https://x.example.com"}], "a webhook is signed"),
        ([{"name": "a", "kind": "log"}, {"name": "a", "kind": "log"}], "is taken"),
    ],
)
def test_what_cannot_be_told_is_said_at_the_start(sinks: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        sinks_of(settings(*sinks), ENVIRONMENT)
    assert problem in str(caught.value)
    assert "notify.sinks[" in str(caught.value)
    assert "s3cret" not in str(caught.value)


# The fake itself


@pytest.mark.parametrize("script", ["teapot", "99", "503x", "hang:", "ok;ok"])
def test_a_fault_that_is_none_is_named(script: str) -> None:
    with pytest.raises(ValueError, match="is no fault"):
        faults_of(script)


def test_a_fake_remembers_over_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    told("", "trigger", fake=FakePagerDuty(journal=journal))
    again = FakePagerDuty(journal=journal)
    again.recover()
    told("", "trigger", "resolve", fake=again)
    assert [(i.state, i.events) for i in again.incidents] == [("resolved", ["trigger", "trigger", "resolve"])]


def test_a_fake_has_the_limit_of_pagerduty() -> None:
    fake = FakePagerDuty()
    assert [fake.crowded(KEY, t / 10) for t in range(121)] == [False] * 120 + [True]
    assert not fake.crowded("another", 1.0)
    assert not fake.crowded(KEY, 75.0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"routing_key": "short"}, "routing_key"),
        ({"event_action": "explode"}, "event_action"),
        ({"dedup_key": "x" * 256}, "dedup_key"),
        ({"payload": None}, "payload is required"),
        ({"payload": {"source": "s", "severity": "critical"}}, "summary"),
        ({"payload": {"summary": "x" * 1025, "source": "s", "severity": "critical"}}, "summary"),
        ({"payload": {"summary": "x", "severity": "critical"}}, "source"),
        ({"payload": {"summary": "x", "source": "s", "severity": "bad"}}, "severity"),
        ({"links": [{"text": "no href"}]}, "href"),
        ({"images": [{"src": "http://x"}]}, "https"),
    ],
)
def test_a_fake_refuses_what_pagerduty_refuses(change: dict[str, Any], problem: str) -> None:
    good = {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "k",
        "payload": {"summary": "s", "source": "x", "severity": "critical"},
    }
    assert FakePagerDuty().problems("/v2/enqueue", good) == []
    assert any(problem in each for each in FakePagerDuty().problems("/v2/enqueue", good | change))
