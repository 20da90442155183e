"""What arrives is an event or a Rejection that names field and remedy; nothing else can happen."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from schemas.codec import (
    ARRAY_LIMIT,
    MAX_BYTES,
    Event,
    Rejection,
    decode,
    encode,
    hash_user,
    unknown_fields,
)
from schemas.events import Deployment, Interaction

GOOD: dict[str, Any] = {"application": "shop", "time": "2026-01-31T12:00:00Z", "prompt": "where is it?"}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DEEP = 100_000


def line(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def one(value: bytes, **options: Any) -> Event | Rejection:
    (found,) = decode(value, **options)
    return found


def interaction(value: bytes, **options: Any) -> Interaction:
    found = one(value, **options)
    assert isinstance(found, Interaction), found
    return found


def refused(value: bytes, **options: Any) -> Rejection:
    found = one(value, **options)
    assert isinstance(found, Rejection), found
    return found


# --- what is refused, field by field -----------------------------------------------------------

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "value"),
    "blank": (b" \n ", "value"),
    "undecodable bytes": (b"\xff\xfe{}", "value"),
    "cut off": (line()[:-5], "value"),
    "words": (b"hello", "value"),
    "a number": (b"5", "value"),
    "null": (b"null", "value"),
    "a string": (b'"prompt"', "value"),
    "two objects": (line() + line(), "value"),
    "NaN": (b'{"application":"a","time":NaN,"prompt":"x"}', "value"),
    "Infinity": (b'{"application":"a","time":1e999,"prompt":"x"}', "time"),
    "a bare control character": (b'{"application":"a","time":1700000000,"prompt":"\x00"}', "value"),
    "lists without end": (b"[" * DEEP, "value"),
    "objects without end": (b'{"a":' * DEEP, "value"),
    "too large": (line(prompt="x" * MAX_BYTES), "value"),
    "too many": (b"[" + b",".join([line()] * (ARRAY_LIMIT + 1)) + b"]", "value"),
    "no application": (b'{"time":1700000000,"prompt":"x"}', "application"),
    "application null": (line(application=None), "application"),
    "application with a blank": (line(application="my shop"), "application"),
    "application with a line break": (line(application="shop\n"), "application"),
    "application a number": (line(application=5), "application"),
    "no time": (b'{"application":"a","prompt":"x"}', "time"),
    "naive time": (line(time="2026-01-31T12:00:00"), "time"),
    "a day without a time": (line(time="2026-01-31"), "time"),
    "time in words": (line(time="yesterday"), "time"),
    "no such day": (line(time="2026-02-31T12:00:00Z"), "time"),
    "no such offset": (line(time="2026-01-31T12:00:00+99:00"), "time"),
    "the year 1": (line(time="0001-01-01T00:00:00+14:00"), "time"),
    "the year 2500": (line(time="2500-01-01T00:00:00Z"), "time"),
    "a negative epoch": (line(time=-5), "time"),
    "an absurd epoch": (line(time=1e300), "time"),
    "an endless epoch": (line(time=10**400), "time"),
    "time a boolean": (line(time=True), "time"),
    "time a list": (line(time=[2026]), "time"),
    "no prompt": (b'{"application":"a","time":1700000000}', "prompt"),
    "prompt null": (line(prompt=None), "prompt"),
    "prompt a number": (line(prompt=5), "prompt"),
    "prompt a list": (line(prompt=["a"]), "prompt"),
    "messages a text": (line(messages="hi"), "messages"),
    "messages of numbers": (line(messages=[1]), "messages"),
    "nobody asked": (line(prompt=None, messages=[{"role": "assistant", "content": "x"}]), "messages"),
    "unknown type": (line(type="chat"), "type"),
    "type a list": (line(type=[]), "type"),
    "type an object": (line(type={}), "type"),
    "unknown source": (line(source="web"), "source"),
    "id too long": (line(id="x" * 129), "id"),
    "id a number": (line(id=7), "id"),
    "negative latency": (line(latency_ms=-1), "latency_ms"),
    "tokens in words": (line(usage={"input_tokens": "many"}), "usage.input_tokens"),
    "one bad tag": (line(tags=["a", 5]), "tags[1]"),
    "nested attributes": (line(attributes={"a": {"b": 1}}), "attributes[...]"),
    "a deployment without its id": (line(type="deployment", version="1"), "deployment_id"),
    "an outcome in words": (line(type="outcome", name="thumbs", value="up"), "value"),
    "a CloudEvent whose data is text": (b'{"specversion":"1.0","id":"1","data":"{}"}', "application"),
    "a CloudEvent in a CloudEvent": (
        json.dumps({"specversion": "1.0", "data": {"specversion": "1.0", "data": GOOD}}).encode(),
        "application",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_field(name: str) -> None:
    value, field = REFUSED[name]
    found = refused(value)
    assert found.error.field == field
    assert found.error.remedy
    assert found.raw == value
    assert str(found.error) == f"{field}: {found.error.problem}; {found.error.remedy}"


SECRET = "my card is 4111"


@pytest.mark.parametrize(
    "field", ["source", "time", "application", "latency_ms", "type", "messages", "usage"]
)
def test_a_refusal_never_repeats_what_it_refuses(field: str) -> None:
    assert SECRET not in str(refused(line(**{field: SECRET})).error)


def test_an_unknown_word_is_answered_with_the_known_ones() -> None:
    assert "production, evaluation, synthetic" in refused(line(source="web")).error.remedy
    assert (
        "rolled_back"
        in refused(line(type="deployment", deployment_id="1", version="1", status="x")).error.remedy
    )


def test_the_remedy_names_the_schema_of_its_kind() -> None:
    assert "schema show outcome" in refused(line(type="outcome", name=5)).error.remedy


# --- what is accepted --------------------------------------------------------------------------


def test_three_fields_are_enough() -> None:
    found = interaction(line())
    assert (found.application, found.time, found.prompt) == ("shop", NOON, "where is it?")
    assert (found.source, found.environment) == ("production", "production")
    assert found.id == interaction(line()).id != interaction(line(prompt="else")).id


@pytest.mark.parametrize(
    "text",
    ["", "   ", "\x00\x1b[2J", "x" * 100_000, "\u202e", "é\u0301" * 50],
    ids=lambda text: repr(text)[:12],
)
def test_any_text_is_a_prompt(text: str) -> None:
    assert interaction(line(prompt=text)).prompt == text


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    value = b'{"application":"a","time":1700000000,"prompt":"x\\ud800y","tags":["\\udc00"]}'
    found = interaction(value)
    assert found.prompt == "x\ufffdy"
    assert found.tags == ["\ufffd"]
    encode(found)
    assert interaction(b"[" + value + b"]").prompt == "x\ufffdy"


@pytest.mark.parametrize(
    "time", [1_769_860_800, 1_769_860_800_000, 1_769_860_800_000_000, 1_769_860_800_000_000_000]
)
def test_an_epoch_may_come_in_four_units(time: int) -> None:
    assert interaction(line(time=time)).time == NOON


def test_an_offset_is_honoured() -> None:
    assert interaction(line(time="2026-01-31T14:00:00+02:00")).time == NOON
    assert interaction(line(time=NOON.astimezone(timezone(timedelta(hours=-5))).isoformat())).time == NOON


def test_nulls_are_as_if_they_were_not_there() -> None:
    assert interaction(line(response=None, user_id=None, type=None, environment=None)) == interaction(line())


def test_unknown_fields_are_ignored_and_can_be_named() -> None:
    found = {**GOOD, "mood": "good", "user_id": "ann", "type": "interaction"}
    assert interaction(line(mood="good")) == interaction(line())
    assert unknown_fields(found) == ["mood"]


def test_a_bad_element_spoils_itself_only() -> None:
    found = decode(b"[" + line(id="1") + b', 5, {"time": 1},' + line(id="2") + b"]")
    assert [type(f) for f in found] == [Interaction, Rejection, Rejection, Interaction]
    assert isinstance(found[1], Rejection)
    assert found[1].raw == b"5"


def test_an_empty_array_holds_nothing() -> None:
    assert decode(b"[]") == []


def test_users_are_known_by_a_salted_hash_only() -> None:
    assert interaction(line(user_id="ann")).user_hash == hash_user("ann")
    salted = interaction(line(user_id="ann"), hasher=lambda user: hash_user(user, "salt"))
    assert salted.user_hash == hash_user("ann", "salt") != hash_user("ann")
    assert interaction(line(user_id="ann", user_hash="h")).user_hash == "h"
    assert interaction(line(user_id="")).user_hash is None  # or all of them were one person


def test_a_system_prompt_is_known_by_its_hash_only() -> None:
    found = interaction(line(system_prompt="You are kind."))
    assert found.system_prompt_sha256 is not None
    assert len(found.system_prompt_sha256) == 64
    assert b"kind" not in encode(found)


def test_the_prompt_is_the_last_user_turn() -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "answer"},
        {"role": "user", "parts": [{"type": "text", "content": "second"}, {"type": "image"}, "odd"]},
    ]
    assert interaction(line(prompt=None, messages=messages)).prompt == "second"
    assert interaction(line(messages=messages)).prompt == GOOD["prompt"]


def test_the_key_is_the_narrowest_identity() -> None:
    assert interaction(line(id="1", conversation_id="c", user_hash="u")).key == "u"
    assert interaction(line(id="1", conversation_id="c")).key == "c"
    assert interaction(line(id="1")).key == "1"


def test_the_caller_knows_the_application_where_the_event_does_not() -> None:
    bare = b'{"time":1700000000,"prompt":"x"}'
    assert interaction(bare, application="shop").application == "shop"
    assert interaction(line(), application="other").application == "shop"


def test_an_object_may_be_reshaped_before_it_is_checked() -> None:
    theirs = b'[{"q": "hi"}, {"q": 5}]'
    found = decode(theirs, reshape=lambda o: {**GOOD, "prompt": o["q"]})
    assert isinstance(found[0], Interaction)
    assert found[0].prompt == "hi"
    assert isinstance(found[1], Rejection)


# --- CloudEvents -------------------------------------------------------------------------------

RELEASE = {"application": "shop", "deployment_id": "v2", "version": "2"}


def test_binary_cloud_events_name_their_kind_in_a_header() -> None:
    value = json.dumps({**RELEASE, "time": "2026-01-31T12:00:00Z"}).encode()
    found = one(value, headers={"ce_type": b"io.promptdrift.llm.deployment.v1"})
    assert isinstance(found, Deployment)
    assert isinstance(one(line(), headers={"ce_type": b"\xff"}), Interaction)


def test_structured_cloud_events_bring_kind_time_and_id() -> None:
    envelope = {"specversion": "1.0", "id": "e1", "time": "2026-01-31T12:00:00Z", "source": "/ci"}
    release = {**envelope, "type": "io.promptdrift.llm.deployment.v1", "data": RELEASE}
    found = one(json.dumps(release).encode())
    assert isinstance(found, Deployment)
    assert found.time == NOON
    asked = {
        **envelope,
        "type": "com.example.chat",
        "data": {"application": "a", "prompt": "x", "time": None},
    }
    said = interaction(json.dumps(asked).encode())
    assert (said.id, said.time) == ("e1", NOON)
