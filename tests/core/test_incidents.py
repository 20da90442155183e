from collections.abc import Sequence
from datetime import timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.incidents import Incidents
from app.core.rules import CLEAN_WINDOWS
from schemas.decisions import Alert
from schemas.readings import Reading, Uncovered
from tests.rig.made import APP, START, through_msgpack


def reading(number: int, state: str = "ok", **more: object) -> Reading:
    facts = {
        "id": f"reading-{number}",
        "application": APP,
        "monitor": "change",
        "state": state,
        "time": START + timedelta(minutes=number),
        "value": 7.0,
        "threshold": 6.0,
        "reference": "baseline-1",
        **more,
    }
    return msgspec.convert(facts, Reading)


def decided(readings: Sequence[Reading], incidents: Incidents | None = None) -> list[Alert]:
    station = incidents or Incidents()
    return [alert for each in readings for alert in station.decide(each)]


CRITICAL = {"value": 9.5, "uncovered": Uncovered(share=0.2, low=0.15, high=0.3)}
EPISODE = [
    *[reading(n) for n in range(3)],
    reading(3, "pending"),
    *[reading(n, "alarm") for n in range(4, 8)],
    *[reading(n) for n in range(8, 8 + CLEAN_WINDOWS)],
]


def test_an_incident_opens_once_and_resolves_after_clean_windows() -> None:
    alerts = decided(EPISODE)
    assert [a.state for a in alerts] == ["firing", "resolved"]
    assert {a.incident for a in alerts} == {alerts[0].incident}
    assert [a.reading_id for a in alerts] == ["reading-4", EPISODE[-1].id]
    assert alerts[1].ended_at == EPISODE[-1].time
    assert alerts[1].started_at == alerts[0].started_at


def test_quiet_and_pending_readings_alert_nobody() -> None:
    assert (
        decided([reading(n, state) for n, state in enumerate(["ok", "pending", "learning", "unknown"])]) == []
    )


def test_one_clean_window_too_few_keeps_it_open() -> None:
    assert [a.state for a in decided(EPISODE[:-1])] == ["firing"]


def test_an_alarm_between_clean_windows_starts_their_count_again() -> None:
    readings = [*EPISODE[:-1], reading(20, "alarm"), *[reading(n) for n in range(21, 20 + CLEAN_WINDOWS)]]
    assert [a.state for a in decided(readings)] == ["firing"]


@pytest.mark.parametrize("state", ["pending", "learning", "unknown"])
def test_a_window_that_is_not_known_to_be_clean_does_not_count_as_clean(state: str) -> None:
    unsure = [reading(n, state) for n in range(8, 8 + 3 * CLEAN_WINDOWS)]
    assert "resolved" not in [a.state for a in decided([*EPISODE[:8], *unsure])]


def test_it_escalates_once() -> None:
    readings = [
        reading(1, "alarm"),
        *[reading(n, "alarm", **CRITICAL) for n in range(2, 6)],
        reading(6, "alarm"),
    ]
    alerts = decided(readings)
    assert [(a.state, a.severity) for a in alerts] == [("firing", "warning"), ("firing", "critical")]
    assert len({a.incident for a in alerts}) == 1
    assert len({a.alert_id for a in alerts}) == 2


def test_one_that_opens_critical_does_not_escalate_and_resolves_critical() -> None:
    clean = [reading(n) for n in range(3, 3 + CLEAN_WINDOWS)]
    alerts = decided([reading(1, "alarm", **CRITICAL), reading(2, "alarm", **CRITICAL), *clean])
    assert [(a.state, a.severity) for a in alerts] == [("firing", "critical"), ("resolved", "critical")]


def test_reopening_is_another_incident() -> None:
    later = [msgspec.structs.replace(r, id=f"later-{r.id}", time=r.time + timedelta(days=1)) for r in EPISODE]
    alerts = decided([*EPISODE, *later])
    assert [a.state for a in alerts] == ["firing", "resolved"] * 2
    assert len({a.incident for a in alerts}) == 2


def test_ids_derive_from_the_data_alone() -> None:
    assert decided(EPISODE) == decided(EPISODE)
    other = [msgspec.structs.replace(r, application="other") for r in EPISODE]
    assert not {a.alert_id for a in decided(other)} & {a.alert_id for a in decided(EPISODE)}


def test_a_reading_delivered_again_counts_once() -> None:
    twice = [r for each in EPISODE[:-1] for r in (each, each)]
    assert [a.state for a in decided(twice)] == ["firing"]
    assert decided([r for each in EPISODE for r in (each, each)]) == decided(EPISODE)


@given(st.integers(0, 15), st.integers(0, 15))
def test_a_stretch_delivered_again_changes_nothing(a: int, b: int) -> None:
    low, high = sorted((a, b))
    assert decided([*EPISODE[:high], *EPISODE[low:]]) == decided(EPISODE)


def test_windows_that_end_at_one_instant_count_each() -> None:
    clean = [
        msgspec.structs.replace(r, time=EPISODE[8].time) for r in EPISODE[8:]
    ]  # a busy bucket holds several windows
    alerts = decided([*EPISODE[:8], *clean, *clean])
    assert [a.state for a in alerts] == ["firing", "resolved"]
    assert alerts[1].reading_id == clean[-1].id


def test_a_partial_reading_is_never_a_clean_window() -> None:
    partial = [reading(n, note="partial window") for n in range(8, 8 + 3 * CLEAN_WINDOWS)]
    assert [a.state for a in decided([*EPISODE[:8], *partial])] == ["firing"]


def test_an_alarm_at_the_end_of_the_input_is_the_same_incident_if_the_input_goes_on() -> None:
    early = reading(4, "alarm", note="partial window", detected_at=START)
    later = [reading(n, "alarm", detected_at=START) for n in range(5, 8)]
    assert [a.state for a in decided([early, *later])] == ["firing"]
    assert decided([early, *later])[0].incident == decided(later)[0].incident


def test_applications_are_apart() -> None:
    mixed = [r for each in EPISODE for r in (each, msgspec.structs.replace(each, application="other"))]
    alerts = decided(mixed)
    assert len(alerts) == 4
    assert len({a.incident for a in alerts}) == 2


@given(st.integers(0, len(EPISODE)), st.integers(0, 99))
def test_a_restored_one_decides_alike(cut: int, seed: int) -> None:
    one, other = Incidents(), Incidents()
    decided(EPISODE[:cut], one)
    other.restore(through_msgpack(one.snapshot()))
    again = Random(seed).sample(EPISODE[:cut], cut)  # some of it is delivered again
    assert decided([*again, *EPISODE[cut:]], other) == decided(EPISODE[cut:], one)


def test_its_memory_does_not_grow_with_the_readings() -> None:
    station = Incidents()
    decided([reading(n) for n in range(500)], station)
    assert len(msgspec.msgpack.encode(station.snapshot())) < 200
