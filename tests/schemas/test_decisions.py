"""Alerts outlive the code that wrote them: what was written before decodes, what is new has defaults."""

import msgspec
import pytest
from jsonschema import Draft202012Validator

from schemas import published
from schemas.codec import encode
from schemas.decisions import Acknowledgement, Alert, Delivery, Member
from schemas.readings import Reading

FIRST = {  # an alert of the first release, field by field
    "alert_id": "a1",
    "incident": "i1",
    "application": "shop",
    "monitor": "change",
    "kind": "change",
    "state": "firing",
    "severity": "warning",
    "started_at": "2026-03-01T10:00:00Z",
    "detected_at": "2026-03-01T10:05:00Z",
    "updated_at": "2026-03-01T10:06:00Z",
    "summary": "shop: live prompts changed (mix)",
    "onset_at": "2026-03-01T10:00:00Z",
    "ended_at": None,
    "channel": "mix",
    "value": 9.5,
    "threshold": 8.0,
    "effect": {"value": 0.1, "low": 0.05, "high": 0.2},
    "uncovered": {"share": 0.2, "low": 0.1, "high": 0.3},
    "clusters": [{"name": "bread", "share_before": 0.0, "share_now": 0.2}],
    "watch": [{"name": "code", "rate_before": 0.01, "rate_now": 0.02}],
    "descriptors": [],
    "deployment": "v2",
    "attribution": None,
    "reference": "b1",
    "offsets": [{"partition": 0, "first": 1, "last": 9}],
    "reading_id": "r1",
}
CONTRACT = {  # the fields of alerts.jsonl that users rely on
    *("alert_id", "incident", "application", "monitor", "kind", "state", "severity"),
    *("started_at", "detected_at", "onset_at", "value", "threshold", "effect", "uncovered"),
    *("clusters", "watch", "deployment", "attribution"),
}


def test_an_alert_of_the_first_release_still_decodes_and_validates() -> None:
    old = msgspec.json.decode(msgspec.json.encode(FIRST), type=Alert)
    assert (old.transition, old.members, old.acknowledged_at, old.muted) == ("", [], None, False)
    Draft202012Validator(published.json_schema("alerts.v1")).validate(FIRST)
    again = msgspec.json.decode(encode(old))
    assert {name: again[name] for name in ("incident", "value", "clusters")} == {
        name: FIRST[name] for name in ("incident", "value", "clusters")
    }


def test_the_fields_that_users_rely_on_are_there() -> None:
    assert set(Alert.__struct_fields__) >= CONTRACT
    assert list(FIRST) == list(Alert.__struct_fields__)[: len(FIRST)]  # new ones come behind


@pytest.mark.parametrize("kind", [Alert, Member, Acknowledgement, Delivery, Reading])
def test_a_reader_of_today_skips_what_tomorrow_adds(kind: type[msgspec.Struct]) -> None:
    assert not kind.__struct_config__.forbid_unknown_fields


def test_what_came_after_the_first_release_has_a_default() -> None:
    required = {f.name for f in msgspec.structs.fields(Alert) if f.required}
    assert required <= set(FIRST)
