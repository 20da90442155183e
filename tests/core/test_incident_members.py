"""Members of an incident that are not heard any more, speak seldom, or are switched off."""

from collections.abc import Iterator

import msgspec
import pytest

from app.core.incidents import Incidents
from app.core.rules import Rules
from schemas.decisions import Alert
from schemas.monitors import Monitor
from schemas.readings import Reading
from tests.core.notices import Place
from tests.core.test_incidents import decided, reading
from tests.rig.made import APP, through_msgpack

HOUR, DAY = 60, 24 * 60  # minutes


def of(monitor: str, minute: int, state: str = "ok") -> Reading:
    return reading(minute, state, id=f"{monitor}-{minute}", monitor=monitor)


def clean(monitor: str, first: int, last: int, every: int = 30) -> Iterator[Reading]:
    return (of(monitor, minute) for minute in range(first, last, every))


def said(incidents: Incidents, *readings: Reading) -> list[str | None]:
    return [alert.transition for alert in decided(readings, incidents)]


def begun(*monitors: str) -> Incidents:
    station = Incidents()
    alerts: list[Alert] = decided([of(monitor, 0, "alarm") for monitor in monitors], station)
    assert [alert.transition for alert in alerts] == ["opened"] + ["joined"] * (len(monitors) - 1)
    return station


def test_a_sole_member_that_is_heard_no_more_ends_its_incident_and_the_next_one_pages() -> None:
    station = begun("judge:old")
    alerts = decided(list(clean("change", 1, 30 * DAY)), station)
    assert [alert.transition for alert in alerts] == ["resolved"]
    assert "not heard any more" in alerts[0].summary
    assert 6 * HOUR <= (alerts[0].updated_at - reading(0).time).total_seconds() / 60 <= 7 * HOUR
    assert said(station, of("change", 31 * DAY, "alarm")) == ["opened"]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_night_without_traffic_is_held_against_nobody(restarted: bool) -> None:
    station = begun("change")
    if restarted:
        saved, station = through_msgpack(station.snapshot()), Incidents()
        station.restore(saved)
    morning = 10 * HOUR
    assert said(station, *clean("gap", morning, morning + 3 * HOUR)) == []
    assert said(station, of("change", morning + 3 * HOUR, "alarm")) == []
    assert APP in {alert.application for alert in station.open}


def test_data_that_stopped_are_no_member_that_left() -> None:
    station = begun("change")
    stopped = [of("health", minute, "unknown") for minute in range(HOUR, 9 * HOUR, 30)]
    assert said(station, *stopped) == ["unknown"]
    assert said(station, *clean("gap", 9 * HOUR, 12 * HOUR)) == []
    assert said(station, of("change", 12 * HOUR, "alarm")) == ["resumed"]


def test_who_speaks_once_a_day_is_waited_for() -> None:
    station = Incidents()
    looks = [of("adaptation", day * DAY, "alarm" if day else "ok") for day in range(2)]
    assert said(station, looks[0], *clean("change", 0, DAY), looks[1]) == ["opened"]
    assert said(station, *clean("change", DAY, 2 * DAY), of("adaptation", 2 * DAY, "alarm")) == []
    assert said(station, *clean("change", 2 * DAY, 6 * DAY)) == ["resolved"]


def test_a_monitor_that_is_switched_off_leaves_at_its_next_word() -> None:
    saved = through_msgpack(begun("change", "responses").snapshot())
    station = Incidents(Rules([Monitor(monitor="responses", enabled=False)]))
    station.restore(saved)
    assert said(station, of("responses", 5, "alarm"), *(of("change", minute) for minute in range(6, 14))) == [
        "resolved"
    ]
    again = Incidents(Rules([Monitor(monitor="responses", enabled=False)]))
    again.restore(through_msgpack(begun("responses").snapshot()))
    (over,) = decided([of("responses", 5, "alarm"), of("responses", 6, "alarm")], again)
    assert (over.transition, "switched off" in over.summary) == ("resolved", True)


def test_who_comes_back_after_it_was_not_waited_for_is_another_incident_and_pages_again() -> None:
    station, place = Incidents(), Place()
    episode = reading(1).time  # of all its alarms
    lasting = [of("change", minute, "alarm") for minute in (1, 10 * HOUR, 10 * HOUR + 10)]
    lasting = [msgspec.structs.replace(each, detected_at=episode) for each in lasting]
    alerts = decided([lasting[0], *clean("responses", 10, 10 * HOUR), *lasting[1:]], station)
    assert [alert.transition for alert in alerts] == ["opened", "resolved", "opened"]
    assert len({alert.incident for alert in alerts}) == 2
    assert alerts[2].detected_at == alerts[1].ended_at
    place.hear(*alerts[:2])
    assert place.flush() == [f"trigger {alerts[0].incident}", f"resolve {alerts[0].incident}"]
    place.hear(alerts[2])
    assert place.flush() == [f"trigger {alerts[2].incident}"]


def test_a_monitor_that_is_switched_on_again_pages_again() -> None:
    off, on = Incidents(Rules([Monitor(monitor="responses", enabled=False)])), Incidents()
    before = begun("responses")
    opened = before.open[0]
    off.restore(through_msgpack(before.snapshot()))
    assert said(off, of("responses", 5, "alarm")) == ["resolved"]
    on.restore(through_msgpack(off.snapshot()))
    (again,) = decided([of("responses", 9 * HOUR, "alarm")], on)
    assert (again.transition, again.incident == opened.incident) == ("opened", False)


@pytest.mark.parametrize("told", [False, True])
def test_pauses_of_the_application_do_not_keep_who_left(told: bool) -> None:
    """Five hours of traffic a day; whether silence is told of or not."""
    station = begun("change", "responses")
    heard: list[Reading] = []
    for day in range(5):
        heard += clean("change", day * DAY + 10, day * DAY + 5 * HOUR, every=10)
        heard += [of("health", day * DAY + 6 * HOUR, "unknown")] if told else []
    assert said(station, *heard)[-1] == "resolved"
    assert station.open == []


def test_after_a_lost_state_who_speaks_once_a_day_is_waited_for() -> None:
    station = Incidents()
    station.resume(decided([of("adaptation", 0, "alarm")]))
    assert said(station, *clean("change", 10, DAY), of("adaptation", DAY, "alarm")) == []
    assert len(station.open) == 1
