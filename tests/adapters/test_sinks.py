"""What each sink is sent: to the letter of its interface, and harmless whatever users wrote."""

import hashlib
import hmac
import json
import unicodedata
from typing import Any

import msgspec
import pytest

from app.adapters import pagerduty, slack, webhook
from app.adapters.fake_pagerduty import FakePagerDuty
from app.adapters.wire import plain
from schemas.decisions import Alert
from schemas.events import Deployment
from tests.rig.made import START
from tests.rig.sinks import EXAMPLE, HOSTILE, KEY, alert, message

PAGE = "https://drift.example.com/"


def event(action: Any = "trigger", given: Any = None, *, examples: bool = False) -> dict[str, Any]:
    body = pagerduty.body_of(message(action, given), routing_key=KEY, page_url=PAGE, examples=examples)
    found: dict[str, Any] = json.loads(body)
    return found


def texts(value: Any) -> list[str]:
    """Every text in a JSON value, names too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [t for pair in value.items() for each in pair for t in texts(each)]
    return [t for each in value for t in texts(each)] if isinstance(value, list) else []


# PagerDuty


def test_a_trigger_is_what_pagerduty_describes() -> None:
    found = event()
    assert FakePagerDuty().problems("/v2/enqueue", found) == []
    outside = {"routing_key", "event_action", "dedup_key", "client", "client_url", "links", "payload"}
    assert set(found) == outside
    assert set(found["payload"]) == {
        *("summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details")
    }
    assert (found["payload"]["severity"], found["payload"]["source"]) == ("warning", "support-bot")
    page = f"https://drift.example.com/#/incident/{alert('opened').incident}"
    assert found["links"] == [{"href": page, "text": "Live status"}]
    assert found["client_url"] == page


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_what_follows_a_trigger_bears_its_key_and_nothing_else(action: str) -> None:
    found = event(action)
    assert found == {"routing_key": KEY, "event_action": action, "dedup_key": event()["dedup_key"]}
    assert len(found["dedup_key"]) <= 255


def test_severities_are_mapped() -> None:
    assert event(given=alert(severity="critical"))["payload"]["severity"] == "critical"
    assert event(given=alert(kind="health"))["payload"]["severity"] == "error"


def test_a_deployment_is_a_change_event() -> None:
    release = Deployment(
        application="support-bot", time=START, deployment_id="v2", version="2", url="https://ci.example.com/1"
    )
    found = event("change", release)
    assert FakePagerDuty().problems("/v2/change/enqueue", found) == []
    assert found["payload"]["summary"] == "support-bot: model 2 succeeded"
    assert found["links"] == [{"href": "https://ci.example.com/1", "text": "Deployment"}]
    assert "event_action" not in found
    evil = msgspec.structs.replace(release, url="javascript:alert(1)", summary=HOSTILE[0] * 160)
    assert "links" not in event("change", evil)
    assert len(event("change", evil)["payload"]["summary"]) == 1024


def test_a_body_that_is_too_large_keeps_what_matters() -> None:
    labels = {f"label-{n}": "x" * 300 for n in range(50)}
    many = [alert().clusters[0]] * 5
    huge = alert(labels=labels, annotations={n * 99: "y" * 300 for n in "abcdefgh"}, clusters=many)
    assert len(json.dumps(event(given=huge))) < 400_000
    body = pagerduty._with_details({"payload": {"summary": "s"}}, {"x": 1})
    assert body["payload"] == {"summary": "s", "custom_details": {"x": 1}}


def test_keys_of_rulesets_take_no_changes() -> None:
    assert not pagerduty.takes_changes("R" + KEY[1:])
    assert pagerduty.takes_changes(KEY)


# Everything that users wrote


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_is_harmless_in_pagerduty(number: int) -> None:
    found = event(given=_lossless(HOSTILE[number]), examples=True)
    assert FakePagerDuty().problems("/v2/enqueue", found) == []
    assert len(json.dumps(found)) < 60_000
    for text in texts(found):
        _harmless(text)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_is_harmless_in_slack(number: int) -> None:
    body = slack.body_of(message(given=_lossless(HOSTILE[number])), page_url=PAGE, examples=True)
    found = json.loads(body)
    assert len(found["blocks"]) <= 50
    for block in found["blocks"]:
        shown = block.get("text") or block["elements"][0]
        assert len(shown["text"]) <= (150 if block["type"] == "header" else 3000)
        if shown["type"] == "mrkdwn":  # only links of our own
            page = f"https://drift.example.com/#/incident/{alert('opened').incident}"
            assert shown["text"] == f"<{page}|Live status>"
        else:
            assert shown["type"] == "plain_text"
    assert "<" not in found["text"]
    assert ">" not in found["text"]
    for text in texts(found):
        _harmless(text.replace("\n", ""))


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_is_json_in_a_webhook(number: int) -> None:
    body = webhook.body_of(message(given=_lossless(HOSTILE[number])), examples=True)
    assert len(body) < 100_000
    assert json.loads(body)["data"]["application"] == "support-bot"


def test_nothing_that_a_user_wrote_whole_leaves_unless_it_is_asked_for() -> None:
    given = message()
    said = [
        pagerduty.body_of(given, routing_key=KEY, page_url=None, examples=examples)
        + slack.body_of(given, page_url=None, examples=examples)
        + webhook.body_of(given, examples=examples)
        for examples in (False, True)
    ]
    assert EXAMPLE.encode() not in said[0]
    assert said[1].count(EXAMPLE.encode()) == 3


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("limit", [8, 150, 1024])
def test_plain_text_is_plain_and_short(text: str, limit: int) -> None:
    shown = plain(text, limit)
    _harmless(shown)
    assert len(shown) <= limit


def test_scripts_and_emoji_that_need_joiners_keep_them() -> None:
    for text in ("می‌خواهم", "👩‍💻", "クッキー", "naïve café"):
        assert plain(text, 100) == text


def _lossless(text: str) -> Alert:
    """An alert as it comes from its topic, where no lone surrogates can be."""
    return alert(text=text.encode("utf-8", "replace").decode())


def _harmless(text: str) -> None:
    assert not text.startswith(("=", "+", "-", "@"))
    assert all(unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" for c in text)


# The webhook


def test_a_webhook_is_a_signed_cloud_event() -> None:
    body = webhook.body_of(message(), examples=False)
    found = json.loads(body)
    assert (found["specversion"], found["id"], found["type"]) == (
        "1.0",
        "a-opened",
        "io.promptdrift.alert.opened",
    )
    assert msgspec.convert(found["data"], Alert).incident == found["subject"]
    headers = webhook.signature("secret", body, 1772355600)
    wanted = hmac.new(b"secret", b"1772355600." + body, hashlib.sha256).hexdigest()
    assert headers["X-Promptdrift-Signature-256"] == f"sha256={wanted}"
    assert headers["X-Promptdrift-Timestamp"] == "1772355600"
