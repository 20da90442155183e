"""What a status document says when the pipeline does not live, or data have stopped."""

from datetime import timedelta
from typing import Any

import msgspec

from app.adapters.status_document import NO_WORKER, empty, judged, with_incidents, with_reading
from schemas.readings import Reading
from tests.contracts.status_values import START, alert, reading

WORKER = {"worker": "w", "role": "worker"}
NOTIFIER = {"worker": "n", "role": "notifier"}


def document(*readings: Reading) -> dict[str, Any]:
    """An application's document after some readings, a minute apart by wall clock."""
    held = empty("support-bot")
    for number, each in enumerate(readings):
        held = with_reading(held, each, now=START + timedelta(minutes=number)) or held
    return held


def health(condition: str, severity: str | None = "critical") -> dict[str, Any]:
    said = reading(1, monitor="health", state="alarm", segment=condition)
    return document(msgspec.structs.replace(said, severity=severity, note="it stands"))


def test_a_living_pipeline_leaves_the_state_as_it_is() -> None:
    said = judged(document(reading(1)), health("dead letters"), [WORKER, NOTIFIER])
    assert (said["state"], said["why"]) == ("ok", None)


def test_a_notifier_alone_measures_nothing() -> None:
    for workers in ([], [NOTIFIER]):
        said = judged(document(reading(1)), None, workers)
        assert (said["state"], said["why"]) == ("unknown", NO_WORKER)


def test_a_stage_that_stands_blinds_all_but_open_incidents() -> None:
    for condition, severity, state in (
        ("stage detect", "critical", "unknown"),
        ("stage measure", "critical", "unknown"),
        ("stage notify", "critical", "ok"),  # traffic is still judged
        ("stage detect", "warning", "ok"),  # behind, and moving
    ):
        said = judged(document(reading(1)), health(condition, severity), [WORKER])
        assert said["state"] == state, condition
    known = with_incidents(document(reading(1)), [alert(1)], now=START)
    assert judged(known, health("stage detect"), [WORKER])["state"] == "critical"


def test_silence_holds_until_something_is_measured() -> None:
    silent = msgspec.structs.replace(
        reading(1, monitor="health", state="unknown"), note="no reading for 300 s"
    )
    now = judged(document(reading(1), silent), None, [WORKER])
    assert (now["state"], now["why"]) == ("unknown", "no reading for 300 s")
    again = judged(document(reading(1), silent, reading(2)), None, [WORKER])
    assert (again["state"], again["why"]) == ("ok", None)
