"""One incident per application and episode, whatever sees it: members, mutes, answers, silence, reminders."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from app.core.incidents import Incidents
from app.core.rules import CLEAN_WINDOWS, GAP_ALARM_WINDOWS, Rules
from app.core.tracks import QUIET_SECONDS
from schemas.decisions import Acknowledgement
from schemas.monitors import Monitor, Mute
from schemas.readings import PARTIAL, Uncovered
from tests.core.said import at, clean, say, told, words
from tests.rig.made import APP

FAR: dict[str, Any] = {"value": 9.5, "uncovered": Uncovered(share=0.2, low=0.15, high=0.3)}


def test_what_alarms_while_an_incident_is_open_joins_it() -> None:
    alerts = told(
        [
            say(1, "alarm"),
            say(2, "alarm", "responses"),
            say(3, "alarm", segment="language=de"),
            *clean(4),
            *clean(20, "responses"),
            *clean(40, segment="language=de"),
        ]
    )
    assert words(alerts) == ["opened", "joined", "joined", "resolved"]
    assert len({a.incident for a in alerts}) == 1
    assert [(m.monitor, m.segment, m.state) for m in alerts[2].members] == [
        ("change", None, "alarm"),
        ("responses", None, "alarm"),
        ("change", "language=de", "alarm"),
    ]
    assert {m.state for m in alerts[-1].members} == {"ok"}
    assert "3 monitors" in alerts[2].summary


def test_the_root_is_the_earliest_onset_and_speaks_first() -> None:
    first, second = (
        say(5, "alarm", onset_at=at(4), detected_at=at(5)),
        say(6, "alarm", "outcomes:solved", onset_at=at(1)),
    )
    opened, joined = told([first, second])
    assert (opened.monitor, joined.monitor) == ("change", "outcomes:solved")
    assert joined.started_at == at(1)
    assert joined.incident == opened.incident
    assert [m.monitor for m in joined.members] == ["outcomes:solved", "change"]


@pytest.mark.parametrize(
    ("low", "root"),
    [(3.5, "responses"), (3.0, "change"), (1.0, "change"), (None, "change")],
)
@pytest.mark.parametrize("prompts_first", [True, False])
def test_responses_follow_from_prompts_unless_those_surely_changed_later(
    low: float | None, root: str, *, prompts_first: bool
) -> None:
    asked = say(6, "alarm", onset_at=at(4), onset_low=None if low is None else at(low), value=8.0)
    answered = say(6, "alarm", "responses", onset_at=at(3), onset_low=at(1), value=9.0)
    joined = told([asked, answered] if prompts_first else [answered, asked])[-1]
    assert (joined.monitor, joined.value) == (root, 8.0 if root == "change" else 9.0)
    assert joined.members[0].monitor == root
    ended = told([answered, asked, *clean(7, "responses"), *clean(7, reference="b1")])[-1]
    assert (ended.transition, ended.members[0].monitor) == ("resolved", root)


def test_a_member_that_was_clean_and_alarms_again_joins_again() -> None:
    alerts = told(
        [
            say(1, "alarm"),
            say(1, "alarm", "responses"),
            *clean(2, "responses"),
            say(20, "alarm", "responses"),
            *clean(21),
            *clean(40, "responses"),
        ]
    )
    assert words(alerts) == ["opened", "joined", "joined", "resolved"]


def test_a_member_makes_the_whole_incident_critical() -> None:
    alerts = told([say(1, "alarm"), say(2, "alarm", "outcomes", **FAR), say(3, "alarm", "outcomes", **FAR)])
    assert words(alerts) == ["opened", "escalated"]
    assert [m.severity for m in alerts[1].members] == ["warning", "critical"]


def test_a_gap_opens_when_it_lasts() -> None:
    excursions = [say(n, "alarm" if n % GAP_ALARM_WINDOWS else "ok", "gap") for n in range(12)]
    assert told(excursions) == []
    lasting = [say(n, "alarm", "gap", detected_at=at(n)) for n in range(6)]
    (alert,) = told(lasting)
    assert alert.detected_at == at(0)
    assert told([say(n, "alarm", "gap", note=PARTIAL) for n in range(9)]) == []


def test_nothing_happens_where_a_monitor_is_switched_off() -> None:
    off = [Monitor(monitor="gap", enabled=False)]
    readings = [say(n, "alarm", "gap") for n in range(9)]
    assert told(readings, off) == []
    assert told(readings) != []


def test_windows_are_counted_as_the_rules_say() -> None:
    rules = [Monitor(alarm_windows=2, clean_windows=1)]
    assert words(told([say(1, "alarm"), say(2, "alarm"), say(3)], rules)) == ["opened", "resolved"]
    assert told([say(1, "alarm"), say(2), say(3, "alarm")], rules) == []


def test_labels_runbook_and_sinks_travel_with_the_alert() -> None:
    rules = [
        Monitor(labels={"team": "a"}, sinks=["pager"], runbook="https://wiki/x"),
        Monitor(application=APP, labels={"tier": "1"}, annotations={"who": "desk"}),
    ]
    (alert,) = told([say(1, "alarm")], rules)
    assert alert.labels == {"team": "a", "tier": "1"}
    assert (alert.sinks, alert.runbook) == (["pager"], "https://wiki/x")
    assert alert.annotations == {"who": "desk"}


# Answers


def answered(incidents: Incidents, incident: str, action: str, minute: float = 2) -> list[str]:
    facts = {"application": APP, "incident": incident, "time": at(minute), "by": "ada", "action": action}
    answer = msgspec.convert(facts, Acknowledgement)
    return words(incidents.answer(answer))


@pytest.fixture
def opened() -> tuple[Incidents, str]:
    incidents = Incidents()
    (alert,) = incidents.decide(say(1, "alarm"))
    return incidents, alert.incident


def test_an_acknowledgement_is_told_once_and_can_be_taken_back(opened: tuple[Incidents, str]) -> None:
    incidents, name = opened
    assert answered(incidents, name, "acknowledge") == ["acknowledged"]
    assert answered(incidents, name, "acknowledge") == []
    assert answered(incidents, name, "unacknowledge", 3) == ["unacknowledged"]
    assert answered(incidents, name, "unacknowledge") == []
    assert answered(incidents, "another", "acknowledge") == []


def test_an_escalation_takes_an_acknowledgement_back(opened: tuple[Incidents, str]) -> None:
    incidents, name = opened
    answered(incidents, name, "acknowledge")
    (alert,) = incidents.decide(say(3, "alarm", **FAR))
    assert (alert.transition, alert.acknowledged_by) == ("escalated", None)


def test_what_was_closed_by_hand_stays_closed_until_it_was_clean(opened: tuple[Incidents, str]) -> None:
    incidents, name = opened
    assert answered(incidents, name, "resolve") == ["resolved"]
    assert answered(incidents, name, "resolve") == []
    for reading in [say(2, "alarm"), say(3, "alarm", **FAR), *clean(4)]:
        assert incidents.decide(reading) == []
    (again,) = incidents.decide(say(20, "alarm", detected_at=at(20)))
    assert (again.transition, again.incident == name) == ("opened", False)


def test_something_new_opens_a_new_incident_over_a_closed_one(opened: tuple[Incidents, str]) -> None:
    incidents, name = opened
    answered(incidents, name, "resolve")
    (new,) = incidents.decide(say(2, "alarm", "responses"))
    assert (new.transition, new.incident == name) == ("opened", False)


# Mutes, reminders, escalation by time


WEEKEND = Monitor(mute=[Mute(since=at(0), until=at(10))])


def test_what_opens_in_a_mute_is_told_at_its_end() -> None:
    alerts = told([say(n, "alarm") for n in (1, 5, 11, 12)], [WEEKEND])
    assert words(alerts) == ["opened", "unmuted"]
    assert [a.muted for a in alerts] == [True, False]


def test_what_is_over_before_the_mute_ends_is_never_told() -> None:
    alerts = told([say(1, "alarm"), *clean(2), *clean(30)], [WEEKEND])
    assert words(alerts) == ["opened", "resolved"]
    assert [a.muted for a in alerts] == [True, True]


def test_who_has_it_in_hand_is_not_told_at_the_end_of_a_mute() -> None:
    incidents = Incidents(Rules([WEEKEND]))
    (opened,) = incidents.decide(say(1, "alarm"))
    answered(incidents, opened.incident, "acknowledge")
    assert [a for n in (11, 12) for a in incidents.decide(say(n, "alarm"))] == []
    assert answered(incidents, opened.incident, "unacknowledge", 13) == ["unacknowledged"]
    assert words(incidents.decide(say(14, "alarm"))) == ["unmuted"]


def test_what_becomes_critical_after_the_mute_is_told_once() -> None:
    incidents = Incidents(Rules([WEEKEND]))
    (opened,) = incidents.decide(say(1, "alarm"))
    answered(incidents, opened.incident, "acknowledge")
    (escalated,) = [a for n in (11, 12) for a in incidents.decide(say(n, "alarm", **FAR))]
    assert (escalated.transition, escalated.muted) == ("escalated", False)


def test_reminders_come_while_it_goes_on_and_nobody_answered() -> None:
    incidents = Incidents(Rules([Monitor(remind_seconds=600)]))
    alerts = [a for n in range(0, 41) for a in incidents.decide(say(n, "alarm"))]
    assert words(alerts) == ["opened", "reminded", "reminded", "reminded", "reminded"]
    assert [a.reminders for a in alerts] == [0, 1, 2, 3, 4]
    answered(incidents, alerts[0].incident, "acknowledge")
    assert [a for n in range(41, 80) for a in incidents.decide(say(n, "alarm"))] == []


def test_a_warning_that_nobody_answers_becomes_critical_once() -> None:
    alerts = told([say(n, "alarm") for n in range(1, 100)], [Monitor(escalate_seconds=1800)])
    assert words(alerts) == ["opened", "escalated"]
    assert alerts[1].updated_at - alerts[0].updated_at == timedelta(minutes=30)


# Silence


def test_when_data_stop_it_is_unknown_and_neither_on_nor_over() -> None:
    silent = say(2, "unknown", "health")
    alerts = told([say(1, "alarm"), say(1, "alarm", "responses"), silent, silent, say(3, "alarm"), *clean(4)])
    assert words(alerts) == ["opened", "joined", "unknown", "resumed"]
    assert [a.unknown for a in alerts] == [False, False, True, False]
    assert {m.state for m in alerts[2].members} == {"unknown"}
    assert {a.state for a in alerts} == {"firing"}


def test_one_silent_monitor_of_two_does_not_make_the_incident_unknown() -> None:
    alerts = told([say(1, "alarm"), say(1, "alarm", "responses"), say(2, "unknown", "responses")])
    assert words(alerts) == ["opened", "joined"]


def test_clean_windows_are_counted_anew_after_silence() -> None:
    readings = [say(1, "alarm"), *clean(2, count=CLEAN_WINDOWS - 1), say(20, "unknown"), *clean(21)]
    assert words(told(readings[:-1])) == ["opened", "unknown", "resumed"]
    assert words(told(readings)) == ["opened", "unknown", "resumed", "resolved"]


def test_a_segment_that_fell_silent_for_good_keeps_no_incident_open() -> None:
    later = 2 + int(QUIET_SECONDS / 60)
    alarms = [say(1, "alarm"), say(2, "alarm", segment="language=de")]
    readings = [*alarms, *(say(n) for n in range(3, later, 10))]
    assert words(told(readings)) == ["opened", "joined"]
    assert words(told([*readings, say(later)])) == ["opened", "joined", "resolved"]
