import asyncio
import json
from typing import Any

import msgspec
import pytest

from agents.ingest import Ingest
from agents.plumbing import Record
from app.adapters import kafka
from app.cli.dead_letters import Letter
from app.errors import InputError
from app.settings import SourceSettings
from schemas.codec import hash_user
from schemas.events import Deployment, Evaluation, Interaction, Outcome
from schemas.topics import DEAD_LETTERS, DEPLOYMENTS, EVALUATIONS, INTERACTIONS, OUTCOMES
from tests.agents.doubles import CONNECT, RecordingOutbox, Sent, record

SOURCES = (
    SourceSettings(topic="raw"),
    SourceSettings(topic="named", application="shop"),
    SourceSettings(
        topic="mapped",
        application="shop",
        fields={"prompt": "request.messages.-1.text", "time": "ts", "user_id": "who"},
    ),
)
TIME = "2026-03-02T09:00:00Z"


def ingested(*records: Record) -> RecordingOutbox:
    outbox = RecordingOutbox()
    station = Ingest(SOURCES, outbox=outbox, salt="pepper")  # type: ignore[arg-type]
    asyncio.run(station.process(records))
    return outbox


def letter(sent: Sent) -> Letter:
    """What was buried, as the command line reads it."""
    headers = tuple(sent.headers.items())
    return Letter(kafka.Record(topic=sent.topic, value=sent.value, key=sent.key, headers=headers))


def raw(value: Any, *, topic: str = "raw", offset: int = 0, **more: Any) -> Record:
    return record(topic, value if isinstance(value, bytes) else json.dumps(value).encode(), offset, **more)


def event(**fields: Any) -> dict[str, Any]:
    return {"application": "shop", "time": TIME, **fields}


def test_an_interaction_goes_on_canonical_and_keyed_by_its_user() -> None:
    outbox = ingested(raw(event(prompt="hello", user_id="anna", id="i1", unknown_field=1)))
    (sent,) = outbox.on(INTERACTIONS)
    found = msgspec.json.decode(sent.value, type=Interaction)
    assert (found.prompt, found.user_hash) == ("hello", hash_user("anna", "pepper"))
    assert sent.key == hash_user("anna", "pepper").encode()
    assert b"anna" not in sent.value
    assert b"unknown_field" not in sent.value


@pytest.mark.parametrize(
    ("fields", "key"),
    [({"conversation_id": "c1", "id": "i1"}, b"c1"), ({"id": "i1"}, b"i1")],
)
def test_without_a_user_the_key_is_the_conversation_else_the_id(fields: dict[str, str], key: bytes) -> None:
    (sent,) = ingested(raw(event(prompt="x", **fields))).on(INTERACTIONS)
    assert sent.key == key


def test_every_kind_goes_to_its_own_topic() -> None:
    outbox = ingested(
        raw(event(type="deployment", deployment_id="d1", version="2")),
        raw(event(type="outcome", name="thumbs", value=1)),
        raw(event(type="evaluation", name="accuracy", score=0.5)),
        raw(event(prompt="x")),
    )
    assert outbox.values(DEPLOYMENTS, Deployment)[0].deployment_id == "d1"
    assert outbox.values(OUTCOMES, Outcome)[0].name == "thumbs"
    assert outbox.values(EVALUATIONS, Evaluation)[0].score == 0.5
    assert outbox.values(INTERACTIONS, Interaction)[0].prompt == "x"
    assert [outbox.on(topic)[0].key for topic in (DEPLOYMENTS, OUTCOMES, EVALUATIONS)] == [b"shop"] * 3


def test_a_cloud_event_header_names_the_kind() -> None:
    headers = {"ce_type": b"io.promptdrift.llm.deployment.v1"}
    outbox = ingested(raw(event(deployment_id="d1", version="2"), headers=headers))
    assert outbox.values(DEPLOYMENTS, Deployment)[0].version == "2"


def test_a_source_may_name_the_application_and_the_event_may_say_better() -> None:
    outbox = ingested(
        raw({"time": TIME, "prompt": "x"}, topic="named"),
        raw({"time": TIME, "prompt": "x", "application": "other"}, topic="named"),
    )
    assert [i.application for i in outbox.values(INTERACTIONS, Interaction)] == ["shop", "other"]


def test_a_mapping_finds_our_fields_in_foreign_json() -> None:
    foreign = {"ts": TIME, "who": 7, "request": {"messages": [{"text": "first"}, {"text": "last"}]}}
    (found,) = ingested(raw(foreign, topic="mapped")).values(INTERACTIONS, Interaction)
    assert (found.prompt, found.user_hash) == ("last", hash_user("7", "pepper"))


@pytest.mark.parametrize(
    "value", [b"\xff\xfe", b"{", b'"text"', b"{}", b'{"ts": "never"}', b'{"ts": NaN}', b'{ "who":  1 }', b""]
)
def test_what_a_mapping_cannot_use_is_buried_with_the_bytes_as_they_came(value: bytes) -> None:
    outbox = ingested(raw(value, topic="mapped"))
    assert [sent.value for sent in outbox.on(DEAD_LETTERS)] == [value]
    assert outbox.on(INTERACTIONS) == []


def test_a_mapping_reads_arrays_too() -> None:
    good = {"ts": TIME, "request": {"messages": [{"text": "hello"}]}}
    outbox = ingested(raw([good, 5, {"ts": TIME}], topic="mapped"))
    assert [i.prompt for i in outbox.values(INTERACTIONS, Interaction)] == ["hello"]
    assert [json.loads(sent.value) for sent in outbox.on(DEAD_LETTERS)] == [5, {"ts": TIME}]


def test_a_dead_letter_says_whence_it_comes_and_why_in_kafka_connects_headers() -> None:
    poison = b'{"application": "shop", "prompt": 5}'
    outbox = ingested(
        record("raw", poison, 41, partition=2, key=b"original", headers={"trace": b"\x01\xff", "ce_id": b"9"})
    )
    (sent,) = outbox.on(DEAD_LETTERS)
    assert (sent.value, sent.key) == (poison, b"original")
    assert sent.headers == {
        CONNECT + "topic": b"raw",
        CONNECT + "partition": b"2",
        CONNECT + "offset": b"41",
        CONNECT + "connector.name": b"promptdrift",
        CONNECT + "stage": b"DECODE",
        CONNECT + "exception.class.name": b"SchemaError",
        CONNECT + "exception.message": (
            b"time: is missing; give the event time, for example 2026-01-31T12:00:00Z"
        ),
        "trace": b"\x01\xff",
        "ce_id": b"9",
    }


def test_a_letter_that_died_elsewhere_before_says_where_it_died_now() -> None:
    first = {CONNECT + "topic": b"first", CONNECT + "offset": b"", "trace": b"1"}
    (sent,) = ingested(raw(b"{", offset=7, headers=first)).on(DEAD_LETTERS)
    assert (sent.headers[CONNECT + "topic"], sent.headers[CONNECT + "offset"]) == (b"raw", b"7")
    (again,) = ingested(raw(b"{", offset=8, headers=sent.headers)).on(DEAD_LETTERS)
    assert again.headers[CONNECT + "offset"] == b"8"
    assert dict(letter(again).headers) == sent.headers
    assert dict(letter(sent).headers) == first


def test_a_bad_element_of_an_array_spoils_itself_only() -> None:
    bad = event(prompt=7)
    outbox = ingested(raw([event(prompt="one", id="1"), bad, event(prompt="three", id="3")]))
    assert [i.prompt for i in outbox.values(INTERACTIONS, Interaction)] == ["one", "three"]
    (sent,) = outbox.on(DEAD_LETTERS)
    assert json.loads(sent.value) == bad


def test_a_chat_that_is_too_large_as_it_is_written_is_buried_as_it_came() -> None:
    chat = event(messages=[{"role": "user", "content": "x" * 600_000}])
    good = event(prompt="x", id="1")
    outbox = ingested(raw(chat), raw([good, chat, 5], offset=1))
    assert [i.prompt for i in outbox.values(INTERACTIONS, Interaction)] == ["x"]
    alone, element, _ = outbox.on(DEAD_LETTERS)
    assert json.loads(alone.value) == json.loads(element.value) == chat
    reason = alone.headers[CONNECT + "exception.message"].decode()
    assert reason.startswith("value: is 1,200,")
    assert "keep it at or below 900,000" in reason


def test_a_letter_that_was_cut_is_not_sent_again() -> None:
    (sent,) = ingested(raw(b"x" * 1_200_000)).on(DEAD_LETTERS)
    found = letter(sent)
    assert found.facts["bytes"] < found.facts["cut_from"] == 1_200_000
    with pytest.raises(InputError, match="of 1,200,000 bytes and cannot be sent again"):
        found.revived(None)


def test_everything_is_delivered_when_processing_returns_and_a_broken_broker_is_an_error() -> None:
    outbox = RecordingOutbox()
    outbox.broken = True
    station = Ingest(SOURCES, outbox=outbox, salt="")  # type: ignore[arg-type]
    with pytest.raises(ConnectionError):
        asyncio.run(station.process([raw(event(prompt="x"))]))


def test_there_is_nothing_to_save_and_nothing_to_forget() -> None:
    outbox = RecordingOutbox()
    station = Ingest(SOURCES, outbox=outbox, salt="")  # type: ignore[arg-type]
    asyncio.run(station.checkpoint())
    station.forget({0, 1})
    assert outbox.sent == outbox.queued == []
