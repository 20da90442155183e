import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from msgspec import structs

from agents.alert import Alerting
from agents.plumbing import Record
from app.core.rules import CLEAN_WINDOWS
from schemas.codec import encode
from schemas.decisions import Alert
from schemas.readings import Reading
from schemas.topics import ACKNOWLEDGEMENTS, ALERTS, ALERTS_STATE, DEAD_LETTERS, READINGS
from tests.agents.doubles import CONNECT, DictCheckpoints, RecordingOutbox, record, settings
from tests.rig.made import START


def reading(minute: int, state: str = "ok") -> Reading:
    return Reading(
        id=f"r{minute}",
        application="shop",
        monitor="change",
        state=state,
        time=START + timedelta(minutes=minute),
        value=9.0,
        threshold=8.0,
        reference="baseline-1",
    )


EPISODE = [
    reading(0),
    reading(1, "alarm"),
    reading(2, "alarm"),
    *(reading(minute) for minute in range(3, 3 + CLEAN_WINDOWS)),
]


def records(readings: Sequence[Reading], *, first: int = 0, partition: int = 0) -> list[Record]:
    return [record(READINGS, encode(r), first + i, partition=partition) for i, r in enumerate(readings)]


class Setting:
    """One worker after another on the same checkpoints."""

    def __init__(self) -> None:
        self.outbox, self.checkpoints = RecordingOutbox(), DictCheckpoints()
        self.restart()

    def restart(self) -> None:
        self.station = Alerting(
            settings(),
            outbox=self.outbox,  # type: ignore[arg-type]
            checkpoints=self.checkpoints,  # type: ignore[arg-type]
        )

    def process(self, batch: Sequence[Record]) -> None:
        asyncio.run(self.station.process(batch))

    def save(self) -> None:
        asyncio.run(self.station.checkpoint())

    @property
    def alerts(self) -> list[Alert]:
        return self.outbox.values(ALERTS, Alert)


def test_an_episode_is_two_transitions_on_both_topics_under_its_incident() -> None:
    place = Setting()
    place.process(records(EPISODE))
    assert [alert.state for alert in place.alerts] == ["firing", "resolved"]
    (incident,) = {alert.incident for alert in place.alerts}
    assert [s.value for s in place.outbox.on(ALERTS)] == [s.value for s in place.outbox.on(ALERTS_STATE)]
    assert {s.key for s in place.outbox.on(ALERTS) + place.outbox.on(ALERTS_STATE)} == {incident.encode()}


def test_headers_route_an_alert_without_opening_it() -> None:
    place = Setting()
    place.process(records(EPISODE))
    first, last = (sent.headers for sent in place.outbox.on(ALERTS))
    opened, resolved = place.alerts
    assert first == {
        "alert_id": opened.alert_id.encode(),
        "incident": opened.incident.encode(),
        "application": b"shop",
        "monitor": b"change",
        "segment": b"",
        "kind": b"change",
        "severity": b"warning",
        "state": b"firing",
        "transition": b"opened",
        "muted": b"false",
    }
    moved = {"state": b"resolved", "transition": b"resolved", "alert_id": resolved.alert_id.encode()}
    assert last == first | moved
    assert place.outbox.on(ALERTS_STATE)[0].headers == first


def test_records_that_come_again_change_nothing() -> None:
    place = Setting()
    place.process(records(EPISODE[:3]))
    place.process(records(EPISODE[:3]))
    place.process(records(EPISODE, first=3))  # the same readings, sent twice by a crashed detect
    assert [alert.state for alert in place.alerts] == ["firing", "resolved"]


def test_after_a_restart_the_same_ids_are_told_from_any_checkpoint() -> None:
    whole = Setting()
    whole.process(records(EPISODE))
    expected = {alert.alert_id for alert in whole.alerts}
    for saved_at in range(len(EPISODE)):
        place = Setting()
        place.process(records(EPISODE[:saved_at]))
        place.save()
        place.process(records(EPISODE[saved_at:], first=saved_at))  # not saved: the crash
        place.restart()
        place.process(records(EPISODE))
        assert {alert.alert_id for alert in place.alerts} == expected, saved_at


def test_a_forgotten_partition_goes_on_from_its_checkpoint() -> None:
    place = Setting()
    place.process(records(EPISODE[:2]))
    place.save()
    place.station.forget({0, 5})
    place.process(records(EPISODE))
    assert [alert.state for alert in place.alerts] == ["firing", "resolved"]


def test_partitions_have_incidents_of_their_own() -> None:
    place = Setting()
    other = [structs.replace(r, application="desk") for r in EPISODE]
    place.process([*records(EPISODE[:2]), *records(other[:2], partition=1)])
    assert {alert.application for alert in place.alerts} == {"shop", "desk"}
    place.save()
    assert sorted(place.checkpoints.states) == [0, 1]


def test_a_checkpoint_is_written_only_where_something_moved() -> None:
    place = Setting()
    place.process(records(EPISODE[:2]))
    place.save()
    place.save()
    assert (place.checkpoints.writes, place.checkpoints.offsets) == (1, {0: 1})


def test_what_is_no_reading_is_buried_once_and_the_rest_goes_on() -> None:
    place = Setting()
    poison = [record(READINGS, value, i) for i, value in enumerate([b"{}", b"\xff", b"", None])]
    for _ in range(2):
        place.process([*poison, *records(EPISODE, first=4)])
    assert [sent.value for sent in place.outbox.on(DEAD_LETTERS)] == [b"{}", b"\xff", b"", b""]
    message = place.outbox.on(DEAD_LETTERS)[0].headers[CONNECT + "exception.message"]
    assert message == b"value: is no Reading; only promptdrift writes to this topic"
    assert len(place.alerts) == 2


# Answers and silence


def answer(action: str, incident: str, offset: int) -> Record:
    found = {"application": "shop", "incident": incident, "time": START, "action": action, "by": "ada"}
    return record(ACKNOWLEDGEMENTS, msgspec.json.encode(found), offset)


def test_an_answer_meets_its_incident_and_survives_a_crash() -> None:
    place = Setting()
    place.process(records(EPISODE[:2]))
    incident = place.alerts[0].incident
    place.process([answer("acknowledge", incident, 0)])
    place.save()
    place.restart()
    place.process([answer("acknowledge", incident, 0), *records(EPISODE)])  # delivered again
    assert [a.transition for a in place.alerts] == ["opened", "acknowledged", "resolved"]
    assert place.alerts[-1].acknowledged_by == "ada"


def test_an_answer_that_is_none_is_buried_with_a_remedy() -> None:
    place = Setting()
    place.process([answer("explode", "x", 0), record(ACKNOWLEDGEMENTS, b"<script>", 1)])
    letters = place.outbox.on(DEAD_LETTERS)
    assert len(letters) == 2
    assert b"promptdrift schema show" in letters[0].headers[CONNECT + "exception.message"]


def test_offsets_of_the_two_topics_are_apart() -> None:
    place = Setting()
    place.process([answer("acknowledge", "nobody", 500)])
    place.process(records(EPISODE))
    assert [a.state for a in place.alerts] == ["firing", "resolved"]


def test_silence_goes_onto_the_log_as_a_reading_and_comes_back_as_unknown() -> None:
    place = Setting()
    place.station = Alerting(
        settings(worker={"silence_seconds": 1e-9}),
        outbox=place.outbox,  # type: ignore[arg-type]
        checkpoints=place.checkpoints,  # type: ignore[arg-type]
        assigned=lambda: {0},
    )
    place.process([])
    assert place.outbox.on(READINGS) == []  # no incident is open
    place.process(records(EPISODE[:2]))
    place.process([])
    place.process([])
    (said,) = place.outbox.values(READINGS, Reading)
    assert (said.monitor, said.state) == ("health", "unknown")
    place.process([record(READINGS, encode(said), 2)])
    assert [a.transition for a in place.alerts] == ["opened", "unknown"]


@pytest.mark.parametrize(("full", "said"), [(3, ["unknown"]), (2, [])])
def test_silence_of_one_is_noticed_while_others_speak_but_not_before_a_backlog_is_read(
    full: int, said: list[str]
) -> None:
    place = Setting()
    place.process(records(EPISODE[:2]))
    place.save()
    place.station = Alerting(
        settings(worker={"silence_seconds": 1e-9, "batch_events": full}),
        outbox=place.outbox,  # type: ignore[arg-type]
        checkpoints=place.checkpoints,  # type: ignore[arg-type]
        assigned=lambda: {0},
    )
    others = [structs.replace(r, application="other") for r in EPISODE[:2]]
    place.process(records(others, first=2))
    assert [r.state for r in place.outbox.values(READINGS, Reading) if r.application == "shop"] == said


def test_after_a_restart_silence_is_noticed_although_nothing_comes() -> None:
    place = Setting()
    place.process(records(EPISODE[:2]))
    place.save()
    place.station = Alerting(
        settings(worker={"silence_seconds": 1e-9}),
        outbox=place.outbox,  # type: ignore[arg-type]
        checkpoints=place.checkpoints,  # type: ignore[arg-type]
        assigned=lambda: {0},
    )
    place.process([])
    assert [r.state for r in place.outbox.values(READINGS, Reading)] == ["unknown"]
