"""A saved state that cannot be used: no worker dies, nothing counts twice or is told with other contents."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from types import SimpleNamespace

import msgspec
import pytest

from agents import dead_letters, recovery, release_runs
from app.adapters.fake_chat import FakeChat
from app.adapters.fake_pagerduty import FakePagerDuty
from app.adapters.partitioning import partition_of
from schemas.readings import PARTIAL, Reading, Tick
from schemas.topics import ALERTS_STATE, READINGS
from tests.agents import (
    measuring,
    test_alert,
    test_detect,
    test_evaluate,
    test_notify,
    test_outcomes,
    test_release_runs,
)
from tests.agents.doubles import RecordingOutbox, Sent, settings
from tests.agents.evaluator import Place, records, samples
from tests.agents.test_release_runs import set_file  # noqa: F401  a fixture
from tests.rig import made
from tests.rig.made import APP, interactions

PROBLEM = "its format is 0, ours 1"


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


def reading_from(monkeypatch: pytest.MonkeyPatch, outbox: RecordingOutbox) -> None:
    monkeypatch.setattr(recovery, "read_partition", outbox.reader())
    monkeypatch.setattr(dead_letters, "read_partition", outbox.reader())


def units(ticks: Sequence[Tick]) -> int:
    """What a reader counts: of each block the version that reaches farthest."""
    return sum(tick.units for tick in measuring.settled(ticks) if tick.application == APP)


@pytest.mark.parametrize("again", [False, True])
def test_measure_goes_on_behind_what_ticks_hold(monkeypatch: pytest.MonkeyPatch, again: bool) -> None:
    place, events = measuring.Setting(monkeypatch), interactions(200)
    reading_from(monkeypatch, place.outbox)
    log = measuring.records(events)
    place.process(log[:80])
    place.save()
    place.process(log[80:100])  # told, and in no state
    place.restart()
    place.checkpoints.problem = PROBLEM
    place.process(log[70:120], size=7)
    if again:
        place.save()
        place.restart()
    place.process(log[70:], size=23)
    assert place.checkpoints.told == [PROBLEM]
    assert units(place.ticks) == units(made.measured(events, partitions=2)) == 200
    assert {t.block_start for t in place.ticks if t.application == APP} == {0, 64, 100, 128, 192}


def test_a_state_that_does_not_fit_is_lost_and_not_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    place = measuring.Setting(monkeypatch)
    reading_from(monkeypatch, place.outbox)
    place.checkpoints.states[0], place.checkpoints.offsets[0] = {"last_offset": 9, "watermark": 3}, 9
    place.process(measuring.records(interactions(20)))
    (told,) = place.checkpoints.told
    assert "does not fit" in told
    assert units(place.ticks) == 10


def said_once(readings: Sequence[Reading]) -> None:
    """No id comes twice, and no window that ended before one that was told already."""
    whole = [r for r in readings if r.note != PARTIAL]
    assert len({r.id for r in whole}) == len(whole)
    latest: dict[str, float] = {}
    for each in whole:
        assert each.time.timestamp() >= latest.get(each.monitor, 0.0)
        latest[each.monitor] = each.time.timestamp()


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_detect_begins_anew_and_says_no_window_twice(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    place, sent = test_detect.Setting(), test_detect.records(test_detect.ticks())
    reading_from(monkeypatch, place.outbox)
    saved_at = round(share * len(sent))
    place.process(sent[:saved_at])
    place.save()
    place.process(sent[saved_at : saved_at + 4])
    count = len(place.readings)
    place.restart()
    place.checkpoints.problem = PROBLEM
    place.process(sent[saved_at - 2 :])
    assert place.checkpoints.told == [PROBLEM]
    assert len(place.readings) > count
    said_once(place.readings)
    if share < 0.5:
        assert place.readings[-1].state == "alarm", "the baseline is known: what comes is judged"


def test_outcomes_begin_anew_and_say_no_window_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    place, sent, saved_at = test_outcomes.Setting(), test_outcomes.merged(0.03), 300
    reading_from(monkeypatch, place.outbox)
    place.process(sent[:saved_at])
    place.save()
    place.process(sent[saved_at : saved_at + 40])
    count = len(place.readings)
    place.restart()
    place.checkpoints.problem = PROBLEM
    place.process(sent[saved_at - 20 :])
    assert len(place.readings) > count
    said_once(place.outbox.values(READINGS, Reading))


def test_quality_begins_anew_and_says_no_window_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    place, sent = test_evaluate.Setting(), test_evaluate.records()
    reading_from(monkeypatch, place.outbox)
    place.process(sent[:600])
    asyncio.run(place.station.checkpoint())
    place.process(sent[600:700])
    count = len(place.readings)
    place.restart()
    place.checkpoints.problem = PROBLEM
    place.process(sent[550:])
    assert len(place.readings) > count
    said_once(place.outbox.values(READINGS, Reading))


def test_an_open_incident_is_found_on_its_topic_and_ends_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    place, log = test_alert.Setting(), test_alert.records(test_alert.EPISODE)
    reading_from(monkeypatch, place.outbox)
    number = partition_of("shop", READINGS.partitions)
    log = test_alert.records(test_alert.EPISODE, partition=number)
    place.process(log[:1])
    place.save()
    place.process(log[1:3])  # it opens
    place.restart()
    place.checkpoints.problem = PROBLEM
    place.process(log)
    opened, resolved = place.alerts
    assert (opened.transition, resolved.transition) == ("opened", "resolved")
    assert opened.incident == resolved.incident
    assert resolved.members_total == 1


def told(desk: test_notify.Desk, *alerts: object) -> None:
    """What *alert* put on the topic of states."""
    for each in alerts:
        value = msgspec.json.encode(each)
        desk.outbox.sent.append(Sent(ALERTS_STATE.name, test_notify.OPENED.incident.encode(), value, 0, {}))


def test_a_lost_backlog_tells_the_end_of_what_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(desk: test_notify.Desk, fake: FakePagerDuty) -> None:
        await desk.until(lambda: desk.outcomes == ["trigger sent"], test_notify.said(test_notify.OPENED))
        told(desk, test_notify.OPENED, test_notify.RESOLVED)
        desk.outbox.sent = [  # by key they lie elsewhere than on the partition of this test
            Sent(s.topic, s.key, s.value, 0, s.headers) for s in desk.outbox.sent
        ]
        monkeypatch.setattr(recovery, "read_partition", desk.outbox.reader())
        desk.restart()
        desk.checkpoints.problem = PROBLEM
        await desk.until(lambda: desk.outcomes == ["trigger sent", "resolve sent"])
        assert [(i.state, i.events) for i in fake.incidents] == [("resolved", ["trigger", "resolve"])]

    test_notify.played(story)


def test_a_lost_backlog_tells_what_is_open_and_nobody_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(desk: test_notify.Desk, fake: FakePagerDuty) -> None:
        desk.checkpoints.states[0], desk.checkpoints.offsets[0] = {}, 3
        told(desk, test_notify.OPENED)
        monkeypatch.setattr(recovery, "read_partition", desk.outbox.reader())
        desk.checkpoints.problem = PROBLEM
        await desk.until(lambda: desk.outcomes == ["trigger sent"])
        assert [i.state for i in fake.incidents] == ["triggered"]

    test_notify.played(story)


def test_a_run_that_waited_is_found_on_the_topic_of_deployments(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(place: test_release_runs.Place, server: FakeChat) -> None:
        on_topic = test_release_runs.told(0, "d1")

        async def read(*_: object, **__: object) -> AsyncIterator[object]:
            yield SimpleNamespace(offset=0, value=on_topic.value, timestamp=time.time() * 1000)

        monkeypatch.setattr(release_runs, "read_partition", read)
        place.checkpoints.states[0], place.checkpoints.offsets[0] = {}, 3
        place.checkpoints.problem = PROBLEM
        await place.until(lambda: len(place.rows.of("d1")) == test_release_runs.COUNT)
        await place.until(lambda: place.idle, [on_topic])
        asked = len(server.requests)
        place.crash()
        place.checkpoints.problem = PROBLEM
        await place.until(lambda: place.idle)
        assert len(server.requests) == asked, "its rows are there"

    test_release_runs.played(story)


def test_rows_of_live_answers_are_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    place, log = Place(monkeypatch, settings()), records(samples(40))

    async def go() -> None:
        await place.read(log)
        await place.finish()
        place.restart()
        place.checkpoints.problem = PROBLEM
        await place.read(log)
        await place.finish()

    asyncio.run(go())
    assert place.checkpoints.told == [PROBLEM]
    assert len({row.id for row in place.rows}) == len(place.rows)
