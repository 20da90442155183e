"""From a stage that falls silent to an incident and to `unknown`, with the settings that everybody has."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agents import status, vitals
from app.adapters.status_document import Limits, blindness, empty, judged, with_reading
from app.core.bulletin import Bulletin
from app.core.health import PIPELINE, Health, HealthLimits, Place
from app.core.incidents import Incidents
from app.core.rules import Rules
from app.settings import HealthSettings
from schemas.decisions import Alert
from tests.adapters.test_status_document import WORKER, document
from tests.contracts.status_values import reading

MINUTE = 60.0
STAGES = ("measure", "detect", "alert")
LIMITS = HealthLimits(**HealthSettings().model_dump())
SLOWEST_LOOK = vitals.LOOK_SECONDS + vitals.ANSWER_SECONDS  # a broker that hardly answers in time


def story(silent: str, *, look_seconds: float) -> tuple[float, list[Alert], dict[str, Any]]:
    """Traffic flows, then one stage finishes nothing more: seconds to the incident, it, and the document."""
    health, bulletin, incidents = Health(LIMITS), Bulletin(), Incidents(Rules())
    committed, now, end = dict.fromkeys(STAGES, 0), 1_772_438_400.0, 0
    stood, pipeline = now + 40 * look_seconds, empty(PIPELINE)
    alerts: list[Alert] = []
    while not alerts and now < stood + 2 * MINUTE:
        now, end = now + look_seconds, end + 100
        committed |= {stage: end for stage in STAGES if stage != silent or now <= stood}
        places = [Place(stage=s, topic=s, partition=0, committed=committed[s], end=end) for s in STAGES]
        for said in bulletin.readings(
            health.look(now, places, letters=0, arrived=end, store_fresh=True), now
        ):
            alerts += incidents.decide(said)
            pipeline = with_reading(pipeline, said, now=datetime.fromtimestamp(now, UTC)) or pipeline
    return now - stood, alerts, pipeline


@pytest.mark.parametrize("silent", ["measure", "detect"])
@pytest.mark.parametrize("look_seconds", [vitals.LOOK_SECONDS, SLOWEST_LOOK])
def test_a_stage_that_falls_silent_is_an_incident_and_unknown_within_a_minute(
    silent: str, look_seconds: float
) -> None:
    took, alerts, pipeline = story(silent, look_seconds=look_seconds)
    assert took < MINUTE
    (opened,) = alerts
    assert (opened.application, opened.monitor, opened.severity) == (PIPELINE, "health", "critical")
    seen = judged(document(reading(1)), pipeline, [WORKER])
    assert (seen["state"], silent in seen["why"]) == ("unknown", True)


def test_a_worker_whose_heart_stops_is_unknown_within_a_minute() -> None:
    """Nobody is left to write: the store forgets the heartbeat by itself."""
    assert Limits().worker_seconds + status.HEARTBEAT_SECONDS < MINUTE
    assert Limits().worker_seconds > 3 * status.HEARTBEAT_SECONDS  # and not for one that was late
    assert blindness(None, []) is not None


def test_the_defaults_leave_time_to_say_it() -> None:
    assert LIMITS.stalled_seconds + SLOWEST_LOOK < MINUTE
