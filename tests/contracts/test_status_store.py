"""Every status store keeps the same promises: in memory, on a fake Redis, on Redis and on Valkey."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from app.adapters import status_reads
from app.adapters.status import Limits
from app.ports import StatusStore
from schemas.decisions import Alert
from schemas.readings import Reading
from tests.contracts.status_values import START, alert, order, reading
from tests.contracts.stores import SLACK, SMALL, Make, run


def test_a_reading_comes_back_whole(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        assert await store.status("support-bot") is None
        assert await store.put_reading(reading(1)) is True
        assert await store.put_reading(reading(1, monitor="gap")) is True
        status = await store.status("support-bot")
        assert status is not None
        assert msgspec.convert(status["readings"]["change"], Reading) == reading(1)
        assert msgspec.convert(status["readings"]["gap"], Reading) == reading(1, monitor="gap")
        assert (status["application"], status["state"]) == ("support-bot", "ok")
        assert await store.applications() == ["support-bot"]
        assert await store.ping() is True

    run(make, story)


def test_a_status_may_be_large(make: Make) -> None:
    """Beyond 64 KB, where a client stops to look for the end of a line."""
    long = "x" * 100_000

    async def story(store: StatusStore) -> None:
        for minute in (1, 2):
            assert await store.put_reading(msgspec.structs.replace(reading(minute), note=long)) is True
            assert await store.put_alert(msgspec.structs.replace(alert(minute), summary=long)) is True
        status = await store.status("support-bot")
        assert status is not None
        assert status["readings"]["change"]["note"] == status["incidents"][0]["summary"] == long
        assert [each.summary for each in await store.alerts("support-bot", None, 2)] == [long, long]

    run(make, story)


def test_an_older_or_equal_reading_does_not_change_the_status(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        assert await store.put_reading(reading(5, events=50)) is True
        before = await store.status("support-bot")
        assert await store.put_reading(reading(5, events=50)) is False  # delivered twice
        assert await store.put_reading(reading(4, events=90)) is False  # older by event time
        assert await store.put_reading(reading(5, events=40)) is False  # same time, fewer events
        assert await store.status("support-bot") == before
        assert [p.value for p in await store.series("support-bot", "change", 10)] == [4.0, 5.0]
        assert await store.put_reading(reading(5, events=60)) is True

    run(make, story)


def test_revisions_only_grow(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        revisions = []
        for write in (reading(1), reading(2), alert(1), reading(3), alert(2, state="resolved")):
            stored = store.put_alert(write) if isinstance(write, Alert) else store.put_reading(write)
            assert await stored
            revisions.append((await store.status("support-bot") or {})["revision"])
        assert revisions == sorted(set(revisions))

    run(make, story)


def test_writers_at_the_same_time_lose_nothing(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        monitors = ["change", "gap", "other"]
        await asyncio.gather(
            *(store.put_reading(reading(m, monitor=name)) for m in range(4) for name in monitors)
        )
        status = await store.status("support-bot")
        assert status is not None
        for name in monitors:
            assert status["readings"][name]["id"] == f"{name}-3-0"

    run(make, story)


def test_an_alert_is_stored_once(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        assert await store.put_alert(alert(1)) is True
        assert await store.put_alert(alert(1)) is False
        assert await store.alerts(None, None, 10) == [alert(1)]

    run(make, story)


def test_an_incident_is_open_until_it_is_resolved(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        states = []
        await store.put_reading(reading(1, state="alarm"))
        for step in (None, alert(1, severity="warning"), alert(2), alert(3, state="resolved")):
            if step:
                await store.put_alert(step)
            status = await store.status("support-bot") or {}
            states.append((status["state"], [i["alert_id"] for i in status["incidents"]]))
        assert states == [("warning", []), ("warning", ["a-1"]), ("critical", ["a-2"]), ("warning", [])]
        assert await store.put_alert(alert(0)) is True  # a late transition is history, and reopens nothing
        assert (await store.status("support-bot") or {})["incidents"] == []

    run(make, story)


def test_resolved_incidents_are_forgotten_and_open_ones_are_not(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        for number in range(5):
            await store.put_alert(alert(number, incident=f"open-{number}"))
            await store.put_alert(alert(100 + number, incident=f"done-{number}", state="resolved"))
        status = await store.status("support-bot") or {}
        assert {i["incident"] for i in status["incidents"]} == {f"open-{n}" for n in range(5)}

    run(make, story, SMALL)


def test_alerts_are_found_by_application_and_state(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        await store.put_alert(alert(1))
        await store.put_alert(alert(2, state="resolved"))
        await store.put_alert(msgspec.structs.replace(alert(3), application="search"))
        assert [a.alert_id for a in await store.alerts(None, None, 10)] == ["a-3", "a-2", "a-1"]
        assert [a.alert_id for a in await store.alerts("support-bot", None, 10)] == ["a-2", "a-1"]
        assert [a.alert_id for a in await store.alerts("support-bot", "firing", 10)] == ["a-1"]
        assert [a.alert_id for a in await store.alerts(None, None, 1)] == ["a-3"]
        assert await store.applications() == ["search", "support-bot"]

    run(make, story)


def test_alerts_are_found_behind_pages_of_others(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_reads, "PAGE", 4)

    async def story(store: StatusStore) -> None:
        await store.put_alert(msgspec.structs.replace(alert(0), application="search"))
        for number in range(1, 13):
            await store.put_alert(alert(number))
        assert [a.application for a in await store.alerts("search", None, 5)] == ["search"]
        assert len(await store.alerts(None, None, 50)) == 13

    run(make, story)


def test_streams_are_capped(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        await asyncio.gather(*(alerts_of(f"app-{n}", store) for n in range(10)))
        for minute in range(130):
            await store.put_reading(reading(minute))
        points = await store.series("support-bot", "change", 1000)
        assert len(points) == SMALL.series
        assert [p.value for p in points] == sorted(p.value or 0.0 for p in points)
        assert [p.value for p in await store.series("support-bot", "change", 2)] == [128.0, 129.0]
        assert SMALL.alerts <= len(await store.alerts(None, None, 1000)) <= SMALL.alerts + SLACK
        assert SMALL.events <= len(await store.events("0-0", 1000)) <= SMALL.events + SLACK

    async def alerts_of(application: str, store: StatusStore) -> None:
        for number in range(13):
            raised = msgspec.structs.replace(alert(number), application=application)
            await store.put_alert(msgspec.structs.replace(raised, alert_id=f"{application}-{number}"))

    run(make, story, SMALL)


def test_the_feed_resumes_where_it_was_left(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        assert await store.last_event() == "0-0"
        await store.put_reading(reading(0))
        before = await store.last_event()
        for minute in (1, 2, 3):
            await store.put_reading(reading(minute))
        await store.put_alert(alert(1))
        first = await store.events(before, 2)
        assert [e.data["point"]["value"] for e in first] == [1.0, 2.0]
        rest = await store.events(first[-1].id, 100)
        assert [e.kind for e in rest] == ["status", "alert"]
        assert rest[0].data["point"]["value"] == 3.0
        assert msgspec.convert(rest[1].data, Alert) == alert(1)
        assert await store.events(rest[-1].id, 100) == []
        assert await store.last_event() == rest[-1].id
        everything = await store.events("0-0", 100)
        assert [e.id for e in everything] == sorted({e.id for e in everything}, key=order)
        assert {e.application for e in everything} == {"support-bot"}

    run(make, story)


def test_an_event_that_is_gone_is_missed(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        await store.put_reading(reading(0))
        first = await store.last_event()
        assert await store.holds_event(first)
        for minute in range(1, 150):
            await store.put_reading(reading(minute))
        assert not await store.holds_event(first)

    run(make, story, SMALL)


def test_the_past_finds_its_place_in_a_series(make: Make) -> None:
    """A store that lost everything is filled while new readings come: the oldest are not the first."""

    async def story(store: StatusStore) -> None:
        assert await store.put_reading(reading(9)) is True
        for minute in (3, 1, 2, 3, 9):
            assert await store.put_reading(reading(minute)) is False
        assert [p.value for p in await store.series("support-bot", "change", 10)] == [1.0, 2.0, 3.0, 9.0]
        assert len(await store.events("0-0", 10)) == 1  # what is old is no news

    run(make, story)


def test_a_series_is_read_by_range_of_time(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        for minute in range(10):
            await store.put_reading(reading(minute))
        at = [(START + timedelta(minutes=m)).timestamp() for m in range(10)]
        taken = await store.series("support-bot", "change", 100, start=at[3], end=at[6])
        assert [p.time for p in taken] == at[3:7]
        taken = await store.series("support-bot", "change", 2, end=at[6])
        assert [p.time for p in taken] == at[5:7]

    run(make, story)


def test_segments_of_a_monitor_stand_side_by_side(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        for minute, segment in ((3, None), (1, "language=de"), (2, "language=de"), (1, "language=es")):
            await store.put_reading(reading(minute, segment=segment))
        status = await store.status("support-bot") or {}
        assert sorted(status["readings"]) == ["change", "change[language=de]", "change[language=es]"]
        assert status["readings"]["change[language=de]"]["value"] == 2.0
        assert len(await store.series("support-bot", "change[language=de]", 9)) == 2
        assert len(await store.series("support-bot", "change", 9)) == 1

    run(make, story)


def test_silence_shows(make: Make) -> None:
    """After its time a status is unknown, not gone and not ok; an open incident stays open."""

    async def story(store: StatusStore) -> None:
        await store.put_reading(reading(1))
        await store.heartbeat("detect-0", {"role": "detect"})
        assert [w["worker"] for w in await store.workers()] == ["detect-0"]
        await asyncio.sleep(1.3)
        status = await store.status("support-bot") or {}
        assert (status["state"], status["readings"]) == ("unknown", {})
        assert datetime.fromisoformat(status["updated_at"]).tzinfo is not None
        assert await store.workers() == []
        assert await store.put_reading(reading(1)) is True  # a worker reads its past again
        assert len(await store.series("support-bot", "change", 10)) == 1
        await store.put_alert(alert(1))
        await asyncio.sleep(1.3)
        status = await store.status("support-bot") or {}
        assert (status["state"], len(status["incidents"])) == ("critical", 1)

    run(make, story, replace(Limits(), status_seconds=1, worker_seconds=1))
