"""Readings as monitors say them, and the alerts that become of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app.core.incidents import Incidents
from app.core.rules import CLEAN_WINDOWS, Rules
from schemas.decisions import TRANSITIONS, Alert
from schemas.monitors import Monitor
from schemas.readings import Reading
from tests.rig.made import APP, START


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def say(minute: float, state: str = "ok", monitor: str = "change", **more: Any) -> Reading:
    facts = {
        "id": f"{monitor}-{more.get('segment')}-{minute}",
        "application": APP,
        "monitor": monitor,
        "state": state,
        "time": at(minute),
        "value": 7.0,
        "threshold": 6.0,
        "reference": "b1",
        **more,
    }
    return msgspec.convert(facts, Reading)


def clean(first: int, monitor: str = "change", count: int = CLEAN_WINDOWS, **more: Any) -> list[Reading]:
    return [say(n, monitor=monitor, **more) for n in range(first, first + count)]


def told(readings: Sequence[Reading], rules: Sequence[Monitor] = ()) -> list[Alert]:
    incidents = Incidents(Rules(rules))
    return [alert for each in readings for alert in incidents.decide(each)]


def words(alerts: Sequence[Alert]) -> list[str]:
    assert {alert.transition for alert in alerts} <= set(TRANSITIONS)
    assert len({alert.alert_id for alert in alerts}) == len(alerts)
    return [alert.transition for alert in alerts]
