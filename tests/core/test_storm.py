"""The whole life cycle: many eyes on one episode, a crash anywhere, any sequence of states."""

from collections.abc import Sequence
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.incidents import Incidents
from schemas.decisions import Severity
from schemas.readings import Reading
from tests.core.said import at, say, told
from tests.rig.made import through_msgpack


@cache
def storm(seed: int) -> Sequence[Reading]:
    """24 h seen by 12 segments and three monitors, each with its own beginning, end and gaps."""
    out: list[Reading] = []
    for number in range(36):
        monitor = ("change", "responses", "outcomes:completion")[number % 3]
        segment = None if number < 3 else f"tenant={number // 3}"
        begins, ends = 10 + (number * 7 + seed) % 50, 24 * 60 - (number * 11 + seed) % 90
        for minute in range((number + seed) % 5, 25 * 60, 5):
            state = "alarm" if begins <= minute < ends and (minute + number) % 13 else "ok"
            out.append(say(minute, state, monitor, segment=segment))
    return sorted(out, key=lambda r: (r.time, r.id))


@pytest.mark.parametrize("seed", [0, 3])
def test_a_day_of_drift_seen_by_everything_is_one_incident(seed: int) -> None:
    alerts = told(storm(seed))
    assert [a.transition for a in alerts if a.transition != "joined"] == ["opened", "resolved"]
    assert len({a.incident for a in alerts}) == 1
    assert len(alerts[-1].members) == 36


def test_an_alert_stays_small_however_many_see_it() -> None:
    alerts = told([say(n, "alarm", segment=f"tenant={n}") for n in range(300)])
    assert (len(alerts[-1].members), alerts[-1].members_total) == (100, 300)
    assert len(msgspec.json.encode(alerts[-1])) < 60_000
    assert "300 monitors" in alerts[-1].summary


@settings(max_examples=25)
@given(st.integers(1, 800), st.integers(0, 60))
def test_a_crash_anywhere_in_it_changes_nothing(cut: int, again: int) -> None:
    readings = [r for r in storm(1) if r.time < at(70) or r.time > at(24 * 60 - 30)]
    cut = min(cut, len(readings))
    expected = told(readings)
    one, other = Incidents(), Incidents()
    before = [a for r in readings[:cut] for a in one.decide(r)]
    other.restore(through_msgpack(one.snapshot()))
    after = [a for r in readings[max(0, cut - again) :] for a in other.decide(r)]
    assert [*before, *after] == expected


STATES = st.sampled_from(["ok", "alarm", "unknown", "pending"])
EYES = st.sampled_from(["change", "gap", "responses", "health"])


@given(st.lists(st.tuples(EYES, STATES), max_size=80))
def test_every_incident_ends_at_most_once_and_ids_never_repeat(steps: list[tuple[str, str]]) -> None:
    alerts = told([say(n, state, eye) for n, (eye, state) in enumerate(steps)])
    assert len({a.alert_id for a in alerts}) == len(alerts)
    severities: dict[str, Severity] = {}
    states: dict[str, str] = {}
    for alert in alerts:
        assert states.get(alert.incident, "new" if alert.transition == "opened" else "") != "resolved"
        assert (alert.incident in states) == (alert.transition != "opened")
        assert (severities.get(alert.incident), alert.severity) != ("critical", "warning")
        states[alert.incident], severities[alert.incident] = alert.state, alert.severity
