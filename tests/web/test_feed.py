"""The live feed over a real connection."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.adapters.status import InMemoryStatusStore
from app.settings import ApiSettings
from app.web.hub import Hub
from app.web.server import create_app
from schemas.readings import Reading
from tests.web import samples, trouble
from tests.web.served import GRACE_SECONDS, Served

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
QUIET = samples.quiet("box-search", NOW)


@pytest.fixture
def store() -> InMemoryStatusStore:
    return InMemoryStatusStore()


@pytest.fixture
def served(store: InMemoryStatusStore) -> Iterator[Served]:
    hub = Hub(store, poll_seconds=0.02, keepalive_seconds=0.1)
    with (server := Served(create_app(store, ApiSettings(listeners=8), hub=hub))):
        yield server


@pytest.fixture
def base(served: Served) -> str:
    return served.base


class Stream:
    """Reads events from an open answer."""

    def __init__(self, base: str, *, after: str = "", headers: dict[str, str] | None = None) -> None:
        self._connection = HTTPConnection(urlsplit(base).netloc, timeout=60)
        self._connection.request("GET", f"/v1/events{after}", headers=headers or {})
        self.answer: HTTPResponse = self._connection.getresponse()

    def block(self) -> dict[str, str]:
        """The next block of lines, by field; a comment is under the empty name."""
        fields = {}
        while line := self.answer.readline().decode().rstrip("\n"):
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        return fields

    def event(self) -> dict[str, str]:
        """The next block that is an event."""
        while True:
            block = self.block()
            if "event" in block:
                return block

    def close(self) -> None:
        self.answer.close()
        self._connection.close()


def put(store: InMemoryStatusStore, reading: Reading) -> None:
    assert asyncio.run(store.put_reading(reading))


def data(event: dict[str, str]) -> Any:
    return json.loads(event["data"])


def test_events_arrive_as_they_are_written(store: InMemoryStatusStore, base: str) -> None:
    put(store, QUIET[0])
    stream = Stream(base)
    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    assert stream.answer.headers["x-accel-buffering"] == "no"
    assert stream.block() == {"": "alive", "retry": "3000"}  # open: what was before is not told
    put(store, QUIET[1])
    _, alerts = trouble.story(NOW)
    asyncio.run(store.put_alert(alerts[-1]))
    status, alert = stream.event(), stream.event()
    stream.close()
    assert (status["event"], data(status)["monitor"], data(status)["point"]["units"]) == (
        "status",
        "change",
        800,
    )
    assert (alert["event"], data(alert)["alert_id"]) == ("alert", alerts[-1].alert_id)
    assert status["id"] < alert["id"]


def test_a_reader_that_comes_back_misses_nothing(store: InMemoryStatusStore, base: str) -> None:
    for reading in QUIET[:4]:
        put(store, reading)
    stream = Stream(base, after="?after=0-0")
    seen = [stream.event() for _ in range(2)]
    stream.close()
    stream = Stream(base, headers={"Last-Event-ID": seen[-1]["id"]})
    rest = [stream.event() for _ in range(2)]
    stream.close()
    assert [data(e)["point"]["time"] for e in seen + rest] == [r.time.timestamp() for r in QUIET[:4]]


def test_a_quiet_feed_is_kept_alive(base: str) -> None:
    stream = Stream(base)
    assert [stream.block().get("") for _ in range(3)] == ["alive"] * 3
    stream.close()


def test_an_open_feed_does_not_hold_up_the_end(served: Served) -> None:
    stream = Stream(served.base)
    stream.block()
    began = time.monotonic()
    served.stop()
    assert time.monotonic() - began < GRACE_SECONDS  # it was not waited for and cut off
    assert stream.answer.read() is not None  # the answer has an end, so that the browser comes back
    stream.close()


def test_an_id_that_is_none_is_refused(base: str) -> None:
    stream = Stream(base, headers={"Last-Event-ID": "yesterday"})
    assert stream.answer.status == 400
    body = json.loads(stream.answer.read())
    stream.close()
    assert (body["field"], body["type"]) == ("Last-Event-ID", "urn:promptdrift:problem:invalid-cursor")


def test_a_reader_who_was_away_too_long_is_told_to_begin_anew(store: InMemoryStatusStore, base: str) -> None:
    put(store, QUIET[0])
    stream = Stream(base, headers={"Last-Event-ID": "12-3"})  # an event that is kept no more
    assert stream.event()["event"] == "reset"
    put(store, QUIET[1])
    assert stream.event()["event"] == "status"
    stream.close()


def test_one_listener_too_many_is_told_so(base: str) -> None:
    streams = [Stream(base) for _ in range(8)]
    assert [stream.block().get("") for stream in streams] == ["alive"] * 8
    refused = Stream(base)
    assert refused.answer.status == 503
    assert json.loads(refused.answer.read())["type"] == "urn:promptdrift:problem:too-many-listeners"
    for stream in [*streams, refused]:
        stream.close()
